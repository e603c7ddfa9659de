//! What a plan fixed for one table: which columns come in, and which go out.

use crate::{Form, Value};

/// A column that the plan reads; made by [`crate::Planner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input(pub(crate) usize);

/// A column that the plan makes; made by [`crate::Planner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output(pub(crate) usize);

/// What becomes of a value that its type cannot hold (a zero date, broken text) where the transform decides nothing
/// else for the row.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Odd {
    /// The row is rejected.
    #[default]
    Reject,
    /// It stays as it is.
    Keep,
    /// It becomes NULL.
    Null,
    /// It becomes this text.
    Text(String),
    /// It becomes this number, day or time, by the column's form.
    Number(i64),
    /// It becomes these bytes.
    Blob(Vec<u8>),
}

#[derive(Clone, Debug)]
pub(crate) struct InputColumn {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) labels: Vec<String>,
    pub(crate) before: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct OutputColumn {
    /// Its place in the output table.
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) form: Form,
    /// The input that it is made from.
    pub(crate) source: Option<usize>,
    /// Of an enum or set.
    pub(crate) labels: Vec<String>,
    /// Is it a set?
    pub(crate) set: bool,
    pub(crate) odd: Odd,
    /// Is it made for the old image too?
    pub(crate) before: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) inputs: Vec<InputColumn>,
    pub(crate) outputs: Vec<OutputColumn>,
}

impl Layout {
    /// Does any column go out for the old image?
    pub(crate) fn makes_before(&self) -> bool {
        self.outputs.iter().any(|output| output.before)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for &str {}
    impl Sealed for super::Input {}
    impl Sealed for super::Output {}
}

/// What names a column to read: its name, or what the planner returned for it.
pub trait ReadKey: sealed::Sealed + Copy {
    #[doc(hidden)]
    fn input(self, layout: &LayoutRef<'_>) -> usize;
}

/// What names a column to write: its name, or what the planner returned for it.
pub trait WriteKey: sealed::Sealed + Copy {
    #[doc(hidden)]
    fn output(self, layout: &LayoutRef<'_>) -> usize;
}

/// A layout, for the sealed traits.
#[doc(hidden)]
pub struct LayoutRef<'a>(pub(crate) &'a Layout);

impl ReadKey for Input {
    fn input(self, _: &LayoutRef<'_>) -> usize {
        self.0
    }
}

impl ReadKey for Output {
    fn input(self, layout: &LayoutRef<'_>) -> usize {
        let output = &layout.0.outputs[self.0];
        let Some(source) = output.source else {
            panic!(
                "the column `{}` is added: the source has no value of it",
                output.name
            );
        };
        source
    }
}

impl ReadKey for &str {
    fn input(self, layout: &LayoutRef<'_>) -> usize {
        let mut inputs = layout.0.inputs.iter();
        let Some(place) = inputs.position(|input| input.name == self) else {
            panic!("the plan reads no column `{self}`");
        };
        place
    }
}

impl WriteKey for Output {
    fn output(self, _: &LayoutRef<'_>) -> usize {
        self.0
    }
}

impl WriteKey for &str {
    fn output(self, layout: &LayoutRef<'_>) -> usize {
        let mut outputs = layout.0.outputs.iter();
        let Some(place) = outputs.position(|output| output.name == self) else {
            panic!("the plan makes no column `{self}`");
        };
        place
    }
}

impl Odd {
    /// The value that stands for `raw`; none: the row is rejected.
    pub(crate) fn decide<'a>(&'a self, raw: &'a [u8]) -> Option<Value<'a>> {
        Some(match self {
            Odd::Reject => return None,
            Odd::Keep => Value::Odd(raw),
            Odd::Null => Value::Null,
            Odd::Text(text) => Value::Text(text),
            Odd::Number(number) => Value::Int(*number),
            Odd::Blob(bytes) => Value::Blob(bytes),
        })
    }
}
