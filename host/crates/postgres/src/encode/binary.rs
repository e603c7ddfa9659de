//! The binary form: what the receive function of the target's type takes.

use std::net::IpAddr;

use chameleon_model::{Cell, ChangeBuffer};

use super::ColumnEncoder;
use super::convert::{
    FloatDigits, address, bits, decimal_float, decimal_text, duration, float32, float64, floats,
    integer, integer_f32, integer_f64, magnitude, misfit, time_of_day, uuid,
};
use super::decimal::{Decimal, put_integer};
use super::geometry::Ewkb;
use super::plan::{Op, Shape};
use super::sink::put_upper_hex;
use super::text_policy::{CharLimit, MAX_VALUE_BYTES, without_nul_escape};
use crate::error::EncodeError;
use crate::types::TEXT;

/// Version of jsonb's binary form.
const JSONB_VERSION: u8 = 1;
/// Address family words of inet (network.c in the server: PGSQL_AF_INET, PGSQL_AF_INET6).
const AF_INET: u8 = 2;
const AF_INET6: u8 = 3;
/// OID of real.
const FLOAT4: u32 = 700;

/// Appends NULL.
pub(crate) fn put_null(out: &mut Vec<u8>) {
    out.extend_from_slice(&(-1i32).to_be_bytes());
}

/// Appends a field of fixed length (up to 16 bytes) in one piece.
fn put<const N: usize>(out: &mut Vec<u8>, value: [u8; N]) {
    const { assert!(N <= 16) };
    let mut field = [0u8; 20];
    field[..4].copy_from_slice(&(N as u64).to_be_bytes()[4..]);
    field[4..4 + N].copy_from_slice(&value);
    out.extend_from_slice(&field[..4 + N]);
}

fn put_or_null<const N: usize>(out: &mut Vec<u8>, value: Option<[u8; N]>) {
    match value {
        Some(value) => put(out, value),
        None => put_null(out),
    }
}

