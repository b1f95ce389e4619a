//! Tables that fit: columns as wide as what stands in them, the less telling ones left out and the long texts shortened
//! where there is too little room.

use super::words::{Look, Tone, paint, shorten_end, shorten_middle, width, wrap};

/// Columns between two columns, and before the first one.
const GAP: usize = 2;

/// What a column does when the table is too wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// Stays as it is.
    Keep,
    /// Is left out; the highest number first.
    Drop(u8),
    /// Is shortened in the middle, as for names: to 18 columns before any other is left out, to this many after all are.
    Middle(usize),
    /// Is shortened at the end, as for figures: to 36 columns before any other is left out, to this many after all are.
    End(usize),
    /// Goes on below in the same column, as for sentences; as wide as with `End`. Only for the last column.
    Wrap(usize),
}

impl Fit {
    /// How wide a shortened column stays as long as there are others to leave out; none for a column that is never
    /// shortened.
    fn comfortable(self) -> Option<usize> {
        match self {
            Fit::Keep | Fit::Drop(_) => None,
            Fit::Middle(least) => Some(least.max(18)),
            Fit::End(least) | Fit::Wrap(least) => Some(least.max(36)),
        }
    }

    /// How short it may become after that.
    fn least(self) -> Option<usize> {
        match self {
            Fit::Keep | Fit::Drop(_) => None,
            Fit::Middle(least) | Fit::End(least) | Fit::Wrap(least) => Some(least),
        }
    }
}

/// A column's title and habits. Shortened columns stand left, the others right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    title: &'static str,
    fit: Fit,
    left: bool,
}

impl Column {
    pub(crate) fn right(title: &'static str, fit: Fit) -> Self {
        Self { title, fit, left: false }
    }

    pub(crate) fn left(title: &'static str, fit: Fit) -> Self {
        Self { title, fit, left: true }
    }
}

/// One field of a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    /// So many bytes at its front are never cut from its middle: indentation and the method.
    kept: usize,
    tone: Tone,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), kept: 0, tone: Tone::Plain }
    }

    /// A text whose front stays when its middle is shortened.
    pub(crate) fn with_front(front: &str, text: &str) -> Self {
        Self { text: format!("{front}{text}"), kept: front.len(), tone: Tone::Plain }
    }

    pub(crate) fn tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }

    /// The cell, padded on its left to that many columns.
    pub(crate) fn at_least(self, columns: usize) -> Self {
        let padding = " ".repeat(columns.saturating_sub(width(&self.text)));
        Self { text: format!("{padding}{}", self.text), kept: self.kept, tone: self.tone }
    }

    /// The text in the column's room: what stands in the row's own line, and what in lines below.
    fn fitted(&self, fit: Fit, room: usize) -> (String, Vec<String>) {
        let (front, rest) = self.text.split_at(self.kept);
        let line = match fit {
            _ if width(&self.text) <= room => self.text.clone(),
            Fit::Middle(_) if width(front) + 2 < room => {
                format!("{front}{}", shorten_middle(rest, room - width(front)))
            }
            Fit::Middle(_) => shorten_middle(&self.text, room),
            Fit::Wrap(_) => {
                let mut lines = wrap(&self.text, room).into_iter();
                return (lines.next().unwrap_or_default(), lines.collect());
            }
            Fit::Keep | Fit::Drop(_) | Fit::End(_) => shorten_end(&self.text, room),
        };
        (line, Vec::new())
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell::new(text)
    }
}

#[derive(Clone, Debug)]
enum Line {
    Cells(Vec<Cell>),
    /// A row of column titles, under a title of its own.
    Titles(&'static str),
    /// A text over the whole width.
    Text(Cell),
    Blank,
}

/// Rows of cells, all laid out in the same columns.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    lines: Vec<Line>,
}

