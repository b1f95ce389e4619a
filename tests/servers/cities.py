"""The application of a well-known Locust tutorial: people register, log in, add cities and read them back.

    uvicorn cities:app --port 8000

With CITIES_BUG=shared-user in the environment it keeps the user of the current request in one global. That is right as
long as requests come one after another; when two overlap, the later one's user is taken for both, and a city is stored
for somebody who did not add it.
"""

import asyncio
import itertools
import os
import secrets
from dataclasses import dataclass, field
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, FastAPI, HTTPException, status
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from pydantic import BaseModel, Field

# How long the application waits for its database, in seconds: long enough for another request to come in between.
DATABASE_TIME = 0.002

BUG = os.environ.get("CITIES_BUG", "")
if BUG not in ("", "shared-user"):
    raise SystemExit(f"CITIES_BUG: unknown bug {BUG!r}; try shared-user, or leave it unset")

Item = TypeVar("Item")


class Data(BaseModel, Generic[Item]):
    """The envelope around every answer but a token."""

    data: Item


class Registration(BaseModel):
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=256)
    password: str = Field(min_length=1, max_length=256)


class Account(BaseModel):
    id: int
    email: str


class Token(BaseModel):
    access_token: str
    token_type: str = "bearer"


class NewCity(BaseModel):
    name: str = Field(min_length=1, max_length=256)


class City(BaseModel):
    id: int
    name: str


@dataclass
class User:
    id: int
    email: str
    password: str
    cities: dict[int, City] = field(default_factory=dict)


app = FastAPI(title="Cities")

user_ids = itertools.count(1)
city_ids = itertools.count(1)
users_by_email: dict[str, User] = {}
users_by_token: dict[str, User] = {}

# Who makes the current request. Only the bug reads it.
current_user: User | None = None

bearer_token = OAuth2PasswordBearer(tokenUrl="/auth/token")


async def authenticated_user(token: Annotated[str, Depends(bearer_token)]) -> User:
    global current_user
    user = users_by_token.get(token)
    if user is None:
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED, "not authenticated", headers={"WWW-Authenticate": "Bearer"}
        )
    current_user = user
    return user


AuthenticatedUser = Annotated[User, Depends(authenticated_user)]


async def load_user(user: User) -> User:
    """The user to act for, as the database has it."""
    await asyncio.sleep(DATABASE_TIME)
    if BUG == "shared-user" and current_user is not None:
        return current_user
    return user


@app.get("/")
async def index() -> dict[str, str]:
    return {"about": "an application to try a scenario against"}


@app.post("/auth/register", status_code=status.HTTP_201_CREATED)
async def register(registration: Registration) -> Data[Account]:
    if registration.email in users_by_email:
        raise HTTPException(status.HTTP_409_CONFLICT, "email already registered")
    user = User(next(user_ids), registration.email, registration.password)
    users_by_email[user.email] = user
    return Data(data=Account(id=user.id, email=user.email))


@app.post("/auth/token")
async def token(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Token:
    user = users_by_email.get(form.username)
    if user is None or not secrets.compare_digest(user.password.encode(), form.password.encode()):
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED, "wrong username or password", headers={"WWW-Authenticate": "Bearer"}
        )
    access_token = secrets.token_urlsafe(24)
    users_by_token[access_token] = user
    return Token(access_token=access_token)


@app.post("/cities", status_code=status.HTTP_201_CREATED)
async def add_city(new: NewCity, user: AuthenticatedUser) -> Data[City]:
    owner = await load_user(user)
    city = City(id=next(city_ids), name=new.name)
    owner.cities[city.id] = city
    return Data(data=city)


@app.get("/cities/{city_id}")
async def read_city(city_id: int, user: AuthenticatedUser) -> Data[City]:
    owner = await load_user(user)
    city = owner.cities.get(city_id)
    if city is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "no such city")
    return Data(data=city)
