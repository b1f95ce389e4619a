//! What a person sees of what a terminal is sent.

/// A screen as long as need be, on which nothing wraps: what is drawn for a terminal's width fits it.
#[derive(Default)]
pub(super) struct Screen {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Screen {
    /// Takes what the terminal is sent.
    pub(super) fn feed(&mut self, sent: &str) {
        let mut characters = sent.chars();
        while let Some(character) = characters.next() {
            match character {
                '\r' => self.column = 0,
                '\n' => self.row += 1,
                '\x1b' => {
                    assert_eq!(characters.next(), Some('['), "no control sequence in {sent:?}");
                    let mut parameters = String::new();
                    let end = characters.by_ref().find(|&next| {
                        parameters.push(next);
                        next.is_ascii_alphabetic()
                    });
                    self.control(&parameters, end.expect("a control sequence ends in a letter"));
                }
                visible => self.put(visible),
            }
        }
    }

    /// What is to be seen, without blanks at the ends of lines.
    pub(super) fn text(&self) -> String {
        let lines: Vec<String> =
            self.lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned()).collect();
        lines.join("\n").trim_end().to_owned()
    }

    fn put(&mut self, character: char) {
        let (row, column) = (self.row, self.column);
        let line = self.line(row);
        line.resize(line.len().max(column + 1), ' ');
        line[column] = character;
        self.column += 1;
    }

    fn line(&mut self, row: usize) -> &mut Vec<char> {
        self.lines.resize(self.lines.len().max(row + 1), Vec::new());
        &mut self.lines[row]
    }

    /// A control sequence, by the letter that it ends in. What is not known here is no part of these tests' terminals.
    fn control(&mut self, sequence: &str, kind: char) {
        let count = || sequence.trim_end_matches(kind).parse().unwrap_or(1);
        match (kind, sequence) {
            ('A', _) => self.row = self.row.checked_sub(count()).expect("nothing is above the first line"),
            ('B', _) => self.row += count(),
            ('K', "2K") => self.line(self.row).clear(),
            ('J', "J" | "0J") => {
                let (row, column) = (self.row, self.column);
                self.line(row).truncate(column);
                self.lines.truncate(row + 1);
            }
            // Colours, and frames that are to be shown as one.
            ('m', _) | ('h', "?2026h") | ('l', "?2026l") => {}
            _ => panic!("unexpected: ESC [ {sequence}"),
        }
    }
}

#[test]
fn the_screen_shows_what_is_left() {
    let mut screen = Screen::default();
    screen.feed("one\r\ntwo\r\nthree\r\n\x1b[2A\x1b[2K\x1b[1mTWO\x1b[0m\r\n\x1b[J");
    assert_eq!(screen.text(), "one\nTWO");
}
