//! The file as others read it.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::*;
use crate::http::{Error, Outcome, Response};
use crate::report::golden;
use crate::trace::fixture;

const SMALL: HarLimits = HarLimits { vus: 2, entries: 100, body_bytes: 64, file_bytes: 1 << 20 };

/// A file of the test's own, gone when it ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        Scratch(std::env::temp_dir().join(format!("wasmload-{test}-{}.har", std::process::id())))
    }

    fn har(&self, limits: HarLimits) -> Har {
        Har::create(self.0.clone(), limits, fixture::secrets()).expect("the file can be written")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).expect("the file is there")
    }

    /// What it holds, once it is held to the specification.
    fn checked(&self) -> Value {
        let value = serde_json::from_str(&self.text()).expect("what is written is JSON");
        assert_eq!(specification::check(&value), Ok(()));
        value
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is harmless.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The rich set of hops as a file of these limits.
fn rich(test: &str, limits: HarLimits) -> (Value, HarCounts) {
    let scratch = Scratch::new(test);
    let har = scratch.har(limits);
    fixture::play(&har);
    let counts = har.finish().expect("the file can be written");
    (scratch.checked(), counts)
}

#[test]
fn rich_exchanges_are_as_they_were() {
    let (mut value, counts) = rich("golden", SMALL);
    assert_eq!(counts, HarCounts { kept: 11, ..HarCounts::default() });
    value["log"]["creator"]["version"] = "1.2.3".into();
    // So that nobody's editor obeys what a server sent.
    let text = format!("{value:#}\n").replace('\u{202e}', "\\u202e");
    golden::check_in("trace", "rich.har", &text);
}

#[test]
fn the_specification_refuses_what_it_does_not_allow() {
    let (value, _) = rich("refuses", SMALL);
    let spoil: [fn(&mut Value); 8] = [
        |log| log["version"] = "1.1".into(),
        |log| log["new"] = 1.into(),
        |log| log["entries"][0]["time"] = 1.into(),
        |log| log["entries"][2]["timings"]["connect"] = 0.15.into(),
        |log| log["entries"][0]["pageref"] = "vu_3".into(),
        |log| log["entries"][0]["startedDateTime"] = "yesterday".into(),
        |log| log["entries"][0]["request"]["url"] = "/relative".into(),
        |log| drop(log["entries"][0]["response"].as_object_mut().and_then(|response| response.remove("content"))),
    ];
    for (place, spoil) in spoil.into_iter().enumerate() {
        let mut value = value.clone();
        spoil(&mut value["log"]);
        assert!(specification::check(&value).is_err(), "{place}");
    }
}

#[test]
fn no_secret_is_in_the_file_whatever_is_cut() {
    for body_bytes in 0..80 {
        let (value, _) = rich("secrets", HarLimits { body_bytes, ..SMALL });
        assert!(!fixture::reveals(value.to_string().as_bytes()), "{body_bytes}");
        for entry in value["log"]["entries"].as_array().expect("entries") {
            for text in [&entry["response"]["content"]["text"], &entry["request"]["postData"]["text"]] {
                let bytes = text.as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
                assert!(!fixture::reveals(&bytes), "{body_bytes}");
            }
        }
    }
}

#[test]
fn what_runs_once_and_the_first_virtual_users_are_observed() {
    let scratch = Scratch::new("observed");
    let har = scratch.har(SMALL);
    assert_eq!([0, 1, 2, 3].map(|vu| har.observer(vu).is_some()), [true, true, true, false]);
}

#[test]
fn what_goes_over_the_limit_is_counted_and_told() {
    let (value, counts) = rich("limit", HarLimits { entries: 2, ..SMALL });
    assert_eq!(counts, HarCounts { kept: 2, left_out: 9, ..HarCounts::default() });
    assert_eq!(value["log"]["entries"].as_array().map(Vec::len), Some(2));
    assert_eq!(value["log"]["comment"], "exchanges left out: 9 over the limit on their number");
}

#[test]
fn what_the_queue_has_no_room_for_is_counted_and_told() {
    let scratch = Scratch::new("queue");
    let har = scratch.har(SMALL);
    let observer = har.observer(1).expect("the first is observed");
    let response = fixture::ok();
    let url = format!("http://h/{}", "x".repeat(usize::try_from(QUEUE_BYTES).expect("it fits")));
    observer.hop(&Hop { url: &url, ..fixture::hop(Outcome::Response(&response)) });
    observer.hop(&fixture::hop(Outcome::Response(&response)));
    let counts = har.finish().expect("the file can be written");
    assert_eq!(counts, HarCounts { kept: 1, left_out: 1, too_fast: 1, over_size: 0 });
    assert_eq!(scratch.checked()["log"]["comment"], "exchanges left out: 1 too fast to be written");
}

#[test]
fn many_threads_write_one_file() {
    let scratch = Scratch::new("threads");
    let har = scratch.har(HarLimits { vus: 4, entries: 100, ..SMALL });
    let response = fixture::ok();
    std::thread::scope(|scope| {
        for vu in 1..=4 {
            let observer = har.observer(vu).expect("the first four are observed");
            let response = &response;
            scope.spawn(move || (0..50).for_each(|_| observer.hop(&fixture::hop(Outcome::Response(response)))));
        }
    });
    let counts = har.finish().expect("the file can be written");
    assert_eq!(counts, HarCounts { kept: 100, left_out: 100, ..HarCounts::default() });
    assert_eq!(scratch.checked()["log"]["entries"].as_array().map(Vec::len), Some(100));
}

#[test]
fn a_run_without_exchanges_replaces_the_file_of_before_by_an_empty_one() {
    let scratch = Scratch::new("empty");
    std::fs::write(&scratch.0, "x".repeat(10_000)).expect("the directory is ours");
    let har = scratch.har(SMALL);
    assert_eq!(har.finish().expect("the file can be written"), HarCounts::default());
    let value = scratch.checked();
    assert_eq!((value["log"]["entries"].as_array(), value["log"]["pages"].as_array()), (Some(&vec![]), Some(&vec![])));
}

#[test]
fn a_run_that_never_began_leaves_the_file_of_before() {
    let scratch = Scratch::new("never");
    std::fs::write(&scratch.0, "before").expect("the directory is ours");
    let har = scratch.har(SMALL);
    drop(har);
    assert_eq!(scratch.text(), "before");
}

#[test]
fn a_run_that_never_began_leaves_no_file_of_its_own() {
    let scratch = Scratch::new("refused");
    let har = scratch.har(SMALL);
    assert!(scratch.0.exists());
    drop(har);
    assert!(!scratch.0.exists());
}

#[test]
fn a_run_that_failed_leaves_a_whole_file() {
    let scratch = Scratch::new("failed");
    let har = scratch.har(SMALL);
    fixture::play(&har);
    drop(har);
    assert_eq!(scratch.checked()["log"]["entries"].as_array().map(Vec::len), Some(11));
}

#[test]
fn what_the_file_has_no_room_for_is_counted_and_told() {
    for file_bytes in (0..12_000).step_by(500) {
        let (value, counts) = rich("size", HarLimits { file_bytes, ..SMALL });
        let HarCounts { kept, left_out, too_fast, over_size } = counts;
        assert_eq!((kept + left_out, too_fast, over_size), (11, 0, left_out), "{file_bytes}");
        let entries = value["log"]["entries"].as_array().expect("entries");
        assert_eq!(entries.len() as u64, kept, "{file_bytes}");
        assert!(entries.iter().map(|entry| entry.to_string().len() as u64).sum::<u64>() <= file_bytes);
        let comment = format!("exchanges left out: {left_out} over the limit on the file's size");
        assert_eq!(value["log"]["comment"].as_str(), (left_out > 0).then_some(comment.as_str()));
    }
}

#[test]
fn sizes_of_bodies_are_those_that_were_sent_or_none() {
    for (method, head, body, sizes) in [
        // Between a status of 103 and the response there are bytes that are no body's.
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n", "abc", [3, -1]),
        ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "abc", [3, -1]),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n", "abc", [2, 1]),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n", "abc", [-1, -1]),
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 30\r\n\r\n", "", [0, -1]),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 30\r\n\r\n", "", [0, -1]),
    ] {
        let scratch = Scratch::new("sizes");
        let har = scratch.har(SMALL);
        let status = head[9..12].parse().expect("a status");
        let bytes = [head, body].concat().into_bytes();
        let response = Response::new(status, bytes, head.len(), body.len() as u64, false);
        let hop = Hop { method, bytes_received: 1000, ..fixture::hop(Outcome::Response(&response)) };
        har.observer(1).expect("the first is observed").hop(&hop);
        har.finish().expect("the file can be written");
        let response = &scratch.checked()["log"]["entries"][0]["response"];
        let found = [&response["bodySize"], &response["content"]["compression"]];
        assert_eq!(found.map(|size| size.as_i64().unwrap_or(-1)), sizes, "{method} {head}");
    }
}

