//! Spans of time as PostgreSQL writes intervals.
//!
//! 1.x handed `batch_retention` to PostgreSQL, so all that its `interval` input takes and that is
//! not negative is taken here: `1 day`, `12 hours`, `1 day 06:30`, `1.5 h`, `P1DT12H`, a plain
//! number of seconds. A month counts 30 days and a year 365, because a replica has no calendar.

use std::time::Duration;

const SECOND: f64 = 1.0;
const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;
/// Longest span that is taken: 1000 years.
const LONGEST: f64 = 365_000.0 * DAY;

/// Reads a span; `None` where it is none, is negative, or is longer than a thousand years.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let seconds = match text.strip_prefix(['P', 'p']) {
        Some(rest) => iso(rest)?,
        None => words(text)?,
    };
    let fits = seconds.is_finite() && (0.0..=LONGEST).contains(&seconds);
    fits.then(|| Duration::try_from_secs_f64(seconds).ok())
        .flatten()
}

fn words(text: &str) -> Option<f64> {
    let text = text.strip_prefix('@').unwrap_or(text);
    let mut rest = text.trim();
    let mut seconds = 0.0;
    let mut parts = 0;
    while !rest.is_empty() {
        let (number, after) = number(rest)?;
        if let Some(clock) = after.strip_prefix(':') {
            let (clock_seconds, after) = clock_face(number, clock)?;
            seconds += clock_seconds;
            rest = after.trim_start();
        } else {
            let after = after.trim_start();
            let end = after
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(after.len());
            let unit = match &after[..end] {
                "" if parts == 0 && after.is_empty() => SECOND,
                word => unit(word)?,
            };
            seconds += number * unit;
            rest = after[end..].trim_start_matches([' ', ',', '\t']);
        }
        parts += 1;
    }
    (parts > 0).then_some(seconds)
}

/// A number at the start of the text, and what follows it.
fn number(text: &str) -> Option<(f64, &str)> {
    let signed = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = signed
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(signed.len());
    let end = text.len() - signed.len() + digits;
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// `MM` or `MM:SS` after the hours of a clock face.
fn clock_face(hours: f64, text: &str) -> Option<(f64, &str)> {
    let (minutes, rest) = number(text)?;
    let (seconds, rest) = match rest.strip_prefix(':') {
        Some(text) => number(text)?,
        None => (0.0, rest),
    };
    let fits = (0.0..60.0).contains(&minutes) && (0.0..61.0).contains(&seconds);
    fits.then_some((hours * HOUR + minutes * MINUTE + seconds, rest))
}

fn unit(word: &str) -> Option<f64> {
    Some(match word.to_ascii_lowercase().as_str() {
        "us" | "usec" | "usecs" | "microsecond" | "microseconds" => 1e-6,
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => 1e-3,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "m" | "min" | "mins" | "minute" | "minutes" => MINUTE,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => 7.0 * DAY,
        "mon" | "mons" | "month" | "months" => 30.0 * DAY,
        "y" | "yr" | "yrs" | "year" | "years" => 365.0 * DAY,
        _ => return None,
    })
}

/// ISO 8601 after its `P`: `1DT12H30M`.
fn iso(text: &str) -> Option<f64> {
    let (date, time) = match text.find(['T', 't']) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    let date = iso_part(
        date,
        &[
            ('Y', 365.0 * DAY),
            ('M', 30.0 * DAY),
            ('W', 7.0 * DAY),
            ('D', DAY),
        ],
    )?;
    let time = iso_part(time, &[('H', HOUR), ('M', MINUTE), ('S', SECOND)])?;
    (!text.is_empty()).then_some(date + time)
}

fn iso_part(mut text: &str, units: &[(char, f64)]) -> Option<f64> {
    let mut seconds = 0.0;
    while !text.is_empty() {
        let (number, rest) = number(text)?;
        let letter = rest.chars().next()?.to_ascii_uppercase();
        let (_, unit) = units.iter().find(|(l, _)| *l == letter)?;
        seconds += number * unit;
        text = &rest[1..];
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_as_postgresql_reads_them() {
        let check = |text: &str, seconds: Option<f64>| {
            assert_eq!(parse(text).map(|d| d.as_secs_f64()), seconds, "{text}");
        };
        check("1 day", Some(86_400.0));
        check("12 hours", Some(43_200.0));
        check("30 minutes", Some(1800.0));
        check("30", Some(30.0));
        check("0.5", Some(0.5));
        check("1 day 06:30", Some(109_800.0));
        check("01:02:03.5", Some(3723.5));
        check("1 week, 2 days", Some(777_600.0));
        check("@ 2 hours", Some(7200.0));
        check("1d12h", Some(129_600.0));
        check("1 mon", Some(2_592_000.0));
        check("P1DT12H", Some(129_600.0));
        check("pt90s", Some(90.0));
        check("2 days -1 hour", Some(169_200.0));
        check("", None);
        check("P", None);
        check("-1 day", None);
        check("1 day ago", None);
        check("1 fortnight", None);
        check("day", None);
        check("1 2", None);
        check("1:99", None);
        check("9e999 days", None);
        check("99999999999999 years", None);
        check("1\u{e4}", None);
        check("P1\u{e4}", None);
    }
}
