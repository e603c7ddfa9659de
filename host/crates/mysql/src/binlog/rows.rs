//! Row events into cells.
//!
//! The event's bytes are read once, and each value goes straight into the change buffer: nothing is
//! allocated per row or value. Columns that an image leaves out become [`Cell::Absent`]. Formats:
//! MySQL source, `libs/mysql/binlog/event/rows_event.h`; WL#2955 for partial JSON.

use chameleon_model::{Cell, ChangeBuffer, ChangeRef, Op, RowRef};

use crate::value::inflate::Inflater;

use super::absent;
use super::cell::{CellWriter, Reason, difference_cell};
use super::event::kind;
use super::plan::{Layout, Plan, PlanColumn};
use super::reader::Reader;
use super::shared::{SharedCells, Value};
use super::table_map::read_table_id;

/// What a row event does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowsKind {
    pub(super) op: Op,
    /// The form of MySQL 5.6 and later, with room for extra data.
    v2: bool,
    /// MariaDB: the rows are compressed.
    compressed: bool,
    /// MySQL: JSON documents of the after image may be differences.
    partial: bool,
}

impl RowsKind {
    /// `None`: the event type has no rows.
    pub(super) fn of(event_kind: u8) -> Option<Self> {
        let (op, v2, compressed, partial) = match event_kind {
            kind::WRITE_ROWS_V1 => (Op::Insert, false, false, false),
            kind::UPDATE_ROWS_V1 => (Op::Update, false, false, false),
            kind::DELETE_ROWS_V1 => (Op::Delete, false, false, false),
            kind::WRITE_ROWS => (Op::Insert, true, false, false),
            kind::UPDATE_ROWS => (Op::Update, true, false, false),
            kind::DELETE_ROWS => (Op::Delete, true, false, false),
            kind::PARTIAL_UPDATE_ROWS => (Op::Update, true, false, true),
            kind::MARIADB_WRITE_ROWS_COMPRESSED_V1 => (Op::Insert, false, true, false),
            kind::MARIADB_UPDATE_ROWS_COMPRESSED_V1 => (Op::Update, false, true, false),
            kind::MARIADB_DELETE_ROWS_COMPRESSED_V1 => (Op::Delete, false, true, false),
            kind::MARIADB_WRITE_ROWS_COMPRESSED => (Op::Insert, true, true, false),
            kind::MARIADB_UPDATE_ROWS_COMPRESSED => (Op::Update, true, true, false),
            kind::MARIADB_DELETE_ROWS_COMPRESSED => (Op::Delete, true, true, false),
            _ => return None,
        };
        Some(Self {
            op,
            v2,
            compressed,
            partial,
        })
    }
}

/// Which columns an image has.
#[derive(Clone, Copy, Debug)]
struct Image<'a> {
    bits: &'a [u8],
    /// Bytes of the NULL bitmap: one bit for each column that the image has.
    null_bytes: usize,
    /// It has all.
    full: bool,
}

impl<'a> Image<'a> {
    fn read(reader: &mut Reader<'a>, columns: usize) -> Option<Self> {
        let bits = reader.take(columns.div_ceil(8))?;
        let image = Self {
            bits,
            null_bytes: 0,
            full: false,
        };
        let count = (0..columns).filter(|&index| image.has(index)).count();
        Some(Self {
            null_bytes: count.div_ceil(8),
            full: count == columns,
            ..image
        })
    }

    fn has(&self, index: usize) -> bool {
        self.bits
            .get(index / 8)
            .is_some_and(|byte| byte & (1 << (index % 8)) != 0)
    }
}

/// The front of a row event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    kind: RowsKind,
    /// Number of the table map.
    pub(super) table_id: u64,
    columns: usize,
    first: Image<'a>,
    /// Of an update: the after image.
    second: Image<'a>,
    rows: &'a [u8],
}

