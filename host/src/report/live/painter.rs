//! Puts a frame at the end of what a terminal shows, and redraws it in place.
//!
//! All moves are relative to the frame itself: nothing asks the terminal where its cursor is, because the question would
//! go through standard output, need raw mode for its answer and take keys from the user. The cursor rests on the row
//! below the frame, at its start, so whatever else is written to the terminal, by the shell after a killed process for
//! example, stands on rows of its own. No state of the terminal is changed, so none has to be put back.

use std::io::{self, Write};

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::report::words::width;

/// Between these a terminal that knows them shows nothing half drawn; the others ignore them.
const BEGIN_UPDATE: &[u8] = b"\x1b[?2026h";
const END_UPDATE: &[u8] = b"\x1b[?2026l";
const ERASE_ROW: &str = "\x1b[2K";
const ERASE_BELOW: &[u8] = b"\x1b[J";

/// Draws on a terminal, or whatever takes its bytes.
pub(super) struct Painter<W> {
    out: W,
    /// Columns that each row of the frame on show takes.
    shown: Vec<usize>,
}

impl<W: Write> Painter<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, shown: Vec::new() }
    }

    /// Draws the frame in place of the one on show, with `above` printed before it to stay; `above` is whole lines.
    /// `columns` is the terminal's width now, which may be another than at the last frame.
    pub(super) fn draw(&mut self, above: &[u8], frame: &Buffer, columns: u16) -> io::Result<()> {
        let mut bytes = BEGIN_UPDATE.to_vec();
        if above.is_empty() {
            bytes.extend_from_slice(self.to_top(columns).as_bytes());
        } else {
            // Log lines may be of any length, so what they will not cover goes first.
            bytes.extend_from_slice(self.erasure(columns).as_bytes());
            bytes.extend_from_slice(above);
        }
        self.shown.clear();
        for row in frame.content.chunks(usize::from(frame.area.width).max(1)) {
            // Erased before it is written: after a full row, the cursor stands on its last character.
            bytes.extend_from_slice(ERASE_ROW.as_bytes());
            self.shown.push(encode(row, &mut bytes));
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(ERASE_BELOW);
        bytes.extend_from_slice(END_UPDATE);
        self.write(&bytes)
    }

    /// Takes the frame away; `above` stays in its place.
    pub(super) fn clear(&mut self, above: &[u8], columns: u16) -> io::Result<()> {
        let mut bytes = self.erasure(columns).into_bytes();
        bytes.extend_from_slice(above);
        self.shown.clear();
        self.write(&bytes)
    }

    /// In one write, so that nothing else comes in between.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// The move from the row below the frame to its first row.
    fn to_top(&self, columns: u16) -> String {
        // A terminal takes 0 for 1.
        match self.rows_on_show(columns) {
            0 => "\r".to_owned(),
            up => format!("\r\x1b[{up}A"),
        }
    }

    /// Erases the frame and the row below it, where keys that were pressed may stand, and moves to its first row. Row by
    /// row, because some terminals keep what is erased from the top of the screen down in their scrollback.
    fn erasure(&self, columns: u16) -> String {
        let up = self.to_top(columns);
        let below = format!("\x1b[1B{ERASE_ROW}").repeat(self.rows_on_show(columns));
        format!("{up}{ERASE_ROW}{below}{up}")
    }

    /// Rows that the frame on show takes. Where the terminal became narrower it broke each of them into several, as most
    /// terminals do.
    fn rows_on_show(&self, columns: u16) -> usize {
        let columns = usize::from(columns.max(1));
        self.shown.iter().map(|width| width.div_ceil(columns).max(1)).sum()
    }
}

