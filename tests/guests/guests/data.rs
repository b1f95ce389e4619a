//! Logs the next row of the data `--var data=NAME` (default `rows`), asks for it, and stops where there are no more.

use wasmload_sdk::prelude::*;
use wasmload_sdk::user;

fn next() -> Outcome {
    let data = variable("data").unwrap_or_else(|| "rows".to_owned());
    let Some(row) = next_row(&data) else {
        info!("no row left of {}", row_count(&data));
        user::stop_user();
        return Ok(());
    };
    info!("row: {:?}", row.columns());
    get("/row").query(&[("id", row.get("id")?)]).send().expect_status(200)
}

iteration!(next);
