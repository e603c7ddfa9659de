//! What a new column holds in rows that exist already, as a PostgreSQL expression.
//!
//! The source wrote these values without row events. They follow from the column's DEFAULT or its
//! type's implicit default (MySQL manual, "Data Type Default Values"); what the servers store was
//! looked up for every type.

use chameleon_model::{ColumnType, PgType, TypeKind};

use super::shape::{literal, literals};
use super::time;
use crate::change::{ExistingRows, SessionFacts};
use crate::mapping::Mapping;
use crate::statement::DefaultValue;

/// A new column.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewColumn<'a> {
    pub(super) ty: &'a ColumnType,
    pub(super) target: &'a PgType,
    pub(super) mapping: &'a Mapping,
    pub(super) session: &'a SessionFacts,
}

type Value = Result<Option<String>, String>;

/// The expression; `None` is NULL. An error says why there is none.
pub(super) fn existing_rows(column: NewColumn<'_>, existing: &ExistingRows) -> Value {
    let value = match existing {
        ExistingRows::Null | ExistingRows::Default(DefaultValue::Null) => return Ok(None),
        ExistingRows::Implicit => column.implicit(),
        ExistingRows::Default(value) => column.default(value),
        ExistingRows::Computed => {
            Err("the source computes its values in rows that exist already".into())
        }
        ExistingRows::Numbered => {
            Err("the source numbers the rows that exist already in an order of its own".into())
        }
        ExistingRows::Unknown => Err("its values in rows that exist already are not known".into()),
    }?;
    Ok(value.map(|sql| {
        if is_literal(&sql) {
            return sql;
        }
        format!("({sql})::{}", column.target.sql())
    }))
}

/// A string or a whole number: the column's own type reads it.
fn is_literal(sql: &str) -> bool {
    let digits = sql.strip_prefix('-').unwrap_or(sql);
    let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    number || sql.starts_with('\'') || sql.starts_with("E'")
}

fn unread() -> Value {
    Err("its default is written in a form that is not read".into())
}

