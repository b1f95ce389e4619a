//! Text as a terminal lays it out: how wide it is, how it is shortened, wrapped and coloured.
//!
//! Names and reasons come from scenarios and servers, which are trusted with nothing, least of all with the reader's
//! terminal: [`clean`] them before they are shown.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::terminal::is_harmful;

/// How a report is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns that a line may take; below 40 counts as 40. Default: 100.
    pub width: usize,
    /// Whether to use ANSI colours. Default: no.
    pub color: bool,
    /// Whether the reader can see more than ASCII. Default: yes.
    pub unicode: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { width: 100, color: false, unicode: true }
    }
}

/// What a piece of text is, from which its colour follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Strong,
    Dim,
    Good,
    Bad,
    Caution,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Strong => "\x1b[1m",
            Tone::Dim => "\x1b[2m",
            Tone::Good => "\x1b[32m",
            Tone::Bad => "\x1b[31m",
            Tone::Caution => "\x1b[33m",
        }
    }
}

/// The text in its tone's colour, where there is colour.
pub(crate) fn paint(text: &str, tone: Tone, color: bool) -> String {
    if color && tone != Tone::Plain && !text.is_empty() {
        format!("{}{text}\x1b[0m", tone.code())
    } else {
        text.to_owned()
    }
}

/// Columns that a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text on one line, with nothing in it that a terminal would obey: white space becomes a space, and control and
/// bidirectional formatting characters become escapes such as `\u{1b}`.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '\t' | '\n' | '\r' => cleaned.push(' '),
            c if is_harmful(c) => cleaned.extend(c.escape_unicode()),
            c => cleaned.push(c),
        }
    }
    cleaned
}

/// The text in at most `room` columns, `…` in its middle where it is longer.
pub(crate) fn shorten_middle(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let Some(left) = room.checked_sub(1) else { return String::new() };
    // The end tells names apart more often than the start, so it gets the odd column.
    format!("{}…{}", front(text, left / 2), back(text, left - left / 2))
}

/// The text in at most `room` columns, `…` at its end where it is longer.
pub(crate) fn shorten_end(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    room.checked_sub(1).map_or_else(String::new, |left| format!("{}…", front(text, left)))
}

/// Columns that a character takes at the most, whatever stands beside it. The selector of an emoji's picture has no width
/// of its own, and makes some characters twice as wide.
fn most_columns(c: char) -> usize {
    if c == '\u{fe0f}' { 1 } else { c.width().unwrap_or(0) }
}

/// A start of the text that fits, the longest but for what [`most_columns`] says too much.
fn front(text: &str, room: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += most_columns(*c);
        used > room
    });
    end.map_or(text, |(at, _)| &text[..at])
}

/// An end of the text that fits, likewise.
fn back(text: &str, room: usize) -> &str {
    let mut used = 0;
    let start = text.char_indices().rev().find(|(_, c)| {
        used += most_columns(*c);
        used > room
    });
    start.map_or(text, |(at, c)| &text[at + c.len_utf8()..])
}

/// The names in at most `room` columns, which should be 20 at the least: all of them, or as many as fit and how many more
/// there are.
pub(crate) fn list(names: &[String], room: usize) -> String {
    let all = names.join(", ");
    if width(&all) <= room {
        return all;
    }
    let [first, rest @ ..] = names else { return all };
    let more =
        |shown: usize| if shown == names.len() { String::new() } else { format!(" and {} more", names.len() - shown) };
    let mut text = shorten_middle(first, room.saturating_sub(width(&more(1))));
    let mut shown = 1;
    for name in rest {
        if width(&text) + 2 + width(name) + width(&more(shown + 1)) > room {
            break;
        }
        text.push_str(&format!(", {name}"));
        shown += 1;
    }
    text + &more(shown)
}

/// The text in lines of at most `room` columns, broken at spaces, and within words that are longer.
pub(crate) fn wrap(text: &str, room: usize) -> Vec<String> {
    let room = room.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for mut word in text.split(' ').filter(|word| !word.is_empty()) {
        let fits = |used: usize| used + usize::from(used > 0) + width(word) <= room;
        if used > 0 && !fits(used) {
            lines.push(String::new());
            used = 0;
        }
        while width(word) > room {
            // A character wider than the room would never fit; it goes on a line of its own.
            let end = front(word, room).len().max(word.chars().next().map_or(0, char::len_utf8));
            push(&mut lines, &word[..end]);
            lines.push(String::new());
            word = &word[end..];
        }
        if used > 0 {
            push(&mut lines, " ");
        }
        push(&mut lines, word);
        used = lines.last().map_or(0, |line| width(line));
    }
    lines.retain(|line| !line.is_empty());
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(line) = lines.last_mut() {
        line.push_str(text);
    }
}

