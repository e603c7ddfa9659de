//! Dates and times: the Gregorian calendar, PostgreSQL's epoch, and ISO 8601 text.
//!
//! PostgreSQL counts days and microseconds from 2000-01-01 and keeps infinity at the ends of the
//! range. It calls year 0 `0001 BC`.

use super::sink::Sink;

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
/// Microseconds of a day.
pub(super) const DAY_MICROS: i64 = 86_400_000_000;
/// Microseconds from 1970-01-01 to 2000-01-01.
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * DAY_MICROS;

/// `-infinity` as a date.
pub(super) const MINUS_INFINITY_DAYS: i32 = i32::MIN;
/// `-infinity` as a timestamp.
pub(super) const MINUS_INFINITY_MICROS: i64 = i64::MIN;
/// 1970-01-01 as a date of PostgreSQL.
pub(super) const UNIX_EPOCH_DAYS: i32 = -EPOCH_DAYS;
/// 1970-01-01 as a timestamp of PostgreSQL.
pub(super) const UNIX_EPOCH_MICROS: i64 = -EPOCH_MICROS;

/// Days since 1970 as a date of PostgreSQL (years 4713 BC to 5874897).
pub(super) fn pg_days(unix_days: i32) -> Option<i32> {
    let days = unix_days.checked_sub(EPOCH_DAYS)?;
    (-2_451_545..=2_145_031_948).contains(&days).then_some(days)
}

/// Microseconds since 1970 as a timestamp of PostgreSQL (years 4713 BC to 294276).
pub(super) fn pg_micros(unix_micros: i64) -> Option<i64> {
    let micros = unix_micros.checked_sub(EPOCH_MICROS)?;
    (-211_813_488_000_000_000..9_223_371_331_200_000_000)
        .contains(&micros)
        .then_some(micros)
}

/// Year, month and day of a day counted from 1970-01-01. The year is astronomical: 0 is 1 BC.
fn civil(unix_days: i64) -> (i64, u8, u8) {
    // years that begin in March put the leap day last; 146097 days make 400 years
    let days = unix_days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, narrow(month), narrow(day))
}

/// A month or a day.
fn narrow(value: i64) -> u8 {
    u8::try_from(value).unwrap_or_default()
}

/// How many digits of a second's fraction are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fraction {
    /// Six, or none if they are all zero.
    Shortest,
    /// As many as the source's type declares, 0 to 6.
    Digits(u8),
}

/// Appends a date of PostgreSQL.
pub(super) fn push_date(days: i32, out: &mut impl Sink) {
    if days == MINUS_INFINITY_DAYS {
        return out.plain("-infinity");
    }
    let mut line = Line::default();
    let year = line.day(i64::from(days));
    line.era(year);
    out.plain(line.as_str());
}

/// Appends a timestamp of PostgreSQL; `zone` follows the time: `+00`, or nothing.
pub(super) fn push_timestamp(micros: i64, shown: Fraction, zone: &str, out: &mut impl Sink) {
    if micros == MINUS_INFINITY_MICROS {
        return out.plain("-infinity");
    }
    let mut line = Line::default();
    let year = line.day(micros.div_euclid(DAY_MICROS));
    line.byte(b' ');
    line.clock(micros.rem_euclid(DAY_MICROS).unsigned_abs(), shown);
    line.bytes(zone.as_bytes());
    line.era(year);
    out.plain(line.as_str());
}

/// Appends a signed duration as `[-]HH:MM:SS[.ffffff]`.
pub(super) fn push_duration(micros: i64, shown: Fraction, out: &mut impl Sink) {
    let mut line = Line::default();
    if micros < 0 {
        line.byte(b'-');
    }
    line.clock(micros.unsigned_abs(), shown);
    out.plain(line.as_str());
}

/// One date or time being written. The longest has 35 bytes: a date of seven digits for the year,
/// a time with fraction, zone and era.
#[derive(Default)]
struct Line {
    text: [[u8; 8]; 6],
    len: usize,
}

