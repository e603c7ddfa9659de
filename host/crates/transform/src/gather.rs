//! Rows to vectors.
//!
//! The vectors of a batch are kept and filled anew for the next one.

use chameleon_model::{Cell, ChangeBuffer, ColumnType, Op, RowRef, TypeKind};

use crate::abi::v0_1::{Batch, Odd, Pool, ValueForm, Values, Vector, op, state};

/// The representation of a column's values.
pub(crate) fn form(ty: &ColumnType) -> ValueForm {
    match ty.kind {
        TypeKind::TinyInt
        | TypeKind::SmallInt
        | TypeKind::MediumInt
        | TypeKind::Int
        | TypeKind::BigInt => {
            if ty.unsigned {
                ValueForm::UInts
            } else {
                ValueForm::Ints
            }
        }
        TypeKind::Year => ValueForm::Ints,
        TypeKind::Bit | TypeKind::Enum | TypeKind::Set => ValueForm::UInts,
        TypeKind::Float | TypeKind::Double => ValueForm::Floats,
        TypeKind::Date => ValueForm::Days,
        TypeKind::Time | TypeKind::DateTime | TypeKind::Timestamp => ValueForm::Micros,
        TypeKind::Decimal
        | TypeKind::Char
        | TypeKind::VarChar
        | TypeKind::Text
        | TypeKind::Json
        | TypeKind::Uuid
        | TypeKind::Inet4
        | TypeKind::Inet6 => ValueForm::Texts,
        TypeKind::Binary
        | TypeKind::VarBinary
        | TypeKind::Blob
        | TypeKind::Geometry
        | TypeKind::Vector
        | TypeKind::Unknown => ValueForm::Blobs,
    }
}

/// An empty vector of that form.
pub(crate) fn empty(column: u32, form: ValueForm) -> Vector {
    let pool = || Pool {
        ends: Vec::new(),
        data: Vec::new(),
    };
    Vector {
        column,
        states: Vec::new(),
        values: match form {
            ValueForm::Ints => Values::Ints(Vec::new()),
            ValueForm::UInts => Values::UInts(Vec::new()),
            ValueForm::Floats => Values::Floats(Vec::new()),
            ValueForm::Days => Values::Days(Vec::new()),
            ValueForm::Micros => Values::Micros(Vec::new()),
            ValueForm::Texts => Values::Texts(pool()),
            ValueForm::Blobs => Values::Blobs(pool()),
        },
        odd: Vec::new(),
    }
}

/// Which image of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Image {
    Before,
    After,
}

impl Image {
    /// The image of a change, where it has one.
    pub(crate) fn of(self, change: &chameleon_model::ChangeRef) -> Option<RowRef> {
        match self {
            Self::Before => change.before,
            Self::After => change.after,
        }
    }
}

/// Fills a batch with the rows of `changes`, whose tables have `width` columns.
pub(crate) fn fill(batch: &mut Batch, buffer: &ChangeBuffer, changes: &[u32], width: usize) {
    batch.rows = u32::try_from(changes.len()).unwrap_or(u32::MAX);
    operations(batch, buffer, changes);
    for vector in &mut batch.after {
        column(vector, buffer, changes, width, Image::After);
    }
    for vector in &mut batch.before {
        column(vector, buffer, changes, width, Image::Before);
    }
}

/// Empty where all rows are inserts, or all of a snapshot.
fn operations(batch: &mut Batch, buffer: &ChangeBuffer, changes: &[u32]) {
    batch.ops.clear();
    let of = |&change: &u32| buffer.changes()[change as usize].op;
    if changes.iter().all(|change| of(change) == Op::Insert) {
        return;
    }
    let snapshot = batch.snapshot;
    batch
        .ops
        .extend(changes.iter().map(|change| match of(change) {
            Op::Insert if snapshot => op::REFRESH,
            Op::Insert => op::INSERT,
            Op::Update => op::UPDATE,
            Op::Delete => op::DELETE,
        }));
}