/// The text in ASCII, each character as wide as it was, so that columns stay where they are.
pub(crate) fn to_ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() => ascii.push(c),
            'µ' => ascii.push('u'),
            '…' => ascii.push('~'),
            '·' => ascii.push('|'),
            '✓' => ascii.push('+'),
            '✗' => ascii.push('x'),
            '─' => ascii.push('-'),
            '━' => ascii.push('='),
            '▁' | '▂' => ascii.push('.'),
            '▃' | '▄' => ascii.push('-'),
            '▅' | '▆' => ascii.push('='),
            '▇' | '█' => ascii.push('#'),
            c => (0..c.width().unwrap_or(0)).for_each(|_| ascii.push('?')),
        }
    }
    ascii
}

/// A count and its noun: `1 request`, `1,200 requests`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", crate::units::show_count(count), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortened_text_fits_and_keeps_both_ends() {
        assert_eq!(shorten_middle("/products/by-category/list", 11), "/prod…/list");
        assert_eq!(shorten_middle("short", 5), "short");
        assert_eq!(shorten_end("a long reason", 7), "a long…");
        for room in 0..20 {
            for text in [
                "/products/日本語/リスト/список",
                "日本語日本語日本語日本語",
                "e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}",
                "☎\u{fe0f}☎\u{fe0f}☎\u{fe0f}☎\u{fe0f}☎\u{fe0f}☎\u{fe0f}☎\u{fe0f}☎\u{fe0f}☎\u{fe0f}☎\u{fe0f}☎\u{fe0f}",
            ] {
                assert!(width(&shorten_middle(text, room)) <= room, "{text} in {room}");
                assert!(width(&shorten_end(text, room)) <= room, "{text} in {room}");
            }
        }
    }

    #[test]
    fn names_that_find_no_room_are_counted() {
        let names = ["checkout", "browse", "search"].map(str::to_owned);
        assert_eq!(list(&names, 24), "checkout, browse, search");
        assert_eq!(list(&names, 23), "checkout and 2 more");
        assert_eq!(list(&names[..1], 7), "che…out");
        assert_eq!(list(&[], 7), "");
        let many: Vec<String> = (0..20).map(|at| format!("scenario {at}")).collect();
        assert_eq!(list(&many, 40), "scenario 0, scenario 1 and 18 more");
        assert!((20..400).all(|room| width(&list(&many, room)) <= room));
    }

    #[test]
    fn a_terminal_finds_nothing_to_obey() {
        assert_eq!(clean("red \x1b[31m\nbell\x07 \u{202e}txet"), "red \\u{1b}[31m bell\\u{7} \\u{202e}txet");
        assert_eq!(clean("naïve 日本"), "naïve 日本");
    }

    #[test]
    fn wrapped_lines_fit_and_lose_no_word() {
        let text =
            "each line fits, and averyveryverylongword or ☎\u{fe0f}☎\u{fe0f}☎\u{fe0f} is broken where it must be";
        for room in 1..80 {
            let lines = wrap(text, room);
            assert!(lines.iter().all(|line| width(line) <= room), "{lines:?} in {room}");
            let letters = |text: &str| text.replace(' ', "");
            assert_eq!(letters(&lines.concat()), letters(text));
        }
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), [""; 0]);
        assert_eq!(wrap("日本", 1), ["日", "本"]);
    }

    #[test]
    fn ascii_is_as_wide() {
        let text = "842 µs … ✓ ✗ 日本 ──";
        assert_eq!(to_ascii(text), "842 us ~ + x ???? --");
        assert_eq!(width(&to_ascii(text)), width(text));
    }

    #[test]
    fn colours_come_only_when_asked_for() {
        assert_eq!(paint("no", Tone::Bad, false), "no");
        assert_eq!(paint("no", Tone::Bad, true), "\x1b[31mno\x1b[0m");
    }
}
