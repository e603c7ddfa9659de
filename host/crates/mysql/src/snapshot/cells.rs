//! Rows of a prepared SELECT as cells, the same that the binlog decoder gives for the same row.
//!
//! The session's `character_set_results` is NULL, so text comes as raw bytes in the column's own
//! character set. The binary protocol gives floating point values exactly and dates in parts. ENUM
//! and SET are read as numbers.

use chameleon_model::{Cell, ChangeBuffer, Column, TableName, TableSchema, TypeKind};
use mysql_async::Value;

use crate::SourceError;
use crate::rows::quote_ident;
use crate::value::charset::Charset;
use crate::value::temporal::DateTime;

/// How the columns of one table version are read; made once per chunk.
#[derive(Debug)]
pub(super) struct ReadPlan {
    table: TableName,
    columns: Vec<(String, Read)>,
}

/// How one column is read.
#[derive(Clone, Copy, Debug)]
enum Read {
    Signed,
    Unsigned,
    Float,
    Double,
    /// Text with leading zeros to be taken off, for DECIMAL ZEROFILL.
    ZerofillDecimal,
    /// Text in a character set.
    Text(Charset),
    Date,
    /// Fractional digits.
    DateTime(u8),
    Time,
    Bits,
    Bytes,
    /// BINARY(n), padded to its length with zero bytes.
    Padded(u32),
}

impl ReadPlan {
    /// Plans the reading of all columns. Errors: SRC052 for a character set that is not known.
    pub(super) fn new(table: &TableSchema) -> Result<Self, SourceError> {
        let columns = table.columns.iter().map(|column| {
            let read = read(column).ok_or_else(|| SourceError::Value {
                table: table.name.clone(),
                column: column.name.clone(),
                reason: format!(
                    "character set {} is not known",
                    column.ty.charset.as_deref().unwrap_or("(none)")
                ),
            })?;
            Ok((column.name.clone(), read))
        });
        Ok(Self {
            table: table.name.clone(),
            columns: columns.collect::<Result<_, SourceError>>()?,
        })
    }

    /// Select list that gives the columns in the form that [`ReadPlan::push_row`] reads.
    pub(super) fn select_list(table: &TableSchema) -> String {
        let expression = |column: &Column| {
            let name = quote_ident(&column.name);
            match column.ty.kind {
                TypeKind::Enum | TypeKind::Set => format!("cast({name} as unsigned)"),
                _ => name,
            }
        };
        let list: Vec<String> = table.columns.iter().map(expression).collect();
        list.join(", ")
    }

    /// Appends one cell per column to the row image begun last.
    pub(super) fn push_row(
        &self,
        row: &mysql_async::Row,
        into: &mut ChangeBuffer,
    ) -> Result<(), SourceError> {
        if row.len() != self.columns.len() {
            return Err(SourceError::TableChanged {
                table: self.table.clone(),
                reason: format!("{} columns instead of {}", row.len(), self.columns.len()),
            });
        }
        for (at, (name, read)) in self.columns.iter().enumerate() {
            let value = row.as_ref(at).unwrap_or(&Value::NULL);
            let cell = cell(*read, value, into).ok_or_else(|| SourceError::Value {
                table: self.table.clone(),
                column: name.clone(),
                reason: "the value does not fit the column's type".to_owned(),
            })?;
            into.push_cell(cell);
        }
        Ok(())
    }
}

/// How a column is read; `None` for a character set that is not known.
fn read(column: &Column) -> Option<Read> {
    let ty = &column.ty;
    let text = || match ty.charset.as_deref() {
        Some(name) => Charset::named(name).map(Read::Text),
        // JSON of MySQL and what is printed from numbers
        None => Some(Read::Text(Charset::UTF8)),
    };
    match ty.kind {
        TypeKind::TinyInt
        | TypeKind::SmallInt
        | TypeKind::MediumInt
        | TypeKind::Int
        | TypeKind::BigInt => Some(if ty.unsigned {
            Read::Unsigned
        } else {
            Read::Signed
        }),
        TypeKind::Year => Some(Read::Signed),
        TypeKind::Enum | TypeKind::Set => Some(Read::Unsigned),
        TypeKind::Decimal if ty.declared.contains("zerofill") => Some(Read::ZerofillDecimal),
        TypeKind::Decimal | TypeKind::Uuid | TypeKind::Inet4 | TypeKind::Inet6 => {
            Some(Read::Text(Charset::UTF8))
        }
        TypeKind::Float => Some(Read::Float),
        TypeKind::Double => Some(Read::Double),
        TypeKind::Bit => Some(Read::Bits),
        TypeKind::Date => Some(Read::Date),
        TypeKind::DateTime | TypeKind::Timestamp => Some(Read::DateTime(ty.scale)),
        TypeKind::Time => Some(Read::Time),
        TypeKind::Char | TypeKind::VarChar | TypeKind::Text | TypeKind::Json => text(),
        TypeKind::Binary => Some(Read::Padded(ty.length)),
        TypeKind::VarBinary
        | TypeKind::Blob
        | TypeKind::Geometry
        | TypeKind::Vector
        | TypeKind::Unknown => Some(Read::Bytes),
    }
}

