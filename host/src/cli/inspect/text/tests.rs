use super::*;
use crate::cli::inspect::fixture;
use crate::report::golden;

fn look(width: usize) -> Look {
    Look { width, ..Look::default() }
}

#[test]
fn findings_are_golden() {
    for (name, finding) in
        [("tasks", fixture::tasks()), ("refused", fixture::refused()), ("unknown", fixture::unknown())]
    {
        for width in [80, 120] {
            let text = render(&finding, look(width));
            golden::check_in("cli/inspect", &format!("{name}_{width}.txt"), &text);
        }
    }
}

#[test]
fn lines_fit_and_steer_no_terminal() {
    for finding in [fixture::tasks(), fixture::refused(), fixture::unknown()] {
        for width in 40..140 {
            let text = render(&finding, look(width));
            assert!(!text.chars().any(|c| crate::terminal::is_harmful(c) && c != '\n'), "{text:?}");
            // The pin stands in one piece, to be copied.
            let lines = text.lines().filter(|line| !line.starts_with("  pin "));
            lines.for_each(|line| assert!(crate::report::words::width(line) <= width, "{line} in {width}"));
        }
        let ascii = render(&finding, Look { unicode: false, ..Look::default() });
        assert!(ascii.is_ascii(), "{ascii}");
    }
}

#[test]
fn what_is_told_twice_is_listed_once_and_the_rest_counted() {
    assert_eq!(listed(["a", "b", "a"].into_iter(), 3), "a, b");
    assert_eq!(listed(["a", "b"].into_iter(), 7), "a, b and 5 more");
    let many: Vec<String> = (0..150).map(|at| at.to_string()).collect();
    assert!(listed(many.iter().map(String::as_str), 1_200).ends_with(", 98, 99 and 1,100 more"));
}

#[test]
fn waits_are_told_in_words() {
    use std::time::Duration;
    let seconds = Duration::from_secs;
    assert_eq!(wait(WaitTime::Constant(seconds(2))), "with 2.00 s between them");
    assert_eq!(wait(WaitTime::Between(seconds(1), seconds(90))), "with 1.00 s to 1m30s between them");
    assert_eq!(wait(WaitTime::Pacing(seconds(5))), "their starts 5.00 s apart");
}
