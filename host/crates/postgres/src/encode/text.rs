//! The text form: what the input function of the target's type takes.

use std::fmt::Write as _;

use chameleon_model::{Cell, ChangeBuffer, NulPolicy};

use super::ColumnEncoder;
use super::calendar::{Fraction, push_date, push_duration, push_timestamp};
use super::calendar::{pg_days, pg_micros};
use super::convert::{
    FloatDigits, address, bits, decimal_float, decimal_text, duration, float32, float64, floats,
    integer, integer_f32, integer_f64, magnitude, misfit, time_of_day, uuid,
};
use super::decimal::Decimal;
use super::geometry::Ewkb;
use super::plan::{Op, Shape};
use super::sink::{JsonString, Sink, lower_pair, push_hex, upper_pair};
use super::text_policy::{CharLimit, MAX_VALUE_BYTES, without_nul, without_nul_escape};
use crate::error::EncodeError;

/// Where the bytes of a UUID stand in its text.
const UUID_PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

impl ColumnEncoder {
    /// Appends the cell in PostgreSQL's input syntax, unquoted. False: it is NULL and nothing was
    /// appended. After an error `out` may end in a part of the value.
    pub fn text(
        &self,
        buffer: &ChangeBuffer,
        cell: Cell,
        out: &mut String,
    ) -> Result<bool, EncodeError> {
        self.write_text(buffer, cell, out)
    }

    /// Appends the cell as a JSON value of the relay: a number for integer types, `null`, else a
    /// string in PostgreSQL's input syntax. After an error `out` may end in a part of the value.
    pub fn json(
        &self,
        buffer: &ChangeBuffer,
        cell: Cell,
        out: &mut String,
    ) -> Result<(), EncodeError> {
        if self.is_number {
            if !self.write_text(buffer, cell, out)? {
                out.push_str("null");
            }
            return Ok(());
        }
        let start = out.len();
        out.push('"');
        if self.write_text(buffer, cell, &mut JsonString(out))? {
            out.push('"');
        } else {
            out.truncate(start);
            out.push_str("null");
        }
        Ok(())
    }

    pub(super) fn write_text(
        &self,
        buffer: &ChangeBuffer,
        cell: Cell,
        out: &mut impl Sink,
    ) -> Result<bool, EncodeError> {
        if cell == Cell::Null {
            return Ok(false);
        }
        match self.op {
            Op::Int2 => push_integer(integer::<i16>(cell)?, out),
            Op::Int4 => push_integer(integer::<i32>(cell)?, out),
            Op::Int8 => push_integer(integer::<i64>(cell)?, out),
            Op::Text { shape, limit } => self.limited_shape(shape, limit, buffer, cell, out)?,
            Op::Pass | Op::Json => out.text(utf8(buffer, cell)?),
            Op::Date => match self.date(cell)? {
                Some(days) => push_date(days, out),
                None => return Ok(false),
            },
            Op::Timestamp { unit } | Op::Timestamptz { unit } => {
                let zone = if matches!(self.op, Op::Timestamptz { .. }) {
                    "+00"
                } else {
                    ""
                };
                match self.timestamp(cell, unit)? {
                    Some(micros) => push_timestamp(micros, Fraction::Shortest, zone, out),
                    None => return Ok(false),
                }
            }
            Op::Time { unit } => push_duration(time_of_day(cell, unit)?, Fraction::Shortest, out),
            Op::Interval { unit } => push_duration(duration(cell, unit)?, Fraction::Shortest, out),
            Op::Bool => out.plain(if magnitude(cell)?.1 == 0 {
                "false"
            } else {
                "true"
            }),
            Op::Float4 => push_f32(float32(cell)?, out),
            Op::Float8 => push_f64(float64(cell)?, out),
            Op::Bits { put } => push_bits(bits(cell, put)?, put, out),
            _ => return self.write_number(buffer, cell, out).map(|()| true),
        }
        Ok(true)
    }

    /// Conversions between kinds of numbers.
    fn write_number(
        &self,
        buffer: &ChangeBuffer,
        cell: Cell,
        out: &mut impl Sink,
    ) -> Result<(), EncodeError> {
        match self.op {
            Op::DecimalNumeric(limit) => {
                let text = decimal_text(buffer, cell)?;
                Decimal::parse(text)?.check(limit)?;
                out.plain(ascii(text));
            }
            Op::IntNumeric { max } => {
                let (negative, value) = magnitude(cell)?;
                if value > max {
                    return Err(EncodeError::OutOfRange);
                }
                if negative {
                    out.plain("-");
                }
                push_integer(value, out);
            }
            Op::FloatNumeric(limit) => {
                let digits = FloatDigits::new(cell)?;
                Decimal::parse(digits.as_bytes())?.check(limit)?;
                out.plain(ascii(digits.as_bytes()));
            }
            Op::IntFloat4 => push_f32(integer_f32(cell)?, out),
            Op::IntFloat8 => push_f64(integer_f64(cell)?, out),
            Op::DecimalInt2 => push_integer(self.decimal_integer::<i16>(buffer, cell)?, out),
            Op::DecimalInt4 => push_integer(self.decimal_integer::<i32>(buffer, cell)?, out),
            Op::DecimalInt8 => push_integer(self.decimal_integer::<i64>(buffer, cell)?, out),
            Op::DecimalFloat4 => {
                push_f32(
                    decimal_float(decimal_text(buffer, cell)?, f32::DIGITS)?,
                    out,
                );
            }
            Op::DecimalFloat8 => {
                push_f64(
                    decimal_float(decimal_text(buffer, cell)?, f64::DIGITS)?,
                    out,
                );
            }
            _ => return self.write_bytes(buffer, cell, out),
        }
        Ok(())
    }

