//! Geometries: the source's SRID and WKB as PostGIS's EWKB.
//!
//! The source stores the SRID in four little-endian bytes, then WKB. EWKB is WKB whose type word
//! has bit 0x20000000 set and is followed by the SRID, unless that is 0. Coordinates stay as they
//! are: the source stores x before y whatever the reference system shows. Sources: MySQL manual,
//! "Supported Spatial Data Formats"; PostGIS manual, "OpenGIS WKB and WKT".

use super::sink::{Sink, push_hex};
use crate::error::EncodeError;

const HAS_SRID: u32 = 0x2000_0000;

/// A geometry, split where the SRID goes in.
pub(super) struct Ewkb<'a> {
    /// Byte order, type and, unless it is 0, SRID.
    head: [u8; 9],
    head_len: usize,
    /// Everything behind the type.
    body: &'a [u8],
}

impl<'a> Ewkb<'a> {
    /// Splits the source's form. The inside of the geometry is not looked at.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, EncodeError> {
        let (srid, wkb) = bytes
            .split_first_chunk::<4>()
            .ok_or(EncodeError::InvalidGeometry)?;
        let srid = u32::from_le_bytes(*srid);
        let (start, body) = wkb
            .split_first_chunk::<5>()
            .ok_or(EncodeError::InvalidGeometry)?;
        let [order, kind @ ..] = *start;
        let big_endian = order == 0;
        let kind = if big_endian {
            u32::from_be_bytes(kind)
        } else {
            u32::from_le_bytes(kind)
        };
        if order > 1 || !(1..=7).contains(&kind) {
            return Err(EncodeError::InvalidGeometry);
        }
        let write = |word: u32| {
            if big_endian {
                word.to_be_bytes()
            } else {
                word.to_le_bytes()
            }
        };
        let mut head = [order; 9];
        let flags = if srid == 0 { 0 } else { HAS_SRID };
        head[1..5].copy_from_slice(&write(kind | flags));
        head[5..].copy_from_slice(&write(srid));
        let head_len = if srid == 0 { 5 } else { 9 };
        Ok(Self {
            head,
            head_len,
            body,
        })
    }

    /// The two parts in order.
    pub(super) fn parts(&self) -> [&[u8]; 2] {
        [&self.head[..self.head_len], self.body]
    }

    /// Appends it as hex, which is PostGIS's input syntax.
    pub(super) fn push_hex(&self, out: &mut impl Sink) {
        for part in self.parts() {
            push_hex(out, part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> Result<String, EncodeError> {
        let mut out = String::new();
        Ewkb::parse(bytes)?.push_hex(&mut out);
        Ok(out)
    }

    #[test]
    fn the_srid_goes_behind_the_type() {
        let mut point = vec![0xe6, 0x10, 0, 0, 1, 1, 0, 0, 0];
        point.extend_from_slice(&[0; 16]);
        let zeros = "0".repeat(32);
        assert_eq!(hex(&point).unwrap(), format!("0101000020e6100000{zeros}"));
        point[..4].fill(0);
        assert_eq!(hex(&point).unwrap(), format!("0101000000{zeros}"));
    }

    #[test]
    fn an_empty_collection_is_kept() {
        let empty = [0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(hex(&empty).unwrap(), "010700000000000000");
    }

    #[test]
    fn what_is_no_geometry_is_refused() {
        for bytes in [
            &[][..],
            &[0; 8],
            &[0, 0, 0, 0, 2, 1, 0, 0, 0],
            &[0, 0, 0, 0, 1, 9, 0, 0, 0],
        ] {
            assert_eq!(hex(bytes), Err(EncodeError::InvalidGeometry));
        }
    }
}
