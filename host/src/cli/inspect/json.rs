//! What was found as JSON, in a format of its own that outlives changes of the types here. `docs/inspect.md` says what each
//! field means.

use serde::Serialize;

use super::{Finding, Verdict};
use crate::component::{self, Purpose, refusal};
use crate::run::Tasks;
use crate::sandbox::{self, TaskSet, WaitTime};
use crate::terminal::is_harmful;

/// The name of the format and its version. The version changes when a field goes or changes its meaning; new fields may
/// come within a version.
const SCHEMA: &str = "wasmload-component/1";

/// The finding as one JSON document.
///
/// # Errors
/// None that is known of: its types all have a form in JSON.
pub(super) fn render(finding: &Finding) -> serde_json::Result<String> {
    let text = serde_json::to_string_pretty(&Document::new(finding))? + "\n";
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // JSON leaves some characters as they are that a terminal would obey. Each of them has a code of four digits.
            c if is_harmful(c) && c != '\n' => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    Ok(escaped)
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    version: &'static str,
    source: &'a str,
    sha256: String,
    pin: &'a str,
    size_bytes: usize,
    verdict: VerdictRow<'a>,
    made_by: Origin<'a>,
    contract: Contract<'a>,
    takes: Takes,
    imports: Vec<Import<'a>>,
    imports_left_out: u64,
    exports: &'a [String],
    exports_left_out: u64,
    other_exports: &'a [String],
    other_exports_left_out: u64,
    tasks: Option<TasksRow<'a>>,
    hosts_in_data: &'a [String],
    hosts_left_out: u64,
}

impl<'a> Document<'a> {
    fn new(finding: &'a Finding) -> Self {
        let component::Component { shape, origin, hosts } = &finding.component;
        Document {
            schema: SCHEMA,
            version: finding.version,
            source: &finding.source,
            sha256: finding.sha256.to_string(),
            pin: &finding.pin,
            size_bytes: finding.size_bytes,
            verdict: VerdictRow::new(&finding.verdict),
            made_by: Origin::new(origin),
            contract: Contract::new(shape),
            takes: Takes::new(finding),
            imports: shape.imports.kept.iter().map(|name| Import::new(name)).collect(),
            imports_left_out: shape.imports.more,
            exports: &shape.exports.kept,
            exports_left_out: shape.exports.more,
            other_exports: &shape.other_exports.kept,
            other_exports_left_out: shape.other_exports.more,
            tasks: TasksRow::new(finding),
            hosts_in_data: &hosts.kept,
            hosts_left_out: hosts.more,
        }
    }
}

#[derive(Serialize)]
struct VerdictRow<'a> {
    /// Whether a run would take it.
    accepted: bool,
    /// Whether it was compiled to find out.
    compiled: bool,
    /// What a run would fail to do.
    refusal: Option<&'a str>,
}

impl<'a> VerdictRow<'a> {
    fn new(verdict: &'a Verdict) -> Self {
        match verdict {
            Verdict::Accepted(_) => VerdictRow { accepted: true, compiled: true, refusal: None },
            Verdict::NotCompiled => VerdictRow { accepted: true, compiled: false, refusal: None },
            Verdict::Refused { why, compiled } => {
                VerdictRow { accepted: false, compiled: *compiled, refusal: Some(why) }
            }
        }
    }
}

#[derive(Serialize)]
struct Origin<'a> {
    language: Option<&'a str>,
    tools: Vec<Tool<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    version: &'a str,
}

impl<'a> Origin<'a> {
    fn new(origin: &'a component::Origin) -> Self {
        let tool = |tool: &'a component::Tool| Tool { name: &tool.name, version: &tool.version };
        Origin { language: origin.language.as_deref(), tools: origin.tools.iter().map(tool).collect() }
    }
}

/// What of the contract it fits.
#[derive(Serialize)]
struct Contract<'a> {
    versions: Vec<&'a str>,
    kind: Option<&'static str>,
    lifecycle: bool,
    world: Option<&'static str>,
}

impl<'a> Contract<'a> {
    fn new(shape: &'a component::Shape) -> Self {
        Contract {
            versions: shape.contract_versions(),
            kind: shape.entry().ok().map(|entry| entry.kind.interface()),
            lifecycle: shape.has_lifecycle(),
            world: shape.world(),
        }
    }
}

/// What one instance takes.
#[derive(Serialize)]
struct Takes {
    memory_bytes: u64,
    max_memory_bytes: usize,
    memory_fits: bool,
    memories: u32,
    tables: u32,
    table_elements: u64,
    core_instances: u32,
}

impl Takes {
    fn new(finding: &Finding) -> Self {
        let component::Shape { memories, memory_bytes, tables, table_elements, core_instances, .. } =
            finding.component.shape;
        Takes {
            memory_bytes,
            max_memory_bytes: finding.max_memory_bytes,
            memory_fits: memory_bytes <= finding.max_memory_bytes as u64,
            memories,
            tables,
            table_elements,
            core_instances,
        }
    }
}

