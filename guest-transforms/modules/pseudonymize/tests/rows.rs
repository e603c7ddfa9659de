//! What `pseudonymize` makes of rows.
#![allow(clippy::unwrap_used, reason = "a test ends at a fault")]

use std::collections::BTreeSet;

use chameleon_transform_sdk::testing::{Change, Datum, TestTable, Tester, host};
use pseudonymize::Pseudonymize;

fn tester(columns: &str) -> Tester<Pseudonymize> {
    host::set_secret("pii", b"a key for tests");
    Tester::new(&format!(r#"{{"secret": "pii", "columns": [{columns}]}}"#)).unwrap()
}

fn made(rule: &str, declared: &str, values: Vec<Datum>) -> Vec<Datum> {
    let table = TestTable::new("shop", "t")
        .key("id", "int")
        .column("v", declared);
    let mut tester = tester(&format!(r#"{{"column": "v"{rule}}}"#));
    tester.plan(&table).unwrap();
    let rows: Vec<Change> = values
        .into_iter()
        .map(|value| Change::insert([("id", 1.into()), ("v", value)]))
        .collect();
    let rows = tester.run(&rows).unwrap();
    rows.iter().map(|row| row.after("v").clone()).collect()
}

fn text(datum: &Datum) -> &str {
    match datum {
        Datum::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn text_becomes_the_hash_that_others_can_compute() {
    // printf %s ann | openssl dgst -sha256 -hmac 'a key for tests'
    let rows = made(
        "",
        "varchar(100)",
        vec![
            "ann".into(),
            "ann".into(),
            "bob".into(),
            Datum::Null,
            "".into(),
        ],
    );
    assert_eq!(rows[0], "9f57a245f697dcc31b7e9fa3d6f0822d".into());
    assert_eq!(rows[0], rows[1]);
    assert_ne!(rows[0], rows[2]);
    assert_eq!(rows[3..], [Datum::Null, "".into()]);
    let narrow = made("", "char(16)", vec!["ann".into()]);
    assert_eq!(text(&narrow[0]), &text(&rows[0])[..16]);
}

#[test]
fn the_same_value_is_the_same_pseudonym_in_other_tables() {
    let values = || {
        vec![
            7.into(),
            4711.into(),
            100.into(),
            127.into(),
            1_000_000_007.into(),
        ]
    };
    let small = made("", "int", values());
    assert_eq!(small, made("", "bigint", values()));
    assert_eq!(small, made("", "int unsigned", values()));
    assert_eq!(
        made("", "varchar(40)", vec!["x".into()]),
        made("", "text", vec!["x".into()])
    );
}

#[test]
fn numbers_stay_apart_and_keep_sign_and_length() {
    let all: Vec<Datum> = (-128..=127).map(Datum::from).collect();
    let rows = made("", "tinyint", all.clone());
    let numbers: BTreeSet<i128> = rows.iter().map(int).collect();
    assert_eq!(numbers.len(), 256, "one to one");
    for (old, new) in all.iter().map(int).zip(rows.iter().map(int)) {
        assert_eq!(old < 0, new < 0, "{old} {new}");
        let length = |number: i128| {
            if number < 0 { -1 - number } else { number }
                .to_string()
                .len()
        };
        assert_eq!(length(old), length(new), "{old} {new}");
    }
    let changed = all
        .iter()
        .zip(&rows)
        .filter(|(old, new)| old != new)
        .count();
    assert!(changed > 240, "{changed}");
    for (declared, most) in [
        ("int", i64::from(i32::MAX)),
        ("bigint", i64::MAX),
        ("mediumint", 8_388_607),
    ] {
        let rows = made("", declared, vec![most.into(), (-1 - most).into()]);
        assert!(
            int(&rows[0]) <= most.into() && int(&rows[1]) >= i128::from(-1 - most),
            "{declared}"
        );
    }
    let most = made("", "bigint unsigned", vec![u64::MAX.into()]);
    assert!(int(&most[0]) > i64::MAX.into());
}

fn int(datum: &Datum) -> i128 {
    match datum {
        Datum::Int(number) => *number,
        other => panic!("{other:?}"),
    }
}

#[test]
fn digits_in_text_stay_where_they_are() {
    let as_digits = r#", "as": "digits""#;
    let rows = made(
        as_digits,
        "varchar(80)",
        vec!["+49 (170) 123-4567".into(), "none".into(), "Ä5".into()],
    );
    let shape = |text: &str| {
        text.chars()
            .map(|c| if c.is_ascii_digit() { '9' } else { c })
            .collect::<String>()
    };
    assert_eq!(shape(text(&rows[0])), "+99 (999) 999-9999");
    assert_ne!(rows[0], "+49 (170) 123-4567".into());
    assert_eq!(rows[1], "none".into());
    assert_eq!(shape(text(&rows[2])), "Ä9");
    let long = "1".repeat(75);
    assert_eq!(
        shape(text(
            &made(as_digits, "text", vec![long.as_str().into()])[0]
        )),
        "9".repeat(75)
    );
    let all: Vec<Datum> = (0..1000).map(|n| format!("{n:03}").into()).collect();
    let rows = made(as_digits, "char(3)", all);
    assert_eq!(
        rows.iter().map(text).collect::<BTreeSet<_>>().len(),
        1000,
        "one to one"
    );
}

#[test]
fn an_address_becomes_one_that_nobody_has() {
    let values = || {
        vec![
            "Ann@Example.org".into(),
            "ann@example.ORG".into(),
            "no address".into(),
        ]
    };
    let rows = made(r#", "as": "email""#, "varchar(60)", values());
    assert_eq!(rows[0], rows[1], "case makes no difference");
    for row in &rows {
        let (local, domain) = text(row).split_once('@').unwrap();
        assert_eq!((local.len(), domain), (17, "example.com"));
    }
    let kept = made(
        r#", "as": "email", "keep_domain": true"#,
        "varchar(30)",
        values(),
    );
    assert!(text(&kept[0]).ends_with("@Example.org"));
    let long = made(
        r#", "as": "email", "keep_domain": true"#,
        "varchar(30)",
        vec!["a@a.very.long.domain.example".into()],
    );
    assert!(
        text(&long[0]).ends_with("@example.com"),
        "it fits its column"
    );
    let own = made(
        r#", "as": "email", "domain": "b.de", "fold_case": false"#,
        "text",
        values(),
    );
    assert_ne!(own[0], own[1]);
    assert!(text(&own[0]).ends_with("@b.de"));
}

#[test]
fn uuids_bytes_and_odd_values() {
    let rows = made(
        "",
        "uuid",
        vec![
            "6CCD780C-BABA-1026-9564-5B8C656024DB".into(),
            "6ccd780c-baba-1026-9564-5b8c656024db".into(),
        ],
    );
    assert_eq!(rows[0], rows[1]);
    assert_eq!(&text(&rows[0])[14..15], "8");
    let bytes = made("", "binary(16)", vec![vec![1, 2, 3].into()]);
    assert!(matches!(&bytes[0], Datum::Blob(bytes) if bytes.len() == 16));
    let odd = made("", "text", vec![Datum::odd(b"\xff"), Datum::odd(b"\xfe")]);
    assert_eq!(text(&odd[0]).len(), 32);
    assert_ne!(odd[0], odd[1]);
    let decimal = made(
        "",
        "decimal(20,0)",
        vec!["-12345678901234567890".into(), "0".into()],
    );
    assert_eq!(text(&decimal[0]).len(), 21);
    assert!(text(&decimal[0]).starts_with('-'));
}

#[test]
fn a_key_is_replaced_in_both_images() {
    let table = TestTable::new("shop", "t")
        .key("id", "int")
        .column("v", "text");
    let mut tester = tester(r#""id", "v""#);
    tester.plan(&table).unwrap();
    let rows = tester
        .run(&[
            Change::insert([("id", 4711.into()), ("v", "a".into())]),
            Change::partial_update([("id", 4711.into())], [("v", "b".into())]),
            Change::update([("id", 4711.into())], [("id", 4712.into())]),
            Change::partial_delete([("id", 4711.into())]),
        ])
        .unwrap();
    let id = rows[0].after("id");
    assert_ne!(id, &4711.into());
    assert_eq!(rows[1].before("id"), id);
    assert_eq!(rows[1].after("id"), &Datum::Absent);
    assert_eq!(rows[2].before("id"), id);
    assert_ne!(rows[2].after("id"), id);
    assert_eq!(rows[3].before("id"), id);
    assert_eq!(rows[3].before("v"), &Datum::Absent);
}

#[test]
fn what_does_not_fit_is_refused() {
    let table = TestTable::new("shop", "t")
        .key("id", "int")
        .column("name", "varchar(8)")
        .column("born", "date")
        .column("amount", "decimal(9,2)");
    for (columns, expect) in [
        (r#""nmae""#, "did you mean `name`?"),
        (r#""name""#, "16 characters are the least"),
        (r#""born""#, "use `mask`"),
        (r#""amount""#, "use `mask`"),
        (
            r#"{"column": "amount", "as": "digits"}"#,
            "without a fraction",
        ),
        (r#"{"column": "name", "as": "email"}"#, "too narrow"),
        (r#"{"column": "id", "as": "uuid"}"#, "`uuid` is for"),
    ] {
        let told = tester(columns).plan(&table).unwrap_err().message;
        assert!(told.contains(expect), "{columns}: {told}");
    }
    let config = r#"{"secret": "other", "columns": ["name"]}"#;
    let told = Tester::<Pseudonymize>::new(config).err().unwrap().message;
    assert_eq!(told, "no secret is called `other`");
}
