//! The program on a terminal. `script`, which is part of every Debian, makes one.

mod screen;

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use crate::support::program::{Ran, Wasmload, guest};
use crate::support::server::Server;

use screen::Screen;

/// What the live view writes after each frame, of which contemporary terminals show all at once.
const FRAME_ENDS: &str = "\x1b[?2026l";

/// Three virtual users that sleep for a second twice: long enough for the view to be drawn with figures, since figures
/// come each second.
const LOAD: &str = "-u 3 --iterations-per-user 2 --seed 1";

/// What a terminal of that size is sent in a run; a size of 0 is that of a terminal which does not know its own.
fn run_on_terminal(rows: u32, columns: u32, environment: &[(&str, &str)]) -> Ran {
    let server = Server::start();
    let Wasmload { command, directory } =
        Wasmload::new(["run".as_ref(), guest("sleeper").as_os_str()]).with(LOAD).against(&server);
    let quoted = |text: &OsStr| format!("'{}'", text.to_str().expect("UTF-8").replace('\'', r"'\''"));
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
        .stdin(Stdio::null());
    Ran::new(script.output().expect("script starts"), directory).expect(0)
}

/// What is to be seen after each of the live view's frames, and in the end.
fn seen(sent: &str) -> (Vec<String>, String) {
    let (mut screen, mut frames) = (Screen::default(), Vec::new());
    let mut pieces = sent.split_inclusive(FRAME_ENDS).peekable();
    while let Some(piece) = pieces.next() {
        screen.feed(piece);
        if pieces.peek().is_some() {
            frames.push(screen.text());
        }
    }
    (frames, screen.text())
}

#[test]
fn the_live_view_is_drawn_and_taken_away() {
    let sent = run_on_terminal(30, 100, &[]).stdout;
    let (frames, end) = seen(&sent);
    let with_figures = frames.iter().find(|frame| frame.contains("3 VUs"));
    let frame = with_figures.unwrap_or_else(|| panic!("no frame has figures:\n{frames:#?}"));
    for word in ["sleeper", " of 6 iterations", "req/s", "p95", "Ctrl-C stops"] {
        assert!(frame.contains(word), "`{word}` is missing:\n{frame}");
    }
    // Frames are drawn over each other: the view's first line is there once.
    assert_eq!(frame.matches("Ctrl-C stops").count(), 1, "{frame}");
    // The summary stands alone, and the last colour was taken back. That the cursor was not hidden, the screen not
    // exchanged for another, the screen above has made sure of.
    assert!(end.starts_with("sleeper · 3 VUs"), "{end}");
    assert!(end.contains("6 requests") && !end.contains("Ctrl-C stops"), "{end}");
    let mut colors = control_sequences(&sent).filter(|sequence| sequence.ends_with('m'));
    assert_eq!(colors.next_back(), Some("0m"), "{sent:?}");
}

#[test]
fn no_color_leaves_colours_out() {
    let sent = run_on_terminal(30, 100, &[("NO_COLOR", "1")]).stdout;
    let (frames, end) = seen(&sent);
    assert!(!frames.is_empty() && end.contains("6 requests"), "{sent:?}");
    assert_eq!(control_sequences(&sent).find(|sequence| sequence.ends_with('m')), None);
}

#[test]
fn a_terminal_that_does_not_know_its_size_gets_the_usual_one() {
    let (frames, end) = seen(&run_on_terminal(0, 0, &[]).stdout);
    assert!(frames.iter().any(|frame| frame.contains("3 VUs")), "{frames:#?}");
    // Cut to no width, columns would be missing.
    for column in ["count", "failed", "mean", "p50", "p95", "max"] {
        assert!(end.contains(column), "`{column}` is missing:\n{end}");
    }
}

/// What follows each `ESC [`, with the letter that ends it.
fn control_sequences(sent: &str) -> impl DoubleEndedIterator<Item = &str> {
    let sequences: Vec<&str> = sent.split("\x1b[").skip(1).collect();
    sequences.into_iter().map(|sequence| {
        let end = sequence.find(|character: char| character.is_ascii_alphabetic());
        &sequence[..=end.expect("a letter ends it")]
    })
}
