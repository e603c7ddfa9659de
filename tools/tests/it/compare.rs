//! What `compare` finds, says and mends.

use crate::support::Pair;

/// A table with rows 1 to 500 on both sides.
fn numbers(pair: &mut Pair) {
    pair.both("create table n (id bigint primary key, v varchar(20))");
    let rows: Vec<String> = (1..=500).map(|n| format!("({n}, 'v{n}')")).collect();
    pair.both(&format!("insert into n values {}", rows.join(", ")));
}

#[test]
fn equal_tables_are_exit_0_and_their_sums_are_equal() {
    let mut pair = Pair::new("");
    numbers(&mut pair);
    let found = pair.compare_json(&["--chunk-rows", "7"]);
    let table = &found["tables"][0];
    assert_eq!(found["equal"], true);
    assert_eq!(table["state"], "equal");
    assert_eq!(table["source_rows"], 500);
    assert_eq!(table["source_checksum"], table["target_checksum"]);
    // the same sum however the table is divided
    let whole = pair.compare_json(&[]);
    assert_eq!(
        whole["tables"][0]["source_checksum"],
        table["source_checksum"]
    );
}

#[test]
fn missing_extra_and_different_rows_are_named_in_every_range() {
    let mut pair = Pair::new("");
    numbers(&mut pair);
    pair.target("delete from n where id in (1, 250)");
    pair.target("update n set v = 'x' where id in (100, 500)");
    pair.target("insert into n values (-5, 'low'), (9223372036854775807, 'high')");
    for rows in ["1", "7", "50000"] {
        let run = pair.compare(&["--chunk-rows", rows]);
        assert_eq!(run.code, Some(1), "{run:?}");
        let mut lines: Vec<&str> = run.stdout.lines().collect();
        lines.pop();
        lines.sort_unstable();
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r#"
                2 missing, 2 extra, 2 different rows
                different id=100: v
                different id=500: v
                extra     id=-5
                extra     id=9223372036854775807
                missing   id=1
                missing   id=250
            n               500           500  different
            table   source rows   target rows  state
            "#);
        }
    }
}

#[test]
fn the_printed_statements_mend_the_target() {
    let mut pair = Pair::new("");
    numbers(&mut pair);
    pair.target("delete from n where id <= 20; update n set v = null where id > 490");
    pair.target("insert into n values (501, 'more')");
    let run = pair.compare(&["--repair-sql"]);
    assert_eq!(run.code, Some(1));
    assert_eq!(run.stdout.lines().count(), 31);
    assert!(
        run.stderr
            .contains("20 missing, 1 extra, 10 different rows"),
        "{}",
        run.stderr
    );
    pair.target(&run.stdout);
    pair.expect_equal();
}

#[test]
fn keys_of_text_compare_exactly_whatever_the_collation() {
    let mut pair = Pair::new("");
    pair.source("create table k (a varchar(20) character set utf8mb4, b int, primary key (a, b)) collate utf8mb4_general_ci");
    pair.target("create table k (a varchar(20), b int, primary key (a, b))");
    pair.both("insert into k values ('a', 1), ('A', 2), ('á', 3), ('b', 1)");
    pair.expect_equal();
    pair.target("update k set a = 'B' where a = 'b'");
    let found = pair.compare_json(&[]);
    let table = &found["tables"][0];
    assert_eq!((&table["missing"], &table["extra"]), (&1.into(), &1.into()));
    let repair = pair.compare(&["--repair-sql"]).stdout;
    pair.target(&repair);
    pair.expect_equal();
}

