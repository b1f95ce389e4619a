//! Keys that are pressed while the program runs on a terminal. `script`, which is part of every Debian, makes one.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::figures::{count, number, rows};
use crate::support::processes::{read, wait_until};
use crate::support::program::{Ran, Wasmload, guest};
use crate::support::server::{Gate, Server};

/// A shell on a terminal, and what is typed there.
struct Terminal {
    script: Child,
    keyboard: Option<ChildStdin>,
    directory: TempDir,
}

impl Terminal {
    /// A terminal whose shell does these commands, with the program for PROGRAM. The terminal's mode before and after them
    /// is kept, and the last one's exit code is the shell's.
    fn start(program: Wasmload, commands: &str) -> Terminal {
        let Wasmload { command, directory } = program;
        let quoted = |text: &OsStr| format!("'{}'", text.to_str().expect("UTF-8").replace('\'', r"'\''"));
        let words: Vec<String> = std::iter::once(command.get_program()).chain(command.get_args()).map(quoted).collect();
        let commands = commands.replace("PROGRAM", &words.join(" "));
        let mut script = Command::new("script");
        script
            .args(["--quiet", "--return", "--command"])
            .arg(format!(
                "stty rows 30 columns 100; stty -a > before; {commands}; code=$?; stty -a > after; exit $code"
            ))
            .arg("/dev/null")
            .current_dir(directory.path())
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .envs([("LC_ALL", "C.UTF-8"), ("TERM", "xterm-256color"), ("SHELL", "/bin/sh")])
            .stdin(Stdio::piped())
            .stdout(File::create(directory.path().join("stdout")).expect("a temporary directory can be written to"));
        let mut script = script.spawn().expect("script starts");
        Terminal { keyboard: script.stdin.take(), script, directory }
    }

    /// Types that.
    fn press(&mut self, keys: &str) {
        let keyboard = self.keyboard.as_mut().expect("the keyboard is there until the end");
        keyboard.write_all(keys.as_bytes()).and_then(|()| keyboard.flush()).expect("the terminal takes keys");
    }

    /// Waits until that file of the program or the shell has such a line, and gives the line.
    #[track_caller]
    fn line(&mut self, file: &str, with: &str) -> String {
        let mut found = None;
        wait_until(&format!("{file} has a line with `{with}`"), || {
            let ended = self.script.try_wait().expect("a child can be waited for");
            let text = read(&self.directory.path().join(file));
            found =
                text.split_inclusive('\n').find(|line| line.contains(with) && line.ends_with('\n')).map(str::to_owned);
            assert!(found.is_some() || ended.is_none(), "it ended without `{with}` in {file}:\n{text}{}", self.shown());
            found.is_some()
        });
        found.expect("it was found")
    }

    /// Waits until the program has logged such a line, and gives the line.
    #[track_caller]
    fn logged(&mut self, with: &str) -> String {
        self.line("log", with)
    }

    fn shown(&self) -> String {
        read(&self.directory.path().join("stdout"))
    }

    /// Waits for the end, after which the terminal must be as it was before.
    #[track_caller]
    fn finish(mut self) -> Ran {
        let mut status = None;
        wait_until("the shell ends", || {
            status = self.script.try_wait().expect("a child can be waited for");
            status.is_some()
        });
        let [before, after] = ["before", "after"].map(|name| read(&self.directory.path().join(name)));
        assert!(before.contains("icanon") && !before.contains("-icanon"), "{before}");
        assert_eq!(after, before, "the terminal has another mode");
        let directory = std::mem::replace(&mut self.directory, TempDir::new().expect("a temporary directory"));
        let code = status.and_then(|status| status.code());
        let [stdout, stderr] = ["stdout", "log"].map(|name| read(&directory.path().join(name)));
        Ran { code, stdout, stderr, directory }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // An error means that it has ended already. Without it the terminal is gone, and so is what runs there.
        drop(self.script.kill());
        drop(self.script.wait());
    }
}

/// Three virtual users that make a request and then sleep for a day, or until the run is stopped.
fn sleepers(server: &Server) -> Wasmload {
    Wasmload::run("sleeper").with("-u 3 --var sleep=86400 --log-file log").against(server)
}

/// What was changed, without when; times go up from 0.
#[track_caller]
fn changes(summary: &Value) -> Vec<Value> {
    let changes = rows(summary, "changes");
    let times: Vec<f64> = changes.iter().map(|change| number(change, "/at_seconds")).collect();
    assert!(times.is_sorted() && times.first().is_none_or(|first| *first >= 0.0), "{changes:#?}");
    let without_time = |change: &Value| {
        let mut change = change.clone();
        let fields = change.as_object_mut().expect("an object");
        fields.remove("at_seconds");
        // Only a change of the load has one.
        if fields["factor"].is_null() {
            fields.remove("factor");
        }
        change
    };
    changes.iter().map(without_time).collect()
}

