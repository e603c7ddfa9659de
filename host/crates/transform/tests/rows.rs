//! What rows become: values, verdicts, routes, reshaped tables, chains.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::sync::Arc;

use chameleon_diag::Diagnostic;
use chameleon_model::{CellForm, ChangeBuffer, Column, ColumnType, Op, TableSchema, TypeKind};
use chameleon_transform::{Chain, Meta, OnError, Origin, Outputs, Secrets, TablePlan};
use proptest::prelude::*;
use support::{Bench, V, changes, column, customer, customers, push, schema, spec, text, varchar};

fn number(name: &str, nullable: bool) -> Column {
    column(name, ColumnType::new(TypeKind::Int, "int"), nullable)
}

/// `id int primary key, n int not null`
fn pairs() -> Arc<TableSchema> {
    schema(
        "pair",
        vec![number("id", false), number("n", false)],
        vec![0],
    )
}

fn applied(plan: TablePlan) -> Arc<Outputs> {
    match plan {
        TablePlan::Apply(outputs) => outputs,
        other => panic!("{other:?}"),
    }
}

/// Old and new image of a row of two numbers.
type Pair = (Option<[V; 2]>, Option<[V; 2]>);

fn insert(id: i64, n: i64) -> Pair {
    (None, Some([V::Int(id), V::Int(n)]))
}

fn update(id: i64, from: i64, to: i64) -> Pair {
    (
        Some([V::Int(id), V::Int(from)]),
        Some([V::Int(id), V::Int(to)]),
    )
}

fn delete(id: i64, n: i64) -> Pair {
    (Some([V::Int(id), V::Int(n)]), None)
}

fn buffer(table: &Arc<TableSchema>, rows: &[Pair]) -> ChangeBuffer {
    let mut buffer = ChangeBuffer::default();
    for (before, after) in rows {
        let before = before.as_ref().map(<[V; 2]>::as_slice);
        push(
            &mut buffer,
            table,
            before,
            after.as_ref().map(<[V; 2]>::as_slice),
        );
    }
    buffer
}

/// `id op from to`, one a row.
fn brief(buffer: &ChangeBuffer) -> Vec<String> {
    let n = |image: &Option<Vec<V>>| match image.as_deref() {
        Some([V::Int(id), V::Int(n)]) => format!("{id}:{n}"),
        Some(other) => format!("{other:?}"),
        None => "-".into(),
    };
    let line = |(table, op, before, after): support::Seen| {
        let op = match op {
            Op::Insert => "insert",
            Op::Update => "update",
            Op::Delete => "delete",
        };
        format!("{table} {op} {} {}", n(&before), n(&after))
    };
    changes(buffer).into_iter().map(line).collect()
}

#[test]
fn a_filter_takes_rows_in_and_out() {
    let bench = Bench::new();
    let chain = bench.load("filter_even", OnError::Stop).unwrap();
    let rows = [
        insert(1, 2),
        insert(2, 3),
        update(1, 2, 4),
        update(1, 4, 5),
        update(1, 5, 7),
        update(1, 7, 8),
        delete(1, 8),
        delete(2, 3),
    ];
    let done = chain
        .worker()
        .run(buffer(&pairs(), &rows), false, None)
        .unwrap();
    assert_eq!(
        brief(&done.rows),
        [
            "shop.pair insert - 1:2",
            "shop.pair update 1:2 1:4",
            "shop.pair delete 1:4 -",
            "shop.pair insert - 1:8",
            "shop.pair delete 1:8 -",
        ]
    );
    assert_eq!(done.origin, [0, 2, 3, 5, 6]);
    assert_eq!(chain.counters()[0].dropped, 3);
}

#[test]
fn rows_take_routes_and_move_from_one_to_the_other() {
    let bench = Bench::new();
    let chain = bench.load("route_by_parity", OnError::Stop).unwrap();
    let table = pairs();
    let outputs = applied(chain.worker().plan(&table).unwrap());
    let names: Vec<String> = outputs
        .routes
        .iter()
        .map(|r| r.table.name.to_string())
        .collect();
    assert_eq!(names, ["shop.even", "shop.odd"]);
    assert!(outputs.needs_full_images && outputs.reads_before);
    let rows = [insert(1, 2), update(1, 2, 4), update(1, 4, 5), delete(1, 5)];
    let done = chain
        .worker()
        .run(buffer(&table, &rows), false, None)
        .unwrap();
    assert_eq!(
        brief(&done.rows),
        [
            "shop.even insert - 1:2",
            "shop.even update 1:2 1:4",
            "shop.even delete 1:4 -",
            "shop.odd insert - 1:5",
            "shop.odd delete 1:5 -",
        ]
    );
    assert_eq!(done.origin, [0, 1, 2, 2, 3]);
    // the tables are those of the plan, for every worker
    assert!(Arc::ptr_eq(
        done.rows.table(&done.rows.changes()[0]),
        &outputs.routes[0].table
    ));
}

