use proptest::prelude::*;

use super::*;

fn source(canon: &Canon, value: &Value, policies: Policies) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    canon.source(value, policies, &mut out).then_some(out)
}

fn target(canon: &Canon, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    assert!(canon.target(Some(value), &mut out));
    out
}

/// The source's value is what the target's text stands for.
fn same(canon: &Canon, value: Value, text: &[u8]) {
    let found = source(canon, &value, Policies::default());
    let expect = target(canon, text);
    assert_eq!(found, Some(expect), "{canon:?} {value:?}");
}

/// It is not.
fn differs(canon: &Canon, value: Value, text: &[u8]) {
    let found = source(canon, &value, Policies::default());
    assert_ne!(found, Some(target(canon, text)), "{canon:?} {value:?}");
}

fn text(value: &str) -> Value {
    Value::Bytes(value.as_bytes().to_vec())
}

#[test]
fn numbers_are_equal_whatever_their_scale() {
    let number = &Canon::Number;
    same(number, Value::Int(-128), b"-128");
    same(number, Value::UInt(u64::MAX), b"18446744073709551615");
    same(number, text("0001"), b"1");
    same(number, text("-0.00"), b"0");
    same(number, text("1.50"), b"1.5");
    same(number, text("100"), b"100.000");
    differs(number, text("0.10"), b"0.01");
    differs(number, Value::Int(1), b"10");
}

#[test]
fn floats_are_equal_bit_by_bit() {
    let float = f32::from_bits(0x3dcc_cccd);
    same(&Canon::Float4, Value::Float(float), &float.to_be_bytes());
    same(
        &Canon::Float8,
        Value::Float(float),
        &f64::from(float).to_be_bytes(),
    );
    differs(&Canon::Float8, Value::Float(0.1), &0.1f64.to_be_bytes());
    same(
        &Canon::Float8,
        Value::Double(5e-324),
        &5e-324f64.to_be_bytes(),
    );
    differs(
        &Canon::Float8,
        Value::Double(0.1),
        &(0.1f64 + f64::EPSILON / 8.0).to_be_bytes(),
    );
    same(&Canon::Float8, Value::Double(1e300), b"1e+300");
}

#[test]
fn dates_follow_the_zero_date_policy() {
    same(&Canon::Date, text("2024-02-29"), b"2024-02-29");
    same(&Canon::Date, text("0000-01-01"), b"0001-01-01 BC");
    same(
        &Canon::DateTime,
        text("2024-01-02 03:04:05.120000"),
        b"2024-01-02 03:04:05.12",
    );
    same(
        &Canon::DateTime,
        text("2024-01-02 03:04:05.000000"),
        b"2024-01-02 03:04:05",
    );
    same(&Canon::DateTime, text("2024-01-02"), b"2024-01-02 00:00:00");
    same(
        &Canon::DateTime,
        text("0000-03-01 10:00:00"),
        b"0001-03-01 10:00:00 BC",
    );
    let check = |canon: &Canon, value: &str, zero_date, expect: Option<&str>| {
        let policies = Policies {
            zero_date,
            ..Policies::default()
        };
        let found = source(canon, &text(value), policies);
        assert_eq!(
            found.as_deref(),
            expect.map(str::as_bytes),
            "{value} {zero_date:?}"
        );
    };
    for zero in ["0000-00-00", "2020-00-15", "2021-02-29", "2021-02-31"] {
        check(&Canon::Date, zero, ZeroDatePolicy::Null, None);
        check(
            &Canon::Date,
            zero,
            ZeroDatePolicy::Epoch,
            Some("1970-01-01"),
        );
        check(
            &Canon::Date,
            zero,
            ZeroDatePolicy::MinusInfinity,
            Some("-infinity"),
        );
        check(&Canon::Date, zero, ZeroDatePolicy::Fail, Some(zero));
        let stamp = format!("{zero} 00:00:00");
        check(&Canon::DateTime, &stamp, ZeroDatePolicy::Null, None);
        check(
            &Canon::DateTime,
            &stamp,
            ZeroDatePolicy::Epoch,
            Some("1970-01-01 00:00:00"),
        );
    }
}

#[test]
fn times_are_microseconds_with_a_sign() {
    same(&Canon::Time, text("-838:59:59.500000"), b"-3020399500000");
    same(&Canon::Time, text("24:00:00"), b"86400000000");
    same(&Canon::Time, text("-00:00:00.000001"), b"-1");
    same(&Canon::Time, text("01:02:03"), b"01:02:03.000");
}

