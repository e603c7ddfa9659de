//! Dates and times: storage forms of the binlog, text of result sets, arithmetic.
//!
//! `DATE` becomes days, `TIME`, `DATETIME` and `TIMESTAMP` microseconds, see [`Cell`]. Zero, partial
//! and impossible dates (`0000-00-00`, `2020-00-15`, `2021-02-31`) become [`Cell::Odd`] with the
//! text that the servers print. Storage forms: MySQL source, `mysys/my_time.cc`; WL#946.

use chameleon_model::{Cell, ChangeBuffer};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// Date and time of day, as stored: month and day may be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct DateTime {
    /// 0 to 9999.
    pub year: u16,
    /// 0 to 12.
    pub month: u8,
    /// 0 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 to 999999.
    pub micros: u32,
}

impl DateTime {
    /// Days since 1970-01-01; `None` for a day that is not in the calendar.
    pub fn days(&self) -> Option<i32> {
        let year = self.year;
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let last = match self.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 => 28 + u8::from(leap),
            _ => return None,
        };
        if self.day == 0 || self.day > last {
            return None;
        }
        // months are counted from March, so that the leap day ends a year
        let (year, month) = (i32::from(self.year), i32::from(self.month));
        let (year, month) = if month > 2 {
            (year, month - 3)
        } else {
            (year - 1, month + 9)
        };
        let in_year = (153 * month + 2) / 5 + i32::from(self.day) - 1;
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        Some(365 * year + leap_days + in_year - 719_468)
    }

    /// Microseconds since midnight; `None` for a time that no clock shows.
    fn micros_of_day(&self) -> Option<i64> {
        if self.hour > 23 || self.minute > 59 || self.second > 59 || self.micros > 999_999 {
            return None;
        }
        let seconds =
            i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        Some(seconds * MICROS_PER_SECOND + i64::from(self.micros))
    }

    /// `2020-01-31`, appended.
    pub fn push_date(&self, out: &mut Vec<u8>) {
        push_digits(out, u32::from(self.year), 4);
        out.push(b'-');
        push_digits(out, u32::from(self.month), 2);
        out.push(b'-');
        push_digits(out, u32::from(self.day), 2);
    }

    /// `2020-01-31 23:59:59.123` with `scale` fractional digits, appended.
    pub fn push_datetime(&self, scale: u8, out: &mut Vec<u8>) {
        self.push_date(out);
        out.push(b' ');
        let parts = [self.hour, self.minute, self.second].map(u32::from);
        push_clock(out, parts, self.micros, scale);
    }

    /// The cell of a DATE.
    pub fn date_cell(&self, buffer: &mut ChangeBuffer) -> Cell {
        match self.days() {
            Some(days) => Cell::Days(days),
            None => {
                let start = buffer.arena_mut().len();
                self.push_date(buffer.arena_mut());
                Cell::Odd(buffer.span_from(start))
            }
        }
    }

    /// The cell of a DATETIME or TIMESTAMP with `scale` fractional digits; `None` where the time of
    /// day is impossible.
    pub fn datetime_cell(&self, scale: u8, buffer: &mut ChangeBuffer) -> Option<Cell> {
        let micros = self.micros_of_day()?;
        Some(match self.days() {
            Some(days) => Cell::Micros(i64::from(days) * MICROS_PER_DAY + micros),
            None => {
                let start = buffer.arena_mut().len();
                self.push_datetime(scale, buffer.arena_mut());
                Cell::Odd(buffer.span_from(start))
            }
        })
    }

    /// Reads the packed form in which MySQL keeps DATETIME inside JSON and, shifted, on disk: year
    /// and month as `year * 13 + month`, then day, hour, minute, second in 5, 5, 6, 6 bits, then
    /// 24 bits of microseconds.
    pub fn unpack(packed: i64) -> Option<Self> {
        let packed = u64::try_from(packed).ok()?;
        let bits = |shift: u32, mask: u64| u8::try_from(packed >> shift & mask).ok();
        let year_month = packed >> 46;
        Some(Self {
            year: u16::try_from(year_month / 13).ok().filter(|&y| y <= 9999)?,
            month: u8::try_from(year_month % 13).ok()?,
            day: bits(41, 31)?,
            hour: bits(36, 31)?,
            minute: bits(30, 63)?,
            second: bits(24, 63)?,
            micros: u32::try_from(packed & 0xff_ffff).ok()?,
        })
    }
}

/// A TIME: a signed span of up to 838:59:59.999999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Span {
    /// Below zero.
    pub negative: bool,
    /// Microseconds without sign.
    pub micros: u64,
}

impl Span {
    fn of(negative: bool, [hour, minute, second]: [u64; 3], micros: u64) -> Option<Self> {
        if hour > 838 || minute > 59 || second > 59 || micros > 999_999 {
            return None;
        }
        Some(Self {
            negative,
            micros: ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros,
        })
    }

