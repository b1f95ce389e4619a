//! The figures as a table for people; as JSON by serde.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::Args;
use super::hostile::Hostile;
use super::memory::Footprint;
use super::rates::{MAX_VUS, Punctuality, Rates, Turn};
use super::startup::Startup;
use super::throughput::{Throughput, ToolFigures};

/// What was measured, and how.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    rounds: u32,
    seconds: u32,
    connections: u32,
    load_core: usize,
    server_core: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) throughput: Option<Throughput>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) memory: Vec<Footprint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) startup: Option<Startup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rates: Option<Rates>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hostile: Option<Hostile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) guards: Option<Throughput>,
}

impl Report {
    /// An empty report of what `args` ask for.
    pub(super) fn new(args: &Args) -> Self {
        Self {
            rounds: args.rounds,
            seconds: args.seconds,
            connections: args.connections,
            load_core: args.load_core,
            server_core: args.server_core,
            throughput: None,
            memory: Vec::new(),
            startup: None,
            rates: None,
            hostile: None,
            guards: None,
        }
    }

    fn write_throughput(&self, out: &mut Formatter<'_>, throughput: &Throughput) -> fmt::Result {
        let Self { rounds, seconds, connections, load_core, server_core, .. } = self;
        writeln!(out, "throughput: {connections} connections or VUs, nginx on loopback")?;
        writeln!(out, "medians of {rounds} rounds of {seconds} s; load on core {load_core}, nginx on {server_core}\n")?;
        let (rate, cpu) = ("requests/s", "CPU µs");
        writeln!(
            out,
            "{:10}{rate:>12}{:>9}{:>11}{cpu:>9}{:>7}{:>16}{:>15}",
            "", "user µs", "system µs", "busy", "rate to wrk's", "CPU to wrk's"
        )?;
        throughput.tools.iter().try_for_each(|tool| write_tool(out, tool))?;
        writeln!(out)
    }

    fn write_guards(&self, out: &mut Formatter<'_>, guards: &Throughput) -> fmt::Result {
        let Self { rounds, seconds, connections, load_core, server_core, .. } = self;
        writeln!(
            out,
            "guards: {connections} VUs, and a build without the bounds of guests in turns with the usual one"
        )?;
        writeln!(out, "medians of {rounds} rounds of {seconds} s; load on core {load_core}, nginx on {server_core}\n")?;
        let (rate, cpu) = ("requests/s", "CPU µs");
        writeln!(
            out,
            "{:10}{rate:>12}{:>9}{:>11}{cpu:>9}{:>7}{:>16}{:>15}",
            "", "user µs", "system µs", "busy", "rate to first", "CPU to first"
        )?;
        guards.tools.iter().try_for_each(|tool| write_tool(out, tool))?;
        writeln!(out)
    }

