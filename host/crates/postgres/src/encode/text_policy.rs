//! What PostgreSQL cannot store in text: U+0000, too many characters, more than a gigabyte.

use chameleon_model::NulPolicy;

use crate::error::EncodeError;

/// Longest value: PostgreSQL allocates at most 1 GB less one byte, its own header included
/// (MaxAllocSize in the server).
pub(super) const MAX_VALUE_BYTES: usize = 0x3fff_ff00;

const REPLACEMENT: &str = "\u{fffd}";

/// How many characters a type takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CharLimit {
    /// No limit that the source's own does not imply.
    None,
    /// `varchar(n)`.
    AtMost(u32),
    /// `character(n)`, where trailing blanks do not count.
    Padded(u32),
}

impl CharLimit {
    /// Refuses text that is too long. NULs that the policy leaves out do not count.
    pub(super) fn check(self, text: &[u8], nul: NulPolicy) -> Result<(), EncodeError> {
        let (limit, counted) = match self {
            Self::None => return Ok(()),
            Self::AtMost(limit) => (limit, text),
            Self::Padded(limit) => {
                let blanks = text.iter().rev().take_while(|&&b| b == b' ').count();
                (limit, &text[..text.len() - blanks])
            }
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if counted.len() <= limit {
            return Ok(());
        }
        let starts = |b: u8| (b & 0xc0) != 0x80 && (b != 0 || nul != NulPolicy::Strip);
        let characters = counted.iter().filter(|&&b| starts(b)).count();
        if characters <= limit {
            Ok(())
        } else {
            Err(EncodeError::OutOfRange)
        }
    }
}

/// Hands text over in pieces without U+0000, as the policy says.
pub(super) fn without_nul(
    text: &str,
    policy: NulPolicy,
    mut piece: impl FnMut(&str),
) -> Result<(), EncodeError> {
    if memchr::memchr(0, text.as_bytes()).is_none() {
        piece(text);
        return Ok(());
    }
    if policy == NulPolicy::Fail {
        return Err(EncodeError::NulCharacter);
    }
    for (i, part) in text.split('\0').enumerate() {
        if i > 0 && policy == NulPolicy::Replace {
            piece(REPLACEMENT);
        }
        piece(part);
    }
    Ok(())
}

/// Hands a JSON document over in pieces without the escape `\u0000`, which jsonb refuses, as the
/// policy says. A raw U+0000 is no JSON and is left for the server to refuse.
pub(super) fn without_nul_escape(
    document: &str,
    policy: NulPolicy,
    mut piece: impl FnMut(&str),
) -> Result<(), EncodeError> {
    let bytes = document.as_bytes();
    let mut from = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]) {
        at += found;
        if bytes[at..].starts_with(b"\\u0000") {
            if policy == NulPolicy::Fail {
                return Err(EncodeError::NulCharacter);
            }
            piece(&document[from..at]);
            if policy == NulPolicy::Replace {
                piece(REPLACEMENT);
            }
            at += 6;
            from = at;
        } else {
            // the character behind a backslash is ASCII in JSON, and may itself be a backslash
            at = (at + 2).min(bytes.len());
        }
    }
    piece(&document[from..]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(
        take: impl Fn(&str, NulPolicy, &mut dyn FnMut(&str)) -> Result<(), EncodeError>,
        text: &str,
        policy: NulPolicy,
    ) -> Result<String, EncodeError> {
        let mut out = String::new();
        take(text, policy, &mut |part| out.push_str(part))?;
        Ok(out)
    }

    #[test]
    fn nul_characters_follow_the_policy() {
        let check = |policy| joined(|t, p, f| without_nul(t, p, f), "\0a\0\0é\0", policy);
        assert_eq!(check(NulPolicy::Fail), Err(EncodeError::NulCharacter));
        assert_eq!(check(NulPolicy::Strip).unwrap(), "aé");
        assert_eq!(
            check(NulPolicy::Replace).unwrap(),
            "\u{fffd}a\u{fffd}\u{fffd}é\u{fffd}"
        );
    }

    #[test]
    fn only_a_real_nul_escape_in_json_counts() {
        let check =
            |text: &str, policy| joined(|t, p, f| without_nul_escape(t, p, f), text, policy);
        let escaped = r#"{"a":"\\u0000\n","é":"\u00e9"}"#;
        assert_eq!(check(escaped, NulPolicy::Fail).unwrap(), escaped);
        let real = r#"["\u0000x\\\u0000"]"#;
        assert_eq!(check(real, NulPolicy::Fail), Err(EncodeError::NulCharacter));
        assert_eq!(check(real, NulPolicy::Strip).unwrap(), r#"["x\\"]"#);
        assert_eq!(
            check(real, NulPolicy::Replace).unwrap(),
            "[\"\u{fffd}x\\\\\u{fffd}\"]"
        );
        assert_eq!(check("\"\\", NulPolicy::Fail).unwrap(), "\"\\");
    }

    #[test]
    fn limits_count_characters() {
        let check =
            |limit: CharLimit, text: &str| limit.check(text.as_bytes(), NulPolicy::Fail).is_ok();
        assert!(check(CharLimit::AtMost(2), "é🦎"));
        assert!(!check(CharLimit::AtMost(2), "ab "));
        assert!(check(CharLimit::Padded(2), "ab  "));
        assert!(!check(CharLimit::Padded(2), "abc"));
        assert!(CharLimit::AtMost(1).check(b"a\0", NulPolicy::Strip).is_ok());
    }
}
