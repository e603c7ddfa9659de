//! Where `route` sends tables and rows.
#![allow(clippy::unwrap_used, reason = "a test ends at a fault")]

use chameleon_transform_sdk::testing::{Change, Datum, TestTable, Tester, Verdict};
use route::Route;

fn orders(name: &str) -> TestTable {
    TestTable::new("shop", name)
        .key("id", "int")
        .column("nr", "varchar(20)")
        .column("region", "enum('eu','us','xx')")
}

fn tester(rule: &str) -> Tester<Route> {
    let config = format!(r#"{{"rules": [{rule}]}}"#);
    Tester::new(&config).unwrap_or_else(|error| panic!("{rule}: {error}"))
}

#[test]
fn tables_and_columns_are_renamed() {
    let mut tester = tester(
        r#"{"from": "orders", "schema": "sales", "table": "order", "columns": {"NR": "number", "id": "ID"}, "drop": ["region"]}"#,
    );
    assert_eq!(
        tester.plan(&orders("orders")).unwrap(),
        [
            "ID int not null passed",
            "number varchar(20) passed",
            "key ID",
            "to sales.order"
        ]
    );
    assert_eq!(tester.plan(&orders("other")).unwrap(), ["pass"]);
}

#[test]
fn two_columns_may_exchange_their_names() {
    let mut tester = tester(r#"{"from": "orders", "columns": {"nr": "region", "region": "nr"}}"#);
    let plan = tester.plan(&orders("orders")).unwrap();
    assert_eq!(
        plan[1..3],
        [
            "region varchar(20) passed",
            "nr enum('eu','us','xx') passed"
        ]
    );
}

#[test]
fn shards_become_one_table_with_a_key_that_tells_them_apart() {
    let rule = r#"{"from": "orders_*", "table": "orders", "columns": {"id": "nr_in_shard"},
        "shard": {"column": "shard", "type": "integer"}}"#;
    let mut tester = tester(rule);
    assert_eq!(
        tester.plan(&orders("orders_07")).unwrap(),
        [
            "nr_in_shard int not null passed",
            "nr varchar(20) passed",
            "region enum('eu','us','xx') passed",
            "shard integer not null computed",
            "key shard, nr_in_shard",
            "to shop.orders",
        ]
    );
    let rows = tester
        .run(&[
            Change::refresh([("id", 1.into())]),
            Change::partial_update([("id", 1.into())], [("nr", "x".into())]),
            Change::partial_delete([("id", 1.into())]),
        ])
        .unwrap();
    assert_eq!(rows[0].after("shard"), &7.into());
    assert_eq!(
        (rows[1].before("shard"), rows[1].after("shard")),
        (&7.into(), &7.into())
    );
    assert_eq!(
        (rows[2].before("shard"), rows[2].after("shard")),
        (&7.into(), &Datum::Absent)
    );
    let told = tester.plan(&orders("orders_old")).unwrap_err().message;
    assert!(told.contains("its shard `old` is no number"), "{told}");
}

#[test]
fn shards_may_be_schemas_or_named() {
    let mut by_schema =
        tester(r#"{"from": "sh*.orders", "schema": "all", "shard": {"column": "s"}}"#);
    by_schema.plan(&orders("orders")).unwrap();
    let row = &by_schema
        .run(&[Change::insert([("id", 1.into())])])
        .unwrap()[0];
    assert_eq!(
        (row.route.as_str(), row.after("s")),
        ("all.orders", &"op".into())
    );
    let mut named = tester(r#"{"from": "orders", "shard": {"column": "s", "value": "main"}}"#);
    named.plan(&orders("orders")).unwrap();
    let row = &named.run(&[Change::insert([("id", 1.into())])]).unwrap()[0];
    assert_eq!(row.after("s"), &"main".into());
    let keyless = TestTable::new("shop", "orders").column("v", "text");
    let plan = named.plan(&keyless).unwrap();
    assert_eq!(
        plan,
        [
            "v text passed",
            "s text not null computed",
            "to shop.orders"
        ]
    );
    let row = &named.run(&[Change::delete([("v", "x".into())])]).unwrap()[0];
    assert_eq!(row.before("s"), &"main".into());
}

fn change(old: &str, new: &str) -> Change {
    Change::update(
        [("id", 1.into()), ("region", old.into())],
        [("region", new.into())],
    )
}

#[test]
fn rows_go_where_their_value_says_and_move_with_it() {
    let split = r#"{"from": "orders", "split": {"column": "region",
        "tables": {"eu": "orders_eu", "us": "orders_us"}, "other": "orders_rest"}}"#;
    let mut tester = tester(split);
    tester.plan(&orders("orders")).unwrap();
    let rows = tester
        .run(&[
            Change::insert([("id", 1.into()), ("region", "eu".into())]),
            Change::insert([("id", 2.into())]),
            change("eu", "us"),
            change("us", "us"),
            Change::delete([("id", 1.into()), ("region", "us".into())]),
        ])
        .unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.before_route.as_str(), row.route.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("shop.orders_eu", "shop.orders_eu"),
            ("shop.orders_rest", "shop.orders_rest"),
            ("shop.orders_eu", "shop.orders_us"),
            ("shop.orders_us", "shop.orders_us"),
            ("shop.orders_us", "shop.orders_us"),
        ]
    );
    assert!(rows.iter().all(|row| row.verdict == Verdict::Keep));
}