    fn write_memory(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "resident memory: each VU asleep with one open connection\n")?;
        writeln!(out, "{:>10}{:>14}{:>13}{:>21}", "VUs", "MiB in all", "KiB per VU", "KiB per further VU")?;
        for footprint in &self.memory {
            let further = footprint.resident_kib_per_further_vu.map_or("-".to_owned(), |kib| format!("{kib:.1}"));
            let (vus, mib) = (grouped(footprint.vus.into()), footprint.resident_kib / 1_024.0);
            write!(out, "{vus:>10}{mib:>14.1}{:>13.1}{further:>21}", footprint.resident_kib_per_vu)?;
            if !footprint.is_complete() {
                let (requests, failures) = (grouped(footprint.requests), grouped(footprint.failures));
                write!(out, "  not all were connected: {requests} requests, {failures} failed")?;
            }
            writeln!(out)?;
        }
        writeln!(out)
    }

    fn write_rates(&self, out: &mut Formatter<'_>, rates: &Rates) -> fmt::Result {
        let Self { load_core, server_core, .. } = self;
        self.write_punctuality(out, &rates.punctuality)?;
        let seconds = rates.turns.first().map_or(0, |turn| turn.seconds);
        writeln!(out, "rates: a run of {seconds} s each, at most {} VUs, nginx on loopback", grouped(MAX_VUS.into()))?;
        writeln!(out, "times are 99th percentiles; load on core {load_core}, nginx on {server_core}")?;
        writeln!(out, "warned: of what share of the run the report says that wasmload had no time left\n")?;
        writeln!(
            out,
            "{:>10}{:>12}{:>12}{:>12}{:>16}{:>13}{:>13}{:>9}",
            "rate/s", "owed", "made", "dropped", "start delay ms", "service ms", "response ms", "warned"
        )?;
        rates.turns.iter().try_for_each(|turn| write_turn(out, turn))
    }

    fn write_punctuality(&self, out: &mut Formatter<'_>, punctuality: &Punctuality) -> fmt::Result {
        let Self { load_core, server_core, .. } = self;
        let Punctuality { turn, arrivals, lags } = punctuality;
        let (rate, arrivals) = (grouped(turn.per_second.into()), grouped(*arrivals));
        writeln!(
            out,
            "punctuality: {rate} iterations/s for {} s; a server notes when each request comes",
            turn.seconds
        )?;
        writeln!(
            out,
            "lag: time since it was due, beyond the quickest one's; load on core {load_core}, server on {server_core}\n"
        )?;
        let Some(lags) = lags else {
            let (owed, dropped) = (grouped(turn.owed), grouped(turn.said.dropped));
            return writeln!(
                out,
                "{arrivals} of {owed} came, {dropped} were dropped: it can't be told when each was due\n"
            );
        };
        let own = "own start delay p99 ms";
        writeln!(
            out,
            "{:>10}{:>12}{:>12}{:>12}{:>10}{own:>25}",
            "requests", "lag p50 ms", "p99 ms", "max ms", "drift ms"
        )?;
        writeln!(
            out,
            "{arrivals:>10}{:>12.3}{:>12.3}{:>12.3}{:>10.3}{:>25.3}\n",
            lags.p50_seconds * 1e3,
            lags.p99_seconds * 1e3,
            lags.max_seconds * 1e3,
            lags.drift_seconds * 1e3,
            turn.said.start_delay_p99_seconds * 1e3,
        )
    }
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        if let Some(throughput) = &self.throughput {
            self.write_throughput(out, throughput)?;
        }
        if !self.memory.is_empty() {
            self.write_memory(out)?;
        }
        if let Some(startup) = &self.startup {
            write_startup(out, startup)?;
        }
        if let Some(rates) = &self.rates {
            self.write_rates(out, rates)?;
        }
        if let Some(guards) = &self.guards {
            self.write_guards(out, guards)?;
        }
        if let Some(hostile) = &self.hostile {
            write!(out, "\n{hostile}")?;
        }
        Ok(())
    }
}

fn write_tool(out: &mut Formatter<'_>, tool: &ToolFigures) -> fmt::Result {
    let ToolFigures { name, median, to_first, failures, .. } = tool;
    write!(
        out,
        "{name:10}{:>12}{:>9.2}{:>11.2}{:>9.2}{:>6.0}%{:>16.2}{:>15.2}",
        grouped(median.requests_per_second.round() as u64),
        median.user_microseconds_per_request,
        median.system_microseconds_per_request,
        median.cpu_microseconds_per_request,
        median.busy * 100.0,
        to_first.requests_per_second,
        to_first.cpu_per_request,
    )?;
    if *failures > 0 {
        write!(out, "  {} requests failed", grouped(*failures))?;
    }
    writeln!(out)
}

fn write_startup(out: &mut Formatter<'_>, startup: &Startup) -> fmt::Result {
    let Startup { vus, cpu, microseconds_per_vu } = startup;
    writeln!(out, "starting {} VUs, with one connection and one request each", grouped((*vus).into()))?;
    writeln!(
        out,
        "{microseconds_per_vu:.0} µs of CPU per VU; user {:.1} ms, system {:.1} ms in all",
        cpu.user_seconds * 1e3,
        cpu.system_seconds * 1e3
    )?;
    writeln!(out)
}

fn write_turn(out: &mut Formatter<'_>, turn: &Turn) -> fmt::Result {
    let said = &turn.said;
    let warned = said.saturated_share.map_or("-".to_owned(), |share| format!("{:.0}%", share * 100.0));
    write!(
        out,
        "{:>10}{:>12}{:>12}{:>12}{:>16.3}{:>13.3}{:>13.3}{warned:>9}",
        grouped(turn.per_second.into()),
        grouped(turn.owed),
        grouped(said.made),
        grouped(said.dropped),
        said.start_delay_p99_seconds * 1e3,
        said.service_time_p99_seconds * 1e3,
        said.response_time_p99_seconds * 1e3,
    )?;
    if said.failures > 0 {
        write!(out, "  {} requests failed", grouped(said.failures))?;
    }
    if turn.unaccounted() > 0 {
        write!(out, "  {} neither made nor dropped", grouped(turn.unaccounted()))?;
    }
    if turn.hides_a_limit() {
        write!(out, "  not held, and not said to be wasmload's limit")?;
    }
    writeln!(out)
}

/// The middle value, or the mean of the two in the middle; NaN of none.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    f64::midpoint(values[last / 2], values[last.div_ceil(2)])
}

