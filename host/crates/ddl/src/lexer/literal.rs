//! Strings, quoted identifiers, numbers, hex and bit literals.

use std::borrow::Cow;

use super::{Kind, Lexer, is_name_byte};

/// Character sets of both servers, for introducers (`_latin1'...'`).
const CHARSETS: &[&str] = &[
    "armscii8", "ascii", "big5", "binary", "cp1250", "cp1251", "cp1256", "cp1257", "cp850",
    "cp852", "cp866", "cp932", "dec8", "eucjpms", "euckr", "gb18030", "gb2312", "gbk", "geostd8",
    "greek", "hebrew", "hp8", "keybcs2", "koi8r", "koi8u", "latin1", "latin2", "latin5", "latin7",
    "macce", "macroman", "sjis", "swe7", "tis620", "ucs2", "ujis", "utf16", "utf16le", "utf32",
    "utf8", "utf8mb3", "utf8mb4",
];

/// Names a character set.
pub(super) fn is_charset(name: &str) -> bool {
    CHARSETS.iter().any(|c| c.eq_ignore_ascii_case(name))
}

impl<'a> Lexer<'a> {
    /// At an opening quote: an identifier, in which the quote is doubled and nothing is escaped.
    pub(super) fn quoted_name(&mut self, quote: u8) -> Kind<'a> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut doubled = false;
        let mut end = start;
        loop {
            match bytes.get(end) {
                None => {
                    self.at = bytes.len();
                    return Kind::Bad("a quoted identifier without end");
                }
                Some(&b) if b == quote && bytes.get(end + 1) == Some(&quote) => {
                    doubled = true;
                    end += 2;
                }
                Some(&b) if b == quote => break,
                Some(_) => end += 1,
            }
        }
        self.at = end + 1;
        let name = &self.text[start..end];
        if !doubled {
            return Kind::Name(Cow::Borrowed(name));
        }
        let one = char::from(quote).to_string();
        Kind::Name(Cow::Owned(name.replace(&one.repeat(2), &one)))
    }

    /// At an opening quote: a string, decoded. Strings that follow each other are one string.
    pub(super) fn text_literal(&mut self, quote: u8) -> Kind<'a> {
        let Some(first) = self.one_text(quote) else {
            return Kind::Bad("a string without end");
        };
        let mut whole = first;
        loop {
            let mark = self.clone();
            if self.skip_blanks().is_err() {
                *self = mark;
                return Kind::Text(whole);
            }
            let next = self.byte(0);
            let quote = match next {
                Some(b'\'') => b'\'',
                Some(b'"') if !self.ansi_quotes => b'"',
                _ => {
                    *self = mark;
                    return Kind::Text(whole);
                }
            };
            match self.one_text(quote) {
                Some(more) => whole.to_mut().push_str(&more),
                None => return Kind::Bad("a string without end"),
            }
        }
    }

    fn one_text(&mut self, quote: u8) -> Option<Cow<'a, str>> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut from = start;
        let mut at = start;
        let mut decoded: Option<String> = None;
        loop {
            let Some(&b) = bytes.get(at) else {
                self.at = bytes.len();
                return None;
            };
            if b == quote {
                if bytes.get(at + 1) != Some(&quote) {
                    break;
                }
                let text = decoded.get_or_insert_default();
                text.push_str(&self.text[from..=at]);
                at += 2;
                from = at;
            } else if b == b'\\' && !self.no_backslash_escapes {
                let escaped = self.text[at + 1..].chars().next();
                let Some(escaped) = escaped else {
                    self.at = bytes.len();
                    return None;
                };
                let text = decoded.get_or_insert_default();
                text.push_str(&self.text[from..at]);
                push_escaped(text, escaped);
                at += 1 + escaped.len_utf8();
                from = at;
            } else {
                at += 1;
            }
        }
        self.at = at + 1;
        let rest = &self.text[from..at];
        Some(match decoded {
            None => Cow::Borrowed(rest),
            Some(mut text) => {
                text.push_str(rest);
                Cow::Owned(text)
            }
        })
    }

    /// At `x'` or `b'`: digits of that base in quotes.
    pub(super) fn quoted_digits(&mut self, base: u32) -> Kind<'a> {
        let after = &self.text[self.at + 2..];
        let Some(len) = after.bytes().position(|b| b == b'\'') else {
            self.at = self.text.len();
            return Kind::Bad("a hex or bit literal without end");
        };
        self.at += 2 + len + 1;
        digits_to_bytes(&after[..len], base).map_or(Kind::Bad("a hex or bit literal"), Kind::Bytes)
    }

    /// At an introducer: the literal behind it, where there is one. `_binary` makes bytes of text.
    pub(super) fn introduced(&mut self, word: &'a str) -> Option<Kind<'a>> {
        let mark = self.clone();
        self.at += word.len();
        let literal = match self.skip_blanks() {
            Err(_) => None,
            Ok(()) => match (self.byte(0), self.byte(1)) {
                (Some(b'\''), _) => Some(self.text_literal(b'\'')),
                (Some(b'"'), _) if !self.ansi_quotes => Some(self.text_literal(b'"')),
                (Some(b'x' | b'X'), Some(b'\'')) => Some(self.quoted_digits(16)),
                (Some(b'b' | b'B'), Some(b'\'')) => Some(self.quoted_digits(2)),
                (Some(b'0'), Some(b'x' | b'b')) => Some(self.word(false)),
                _ => None,
            },
        };
        let Some(literal) = literal else {
            *self = mark;
            return None;
        };
        let binary = word[1..].eq_ignore_ascii_case("binary");
        Some(match literal {
            Kind::Text(text) if binary => Kind::Bytes(text.as_bytes().to_vec()),
            Kind::Bytes(bytes) if !binary => decode(&word[1..], bytes),
            other => other,
        })
    }

    /// A word that begins with a digit: `0x1F`, `0b11`, a number, or an identifier.
    pub(super) fn number_or_word(&mut self, word: &'a str) -> Kind<'a> {
        let base = match word.get(..2) {
            Some("0x") => 16,
            Some("0b") => 2,
            _ => 0,
        };
        if base > 0
            && word.len() > 2
            && let Some(bytes) = digits_to_bytes(&word[2..], base)
        {
            self.at += word.len();
            return Kind::Bytes(bytes);
        }
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        let exponent = word
            .as_bytes()
            .get(digits)
            .is_some_and(|b| b | 0x20 == b'e');
        let number = digits == word.len() || exponent && self.exponent_at(digits).is_some();
        if number {
            return self.number();
        }
        self.at += word.len();
        Kind::Word(word)
    }

    /// A number: digits, fraction, exponent.
    pub(super) fn number(&mut self) -> Kind<'a> {
        let start = self.at;
        self.skip_digits();
        if self.byte(0) == Some(b'.') {
            self.at += 1;
            self.skip_digits();
        }
        if let Some(len) = self.exponent_at(0) {
            self.at += len;
            self.skip_digits();
        }
        if self.byte(0).is_some_and(is_name_byte) {
            while self.byte(0).is_some_and(is_name_byte) {
                self.at += 1;
            }
            return Kind::Bad("a number that runs into a word");
        }
        Kind::Number(&self.text[start..self.at])
    }

    fn skip_digits(&mut self) {
        while self.byte(0).is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// Length of `e`, `e+` or `e-` at that distance where a digit follows.
    fn exponent_at(&self, ahead: usize) -> Option<usize> {
        if self.byte(ahead)? | 0x20 != b'e' {
            return None;
        }
        let len = match self.byte(ahead + 1)? {
            b'+' | b'-' => 2,
            _ => 1,
        };
        self.byte(ahead + len)?.is_ascii_digit().then_some(len)
    }
}

/// MySQL manual, "String Literals", special character escape sequences.
fn push_escaped(text: &mut String, escaped: char) {
    match escaped {
        '0' => text.push('\0'),
        'b' => text.push('\u{8}'),
        'n' => text.push('\n'),
        'r' => text.push('\r'),
        't' => text.push('\t'),
        'Z' => text.push('\u{1a}'),
        '%' | '_' => {
            text.push('\\');
            text.push(escaped);
        }
        other => text.push(other),
    }
}

/// Hex or bit digits, right-aligned in whole bytes; `None` where another character stands there.
fn digits_to_bytes(digits: &str, base: u32) -> Option<Vec<u8>> {
    let per_byte = if base == 16 { 2 } else { 8 };
    let bytes = digits.as_bytes();
    if !bytes.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let first = bytes.len() % per_byte;
    let mut out = Vec::with_capacity(bytes.len() / per_byte + 1);
    let head = (first > 0).then(|| &digits[..first]);
    let tail = bytes[first..].chunks(per_byte).map(std::str::from_utf8);
    for part in head.into_iter().map(Ok).chain(tail) {
        out.push(u8::from_str_radix(part.ok()?, base).ok()?);
    }
    Some(out)
}

/// Bytes of a literal with an introducer as text, where the character set is a common one.
fn decode<'a>(charset: &str, bytes: Vec<u8>) -> Kind<'a> {
    let text = match charset.to_ascii_lowercase().as_str() {
        "utf8" | "utf8mb3" | "utf8mb4" => String::from_utf8(bytes.clone()).ok(),
        _ => bytes
            .is_ascii()
            .then(|| bytes.iter().map(|&b| char::from(b)).collect()),
    };
    match text {
        Some(text) if !charset.starts_with("ucs") && !charset.starts_with("utf16") => {
            Kind::Text(Cow::Owned(text))
        }
        _ => Kind::Bytes(bytes),
    }
}