    /// Types that are made of bytes.
    fn write_bytes(
        &self,
        buffer: &ChangeBuffer,
        cell: Cell,
        out: &mut impl Sink,
    ) -> Result<(), EncodeError> {
        match (self.op, cell) {
            (Op::Bytea, Cell::Bytes(span))
            | (Op::TextBytea, Cell::Text(span) | Cell::Bytes(span) | Cell::Odd(span)) => {
                out.text("\\x");
                push_hex(out, stored(buffer.slice(span), 1)?);
            }
            (Op::HexBytea, Cell::Bytes(span)) => {
                out.text("\\x");
                for &byte in stored(buffer.slice(span), 2)? {
                    push_hex(out, &upper_pair(byte));
                }
            }
            (Op::Jsonb, Cell::Text(_)) => {
                let document = utf8(buffer, cell)?;
                without_nul_escape(document, self.nul_character, |part| out.text(part))?;
            }
            (Op::EwkbBytea, Cell::Bytes(span)) => {
                out.text("\\x");
                Ewkb::parse(buffer.slice(span))?.push_hex(out);
            }
            (Op::EwkbGeometry, Cell::Bytes(span)) => {
                Ewkb::parse(buffer.slice(span))?.push_hex(out);
            }
            (Op::SetArray, _) => {
                out.plain("{");
                for (i, label) in self.members(cell)?.enumerate() {
                    out.plain(if i > 0 { "," } else { "" });
                    push_array_element(label, out);
                }
                out.plain("}");
            }
            (Op::FloatArray, _) => push_floats("{", floats(buffer, cell)?, "}", out),
            (Op::Vector, _) => push_floats("[", floats(buffer, cell)?, "]", out),
            (Op::Uuid, _) => {
                let mut text = [b'-'; 36];
                for (byte, at) in uuid(buffer, cell)?.into_iter().zip(UUID_PLACES) {
                    text[at..at + 2].copy_from_slice(&lower_pair(byte));
                }
                out.plain(ascii(&text));
            }
            (Op::Inet, _) => {
                let (address, prefix) = address(buffer, cell)?;
                // writing to a sink cannot fail
                let _ = write!(Formatted(out), "{address}/{prefix}");
            }
            (_, other) => return Err(misfit(other)),
        }
        Ok(())
    }

    /// A source value as text, refused where it has more characters than the target's type takes.
    pub(super) fn limited_shape(
        &self,
        shape: Shape,
        limit: CharLimit,
        buffer: &ChangeBuffer,
        cell: Cell,
        out: &mut impl Sink,
    ) -> Result<(), EncodeError> {
        if limit != CharLimit::None {
            if let (Shape::Text, Cell::Text(span)) = (shape, cell) {
                limit.check(buffer.slice(span), self.nul_character)?;
            } else {
                let mut whole = Vec::new();
                self.write_shape(shape, buffer, cell, &mut whole)?;
                limit.check(&whole, NulPolicy::Fail)?;
            }
        }
        self.write_shape(shape, buffer, cell, out)
    }

