//! What `audit` adds to rows.
#![allow(clippy::unwrap_used, reason = "a test ends at a fault")]

use audit::Audit;
use chameleon_transform_sdk::testing::{Change, Datum, TestTable, Tester, Verdict};

fn table() -> TestTable {
    TestTable::new("shop", "t")
        .key("id", "int")
        .column("v", "text")
}

#[test]
fn each_row_has_its_time_operation_and_position() {
    let mut tester = Tester::<Audit>::new("{}").unwrap();
    assert_eq!(
        tester.plan(&table()).unwrap()[2..],
        [
            "_commit_time timestamp with time zone computed",
            "_operation text computed",
            "_position text computed",
            "to shop.t",
        ]
    );
    let rows = tester
        .run(&[
            Change::insert([("id", 1.into())]),
            Change::update([("id", 1.into())], [("v", "x".into())]),
            Change::partial_update([("id", 1.into())], [("v", "y".into())]),
            Change::delete([("id", 1.into())]),
            Change::refresh([("id", 2.into())]),
        ])
        .unwrap();
    let told: Vec<_> = rows.iter().map(|row| row.after("_operation")).collect();
    let absent = Datum::Absent;
    assert_eq!(
        told,
        [
            &"insert".into(),
            &"update".into(),
            &"update".into(),
            &absent,
            &"copy".into()
        ]
    );
    assert_eq!(rows[1].after("_commit_time"), &"2023-11-14 22:13:21".into());
    assert_eq!(rows[1].after("_position"), &"binlog.000001:1".into());
    assert_eq!(rows[3].verdict, Verdict::Keep);
}

#[test]
fn names_can_be_chosen_and_columns_left_out() {
    let mut tester = Tester::<Audit>::new(r#"{"columns": {"operation": "op"}}"#).unwrap();
    let plan = tester.plan(&table()).unwrap();
    assert_eq!(plan[2..], ["op text computed", "to shop.t"]);
    let rows = tester.run(&[Change::refresh([("id", 1.into())])]).unwrap();
    assert_eq!(rows[0].columns(), ["id", "op", "v"]);
}

#[test]
fn a_table_without_key_is_refused() {
    let table = TestTable::new("shop", "t").column("v", "text");
    let told = Tester::<Audit>::new("{}")
        .unwrap()
        .plan(&table)
        .unwrap_err()
        .message;
    assert!(told.contains("has no primary key"), "{told}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let new = |config: &str| {
        Tester::<Audit>::new(config)
            .err()
            .map(|error| error.message)
    };
    assert!(new(r#"{"columns": {}}"#).unwrap().contains("at least one"));
    assert!(
        new(r#"{"columns": {"operation": "a", "position": "a"}}"#)
            .unwrap()
            .contains("same name")
    );
    assert!(
        new(r#"{"columns": {"when": "a"}}"#)
            .unwrap()
            .contains("unknown field `when`")
    );
    let mut tester = Tester::<Audit>::new(r#"{"columns": {"operation": "V"}}"#).unwrap();
    let told = tester.plan(&table()).unwrap_err().message;
    assert_eq!(told, "shop.t has a column `V` already");
}
