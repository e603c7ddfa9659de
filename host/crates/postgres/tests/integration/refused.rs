//! Values that must be refused rather than changed.

use chameleon_model::{Cell, CellForm, MappingRules, NulPolicy, PgType, TypeKind, ZeroDatePolicy};
use chameleon_postgres::{ColumnEncoder, EncodeError};

use crate::stored::{
    Value, int, labelled, micros, nuls, refused, sized, source, text, uint, zero_dates,
};

fn check(kind: TypeKind, target: PgType, value: Value, expect: &EncodeError) {
    check_sized(kind, 0, 0, target, value, expect);
}

fn check_sized(
    kind: TypeKind,
    length: u32,
    scale: u8,
    target: PgType,
    value: Value,
    expect: &EncodeError,
) {
    let source = sized(kind, &format!("{kind:?}"), length, scale);
    let found = refused(&source, &target, &MappingRules::default(), &value);
    assert_eq!(&found, expect, "{kind:?} -> {target:?}");
}

#[test]
fn numbers_out_of_range_are_refused() {
    let range = &EncodeError::OutOfRange;
    check(TypeKind::Int, PgType::Int2, int(32_768), range);
    check(TypeKind::Int, PgType::Int4, uint(4_294_967_295), range);
    check(TypeKind::BigInt, PgType::Int8, uint(1 << 63), range);
    check(
        TypeKind::BigInt,
        PgType::Numeric(Some((5, 2))),
        int(-1000),
        range,
    );
    check(TypeKind::BigInt, PgType::Float8, int((1 << 53) + 1), range);
    check(TypeKind::BigInt, PgType::Float4, int(16_777_217), range);
    check(TypeKind::Bit, PgType::Bit(3), uint(8), range);
    check_sized(
        TypeKind::Bit,
        9,
        0,
        PgType::Varbit(Some(8)),
        uint(256),
        range,
    );
    check(
        TypeKind::Double,
        PgType::Float4,
        Value::Plain(Cell::Double(0.1)),
        range,
    );
    check(
        TypeKind::Double,
        PgType::Float4,
        Value::Plain(Cell::Double(1e300)),
        range,
    );
    check(
        TypeKind::Double,
        PgType::Numeric(Some((3, 1))),
        Value::Plain(Cell::Double(1.25)),
        range,
    );
    check(TypeKind::Decimal, PgType::Int4, text("1.5"), range);
    check(
        TypeKind::Decimal,
        PgType::Int8,
        text("9223372036854775808"),
        range,
    );
    check_sized(
        TypeKind::Decimal,
        10,
        4,
        PgType::Numeric(Some((10, 2))),
        text("1.2345"),
        range,
    );
    check_sized(
        TypeKind::Decimal,
        10,
        2,
        PgType::Numeric(Some((8, 2))),
        text("12345678.00"),
        range,
    );
    check(
        TypeKind::Decimal,
        PgType::Float8,
        text("1234567890.1234567"),
        range,
    );
    check(TypeKind::Decimal, PgType::Float4, text("1234567"), range);
    check(
        TypeKind::VarChar,
        PgType::Int4,
        text("12a"),
        &EncodeError::NotAValue,
    );
    check(
        TypeKind::VarChar,
        PgType::Numeric(None),
        text(""),
        &EncodeError::NotAValue,
    );
}

#[test]
fn dates_and_times_that_would_lose_something_are_refused() {
    let range = &EncodeError::OutOfRange;
    check_sized(
        TypeKind::DateTime,
        0,
        6,
        PgType::Timestamp(3),
        micros(1),
        range,
    );
    check_sized(
        TypeKind::Time,
        0,
        6,
        PgType::Interval(0),
        micros(999_999),
        range,
    );
    check_sized(
        TypeKind::Time,
        0,
        0,
        PgType::Time(0),
        micros(-1_000_000),
        range,
    );
    check_sized(
        TypeKind::Time,
        0,
        0,
        PgType::Time(0),
        micros(86_401_000_000),
        range,
    );
    check_sized(
        TypeKind::DateTime,
        0,
        0,
        PgType::Date,
        micros(3_600_000_000),
        range,
    );
    check_sized(
        TypeKind::DateTime,
        0,
        0,
        PgType::Timestamp(0),
        micros(i64::MIN),
        range,
    );
    let zero = Value::Odd(b"0000-00-00".to_vec());
    let rules = zero_dates(ZeroDatePolicy::Fail);
    for target in [PgType::Date, PgType::Timestamp(6), PgType::Timestamptz(6)] {
        let found = refused(
            &source(TypeKind::DateTime, "datetime"),
            &target,
            &rules,
            &zero,
        );
        assert_eq!(found, EncodeError::ZeroDate);
    }
}

