//! What a redacted column holds: what `with` says, else a plain value of its type.

use chameleon_transform_sdk::{Odd, calendar, prelude::*};
use serde_json::Value as Json;

/// The text in place of redacted text.
const STARS: &str = "***";

/// The value that all rows get.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    Text(String),
    Int(i64),
    Uint(u64),
    Float(f64),
    Days(i32),
    Micros(i64),
    Blob(Vec<u8>),
}

impl Constant {
    /// The constant for a column.
    pub(crate) fn of(column: &Column, with: Option<&Json>) -> Result<Self, Error> {
        match with {
            None => Self::plain(column),
            Some(with) => Self::given(column, with).ok_or_else(|| {
                let message = format!(
                    "`with` of `{}` is no value of type {}",
                    column.name, column.ty.declared
                );
                Error::schema(message).at_column(column.index)
            }),
        }
    }

    /// As a value of a row.
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Constant::Text(text) => Value::Text(text),
            Constant::Int(number) => Value::Int(*number),
            Constant::Uint(number) => Value::Uint(*number),
            Constant::Float(number) => Value::Float(*number),
            Constant::Days(days) => Value::Days(*days),
            Constant::Micros(micros) => Value::Micros(*micros),
            Constant::Blob(bytes) => Value::Blob(bytes),
        }
    }

    /// What stands for values that the type cannot hold.
    pub(crate) fn odd(&self) -> Odd {
        match self {
            Constant::Text(text) => Odd::Text(text.clone()),
            Constant::Int(number) | Constant::Micros(number) => Odd::Number(*number),
            Constant::Uint(number) => i64::try_from(*number).map_or(Odd::Reject, Odd::Number),
            Constant::Days(days) => Odd::Number((*days).into()),
            Constant::Blob(bytes) => Odd::Blob(bytes.clone()),
            Constant::Float(_) => Odd::Reject,
        }
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> &str {
        match self {
            Constant::Text(text) => text,
            _ => STARS,
        }
    }

    fn plain(column: &Column) -> Result<Self, Error> {
        let text = |text: &str| Ok(Constant::Text(text.to_owned()));
        match column.ty.kind {
            TypeKind::Char | TypeKind::Varchar | TypeKind::Text => {
                let limit = column.limit().unwrap_or(STARS.len());
                Ok(Constant::Text(STARS.chars().take(limit).collect()))
            }
            TypeKind::Json => text("\"***\""),
            TypeKind::Decimal => text("0"),
            TypeKind::Uuid => text("00000000-0000-0000-0000-000000000000"),
            TypeKind::Inet if column.ty.declared.eq_ignore_ascii_case("inet6") => text("::"),
            TypeKind::Inet => text("0.0.0.0"),
            TypeKind::Tinyint
            | TypeKind::Smallint
            | TypeKind::Mediumint
            | TypeKind::Int
            | TypeKind::Bigint
            | TypeKind::Year
            | TypeKind::Boolean
            | TypeKind::Bit
            | TypeKind::Set => Ok(match column.form() {
                Form::Uints => Constant::Uint(0),
                _ => Constant::Int(0),
            }),
            TypeKind::Float | TypeKind::Double => Ok(Constant::Float(0.0)),
            TypeKind::Date => Ok(Constant::Days(0)),
            TypeKind::Time | TypeKind::Datetime | TypeKind::Timestamp => Ok(Constant::Micros(0)),
            TypeKind::Binary | TypeKind::Varbinary | TypeKind::Blob => {
                Ok(Constant::Blob(Vec::new()))
            }
            TypeKind::Enum => Err(Error::schema(format!(
                "`{}` is an enum: say `with` one of its labels, or `how: null`",
                column.name
            ))
            .at_column(column.index)),
            TypeKind::Geometry | TypeKind::Vector | TypeKind::Unknown => {
                Err(Error::schema(format!(
                    "`{}` is {}, which has no plain value: say `how: null`",
                    column.name, column.ty.declared
                ))
                .at_column(column.index))
            }
        }
    }

    fn given(column: &Column, with: &Json) -> Option<Self> {
        match column.ty.kind {
            TypeKind::Json => Some(Constant::Text(with.to_string())),
            TypeKind::Char | TypeKind::Varchar | TypeKind::Text => {
                let text = with.as_str()?;
                let fits = column
                    .limit()
                    .is_none_or(|limit| text.chars().count() <= limit);
                fits.then(|| Constant::Text(text.to_owned()))
            }
            TypeKind::Decimal => {
                let text = match with {
                    Json::String(text) => text.clone(),
                    Json::Number(number) => number.to_string(),
                    _ => return None,
                };
                is_decimal(&text).then_some(Constant::Text(text))
            }
            TypeKind::Uuid => {
                let text = with.as_str()?;
                is_uuid(text).then(|| Constant::Text(text.to_owned()))
            }
            TypeKind::Inet => {
                let text = with.as_str()?;
                let address = text.parse::<std::net::IpAddr>().ok();
                address.map(|_| Constant::Text(text.to_owned()))
            }
            TypeKind::Enum => {
                let labels = column.ty.labels.iter();
                let mut labels = (1_u64..).zip(labels);
                let wanted = with.as_str()?;
                let found = labels.find(|(_, label)| *label == wanted)?;
                Some(Constant::Uint(found.0))
            }
            TypeKind::Date => calendar::parse_date(with.as_str()?).map(Constant::Days),
            TypeKind::Time => calendar::parse_time(with.as_str()?).map(Constant::Micros),
            TypeKind::Datetime | TypeKind::Timestamp => {
                calendar::parse_datetime(with.as_str()?).map(Constant::Micros)
            }
            TypeKind::Float | TypeKind::Double => with.as_f64().map(Constant::Float),
            TypeKind::Binary | TypeKind::Varbinary | TypeKind::Blob => {
                let bytes = with.as_str()?.as_bytes();
                let fits = column.limit().is_none_or(|limit| bytes.len() <= limit);
                fits.then(|| Constant::Blob(bytes.to_vec()))
            }
            TypeKind::Geometry | TypeKind::Vector | TypeKind::Unknown => None,
            _ if column.form() == Form::Uints => with.as_u64().map(Constant::Uint),
            _ => {
                let flag = with.as_bool().map(i64::from);
                with.as_i64().or(flag).map(Constant::Int)
            }
        }
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
