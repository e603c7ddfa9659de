//! Integers, years, booleans, bits, decimals and floats: edge values and random ones.

use chameleon_model::{Cell, PgType, TypeKind};
use proptest::prelude::*;

use crate::server::with_database;
use crate::stored::*;

#[tokio::test]
async fn integers_are_stored_in_every_type_that_holds_them() {
    with_database(|client, _| async move {
        use PgType::{Int2, Int4, Int8, Numeric, Text, Varchar};
        let small = integers([-128, -1, 0, 1, 127]);
        let wide = [
            Int2,
            Int4,
            Int8,
            Numeric(None),
            Numeric(Some((20, 0))),
            Text,
        ];
        check_all(&client, TypeKind::TinyInt, &wide, &small).await;
        check_all(
            &client,
            TypeKind::TinyInt,
            &[PgType::Float4, PgType::Float8],
            &small,
        )
        .await;
        check_all(
            &client,
            TypeKind::TinyInt,
            &[Varchar(Some(4)), PgType::Other("text".into())],
            &small,
        )
        .await;
        let bytes = unsigned([0, 255]);
        check_all(&client, TypeKind::TinyInt, &wide, &bytes).await;
        let random = integers(sample(any::<i16>(), 200).into_iter().map(i64::from));
        check_all(&client, TypeKind::SmallInt, &wide, &random).await;
        check_all(&client, TypeKind::SmallInt, &wide[1..], &unsigned([65_535])).await;
        let medium = integers([-8_388_608, 8_388_607]);
        check_all(&client, TypeKind::MediumInt, &wide[1..], &medium).await;
        check_all(
            &client,
            TypeKind::MediumInt,
            &wide[1..],
            &unsigned([16_777_215]),
        )
        .await;
        let mut ints = sample(any::<i32>(), 200);
        ints.extend([i32::MIN, i32::MAX]);
        check_all(
            &client,
            TypeKind::Int,
            &wide[1..],
            &integers(ints.into_iter().map(i64::from)),
        )
        .await;
        check_all(
            &client,
            TypeKind::Int,
            &wide[2..],
            &unsigned([4_294_967_295]),
        )
        .await;
        let mut longs = sample(any::<i64>(), 200);
        longs.extend([i64::MIN, i64::MAX, 0, 9_999, 10_000, -10_000]);
        check_all(&client, TypeKind::BigInt, &wide[2..], &integers(longs)).await;
        let mut longs = sample((any::<u64>(), 0u32..64).prop_map(|(v, s)| v >> s), 300);
        longs.extend([u64::MAX, 1 << 63, 100_000_000]);
        check_all(&client, TypeKind::BigInt, &wide[3..], &unsigned(longs)).await;
    })
    .await;
}

