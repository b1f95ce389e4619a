//! Bodies on their way from and to a server that keeps files: large ones, none, and encoded ones. `--var case=` chooses;
//! a failure says what the guest saw instead of what it should have.

use wasmload_sdk::prelude::*;

/// What is sent and fetched again, in bytes.
const UPLOADED: usize = 1 << 20;

/// How large the server's file `/large` is, in bytes.
const LARGE: u32 = 5 << 20;

/// The server's file `/text`.
const LINE: &str = "all work and no play makes a dull test\n";
const LINES: usize = 1000;

fn play() -> Outcome {
    match guests::case()?.as_str() {
        "upload" => upload(),
        "download" => download(),
        "downloads" => batch((0..6).map(|_| get("/large").discard_body())).iter().try_for_each(expect_large),
        "head" => head_of_large(),
        "not-modified" => not_modified(),
        "text" => text(),
        other => guests::unknown_case(other),
    }
}

/// Each place has a value of its own for a long stretch, so that nothing can be lost, doubled or out of order.
fn pattern(length: usize) -> Vec<u8> {
    (0_u32..).flat_map(u32::to_be_bytes).take(length).collect()
}

fn upload() -> Outcome {
    let path = format!("/files/{}", unique("upload"));
    let sent = pattern(UPLOADED);
    put(&path).name("/files/{name}").bytes(sent.clone()).send().expect_status(201)?;
    let fetched = get(&path).name("/files/{name}").send();
    fetched.expect_status(200)?;
    fetched.expect(fetched.body() == sent, "what was fetched is not what was sent")
}

fn download() -> Outcome {
    let response = get("/large").send();
    expect_large(&response)?;
    response.expect(response.body() == pattern(LARGE as usize), "the body is not as the server has it")
}

fn expect_large(response: &Response) -> Outcome {
    response.expect_status(200)?;
    response.expect(response.body_size() == LARGE, "the body is not as long as the server's")
}

fn head_of_large() -> Outcome {
    let response = head("/large").send();
    response.expect_status(200)?;
    let length = response.header("content-length");
    response.expect(length == Some(LARGE.to_string()), "the length is not announced")?;
    response.expect(response.body_size() == 0, "there was a body")
}

fn not_modified() -> Outcome {
    let first = get("/large").discard_body().send();
    expect_large(&first)?;
    let tag = first.header("etag").or_fail("the file has no tag")?;
    let second = get("/large").header("if-none-match", &tag).send();
    second.expect_status(304)?;
    second.expect(second.body_size() == 0, "there was a body")
}

fn text() -> Outcome {
    let response = get("/text").send();
    response.expect_status(200)?;
    response.expect(response.header("content-encoding").as_deref() == Some("gzip"), "it came as it is")?;
    response.expect(response.text() == LINE.repeat(LINES), "the text is not as the server has it")
}

iteration!(play);
