//! A batch as the host handed it over, checked once so that reading it needs no checks.

use crate::{
    Error, Image, Op, Value,
    bindings::chameleon::transform::types as wit,
    layout::Layout,
    value::{offset, state},
};

/// The rows of a batch, column by column in the order of the layout's inputs.
pub(crate) struct Batch {
    pub(crate) rows: usize,
    pub(crate) snapshot: bool,
    ops: Vec<u8>,
    after: Vec<Option<Column>>,
    before: Vec<Option<Column>>,
    meta: Option<Meta>,
}

/// Where and when rows were committed at the source.
struct Meta {
    commit_micros: Vec<i64>,
    positions: Column,
}

/// One column's values.
pub(crate) struct Column {
    states: Vec<u8>,
    values: Values,
    /// Ordered by row.
    odd: Vec<wit::OddValue>,
}

enum Values {
    Ints(Vec<i64>),
    Uints(Vec<u64>),
    Floats(Vec<f64>),
    Days(Vec<i32>),
    Micros(Vec<i64>),
    Texts { ends: Vec<u32>, data: String },
    Blobs { ends: Vec<u32>, data: Vec<u8> },
}

impl Batch {
    pub(crate) fn load(batch: wit::Batch, layout: &Layout) -> Result<Self, Error> {
        let rows = usize::try_from(batch.rows).map_err(|_| broken("the number of rows"))?;
        let meta = batch.meta.map(|meta| Meta::load(meta, rows)).transpose()?;
        if !batch.ops.is_empty() && batch.ops.len() != rows {
            return Err(broken("the operations"));
        }
        Ok(Batch {
            rows,
            snapshot: batch.snapshot,
            ops: batch.ops,
            after: place(batch.after, layout, rows)?,
            before: place(batch.before, layout, rows)?,
            meta,
        })
    }

    #[inline]
    pub(crate) fn op(&self, row: usize) -> Op {
        match self.ops.get(row) {
            Some(0) => Op::Insert,
            Some(1) => Op::Update,
            Some(2) => Op::Delete,
            Some(_) => Op::Refresh,
            None if self.snapshot => Op::Refresh,
            None => Op::Insert,
        }
    }

    /// Are all rows new ones, so that no old image is there?
    pub(crate) fn only_new(&self) -> bool {
        self.ops.is_empty()
    }

    /// Has the row this image?
    #[inline]
    pub(crate) fn has(&self, row: usize, image: Image) -> bool {
        let other = match image {
            Image::After => matches!(self.op(row), Op::Delete),
            Image::Before => matches!(self.op(row), Op::Insert | Op::Refresh),
        };
        !other
    }

    /// Is any column that the plan reads absent in this image?
    pub(crate) fn lacks(&self, row: usize, image: Image) -> bool {
        let side = match image {
            Image::After => &self.after,
            Image::Before => &self.before,
        };
        let absent = |column: &Column| column.states.get(row) == Some(&state::ABSENT);
        side.iter().flatten().any(absent)
    }

    pub(crate) fn column(&self, input: usize, image: Image) -> Option<&Column> {
        let side = match image {
            Image::After => &self.after,
            Image::Before => &self.before,
        };
        side[input].as_ref()
    }

