//! MariaDB's compressed columns (types 140 and 141) and compressed events.
//!
//! A column value begins with a byte: 0 for bytes stored as they are, else method 8 (deflate) in
//! the high half, a bit for data without zlib's wrapper, and the number of bytes, big-endian, that
//! hold the length. Sources: MariaDB source, `sql/field_comp.cc`, `sql/log_event.cc`.

use flate2::{Decompress, FlushDecompress, Status};

/// Deflate yields at most 1032 bytes for one.
const MAX_RATIO: usize = 1032;
/// No value and no event is longer than the longest packet.
const MAX_BYTES: usize = 1 << 30;

/// Decompresses; keeps its state from value to value.
#[derive(Debug)]
pub(crate) struct Inflater {
    wrapped: Decompress,
    raw: Decompress,
}

impl Default for Inflater {
    fn default() -> Self {
        Self {
            wrapped: Decompress::new(true),
            raw: Decompress::new(false),
        }
    }
}

impl Inflater {
    /// Appends the value of a compressed column; `None` where it is damaged.
    pub(crate) fn column(&mut self, value: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let Some((&head, data)) = value.split_first() else {
            return Some(());
        };
        match head >> 4 {
            0 => out.extend_from_slice(data),
            8 => {
                let (bytes, data) = data.split_at_checked(usize::from(head & 7))?;
                let inflate = if head & 8 == 0 {
                    &mut self.wrapped
                } else {
                    &mut self.raw
                };
                run(inflate, data, big_endian(bytes), head & 8 == 0, out)?;
            }
            _ => return None,
        }
        Some(())
    }

    /// Appends the compressed part of an event: a byte with the method (0, zlib) in bits 4 to 6 and
    /// the number of length bytes in bits 0 to 2, the length big-endian, then zlib's data.
    pub(crate) fn event(&mut self, data: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let (&head, data) = data.split_first()?;
        if head & 0xf0 != 0x80 {
            return None;
        }
        let (bytes, data) = data.split_at_checked(usize::from(head & 7))?;
        run(&mut self.wrapped, data, big_endian(bytes), true, out)
    }
}

fn run(
    inflate: &mut Decompress,
    data: &[u8],
    len: usize,
    wrapped: bool,
    out: &mut Vec<u8>,
) -> Option<()> {
    // what the length claims is believed only as far as the data can hold it
    if len > data.len().saturating_mul(MAX_RATIO).min(MAX_BYTES) {
        return None;
    }
    inflate.reset(wrapped);
    let start = out.len();
    out.resize(start + len, 0);
    let status = inflate.decompress(data, &mut out[start..], FlushDecompress::Finish);
    let complete = inflate.total_out() == u64::try_from(len).ok()?;
    (complete && matches!(status, Ok(Status::StreamEnd))).then_some(())
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |n, &b| n << 8 | usize::from(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &[u8], expect: Option<&[u8]>) {
        let mut out = b"before".to_vec();
        let done = Inflater::default().column(value, &mut out);
        assert_eq!(done.map(|()| &out[6..]), expect, "{value:x?}");
    }

    /// As MariaDB 10.11 wrote them, without and with `column_compression_zlib_wrap`.
    #[test]
    fn a_compressed_column_is_inflated() {
        let raw = [0x8a, 0x01, 0x2c, 0x4b, 0x4c, 0x1c, 0x05, 0xc4, 0x02, 0x00];
        let wrapped = [
            0x82, 0x01, 0x2c, 0x78, 0x9c, 0x4b, 0x4c, 0x1c, 0x05, 0xc4, 0x02, 0x00, 0xd8, 0xa8,
            0x71, 0xad,
        ];
        check(&raw, Some(&[b'a'; 300]));
        check(&wrapped, Some(&[b'a'; 300]));
        check(&[0, b'x'], Some(b"x"));
        check(&[], Some(b""));
        for cut in 1..raw.len() {
            check(&raw[..cut], None);
        }
        for cut in 1..wrapped.len() {
            check(&wrapped[..cut], None);
        }
    }

    #[test]
    fn a_length_that_lies_is_refused() {
        check(&[0x8c, 0xff, 0xff, 0xff, 0xff, 0x4b, 0x04, 0x00], None);
        check(
            &[0x8a, 0x01, 0x2d, 0x4b, 0x4c, 0x1c, 0x05, 0xc4, 0x02, 0x00],
            None,
        );
        check(
            &[0x8a, 0x01, 0x2b, 0x4b, 0x4c, 0x1c, 0x05, 0xc4, 0x02, 0x00],
            None,
        );
        check(&[0x10, 0], None);
    }

    #[test]
    fn one_inflater_serves_many_values() {
        let mut inflater = Inflater::default();
        let mut out = Vec::new();
        assert!(
            inflater
                .column(&[0x8a, 0x01, 0x2c, 0x4b], &mut out)
                .is_none()
        );
        out.clear();
        let value = [0x8a, 0x01, 0x2c, 0x4b, 0x4c, 0x1c, 0x05, 0xc4, 0x02, 0x00];
        for _ in 0..3 {
            inflater.column(&value, &mut out).unwrap();
        }
        assert_eq!(out.len(), 900);
    }
}
