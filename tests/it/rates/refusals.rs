//! Rates that contradict other flags or make no sense: refused before any request.

use crate::support::program::{Wasmload, guest};
use crate::support::untouched::{Untouched, assert_refused};

#[test]
fn flags_that_contradict_a_rate() {
    for (flag, named) in [
        ("-u 5", "--users <N>"),
        ("-r 5", "--spawn-rate <N>"),
        ("--iterations-per-user 5", "--iterations-per-user <N>"),
        ("--pacing 1s", "--pacing <TIME>"),
        ("--wait 1s", "--wait <TIME[..TIME]>"),
    ] {
        let message = format!("the argument '--rate <RATE>' cannot be used with '{named}'");
        assert_refused(&format!("--rate 50/s {flag}"), &message);
    }
    assert_refused(
        "--stages 1s:5 --profile load.csv",
        "the argument '--stages <TIME:VALUE,...>' cannot be used with '--profile <FILE>'",
    );
    for flag in ["--users 5", "--spawn-rate 5", "--iterations-per-user 5", "--pacing 1s", "--wait 1s"] {
        let name = flag.split(' ').next().unwrap_or_default();
        let message = format!(
            "failed to plan iterations at a rate with {name}, which paces virtual users one by one; leave it out, and \
             --max-vus bounds how many there are"
        );
        assert_refused(&format!("--stages 1s:50/s {flag}"), &message);
    }
}

#[test]
fn flags_that_want_a_rate() {
    for flag in ["--max-vus 5", "--preallocated-vus 5", "--arrivals poisson"] {
        let name = flag.split(' ').next().unwrap_or_default();
        let message = format!("failed to use {name} without a rate; it goes with --rate, or with --stages of rates");
        assert_refused(&format!("-u 3 {flag}"), &message);
    }
}

#[test]
fn rates_of_nothing() {
    assert_refused("--rate 0/s", "failed to plan a rate that is never above 0; --rate wants for example 500/s");
    assert_refused(
        "--rate 0/s --stages 1s:0/s",
        "failed to plan a rate that is never above 0; --rate wants for example 500/s",
    );
    assert_refused(
        "--rate 5/s --stages 1s:10",
        "failed to plan a rate that --stages changes to a number of virtual users; give rates there too, \
         for example 1m:500/s",
    );
    assert_refused(
        "--rate 5/s --max-vus 0",
        "failed to plan a run without virtual users; --users, --max-vus or the greatest of --stages has to be at least \
         1, and large enough to be shared by weight",
    );
    assert_refused(
        "--rate 5/s --max-vus 3 --preallocated-vus 4",
        "failed to make 4 virtual users ahead, of 3 at the most; lower --preallocated-vus or raise --max-vus",
    );
}

#[test]
fn rates_that_are_beyond_all_machines() {
    for flags in ["--rate 1000001/s", "--rate 60000060/m", "--rate 5/s --stages 1s:1000001/s"] {
        let target = Untouched::new();
        let program = Wasmload::new(["run".as_ref(), guest("status_only").as_os_str()]).with(flags);
        let program = program.with("-t 1s --graceful-stop 0s --host").arg(target.url());
        let ran = program.output().expect(104);
        target.assert_untouched();
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains("1000000/s"), "{flags}: {}", ran.stderr);
    }
}

#[test]
fn rates_that_are_none() {
    for (rate, reason) in
        [("50/d", "`d` is no period; periods are s, m and h"), ("fast", "`fast` does not start with a number")]
    {
        let message = format!(
            "invalid value '{rate}' for '--rate <RATE>': read `{rate}` as a rate: {reason}; write for example 500/s, \
             30/m, 2/h, 1.5k/s, or 500 for 500/s"
        );
        assert_refused(&format!("--rate {rate}"), &message);
    }
    assert_refused(
        "--rate 5/s --arrivals random",
        "invalid value 'random' for '--arrivals <even|poisson>': read `random` as the spacing of arrivals; give even or \
         poisson",
    );
}