#[test]
fn a_row_that_enters_or_moves_needs_its_whole_image() {
    let bench = Bench::new();
    let mut table = (*pairs()).clone();
    table.columns.push(number("more", true));
    let table = Arc::new(table);
    let check = |guest: &str, words: &str| {
        let mut given = ChangeBuffer::default();
        let before = [V::Int(1), V::Int(3), V::Absent];
        let after = [V::Int(1), V::Int(4), V::Absent];
        push(&mut given, &table, Some(&before), Some(&after));
        let chain = bench.load(guest, OnError::Stop).unwrap();
        let done = chain.worker().run(given, false, None).unwrap();
        assert!(done.rows.is_empty(), "{guest}");
        let error = &done.stopped[0].error;
        assert_eq!(error.code().to_string(), "TRF027", "{error}");
        assert!(
            error.to_string().contains(words) && error.to_string().contains("`more`"),
            "{error}"
        );
    };
    check("filter_even", "enters the set");
    check("route_by_parity", "another route");
}

#[test]
fn a_table_is_reshaped_and_its_keys_follow() {
    let bench = Bench::new();
    let chain = bench.load("add_and_drop", OnError::Stop).unwrap();
    let mut table = (*customer()).clone();
    let part = |column| chameleon_model::IndexPart {
        column: Some(column),
        prefix: None,
        descending: false,
    };
    let index = |name: &str, column| chameleon_model::Index {
        name: name.into(),
        unique: true,
        kind: chameleon_model::IndexKind::Btree,
        parts: vec![part(column)],
    };
    table.indexes = vec![index("by_id", 0), index("by_name", 1)];
    let table = Arc::new(table);
    let mut worker = chain.worker();
    let outputs = applied(worker.plan(&table).unwrap());
    let [output] = outputs.routes.as_slice() else {
        panic!("{outputs:?}");
    };
    assert_eq!(output.columns, [Origin::Passed(0), Origin::Computed]);
    let made = &output.table.columns[1];
    assert_eq!(
        (made.name.as_str(), made.target.as_deref()),
        ("twice", Some("numeric(30)"))
    );
    assert_eq!(made.ty.kind, TypeKind::BigInt);
    assert_eq!(output.table.columns[0].name, "number");
    assert_eq!(output.table.primary_key, [0]);
    let kept: Vec<&str> = output
        .table
        .indexes
        .iter()
        .map(|i| i.name.as_str())
        .collect();
    assert_eq!(kept, ["by_id"]);
    let mut given = customers(&table, 2);
    let row = [V::Int(1), text("x"), V::Null, V::Null];
    push(&mut given, &table, Some(&row), Some(&row));
    push(&mut given, &table, Some(&row), None);
    let done = worker.run(given, false, None).unwrap();
    let expect = |op, before: Option<Vec<V>>, after: Option<Vec<V>>| {
        ("shop.customer".to_owned(), op, before, after)
    };
    let old = || Some(vec![V::Int(1), V::Absent]);
    assert_eq!(
        changes(&done.rows),
        [
            expect(Op::Insert, None, Some(vec![V::Int(0), V::Int(0)])),
            expect(Op::Insert, None, Some(vec![V::Int(1), V::Int(2)])),
            expect(Op::Update, old(), Some(vec![V::Int(1), V::Int(2)])),
            // not handed over: what the transform makes is absent, never the raw value
            expect(Op::Delete, old(), None),
        ]
    );
}

