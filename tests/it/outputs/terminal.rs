//! The program on a terminal. `script`, which is part of every Debian, makes one.

use std::process::Command;

use crate::support::program::{Ran, Wasmload, guest};
use crate::support::server::Server;

/// What the live view writes before and after each frame, so that a terminal shows it at once: the synchronized output
/// of contemporary terminals.
const FRAME_BEGINS: &str = "\x1b[?2026h";
const FRAME_ENDS: &str = "\x1b[?2026l";

/// Three virtual users that sleep for a second twice: long enough for the view to be drawn with figures, since figures
/// come each second.
const LOAD: &str = "-u 3 --iterations-per-user 2 --seed 1";

/// What a terminal of that size is sent in a run; a size of 0 is that of a terminal which does not know its own.
fn run_on_terminal(rows: u32, columns: u32, environment: &[(&str, &str)]) -> Ran {
    let server = Server::start();
    let Wasmload { command, directory } =
        Wasmload::new(["run".as_ref(), guest("sleeper").as_os_str()]).with(LOAD).against(&server);
    let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().expect("UTF-8").replace('\'', r"'\''"));
    let words: Vec<String> = std::iter::once(command.get_program()).chain(command.get_args()).map(quoted).collect();
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command"])
        .arg(format!("stty rows {rows} columns {columns}; exec {}", words.join(" ")))
        .arg("/dev/null")
        .current_dir(directory.path())
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env_remove("NO_COLOR")
        .envs([("LC_ALL", "C.UTF-8"), ("TERM", "xterm-256color")])
        .envs(environment.iter().copied())
        .stdin(std::process::Stdio::null());
    Ran::new(script.output().expect("script starts"), directory).expect(0)
}

/// The text without what moves the cursor, clears or colours.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\x1b' {
            // A control sequence: `[`, then parameters up to a letter.
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else if character != '\r' {
            plain.push(character);
        }
    }
    plain
}

/// The live view's frames, and what came after the last one.
fn frames(screen: &str) -> (Vec<String>, &str) {
    let (mut frames, mut rest) = (Vec::new(), screen);
    while let Some((_, begun)) = rest.split_once(FRAME_BEGINS) {
        let (frame, behind) = begun.split_once(FRAME_ENDS).expect("each frame ends");
        frames.push(plain(frame));
        rest = behind;
    }
    (frames, rest)
}

#[test]
fn the_live_view_is_drawn_and_taken_away() {
    let screen = run_on_terminal(30, 100, &[]).stdout;
    let (frames, after) = frames(&screen);
    let with_figures = frames.iter().find(|frame| frame.contains("req/s") || frame.contains("/s"));
    let frame = with_figures.unwrap_or_else(|| panic!("no frame has figures: {screen:?}"));
    assert!(frame.contains("sleeper") && frame.contains("3 VUs"), "{frame}");
    // All of it is gone before the summary comes, which then stands alone.
    let (clearing, summary) = after.split_once("sleeper").expect("the summary begins with the scenario");
    assert_eq!(plain(clearing).trim(), "", "{clearing:?}");
    assert!(plain(summary).contains("6 requests"), "{summary:?}");
    assert_eq!(screen.matches("6 requests").count(), 1, "{screen:?}");
    // The terminal is as it was: its cursor visible, its other screen unused, its colours reset.
    assert_eq!(screen.matches("\x1b[?25l").count(), screen.matches("\x1b[?25h").count(), "{screen:?}");
    assert!(!screen.contains("\x1b[?1049h") && !screen.contains("\x1b[?47h"), "{screen:?}");
    let colors = screen.rmatch_indices("\x1b[").find(|(at, _)| screen[*at..].find('m').is_some_and(|end| end < 12));
    assert!(colors.is_some_and(|(at, _)| screen[at..].starts_with("\x1b[0m")), "{screen:?}");
}

#[test]
fn no_color_leaves_colours_out() {
    let screen = run_on_terminal(30, 100, &[("NO_COLOR", "1")]).stdout;
    let (frames, after) = frames(&screen);
    assert!(!frames.is_empty());
    assert!(plain(after).contains("6 requests"), "{screen:?}");
    // What colours ends in `m`; what moves and clears does not.
    for (at, _) in screen.match_indices("\x1b[") {
        let end = screen[at + 2..].find(|character: char| character.is_ascii_alphabetic()).expect("a letter ends it");
        assert_ne!(screen.as_bytes()[at + 2 + end], b'm', "{:?}", &screen[at..]);
    }
}

#[test]
fn a_terminal_that_does_not_know_its_size_gets_the_usual_one() {
    let screen = run_on_terminal(0, 0, &[("NO_COLOR", "1")]).stdout;
    let (frames, after) = frames(&screen);
    assert!(frames.iter().any(|frame| frame.contains("3 VUs")), "{screen:?}");
    // Cut to no width, names and figures would be missing.
    let summary = plain(after);
    assert!(summary.lines().any(|line| line.contains("sleeper · 3 VUs") && line.contains("seed 1")), "{summary}");
}