    /// A source value as text.
    fn write_shape(
        &self,
        shape: Shape,
        buffer: &ChangeBuffer,
        cell: Cell,
        out: &mut impl Sink,
    ) -> Result<(), EncodeError> {
        match (shape, cell) {
            (Shape::Text, Cell::Text(_)) => {
                return without_nul(utf8(buffer, cell)?, self.nul_character, |part| {
                    out.text(part)
                });
            }
            (Shape::Bytes, Cell::Text(span) | Cell::Bytes(span)) => {
                let text = std::str::from_utf8(stored(buffer.slice(span), 1)?);
                let text = text.map_err(|_| EncodeError::InvalidText)?;
                return without_nul(text, self.nul_character, |part| out.text(part));
            }
            (Shape::Enum, _) => {
                return without_nul(self.label(cell)?, self.nul_character, |part| out.text(part));
            }
            (Shape::Set, _) => {
                for (i, label) in self.members(cell)?.enumerate() {
                    out.plain(if i > 0 { "," } else { "" });
                    without_nul(label, self.nul_character, |part| out.text(part))?;
                }
            }
            (Shape::HexBytes, Cell::Bytes(span)) => {
                for &byte in stored(buffer.slice(span), 2)? {
                    out.plain(ascii(&upper_pair(byte)));
                }
            }
            (Shape::Int, Cell::Int(value)) => push_integer(value, out),
            (Shape::Int, Cell::UInt(value)) => push_integer(value, out),
            (Shape::Decimal, Cell::Text(span)) => out.text(buffer.text(span)),
            (Shape::Float, Cell::Float(value)) => push_f32(value, out),
            (Shape::Float, Cell::Double(value)) => push_f64(value, out),
            (Shape::Bits(length), _) => push_bits(bits(cell, length)?, length, out),
            (Shape::Year, _) => {
                let year = integer::<i16>(cell)?;
                // the year 0000 is the only one below 1901
                out.plain(if year == 0 { "000" } else { "" });
                push_integer(year, out);
            }
            (Shape::Geometry, Cell::Bytes(span)) => {
                Ewkb::parse(buffer.slice(span))?.push_hex(out);
            }
            (Shape::Vector, _) => push_floats("[", floats(buffer, cell)?, "]", out),
            _ => return write_date_shape(shape, buffer, cell, out),
        }
        Ok(())
    }
}

/// A date or time as the source prints it. Zero and partial dates are kept: text can hold them.
fn write_date_shape(
    shape: Shape,
    buffer: &ChangeBuffer,
    cell: Cell,
    out: &mut impl Sink,
) -> Result<(), EncodeError> {
    let out_of_range = EncodeError::OutOfRange;
    match (shape, cell) {
        (Shape::Date | Shape::DateTime(_), Cell::Odd(span)) => out.text(buffer.text(span)),
        (Shape::Date, Cell::Days(days)) => push_date(pg_days(days).ok_or(out_of_range)?, out),
        (Shape::DateTime(digits), Cell::Micros(micros)) => {
            let micros = pg_micros(micros).ok_or(out_of_range)?;
            push_timestamp(micros, Fraction::Digits(digits), "", out);
        }
        (Shape::Time(digits), Cell::Micros(micros)) => {
            push_duration(micros, Fraction::Digits(digits), out);
        }
        (_, other) => return Err(misfit(other)),
    }
    Ok(())
}

/// Bytes that stay below the limit when each becomes so many.
fn stored(bytes: &[u8], growth: usize) -> Result<&[u8], EncodeError> {
    if bytes.len() > MAX_VALUE_BYTES / growth {
        return Err(EncodeError::TooLong);
    }
    Ok(bytes)
}

/// A text cell.
fn utf8(buffer: &ChangeBuffer, cell: Cell) -> Result<&str, EncodeError> {
    let Cell::Text(span) = cell else {
        return Err(misfit(cell));
    };
    std::str::from_utf8(stored(buffer.slice(span), 1)?).map_err(|_| EncodeError::InvalidText)
}

/// Digits, signs and points.
fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

fn push_integer(value: impl itoa::Integer, out: &mut impl Sink) {
    out.plain(itoa::Buffer::new().format(value));
}

/// The shortest digits that read back as the same value, `.0` left out.
fn push_f32(value: f32, out: &mut impl Sink) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format(value);
    out.plain(text.strip_suffix(".0").unwrap_or(text));
}

/// The shortest digits that read back as the same value, `.0` left out.
fn push_f64(value: f64, out: &mut impl Sink) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format(value);
    out.plain(text.strip_suffix(".0").unwrap_or(text));
}

fn push_bits(value: u64, length: u32, out: &mut impl Sink) {
    for bit in (0..length).rev() {
        let set = value.checked_shr(bit).is_some_and(|rest| rest & 1 == 1);
        out.plain(if set { "1" } else { "0" });
    }
}

fn push_floats(open: &str, floats: impl Iterator<Item = f32>, close: &str, out: &mut impl Sink) {
    out.plain(open);
    for (i, float) in floats.enumerate() {
        out.plain(if i > 0 { "," } else { "" });
        push_f32(float, out);
    }
    out.plain(close);
}

/// Appends a quoted element of an array literal.
fn push_array_element(text: &str, out: &mut impl Sink) {
    out.text("\"");
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\\']) {
        out.text(&rest[..at]);
        out.text("\\");
        out.text(&rest[at..=at]);
        rest = &rest[at + 1..];
    }
    out.text(rest);
    out.text("\"");
}

/// Formats into a sink what needs no escaping.
struct Formatted<'a, S>(&'a mut S);

impl<S: Sink> std::fmt::Write for Formatted<'_, S> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.plain(text);
        Ok(())
    }
}
