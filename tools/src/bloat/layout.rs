//! How long rows are and how many pages they take: the arithmetic of PostgreSQL's heap.
//!
//! The length of a row is expected, not averaged: columns are laid out one after the other, each
//! aligned to what its type asks for (`storage/page/bufpage.h`, `access/common/heaptuple.c`), over
//! a distribution of the offset modulo 8. Nulls take no room and may bring a null bitmap. Pages are
//! filled as VACUUM FULL fills them (`access/heap/rewriteheap.c`): a row goes to the next page
//! where fewer bytes than the fill factor reserves would be left.
//!
//! Pure: nothing here asks a server.

/// Bytes of a page's header.
const PAGE_HEADER: f64 = 24.0;
/// Bytes of a line pointer.
pub(crate) const LINE_POINTER: f64 = 4.0;
/// Bytes of a row's header without null bitmap.
const ROW_HEADER: usize = 23;
/// What every row and every index entry is aligned to.
const MAX_ALIGN: usize = 8;
/// Largest payload of a chunk of TOAST, with pages of 8 kB.
const CHUNK_BYTES: u64 = 1996;
/// Header, chunk_id, chunk_seq and the length of the payload.
const CHUNK_OVERHEAD: u64 = 36;
/// Rows longer than this have values moved to TOAST, with pages of 8 kB.
const TOAST_TARGET: u64 = 2032;
/// Bytes that a value in TOAST leaves in its row.
const TOAST_POINTER: u64 = 18;
/// Values of variable length up to this total length have a header of one byte and no alignment.
const SHORT: f64 = 127.0;

/// A column as rows store it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    /// Bytes of every value; `None` where they vary.
    pub(crate) length: Option<u16>,
    /// What values are aligned to: 1, 2, 4 or 8.
    pub(crate) align: usize,
    /// Values may be moved to TOAST.
    pub(crate) toastable: bool,
    /// Rows hold it; false for what is null in every new row.
    pub(crate) stored: bool,
    /// What is known of its values.
    pub(crate) values: Option<Values>,
}

/// What statistics say of a column's values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Values {
    /// Part that is null, 0 to 1.
    pub(crate) nulls: f64,
    /// Mean bytes of those that are not, with the header of variable ones.
    pub(crate) width: f64,
    /// All are equally long.
    pub(crate) same_length: bool,
}

/// Length of a table's rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RowShape {
    /// Mean bytes, header included.
    pub(crate) length: f64,
    /// Mean bytes with the padding at the end.
    pub(crate) padded: f64,
    /// Not all are equally long.
    pub(crate) varies: bool,
}

/// Rounds up to a multiple of 8.
pub(crate) fn max_align(length: f64) -> f64 {
    (length / 8.0).ceil() * 8.0
}

/// Bytes from a column's offset to the next multiple of its alignment.
fn padding(offset: usize, align: usize) -> usize {
    (align - offset % align) % align
}

/// Where the data of values laid out one after the other is expected to end: mean length, and how
/// probable each remainder modulo 8 is.
#[derive(Clone, Copy, Debug)]
struct Walk {
    length: f64,
    ends: [f64; MAX_ALIGN],
    varies: bool,
}

impl Walk {
    fn start() -> Self {
        let mut ends = [0.0; MAX_ALIGN];
        ends[0] = 1.0;
        Self {
            length: 0.0,
            ends,
            varies: false,
        }
    }

    /// Puts a column behind what is there.
    fn step(&mut self, column: &Column, values: &Values) {
        let present = 1.0 - values.nulls;
        let (width, align, spread) = match column.length {
            Some(length) => (f64::from(length), column.align, false),
            None => {
                let align = if values.width <= SHORT {
                    1
                } else {
                    column.align
                };
                (values.width, align, !values.same_length)
            }
        };
        self.varies |= spread || (values.nulls > 0.0 && values.nulls < 1.0);
        let mut ends = [0.0; MAX_ALIGN];
        for (offset, &probability) in self.ends.iter().enumerate() {
            let pad = padding(offset, align);
            ends[offset] += probability * values.nulls;
            self.length += probability * present * (pad as f64 + width);
            if spread {
                for end in &mut ends {
                    *end += probability * present / 8.0;
                }
            } else {
                let whole = usize::try_from(super::number::whole(width.round())).unwrap_or(0);
                ends[(offset + pad + whole) % MAX_ALIGN] += probability * present;
            }
        }
        self.ends = ends;
    }

