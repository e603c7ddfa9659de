//! What a new row has in a column that its image leaves out (`binlog_row_image` MINIMAL, NOBLOB).
//!
//! Measured on MySQL 9.7, MariaDB 10.11 and 11.8: an image has the columns that the statement named,
//! AUTO_INCREMENT, and those whose DEFAULT is an expression or the present time. What it leaves out
//! has a constant, NULL or the type's implicit default (MySQL manual, "Data Type Default Values").
//! Generated columns are left out too, and only the source can compute them.

use chameleon_model::{Cell, ChangeBuffer, Column, ColumnDefault, TypeKind};

use crate::value::pad_binary;
use crate::value::temporal::{date_from_text, datetime_from_text};

use super::cell::Reason;

const UNKNOWN: Reason = "it is left out of a new row and its default is not known";
/// Of a generated column.
pub(super) const GENERATED: Reason = "it is generated and left out of the row (binlog_row_image)";

/// The cell of a column that the image of a new row leaves out.
pub(super) fn cell(column: &Column, into: &mut ChangeBuffer) -> Result<Cell, Reason> {
    if column.generated {
        return Err(GENERATED);
    }
    match &column.default {
        Some(ColumnDefault::Constant(text)) => constant(column, text, into).ok_or(UNKNOWN),
        Some(ColumnDefault::Other) => Err(UNKNOWN),
        None if column.nullable => Ok(Cell::Null),
        None => implicit(column, into).ok_or(UNKNOWN),
    }
}

fn constant(column: &Column, text: &str, into: &mut ChangeBuffer) -> Option<Cell> {
    let ty = &column.ty;
    Some(match ty.kind {
        TypeKind::TinyInt
        | TypeKind::SmallInt
        | TypeKind::MediumInt
        | TypeKind::Int
        | TypeKind::BigInt
            if ty.unsigned =>
        {
            Cell::UInt(text.parse().ok()?)
        }
        TypeKind::TinyInt
        | TypeKind::SmallInt
        | TypeKind::MediumInt
        | TypeKind::Int
        | TypeKind::BigInt
        | TypeKind::Year => Cell::Int(text.parse().ok()?),
        TypeKind::Bit => Cell::UInt(text.parse().ok()?),
        TypeKind::Float => Cell::Float(text.parse().ok()?),
        TypeKind::Double => Cell::Double(text.parse().ok()?),
        TypeKind::Decimal => Cell::Text(into.put(text.as_bytes())),
        // CHAR is without trailing blanks
        TypeKind::Char => Cell::Text(into.put(text.trim_end_matches(' ').as_bytes())),
        TypeKind::VarChar | TypeKind::Text => Cell::Text(into.put(text.as_bytes())),
        TypeKind::Date => date_from_text(text.as_bytes(), into)?,
        TypeKind::DateTime => datetime_from_text(text.as_bytes(), into)?,
        TypeKind::Enum => Cell::UInt(place(text, &ty.labels)?),
        TypeKind::Set => {
            let said = text.split(',').filter(|label| !label.is_empty());
            let mut bits = 0;
            for label in said {
                bits |= 1_u64.checked_shl(u32::try_from(place(label, &ty.labels)? - 1).ok()?)?;
            }
            Cell::UInt(bits)
        }
        TypeKind::Binary => {
            let width = usize::try_from(ty.length).ok()?;
            pad_binary(&unhex(text)?, width, into)
        }
        TypeKind::VarBinary | TypeKind::Blob => Cell::Bytes(into.put(&unhex(text)?)),
        _ => return None,
    })
}

/// What a column NOT NULL without DEFAULT gets, where the source's `sql_mode` lets it.
fn implicit(column: &Column, into: &mut ChangeBuffer) -> Option<Cell> {
    let zero_date = "0000-00-00";
    let mut zero_time = format!("{zero_date} 00:00:00");
    match column.ty.kind {
        TypeKind::Decimal => {
            let scale = usize::from(column.ty.scale);
            let zero = if scale == 0 {
                "0".to_owned()
            } else {
                format!("0.{:0<scale$}", "")
            };
            constant(column, &zero, into)
        }
        TypeKind::TinyInt
        | TypeKind::SmallInt
        | TypeKind::MediumInt
        | TypeKind::Int
        | TypeKind::BigInt
        | TypeKind::Float
        | TypeKind::Double
        | TypeKind::Bit
        | TypeKind::Year => constant(column, "0", into),
        TypeKind::Time => Some(Cell::Micros(0)),
        TypeKind::Date => constant(column, zero_date, into),
        TypeKind::DateTime => {
            let scale = usize::from(column.ty.scale);
            if scale > 0 {
                zero_time.push_str(&format!(".{:0<scale$}", ""));
            }
            constant(column, &zero_time, into)
        }
        TypeKind::Char
        | TypeKind::VarChar
        | TypeKind::Text
        | TypeKind::Set
        | TypeKind::Binary
        | TypeKind::VarBinary
        | TypeKind::Blob => constant(column, "", into),
        TypeKind::Enum => Some(Cell::UInt(1)),
        _ => None,
    }
}

/// The label's number, as the servers find it: without regard to case and trailing blanks.
fn place(label: &str, labels: &[String]) -> Option<u64> {
    let label = label.trim_end_matches(' ');
    let exact = labels.iter().position(|known| known == label);
    let lower = label.to_lowercase();
    let found = exact.or_else(|| labels.iter().position(|l| l.to_lowercase() == lower))?;
    u64::try_from(found + 1).ok()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.len() / 2;
    (0..pairs)
        .map(|n| u8::from_str_radix(digits.get(2 * n..2 * n + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use chameleon_model::ColumnType;

    use super::super::test_bytes;
    use super::*;

    fn check(ty: ColumnType, nullable: bool, default: Option<&str>, expect: Result<Cell, Reason>) {
        let mut column = test_bytes::column("c", ty);
        column.nullable = nullable;
        column.default = default.map(|text| ColumnDefault::Constant(text.to_owned()));
        let mut buffer = ChangeBuffer::default();
        assert_eq!(cell(&column, &mut buffer), expect, "{default:?}");
    }

    #[test]
    fn constants_and_implicit_defaults_become_cells() {
        let int = test_bytes::ty(TypeKind::Int, 0, 0);
        check(int.clone(), true, Some("-7"), Ok(Cell::Int(-7)));
        check(int.clone(), true, None, Ok(Cell::Null));
        check(int, false, None, Ok(Cell::Int(0)));
        let mut labels = test_bytes::ty(TypeKind::Set, 0, 0);
        labels.labels = vec!["a".into(), "B".into(), "c".into()];
        check(labels.clone(), true, Some("b,c"), Ok(Cell::UInt(6)));
        check(labels.clone(), true, Some(""), Ok(Cell::UInt(0)));
        check(labels, true, Some("x"), Err(UNKNOWN));
        let stamp = test_bytes::ty(TypeKind::Timestamp, 0, 0);
        check(stamp, false, None, Err(UNKNOWN));
    }

    #[test]
    fn what_the_source_computes_is_not_guessed() {
        let mut column = test_bytes::column("c", test_bytes::ty(TypeKind::Int, 0, 0));
        column.default = Some(ColumnDefault::Other);
        let mut buffer = ChangeBuffer::default();
        assert_eq!(cell(&column, &mut buffer), Err(UNKNOWN));
        column.generated = true;
        assert_eq!(cell(&column, &mut buffer), Err(GENERATED));
    }
}