#[test]
fn a_unique_index_on_replaced_values_is_unique_no_more() {
    let bench = Bench::new();
    let chain = bench.load("identity", OnError::Stop).unwrap();
    let mut table = (*customer()).clone();
    let index = |name: &str, column| chameleon_model::Index {
        name: name.into(),
        unique: true,
        kind: chameleon_model::IndexKind::Btree,
        parts: vec![chameleon_model::IndexPart {
            column: Some(column),
            prefix: None,
            descending: false,
        }],
    };
    table.indexes = vec![index("by_id", 0), index("by_name", 1)];
    let outputs = applied(chain.worker().plan(&Arc::new(table)).unwrap());
    let indexes = outputs.routes[0].table.indexes.iter();
    let unique: Vec<(&str, bool)> = indexes.map(|i| (i.name.as_str(), i.unique)).collect();
    assert_eq!(unique, [("by_id", true), ("by_name", false)]);
}

#[test]
fn the_next_transform_sees_what_the_one_before_made() {
    let bench = Bench::new();
    let chain = bench
        .chain(
            &["add_and_drop", "filter_even", "route_by_parity"],
            OnError::Stop,
        )
        .unwrap();
    let table = pairs();
    let mut worker = chain.worker();
    let outputs = applied(worker.plan(&table).unwrap());
    // the filter gives all values back, which counts as replacing them
    assert_eq!(
        outputs.routes[0].columns,
        [Origin::Replaced(0), Origin::Computed]
    );
    assert_eq!(
        outputs.transforms,
        ["add_and_drop", "filter_even", "route_by_parity"]
    );
    let rows = [insert(1, 3), insert(2, 5)];
    let done = worker.run(buffer(&table, &rows), true, None).unwrap();
    assert_eq!(
        brief(&done.rows),
        ["shop.even insert - 1:2", "shop.even insert - 2:4"]
    );
}

#[test]
fn a_chain_that_lets_a_table_pass_hands_its_buffer_back_as_it_was() {
    let bench = Bench::new();
    let chain = bench.chain(&["pass", "pass"], OnError::Stop).unwrap();
    let table = customer();
    let mut worker = chain.worker();
    assert!(matches!(worker.plan(&table).unwrap(), TablePlan::Pass));
    assert_eq!(worker.fingerprint(&table).unwrap(), "");
    let given = customers(&table, 100);
    let expect = changes(&given);
    let done = worker.run(given, false, None).unwrap();
    assert_eq!(changes(&done.rows), expect);
    assert!(done.origin.is_empty());
    assert_eq!(chain.counters()[0].rows, 0);
}

#[test]
fn an_excluded_table_loses_its_rows_and_no_others() {
    let bench = Bench::new();
    let mut spec = spec("exclude", bench.guest("exclude", false), OnError::Stop);
    spec.tables = vec!["SHOP.Pair".into()];
    let chain = Chain::load(&bench.engine, &[spec], &Secrets::default()).unwrap();
    let (table, other) = (pairs(), customer());
    let mut given = buffer(&table, &[insert(1, 1)]);
    let row = [V::Int(1), text("x"), V::Null, V::Null];
    push(&mut given, &other, None, Some(&row));
    let mut worker = chain.worker();
    assert!(matches!(worker.plan(&table).unwrap(), TablePlan::Exclude));
    assert!(matches!(worker.plan(&other).unwrap(), TablePlan::Pass));
    let done = worker.run(given, false, None).unwrap();
    let seen = changes(&done.rows);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].0, "shop.customer");
    assert_ne!(chain.fingerprint_for(&table).unwrap(), "");
    assert_eq!(chain.fingerprint_for(&other).unwrap(), "");
}

#[test]
fn the_fingerprint_follows_module_and_configuration() {
    let bench = Bench::new();
    let print = |guest: &str, config: serde_json::Value| {
        let mut spec = spec("t", bench.guest(guest, false), OnError::Stop);
        spec.config = config;
        let chain = Chain::load(&bench.engine, &[spec], &Secrets::default()).unwrap();
        chain.fingerprint_for(&pairs()).unwrap()
    };
    let one = print("identity", serde_json::json!({"a": 1}));
    assert_eq!(one, print("identity", serde_json::json!({"a": 1})));
    assert_ne!(one, print("identity", serde_json::json!({"a": 2})));
    assert_ne!(one, print("filter_even", serde_json::json!({"a": 1})));
}

