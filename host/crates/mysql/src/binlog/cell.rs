//! One value of a row image into a cell.

use chameleon_model::{Cell, ChangeBuffer, Span};

use crate::value::inflate::Inflater;
use crate::value::temporal::{self, DateTime};
use crate::value::{decimal, json, json_diff, net, pad_binary};

use super::plan::Convert;

/// Bytes of text that a byte of the event may become: a control character in JSON becomes six.
const GROWTH: usize = 8;

/// What is wrong with a value's bytes; never the value.
pub(super) type Reason = &'static str;

const TOO_LONG: Reason = "its value is too long";
const INFLATE: Reason = "its compressed value is damaged";

/// Makes cells; keeps what is needed from one to the next.
#[derive(Debug, Default)]
pub(super) struct CellWriter {
    pub(super) inflater: Inflater,
    inflated: Vec<u8>,
}

impl CellWriter {
    /// A value's cell; text and bytes go into the arena. A plan's layout has given `value` its
    /// length.
    #[inline]
    pub(super) fn cell(
        &mut self,
        convert: Convert,
        value: &[u8],
        into: &mut ChangeBuffer,
    ) -> Result<Cell, Reason> {
        match number_cell(convert, value) {
            Some(cell) => Ok(cell),
            None => self.arena_cell(convert, value, into),
        }
    }

    fn arena_cell(
        &mut self,
        convert: Convert,
        value: &[u8],
        into: &mut ChangeBuffer,
    ) -> Result<Cell, Reason> {
        require_room(value.len(), into)?;
        match convert {
            Convert::Text(charset) => Ok(charset.cell(value, into)),
            Convert::Bytes => Ok(Cell::Bytes(into.put(value))),
            Convert::Padded(width) => Ok(pad_binary(value, width, into)),
            Convert::CompressedText(charset) => {
                self.inflated.clear();
                let done = self.inflater.column(value, &mut self.inflated);
                done.ok_or(INFLATE)?;
                require_room(self.inflated.len(), into)?;
                Ok(charset.cell(&self.inflated, into))
            }
            Convert::CompressedBytes => {
                let span = append(into, |out| self.inflater.column(value, out));
                span.map(Cell::Bytes).ok_or(INFLATE)
            }
            Convert::Json => append(into, |out| json::append(value, out))
                .map(Cell::Text)
                .ok_or("its JSON document is damaged"),
            Convert::Decimal { precision, scale } => {
                append(into, |out| decimal::append(value, precision, scale, out))
                    .map(Cell::Text)
                    .ok_or("its bytes are no number")
            }
            Convert::Uuid | Convert::Inet4 | Convert::Inet6 => {
                let span = append(into, |out| append_address(convert, value, out));
                span.map(Cell::Text).ok_or("it has too many bytes")
            }
            _ => temporal_cell(convert, value, into).ok_or("its bytes are no date or time"),
        }
    }
}

/// The cell of a JSON document that is logged as a difference to the one of the before image.
pub(super) fn difference_cell(
    document: Option<&[u8]>,
    difference: &[u8],
    into: &mut ChangeBuffer,
) -> Result<Cell, Reason> {
    let Some(document) = document else {
        if difference.is_empty() {
            return Ok(Cell::Absent);
        }
        return Err("its JSON document is logged as a difference to one that is not in the event");
    };
    require_room(document.len().saturating_add(difference.len()), into)?;
    append(into, |out| json_diff::append(document, difference, out))
        .map(Cell::Text)
        .ok_or("its difference of a JSON document is damaged")
}

fn require_room(bytes: usize, into: &ChangeBuffer) -> Result<(), Reason> {
    if into.has_room(bytes.saturating_mul(GROWTH)) {
        Ok(())
    } else {
        Err(TOO_LONG)
    }
}