    /// Mean bytes that are missing to a multiple of 8.
    fn tail(&self) -> f64 {
        let pads = self.ends.iter().enumerate();
        pads.map(|(offset, p)| p * padding(offset, MAX_ALIGN) as f64)
            .sum()
    }
}

/// The length of rows by statistics; `None` where a column has none.
pub(crate) fn row_shape(columns: &[Column]) -> Option<RowShape> {
    let mut walk = Walk::start();
    let mut without_null = 1.0;
    for column in columns {
        if !column.stored {
            without_null = 0.0;
            continue;
        }
        let values = column.values.as_ref()?;
        without_null *= 1.0 - values.nulls;
        walk.step(column, values);
    }
    let header = header(columns.len(), 1.0 - without_null);
    Some(RowShape {
        length: header + walk.length,
        padded: header + walk.length + walk.tail(),
        varies: walk.varies,
    })
}

/// Mean bytes of a row's header, where `with_null` of the rows have a null bitmap.
fn header(columns: usize, with_null: f64) -> f64 {
    let plain = max_align(ROW_HEADER as f64);
    let bitmap = max_align((ROW_HEADER + columns.div_ceil(8)) as f64);
    plain * (1.0 - with_null) + bitmap * with_null
}

/// Length of the key part of index entries, aligned, without the entry's own header: for entries
/// without null, for those with one, and the part of the latter. `None` without statistics.
pub(crate) fn entry_shape(columns: &[Column]) -> Option<EntryShape> {
    let mut walk = Walk::start();
    let mut without_null = 1.0;
    for column in columns {
        let values = column.values.as_ref()?;
        without_null *= 1.0 - values.nulls;
        walk.step(column, values);
    }
    Some(EntryShape {
        padded: walk.length + walk.tail(),
        with_null: 1.0 - without_null,
        varies: walk.varies,
    })
}

/// See [`entry_shape`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct EntryShape {
    /// Mean bytes of the values, padding included.
    pub(crate) padded: f64,
    /// Part of the entries that has a null.
    pub(crate) with_null: f64,
    /// Not all are equally long.
    pub(crate) varies: bool,
}

/// Pages that rows take once they are written anew.
pub(crate) fn heap_pages(rows: f64, shape: RowShape, fillfactor: u16, block: f64) -> f64 {
    if rows < 1.0 {
        return 0.0;
    }
    let reserved = block * f64::from(100 - fillfactor.min(100)) / 100.0;
    let per_page = (block - PAGE_HEADER - reserved) / (shape.padded + LINE_POINTER);
    // rows of one length leave what is left over; others about half a row
    let per_page = if shape.varies {
        per_page - 0.5
    } else {
        per_page.floor()
    };
    (rows / per_page.max(1.0)).ceil()
}

/// One sampled row: bytes of each value as stored, in the order of the columns; `None` for null.
pub(crate) type SampledRow = Vec<Option<u64>>;

/// What a sample of rows says of the table and of its TOAST.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sampled {
    /// Rows seen.
    pub(crate) rows: u64,
    /// Length of the rows.
    pub(crate) shape: RowShape,
    /// Chunks of TOAST for a row, mean.
    pub(crate) chunks: f64,
    /// Bytes of such chunks for a row, headers included, mean.
    pub(crate) chunk_bytes: f64,
    /// Pages of TOAST for a row, when written anew, mean.
    pub(crate) toast_pages: f64,
    /// Of each column: nulls, width, whether all values are equally long.
    pub(crate) values: Vec<Values>,
}

/// Lays sampled rows out exactly. `None` without rows.
pub(crate) fn lay_out(columns: &[Column], rows: &[SampledRow], block: f64) -> Option<Sampled> {
    if rows.is_empty() {
        return None;
    }
    let mut toast = ToastPages::new(block);
    let (mut length, mut padded) = (0.0, 0.0);
    let mut first = None;
    let mut varies = false;
    for row in rows {
        let mut row = row.clone();
        let bytes = settle(columns, &mut row, &mut toast);
        varies |= *first.get_or_insert(bytes) != bytes;
        length += bytes;
        padded += max_align(bytes);
    }
    let count = rows.len() as f64;
    Some(Sampled {
        rows: rows.len() as u64,
        shape: RowShape {
            length: length / count,
            padded: padded / count,
            varies,
        },
        chunks: toast.chunks / count,
        chunk_bytes: toast.bytes / count,
        toast_pages: toast.pages() / count,
        values: (0..columns.len()).map(|n| column_of(rows, n)).collect(),
    })
}

