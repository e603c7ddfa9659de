//! Values that an update leaves as they were.
//!
//! Most values of an update's after image are those of its before image. They share what the bytes
//! became, so that they are neither converted nor stored twice.

use std::ops::Range;

use chameleon_model::{Cell, ChangeBuffer};

use super::cell::{CellWriter, Reason};
use super::plan::Convert;

/// Bytes of a value from which it is looked up; shorter ones are converted as quickly.
const SHARED_BYTES: usize = 9;

/// Values of one update, by column of the row image.
#[derive(Debug, Default)]
pub(super) struct SharedCells {
    seen: Vec<Option<Seen>>,
}

/// Where a value's bytes are among the event's rows, and its cell.
#[derive(Clone, Debug)]
struct Seen {
    bytes: Range<usize>,
    cell: Cell,
}

/// A value of a row image.
#[derive(Debug)]
pub(super) struct Value<'a> {
    column: usize,
    convert: Convert,
    rows: &'a [u8],
    bytes: Range<usize>,
}

impl<'a> Value<'a> {
    /// Of that column of the image, at `bytes` of the event's rows.
    pub(super) fn new(
        column: usize,
        convert: Convert,
        rows: &'a [u8],
        bytes: Range<usize>,
    ) -> Self {
        Self {
            column,
            convert,
            rows,
            bytes,
        }
    }
}

impl SharedCells {
    /// Another row begins: nothing of the last one is shared.
    pub(super) fn clear(&mut self) {
        self.seen.clear();
    }

    /// The cell of a value: that of the before image, where it holds the same bytes.
    pub(super) fn cell(
        &mut self,
        cells: &mut CellWriter,
        value: Value<'_>,
        into: &mut ChangeBuffer,
    ) -> Result<Cell, Reason> {
        let Value {
            column,
            convert,
            rows,
            bytes,
        } = value;
        let value = &rows[bytes.clone()];
        if value.len() < SHARED_BYTES {
            return cells.cell(convert, value, into);
        }
        if let Some(Some(seen)) = self.seen.get(column) {
            if rows[seen.bytes.clone()] == *value {
                return Ok(seen.cell);
            }
            return cells.cell(convert, value, into);
        }
        let cell = cells.cell(convert, value, into)?;
        if self.seen.len() <= column {
            self.seen.resize(column + 1, None);
        }
        self.seen[column] = Some(Seen { bytes, cell });
        Ok(cell)
    }
}
