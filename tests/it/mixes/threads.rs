//! More threads than a scenario has virtual users: each has its part of the load all the same.

use super::{SHARES, iterations, run};
use crate::support::figures::rows;

#[test]
fn arrivals_are_dealt_exactly_and_all_made_on_many_threads() {
    // No time ends these loads, so that even a slow machine makes all of them.
    for max_vus in ["", "--max-vus 20"] {
        let (asked, summary) = run(SHARES, &format!("--rate 20/s -i 40 --threads 16 {max_vus}"));
        let expected = [("/browse", 28), ("/buy", 4), ("/search", 8)].map(|(path, n)| (path.into(), n));
        assert_eq!(asked, expected.into(), "{max_vus}");
        assert_eq!(iterations(&summary), [("browse", 28), ("search", 8), ("buy", 4)], "{max_vus}");
        for row in rows(&summary, "iterations") {
            assert_eq!(row["dropped"], 0, "{max_vus}: {row:#}");
        }
    }
}

#[test]
fn one_virtual_user_makes_the_iterations_of_all_threads() {
    let plan = r#"
        [[scenario]]
        name = "rare"
        component = "guests/asks.wasm"
        rate = "2/s"
        max-vus = 1
        iterations = 4
        var = { url = "/rare" }
        [[scenario]]
        name = "beside"
        component = "guests/asks.wasm"
        rate = "20/s"
        iterations = 30
        var = { url = "/beside" }
    "#;
    let (asked, summary) = run(plan, "--threads 4");
    assert_eq!(asked, [("/beside", 30), ("/rare", 4)].map(|(path, n)| (path.into(), n)).into());
    assert_eq!(iterations(&summary), [("rare", 4), ("beside", 30)]);
    for row in rows(&summary, "iterations") {
        assert_eq!(row["dropped"], 0, "{row:#}");
    }
}
