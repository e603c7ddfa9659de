//! DECIMAL: the servers' packed form to text.
//!
//! Nine digits take four bytes, big-endian; the digits left over at either end take one to four.
//! The first bit is inverted; a negative number has all its bits inverted. Source: MySQL source,
//! `strings/decimal.cc`.

const DIGITS_PER_GROUP: u8 = 9;
/// Bytes that 0 to 9 digits take.
const BYTES: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

/// Bytes that a DECIMAL(precision, scale) takes; `None` where there is no such type.
pub fn stored_bytes(precision: u8, scale: u8) -> Option<usize> {
    if precision == 0 || precision > 65 || scale > 38 || scale > precision {
        return None;
    }
    let part = |digits: u8| {
        4 * usize::from(digits / DIGITS_PER_GROUP) + BYTES[usize::from(digits % DIGITS_PER_GROUP)]
    };
    Some(part(precision - scale) + part(scale))
}

/// Appends the number as the servers print it: no leading zeros but one before the point, exactly
/// `scale` digits behind it. `None` where the bytes are no DECIMAL(precision, scale).
pub fn append(bytes: &[u8], precision: u8, scale: u8, out: &mut Vec<u8>) -> Option<()> {
    if bytes.len() != stored_bytes(precision, scale)? {
        return None;
    }
    let negative = bytes.first()? & 0x80 == 0;
    let mut stored = [0_u8; 32];
    let stored = stored.get_mut(..bytes.len())?;
    let invert = if negative { 0xff } else { 0 };
    for (to, from) in stored.iter_mut().zip(bytes) {
        *to = from ^ invert;
    }
    stored[0] ^= 0x80;

    if negative {
        out.push(b'-');
    }
    let whole = precision - scale;
    let mut rest: &[u8] = stored;
    let start = out.len();
    push_group(&mut rest, whole % DIGITS_PER_GROUP, start, out)?;
    for _ in 0..whole / DIGITS_PER_GROUP {
        push_group(&mut rest, DIGITS_PER_GROUP, start, out)?;
    }
    if out.len() == start {
        out.push(b'0');
    }
    if scale > 0 {
        out.push(b'.');
        for _ in 0..scale / DIGITS_PER_GROUP {
            push_group(&mut rest, DIGITS_PER_GROUP, usize::MAX, out)?;
        }
        push_group(&mut rest, scale % DIGITS_PER_GROUP, usize::MAX, out)?;
    }
    Some(())
}

/// Takes a group of digits and appends them, without leading zeros while `out` still ends at
/// `start`.
fn push_group(rest: &mut &[u8], digits: u8, start: usize, out: &mut Vec<u8>) -> Option<()> {
    let (group, tail) = rest.split_at_checked(BYTES[usize::from(digits)])?;
    *rest = tail;
    let number = group.iter().fold(0, |n: u32, &b| n << 8 | u32::from(b));
    if number >= 10_u32.pow(u32::from(digits)) {
        return None;
    }
    let mut place = 10_u32.pow(u32::from(digits));
    for _ in 0..digits {
        place /= 10;
        let digit = u8::try_from(number / place % 10).ok()?;
        if digit > 0 || out.len() != start {
            out.push(b'0' + digit);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The servers' own way to store a number, given as digits of the type's full width.
    fn store(digits: &[u8], scale: u8, negative: bool) -> Vec<u8> {
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
        let mut out = Vec::new();
        let mut push = |group: &[u8]| {
            let number = group.iter().fold(0_u32, |n, d| n * 10 + u32::from(*d));
            out.extend_from_slice(&number.to_be_bytes()[4 - BYTES[group.len()]..]);
        };
        let (first, groups) = whole.split_at(whole.len() % 9);
        push(first);
        groups.chunks(9).for_each(&mut push);
        fraction.chunks(9).for_each(&mut push);
        out[0] ^= 0x80;
        if negative {
            out.iter_mut().for_each(|b| *b ^= 0xff);
        }
        out
    }

    #[test]
    fn a_number_is_printed_as_the_server_prints_it() {
        let check = |bytes: &[u8], precision, scale, expect: Option<&str>| {
            let mut out = Vec::new();
            let done = append(bytes, precision, scale, &mut out);
            let text = done.map(|()| String::from_utf8(out).unwrap());
            assert_eq!(text.as_deref(), expect, "{bytes:x?}");
        };
        check(&[0x80, 0, 0], 5, 2, Some("0.00"));
        check(&[0x80, 1, 50], 5, 2, Some("1.50"));
        check(&[0x7f, 0xff, 0xcd], 5, 2, Some("-0.50"));
        check(&[0x83, 0xe7, 99], 5, 2, Some("999.99"));
        check(&[0xb2], 2, 2, Some("0.50"));
        check(&[0x80, 0, 0, 0, 1], 10, 0, Some("1"));
        check(&[0x80, 0], 5, 2, None);
        check(&[0xff, 0xff, 99], 5, 2, None);
        check(&[], 0, 0, None);
    }

    proptest! {
        #[test]
        fn every_number_of_every_shape_is_read_back(
            digits in prop::collection::vec(0_u8..10, 1..66),
            scale in 0_u8..39,
            negative: bool,
        ) {
            let precision = u8::try_from(digits.len()).unwrap();
            let scale = scale.min(precision);
            let stored = store(&digits, scale, negative);
            prop_assert_eq!(Some(stored.len()), stored_bytes(precision, scale));
            let mut out = Vec::new();
            prop_assert_eq!(append(&stored, precision, scale, &mut out), Some(()));
            let text: String = digits.iter().map(|d| char::from(b'0' + d)).collect();
            let (whole, fraction) = text.split_at(text.len() - usize::from(scale));
            let whole = whole.trim_start_matches('0');
            let expect = format!(
                "{}{}{}{fraction}",
                if negative { "-" } else { "" },
                if whole.is_empty() { "0" } else { whole },
                if scale > 0 { "." } else { "" },
            );
            prop_assert_eq!(String::from_utf8(out).unwrap(), expect);
        }
    }
}
