//! Character data of the source to UTF-8.
//!
//! A decoder is chosen once per column by the character set's name. Text that is already UTF-8 is
//! checked and copied. Bytes that the character set does not know become [`Cell::Odd`] with the
//! bytes as they are; no character is ever replaced.

use chameleon_model::{Cell, ChangeBuffer};

use super::multi_byte::MultiByte;
use super::single_byte as single;

/// A character set of MySQL or MariaDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset(Form);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `utf8mb4`, and `utf8mb3`, whose text is valid `utf8mb4`.
    Utf8,
    Ascii,
    /// The upper half of the code; the lower is ASCII.
    Single(&'static [u16; 128]),
    /// Swedish ASCII: seven bits, ten of them other letters.
    Swe7,
    Multi(MultiByte),
    /// `ucs2`: 16 bits, big-endian, no surrogates.
    Ucs2,
    Utf16,
    Utf16Le,
    Utf32,
}

impl Charset {
    /// UTF-8, which is also what JSON is stored in.
    pub const UTF8: Self = Self(Form::Utf8);

    /// The character set of that name, as `information_schema` spells it. `None`: not known, or
    /// `binary`, whose data is no text.
    pub fn named(name: &str) -> Option<Self> {
        let form = match name {
            "utf8mb4" | "utf8mb3" | "utf8" => Form::Utf8,
            "ascii" => Form::Ascii,
            "armscii8" => Form::Single(&single::ARMSCII8),
            "cp1250" => Form::Single(&single::CP1250),
            "cp1251" => Form::Single(&single::CP1251),
            "cp1256" => Form::Single(&single::CP1256),
            "cp1257" => Form::Single(&single::CP1257),
            "cp850" => Form::Single(&single::CP850),
            "cp852" => Form::Single(&single::CP852),
            "cp866" => Form::Single(&single::CP866),
            "dec8" => Form::Single(&single::DEC8),
            "geostd8" => Form::Single(&single::GEOSTD8),
            "greek" => Form::Single(&single::GREEK),
            "hebrew" => Form::Single(&single::HEBREW),
            "hp8" => Form::Single(&single::HP8),
            "keybcs2" => Form::Single(&single::KEYBCS2),
            "koi8r" => Form::Single(&single::KOI8R),
            "koi8u" => Form::Single(&single::KOI8U),
            "latin1" => Form::Single(&single::LATIN1),
            "latin2" => Form::Single(&single::LATIN2),
            "latin5" => Form::Single(&single::LATIN5),
            "latin7" => Form::Single(&single::LATIN7),
            "macce" => Form::Single(&single::MACCE),
            "macroman" => Form::Single(&single::MACROMAN),
            "tis620" => Form::Single(&single::TIS620),
            "swe7" => Form::Swe7,
            "big5" => Form::Multi(MultiByte::Big5),
            "cp932" => Form::Multi(MultiByte::Cp932),
            "sjis" => Form::Multi(MultiByte::Sjis),
            "ujis" => Form::Multi(MultiByte::Ujis),
            "eucjpms" => Form::Multi(MultiByte::EucJpMs),
            "euckr" => Form::Multi(MultiByte::EucKr),
            "gb2312" => Form::Multi(MultiByte::Gb2312),
            "gbk" => Form::Multi(MultiByte::Gbk),
            "gb18030" => Form::Multi(MultiByte::Gb18030),
            "ucs2" => Form::Ucs2,
            "utf16" => Form::Utf16,
            "utf16le" => Form::Utf16Le,
            "utf32" => Form::Utf32,
            _ => return None,
        };
        Some(Self(form))
    }

    /// Bytes of a blank in this character set, with which `CHAR` is padded.
    pub fn blank(self) -> &'static [u8] {
        match self.0 {
            Form::Ucs2 | Form::Utf16 => &[0, 0x20],
            Form::Utf16Le => &[0x20, 0],
            Form::Utf32 => &[0, 0, 0, 0x20],
            _ => b" ",
        }
    }

    /// Puts text into the buffer: `Text` in UTF-8, or `Odd` with the bytes as they came.
    pub fn cell(self, bytes: &[u8], buffer: &mut ChangeBuffer) -> Cell {
        if self.0 == Form::Utf8 {
            // the hot path: one check, one copy
            let valid = std::str::from_utf8(bytes).is_ok();
            let span = buffer.put(bytes);
            return if valid {
                Cell::Text(span)
            } else {
                Cell::Odd(span)
            };
        }
        let start = buffer.arena_mut().len();
        if self.append(bytes, buffer.arena_mut()) {
            Cell::Text(buffer.span_from(start))
        } else {
            buffer.arena_mut().truncate(start);
            Cell::Odd(buffer.put(bytes))
        }
    }

    /// Appends text as UTF-8; `false` where it is invalid, `out` then ends anywhere.
    pub fn append(self, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        match self.0 {
            Form::Utf8 => {
                out.extend_from_slice(bytes);
                std::str::from_utf8(bytes).is_ok()
            }
            Form::Ascii => {
                out.extend_from_slice(bytes);
                bytes.is_ascii()
            }
            Form::Single(upper) => append_single(upper, bytes, out),
            Form::Swe7 => bytes.iter().all(|&b| push_if(out, swe7(b))),
            Form::Multi(_) if bytes.is_ascii() => {
                out.extend_from_slice(bytes);
                true
            }
            Form::Multi(form) => form.append(bytes, out),
            Form::Ucs2 => {
                let (units, rest) = bytes.as_chunks::<2>();
                let mut chars = units.iter().map(|&u| u32::from(u16::from_be_bytes(u)));
                rest.is_empty() && chars.all(|c| push_if(out, char::from_u32(c)))
            }
            Form::Utf16 => append_utf16(bytes, u16::from_be_bytes, out),
            Form::Utf16Le => append_utf16(bytes, u16::from_le_bytes, out),
            Form::Utf32 => {
                let (units, rest) = bytes.as_chunks::<4>();
                let mut chars = units.iter().map(|&u| u32::from_be_bytes(u));
                rest.is_empty() && chars.all(|c| push_if(out, char::from_u32(c)))
            }
        }
    }
}

