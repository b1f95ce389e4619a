//! Makes the requests that the rows of `--data requests=FILE` describe, one an iteration, each once; then nothing.
//!
//! A row has `name`, and any of `method` (default GET), `url` (default /), `header` and `value`, `body`, `cookie` (set
//! before, as from the URL in `from`), and `redirects`. What the row leaves out or empty is as by default.

use wasmload_sdk::data::Row;
use wasmload_sdk::prelude::*;
use wasmload_sdk::user;

fn ask() -> Outcome {
    let Some(row) = next_row("requests") else { return Ok(()) };
    if let Some(cookie) = given(&row, "cookie") {
        user::set_cookie(given(&row, "from").unwrap_or("/"), cookie);
    }
    let method = given(&row, "method").unwrap_or("GET");
    let mut asked = request(method, given(&row, "url").unwrap_or("/")).name(row.get("name")?);
    if let Some(header) = given(&row, "header") {
        asked = asked.header(header, given(&row, "value").unwrap_or_default());
    }
    if let Some(body) = given(&row, "body") {
        asked = asked.body(body);
    }
    if let Some(redirects) = given(&row, "redirects") {
        asked = asked.max_redirects(redirects.parse()?);
    }
    asked.send();
    user::clear_cookies();
    Ok(())
}

fn given<'a>(row: &'a Row, column: &str) -> Option<&'a str> {
    row.get(column).ok().filter(|value| !value.is_empty())
}

iteration!(ask);