    #[inline]
    pub(crate) fn get(&self, row: usize, input: usize, image: Image) -> Value<'_> {
        match self.column(input, image) {
            Some(column) => column.get(row),
            None => Value::Absent,
        }
    }

    /// Microseconds since 1970; none where the plan did not ask for it.
    pub(crate) fn commit_micros(&self, row: usize) -> Option<i64> {
        self.meta
            .as_ref()
            .and_then(|meta| meta.commit_micros.get(row).copied())
    }

    /// The source's position of a row; none where the plan did not ask for it.
    pub(crate) fn position(&self, row: usize) -> Option<&str> {
        match self.meta.as_ref()?.positions.get(row) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Meta {
    fn load(meta: wit::BatchMeta, rows: usize) -> Result<Self, Error> {
        if meta.commit_micros.len() != rows {
            return Err(broken("the commit times"));
        }
        let positions = Column {
            states: Vec::new(),
            values: texts(meta.positions)?,
            odd: Vec::new(),
        };
        if positions.len() != rows {
            return Err(broken("the positions"));
        }
        Ok(Meta {
            commit_micros: meta.commit_micros,
            positions,
        })
    }
}

impl Column {
    fn load(vector: wit::Vector, rows: usize) -> Result<Self, Error> {
        let values = match vector.values {
            wit::Values::Ints(values) => Values::Ints(values),
            wit::Values::Uints(values) => Values::Uints(values),
            wit::Values::Floats(values) => Values::Floats(values),
            wit::Values::Days(values) => Values::Days(values),
            wit::Values::Micros(values) => Values::Micros(values),
            wit::Values::Texts(pool) => texts(pool)?,
            wit::Values::Blobs(pool) => {
                check_ends(&pool.ends, pool.data.len())?;
                Values::Blobs {
                    ends: pool.ends,
                    data: pool.data,
                }
            }
        };
        let mut odd = vector.odd;
        if !odd.is_sorted_by_key(|value| value.row) {
            odd.sort_by_key(|value| value.row);
        }
        let column = Column {
            states: vector.states,
            values,
            odd,
        };
        if column.len() != rows || !(column.states.is_empty() || column.states.len() == rows) {
            return Err(broken("the length of a column"));
        }
        Ok(column)
    }

    fn len(&self) -> usize {
        match &self.values {
            Values::Ints(values) | Values::Micros(values) => values.len(),
            Values::Uints(values) => values.len(),
            Values::Floats(values) => values.len(),
            Values::Days(values) => values.len(),
            Values::Texts { ends, .. } | Values::Blobs { ends, .. } => ends.len(),
        }
    }

    #[inline]
    fn get(&self, row: usize) -> Value<'_> {
        match self.states.get(row) {
            None | Some(&state::VALUE) => self.value(row),
            Some(&state::NULL) => Value::Null,
            Some(&state::ODD) => Value::Odd(self.raw(row)),
            Some(_) => Value::Absent,
        }
    }

    #[inline]
    fn value(&self, row: usize) -> Value<'_> {
        match &self.values {
            Values::Ints(values) => Value::Int(values[row]),
            Values::Uints(values) => Value::Uint(values[row]),
            Values::Floats(values) => Value::Float(values[row]),
            Values::Days(values) => Value::Days(values[row]),
            Values::Micros(values) => Value::Micros(values[row]),
            Values::Texts { ends, data } => Value::Text(&data[span(ends, row)]),
            Values::Blobs { ends, data } => Value::Blob(&data[span(ends, row)]),
        }
    }

    fn raw(&self, row: usize) -> &[u8] {
        let found = self
            .odd
            .binary_search_by_key(&offset(row), |value| value.row);
        found.map_or(&[], |place| &self.odd[place].raw)
    }
}

/// One column of a batch in one image, for transforms that work column by column.
#[derive(Clone, Copy)]
pub struct ColumnIn<'b> {
    pub(crate) batch: &'b Batch,
    pub(crate) column: Option<&'b Column>,
    pub(crate) image: Image,
}

impl<'b> ColumnIn<'b> {
    /// How many rows the batch has.
    pub fn len(&self) -> usize {
        self.batch.rows
    }

    /// Has the batch no rows?
    pub fn is_empty(&self) -> bool {
        self.batch.rows == 0
    }

    /// Which image this is.
    pub fn image(&self) -> Image {
        self.image
    }

    /// The value of a row, from 0.
    #[inline]
    pub fn get(&self, row: usize) -> Value<'b> {
        self.column.map_or(Value::Absent, |column| column.get(row))
    }

    /// Has the row this image?
    #[inline]
    pub fn has(&self, row: usize) -> bool {
        self.batch.has(row, self.image)
    }

    /// All texts back to back and where each ends, if every slot holds one.
    pub(crate) fn plain_texts(&self) -> Option<(&'b [u32], &'b str)> {
        match self.column {
            Some(Column {
                states,
                values: Values::Texts { ends, data },
                ..
            }) if states.iter().all(|state| *state == state::VALUE) => Some((ends, data)),
            _ => None,
        }
    }
}

#[inline]
fn span(ends: &[u32], row: usize) -> std::ops::Range<usize> {
    let from = if row == 0 { 0 } else { ends[row - 1] };
    from as usize..ends[row] as usize
}

fn place(
    vectors: Vec<wit::Vector>,
    layout: &Layout,
    rows: usize,
) -> Result<Vec<Option<Column>>, Error> {
    let mut columns: Vec<Option<Column>> = layout.inputs.iter().map(|_| None).collect();
    for vector in vectors {
        let place = layout
            .inputs
            .iter()
            .position(|input| input.index == vector.column);
        if let Some(place) = place {
            columns[place] = Some(Column::load(vector, rows)?);
        }
    }
    Ok(columns)
}

fn texts(pool: wit::Pool) -> Result<Values, Error> {
    check_ends(&pool.ends, pool.data.len())?;
    let data = String::from_utf8(pool.data).map_err(|_| broken("text that is no UTF-8"))?;
    if !data.is_ascii()
        && !pool
            .ends
            .iter()
            .all(|end| data.is_char_boundary(*end as usize))
    {
        return Err(broken("text that ends within a character"));
    }
    Ok(Values::Texts {
        ends: pool.ends,
        data,
    })
}

fn check_ends(ends: &[u32], length: usize) -> Result<(), Error> {
    let last = ends.last().map_or(0, |end| *end as usize);
    if last == length && ends.is_sorted() {
        Ok(())
    } else {
        Err(broken("the ends of a pool"))
    }
}

fn broken(what: &str) -> Error {
    Error::fatal(format!(
        "the host handed over a batch that is broken: {what}"
    ))
}