#[test]
fn rows_of_the_relay_are_not_transformed_twice() {
    let bench = Bench::new();
    let chain = bench.load("identity", OnError::Stop).unwrap();
    let mut given = ChangeBuffer::new(CellForm::PgText);
    push(&mut given, &pairs(), None, Some(&[text("1"), text("2")]));
    let error = chain.worker().run(given, false, None).unwrap_err();
    assert_eq!(error.code().to_string(), "TRF009");
}

#[test]
fn commit_times_belong_to_the_rows_of_their_transactions() {
    let bench = Bench::new();
    let mut table = (*pairs()).clone();
    table.columns[0].ty = ColumnType::new(TypeKind::BigInt, "bigint");
    let table = Arc::new(table);
    let chain = bench
        .chain(&["filter_even", "stamp"], OnError::Stop)
        .unwrap();
    let mut worker = chain.worker();
    assert!(applied(worker.plan(&table).unwrap()).wants_meta);
    let meta = Meta {
        transactions: vec![(0, 1_700_000, "a:4".into()), (2, 1_800_000, "a:9".into())],
    };
    let rows = [insert(1, 1), insert(2, 2), insert(3, 4)];
    let expect = [
        "shop.pair insert - 1700000:2",
        "shop.pair insert - 1800000:4",
    ];
    for _ in 0..2 {
        let done = worker
            .run(buffer(&table, &rows), false, Some(&meta))
            .unwrap();
        assert_eq!(brief(&done.rows), expect);
        // without, the guest is told so
        let done = worker.run(buffer(&table, &rows), false, None).unwrap();
        assert_eq!(
            brief(&done.rows),
            ["shop.pair insert - 2:2", "shop.pair insert - 3:4"]
        );
    }
}

/// A table with a column of every kind.
fn everything() -> Arc<TableSchema> {
    let ty = |kind, declared: &str| ColumnType::new(kind, declared);
    let unsigned = |kind| ColumnType {
        unsigned: true,
        ..ColumnType::new(kind, "unsigned")
    };
    let sized = |kind, length| ColumnType {
        length,
        ..ColumnType::new(kind, "sized")
    };
    let labelled = |kind| ColumnType {
        labels: vec!["a".into(), "b".into(), "c".into()],
        ..ColumnType::new(kind, "labelled")
    };
    let decimal = ColumnType {
        length: 20,
        scale: 4,
        ..ColumnType::new(TypeKind::Decimal, "decimal(20,4)")
    };
    let types = vec![
        ty(TypeKind::BigInt, "bigint"),
        unsigned(TypeKind::BigInt),
        ty(TypeKind::TinyInt, "tinyint"),
        ty(TypeKind::Year, "year"),
        sized(TypeKind::Bit, 64),
        labelled(TypeKind::Enum),
        labelled(TypeKind::Set),
        ty(TypeKind::Float, "float"),
        ty(TypeKind::Double, "double"),
        ty(TypeKind::Date, "date"),
        ty(TypeKind::Time, "time"),
        ty(TypeKind::DateTime, "datetime(6)"),
        ty(TypeKind::Timestamp, "timestamp(6)"),
        varchar(40),
        ty(TypeKind::Text, "text"),
        decimal,
        ty(TypeKind::Json, "json"),
        sized(TypeKind::VarBinary, 40),
        ty(TypeKind::Blob, "blob"),
        ty(TypeKind::Geometry, "geometry"),
    ];
    let columns = types.into_iter().enumerate();
    let columns = columns.map(|(n, ty)| column(&format!("c{n}"), ty, n > 0));
    schema("everything", columns.collect(), vec![0])
}

