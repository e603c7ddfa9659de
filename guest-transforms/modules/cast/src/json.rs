//! Which text PostgreSQL takes as JSON.

use serde::de::IgnoredAny;

/// Does `json` take it? Does `jsonb`, which takes no NUL and no half of a surrogate pair?
pub(crate) fn is_valid(text: &str, binary: bool) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok() && (!binary || escapes_are_letters(text))
}

/// Text as a JSON string. NUL has no place in PostgreSQL and is left out.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text.replace('\0', "")).to_string()
}

/// Looks at the `\u` escapes of valid JSON.
fn escapes_are_letters(text: &str) -> bool {
    let mut rest = text;
    while let Some(place) = rest.find('\\') {
        let Some(unit) = code_unit(&rest[place..]) else {
            // Another escape: `\\`, `\n`.
            rest = &rest[place + 2..];
            continue;
        };
        rest = &rest[place + 6..];
        match unit {
            0 | 0xdc00..=0xdfff => return false,
            0xd800..=0xdbff => match code_unit(rest) {
                Some(0xdc00..=0xdfff) => rest = &rest[6..],
                _ => return false,
            },
            _ => {}
        }
    }
    true
}

/// The unit of an escape that `text` begins with.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}
