//! Dates as files and reports write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// Days of 400 years of the Gregorian calendar, after which it repeats.
const DAYS_PER_CYCLE: u64 = 146_097;

/// Seconds since 1970-01-01T00:00:00Z; 0 for a time before.
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A time as RFC 3339 writes it, in UTC and to the second, for example `2026-01-01T00:00:00Z`.
pub fn rfc3339(time: SystemTime) -> String {
    let seconds = unix_seconds(time);
    let (year, month, day) = civil(seconds / SECONDS_PER_DAY);
    let second = seconds % SECONDS_PER_DAY;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// As [`rfc3339`], to the millisecond, for example `2026-01-01T00:00:00.000Z`.
pub fn rfc3339_millis(time: SystemTime) -> String {
    let millis = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_millis());
    let seconds = rfc3339(time);
    format!("{}.{millis:03}Z", seconds.trim_end_matches('Z'))
}

/// The time of a text as [`rfc3339`] writes it; none for anything else, and for times before 1970.
pub fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let three = |text: &str, between| {
        let mut numbers = text.split(between).map(|number| number.parse::<u64>().ok());
        Some((numbers.next()??, numbers.next()??, numbers.next()??))
    };
    let ((year, month, day), (hour, minute, second)) = (three(date, '-')?, three(time, ':')?);
    // As in `civil`: from March, in cycles of 400 years.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month.checked_add(9)?) };
    let (cycle, year) = (year / 400, year % 400);
    let day_of_year = (153_u64.checked_mul(month)? + 2) / 5;
    let day_of_year = day_of_year.checked_add(day.checked_sub(1)?)?;
    let cycles = cycle.checked_mul(DAYS_PER_CYCLE)?;
    let days = cycles.checked_add(365 * year + year / 4 - year / 100 + day_of_year)?.checked_sub(719_468)?;
    let fits = hour < 24 && minute < 60 && second < 60;
    let seconds =
        days.checked_mul(SECONDS_PER_DAY).filter(|_| fits)?.checked_add(hour * 3600 + minute * 60 + second)?;
    let parsed = UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    // What has a 31st of February or a 25th hour comes out as another time.
    (rfc3339(parsed) == text).then_some(parsed)
}

/// The year, month and day of a number of days since 1970-01-01.
///
/// Years are counted from March, so that the leap day is the last of its year, as in Howard Hinnant's "chrono-Compatible
/// Low-Level Date Algorithms".
fn civil(days: u64) -> (u64, u64, u64) {
    // From 0000-03-01, the start of a cycle.
    let days = days + 719_468;
    let day = days % DAYS_PER_CYCLE;
    // A leap day every 4 years (1,461 days) but for the 100th, and the cycle's last day.
    let year = (day - day / 1_460 + day / 36_524 - day / (DAYS_PER_CYCLE - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // From March, months have 153 days in five.
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let year = days / DAYS_PER_CYCLE * 400 + year;
    if month < 10 { (year, month + 3, day_of_month) } else { (year + 1, month - 9, day_of_month) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
            (1_835_441_445, "2028-02-29T12:50:45Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), date);
            assert_eq!(parse_rfc3339(date), Some(UNIX_EPOCH + Duration::from_secs(seconds)));
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2026",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-1-1T0:0:0Z",
            "2026-01-01T24:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "99999999999999999999-01-01T00:00:00Z",
            "18446744073709551615-01-01T00:00:00Z",
            "2026-01-01T00:00:00ZZ",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_is_the_next_one_of_the_day_before() {
        let mut before = civil(0);
        for days in 1..=DAYS_PER_CYCLE {
            let (year, month, day) = civil(days);
            let follows = (year, month, day) == (before.0, before.1, before.2 + 1)
                || day == 1 && before.2 >= 28 && (year, month) == (before.0, before.1 + 1)
                || (month, day) == (1, 1) && before == (year - 1, 12, 31);
            assert!(follows, "{before:?} is followed by {:?}", (year, month, day));
            before = (year, month, day);
        }
        assert_eq!(before, (2370, 1, 1));
    }

    #[test]
    fn milliseconds_are_cut_and_not_rounded() {
        let time = UNIX_EPOCH + Duration::from_micros(951_782_399_007_999);
        assert_eq!(rfc3339_millis(time), "2000-02-28T23:59:59.007Z");
        assert_eq!(rfc3339_millis(UNIX_EPOCH - Duration::from_micros(1)), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_time_before_1970_counts_as_its_start() {
        assert_eq!(unix_seconds(UNIX_EPOCH - Duration::from_secs(1)), 0);
    }
}