/// Appends a row without the blanks at its end; returns the columns that it takes.
fn encode(cells: &[Cell], bytes: &mut Vec<u8>) -> usize {
    let plain = (Color::Reset, Modifier::empty());
    let end = cells.iter().rposition(|cell| cell.symbol() != " ").map_or(0, |last| last + 1);
    let mut styled = plain;
    let mut at = 0;
    while at < end {
        let cell = &cells[at];
        let style = (cell.fg, cell.modifier);
        if style != styled {
            bytes.extend_from_slice(style_code(cell.fg, cell.modifier).as_bytes());
            styled = style;
        }
        bytes.extend_from_slice(cell.symbol().as_bytes());
        // A wide character stands in its first cell, and covers the next.
        at += width(cell.symbol()).max(1);
    }
    if styled != plain {
        bytes.extend_from_slice(style_code(plain.0, plain.1).as_bytes());
    }
    at
}

/// The code that sets this style and no other; it knows those that the view uses.
fn style_code(color: Color, modifier: Modifier) -> String {
    let mut code = String::from("\x1b[0");
    if modifier.contains(Modifier::BOLD) {
        code.push_str(";1");
    }
    if modifier.contains(Modifier::DIM) {
        code.push_str(";2");
    }
    code.push_str(match color {
        Color::Red => ";31",
        Color::Green => ";32",
        Color::Yellow => ";33",
        _ => "",
    });
    code.push('m');
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    fn frame(lines: &[&str]) -> Buffer {
        Buffer::with_lines(lines.iter().copied())
    }

    fn bytes(draw: impl FnOnce(&mut Painter<&mut Vec<u8>>)) -> String {
        let mut out = Vec::new();
        draw(&mut Painter::new(&mut out));
        String::from_utf8(out).expect("UTF-8").replace('\x1b', "^")
    }

    #[test]
    fn a_frame_is_redrawn_where_it_stands() {
        let drawn = bytes(|painter| {
            painter.draw(b"", &frame(&["one", "two "]), 10).unwrap();
            painter.draw(b"", &frame(&["three"]), 10).unwrap();
        });
        assert_eq!(
            drawn,
            "^[?2026h\r^[2Kone\n^[2Ktwo\n^[J^[?2026l\
             ^[?2026h\r^[2A^[2Kthree\n^[J^[?2026l"
        );
    }

    #[test]
    fn lines_above_stay_and_the_frame_goes() {
        let drawn = bytes(|painter| {
            painter.draw(b"", &frame(&["one"]), 10).unwrap();
            painter.draw(b"log\n", &frame(&["one"]), 10).unwrap();
            painter.clear(b"last\n", 10).unwrap();
            painter.clear(b"", 10).unwrap();
        });
        assert_eq!(
            drawn,
            "^[?2026h\r^[2Kone\n^[J^[?2026l\
             ^[?2026h\r^[1A^[2K^[1B^[2K\r^[1Alog\n^[2Kone\n^[J^[?2026l\
             \r^[1A^[2K^[1B^[2K\r^[1Alast\n\
             \r^[2K\r"
        );
    }

    #[test]
    fn in_a_narrower_terminal_the_old_rows_are_found() {
        let drawn = bytes(|painter| {
            painter.draw(b"", &frame(&["0123456789", "", "日本"]), 10).unwrap();
            painter.clear(b"", 4).unwrap();
        });
        // Ten columns in rows of four are three rows; the blank one and that of four columns are one each.
        assert!(drawn.ends_with("\r^[5A"), "{drawn}");
        assert_eq!(drawn.matches("^[1B").count(), 5);
    }

    #[test]
    fn styles_are_set_where_they_change_and_end_with_the_row() {
        let mut buffer = frame(&["ab c"]);
        buffer.set_style(
            ratatui::layout::Rect::new(0, 0, 2, 1),
            Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        );
        buffer.set_style(ratatui::layout::Rect::new(3, 0, 1, 1), Style::new().add_modifier(Modifier::DIM));
        let mut row = Vec::new();
        assert_eq!(encode(&buffer.content, &mut row), 4);
        assert_eq!(String::from_utf8_lossy(&row), "\x1b[0;1;31mab\x1b[0m \x1b[0;2mc\x1b[0m");
    }
}
