//! Durations, rates, sizes and counts: how people write them, and how reports print them.
//!
//! The `parse_*` functions read what stands on the command line or in a plan file, exactly: no floating point lies
//! between `0.1s` and a hundred milliseconds. The `exact_*` functions print what the parsers read back unchanged. The
//! `show_*` functions round for the eye.
//!
//! This module knows nothing of what a value is for, so bounds such as "at least one VU" are its callers' to check.

use std::time::Duration;

/// Why a text is not the duration, rate or size that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// It has not the form.
    #[error("read `{text}` as a {what}: {reason}; write for example {examples}")]
    Malformed {
        /// What was wanted.
        what: &'static str,
        /// The text as given.
        text: String,
        /// What is wrong with it.
        reason: String,
        /// Texts that would do.
        examples: &'static str,
    },
    /// It has the form, but is more than can be represented.
    #[error("read `{text}` as a {what}: it is above {most}")]
    TooLarge {
        /// What was wanted.
        what: &'static str,
        /// The text as given.
        text: String,
        /// The greatest value that can be represented.
        most: &'static str,
    },
}

/// What a parser reads: its name and examples for messages.
struct Form {
    what: &'static str,
    examples: &'static str,
    most: &'static str,
}

impl Form {
    fn malformed(&self, text: &str, reason: impl Into<String>) -> UnitError {
        UnitError::Malformed { what: self.what, text: text.to_owned(), reason: reason.into(), examples: self.examples }
    }

    fn too_large(&self, text: &str) -> UnitError {
        UnitError::TooLarge { what: self.what, text: text.to_owned(), most: self.most }
    }
}

const DURATION: Form =
    Form { what: "duration", examples: "10s, 1m30s, 500ms, 250us, 2h, or 0.5 for half a second", most: "584 years" };
const RATE: Form = Form { what: "rate", examples: "500/s, 30/m, 2/h, 1.5k/s, or 500 for 500/s", most: "10^15/s" };
const SIZE: Form =
    Form { what: "size", examples: "64MiB, 1GB, 4k (of 1000 bytes), or 512 for 512 bytes", most: "16 EiB" };

/// Nanoseconds of each unit of time, from the largest to the smallest; a unit's first spelling is the one printed.
const TIME_UNITS: [(&[&str], u128); 7] = [
    (&["d"], 86_400_000_000_000),
    (&["h"], 3_600_000_000_000),
    (&["m", "min"], 60_000_000_000),
    (&["s"], 1_000_000_000),
    (&["ms"], 1_000_000),
    (&["us", "µs", "μs"], 1_000),
    (&["ns"], 1),
];

/// Bytes of each unit of size, from the largest to the smallest, in lower case.
const SIZE_UNITS: [(&[&str], u128); 9] = [
    (&["tib", "ti"], 1 << 40),
    (&["tb", "t"], 1_000_000_000_000),
    (&["gib", "gi"], 1 << 30),
    (&["gb", "g"], 1_000_000_000),
    (&["mib", "mi"], 1 << 20),
    (&["mb", "m"], 1_000_000),
    (&["kib", "ki"], 1 << 10),
    (&["kb", "k"], 1_000),
    (&["b", ""], 1),
];

/// Reads a length of time: numbers with the units `d`, `h`, `m`, `s`, `ms`, `us` (`µs`) and `ns`, the larger ones first,
/// each once. A bare number is in seconds. Any number may have a fraction; what is below a nanosecond is rounded.
///
/// # Errors
/// Where the text has another form, is negative, or is above 584 years.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let mut rest = text.trim();
    let mut nanos: u128 = 0;
    let mut last_unit = None;
    loop {
        let (number, after) = take_number(rest).map_err(|reason| DURATION.malformed(text, reason))?;
        let (unit, after) = take_unit(after);
        let bare = unit.is_empty() && last_unit.is_none() && after.is_empty();
        let unit = if bare { "s" } else { unit };
        let place = find_unit(&TIME_UNITS, unit).ok_or_else(|| DURATION.malformed(text, unknown_unit(unit)))?;
        if last_unit.is_some_and(|last| place <= last) {
            return Err(DURATION.malformed(text, "units go from large to small, each once"));
        }
        let part = number.times(TIME_UNITS[place].1).ok_or_else(|| DURATION.too_large(text))?;
        nanos = nanos.saturating_add(part);
        last_unit = Some(place);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    u64::try_from(nanos).map(Duration::from_nanos).map_err(|_| DURATION.too_large(text))
}

/// How often something happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Rate {
    per_second: f64,
}

