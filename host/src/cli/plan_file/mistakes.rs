//! What is wrong with a plan, and where.

use std::fmt;
use std::path::Path;

use super::settings::Place;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) place: Place,
    text: String,
    /// Where the other thing is that it does not go with.
    other: Option<Place>,
}

impl Mistake {
    pub(super) fn new(place: Place, text: impl Into<String>) -> Mistake {
        Mistake { place, text: text.into(), other: None }
    }

    /// This mistake, which is one only beside something else.
    pub(super) fn beside(self, other: Place) -> Mistake {
        Mistake { other: Some(other), ..self }
    }
}

/// A plan file's name and text, to tell lines by.
pub(super) struct Text<'a> {
    file: String,
    text: &'a str,
}

impl Text<'_> {
    /// Of a command line without a file.
    pub(super) fn none() -> Text<'static> {
        Text { file: String::new(), text: "" }
    }

    pub(super) fn of<'a>(path: &Path, text: &'a str) -> Text<'a> {
        Text { file: path.display().to_string(), text }
    }

    /// The error that tells these mistakes, in the file's order.
    pub(super) fn error(&self, mut mistakes: Vec<Mistake>) -> PlanFileError {
        mistakes.sort_by_key(|mistake| mistake.place);
        mistakes.dedup();
        let lines = mistakes.iter().map(|mistake| self.line(mistake)).collect();
        PlanFileError { what: if self.file.is_empty() { "" } else { "plan" }, lines }
    }

    fn line(&self, mistake: &Mistake) -> String {
        // Texts out of the file stand in it, and must not steer the terminal.
        let text: String = mistake.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let other = match mistake.other {
            Some(Place::File(offset)) => format!(" (the other is on line {})", position(self.text, offset).0),
            Some(Place::CommandLine) => " (the other is on the command line)".to_owned(),
            Some(Place::Policy) => " (the other is in the policy)".to_owned(),
            None => String::new(),
        };
        match mistake.place {
            Place::File(offset) => {
                let (line, column) = position(self.text, offset);
                format!("{}:{line}:{column}: {text}{other}", self.file)
            }
            Place::CommandLine => text + &other,
            Place::Policy => format!("in the policy: {text}{other}"),
        }
    }
}

/// The line and the column, both from 1, of a byte.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// Why a plan file, or the flags of a command line, make no plan. Several mistakes stand in a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct PlanFileError {
    /// Of which file it is; empty for flags.
    what: &'static str,
    lines: Vec<String>,
}

impl PlanFileError {
    /// The same of a policy.
    pub(super) fn of_policy(self) -> PlanFileError {
        PlanFileError { what: "policy", ..self }
    }
}

impl fmt::Display for PlanFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.lines[..], self.what) {
            (lines, "") => f.write_str(&lines.join("; ")),
            ([line], what) => write!(f, "use the {what}: {line}"),
            (lines, what) => write!(f, "use the {what}:\n{}", lines.join("\n")),
        }
    }
}

impl std::error::Error for PlanFileError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_1() {
        let text = "a\nµ = é\n";
        let positions = [0, 1, 2, 7, 99].map(|offset| position(text, offset));
        assert_eq!(positions, [(1, 1), (1, 2), (2, 1), (2, 5), (3, 1)]);
    }

    #[test]
    fn mistakes_stand_in_the_order_of_the_file_and_cannot_steer_a_terminal() {
        let text = Text::of(Path::new("p.toml"), "a\nb\n");
        let mistake = |at, text: &str| Mistake::new(Place::File(at), text);
        let error = text.error(vec![mistake(2, "two\u{1b}[2J"), mistake(0, "one"), mistake(0, "one")]);
        assert_eq!(error.to_string(), "use the plan:\np.toml:1:1: one\np.toml:2:1: two [2J");
        assert_eq!(text.error(vec![mistake(2, "two")]).to_string(), "use the plan: p.toml:2:1: two");
        let flags = vec![Mistake::new(Place::CommandLine, "use -u")];
        assert_eq!(Text::none().error(flags).to_string(), "use -u");
    }
}
