//! Dates and times as the interface counts them: days and microseconds since 1970-01-01, in the Gregorian calendar.

/// Microseconds of a day.
pub const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// The day of a date since 1970-01-01; none if there is no such date in the years 0 to 9999.
///
/// ```
/// use chameleon_transform_sdk::calendar::days_of;
/// assert_eq!(days_of(1970, 1, 2), Some(1));
/// assert_eq!(days_of(2023, 2, 29), None);
/// ```
pub fn days_of(year: i32, month: u32, day: u32) -> Option<i32> {
    let lengths = [
        31,
        28 + u32::from(is_leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let length = *lengths.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if !(0..=9999).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day is the last one.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = i32::try_from((153 * month + 2) / 5 + day - 1).ok()?;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// The year, month and day of a day since 1970-01-01.
pub fn date_of(days: i32) -> (i32, u32, u32) {
    let days = i64::from(days) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let small = |number: i64| u32::try_from(number).unwrap_or_default();
    let year = i32::try_from(era * 400 + year + next).unwrap_or_default();
    (year, small(month), small(day))
}

/// Days of `2024-02-29`; none where the text is no date.
pub fn parse_date(text: &str) -> Option<i32> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    days_of(number(year)?, number(month)?, number(day)?)
}

/// Microseconds of `2024-02-29 13:14:15.5` (or with a `T`), taken as UTC, or of a date alone.
pub fn parse_datetime(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let Some((date, time)) = text.split_once([' ', 'T']) else {
        return Some(i64::from(parse_date(text)?) * DAY);
    };
    let time = parse_time(time)?;
    (0..DAY)
        .contains(&time)
        .then_some(i64::from(parse_date(date)?) * DAY + time)
}

/// Microseconds of `-838:59:59.000001`, `13:14`.
pub fn parse_time(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = whole.split(':');
    let (hours, minutes) = (number::<i64>(parts.next()?)?, number::<i64>(parts.next()?)?);
    let seconds = parts.next().map_or(Some(0), number::<i64>)?;
    if parts.next().is_some() || minutes > 59 || seconds > 59 || hours > 838 || fraction.len() > 6 {
        return None;
    }
    let micros = number::<i64>(fraction)? * 10_i64.pow(6 - u32::try_from(fraction.len()).ok()?);
    Some(sign * (((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros))
}

/// `2024-02-29`.
pub fn render_date(days: i32) -> String {
    let (year, month, day) = date_of(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2024-02-29 13:14:15`, with six more digits where there is a fraction.
pub fn render_datetime(micros: i64) -> String {
    let days = i32::try_from(micros.div_euclid(DAY)).unwrap_or_default();
    format!(
        "{} {}",
        render_date(days),
        render_time(micros.rem_euclid(DAY))
    )
}

/// `-838:59:59`, with six more digits where there is a fraction.
pub fn render_time(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{sign}{hours:02}:{minutes:02}:{seconds:02}");
    if fraction > 0 {
        text.push_str(&format!(".{fraction:06}"));
    }
    text
}

fn is_leap(year: i32) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

/// Digits alone: the standard library takes a sign too.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_ten_thousand_years_comes_back() {
        let first = days_of(0, 1, 1).unwrap();
        let last = days_of(9999, 12, 31).unwrap();
        assert_eq!((first, last), (-719_528, 2_932_896));
        for days in first..=last {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), Some(days));
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "0000-00-00",
            "2024-02-30",
            "2024-00-10",
            "2024-1-1",
            "+024-01-01",
            "x",
            "",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn times_come_back_as_they_were_written() {
        for text in [
            "2024-02-29 13:14:15",
            "1969-12-31 23:59:59.500000",
            "9999-12-31 00:00:00",
        ] {
            assert_eq!(render_datetime(parse_datetime(text).unwrap()), text);
        }
        for text in ["-838:59:59", "00:00:00.000001", "100:00:00"] {
            assert_eq!(render_time(parse_time(text).unwrap()), text);
        }
        assert_eq!(parse_datetime("2024-02-29T24:00:00"), None);
        assert_eq!(parse_time("12:60:00"), None);
    }
}
