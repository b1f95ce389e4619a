//! Loads seen in production: a CSV file of seconds and virtual users, or seconds and a rate.

use std::time::Duration;

use super::Stage;
use super::parse::{ProfileError, Quantity, Shape, read_users};
use crate::units;

/// Which column has what.
struct Columns {
    seconds: usize,
    value: usize,
    quantity: Quantity,
}

impl Shape {
    /// Reads CSV with two columns: `seconds` from the start of the load, and `users` (or `vus`) or `rate`, by its
    /// header line. A rate is a second's where it has no unit. The load goes evenly from each row to the next; two rows
    /// of one time make a jump. The first row is at 0, and the load ends at the last one. Lines that begin with `#` are
    /// skipped.
    ///
    /// `file` is the file's name, for messages.
    ///
    /// # Errors
    /// Where a line is not what it should be, and where the rows make no load: the file, the line, what to try.
    pub fn from_csv(file: &str, text: &[u8]) -> Result<Shape, ProfileError> {
        let mut columns = None;
        let mut rows = Rows::default();
        for (line, bytes) in (1..).zip(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).split(|&byte| byte == b'\n'))
        {
            let fail = |what| ProfileError::Line { file: file.to_owned(), line, what };
            let Some(cells) = cells(bytes).map_err(fail)? else { continue };
            match &columns {
                None => columns = Some(Columns::find(&cells).map_err(fail)?),
                Some(columns) => rows.add(columns.read(&cells).map_err(fail)?).map_err(fail)?,
            }
        }
        let (Some(columns), true) = (columns, rows.start.is_some()) else {
            return Err(ProfileError::Empty(file.to_owned()));
        };
        Shape { quantity: columns.quantity, start: rows.start, stages: rows.stages }.checked(file)
    }
}

/// What some programs write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The cells of a line, without quotes: no name or number needs them. None for a line that is empty or a comment.
fn cells(line: &[u8]) -> Result<Option<Vec<&str>>, String> {
    let line = str::from_utf8(line).map_err(|_| "it is not UTF-8; convert the file to UTF-8".to_owned())?.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    Ok(Some(line.split(',').map(unquoted).collect()))
}

fn unquoted(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')).unwrap_or(cell).trim()
}

impl Columns {
    fn find(header: &[&str]) -> Result<Columns, String> {
        let names: Vec<String> = header.iter().map(|name| name.to_ascii_lowercase()).collect();
        let seconds = names.iter().position(|name| name == "seconds");
        let quantity = |name: &str| match name {
            "users" | "vus" => Some(Quantity::Users),
            "rate" => Some(Quantity::Rate),
            _ => None,
        };
        let value = names.iter().enumerate().find_map(|(place, name)| Some((place, quantity(name)?)));
        match (seconds, value) {
            (Some(seconds), Some((value, quantity))) if names.len() == 2 => Ok(Columns { seconds, value, quantity }),
            _ => Err(format!(
                "the columns are `{}`; write `seconds,users` for virtual users or `seconds,rate` for a rate",
                names.join(",")
            )),
        }
    }

    /// The time and the value of a row.
    fn read(&self, row: &[&str]) -> Result<(Duration, f64), String> {
        if row.len() != 2 {
            let columns = if row.len() == 1 { "column" } else { "columns" };
            return Err(format!("it has {} {columns}; write a time and a value, for example 60,100", row.len()));
        }
        let at = units::parse_duration(row[self.seconds]).map_err(|error| error.to_string())?;
        let value = match self.quantity {
            Quantity::Users => read_users(row[self.value])?,
            Quantity::Rate => units::parse_rate(row[self.value]).map_err(|error| error.to_string())?.per_second(),
        };
        Ok((at, value))
    }
}

/// The rows so far.
#[derive(Default)]
struct Rows {
    start: Option<f64>,
    last: Duration,
    stages: Vec<Stage>,
}