#[test]
fn text_that_would_be_cut_or_is_not_valid_is_refused() {
    let range = &EncodeError::OutOfRange;
    check_sized(
        TypeKind::VarChar,
        10,
        0,
        PgType::Varchar(Some(3)),
        text("abcd"),
        range,
    );
    // an explicit cast, and even an assignment, would cut blanks in silence
    check_sized(
        TypeKind::VarChar,
        10,
        0,
        PgType::Varchar(Some(3)),
        text("abc "),
        range,
    );
    check_sized(
        TypeKind::VarChar,
        10,
        0,
        PgType::Char(3),
        text("abcd"),
        range,
    );
    check(TypeKind::Int, PgType::Varchar(Some(3)), int(-100), range);
    check(
        TypeKind::Text,
        PgType::Text,
        Value::Odd(vec![0xff]),
        &EncodeError::InvalidText,
    );
    check(
        TypeKind::Blob,
        PgType::Text,
        Value::Bytes(vec![0xff]),
        &EncodeError::InvalidText,
    );
    let nul = EncodeError::NulCharacter;
    check(TypeKind::Text, PgType::Text, text("a\0"), &nul);
    check(TypeKind::Json, PgType::Jsonb, text(r#""\u0000""#), &nul);
    let replace = nuls(NulPolicy::Replace);
    let source = sized(TypeKind::Text, "text", 0, 0);
    let found = refused(&source, &PgType::Varchar(Some(1)), &replace, &text("a\0"));
    assert_eq!(&found, range);
}

#[test]
fn other_values_that_are_none_are_refused() {
    let none = &EncodeError::NotAValue;
    check(TypeKind::Char, PgType::Uuid, text("0123"), none);
    check(TypeKind::Char, PgType::Uuid, text(&"0".repeat(33)), none);
    check(
        TypeKind::Binary,
        PgType::Uuid,
        Value::Bytes(vec![0; 15]),
        none,
    );
    check(TypeKind::Inet4, PgType::Inet, text("256.0.0.1"), none);
    check(TypeKind::VarChar, PgType::Inet, text("10.0.0.0/33"), none);
    check(
        TypeKind::Vector,
        PgType::Float4Array,
        Value::Bytes(vec![0; 5]),
        none,
    );
    check(
        TypeKind::Geometry,
        PgType::Bytea,
        Value::Bytes(vec![0; 5]),
        &EncodeError::InvalidGeometry,
    );
    let rules = MappingRules::default();
    let source = labelled(TypeKind::Enum, &["a"]);
    assert_eq!(
        refused(&source, &PgType::Text, &rules, &uint(2)),
        EncodeError::UnknownLabel
    );
    let source = labelled(TypeKind::Set, &["a", "b"]);
    assert_eq!(
        refused(&source, &PgType::TextArray, &rules, &uint(4)),
        EncodeError::UnknownLabel
    );
}

#[test]
fn every_operation_refuses_absent_and_foreign_cells() {
    let absent = Value::Plain(Cell::Absent);
    for (kind, target) in ordinary_pairs() {
        check(kind, target.clone(), absent.clone(), &EncodeError::Absent);
        let foreign = match kind {
            TypeKind::Date | TypeKind::DateTime | TypeKind::Timestamp => int(1),
            _ => Value::Plain(Cell::Days(1)),
        };
        check(kind, target, foreign, &EncodeError::Mismatch);
    }
}

/// What the lossless profile makes of each kind.
fn ordinary_pairs() -> Vec<(TypeKind, PgType)> {
    vec![
        (TypeKind::TinyInt, PgType::Int2),
        (TypeKind::Int, PgType::Int4),
        (TypeKind::BigInt, PgType::Int8),
        (TypeKind::BigInt, PgType::Numeric(Some((20, 0)))),
        (TypeKind::Decimal, PgType::Numeric(Some((10, 2)))),
        (TypeKind::Float, PgType::Float4),
        (TypeKind::Double, PgType::Float8),
        (TypeKind::Bit, PgType::Bit(8)),
        (TypeKind::Year, PgType::Int2),
        (TypeKind::Date, PgType::Date),
        (TypeKind::Time, PgType::Interval(6)),
        (TypeKind::DateTime, PgType::Timestamp(6)),
        (TypeKind::Timestamp, PgType::Timestamptz(6)),
        (TypeKind::Char, PgType::Varchar(Some(1))),
        (TypeKind::VarChar, PgType::Varchar(None)),
        (TypeKind::Text, PgType::Text),
        (TypeKind::Binary, PgType::Bytea),
        (TypeKind::VarBinary, PgType::Bytea),
        (TypeKind::Blob, PgType::Bytea),
        (TypeKind::Enum, PgType::Text),
        (TypeKind::Set, PgType::TextArray),
        (TypeKind::Json, PgType::Jsonb),
        (TypeKind::Geometry, PgType::Bytea),
        (TypeKind::Uuid, PgType::Uuid),
        (TypeKind::Inet4, PgType::Inet),
        (TypeKind::Inet6, PgType::Inet),
        (TypeKind::Vector, PgType::Float4Array),
    ]
}

#[test]
fn pairs_without_a_conversion_are_known_when_planned() {
    for (kind, target) in [
        (TypeKind::VarChar, PgType::Date),
        (TypeKind::Blob, PgType::Int4),
        (TypeKind::DateTime, PgType::Int8),
        (TypeKind::Int, PgType::Timestamp(6)),
        (TypeKind::Float, PgType::Int4),
        (TypeKind::Geometry, PgType::Other("point".into())),
        (TypeKind::Int, PgType::Bytea),
    ] {
        let source = source(kind, "declared as this");
        let rules = MappingRules::default();
        let planned = ColumnEncoder::plan(&source, &target, &rules, CellForm::Source);
        let error = planned.unwrap_err();
        assert!(
            matches!(error, EncodeError::NoConversion(_)),
            "{kind:?} -> {target:?}"
        );
        assert!(error.to_string().contains("declared as this"));
    }
}
