//! Three weighted tasks with tags. `--var wait=` gives the pause: `constant:S`, `between:S:S` or `pacing:S` in seconds
//! (default: none); `--var sequential=yes` runs them in order.

use std::time::Duration;

use wasmload_sdk::prelude::*;

struct Visitor;

impl TaskScenario for Visitor {
    fn tasks() -> Vec<Task<Self>> {
        vec![
            Task::new("browse", |_| visit("/browse")).weight(70).tag("read"),
            Task::new("search", |_| visit("/search")).weight(20).tag("read").tag("slow"),
            Task::new("buy", |_| visit("/buy")).weight(10).tag("write"),
        ]
    }

    fn wait() -> Wait {
        let text = variable("wait").unwrap_or_default();
        let mut words = text.split(':');
        let kind = words.next().unwrap_or_default();
        let mut seconds =
            || Duration::from_secs_f64(words.next().and_then(|word| word.parse().ok()).unwrap_or_default());
        match kind {
            "" => Wait::None,
            "constant" => Wait::Constant(seconds()),
            "between" => Wait::Between(seconds(), seconds()),
            "pacing" => Wait::Pacing(seconds()),
            other => panic!("no wait named {other}"),
        }
    }

    fn sequential() -> bool {
        variable("sequential").as_deref() == Some("yes")
    }

    fn start(_setup_data: &str) -> Outcome<Self> {
        visit("/start")?;
        Ok(Self)
    }
}

fn visit(path: &str) -> Outcome {
    get(path).send().expect_status(200)
}

tasks!(Visitor);
