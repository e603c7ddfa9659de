//! DEFAULT in the form in which a schema keeps it, from a statement and from information_schema alike.

use chameleon_model::{ColumnDefault, ColumnType, TypeKind};

use crate::context::ParseContext;
use crate::parser::parse_default;
use crate::statement::DefaultValue;

/// DEFAULT of a column of that type; `None` where it is NULL. A constant whose form is not certain
/// is [`ColumnDefault::Other`].
pub(crate) fn default_form(ty: &ColumnType, value: &DefaultValue) -> Option<ColumnDefault> {
    if *value == DefaultValue::Null {
        return None;
    }
    let constant = constant(ty, value);
    Some(constant.map_or(ColumnDefault::Other, ColumnDefault::Constant))
}

/// DEFAULT as `information_schema.columns.column_default` shows it. MariaDB shows an expression, in
/// which strings are quoted; MySQL shows the value, and `generated` says that it is an expression.
pub fn shown_default(
    ty: &ColumnType,
    shown: Option<&str>,
    generated: bool,
    cx: &ParseContext<'_>,
) -> Option<ColumnDefault> {
    let shown = shown?;
    if generated {
        return Some(ColumnDefault::Other);
    }
    let is_expression = cx.dialect == crate::Dialect::MariaDb
        || matches!(
            ty.kind,
            TypeKind::Bit | TypeKind::Binary | TypeKind::VarBinary | TypeKind::Blob
        )
        // MySQL 5.7 does not tell it from a value
        || matches!(ty.kind, TypeKind::DateTime | TypeKind::Timestamp)
            && shown.starts_with("CURRENT_TIMESTAMP");
    if is_expression {
        let value = parse_default(shown, cx).unwrap_or(DefaultValue::Expression);
        return default_form(ty, &value);
    }
    default_form(ty, &DefaultValue::Text(shown.to_owned()))
}

fn constant(ty: &ColumnType, value: &DefaultValue) -> Option<String> {
    let text = match value {
        DefaultValue::Text(text) | DefaultValue::Number(text) => Some(text.as_str()),
        DefaultValue::Bool(true) => Some("1"),
        DefaultValue::Bool(false) => Some("0"),
        DefaultValue::Json(text) => Some(*text),
        _ => None,
    };
    match ty.kind {
        TypeKind::TinyInt
        | TypeKind::SmallInt
        | TypeKind::MediumInt
        | TypeKind::Int
        | TypeKind::BigInt => match value {
            DefaultValue::Bytes(bytes) => big_endian(bytes).map(|n| n.to_string()),
            _ => whole(text?),
        },
        TypeKind::Bit => match value {
            DefaultValue::Bytes(bytes) => big_endian(bytes).map(|n| n.to_string()),
            DefaultValue::Number(text) => text.parse::<u64>().ok().map(|n| n.to_string()),
            DefaultValue::Bool(_) => Some(text?.to_owned()),
            _ => None,
        },
        TypeKind::Decimal => decimal(text?, ty.scale),
        TypeKind::Float => text?.trim().parse::<f32>().ok().map(|n| format!("{n:?}")),
        TypeKind::Double => text?.trim().parse::<f64>().ok().map(|n| format!("{n:?}")),
        TypeKind::Year => text
            .filter(|text| text.len() == 4)?
            .parse::<u16>()
            .ok()
            .map(|n| n.to_string()),
        TypeKind::Date => text.filter(|text| is_date(text)).map(str::to_owned),
        TypeKind::DateTime => datetime(text?, ty.scale),
        TypeKind::Char | TypeKind::VarChar | TypeKind::Text => match value {
            DefaultValue::Text(text) => Some(text.clone()),
            DefaultValue::Number(text) if !text.contains(['e', 'E']) => Some(text.clone()),
            _ => None,
        },
        TypeKind::Enum | TypeKind::Set => match value {
            DefaultValue::Text(text) => Some(text.clone()),
            _ => None,
        },
        TypeKind::Binary | TypeKind::VarBinary | TypeKind::Blob => {
            let mut bytes = match value {
                DefaultValue::Bytes(bytes) => bytes.clone(),
                DefaultValue::Text(text) if text.is_ascii() => text.as_bytes().to_vec(),
                _ => return None,
            };
            if ty.kind == TypeKind::Binary {
                let length = usize::try_from(ty.length).ok()?;
                bytes.resize(length.max(bytes.len()), 0);
            }
            Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
        }
        // TIMESTAMP is shown in the session's time zone, TIME in several forms
        TypeKind::Timestamp
        | TypeKind::Time
        | TypeKind::Json
        | TypeKind::Geometry
        | TypeKind::Uuid
        | TypeKind::Inet4
        | TypeKind::Inet6
        | TypeKind::Vector
        | TypeKind::Unknown => None,
    }
}

