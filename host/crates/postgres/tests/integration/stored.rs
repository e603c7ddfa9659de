//! Values go to a column by all four ways - binary COPY, array parameter, text, the relay's JSON -
//! and what PostgreSQL shows of them is compared with text that was computed here.

use chameleon_model::{
    Cell, CellForm, ChangeBuffer, ColumnType, MappingRules, NulPolicy, PgType, TypeKind,
    ZeroDatePolicy,
};
use chameleon_postgres::{ArrayParam, BinaryCopy, Client, ColumnEncoder, EncodeError};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// A cell with what it holds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Plain(Cell),
    Text(String),
    Bytes(Vec<u8>),
    Odd(Vec<u8>),
}

impl Value {
    pub(crate) fn cell(&self, buffer: &mut ChangeBuffer) -> Cell {
        match self {
            Self::Plain(cell) => *cell,
            Self::Text(text) => Cell::Text(buffer.put(text.as_bytes())),
            Self::Bytes(bytes) => Cell::Bytes(buffer.put(bytes)),
            Self::Odd(bytes) => Cell::Odd(buffer.put(bytes)),
        }
    }
}

pub(crate) fn int(value: i64) -> Value {
    Value::Plain(Cell::Int(value))
}

pub(crate) fn uint(value: u64) -> Value {
    Value::Plain(Cell::UInt(value))
}

pub(crate) fn micros(value: i64) -> Value {
    Value::Plain(Cell::Micros(value))
}

pub(crate) fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// A value and the text that PostgreSQL must show; `None` is NULL.
pub(crate) type Expected = (Value, Option<String>);

/// The same, with the text at hand.
pub(crate) fn shows(value: Value, text: &str) -> Expected {
    (value, Some(text.to_owned()))
}

/// Random values of a strategy.
pub(crate) fn sample<S: Strategy>(strategy: S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::default();
    let mut draw = || strategy.new_tree(&mut runner).unwrap().current();
    (0..count).map(|_| draw()).collect()
}

/// A source type with what encoders look at.
pub(crate) fn source(kind: TypeKind, declared: &str) -> ColumnType {
    ColumnType::new(kind, declared)
}

/// The same with length and scale.
pub(crate) fn sized(kind: TypeKind, declared: &str, length: u32, scale: u8) -> ColumnType {
    ColumnType {
        length,
        scale,
        ..source(kind, declared)
    }
}

/// The same with labels.
pub(crate) fn labelled(kind: TypeKind, labels: &[&str]) -> ColumnType {
    ColumnType {
        labels: labels.iter().map(|&label| label.to_owned()).collect(),
        ..source(kind, "labels")
    }
}

pub(crate) fn zero_dates(policy: ZeroDatePolicy) -> MappingRules {
    MappingRules {
        zero_date: policy,
        ..MappingRules::default()
    }
}

pub(crate) fn nuls(policy: NulPolicy) -> MappingRules {
    MappingRules {
        nul_character: policy,
        ..MappingRules::default()
    }
}

/// Stores the values in a column of the type, by every way, and compares.
pub(crate) async fn check(
    client: &Client,
    source: &ColumnType,
    target: &PgType,
    rules: &MappingRules,
    values: &[Expected],
) {
    check_shown(client, source, target, rules, values, "c::text").await;
}

