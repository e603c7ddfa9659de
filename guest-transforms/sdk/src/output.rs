//! Columns that a transform makes, written row by row in order, back to back, without an allocation per value.

use std::fmt;

use crate::{
    Error, Form, Value,
    bindings::chameleon::transform::types as wit,
    layout::OutputColumn,
    value::{offset, state},
};

/// One column that a transform makes, for one image: exactly one `push` for each row.
pub struct ColumnOut<'l> {
    column: &'l OutputColumn,
    rows: usize,
    length: usize,
    /// Empty as long as every slot holds a value.
    states: Vec<u8>,
    values: Values,
    odd: Vec<wit::OddValue>,
    error: Option<Error>,
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

impl<'l> ColumnOut<'l> {
    pub(crate) fn new(column: &'l OutputColumn, rows: usize) -> Self {
        let values = match column.form {
            Form::Ints => Values::Ints(Vec::with_capacity(rows)),
            Form::Uints => Values::Uints(Vec::with_capacity(rows)),
            Form::Floats => Values::Floats(Vec::with_capacity(rows)),
            Form::Days => Values::Days(Vec::with_capacity(rows)),
            Form::Micros => Values::Micros(Vec::with_capacity(rows)),
            Form::Texts => Values::Texts {
                ends: Vec::with_capacity(rows),
                data: String::new(),
            },
            Form::Blobs => Values::Blobs {
                ends: Vec::with_capacity(rows),
                data: Vec::new(),
            },
        };
        ColumnOut {
            column,
            rows,
            length: 0,
            states: Vec::new(),
            values,
            odd: Vec::new(),
            error: None,
        }
    }

    /// How many rows have a value by now.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Has no row a value yet?
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The value of the next row.
    ///
    /// A value of another kind than the column's makes the whole batch fail: a fault of the transform.
    #[inline]
    pub fn push<'v>(&mut self, value: impl Into<Value<'v>>) {
        let state = match (value.into(), &mut self.values) {
            (Value::Null, _) => state::NULL,
            (Value::Absent, _) => state::ABSENT,
            (Value::Odd(raw), _) => {
                self.odd.push(wit::OddValue {
                    row: offset(self.length),
                    raw: raw.to_vec(),
                });
                state::ODD
            }
            (Value::Text(text), Values::Texts { data, .. }) => {
                data.push_str(text);
                state::VALUE
            }
            (Value::Blob(bytes), Values::Blobs { data, .. }) => {
                data.extend_from_slice(bytes);
                state::VALUE
            }
            (value, _) => {
                self.push_number(value);
                return;
            }
        };
        self.finish(state);
    }

    /// The text of the next row, written in place.
    #[inline]
    pub fn push_text(&mut self, write: impl FnOnce(&mut TextOut<'_>)) {
        if let Values::Texts { data, .. } = &mut self.values {
            write(&mut TextOut::at_end(data));
            self.finish(state::VALUE);
        } else {
            self.misfit("text");
        }
    }

    /// What the column's rule says of a value that its type cannot hold; true if that is a rejection.
    pub(crate) fn push_odd(&mut self, raw: &[u8]) -> bool {
        let column = self.column;
        let decided = column.odd.decide(raw);
        self.push(decided.unwrap_or(Value::Null));
        decided.is_none()
    }

    /// Takes the last row's value back.
    pub(crate) fn pop(&mut self) {
        self.length -= 1;
        let row = offset(self.length);
        if self.states.len() > self.length {
            self.states.truncate(self.length);
        }
        self.odd.retain(|odd| odd.row != row);
        match &mut self.values {
            Values::Ints(values) | Values::Micros(values) => values.truncate(self.length),
            Values::Uints(values) => values.truncate(self.length),
            Values::Floats(values) => values.truncate(self.length),
            Values::Days(values) => values.truncate(self.length),
            Values::Texts { ends, data } => {
                ends.truncate(self.length);
                data.truncate(ends.last().map_or(0, |end| *end as usize));
            }
            Values::Blobs { ends, data } => {
                ends.truncate(self.length);
                data.truncate(ends.last().map_or(0, |end| *end as usize));
            }
        }
    }

    /// For the column as a whole: every slot is a text, these ends and this text.
    pub(crate) fn put_texts(&mut self, ends: Vec<u32>, data: String) {
        self.length = ends.len();
        self.values = Values::Texts { ends, data };
    }

    pub(crate) fn finished(self) -> Result<wit::Vector, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.length != self.rows {
            return Err(Error::fatal(format!(
                "the transform made {} values of `{}` for {} rows",
                self.length, self.column.name, self.rows
            )));
        }
        let values = match self.values {
            Values::Ints(values) => wit::Values::Ints(values),
            Values::Uints(values) => wit::Values::Uints(values),
            Values::Floats(values) => wit::Values::Floats(values),
            Values::Days(values) => wit::Values::Days(values),
            Values::Micros(values) => wit::Values::Micros(values),
            Values::Texts { ends, data } => wit::Values::Texts(wit::Pool {
                ends,
                data: data.into_bytes(),
            }),
            Values::Blobs { ends, data } => wit::Values::Blobs(wit::Pool { ends, data }),
        };
        Ok(wit::Vector {
            column: self.column.index,
            states: self.states,
            values,
            odd: self.odd,
        })
    }

    /// Ends the slot: every vector has one entry more, a neutral one where there is no value.
    #[inline]
    fn finish(&mut self, state: u8) {
        match &mut self.values {
            Values::Texts { ends, data } => ends.push(offset(data.len())),
            Values::Blobs { ends, data } => ends.push(offset(data.len())),
            Values::Ints(values) | Values::Micros(values) => values.push(0),
            Values::Uints(values) => values.push(0),
            Values::Floats(values) => values.push(0.0),
            Values::Days(values) => values.push(0),
        }
        self.note(state);
    }

    #[inline]
    fn note(&mut self, state: u8) {
        if state != state::VALUE && self.states.is_empty() {
            self.states.reserve(self.rows);
            self.states.resize(self.length, state::VALUE);
        }
        if state != state::VALUE || !self.states.is_empty() {
            self.states.push(state);
        }
        self.length += 1;
    }

    fn push_number(&mut self, value: Value<'_>) {
        let fits = match (&mut self.values, value) {
            (Values::Ints(values), Value::Int(number)) => keep(values, Some(number)),
            (Values::Ints(values), Value::Uint(number)) => keep(values, i64::try_from(number).ok()),
            (Values::Uints(values), Value::Uint(number)) => keep(values, Some(number)),
            (Values::Uints(values), Value::Int(number)) => keep(values, u64::try_from(number).ok()),
            (Values::Uints(values), Value::Text(text)) => keep(values, self.column.label(text)),
            (Values::Floats(values), Value::Float(number)) => keep(values, Some(number)),
            (Values::Days(values), Value::Days(days)) => keep(values, Some(days)),
            (Values::Days(values), Value::Int(days)) => keep(values, i32::try_from(days).ok()),
            (Values::Micros(values), Value::Micros(micros) | Value::Int(micros)) => {
                keep(values, Some(micros))
            }
            _ => false,
        };
        if fits {
            self.note(state::VALUE);
        } else {
            self.misfit(kind(value));
        }
    }

    fn misfit(&mut self, given: &str) {
        let (row, column) = (self.length, self.column);
        self.error.get_or_insert_with(|| {
            let message = format!(
                "the transform gives {given} that does not fit `{}`, which holds {}",
                column.name,
                form_name(column.form)
            );
            Error::fatal(message).at_row(row)
        });
        self.finish(state::NULL);
    }
}

