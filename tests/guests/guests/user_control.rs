//! What a virtual user does to itself and to its run. `--var case=` chooses; each iteration asks for `/` first.

use wasmload_sdk::prelude::*;
use wasmload_sdk::user;

fn play() -> Outcome {
    get("/").send().expect_status(200)?;
    let me = identify();
    match guests::case()?.as_str() {
        "identify" => info!("id {}, iteration {}, scenario {}", me.id, me.iteration, me.scenario),
        "stop-user" => {
            if me.id == guests::number("user", 1)? {
                user::stop_user();
            }
        }
        "stop-test" => {
            if me.iteration == guests::number("at", 0)? {
                user::stop_test("the disk is full");
            }
        }
        "variables" => info!("present {:?}, absent {:?}", variable("present"), variable("absent")),
        "secret" => info!("the secret is {}", secret("key").or_fail("give the secret with --secret key=...")?),
        "secret-in-a-reason" => fail!("refused: {}", secret("key").or_fail("give the secret with --secret key=...")?),
        "log" => log_at_each_level(),
        "mark-failure" => {
            user::mark_failure("half of it failed");
            user::mark_failure("and the other half");
            get("/after").send();
        }
        other => return guests::unknown_case(other),
    }
    Ok(())
}

fn log_at_each_level() {
    trace!("a line at trace");
    debug!("a line at debug");
    info!("a line at info");
    warn!("a line at warn");
    error!("a line at error\nand a second line");
}

iteration!(play);
