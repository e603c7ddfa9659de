use chameleon_ddl::{ColumnChange, Dialect, parse, resolve};

use super::*;

fn schemas(limit: &[&str], statements: &[&str]) -> Schemas {
    let selection = TableSelection {
        limit: limit.iter().map(|&name| name.to_owned()).collect(),
        skip: vec!["skipped".to_owned()],
    };
    let mut schemas = Schemas::new("shop".to_owned(), selection, false, vec![]);
    for sql in statements {
        run(&mut schemas, sql);
    }
    schemas
}

fn run(schemas: &mut Schemas, sql: &str) -> Applied {
    let cx = ParseContext::new(Dialect::MySql, 80_036).in_schema("shop");
    let mut all = Applied::default();
    for statement in parse(sql, &cx).unwrap() {
        let changes = resolve(&statement, &cx, schemas.tables()).unwrap();
        let applied = schemas.apply(changes, &cx);
        for (name, _) in &applied.held {
            schemas.hold(name);
        }
        all.changes.extend(applied.changes);
        all.history.extend(applied.history);
        all.held.extend(applied.held);
    }
    all
}

/// One word per change: what the target has to do, and what is held.
fn told(applied: &Applied) -> String {
    let change = |change: &SchemaChange| match change {
        SchemaChange::Create { after } => format!("create {}", after.name.name),
        SchemaChange::Drop { before } => format!("drop {}", before.name.name),
        SchemaChange::Truncate { table } => format!("truncate {}", table.name),
        SchemaChange::Alter { after, .. } => format!("alter {}", after.name.name),
        SchemaChange::Rename { before, after } => {
            format!("rename {} to {}", before.name.name, after.name.name)
        }
        SchemaChange::Unsupported { .. } => "unsupported".to_owned(),
    };
    let held = applied
        .held
        .iter()
        .map(|(name, _)| format!("hold {}", name.name));
    let all: Vec<String> = applied.changes.iter().map(change).chain(held).collect();
    all.join(", ")
}

fn names(schemas: &Schemas, concern: Concern) -> String {
    let names: Vec<&str> = schemas.of(concern).map(|t| t.name.name.as_str()).collect();
    names.join(" ")
}

#[test]
fn what_is_not_selected_is_of_no_concern() {
    let mut all = schemas(&[], &[]);
    assert_eq!(
        told(&run(&mut all, "create table a (id int primary key)")),
        "create a"
    );
    assert_eq!(told(&run(&mut all, "create table skipped (id int)")), "");
    assert_eq!(told(&run(&mut all, "create table other.a (id int)")), "");
    assert_eq!(told(&run(&mut all, "alter table skipped add b int")), "");
    assert_eq!(told(&run(&mut all, "truncate other.a")), "");
    assert_eq!(told(&run(&mut all, "truncate a")), "truncate a");
    assert_eq!(told(&run(&mut all, "drop table a, skipped")), "drop a");
    assert_eq!(names(&all, Concern::Replicated), "");
}

#[test]
fn gh_ost_cuts_over_as_one_alter() {
    let mut s = schemas(&[], &["create table x (id int primary key, a int)"]);
    assert_eq!(told(&run(&mut s, "create table _x_ghc (id int)")), "");
    assert_eq!(told(&run(&mut s, "create table _x_gho like x")), "");
    assert_eq!(
        told(&run(
            &mut s,
            "alter table _x_gho change a b bigint, add c int default 7"
        )),
        ""
    );
    assert_eq!(names(&s, Concern::Helper), "_x_ghc _x_gho");
    assert_eq!(told(&run(&mut s, "create table _x_del (id int)")), "");
    assert_eq!(told(&run(&mut s, "drop table _x_del")), "");
    let cut = run(&mut s, "rename table x to _x_del, _x_gho to x");
    assert_eq!(told(&cut), "alter x");
    let SchemaChange::Alter { columns, after, .. } = &cut.changes[0] else {
        panic!("{cut:?}");
    };
    assert_eq!(after.columns[1].name, "b");
    // the renamed column is the old one, because the helper's own ALTER told so
    assert!(matches!(
        columns[1],
        ColumnChange::Changed {
            before: 1,
            after: 1
        }
    ));
    assert_eq!(told(&run(&mut s, "drop table _x_ghc")), "");
    assert_eq!(told(&run(&mut s, "drop table _x_del")), "");
    assert_eq!(names(&s, Concern::Replicated), "x");
    assert_eq!(names(&s, Concern::Helper), "");
}

