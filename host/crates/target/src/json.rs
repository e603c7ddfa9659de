//! Row images as the relay's jsonb.
//!
//! A JSON object of target column name to value: a number for integer columns, else a string in
//! PostgreSQL's input syntax (`\x..` for bytea, `{..}` for arrays, a JSON document as a string that
//! holds its text), null for NULL. Columns that are not in the image are left out. Readers take
//! values with `->>` and cast them to the column's type.

use chameleon_model::{Cell, ChangeBuffer};

use crate::error::TargetError;
use crate::table::ApplyTable;

/// Appends the object of one image to `out`.
pub(crate) fn write_object(
    table: &ApplyTable,
    buffer: &ChangeBuffer,
    cells: &[Cell],
    out: &mut String,
) -> Result<(), TargetError> {
    out.push('{');
    let mut first = true;
    for column in &table.columns {
        let cell = cells
            .get(column.source_index)
            .copied()
            .unwrap_or(Cell::Absent);
        if cell == Cell::Absent {
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        out.push_str(&column.json_key);
        column
            .encoder
            .json(buffer, cell, out)
            .map_err(|error| table.encode_error(&column.name, error))?;
    }
    out.push('}');
    Ok(())
}
