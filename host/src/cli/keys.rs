//! Keys that change a run while it goes on in a terminal: more load and less, pause, stop.
//!
//! It owns the terminal's mode and a thread that reads standard input. Ctrl-C and Ctrl-Z stay signals, which others see
//! to. It must not know what the load is: a key tells the run's control, and no more.

use std::fs::File;
use std::io::{self, IsTerminal, PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{read, retry_on_intr};
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr, tcgetpgrp, tcsetattr,
};

use crate::control::{Control, Step};

/// How often the terminal is looked at without input: 200 ms.
const LOOK_AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Hands keys on while it is there. When it is dropped, the terminal has its mode back.
#[derive(Debug)]
pub(super) struct Keys {
    /// Closed to end the thread.
    open: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Keys {
    /// Hands the keys that are pressed from now on to that control, and drops those pressed before. None where nobody
    /// can press any: standard input or standard error is no terminal, the terminal is another's, or it does not let its
    /// mode be changed. None too where standard output goes to another program, which may be a pager with keys of its
    /// own.
    pub(super) fn listen(control: Control) -> Option<Keys> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() || goes_to_program(io::stdout()) {
            return None;
        }
        let terminal = Terminal::take()?;
        let (end, open) = io::pipe().ok()?;
        let listener = Listener { terminal, end, control, decoder: Decoder::default() };
        let thread = thread::Builder::new().name("keys".to_owned()).spawn(move || listener.run()).ok()?;
        Some(Keys { open: Some(open), thread: Some(thread) })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        drop(self.open.take());
        if let Some(thread) = self.thread.take() {
            // If it panicked, that was shown, and the terminal has its mode back all the same.
            let _ = thread.join();
        }
    }
}

/// Whether a stream is a pipe.
fn goes_to_program(stream: impl AsFd) -> bool {
    let metadata = stream.as_fd().try_clone_to_owned().and_then(|stream| File::from(stream).metadata());
    metadata.is_ok_and(|metadata| metadata.file_type().is_fifo() || metadata.file_type().is_socket())
}

/// The thread that reads.
struct Listener {
    terminal: Terminal,
    /// At its end when the thread is to end.
    end: PipeReader,
    control: Control,
    decoder: Decoder,
}

impl Listener {
    fn run(mut self) {
        // A terminal that fails, for example because its window was closed, ends the keys and not the run.
        let _ = self.listen();
    }

    fn listen(&mut self) -> io::Result<()> {
        let mut room = [0; 64];
        loop {
            match self.terminal.wait(&self.end)? {
                Event::End => return Ok(()),
                Event::Rest => self.decoder.rest(),
                Event::Input => {
                    let length = self.terminal.read(&mut room)?;
                    let keys = room[..length].iter().filter_map(|byte| self.decoder.take(*byte));
                    keys.for_each(|key| press(&self.control, key));
                }
            }
        }
    }
}

/// Does what a key is for, and says so.
fn press(control: &Control, key: Key) {
    let steering = control.steering();
    match key {
        Key::Stop => {
            steering.stopping();
            control.interrupt();
            if control.interrupts() == 1 {
                tracing::info!("stopping: iterations under way may end; press q again to cut them off");
            }
        }
        // What is about to end is not steered any more.
        _ if control.is_stopping() => {}
        Key::More => say_factor(steering.step(Step::Up)),
        Key::Less => say_factor(steering.step(Step::Down)),
        Key::Pause => match (steering.is_paused(), steering.toggle_pause()) {
            (false, true) => tracing::info!("paused"),
            (true, false) => tracing::info!("going on"),
            // The load has not begun.
            _ => {}
        },
    }
}

fn say_factor(factor: f64) {
    tracing::info!("load at {:.0} % of the plan", factor * 100.0);
}

/// The terminal that is standard input, in a mode in which each key is there at once and is not shown. It gets back the
/// mode that it had when this is dropped.
#[derive(Debug)]
struct Terminal(());

/// The mode that the terminal is to be given back; none where it has it.
static FOUND: Mutex<Option<Termios>> = Mutex::new(None);

