//! What those who read a stream can see: its width, colours, and more than ASCII.

use std::io::IsTerminal;

use crate::report::Look;

/// The look of what is for a person on standard output.
pub(super) fn of_stdout() -> Look {
    let stdout = std::io::stdout();
    Look { width: width(), color: color(&stdout), unicode: unicode(&stdout) }
}

/// Colours on a terminal, unless the environment says no.
pub(super) fn color(stream: &impl IsTerminal) -> bool {
    let unset = |name| std::env::var_os(name).is_none_or(|value| value.is_empty());
    stream.is_terminal() && unset("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether the reader can see more than ASCII: unless the locale says otherwise.
pub(super) fn unicode(stream: &impl IsTerminal) -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    match locale.as_deref() {
        Some("C" | "POSIX") | None => !stream.is_terminal(),
        Some(locale) => locale.to_ascii_lowercase().contains("utf"),
    }
}

fn width() -> usize {
    match ratatui::crossterm::terminal::size() {
        // A terminal that does not know its size says 0.
        Ok((columns @ 1.., _)) if std::io::stdout().is_terminal() => usize::from(columns),
        _ => Look::default().width,
    }
}
