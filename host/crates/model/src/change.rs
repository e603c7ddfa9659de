//! Row changes in one flat buffer.
//!
//! All rows of a batch, of whatever tables, share one vector of cells and one byte arena; a change
//! is an operation, a table number and one or two indexes. Nothing is allocated per row or value.
//! A transaction is appended straight behind the one before; [`ChangeBuffer::mark`] and
//! [`ChangeBuffer::truncate`] take back one that was not committed.

use std::sync::Arc;

use crate::schema::TableSchema;

/// A slice of the buffer's byte arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Bytes.
    pub len: u32,
}

/// One value of a row.
///
/// In [`CellForm::Source`] the variant follows from the column's type: `Int` for signed integers
/// and YEAR; `UInt` for unsigned ones, BIT (right-aligned), ENUM (1-based index, 0 the error value
/// `''`) and SET (bitmap); `Days` for DATE; `Micros` for TIME (signed duration), DATETIME
/// (microseconds since 1970-01-01 00:00:00 on the source's own clock face) and TIMESTAMP
/// (microseconds since the epoch, UTC); `Text` for character data in UTF-8, DECIMAL, JSON, UUID,
/// INET4 and INET6 as text; `Bytes` for binary data, GEOMETRY (SRID in four little-endian bytes,
/// then WKB) and VECTOR (f32, little-endian).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// SQL NULL.
    Null,
    /// Not in the row image (minimal images); the stored value stays as it is.
    Absent,
    /// Signed integer.
    Int(i64),
    /// Unsigned integer, bits, label index or label bitmap.
    UInt(u64),
    /// FLOAT, exact.
    Float(f32),
    /// DOUBLE, exact.
    Double(f64),
    /// Days since 1970-01-01.
    Days(i32),
    /// Microseconds, see above.
    Micros(i64),
    /// UTF-8 text.
    Text(Span),
    /// Bytes.
    Bytes(Span),
    /// A value that the typed form cannot hold, as source text or bytes: zero and partial dates
    /// (`2020-00-15`), text that is invalid in its character set.
    Odd(Span),
}

/// How the cells of a buffer are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CellForm {
    /// As the source's column types say; see [`Cell`].
    #[default]
    Source,
    /// `Null`, `Absent`, or `Text` in PostgreSQL's input syntax: rows read back from the relay.
    PgText,
}

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Has an after image.
    Insert,
    /// Has both images.
    Update,
    /// Has a before image.
    Delete,
}

/// A row image: index of its first cell. Its width is the number of columns of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowRef(u32);

/// One change of one row.
#[derive(Clone, Copy, Debug)]
pub struct ChangeRef {
    /// Index into [`ChangeBuffer::tables`].
    pub table: u32,
    /// Operation.
    pub op: Op,
    /// Old image: update and delete.
    pub before: Option<RowRef>,
    /// New image: insert and update.
    pub after: Option<RowRef>,
}

/// How far a buffer was filled; see [`ChangeBuffer::mark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    changes: usize,
    cells: usize,
    arena: usize,
}

/// Rows of several tables in source order.
#[derive(Clone, Debug, Default)]
pub struct ChangeBuffer {
    /// How cells are to be read.
    pub form: CellForm,
    tables: Vec<Arc<TableSchema>>,
    changes: Vec<ChangeRef>,
    cells: Vec<Cell>,
    arena: Vec<u8>,
}

impl ChangeBuffer {
    /// An empty buffer for cells of that form.
    pub fn new(form: CellForm) -> Self {
        Self {
            form,
            ..Self::default()
        }
    }

    /// Table versions that rows of this buffer belong to.
    pub fn tables(&self) -> &[Arc<TableSchema>] {
        &self.tables
    }

