//! Signs up, then adds cities and reads each back: does everyone get the city that they added?
//!
//! Build: cargo build --release --target wasm32-wasip2 --manifest-path examples/Cargo.toml --package cities
//! Run:   wasmload run examples/target/wasm32-wasip2/release/cities.wasm -u 20 -t 30s -H http://127.0.0.1:8000

use wasmload_sdk::prelude::*;

/// Someone with an account.
struct Member {
    token: String,
}

impl Scenario for Member {
    fn start(_setup_data: &str) -> Outcome<Self> {
        let email = unique("member") + "@example.com";
        let password = unique("password");
        let account = object! { "email": email, "password": password };
        post("/auth/register").json(&account).send().expect_status(201)?;

        let login = post("/auth/token").form(&[("username", &email), ("password", &password)]).send();
        login.expect_status(200)?;
        Ok(Self { token: login.expect_json("/access_token")? })
    }

    fn iteration(&mut self) -> Outcome {
        let name = unique("city");
        let added = post("/cities").bearer(&self.token).json(&object! { "name": name }).send();
        added.expect_status(201)?;
        let id = added.expect_json("/data/id")?;

        let read = get(&format!("/cities/{id}")).name("/cities/{id}").bearer(&self.token).send();
        read.expect(read.status() != 404, "the city added is not there for its owner")?;
        read.expect_status(200)?;
        let same = read.expect_json("/data/name")? == name;
        read.expect(same, "city read back differs from the one added: another name")
    }
}

scenario!(Member);
