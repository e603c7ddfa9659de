//! Rendered statements on a real PostgreSQL: a table that was altered step by step must be the
//! same as one that is made at once, whatever the names are.

use chameleon_ddl::{Dialect, Mapping, ParseContext};
use chameleon_model::{MappingRules, TypeProfile};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{Database, Replica};

const CAPTURED: [(&str, Dialect, u32); 3] = [
    (
        include_str!("../../../../../testdata/ddl/schemas-mysql9.txt"),
        Dialect::MySql,
        90_704,
    ),
    (
        include_str!("../../../../../testdata/ddl/schemas-mariadb10.11.txt"),
        Dialect::MariaDb,
        101_119,
    ),
    (
        include_str!("../../../../../testdata/ddl/schemas-mariadb11.8.txt"),
        Dialect::MariaDb,
        110_806,
    ),
];

/// Cases whose last step only a new copy can follow.
const HELD: &[(&str, &str)] = &[
    ("auto increment added", "the source numbers the rows"),
    ("generated dropped", "the source computes its values"),
];

fn mapping(profile: TypeProfile) -> Mapping {
    let rules = MappingRules {
        profile,
        ..MappingRules::default()
    };
    Mapping::new("altered", rules)
}

#[tokio::test]
async fn an_altered_table_is_the_same_as_one_made_at_once() {
    let database = Database::create().await;
    let mut failed = Vec::new();
    for (captured, dialect, version) in CAPTURED {
        for profile in [TypeProfile::Lossless, TypeProfile::PgChameleon] {
            for case in captured.split("== ").skip(1) {
                let (head, _) = case.split_once("--\n").unwrap();
                let (name, statements) = head.split_once('\n').unwrap();
                let mut cx = ParseContext::new(dialect, version).in_schema("ddl_probe");
                cx.time_zone = Some("+00:00");
                let mut replica = Replica::new(&database, mapping(profile)).await;
                for sql in statements.lines().filter(|line| !line.starts_with('#')) {
                    replica.apply(sql, &cx).await;
                }
                let refused = replica.refused.join("\n");
                let expected = HELD.iter().find(|(case, _)| *case == name);
                let as_expected = match expected {
                    Some((_, reason)) => refused.contains(reason),
                    None => refused.is_empty(),
                };
                let (altered, fresh) = replica.both_schemas().await;
                if altered != fresh || !as_expected {
                    failed.push(format!(
                        "== {name} ({dialect:?}, {profile:?})\n{refused}\n\
                         -- altered\n{altered}-- made at once\n{fresh}"
                    ));
                }
            }
        }
    }
    database.drop().await;
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Names as nobody would choose them.
fn hostile_name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "select",
        "xmin",
        "ctid",
        "oid",
        "Order",
        "user",
        "a\"b",
        "a'b",
        "a\\b",
        "a.b",
        "a`b",
        "$$",
        "--",
        "/*",
        "%s",
        "ünï",
        "🦎",
        "a b",
        " a",
        "\"",
        "'",
        "\\",
        "NULL",
        "public",
        "pg_catalog",
        "a\u{301}",
    ]);
    prop_oneof![
        known.prop_map(str::to_owned),
        "[a-zA-Z\"'\\\\.🦎 $`%;-]{1,20}",
        "[x🦎\"]{64}",
    ]
    .prop_map(|name| name.trim_end().to_owned())
    .prop_filter("a name is never empty", |name| !name.is_empty())
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

/// Names that the source would tell apart too.
fn distinct(names: &[String]) -> bool {
    let lower: std::collections::BTreeSet<String> =
        names.iter().map(|n| n.trim().to_lowercase()).collect();
    lower.len() == names.len()
}

#[test]
fn hostile_names_labels_and_comments_survive_every_change() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let database = runtime.block_on(Database::create());
    let config = Config {
        cases: 40,
        failure_persistence: None,
        ..Config::default()
    };
    let names = prop::collection::vec(hostile_name(), 8)
        .prop_filter("names must differ", |names| distinct(names));
    let result = TestRunner::new(config).run(&names, |names| {
        let [t, t2, a, b, c, k, l1, l2] = <[String; 8]>::try_from(names).unwrap();
        let (qt, qt2, qa, qb, qc, qk) = (
            quoted(&t),
            quoted(&t2),
            quoted(&a),
            quoted(&b),
            quoted(&c),
            quoted(&k),
        );
        let (l1, l2) = (text(&l1), text(&l2));
        let statements = [
            format!(
                "create table {qt} ({qa} int primary key comment {l1}, {qb} enum({l1}) \
                 not null, {qc} varchar(99) default {l2}, key {qk} ({qc}(5))) comment {l2}"
            ),
            format!("alter table {qt} modify {qb} enum({l1},{l2}) not null comment {l2}"),
            format!("alter table {qt} rename column {qb} to {qc}, rename column {qc} to {qb}"),
            format!("alter table {qt} add new varchar(99) not null default {l1}, add set({l2})")
                .replace("add set(", "add more set("),
            format!("rename table {qt} to {qt2}"),
            format!("alter table {qt2} drop column {qb}"),
        ];
        runtime.block_on(async {
            let cx = ParseContext::new(Dialect::MySql, 90_704).in_schema("s");
            let mut replica = Replica::new(&database, mapping(TypeProfile::Lossless)).await;
            for sql in &statements {
                replica.apply(sql, &cx).await;
            }
            let (altered, fresh) = replica.both_schemas().await;
            prop_assert_eq!(&replica.refused, &Vec::<String>::new());
            prop_assert_eq!(altered, fresh);
            replica.apply(&format!("drop table {qt2}"), &cx).await;
            prop_assert_eq!(replica.both_schemas().await.0, "");
            Ok(())
        })
    });
    runtime.block_on(database.drop());
    if let Err(error) = result {
        panic!("{error}");
    }
}
