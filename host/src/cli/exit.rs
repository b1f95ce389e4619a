//! What the program's exit code says. Where k6 has a code for the same thing, the number is k6's.

/// The run was made as planned, whatever its requests came to.
pub const SUCCESS: u8 = 0;
/// Something went wrong that has no code of its own, for example a result that could not be written.
pub const FAILURE: u8 = 1;
/// Of a comparison: the second run is worse than the first.
pub const WORSE: u8 = 96;
/// A threshold failed.
pub const THRESHOLD_FAILED: u8 = 99;
/// Flags, files or the scenario itself can't be used; no load was made.
pub const INVALID_CONFIG: u8 = 104;
/// Ctrl-C, SIGTERM or the key `q` ended the run before its time.
pub const INTERRUPTED: u8 = 105;
/// The scenario could not run: its `setup` failed, or every virtual user did. Of a check: something in it failed.
pub const SCENARIO_FAILED: u8 = 107;
/// A scenario ended the run by `stop-test`.
pub const STOPPED_BY_SCENARIO: u8 = 108;

/// All codes, with what they mean in a few words.
pub const ALL: [(u8, &str); 8] = [
    (SUCCESS, "the run was made as planned, whatever its requests came to"),
    (FAILURE, "something else went wrong, for example a result could not be written"),
    (WORSE, "of `compare`: the second run is worse than the first"),
    (THRESHOLD_FAILED, "a threshold failed"),
    (INVALID_CONFIG, "flags, files or the scenario can't be used; no load was made"),
    (INTERRUPTED, "Ctrl-C, SIGTERM or the key `q` ended the run before its time"),
    (
        SCENARIO_FAILED,
        "the scenario could not run: its `setup` failed, or every virtual user did; of `check`: something failed",
    ),
    (STOPPED_BY_SCENARIO, "a scenario ended the run by `stop-test`"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of README's table of codes.
    fn readme() -> Vec<(u8, &'static str)> {
        let lines = include_str!("../../../README.md").lines().skip_while(|line| *line != "| code | meaning |");
        let rows = lines.skip(2).map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
        rows.map(|(code, meaning)| (code.parse().expect("a code is a number below 256"), meaning)).collect()
    }

    #[test]
    fn readme_lists_these_codes_and_no_others() {
        assert_eq!(readme(), ALL);
    }

    #[test]
    fn no_code_means_two_things() {
        assert!(ALL.is_sorted_by(|one, next| one.0 < next.0), "{ALL:?}");
    }
}