impl Rate {
    /// A rate of that many a second; none where it is negative or not finite.
    pub fn from_per_second(per_second: f64) -> Option<Self> {
        (per_second.is_finite() && per_second >= 0.0).then_some(Self { per_second })
    }

    /// How many a second: finite and not negative.
    pub fn per_second(self) -> f64 {
        self.per_second
    }
}

impl std::str::FromStr for Rate {
    type Err = UnitError;

    /// As [`parse_rate`].
    fn from_str(text: &str) -> Result<Self, UnitError> {
        parse_rate(text)
    }
}

/// Reads a rate: a number (with `k` for thousands or `M` for millions), a slash and `s`, `m` (`min`) or `h`. A bare
/// number is a second's. 0 is a rate.
///
/// # Errors
/// Where the text has another form, is negative, or is above 10^15 a second.
pub fn parse_rate(text: &str) -> Result<Rate, UnitError> {
    let (amount, period) = text.split_once('/').map_or((text, "s"), |(amount, period)| (amount, period.trim()));
    let (number, multiple) = take_number(amount.trim()).map_err(|reason| RATE.malformed(text, reason))?;
    let multiple = match multiple {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        other => return Err(RATE.malformed(text, unknown_unit(other))),
    };
    let seconds = match period {
        "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        other => return Err(RATE.malformed(text, format!("`{other}` is no period; periods are s, m and h"))),
    };
    // Kept in billionths up to here, so that the one rounding is the division's.
    let billionths = number.times(multiple * 1_000_000_000).ok_or_else(|| RATE.too_large(text))?;
    let per_second = billionths as f64 / 1e9 / seconds;
    if per_second > 1e15 {
        return Err(RATE.too_large(text));
    }
    Ok(Rate { per_second })
}

/// Reads a number of bytes: `kB`, `MB`, `GB` and `TB` (or `k`, `M`, `G`, `T`) count in thousands, `KiB`, `MiB`, `GiB` and
/// `TiB` (or `Ki` and so on) in 1024s; case does not matter. A bare number is in bytes.
///
/// # Errors
/// Where the text has another form, is negative, or is above 16 EiB.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let (number, unit) = take_number(text.trim()).map_err(|reason| SIZE.malformed(text, reason))?;
    let lower = unit.to_ascii_lowercase();
    let place = find_unit(&SIZE_UNITS, &lower).ok_or_else(|| SIZE.malformed(text, unknown_unit(unit)))?;
    let bytes = number.times(SIZE_UNITS[place].1).ok_or_else(|| SIZE.too_large(text))?;
    u64::try_from(bytes).map_err(|_| SIZE.too_large(text))
}

/// A decimal number as it was written: `digits / 10^scale`.
struct Decimal {
    digits: u128,
    scale: u32,
}

impl Decimal {
    /// The number times `unit`, rounded to the nearest whole; none where that overflows.
    fn times(&self, unit: u128) -> Option<u128> {
        let divisor = 10_u128.checked_pow(self.scale)?;
        let product = self.digits.checked_mul(unit)?;
        Some(product.checked_add(divisor / 2)? / divisor)
    }
}

/// Takes a number off the front of a text, and the spaces after it. Underscores between digits are skipped.
fn take_number(text: &str) -> Result<(Decimal, &str), String> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if rest.starts_with('-') {
        return Err("it must not be negative".to_owned());
    }
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: String = whole.chars().chain(fraction.chars()).filter(|&c| c != '_').collect();
    // Past 18 places nothing is left to round to, and fewer digits keep the product below from overflowing.
    let scale = fraction.bytes().filter(u8::is_ascii_digit).count();
    if digits.is_empty() || fraction.contains('.') {
        return Err(format!("`{}` does not start with a number", text.trim()));
    }
    if scale > 18 {
        return Err("a fraction has 18 digits at the most".to_owned());
    }
    let digits = digits.parse().map_err(|_| "the number has too many digits".to_owned())?;
    Ok((Decimal { digits, scale: scale as u32 }, rest.trim_start()))
}

/// Takes a unit's letters off the front of a text, and the spaces after them.
fn take_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    // What is no letter is shown as the unit that it is in place of.
    let end = if end == 0 { text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len()) } else { end };
    let (unit, rest) = text.split_at(end);
    (unit, rest.trim_start())
}

fn find_unit(units: &[(&[&str], u128)], name: &str) -> Option<usize> {
    units.iter().position(|(names, _)| names.contains(&name))
}

fn unknown_unit(unit: &str) -> String {
    if unit.is_empty() { "a number has no unit".to_owned() } else { format!("`{unit}` is no unit of it") }
}