impl OutputColumn {
    /// The number that stands for a label of an enum, or for the labels of a set.
    fn label(&self, text: &str) -> Option<u64> {
        let place = |label: &str| self.labels.iter().position(|known| known == label);
        if self.set {
            let mut bits = 0_u64;
            for label in text.split(',').filter(|label| !label.is_empty()) {
                bits |= 1_u64.checked_shl(u32::try_from(place(label)?).ok()?)?;
            }
            return Some(bits);
        }
        u64::try_from(place(text)? + 1).ok()
    }
}

fn keep<T>(values: &mut Vec<T>, value: Option<T>) -> bool {
    match value {
        Some(value) => {
            values.push(value);
            true
        }
        None => false,
    }
}

fn kind(value: Value<'_>) -> &'static str {
    match value {
        Value::Int(_) | Value::Uint(_) => "a number",
        Value::Float(_) => "a float",
        Value::Days(_) => "a date",
        Value::Micros(_) => "a time",
        Value::Text(_) => "text",
        Value::Blob(_) => "bytes",
        Value::Null | Value::Absent | Value::Odd(_) => "nothing",
    }
}

fn form_name(form: Form) -> &'static str {
    match form {
        Form::Ints => "integers",
        Form::Uints => "unsigned integers",
        Form::Floats => "floats",
        Form::Days => "dates",
        Form::Micros => "times",
        Form::Texts => "text",
        Form::Blobs => "bytes",
    }
}

/// Where the text of one value is written.
pub struct TextOut<'a> {
    data: &'a mut String,
    start: usize,
}

impl<'a> TextOut<'a> {
    #[inline]
    pub(crate) fn at_end(data: &'a mut String) -> Self {
        let start = data.len();
        TextOut { data, start }
    }

    /// Appends text.
    #[inline]
    pub fn push_str(&mut self, text: &str) {
        self.data.push_str(text);
    }

    /// Appends a character.
    #[inline]
    pub fn push(&mut self, character: char) {
        self.data.push(character);
    }

    /// What is written of this value by now.
    pub fn written(&self) -> &str {
        &self.data[self.start..]
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        self.data.truncate(self.start);
    }
}

impl fmt::Write for TextOut<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}