impl Table {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self { columns, lines: Vec::new() }
    }

    /// Starts a section: a blank line where something stands above, then its title beside the columns' titles.
    pub(crate) fn section(&mut self, title: &'static str) {
        if !self.lines.is_empty() {
            self.lines.push(Line::Blank);
        }
        self.lines.push(Line::Titles(title));
    }

    /// Adds a row; a cell for each column.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.lines.push(Line::Cells(cells));
    }

    /// Adds a line that belongs to no column.
    pub(crate) fn text(&mut self, text: impl Into<Cell>) {
        self.lines.push(Line::Text(text.into()));
    }

    /// The table's lines, each ended by a line feed and no wider than the look's width.
    pub(crate) fn render(&self, look: &Look) -> String {
        let widths = self.fit(look.width);
        let mut text = String::new();
        for line in &self.lines {
            let rendered = match line {
                Line::Cells(cells) => self.render_cells(cells, &widths, look),
                Line::Titles(title) => vec![self.render_titles(title, &widths, look)],
                Line::Text(cell) => {
                    let short = shorten_end(&cell.text, look.width.saturating_sub(GAP));
                    vec![format!("  {}", paint(&short, cell.tone, look.color))]
                }
                Line::Blank => vec![String::new()],
            };
            for line in rendered {
                text.push_str(line.trim_end());
                text.push('\n');
            }
        }
        text
    }

    /// The row's line, and those below it in which a cell goes on.
    fn render_cells(&self, cells: &[Cell], widths: &[Option<usize>], look: &Look) -> Vec<String> {
        let mut line = String::new();
        let mut below = Vec::new();
        let mut used = 0;
        for ((cell, column), room) in cells.iter().zip(&self.columns).zip(widths) {
            let Some(room) = *room else { continue };
            let (text, rest) = cell.fitted(column.fit, room);
            let padding = " ".repeat(room - width(&text));
            let painted = paint(&text, cell.tone, look.color);
            line.push_str(&" ".repeat(GAP));
            if column.left {
                line.push_str(&painted);
                line.push_str(&padding);
            } else {
                line.push_str(&padding);
                line.push_str(&painted);
            }
            used += GAP;
            below.extend(rest.iter().map(|text| " ".repeat(used) + &paint(text, cell.tone, look.color)));
            used += room;
        }
        below.insert(0, line);
        below
    }

    /// The section's title runs over the first column and its indentation.
    fn render_titles(&self, title: &str, widths: &[Option<usize>], look: &Look) -> String {
        let titles: Vec<Cell> = self.columns.iter().map(|column| Cell::new(column.title).tone(Tone::Dim)).collect();
        let first = widths.first().copied().flatten().unwrap_or_default();
        let rest = self.columns.iter().zip(&titles).zip(widths).skip(1);
        let mut line = paint(title, Tone::Strong, look.color);
        line.push_str(&" ".repeat((first + GAP).saturating_sub(width(title))));
        for ((column, title), room) in rest {
            let Some(room) = *room else { continue };
            let padding = " ".repeat(room - width(&title.text));
            let painted = paint(&title.text, title.tone, look.color);
            line.push_str(&" ".repeat(GAP));
            line.push_str(&if column.left { painted + &padding } else { padding + &painted });
        }
        line
    }

    /// Each column's width; none for one that is left out.
    fn fit(&self, room: usize) -> Vec<Option<usize>> {
        let natural = self.natural_widths();
        let shortened = |most: fn(Fit) -> Option<usize>| -> Vec<Option<usize>> {
            let width = |(column, &natural): (&Column, &usize)| {
                Some(most(column.fit).map_or(natural, |most| natural.min(most)))
            };
            self.columns.iter().zip(&natural).map(width).collect()
        };
        let mut widths = shortened(Fit::comfortable);
        while total(&widths) > room {
            let Some(next) = self.next_to_drop(&widths) else { break };
            widths[next] = None;
        }
        if total(&widths) > room {
            let shortest = shortened(Fit::least);
            widths.iter_mut().zip(shortest).for_each(|(width, short)| *width = width.and(short));
        }
        self.grow(&mut widths, &natural, room);
        widths
    }

    fn natural_widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|column| width(column.title)).collect();
        for line in &self.lines {
            match line {
                Line::Cells(cells) => {
                    widths.iter_mut().zip(cells).for_each(|(most, cell)| *most = (*most).max(width(&cell.text)));
                }
                Line::Titles(title) => widths[0] = widths[0].max(width(title).saturating_sub(GAP)),
                Line::Text(_) | Line::Blank => {}
            }
        }
        widths
    }

    fn next_to_drop(&self, widths: &[Option<usize>]) -> Option<usize> {
        let droppable = |(at, column): (usize, &Column)| match column.fit {
            Fit::Drop(order) if widths[at].is_some() => Some((order, at)),
            _ => None,
        };
        self.columns.iter().enumerate().filter_map(droppable).max().map(|(_, at)| at)
    }

    /// Gives the room that is left to the shortened columns, evenly.
    fn grow(&self, widths: &mut [Option<usize>], natural: &[usize], room: usize) {
        let mut left = room.saturating_sub(total(widths));
        while left > 0 {
            let mut grown = false;
            for (width, natural) in widths.iter_mut().zip(natural) {
                if let Some(width) = width.as_mut().filter(|width| **width < *natural && left > 0) {
                    *width += 1;
                    left -= 1;
                    grown = true;
                }
            }
            if !grown {
                break;
            }
        }
    }
}

