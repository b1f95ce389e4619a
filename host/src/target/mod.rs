//! The demo target: a web application to try a scenario against, without a server of one's own.
//!
//! People register, fetch a token, add cities and read them back. [`Options`] makes it slow, failing or wrong: with
//! [`Bug::SharedUser`] it has the fault that a load test finds and a test of one request at a time never does.
//!
//! | request | answers |
//! | --- | --- |
//! | `GET /` | 200, a text that says what this is |
//! | `POST /auth/register`, JSON `email`, `password` | 201 `{"data":{"id","email"}}`; 409 for a taken address |
//! | `POST /auth/token`, form `username`, `password` | 200 `{"access_token","token_type":"bearer"}`; 401 |
//! | `POST /cities`, bearer token, JSON `name` | 201 `{"data":{"id","name"}}`; 401 |
//! | `GET /cities/{id}`, bearer token | 200 `{"data":{"id","name"}}`; 401; 404 unless it is one's own |
//!
//! What is malformed is answered 422, and every refusal has the body `{"detail"}`. All is kept in memory: the newest
//! 1,000,000 accounts and as many cities, where the oldest makes room for the next; a token holds as long as its
//! account.
//!
//! The application stands beside the load generator, not in it: it knows no other module. It is meant for a
//! current-thread runtime on a core of its own, so a request costs it no more than two short, uncontended locks.

mod refusal;
mod store;

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::rejection::{FormRejection, JsonRejection, PathRejection};
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Form, Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use refusal::Refusal;
use store::{Store, UserId};

/// How many accounts, and how many cities, are held at the most: some 250 MB in all, with texts of a usual length.
const CAPACITY: usize = 1_000_000;

/// The longest e-mail address, password or city name, in bytes; it bounds what a held account or city can cost.
const MAX_TEXT_BYTES: usize = 256;

/// How long [`Bug::SharedUser`] waits between checking who asks and using the answer, as an application waits for its
/// database there.
const DATABASE_TIME: Duration = Duration::from_millis(1);

const WELCOME: &str = "wasmload demo target: an application to try a scenario against.\n\
    POST /auth/register, POST /auth/token, POST /cities, GET /cities/{id}\n";

/// How the demo target behaves. By default it is fast and right.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Options {
    /// Added to every answer; rounded up to whole milliseconds. Default: none.
    pub latency: Duration,
    /// The share of requests, from 0 to 1 and drawn at random, that is answered 503 and has no effect. What lies
    /// outside counts as the nearer bound, what is not a number as 0. Default: 0.
    pub error_rate: f64,
    /// A fault to find. Default: none.
    pub bug: Option<Bug>,
}

/// A fault that the application can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Who makes the current request is kept in one place for all requests. Another client's request that arrives while
    /// this one waits overwrites it: a city is then stored under a wrong owner, whose real one gets 404 when reading it
    /// back. One client alone never sees it.
    SharedUser,
}

/// Answers requests on `listener` until `shutdown` completes, then finishes those under way.
///
/// The listener is best bound to a loopback address: the application is a demonstration and defends itself against
/// nothing but growth of its memory.
///
/// # Errors
/// Where the listener fails in a way that accepting again doesn't mend.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    // Without it an answer in two segments can wait 40 ms for the client's delayed acknowledgement. A connection that
    // can't have it is served all the same.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router(options)).with_graceful_shutdown(shutdown).await
}

/// The application with a store of its own, for a server that the caller runs.
///
/// It sleeps on tokio's clock where the options ask for a latency or a bug, so it needs a runtime with time enabled.
pub fn router(options: Options) -> Router {
    let Options { latency, error_rate, bug } = options;
    let routes = Router::new()
        .route("/", get(WELCOME))
        .route("/auth/register", post(register))
        .route("/auth/token", post(token))
        .route("/cities", post(add_city))
        .route("/cities/{id}", get(read_city))
        .with_state(Arc::new(App::new(bug)));
    // A layer costs each request some allocations, so it's there only where it does something.
    let faulty = !latency.is_zero() || error_rate > 0.0;
    if !faulty {
        return routes;
    }
    let faults = Faults { latency, error_rate, draws: RandomState::new(), requests: AtomicU64::new(0) };
    routes.layer(middleware::from_fn_with_state(Arc::new(faults), inject_faults))
}

/// What makes a right answer late or replaces it.
struct Faults {
    latency: Duration,
    error_rate: f64,
    draws: RandomState,
    requests: AtomicU64,
}

impl Faults {
    /// Draws whether the next request fails.
    fn strikes(&self) -> bool {
        // A keyed hash of a counter is as good as a random stream here, and needs neither a lock nor a crate. Its upper
        // 53 bits are a fraction below 1 that `f64` holds exactly, so that the rates 0 and 1 are exact as well.
        let draw = self.draws.hash_one(self.requests.fetch_add(1, Ordering::Relaxed)) >> 11;
        (draw as f64 / (1_u64 << 53) as f64) < self.error_rate
    }
}

async fn inject_faults(State(faults): State<Arc<Faults>>, request: Request, next: Next) -> Response {
    if !faults.latency.is_zero() {
        tokio::time::sleep(faults.latency).await;
    }
    if faults.strikes() { Refusal::Injected.into_response() } else { next.run(request).await }
}

