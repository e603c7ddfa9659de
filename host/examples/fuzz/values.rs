//! Cells on their way to PostgreSQL, for every pair of types: binary for COPY, elements of arrays, text, JSON of the
//! relay.

use chameleon_model::{
    Cell, CellForm, ChangeBuffer, ColumnType, MappingRules, NulPolicy, PgType, TypeKind,
    ZeroDatePolicy,
};
use chameleon_postgres::{ArrayParam, ColumnEncoder};

use crate::bytes::{Choices, Random, damage};
use crate::corpus::Corpus;

const KINDS: &[TypeKind] = &[
    TypeKind::TinyInt,
    TypeKind::SmallInt,
    TypeKind::MediumInt,
    TypeKind::Int,
    TypeKind::BigInt,
    TypeKind::Decimal,
    TypeKind::Float,
    TypeKind::Double,
    TypeKind::Bit,
    TypeKind::Year,
    TypeKind::Date,
    TypeKind::Time,
    TypeKind::DateTime,
    TypeKind::Timestamp,
    TypeKind::Char,
    TypeKind::VarChar,
    TypeKind::Text,
    TypeKind::Binary,
    TypeKind::VarBinary,
    TypeKind::Blob,
    TypeKind::Enum,
    TypeKind::Set,
    TypeKind::Json,
    TypeKind::Geometry,
    TypeKind::Uuid,
    TypeKind::Inet4,
    TypeKind::Inet6,
    TypeKind::Vector,
    TypeKind::Unknown,
];

const TEXTS: &[&str] = &[
    "-99999999999999999999.000000000000001",
    "0.00",
    "1e309",
    "2020-00-15",
    "0000-00-00 00:00:00",
    "{\"a\": \"\\u0000\", \"b\": [1.0, 18446744073709551615]}",
    "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    "::ffff:10.0.0.1",
    "a\0b",
];

const SHAPES: &[&[u8]] = &[
    // SRID 4326, a point
    &[
        0xe6, 0x10, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0x40,
    ],
    // a collection of nothing, a line of one point
    &[0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0],
    &[
        0, 0, 0, 0, 1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0,
        0x40,
    ],
];

pub(crate) fn make(_: &Corpus, random: &mut Random) -> Vec<u8> {
    let mut input = random.some(24);
    input.resize(24, 0);
    let mut value = match random.below(3) {
        0 => random.pick(TEXTS).as_bytes().to_vec(),
        1 => random.pick(SHAPES).to_vec(),
        _ => random.some(80),
    };
    if !random.once_in(3) {
        let other = random.pick(SHAPES);
        damage(&mut value, other, random);
    }
    input.extend(value);
    input
}

