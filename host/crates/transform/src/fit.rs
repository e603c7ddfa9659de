//! Whether replaced values fit the type of the column that they replace.

use chameleon_model::{ColumnType, TypeKind};

use crate::abi::v0_1::{Pool, Values};

/// The first row among those that count whose value does not fit, and why.
pub(crate) fn first_misfit(
    ty: &ColumnType,
    values: &Values,
    counts: impl Fn(usize) -> bool,
) -> Option<(usize, String)> {
    let declared = &ty.declared;
    match values {
        Values::Ints(values) => {
            let (least, most) = signed_range(ty.kind)?;
            let row = find(values, counts, |n| !(least..=most).contains(&n))?;
            Some((row, format!("a number that {declared} cannot hold")))
        }
        Values::UInts(values) => {
            let most = unsigned_most(ty)?;
            let row = find(values, counts, |n| n > most)?;
            Some((row, format!("a number that {declared} cannot hold")))
        }
        Values::Floats(values) => {
            // an overflow to infinity is a loss, the rounding of FLOAT is not
            let single = ty.kind == TypeKind::Float;
            let bad = |n: f64| !n.is_finite() || (single && n.abs() > f64::from(f32::MAX));
            let row = find(values, counts, bad)?;
            Some((row, format!("a number that {declared} cannot hold")))
        }
        Values::Days(values) => {
            let bad = |n: i32| !(FIRST_DAY..=LAST_DAY).contains(&n);
            let row = find(values, counts, bad)?;
            Some((row, "a date outside the years 0 to 9999".into()))
        }
        Values::Micros(values) => {
            let (least, most) = match ty.kind {
                TypeKind::Time => (-LONGEST_TIME, LONGEST_TIME),
                _ => (
                    i64::from(FIRST_DAY) * DAY,
                    (i64::from(LAST_DAY) + 1) * DAY - 1,
                ),
            };
            let row = find(values, counts, |n| !(least..=most).contains(&n))?;
            Some((row, format!("a time that {declared} cannot hold")))
        }
        Values::Texts(pool) => text_misfit(ty, pool, counts),
        Values::Blobs(pool) => {
            let sized = matches!(
                ty.kind,
                TypeKind::Binary | TypeKind::VarBinary | TypeKind::Blob
            );
            let most = ty.length as usize;
            if !sized || most == 0 {
                return None;
            }
            let row = find_slice(pool, counts, |value| value.len() > most)?;
            Some((row, format!("more bytes than {declared} holds")))
        }
    }
}

/// 0000-01-01 and 9999-12-31 as days since 1970.
const FIRST_DAY: i32 = -719_528;
const LAST_DAY: i32 = 2_932_896;
/// Microseconds.
const DAY: i64 = 86_400_000_000;
/// 838:59:59.
const LONGEST_TIME: i64 = 3_020_399_000_000;

fn find<T: Copy>(
    values: &[T],
    counts: impl Fn(usize) -> bool,
    bad: impl Fn(T) -> bool,
) -> Option<usize> {
    let mut rows = values.iter().enumerate();
    rows.find(|&(row, &value)| bad(value) && counts(row))
        .map(|(row, _)| row)
}

fn find_slice(
    pool: &Pool,
    counts: impl Fn(usize) -> bool,
    bad: impl Fn(&[u8]) -> bool,
) -> Option<usize> {
    let mut start = 0;
    for (row, &end) in pool.ends.iter().enumerate() {
        let value = pool.data.get(start..end as usize).unwrap_or_default();
        start = end as usize;
        if bad(value) && counts(row) {
            return Some(row);
        }
    }
    None
}

fn signed_range(kind: TypeKind) -> Option<(i64, i64)> {
    Some(match kind {
        TypeKind::TinyInt => (i8::MIN.into(), i8::MAX.into()),
        TypeKind::SmallInt => (i16::MIN.into(), i16::MAX.into()),
        TypeKind::MediumInt => (-(1 << 23), (1 << 23) - 1),
        TypeKind::Int => (i32::MIN.into(), i32::MAX.into()),
        TypeKind::Year => (0, 2155),
        _ => return None,
    })
}

fn unsigned_most(ty: &ColumnType) -> Option<u64> {
    let bits = match ty.kind {
        TypeKind::TinyInt => 8,
        TypeKind::SmallInt => 16,
        TypeKind::MediumInt => 24,
        TypeKind::Int => 32,
        TypeKind::Bit => ty.length.max(1),
        TypeKind::Set => u32::try_from(ty.labels.len()).ok()?,
        TypeKind::Enum => return u64::try_from(ty.labels.len()).ok(),
        _ => return None,
    };
    (bits < 64).then(|| (1u64 << bits) - 1)
}

