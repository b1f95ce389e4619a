//! Bodies over HTTP/2: large ones both ways, none at all, and encoded ones. The guest compares them byte by byte.

use std::fs;

use serde_json::Value;

use super::assert_went_well;
use crate::support::figures::{count, request};
use crate::support::nginx::{Line, Nginx, by_status};
use crate::support::program::Wasmload;

/// What the guest expects in `/large` and `/text`.
const LARGE: usize = 5 << 20;
const LINE: &str = "all work and no play makes a dull test\n";
const LINES: usize = 1000;

/// Plays a case twice with each of two virtual users.
#[track_caller]
fn play(case: &str) -> (Value, Vec<Line>) {
    let nginx = Nginx::secure(
        "root .;
         client_max_body_size 2m;
         location / { gzip on; gzip_types text/plain; default_type text/plain; }
         location = /large { default_type application/octet-stream; }
         location /files/ { dav_methods PUT; }",
    );
    let large: Vec<u8> = (0_u32..).flat_map(u32::to_be_bytes).take(LARGE).collect();
    fs::write(nginx.directory().join("large"), large).expect("nginx's directory can be written to");
    fs::write(nginx.directory().join("text"), LINE.repeat(LINES)).expect("nginx's directory can be written to");
    fs::create_dir(nginx.directory().join("files")).expect("nginx's directory can be written to");
    let program = Wasmload::run("transfers").against_nginx(&nginx).with("-q -u 2 --iterations-per-user 2");
    let summary = program.arg("--var").arg(format!("case={case}")).output().expect(0).summary();
    assert_went_well(&summary);
    assert_eq!(count(&summary, "/total/connections/opened"), 2, "{case}");
    (summary, nginx.into_log())
}

#[test]
fn large_bodies_arrive_both_ways() {
    const SIZE: u64 = 1 << 20;
    let (summary, log) = play("upload");
    assert_eq!(by_status(&log).into_iter().collect::<Vec<_>>(), [(200, 4), (201, 4)]);
    for line in log.iter().filter(|line| line.status == 201) {
        assert!(line.bytes_read > SIZE, "{line:?}");
    }
    // Frames add nine bytes to each 8 KiB.
    let share = SIZE / 500;
    for (method, field) in [("PUT", "bytes_sent"), ("GET", "bytes_received")] {
        let bytes = count(request(&summary, method, "/files/{name}"), &format!("/{field}"));
        assert!((4 * SIZE..4 * (SIZE + share)).contains(&bytes), "{method}: {bytes}");
    }
}

#[test]
fn a_body_larger_than_every_window_arrives() {
    let (_, log) = play("download");
    assert!(log.iter().all(|line| line.status == 200 && line.bytes_sent > LARGE as u64), "{log:?}");
}

#[test]
fn large_bodies_arrive_side_by_side() {
    let (summary, log) = play("downloads");
    assert_eq!(log.len(), 2 * 2 * 6);
    assert!(count(&summary, "/total/bytes_received") > (log.len() * LARGE) as u64);
}

#[test]
fn a_head_has_a_length_and_no_body() {
    let (summary, log) = play("head");
    assert!(log.iter().all(|line| line.request == "HEAD /large HTTP/2.0" && line.status == 200), "{log:?}");
    assert!(count(&summary, "/total/bytes_received") < LARGE as u64);
}

#[test]
fn what_is_not_modified_has_no_body() {
    let (_, log) = play("not-modified");
    assert_eq!(by_status(&log).into_iter().collect::<Vec<_>>(), [(200, 4), (304, 4)]);
}

#[test]
fn an_encoded_body_is_decoded_and_counted_as_it_crossed_the_wire() {
    let (summary, log) = play("text");
    assert_eq!(log.len(), 4);
    assert!(count(&summary, "/total/bytes_received") < (LINE.len() * LINES) as u64);
}