/// A duration as [`parse_duration`] reads it back: `1m30s`, `1s500ms`, `0s`.
pub fn exact_duration(duration: Duration) -> String {
    let mut rest = duration.as_nanos();
    let mut text = String::new();
    for (names, nanos) in TIME_UNITS {
        if rest >= nanos {
            text.push_str(&format!("{}{}", rest / nanos, names[0]));
            rest %= nanos;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// A rate as [`parse_rate`] reads it back, to the precision of its billionths: `500/s`, `30/m`.
pub fn exact_rate(rate: Rate) -> String {
    let whole = |value: f64| (value.round() - value).abs() < 1e-9;
    let per_second = rate.per_second;
    if !whole(per_second) && whole(per_second * 60.0) {
        format!("{}/m", (per_second * 60.0).round())
    } else if !whole(per_second) && whole(per_second * 3_600.0) {
        format!("{}/h", (per_second * 3_600.0).round())
    } else {
        format!("{per_second}/s")
    }
}

/// A size as [`parse_size`] reads it back, in the largest unit that divides it: `64MiB`, `1GB`, `1500B`.
pub fn exact_size(bytes: u64) -> String {
    const NAMES: [&str; 9] = ["TiB", "TB", "GiB", "GB", "MiB", "MB", "KiB", "kB", "B"];
    let divides = |unit: u128| bytes != 0 && u128::from(bytes).is_multiple_of(unit);
    let place = SIZE_UNITS.iter().position(|&(_, unit)| divides(unit)).unwrap_or(NAMES.len() - 1);
    format!("{}{}", u128::from(bytes) / SIZE_UNITS[place].1, NAMES[place])
}

/// A time in seconds, to three digits: `842 µs`, `1.23 ms`, `12.4 s`, `2m05s`, `1h02m`. Never wider than 8 columns below
/// a thousand hours. Negative and not-a-number print as 0.
pub fn show_seconds(seconds: f64) -> String {
    let nanos = if seconds > 0.0 { (seconds * 1e9).round() } else { 0.0 };
    // The bounds stand where three digits round up to the next unit, so that nothing prints as 1000 µs or 60.0 s.
    match nanos {
        n if n < 0.5 => "0 s".to_owned(),
        n if n < 999.5 => format!("{n:.0} ns"),
        n if n < 999_500.0 => format!("{} µs", three_digits(n / 1e3)),
        n if n < 999_500_000.0 => format!("{} ms", three_digits(n / 1e6)),
        n if n < 59_950_000_000.0 => format!("{} s", three_digits(n / 1e9)),
        n => show_long((n / 1e9).round() as u64),
    }
}

/// As [`show_seconds`].
pub fn show_duration(duration: Duration) -> String {
    show_seconds(duration.as_secs_f64())
}

fn show_long(seconds: u64) -> String {
    let minutes = seconds / 60;
    if minutes < 60 {
        return format!("{minutes}m{:02}s", seconds % 60);
    }
    // Seconds are rounded away, so 1h59m40s is two hours.
    let minutes = (seconds + 30) / 60;
    format!("{}h{:02}m", minutes / 60, minutes % 60)
}

/// A time as a clock shows it, whole seconds, rounded down: `00:15`, `1:02:15`.
pub fn show_clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours == 0 { format!("{minutes:02}:{seconds:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}

/// A number of bytes to three digits, in thousands: `512 B`, `1.20 MB`.
pub fn show_bytes(bytes: u64) -> String {
    let (number, unit) = scaled(bytes as f64, &["B", "kB", "MB", "GB", "TB", "PB", "EB"]);
    format!("{number} {unit}")
}

/// Memory in MiB, which its bounds are given in: `12.4 MiB`.
pub fn show_mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// A count in full, its thousands apart: `12,345`.
pub fn show_count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number to at least three digits, thousands apart: `0.123`, `1.23`, `123`, `12,345`; whole numbers without a fraction,
/// and what is very small or very large in exponents.
pub fn show_number(number: f64) -> String {
    let size = number.abs();
    if !number.is_finite() {
        return number.to_string();
    }
    if size >= 1e15 || (size > 0.0 && size < 0.000_95) {
        return format!("{number:.2e}");
    }
    let sign = if number < 0.0 { "-" } else { "" };
    if size.fract() == 0.0 || size >= 99.95 {
        let whole = size.round();
        // Minus nothing is nothing.
        return format!("{}{}", if whole == 0.0 { "" } else { sign }, show_count(whole as u64));
    }
    format!("{sign}{}", three_digits(size))
}

/// A rate a second, without its unit: two decimals below 10, one below 100, else whole with its thousands apart.
pub fn show_rate(per_second: f64) -> String {
    match per_second {
        r if r.is_nan() || r <= 0.0 => "0".to_owned(),
        r if r < 0.005 => "<0.01".to_owned(),
        r if r < 99.95 => format!("{r:.*}", if r < 9.995 { 2 } else { 1 }),
        r => show_count(r.round() as u64),
    }
}

/// `part` of `whole` in percent: `0 %`, `0.12 %`, `12.3 %`, `100 %`. Only nothing prints as 0 and only all of it as 100:
/// one in a million is `<0.01 %`, and all but one `>99.9 %`. Nothing of nothing is `0 %`.
pub fn show_share(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".to_owned();
    }
    if part >= whole {
        return "100 %".to_owned();
    }
    match part as f64 / whole as f64 * 100.0 {
        p if p < 0.005 => "<0.01 %".to_owned(),
        p if p < 9.995 => format!("{p:.2} %"),
        p if p < 99.95 => format!("{p:.1} %"),
        _ => ">99.9 %".to_owned(),
    }
}

/// The number divided by 1000 until it has three digits at the most before its point, and the unit that this makes.
fn scaled<'a>(number: f64, units: &[&'a str]) -> (String, &'a str) {
    let mut number = number;
    let mut place = 0;
    while number >= 999.5 && place + 1 < units.len() {
        number /= 1e3;
        place += 1;
    }
    let text = if place == 0 { format!("{number:.0}") } else { three_digits(number) };
    (text, units[place])
}

/// Three significant digits of a number from 0.001 up to 999.5; more decimals than three are not shown.
fn three_digits(number: f64) -> String {
    let decimals = match number {
        n if n < 0.9995 => 3,
        n if n < 9.995 => 2,
        n if n < 99.95 => 1,
        _ => 0,
    };
    format!("{number:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_exactly() {
        let nanos = |text| parse_duration(text).unwrap().as_nanos();
        assert_eq!(nanos("10s"), 10_000_000_000);
        assert_eq!(nanos("1m30s"), 90_000_000_000);
        assert_eq!(nanos("500ms"), 500_000_000);
        assert_eq!(nanos("2h"), 7_200_000_000_000);
        assert_eq!(nanos("250us"), 250_000);
        assert_eq!(nanos("250µs"), 250_000);
        assert_eq!(nanos("10"), 10_000_000_000);
        assert_eq!(nanos("0.5"), 500_000_000);
        assert_eq!(nanos(".1s"), 100_000_000);
        assert_eq!(nanos(" 1 m 30 s "), 90_000_000_000);
        assert_eq!(nanos("1d1h1min1s1ms1us1ns"), 90_061_001_001_001);
        assert_eq!(nanos("0.1234567894s"), 123_456_789);
        assert_eq!(nanos("0"), 0);
    }

    #[test]
    fn what_is_no_duration_is_named_with_what_would_be() {
        for (text, reason) in [
            ("", "it is empty"),
            ("-5s", "it must not be negative"),
            ("ten", "`ten` does not start with a number"),
            ("5 parsecs", "`parsecs` is no unit of it"),
            ("30s1m", "units go from large to small, each once"),
            ("1s1s", "units go from large to small, each once"),
            ("1m30", "a number has no unit"),
            ("1.2.3s", "`1.2.3s` does not start with a number"),
            ("1e3s", "`e` is no unit of it"),
            ("5s,", "`,` does not start with a number"),
        ] {
            let message = parse_duration(text).unwrap_err().to_string();
            assert_eq!(
                message,
                format!("read `{text}` as a duration: {reason}; write for example {}", DURATION.examples)
            );
        }
        for text in
            ["999999999h", "99999999999999999999999999999999999999d", "340282366920938463463374607431768211455d"]
        {
            let message = parse_duration(text).unwrap_err().to_string();
            assert_eq!(message, format!("read `{text}` as a duration: it is above 584 years"));
        }
    }

    #[test]
    fn rates_are_read_per_second_minute_and_hour() {
        let rate = |text| parse_rate(text).unwrap().per_second();
        assert_eq!(rate("500/s"), 500.0);
        assert_eq!(rate("30/m"), 0.5);
        assert_eq!(rate("7.2/h"), 0.002);
        assert_eq!(rate("1.5k/s"), 1_500.0);
        assert_eq!(rate("0"), 0.0);
        assert_eq!("500/s".parse(), parse_rate("500/s"));
        assert_eq!(rate(" 0.1 / s "), 0.1);
        for text in ["", "/s", "-1/s", "5/d", "5/", "5k5/s", "1e3", "2000000000M/s"] {
            let message = parse_rate(text).unwrap_err().to_string();
            assert!(message.starts_with(&format!("read `{text}` as a rate: ")), "{message}");
        }
    }

    #[test]
    fn sizes_are_read_in_thousands_and_in_1024s() {
        let size = |text| parse_size(text).unwrap();
        assert_eq!(size("64MiB"), 64 << 20);
        assert_eq!(size("1 GB"), 1_000_000_000);
        assert_eq!(size("4k"), 4_000);
        assert_eq!(size("4Ki"), 4_096);
        assert_eq!(size("0.5KiB"), 512);
        assert_eq!(size("512"), 512);
        assert_eq!(size("18446744073709551615"), u64::MAX);
        for text in ["", "MiB", "-1", "4x", "18446744073709551616", "1 G B"] {
            let message = parse_size(text).unwrap_err().to_string();
            assert!(message.starts_with(&format!("read `{text}` as a size: ")), "{message}");
        }
    }

    #[test]
    fn exact_texts_are_read_back_unchanged() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for round in 0..20_000 {
            // Marsaglia's xorshift64, narrowed by the round so that every magnitude comes up.
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            let value = bits >> (round % 64);
            let duration = Duration::from_nanos(value);
            assert_eq!(parse_duration(&exact_duration(duration)), Ok(duration));
            assert_eq!(parse_size(&exact_size(value)), Ok(value));
            let rate = Rate::from_per_second((value % 1_000_000_000_000) as f64 / 3_600.0).unwrap();
            let back = parse_rate(&exact_rate(rate)).unwrap().per_second();
            assert!((back - rate.per_second()).abs() <= 1e-9 * rate.per_second().max(1.0), "{rate:?} became {back}");
        }
        assert_eq!(exact_duration(Duration::from_millis(90_500)), "1m30s500ms");
        assert_eq!(exact_size(64 << 20), "64MiB");
        assert_eq!(exact_size(0), "0B");
        assert_eq!(exact_rate(Rate::from_per_second(0.5).unwrap()), "30/m");
        assert_eq!(Rate::from_per_second(f64::NAN), None);
        assert_eq!(Rate::from_per_second(-1.0), None);
    }

    #[test]
    fn times_show_three_digits_and_never_a_thousand_of_a_unit() {
        for (seconds, shown) in [
            (0.0, "0 s"),
            (f64::NAN, "0 s"),
            (750e-9, "750 ns"),
            (842e-6, "842 µs"),
            (999.6e-6, "1.00 ms"),
            (1.234e-3, "1.23 ms"),
            (9.996e-3, "10.0 ms"),
            (0.9999, "1.00 s"),
            (12.44, "12.4 s"),
            (59.97, "1m00s"),
            (125.0, "2m05s"),
            (3_599.6, "1h00m"),
            (3_725.0, "1h02m"),
            (7_190.0, "2h00m"),
        ] {
            assert_eq!(show_seconds(seconds), shown);
        }
        assert_eq!(show_clock(Duration::from_millis(15_900)), "00:15");
        assert_eq!(show_clock(Duration::from_secs(3_735)), "1:02:15");
    }

    #[test]
    fn counts_bytes_and_numbers_show_their_magnitude() {
        assert_eq!(
            ["0", "999", "1,000", "12,345", "1,234,567"],
            [0, 999, 1_000, 12_345, 1_234_567].map(show_count)[..]
        );
        assert_eq!(["0 B", "999 B", "1.00 kB", "1.20 MB"], [0, 999, 1_000, 1_200_000].map(show_bytes)[..]);
        assert_eq!(show_bytes(999_700), "1.00 MB");
        assert_eq!(show_bytes(u64::MAX), "18.4 EB");
        assert_eq!(
            ["0", "<0.01", "9.99", "10.0", "99.9", "12,345"],
            [0.0, 0.001, 9.99, 9.996, 99.94, 12_345.4].map(show_rate)[..]
        );
        assert_eq!(
            ["0", "-0.500", "1.23", "-1,234", "3", "1.00e-6"],
            [-0.0, -0.5, 1.234, -1_234.4, 3.0, 1e-6].map(show_number)[..]
        );
        assert_eq!(show_number(f64::INFINITY), "inf");
    }

    #[test]
    fn a_share_shows_0_and_100_only_for_none_and_all() {
        assert_eq!(show_share(0, 10), "0 %");
        assert_eq!(show_share(0, 0), "0 %");
        assert_eq!(show_share(10, 10), "100 %");
        assert_eq!(show_share(1, 1_000_000), "<0.01 %");
        assert_eq!(show_share(999_999, 1_000_000), ">99.9 %");
        assert_eq!(show_share(12, 10_000), "0.12 %");
        assert_eq!(show_share(1, 8), "12.5 %");
    }
}