/// A number with a comma between groups of three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{hostile, memory, rates, startup, throughput};
    use super::{Report, grouped, median};

    fn report() -> Report {
        Report {
            rounds: 3,
            seconds: 5,
            connections: 64,
            load_core: 0,
            server_core: 1,
            throughput: Some(throughput::tests::throughput()),
            memory: memory::tests::footprints(),
            startup: Some(startup::tests::startup()),
            rates: Some(rates::tests::rates()),
            hostile: Some(hostile::tests::hostile()),
            guards: None,
        }
    }

    #[test]
    fn a_report_reads_as_tables() {
        let expected = "\
throughput: 64 connections or VUs, nginx on loopback
medians of 3 rounds of 5 s; load on core 0, nginx on 1

            requests/s  user µs  system µs   CPU µs   busy   rate to wrk's   CPU to wrk's
wrk            100,000     1.00       9.00    10.00   100%            1.00           1.00  3 requests failed
wasmload        60,000     6.67      10.00    16.67   100%            0.50           2.00  3 requests failed

resident memory: each VU asleep with one open connection

       VUs    MiB in all   KiB per VU   KiB per further VU
     1,000          59.6         61.0                    -
     5,000         215.8         44.2                 40.0  not all were connected: 4,999 requests, 0 failed

starting 1,000 VUs, with one connection and one request each
625 µs of CPU per VU; user 375.0 ms, system 250.0 ms in all

punctuality: 1,000 iterations/s for 2 s; a server notes when each request comes
lag: time since it was due, beyond the quickest one's; load on core 0, server on 1

  requests  lag p50 ms      p99 ms      max ms  drift ms   own start delay p99 ms
     2,000       0.000       0.000       0.000     0.000                    0.100

rates: a run of 2 s each, at most 1,000 VUs, nginx on loopback
times are 99th percentiles; load on core 0, nginx on 1
warned: of what share of the run the report says that wasmload had no time left

    rate/s        owed        made     dropped  start delay ms   service ms  response ms   warned
    10,000      20,000      20,000           0           0.100        0.250        0.500        -
   200,000     400,000     300,000     100,000           0.100        0.250        0.500      90%  3 requests failed

hostile guests: iterations of 50 honest VUs in 2 s, alone and beside one VU
of the guest on the same core; medians of 3 rounds; ! marks shares below 0.80

                                without think time             a request each 20 ms
                         alone      beside   share        alone      beside   share
spin                   100,000      50,000    0.50!       5,000       4,800    0.96

";
        assert_eq!(report().to_string(), expected);
    }

    #[test]
    fn what_is_wrong_with_a_run_at_a_rate_stands_in_its_row() {
        let mut rates = rates::tests::rates();
        rates.punctuality.arrivals -= 10;
        rates.punctuality.lags = None;
        rates.punctuality.turn.said.dropped = 10;
        rates.turns[0].said.made -= 5;
        let text = Report { rates: Some(rates), ..report() }.to_string();
        assert!(
            text.contains("\n1,990 of 2,000 came, 10 were dropped: it can't be told when each was due\n\nrates: "),
            "{text}"
        );
        let row = text.lines().find(|line| line.starts_with("    10,000"));
        let notes = "  5 neither made nor dropped  not held, and not said to be wasmload's limit";
        assert!(row.is_some_and(|row| row.ends_with(notes)), "{text}");
    }

    #[test]
    fn a_report_as_json_has_each_round() -> serde_json::Result<()> {
        let json = serde_json::to_value(report())?;
        assert_eq!(json["throughput"]["tools"][1]["name"], "wasmload");
        assert_eq!(json["throughput"]["tools"][1]["rounds"][2]["requests_per_second"], 60_000.0);
        assert_eq!(json["memory"][1]["resident_kib_per_further_vu"], 40.0);
        assert_eq!(json["startup"]["microseconds_per_vu"], 625.0);
        assert_eq!(json["rates"]["punctuality"]["lags"]["drift_seconds"], 0.0);
        assert_eq!(json["rates"]["turns"][1]["saturated_share"], 0.9);
        assert_eq!(json["hostile"]["guests"][0]["paced"]["share"], 0.96);
        Ok(())
    }

    #[test]
    fn parts_that_were_not_measured_are_left_out() -> serde_json::Result<()> {
        let report = Report {
            throughput: None,
            memory: Vec::new(),
            startup: None,
            rates: None,
            hostile: None,
            guards: None,
            ..report()
        };
        assert_eq!(report.to_string(), "");
        let json = serde_json::to_value(report)?;
        assert!(["throughput", "memory", "startup", "rates", "hostile"].iter().all(|part| json.get(part).is_none()));
        Ok(())
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median([]).is_nan());
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let texts = [0, 12, 123, 1_234, 123_456, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "12", "123", "1,234", "123,456", "1,234,567"]);
    }
}