/// The same with a choice of what is shown of column `c`.
pub(crate) async fn check_shown(
    client: &Client,
    source: &ColumnType,
    target: &PgType,
    rules: &MappingRules,
    values: &[Expected],
    shown: &str,
) {
    let plan = |form| ColumnEncoder::plan(source, target, rules, form).unwrap();
    let encoder = plan(CellForm::Source);
    let mut buffer = ChangeBuffer::default();
    let mut values = values.to_vec();
    values.push((Value::Plain(Cell::Null), None));
    let cells: Vec<Cell> = values
        .iter()
        .map(|(value, _)| value.cell(&mut buffer))
        .collect();
    let compare = async |way: &str| {
        let query = format!("select {shown} from stored order by id");
        let rows = client.query(&query, &[]).await.unwrap();
        assert_eq!(rows.len(), values.len(), "{way}");
        for (row, (value, expected)) in rows.iter().zip(&values) {
            let found: Option<String> = row.get(0);
            let pair = format!("{} -> {target:?}", source.declared);
            assert_eq!(&found, expected, "{way}, {pair}, {value:?}");
        }
    };
    let ddl = format!(
        "drop table if exists stored; create table stored (id serial, c {})",
        target.sql()
    );

    if encoder.copies_binary() {
        client.batch_execute(&ddl).await.unwrap();
        let statement = "copy stored (c) from stdin (format binary)";
        let mut copy = BinaryCopy::start(client, statement, 1).await.unwrap();
        for cell in &cells {
            copy.write_row(std::slice::from_ref(&encoder), &buffer, &[*cell])
                .unwrap();
        }
        assert_eq!(copy.finish().await.unwrap(), cells.len() as u64);
        compare("binary COPY").await;
    }

    client.batch_execute(&ddl).await.unwrap();
    let mut array = ArrayParam::new(&encoder);
    for cell in &cells {
        array.push(&encoder, &buffer, *cell).unwrap();
    }
    insert(client, &encoder, &array).await;
    compare("array").await;

    client.batch_execute(&ddl).await.unwrap();
    let (relayed, relayed_cells) = relay(&encoder, &buffer, &cells);
    let reader = plan(CellForm::PgText);
    let mut array = ArrayParam::new(&reader);
    for cell in &relayed_cells {
        array.push(&reader, &relayed, *cell).unwrap();
    }
    insert(client, &reader, &array).await;
    compare("text").await;
}

async fn insert(client: &Client, encoder: &ColumnEncoder, array: &ArrayParam) {
    let declared = match encoder.oid() {
        Some(_) => format!("{}[]", encoder.cast()),
        None => "text[]".into(),
    };
    let cast = encoder.cast();
    let statement =
        format!("insert into stored (c) select v::{cast} from unnest($1::{declared}) v");
    client.execute(&statement, &[array]).await.unwrap();
}

/// Writes cells as text and as the relay's JSON, holds the two against each other, and reads the
/// text back as the relay does.
fn relay(
    encoder: &ColumnEncoder,
    buffer: &ChangeBuffer,
    cells: &[Cell],
) -> (ChangeBuffer, Vec<Cell>) {
    let mut relayed = ChangeBuffer::new(CellForm::PgText);
    let mut read = Vec::new();
    for cell in cells {
        let (mut text, mut json) = (String::new(), String::new());
        let there = encoder.text(buffer, *cell, &mut text).unwrap();
        encoder.json(buffer, *cell, &mut json).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        match &json {
            serde_json::Value::Null => assert!(!there),
            serde_json::Value::String(string) => assert_eq!((there, string), (true, &text)),
            number => assert_eq!((there, number.to_string()), (true, text.clone())),
        }
        read.push(if there {
            Cell::Text(relayed.put(text.as_bytes()))
        } else {
            Cell::Null
        });
    }
    (relayed, read)
}

/// The value must be refused, by the binary and the text form alike.
pub(crate) fn refused(
    source: &ColumnType,
    target: &PgType,
    rules: &MappingRules,
    value: &Value,
) -> EncodeError {
    let encoder = ColumnEncoder::plan(source, target, rules, CellForm::Source).unwrap();
    let mut buffer = ChangeBuffer::default();
    let cell = value.cell(&mut buffer);
    let binary = encoder.binary(&buffer, cell, &mut Vec::new()).unwrap_err();
    let text = encoder.text(&buffer, cell, &mut String::new()).unwrap_err();
    let pair = format!("{} -> {target:?}, {value:?}", source.declared);
    assert_eq!(binary, text, "{pair}");
    binary
}

pub(crate) fn defaults() -> MappingRules {
    MappingRules::default()
}

pub(crate) async fn check_all(
    client: &Client,
    kind: TypeKind,
    targets: &[PgType],
    values: &[Expected],
) {
    for target in targets {
        let source = sized(kind, &format!("{kind:?}"), 0, 0);
        check(client, &source, target, &defaults(), values).await;
    }
}

pub(crate) fn integers(values: impl IntoIterator<Item = i64>) -> Vec<Expected> {
    values
        .into_iter()
        .map(|v| (int(v), Some(v.to_string())))
        .collect()
}

pub(crate) fn unsigned(values: impl IntoIterator<Item = u64>) -> Vec<Expected> {
    values
        .into_iter()
        .map(|v| (uint(v), Some(v.to_string())))
        .collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