    /// Number of the table version, which is registered where it is new. Versions are told apart by
    /// identity, not by name, so a table altered in mid-buffer has two numbers.
    pub fn table_number(&mut self, table: &Arc<TableSchema>) -> u32 {
        let found = self.tables.iter().rposition(|t| Arc::ptr_eq(t, table));
        let number = found.unwrap_or_else(|| {
            self.tables.push(Arc::clone(table));
            self.tables.len() - 1
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// Changes in source order.
    pub fn changes(&self) -> &[ChangeRef] {
        &self.changes
    }

    /// Number of changes.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// No change is in it.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Memory that the rows take, in bytes.
    pub fn bytes(&self) -> usize {
        self.arena.len()
            + self.cells.len() * size_of::<Cell>()
            + self.changes.len() * size_of::<ChangeRef>()
    }

    /// Room for one more row stays below the 4 GiB that spans can address.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.arena.len().saturating_add(bytes) < u32::MAX as usize
    }

    /// Where the buffer ends now, to take back what follows.
    pub fn mark(&self) -> Mark {
        Mark {
            changes: self.changes.len(),
            cells: self.cells.len(),
            arena: self.arena.len(),
        }
    }

    /// Takes back everything appended after the mark. Tables stay registered.
    pub fn truncate(&mut self, mark: Mark) {
        self.changes.truncate(mark.changes);
        self.cells.truncate(mark.cells);
        self.arena.truncate(mark.arena);
    }

    /// Forgets all rows and tables but keeps the memory.
    pub fn clear(&mut self) {
        self.tables.clear();
        self.changes.clear();
        self.cells.clear();
        self.arena.clear();
    }

    /// Gives back the memory beyond so many bytes that large values have taken. Empty it first.
    pub fn shrink_to(&mut self, bytes: usize) {
        self.arena.shrink_to(bytes);
    }

    /// Puts bytes into the arena.
    pub fn put(&mut self, bytes: &[u8]) -> Span {
        let start = u32::try_from(self.arena.len()).unwrap_or(u32::MAX);
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.arena.extend_from_slice(bytes);
        Span { start, len }
    }

    /// The arena, for encoders that write in place; [`ChangeBuffer::span_from`] closes the span.
    pub fn arena_mut(&mut self) -> &mut Vec<u8> {
        &mut self.arena
    }

    /// The span from `start` (an earlier `arena_mut().len()`) to the arena's end.
    pub fn span_from(&self, start: usize) -> Span {
        Span {
            start: u32::try_from(start).unwrap_or(u32::MAX),
            len: u32::try_from(self.arena.len() - start).unwrap_or(u32::MAX),
        }
    }

    /// Begins a row image; the caller then pushes one cell per column.
    pub fn begin_row(&mut self) -> RowRef {
        RowRef(u32::try_from(self.cells.len()).unwrap_or(u32::MAX))
    }

    /// Appends one cell to the row image begun last.
    pub fn push_cell(&mut self, cell: Cell) {
        self.cells.push(cell);
    }

    /// Appends a change whose images were pushed before.
    pub fn push_change(&mut self, change: ChangeRef) {
        self.changes.push(change);
    }

    /// Takes all changes out; their rows stay.
    pub fn take_changes(&mut self) -> Vec<ChangeRef> {
        std::mem::take(&mut self.changes)
    }

    /// The table version of a change.
    pub fn table(&self, change: &ChangeRef) -> &Arc<TableSchema> {
        &self.tables[change.table as usize]
    }

    /// Cells of a row image of `width` columns.
    pub fn row(&self, row: RowRef, width: usize) -> &[Cell] {
        &self.cells[row.0 as usize..row.0 as usize + width]
    }

    /// New image of a change.
    pub fn after(&self, change: &ChangeRef) -> Option<&[Cell]> {
        change
            .after
            .map(|r| self.row(r, self.table(change).columns.len()))
    }

    /// Old image of a change.
    pub fn before(&self, change: &ChangeRef) -> Option<&[Cell]> {
        change
            .before
            .map(|r| self.row(r, self.table(change).columns.len()))
    }

    /// A change, to be altered in place. Its images must stay as wide as its table.
    pub fn change_mut(&mut self, index: usize) -> Option<&mut ChangeRef> {
        self.changes.get_mut(index)
    }

    /// Puts other changes in place of all; their images are in this buffer already.
    pub fn set_changes(&mut self, changes: Vec<ChangeRef>) {
        self.changes = changes;
    }

    /// Cells of a row image of `width` columns, to be altered in place.
    pub fn row_mut(&mut self, row: RowRef, width: usize) -> &mut [Cell] {
        &mut self.cells[row.0 as usize..row.0 as usize + width]
    }

    /// Appends a row image of `width` columns, all absent.
    pub fn absent_row(&mut self, width: usize) -> RowRef {
        let row = self.begin_row();
        self.cells.resize(self.cells.len() + width, Cell::Absent);
        row
    }

    /// Copies the cell of a column from one row image to a column of another.
    pub fn copy_cell(&mut self, from: (RowRef, usize), to: (RowRef, usize)) {
        self.cells[to.0.0 as usize + to.1] = self.cells[from.0.0 as usize + from.1];
    }

    /// Bytes of a span.
    pub fn slice(&self, span: Span) -> &[u8] {
        &self.arena[span.start as usize..span.start as usize + span.len as usize]
    }

    /// Text of a span that holds UTF-8; empty if it does not.
    pub fn text(&self, span: Span) -> &str {
        std::str::from_utf8(self.slice(span)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::TableName;

    #[test]
    fn a_transaction_that_was_not_committed_is_taken_back() {
        let table = Arc::new(TableSchema::new(TableName::new("s", "t"), vec![]));
        let mut buffer = ChangeBuffer::default();
        let number = buffer.table_number(&table);
        assert_eq!(buffer.table_number(&table), number);
        let span = buffer.put(b"kept");
        let mark = buffer.mark();
        let row = buffer.begin_row();
        let lost = buffer.put(b"lost");
        buffer.push_cell(Cell::Text(lost));
        buffer.push_change(ChangeRef {
            table: number,
            op: Op::Insert,
            before: None,
            after: Some(row),
        });
        buffer.truncate(mark);
        assert!(buffer.is_empty());
        assert_eq!(buffer.slice(span), b"kept");
    }

    #[test]
    fn a_cell_takes_sixteen_bytes() {
        assert_eq!(size_of::<Cell>(), 16);
    }
}
