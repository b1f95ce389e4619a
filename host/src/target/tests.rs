//! The application over `tower::Service`, on a paused clock; and once over a socket.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tower::ServiceExt;

use super::{Bug, Options, router, serve};

type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn right() -> Router {
    router(Options::default())
}

fn wrong() -> Router {
    router(Options { bug: Some(Bug::SharedUser), ..Options::default() })
}

async fn send(app: &Router, request: Request<Body>) -> TestResult<(StatusCode, Value)> {
    let response = app.clone().oneshot(request).await?;
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await?;
    Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

fn post_json(path: &str, token: &str, body: &str) -> TestResult<Request<Body>> {
    Ok(Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::from(body.to_owned()))?)
}

async fn register(app: &Router, email: &str) -> TestResult<StatusCode> {
    let body = json!({"email": email, "password": "secret"}).to_string();
    Ok(send(app, post_json("/auth/register", "", &body)?).await?.0)
}

async fn fetch_token(app: &Router, form: &str) -> TestResult<(StatusCode, Value)> {
    let request = Request::post("/auth/token")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))?;
    send(app, request).await
}

/// Registers `NAME@example.org` and returns its token.
async fn log_in(app: &Router, name: &str) -> TestResult<String> {
    register(app, &format!("{name}@example.org")).await?;
    let (_, answer) = fetch_token(app, &format!("username={name}%40example.org&password=secret")).await?;
    Ok(answer["access_token"].as_str().ok_or("no token")?.to_owned())
}

async fn add_city(app: &Router, token: &str, name: &str) -> TestResult<(StatusCode, Value)> {
    send(app, post_json("/cities", token, &json!({"name": name}).to_string())?).await
}

async fn read_city(app: &Router, token: &str, id: &str) -> TestResult<(StatusCode, Value)> {
    let request = Request::get(format!("/cities/{id}")).header(header::AUTHORIZATION, format!("bearer {token}"));
    send(app, request.body(Body::empty())?).await
}

/// Adds a city and reads it back; the status of the reading.
async fn round_trip(app: &Router, token: &str, name: &str) -> TestResult<StatusCode> {
    let (_, added) = add_city(app, token, name).await?;
    Ok(read_city(app, token, &added["data"]["id"].to_string()).await?.0)
}

#[tokio::test]
async fn a_city_is_read_back_as_it_was_added() -> TestResult {
    let app = right();
    let token = log_in(&app, "ada").await?;
    let (status, added) = add_city(&app, &token, "São Paulo").await?;
    assert_eq!((status, &added), (StatusCode::CREATED, &json!({"data": {"id": 1, "name": "São Paulo"}})));
    assert_eq!(read_city(&app, &token, "1").await?, (StatusCode::OK, added));
    Ok(())
}

