//! What `mask` makes of rows.
#![allow(clippy::unwrap_used, reason = "a test ends at a fault")]

use chameleon_transform_sdk::testing::{Change, Datum, TestTable, Tester, host};
use mask::Mask;

fn customer() -> TestTable {
    TestTable::new("shop", "customer")
        .key("id", "int")
        .not_null("email", "varchar(60)")
        .column("phone", "char(12)")
        .column("born", "date")
        .column("level", "enum('low','high')")
}

fn masked(config: &str, table: &TestTable, changes: &[Change]) -> Vec<Vec<Datum>> {
    let mut tester = Tester::<Mask>::new(config).unwrap();
    tester.plan(table).unwrap();
    let rows = tester.run(changes).unwrap();
    let columns = |row: &chameleon_transform_sdk::testing::Outcome| {
        let names = table_names(row);
        names.iter().map(|name| row.after(name).clone()).collect()
    };
    rows.iter().map(columns).collect()
}

fn table_names(row: &chameleon_transform_sdk::testing::Outcome) -> Vec<String> {
    let names = row.columns().into_iter().filter(|name| *name != "id");
    names.map(str::to_owned).collect()
}

fn one_text(rule: &str, declared: &str, text: Datum) -> Datum {
    let table = TestTable::new("shop", "t")
        .key("id", "int")
        .column("v", declared);
    let config = format!(r#"{{"columns": [{{"column": "v", {rule}}}]}}"#);
    let insert = Change::insert([("id", 1.into()), ("v", text)]);
    masked(&config, &table, &[insert]).remove(0).remove(0)
}

#[test]
fn a_name_alone_is_redacted_and_null_stays_null() {
    let config = r#"{"columns": ["email", "phone", "born"]}"#;
    let rows = [
        Change::insert([
            ("id", 1.into()),
            ("email", "ann@example.org".into()),
            ("phone", "123".into()),
            ("born", "1980-02-29".into()),
            ("level", "low".into()),
        ]),
        Change::refresh([("id", 2.into()), ("email", "".into())]),
    ];
    assert_eq!(
        masked(config, &customer(), &rows),
        [
            [
                "1970-01-01".into(),
                "***".into(),
                "low".into(),
                "***".into()
            ],
            [Datum::Null, "***".into(), Datum::Null, Datum::Null],
        ]
    );
}

#[test]
fn partial_text_keeps_its_ends_and_its_length() {
    let partial = |rule: &str, text: &str| one_text(rule, "varchar(40)", text.into());
    let both = r#""how": "partial", "keep_first": 2, "keep_last": 2"#;
    assert_eq!(partial(both, "4111222233334444"), "41************44".into());
    assert_eq!(partial(both, "Grüße an Ölü"), "Gr********lü".into());
    assert_eq!(
        partial(both, "1234567"),
        "*******".into(),
        "more than half would stay"
    );
    assert_eq!(
        partial(r#""how": "partial""#, "12345678"),
        "****5678".into()
    );
    assert_eq!(partial(r#""how": "partial""#, ""), "".into());
    let none = r#""how": "partial", "keep_last": 0"#;
    assert_eq!(partial(none, &"x".repeat(40)), "*".repeat(40).into());
}

#[test]
fn an_address_keeps_its_first_letter_and_its_domain() {
    let email = |text: &str, declared: &str| one_text(r#""how": "email""#, declared, text.into());
    for (text, expect) in [
        ("ann@example.org", "a***@example.org"),
        ("an@example.org", "***@example.org"),
        ("\"a@b\"@example.org", "\"***@example.org"),
        ("Öttinger@example.org", "Ö***@example.org"),
        ("no address", "***"),
        ("@example.org", "***"),
        ("ann@", "***"),
        ("ann@host", "***"),
        ("ann@a.b, bob@c.d e", "***"),
        ("", "***"),
    ] {
        assert_eq!(email(text, "varchar(60)"), expect.into(), "{text}");
    }
    assert_eq!(email("anna@b.de", "varchar(9)"), "a***@b.de".into());
    assert_eq!(
        email("abc@b.de", "varchar(8)"),
        "a**@b.de".into(),
        "it fits its column"
    );
    assert_eq!(
        email("ab@b.de", "varchar(5)"),
        "***".into(),
        "it fits its column"
    );
    let hidden = one_text(
        r#""how": "email", "keep_domain": false"#,
        "text",
        "ann@b.de".into(),
    );
    assert_eq!(hidden, "a***@example.com".into());
}

#[test]
fn what_a_type_cannot_hold_is_masked_too() {
    let odd = || Datum::odd(b"\xffsecret");
    assert_eq!(
        one_text(r#""how": "redact""#, "varchar(40)", odd()),
        "***".into()
    );
    assert_eq!(one_text(r#""how": "partial""#, "text", odd()), "***".into());
    assert_eq!(one_text(r#""how": "email""#, "text", odd()), "***".into());
    assert_eq!(one_text(r#""how": "null""#, "text", odd()), Datum::Null);
    let zero = Datum::odd("2024-02-00");
    assert_eq!(
        one_text(r#""how": "redact""#, "date", zero.clone()),
        "1970-01-01".into()
    );
    assert_eq!(
        one_text(r#""with": "1999-12-31""#, "date", zero),
        "1999-12-31".into()
    );
}

#[test]
fn every_type_has_a_plain_value_or_is_refused() {
    for (declared, value, expect) in [
        ("tinyint unsigned", Datum::from(9), Datum::from(0)),
        ("bigint", 9.into(), 0.into()),
        ("bit(3)", 5.into(), 0.into()),
        ("year", 2024.into(), 0.into()),
        ("double", 1.5.into(), 0.0.into()),
        ("decimal(9,2)", "12.50".into(), "0".into()),
        (
            "datetime",
            "2024-05-06 07:08:09".into(),
            "1970-01-01 00:00:00".into(),
        ),
        ("time", "-10:00:00".into(), "00:00:00".into()),
        ("json", "{\"a\": 1}".into(), "\"***\"".into()),
        (
            "uuid",
            "a".into(),
            "00000000-0000-0000-0000-000000000000".into(),
        ),
        ("inet6", "fe80::1".into(), "::".into()),
        ("varbinary(9)", vec![1, 2].into(), vec![].into()),
        ("set('a','b')", "a,b".into(), "".into()),
        ("char(2)", "ab".into(), "**".into()),
    ] {
        assert_eq!(
            one_text(r#""how": "redact""#, declared, value),
            expect,
            "{declared}"
        );
    }
    let with_label = one_text(r#""with": "high""#, "enum('low','high')", "low".into());
    assert_eq!(with_label, "high".into());
}

fn refusal(config: &str, table: &TestTable) -> String {
    match Tester::<Mask>::new(config) {
        Err(error) => error.message,
        Ok(mut tester) => tester.plan(table).unwrap_err().message,
    }
}

#[test]
fn what_does_not_fit_is_refused_with_a_way_out() {
    let refused = |config: &str| refusal(config, &customer());
    for (config, expect) in [
        (
            r#"{"columns": ["emial"]}"#,
            "shop.customer has no column `emial`; did you mean `email`?",
        ),
        (r#"{"columns": ["id"]}"#, "use `pseudonymize`"),
        (r#"{"columns": ["level"]}"#, "say `with` one of its labels"),
        (
            r#"{"columns": [{"column": "level", "with": "mid"}]}"#,
            "no value of type enum",
        ),
        (
            r#"{"columns": [{"column": "born", "how": "partial"}]}"#,
            "`partial` is for text",
        ),
        (
            r#"{"columns": [{"column": "phone", "with": "0123456789012"}]}"#,
            "no value of type char(12)",
        ),
        (
            r#"{"columns": ["email", "EMAIL"]}"#,
            "made or dropped already",
        ),
        (r#"{"columns": []}"#, "name at least one column"),
        (
            r#"{"columns": [{"column": "email", "keep_last": 2}]}"#,
            "`keep_last` of `email` has no use with `how: redact`",
        ),
        (
            r#"{"columns": ["email"], "hwo": "null"}"#,
            "unknown field `hwo`",
        ),
        (
            r#"{"columns": [{"column": "email", "how": "blur"}]}"#,
            "unknown variant `blur`",
        ),
        ("{}", "missing field `columns`"),
    ] {
        let told = refused(config);
        assert!(told.contains(expect), "{config}: {told}");
    }
}

#[test]
fn a_renamed_column_is_refused_so_that_nothing_passes_open() {
    let mut tester = Tester::<Mask>::new(r#"{"columns": ["email"]}"#).unwrap();
    tester.plan(&customer()).unwrap();
    let renamed = TestTable::new("shop", "customer")
        .key("id", "int")
        .column("contact_email", "text");
    let told = tester.plan(&renamed).unwrap_err().message;
    assert!(told.contains("did you mean `contact_email`?"), "{told}");
}

#[test]
fn null_makes_a_column_nullable_at_the_target() {
    let config = r#"{"columns": [{"column": "email", "how": "null"}]}"#;
    let mut tester = Tester::<Mask>::new(config).unwrap();
    let plan = tester.plan(&customer()).unwrap();
    assert_eq!(plan[1], "email varchar(60) replaced");
    let update = Change::update(
        [("id", 1.into()), ("email", "a".into())],
        [("email", "b".into())],
    );
    assert_eq!(
        tester.run(&[update]).unwrap()[0].after("email"),
        &Datum::Null
    );
}

#[test]
fn absent_stays_absent_and_old_images_hold_nothing_open() {
    let mut tester = Tester::<Mask>::new(r#"{"columns": ["email"]}"#).unwrap();
    tester.plan(&customer()).unwrap();
    let rows = tester
        .run(&[
            Change::partial_update([("id", 1.into())], [("phone", "1".into())]),
            Change::update(
                [("id", 1.into()), ("email", "open".into())],
                [("email", "new".into())],
            ),
            Change::delete([("id", 1.into()), ("email", "open".into())]),
        ])
        .unwrap();
    assert_eq!(rows[0].after("email"), &Datum::Absent);
    assert_eq!(rows[1].after("email"), &"***".into());
    assert_eq!(rows[1].before("email"), &Datum::Absent);
    assert_eq!(rows[2].before("email"), &Datum::Absent);
}

#[test]
fn a_table_without_key_is_masked_in_both_images() {
    let table = TestTable::new("shop", "note")
        .column("email", "text")
        .column("n", "int");
    let mut tester =
        Tester::<Mask>::new(r#"{"columns": [{"column": "email", "how": "email"}]}"#).unwrap();
    tester.plan(&table).unwrap();
    let old = [("email", "anna@b.de".into()), ("n", 1.into())];
    let rows = tester
        .run(&[
            Change::update(old.clone(), [("n", 2.into())]),
            Change::delete(old),
        ])
        .unwrap();
    assert_eq!(rows[0].before("email"), &"a***@b.de".into());
    assert_eq!(rows[1].before("email"), &"a***@b.de".into());
    assert_eq!(rows[1].after("email"), &Datum::Absent);
}

#[test]
fn qualified_names_serve_several_tables() {
    let config = r#"{"columns": ["customer.email", "shop.note.body"]}"#;
    let mut tester = Tester::<Mask>::new(config).unwrap();
    assert_eq!(
        tester.plan(&customer()).unwrap()[1],
        "email varchar(60) not null replaced"
    );
    let other = TestTable::new("shop", "other")
        .key("id", "int")
        .column("email", "text");
    assert_eq!(tester.plan(&other).unwrap(), ["pass"]);
}

#[test]
fn a_generated_column_that_may_show_a_masked_one_is_told() {
    let table = customer().generated("domain", "varchar(60)");
    let mut tester = Tester::<Mask>::new(r#"{"columns": ["email"]}"#).unwrap();
    tester.plan(&table).unwrap();
    let log = host::take_log();
    assert_eq!(log.len(), 1);
    assert!(
        log[0].starts_with("warn: `domain` of shop.customer is generated"),
        "{log:?}"
    );
    let mut tester = Tester::<Mask>::new(r#"{"columns": ["email", "domain"]}"#).unwrap();
    tester.plan(&table).unwrap();
    assert!(host::take_log().is_empty());
}
