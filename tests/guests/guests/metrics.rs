//! One of each thing that a scenario measures itself, in each iteration.

use std::time::Duration;

use wasmload_sdk::prelude::*;

struct Meter {
    /// Left open when its iteration ends, on purpose.
    open: Option<Transaction>,
}

impl Scenario for Meter {
    fn start(_setup_data: &str) -> Outcome<Self> {
        Ok(Self { open: None })
    }

    fn iteration(&mut self) -> Outcome {
        let iteration = identify().iteration;
        check("always", true);
        check("first iteration only", iteration == 0);
        add_counter("items", 2.5);
        set_gauge("queue", f64::from(iteration));
        add_rate("hits", iteration.is_multiple_of(2));
        add_trend("price", f64::from(iteration) * 10.0);
        Event::new("SQL", "select city", Duration::from_millis(12)).size(512).record();
        Event::new("SQL", "insert city", Duration::from_millis(30)).failed("deadlock").record();
        self.transactions();
        Ok(())
    }
}

impl Meter {
    fn transactions(&mut self) {
        let ended = Transaction::start("ended");
        get("/").send();
        ended.end();
        Transaction::start("failed").fail("out of stock");
        drop(Transaction::start("dropped"));
        self.open = Some(Transaction::start("left open"));
    }
}

scenario!(Meter);
