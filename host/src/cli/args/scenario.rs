//! What a scenario is given, and what its guests may use.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::hidden::Hidden;
use crate::data::DataSource;
use crate::http::HostPattern;
use crate::{date, units};

// What a scenario is given.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Scenario")]
pub(in crate::cli) struct ScenarioArgs {
    /// The target that a scenario's paths are resolved against, for example http://127.0.0.1:8080
    #[arg(short = 'H', long, value_name = "URL", value_parser = Hidden { flag: "--host <URL>", parse: parse_host })]
    pub(in crate::cli) host: Option<url::Url>,

    /// Hosts that requests may go to beside the target: a name, *.NAME for all below it, an address, a network such as
    /// 10.0.0.0/8, or * for every host; each with :PORT for that port alone; may be given several times. Addresses of
    /// this machine and of private networks have to be given as such, but for localhost
    #[arg(long, value_name = "PATTERN")]
    pub(in crate::cli) allow_host: Vec<HostPattern>,

    /// A value for the scenario, and for its environment; may be given several times
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub(in crate::cli) variables: Vec<(String, String)>,

    /// A value for the scenario that is hidden wherever it is printed: NAME=env:VARIABLE, NAME=file:PATH or NAME=VALUE
    /// (which other people on this machine can see in the list of processes)
    #[arg(long = "secret", value_name = "NAME=SOURCE", value_parser = Hidden { flag: "--secret <NAME=SOURCE>", parse: parse_secret })]
    pub(in crate::cli) secrets: Vec<Secret>,

    /// Rows for the scenario out of a CSV file or, by the ending .jsonl, JSON lines; in a circle unless it ends in :once
    /// or :random
    #[arg(long, value_name = "NAME=FILE[:ORDER]")]
    pub(in crate::cli) data: Vec<DataSource>,

    /// Run only the task of this name; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) task: Vec<String>,

    /// Run only tasks with one of these tags, separated by commas
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub(in crate::cli) tags: Vec<String>,

    /// Run no tasks with any of these tags, separated by commas
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub(in crate::cli) exclude_tags: Vec<String>,

    /// A tag of each of the scenario's requests, for thresholds to choose them by; may be given several times
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub(in crate::cli) request_tags: Vec<(String, String)>,
}

// What one virtual user may use.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Sandbox")]
pub(in crate::cli) struct LimitArgs {
    /// Memory of one virtual user's guest, tables included
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = units::parse_size)]
    pub(in crate::cli) max_memory: u64,

    /// CPU time of a guest between two calls of the host; what runs longer is trapped
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = units::parse_duration)]
    pub(in crate::cli) max_cpu_time: Duration,

    /// Stack of a guest
    #[arg(long, value_name = "SIZE", default_value = "512KiB", value_parser = units::parse_size)]
    pub(in crate::cli) max_stack: u64,

    /// Lines that a virtual user may log and print in a second; further ones are counted
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(in crate::cli) max_log_lines: u32,

    /// Bytes that a virtual user may log and print in a second; further lines are counted
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = units::parse_size)]
    pub(in crate::cli) max_log_size: u64,

    /// Traps in a row after which a virtual user stops
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) max_traps: u32,
}

// What there is of the sandbox for a whole run.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Sandbox")]
pub(in crate::cli) struct SandboxArgs {
    #[command(flatten)]
    pub(in crate::cli) limits: LimitArgs,

    /// Names that figures are kept under: of requests, tasks, transactions, checks and each kind of metric, and failure
    /// reasons; further ones are counted under (other)
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(in crate::cli) max_names: u32,

    /// The largest component
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = units::parse_size)]
    pub(in crate::cli) max_component_size: u64,

    /// Bound on compiling a component
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = units::parse_duration)]
    pub(in crate::cli) compile_timeout: Duration,

    /// Have the guests' wall clock stand at this time, for runs that repeat: as in 2026-01-01T00:00:00Z, or in seconds
    /// since 1970 [default: it shows the machine's time]
    #[arg(long, value_name = "TIME", value_parser = parse_epoch)]
    pub(in crate::cli) virtual_epoch: Option<Duration>,

    /// Refuse components that import WASI 0.3, whose implementation is called experimental
    #[arg(long)]
    pub(in crate::cli) no_wasi_p3: bool,

    /// Compile anew, and keep no compiled code on disk
    #[arg(long)]
    pub(in crate::cli) no_cache: bool,
}