fn column_of(rows: &[SampledRow], number: usize) -> Values {
    let present: Vec<u64> = rows
        .iter()
        .filter_map(|row| row.get(number).copied().flatten())
        .collect();
    let count = present.len() as f64;
    let sum: f64 = present.iter().map(|&bytes| bytes as f64).sum();
    Values {
        nulls: 1.0 - count / rows.len() as f64,
        width: if present.is_empty() { 0.0 } else { sum / count },
        same_length: present.iter().min() == present.iter().max(),
    }
}

/// Moves values to TOAST as PostgreSQL does, the longest first, until the row is short enough, and
/// returns what is left of it. The lengths are those after compression.
fn settle(columns: &[Column], row: &mut SampledRow, toast: &mut ToastPages) -> f64 {
    loop {
        let bytes = row_bytes(columns, row);
        if bytes <= TOAST_TARGET as f64 {
            return bytes;
        }
        let movable = row.iter().zip(columns).enumerate();
        let longest = movable
            .filter(|(_, (value, column))| column.toastable && value.is_some_and(|v| v > 40))
            .max_by_key(|(_, (value, _))| **value)
            .map(|(number, _)| number);
        let Some(value) = longest.and_then(|number| row[number].as_mut()) else {
            return bytes;
        };
        toast.store(*value);
        *value = TOAST_POINTER;
    }
}

fn row_bytes(columns: &[Column], row: &SampledRow) -> f64 {
    let has_null = columns.iter().any(|c| !c.stored) || row.iter().any(Option::is_none);
    let mut end = 0;
    for (column, value) in columns.iter().zip(row) {
        let (Some(value), true) = (value, column.stored) else {
            continue;
        };
        let value = usize::try_from(*value).unwrap_or(usize::MAX / 2);
        let align = match column.length {
            None if value as f64 <= SHORT => 1,
            _ => column.align,
        };
        end += padding(end, align) + value;
    }
    header(columns.len(), f64::from(u8::from(has_null))) + end as f64
}

/// Pages that so many chunks of this mean length take, when nothing else is known of them: values
/// of several chunks end in one of any length, values of two or fewer are taken for equally long.
pub(crate) fn toast_pages(chunks: f64, mean: f64, block: f64) -> f64 {
    /// Values that are laid out to tell how full pages become.
    const VALUES: u64 = 500;
    if chunks < 1.0 {
        return 0.0;
    }
    let full = (CHUNK_BYTES + CHUNK_OVERHEAD) as f64;
    let rest = (full + CHUNK_OVERHEAD as f64) / 2.0;
    // of how many chunks a value is, if its last one is half full in the mean
    let per_value = (full - rest) / (full - mean.min(full - 1.0));
    let mut pages = ToastPages::new(block);
    for number in 0..VALUES {
        let payload = if per_value >= 2.0 {
            let whole = super::number::whole(per_value - 1.0 + (number % 10) as f64 / 10.0);
            whole * CHUNK_BYTES + 1 + (number * 997) % CHUNK_BYTES
        } else if mean > rest {
            CHUNK_BYTES + super::number::whole((2.0 * mean - full - CHUNK_OVERHEAD as f64).max(1.0))
        } else {
            super::number::whole((mean - CHUNK_OVERHEAD as f64).max(1.0))
        };
        pages.store(payload);
    }
    // by bytes, because the values laid out are not quite of the mean length
    (chunks * mean * pages.pages() / pages.bytes).ceil()
}

/// Chunks as they come to lie in pages, one after the other.
#[derive(Debug)]
struct ToastPages {
    room: f64,
    block: f64,
    full: f64,
    used: f64,
    chunks: f64,
    bytes: f64,
}

impl ToastPages {
    fn new(block: f64) -> Self {
        let room = block - PAGE_HEADER;
        Self {
            room,
            block,
            full: 0.0,
            used: 0.0,
            chunks: 0.0,
            bytes: 0.0,
        }
    }

    fn store(&mut self, mut value: u64) {
        while value > 0 {
            let part = value.min(CHUNK_BYTES);
            value -= part;
            let bytes = (part + CHUNK_OVERHEAD) as f64;
            let takes = max_align(bytes) + LINE_POINTER;
            if self.used + takes > self.room {
                self.full += 1.0;
                self.used = 0.0;
            }
            self.used += takes;
            self.chunks += 1.0;
            self.bytes += bytes;
        }
    }

    fn pages(&self) -> f64 {
        self.full + self.used / self.block
    }
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
