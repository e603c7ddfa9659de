//! What a word means where a key expects a truth value, a number, a size: as YAML 1.1 had it,
//! because 1.x read its files with PyYAML.
//!
//! The rules are those of the type repository of YAML 1.1 (yaml.org/type): `yes`/`no`/`on`/`off`,
//! numbers with underscores, `0x`, `0b`, a leading zero for octal, `1:30` to the base of 60. Quoted
//! numbers are decimal.

/// Plain text that stands for null.
pub(crate) fn is_null(text: &str, plain: bool) -> bool {
    plain && matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// A truth value, quoted or not, in any case.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "yes" | "y" | "on" | "true" | "1" => Some(true),
        "no" | "n" | "off" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// An integer.
pub(crate) fn integer(text: &str, plain: bool) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = if plain {
        yaml_integer(digits)?
    } else {
        decimal(digits)?
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn yaml_integer(digits: &str) -> Option<i128> {
    let radix = |digits: &str, radix: u32| {
        let digits = digits.replace('_', "");
        let fits = digits.bytes().all(|b| b.is_ascii_alphanumeric());
        fits.then(|| i128::from_str_radix(&digits, radix).ok())
            .flatten()
    };
    if let Some(rest) = digits.strip_prefix("0b") {
        return radix(rest, 2);
    }
    if let Some(rest) = digits.strip_prefix("0x") {
        return radix(rest, 16);
    }
    if digits.contains(':') {
        return digits.split(':').try_fold(0i128, |sum, part| {
            let part = decimal(part)?;
            sum.checked_mul(60)?.checked_add(part)
        });
    }
    match digits.strip_prefix('0') {
        Some(rest) if !rest.is_empty() => radix(rest, 8).or_else(|| decimal(digits)),
        _ => decimal(digits),
    }
}

fn decimal(digits: &str) -> Option<i128> {
    let starts = digits.starts_with(|c: char| c.is_ascii_digit());
    let fits = digits.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    (starts && fits)
        .then(|| digits.replace('_', "").parse().ok())
        .flatten()
}

/// A number of bytes: plain, or with one of `k`, `M`, `G`, `T` (powers of 1024, in any case, `B` or
/// `iB` may follow).
pub(crate) fn size(text: &str, plain: bool) -> Option<u64> {
    let text = text.trim();
    if let Some(bytes) = integer(text, plain) {
        return u64::try_from(bytes).ok();
    }
    let lower = text.to_ascii_lowercase();
    let number = lower
        .strip_suffix("ib")
        .or(lower.strip_suffix('b'))
        .unwrap_or(&lower);
    let (number, shift) = [("k", 10), ("m", 20), ("g", 30), ("t", 40)]
        .iter()
        .find_map(|(suffix, shift)| Some((number.strip_suffix(suffix)?, *shift)))
        .unwrap_or((number, 0));
    let number = u64::try_from(decimal(number.trim_end())?).ok()?;
    number.checked_mul(1 << shift)
}

/// A plain word that PyYAML would not have read as text, so that text is surely meant only if it
/// is the same afterwards: numbers in another notation than decimal, and truth values.
pub(crate) fn changes_as_text(text: &str) -> bool {
    const TRUTH: &[&str] = &["yes", "no", "on", "off", "true", "false"];
    if TRUTH.contains(&text.to_ascii_lowercase().as_str()) {
        return true;
    }
    if let Some(number) = integer(text, true) {
        return number.to_string() != text;
    }
    let float = text.contains('.')
        && text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || b"+-._eE".contains(&b));
    float
        && text
            .replace('_', "")
            .parse::<f64>()
            .is_ok_and(|f| format!("{f:?}") != text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_yaml_1_1_has_them() {
        let check = |text: &str, plain: bool, expect: Option<i128>| {
            assert_eq!(integer(text, plain), expect, "{text} {plain}");
        };
        check("100", true, Some(100));
        check("-5", true, Some(-5));
        check("1_000", true, Some(1000));
        check("010", true, Some(8));
        check("010", false, Some(10));
        check("089", true, Some(89));
        check("0x1F", true, Some(31));
        check("0b101", true, Some(5));
        check("1:30", true, Some(90));
        check("0", true, Some(0));
        check("", true, None);
        check("_1", true, None);
        check("+-1", true, None);
        check("0x-1", true, None);
        check("ten", true, None);
        check("99999999999999999999999999999999999999999999", true, None);
    }

    #[test]
    fn sizes_take_the_suffixes_of_1_x_in_any_case() {
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(size(text, true), expect, "{text}");
        };
        check("300M", Some(300 << 20));
        check("1G", Some(1 << 30));
        check("64k", Some(64 << 10));
        check("64kB", Some(64 << 10));
        check("2 GiB", Some(2 << 30));
        check("1048576", Some(1 << 20));
        check("-1", None);
        check("300X", None);
        check("M", None);
        check("99999999999G", None);
    }

    #[test]
    fn truth_values_have_many_spellings() {
        for yes in [
            "Yes", "yes", "YES", "y", "Y", "on", "ON", "true", "True", "1",
        ] {
            assert_eq!(truth(yes), Some(true), "{yes}");
        }
        for no in ["No", "no", "n", "N", "off", "Off", "FALSE", "0"] {
            assert_eq!(truth(no), Some(false), "{no}");
        }
        assert_eq!(truth("maybe"), None);
    }

    #[test]
    fn words_that_would_have_changed_their_look_are_noticed() {
        for text in ["yes", "010", "0x10", "1_0", "1.50", "12:30"] {
            assert!(changes_as_text(text), "{text}");
        }
        for text in [
            "default",
            "12",
            "1.5",
            "a.b",
            "10.0.0.1",
            "2020-01-01",
            "y",
            "",
        ] {
            assert!(!changes_as_text(text), "{text}");
        }
    }
}