/// The application's state, shared by all requests.
struct App {
    store: Mutex<Store>,
    /// Signs tokens; keyed by the operating system's randomness, afresh for each application.
    signer: RandomState,
    bug: Option<Bug>,
    /// The slot behind [`Bug::SharedUser`]: who asked last.
    current_user: AtomicU64,
}

impl App {
    fn new(bug: Option<Bug>) -> Self {
        let store = Mutex::new(Store::new(CAPACITY));
        Self { store, signer: RandomState::new(), bug, current_user: AtomicU64::new(0) }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account's number with a 128-bit keyed hash behind it: nothing to keep for each token, and nothing to guess.
    fn issue_token(&self, user: UserId) -> String {
        let sign = |half: u8| self.signer.hash_one((user, half));
        format!("{:x}.{:016x}{:016x}", user.0, sign(0), sign(1))
    }

    /// The account that the token was issued to, while it is there.
    fn verify_token(&self, token: &str) -> Option<UserId> {
        let (number, _) = token.split_once('.')?;
        let user = UserId(u64::from_str_radix(number, 16).ok()?);
        (self.issue_token(user) == token && self.store().has_user(user)).then_some(user)
    }

    /// Whom to act for, of a request by `authenticated`: the same account, unless the bug is on.
    async fn acting_user(&self, Authenticated(authenticated): Authenticated) -> UserId {
        match self.bug {
            None => authenticated,
            Some(Bug::SharedUser) => {
                tokio::time::sleep(DATABASE_TIME).await;
                UserId(self.current_user.load(Ordering::Relaxed))
            }
        }
    }
}

/// The account behind a request's bearer token.
struct Authenticated(UserId);

impl FromRequestParts<Arc<App>> for Authenticated {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, token) = header.and_then(|value| value.split_once(' ')).ok_or(Refusal::NotAuthenticated)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::NotAuthenticated);
        }
        let user = app.verify_token(token.trim()).ok_or(Refusal::NotAuthenticated)?;
        app.current_user.store(user.0, Ordering::Relaxed);
        Ok(Self(user))
    }
}

#[derive(Deserialize)]
struct Registration {
    email: String,
    password: String,
}

/// Named as OAuth 2.0's password grant names them (RFC 6749, section 4.3.2).
#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Deserialize)]
struct NewCity {
    name: String,
}

/// The envelope around every answer but a token.
#[derive(Serialize)]
struct Data<T> {
    data: T,
}

#[derive(Serialize)]
struct Account {
    id: u64,
    email: String,
}

#[derive(Serialize)]
struct Token {
    access_token: String,
    token_type: &'static str,
}

#[derive(Serialize)]
struct City {
    id: u64,
    name: String,
}

async fn register(
    State(app): State<Arc<App>>,
    body: Result<Json<Registration>, JsonRejection>,
) -> Result<(StatusCode, Json<Data<Account>>), Refusal> {
    let Json(Registration { email, password }) = body?;
    check_email(&email)?;
    check_text("password", &password)?;
    let UserId(id) = app.store().register(&email, password).ok_or(Refusal::EmailTaken)?;
    Ok((StatusCode::CREATED, Json(Data { data: Account { id, email } })))
}

async fn token(
    State(app): State<Arc<App>>,
    body: Result<Form<Credentials>, FormRejection>,
) -> Result<Json<Token>, Refusal> {
    let Form(Credentials { username, password }) = body?;
    let user = app.store().log_in(&username, &password).ok_or(Refusal::WrongCredentials)?;
    Ok(Json(Token { access_token: app.issue_token(user), token_type: "bearer" }))
}

async fn add_city(
    State(app): State<Arc<App>>,
    caller: Authenticated,
    body: Result<Json<NewCity>, JsonRejection>,
) -> Result<(StatusCode, Json<Data<City>>), Refusal> {
    let Json(NewCity { name }) = body?;
    check_text("name", &name)?;
    let owner = app.acting_user(caller).await;
    let id = app.store().add_city(owner, &name);
    Ok((StatusCode::CREATED, Json(Data { data: City { id, name } })))
}

async fn read_city(
    State(app): State<Arc<App>>,
    caller: Authenticated,
    id: Result<Path<u64>, PathRejection>,
) -> Result<Json<Data<City>>, Refusal> {
    let Path(id) = id?;
    let user = app.acting_user(caller).await;
    let name = app.store().city(user, id).ok_or(Refusal::NoSuchCity)?.to_owned();
    Ok(Json(Data { data: City { id, name } }))
}

/// Accepts what has something on both sides of an `@`: the application sends no mail, so it needs to know no more.
fn check_email(email: &str) -> Result<(), Refusal> {
    check_text("email", email)?;
    match email.rsplit_once('@') {
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() => Ok(()),
        _ => Err(Refusal::malformed("email is not an e-mail address".to_owned())),
    }
}

fn check_text(field: &str, text: &str) -> Result<(), Refusal> {
    match text.len() {
        1..=MAX_TEXT_BYTES => Ok(()),
        _ => Err(Refusal::malformed(format!("{field} is not 1 to {MAX_TEXT_BYTES} bytes long"))),
    }
}

#[cfg(test)]
mod tests;
