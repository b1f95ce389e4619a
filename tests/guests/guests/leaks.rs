//! Puts its secret `key` wherever a scenario can put a text, as it is and in the codes that requests put it in.

use std::time::Duration;

use wasmload_sdk::prelude::*;
use wasmload_sdk::user;

struct Leaker {
    key: String,
}

impl Scenario for Leaker {
    fn setup() -> Outcome<String> {
        key()
    }

    fn start(setup_data: &str) -> Outcome<Self> {
        info!("setup returned {setup_data}");
        Ok(Self { key: setup_data.to_owned() })
    }

    fn iteration(&mut self) -> Outcome {
        println!("printed {}", self.key);
        eprintln!("printed as an error {}", self.key);
        self.send();
        self.measure();
        match identify().iteration {
            0 => fail!("returned {}", self.key),
            1 => user::mark_failure(&format!("marked {}", self.key)),
            2 => panic!("panicked {}", self.key),
            _ => user::stop_test(&format!("stopped {}", self.key)),
        }
        Ok(())
    }

    fn teardown(setup_data: &str) {
        error!("torn down {setup_data}");
    }
}

fn key() -> Outcome<String> {
    secret("key").or_fail("give the secret with --secret key=...")
}

impl Leaker {
    fn send(&self) {
        let key = self.key.as_str();
        user::set_cookie("/", &format!("session={}", percent_encoded(key)));
        let echoed = post("/echo").name(&format!("named {key}")).tag("shop", key).body(format!("body {key}")).send();
        info!("echoed {}, cookies {:?}", echoed.text(), user::cookies("/"));
        echoed.mark_failure(&format!("wrong {key}"));
        get("/basic").basic("user", key).send();
        get("/bearer").header("x-key", &percent_encoded(key)).send();
        get("/query").query(&[("key", key)]).send();
        get(&format!("/path/{}", percent_encoded(key))).send();
        post("/form").form(&[("key", key)]).send();
        post("/json").json(&object! { "key": key }).send();
        // None of these can be sent, and what is wrong with each is said in words.
        request(key, "/method").send();
        get("/header").header(key, "1").send();
        get(&format!("http://{key}/")).send();
        get(&format!("http://{}.example/", percent_encoded(key))).send();
        drop(batch([get("/batched").name(key), post("/batched").body(key)]));
    }

    fn measure(&self) {
        let key = self.key.as_str();
        check(key, false);
        add_counter(key, 1.0);
        set_gauge(key, 1.0);
        add_rate(key, true);
        add_trend(key, 1.0);
        Event::new(key, key, Duration::from_millis(1)).failed(key).record();
        Transaction::start(key).fail(key);
        drop(Transaction::start(key));
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

scenario!(Leaker);