#[test]
fn keys_change_a_run_and_are_recorded() {
    let server = Server::start();
    let mut terminal = Terminal::start(sleepers(&server), "PROGRAM");
    server.wait_for(3);
    terminal.press("+");
    let more = terminal.logged("load at ");
    terminal.press("p");
    terminal.logged("paused");
    terminal.press("p");
    terminal.logged("going on");
    terminal.press("q");
    let summary = terminal.finish().expect(105).summary();
    let changes = changes(&summary);
    let factor = number(&changes[0], "/factor");
    assert!(factor > 1.0, "{changes:#?}");
    assert!(more.ends_with(&format!("load at {:.0} % of the plan\n", factor * 100.0)), "{more}");
    let kinds: Vec<&Value> = changes.iter().map(|change| &change["what"]).collect();
    assert_eq!(kinds, ["factor", "paused", "resumed", "stopped"]);
    assert!(changes[1..].iter().all(|change| change.get("factor").is_none()), "{changes:#?}");
    assert_eq!(summary["end"], json!({"reason": "interrupted", "forced": false}));
    assert_eq!(summary["interrupted"], json!({"requests": 0, "iterations": 0}));
}

#[test]
fn a_pause_is_in_no_rate_that_a_threshold_judges() {
    let server = Server::start();
    let program = Wasmload::run("status_only").against(&server).with("--rate 20/s -t 3s --log-file log");
    let program = program.arg("--threshold").arg("requests: rate > 15/s");
    let mut terminal = Terminal::start(program, "PROGRAM");
    server.wait_for(5);
    terminal.press("p");
    terminal.logged("paused");
    let paused = Instant::now();
    wait_until("the pause is over", || paused.elapsed() > Duration::from_millis(1500));
    terminal.press("p");
    terminal.logged("going on");
    let summary = terminal.finish().expect(0).summary();
    assert_eq!(changes(&summary), [json!({"what": "paused"}), json!({"what": "resumed"})]);
    assert_eq!(server.requests().len() as u64 + count(&summary, "/dropped_iterations"), 60);
    assert!(number(&summary, "/elapsed_seconds") >= 4.5, "{summary:#}");
    assert_eq!(summary["thresholds"][0]["passed"], true, "{:#}", summary["thresholds"]);
}

#[test]
fn a_second_q_cuts_off_as_a_second_ctrl_c_does() {
    // Three requests that no answer comes to: the gate waits for a fourth.
    let server = Server::gated(Gate::of(4));
    let program = Wasmload::run("status_only").with("-u 3 --graceful-stop 1h --log-file log").against(&server);
    let mut terminal = Terminal::start(program, "PROGRAM");
    server.wait_for(3);
    terminal.press("q");
    terminal.logged("press q again to cut them off");
    terminal.press("q");
    let summary = terminal.finish().expect(105).summary();
    assert_eq!(summary["end"], json!({"reason": "interrupted", "forced": true}));
    assert_eq!(summary["interrupted"], json!({"requests": 3, "iterations": 3}));
}

#[test]
fn ctrl_c_stays_what_it_was() {
    let server = Server::start();
    let mut terminal = Terminal::start(sleepers(&server), "trap : INT; PROGRAM");
    server.wait_for(3);
    // Once this key has come to something, the terminal has its other mode.
    terminal.press("p");
    terminal.logged("paused");
    terminal.press("\x03");
    let summary = terminal.finish().expect(105).summary();
    assert_eq!(summary["end"], json!({"reason": "interrupted", "forced": false}));
}

#[test]
fn other_keys_do_nothing() {
    let server = Server::start();
    let mut terminal = Terminal::start(sleepers(&server), "PROGRAM");
    server.wait_for(3);
    // An arrow, the number pad's 1, Alt and a key, letters, Return, Ctrl-D; each is followed by what means something.
    terminal.press("\x1b[A\x1bOq\x1bqxyQ\r\x04");
    terminal.press("p");
    terminal.logged("paused");
    terminal.press("q");
    let summary = terminal.finish().expect(105).summary();
    assert_eq!(changes(&summary), [json!({"what": "paused"}), json!({"what": "stopped"})]);
}

#[test]
fn a_run_that_was_stopped_and_continued_listens_again() {
    let server = Server::start();
    // As a shell does that a person sits at: it has its own mode meanwhile.
    let commands = "set -m; own=$(stty -g); PROGRAM; stty \"$own\"; echo stopped > stopped; fg";
    let mut terminal = Terminal::start(sleepers(&server), commands);
    server.wait_for(3);
    terminal.press("p");
    terminal.logged("paused");
    terminal.press("\x1a");
    terminal.line("stopped", "stopped");
    terminal.press("p");
    terminal.logged("going on");
    terminal.press("q");
    let summary = terminal.finish().expect(105).summary();
    let kinds = ["paused", "resumed", "stopped"].map(|what| json!({"what": what}));
    assert_eq!(changes(&summary), kinds);
}

#[test]
fn a_run_in_the_background_leaves_the_terminal_alone() {
    let server = Server::start();
    let program = Wasmload::run("status_only").with("-i 3 --log-file log").against(&server);
    // Touching the terminal from there would stop it, and it would never end.
    let summary = Terminal::start(program, "set -m; PROGRAM & wait $!").finish().expect(0).summary();
    assert_eq!(changes(&summary), [] as [Value; 0]);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_run_that_ends_by_itself_gives_the_terminal_back() {
    let server = Server::start();
    let program = Wasmload::new(["run".as_ref(), guest("status_only").as_os_str()]).with("-i 3 --log-file log");
    Terminal::start(program.against(&server), "PROGRAM").finish().expect(0);
    assert_eq!(server.requests().len(), 3);
}