/// What `write` puts into the arena.
fn append(into: &mut ChangeBuffer, write: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> Option<Span> {
    let arena = into.arena_mut();
    let start = arena.len();
    write(arena)?;
    into.has_room(0).then(|| into.span_from(start))
}

/// Numbers and what is kept as one; `None`: another kind of value.
#[inline]
fn number_cell(convert: Convert, value: &[u8]) -> Option<Cell> {
    Some(match (convert, value) {
        (Convert::Int1, &[a]) => Cell::Int(i64::from(i8::from_le_bytes([a]))),
        (Convert::Int2, &[a, b]) => Cell::Int(i64::from(i16::from_le_bytes([a, b]))),
        (Convert::Int3, &[a, b, c]) => Cell::Int(i64::from(i32::from_le_bytes([0, a, b, c]) >> 8)),
        (Convert::Int4, &[a, b, c, d]) => Cell::Int(i64::from(i32::from_le_bytes([a, b, c, d]))),
        (Convert::Int8, _) => Cell::Int(i64::from_le_bytes(value.try_into().ok()?)),
        (Convert::UInt1, &[a]) => Cell::UInt(u64::from(a)),
        (Convert::UInt2, &[a, b]) => Cell::UInt(u64::from(u16::from_le_bytes([a, b]))),
        (Convert::UInt3, &[a, b, c]) => Cell::UInt(u64::from(u32::from_le_bytes([a, b, c, 0]))),
        (Convert::UInt4, &[a, b, c, d]) => Cell::UInt(u64::from(u32::from_le_bytes([a, b, c, d]))),
        (Convert::UInt8, _) => Cell::UInt(u64::from_le_bytes(value.try_into().ok()?)),
        (Convert::UIntLittle, _) => {
            Cell::UInt(value.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
        }
        (Convert::UIntBig, _) => Cell::UInt(value.iter().fold(0, |n, &b| n << 8 | u64::from(b))),
        (Convert::Float, &[a, b, c, d]) => Cell::Float(f32::from_le_bytes([a, b, c, d])),
        (Convert::Double, _) => Cell::Double(f64::from_le_bytes(value.try_into().ok()?)),
        (Convert::Year, &[0]) => Cell::Int(0),
        (Convert::Year, &[a]) => Cell::Int(1900 + i64::from(a)),
        _ => return None,
    })
}

fn temporal_cell(convert: Convert, value: &[u8], into: &mut ChangeBuffer) -> Option<Cell> {
    let datetime =
        |value: Option<DateTime>, scale, into: &mut ChangeBuffer| value?.datetime_cell(scale, into);
    match convert {
        Convert::Date => Some(temporal::decode_date(value.try_into().ok()?).date_cell(into)),
        Convert::Time { scale } => Some(Cell::Micros(
            temporal::decode_time2(value, scale)?.signed_micros(),
        )),
        Convert::DateTime { scale } => {
            datetime(temporal::decode_datetime2(value, scale), scale, into)
        }
        Convert::Timestamp { scale } => {
            let micros = temporal::decode_timestamp2(value, scale)?;
            Some(temporal::timestamp_cell(micros, scale, into))
        }
        Convert::TimeOld => {
            let span = temporal::decode_time_old(value.try_into().ok()?)?;
            Some(Cell::Micros(span.signed_micros()))
        }
        Convert::DateTimeOld => datetime(
            temporal::decode_datetime_old(value.try_into().ok()?),
            0,
            into,
        ),
        Convert::TimestampOld => {
            let seconds = i64::from(u32::from_le_bytes(value.try_into().ok()?));
            Some(temporal::timestamp_cell(seconds * 1_000_000, 0, into))
        }
        _ => None,
    }
}

/// UUID, INET4 and INET6 lose trailing zero bytes like BINARY.
fn append_address(convert: Convert, value: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut bytes = [0; 16];
    bytes.get_mut(..value.len())?.copy_from_slice(value);
    match convert {
        Convert::Uuid => net::append_uuid(bytes, out),
        Convert::Inet6 => net::append_inet6(bytes, out),
        _ => net::append_inet4(*bytes.first_chunk()?, out),
    }
    Some(())
}
