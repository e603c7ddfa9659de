//! Values of case files: JSON to cells and back.
//!
//! Numbers stand for whole numbers, floats and bits; text for everything that has a text form at the
//! source, labels among them; `{"hex": "00ff"}` for bytes; `{"odd": "..."}` for what a typed form
//! cannot hold. A column that is left out is absent.

use chameleon_model::{Cell, CellForm, ChangeBuffer, Column, MappingRules, PgType, RowRef};
use chameleon_model::{TableSchema, TypeKind};
use chameleon_mysql::value::temporal;
use chameleon_postgres::ColumnEncoder;
use serde_json::{Value, json};

use super::transform_fields::Fields;

/// Puts a row image into the buffer.
pub(super) fn push_row(
    buffer: &mut ChangeBuffer,
    table: &TableSchema,
    row: &Fields<Value>,
) -> Result<RowRef, String> {
    for (name, _) in &row.0 {
        if table.column_index(name).is_none() {
            return Err(format!("{} has no column `{name}`", table.name));
        }
    }
    let mut cells = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        cells.push(match row.get(&column.name) {
            None => Cell::Absent,
            Some(value) => cell(buffer, column, value)
                .map_err(|reason| format!("column `{}`: {reason}", column.name))?,
        });
    }
    let at = buffer.begin_row();
    cells.into_iter().for_each(|cell| buffer.push_cell(cell));
    Ok(at)
}

fn cell(buffer: &mut ChangeBuffer, column: &Column, value: &Value) -> Result<Cell, String> {
    match value {
        Value::Null => Ok(Cell::Null),
        Value::Number(number) => numeric(buffer, column, number),
        Value::Bool(flag) => numeric(buffer, column, &u8::from(*flag).into()),
        Value::String(text) => textual(buffer, column, text),
        Value::Object(object) => match (object.len(), object.get("hex"), object.get("odd")) {
            (1, Some(Value::String(hex)), _) => {
                let bytes = unhex(hex).ok_or("that is not hex digits")?;
                Ok(Cell::Bytes(buffer.put(&bytes)))
            }
            (1, _, Some(Value::String(odd))) => Ok(Cell::Odd(buffer.put(odd.as_bytes()))),
            _ => Err("an object is {\"hex\": ...} or {\"odd\": ...}".into()),
        },
        Value::Array(_) => Err("a list is no value".into()),
    }
}

fn numeric(
    buffer: &mut ChangeBuffer,
    column: &Column,
    number: &serde_json::Number,
) -> Result<Cell, String> {
    let unfit = || format!("{number} is no {}", column.ty.declared);
    let ty = &column.ty;
    match ty.kind {
        TypeKind::Float => {
            let text = number.to_string();
            text.parse().map(Cell::Float).map_err(|_| unfit())
        }
        TypeKind::Double => number.as_f64().map(Cell::Double).ok_or_else(unfit),
        TypeKind::Decimal => Ok(Cell::Text(buffer.put(number.to_string().as_bytes()))),
        TypeKind::Bit | TypeKind::Enum | TypeKind::Set => {
            number.as_u64().map(Cell::UInt).ok_or_else(unfit)
        }
        _ if is_integer(ty.kind) && ty.unsigned => {
            number.as_u64().map(Cell::UInt).ok_or_else(unfit)
        }
        _ if is_integer(ty.kind) => number.as_i64().map(Cell::Int).ok_or_else(unfit),
        _ => Err(unfit()),
    }
}

fn is_integer(kind: TypeKind) -> bool {
    matches!(
        kind,
        TypeKind::TinyInt
            | TypeKind::SmallInt
            | TypeKind::MediumInt
            | TypeKind::Int
            | TypeKind::BigInt
            | TypeKind::Year
    )
}

