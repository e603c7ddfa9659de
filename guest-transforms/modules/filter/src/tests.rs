//! What `filter` says of expressions and rows.

use chameleon_transform_sdk::testing::{Change, Datum, TestTable, Tester, Verdict};

use crate::{Filter, decimal, pattern::Pattern};

fn table() -> TestTable {
    TestTable::new("shop", "orders")
        .key("id", "bigint unsigned")
        .column("country", "char(2)")
        .column("status", "enum('new','paid','gone')")
        .column("tags", "set('a','b','c')")
        .column("amount", "decimal(12,2)")
        .column("credit", "decimal(12,2)")
        .column("weight", "double")
        .column("due", "date")
        .column("paid_at", "datetime(3)")
        .column("active", "tinyint(1)")
        .column("name", "varchar(40)")
        .column("doc", "json")
}

fn tester(condition: &str) -> Tester<Filter> {
    let config = format!(r#"{{"where": "{condition}"}}"#);
    let mut tester = Tester::new(&config).unwrap_or_else(|error| panic!("{condition}: {error}"));
    tester
        .plan(&table())
        .unwrap_or_else(|error| panic!("{condition}: {error}"));
    tester
}

fn row() -> Vec<(&'static str, Datum)> {
    vec![
        ("id", 7.into()),
        ("country", "DE".into()),
        ("status", "paid".into()),
        ("tags", "a,c".into()),
        ("amount", "100.50".into()),
        ("credit", "-9.00".into()),
        ("weight", 1.5.into()),
        ("due", "2024-02-29".into()),
        ("paid_at", "2024-02-29 12:00:00.5".into()),
        ("active", 1.into()),
        ("name", "Müller 100%".into()),
    ]
}

fn keeps(condition: &str) -> bool {
    let rows = tester(condition).run(&[Change::insert(row())]).unwrap();
    match rows[0].verdict {
        Verdict::Keep => true,
        Verdict::Drop => false,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn every_kind_of_comparison_holds_where_it_should() {
    for condition in [
        "id = 7",
        "id <> 8",
        "id != 8",
        "id < 8",
        "id <= 7",
        "id > -1",
        "7 >= id",
        "8 > id",
        "country = 'DE'",
        "country in ('AT', 'DE')",
        "country not in ('AT')",
        "country < 'DF'",
        "status = 'paid'",
        "status <> 'new'",
        "status in ('new', 'paid')",
        "tags has 'a'",
        "tags has 'a,c'",
        "not tags has 'b'",
        "tags not has 'b'",
        "tags = 'c,a'",
        "amount = 100.5",
        "amount > 99.999",
        "amount > 20",
        "credit < -8.99",
        "credit < amount",
        "weight > 1",
        "weight = 1.5",
        "due = '2024-02-29'",
        "due < '2024-03-01'",
        "paid_at > '2024-02-29'",
        "paid_at = '2024-02-29T12:00:00.500'",
        "active",
        "active = true",
        "not active = false",
        "active <> 0",
        "name like 'M_ller%'",
        "name like '%100\\\\%'",
        "name not like 'm%'",
        "name ilike 'mÜLLER%'",
        "doc is null",
        "name is not null",
        "id between 7 and 9",
        "id not between 8 and 9",
        "true",
        "not false",
        "id = 1 or id = 7 and country = 'DE'",
        "(id = 1 or id = 7) and active",
        "`country` = 'DE'",
        "ID = 7 AND Country = 'DE'",
    ] {
        assert!(keeps(condition), "{condition}");
        let opposite = format!("not ({condition})");
        assert!(!keeps(&opposite), "{opposite}");
    }
}

#[test]
fn what_is_unknown_is_not_in_the_set_nor_is_its_opposite() {
    let null = |condition: &str| {
        let insert = Change::insert([("id", 1.into())]);
        tester(condition).run(&[insert]).unwrap()[0].verdict == Verdict::Keep
    };
    for condition in [
        "country = 'DE'",
        "country <> 'DE'",
        "country in ('DE')",
        "country not in ('DE')",
        "name like '%'",
        "not name like '%'",
        "amount < credit",
        "tags has 'a'",
        "active",
        "country = 'DE' and id = 1",
        "country = 'DE' or id = 2",
    ] {
        assert!(!null(condition), "{condition}");
        assert!(!null(&format!("not ({condition})")), "not ({condition})");
    }
    for condition in [
        "country is null",
        "country = 'DE' or id = 1",
        "not (country = 'DE' and id = 2)",
    ] {
        assert!(null(condition), "{condition}");
    }
}

#[test]
fn updates_enter_and_leave_and_deletes_outside_are_left_out() {
    let change = |old: &str, new: &str| {
        Change::update(
            [("id", 1.into()), ("country", old.into())],
            [("country", new.into())],
        )
    };
    let rows = tester("country = 'DE'")
        .run(&[
            change("DE", "DE"),
            change("DE", "FR"),
            change("FR", "DE"),
            change("FR", "IT"),
            Change::delete([("id", 1.into()), ("country", "DE".into())]),
            Change::delete([("id", 1.into()), ("country", "FR".into())]),
            Change::refresh([("id", 1.into()), ("country", "FR".into())]),
        ])
        .unwrap();
    let verdicts: Vec<&Verdict> = rows.iter().map(|row| &row.verdict).collect();
    use Verdict::{Drop, Enter, Keep, Leave};
    assert_eq!(
        verdicts,
        [&Keep, &Leave, &Enter, &Drop, &Keep, &Drop, &Drop]
    );
}

#[test]
fn a_partial_image_fails_and_is_not_guessed() {
    let update = Change::partial_update([("id", 1.into())], [("name", "x".into())]);
    let keep = Change::insert(row());
    let error = tester("country = 'DE'").run(&[keep, update]).unwrap_err();
    assert_eq!(error.row, Some(1));
    assert!(error.message.contains("binlog_row_image=FULL"), "{error}");
    let by_key = Change::partial_update([("id", 1.into())], [("id", 1.into())]);
    assert_eq!(
        tester("id = 1").run(&[by_key]).unwrap()[0].verdict,
        Verdict::Keep
    );
}

#[test]
fn dates_that_are_none_have_the_place_that_the_source_gives_them() {
    let due = |condition: &str, raw: &str| {
        let insert = Change::insert([("id", 1.into()), ("due", Datum::odd(raw))]);
        tester(condition).run(&[insert]).unwrap()[0].verdict == Verdict::Keep
    };
    assert!(due("due < '2000-01-01'", "0000-00-00"));
    assert!(due(
        "due < '2024-02-01' and due > '2024-01-31'",
        "2024-02-00"
    ));
    assert!(due("due is not null", "0000-00-00"));
}

#[test]
fn faults_name_their_place_and_a_way_out() {
    let told = |condition: &str| {
        let config = format!(r#"{{"where": "{condition}"}}"#);
        match Tester::<Filter>::new(&config) {
            Err(error) => error.message,
            Ok(mut tester) => tester.plan(&table()).unwrap_err().message,
        }
    };
    for (condition, expect) in [
        ("", "`where`, at its end: a column or a value is expected"),
        (
            "contry = 'DE'",
            "shop.orders has no column `contry`; did you mean `country`?",
        ),
        (
            "country = ",
            "`where`, at its end: a column or a value is expected",
        ),
        (
            "country == 'DE'",
            "`where`, character 10, at `= 'DE'`: a column or a value is expected",
        ),
        ("country = 'DE", "the closing ' is missing"),
        (
            "country = 'DE' id = 1",
            "`where`, character 16, at `id = 1`: `and` or `or` is expected here",
        ),
        ("country = null", "write `is null`"),
        ("country is 'DE'", "`null` is expected after `is`"),
        (
            "country not 'DE'",
            "`in`, `like`, `between` or `has` is expected after `not`",
        ),
        (
            "(country = 'DE'",
            "`where`, at its end: `)` is expected here",
        ),
        ("country in 'DE'", "`(` is expected here"),
        ("id = 12x", "`12x` is no number"),
        (
            "id = 1.5",
            "`id` is bigint unsigned: compare it with an integer, true or false",
        ),
        ("id = '1'", "compare it with an integer"),
        (
            "status = 'payd'",
            "there is no label 'payd'; did you mean 'paid'?",
        ),
        ("status < 'new'", "only `=`, `<>` and `in` are for it"),
        (
            "due = '2024-02-30'",
            "compare it with a date such as '2024-12-31'",
        ),
        ("doc = 'x'", "only `is null` and `is not null` are for it"),
        (
            "name = country and name = id",
            "`id` is bigint unsigned: the two cannot be compared",
        ),
        ("name", "alone it says neither yes nor no"),
        ("1 = 1", "no column"),
        ("id has 'a'", "`has` is for sets"),
        ("id like '1%'", "`like` is for text"),
        ("order = 1; drop", "`;` means nothing here"),
        ("in = 1", "a column `in` stands in backticks"),
    ] {
        let told = told(condition);
        assert!(told.contains(expect), "{condition}: {told}");
    }
    assert!(told(&"(".repeat(500)).contains("nested too deep"));
    assert!(told(&"not ".repeat(500)).contains("nested too deep"));
}

#[test]
fn decimals_are_compared_as_numbers() {
    use std::cmp::Ordering::{Equal, Greater, Less};
    for (left, right, expect) in [
        ("1", "1.00", Equal),
        ("-0.0", "0", Equal),
        ("9.99", "10", Less),
        ("-9.99", "-10", Greater),
        ("0.1", "0.09", Greater),
        ("-1", "1", Less),
        (
            "123456789012345678901234567890.1",
            "123456789012345678901234567890.2",
            Less,
        ),
    ] {
        assert_eq!(decimal::compare(left, right), expect, "{left} {right}");
    }
}

#[test]
fn patterns_go_back_where_they_must() {
    for (pattern, text, expect) in [
        ("", "", true),
        ("%", "", true),
        ("_", "", false),
        ("a%b%c", "aXbYbZc", true),
        ("%ab", "aab", true),
        ("%a_", "aaa", true),
        ("a%%", "a", true),
        ("a\\_c", "abc", false),
        ("a\\", "a\\", true),
        ("abc", "ab", false),
    ] {
        assert_eq!(
            Pattern::new(pattern, false).matches(text),
            expect,
            "{pattern} {text}"
        );
    }
    let hard = Pattern::new(&"%a".repeat(20), false);
    assert!(!hard.matches(&format!("{}b", "a".repeat(200))));
}
