//! Decimal numbers as text and PostgreSQL's `numeric` in binary, without big numbers.
//!
//! Layout (numeric_recv in the server): four 16-bit words - number of digit groups, weight of the
//! first group in powers of 10000, sign (0 or 0x4000), digits shown after the point - then the
//! groups of four decimal digits each. The server strips leading and trailing zero groups itself.

use crate::error::EncodeError;

/// A decimal number in text, split at its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal<'a> {
    negative: bool,
    /// Digits before the point, leading zeros left out.
    whole: &'a [u8],
    /// Digits after the point, all of them.
    fraction: &'a [u8],
}

/// What a `numeric(p,s)` can hold: digits before and after the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NumericLimit {
    pub(super) whole: u16,
    pub(super) fraction: u16,
}

impl<'a> Decimal<'a> {
    /// Reads `[+-]digits[.digits]`; one of the two runs of digits may be empty, not both.
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, EncodeError> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let is_digits = |run: &[u8]| run.iter().all(u8::is_ascii_digit);
        let point = memchr::memchr(b'.', digits);
        let (whole, fraction) = match point {
            Some(at) => (&digits[..at], &digits[at + 1..]),
            None => (digits, &digits[digits.len()..]),
        };
        if digits.len() == usize::from(point.is_some()) || !is_digits(whole) || !is_digits(fraction)
        {
            return Err(EncodeError::NotAValue);
        }
        let zeros = whole.iter().take_while(|&&d| d == b'0').count();
        Ok(Self {
            negative,
            whole: &whole[zeros..],
            fraction,
        })
    }

    /// Digits after the point without trailing zeros.
    fn significant_fraction(&self) -> &'a [u8] {
        let zeros = self.fraction.iter().rev().take_while(|&&d| d == b'0');
        &self.fraction[..self.fraction.len() - zeros.count()]
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.iter().all(|&d| d == b'0')
    }

    /// Fits without rounding.
    pub(super) fn check(&self, limit: Option<NumericLimit>) -> Result<(), EncodeError> {
        let Some(limit) = limit else {
            return Ok(());
        };
        let fits = self.whole.len() <= usize::from(limit.whole)
            && self.significant_fraction().len() <= usize::from(limit.fraction);
        if fits {
            Ok(())
        } else {
            Err(EncodeError::OutOfRange)
        }
    }

    /// The number as an integer, if it is one.
    pub(super) fn integer<T: TryFrom<i128>>(&self) -> Result<T, EncodeError> {
        if !self.significant_fraction().is_empty() || self.whole.len() > 19 {
            return Err(EncodeError::OutOfRange);
        }
        let magnitude = self
            .whole
            .iter()
            .fold(0i128, |sum, &d| sum * 10 + i128::from(d - b'0'));
        let value = if self.negative { -magnitude } else { magnitude };
        T::try_from(value).map_err(|_| EncodeError::OutOfRange)
    }

    /// Significant digits: from the first to the last that is not zero.
    pub(super) fn precision(&self) -> usize {
        let fraction = self.significant_fraction();
        if self.whole.is_empty() {
            return fraction.len() - fraction.iter().take_while(|&&d| d == b'0').count();
        }
        if !fraction.is_empty() {
            return self.whole.len() + fraction.len();
        }
        let zeros = self.whole.iter().rev().take_while(|&&d| d == b'0').count();
        self.whole.len() - zeros
    }

    /// Appends the field: length, then `numeric`.
    pub(super) fn put(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let head = self.whole.len().div_ceil(4);
        let groups = head + self.fraction.len().div_ceil(4);
        let too_long = |_| EncodeError::OutOfRange;
        let count = i16::try_from(groups).map_err(too_long)?;
        let scale = i16::try_from(self.fraction.len()).map_err(too_long)?;
        // no digit before the point: the first group weighs 10000^-1
        let weight = i16::try_from(head).map_err(too_long)? - 1;
        let length = i32::from(count) * 2 + 8;
        let sign: u16 = if self.negative && !self.is_zero() {
            0x4000
        } else {
            0
        };
        let mut header = [0u8; 12];
        header[..4].copy_from_slice(&length.to_be_bytes());
        header[4..6].copy_from_slice(&count.to_be_bytes());
        header[6..8].copy_from_slice(&weight.to_be_bytes());
        header[8..10].copy_from_slice(&sign.to_be_bytes());
        header[10..12].copy_from_slice(&scale.to_be_bytes());
        out.extend_from_slice(&header);
        let (first, rest) = self
            .whole
            .split_at(self.whole.len() - head.saturating_sub(1) * 4);
        if !first.is_empty() {
            out.extend_from_slice(&group(first).to_be_bytes());
        }
        for digits in rest.chunks_exact(4) {
            out.extend_from_slice(&group(digits).to_be_bytes());
        }
        for digits in self.fraction.chunks(4) {
            let shift = [0, 1000, 100, 10, 1][digits.len()];
            out.extend_from_slice(&(group(digits) * shift).to_be_bytes());
        }
        Ok(())
    }
}

/// Up to four digits as a number.
fn group(digits: &[u8]) -> u16 {
    digits
        .iter()
        .fold(0, |sum, &d| sum * 10 + u16::from(d - b'0'))
}