fn textual(buffer: &mut ChangeBuffer, column: &Column, text: &str) -> Result<Cell, String> {
    let unfit = || format!("`{text}` is no {}", column.ty.declared);
    let ty = &column.ty;
    match ty.kind {
        TypeKind::Date => temporal::date_from_text(text.as_bytes(), buffer).ok_or_else(unfit),
        TypeKind::DateTime | TypeKind::Timestamp => {
            temporal::datetime_from_text(text.as_bytes(), buffer).ok_or_else(unfit)
        }
        TypeKind::Time => temporal::time_from_text(text.as_bytes()).ok_or_else(unfit),
        TypeKind::Enum => {
            let index = ty.labels.iter().position(|label| label == text);
            match index {
                _ if text.is_empty() => Ok(Cell::UInt(0)),
                Some(index) => Ok(Cell::UInt(u64::try_from(index).unwrap_or(u64::MAX) + 1)),
                None => Err(unfit()),
            }
        }
        TypeKind::Set => {
            let mut bits = 0;
            for part in text.split(',').filter(|part| !part.is_empty()) {
                let index = ty.labels.iter().position(|label| label == part);
                bits |= 1 << index.filter(|index| *index < 64).ok_or_else(unfit)?;
            }
            Ok(Cell::UInt(bits))
        }
        TypeKind::Binary
        | TypeKind::VarBinary
        | TypeKind::Blob
        | TypeKind::Geometry
        | TypeKind::Vector
        | TypeKind::Unknown => Ok(Cell::Bytes(buffer.put(text.as_bytes()))),
        TypeKind::Bit | TypeKind::Float | TypeKind::Double => Err(unfit()),
        kind if is_integer(kind) => Err(unfit()),
        _ => Ok(Cell::Text(buffer.put(text.as_bytes()))),
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}

/// A row image as case files have it.
pub(super) fn row_of(
    buffer: &ChangeBuffer,
    table: &TableSchema,
    row: &[Cell],
) -> Result<Fields<Value>, String> {
    let mut fields = Vec::with_capacity(row.len());
    for (column, cell) in table.columns.iter().zip(row) {
        if *cell != Cell::Absent {
            fields.push((column.name.clone(), value_of(buffer, column, *cell)?));
        }
    }
    Ok(Fields(fields))
}

fn value_of(buffer: &ChangeBuffer, column: &Column, cell: Cell) -> Result<Value, String> {
    Ok(match cell {
        Cell::Null | Cell::Absent => Value::Null,
        Cell::Int(n) => json!(n),
        Cell::UInt(n) if !matches!(column.ty.kind, TypeKind::Enum | TypeKind::Set) => json!(n),
        // the shortest digits that FLOAT reads back
        Cell::Float(n) => n
            .to_string()
            .parse::<f64>()
            .map_or(Value::Null, |n| json!(n)),
        Cell::Double(n) => json!(n),
        Cell::Text(span) => json!(buffer.text(span)),
        Cell::Bytes(span) => {
            let hex: String = buffer
                .slice(span)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            json!({ "hex": hex })
        }
        Cell::Odd(span) => {
            let text = String::from_utf8_lossy(buffer.slice(span));
            json!({ "odd": text })
        }
        Cell::UInt(_) | Cell::Days(_) | Cell::Micros(_) => {
            let rules = MappingRules::default();
            let encoder = ColumnEncoder::plan(&column.ty, &PgType::Text, &rules, CellForm::Source);
            let mut text = String::new();
            let done = encoder.and_then(|encoder| encoder.text(buffer, cell, &mut text));
            done.map_err(|error| format!("column `{}`: {error}", column.name))?;
            json!(text)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::transform_table::Tables;

    #[test]
    fn values_are_read_back_as_they_are_written() {
        let table = Tables::new("shop")
            .follow(
                "create table t (a bigint primary key, b decimal(6,2), c date, d datetime(3), \
                 e time, f enum('x','y'), g set('x','y'), h blob, i float, j bit(3), k json, \
                 l tinyint unsigned, m date, n text)",
            )
            .unwrap();
        let row = r#"{"a":-5,"b":"1.50","c":"2024-02-29","d":"2024-02-29 10:00:00.125","e":"-12:00:01","f":"y","g":"x,y","h":{"hex":"00ff"},"i":0.1,"j":5,"k":"[1]","l":255,"m":{"odd":"0000-00-00"}}"#;
        let fields: Fields<Value> = serde_json::from_str(row).unwrap();
        let mut buffer = ChangeBuffer::default();
        let at = push_row(&mut buffer, &table, &fields).unwrap();
        let cells = buffer.row(at, table.columns.len());
        let back = row_of(&buffer, &table, cells).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), row);
        let bad = |row: &str| {
            let fields: Fields<Value> = serde_json::from_str(row).unwrap();
            push_row(&mut ChangeBuffer::default(), &table, &fields).unwrap_err()
        };
        assert_eq!(bad(r#"{"z": 1}"#), "shop.t has no column `z`");
        assert!(bad(r#"{"f": "z"}"#).contains("column `f`"));
        assert!(bad(r#"{"a": "one"}"#).contains("column `a`"));
        assert!(bad(r#"{"h": {"hex": "0"}}"#).contains("hex"));
    }
}