#[tokio::test]
async fn a_city_of_somebody_else_is_not_found() -> TestResult {
    let app = right();
    let (ada, bob) = (log_in(&app, "ada").await?, log_in(&app, "bob").await?);
    add_city(&app, &ada, "Oslo").await?;
    assert_eq!(read_city(&app, &bob, "1").await?.0, StatusCode::NOT_FOUND);
    assert_eq!(read_city(&app, &ada, "2").await?.0, StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn registration_tells_new_taken_and_malformed_apart() -> TestResult {
    let app = right();
    assert_eq!(register(&app, "ada@example.org").await?, StatusCode::CREATED);
    assert_eq!(register(&app, "ada@example.org").await?, StatusCode::CONFLICT);
    let long = format!(r#"{{"email":"{}@x","password":"p"}}"#, "a".repeat(256));
    for body in ["", "{", "[]", r#"{"email":"a@b"}"#, r#"{"email":"a@b","password":""}"#, &long] {
        let (status, answer) = send(&app, post_json("/auth/register", "", body)?).await?;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(answer["detail"].is_string(), "{body}: {answer}");
    }
    for email in ["ada", "@example.org", "ada@"] {
        assert_eq!(register(&app, email).await?, StatusCode::UNPROCESSABLE_ENTITY, "{email}");
    }
    Ok(())
}

#[tokio::test]
async fn a_token_wants_the_right_password() -> TestResult {
    let app = right();
    register(&app, "ada@example.org").await?;
    let (status, answer) = fetch_token(&app, "username=ada%40example.org&password=secret").await?;
    assert_eq!((status, &answer["token_type"]), (StatusCode::OK, &json!("bearer")));
    assert_eq!(fetch_token(&app, "username=ada%40example.org&password=x").await?.0, StatusCode::UNAUTHORIZED);
    assert_eq!(fetch_token(&app, "username=bob%40example.org&password=x").await?.0, StatusCode::UNAUTHORIZED);
    assert_eq!(fetch_token(&app, "username=ada%40example.org").await?.0, StatusCode::UNPROCESSABLE_ENTITY);
    Ok(())
}

#[tokio::test]
async fn a_request_without_a_good_token_is_refused_and_challenged() -> TestResult {
    let app = right();
    let token = log_in(&app, "ada").await?;
    let (number, signature) = token.split_once('.').ok_or("a token has two parts")?;
    let of_another_server = log_in(&right(), "ada").await?;
    for forged in ["", number, &format!("2.{signature}"), &format!("{token}0"), &of_another_server] {
        assert_eq!(add_city(&app, forged, "Oslo").await?.0, StatusCode::UNAUTHORIZED, "{forged}");
    }
    let response = app.clone().oneshot(Request::get("/cities/1").body(Body::empty())?).await?;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    Ok(())
}

#[tokio::test]
async fn malformed_cities_and_ids_are_unprocessable() -> TestResult {
    let app = right();
    let token = log_in(&app, "ada").await?;
    assert_eq!(add_city(&app, &token, "").await?.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(read_city(&app, &token, "oslo").await?.0, StatusCode::UNPROCESSABLE_ENTITY);
    let huge = post_json("/cities", &token, &"x".repeat(3 << 20))?;
    assert_eq!(send(&app, huge).await?.0, StatusCode::PAYLOAD_TOO_LARGE);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_bug_hides_from_a_single_client() -> TestResult {
    let app = wrong();
    let (ada, bob) = (log_in(&app, "ada").await?, log_in(&app, "bob").await?);
    for round in 0..20 {
        // Two accounts, yet never two requests at one time.
        for token in [&ada, &bob] {
            assert_eq!(round_trip(&app, token, "Oslo").await?, StatusCode::OK, "round {round}");
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_bug_gives_a_city_to_whoever_asked_last() -> TestResult {
    let app = wrong();
    let (ada, bob) = (log_in(&app, "ada").await?, log_in(&app, "bob").await?);
    let (of_ada, of_bob) = tokio::join!(add_city(&app, &ada, "Oslo"), add_city(&app, &bob, "Rome"));
    let (oslo, rome) = (of_ada?.1["data"]["id"].to_string(), of_bob?.1["data"]["id"].to_string());
    assert_eq!(read_city(&app, &ada, &oslo).await?.0, StatusCode::NOT_FOUND);
    assert_eq!(read_city(&app, &bob, &oslo).await?.1["data"]["name"], "Oslo");
    assert_eq!(read_city(&app, &bob, &rome).await?.1["data"]["name"], "Rome");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn without_the_bug_clients_do_not_disturb_each_other() -> TestResult {
    let app = router(Options { latency: Duration::from_millis(1), ..Options::default() });
    let (ada, bob) = (log_in(&app, "ada").await?, log_in(&app, "bob").await?);
    for _ in 0..20 {
        let (of_ada, of_bob) = tokio::join!(round_trip(&app, &ada, "Oslo"), round_trip(&app, &bob, "Rome"));
        assert_eq!((of_ada?, of_bob?), (StatusCode::OK, StatusCode::OK));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn latency_is_added_to_every_answer() -> TestResult {
    let latency = Duration::from_millis(250);
    let app = router(Options { latency, ..Options::default() });
    for path in ["/", "/cities/1", "/nowhere"] {
        let start = Instant::now();
        app.clone().oneshot(Request::get(path).body(Body::empty())?).await?;
        let waited = start.elapsed();
        // The timer's resolution is a millisecond, upwards.
        assert!(waited >= latency && waited <= latency + Duration::from_millis(2), "{path}: {waited:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_error_rate_is_the_share_of_503() -> TestResult {
    async fn failures(error_rate: f64) -> TestResult<usize> {
        let app = router(Options { error_rate, ..Options::default() });
        let mut failures = 0;
        for _ in 0..10_000 {
            let status = app.clone().oneshot(Request::get("/").body(Body::empty())?).await?.status();
            failures += usize::from(status == StatusCode::SERVICE_UNAVAILABLE);
        }
        Ok(failures)
    }
    for never in [0.0, -1.0, f64::NAN] {
        assert_eq!(failures(never).await?, 0, "{never}");
    }
    for always in [1.0, 2.0, f64::INFINITY] {
        assert_eq!(failures(always).await?, 10_000, "{always}");
    }
    // Ten standard deviations of 43 each way: chance alone fails it less than once in 10^22 times.
    let some = failures(0.25).await?;
    assert!((2_070..=2_930).contains(&some), "{some}");
    Ok(())
}

#[tokio::test]
async fn it_is_served_over_a_socket_until_the_shutdown() -> TestResult {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, Options::default(), async move { drop(stopped.await) }));
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: demo\r\n\r\n").await?;
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("demo target"), "{answer}");
    // The connection is still open: the shutdown must end it, and the server with it.
    stop.send(()).map_err(|()| "the server is gone")?;
    assert_eq!(stream.read(&mut [0; 1]).await?, 0);
    server.await??;
    Ok(())
}
