//! Dates and times: literals as MySQL reads them, the statement's time, time zones, and rounding.

use chameleon_model::{TypeKind, ZeroDatePolicy};

use crate::change::SessionFacts;
use crate::context::Dialect;
use crate::render::shape::literal;

/// A date and time as a literal gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment<'a> {
    year: u32,
    month: u32,
    day: u32,
    time: [u32; 3],
    fraction: &'a str,
}

impl<'a> Moment<'a> {
    /// Reads `2020-01-02`, `2020-1-2 3:04:05.678`, `2020-01-02T03:04:05`, `20200102`,
    /// `20200102030405`. Two-digit years and other forms are `None`.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (whole, fraction) = match text.rsplit_once('.') {
            Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
            Some(_) => return None,
            None => (text, ""),
        };
        if is_digits(whole) {
            let number = |from: usize, to: usize| whole.get(from..to)?.parse().ok();
            let time = match whole.len() {
                8 => [0; 3],
                14 => [number(8, 10)?, number(10, 12)?, number(12, 14)?],
                _ => return None,
            };
            return Some(Self {
                year: number(0, 4)?,
                month: number(4, 6)?,
                day: number(6, 8)?,
                time,
                fraction,
            });
        }
        let mut parts = whole
            .split(|c: char| !c.is_ascii_digit())
            .filter(|p| !p.is_empty());
        let year = parts.next().filter(|y| y.len() == 4)?.parse().ok()?;
        let (month, day) = (short(parts.next()?)?, short(parts.next()?)?);
        let mut time = [0; 3];
        for (n, part) in parts.enumerate() {
            *time.get_mut(n)? = short(part)?;
        }
        Some(Self {
            year,
            month,
            day,
            time,
            fraction,
        })
    }

    /// A zero or partial date.
    fn is_zero(&self) -> bool {
        self.year == 0 || self.month == 0 || self.day == 0
    }

    /// `2020-01-02` for a DATE, else with time and at most `scale` digits of a second.
    fn text(&self, kind: TypeKind, scale: u8, dialect: Dialect) -> String {
        let mut text = format!("{:04}-{:02}-{:02}", self.year, self.month, self.day);
        if kind == TypeKind::Date {
            return text;
        }
        let [hour, minute, second] = self.time;
        text.push_str(&format!(" {hour:02}:{minute:02}:{second:02}"));
        let fraction = cut_fraction(self.fraction, scale, dialect);
        if !fraction.is_empty() {
            text.push_str(&format!(".{fraction}"));
        }
        text
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn short(part: &str) -> Option<u32> {
    (part.len() <= 2).then(|| part.parse().ok()).flatten()
}

/// MariaDB cuts digits off; MySQL rounds, which the target's type does.
fn cut_fraction(fraction: &str, scale: u8, dialect: Dialect) -> &str {
    let most = match dialect {
        Dialect::MariaDb => usize::from(scale),
        Dialect::MySql => 6,
    };
    &fraction[..fraction.len().min(most)]
}

/// What a zero or partial date becomes: an expression, or `None` for NULL.
pub(super) fn zero_date(policy: ZeroDatePolicy) -> Result<Option<String>, String> {
    match policy {
        ZeroDatePolicy::Null => Ok(None),
        ZeroDatePolicy::Epoch => Ok(Some("'1970-01-01'".into())),
        ZeroDatePolicy::MinusInfinity => Ok(Some("'-infinity'".into())),
        ZeroDatePolicy::Fail => {
            Err("rows that exist get a zero date, which zero_date: fail refuses".into())
        }
    }
}

/// A literal for a DATE, DATETIME or TIMESTAMP column.
pub(super) fn moment_sql(
    text: &str,
    kind: TypeKind,
    scale: u8,
    policy: ZeroDatePolicy,
    session: &SessionFacts,
) -> Result<Option<String>, String> {
    let moment = Moment::parse(text).ok_or("its default is written in a form that is not read")?;
    if moment.is_zero() {
        return zero_date(policy);
    }
    let text = literal(&moment.text(kind, scale, session.dialect));
    if kind == TypeKind::Timestamp {
        let zone = fixed_zone_sql(session)?;
        return Ok(Some(format!("timestamp {text} at time zone {zone}")));
    }
    Ok(Some(text))
}

/// `[-][days ]hours:minutes[:seconds[.fraction]]` or `[-]hhmmss[.fraction]`, as an interval.
pub(super) fn time_sql(text: &str, scale: u8, dialect: Dialect) -> Option<String> {
    let text = text.trim();
    let (sign, text) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.is_empty() && !is_digits(fraction) {
        return None;
    }
    let (days, clock) = match whole.split_once(' ') {
        Some((days, clock)) => (days.parse::<u32>().ok()?, clock.trim()),
        None => (0, whole),
    };
    let numbers: Vec<u32> = if is_digits(clock) {
        let all: u32 = clock.parse().ok()?;
        if days > 0 {
            vec![all, 0, 0]
        } else {
            vec![all / 10_000, all / 100 % 100, all % 100]
        }
    } else {
        clock
            .split(':')
            .map(|p| p.parse().ok())
            .collect::<Option<_>>()?
    };
    let (hours, minutes, seconds) = match numbers.as_slice() {
        [h, m] => (*h, *m, 0),
        [h, m, s] => (*h, *m, *s),
        _ => return None,
    };
    let hours = days.checked_mul(24)?.checked_add(hours)?;
    let fraction = cut_fraction(fraction, scale, dialect);
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!(
        "'{sign}{hours:02}:{minutes:02}:{seconds:02}{point}{fraction}'"
    ))
}