/// A secret's name, and where its value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Secret {
    pub(in crate::cli) name: String,
    pub(in crate::cli) source: SecretSource,
}

/// Where a secret's value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum SecretSource {
    /// In a variable of the environment.
    Environment(String),
    /// In a file, but for its last line's end.
    File(PathBuf),
    /// Here.
    Value(String),
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("'{text}' is not NAME=VALUE")),
    }
}

/// Refuses without repeating the text: there may be a value in it.
fn parse_secret(text: &str) -> Result<Secret, String> {
    let (name, source) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("it is not NAME=SOURCE; write for example token=env:TOKEN")?;
    let source = match source.split_once(':') {
        Some(("env", variable)) => SecretSource::Environment(variable.to_owned()),
        Some(("file", path)) => SecretSource::File(PathBuf::from(path)),
        _ => SecretSource::Value(source.to_owned()),
    };
    Ok(Secret { name: name.to_owned(), source })
}

/// An instant, as the time since 1970.
fn parse_epoch(text: &str) -> Result<Duration, String> {
    let dated = || date::parse_rfc3339(text)?.duration_since(std::time::UNIX_EPOCH).ok();
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(dated).ok_or_else(|| {
        format!("'{text}' is no time; write for example 2026-01-01T00:00:00Z, or the seconds since 1970")
    })
}

/// Refuses one with a password without repeating it: results have the target in them.
fn parse_host(text: &str) -> Result<url::Url, String> {
    const EXAMPLE: &str = "write for example http://127.0.0.1:8080";
    let url: url::Url = match text.parse() {
        Ok(url) => url,
        Err(_) if text.contains('@') => return Err(format!("it is no URL; {EXAMPLE}")),
        Err(error) => return Err(format!("`{text}`: {error}; {EXAMPLE}")),
    };
    // A name and a password look like a scheme and a path.
    let is_http = matches!(url.scheme(), "http" | "https");
    if text.contains('@') && (!is_http || !url.username().is_empty() || url.password().is_some()) {
        return Err("it has a user name or password, which belong into an authorization header of the scenario's; \
                    give them to it with --secret"
            .to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_its_scheme_says_what_it_wants() {
        assert_eq!(parse_host("https://example.org").map(|host| host.to_string()), Ok("https://example.org/".into()));
        let error = parse_host("127.0.0.1:8080").unwrap_err();
        assert!(error.ends_with("write for example http://127.0.0.1:8080"), "{error}");
    }

    #[test]
    fn a_password_of_the_target_is_refused_and_not_repeated() {
        for text in ["http://user:pa55@shop.test", "http://user@shop.test", "http://user:pa55@", "user:pa55@shop"] {
            let error = parse_host(text).expect_err(text);
            assert!(!error.contains("pa55") && !error.contains("user@"), "{error}");
        }
    }

    #[test]
    fn an_instant_is_a_date_or_a_number_of_seconds() {
        assert_eq!(parse_epoch("2026-01-01T00:00:00Z"), Ok(Duration::from_secs(1_767_225_600)));
        assert_eq!(parse_epoch("1767225600"), Ok(Duration::from_secs(1_767_225_600)));
        assert!(parse_epoch("yesterday").unwrap_err().contains("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn pairs_and_secrets_say_what_they_want() {
        assert_eq!(parse_pair("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(parse_pair("=b").unwrap_err().contains("NAME=VALUE"));
        let source = |text| parse_secret(text).map(|secret| secret.source);
        assert_eq!(source("a=env:B"), Ok(SecretSource::Environment("B".into())));
        assert_eq!(source("a=file:b:c"), Ok(SecretSource::File("b:c".into())));
        assert_eq!(source("a=b:c"), Ok(SecretSource::Value("b:c".into())));
        assert!(source("hunter2").is_err_and(|error| error.contains("NAME=SOURCE") && !error.contains("hunter2")));
    }
}