impl Rows {
    fn add(&mut self, (at, value): (Duration, f64)) -> Result<(), String> {
        if self.start.is_none() {
            self.start = Some(value);
            return if at.is_zero() {
                Ok(())
            } else {
                let time = at.as_secs_f64();
                Err(format!("the first row is at {time}; begin at 0, or subtract {time} from the seconds of all rows"))
            };
        }
        let length = at.checked_sub(self.last).ok_or_else(|| {
            let (time, last) = (at.as_secs_f64(), self.last.as_secs_f64());
            format!("its seconds are {time}, after {last} in the row before; sort the rows by time")
        })?;
        self.stages.push(Stage { length, target: value });
        self.last = at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{seconds, stage};
    use super::super::{After, Area};
    use super::*;

    fn read(text: &str) -> Shape {
        Shape::from_csv("load.csv", text.as_bytes()).unwrap()
    }

    fn refused(text: &str) -> String {
        Shape::from_csv("load.csv", text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn rows_are_joined_by_lines_and_two_of_one_time_make_a_jump() {
        let shape = read("seconds,users\n0,10\n60,100\n60,20\n90,0\n");
        assert_eq!((shape.quantity, shape.start), (Quantity::Users, Some(10.0)));
        assert_eq!(shape.stages, [stage(60, 100.0), stage(0, 20.0), stage(30, 0.0)]);
        let curve = shape.curve(500.0, After::Ends).unwrap();
        assert_eq!([0, 30, 60, 75, 90].map(|at| curve.value_at(seconds(at))), [10.0, 55.0, 20.0, 10.0, 0.0]);
    }

    #[test]
    fn files_as_other_programs_write_them_are_read() {
        let expected = Shape { quantity: Quantity::Rate, start: Some(1.5), stages: vec![stage(60, 2.0)] };
        assert_eq!(read("\u{feff}Seconds,Rate\r\n0,1.5\r\n60,2\r\n"), expected);
        assert_eq!(read("# seen on Monday\n\"rate\", \"seconds\"\n\"1.5\",0\n\n# peak\n 2/s , 1m"), expected);
        assert_eq!(read("seconds,vus\n0,5.0\n1,5").quantity, Quantity::Users);
        let curve = read("seconds,rate\n0,30/m\n60,30/m").curve(0.0, After::Ends).unwrap();
        assert_eq!(curve.area_until(seconds(60)), Area::from(30));
    }

    #[test]
    fn a_malformed_file_is_named_with_the_line_and_what_to_try() {
        let header = "write `seconds,users` for virtual users or `seconds,rate` for a rate";
        for (text, line, what) in [
            ("0,10\n60,100", 1, format!("the columns are `0,10`; {header}")),
            ("seconds,hits\n", 1, format!("the columns are `seconds,hits`; {header}")),
            ("seconds,users,rate\n", 1, format!("the columns are `seconds,users,rate`; {header}")),
            ("# of May\nusers,rate\n", 2, format!("the columns are `users,rate`; {header}")),
            ("seconds;users\n", 1, format!("the columns are `seconds;users`; {header}")),
            (
                "seconds,users\n0,1\n\n5\n",
                4,
                "it has 1 column; write a time and a value, for example 60,100".to_owned(),
            ),
            ("seconds,users\n0,many\n", 2, "`many` is no number of virtual users; write for example 100".to_owned()),
            (
                "seconds,users\n1700000000.5,3\n",
                2,
                "the first row is at 1700000000.5; begin at 0, or subtract 1700000000.5 from the seconds of all rows"
                    .to_owned(),
            ),
            (
                "seconds,users\n0,3\n10,3\n5,3\n",
                4,
                "its seconds are 5, after 10 in the row before; sort the rows by time".to_owned(),
            ),
        ] {
            assert_eq!(refused(text), format!("read load.csv, line {line}: {what}"));
        }
        assert!(refused("seconds,rate\n0,5/d\n").starts_with("read load.csv, line 2: read `5/d` as a rate: "));
        let bytes = Shape::from_csv("load.csv", b"seconds,rate\n0,1\n1,\xff\n").unwrap_err().to_string();
        assert_eq!(bytes, "read load.csv, line 3: it is not UTF-8; convert the file to UTF-8");
    }

    #[test]
    fn a_file_without_rows_is_refused() {
        for text in ["", "# nothing\n\n", "seconds,users\n"] {
            assert_eq!(
                refused(text),
                "read load.csv: it has no rows; write a header line, a row for 0 and one for the end at least"
            );
        }
    }

    #[test]
    fn rows_that_take_no_time_make_no_load() {
        assert_eq!(
            refused("seconds,users\n0,5\n"),
            "read the load in load.csv: follow stages that take no time at all; give one of them a length, for example 30s"
        );
    }
}