    /// Microseconds with sign.
    pub fn signed_micros(&self) -> i64 {
        let micros = i64::try_from(self.micros).unwrap_or(i64::MAX);
        if self.negative { -micros } else { micros }
    }

    /// `-838:59:59.000000` with `scale` fractional digits, appended.
    pub fn push(&self, scale: u8, out: &mut Vec<u8>) {
        if self.negative {
            out.push(b'-');
        }
        let part = |n: u64| u32::try_from(n).unwrap_or_default();
        let seconds = self.micros / 1_000_000;
        let parts = [seconds / 3600, seconds / 60 % 60, seconds % 60].map(part);
        push_clock(out, parts, part(self.micros % 1_000_000), scale);
    }

    /// Reads the packed form: sign, then hour, minute, second in 10, 6, 6 bits, then 24 bits of
    /// microseconds; a negative span is the negative of the whole number.
    pub fn unpack(packed: i64) -> Option<Self> {
        let value = packed.unsigned_abs();
        let parts = [value >> 36 & 0x3ff, value >> 30 & 63, value >> 24 & 63];
        Self::of(packed < 0, parts, value & 0xff_ffff)
    }
}

/// Bytes that the fraction of `scale` digits takes, in the forms of MySQL 5.6 and later.
pub fn fraction_bytes(scale: u8) -> usize {
    usize::from(scale.div_ceil(2))
}

/// DATE: 3 bytes, little-endian, day in 5 bits, month in 4, year above.
pub fn decode_date(bytes: [u8; 3]) -> DateTime {
    let [low, mid, high] = bytes.map(u16::from);
    let bits = low | mid << 8;
    DateTime {
        year: high << 7 | bits >> 9,
        month: u8::try_from(bits >> 5 & 15).unwrap_or_default(),
        day: u8::try_from(bits & 31).unwrap_or_default(),
        ..DateTime::default()
    }
}

/// TIME of MySQL 5.6 and later: 3 bytes and a fraction, big-endian, offset so that it sorts.
pub fn decode_time2(bytes: &[u8], scale: u8) -> Option<Span> {
    let (whole, fraction) = bytes.split_at_checked(3)?;
    // one number of whole and fraction: a negative time borrows from the whole
    let bits = 8 * u32::try_from(fraction.len()).ok()?;
    let number = signed(big_endian(whole) << bits | big_endian(fraction))?;
    let number = number - (0x80_0000 << bits);
    let value = number.unsigned_abs();
    let hms = value >> bits;
    let micros = fraction_micros(value & ((1 << bits) - 1), scale)?;
    let parts = [hms >> 12 & 0x3ff, hms >> 6 & 63, hms & 63];
    Span::of(number < 0, parts, micros)
}

/// DATETIME of MySQL 5.6 and later: 5 bytes and a fraction, big-endian.
pub fn decode_datetime2(bytes: &[u8], scale: u8) -> Option<DateTime> {
    let (whole, fraction) = bytes.split_at_checked(5)?;
    let whole = signed(big_endian(whole))? - 0x80_0000_0000;
    let mut value = DateTime::unpack(whole << 24)?;
    value.micros = u32::try_from(fraction_micros(big_endian(fraction), scale)?).ok()?;
    Some(value)
}

/// TIMESTAMP of MySQL 5.6 and later: 4 bytes of seconds and a fraction, big-endian. Microseconds
/// since the epoch; 0 is the zero date.
pub fn decode_timestamp2(bytes: &[u8], scale: u8) -> Option<i64> {
    let (whole, fraction) = bytes.split_at_checked(4)?;
    let micros = fraction_micros(big_endian(fraction), scale)?;
    signed(big_endian(whole) * 1_000_000 + micros)
}

/// TIME of MySQL up to 5.5: 3 bytes, little-endian, signed, decimal `hhmmss`.
pub fn decode_time_old(bytes: [u8; 3]) -> Option<Span> {
    let [low, mid, high] = bytes;
    let sign = if high & 0x80 == 0 { 0 } else { 0xff };
    let number = i32::from_le_bytes([low, mid, high, sign]);
    let value = u64::from(number.unsigned_abs());
    Span::of(
        number < 0,
        [value / 10_000, value / 100 % 100, value % 100],
        0,
    )
}

/// DATETIME of MySQL up to 5.5: 8 bytes, little-endian, decimal `YYYYMMDDhhmmss`.
pub fn decode_datetime_old(bytes: [u8; 8]) -> Option<DateTime> {
    let number = u64::from_le_bytes(bytes);
    let part = |n: u64| u8::try_from(n % 100).ok();
    Some(DateTime {
        year: u16::try_from(number / 10_000_000_000)
            .ok()
            .filter(|&y| y <= 9999)?,
        month: part(number / 100_000_000)?,
        day: part(number / 1_000_000)?,
        hour: part(number / 10_000)?,
        minute: part(number / 100)?,
        second: part(number)?,
        micros: 0,
    })
}

