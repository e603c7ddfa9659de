//! Values of rows, going in and coming out.

/// Which image of a row is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image {
    /// The new row: of an insert, an update, or the first copy.
    After,
    /// The old row: of an update or a delete.
    Before,
}

/// A value of a row. Text is text in whatever character set the source keeps it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// Not in this image of the row: the source logs partial row images, or the row has no such image.
    Absent,
    /// Signed integers, years, booleans.
    Int(i64),
    /// Unsigned integers, bits, the index of an enum's label (0: the error value), the bitmap of a set.
    Uint(u64),
    /// Floats and doubles.
    Float(f64),
    /// A date as days since 1970-01-01.
    Days(i32),
    /// A time, or a date and time in UTC since 1970-01-01, in microseconds.
    Micros(i64),
    /// Text, JSON, decimals, UUIDs, network addresses.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
    /// What the type cannot hold: 0000-00-00, 2024-02-00, text that is none in its character set. As the source has it.
    Odd(&'a [u8]),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Value::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Value::Blob(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        Value::Uint(value)
    }
}

impl From<i32> for Value<'_> {
    fn from(value: i32) -> Self {
        Value::Int(value.into())
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Value::Float(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Int(value.into())
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

#[allow(clippy::derivable_impls, reason = "the type is generated")]
impl Default for crate::bindings::chameleon::transform::types::Pool {
    fn default() -> Self {
        Self {
            ends: Vec::new(),
            data: Vec::new(),
        }
    }
}

/// The states of a slot.
pub(crate) mod state {
    pub(crate) const VALUE: u8 = 0;
    pub(crate) const NULL: u8 = 1;
    pub(crate) const ABSENT: u8 = 2;
    pub(crate) const ODD: u8 = 3;
}

/// An offset in a pool.
///
/// # Panics
/// If the pool is beyond 4 GiB, which no batch comes near.
pub(crate) fn offset(length: usize) -> u32 {
    u32::try_from(length).expect("a pool of values is beyond 4 GiB")
}
