//! Addresses, written in all the ways that somebody may read as one: what counts is which one it is.

use super::Verdict::{Denied, Invalid, Target};
use super::{Attempt, Verdict, assert_verdicts};

#[track_caller]
fn assert_all(urls: &[&str], verdict: Verdict) {
    let attempts: Vec<_> = urls.iter().map(|url| Attempt::url(url, verdict)).collect();
    assert_verdicts(&attempts);
}

#[test]
fn an_address_that_is_not_allowed_is_so_in_any_form() {
    assert_all(
        &[
            "http://{elsewhere}/",
            "http://2130706434:{port}/",
            "http://0x7f000002:{port}/",
            "http://0x7F.0.0.2:{port}/",
            "http://017700000002:{port}/",
            "http://0177.0.0.0002:{port}/",
            "http://127.2:{port}/",
            "http://127.0.2:{port}/",
            "http://127.0.0.2.:{port}/",
            "http://%31%32%37.0.0.2:{port}/",
            "http://127.0.0.%32:{port}/",
            "http://127%2e0%2E0.2:{port}/",
            "http://１２７.０.０.２:{port}/",
            "http://127。0。0。2:{port}/",
            "http://127．0．0．2:{port}/",
            "http://①②⑦.⓪.⓪.②:{port}/",
            "http://[::ffff:127.0.0.2]:{port}/",
            "http://[::ffff:7f00:2]:{port}/",
            "http://[0:0:0:0:0:ffff:7f00:0002]:{port}/",
        ],
        Denied,
    );
}

/// They lead to this machine as well.
#[test]
fn other_addresses_of_this_machine_are_not_allowed() {
    assert_all(
        &[
            "http://127.1.1.1:{port}/",
            "http://[::1]:{port}/",
            "http://[::]:{port}/",
            "http://0.0.0.0:{port}/",
            "http://0:{port}/",
            "http://localhost:{port}/",
            "http://LocalHost.:{port}/",
            "http://127.0.0.1:1/",
            "http://127.0.0.1/",
        ],
        Denied,
    );
}

#[test]
fn what_is_no_address_is_malformed() {
    assert_all(
        &[
            "http://[fe80::1%25lo]:{port}/",
            "http://[::1%lo]:{port}/",
            "http://[::1]extra:{port}/",
            "http://[127.0.0.2]:{port}/",
            "http://127.0.0.256:{port}/",
            "http://127.0.0.09:{port}/",
            "http://1.127.0.0.2:{port}/",
            "http://4294967296:{port}/",
            "http://127.0.0.2:{port}:{port}/",
            "http://127.0.0.2:65536/",
            "http://127.0.0.2:-1/",
        ],
        Invalid,
    );
}

#[test]
fn the_target_is_so_in_any_form() {
    assert_verdicts(&[
        Attempt::url("http://2130706433:{port}/decimal", Target("/decimal")),
        Attempt::url("http://0x7f.1:{port}/hexadecimal", Target("/hexadecimal")),
        Attempt::url("http://0177.0.0.1:{port}/octal", Target("/octal")),
        Attempt::url("http://127.0.0.1.:{port}/dotted", Target("/dotted")),
        Attempt::url("http://１２７.０.０.１:{port}/wide", Target("/wide")),
        Attempt::url("HTTP://{target}/upper", Target("/upper")),
    ]);
}
