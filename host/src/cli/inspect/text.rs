//! What was found, as a person reads it; the verdict last, next to the prompt.

use std::collections::BTreeMap;

use super::{Finding, Verdict};
use crate::component::{Names, Origin, Purpose, Tool};
use crate::report::Look;
use crate::report::table::{Cell, Column, Fit, Table};
use crate::report::words::{Tone, clean, paint, plural, to_ascii, width, wrap};
use crate::run::Tasks;
use crate::sandbox::{TaskSet, WaitTime};
use crate::units::{show_bytes, show_count, show_duration, show_mib, show_share};

/// How many tasks, and names of a kind, are shown.
const MAX_SHOWN: usize = 100;

/// The finding as text.
pub(super) fn render(finding: &Finding, look: Look) -> String {
    let page = Page { finding, look: Look { width: look.width.max(40), ..look } };
    let sections = [page.heading(), page.imports(), page.exports(), page.tasks(), page.hosts(), page.verdict()];
    let text = sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n");
    if look.unicode { text } else { to_ascii(&text) }
}

/// Columns of a label.
const LABEL: usize = 11;

struct Page<'a> {
    finding: &'a Finding,
    look: Look,
}

impl<'a> Page<'a> {
    fn heading(&self) -> String {
        let Finding { source, component, size_bytes, .. } = self.finding;
        let title = format!("{} · {}", clean(source), show_bytes(*size_bytes as u64));
        let mut text = self.title(&title);
        // In one piece, to be copied.
        text.push_str(&format!("{}{}\n", self.label("pin"), clean(&self.finding.pin)));
        text.push_str(&self.field("made by", &made_by(&component.origin)));
        text.push_str(&self.field("kind", &self.kind()));
        text.push_str(&self.field("takes", &self.takes()));
        text
    }

    fn kind(&self) -> String {
        let shape = &self.finding.component.shape;
        let Ok(entry) = shape.entry() else { return "no scenario".to_owned() };
        let lifecycle = if shape.has_lifecycle() { "with a lifecycle" } else { "without a lifecycle" };
        let versions: Vec<String> = shape.contract_versions().into_iter().map(clean).collect();
        let world = shape.world().map_or("a world of its own".to_owned(), |world| format!("world {world}"));
        let kind = entry.kind.interface();
        format!("{kind} {lifecycle}; contract wasmload:scenario {}, {world}", versions.join(", "))
    }

    fn takes(&self) -> String {
        let Finding { component, max_memory_bytes, .. } = self.finding;
        let shape = &component.shape;
        let fits = if shape.memory_bytes <= *max_memory_bytes as u64 { "within" } else { "above" };
        let memory = match shape.memories {
            0 => "no memory".to_owned(),
            count => format!(
                "{} of memory at its start ({fits} --max-memory's default of {}), {}",
                show_mib(shape.memory_bytes),
                show_mib(*max_memory_bytes as u64),
                counted(count.into(), "memory", "memories"),
            ),
        };
        let tables = plural(shape.tables.into(), "table");
        format!("{memory}, {tables}, {}", plural(shape.core_instances.into(), "core instance"))
    }

    /// What each group of imports lets it do, in words.
    fn imports(&self) -> String {
        let imports = &self.finding.component.shape.imports;
        if imports.is_empty() {
            return self.title("By its imports it does nothing: there are none");
        }
        let mut groups: BTreeMap<Purpose, Vec<&str>> = BTreeMap::new();
        for import in &imports.kept {
            groups.entry(Purpose::of(import)).or_default().push(import);
        }
        let mut text = self.title("By its imports it");
        for (purpose, imports) in groups {
            let refused = purpose == Purpose::Refused;
            // Which version it is matters where that may be what is wrong.
            let shown = |import: &&'a str| if refused { *import } else { import.split('@').next().unwrap_or_default() };
            let through = listed(imports.iter().map(shown), imports.len());
            let tone = if refused { Tone::Bad } else { Tone::Plain };
            text.push_str(&self.paragraph("  ", tone, &format!("{}, through {through}", purpose.words())));
        }
        if imports.more > 0 {
            let line = format!("imports {} more, which are too many", show_count(imports.more));
            text.push_str(&self.paragraph("  ", Tone::Bad, &line));
        }
        text
    }

    fn exports(&self) -> String {
        let shape = &self.finding.component.shape;
        let all = |names: &Names| listed(names.kept.iter().map(String::as_str), names.kept.len() + names.more as usize);
        let mut text = self.title(if shape.exports.is_empty() { "It exports no interface" } else { "It exports" });
        if !shape.exports.is_empty() {
            text.push_str(&self.paragraph("  ", Tone::Plain, &all(&shape.exports)));
        }
        if !shape.other_exports.is_empty() {
            let line = format!("and what nobody calls: {}", all(&shape.other_exports));
            text.push_str(&self.paragraph("  ", Tone::Plain, &line));
        }
        text
    }

    fn tasks(&self) -> String {
        match &self.finding.verdict {
            Verdict::Accepted(Tasks::Described(set)) => self.task_table(set),
            Verdict::Accepted(Tasks::Unknown(why)) => {
                let line = format!("it did not say which, with no variables and secrets to go by: {}", clean(why));
                self.title("Tasks") + &self.paragraph("  ! ", Tone::Caution, &line)
            }
            Verdict::Accepted(Tasks::None) | Verdict::NotCompiled | Verdict::Refused { .. } => String::new(),
        }
    }

