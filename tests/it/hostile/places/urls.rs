//! URLs of which one reader finds the host where another finds something else. They are read as browsers read them
//! (the WHATWG's URL standard), by the one who checks and the one who connects alike.

use super::Verdict::{Denied, Invalid, Target};
use super::{Attempt, assert_verdicts};

#[track_caller]
fn assert_all(urls: &[&str], verdict: super::Verdict) {
    let attempts: Vec<_> = urls.iter().map(|url| Attempt::url(url, verdict)).collect();
    assert_verdicts(&attempts);
}

#[test]
fn slashes_of_either_kind_begin_a_host() {
    assert_all(
        &[
            "//{elsewhere}/",
            r"\\{elsewhere}/",
            r"/\{elsewhere}/",
            r"\/{elsewhere}/",
            r"http:\\{elsewhere}\",
            r"http:/\{elsewhere}",
            r"http:\/{elsewhere}/",
            "http:////{elsewhere}/",
            "https:{elsewhere}/",
            "https:/{elsewhere}/",
        ],
        Denied,
    );
}

/// What the standard reads as a host is none here: nothing is sent.
#[test]
fn more_slashes_begin_nothing() {
    assert_all(&["///{elsewhere}/", "////{elsewhere}/"], Invalid);
}

#[test]
fn blanks_hide_no_host() {
    assert_all(
        &[
            " //{elsewhere}/",
            "\u{1}//{elsewhere}/",
            "\n//{elsewhere}/",
            "/\t/{elsewhere}/",
            "/\r\n/{elsewhere}/",
            "ht\ntp://{elsewhere}/",
            "http:/\t/{elsewhere}/",
            "http://127.0\t.0.2:{port}/",
            "http://127.0.0.\r\n2:{port}/",
            "http://{elsewhere}\t/",
        ],
        Denied,
    );
}

#[test]
fn what_stands_behind_a_host_is_none() {
    assert_all(
        &[
            r"http://{elsewhere}\@{target}/",
            "http://{elsewhere}/@{target}/",
            "http://{elsewhere}?@{target}/",
            "http://{elsewhere}#@{target}/",
            "http://{elsewhere}/http://{target}/",
            "http://@{elsewhere}/",
        ],
        Denied,
    );
}

#[test]
fn a_name_before_the_host_is_refused() {
    assert_all(
        &[
            "http://{target}@{elsewhere}/",
            "http://127.0.0.1@{elsewhere}/",
            "http://{target};@{elsewhere}/",
            "http://{target}%2f@{elsewhere}/",
            "http://{target}%00@{elsewhere}/",
            "http://{target}\t@{elsewhere}/",
            "http://{target}%0d%0a@{elsewhere}/",
            "http://a@b@{elsewhere}/",
            "http://{elsewhere}@{target}/",
            "http://user:word@{target}/",
            "//{target}@{elsewhere}/",
        ],
        Invalid,
    );
}

#[test]
fn hosts_of_two_parts_are_none() {
    assert_all(
        &[
            "http://{target}%40{elsewhere}/",
            "http://127.0.0.1%40{elsewhere}/",
            "http://127.0.0.1%2f{elsewhere}/",
            "http://127.0.0.1%5c{elsewhere}/",
            "http://127.0.0.1%23{elsewhere}/",
            "http://127.0.0.1%00{elsewhere}/",
            "http://127.0.0.1 {elsewhere}/",
            "http://127.0.0.1<{elsewhere}/",
            "http://127.0.0.1|{elsewhere}/",
        ],
        Invalid,
    );
}

#[test]
fn names_that_look_like_others_are_what_they_are() {
    assert_all(
        &[
            "http://elsewhere.test:{port}/",
            "http://ELSEWHERE.TEST:{port}/",
            "http://elsewhere.test.:{port}/",
            "http://ｅｌｓｅｗｈｅｒｅ.test:{port}/",
            "http://elsewhere。test:{port}/",
            "http://else\u{ad}where.test:{port}/",
            "http://%65lsewhere.test:{port}/",
            "http://élsewhere.test:{port}/",
            "http://e\u{301}lsewhere.test:{port}/",
            "http://sub.elsewhere.test:{port}/",
            "http://127.0.0.1.elsewhere.test:{port}/",
        ],
        Denied,
    );
}

#[test]
fn other_schemes_are_refused() {
    assert_all(
        &[
            "file:///etc/passwd",
            "file://{elsewhere}/etc/passwd",
            "ftp://{elsewhere}/",
            "gopher://{elsewhere}/",
            "ws://{elsewhere}/",
            "data:text/plain,x",
            "blob:http://{elsewhere}/x",
            "unix:/run/docker.sock",
            "elsewhere.test:{port}/x",
            "http://",
            "http://:{port}/",
        ],
        Invalid,
    );
}

/// Without a host of its own a URL is a path, whatever it looks like.
#[test]
fn paths_are_the_targets() {
    assert_verdicts(&[
        Attempt::url("http:{elsewhere}/a", Target("/{elsewhere}/a")),
        Attempt::url("http:/{elsewhere}/b", Target("/{elsewhere}/b")),
        Attempt::url("{elsewhere}/c", Target("/{elsewhere}/c")),
        Attempt::url("/@{elsewhere}/", Target("/@{elsewhere}/")),
        Attempt::url("@{elsewhere}/d", Target("/@{elsewhere}/d")),
        Attempt::url("/..//{elsewhere}/", Target("//{elsewhere}/")),
        Attempt::url("/.//{elsewhere}/e", Target("//{elsewhere}/e")),
        Attempt::url("/%2f%2f{elsewhere}/", Target("/%2f%2f{elsewhere}/")),
        Attempt::url("?@{elsewhere}/", Target("/?@{elsewhere}/")),
        Attempt::url("http://{target}/@{elsewhere}/f", Target("/@{elsewhere}/f")),
        Attempt::url("http://{target}?@{elsewhere}/g", Target("/?@{elsewhere}/g")),
        Attempt::url("http://{target}#@{elsewhere}/", Target("/")),
        Attempt::url(r"http://{target}\@{elsewhere}/h", Target("/@{elsewhere}/h")),
    ]);
}
