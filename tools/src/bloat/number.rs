//! Numbers: from the estimates' fractions to whole bytes, and how they are written.

use std::time::Duration;

/// A fraction as a whole number, cut off; nothing below zero, and 0 for what is no number.
pub(crate) fn whole(value: f64) -> u64 {
    // a Duration converts exactly and without `as`
    Duration::try_from_secs_f64(value.max(0.0)).map_or(0, |d| d.as_secs())
}

/// A count as a fraction.
pub(crate) fn fraction(value: u64) -> f64 {
    value as f64
}

/// `part` of `all` in percent, with one decimal; 0 of nothing.
pub(crate) fn percent(part: f64, all: f64) -> f64 {
    if all <= 0.0 {
        return 0.0;
    }
    (part / all * 1000.0).round() / 10.0
}

/// Bytes for people, in powers of 1000, with one decimal.
pub(crate) fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = fraction(bytes) / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A time for people: `0.4 s`, `12 s`, `3 min`, `5 h`, `2 d`.
pub(crate) fn human_seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.05 => "under 0.1 s".into(),
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} d", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_become_whole_and_never_negative() {
        for (value, expect) in [
            (2.9, 2),
            (-1.0, 0),
            (f64::NAN, 0),
            (1e12, 1_000_000_000_000),
        ] {
            assert_eq!(whole(value), expect, "{value}");
        }
    }

    #[test]
    fn bytes_and_times_are_short() {
        for (bytes, expect) in [(999, "999 B"), (1000, "1.0 kB"), (999_960, "1.0 MB")] {
            assert_eq!(human_bytes(bytes), expect);
        }
        for (seconds, expect) in [(0.0, "under 0.1 s"), (3.0, "3.0 s"), (300.0, "5 min")] {
            assert_eq!(human_seconds(seconds), expect);
        }
    }
}