#[tokio::test]
async fn years_keep_four_digits_in_text() {
    with_database(|client, _| async move {
        let years = [0, 1901, 2155];
        let numbers = integers(years);
        check_all(
            &client,
            TypeKind::Year,
            &[PgType::Int2, PgType::Int4],
            &numbers,
        )
        .await;
        let texts: Vec<_> = years
            .iter()
            .map(|&y| (int(y), Some(format!("{y:04}"))))
            .collect();
        check_all(
            &client,
            TypeKind::Year,
            &[PgType::Text, PgType::Char(4)],
            &texts,
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn booleans_are_true_unless_zero() {
    with_database(|client, _| async move {
        let values = [
            shows(int(0), "false"),
            shows(int(1), "true"),
            shows(int(2), "true"),
            shows(int(-1), "true"),
            shows(uint(0), "false"),
            shows(uint(u64::MAX), "true"),
        ];
        check_all(&client, TypeKind::TinyInt, &[PgType::Bool], &values).await;
        check_all(&client, TypeKind::Bit, &[PgType::Bool], &values[4..]).await;
    })
    .await;
}

#[tokio::test]
async fn bit_strings_are_left_aligned_and_keep_their_length() {
    with_database(|client, _| async move {
        for length in [1u32, 3, 7, 8, 9, 17, 63, 64] {
            let source = sized(TypeKind::Bit, &format!("bit({length})"), length, 0);
            let mut values = sample(any::<u64>().prop_map(move |v| v >> (64 - length)), 30);
            values.extend([0, 1, u64::MAX >> (64 - length)]);
            let digits = |width: u32| -> Vec<Expected> {
                let show = |v: &u64| format!("{v:0width$b}", width = width as usize);
                values.iter().map(|v| (uint(*v), Some(show(v)))).collect()
            };
            let own = digits(length);
            for target in [
                PgType::Bit(length),
                PgType::Varbit(Some(length)),
                PgType::Varbit(None),
                PgType::Text,
                PgType::Varchar(Some(64)),
            ] {
                check(&client, &source, &target, &defaults(), &own).await;
            }
            check(&client, &source, &PgType::Bit(70), &defaults(), &digits(70)).await;
            let numbers = unsigned(values.iter().copied());
            check(
                &client,
                &source,
                &PgType::Numeric(Some((20, 0))),
                &defaults(),
                &numbers,
            )
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn decimals_are_exact_to_65_digits() {
    with_database(|client, _| async move {
        for (precision, scale) in [(65u32, 30u8), (10, 2), (4, 4), (20, 0), (38, 9)] {
            let source = sized(TypeKind::Decimal, "decimal", precision, scale);
            let whole = (precision - u32::from(scale)) as usize;
            let number = (
                any::<bool>(),
                proptest::collection::vec(0u8..10, precision as usize),
            );
            let mut values: Vec<String> = sample(number, 150)
                .into_iter()
                .map(|(negative, digits)| decimal(negative, &digits, whole))
                .collect();
            values.push(decimal(true, &vec![9; precision as usize], whole));
            values.push(decimal(false, &vec![0; precision as usize], whole));
            let expected: Vec<Expected> =
                values.iter().map(|v| (text(v), Some(v.clone()))).collect();
            let own = u16::try_from(precision).unwrap();
            for target in [
                PgType::Numeric(Some((own, u16::from(scale)))),
                PgType::Numeric(None),
                PgType::Text,
            ] {
                check(&client, &source, &target, &defaults(), &expected).await;
            }
        }
        let source = sized(TypeKind::Decimal, "decimal(10,2)", 10, 2);
        let values = [
            shows(text("-12.00"), "-12"),
            shows(text("32767.00"), "32767"),
        ];
        for target in [
            PgType::Int2,
            PgType::Int4,
            PgType::Int8,
            PgType::Numeric(Some((5, 0))),
        ] {
            check(&client, &source, &target, &defaults(), &values).await;
        }
        let values = [
            shows(text("0.10"), "0.1"),
            shows(text("-99999.10"), "-99999.1"),
        ];
        check(&client, &source, &PgType::Float8, &defaults(), &values).await;
        check(&client, &source, &PgType::Float4, &defaults(), &values[..1]).await;
        check(
            &client,
            &source,
            &PgType::Numeric(Some((6, 1))),
            &defaults(),
            &values,
        )
        .await;
    })
    .await;
}

/// As MySQL prints it: no leading zeros, all digits after the point, zero without sign.
fn decimal(negative: bool, digits: &[u8], whole: usize) -> String {
    let show = |run: &[u8]| run.iter().map(u8::to_string).collect::<String>();
    let (before, after) = (show(&digits[..whole]), show(&digits[whole..]));
    let before = before.trim_start_matches('0');
    let before = if before.is_empty() { "0" } else { before };
    let sign = if negative && digits.iter().any(|&d| d > 0) {
        "-"
    } else {
        ""
    };
    let point = if after.is_empty() { "" } else { "." };
    format!("{sign}{before}{point}{after}")
}

#[tokio::test]
async fn floats_are_exact_to_the_bit() {
    with_database(|client, _| async move {
        let mut floats: Vec<f32> = sample(proptest::num::f32::NORMAL, 200);
        floats.extend(sample(proptest::num::f32::SUBNORMAL, 50));
        floats.extend([
            0.0,
            -0.0,
            f32::MAX,
            f32::MIN_POSITIVE,
            1e-45,
            0.1,
            16_777_216.0,
        ]);
        let value = |v: &f32| Value::Plain(Cell::Float(*v));
        let bits: Vec<Expected> = floats
            .iter()
            .map(|v| (value(v), Some(hex(&v.to_be_bytes()))))
            .collect();
        let single = source(TypeKind::Float, "float");
        let shown = "encode(float4send(c), 'hex')";
        check_shown(&client, &single, &PgType::Float4, &defaults(), &bits, shown).await;
        let wide: Vec<Expected> = floats
            .iter()
            .map(|v| (value(v), Some(hex(&f64::from(*v).to_be_bytes()))))
            .collect();
        let shown = "encode(float8send(c), 'hex')";
        check_shown(&client, &single, &PgType::Float8, &defaults(), &wide, shown).await;

        let mut doubles: Vec<f64> = sample(proptest::num::f64::NORMAL, 200);
        doubles.extend(sample(proptest::num::f64::SUBNORMAL, 50));
        doubles.extend([
            0.0,
            -0.0,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            0.1,
            1e15,
            1e16,
            1e17,
        ]);
        let bits: Vec<Expected> = doubles
            .iter()
            .map(|v| (Value::Plain(Cell::Double(*v)), Some(hex(&v.to_be_bytes()))))
            .collect();
        let double = source(TypeKind::Double, "double");
        check_shown(&client, &double, &PgType::Float8, &defaults(), &bits, shown).await;
        // what PostgreSQL makes of the digits is the same float again
        let shown = "encode(float8send(c::float8), 'hex')";
        let positive_zero = bits
            .iter()
            .filter(|(v, _)| !matches!(v, Value::Plain(Cell::Double(d)) if *d == 0.0));
        let digits: Vec<Expected> = positive_zero.cloned().collect();
        check_shown(
            &client,
            &double,
            &PgType::Numeric(None),
            &defaults(),
            &digits,
            shown,
        )
        .await;
        check_shown(&client, &double, &PgType::Text, &defaults(), &bits, shown).await;
        let values = [
            shows(Value::Plain(Cell::Double(1.5)), "1.5"),
            shows(Value::Plain(Cell::Double(-3.0)), "-3"),
        ];
        check(&client, &double, &PgType::Float4, &defaults(), &values).await;
        check(&client, &double, &PgType::Text, &defaults(), &values).await;
    })
    .await;
}