fn text_misfit(
    ty: &ColumnType,
    pool: &Pool,
    counts: impl Fn(usize) -> bool,
) -> Option<(usize, String)> {
    let declared = &ty.declared;
    let most = ty.length as usize;
    match ty.kind {
        TypeKind::Char | TypeKind::VarChar => {
            // as many bytes are at most as many characters
            let bad = |value: &[u8]| value.len() > most && characters(value) > most;
            let row = find_slice(pool, counts, bad)?;
            Some((row, format!("more characters than {declared} holds")))
        }
        TypeKind::Decimal => {
            let fraction = usize::from(ty.scale);
            let whole = most.saturating_sub(fraction);
            let row = find_slice(pool, counts, |value| !is_decimal(value, whole, fraction))?;
            Some((row, format!("text that is no {declared}")))
        }
        TypeKind::Json => {
            let bad =
                |value: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(value).is_err();
            let row = find_slice(pool, counts, bad)?;
            Some((row, "text that is no JSON".into()))
        }
        TypeKind::Uuid => {
            let row = find_slice(pool, counts, |value| !is_uuid(value))?;
            Some((row, "text that is no UUID".into()))
        }
        TypeKind::Inet4 | TypeKind::Inet6 => {
            let v6 = ty.kind == TypeKind::Inet6;
            let row = find_slice(pool, counts, |value| !is_address(value, v6))?;
            Some((row, "text that is no address".into()))
        }
        _ => None,
    }
}

/// The text is UTF-8 already.
fn characters(value: &[u8]) -> usize {
    value.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

fn is_decimal(value: &[u8], whole: usize, fraction: usize) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let mut parts = digits.splitn(2, |&byte| byte == b'.');
    let before = parts.next().unwrap_or_default();
    let after = parts.next();
    let all = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let significant = before.iter().skip_while(|&&byte| byte == b'0').count();
    all(before)
        && after.is_none_or(|after| all(after) && !after.is_empty() && after.len() <= fraction)
        && !before.is_empty()
        && significant <= whole
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(n, byte)| match n {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_address(value: &[u8], v6: bool) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    if v6 {
        text.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        text.parse::<std::net::Ipv4Addr>().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(kind: TypeKind, length: u32, scale: u8) -> ColumnType {
        ColumnType {
            length,
            scale,
            ..ColumnType::new(kind, "t")
        }
    }

    fn text(ty: &ColumnType, text: &str) -> bool {
        let pool = Pool {
            ends: vec![u32::try_from(text.len()).unwrap()],
            data: text.as_bytes().to_vec(),
        };
        first_misfit(ty, &Values::Texts(pool), |_| true).is_none()
    }

    #[test]
    fn text_fits_by_characters_digits_and_syntax() {
        let check = |kind, length, scale, value: &str, expect: bool| {
            assert_eq!(text(&ty(kind, length, scale), value), expect, "{value}");
        };
        check(TypeKind::VarChar, 3, 0, "äöü", true);
        check(TypeKind::VarChar, 3, 0, "abcd", false);
        check(TypeKind::Decimal, 5, 2, "-123.45", true);
        check(TypeKind::Decimal, 5, 2, "0001.5", true);
        check(TypeKind::Decimal, 5, 2, "1234", false);
        check(TypeKind::Decimal, 5, 2, "1.234", false);
        check(TypeKind::Decimal, 5, 2, "1e3", false);
        check(TypeKind::Decimal, 5, 2, "", false);
        check(TypeKind::Json, 0, 0, "{\"a\": [1]}", true);
        check(TypeKind::Json, 0, 0, "{a}", false);
        check(
            TypeKind::Uuid,
            0,
            0,
            "123e4567-e89b-12d3-a456-426614174000",
            true,
        );
        check(TypeKind::Uuid, 0, 0, "redacted", false);
        check(TypeKind::Inet4, 0, 0, "10.0.0.1", true);
        check(TypeKind::Inet6, 0, 0, "10.0.0.1", false);
        check(TypeKind::Text, 3, 0, "longer", true);
    }

    #[test]
    fn numbers_fit_by_range() {
        let check = |ty: &ColumnType, values: Values, expect: bool| {
            assert_eq!(
                first_misfit(ty, &values, |_| true).is_none(),
                expect,
                "{values:?}"
            );
        };
        check(
            &ty(TypeKind::TinyInt, 4, 0),
            Values::Ints(vec![127, -128]),
            true,
        );
        check(
            &ty(TypeKind::TinyInt, 4, 0),
            Values::Ints(vec![0, 128]),
            false,
        );
        check(
            &ty(TypeKind::BigInt, 4, 0),
            Values::Ints(vec![i64::MIN]),
            true,
        );
        check(&ty(TypeKind::Bit, 3, 0), Values::UInts(vec![7]), true);
        check(&ty(TypeKind::Bit, 3, 0), Values::UInts(vec![8]), false);
        check(
            &ty(TypeKind::Bit, 64, 0),
            Values::UInts(vec![u64::MAX]),
            true,
        );
        let labelled = ColumnType {
            labels: vec!["a".into(), "b".into()],
            ..ty(TypeKind::Enum, 0, 0)
        };
        check(&labelled, Values::UInts(vec![0, 2]), true);
        check(&labelled, Values::UInts(vec![3]), false);
        check(
            &ty(TypeKind::Float, 0, 0),
            Values::Floats(vec![1e39]),
            false,
        );
        check(
            &ty(TypeKind::Date, 0, 0),
            Values::Days(vec![LAST_DAY + 1]),
            false,
        );
        check(
            &ty(TypeKind::Time, 0, 0),
            Values::Micros(vec![-LONGEST_TIME]),
            true,
        );
        check(
            &ty(TypeKind::Time, 0, 0),
            Values::Micros(vec![DAY * 100]),
            false,
        );
    }

    #[test]
    fn rows_that_do_not_count_may_hold_anything() {
        let values = Values::Ints(vec![1000, 1]);
        assert!(first_misfit(&ty(TypeKind::TinyInt, 4, 0), &values, |row| row == 1).is_none());
    }
}
