use std::path::Path;

use super::*;
use crate::cli::plan_file::tests::{folder, given};
use crate::cli::plan_file::{Loads, load_file};
use crate::source::Source;

const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn policy(text: &str) -> Policy {
    Policy::parse(Path::new("policy.toml"), text, false).expect(text)
}

fn locked(text: &str) -> Policy {
    Policy::parse(Path::new("policy.toml"), text, true).expect(text)
}

/// The plan of a file with one scenario, these keys above it and these flags, held to a policy.
fn held(policy: &Policy, keys: &str, flags: &[&str]) -> Result<Plan, String> {
    let text = format!("{keys}\n[[scenario]]\ncomponent = \"cities.wasm\"\n");
    let loaded = load_file(&folder().join("plan.toml"), &text, &given(flags), Loads::Planned, Some(policy));
    loaded.map(|loaded| loaded.plan).map_err(|error| error.to_string())
}

#[test]
fn a_policy_says_what_a_run_does_not() {
    let policy = policy("[limits]\nmax-memory = \"16MiB\"\nmax-rps = \"5/s\"\nconnect-timeout = \"3s\"\n");
    let plan = held(&policy, "", &[]).expect("it asks for nothing");
    assert_eq!(plan.scenarios[0].limits.max_memory_bytes, 16 << 20);
    assert_eq!((plan.http.rate_limits.whole, plan.http.connect_timeout.as_secs()), (Some(5.0), 3));
    let plan = held(&policy, "max-memory = \"8MiB\"", &["--max-rps", "4/s"]).expect("it asks for less");
    assert_eq!((plan.scenarios[0].limits.max_memory_bytes, plan.http.rate_limits.whole), (8 << 20, Some(4.0)));
}

#[test]
fn neither_flags_nor_plan_files_go_beyond_a_policy() {
    let policy = policy("[limits]\nmax-memory = \"16MiB\"\nmax-rps = \"5/s\"\nvirtual-users = 10\n");
    for (keys, flags, expected) in [
        ("max-memory = \"17MiB\"", &[][..], "--max-memory 17MiB is more than 16MiB"),
        ("", &["--max-memory", "1GiB"], "--max-memory 1GiB is more than 16MiB"),
        ("", &["--max-rps", "6/s"], "--max-rps 6/s is more than 5/s"),
        ("", &["-u", "11"], "11 virtual users are more than 10"),
        ("rate = \"100/s\"", &[], "500 virtual users are more than 10"),
    ] {
        let error = held(&policy, keys, flags).expect_err(expected);
        assert!(error.starts_with("keep to the policy policy.toml: ") && error.contains(expected), "{error}");
    }
    let in_scenario = "[[scenario]]\nname = \"other\"\ncomponent = \"cities.wasm\"\nmax-memory = \"17MiB\"\n";
    assert!(held(&policy, in_scenario, &[]).is_err());
}

#[test]
fn hosts_of_a_run_are_among_those_of_its_policy() {
    let policy = policy("hosts = [\"*.shop.test\", \"10.0.0.0/8:80\"]");
    for flags in [&["-H", "http://a.shop.test:99"][..], &["--allow-host", "10.1.0.0/16:80"], &[]] {
        assert!(held(&policy, "", flags).is_ok(), "{flags:?}");
    }
    for (flags, beyond) in [
        (&["-H", "http://shop.test"][..], "scenario `cities` may not reach shop.test:80"),
        (&["-H", "http://10.0.0.1:81"], "may not reach 10.0.0.1:81"),
        (&["--allow-host", "*"], "may not reach *;"),
        (&["--allow-host", "10.0.0.0/8"], "may not reach 10.0.0.0/8;"),
        (&["--resolve", "a.shop.test:80:127.0.0.1"], "--resolve leads to 127.0.0.1:80"),
        (&["--connect-to", "a.shop.test:80:evil.test:80"], "--connect-to leads to evil.test:80"),
        (&["--proxy", "http://evil.test:3128"], "--proxy leads to evil.test:3128"),
        (&["--unix-socket", "/run/docker.sock"], "--unix-socket leads to no host"),
    ] {
        let error = held(&policy, "", flags).expect_err(beyond);
        assert!(error.contains(beyond), "{error}");
    }
}

#[test]
fn every_host_is_those_at_public_addresses() {
    let every = policy("hosts = [\"*\"]");
    for flags in [&["-H", "http://shop.test"][..], &["-H", "http://8.8.8.8"], &["--allow-host", "*:80"]] {
        let plan = held(&every, "", flags).expect("it is public");
        assert!(plan.scenarios[0].public_target, "{flags:?}");
    }
    for (flags, beyond) in [
        (&["-H", "http://localhost:1"][..], "may not reach localhost:1; it has *"),
        (&["-H", "http://127.0.0.1:1"], "may not reach 127.0.0.1:1; it has *"),
        (&["--allow-host", "localhost"], "may not reach localhost; it has *"),
        (&["--allow-host", "*.localhost"], "may not reach *.localhost; it has *"),
        (&["--allow-host", "10.0.0.0/8"], "may not reach 10.0.0.0/8; it has *"),
    ] {
        let error = held(&every, "", flags).expect_err(beyond);
        assert!(error.contains(beyond), "{error}");
    }
    let named = policy("hosts = [\"localhost:1\"]");
    assert!(!held(&named, "", &["-H", "http://localhost:1"]).expect("it is named").scenarios[0].public_target);
}

