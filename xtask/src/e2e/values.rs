//! One written form for the values of both sides, by the class of the source column's type.

use std::fmt::Write;

use anyhow::{Context, Result, bail};
use mysql_async::Value;
use serde_json::Value as Json;

/// Types that are written alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Integers, decimals and years: as digits.
    Number,
    /// FLOAT.
    Single,
    /// DOUBLE.
    Double,
    /// BIT of a width.
    Bits(usize),
    /// DATE.
    Date,
    /// DATETIME and TIMESTAMP.
    Moment,
    /// TIME.
    Clock,
    /// Characters, and ENUM.
    Text,
    /// INET4 and INET6.
    Address,
    /// Bytes.
    Bytes,
    /// SET.
    Set,
    /// JSON of MySQL; MariaDB's is text.
    Json,
    /// Geometry of any kind: as EWKB.
    Shape,
    /// VECTOR.
    Vector,
}

impl Class {
    /// The class of a column by `data_type` and `column_type` of the information schema; none if it is unknown.
    pub(super) fn of(data_type: &str, column_type: &str) -> Option<Self> {
        Some(match data_type {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "year" => {
                Class::Number
            }
            "float" => Class::Single,
            "double" => Class::Double,
            "bit" => {
                let width = column_type.trim_start_matches("bit(").trim_end_matches(')');
                Class::Bits(width.parse().ok()?)
            }
            "date" => Class::Date,
            "datetime" | "timestamp" => Class::Moment,
            "time" => Class::Clock,
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum"
            | "uuid" => Class::Text,
            "inet4" | "inet6" => Class::Address,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
                Class::Bytes
            }
            "set" => Class::Set,
            "json" => Class::Json,
            "vector" => Class::Vector,
            "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
            | "multipolygon" | "geomcollection" | "geometrycollection" => Class::Shape,
            _ => return None,
        })
    }

    /// How PostgreSQL is asked for the quoted column.
    pub(super) fn postgres_expression(self, column: &str) -> String {
        match self {
            Class::Clock => format!("(extract(epoch from {column}) * 1000000)::bigint::text"),
            Class::Set => format!("array_to_string({column}, ',')"),
            Class::Address => format!("host({column})"),
            _ => format!("{column}::text"),
        }
    }
}

/// The written form of a value that MySQL sent in its binary protocol; none for NULL, and for dates that no
/// calendar has, which are replicated as NULL.
pub(super) fn from_mysql(value: Value, class: Class) -> Result<Option<String>> {
    let text = match (class, value) {
        (_, Value::NULL) => return Ok(None),
        (Class::Number, Value::Int(number)) => number.to_string(),
        (Class::Number, Value::UInt(number)) => number.to_string(),
        (Class::Single, Value::Float(number)) => single(number),
        (Class::Double, Value::Double(number)) => double(number),
        (Class::Bits(width), Value::Bytes(bytes)) => bits(&bytes, width),
        (Class::Date | Class::Moment, Value::Date(_, 0, ..) | Value::Date(_, _, 0, ..)) => {
            return Ok(None);
        }
        (Class::Date, Value::Date(year, month, day, ..)) => {
            format!("{year:04}-{month:02}-{day:02}")
        }
        (Class::Moment, Value::Date(year, month, day, hour, minute, second, micros)) => {
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}")
        }
        (Class::Clock, Value::Time(negative, days, hours, minutes, seconds, micros)) => {
            let hours = i64::from(days) * 24 + i64::from(hours);
            let seconds = (hours * 60 + i64::from(minutes)) * 60 + i64::from(seconds);
            let total = seconds * 1_000_000 + i64::from(micros);
            if negative { -total } else { total }.to_string()
        }
        (Class::Bytes, Value::Bytes(bytes)) => hex(&bytes),
        (Class::Shape, Value::Bytes(bytes)) => shape(&bytes)?,
        (Class::Vector, Value::Bytes(bytes)) => vector(&bytes)?,
        (Class::Json, Value::Bytes(bytes)) => json(&String::from_utf8(bytes)?)?,
        (Class::Number, Value::Bytes(bytes)) => digits(&String::from_utf8(bytes)?).to_owned(),
        (Class::Text | Class::Set | Class::Address, Value::Bytes(bytes)) => {
            String::from_utf8(bytes)?
        }
        (class, other) => bail!("MySQL sent {} for {class:?}", kind(&other)),
    };
    Ok(Some(text))
}

/// The written form of what PostgreSQL answered.
pub(super) fn from_postgres(text: &str, class: Class) -> Result<String> {
    Ok(match class {
        Class::Single => single(
            text.parse()
                .with_context(|| format!("`{text}` is no real"))?,
        ),
        Class::Double => double(
            text.parse()
                .with_context(|| format!("`{text}` is no double"))?,
        ),
        Class::Bytes | Class::Shape => text.strip_prefix("\\x").unwrap_or(text).to_lowercase(),
        Class::Vector => {
            let numbers = text.trim_matches(['{', '}', '[', ']']);
            let numbers = numbers.split(',').map(|number| number.parse().map(single));
            numbers.collect::<Result<Vec<_>, _>>()?.join(" ")
        }
        Class::Moment => moment(text),
        Class::Json => json(text)?,
        _ => text.into(),
    })
}

/// A time of PostgreSQL with six digits of fraction and without the zone, which is UTC.
fn moment(text: &str) -> String {
    let text = text.strip_suffix("+00").unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}.{fraction:0<6}")
}

