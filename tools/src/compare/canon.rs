//! One value in one form, whichever server it came from.
//!
//! Nothing of the replica's own encoding is used: the source's values come through its binary
//! protocol or as text that SQL made, the target's as text or bytes that SQL made, and both are
//! brought to a canonical text here. Equal canonical text means that the target holds what the
//! source holds, by the rules of the configuration (zero dates, U+0000, hexify).

use std::net::IpAddr;
use std::sync::Arc;

use chameleon_model::{NulPolicy, ZeroDatePolicy};
use mysql_async::Value;

use super::json;

/// How two values of a column are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Canon {
    /// By value, whatever the scale.
    Number,
    /// Exactly, as `real`: shortest text that reads back as the same bits.
    Float4,
    /// Exactly, as `double precision`.
    Float8,
    /// Zero or not.
    Bool,
    /// Binary digits without leading zeros.
    Bits,
    /// `YYYY-MM-DD`, with ` BC` for the year 0 of the source.
    Date,
    /// Date, blank, time of day, fraction without trailing zeros; UTC for points in time.
    DateTime,
    /// Signed microseconds.
    Time,
    /// UTF-8.
    Text,
    /// UTF-8 where trailing blanks do not count.
    PaddedText,
    /// Bytes.
    Bytes,
    /// Bytes that the target holds as hex digits, in whichever case.
    HexBytes,
    /// Labels in declared order, with commas between.
    Set(Arc<[String]>),
    /// A document, compared by meaning.
    Json,
    /// SRID and WKB.
    Geometry,
    /// Floats of four bytes, big-endian.
    Vector,
    /// Hex digits.
    Uuid,
    /// An address.
    Inet,
}

/// What the configuration makes of values that PostgreSQL does not have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Policies {
    pub(crate) zero_date: ZeroDatePolicy,
    pub(crate) nul_character: NulPolicy,
}

impl Canon {
    /// Appends the value that the target is expected to hold for a value of the source. `false`:
    /// NULL is expected. What is not of the expected form is appended as it came, so that it
    /// differs and is seen.
    pub(crate) fn source(&self, value: &Value, policies: Policies, out: &mut Vec<u8>) -> bool {
        if matches!(value, Value::NULL) {
            return false;
        }
        match self {
            Self::Date => return date(&text_of(value), policies.zero_date, out),
            Self::DateTime => return datetime(&text_of(value), policies.zero_date, out),
            Self::Float4 => push_float4(value, out),
            Self::Float8 => push_float8(value, out),
            Self::Bool => out.extend_from_slice(if is_zero(value) { b"f" } else { b"t" }),
            Self::Bits => push_bits(value, out),
            Self::Number => push_number(&number_text(value), out),
            Self::Time => push_time(&text_of(value), out),
            Self::Text => push_text(&bytes_of(value), policies.nul_character, out),
            Self::PaddedText => {
                push_text(trimmed(&bytes_of(value)), policies.nul_character, out);
            }
            Self::Bytes => out.extend_from_slice(&bytes_of(value)),
            Self::HexBytes => push_hex(&bytes_of(value), out),
            Self::Set(_) => out.extend_from_slice(&bytes_of(value)),
            Self::Json => push_json(&bytes_of(value), policies.nul_character, out),
            Self::Geometry => push_source_geometry(&bytes_of(value), out),
            Self::Vector => push_swapped(&bytes_of(value), out),
            Self::Uuid => push_uuid(&bytes_of(value), out),
            Self::Inet => push_inet(&bytes_of(value), out),
        }
        true
    }