fn big_endian(bytes: &[u8]) -> Option<u64> {
    let significant = bytes.iter().skip_while(|byte| **byte == 0);
    let count = significant.clone().count();
    (count <= 8).then(|| significant.fold(0, |n, &byte| n << 8 | u64::from(byte)))
}

/// Digits with sign, leading zeros taken off.
fn whole(text: &str) -> Option<String> {
    text.trim().parse::<i128>().ok().map(|n| n.to_string())
}

/// A number with exactly that scale; `None` where digits would be rounded.
fn decimal(text: &str, scale: u8) -> Option<String> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let (before, behind) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let behind = behind.trim_end_matches('0');
    let scale = usize::from(scale);
    if !digits(before) || !digits(behind) || behind.len() > scale {
        return None;
    }
    let before = match before.trim_start_matches('0') {
        "" => "0",
        before => before,
    };
    if scale == 0 {
        return Some(format!("{sign}{before}"));
    }
    Some(format!("{sign}{before}.{behind:0<scale$}"))
}

/// `2020-01-02`
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// `2020-01-02 03:04:05.600` with exactly `scale` digits.
fn datetime(text: &str, scale: u8) -> Option<String> {
    let (date, time) = text.split_once(' ').unwrap_or((text, "00:00:00"));
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let colons = |(at, byte): (usize, &u8)| match at {
        2 | 5 => *byte == b':',
        _ => byte.is_ascii_digit(),
    };
    let scale = usize::from(scale);
    let fraction = fraction.trim_end_matches('0');
    let valid = is_date(date)
        && clock.len() == 8
        && clock.as_bytes().iter().enumerate().all(colons)
        && fraction.len() <= scale
        && fraction.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| match scale {
        0 => format!("{date} {clock}"),
        _ => format!("{date} {clock}.{fraction:0<scale$}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_have_one_form() {
        let check = |kind, scale, text: &str, expect: Option<&str>| {
            let mut ty = ColumnType::new(kind, "");
            ty.scale = scale;
            let found = constant(&ty, &DefaultValue::Text(text.to_owned()));
            assert_eq!(found.as_deref(), expect, "{text}");
        };
        check(TypeKind::Int, 0, "007", Some("7"));
        check(TypeKind::Int, 0, "1.5", None);
        check(TypeKind::Decimal, 2, "5", Some("5.00"));
        check(TypeKind::Decimal, 2, "-.50", Some("-0.50"));
        check(TypeKind::Decimal, 2, "1.005", None);
        check(TypeKind::Decimal, 0, "5.0", Some("5"));
        check(TypeKind::Double, 0, "1e3", Some("1000.0"));
        check(TypeKind::Float, 0, "0.10", Some("0.1"));
        check(
            TypeKind::DateTime,
            3,
            "2020-01-02",
            Some("2020-01-02 00:00:00.000"),
        );
        check(
            TypeKind::DateTime,
            0,
            "2020-01-02 03:04:05.0",
            Some("2020-01-02 03:04:05"),
        );
        check(TypeKind::Date, 0, "0000-00-00", Some("0000-00-00"));
        check(TypeKind::Date, 0, "20200102", None);
        check(TypeKind::VarBinary, 0, "a", Some("61"));
        check(TypeKind::Timestamp, 0, "2020-01-02", None);
    }
}