/// Appends the field of a whole number: length, then `numeric`.
pub(super) fn put_integer(negative: bool, magnitude: u64, out: &mut Vec<u8>) {
    // 2^64 has 20 digits, five groups; they are filled from the end
    let mut groups = [0u8; 10];
    let mut start = groups.len();
    let mut rest = magnitude;
    let mut count: u8 = 0;
    while rest > 0 {
        start -= 2;
        let low = u16::try_from(rest % 10_000).unwrap_or_default();
        groups[start..start + 2].copy_from_slice(&low.to_be_bytes());
        rest /= 10_000;
        count += 1;
    }
    let weight = i16::from(count).saturating_sub(1).max(0);
    let sign: u8 = if negative { 0x40 } else { 0 };
    let [w0, w1] = weight.to_be_bytes();
    let header = [0, 0, 0, 8 + count * 2, 0, count, w0, w1, sign, 0, 0, 0];
    out.extend_from_slice(&header);
    out.extend_from_slice(&groups[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a field back the way the server would.
    fn decode(field: &[u8]) -> String {
        let word = |i: usize| i16::from_be_bytes([field[i], field[i + 1]]);
        let (count, weight, sign, scale) = (word(4), word(6), word(8), word(10));
        assert_eq!(field.len(), 12 + usize::try_from(count).unwrap() * 2);
        let mut whole = String::new();
        let mut fraction = String::new();
        for i in 0..count {
            let digits = format!("{:04}", word(12 + usize::try_from(i).unwrap() * 2));
            if weight - i >= 0 {
                whole.push_str(&digits);
            } else {
                fraction.push_str(&digits);
            }
        }
        for _ in count..=weight {
            whole.push_str("0000");
        }
        let leading = usize::try_from((-1 - weight).max(0)).unwrap();
        fraction.insert_str(0, &"0000".repeat(leading));
        let scale = usize::try_from(scale).unwrap();
        fraction.push_str(&"0".repeat(scale.saturating_sub(fraction.len())));
        let whole = whole.trim_start_matches('0');
        let mut text = String::new();
        if sign != 0 {
            text.push('-');
        }
        text.push_str(if whole.is_empty() { "0" } else { whole });
        if scale > 0 {
            text.push('.');
            text.push_str(&fraction[..scale]);
        }
        text
    }

    fn check(text: &str, expect: &str) {
        let mut out = Vec::new();
        Decimal::parse(text.as_bytes())
            .unwrap()
            .put(&mut out)
            .unwrap();
        assert_eq!(decode(&out), expect);
    }

    #[test]
    fn decimals_keep_digits_sign_and_scale() {
        check("0", "0");
        check("-0.00", "0.00");
        check("00012.340", "12.340");
        check("-9999", "-9999");
        check("10000", "10000");
        check(".5", "0.5");
        check("7.", "7");
        check("0.00001", "0.00001");
        let widest = format!("-{}.{}", "9".repeat(35), "1".repeat(30));
        check(&widest, &widest);
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", "-", ".", "1e5", "1.2.3", "--1", "1,5", " 1", "NaN"] {
            assert_eq!(
                Decimal::parse(text.as_bytes()),
                Err(EncodeError::NotAValue),
                "{text}"
            );
        }
    }

    #[test]
    fn a_limit_counts_digits_that_matter() {
        let fits = |text: &str| {
            let limit = NumericLimit {
                whole: 2,
                fraction: 1,
            };
            Decimal::parse(text.as_bytes())
                .unwrap()
                .check(Some(limit))
                .is_ok()
        };
        assert!(fits("099.90"));
        assert!(!fits("100"));
        assert!(!fits("1.25"));
    }

    #[test]
    fn integers_stop_at_their_type() {
        let int = |text: &str| Decimal::parse(text.as_bytes()).unwrap().integer::<i64>();
        assert_eq!(int("-9223372036854775808.0"), Ok(i64::MIN));
        assert_eq!(int("9223372036854775808"), Err(EncodeError::OutOfRange));
        assert_eq!(int("1.5"), Err(EncodeError::OutOfRange));
        assert_eq!(int(&"9".repeat(65)), Err(EncodeError::OutOfRange));
    }

    #[test]
    fn precision_is_what_lies_between_zeros() {
        let precision = |text: &str| Decimal::parse(text.as_bytes()).unwrap().precision();
        assert_eq!(precision("0.00"), 0);
        assert_eq!(precision("1200"), 2);
        assert_eq!(precision("0.00120"), 2);
        assert_eq!(precision("1000.001"), 7);
    }

    proptest! {
        #[test]
        fn any_decimal_comes_back(negative: bool, whole in "[0-9]{1,35}", fraction in "[0-9]{0,30}") {
            let point = if fraction.is_empty() { "" } else { "." };
            let text = format!("{}{whole}{point}{fraction}", if negative { "-" } else { "" });
            let mut out = Vec::new();
            Decimal::parse(text.as_bytes()).unwrap().put(&mut out).unwrap();
            let trimmed = whole.trim_start_matches('0');
            let zero = trimmed.is_empty() && fraction.bytes().all(|b| b == b'0');
            let expect = format!(
                "{}{}{point}{fraction}",
                if negative && !zero { "-" } else { "" },
                if trimmed.is_empty() { "0" } else { trimmed }
            );
            prop_assert_eq!(decode(&out), expect);
        }

        #[test]
        fn any_integer_comes_back(value: u64, shift in 0u32..64, negative: bool) {
            let value = value >> shift;
            let mut out = Vec::new();
            put_integer(negative, value, &mut out);
            prop_assert_eq!(decode(&out), format!("{}{value}", if negative { "-" } else { "" }));
        }
    }
}
