//! What a component's imports let it do, and which of them the host does not offer.

use super::{CONTRACT, ComponentError, Shape, told};

/// What an import is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// HTTP requests, which the host makes.
    Requests,
    /// Who it is and what it was given; waiting, stopping and logging.
    User,
    /// Waiting alone.
    Waiting,
    /// Checks and metrics of its own.
    Metrics,
    /// Rows of files.
    Data,
    /// Variables of its environment, and arguments.
    Environment,
    /// Times of day, and time that passes.
    Clock,
    /// Random numbers.
    Random,
    /// Standard output and error.
    Output,
    /// Standard input.
    Input,
    /// Ending itself.
    Exit,
    /// What other interfaces stand on: types, streams, and waiting for them.
    Plumbing,
    /// Files, of which there are none.
    Files,
    /// Sockets, which are switched off.
    Sockets,
    /// Something else of the contract or of WASI.
    Other,
    /// What the host does not offer.
    Refused,
}

/// Interfaces that the host offers, by how their names begin, and what each is for; of WASI, up to the minor versions of
/// [`refusal`]. Of two that fit, the first counts.
const OFFERED: [(&str, Purpose); 25] = [
    ("wasmload:scenario/http@", Purpose::Requests),
    ("wasmload:scenario/async-http@", Purpose::Requests),
    ("wasmload:scenario/metrics@", Purpose::Metrics),
    ("wasmload:scenario/data@", Purpose::Data),
    ("wasmload:scenario/user@", Purpose::User),
    ("wasmload:scenario/async-user@", Purpose::Waiting),
    ("wasmload:scenario/task-types@", Purpose::Plumbing),
    ("wasmload:scenario/", Purpose::Other),
    ("wasi:cli/environment@", Purpose::Environment),
    ("wasi:cli/exit@", Purpose::Exit),
    ("wasi:cli/stdin@", Purpose::Input),
    ("wasi:cli/terminal-stdin@", Purpose::Input),
    ("wasi:cli/terminal-input@", Purpose::Input),
    ("wasi:cli/stdout@", Purpose::Output),
    ("wasi:cli/stderr@", Purpose::Output),
    ("wasi:cli/terminal-", Purpose::Output),
    ("wasi:cli/types@", Purpose::Plumbing),
    ("wasi:cli/", Purpose::Other),
    ("wasi:clocks/types@", Purpose::Plumbing),
    ("wasi:clocks/", Purpose::Clock),
    ("wasi:filesystem/", Purpose::Files),
    ("wasi:io/", Purpose::Plumbing),
    ("wasi:random/", Purpose::Random),
    ("wasi:sockets/", Purpose::Sockets),
    // The root-level types that some toolchains import for the interfaces above.
    ("wasi:cli-", Purpose::Plumbing),
];

impl Purpose {
    /// What the import of that name is for.
    pub fn of(import: &str) -> Purpose {
        let offered = || OFFERED.iter().find(|(name, _)| import.starts_with(name)).map(|(_, purpose)| *purpose);
        if refusal(import).is_some() { Purpose::Refused } else { offered().unwrap_or(Purpose::Refused) }
    }

    /// What it lets a component do, behind "it".
    pub fn words(self) -> &'static str {
        match self {
            Purpose::Requests => "makes HTTP requests",
            Purpose::User => {
                "reads variables given by --var and secrets granted by --secret, waits, logs, and may end the run"
            }
            Purpose::Waiting => "waits",
            Purpose::Metrics => "counts checks and metrics of its own",
            Purpose::Data => "reads rows of files given by --data",
            Purpose::Environment => "reads its environment (what --var gives)",
            Purpose::Clock => "reads the clock",
            Purpose::Random => "draws random numbers (from the run's seed)",
            Purpose::Output => "prints (into the log)",
            Purpose::Input => "reads standard input (it is empty)",
            Purpose::Exit => "ends its own instance",
            Purpose::Plumbing => "handles types, streams and waiting for the others",
            Purpose::Files => "asks for files (there are none)",
            Purpose::Sockets => "asks for sockets (they are switched off)",
            Purpose::Other => "asks for something else",
            Purpose::Refused => "asks for what is not offered (it will be refused)",
        }
    }

    /// The name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Requests => "requests",
            Purpose::User => "user",
            Purpose::Waiting => "waiting",
            Purpose::Metrics => "metrics",
            Purpose::Data => "data",
            Purpose::Environment => "environment",
            Purpose::Clock => "clock",
            Purpose::Random => "random",
            Purpose::Output => "output",
            Purpose::Input => "input",
            Purpose::Exit => "exit",
            Purpose::Plumbing => "plumbing",
            Purpose::Files => "files",
            Purpose::Sockets => "sockets",
            Purpose::Other => "other",
            Purpose::Refused => "refused",
        }
    }
}

impl Shape {
    /// Refuses a component that imports what the host does not offer.
    ///
    /// # Errors
    /// The imports that are not offered, and what to do about each.
    pub fn check_imports(&self) -> Result<(), ComponentError> {
        let refused = self.imports.kept.iter().filter_map(|import| Some(format!("`{import}`: {}", refusal(import)?)));
        let mut refused: Vec<String> = refused.collect();
        if self.imports.more > 0 {
            // Nobody looked at what these are.
            refused.push(format!("{} imports are too many; a scenario wants a few dozen", self.imports_count()));
        }
        if refused.is_empty() {
            return Ok(());
        }
        Err(ComponentError::Imports(told(refused.iter().map(String::as_str), 0, "; ")))
    }

    fn imports_count(&self) -> u64 {
        self.imports.kept.len() as u64 + self.imports.more
    }
}

/// Why an import is not offered and what to do about it; none where it is.
pub fn refusal(import: &str) -> Option<&'static str> {
    let version = import.split_once('@').map_or("", |(_, version)| version);
    if import.starts_with(CONTRACT) {
        return (!version.starts_with("0.1."))
            .then_some("this host speaks version 0.1 of the contract; build the scenario against that");
    }
    if import.starts_with("wasi:http/") {
        return Some("outgoing wasi:http is not offered; make requests through wasmload:scenario/http");
    }
    if !OFFERED.iter().any(|(offered, _)| import.starts_with(offered)) {
        return Some(
            "nothing of that name is offered; a scenario may import wasmload:scenario and WASI's cli, clocks, io and \
             random; build it without this import",
        );
    }
    let known = version.starts_with("0.2.") || version.starts_with("0.3.");
    (!known).then_some("WASI is offered in the versions 0.2 (up to 0.2.12) and 0.3; build against one of them")
}