#[derive(Serialize)]
struct Import<'a> {
    name: &'a str,
    purpose: &'static str,
    offered: bool,
    /// What to do about one that is not offered.
    advice: Option<&'static str>,
}

impl<'a> Import<'a> {
    fn new(name: &'a str) -> Self {
        let advice = refusal(name);
        Import { name, purpose: Purpose::of(name).name(), offered: advice.is_none(), advice }
    }
}

/// What it says of its tasks.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
enum TasksRow<'a> {
    Described { list: Vec<Task<'a>>, left_out: usize, sequential: bool, wait: Wait },
    Failed { reason: &'a str },
    NotAsked,
}

#[derive(Serialize)]
struct Task<'a> {
    name: &'a str,
    weight: u32,
    tags: Vec<&'a str>,
}

/// How many tasks, and tags of one, are told.
const MAX_TASKS: usize = 1_000;

impl<'a> TasksRow<'a> {
    fn new(finding: &'a Finding) -> Option<Self> {
        let has_tasks = finding.component.shape.entry().is_ok_and(|entry| entry.kind.has_tasks());
        match &finding.verdict {
            Verdict::Accepted(Tasks::Described(set)) => Some(TasksRow::described(set)),
            Verdict::Accepted(Tasks::Unknown(reason)) => Some(TasksRow::Failed { reason }),
            Verdict::Accepted(Tasks::None) => None,
            Verdict::NotCompiled | Verdict::Refused { .. } => has_tasks.then_some(TasksRow::NotAsked),
        }
    }

    fn described(set: &'a TaskSet) -> Self {
        let task = |task: &'a sandbox::Task| Task {
            name: &task.shown_name,
            weight: task.weight,
            tags: task.shown_tags.iter().take(MAX_TASKS).map(String::as_str).collect(),
        };
        TasksRow::Described {
            list: set.tasks.iter().take(MAX_TASKS).map(task).collect(),
            left_out: set.tasks.len().saturating_sub(MAX_TASKS),
            sequential: set.sequential,
            wait: Wait::new(set.wait),
        }
    }
}

/// The pause between two tasks.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Wait {
    None,
    Constant { seconds: f64 },
    Between { least_seconds: f64, most_seconds: f64 },
    Pacing { seconds: f64 },
}

impl Wait {
    fn new(wait: WaitTime) -> Self {
        match wait {
            WaitTime::None => Wait::None,
            WaitTime::Constant(time) => Wait::Constant { seconds: time.as_secs_f64() },
            WaitTime::Between(least, most) => {
                Wait::Between { least_seconds: least.as_secs_f64(), most_seconds: most.as_secs_f64() }
            }
            WaitTime::Pacing(time) => Wait::Pacing { seconds: time.as_secs_f64() },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::cli::inspect::fixture;
    use crate::report::golden;

    fn all() -> [Finding; 3] {
        [fixture::tasks(), fixture::refused(), fixture::unknown()]
    }

    #[test]
    fn findings_are_golden() {
        for (name, finding) in ["tasks", "refused", "unknown"].into_iter().zip(all()) {
            golden::check_in("cli/inspect", &format!("{name}.json"), &render(&finding).expect("it has a form in JSON"));
        }
    }

    #[test]
    fn names_are_whole_and_steer_no_terminal() {
        let text = render(&fixture::refused()).expect("it has a form in JSON");
        assert!(!text.chars().any(|c| is_harmful(c) && c != '\n'), "{text:?}");
        let value: Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(value["imports"][1]["name"], "evil:corp/a\x1b[31mb\u{202e}c\u{7f}@1.0.0");
    }

    #[test]
    fn every_field_is_documented() {
        fn fields(value: &Value, found: &mut BTreeSet<String>) {
            value.as_array().into_iter().flatten().for_each(|item| fields(item, found));
            for (name, value) in value.as_object().into_iter().flatten() {
                found.insert(name.clone());
                fields(value, found);
            }
        }
        let mut found = BTreeSet::new();
        for finding in all() {
            let text = render(&finding).expect("it has a form in JSON");
            fields(&serde_json::from_str(&text).expect("it is JSON"), &mut found);
        }
        let page = include_str!("../../../../docs/inspect.md");
        let missing: Vec<_> = found.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn waits_are_told_in_seconds() {
        use std::time::Duration;
        let of = |wait| serde_json::to_string(&Wait::new(wait)).expect("it has a form in JSON");
        assert_eq!(of(WaitTime::None), r#"{"kind":"none"}"#);
        assert_eq!(of(WaitTime::Constant(Duration::from_millis(1_500))), r#"{"kind":"constant","seconds":1.5}"#);
        assert_eq!(of(WaitTime::Pacing(Duration::from_secs(5))), r#"{"kind":"pacing","seconds":5.0}"#);
    }
}