#[test]
fn keys_of_text_are_looked_up_in_their_own_character_set() {
    let mut pair = Pair::new("");
    pair.source("create table k (a varchar(20) character set latin1 collate latin1_german1_ci primary key, b int)");
    pair.target("create table k (a varchar(20) primary key, b int)");
    pair.source("insert into k values ('é', 1), ('z', 1)");
    pair.target("insert into k values ('é', 2), ('z', 1), ('🦎', 1)");
    let run = pair.compare(&["--repair-sql"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.stderr.contains("0 missing, 1 extra, 1 different rows"),
        "{run:?}"
    );
    pair.target(&run.stdout);
    pair.expect_equal();
}

#[test]
fn rows_without_key_are_counted_as_often_as_they_stand() {
    let mut pair = Pair::new("");
    pair.both("create table h (a int, b varchar(5))");
    pair.both("insert into h values (1, 'x'), (1, 'x'), (null, null), (2, 'y')");
    pair.expect_equal();
    pair.target("insert into h values (1, 'x'); delete from h where a is null");
    let found = pair.compare_json(&["--repair-sql"]);
    let table = &found["tables"][0];
    assert_eq!((&table["missing"], &table["extra"]), (&1.into(), &1.into()));
    let remark = table["repair"][0].as_str().unwrap();
    assert!(remark.starts_with("-- h: its rows have no key"), "{remark}");
}

#[test]
fn tables_and_columns_of_one_side_alone_are_differences() {
    let mut pair = Pair::new("");
    pair.source("create table a (id int primary key, x int, y int);\ncreate table b (id int primary key);\ninsert into b values (1);\n");
    pair.target("create table a (id int primary key, x int, z int); create table c (id int)");
    let run = pair.compare(&[]);
    assert_eq!(run.code, Some(1));
    let lines: Vec<&str> = run.stdout.lines().collect();
    insta::assert_snapshot!(lines[..lines.len() - 1].join("\n"), @r"
    table   source rows   target rows  state
    a                 0             0  different
        column y is missing at the target
        column z is only at the target
    b                 1             0  missing at the target
    c                 0             0  only at the target
    ");
}

#[test]
fn only_the_tables_asked_for_are_compared() {
    let mut pair = Pair::new("skip_tables: [left_out]");
    pair.both("create table a (id int primary key)");
    pair.both("create table b (id int primary key)");
    pair.both("create table left_out (id int primary key)");
    pair.target("insert into b values (1); insert into left_out values (1)");
    assert_eq!(pair.compare(&["--tables", "a"]).code, Some(0));
    assert_eq!(pair.compare(&["--tables", "a,b"]).code, Some(1));
    let run = pair.compare(&["--tables", "a,left_out"]);
    assert_eq!(run.code, Some(2));
    insta::assert_snapshot!(run.stderr, @r"
    error[CMP004]: find the table at the source: left_out
    hint: spell it as the source does, without its database
    ");
}

#[test]
fn a_table_that_transforms_change_is_only_counted() {
    let mut pair = Pair::new("transforms: [{name: m, module: m.wasm, tables: [a]}]");
    pair.both("create table a (id int primary key, v int)");
    pair.source("insert into a values (1, 1)");
    pair.target("insert into a values (1, 2)");
    let found = pair.compare_json(&[]);
    assert_eq!(found["tables"][0]["state"], "transformed");
    assert_eq!(found["tables"][0]["target_rows"], 1);
    assert_eq!(found["equal"], true);
}

#[test]
fn rows_that_become_equal_while_it_looks_are_equal() {
    let mut pair = Pair::new("");
    numbers(&mut pair);
    pair.target("delete from n where id > 400; update n set v = 'old' where id <= 3");
    let run = pair.compare_while(&["--settle", "60"], |pair| {
        let rows: Vec<String> = (401..=500).map(|n| format!("({n}, 'v{n}')")).collect();
        pair.target(&format!("insert into n values {}", rows.join(", ")));
        pair.target("update n set v = 'v' || id where id <= 3");
        true
    });
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.stdout
            .contains("n               500           500  equal"),
        "{}",
        run.stdout
    );
}

#[test]
fn rows_that_never_stand_still_are_unsettled_and_not_different() {
    let mut pair = Pair::new("");
    numbers(&mut pair);
    pair.target("update n set v = 'behind' where id = 7");
    let mut number = 0;
    let run = pair.compare_while(&["--settle", "2", "--json"], |pair| {
        number += 1;
        pair.source(&format!("update n set v = {number} where id = 7"));
        false
    });
    let found: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let table = &found["tables"][0];
    assert_eq!(
        (run.code, &table["state"]),
        (Some(1), &"unsettled".into()),
        "{run:?}"
    );
    assert_eq!(
        (&table["unsettled"], &table["different"]),
        (&1.into(), &0.into())
    );
}

#[test]
fn a_failure_is_exit_2_and_an_object_with_json() {
    let pair = Pair::new("");
    let run = pair.compare(&["--json"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    let error: serde_json::Value = serde_json::from_str(&run.stderr).unwrap();
    assert_eq!(error["code"], "CMP005");
}