    /// Appends a value of the target; `None` is NULL, for which `false` is returned.
    pub(crate) fn target(&self, value: Option<&[u8]>, out: &mut Vec<u8>) -> bool {
        let Some(value) = value else { return false };
        let text = || String::from_utf8_lossy(value);
        match self {
            Self::Number => push_number(&text(), out),
            Self::Float4 => match value.try_into().map(f32::from_be_bytes) {
                Ok(float) => push_display(float, out),
                Err(_) => out.extend_from_slice(value),
            },
            Self::Float8 => match value.try_into().map(f64::from_be_bytes) {
                Ok(float) => push_display(float, out),
                Err(_) => match text().parse::<f64>() {
                    Ok(float) => push_display(float, out),
                    Err(_) => out.extend_from_slice(value),
                },
            },
            Self::Bits => out.extend_from_slice(without_leading_zeros(value)),
            Self::DateTime => push_trimmed_fraction(&text(), out),
            Self::Time if value.contains(&b':') => push_time(&text(), out),
            Self::PaddedText => out.extend_from_slice(trimmed(value)),
            Self::HexBytes => out.extend_from_slice(&value.to_ascii_lowercase()),
            Self::Set(labels) => push_set(&text(), labels, out),
            Self::Json => push_json(value, NulPolicy::Fail, out),
            Self::Geometry => push_target_geometry(value, out),
            Self::Uuid => push_uuid(value, out),
            Self::Inet => push_inet(value, out),
            Self::Bool | Self::Date | Self::Time | Self::Text | Self::Bytes | Self::Vector => {
                out.extend_from_slice(value);
            }
        }
        true
    }

    /// A canonical value for people: a number, text in quotes, bytes as hex.
    pub(crate) fn show(&self, value: Option<&[u8]>) -> serde_json::Value {
        let Some(value) = value else {
            return serde_json::Value::Null;
        };
        let hex = || {
            let mut text = b"\\x".to_vec();
            push_hex(value, &mut text);
            text
        };
        let shown = match self {
            Self::Bytes | Self::Geometry | Self::Vector => hex(),
            _ => value.to_vec(),
        };
        match String::from_utf8(shown) {
            Ok(text) => serde_json::Value::String(text),
            Err(_) => String::from_utf8_lossy(&hex()).into_owned().into(),
        }
    }
}

fn bytes_of(value: &Value) -> std::borrow::Cow<'_, [u8]> {
    match value {
        Value::Bytes(bytes) => bytes.as_slice().into(),
        other => number_text(other).into_bytes().into(),
    }
}

fn text_of(value: &Value) -> String {
    String::from_utf8_lossy(&bytes_of(value)).into_owned()
}

/// An integer or a float as text; BIT comes as bytes, which [`push_bits`] reads.
fn number_text(value: &Value) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::NULL | Value::Date(..) | Value::Time(..) => String::new(),
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Int(number) => *number == 0,
        Value::UInt(number) => *number == 0,
        Value::Bytes(bytes) => bytes.iter().all(|&b| b == 0 || b == b'0'),
        other => number_text(other) == "0",
    }
}

/// A decimal number without what does not change its value: sign of zero, `+`, leading zeros,
/// trailing zeros of the fraction.
fn push_number(text: &str, out: &mut Vec<u8>) {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = whole
        .bytes()
        .chain(fraction.bytes())
        .all(|b| b.is_ascii_digit());
    if !all_digits || digits.is_empty() {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let (whole, fraction) = (
        whole.trim_start_matches('0'),
        fraction.trim_end_matches('0'),
    );
    if negative && !(whole.is_empty() && fraction.is_empty()) {
        out.push(b'-');
    }
    out.extend_from_slice(if whole.is_empty() {
        b"0"
    } else {
        whole.as_bytes()
    });
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction.as_bytes());
    }
}

fn push_display(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    out.extend_from_slice(value.to_string().as_bytes());
}

fn push_float4(value: &Value, out: &mut Vec<u8>) {
    let text = number_text(value);
    match text.parse::<f32>() {
        Ok(float) => push_display(float, out),
        Err(_) => out.extend_from_slice(text.as_bytes()),
    }
}

fn push_float8(value: &Value, out: &mut Vec<u8>) {
    if let Value::Float(float) = value {
        return push_display(f64::from(*float), out);
    }
    let text = number_text(value);
    match text.parse::<f64>() {
        Ok(float) => push_display(float, out),
        Err(_) => out.extend_from_slice(text.as_bytes()),
    }
}

