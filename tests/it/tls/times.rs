//! Times: phases are the whole of the service time, and no more of it is nginx's than nginx says.

use serde_json::Value;

use super::{VERSIONS, run};
use crate::support::figures::{count, number};
use crate::support::nginx::Nginx;
use crate::support::program::Wasmload;
use crate::support::running::Running;

/// Figures are written with all their digits, so that only the last ones of a sum are lost.
const ROUNDING: f64 = 1e-9;

/// What nginx's clock tells apart, in seconds.
const TICK: f64 = 0.001;

fn mean_of_phases(summary: &Value) -> f64 {
    let phases = summary["total"]["phases"].as_object().expect("an object");
    phases.values().map(|phase| number(phase, "/time_seconds/mean")).sum()
}

#[test]
fn phases_add_up_to_the_service_time() {
    for (version, _) in VERSIONS {
        for flags in ["", "--no-keepalive", "--no-keepalive --tls-max 1.2"] {
            let flags = format!("-u 4 -i 200 {version} {flags}");
            let (summary, _) = run("keepalive_requests 20;", &flags);
            let (sum, mean) = (mean_of_phases(&summary), number(&summary, "/total/service_time_seconds/mean"));
            assert!((sum - mean).abs() < ROUNDING, "{flags}: {sum} and {mean}");
        }
    }
}

/// What nginx measures of a request lies within what its client measures, but for two things. Its clock is cut to
/// milliseconds, so a time may be too long by one of these. And where it reads a request in the same turn of its loop in
/// which it has answered the one before, it takes that turn's beginning for the request's, so that what the virtual user
/// did in between is counted too. The latter adds up to no more than what there was besides requests, which the run's
/// length bounds: so this holds however busy the machine is.
#[test]
fn nginx_s_own_times_lie_within_the_service_time() {
    const USERS: f64 = 4.0;
    const LATENCY: f64 = 0.02;
    let mut application = Running::start(Wasmload::new(["target", "--latency", "20ms"]));
    let line = application.stdout_line("listening on http://127.0.0.1:");
    let address = line.split(['/', ';']).nth(2).expect("an address follows the scheme");
    for (version, _) in VERSIONS {
        let nginx = Nginx::secure(&format!("location / {{ proxy_pass http://{address}; }}"));
        let program = Wasmload::run("status_only").against_nginx(&nginx).with("-q -u 4 --iterations-per-user 25");
        let summary = program.with(version).output().expect(0).summary();
        let log = nginx.into_log();
        assert_eq!((count(&summary, "/total/count"), log.len()), (100, 100), "{version}");
        let requests = log.len() as f64;
        let inside = log.iter().map(|line| line.seconds).sum::<f64>() / requests;
        let service = number(&summary, "/total/service_time_seconds/mean");
        let between = USERS * number(&summary, "/elapsed_seconds") / requests - service;
        assert!(inside <= service + between + TICK, "{version}: {inside} of {service}, {between} in between");
        // The application takes that long, and nginx waits for it. Where nginx itself was held up, it may have missed some
        // of that.
        assert!(service >= LATENCY && inside >= LATENCY / 2.0, "{version}: {inside} of {service}");
    }
    application.interrupt();
    application.finish().expect(0);
}