/// Gives the terminal its mode back, also in the midst of everything.
pub(super) fn give_back_terminal() {
    let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner).take();
    // In the background the terminal is the shell's, in the shell's mode.
    if let Some(found) = found.filter(|_| in_foreground()) {
        // Whoever could be told of a failure reads the same terminal.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &found);
        // Pressed for the run, too late for it, and not meant for a shell.
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
    }
}

/// What there is to do for who waits.
enum Event {
    /// The thread is to end, or the terminal is gone.
    End,
    /// Nothing was pressed for a while.
    Rest,
    /// Something was pressed.
    Input,
}

impl Terminal {
    /// What makes the terminal hand on whole lines, edited and shown.
    const LINES: LocalModes = LocalModes::ICANON.union(LocalModes::ECHO);

    /// None where it can't be had.
    fn take() -> Option<Terminal> {
        if !in_foreground() {
            return None;
        }
        let terminal = Terminal(());
        terminal.hold().ok()?;
        // Typed for a shell, not for the run.
        tcflush(io::stdin(), QueueSelector::IFlush).ok()?;
        Some(terminal)
    }

    /// Sets the mode, unless it is set. After Ctrl-Z and `fg` it may be the shell's.
    fn hold(&self) -> io::Result<()> {
        let found = tcgetattr(io::stdin())?;
        if found.local_modes.intersects(Terminal::LINES) {
            tcsetattr(io::stdin(), OptionalActions::Now, &keys_mode(&found))?;
            *FOUND.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        }
        Ok(())
    }

    /// Waits until there is something to do. In the background it leaves the terminal alone: to set its mode or to read
    /// from it would stop the whole program.
    fn wait(&self, end: &PipeReader) -> io::Result<Event> {
        let stdin = io::stdin();
        let mut watched = [PollFd::new(end, PollFlags::IN), PollFd::new(&stdin, PollFlags::IN)];
        let in_front = in_foreground();
        if in_front {
            self.hold()?;
        }
        let watched = if in_front { &mut watched[..] } else { &mut watched[..1] };
        retry_on_intr(|| poll(watched, Some(&LOOK_AGAIN)))?;
        let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        Ok(match watched {
            [end, ..] if !end.revents().is_empty() => Event::End,
            [_, input] if input.revents().intersects(gone) => Event::End,
            [_, input] if input.revents().contains(PollFlags::IN) => Event::Input,
            _ => Event::Rest,
        })
    }

    /// Reads what was pressed; how many bytes that is.
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        // Between the wait and this a Ctrl-Z may have come, and a `bg`.
        if in_foreground() { Ok(retry_on_intr(|| read(io::stdin(), &mut *room))?) } else { Ok(0) }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back_terminal();
    }
}

/// That mode, but for keys: they come one by one, and none is shown.
fn keys_mode(mode: &Termios) -> Termios {
    let mut mode = mode.clone();
    mode.local_modes.remove(Terminal::LINES);
    mode.special_codes[SpecialCodeIndex::VMIN] = 1;
    mode.special_codes[SpecialCodeIndex::VTIME] = 0;
    mode
}

/// Whether what is typed is for this program, and not for a shell that it runs behind.
fn in_foreground() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    More,
    Less,
    Pause,
    Stop,
}

/// Finds keys among bytes. Escape sequences, which arrows and other keys send, are passed over as a whole.
#[derive(Debug, Default)]
struct Decoder {
    place: Place,
}

/// Where in the bytes the decoder is, by ECMA-48.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Outside of sequences.
    #[default]
    Outside,
    /// Behind an ESC.
    Begun,
    /// Among what comes before a sequence's last character.
    Parameters,
    /// Within a string, such as a terminal's answer, which BEL or ESC \ ends.
    Text,
}

