//! What `cast` makes of rows.
#![allow(clippy::unwrap_used, reason = "a test ends at a fault")]

use cast::Cast;
use chameleon_transform_sdk::testing::{Change, Datum, TestTable, Tester, Verdict};

fn cast_one(config: &str, declared: &str, value: Datum) -> (Datum, Verdict) {
    let table = TestTable::new("shop", "t")
        .key("id", "int")
        .column("v", declared);
    let mut tester =
        Tester::<Cast>::new(config).unwrap_or_else(|error| panic!("{config}: {error}"));
    tester
        .plan(&table)
        .unwrap_or_else(|error| panic!("{config}: {error}"));
    let rows = tester
        .run(&[Change::insert([("id", 1.into()), ("v", value)])])
        .unwrap();
    (rows[0].after("v").clone(), rows[0].verdict.clone())
}

fn rule(rule: &str, declared: &str, value: Datum) -> Datum {
    let config = format!(r#"{{"columns": [{{"column": "v", {rule}}}]}}"#);
    let (datum, verdict) = cast_one(&config, declared, value);
    assert_eq!(verdict, Verdict::Keep);
    datum
}

fn rejected(rule: &str, declared: &str, value: Datum) -> String {
    let config = format!(r#"{{"columns": [{{"column": "v", {rule}}}]}}"#);
    match cast_one(&config, declared, value).1 {
        Verdict::Reject(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn truth_values_of_all_kinds_become_boolean() {
    let to = r#""to": "boolean""#;
    for (declared, value, expect) in [
        ("tinyint(1)", 2, 1),
        ("tinyint(1)", -1, 1),
        ("tinyint(1)", 0, 0),
        ("int unsigned", 7, 1),
        ("bit(1)", 1, 1),
    ] {
        assert_eq!(
            rule(to, declared, value.into()),
            expect.into(),
            "{declared} {value}"
        );
    }
    assert_eq!(rule(to, "tinyint(1)", Datum::Null), Datum::Null);
    let labels = r#""to": "boolean", "true": ["Y"], "false": ["N"]"#;
    assert_eq!(rule(labels, "enum('N','Y')", "Y".into()), 1.into());
    assert_eq!(rule(labels, "char(1)", "n".into()), 0.into());
    assert_eq!(
        rejected(labels, "char(1)", "x".into()),
        "`v` is neither true nor false"
    );
    assert_eq!(
        rejected(labels, "enum('N','Y')", "".into()),
        "`v` is neither true nor false"
    );
    let open = r#""to": "boolean", "true": ["Y"]"#;
    assert_eq!(rule(open, "char(1)", "x".into()), 0.into());
    let null = r#""to": "boolean", "true": ["Y"], "false": ["N"], "invalid": "null""#;
    assert_eq!(rule(null, "char(1)", "x".into()), Datum::Null);
}

#[test]
fn every_tinyint1_and_no_other() {
    let table = TestTable::new("shop", "t")
        .key("id", "tinyint(1)")
        .column("a", "tinyint(1)")
        .column("b", "tinyint(1) unsigned")
        .column("c", "tinyint(4)")
        .column("d", "int");
    let mut tester = Tester::<Cast>::new(r#"{"tinyint1_to_boolean": true}"#).unwrap();
    assert_eq!(
        tester.plan(&table).unwrap(),
        [
            "id boolean not null replaced",
            "a boolean replaced",
            "b tinyint(1) unsigned passed",
            "c tinyint(4) passed",
            "d int passed",
            "to shop.t",
        ]
    );
    let rows = tester.run(&[Change::delete([("id", 5.into())])]).unwrap();
    assert_eq!(
        rows[0].before("id"),
        &1.into(),
        "a key is cast in its old image too"
    );
    let none = TestTable::new("shop", "t").key("id", "int");
    assert_eq!(tester.plan(&none).unwrap(), ["pass"]);
}

#[test]
fn dates_that_are_none_become_what_the_configuration_says() {
    for raw in ["0000-00-00", "2024-02-00", "2024-02-30"] {
        assert_eq!(
            rule(r#""zero": "null""#, "date", Datum::odd(raw)),
            Datum::Null
        );
        assert_eq!(
            rule(r#""zero": "1970-01-01""#, "date", Datum::odd(raw)),
            "1970-01-01".into()
        );
        let moment = rule(r#""zero": "1970-01-01""#, "datetime", Datum::odd(raw));
        assert_eq!(moment, "1970-01-01 00:00:00".into());
        assert!(
            rejected(r#""zero": "reject""#, "date", Datum::odd(raw))
                .starts_with("`v` holds a value")
        );
    }
    assert_eq!(
        rule(r#""zero": "null""#, "date", "2024-02-29".into()),
        "2024-02-29".into()
    );
    let all = cast_one(
        r#"{"zero_dates": "null"}"#,
        "timestamp",
        Datum::odd("0000-00-00 00:00:00"),
    );
    assert_eq!(all, (Datum::Null, Verdict::Keep));
}

#[test]
fn zero_dates_make_columns_nullable_but_not_in_the_key() {
    let table = TestTable::new("shop", "t")
        .key("day", "date")
        .not_null("due", "date");
    let mut tester = Tester::<Cast>::new(r#"{"zero_dates": "null"}"#).unwrap();
    assert_eq!(
        tester.plan(&table).unwrap()[..2],
        ["day date not null replaced", "due date replaced"]
    );
    let rows = tester.run(&[Change::insert([
        ("day", Datum::odd("0000-00-00")),
        ("due", "2024-01-01".into()),
    ])]);
    assert!(matches!(rows.unwrap()[0].verdict, Verdict::Reject(_)));
}

#[test]
fn text_becomes_json_or_is_rejected() {
    let jsonb = r#""to": "jsonb""#;
    for text in [
        r#"{"a": [1, 2.5e400, null]}"#,
        "1",
        "\"x\"",
        r#""\ud83d\ude00""#,
        r#""\\u0000""#,
    ] {
        assert_eq!(rule(jsonb, "text", text.into()), text.into());
    }
    for text in [
        "",
        "{",
        "NaN",
        "{'a': 1}",
        r#""\u0000""#,
        r#""\ud83d""#,
        r#""\ude00""#,
        "1 2",
    ] {
        assert_eq!(
            rejected(jsonb, "text", text.into()),
            "`v` is no JSON",
            "{text}"
        );
    }
    assert_eq!(
        rule(r#""to": "json""#, "text", r#""\u0000""#.into()),
        r#""\u0000""#.into()
    );
    let string = r#""to": "jsonb", "invalid": "string""#;
    assert_eq!(
        rule(string, "text", "say \"hi\"".into()),
        r#""say \"hi\"""#.into()
    );
    assert_eq!(
        rule(r#""to": "jsonb", "invalid": "null""#, "text", "{".into()),
        Datum::Null
    );
    assert_eq!(rule(jsonb, "text", Datum::Null), Datum::Null);
    assert_eq!(
        rejected(jsonb, "text", Datum::odd(b"\xff")),
        "`v` is no JSON"
    );
}

#[test]
fn text_is_trimmed() {
    assert_eq!(
        rule(r#""trim": "both""#, "text", "  a b\t".into()),
        "a b".into()
    );
    assert_eq!(
        rule(r#""trim": "right""#, "text", " a ".into()),
        " a".into()
    );
    assert_eq!(rule(r#""trim": "left""#, "text", " a ".into()), "a ".into());
    assert_eq!(
        rule(r#""trim": "both", "empty": "null""#, "text", "  ".into()),
        Datum::Null
    );
    assert_eq!(rule(r#""empty": "null""#, "text", " ".into()), " ".into());
    assert_eq!(
        rule(r#""trim": "both""#, "text", Datum::odd(b" \xff")),
        Datum::odd(b" \xff")
    );
    assert_eq!(
        cast_one(r#"{"trim": "right"}"#, "char(5)", "a  ".into()).0,
        "a".into()
    );
}

#[test]
fn absent_columns_stay_absent() {
    let table = TestTable::new("shop", "t")
        .key("id", "int")
        .column("a", "tinyint(1)")
        .column("j", "text")
        .column("t", "text")
        .column("d", "date");
    let config = r#"{"tinyint1_to_boolean": true, "zero_dates": "null", "columns": [
        {"column": "j", "to": "jsonb"}, {"column": "t", "trim": "both", "empty": "null"}]}"#;
    let mut tester = Tester::<Cast>::new(config).unwrap();
    tester.plan(&table).unwrap();
    let update = Change::partial_update([("id", 1.into())], [("a", 3.into())]);
    let rows = tester.run(&[update]).unwrap();
    assert_eq!(rows[0].after("a"), &1.into());
    for column in ["j", "t", "d"] {
        assert_eq!(rows[0].after(column), &Datum::Absent, "{column}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let table = TestTable::new("shop", "t")
        .key("id", "date")
        .column("n", "int")
        .column("s", "text");
    for (rule, expect) in [
        (r#""column": "m", "trim": "both""#, "has no column `m`"),
        (
            r#""column": "n", "trim": "both""#,
            "`trim` and `empty` are for text",
        ),
        (r#""column": "n", "to": "json""#, "`json` is for text"),
        (
            r#""column": "s", "to": "boolean""#,
            "say which texts are `true`",
        ),
        (
            r#""column": "n", "to": "boolean", "true": ["1"]"#,
            "zero is false",
        ),
        (r#""column": "s", "zero": "null""#, "`zero` is for date"),
        (r#""column": "id", "zero": "null""#, "never NULL"),
        (
            r#""column": "id", "zero": "soon""#,
            "`null`, `reject` or a date",
        ),
        (r#""column": "s""#, "say `to`, `zero` or `trim`"),
        (
            r#""column": "s", "to": "json", "trim": "both""#,
            "exclude each other",
        ),
        (
            r#""column": "s", "trim": "both", "invalid": "null""#,
            "`invalid` belongs to `to`",
        ),
    ] {
        let config = format!(r#"{{"columns": [{{{rule}}}]}}"#);
        let told = match Tester::<Cast>::new(&config) {
            Err(error) => error.message,
            Ok(mut tester) => tester.plan(&table).unwrap_err().message,
        };
        assert!(told.contains(expect), "{rule}: {told}");
    }
    assert!(
        Tester::<Cast>::new("{}")
            .err()
            .unwrap()
            .message
            .starts_with("nothing to do")
    );
}