impl NewColumn<'_> {
    fn implicit(self) -> Value {
        let zeros = |n: u32| format!("decode(repeat('00', {n}), 'hex')");
        Ok(Some(match self.ty.kind {
            TypeKind::TinyInt
            | TypeKind::SmallInt
            | TypeKind::MediumInt
            | TypeKind::Int
            | TypeKind::BigInt
            | TypeKind::Decimal
            | TypeKind::Float
            | TypeKind::Double
            | TypeKind::Year
            | TypeKind::Bit => return self.number("0"),
            TypeKind::Date | TypeKind::DateTime | TypeKind::Timestamp => {
                return time::zero_date(self.mapping.rules.zero_date);
            }
            TypeKind::Time => "'00:00:00'".into(),
            TypeKind::Char | TypeKind::VarChar | TypeKind::Text => "''".into(),
            TypeKind::Binary => zeros(self.ty.length),
            TypeKind::VarBinary | TypeKind::Blob => "''".into(),
            TypeKind::Enum => literal(self.ty.labels.first().map_or("", String::as_str)),
            TypeKind::Set => self.set(&[]),
            TypeKind::Json if self.ty.charset.is_none() => "'null'".into(),
            TypeKind::Uuid => "'00000000-0000-0000-0000-000000000000'".into(),
            TypeKind::Inet4 => "'0.0.0.0'".into(),
            TypeKind::Inet6 => "'::'".into(),
            TypeKind::Json | TypeKind::Geometry | TypeKind::Vector | TypeKind::Unknown => {
                return Err("its type has no implicit default that the target could hold".into());
            }
        }))
    }

    fn default(self, value: &DefaultValue) -> Value {
        match self.ty.kind {
            TypeKind::TinyInt
            | TypeKind::SmallInt
            | TypeKind::MediumInt
            | TypeKind::Int
            | TypeKind::BigInt
            | TypeKind::Decimal
            | TypeKind::Float
            | TypeKind::Double => self.number_default(value),
            TypeKind::Bit => self.bit_default(value),
            TypeKind::Year => self.year_default(value),
            TypeKind::Date | TypeKind::DateTime | TypeKind::Timestamp => self.date_default(value),
            TypeKind::Time => self.time_default(value),
            TypeKind::Char | TypeKind::VarChar | TypeKind::Text => self.text_default(value),
            TypeKind::Binary | TypeKind::VarBinary | TypeKind::Blob => self.bytes_default(value),
            TypeKind::Enum => match value {
                DefaultValue::Text(text) => Ok(Some(literal(&self.label(text)?))),
                _ => unread(),
            },
            TypeKind::Set => match value {
                DefaultValue::Text(text) => {
                    let said = text.split(',').filter(|label| !label.is_empty());
                    let labels: Vec<String> = said
                        .map(|label| self.label(label))
                        .collect::<Result<_, _>>()?;
                    Ok(Some(self.set(&labels)))
                }
                _ => unread(),
            },
            TypeKind::Json => match value {
                DefaultValue::Json(text) => Ok(Some(literal(text))),
                DefaultValue::Text(text) => Ok(Some(literal(text))),
                _ => unread(),
            },
            TypeKind::Uuid | TypeKind::Inet4 | TypeKind::Inet6 => match value {
                DefaultValue::Text(text) => Ok(Some(literal(text))),
                _ => unread(),
            },
            TypeKind::Geometry | TypeKind::Vector | TypeKind::Unknown => unread(),
        }
    }

    /// A number in the target's type, rounded as the source rounds.
    fn number(self, text: &str) -> Value {
        let number = if text.starts_with('-') {
            format!("({text})")
        } else {
            text.to_owned()
        };
        Ok(Some(match self.target {
            PgType::Bool => format!("{number} <> 0"),
            PgType::Bit(n) => format!("{number}::bigint::bit({n})"),
            PgType::Numeric(_) | PgType::Float4 | PgType::Float8 | PgType::Text => literal(text),
            _ if is_literal(text) => text.to_owned(),
            _ => format!("{number}::numeric"),
        }))
    }

    fn number_default(self, value: &DefaultValue) -> Value {
        match value {
            DefaultValue::Number(text) => self.number(text),
            DefaultValue::Text(text) => {
                let text = text.trim();
                let number = text.parse::<f64>().is_ok_and(f64::is_finite)
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
                if number {
                    self.number(text.trim_start_matches('+'))
                } else {
                    unread()
                }
            }
            DefaultValue::Bool(yes) => self.number(if *yes { "1" } else { "0" }),
            DefaultValue::Bytes(bytes) => match whole(bytes) {
                Some(n) => self.number(&n.to_string()),
                None => unread(),
            },
            _ => unread(),
        }
    }

    fn bit_default(self, value: &DefaultValue) -> Value {
        let bits = match value {
            DefaultValue::Bytes(bytes) => whole(bytes),
            DefaultValue::Text(text) => whole(text.as_bytes()),
            DefaultValue::Number(text) => text.parse().ok(),
            DefaultValue::Bool(yes) => Some(u64::from(*yes)),
            _ => None,
        };
        let Some(bits) = bits else { return unread() };
        match self.target {
            PgType::Bit(n) => {
                let width = usize::try_from(*n).unwrap_or(64);
                Ok(Some(format!("B'{bits:0width$b}'")))
            }
            _ => self.number(&bits.to_string()),
        }
    }

    fn year_default(self, value: &DefaultValue) -> Value {
        let (text, zero) = match value {
            DefaultValue::Number(text) => (text.as_str(), 0),
            DefaultValue::Text(text) => (text.trim(), 2000),
            _ => return unread(),
        };
        let year = match (text.parse::<u16>(), text.len()) {
            (Ok(0), 4) => 0,
            (Ok(0), _) => zero,
            (Ok(n @ 1..=69), _) => 2000 + n,
            (Ok(n @ 70..=99), _) => 1900 + n,
            (Ok(n @ 1901..=2155), _) => n,
            _ => return unread(),
        };
        self.number(&year.to_string())
    }

    fn date_default(self, value: &DefaultValue) -> Value {
        let (kind, scale) = (self.ty.kind, self.ty.scale);
        match value {
            DefaultValue::Now | DefaultValue::CurrentDate if kind != TypeKind::Timestamp => {
                let local = time::local_now_sql(scale, self.session)?;
                let date = kind == TypeKind::Date || *value == DefaultValue::CurrentDate;
                Ok(Some(if date {
                    format!("{local}::date")
                } else {
                    local
                }))
            }
            DefaultValue::Now => self.stamp(time::now_sql(scale, self.session)),
            DefaultValue::Text(text) | DefaultValue::Number(text) => {
                let policy = self.mapping.rules.zero_date;
                if matches!(value, DefaultValue::Number(_)) && text.trim_matches('0').is_empty() {
                    return time::zero_date(policy);
                }
                match time::moment_sql(text, kind, scale, policy, self.session)? {
                    Some(sql) if sql.starts_with("timestamp ") => self.stamp(format!("({sql})")),
                    other => Ok(other),
                }
            }
            _ => unread(),
        }
    }

    /// A moment for a TIMESTAMP column. Without time zone the target holds it in UTC.
    fn stamp(self, sql: String) -> Value {
        Ok(Some(match self.target {
            PgType::Timestamptz(_) => sql,
            _ => format!("{sql} at time zone 'UTC'"),
        }))
    }

    fn time_default(self, value: &DefaultValue) -> Value {
        match value {
            DefaultValue::Text(text) | DefaultValue::Number(text) => {
                match time::time_sql(text, self.ty.scale, self.session.dialect) {
                    Some(sql) => Ok(Some(sql)),
                    None => unread(),
                }
            }
            DefaultValue::CurrentTime | DefaultValue::Now => {
                let local = time::local_now_sql(self.ty.scale, self.session)?;
                Ok(Some(format!("{local}::time")))
            }
            _ => unread(),
        }
    }

    fn text_default(self, value: &DefaultValue) -> Value {
        let text = match value {
            DefaultValue::Text(text) => text.clone(),
            DefaultValue::Number(text) if !text.contains(['e', 'E']) => text.clone(),
            DefaultValue::Bool(yes) => u8::from(*yes).to_string(),
            DefaultValue::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if text.is_ascii() => text.to_owned(),
                _ => return unread(),
            },
            _ => return unread(),
        };
        if text.contains('\0') {
            return Err("its default holds a NUL character".into());
        }
        let blanks_count = self.ty.kind != TypeKind::Char;
        Ok(Some(literal(if blanks_count {
            &text
        } else {
            text.trim_end_matches(' ')
        })))
    }

    fn bytes_default(self, value: &DefaultValue) -> Value {
        let mut bytes = match value {
            DefaultValue::Text(text) => text.as_bytes().to_vec(),
            DefaultValue::Bytes(bytes) => bytes.clone(),
            DefaultValue::Number(text) if !text.contains(['e', 'E']) => text.as_bytes().to_vec(),
            DefaultValue::Bool(yes) => u8::from(*yes).to_string().into_bytes(),
            _ => return unread(),
        };
        let length = usize::try_from(self.ty.length).unwrap_or(usize::MAX);
        if self.ty.kind == TypeKind::Binary && bytes.len() < length {
            bytes.resize(length, 0);
        }
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        Ok(Some(format!("decode('{hex}', 'hex')")))
    }

    /// The label that a text means: the source compares without case and trailing blanks.
    fn label(self, text: &str) -> Result<String, String> {
        let text = text.trim_end_matches(' ');
        let labels = &self.ty.labels;
        let lower = text.to_lowercase();
        labels
            .iter()
            .find(|label| *label == text)
            .or_else(|| labels.iter().find(|label| label.to_lowercase() == lower))
            .cloned()
            .ok_or_else(|| "its default is no label of it".into())
    }

    /// A SET: labels in declared order, each once.
    fn set(self, said: &[String]) -> String {
        let labels: Vec<String> = self
            .ty
            .labels
            .iter()
            .filter(|l| said.contains(l))
            .cloned()
            .collect();
        match self.target {
            PgType::TextArray => format!("array[{}]::text[]", literals(&labels)),
            _ => literal(&labels.join(",")),
        }
    }
}

/// Big-endian bytes as a number.
fn whole(bytes: &[u8]) -> Option<u64> {
    let significant = bytes.iter().skip_while(|b| **b == 0);
    let count = significant.clone().count();
    (count <= 8).then(|| significant.fold(0, |n, &b| n << 8 | u64::from(b)))
}
