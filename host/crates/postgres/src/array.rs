//! One-dimensional arrays in PostgreSQL's binary form: a column of a batch as one parameter.
//!
//! Layout (array_recv in the server): number of dimensions, has-null flag, element OID, then length
//! and lower bound per dimension, then the elements as fields.

use bytes::{BufMut, BytesMut};
use chameleon_model::{Cell, ChangeBuffer};
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use crate::encode::{ColumnEncoder, put_null};
use crate::error::EncodeError;
use crate::types::{TEXT, TEXT_ARRAY};

/// A growing array parameter. Cleared and filled again, it keeps its memory.
#[derive(Clone, Debug)]
pub struct ArrayParam {
    element_oid: u32,
    array_oid: u32,
    elements: Vec<u8>,
    /// Where each element begins.
    starts: Vec<usize>,
    has_null: bool,
}

impl ArrayParam {
    /// An empty array of what the encoder's [`ColumnEncoder::element`] writes: of
    /// [`ColumnEncoder::oid`], or of text where that is `None`.
    pub fn new(encoder: &ColumnEncoder) -> Self {
        Self::of(
            encoder.oid().unwrap_or(TEXT),
            encoder.array_oid().unwrap_or(TEXT_ARRAY),
        )
    }

    /// An empty array of a type that the caller encodes itself, see [`Self::push_value`].
    pub fn of(element_oid: u32, array_oid: u32) -> Self {
        Self {
            element_oid,
            array_oid,
            elements: Vec::new(),
            starts: Vec::new(),
            has_null: false,
        }
    }

    /// Appends a cell. After an error the array is as it was.
    pub fn push(
        &mut self,
        encoder: &ColumnEncoder,
        buffer: &ChangeBuffer,
        cell: Cell,
    ) -> Result<(), EncodeError> {
        let start = self.elements.len();
        if let Err(error) = encoder.element(buffer, cell, &mut self.elements) {
            self.elements.truncate(start);
            return Err(error);
        }
        self.starts.push(start);
        self.has_null |= self.elements[start..] == [0xff; 4];
        Ok(())
    }

    /// Appends NULL.
    pub fn push_null(&mut self) {
        self.starts.push(self.elements.len());
        put_null(&mut self.elements);
        self.has_null = true;
    }

    /// Appends a value in the binary form of the element's type.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] beyond 2 GiB.
    pub fn push_value(&mut self, value: &[u8]) -> Result<(), EncodeError> {
        let length = i32::try_from(value.len()).map_err(|_| EncodeError::TooLong)?;
        self.starts.push(self.elements.len());
        self.elements.extend_from_slice(&length.to_be_bytes());
        self.elements.extend_from_slice(value);
        Ok(())
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// No element is in it.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Takes back all elements from `len` on: those of a row whose later column was refused.
    pub fn truncate(&mut self, len: usize) {
        if let Some(&start) = self.starts.get(len) {
            self.elements.truncate(start);
            self.starts.truncate(len);
        }
    }

    /// Bytes that the elements take.
    pub fn bytes(&self) -> usize {
        self.elements.len()
    }

    /// OID of the array type that the statement must declare the parameter with.
    pub fn array_oid(&self) -> u32 {
        self.array_oid
    }

    /// Forgets the elements but keeps the memory.
    pub fn clear(&mut self) {
        self.elements.clear();
        self.starts.clear();
        self.has_null = false;
    }
}

impl ToSql for ArrayParam {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        if ty.oid() != self.array_oid {
            let expected = self.array_oid;
            return Err(format!("array type {expected} was expected, not {ty}").into());
        }
        let len = i32::try_from(self.starts.len())?;
        out.reserve(self.elements.len() + 20);
        out.put_i32(i32::from(len > 0));
        out.put_i32(i32::from(self.has_null));
        out.put_u32(self.element_oid);
        if len > 0 {
            out.put_i32(len);
            out.put_i32(1);
        }
        out.put_slice(&self.elements);
        Ok(IsNull::No)
    }

    fn accepts(_ty: &Type) -> bool {
        true
    }

    fn encode_format(&self, _ty: &Type) -> Format {
        Format::Binary
    }

    to_sql_checked!();
}