impl<'a> Rows<'a> {
    /// Reads what is before the rows; compressed ones are unpacked into `scratch`.
    pub(super) fn read(
        kind: RowsKind,
        body: &'a [u8],
        inflater: &mut Inflater,
        scratch: &'a mut Vec<u8>,
    ) -> Option<Self> {
        let mut reader = Reader(body);
        let table_id = read_table_id(&mut reader)?;
        let _flags = reader.u16()?;
        if kind.v2 {
            let extra = usize::from(reader.u16()?).checked_sub(2)?;
            reader.take(extra)?;
        }
        let columns = reader.count()?;
        let first = Image::read(&mut reader, columns)?;
        let second = if kind.op == Op::Update {
            Image::read(&mut reader, columns)?
        } else {
            first
        };
        let mut rows = reader.0;
        if kind.compressed {
            scratch.clear();
            inflater.event(rows, scratch)?;
            rows = scratch;
        }
        Some(Self {
            kind,
            table_id,
            columns,
            first,
            second,
            rows,
        })
    }

    /// It ends a statement and has no rows.
    pub(super) fn is_for_no_table(&self) -> bool {
        self.table_id == 0x00ff_ffff
    }

    /// Number of rows, by the layout of their columns alone.
    pub(super) fn count(&self, columns: &[PlanColumn]) -> Option<u64> {
        if columns.len() != self.columns {
            return None;
        }
        let mut reader = Reader(self.rows);
        let mut count = 0;
        while !reader.is_empty() {
            let before = reader.0.len();
            skip_image(&mut reader, columns, self.first)?;
            if self.kind.op == Op::Update {
                if self.kind.partial {
                    read_partial(&mut reader, columns)?;
                }
                skip_image(&mut reader, columns, self.second)?;
            }
            if reader.0.len() == before {
                return None;
            }
            count += 1;
        }
        Some(count)
    }
}

fn skip_image(reader: &mut Reader<'_>, columns: &[PlanColumn], image: Image<'_>) -> Option<()> {
    let nulls = reader.take(image.null_bytes)?;
    let mut bit = 0;
    for (index, column) in columns.iter().enumerate() {
        if image.full || image.has(index) {
            if !is_null(nulls, bit) {
                take_value(reader, column.layout)?;
            }
            bit += 1;
        }
    }
    Some(())
}

/// A row that could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowFault {
    /// Column of the row image; `None`: it is the event that is damaged.
    pub(super) column: Option<usize>,
    /// What is wrong with it; never a value.
    pub(super) reason: Reason,
}

fn damaged() -> RowFault {
    RowFault {
        column: None,
        reason: "the row image is shorter or longer than its columns",
    }
}

/// A fault of one column.
fn at(column: usize) -> impl FnOnce(Reason) -> RowFault {
    move |reason| RowFault {
        column: Some(column),
        reason,
    }
}

/// Decodes row events; keeps what is needed from one to the next.
#[derive(Debug, Default)]
pub(super) struct RowDecoder {
    pub(super) cells: CellWriter,
    shared: SharedCells,
}

/// Of a change: what it does, its before and its after image.
type Parts = (Op, Option<RowRef>, Option<RowRef>);

/// An image as it was read.
struct Decoded {
    row: RowRef,
    /// The row is current, or the table keeps no history.
    current: bool,
}

impl RowDecoder {
    /// Appends all rows of an event and returns their number. After a fault the buffer is as it was
    /// before.
    pub(super) fn decode(
        &mut self,
        rows: &Rows<'_>,
        plan: &Plan,
        into: &mut ChangeBuffer,
    ) -> Result<usize, RowFault> {
        let mark = into.mark();
        let decoded = self.decode_all(rows, plan, into);
        if decoded.is_err() {
            into.truncate(mark);
        }
        decoded
    }