impl Decoder {
    /// Takes the next byte; the key that it is.
    fn take(&mut self, byte: u8) -> Option<Key> {
        const ESC: u8 = 0x1b;
        const BEL: u8 = 0x07;
        let place = self.place;
        self.place = match (place, byte) {
            (_, ESC) => Place::Begun,
            (Place::Outside, _) => Place::Outside,
            (Place::Begun, b'[' | b'O') => Place::Parameters,
            (Place::Begun, b']' | b'P' | b'X' | b'^' | b'_') => Place::Text,
            // Alt and a key.
            (Place::Begun, _) | (Place::Parameters, b'@'..=b'~') | (Place::Text, BEL) => Place::Outside,
            (Place::Parameters | Place::Text, _) => place,
        };
        match byte {
            _ if place != Place::Outside => None,
            b'+' | b'=' => Some(Key::More),
            b'-' => Some(Key::Less),
            b'p' | b' ' => Some(Key::Pause),
            b'q' => Some(Key::Stop),
            _ => None,
        }
    }

    /// Nothing came for a while: an ESC before it was the key of that name, and not the beginning of a sequence.
    fn rest(&mut self) {
        self.place = Place::Outside;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Bounds, Steer};

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        bytes.iter().filter_map(|byte| decoder.take(*byte)).collect()
    }

    #[test]
    fn keys_are_told_apart_and_others_passed_over() {
        use Key::{Less, More, Pause, Stop};
        assert_eq!(keys(b"+=-p q"), [More, More, Less, Pause, Pause, Stop]);
        assert_eq!(keys("xPQ_\r\n\t\x04\x7f0é—ß".as_bytes()), []);
    }

    #[test]
    fn escape_sequences_are_no_keys() {
        for sequence in [
            // Arrows, also with Shift, and as rxvt sends them with Alt.
            "\x1b[A",
            "\x1b[1;2B",
            "\x1bOC",
            "\x1b\x1b[D",
            // Delete, F5, keys of the number pad (`Ok` is its plus, `Oq` its 1), a place of the mouse, focus.
            "\x1b[3~",
            "\x1b[15~",
            "\x1bOk",
            "\x1bOq",
            "\x1b[<35;1;1M",
            "\x1b[I",
            // Alt and keys that mean something alone.
            "\x1bp",
            "\x1bq",
            "\x1b ",
            "\x1b+",
            "\x1b-",
            // Answers of a terminal that something else asked: a colour, a capability, its attributes.
            "\x1b]11;rgb:ffff/ffff/ffff q\x07",
            "\x1bP1+r p=q\x1b\\",
            "\x1b[?62;4c",
        ] {
            assert_eq!(keys(sequence.as_bytes()), [], "{sequence:?}");
            let then = [sequence.as_bytes(), b"p"].concat();
            assert_eq!(keys(&then), [Key::Pause], "{sequence:?} takes the next key");
        }
    }

    #[test]
    fn a_sequence_may_come_in_pieces_and_a_lone_escape_takes_nothing() {
        let mut decoder = Decoder::default();
        assert!([0x1b, b'[', b'1'].into_iter().all(|byte| decoder.take(byte).is_none()));
        assert!(b";5q".iter().all(|byte| decoder.take(*byte).is_none()));
        assert_eq!(decoder.take(b'q'), Some(Key::Stop));
        assert_eq!(decoder.take(0x1b), None);
        decoder.rest();
        assert_eq!(decoder.take(b'q'), Some(Key::Stop));
    }

    #[test]
    fn keys_steer_until_the_run_is_stopped() {
        let control = Control::new();
        control.steering().begin(tokio::time::Instant::now(), Bounds { step: 0.25, most: 4.0 });
        let pressed = [Key::More, Key::More, Key::Less, Key::Pause, Key::Pause, Key::Stop, Key::More, Key::Pause];
        pressed.into_iter().for_each(|key| press(&control, key));
        let done: Vec<Steer> = control.steering().done_after(0).into_iter().map(|(_, what)| what).collect();
        let factors = [1.25, 1.5, 1.25].map(Steer::Factor);
        assert_eq!(done, [&factors[..], &[Steer::Paused, Steer::Resumed, Steer::Stopped]].concat());
        assert!(control.is_stopping());
        assert_eq!(control.interrupts(), 1);
        press(&control, Key::Stop);
        assert_eq!(control.interrupts(), 2);
    }
}