impl Line {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text.as_flattened()[..self.len]).unwrap_or_default()
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if let Some(room) = self.text.as_flattened_mut().get_mut(self.len..end) {
            room.copy_from_slice(bytes);
            self.len = end;
        }
    }

    fn byte(&mut self, byte: u8) {
        self.bytes(&[byte]);
    }

    /// Two digits.
    fn pair(&mut self, value: u64) {
        self.bytes(&[digit(value / 10), digit(value)]);
    }

    /// A day counted from 2000-01-01, without the era; returns the year.
    fn day(&mut self, days: i64) -> i64 {
        let (year, month, day) = civil(days + i64::from(EPOCH_DAYS));
        // 1 BC is the year 0
        let shown = if year > 0 { year } else { 1 - year };
        let shown = shown.unsigned_abs();
        if shown > 9_999 {
            self.bytes(itoa::Buffer::new().format(shown).as_bytes());
        } else {
            self.pair(shown / 100);
            self.pair(shown % 100);
        }
        self.byte(b'-');
        self.pair(month.into());
        self.byte(b'-');
        self.pair(day.into());
        year
    }

    fn era(&mut self, year: i64) {
        if year <= 0 {
            self.bytes(b" BC");
        }
    }

    fn clock(&mut self, micros: u64, shown: Fraction) {
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        let (hours, minutes) = (minutes / 60, minutes % 60);
        if hours > 99 {
            self.bytes(itoa::Buffer::new().format(hours).as_bytes());
        } else {
            self.pair(hours);
        }
        self.byte(b':');
        self.pair(minutes);
        self.byte(b':');
        self.pair(seconds);
        let digits = match shown {
            Fraction::Shortest if fraction == 0 => 0,
            Fraction::Shortest => 6,
            Fraction::Digits(digits) => usize::from(digits.min(6)),
        };
        if digits > 0 {
            let mut text = *b".000000";
            let mut rest = fraction;
            for place in text[1..].iter_mut().rev() {
                *place = digit(rest);
                rest /= 10;
            }
            self.bytes(&text[..=digits]);
        }
    }
}

/// The last decimal digit of a number, in ASCII.
fn digit(value: u64) -> u8 {
    b'0' + u8::try_from(value % 10).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(unix_days: i32) -> String {
        let mut out = String::new();
        push_date(pg_days(unix_days).unwrap(), &mut out);
        out
    }

    #[test]
    fn dates_follow_the_gregorian_calendar() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(10_957), "2000-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(2_932_896), "9999-12-31");
        assert_eq!(date(-719_162), "0001-01-01");
        assert_eq!(date(-719_163), "0001-12-31 BC");
        assert_eq!(date(-719_528), "0001-01-01 BC");
    }

    #[test]
    fn every_day_of_mysql_is_the_day_after_the_one_before() {
        let (mut year, mut month, mut day) = (0, 1u8, 1u8);
        for unix_days in -719_528i64..=2_932_896 {
            assert_eq!(civil(unix_days), (year, month, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 => 28 + u8::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            if day < last {
                day += 1;
            } else if month < 12 {
                (month, day) = (month + 1, 1);
            } else {
                (year, month, day) = (year + 1, 1, 1);
            }
        }
    }

    #[test]
    fn durations_keep_sign_and_hours_beyond_a_day() {
        let check = |micros: i64, expect: &str| {
            let mut out = String::new();
            push_duration(micros, Fraction::Shortest, &mut out);
            assert_eq!(out, expect);
        };
        check(0, "00:00:00");
        check(-1, "-00:00:00.000001");
        check(-(838 * 3600 + 59 * 60 + 59) * 1_000_000, "-838:59:59");
        check(3_020_399_999_999, "838:59:59.999999");
    }

    #[test]
    fn timestamps_before_the_epoch_count_forward_within_the_day() {
        let check = |unix_micros: i64, expect: &str| {
            let mut out = String::new();
            let micros = pg_micros(unix_micros).unwrap();
            push_timestamp(micros, Fraction::Shortest, "+00", &mut out);
            assert_eq!(out, expect);
        };
        check(-1, "1969-12-31 23:59:59.999999+00");
        check(253_402_300_799_999_999, "9999-12-31 23:59:59.999999+00");
        let mut out = String::new();
        push_timestamp(120_000, Fraction::Digits(3), "", &mut out);
        push_duration(1, Fraction::Digits(0), &mut out);
        assert_eq!(out, "2000-01-01 00:00:00.12000:00:00");
        assert_eq!(pg_micros(i64::MIN), None);
        assert_eq!(pg_days(i32::MIN), None);
    }
}