fn total(widths: &[Option<usize>]) -> usize {
    widths.iter().flatten().map(|width| width + GAP).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(vec![
            Column::left("", Fit::Middle(6)),
            Column::right("count", Fit::Keep),
            Column::right("mean", Fit::Drop(1)),
            Column::right("p90", Fit::Drop(2)),
        ]);
        table.section("Requests");
        table.row(vec![
            Cell::with_front("GET ", "/a/very/long/path/to/somewhere"),
            "1,000".into(),
            "1.00 ms".into(),
            "2.00 ms".into(),
        ]);
        table.row(vec![Cell::with_front("GET ", "/"), "7".into(), "900 µs".into(), "1.00 ms".into()]);
        table
    }

    fn rendered(width: usize) -> String {
        table().render(&Look { width, color: false, unicode: true })
    }

    #[test]
    fn with_room_nothing_is_cut() {
        let expected = "\
Requests                              count     mean      p90
  GET /a/very/long/path/to/somewhere  1,000  1.00 ms  2.00 ms
  GET /                                   7   900 µs  1.00 ms
";
        assert_eq!(rendered(80), expected);
    }

    #[test]
    fn a_sentence_goes_on_below_in_its_column() {
        let mut table = Table::new(vec![Column::right("", Fit::Keep), Column::left("reason", Fit::Wrap(8))]);
        table.section("Failures");
        table.row(vec!["12".into(), Cell::new("no  order came back in time").tone(Tone::Bad)]);
        table.row(vec!["3".into(), "two  spaces".into()]);
        let rendered = |width, color| table.render(&Look { width, color, unicode: true });
        let wide = "\
Failures  reason
      12  no  order came back in time
       3  two  spaces
";
        let narrow = "\
Failures  reason
      12  no order came
          back in time
       3  two  spaces
";
        assert_eq!(rendered(37, false), wide);
        assert_eq!(rendered(23, false), narrow);
        assert!(rendered(23, true).contains("\n          \x1b[31mback in time\x1b[0m\n"));
    }

    #[test]
    fn names_are_shortened_first_then_columns_left_out_then_names_cut_short() {
        let second = |width| rendered(width).lines().nth(1).map(str::to_owned);
        assert_eq!(second(48).as_deref(), Some("  GET /a/very/…omewhere  1,000  1.00 ms  2.00 ms"));
        assert_eq!(second(43).as_deref(), Some("  GET /a/very/lo…/somewhere  1,000  1.00 ms"));
        assert_eq!(second(30).as_deref(), Some("  GET /a/very/…omewhere  1,000"));
        assert_eq!(second(20).as_deref(), Some("  GET /a/…ere  1,000"));
        for width in 15..70 {
            for line in rendered(width).lines() {
                assert!(super::width(line) <= width, "{line:?} in {width}");
            }
        }
    }
}
