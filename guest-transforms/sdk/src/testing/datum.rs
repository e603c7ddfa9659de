//! Values as a test writes them.

/// A value in a test. Dates, times and the labels of enums and sets are text, as in SQL.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// NULL.
    Null,
    /// Not in this image of the row.
    Absent,
    /// Any integer, and the bits of `bit`.
    Int(i128),
    /// A float or double.
    Float(f64),
    /// Text, decimals, dates, times, labels.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
    /// What the column's type cannot hold, as the source has it.
    Odd(Vec<u8>),
}

impl Datum {
    /// A value that the column's type cannot hold: a zero date, broken text.
    pub fn odd(raw: impl AsRef<[u8]>) -> Self {
        Datum::Odd(raw.as_ref().to_vec())
    }
}

impl From<&str> for Datum {
    fn from(text: &str) -> Self {
        Datum::Text(text.into())
    }
}

impl From<String> for Datum {
    fn from(text: String) -> Self {
        Datum::Text(text)
    }
}

impl From<i32> for Datum {
    fn from(number: i32) -> Self {
        Datum::Int(number.into())
    }
}

impl From<i64> for Datum {
    fn from(number: i64) -> Self {
        Datum::Int(number.into())
    }
}

impl From<u64> for Datum {
    fn from(number: u64) -> Self {
        Datum::Int(number.into())
    }
}

impl From<bool> for Datum {
    fn from(value: bool) -> Self {
        Datum::Int(value.into())
    }
}

impl From<f64> for Datum {
    fn from(number: f64) -> Self {
        Datum::Float(number)
    }
}

impl From<Vec<u8>> for Datum {
    fn from(bytes: Vec<u8>) -> Self {
        Datum::Blob(bytes)
    }
}

impl<T: Into<Datum>> From<Option<T>> for Datum {
    fn from(value: Option<T>) -> Self {
        value.map_or(Datum::Null, Into::into)
    }
}