fn push_bits(value: &Value, out: &mut Vec<u8>) {
    let digits: String = match value {
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:08b}")).collect(),
        Value::UInt(number) => format!("{number:b}"),
        other => number_text(other),
    };
    out.extend_from_slice(without_leading_zeros(digits.as_bytes()));
}

fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|&&b| b == b'0').count();
    &digits[zeros.min(digits.len().saturating_sub(1))..]
}

/// A date of the source; `false`: the policy makes it NULL.
fn date(text: &str, policy: ZeroDatePolicy, out: &mut Vec<u8>) -> bool {
    let day = text.get(..10).unwrap_or(text);
    match real_date(day) {
        Some((shown, era)) => {
            push_display(shown, out);
            out.extend_from_slice(era.as_bytes());
            true
        }
        None => zero_date(day, "1970-01-01", policy, out),
    }
}

/// A date and a time of day of the source.
fn datetime(text: &str, policy: ZeroDatePolicy, out: &mut Vec<u8>) -> bool {
    let day = text.get(..10).unwrap_or(text);
    let clock = text.get(10..).unwrap_or("");
    let clock = if clock.is_empty() { " 00:00:00" } else { clock };
    match real_date(day) {
        Some((shown, era)) => {
            push_trimmed_fraction(&format!("{shown}{clock}{era}"), out);
            true
        }
        None => zero_date(text, "1970-01-01 00:00:00", policy, out),
    }
}

fn zero_date(text: &str, epoch: &str, policy: ZeroDatePolicy, out: &mut Vec<u8>) -> bool {
    let expected = match policy {
        ZeroDatePolicy::Null => return false,
        ZeroDatePolicy::Epoch => epoch,
        ZeroDatePolicy::MinusInfinity => "-infinity",
        ZeroDatePolicy::Fail => text,
    };
    out.extend_from_slice(expected.as_bytes());
    true
}

/// A date of the calendar as PostgreSQL shows it, and its era. `None` for zero, partial and
/// impossible dates. The year 0 is 1 BC.
fn real_date(text: &str) -> Option<(String, &'static str)> {
    let mut parts = text.split('-').map(str::parse::<u32>);
    let (year, month, day) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if day == 0 || day > last || parts.next().is_some() {
        return None;
    }
    match year {
        0 => Some((format!("0001-{month:02}-{day:02}"), " BC")),
        _ => Some((text.to_owned(), "")),
    }
}

/// `12:30:00.500000 BC` becomes `12:30:00.5 BC`.
fn push_trimmed_fraction(text: &str, out: &mut Vec<u8>) {
    let (value, era) = match text.strip_suffix(" BC") {
        Some(value) => (value, " BC"),
        None => (text, ""),
    };
    let value = match value.split_once('.') {
        Some((_, fraction)) => {
            let zeros = fraction.len() - fraction.trim_end_matches('0').len();
            value[..value.len() - zeros].trim_end_matches('.')
        }
        None => value,
    };
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(era.as_bytes());
}

/// `-838:59:59.5` as microseconds.
fn push_time(text: &str, out: &mut Vec<u8>) {
    match micros(text) {
        Some(micros) => push_display(micros, out),
        None => out.extend_from_slice(text.as_bytes()),
    }
}

fn micros(text: &str) -> Option<i64> {
    let (sign, clock) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut seconds = 0i64;
    for part in clock.split(':') {
        let part = i64::from(part.parse::<u32>().ok()?);
        seconds = seconds.checked_mul(60)?.checked_add(part)?;
    }
    let fraction = format!("{fraction:0<6}").get(..6)?.parse::<u32>().ok()?;
    let micros = seconds
        .checked_mul(1_000_000)?
        .checked_add(i64::from(fraction))?;
    Some(sign * micros)
}