/// The cell of a TIMESTAMP in microseconds since the epoch, where 0 is the zero date.
pub fn timestamp_cell(micros: i64, scale: u8, buffer: &mut ChangeBuffer) -> Cell {
    if micros != 0 {
        return Cell::Micros(micros);
    }
    let start = buffer.arena_mut().len();
    DateTime::default().push_datetime(scale, buffer.arena_mut());
    Cell::Odd(buffer.span_from(start))
}

/// A DATE as the servers print it.
pub fn date_from_text(text: &[u8], buffer: &mut ChangeBuffer) -> Option<Cell> {
    let (date, rest) = parse_date(text)?;
    rest.is_empty().then(|| date.date_cell(buffer))
}

/// A DATETIME, or a TIMESTAMP in a session whose time zone is UTC, as the servers print it. The
/// number of fractional digits is the text's own.
pub fn datetime_from_text(text: &[u8], buffer: &mut ChangeBuffer) -> Option<Cell> {
    let (date, rest) = parse_date(text)?;
    let clock = rest.strip_prefix(b" ")?;
    let (hour, rest) = digits(clock, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(b":")?, 2)?;
    let (second, rest) = digits(rest.strip_prefix(b":")?, 2)?;
    let (micros, scale) = parse_fraction(rest)?;
    let value = DateTime {
        hour: u8::try_from(hour).ok()?,
        minute: u8::try_from(minute).ok()?,
        second: u8::try_from(second).ok()?,
        micros,
        ..date
    };
    value.datetime_cell(scale, buffer)
}

/// A TIME as the servers print it.
pub fn time_from_text(text: &[u8]) -> Option<Cell> {
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let hour_digits = text.iter().position(|&b| b == b':')?;
    let (hour, rest) = digits(text, hour_digits)?;
    let (minute, rest) = digits(rest.strip_prefix(b":")?, 2)?;
    let (second, rest) = digits(rest.strip_prefix(b":")?, 2)?;
    let (micros, _) = parse_fraction(rest)?;
    let parts = [hour, minute, second].map(u64::from);
    Some(Cell::Micros(
        Span::of(negative, parts, u64::from(micros))?.signed_micros(),
    ))
}

fn parse_date(text: &[u8]) -> Option<(DateTime, &[u8])> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = digits(rest.strip_prefix(b"-")?, 2)?;
    let date = DateTime {
        year: u16::try_from(year).ok()?,
        month: u8::try_from(month).ok()?,
        day: u8::try_from(day).ok()?,
        ..DateTime::default()
    };
    Some((date, rest))
}

/// Nothing, or a point and up to six digits: microseconds and number of digits.
fn parse_fraction(text: &[u8]) -> Option<(u32, u8)> {
    if text.is_empty() {
        return Some((0, 0));
    }
    let text = text.strip_prefix(b".")?;
    let scale = u8::try_from(text.len())
        .ok()
        .filter(|n| (1..=6).contains(n))?;
    let (fraction, _) = digits(text, text.len())?;
    Some((fraction * 10_u32.pow(u32::from(6 - scale)), scale))
}

fn digits(text: &[u8], count: usize) -> Option<(u32, &[u8])> {
    let (number, rest) = text.split_at_checked(count)?;
    if number.is_empty() || number.len() > 6 || !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some((
        number.iter().fold(0, |n, &b| n * 10 + u32::from(b - b'0')),
        rest,
    ))
}

fn push_clock(out: &mut Vec<u8>, [hour, minute, second]: [u32; 3], micros: u32, scale: u8) {
    push_digits(out, hour, if hour > 99 { 3 } else { 2 });
    out.push(b':');
    push_digits(out, minute, 2);
    out.push(b':');
    push_digits(out, second, 2);
    if scale > 0 {
        let scale = u32::from(scale.min(6));
        out.push(b'.');
        push_digits(out, micros / 10_u32.pow(6 - scale), scale);
    }
}

fn push_digits(out: &mut Vec<u8>, number: u32, count: u32) {
    for place in (0..count).rev() {
        let digit = number / 10_u32.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or_default());
    }
}

/// A stored fraction holds two digits a byte, so `scale` 1, 3 and 5 are stored as 2, 4 and 6.
fn fraction_micros(stored: u64, scale: u8) -> Option<u64> {
    let micros = match scale {
        0 => 0,
        1 | 2 => stored * 10_000,
        3 | 4 => stored * 100,
        5 | 6 => stored,
        _ => return None,
    };
    (micros <= 999_999).then_some(micros)
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |n, &b| n << 8 | u64::from(b))
}

fn signed(number: u64) -> Option<i64> {
    i64::try_from(number).ok()
}

#[cfg(test)]
#[path = "temporal_tests.rs"]
mod tests;
