//! MySQL's binary JSON to the text that `CAST(.. AS CHAR)` prints.
//!
//! Members stand in the stored order (by length, then bytes), values that JSON does not have are
//! printed as MySQL prints them: a double that is whole as `1.0`, a decimal as its digits, dates
//! and times as strings, other opaque values as `base64:typeN:..`. Format: MySQL source,
//! `sql-common/json_binary.h`; text: `sql-common/json_dom.cc`, `strings/dtoa.cc`.
//!
//! A document may lie about its offsets. Every step is paid from a budget of the document's length,
//! so that no document, however made, costs more than reading it once.

use std::io::Write;

use super::temporal::{DateTime, Span};
use super::{base64, decimal};

/// MySQL refuses documents that are nested deeper.
pub(super) const MAX_DEPTH: u32 = 100;

pub(super) const SMALL_OBJECT: u8 = 0x00;
pub(super) const LARGE_OBJECT: u8 = 0x01;
pub(super) const SMALL_ARRAY: u8 = 0x02;
pub(super) const LARGE_ARRAY: u8 = 0x03;
const LITERAL: u8 = 0x04;
const INT16: u8 = 0x05;
const UINT16: u8 = 0x06;
const INT32: u8 = 0x07;
const UINT32: u8 = 0x08;
const INT64: u8 = 0x09;
const UINT64: u8 = 0x0a;
const DOUBLE: u8 = 0x0b;
const STRING: u8 = 0x0c;
const OPAQUE: u8 = 0x0f;

/// Column types that an opaque value may have and that are not printed as base64.
const TYPE_TIMESTAMP: u8 = 7;
const TYPE_DATE: u8 = 10;
const TYPE_TIME: u8 = 11;
const TYPE_DATETIME: u8 = 12;
const TYPE_NEWDECIMAL: u8 = 246;

/// Appends a document as text; `None` where it is damaged, `out` then ends anywhere. An empty
/// document is `null`, as the servers read it.
pub fn append(document: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let Some((&kind, data)) = document.split_first() else {
        out.extend_from_slice(b"null");
        return Some(());
    };
    let start = out.len();
    let mut budget = Budget::new(document.len());
    append_value(kind, data, 0, &mut budget, out)?;
    std::str::from_utf8(&out[start..]).ok()?;
    Some(())
}

/// What reading a document may still cost, in bytes of the document.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    pub(super) fn spend(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.checked_sub(bytes)?;
        Some(())
    }
}

fn append_value(
    kind: u8,
    data: &[u8],
    depth: u32,
    budget: &mut Budget,
    out: &mut Vec<u8>,
) -> Option<()> {
    if kind > LARGE_ARRAY {
        return append_scalar(kind, data, budget, out);
    }
    if depth >= MAX_DEPTH {
        return None;
    }
    let container = Container::open(kind, data, budget)?;
    out.push(if container.object { b'{' } else { b'[' });
    for index in 0..container.count {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        if container.object {
            let key = container.key(index)?;
            budget.spend(key.len())?;
            push_string(key, out);
            out.extend_from_slice(b": ");
        }
        let (kind, data) = container.value(index)?;
        append_value(kind, data, depth + 1, budget, out)?;
    }
    out.push(if container.object { b'}' } else { b']' });
    Some(())
}

/// An object or array: counts and offsets take 2 bytes in the small form, 4 in the large one.
pub(super) struct Container<'a> {
    pub(super) object: bool,
    large: bool,
    pub(super) count: usize,
    data: &'a [u8],
}

impl<'a> Container<'a> {
    /// Reads the head; the entries are paid for at once.
    pub(super) fn open(kind: u8, data: &'a [u8], budget: &mut Budget) -> Option<Self> {
        let (object, large) = match kind {
            SMALL_OBJECT => (true, false),
            LARGE_OBJECT => (true, true),
            SMALL_ARRAY => (false, false),
            LARGE_ARRAY => (false, true),
            _ => return None,
        };
        let mut container = Self {
            object,
            large,
            count: 0,
            data,
        };
        container.count = container.number(0)?;
        let size = container.number(container.width())?;
        container.data = data.get(..size)?;
        let entry = container.value_entry() + if object { container.key_entry() } else { 0 };
        budget.spend(container.count.checked_mul(entry)?)?;
        Some(container)
    }

