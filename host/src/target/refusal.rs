//! The demo target's refusals, and the answers that they become.

use axum::Json;
use axum::extract::rejection::{FormRejection, JsonRejection, PathRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Why a request was not done.
#[derive(Debug)]
pub(super) enum Refusal {
    NotAuthenticated,
    WrongCredentials,
    EmailTaken,
    NoSuchCity,
    /// By [`Options::error_rate`](super::Options::error_rate).
    Injected,
    /// The request does not say what it should; with what is wrong with it.
    Malformed(StatusCode, String),
}

impl Refusal {
    /// A request that can be read but not accepted; the detail is for people.
    pub(super) fn malformed(detail: String) -> Self {
        Self::Malformed(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// What axum could not read counts as malformed, whichever status axum would give it, unless it was too large to
    /// read.
    fn unreadable(status: StatusCode, detail: String) -> Self {
        if status == StatusCode::PAYLOAD_TOO_LARGE { Self::Malformed(status, detail) } else { Self::malformed(detail) }
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self::unreadable(rejection.status(), rejection.body_text())
    }
}

impl From<FormRejection> for Refusal {
    fn from(rejection: FormRejection) -> Self {
        Self::unreadable(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Self::unreadable(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Problem<'a> {
            detail: &'a str,
        }
        let answer = |status: StatusCode, detail: &str| (status, Json(Problem { detail })).into_response();
        let challenge = |detail| {
            let mut response = answer(StatusCode::UNAUTHORIZED, detail);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        };
        match self {
            Self::NotAuthenticated => challenge("not authenticated"),
            Self::WrongCredentials => challenge("wrong username or password"),
            Self::EmailTaken => answer(StatusCode::CONFLICT, "email already registered"),
            Self::NoSuchCity => answer(StatusCode::NOT_FOUND, "no such city"),
            Self::Injected => answer(StatusCode::SERVICE_UNAVAILABLE, "injected fault"),
            Self::Malformed(status, detail) => answer(status, &detail),
        }
    }
}
