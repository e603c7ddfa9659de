//! Source values: bytes of the binlog and of result sets into cells.
//!
//! Copy and stream use the same functions, so that they give the same cells for the same row.

mod base64;
pub mod charset;
mod collation;
pub mod decimal;
pub(crate) mod inflate;
pub mod json;
pub(crate) mod json_diff;
mod multi_byte;
pub mod net;
mod single_byte;
pub mod temporal;

use chameleon_model::{Cell, ChangeBuffer};

pub use collation::charset_of_collation;

/// Puts a BINARY(n) into the buffer, padded on the right to its `width` with the zero bytes that
/// the binlog leaves out.
pub fn pad_binary(bytes: &[u8], width: usize, buffer: &mut ChangeBuffer) -> Cell {
    let span = buffer.put(bytes);
    let missing = width.saturating_sub(bytes.len());
    if missing == 0 {
        return Cell::Bytes(span);
    }
    let start = buffer.arena_mut().len() - bytes.len();
    let arena = buffer.arena_mut();
    arena.resize(arena.len() + missing, 0);
    Cell::Bytes(buffer.span_from(start))
}

#[test]
fn a_binary_column_gets_its_trailing_zeros_back() {
    let mut buffer = ChangeBuffer::default();
    buffer.put(b"before");
    let cell = pad_binary(b"a", 3, &mut buffer);
    assert!(matches!(cell, Cell::Bytes(span) if buffer.slice(span) == b"a\0\0"));
    let cell = pad_binary(b"abc", 3, &mut buffer);
    assert!(matches!(cell, Cell::Bytes(span) if buffer.slice(span) == b"abc"));
}