fn append_single(upper: &[u16; 128], bytes: &[u8], out: &mut Vec<u8>) -> bool {
    if bytes.is_ascii() {
        out.extend_from_slice(bytes);
        return true;
    }
    for &byte in bytes {
        match usize::from(byte).checked_sub(128) {
            None => out.push(byte),
            Some(at) => match char::from_u32(u32::from(upper[at])) {
                None | Some('\u{fffd}') => return false,
                Some(c) => push_char(out, c),
            },
        }
    }
    true
}

fn append_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, out: &mut Vec<u8>) -> bool {
    let (units, rest) = bytes.as_chunks::<2>();
    let mut chars = char::decode_utf16(units.iter().map(|&u| unit(u)));
    rest.is_empty() && chars.all(|c| push_if(out, c.ok()))
}

fn swe7(byte: u8) -> Option<char> {
    Some(match byte {
        0x40 => 'É',
        0x5b => 'Ä',
        0x5c => 'Ö',
        0x5d => 'Å',
        0x5e => 'Ü',
        0x60 => 'é',
        0x7b => 'ä',
        0x7c => 'ö',
        0x7d => 'å',
        0x7e => 'ü',
        0..=0x7e => char::from(byte),
        _ => return None,
    })
}

fn push_if(out: &mut Vec<u8>, character: Option<char>) -> bool {
    character.map(|c| push_char(out, c)).is_some()
}

pub(super) fn push_char(out: &mut Vec<u8>, character: char) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(charset: &str, bytes: &[u8], expect: Result<&str, &[u8]>) {
        let mut buffer = ChangeBuffer::default();
        buffer.put(b"before");
        let cell = Charset::named(charset).unwrap().cell(bytes, &mut buffer);
        match (cell, expect) {
            (Cell::Text(span), Ok(text)) => {
                assert_eq!(buffer.slice(span), text.as_bytes(), "{charset}");
            }
            (Cell::Odd(span), Err(raw)) => assert_eq!(buffer.slice(span), raw, "{charset}"),
            other => panic!("{charset} {bytes:x?}: {other:?}"),
        }
    }

    #[test]
    fn latin1_is_cp1252_with_control_characters_in_its_gaps() {
        check("latin1", b"\x80\xe4\x81", Ok("€ä\u{81}"));
        check("latin1", b"plain", Ok("plain"));
    }

    #[test]
    fn text_of_every_family_becomes_utf8() {
        check("utf8mb4", "ä🦎".as_bytes(), Ok("ä🦎"));
        check("ascii", b"a", Ok("a"));
        check("swe7", b"[}", Ok("Äå"));
        check("koi8r", b"\xc1", Ok("а"));
        check("cp1256", b"\x81", Ok("پ"));
        check("ucs2", b"\x00a\x20\xac", Ok("a€"));
        check("utf16", b"\xd8\x3e\xdd\x8e", Ok("🦎"));
        check("utf16le", b"\x3e\xd8\x8e\xdd", Ok("🦎"));
        check("utf32", b"\x00\x01\xf9\x8e", Ok("🦎"));
        check("gbk", b"a\xc4\xe3", Ok("a你"));
        check(
            "gb18030",
            b"\x81\x35\xf4\x37\xc4\xe3\x90\x30\x81\x30",
            Ok("\u{e7c7}你𐀀"),
        );
        check("big5", b"\xa7\x41", Ok("你"));
        check("euckr", b"\xb0\xa1", Ok("가"));
        check("cp932", b"\x82\xa0\xb1\x81\x60", Ok("あｱ～"));
        check("eucjpms", b"\xa4\xa2\x8e\xb1\x8f\xb0\xa1", Ok("あｱ丂"));
    }

    #[test]
    fn where_the_servers_differ_from_the_web_the_servers_are_followed() {
        check("sjis", b"a\x81\x60\x82\xa0\x81\x5f", Ok("a〜あ\\"));
        check("ujis", b"\xa1\xc1\xa4\xa2\x8f\xa2\xb7", Ok("〜あ~"));
        check("eucjpms", b"\x8f\xf4\xae", Ok("炻"));
        check("big5", b"\xa1\x45\xc7\xf3", Ok("•⑴"));
        check("gb2312", b"\xa1\xaa\xc4\xe3", Ok("―你"));
        check("gb18030", b"\xa6\xd9", Ok("\u{e78d}"));
    }

    #[test]
    fn bytes_that_the_character_set_does_not_know_are_kept_as_they_are() {
        for (charset, bytes) in [
            ("utf8mb4", &b"a\xff"[..]),
            ("utf8mb3", b"\xed\xa0\x80"),
            ("ascii", b"a\x80"),
            ("cp1251", b"a\x98"),
            ("swe7", b"\x7f"),
            ("ucs2", b"\x00a\xd8\x00"),
            ("ucs2", b"\x00"),
            ("utf16", b"\xd8\x00\x00a"),
            ("utf32", b"\x00\x11\x00\x00"),
            ("gbk", b"a\xc4"),
            ("big5", b"\xa1\x45\xc7"),
            ("sjis", b"\x82"),
        ] {
            check(charset, bytes, Err(bytes));
        }
    }

    #[test]
    fn binary_is_no_text() {
        assert_eq!(Charset::named("binary"), None);
        assert_eq!(Charset::named("ebcdic"), None);
    }
}