/// A value that a column of that number may hold.
fn value(n: usize) -> BoxedStrategy<V> {
    let exact = match n {
        0 => return any::<i64>().prop_map(V::Int).boxed(),
        1 | 4 => any::<u64>().prop_map(V::UInt).boxed(),
        2 => any::<i8>().prop_map(|n| V::Int(n.into())).boxed(),
        3 => (1901..2155i64).prop_map(V::Int).boxed(),
        5 => (0..4u64).prop_map(V::UInt).boxed(),
        6 => (0..8u64).prop_map(V::UInt).boxed(),
        7 => prop::num::f32::NORMAL.prop_map(V::Float).boxed(),
        8 => prop::num::f64::NORMAL.prop_map(V::Double).boxed(),
        9 => prop_oneof![
            (-719_528..2_932_896i32).prop_map(V::Days),
            Just(V::Odd(b"0000-00-00".to_vec())),
        ]
        .boxed(),
        10 => (-3_020_399_000_000..3_020_399_000_000i64)
            .prop_map(V::Micros)
            .boxed(),
        11 | 12 => prop_oneof![
            (-62_167_219_200_000_000..253_402_300_799_999_999i64).prop_map(V::Micros),
            Just(V::Odd(b"2024-00-10 00:00:00".to_vec())),
        ]
        .boxed(),
        13 => ".{0,40}".prop_map(V::Text).boxed(),
        14 => prop_oneof![
            "\\PC{0,60}".prop_map(V::Text),
            Just(V::Odd(vec![0xff, 0xfe])),
        ]
        .boxed(),
        15 => "-?[1-9][0-9]{0,15}\\.[0-9]{1,4}".prop_map(V::Text).boxed(),
        16 => "\\[[1-9][0-9]{0,9}, \"[a-zä]{0,9}\"\\]"
            .prop_map(V::Text)
            .boxed(),
        17 => prop::collection::vec(any::<u8>(), 0..40)
            .prop_map(V::Bytes)
            .boxed(),
        _ => prop::collection::vec(any::<u8>(), 0..60)
            .prop_map(V::Bytes)
            .boxed(),
    };
    prop_oneof![8 => exact, 1 => Just(V::Null), 1 => Just(V::Absent)].boxed()
}

fn row() -> impl Strategy<Value = Vec<V>> {
    (0..20usize).map(value).collect::<Vec<_>>()
}

fn change() -> impl Strategy<Value = (Option<Vec<V>>, Option<Vec<V>>)> {
    prop_oneof![
        row().prop_map(|after| (None, Some(after))),
        (row(), row()).prop_map(|(before, after)| (Some(before), Some(after))),
        row().prop_map(|before| (Some(before), None)),
    ]
}

#[test]
fn any_rows_come_back_from_the_identity_as_they_were() {
    let bench = Bench::new();
    let chain = bench.load("identity", OnError::Stop).unwrap();
    let table = everything();
    let worker = std::cell::RefCell::new(chain.worker());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let rows = prop::collection::vec(change(), 0..30);
    runner
        .run(&rows, |rows| {
            let mut given = ChangeBuffer::default();
            for (before, after) in &rows {
                push(&mut given, &table, before.as_deref(), after.as_deref());
            }
            let expect = changes(&given);
            let done = worker.borrow_mut().run(given, false, None).unwrap();
            prop_assert!(done.stopped.is_empty(), "{:?}", done.stopped);
            prop_assert_eq!(changes(&done.rows), expect);
            Ok(())
        })
        .unwrap();
}

#[test]
fn large_buffers_are_handed_over_in_batches_and_come_back_whole() {
    let bench = Bench::new();
    let chain = bench.load("identity", OnError::Stop).unwrap();
    let table = customer();
    let mut given = customers(&table, 10_000);
    let long = "x".repeat(1 << 20);
    for id in 0..10 {
        let row = [V::Int(id), text("n"), V::Text(long.clone()), V::Null];
        push(&mut given, &table, None, Some(&row));
    }
    let expect = changes(&given);
    let done = chain.worker().run(given, true, None).unwrap();
    assert!(done.stopped.is_empty(), "{:?}", done.stopped);
    assert_eq!(changes(&done.rows), expect);
}

#[test]
fn a_new_version_of_a_table_is_planned_anew() {
    let bench = Bench::new();
    let chain = bench.load("identity", OnError::Stop).unwrap();
    let mut worker = chain.worker();
    let old = pairs();
    worker.plan(&old).unwrap();
    let mut new = (*old).clone();
    new.columns.push(number("more", true));
    let new = Arc::new(new);
    let mut given = buffer(&old, &[insert(1, 2)]);
    push(
        &mut given,
        &new,
        None,
        Some(&[V::Int(2), V::Int(3), V::Null]),
    );
    let expect = changes(&given);
    let done = worker.run(given, false, None).unwrap();
    assert_eq!(changes(&done.rows), expect);
    worker.forget(&old);
    let outputs = applied(worker.plan(&new).unwrap());
    assert_eq!(outputs.routes[0].columns.len(), 3);
    assert!(Arc::ptr_eq(&outputs.routes[0].table, &new));
}