/// The cell of a value; `None` where it does not fit.
fn cell(read: Read, value: &Value, into: &mut ChangeBuffer) -> Option<Cell> {
    Some(match (read, value) {
        (_, Value::NULL) => Cell::Null,
        (Read::Text(charset), Value::Bytes(bytes)) => charset.cell(bytes, into),
        (Read::Signed, &Value::Int(n)) => Cell::Int(n),
        (Read::Signed, &Value::UInt(n)) => Cell::Int(n.try_into().ok()?),
        (Read::Unsigned, &Value::UInt(n)) => Cell::UInt(n),
        (Read::Unsigned, &Value::Int(n)) => Cell::UInt(n.try_into().ok()?),
        (Read::Bytes, Value::Bytes(bytes)) => Cell::Bytes(into.put(bytes)),
        (Read::Padded(length), Value::Bytes(bytes)) => padded(bytes, length, into),
        (Read::Float, &Value::Float(n)) => Cell::Float(n),
        (Read::Double, &Value::Double(n)) => Cell::Double(n),
        (Read::Date, &Value::Date(year, month, day, ..)) => {
            let date = DateTime {
                year,
                month,
                day,
                ..DateTime::default()
            };
            date.date_cell(into)
        }
        (Read::DateTime(scale), &Value::Date(year, month, day, hour, minute, second, micros)) => {
            let time = DateTime {
                year,
                month,
                day,
                hour,
                minute,
                second,
                micros,
            };
            time.datetime_cell(scale, into)?
        }
        (Read::Time, &Value::Time(negative, days, hours, minutes, seconds, micros)) => {
            let hours = i64::from(days) * 24 + i64::from(hours);
            let seconds = hours * 3600 + i64::from(minutes) * 60 + i64::from(seconds);
            let micros = seconds * 1_000_000 + i64::from(micros);
            Cell::Micros(if negative { -micros } else { micros })
        }
        (Read::Bits, Value::Bytes(bytes)) if bytes.len() <= 8 => {
            Cell::UInt(bytes.iter().fold(0, |n, &b| n << 8 | u64::from(b)))
        }
        (Read::ZerofillDecimal, Value::Bytes(bytes)) => {
            Cell::Text(into.put(without_leading_zeros(bytes)))
        }
        _ => return None,
    })
}

fn padded(bytes: &[u8], length: u32, into: &mut ChangeBuffer) -> Cell {
    let start = into.arena_mut().len();
    let arena = into.arena_mut();
    arena.extend_from_slice(bytes);
    let length = usize::try_from(length).unwrap_or(0).max(bytes.len());
    arena.resize(start + length, 0);
    Cell::Bytes(into.span_from(start))
}

/// `00012.30` is `12.30`, `00000.50` is `0.50`: the form without ZEROFILL.
fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    let point = digits.iter().position(|&b| b == b'.');
    let whole = point.unwrap_or(digits.len());
    let zeros = digits.iter().take_while(|&&b| b == b'0').count();
    &digits[zeros.min(whole.saturating_sub(1))..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zerofill_is_taken_off_a_decimal() {
        let check = |text: &str, expect: &str| {
            assert_eq!(without_leading_zeros(text.as_bytes()), expect.as_bytes());
        };
        check("00012.30", "12.30");
        check("00000.50", "0.50");
        check("00000", "0");
        check("10", "10");
    }

    #[test]
    fn values_that_do_not_fit_are_refused_without_a_panic() {
        let mut buffer = ChangeBuffer::default();
        assert!(cell(Read::Signed, &Value::UInt(u64::MAX), &mut buffer).is_none());
        assert!(cell(Read::Unsigned, &Value::Int(-1), &mut buffer).is_none());
        assert!(cell(Read::Date, &Value::Int(1), &mut buffer).is_none());
        assert!(cell(Read::Bits, &Value::Bytes(vec![0; 9]), &mut buffer).is_none());
    }

    #[test]
    fn times_beyond_a_day_and_below_zero_keep_their_value() {
        let mut buffer = ChangeBuffer::default();
        let longest = Value::Time(true, 34, 22, 59, 59, 999_999);
        let micros = -(838 * 3600 + 59 * 60 + 59) * 1_000_000 - 999_999;
        assert_eq!(
            cell(Read::Time, &longest, &mut buffer),
            Some(Cell::Micros(micros))
        );
    }
}