    fn task_table(&self, set: &TaskSet) -> String {
        let mut table = Table::new(vec![
            Column::left("", Fit::Middle(12)),
            Column::right("weight", Fit::Keep),
            Column::right("share", Fit::Drop(1)),
            Column::left("tags", Fit::End(8)),
        ]);
        table.section("Tasks");
        let total: u64 = set.tasks.iter().map(|task| u64::from(task.weight)).sum();
        for task in set.tasks.iter().take(MAX_SHOWN) {
            let share = if set.sequential { String::new() } else { show_share(task.weight.into(), total) };
            let tags: Vec<String> = task.shown_tags.iter().take(MAX_SHOWN).map(|tag| clean(tag)).collect();
            let weight = show_count(task.weight.into());
            table.row(vec![clean(&task.shown_name).into(), weight.into(), share.into(), tags.join(", ").into()]);
        }
        if let Some(more) = set.tasks.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
            table.text(format!("and {} more", show_count(more as u64)));
        }
        let order = if set.sequential { "in this order" } else { "drawn by weight" };
        table.text(Cell::new(format!("{order}, {}", wait(set.wait))).tone(Tone::Dim));
        table.render(&self.look)
    }

    fn hosts(&self) -> String {
        let hosts = &self.finding.component.hosts;
        if hosts.kept.is_empty() {
            return String::new();
        }
        let all = listed(hosts.kept.iter().map(String::as_str), hosts.kept.len() + hosts.more as usize);
        self.title("Hosts that its data name: a hint, neither complete nor sure")
            + &self.paragraph("  ", Tone::Plain, &all)
    }

    fn verdict(&self) -> String {
        match &self.finding.verdict {
            Verdict::Accepted(Tasks::Unknown(_)) => {
                self.paragraph("✓ ", Tone::Good, "a run would take it, once it says what its tasks are")
            }
            Verdict::Accepted(_) => self.paragraph("✓ ", Tone::Good, "a run would take it"),
            Verdict::NotCompiled => {
                let line = "nothing in its bytes speaks against a run; it was not compiled (--no-run)";
                self.paragraph("✓ ", Tone::Good, line)
            }
            Verdict::Refused { why, .. } => {
                self.paragraph("✗ ", Tone::Bad, &format!("a run would refuse it: it would fail to {}", clean(why)))
            }
        }
    }

    fn title(&self, title: &str) -> String {
        self.paragraph("", Tone::Strong, title)
    }

    fn label(&self, label: &str) -> String {
        paint(&format!("  {label:<width$}", width = LABEL - 2), Tone::Dim, self.look.color)
    }

    /// A labelled text, which goes on below itself.
    fn field(&self, label: &str, text: &str) -> String {
        let lines = wrap(text, self.look.width - LABEL);
        let labels = std::iter::once(self.label(label)).chain(std::iter::repeat(" ".repeat(LABEL)));
        lines.iter().zip(labels).map(|(line, label)| format!("{label}{line}\n")).collect()
    }

    /// A text behind a mark, which goes on below itself.
    fn paragraph(&self, mark: &str, tone: Tone, text: &str) -> String {
        let indentation = width(mark);
        let blank = " ".repeat(indentation + 2);
        let lines = wrap(text, self.look.width - indentation - 2);
        let marks = std::iter::once(mark).chain(std::iter::repeat(blank.as_str()));
        lines.iter().zip(marks).map(|(line, mark)| self.painted(&format!("{mark}{line}"), tone)).collect()
    }

    fn painted(&self, line: &str, tone: Tone) -> String {
        paint(line, tone, self.look.color) + "\n"
    }
}

/// The language and the tools, each with its version's first word.
fn made_by(origin: &Origin) -> String {
    let tool = |tool: &Tool| {
        let version = tool.version.split_whitespace().next().unwrap_or_default();
        clean(&format!("{} {version}", tool.name))
    };
    let tools = origin.tools.iter().map(tool).collect::<Vec<_>>().join(", ");
    match &origin.language {
        Some(language) if tools.is_empty() => clean(language),
        Some(language) => format!("{}: {tools}", clean(language)),
        None if tools.is_empty() => "unknown: it does not say".to_owned(),
        None => format!("unknown language: {tools}"),
    }
}

/// Some of that many texts, each told once, and how many there are beside them.
fn listed<'a>(texts: impl Iterator<Item = &'a str>, count: usize) -> String {
    let mut shown: Vec<&str> = Vec::new();
    let mut known = 0;
    for text in texts {
        let is_known = shown.contains(&text);
        if !is_known && shown.len() == MAX_SHOWN {
            break;
        }
        known += 1;
        if !is_known {
            shown.push(text);
        }
    }
    let mut text = shown.into_iter().map(clean).collect::<Vec<_>>().join(", ");
    if count > known {
        text.push_str(&format!(" and {} more", show_count((count - known) as u64)));
    }
    text
}

/// What lies between two tasks.
fn wait(wait: WaitTime) -> String {
    match wait {
        WaitTime::None => "without waits between them".to_owned(),
        WaitTime::Constant(time) => format!("with {} between them", show_duration(time)),
        WaitTime::Between(least, most) => {
            format!("with {} to {} between them", show_duration(least), show_duration(most))
        }
        WaitTime::Pacing(time) => format!("their starts {} apart", show_duration(time)),
    }
}

fn counted(count: u64, one: &str, several: &str) -> String {
    format!("{} {}", show_count(count), if count == 1 { one } else { several })
}

#[cfg(test)]
mod tests;