/// Text and binary form take and refuse the same values; the relay's form is JSON.
pub(crate) fn take(_: &Corpus, input: &[u8]) -> bool {
    let mut choices = Choices(input);
    let source = source(&mut choices);
    let target = target(&mut choices);
    let rules = MappingRules {
        zero_date: choices.pick(&[
            ZeroDatePolicy::Null,
            ZeroDatePolicy::Epoch,
            ZeroDatePolicy::MinusInfinity,
            ZeroDatePolicy::Fail,
        ]),
        nul_character: choices.pick(&[NulPolicy::Fail, NulPolicy::Strip, NulPolicy::Replace]),
        hexify: choices.pick(&[vec![], vec!["blob".to_owned()]]),
        ..MappingRules::default()
    };
    let form = choices.pick(&[
        CellForm::Source,
        CellForm::Source,
        CellForm::Source,
        CellForm::PgText,
    ]);
    let Ok(encoder) = ColumnEncoder::plan(&source, &target, &rules, form) else {
        return false;
    };
    let mut buffer = ChangeBuffer::default();
    let number = choices.number();
    let span = buffer.put(choices.rest());
    let is_text = std::str::from_utf8(choices.rest()).is_ok();
    let wild = i64::from_le_bytes(number.to_le_bytes());
    let bytes = number.to_le_bytes();
    let cell = match choices.byte() % 12 {
        0 => Cell::Null,
        1 => Cell::Int(wild),
        2 => Cell::UInt(number),
        3 => Cell::Float(f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])),
        4 => Cell::Double(f64::from_le_bytes(bytes)),
        5 => Cell::Days(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])),
        6 => Cell::Micros(wild),
        7 => Cell::Odd(span),
        8 => Cell::Absent,
        9 if is_text => Cell::Text(span),
        10 if is_text => Cell::Text(span),
        _ => Cell::Bytes(span),
    };
    let (mut binary, mut text, mut json) = (Vec::new(), String::new(), String::new());
    let as_binary = encoder.binary(&buffer, cell, &mut binary).is_ok();
    let mut array = ArrayParam::new(&encoder);
    let as_element = array.push(&encoder, &buffer, cell).is_ok();
    let as_text = encoder.text(&buffer, cell, &mut text).is_ok();
    let as_json = encoder.json(&buffer, cell, &mut json).is_ok();
    let what = || format!("{} to {} of {cell:?}", source.declared, target.sql());
    assert_eq!(as_text, as_json, "text and JSON differ: {}", what());
    assert_eq!(as_binary, as_element, "COPY and array differ: {}", what());
    assert_eq!(as_text, as_binary, "text and binary differ: {}", what());
    assert_eq!(
        array.len(),
        usize::from(as_element),
        "an array keeps a part of a value"
    );
    // text in PostgreSQL's form is never relayed again
    if as_json && form == CellForm::Source {
        let read: Result<&serde_json::value::RawValue, _> = serde_json::from_str(&json);
        assert!(read.is_ok(), "no JSON: {}", what());
    }
    if as_binary {
        let length = binary.first_chunk().map(|bytes| i32::from_be_bytes(*bytes));
        let length = length.map(|length| usize::try_from(length).unwrap_or_default() + 4);
        assert_eq!(
            length,
            Some(binary.len()),
            "a field lies about its length: {}",
            what()
        );
    }
    as_binary
}

fn source(choices: &mut Choices<'_>) -> ColumnType {
    let kind = choices.pick(KINDS);
    let mut ty = ColumnType::new(kind, format!("{kind:?}").to_lowercase());
    ty.unsigned = choices.byte() & 1 == 1;
    ty.scale = choices.byte() % 7;
    ty.length = u32::from(choices.byte());
    match kind {
        TypeKind::Enum => ty.labels = vec!["a".into(), "ü".into(), "x".repeat(70)],
        TypeKind::Set => ty.labels = (0..64).map(|number| format!("label {number}")).collect(),
        TypeKind::Bit => ty.length = ty.length % 64 + 1,
        TypeKind::Decimal => {
            ty.length = ty.length % 65 + 1;
            ty.scale = ty.scale.min(u8::try_from(ty.length).unwrap_or(0));
        }
        _ => {}
    }
    ty
}

fn target(choices: &mut Choices<'_>) -> PgType {
    let digits = choices.byte() % 7;
    let length = u32::from(choices.byte()) + 1;
    let precision = u16::from(choices.byte() % 70) + 1;
    choices.pick(&[
        PgType::Int2,
        PgType::Int4,
        PgType::Int8,
        PgType::Numeric(None),
        PgType::Numeric(Some((precision, u16::from(digits).min(precision)))),
        PgType::Float4,
        PgType::Float8,
        PgType::Bool,
        PgType::Date,
        PgType::Time(digits),
        PgType::Timestamp(digits),
        PgType::Timestamptz(digits),
        PgType::Interval(digits),
        PgType::Varchar(None),
        PgType::Varchar(Some(length)),
        PgType::Char(length),
        PgType::Text,
        PgType::Bytea,
        PgType::Bit(length),
        PgType::Varbit(None),
        PgType::Json,
        PgType::Jsonb,
        PgType::Uuid,
        PgType::Inet,
        PgType::TextArray,
        PgType::Float4Array,
        PgType::Enum {
            schema: "s".into(),
            name: "e".into(),
        },
        PgType::Other("citext".into()),
        PgType::Other("geometry(Point,4326)".into()),
        PgType::Other("vector(3)".into()),
        PgType::Other("money".into()),
    ])
}