/// The statement's NOW(), for a TIMESTAMP column; where it is not known, the target's own.
pub(super) fn now_sql(scale: u8, session: &SessionFacts) -> String {
    match session.statement_micros {
        Some(micros) => {
            let step = 10_i64.pow(6 - u32::from(scale.min(6)));
            let micros = micros - micros.rem_euclid(step);
            format!("timestamptz {}", literal(&utc_text(micros)))
        }
        None if scale == 0 => "date_trunc('second', current_timestamp)".into(),
        None => "current_timestamp".into(),
    }
}

/// The statement's NOW() on the session's clock face, for a DATETIME, DATE or TIME column.
pub(super) fn local_now_sql(scale: u8, session: &SessionFacts) -> Result<String, String> {
    Ok(format!(
        "({} at time zone {})",
        now_sql(scale, session),
        zone_sql(session)?
    ))
}

/// `2020-01-02 03:04:05.678900+00`
fn utc_text(micros: i64) -> String {
    let seconds = micros.div_euclid(1_000_000);
    let fraction = micros.rem_euclid(1_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{fraction:06}+00")
}

/// Year, month and day of a number of days since 1970-01-01, proleptic Gregorian.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

const NO_ZONE: &str = "the session's time zone is not known, and values depend on it";

/// The session's time zone as SQL behind `at time zone`.
pub(super) fn zone_sql(session: &SessionFacts) -> Result<String, String> {
    let zone = session.time_zone.as_deref().ok_or(NO_ZONE)?;
    if let Some(offset) = offset_sql(zone) {
        return Ok(offset);
    }
    if zone.eq_ignore_ascii_case("SYSTEM") || zone.is_empty() {
        return Err(NO_ZONE.into());
    }
    Ok(literal(zone))
}

/// The same, but only a zone without daylight saving time: in the hour that a clock passes twice
/// the servers choose differently.
pub(super) fn fixed_zone_sql(session: &SessionFacts) -> Result<String, String> {
    let zone = session.time_zone.as_deref().ok_or(NO_ZONE)?;
    let fixed = ["UTC", "GMT", "Etc/UTC", "Etc/GMT", "Zulu"];
    if fixed.iter().any(|f| zone.eq_ignore_ascii_case(f)) {
        return Ok("'UTC'".into());
    }
    offset_sql(zone)
        .ok_or_else(|| "the session's time zone changes its offset during the year".into())
}

/// `+02:00`, which PostgreSQL reads with the other sign unless it is an interval.
fn offset_sql(zone: &str) -> Option<String> {
    let offset = zone.strip_prefix(['+', '-'])?;
    let (hours, minutes) = offset.split_once(':')?;
    let valid = is_digits(hours) && is_digits(minutes);
    valid.then(|| format!("interval '{zone}'"))
}

/// A timestamp expression with fewer digits of a second. MySQL rounds halves up, MariaDB cuts off.
/// `ty`: `timestamp` or `timestamptz`.
pub(super) fn fewer_digits(sql: &str, scale: u8, ty: &str, dialect: Dialect) -> String {
    let unit = fraction_of_second(scale);
    let value = match dialect {
        Dialect::MariaDb => sql.to_owned(),
        Dialect::MySql => format!("{sql} + interval '{} second'", half_of(&unit)),
    };
    format!("date_bin(interval '{unit} second', {value}, {ty} '0001-01-01 00:00:00+00')")
}

/// `1`, `0.1`, ... `0.000001`
fn fraction_of_second(scale: u8) -> String {
    match scale {
        0 => "1".into(),
        n => format!("0.{}1", "0".repeat(usize::from(n) - 1)),
    }
}

fn half_of(unit: &str) -> String {
    match unit {
        "1" => "0.5".into(),
        unit => format!("{}05", &unit[..unit.len() - 1]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(zone: Option<&str>, dialect: Dialect) -> SessionFacts {
        SessionFacts {
            dialect,
            time_zone: zone.map(str::to_owned),
            statement_micros: Some(1_577_934_245_678_912),
        }
    }

    #[test]
    fn date_literals_are_read_as_mysql_reads_them() {
        let check = |text: &str, kind, scale, expect: Option<&str>| {
            let session = facts(Some("+02:00"), Dialect::MariaDb);
            let sql = moment_sql(text, kind, scale, ZeroDatePolicy::Epoch, &session);
            assert_eq!(sql.ok().flatten().as_deref(), expect, "{text}");
        };
        check("2020-1-2", TypeKind::Date, 0, Some("'2020-01-02'"));
        check("20200102", TypeKind::Date, 0, Some("'2020-01-02'"));
        check(
            "2020-01-02",
            TypeKind::DateTime,
            0,
            Some("'2020-01-02 00:00:00'"),
        );
        check(
            "2020-01-02T03:04:05.678",
            TypeKind::DateTime,
            2,
            Some("'2020-01-02 03:04:05.67'"),
        );
        check(
            "20200102030405",
            TypeKind::DateTime,
            0,
            Some("'2020-01-02 03:04:05'"),
        );
        check(
            "0000-00-00 00:00:00",
            TypeKind::DateTime,
            0,
            Some("'1970-01-01'"),
        );
        check("20-01-02", TypeKind::Date, 0, None);
        check("tomorrow", TypeKind::Date, 0, None);
        let stamp = "timestamp '2020-01-02 00:00:00' at time zone interval '+02:00'";
        check("2020-01-02", TypeKind::Timestamp, 0, Some(stamp));
    }

    #[test]
    fn time_literals_are_read_as_mysql_reads_them() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(
                time_sql(text, 2, Dialect::MariaDb).as_deref(),
                expect,
                "{text}"
            );
        };
        check("10:11", Some("'10:11:00'"));
        check("1:2:3", Some("'01:02:03'"));
        check("101112", Some("'10:11:12'"));
        check("5", Some("'00:00:05'"));
        check("-838:59:59.345", Some("'-838:59:59.34'"));
        check("2 03:04:05", Some("'51:04:05'"));
        check("x", None);
        check("1:2:3:4", None);
    }

    #[test]
    fn the_statements_time_is_cut_to_the_columns_digits() {
        let session = facts(Some("Europe/Rome"), Dialect::MySql);
        assert_eq!(
            now_sql(0, &session),
            "timestamptz '2020-01-02 03:04:05.000000+00'"
        );
        assert_eq!(
            now_sql(3, &session),
            "timestamptz '2020-01-02 03:04:05.678000+00'"
        );
        assert_eq!(
            local_now_sql(6, &session).unwrap(),
            "(timestamptz '2020-01-02 03:04:05.678912+00' at time zone 'Europe/Rome')"
        );
        assert!(fixed_zone_sql(&session).is_err());
        assert!(local_now_sql(0, &facts(None, Dialect::MySql)).is_err());
        assert!(local_now_sql(0, &facts(Some("SYSTEM"), Dialect::MySql)).is_err());
        assert_eq!(utc_text(-1), "1969-12-31 23:59:59.999999+00");
    }

    #[test]
    fn halves_are_rounded_up_or_cut_off() {
        assert_eq!(
            fewer_digits("c", 2, "timestamp", Dialect::MySql),
            "date_bin(interval '0.01 second', c + interval '0.005 second', \
             timestamp '0001-01-01 00:00:00+00')"
        );
        assert_eq!(
            fewer_digits("c", 0, "timestamptz", Dialect::MariaDb),
            "date_bin(interval '1 second', c, timestamptz '0001-01-01 00:00:00+00')"
        );
    }
}
