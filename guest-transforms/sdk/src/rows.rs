//! A batch of rows on its way through a transform.

use crate::{
    Error, Image, Op, Row, Value,
    bindings::chameleon::transform::types as wit,
    input::{Batch, ColumnIn},
    layout::{Layout, LayoutRef, WriteKey},
    output::{ColumnOut, TextOut},
    value::offset,
};

/// The verdict on a row that is set aside.
const REJECT: u8 = 2;

/// The rows of one batch: of one version of one table, in source order.
pub struct Rows<'b> {
    pub(crate) layout: &'b Layout,
    pub(crate) batch: &'b Batch,
    pub(crate) out: Outputs<'b>,
}

/// What a transform made by now.
pub(crate) struct Outputs<'b> {
    pub(crate) verdicts: Vec<u8>,
    pub(crate) rejects: Vec<wit::Reject>,
    pub(crate) routes: Vec<u16>,
    pub(crate) before_routes: Vec<u16>,
    pub(crate) after: Vec<ColumnOut<'b>>,
    /// As `after`; none where the plan makes no such column.
    pub(crate) before: Vec<Option<ColumnOut<'b>>>,
}

impl<'b> Rows<'b> {
    pub(crate) fn new(layout: &'b Layout, batch: &'b Batch) -> Self {
        let outputs = || layout.outputs.iter();
        Rows {
            layout,
            batch,
            out: Outputs {
                verdicts: Vec::new(),
                rejects: Vec::new(),
                routes: Vec::new(),
                before_routes: Vec::new(),
                after: outputs()
                    .map(|column| ColumnOut::new(column, batch.rows))
                    .collect(),
                before: outputs()
                    .map(|column| {
                        let made = column.before && !batch.only_new();
                        made.then(|| ColumnOut::new(column, batch.rows))
                    })
                    .collect(),
            },
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.batch.rows
    }

    /// Are there no rows?
    pub fn is_empty(&self) -> bool {
        self.batch.rows == 0
    }

    /// Are these rows of the initial copy?
    pub fn is_snapshot(&self) -> bool {
        self.batch.snapshot
    }

    /// Calls `each` once for each row; the row reads and writes its new image. For verdicts and routes.
    ///
    /// A column that is not set keeps the value of the column it replaces; an added one is NULL.
    ///
    /// # Errors
    /// The first one that `each` returns, with the row.
    pub fn each(
        &mut self,
        mut each: impl FnMut(&mut Row<'_, 'b>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for index in 0..self.len() {
            each(&mut self.row(index, Image::After)).map_err(|error| placed(error, index))?;
            self.fill(index, Image::After);
            self.fill(index, Image::Before);
        }
        Ok(())
    }

    /// Calls `each` for each image of each row that the plan makes columns for: the new one, and the old one where
    /// a column of the key is made. For values that follow from a row's other values.
    ///
    /// # Errors
    /// The first one that `each` returns, with the row.
    pub fn each_image(
        &mut self,
        mut each: impl FnMut(&mut Row<'_, 'b>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let before = self.layout.makes_before();
        for index in 0..self.len() {
            for image in [Image::After, Image::Before] {
                let wanted = image == Image::After || before;
                if wanted && self.batch.has(index, image) {
                    each(&mut self.row(index, image)).map_err(|error| placed(error, index))?;
                }
                self.fill(index, image);
            }
        }
        Ok(())
    }

    /// Makes a column as a whole, in each image that the plan makes it for: `compute` reads `ColumnIn` and pushes one
    /// value for each row to `ColumnOut`.
    ///
    /// # Errors
    /// Those of `compute`.
    pub fn compute(
        &mut self,
        column: impl WriteKey,
        mut compute: impl FnMut(ColumnIn<'b>, &mut ColumnOut<'b>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let place = column.output(&LayoutRef(self.layout));
        for image in [Image::After, Image::Before] {
            let input = self.column(place, image);
            let Some(output) = self.out.column(place, image) else {
                continue;
            };
            compute(input, output)?;
        }
        Ok(())
    }

    /// Makes a text column out of the one that it replaces, value by value: NULL stays NULL, absent stays absent, odd
    /// values become what the plan says of them. The quickest way.
    ///
    /// # Errors
    /// None of its own.
    pub fn map_text(
        &mut self,
        column: impl WriteKey,
        mut map: impl FnMut(&'b str, &mut TextOut<'_>),
    ) -> Result<(), Error> {
        let place = column.output(&LayoutRef(self.layout));
        for image in [Image::After, Image::Before] {
            let input = self.column(place, image);
            if self.out.column(place, image).is_none() {
                continue;
            }
            if let Some((ends, texts)) = input.plain_texts() {
                let (ends, data) = map_plain(ends, texts, &mut map);
                if let Some(output) = self.out.column(place, image) {
                    output.put_texts(ends, data);
                }
                continue;
            }
            for row in 0..input.len() {
                let Some(output) = self.out.column(place, image) else {
                    continue;
                };
                match input.get(row) {
                    Value::Text(text) => output.push_text(|out| map(text, out)),
                    Value::Odd(raw) => {
                        if output.push_odd(raw) {
                            self.reject_odd(row, place);
                        }
                    }
                    other => output.push(other),
                }
            }
        }
        Ok(())
    }

    /// Makes a column the same in all rows: NULL stays NULL and absent stays absent, all else becomes `value`.
    ///
    /// # Errors
    /// None of its own.
    pub fn fill_with(&mut self, column: impl WriteKey, value: Value<'_>) -> Result<(), Error> {
        self.compute(column, |input, output| {
            for row in 0..input.len() {
                match input.get(row) {
                    Value::Null => output.push(Value::Null),
                    Value::Absent => output.push(Value::Absent),
                    _ => output.push(value),
                }
            }
            Ok(())
        })
    }

    /// What a row is.
    #[inline]
    pub fn op(&self, row: usize) -> Op {
        self.batch.op(row)
    }

    pub(crate) fn finished(mut self) -> Result<wit::ResultBatch, Error> {
        self.fill_rest();
        let verdicts = &self.out.verdicts;
        let rejected = |row: u32| verdicts.get(row as usize) == Some(&REJECT);
        self.out.rejects.retain(|reject| rejected(reject.row));
        self.out.rejects.sort_by_key(|reject| reject.row);
        let before = self.out.before.into_iter().flatten();
        Ok(wit::ResultBatch {
            verdicts: self.out.verdicts,
            rejects: self.out.rejects,
            after: self
                .out
                .after
                .into_iter()
                .map(ColumnOut::finished)
                .collect::<Result<_, _>>()?,
            before: before.map(ColumnOut::finished).collect::<Result<_, _>>()?,
            routes: self.out.routes,
            before_routes: self.out.before_routes,
        })
    }

    fn row(&mut self, index: usize, image: Image) -> Row<'_, 'b> {
        Row {
            layout: self.layout,
            batch: self.batch,
            out: &mut self.out,
            index,
            image,
        }
    }

    fn column(&self, output: usize, image: Image) -> ColumnIn<'b> {
        let source = self.layout.outputs[output].source;
        ColumnIn {
            batch: self.batch,
            column: source.and_then(|input| self.batch.column(input, image)),
            image,
        }
    }

    /// Gives each column that the row did not set the value that it has anyway.
    fn fill(&mut self, index: usize, image: Image) {
        for place in 0..self.layout.outputs.len() {
            let Some(output) = self.out.column(place, image) else {
                continue;
            };
            if output.len() > index {
                continue;
            }
            match self.layout.outputs[place].source {
                _ if !self.batch.has(index, image) => output.push(Value::Absent),
                // What it would be made of was not logged.
                None if self.batch.lacks(index, image) => output.push(Value::Absent),
                None => output.push(Value::Null),
                Some(input) => match self.batch.get(index, input, image) {
                    Value::Odd(raw) => {
                        if output.push_odd(raw) {
                            self.reject_odd(index, place);
                        }
                    }
                    value => output.push(value),
                },
            }
        }
    }

    /// Columns that the transform did not touch at all.
    fn fill_rest(&mut self) {
        let untouched = |column: &ColumnOut<'_>| column.len() < self.batch.rows;
        let open =
            self.out.after.iter().any(untouched) || self.out.before.iter().flatten().any(untouched);
        if open {
            for index in 0..self.len() {
                self.fill(index, Image::After);
                self.fill(index, Image::Before);
            }
        }
    }

    fn reject_odd(&mut self, row: usize, output: usize) {
        let name = &self.layout.outputs[output].name;
        let reason = format!("`{name}` holds a value that its type cannot hold");
        self.out.reject(row, self.batch.rows, reason);
    }
}

/// The quick path: no slot is empty, the texts lie back to back.
#[inline]
fn map_plain<'b>(
    ends: &[u32],
    texts: &'b str,
    map: &mut impl FnMut(&'b str, &mut TextOut<'_>),
) -> (Vec<u32>, String) {
    let mut new_ends = Vec::with_capacity(ends.len());
    let mut data = String::with_capacity(texts.len() + texts.len() / 8);
    let mut from = 0;
    for end in ends {
        let end = *end as usize;
        map(&texts[from..end], &mut TextOut::at_end(&mut data));
        new_ends.push(offset(data.len()));
        from = end;
    }
    (new_ends, data)
}

impl<'b> Outputs<'b> {
    pub(crate) fn column(&mut self, place: usize, image: Image) -> Option<&mut ColumnOut<'b>> {
        match image {
            Image::After => Some(&mut self.after[place]),
            Image::Before => self.before[place].as_mut(),
        }
    }

    pub(crate) fn verdict(&mut self, row: usize, rows: usize, verdict: u8) {
        if self.verdicts.is_empty() {
            self.verdicts.resize(rows, 0);
        }
        self.verdicts[row] = verdict;
    }

    pub(crate) fn reject(&mut self, row: usize, rows: usize, reason: String) {
        self.verdict(row, rows, REJECT);
        let row = offset(row);
        if self.rejects.last().is_none_or(|last| last.row != row) {
            self.rejects.retain(|reject| reject.row != row);
            self.rejects.push(wit::Reject { row, reason });
        }
    }
}

fn placed(error: Error, row: usize) -> Error {
    if error.row.is_none() {
        error.at_row(row)
    } else {
        error
    }
}