#[test]
fn a_finished_file_stays_as_it_is() {
    let scratch = Scratch::new("finished");
    let har = scratch.har(SMALL);
    let observer = har.observer(1).expect("the first is observed");
    observer.hop(&fixture::hop(Outcome::Failed(&Error::Timeout)));
    assert_eq!(har.finish().expect("the file can be written").kept, 1);
    let text = scratch.text();
    observer.hop(&fixture::hop(Outcome::Failed(&Error::Timeout)));
    assert_eq!(har.finish().expect("it is written already").kept, 1);
    assert_eq!(scratch.text(), text);
}

#[test]
fn a_path_that_cannot_be_written_is_named_before_the_run() {
    let path = Path::new("/missing-directory/run.har").to_owned();
    let error = Har::create(path, SMALL, fixture::secrets()).expect_err("there is no such directory");
    let text = "open `/missing-directory/run.har` for exchanges; give --har a file that can be written";
    assert_eq!(error.to_string(), text);
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_is_full_is_told() {
    let har = Har::create("/dev/full".into(), SMALL, fixture::secrets()).expect("the device is there");
    fixture::play(&har);
    let error = har.finish().expect_err("nothing can be written to it");
    assert!(matches!(error, TraceError::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull));
    // What comes later is not called too fast.
    fixture::play(&har);
    let HarCounts { left_out, too_fast, over_size, .. } = har.finish().expect("it has ended");
    assert_eq!((left_out, too_fast, over_size), (11, 0, 0));
}