fn column(vector: &mut Vector, buffer: &ChangeBuffer, changes: &[u32], width: usize, image: Image) {
    let column = vector.column as usize;
    vector.states.clear();
    vector.odd.clear();
    let cells = changes.iter().map(|&change| {
        let change = &buffer.changes()[change as usize];
        image
            .of(change)
            .map_or(Cell::Absent, |row| buffer.row(row, width)[column])
    });
    let mut slots = Slots {
        states: &mut vector.states,
        odd: &mut vector.odd,
        buffer,
        rows: changes.len(),
    };
    match &mut vector.values {
        Values::Ints(out) => slots.fixed(out, cells, |cell| match cell {
            Cell::Int(n) => Some(n),
            Cell::UInt(n) => i64::try_from(n).ok(),
            _ => None,
        }),
        Values::UInts(out) => slots.fixed(out, cells, |cell| match cell {
            Cell::UInt(n) => Some(n),
            Cell::Int(n) => u64::try_from(n).ok(),
            _ => None,
        }),
        Values::Floats(out) => slots.fixed(out, cells, |cell| match cell {
            Cell::Float(n) => Some(f64::from(n)),
            Cell::Double(n) => Some(n),
            _ => None,
        }),
        Values::Days(out) => slots.fixed(out, cells, |cell| match cell {
            Cell::Days(n) => Some(n),
            _ => None,
        }),
        Values::Micros(out) => slots.fixed(out, cells, |cell| match cell {
            Cell::Micros(n) => Some(n),
            _ => None,
        }),
        Values::Texts(out) | Values::Blobs(out) => slots.pool(out, cells),
    }
}

/// Where the slots of one vector go.
struct Slots<'a> {
    states: &'a mut Vec<u8>,
    odd: &'a mut Vec<Odd>,
    buffer: &'a ChangeBuffer,
    rows: usize,
}

impl Slots<'_> {
    fn fixed<T: Copy + Default>(
        &mut self,
        out: &mut Vec<T>,
        cells: impl Iterator<Item = Cell>,
        take: impl Fn(Cell) -> Option<T>,
    ) {
        out.clear();
        out.reserve(self.rows);
        for (row, cell) in cells.enumerate() {
            match take(cell) {
                Some(value) => out.push(value),
                None => {
                    self.special(row, cell);
                    out.push(T::default());
                }
            }
        }
    }

    fn pool(&mut self, out: &mut Pool, cells: impl Iterator<Item = Cell>) {
        out.ends.clear();
        out.data.clear();
        out.ends.reserve(self.rows);
        for (row, cell) in cells.enumerate() {
            match cell {
                Cell::Text(span) | Cell::Bytes(span) => {
                    out.data.extend_from_slice(self.buffer.slice(span));
                }
                cell => self.special(row, cell),
            }
            out.ends
                .push(u32::try_from(out.data.len()).unwrap_or(u32::MAX));
        }
    }

    #[cold]
    fn special(&mut self, row: usize, cell: Cell) {
        if self.states.is_empty() {
            self.states.resize(self.rows, state::VALUE);
        }
        // a number or time here does not have the form that its column's type promises
        let raw = match cell {
            Cell::Null => {
                self.states[row] = state::NULL;
                return;
            }
            Cell::Absent => {
                self.states[row] = state::ABSENT;
                return;
            }
            Cell::Odd(span) | Cell::Text(span) | Cell::Bytes(span) => {
                self.buffer.slice(span).to_vec()
            }
            Cell::Int(n) | Cell::Micros(n) => n.to_string().into_bytes(),
            Cell::UInt(n) => n.to_string().into_bytes(),
            Cell::Days(n) => n.to_string().into_bytes(),
            Cell::Float(n) => n.to_string().into_bytes(),
            Cell::Double(n) => n.to_string().into_bytes(),
        };
        self.states[row] = state::ODD;
        let row = u32::try_from(row).unwrap_or(u32::MAX);
        self.odd.push(Odd { row, raw });
    }
}

/// How many of `changes`, from the first on, make a batch of at most `rows` rows and about `bytes`
/// bytes in the columns that are read. One at least.
pub(crate) fn portion(
    batch: &Batch,
    buffer: &ChangeBuffer,
    changes: &[u32],
    width: usize,
    limit: (usize, usize),
) -> usize {
    let (rows, bytes) = limit;
    let most = changes.len().min(rows);
    if buffer.bytes() <= bytes {
        return most;
    }
    let mut total = 0;
    for (n, &change) in changes[..most].iter().enumerate() {
        let change = &buffer.changes()[change as usize];
        for (vectors, image) in [(&batch.after, Image::After), (&batch.before, Image::Before)] {
            let Some(row) = image.of(change) else {
                continue;
            };
            let cells = buffer.row(row, width);
            for vector in vectors {
                total += match cells[vector.column as usize] {
                    Cell::Text(span) | Cell::Bytes(span) | Cell::Odd(span) => span.len as usize + 4,
                    _ => 8,
                };
            }
        }
        if total > bytes {
            return n.max(1);
        }
    }
    most
}