    fn decode_all(
        &mut self,
        rows: &Rows<'_>,
        plan: &Plan,
        into: &mut ChangeBuffer,
    ) -> Result<usize, RowFault> {
        if plan.columns.len() != rows.columns {
            return Err(RowFault {
                column: None,
                reason: "the row event has another number of columns than its table map",
            });
        }
        // an image of MariaDB, whose events have the older form, lacks a virtual column although it
        // has changed
        if rows.kind.op == Op::Update && !rows.kind.v2 && !rows.second.full {
            let mut columns = plan.columns.iter().enumerate();
            if let Some((index, _)) = columns.find(|(n, c)| c.generated && !rows.second.has(*n)) {
                return Err(at(index)(absent::GENERATED));
            }
        }
        let table = into.table_number(&plan.table);
        let mut reader = Reader(rows.rows);
        let mut count = 0;
        if reader.is_empty() {
            return Err(damaged());
        }
        while !reader.is_empty() {
            let left = reader.0.len();
            let mark = into.mark();
            self.shared.clear();
            let change = if rows.kind.partial {
                self.partial_update(rows, plan, &mut reader, into)?
            } else {
                self.change(rows, plan, &mut reader, into)?
            };
            if reader.0.len() == left {
                return Err(damaged());
            }
            match change {
                Some((op, before, after)) => {
                    into.push_change(ChangeRef {
                        table,
                        op,
                        before,
                        after,
                    });
                    count += 1;
                }
                None => into.truncate(mark),
            }
        }
        Ok(count)
    }

    /// One row; `None`: it is history and of no concern.
    fn change(
        &mut self,
        rows: &Rows<'_>,
        plan: &Plan,
        reader: &mut Reader<'_>,
        into: &mut ChangeBuffer,
    ) -> Result<Option<Parts>, RowFault> {
        let first = self.image(rows, rows.first, plan, reader, into)?;
        Ok(match rows.kind.op {
            Op::Insert => first.current.then_some((Op::Insert, None, Some(first.row))),
            Op::Delete => first.current.then_some((Op::Delete, Some(first.row), None)),
            Op::Update => {
                let second = self.image(rows, rows.second, plan, reader, into)?;
                first.current.then_some(if second.current {
                    (Op::Update, Some(first.row), Some(second.row))
                } else {
                    // MariaDB, WITH SYSTEM VERSIONING: a deleted row is given an end
                    (Op::Delete, Some(first.row), None)
                })
            }
        })
    }

    fn image(
        &mut self,
        rows: &Rows<'_>,
        image: Image<'_>,
        plan: &Plan,
        reader: &mut Reader<'_>,
        into: &mut ChangeBuffer,
    ) -> Result<Decoded, RowFault> {
        let nulls = reader.take(image.null_bytes).ok_or_else(damaged)?;
        let row = into.begin_row();
        let updates = rows.kind.op == Op::Update;
        let mut current = true;
        let mut bit = 0;
        for (index, column) in plan.columns.iter().enumerate() {
            let cell = if !image.full && !image.has(index) {
                match (rows.kind.op, column.convert) {
                    (Op::Insert, Some(_)) => {
                        absent_in_insert(plan, index, into).map_err(at(index))?
                    }
                    _ => Cell::Absent,
                }
            } else {
                bit += 1;
                if is_null(nulls, bit - 1) {
                    Cell::Null
                } else {
                    let value = take_value(reader, column.layout).ok_or_else(damaged)?;
                    if plan.row_end == Some(index) {
                        current = is_end_of_time(value);
                    }
                    match column.convert {
                        Some(convert) if updates => {
                            let end = rows.rows.len() - reader.0.len();
                            let bytes = end - value.len()..end;
                            let value = Value::new(index, convert, rows.rows, bytes);
                            let cell = self.shared.cell(&mut self.cells, value, into);
                            cell.map_err(at(index))?
                        }
                        Some(convert) => {
                            let cell = self.cells.cell(convert, value, into);
                            cell.map_err(at(index))?
                        }
                        None => continue,
                    }
                }
            };
            if column.convert.is_some() {
                into.push_cell(cell);
            }
        }
        Ok(Decoded { row, current })
    }

