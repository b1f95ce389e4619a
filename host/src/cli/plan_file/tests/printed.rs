//! Plans and the schema as they are printed.

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::report::golden;

#[test]
fn a_printed_plan_is_golden_and_tells_no_secret() {
    let loaded = load_with(WHOLE, &[]).expect("it is in order");
    let text = print(&loaded).replace(&format!("{}/", folder().display()), "");
    assert!(!text.contains("hunter2"), "{text}");
    golden::check_in("cli/plan_file", "plan.toml", &text);
}

#[test]
fn a_password_of_a_proxy_is_not_printed() {
    let printed = |proxy: &str| print(&load_with(&above_one(&format!("proxy = '{proxy}'")), &[]).expect("in order"));
    assert!(printed("http://a.test:1").starts_with("proxy = \"http://a.test:1\"\n"));
    let hidden = printed("http://user:hunter2@a.test:1");
    assert!(hidden.starts_with("# proxy is set, and not printed\n") && !hidden.contains("hunter2"), "{hidden}");
}

#[test]
fn the_schema_is_the_published_one() {
    golden::check_in("cli/plan_file", "../../../../../docs/plan.schema.json", &schema());
}

#[test]
fn what_is_printed_reads_back_as_the_same_plan() {
    const TOP: [&str; 12] = [
        "host = 'http://a.test'",
        "quiet = true",
        "http1-only = false",
        "graceful-stop = 5",
        "max-memory = '32MiB'",
        "tls-min = '1.3'",
        "threshold = ['failure_rate: < 1%', 'response_time{name=\"a b\"}: p95 < 9ms']",
        "var = { x = '\"quotes\", \\ and é', 'sp ace' = \"line\\nend\\u007F\" }",
        "tags = ['a', 'b']",
        "resolve = 'a.test:80:127.0.0.1'",
        "max-redirects = 3",
        "connect-timeout = '1m30s'",
    ];
    const LOADS: [&str; 6] = [
        "users = 20",
        "users = 9\nspawn-rate = 0.5",
        "rate = '90/m'",
        "stages = ['9s:5', '0s:30']",
        "rate = 5\nstages = '9s:7/s'\narrivals = 'poisson'\nmax-vus = 8",
        "iterations = 50",
    ];
    const OWN: [&str; 7] = [
        "weight = 3",
        "start = '5s'",
        "task = 'buy'",
        "max-traps = 3",
        "secret = { a = 'env:PATH' }",
        "data = { d = 'd.csv:once' }",
        "tag = { t = '1' }",
    ];
    let mut random = ChaCha8Rng::seed_from_u64(2026);
    for _ in 0..30 {
        let mut some =
            |lines: &[&str]| lines.iter().filter(|_| random.random()).copied().collect::<Vec<_>>().join("\n");
        let (top, one, two_) = (some(&TOP), some(&OWN), some(&OWN[1..]));
        let load = LOADS.choose(&mut random).expect("there are some");
        let other = format!(
            "{two_}\n{}",
            if random.random() { LOADS.choose(&mut random).expect("there are some") } else { "" }
        );
        let text = two(&format!("seed = 1\nrun-time = 60\n{top}\n{load}"), &one, &other);
        let Ok(loaded) = load_with(&text, &[]) else {
            // So few virtual users that one scenario has none of them.
            assert!(refused(&text).contains("large enough to be shared by weight"), "{}", refused(&text));
            continue;
        };
        let printed = print(&loaded);
        let again = load_file(Path::new("plan.toml"), &printed, &given(&[]), Loads::Planned, None);
        let again = again.unwrap_or_else(|error| panic!("{printed}\n{error}"));
        assert_eq!(format!("{:?}", again.plan), format!("{:?}", loaded.plan), "{printed}");
        assert_eq!(format!("{:?}", again.output), format!("{:?}", loaded.output), "{printed}");
        assert_eq!(print(&again), printed);
    }
}