#[test]
fn a_helper_is_known_again_after_a_restart() {
    let mut s = schemas(
        &[],
        &[
            "create table x (id int primary key)",
            "create table _x_new like x",
        ],
    );
    run(&mut s, "alter table _x_new add c int");
    let tables = s.tables.values().cloned().collect();
    let mut s = Schemas::new("shop".to_owned(), TableSelection::all(), false, tables);
    assert_eq!(names(&s, Concern::Helper), "_x_new");
    let cut = run(&mut s, "rename table x to _x_old, _x_new to x");
    assert_eq!(told(&cut), "alter x");
    assert_eq!(told(&run(&mut s, "drop table if exists _x_old")), "");
}

#[test]
fn tables_change_places_and_none_is_lost() {
    let tables = [
        "create table a (id int primary key)",
        "create table b (n int)",
    ];
    let swap = "rename table a to t, b to a, t to b";
    let expect = "rename a to t, rename b to a, rename t to b";
    let mut s = schemas(&[], &tables);
    assert_eq!(told(&run(&mut s, swap)), expect);
    let mut s = schemas(&["a", "b"], &tables);
    assert_eq!(told(&run(&mut s, swap)), expect);
    assert_eq!(
        s.find(&TableName::new("shop", "a")).unwrap().columns[0].name,
        "n"
    );
    assert_eq!(names(&s, Concern::Replicated), "a b");
}

#[test]
fn a_table_that_leaves_the_selection_or_comes_into_it_is_held() {
    let mut s = schemas(&["a", "b"], &["create table a (id int primary key)"]);
    assert_eq!(told(&run(&mut s, "rename table a to c")), "hold a");
    // rows of what is now called b were never read
    assert_eq!(told(&run(&mut s, "rename table c to b")), "hold b");
    let mut s = schemas(
        &[],
        &["create table x (id int)", "create table _x_new (id int)"],
    );
    run(&mut s, "drop table x");
    assert_eq!(told(&run(&mut s, "rename table _x_new to x")), "hold x");
    let mut s = schemas(
        &[],
        &["create table x (id int)", "create table _x_new (id int)"],
    );
    run(&mut s, "drop table x");
    assert_eq!(
        told(&run(&mut s, "rename table _x_new to x, x to y")),
        "hold y"
    );
}

#[test]
fn a_held_table_is_counted_and_not_altered() {
    let mut s = schemas(&[], &["create table a (id int primary key)"]);
    let name = TableName::new("shop", "a");
    assert!(s.hold(&name));
    assert!(!s.hold(&name));
    assert_eq!(told(&run(&mut s, "alter table a add b int")), "");
    assert_eq!(s.find(&name).unwrap().columns.len(), 2);
    s.count(&name, 3);
    s.count(&name, 4);
    assert_eq!(s.take_counts(), [(name.clone(), 7)]);
    assert_eq!(s.take_counts(), []);
    // a table that is dropped and made anew begins anew
    assert_eq!(told(&run(&mut s, "drop table a")), "drop a");
    assert_eq!(told(&run(&mut s, "create table a (id int)")), "create a");
}

#[test]
fn tables_that_swap_names_with_a_held_one_are_held() {
    let made = ["create table a (id int)", "create table b (v int)"];
    let mut s = schemas(&[], &made);
    s.hold(&TableName::new("shop", "b"));
    assert_eq!(
        told(&run(&mut s, "rename table a to c, b to a, c to b")),
        "hold a, hold b"
    );
    let mut s = schemas(&[], &made);
    s.hold(&TableName::new("shop", "a"));
    assert_eq!(
        told(&run(&mut s, "rename table a to c, b to a, c to b")),
        "hold a, hold b"
    );
    // no table has the name on the way, so one that is made later is not a held one
    assert_eq!(told(&run(&mut s, "create table c (id int)")), "create c");
    // all others still follow
    let mut s = schemas(&[], &made);
    assert_eq!(
        told(&run(&mut s, "rename table a to c, b to a, c to b")),
        "rename a to c, rename b to a, rename c to b"
    );
}

#[test]
fn a_table_made_twice_by_one_transaction_is_made_once() {
    let mut s = schemas(&[], &["create table a (id int primary key)"]);
    assert_eq!(
        told(&run(&mut s, "create table a (id int primary key)")),
        ""
    );
}
