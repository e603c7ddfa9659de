//! Where text goes: raw bytes, a string, or the inside of a JSON string.

/// Takes text in pieces.
pub(super) trait Sink {
    /// Appends text that needs no escaping anywhere: no quote, backslash or control character.
    fn plain(&mut self, text: &str);

    /// Appends any text.
    fn text(&mut self, text: &str);
}

impl Sink for Vec<u8> {
    fn plain(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }

    fn text(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }
}

impl Sink for String {
    fn plain(&mut self, text: &str) {
        self.push_str(text);
    }

    fn text(&mut self, text: &str) {
        self.push_str(text);
    }
}

/// The inside of a JSON string (RFC 8259, section 7).
pub(super) struct JsonString<'a>(pub(super) &'a mut String);

impl Sink for JsonString<'_> {
    fn plain(&mut self, text: &str) {
        self.0.push_str(text);
    }

    fn text(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = first_escape(rest.as_bytes()) {
            self.0.push_str(&rest[..at]);
            // what needs an escape is one ASCII byte
            match rest.as_bytes()[at] {
                b'"' => self.0.push_str("\\\""),
                b'\\' => self.0.push_str("\\\\"),
                b'\n' => self.0.push_str("\\n"),
                b'\r' => self.0.push_str("\\r"),
                b'\t' => self.0.push_str("\\t"),
                control => {
                    self.0.push_str("\\u00");
                    push_hex(self.0, &[control]);
                }
            }
            rest = &rest[at + 1..];
        }
        self.0.push_str(rest);
    }
}

/// Where the first byte stands that needs an escape. Whole blocks are looked at without a branch
/// per byte.
fn first_escape(bytes: &[u8]) -> Option<usize> {
    let (blocks, _) = bytes.as_chunks::<16>();
    let is_clean = |block: &&[u8; 16]| !block.iter().fold(false, |any, &b| any | needs_escape(b));
    let start = blocks.iter().take_while(is_clean).count() * 16;
    let rest = &bytes[start..];
    rest.iter()
        .position(|&b| needs_escape(b))
        .map(|at| start + at)
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// Appends bytes as lowercase hex.
pub(super) fn push_hex(out: &mut impl Sink, bytes: &[u8]) {
    let mut digits = [0u8; 128];
    for chunk in bytes.chunks(digits.len() / 2) {
        let digits = &mut digits[..chunk.len() * 2];
        for (pair, &byte) in digits.chunks_exact_mut(2).zip(chunk) {
            pair.copy_from_slice(&lower_pair(byte));
        }
        out.plain(std::str::from_utf8(digits).unwrap_or_default());
    }
}

/// Appends bytes as uppercase hex, in ASCII.
pub(super) fn put_upper_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() * 2);
    for &byte in bytes {
        out.extend_from_slice(&upper_pair(byte));
    }
}

/// The two uppercase hex digits of a byte.
pub(super) fn upper_pair(byte: u8) -> [u8; 2] {
    hex_pair(byte, UPPER)
}

/// The two lowercase hex digits of a byte.
pub(super) fn lower_pair(byte: u8) -> [u8; 2] {
    hex_pair(byte, LOWER)
}

fn hex_pair(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    [
        digits[usize::from(byte >> 4)],
        digits[usize::from(byte & 15)],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_string_escapes_what_must_be() {
        let mut out = String::new();
        JsonString(&mut out).text("a\"b\\c\nd\u{1}é🦎\u{7f}");
        assert_eq!(out, "a\\\"b\\\\c\\nd\\u0001é🦎\u{7f}");
    }

    #[test]
    fn an_escape_is_found_wherever_it_stands() {
        for length in [1, 31, 32, 33, 64, 65, 100] {
            for at in 0..length {
                let mut text = vec![b'x'; length];
                text[at] = b'"';
                let text = String::from_utf8(text).unwrap();
                let mut out = String::new();
                JsonString(&mut out).text(&text);
                assert_eq!(out, text.replace('"', "\\\""));
            }
        }
    }

    #[test]
    fn hex_is_whole_over_the_chunk_size() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut out = String::new();
        push_hex(&mut out, &bytes);
        let expect: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(out, expect);
    }
}