#[test]
fn components_are_fetched_from_where_the_policy_says() {
    let url = |host: &str| format!("https://{host}/a.wasm#sha256={DIGEST}").parse::<Source>().expect(host);
    let grants = |policy: &Policy| held(policy, "", &[]).expect("it asks for nothing").grants.expect("grants");
    let named = grants(&policy("hosts = [\"shop.test\"]\nfetched-from = [\"scenarios.test:443\", \"10.0.0.0/8\"]"));
    for host in ["scenarios.test", "10.1.2.3:8443"] {
        assert_eq!(named.check_source("shop", &url(host)), Ok(()), "{host}");
    }
    for host in ["shop.test", "scenarios.test:8443", "127.0.0.1", "11.0.0.1"] {
        let error = named.check_source("shop", &url(host)).expect_err(host).to_string();
        assert!(error.contains("among `fetched-from`"), "{error}");
        assert!(!named.may_fetch()(&format!("https://{host}/").parse().expect(host)), "{host}");
    }
    for nowhere in [policy("hosts = [\"scenarios.test\"]"), locked("")] {
        assert!(grants(&nowhere).check_source("shop", &url("scenarios.test")).is_err());
        assert_eq!(grants(&nowhere).check_source("shop", &"a.wasm".parse().expect("a path")), Ok(()));
    }
    assert_eq!(grants(&policy("")).check_source("shop", &url("scenarios.test")), Ok(()));
}

#[test]
fn a_component_that_is_given_secrets_keeps_others_from_them() {
    let digest = DIGEST.parse().expect("a digest");
    for (text, granted) in [("secrets = [\"own\"]", true), ("secrets = []", false)] {
        let text = format!("[[component]]\nsha256 = \"{DIGEST}\"\n{text}\n");
        let grants = held(&policy(&text), "", &[]).expect("it is checked later").grants.expect("grants");
        assert_eq!(grants.check("shop", &digest, ["own"]).is_ok(), granted);
        assert!(grants.check("shop", &digest, ["other"]).is_err());
    }
}

#[test]
fn a_run_holds_its_components_and_secrets_to_the_policy() {
    let text =
        format!("secrets = [\"all\"]\n[[component]]\nname = \"shop\"\nsha256 = \"{DIGEST}\"\nsecrets = [\"own\"]\n");
    let grants = held(&policy(&text), "", &[]).expect("it is checked later").grants.expect("grants");
    let digest = DIGEST.parse().expect("a digest");
    assert!(grants.check("shop", &digest, ["all", "own"]).is_ok());
    assert!(grants.check("shop", &digest, ["other"]).is_err());
    let other = "ffb0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".parse().expect("a digest");
    assert!(grants.check("shop", &other, []).is_err());
    let open = held(&policy(""), "", &[]).expect("all is allowed").grants.expect("grants");
    assert!(open.check("shop", &other, ["any"]).is_ok());
}

#[test]
fn what_is_locked_has_nothing_that_the_policy_does_not_name() {
    let policy = locked("[limits]\nmax-memory = \"128MiB\"\n");
    let plan = held(&policy, "", &[]).expect("it asks for nothing");
    assert_eq!(plan.scenarios[0].limits.max_memory_bytes, 128 << 20);
    let grants = plan.grants.expect("grants");
    assert!(grants.check("shop", &DIGEST.parse().expect("a digest"), []).is_err());
    for (flags, beyond) in [
        (&["-H", "http://shop.test"][..], "may not reach shop.test:80; it has none"),
        (&["--max-cpu-time", "2s"], "--max-cpu-time 2s is more than 1s"),
        (&["--max-body-size", "1GiB"], "--max-body-size 1GiB is more than 64MiB"),
        (&["--insecure"], "--insecure takes anybody for an allowed host"),
    ] {
        let error = held(&policy, "", flags).expect_err(beyond);
        assert!(error.contains(beyond), "{error}");
    }
}

#[test]
fn what_is_wrong_with_a_policy_is_told_with_its_place() {
    for (text, expected) in [
        ("host = [\"a\"]", "policy.toml:1:1: `host` is no key of a policy; write `hosts`"),
        ("hosts = \"a\"", "policy.toml:1:9: `hosts` takes an array of texts"),
        ("hosts = [\"http://a\"]", "policy.toml:1:10: `hosts`: read `http://a` as a host that requests may go to"),
        ("[limits]\nmax-memory = \"big\"", "policy.toml:2:14: `max-memory`: "),
        ("[limits]\nmax-memroy = \"1MiB\"", "`max-memroy` is no key of limits; write `max-memory`"),
        ("[limits]\nusers = 5", "`users` is no key of limits; write `virtual-users`"),
        ("[limits]\nquux = 5", "`quux` is no key of limits, which has max-memory, "),
        ("[limits]\nvirtual-users = \"5\"", "`virtual-users` takes a number"),
        ("[[component]]\nsha256 = \"12\"", "`sha256`: a digest is 64 hexadecimal digits"),
        ("[[component]]\nname = \"shop\"", "the component has no digest"),
        ("secrets = [1]", "`secrets` takes texts in quotes"),
        ("x =", "it is no TOML: "),
    ] {
        let error = Policy::parse(Path::new("policy.toml"), text, false).expect_err(text).to_string();
        assert!(error.starts_with("use the policy: policy.toml:") && error.contains(expected), "{error}");
    }
}

#[test]
fn laws_hold_for_policies_of_all_kinds() {
    for text in [
        "",
        "hosts = []\nsecrets = []\n[limits]\nvirtual-users = 0\n",
        "[limits]\nmax-memory = \"1B\"\nmax-stack = 1\n",
        "[limits]\nmax-memory = 99999999999999999999\n",
        "hosts = [\"*\", \"*.x\", \"::/0\"]\n[limits]\nconnect-timeout = \"1ns\"\nmax-rps = \"1/h\"\n",
        "[[component]]\n",
        "component = 5\nlimits = 3\nsecrets = \"\"",
        "\u{0}",
    ] {
        fuzz::check(text.as_bytes());
    }
}
