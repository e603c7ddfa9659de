//! JSON documents by meaning: keys sorted, of equal keys the last one, numbers by value.
//!
//! A parser of its own, because numbers must keep all their digits: 18446744073709551615 is not
//! 18446744073709551616, and 1.10 is 1.1.

use std::collections::BTreeMap;
use std::fmt::Write;

use chameleon_model::NulPolicy;

/// Deeper documents are compared as they stand; MySQL takes at most 100 levels.
const MAX_DEPTH: usize = 200;

/// The canonical text of a document, or `None` where it is none. The policy says what becomes of
/// U+0000 in strings and keys.
pub(crate) fn canonical(bytes: &[u8], policy: NulPolicy) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut reader = Reader { rest: text, policy };
    let mut out = String::with_capacity(text.len());
    reader.value(0, &mut out)?;
    reader.skip_blanks();
    reader.rest.is_empty().then_some(out)
}

struct Reader<'t> {
    rest: &'t str,
    policy: NulPolicy,
}

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip_blanks();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize, out: &mut String) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_blanks();
        match self.rest.chars().next()? {
            '{' => self.object(depth, out),
            '[' => self.array(depth, out),
            '"' => {
                let text = self.string()?;
                push_string(&text, out);
                Some(())
            }
            '-' | '0'..='9' => self.number(out),
            _ => {
                let word = ["true", "false", "null"]
                    .into_iter()
                    .find(|word| self.take(word))?;
                out.push_str(word);
                Some(())
            }
        }
    }

    fn object(&mut self, depth: usize, out: &mut String) -> Option<()> {
        self.take("{");
        let mut members = BTreeMap::new();
        if !self.take("}") {
            loop {
                self.skip_blanks();
                let key = self.string()?;
                if !self.take(":") {
                    return None;
                }
                let mut value = String::new();
                self.value(depth + 1, &mut value)?;
                members.insert(key, value);
                if self.take("}") {
                    break;
                }
                if !self.take(",") {
                    return None;
                }
            }
        }
        out.push('{');
        for (index, (key, value)) in members.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            push_string(key, out);
            out.push(':');
            out.push_str(value);
        }
        out.push('}');
        Some(())
    }

    fn array(&mut self, depth: usize, out: &mut String) -> Option<()> {
        self.take("[");
        out.push('[');
        if !self.take("]") {
            loop {
                self.value(depth + 1, out)?;
                if self.take("]") {
                    break;
                }
                if !self.take(",") {
                    return None;
                }
                out.push(',');
            }
        }
        out.push(']');
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut chars = self.rest.strip_prefix('"')?.chars();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => {
                    let c = escape(&mut chars)?;
                    self.push(c, &mut text);
                }
                c => self.push(c, &mut text),
            }
        }
        self.rest = chars.as_str();
        Some(text)
    }

    fn push(&self, c: char, text: &mut String) {
        match (c, self.policy) {
            ('\0', NulPolicy::Strip) => {}
            ('\0', NulPolicy::Replace) => text.push('\u{fffd}'),
            _ => text.push(c),
        }
    }

    /// Significant digits and the power of ten of the last one: `1.50` is `15e-1`.
    fn number(&mut self, out: &mut String) -> Option<()> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_digit() && !"+-.eE".contains(c));
        let (number, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        let (negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number),
        };
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if whole.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let exponent: i64 = exponent.parse().ok()?;
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let significant = digits.trim_end_matches('0');
        let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            out.push('0');
            return Some(());
        }
        if negative {
            out.push('-');
        }
        write!(out, "{significant}e{}", exponent.checked_add(zeros)?).ok()
    }
}

fn escape(chars: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match chars.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let high = hex4(chars)?;
            if !(0xd800..0xdc00).contains(&high) {
                return char::from_u32(high);
            }
            if chars.next()? != '\\' || chars.next()? != 'u' {
                return None;
            }
            let low = hex4(chars)?
                .checked_sub(0xdc00)
                .filter(|low| *low < 0x400)?;
            char::from_u32(0x10000 + ((high - 0xd800) << 10) + low)?
        }
        c @ ('"' | '\\' | '/') => c,
        _ => return None,
    })
}

fn hex4(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    let digits: String = chars.by_ref().take(4).collect();
    let fits = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    fits.then(|| u32::from_str_radix(&digits, 16).ok())
        .flatten()
}

/// Only what must be escaped is.
fn push_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\0'..='\u{1f}' => {
                // writing to a String does not fail
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_equal_by_meaning() {
        let check = |a: &str, b: &str, equal: bool| {
            let canonical = |text: &str| canonical(text.as_bytes(), NulPolicy::Fail).unwrap();
            assert_eq!(canonical(a) == canonical(b), equal, "{a} {b}");
        };
        check("1", "1.0", true);
        check("100", "1e2", true);
        check("1.10", "1.1", true);
        check("0", "-0.0", true);
        check("18446744073709551615", "18446744073709551616", false);
        check("0.1", "0.10000000000000001", false);
        check(r#"{"a":1,"b":2}"#, r#"{ "b" : 2.0 , "a" : 1 }"#, true);
        check(r#"{"a":1,"a":2}"#, r#"{"a":2}"#, true);
        check(r#""\u00e4\/\ud83d\ude00""#, "\"ä/😀\"", true);
        check("[1,2]", "[2,1]", false);
        check("[]", "{}", false);
        check("\"1\"", "1", false);
        check("null", "false", false);
    }

    #[test]
    fn what_is_no_document_is_told_apart() {
        for text in [
            "",
            "{",
            "[1,]",
            "{a:1}",
            "01x",
            "\"",
            "1 2",
            "\"\\x\"",
            "\"\\ud83d\"",
            "+1",
        ] {
            assert_eq!(canonical(text.as_bytes(), NulPolicy::Fail), None, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(canonical(deep.as_bytes(), NulPolicy::Fail), None);
    }

    #[test]
    fn nul_characters_follow_the_policy() {
        let check = |policy: NulPolicy, expect: &str| {
            let found = canonical(br#"{"a\u0000":"\u0000b"}"#, policy);
            assert_eq!(found.as_deref(), Some(expect));
        };
        check(NulPolicy::Fail, r#"{"a\u0000":"\u0000b"}"#);
        check(NulPolicy::Strip, r#"{"a":"b"}"#);
        check(NulPolicy::Replace, "{\"a\u{fffd}\":\"\u{fffd}b\"}");
    }
}