#[test]
fn without_a_table_for_the_rest_rows_enter_and_leave() {
    let split =
        r#"{"from": "orders", "split": {"column": "region", "tables": {"eu": "orders_eu"}}}"#;
    let mut tester = tester(split);
    tester.plan(&orders("orders")).unwrap();
    let rows = tester
        .run(&[
            change("eu", "us"),
            change("us", "eu"),
            change("us", "xx"),
            Change::delete([("id", 1.into()), ("region", "us".into())]),
            Change::refresh([("id", 1.into()), ("region", "us".into())]),
        ])
        .unwrap();
    let told: Vec<_> = rows.iter().map(|row| &row.verdict).collect();
    use Verdict::{Drop, Enter, Leave};
    assert_eq!(told, [&Leave, &Enter, &Drop, &Drop, &Drop]);
    let partial = Change::partial_update([("id", 1.into())], [("nr", "x".into())]);
    let error = tester.run(&[partial]).unwrap_err();
    assert!(error.message.contains("binlog_row_image=FULL"));
}

#[test]
fn numbers_and_texts_split_too() {
    let table = TestTable::new("shop", "t")
        .key("id", "bigint unsigned")
        .column("v", "varchar(9)");
    for (column, value, to) in [("id", Datum::from(7), "7"), ("v", "a".into(), "a")] {
        let rule = format!(
            r#"{{"from": "t", "split": {{"column": "{column}", "tables": {{"{to}": "x"}}, "other": "y"}}}}"#
        );
        let mut tester = tester(&rule);
        tester.plan(&table).unwrap();
        let rows = tester
            .run(&[
                Change::insert([(column, value)]),
                Change::insert([("id", 1.into())]),
            ])
            .unwrap();
        assert_eq!(
            (rows[0].route.as_str(), rows[1].route.as_str()),
            ("shop.x", "shop.y")
        );
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    for (rule, expect) in [
        (r#"{"from": "orders"}"#, "nothing to do"),
        (r#"{"from": "a*b*", "table": "x"}"#, "with one `*` at most"),
        (
            r#"{"from": "orders", "shard": {"column": "s"}}"#,
            "needs a `*` in `from`, or a `value`",
        ),
        (
            r#"{"from": "orders", "table": "x", "split": {"column": "id", "tables": {"1": "a"}}}"#,
            "leave `table` out",
        ),
        (
            r#"{"from": "orders", "columns": {"nmr": "x"}}"#,
            "did you mean `nr`?",
        ),
        (
            r#"{"from": "orders", "columns": {"nr": "region"}}"#,
            "has a column `region` already",
        ),
        (r#"{"from": "orders", "drop": ["id"]}"#, "cannot be dropped"),
        (
            r#"{"from": "orders", "shard": {"column": "nr", "value": "x"}}"#,
            "has a column `nr` already",
        ),
        (
            r#"{"from": "orders", "split": {"column": "region", "tables": {"asia": "a"}}}"#,
            "no label `asia`",
        ),
        (
            r#"{"from": "orders", "split": {"column": "id", "tables": {"one": "a"}}}"#,
            "`one` is no integer",
        ),
    ] {
        let config = format!(r#"{{"rules": [{rule}]}}"#);
        let told = match Tester::<Route>::new(&config) {
            Err(error) => error.message,
            Ok(mut tester) => tester.plan(&orders("orders")).unwrap_err().message,
        };
        assert!(told.contains(expect), "{rule}: {told}");
    }
}