/// Appends a field's length.
fn put_length(out: &mut Vec<u8>, bytes: usize) -> Result<(), EncodeError> {
    if bytes > MAX_VALUE_BYTES {
        return Err(EncodeError::TooLong);
    }
    let length = i32::try_from(bytes).map_err(|_| EncodeError::TooLong)?;
    out.extend_from_slice(&length.to_be_bytes());
    Ok(())
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), EncodeError> {
    put_length(out, bytes.len())?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// Appends a field whose length is known only once it is written.
fn put_measured(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out)?;
    let bytes = out.len() - start - 4;
    if bytes > MAX_VALUE_BYTES {
        return Err(EncodeError::TooLong);
    }
    let length = i32::try_from(bytes).map_err(|_| EncodeError::TooLong)?;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Appends the header of a one-dimensional array without NULLs.
fn put_array_header(out: &mut Vec<u8>, element: u32, len: usize) -> Result<(), EncodeError> {
    let dimensions = u32::from(len > 0);
    out.extend_from_slice(&dimensions.to_be_bytes());
    out.extend_from_slice(&0u32.to_be_bytes());
    out.extend_from_slice(&element.to_be_bytes());
    if len > 0 {
        let len = i32::try_from(len).map_err(|_| EncodeError::TooLong)?;
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(&1i32.to_be_bytes());
    }
    Ok(())
}

impl ColumnEncoder {
    /// Appends the cell as a field of a binary COPY: four length bytes (-1 is NULL), then the value
    /// in the binary form of the target column's type. After an error `out` may end in a part of a
    /// field; the caller cuts it back.
    pub fn binary(
        &self,
        buffer: &ChangeBuffer,
        cell: Cell,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if cell == Cell::Null {
            put_null(out);
            return Ok(());
        }
        match self.op {
            Op::Int2 => put(out, integer::<i16>(cell)?.to_be_bytes()),
            Op::Int4 => put(out, integer::<i32>(cell)?.to_be_bytes()),
            Op::Int8 => put(out, integer::<i64>(cell)?.to_be_bytes()),
            Op::Text { shape, limit } => return self.binary_text(shape, limit, buffer, cell, out),
            Op::Timestamp { unit } | Op::Timestamptz { unit } => {
                put_or_null(out, self.timestamp(cell, unit)?.map(i64::to_be_bytes));
            }
            Op::Date => put_or_null(out, self.date(cell)?.map(i32::to_be_bytes)),
            Op::Float4 => put(out, float32(cell)?.to_be_bytes()),
            Op::Float8 => put(out, float64(cell)?.to_be_bytes()),
            Op::Bool => put(out, [u8::from(magnitude(cell)?.1 != 0)]),
            Op::Time { unit } => put(out, time_of_day(cell, unit)?.to_be_bytes()),
            Op::Interval { unit } => {
                // microseconds, days, months
                let mut interval = [0u8; 16];
                interval[..8].copy_from_slice(&duration(cell, unit)?.to_be_bytes());
                put(out, interval);
            }
            Op::Uuid => put(out, uuid(buffer, cell)?),
            _ => return self.binary_sized(buffer, cell, out),
        }
        Ok(())
    }

    /// Text targets.
    fn binary_text(
        &self,
        shape: Shape,
        limit: CharLimit,
        buffer: &ChangeBuffer,
        cell: Cell,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if let (Shape::Text, Cell::Text(span)) = (shape, cell) {
            let text = buffer.slice(span);
            if memchr::memchr(0, text).is_none() {
                limit.check(text, self.nul_character)?;
                return put_bytes(out, text);
            }
        }
        put_measured(out, |out| {
            self.limited_shape(shape, limit, buffer, cell, out)
        })
    }

    /// Types whose values differ in length, and the rarer conversions.
    fn binary_sized(
        &self,
        buffer: &ChangeBuffer,
        cell: Cell,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        match self.op {
            Op::DecimalNumeric(limit) => {
                let decimal = Decimal::parse(decimal_text(buffer, cell)?)?;
                decimal.check(limit)?;
                decimal.put(out)?;
            }
            Op::IntNumeric { max } => {
                let (negative, value) = magnitude(cell)?;
                if value > max {
                    return Err(EncodeError::OutOfRange);
                }
                put_integer(negative, value, out);
            }
            Op::FloatNumeric(limit) => {
                let digits = FloatDigits::new(cell)?;
                let decimal = Decimal::parse(digits.as_bytes())?;
                decimal.check(limit)?;
                decimal.put(out)?;
            }
            Op::IntFloat4 => put(out, integer_f32(cell)?.to_be_bytes()),
            Op::IntFloat8 => put(out, integer_f64(cell)?.to_be_bytes()),
            Op::DecimalInt2 => put(
                out,
                self.decimal_integer::<i16>(buffer, cell)?.to_be_bytes(),
            ),
            Op::DecimalInt4 => put(
                out,
                self.decimal_integer::<i32>(buffer, cell)?.to_be_bytes(),
            ),
            Op::DecimalInt8 => put(
                out,
                self.decimal_integer::<i64>(buffer, cell)?.to_be_bytes(),
            ),
            Op::DecimalFloat4 => {
                let text = decimal_text(buffer, cell)?;
                put(out, decimal_float::<f32>(text, f32::DIGITS)?.to_be_bytes());
            }
            Op::DecimalFloat8 => {
                let text = decimal_text(buffer, cell)?;
                put(out, decimal_float::<f64>(text, f64::DIGITS)?.to_be_bytes());
            }
            Op::Bits { put } => put_bits(out, bits(cell, put)?, put)?,
            Op::Inet => {
                let (address, prefix) = address(buffer, cell)?;
                match address {
                    IpAddr::V4(v4) => put_inet(out, AF_INET, prefix, &v4.octets())?,
                    IpAddr::V6(v6) => put_inet(out, AF_INET6, prefix, &v6.octets())?,
                }
            }
            _ => return self.binary_bytes(buffer, cell, out),
        }
        Ok(())
    }

    /// Types that are made of bytes.
    fn binary_bytes(
        &self,
        buffer: &ChangeBuffer,
        cell: Cell,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        match (self.op, cell) {
            (Op::Bytea, Cell::Bytes(span))
            | (Op::TextBytea, Cell::Text(span) | Cell::Bytes(span) | Cell::Odd(span))
            | (Op::Json | Op::Pass, Cell::Text(span)) => put_bytes(out, buffer.slice(span)),
            (Op::HexBytea, Cell::Bytes(span)) => put_measured(out, |out| {
                put_upper_hex(out, buffer.slice(span));
                Ok(())
            }),
            (Op::Jsonb, Cell::Text(span)) => put_measured(out, |out| {
                out.push(JSONB_VERSION);
                let document = std::str::from_utf8(buffer.slice(span));
                let document = document.map_err(|_| EncodeError::InvalidText)?;
                without_nul_escape(document, self.nul_character, |part| {
                    out.extend_from_slice(part.as_bytes());
                })
            }),
            (Op::EwkbBytea | Op::EwkbGeometry, Cell::Bytes(span)) => {
                let geometry = Ewkb::parse(buffer.slice(span))?;
                let [head, body] = geometry.parts();
                put_length(out, head.len() + body.len())?;
                out.extend_from_slice(head);
                out.extend_from_slice(body);
                Ok(())
            }
            (Op::SetArray, _) => put_measured(out, |out| {
                put_array_header(out, TEXT, self.members(cell)?.count())?;
                self.members(cell)?
                    .try_for_each(|label| put_bytes(out, label.as_bytes()))
            }),
            (Op::FloatArray, _) => put_measured(out, |out| {
                let floats = floats(buffer, cell)?;
                put_array_header(out, FLOAT4, floats.len())?;
                floats.for_each(|float| put(out, float.to_be_bytes()));
                Ok(())
            }),
            (Op::Vector, _) => put_measured(out, |out| {
                let floats = floats(buffer, cell)?;
                let len = i16::try_from(floats.len()).map_err(|_| EncodeError::OutOfRange)?;
                out.extend_from_slice(&len.to_be_bytes());
                out.extend_from_slice(&[0; 2]);
                floats.for_each(|float| out.extend_from_slice(&float.to_be_bytes()));
                Ok(())
            }),
            (_, other) => Err(misfit(other)),
        }
    }

    /// A decimal without fraction as an integer.
    pub(super) fn decimal_integer<T: TryFrom<i128>>(
        &self,
        buffer: &ChangeBuffer,
        cell: Cell,
    ) -> Result<T, EncodeError> {
        Decimal::parse(decimal_text(buffer, cell)?)?.integer()
    }

    /// Appends the cell as an element of a binary array: the same field as [`Self::binary`], but as
    /// text where [`Self::oid`] is `None`.
    pub fn element(
        &self,
        buffer: &ChangeBuffer,
        cell: Cell,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if self.oids.is_some() {
            return self.binary(buffer, cell, out);
        }
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        if !self.write_text(buffer, cell, out)? {
            out.truncate(start);
            put_null(out);
            return Ok(());
        }
        let bytes = out.len() - start - 4;
        if bytes > MAX_VALUE_BYTES {
            return Err(EncodeError::TooLong);
        }
        let length = i32::try_from(bytes).map_err(|_| EncodeError::TooLong)?;
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }
}

/// Appends a bit string: number of bits, then the bits from the left.
fn put_bits(out: &mut Vec<u8>, value: u64, length: u32) -> Result<(), EncodeError> {
    let too_long = |_| EncodeError::TooLong;
    let bytes = usize::try_from(length.div_ceil(8)).unwrap_or(usize::MAX);
    put_length(out, bytes + 4)?;
    out.extend_from_slice(&i32::try_from(length).map_err(too_long)?.to_be_bytes());
    // the last byte's unused bits are zero
    let shift = (8 - length % 8) % 8;
    let shifted = (u128::from(value) << shift).to_be_bytes();
    let zeros = bytes.saturating_sub(shifted.len());
    out.resize(out.len() + zeros, 0);
    out.extend_from_slice(&shifted[shifted.len() - (bytes - zeros)..]);
    Ok(())
}

fn put_inet(out: &mut Vec<u8>, family: u8, prefix: u8, octets: &[u8]) -> Result<(), EncodeError> {
    let len = u8::try_from(octets.len()).map_err(|_| EncodeError::Mismatch)?;
    put_length(out, octets.len() + 4)?;
    // the third byte would say cidr
    out.extend_from_slice(&[family, prefix, 0, len]);
    out.extend_from_slice(octets);
    Ok(())
}
