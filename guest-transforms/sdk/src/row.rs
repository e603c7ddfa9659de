//! A row as its author sees it.

use crate::{
    Image, Input, Op, ReadKey, Value, WriteKey,
    input::Batch,
    layout::{Layout, LayoutRef},
    output::TextOut,
    rows::Outputs,
};

/// One row of a batch, in one of its images. Columns are named by their names, or by what the planner returned.
///
/// Reading a column that the plan does not read, or writing one that it does not make, is a fault of the transform and
/// panics, which the host reports with the name.
pub struct Row<'r, 'b> {
    pub(crate) layout: &'b Layout,
    pub(crate) batch: &'b Batch,
    pub(crate) out: &'r mut Outputs<'b>,
    pub(crate) index: usize,
    pub(crate) image: Image,
}

impl<'b> Row<'_, 'b> {
    /// The row's place in the batch, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// What the row is.
    pub fn op(&self) -> Op {
        self.batch.op(self.index)
    }

    /// Which image this row reads and writes.
    pub fn image(&self) -> Image {
        self.image
    }

    /// The value in this image.
    #[inline]
    pub fn get(&self, column: impl ReadKey) -> Value<'b> {
        self.value(column, self.image)
    }

    /// The value in the old image: of updates and deletes, if the plan reads the column there.
    #[inline]
    pub fn before(&self, column: impl ReadKey) -> Value<'b> {
        self.value(column, Image::Before)
    }

    /// The text; none where it is NULL, absent, odd, or something else.
    #[inline]
    pub fn text(&self, column: impl ReadKey) -> Option<&'b str> {
        match self.get(column) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, signed or not; none where it is NULL, absent, too large, or something else.
    pub fn int(&self, column: impl ReadKey) -> Option<i64> {
        match self.get(column) {
            Value::Int(number) => Some(number),
            Value::Uint(number) => i64::try_from(number).ok(),
            _ => None,
        }
    }

    /// The unsigned integer; none where it is NULL, absent, negative, or something else.
    pub fn uint(&self, column: impl ReadKey) -> Option<u64> {
        match self.get(column) {
            Value::Uint(number) => Some(number),
            Value::Int(number) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    /// The float; none where it is NULL, absent, or something else.
    pub fn float(&self, column: impl ReadKey) -> Option<f64> {
        match self.get(column) {
            Value::Float(number) => Some(number),
            _ => None,
        }
    }

    /// The date, as days since 1970-01-01; none where it is NULL, absent, odd, or something else.
    pub fn days(&self, column: impl ReadKey) -> Option<i32> {
        match self.get(column) {
            Value::Days(days) => Some(days),
            _ => None,
        }
    }

    /// The time, or the date and time since 1970, in microseconds; none where it is NULL, absent, odd, or something else.
    pub fn micros(&self, column: impl ReadKey) -> Option<i64> {
        match self.get(column) {
            Value::Micros(micros) => Some(micros),
            _ => None,
        }
    }

    /// The bytes; none where it is NULL, absent, or something else.
    pub fn blob(&self, column: impl ReadKey) -> Option<&'b [u8]> {
        match self.get(column) {
            Value::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The label of an enum; none where it is NULL, absent, the error value, or no enum.
    pub fn label(&self, column: impl ReadKey) -> Option<&'b str> {
        let Input(place) = self.input(column);
        match self.batch.get(self.index, place, self.image) {
            Value::Uint(index) => self.label_of(Input(place), index),
            _ => None,
        }
    }

    /// The label that an enum's index stands for; none for 0, the error value.
    pub fn label_of(&self, column: impl ReadKey, index: u64) -> Option<&'b str> {
        let labels = &self.layout.inputs[self.input(column).0].labels;
        let place = usize::try_from(index).ok()?.checked_sub(1)?;
        labels.get(place).map(String::as_str)
    }

    /// Is the value NULL?
    pub fn is_null(&self, column: impl ReadKey) -> bool {
        self.get(column) == Value::Null
    }

    /// Is the column not in this image? The source may log only what changed, and the key.
    pub fn is_absent(&self, column: impl ReadKey) -> bool {
        self.get(column) == Value::Absent
    }

    /// Microseconds since 1970 at which the source committed the row, if the plan asks for it.
    pub fn commit_micros(&self) -> Option<i64> {
        self.batch.commit_micros(self.index)
    }

    /// The row's position at the source, if the plan asks for it: text that has no meaning but to the source.
    pub fn position(&self) -> Option<&'b str> {
        self.batch.position(self.index)
    }

    /// Gives a column of this image a value; `None` is NULL. The last one given counts.
    ///
    /// A value for a column that is absent in the source's image is left out: what was not logged cannot change.
    #[inline]
    pub fn set<'v>(&mut self, column: impl WriteKey, value: impl Into<Value<'v>>) {
        let place = column.output(&LayoutRef(self.layout));
        let value = if self.source_is_absent(place) {
            Value::Absent
        } else {
            value.into()
        };
        if let Some(output) = self.slot(place) {
            output.push(value);
        }
    }

    /// Gives a column of this image a text that is written in place, without an allocation.
    #[inline]
    pub fn set_text(&mut self, column: impl WriteKey, write: impl FnOnce(&mut TextOut<'_>)) {
        let place = column.output(&LayoutRef(self.layout));
        let absent = self.source_is_absent(place);
        if let Some(output) = self.slot(place) {
            if absent {
                output.push(Value::Absent);
            } else {
                output.push_text(write);
            }
        }
    }

    /// Leaves the row out.
    pub fn drop_row(&mut self) {
        self.out.verdict(self.index, self.batch.rows, 1);
    }

    /// Sets the row aside. The reason is stored and logged: it holds no value of the row.
    pub fn reject(&mut self, reason: impl Into<String>) {
        self.out.reject(self.index, self.batch.rows, reason.into());
    }

    /// Of an update that took the row out of what is replicated: it is deleted at the target.
    pub fn leave(&mut self) {
        self.out.verdict(self.index, self.batch.rows, 3);
    }

    /// Of an update that brought the row into what is replicated: it is inserted at the target.
    pub fn enter(&mut self) {
        self.out.verdict(self.index, self.batch.rows, 4);
    }

    /// Sends the row to one of the plan's routes; 0 is the default. For both images, unless `route_before` says
    /// otherwise.
    pub fn route(&mut self, route: u16) {
        let (rows, index) = (self.batch.rows, self.index);
        if self.out.routes.is_empty() {
            self.out.routes.resize(rows, 0);
        }
        self.out.routes[index] = route;
        if let Some(before) = self.out.before_routes.get_mut(index) {
            *before = route;
        }
    }

    /// Where the old image of the row went, said after `route`: if they differ, the host deletes there and inserts at
    /// the new route.
    pub fn route_before(&mut self, route: u16) {
        let (rows, index) = (self.batch.rows, self.index);
        if self.out.before_routes.is_empty() {
            self.out.before_routes = if self.out.routes.is_empty() {
                vec![0; rows]
            } else {
                self.out.routes.clone()
            };
        }
        self.out.before_routes[index] = route;
    }

    fn input(&self, column: impl ReadKey) -> Input {
        Input(column.input(&LayoutRef(self.layout)))
    }

    #[inline]
    fn value(&self, column: impl ReadKey, image: Image) -> Value<'b> {
        self.batch.get(self.index, self.input(column).0, image)
    }

    fn source_is_absent(&self, output: usize) -> bool {
        if !self.batch.has(self.index, self.image) {
            return true;
        }
        let source = self.layout.outputs[output].source;
        source.is_some_and(|input| self.batch.get(self.index, input, self.image) == Value::Absent)
    }

    /// The column, ready for this row's value; none where the plan does not make it for this image.
    fn slot(&mut self, place: usize) -> Option<&mut crate::ColumnOut<'b>> {
        let output = self.out.column(place, self.image)?;
        if output.len() > self.index {
            output.pop();
        }
        Some(output)
    }
}