    /// One row of a PARTIAL_UPDATE_ROWS event: documents of the after image may be differences to
    /// those of the before image.
    fn partial_update(
        &mut self,
        rows: &Rows<'_>,
        plan: &Plan,
        reader: &mut Reader<'_>,
        into: &mut ChangeBuffer,
    ) -> Result<Option<Parts>, RowFault> {
        let mut documents = documents(*reader, &plan.columns, rows.first).ok_or_else(damaged)?;
        let before = self.image(rows, rows.first, plan, reader, into)?.row;
        let partial = read_partial(reader, &plan.columns).ok_or_else(damaged)?;
        let nulls = reader.take(rows.second.null_bytes).ok_or_else(damaged)?;
        let after = into.begin_row();
        let (mut bit, mut document) = (0, 0);
        for (index, column) in plan.columns.iter().enumerate() {
            let number = document;
            document += usize::from(column.json);
            let mut cell = Cell::Absent;
            if rows.second.has(index) {
                bit += 1;
                cell = Cell::Null;
                if !is_null(nulls, bit - 1) {
                    let value = take_value(reader, column.layout).ok_or_else(damaged)?;
                    let is_partial = column.json && bit_set(partial, number);
                    cell = match column.convert {
                        Some(_) if is_partial => {
                            let document = documents.get_mut(number).and_then(Option::take);
                            difference_cell(document, value, into).map_err(at(index))?
                        }
                        Some(convert) => {
                            let cell = self.cells.cell(convert, value, into);
                            cell.map_err(at(index))?
                        }
                        None => continue,
                    };
                }
            }
            if column.convert.is_some() {
                into.push_cell(cell);
            }
        }
        Ok(Some((Op::Update, Some(before), Some(after))))
    }
}

#[inline]
fn take_value<'a>(reader: &mut Reader<'a>, layout: Layout) -> Option<&'a [u8]> {
    match layout {
        Layout::Fixed(bytes) => reader.take(bytes),
        Layout::Counted(1) => {
            let bytes = usize::from(reader.u8()?);
            reader.take(bytes)
        }
        Layout::Counted(width) => {
            let bytes = usize::try_from(reader.uint(width)?).ok()?;
            reader.take(bytes)
        }
    }
}

#[inline]
fn is_null(nulls: &[u8], bit: usize) -> bool {
    bit_set(nulls, bit)
}

#[inline]
fn bit_set(bits: &[u8], bit: usize) -> bool {
    bits.get(bit / 8)
        .is_some_and(|byte| byte & (1 << (bit % 8)) != 0)
}

/// MariaDB: the end of a row that has none, in TIMESTAMP(6) 2038 or, from 11.5 on, 2106, in numbers
/// of transactions the highest.
fn is_end_of_time(value: &[u8]) -> bool {
    matches!(value, [0x7f | 0xff, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x3f]) || value == [0xff; 8]
}

/// What a new row has in a column that its image leaves out.
fn absent_in_insert(plan: &Plan, index: usize, into: &mut ChangeBuffer) -> Result<Cell, Reason> {
    let known = plan.columns.iter().take(index);
    let at = known.filter(|column| column.convert.is_some()).count();
    match plan.table.columns.get(at) {
        Some(column) => absent::cell(column, into),
        None => Err("it is not in the known schema"),
    }
}

/// Which documents of the after image are differences: one bit for each JSON column of the table.
fn read_partial<'a>(reader: &mut Reader<'a>, columns: &[PlanColumn]) -> Option<&'a [u8]> {
    const PARTIAL_JSON: u64 = 1;
    if reader.length()? & PARTIAL_JSON == 0 {
        return Some(&[]);
    }
    let documents = columns.iter().filter(|c| c.json).count();
    reader.take(documents.div_ceil(8))
}

/// The documents of an image, one entry for each JSON column of the table.
fn documents<'a>(
    mut reader: Reader<'a>,
    columns: &[PlanColumn],
    image: Image<'_>,
) -> Option<Vec<Option<&'a [u8]>>> {
    let nulls = reader.take(image.null_bytes)?;
    let mut documents = Vec::new();
    let mut bit = 0;
    for (index, column) in columns.iter().enumerate() {
        let mut value = None;
        if image.has(index) {
            bit += 1;
            if !is_null(nulls, bit - 1) {
                value = Some(take_value(&mut reader, column.layout)?);
            }
        }
        if column.json {
            documents.push(value);
        }
    }
    Some(documents)
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