/// A number without the leading zeros that ZEROFILL shows.
fn digits(text: &str) -> &str {
    let rest = text.trim_start_matches('0');
    let start = text.len() - rest.len();
    let keep_one = start > 0 && !rest.starts_with(|c: char| c.is_ascii_digit());
    &text[start - usize::from(keep_one)..]
}

/// Bit patterns are compared, so that the smallest difference shows; the number is for the reader.
fn single(number: f32) -> String {
    format!("{number:e} {:08x}", number.to_bits())
}

fn double(number: f64) -> String {
    format!("{number:e} {:016x}", number.to_bits())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// MySQL's form of a shape, a reference in four bytes and WKB, as EWKB: the reference stands behind the first
/// type, which has a flag for it.
fn shape(bytes: &[u8]) -> Result<String> {
    const HAS_REFERENCE: u8 = 0x20;
    let (reference, wkb) = bytes
        .split_at_checked(4)
        .context("a shape that is cut off")?;
    if reference == [0; 4] {
        return Ok(hex(wkb));
    }
    let (head, rest) = wkb.split_at_checked(5).context("a shape that is cut off")?;
    let mut ewkb = head.to_vec();
    ewkb[4] |= HAS_REFERENCE;
    ewkb.extend_from_slice(reference);
    ewkb.extend_from_slice(rest);
    Ok(hex(&ewkb))
}

/// Little-endian numbers of four bytes.
fn vector(bytes: &[u8]) -> Result<String> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        bail!("a vector that is cut off");
    }
    let numbers = numbers
        .iter()
        .map(|number| single(f32::from_le_bytes(*number)));
    Ok(numbers.collect::<Vec<_>>().join(" "))
}

/// The lowest `width` bits, highest first.
fn bits(bytes: &[u8], width: usize) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:08b}");
    }
    let surplus = text.len().saturating_sub(width);
    format!("{:0>width$}", &text[surplus..])
}

/// A document with sorted keys and without blanks. Whole numbers beyond 10^15 are written as digits: MySQL shows
/// them with an exponent, PostgreSQL without.
fn json(text: &str) -> Result<String> {
    let document: Json = serde_json::from_str(text).context("this is no JSON")?;
    let mut written = String::new();
    write_json(&document, &mut written);
    Ok(written)
}

fn write_json(document: &Json, written: &mut String) {
    match document {
        Json::Array(elements) => {
            written.push('[');
            for element in elements {
                write_json(element, written);
                written.push(',');
            }
            written.push(']');
        }
        Json::Object(members) => {
            written.push('{');
            for (name, value) in members {
                let _ = write!(written, "{}:", Json::from(name.as_str()));
                write_json(value, written);
                written.push(',');
            }
            written.push('}');
        }
        Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if float.fract() == 0.0 && float.abs() >= 1e15 => {
                let _ = write!(written, "{float:.0}");
            }
            _ => {
                let _ = write!(written, "{number}");
            }
        },
        other => {
            let _ = write!(written, "{other}");
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::NULL => "NULL",
        Value::Bytes(_) => "bytes",
        Value::Int(_) | Value::UInt(_) => "an integer",
        Value::Float(_) | Value::Double(_) => "a float",
        Value::Date(..) => "a date",
        Value::Time(..) => "a time",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(class: Class, value: Value, text: &str) {
        let left = from_mysql(value, class).expect("mysql").expect("not null");
        assert_eq!(left, from_postgres(text, class).expect("postgres"));
    }

    #[test]
    fn equal_values_are_written_alike() {
        check(Class::Number, Value::Int(-128), "-128");
        check(Class::Number, Value::Bytes(b"12.50".to_vec()), "12.50");
        check(Class::Number, Value::Bytes(b"00000.050".to_vec()), "0.050");
        check(Class::Number, Value::Bytes(b"000".to_vec()), "0");
        check(Class::Number, Value::Bytes(b"012.5".to_vec()), "12.5");
        check(Class::Single, Value::Float(3.402_823_5e38), "3.4028235e+38");
        check(Class::Double, Value::Double(0.1), "0.1");
        check(Class::Bits(3), Value::Bytes(vec![0b101]), "101");
        check(Class::Bits(10), Value::Bytes(vec![0b10, 1]), "1000000001");
        check(
            Class::Moment,
            Value::Date(1000, 1, 1, 2, 3, 4, 500_000),
            "1000-01-01 02:03:04.5",
        );
        check(
            Class::Moment,
            Value::Date(2038, 1, 19, 3, 14, 7, 0),
            "2038-01-19 03:14:07+00",
        );
        check(
            Class::Clock,
            Value::Time(true, 34, 22, 59, 59, 1),
            "-3020399000001",
        );
        check(Class::Bytes, Value::Bytes(vec![0, 255]), "\\x00ff");
        check(
            Class::Json,
            Value::Bytes(br#"{"b": 1e15, "a": [1.0]}"#.to_vec()),
            r#"{"a":[1.0],"b":1000000000000000}"#,
        );
    }

    #[test]
    fn what_differs_a_little_is_written_differently() {
        let json = |text| json(text).expect("json");
        assert_ne!(json("[1]"), json("[1.0]"));
        assert_ne!(json("18446744073709551615"), json("18446744073709551614"));
        assert_ne!(double(0.0), double(-0.0));
    }

    #[test]
    fn dates_that_no_calendar_has_are_null() {
        for value in [
            Value::Date(0, 0, 0, 0, 0, 0, 0),
            Value::Date(2020, 0, 15, 0, 0, 0, 0),
        ] {
            assert_eq!(from_mysql(value, Class::Date).expect("date"), None);
        }
    }
}