    fn width(&self) -> usize {
        if self.large { 4 } else { 2 }
    }

    fn key_entry(&self) -> usize {
        self.width() + 2
    }

    fn value_entry(&self) -> usize {
        self.width() + 1
    }

    fn number(&self, at: usize) -> Option<usize> {
        let bytes = self.data.get(at..)?;
        if self.large {
            usize::try_from(u32::from_le_bytes(*bytes.first_chunk()?)).ok()
        } else {
            Some(usize::from(u16::from_le_bytes(*bytes.first_chunk()?)))
        }
    }

    pub(super) fn key(&self, index: usize) -> Option<&'a [u8]> {
        let entry = 2 * self.width() + index * self.key_entry();
        let start = self.number(entry)?;
        let len = self.data.get(entry + self.width()..)?.first_chunk()?;
        let end = start.checked_add(usize::from(u16::from_le_bytes(*len)))?;
        self.data.get(start..end)
    }

    /// Type and bytes of a value; the bytes may run on behind its end.
    pub(super) fn value(&self, index: usize) -> Option<(u8, &'a [u8])> {
        let keys = if self.object {
            self.count * self.key_entry()
        } else {
            0
        };
        let entry = 2 * self.width() + keys + index * self.value_entry();
        let kind = *self.data.get(entry)?;
        let inlined = match kind {
            LITERAL | INT16 | UINT16 => true,
            INT32 | UINT32 => self.large,
            _ => false,
        };
        let start = if inlined {
            entry + 1
        } else {
            self.number(entry + 1)?
        };
        Some((kind, self.data.get(start..)?))
    }
}

/// Appends a value that is neither object nor array.
pub(super) fn append_scalar(
    kind: u8,
    data: &[u8],
    budget: &mut Budget,
    out: &mut Vec<u8>,
) -> Option<()> {
    match kind {
        LITERAL => out.extend_from_slice(match data.first()? {
            0 => b"null",
            1 => b"true",
            2 => b"false",
            _ => return None,
        }),
        INT16 => push_display(i16::from_le_bytes(*data.first_chunk()?), out),
        UINT16 => push_display(u16::from_le_bytes(*data.first_chunk()?), out),
        INT32 => push_display(i32::from_le_bytes(*data.first_chunk()?), out),
        UINT32 => push_display(u32::from_le_bytes(*data.first_chunk()?), out),
        INT64 => push_display(i64::from_le_bytes(*data.first_chunk()?), out),
        UINT64 => push_display(u64::from_le_bytes(*data.first_chunk()?), out),
        DOUBLE => push_double(f64::from_le_bytes(*data.first_chunk()?), out)?,
        STRING => push_string(counted(data, budget)?, out),
        OPAQUE => {
            let (&field_type, data) = data.split_first()?;
            append_opaque(field_type, counted(data, budget)?, out)?;
        }
        _ => return None,
    }
    Some(())
}

/// Bytes behind their length, which is written seven bits a byte, low ones first.
fn counted<'a>(data: &'a [u8], budget: &mut Budget) -> Option<&'a [u8]> {
    let mut len = 0_usize;
    for (at, &byte) in data.iter().enumerate().take(5) {
        len |= usize::from(byte & 0x7f).checked_shl(7 * u32::try_from(at).ok()?)?;
        if byte & 0x80 == 0 {
            budget.spend(len)?;
            return data.get(at + 1..)?.get(..len);
        }
    }
    None
}

