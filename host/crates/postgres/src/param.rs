//! Parameters that are encoded already.

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

/// One parameter in PostgreSQL's binary form.
#[derive(Clone, Copy, Debug)]
pub struct Param<'a> {
    oid: u32,
    value: Option<&'a [u8]>,
}

impl<'a> Param<'a> {
    /// A value of the type with that OID; `None` is NULL.
    pub fn new(oid: u32, value: Option<&'a [u8]>) -> Self {
        Self { oid, value }
    }

    /// A field as encoders write it: four length bytes (-1 is NULL), then the value.
    pub fn from_field(oid: u32, field: &'a [u8]) -> Self {
        let (length, value) = field.split_at_checked(4).unwrap_or_default();
        Self {
            oid,
            value: (length != [0xff; 4]).then_some(value),
        }
    }
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        if ty.oid() != self.oid {
            return Err(format!("type {} was expected, not {ty}", self.oid).into());
        }
        match self.value {
            None => Ok(IsNull::Yes),
            Some(value) => {
                out.put_slice(value);
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_ty: &Type) -> bool {
        true
    }

    fn encode_format(&self, _ty: &Type) -> Format {
        Format::Binary
    }

    to_sql_checked!();
}