fn push_text(bytes: &[u8], policy: NulPolicy, out: &mut Vec<u8>) {
    if policy == NulPolicy::Fail || !bytes.contains(&0) {
        out.extend_from_slice(bytes);
        return;
    }
    for &byte in bytes {
        match (byte, policy) {
            (0, NulPolicy::Replace) => out.extend_from_slice("\u{fffd}".as_bytes()),
            (0, _) => {}
            _ => out.push(byte),
        }
    }
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().rev().take_while(|&&b| b == b' ').count();
    &bytes[..bytes.len() - blanks]
}

/// Appends lower-case hex digits.
pub(crate) fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for &byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

fn push_set(text: &str, labels: &[String], out: &mut Vec<u8>) {
    let place = |label: &&str| labels.iter().position(|l| l == label).unwrap_or(usize::MAX);
    let mut found: Vec<&str> = text.split(',').collect();
    found.sort_by_key(place);
    out.extend_from_slice(found.join(",").as_bytes());
}

fn push_json(bytes: &[u8], policy: NulPolicy, out: &mut Vec<u8>) {
    match json::canonical(bytes, policy) {
        Some(canonical) => out.extend_from_slice(canonical.as_bytes()),
        None => out.extend_from_slice(bytes),
    }
}

/// The source stores the SRID in four little-endian bytes, then WKB.
fn push_source_geometry(bytes: &[u8], out: &mut Vec<u8>) {
    match bytes.split_first_chunk::<4>() {
        Some((srid, wkb)) => push_geometry(u32::from_le_bytes(*srid), wkb, out),
        None => out.extend_from_slice(bytes),
    }
}

/// EWKB: WKB whose type word may have bit 0x20000000, and then an SRID behind it.
fn push_target_geometry(bytes: &[u8], out: &mut Vec<u8>) {
    match split_ewkb(bytes) {
        Some((srid, wkb)) => push_geometry(srid, &wkb, out),
        None => out.extend_from_slice(bytes),
    }
}

fn split_ewkb(bytes: &[u8]) -> Option<(u32, Vec<u8>)> {
    const HAS_SRID: u32 = 0x2000_0000;
    let (&order, rest) = bytes.split_first()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let little = order == 1;
    let read = |word: [u8; 4]| {
        if little {
            u32::from_le_bytes(word)
        } else {
            u32::from_be_bytes(word)
        }
    };
    let kind = read(*kind);
    let (srid, rest) = if kind & HAS_SRID == 0 {
        (0, rest)
    } else {
        let (srid, rest) = rest.split_first_chunk::<4>()?;
        (read(*srid), rest)
    };
    let plain = kind & !HAS_SRID;
    let word = if little {
        plain.to_le_bytes()
    } else {
        plain.to_be_bytes()
    };
    Some((srid, [&[order], word.as_slice(), rest].concat()))
}

fn push_geometry(srid: u32, wkb: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&srid.to_be_bytes());
    out.extend_from_slice(wkb);
}

fn push_swapped(bytes: &[u8], out: &mut Vec<u8>) {
    for float in bytes.chunks(4) {
        out.extend(float.iter().rev());
    }
}

fn push_uuid(bytes: &[u8], out: &mut Vec<u8>) {
    if bytes.len() == 16 {
        return push_hex(bytes, out);
    }
    let digits = bytes.iter().filter(|&&b| !b"-{}".contains(&b));
    out.extend(digits.map(u8::to_ascii_lowercase));
}

fn push_inet(bytes: &[u8], out: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(bytes);
    let address = text
        .strip_suffix("/32")
        .or(text.strip_suffix("/128"))
        .unwrap_or(&text);
    let address = match (address.parse::<IpAddr>(), bytes.len()) {
        (Ok(address), _) => Some(address),
        (Err(_), 4) => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        (Err(_), 16) => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    };
    match address {
        Some(address) => push_display(address, out),
        None => out.extend_from_slice(bytes),
    }
}

#[cfg(test)]
#[path = "canon_tests.rs"]
mod tests;