#[test]
fn text_follows_the_nul_policy_and_padding_the_type() {
    same(&Canon::Text, text("ä 🦎 "), "ä 🦎 ".as_bytes());
    differs(&Canon::Text, text("a"), b"a ");
    same(&Canon::PaddedText, text("a"), b"a  ");
    let check = |nul_character, expect: &str| {
        let policies = Policies {
            nul_character,
            ..Policies::default()
        };
        let found = source(&Canon::Text, &text("a\0b"), policies);
        assert_eq!(found.as_deref(), Some(expect.as_bytes()));
    };
    check(NulPolicy::Fail, "a\0b");
    check(NulPolicy::Strip, "ab");
    check(NulPolicy::Replace, "a\u{fffd}b");
}

#[test]
fn bits_truth_values_and_bytes() {
    same(&Canon::Bits, Value::Bytes(vec![0, 5]), b"0000000101");
    same(&Canon::Bits, Value::Bytes(vec![0]), b"0");
    same(
        &Canon::Bits,
        Value::Bytes(vec![255; 8]),
        "1".repeat(64).as_bytes(),
    );
    same(&Canon::Bool, Value::Int(-1), b"t");
    same(&Canon::Bool, Value::Bytes(vec![0]), b"f");
    same(&Canon::Bytes, Value::Bytes(vec![0, 255]), &[0, 255]);
    same(&Canon::HexBytes, Value::Bytes(vec![0, 0xab]), b"00AB");
    same(&Canon::HexBytes, Value::Bytes(vec![]), b"");
}

#[test]
fn sets_addresses_and_uuids_have_one_spelling() {
    let set = Canon::Set(["z".to_owned(), "a".to_owned(), "m".to_owned()].into());
    same(&set, text("z,m"), b"m,z");
    same(&set, text(""), b"");
    differs(&set, text("z"), b"z,m");
    same(
        &Canon::Uuid,
        text("F47AC10B-58CC-4372-A567-0E02B2C3D479"),
        b"f47ac10b58cc4372a5670e02b2c3d479",
    );
    same(&Canon::Inet, text("2001:DB8::0001"), b"2001:db8::1");
    same(&Canon::Inet, text("::ffff:1.2.3.4"), b"::ffff:102:304");
    same(&Canon::Inet, text("10.0.0.1"), b"10.0.0.1/32");
}

#[test]
fn geometries_are_equal_with_the_srid_in_either_place() {
    let point = [1, 1, 0, 0, 0, 9, 9];
    let stored = [&4326u32.to_le_bytes()[..], &point].concat();
    let mut ewkb = vec![1, 1, 0, 0, 0x20];
    ewkb.extend_from_slice(&4326u32.to_le_bytes());
    ewkb.extend_from_slice(&[9, 9]);
    same(&Canon::Geometry, Value::Bytes(stored), &ewkb);
    same(
        &Canon::Geometry,
        Value::Bytes([&[0; 4][..], &point].concat()),
        &point,
    );
    same(
        &Canon::Vector,
        Value::Bytes(vec![0, 0, 128, 63]),
        &1f32.to_be_bytes(),
    );
}

#[test]
fn null_is_no_value_and_no_empty_text() {
    assert_eq!(
        source(&Canon::Text, &Value::NULL, Policies::default()),
        None
    );
    assert!(!Canon::Text.target(None, &mut Vec::new()));
    assert_eq!(
        source(&Canon::Text, &text(""), Policies::default()),
        Some(vec![])
    );
}

fn every_canon() -> Vec<Canon> {
    vec![
        Canon::Number,
        Canon::Float4,
        Canon::Float8,
        Canon::Bool,
        Canon::Bits,
        Canon::Date,
        Canon::DateTime,
        Canon::Time,
        Canon::Text,
        Canon::PaddedText,
        Canon::Bytes,
        Canon::HexBytes,
        Canon::Set(["a".to_owned()].into()),
        Canon::Json,
        Canon::Geometry,
        Canon::Vector,
        Canon::Uuid,
        Canon::Inet,
    ]
}

fn odd_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        "[-+0-9.:eE{}\\[\\]\"\\\\u, ä]{0,40}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_a_value_panic(bytes in odd_bytes()) {
        for canon in every_canon() {
            for nul_character in [NulPolicy::Fail, NulPolicy::Strip, NulPolicy::Replace] {
                let policies = Policies { nul_character, ..Policies::default() };
                let value = Value::Bytes(bytes.clone());
                let mut out = Vec::new();
                canon.source(&value, policies, &mut out);
                canon.show(Some(&out));
            }
            let mut out = Vec::new();
            prop_assert!(canon.target(Some(&bytes), &mut out));
        }
    }
}