fn append_opaque(field_type: u8, data: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let packed = || data.try_into().ok().map(i64::from_le_bytes);
    match field_type {
        TYPE_NEWDECIMAL => {
            let (&[precision, scale], digits) = data.split_first_chunk()?;
            return decimal::append(digits, precision, scale, out);
        }
        TYPE_DATE => {
            let date = DateTime::unpack(packed()?)?;
            out.push(b'"');
            date.push_date(out);
        }
        TYPE_DATETIME | TYPE_TIMESTAMP => {
            let value = DateTime::unpack(packed()?)?;
            out.push(b'"');
            value.push_datetime(6, out);
        }
        TYPE_TIME => {
            let value = Span::unpack(packed()?)?;
            out.push(b'"');
            value.push(6, out);
        }
        _ => {
            out.extend_from_slice(b"\"base64:type");
            push_display(field_type, out);
            out.push(b':');
            // MySQL breaks its base64 into lines, and escapes the line feeds
            for (line, chunk) in data.chunks(57).enumerate() {
                if line > 0 {
                    out.extend_from_slice(b"\\n");
                }
                base64::append(chunk, out);
            }
        }
    }
    out.push(b'"');
    Some(())
}

fn push_display(number: impl std::fmt::Display, out: &mut Vec<u8>) {
    // writing into a Vec cannot fail
    let _ = write!(out, "{number}");
}

/// The shortest digits that read back as the number, in the form of MySQL's `my_gcvt`: with an
/// exponent below 1e-15 and from 1e15 on, but for 17 digits of which one is a fraction.
fn push_double(number: f64, out: &mut Vec<u8>) -> Option<()> {
    if !number.is_finite() {
        return None;
    }
    if number == 0.0 {
        let zero: &[u8] = if number.is_sign_negative() {
            b"-0.0"
        } else {
            b"0.0"
        };
        out.extend_from_slice(zero);
        return Some(());
    }
    // `-d.ddde-xx`, at most 24 bytes
    let mut text = [0; 32];
    let mut rest = &mut text[..];
    write!(rest, "{number:e}").ok()?;
    let unused = rest.len();
    let text = std::str::from_utf8(&text[..32 - unused]).ok()?;
    let (mantissa, exponent) = text.split_once('e')?;
    let point = exponent.parse::<i32>().ok()? + 1;
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (first, others) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let count = i32::try_from(1 + others.len()).ok()?;
    out.extend_from_slice(sign.as_bytes());
    if !((-14..=15).contains(&point) || point == 16 && count == 17) {
        out.extend_from_slice(&text.as_bytes()[sign.len()..]);
        return Some(());
    }
    if point <= 0 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', usize::try_from(-point).ok()?));
        out.extend_from_slice(first.as_bytes());
        out.extend_from_slice(others.as_bytes());
        return Some(());
    }
    out.extend_from_slice(first.as_bytes());
    let whole = usize::try_from(point - 1).ok()?;
    if point >= count {
        out.extend_from_slice(others.as_bytes());
        out.extend(std::iter::repeat_n(b'0', whole - others.len()));
        out.extend_from_slice(b".0");
    } else {
        out.extend_from_slice(&others.as_bytes()[..whole]);
        out.push(b'.');
        out.extend_from_slice(&others.as_bytes()[whole..]);
    }
    Some(())
}

/// Quoted, with JSON's escapes; what is above ASCII stays as it is.
pub(super) fn push_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut plain = 0;
    for (at, &byte) in text.iter().enumerate() {
        let escape = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            0x08 => b"\\b",
            0x09 => b"\\t",
            0x0a => b"\\n",
            0x0c => b"\\f",
            0x0d => b"\\r",
            0..0x20 => b"\\u",
            _ => continue,
        };
        out.extend_from_slice(&text[plain..at]);
        out.extend_from_slice(escape);
        if escape == b"\\u" {
            let _ = write!(out, "{byte:04x}");
        }
        plain = at + 1;
    }
    out.extend_from_slice(&text[plain..]);
    out.push(b'"');
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
