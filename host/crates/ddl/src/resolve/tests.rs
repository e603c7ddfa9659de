//! Resolved tables against what the servers' information_schema showed for the same statements
//! (`testdata/ddl`), and the rest by hand.

use std::fmt::Write as _;

use super::*;
use crate::context::Dialect;
use chameleon_model::{IndexKind, TypeKind};

const MYSQL: (Dialect, u32) = (Dialect::MySql, 90_704);
const MARIADB_10: (Dialect, u32) = (Dialect::MariaDb, 101_119);
const MARIADB_11: (Dialect, u32) = (Dialect::MariaDb, 110_806);

macro_rules! captured {
    ($file:literal) => {
        include_str!(concat!("../../../../../testdata/ddl/", $file))
    };
}

type Tables = BTreeMap<TableName, Arc<TableSchema>>;

fn context((dialect, version): (Dialect, u32)) -> ParseContext<'static> {
    let mut cx = ParseContext::new(dialect, version).in_schema("ddl_probe");
    cx.default_charset = Some("utf8mb4");
    cx
}

/// Applies a statement text to the tables.
fn run(sql: &str, cx: &ParseContext<'_>, tables: &mut Tables) -> Vec<SchemaChange> {
    let mut all = Vec::new();
    for statement in crate::parse(sql, cx).unwrap() {
        let changes = resolve(&statement, cx, tables).unwrap();
        for change in &changes {
            match change {
                SchemaChange::Drop { before } | SchemaChange::Rename { before, .. } => {
                    tables.remove(&before.name);
                }
                _ => {}
            }
            if let Some(after) = change.after() {
                tables.insert(after.name.clone(), Arc::clone(after));
            }
        }
        all.extend(changes);
    }
    all
}

/// Prints tables as the captured files do.
fn show(tables: &Tables) -> String {
    let mut out = String::new();
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    for table in tables.values() {
        let charset = table.charset.as_deref().unwrap_or("-");
        let comment = quoted(&table.comment);
        let _ = writeln!(
            out,
            "table {} charset {charset} comment {comment}",
            table.name.name
        );
        for c in &table.columns {
            let flags = [
                (c.auto_increment, "ai"),
                (c.generated, "gen"),
                (c.invisible, "inv"),
            ];
            let flags: Vec<&str> = flags.iter().filter(|f| f.0).map(|f| f.1).collect();
            let _ = writeln!(
                out,
                "  column {} {} / {} {} / {} / {} / {}",
                c.name,
                c.ty.declared,
                c.ty.charset.as_deref().unwrap_or("-"),
                c.ty.collation.as_deref().unwrap_or("-"),
                if c.nullable { "null" } else { "not null" },
                if flags.is_empty() {
                    "-".into()
                } else {
                    flags.join(" ")
                },
                quoted(&c.comment),
            );
        }
        let name = |n: usize| table.columns[n].name.clone();
        let mut keys = Vec::new();
        if !table.primary_key.is_empty() {
            let columns: Vec<String> = table.primary_key.iter().map(|&n| name(n)).collect();
            keys.push((
                "primary".to_owned(),
                format!("  primary ({})", columns.join(", ")),
            ));
        }
        for index in &table.indexes {
            let kind = match index.kind {
                IndexKind::FullText => "fulltext",
                IndexKind::Spatial => "spatial",
                _ if index.unique => "unique",
                _ => "index",
            };
            let parts: Vec<String> = index
                .parts
                .iter()
                .map(|p| {
                    let mut part = p.column.map_or("<expr>".to_owned(), name);
                    if let Some(prefix) = p.prefix {
                        let _ = write!(part, "({prefix})");
                    }
                    if p.descending {
                        part.push_str(" desc");
                    }
                    part
                })
                .collect();
            let line = format!("  {kind} {} ({})", index.name, parts.join(", "));
            keys.push((index.name.to_lowercase(), line));
        }
        keys.sort();
        keys.iter()
            .for_each(|(_, line)| out.push_str(&format!("{line}\n")));
        let mut foreign: Vec<String> = table
            .foreign_keys
            .iter()
            .map(|k| {
                format!(
                    "  foreign {} ({}) references {} ({}) delete {} update {}\n",
                    k.name,
                    k.columns.join(", "),
                    k.referenced.name,
                    k.referenced_columns.join(", "),
                    k.on_delete,
                    k.on_update
                )
            })
            .collect();
        foreign.sort();
        out.push_str(&foreign.concat());
    }
    out
}

fn check_schemas(captured: &str, server: (Dialect, u32)) {
    let cx = context(server);
    let mut failed = String::new();
    for case in captured.split("== ").skip(1) {
        let (head, expect) = case.split_once("--\n").unwrap();
        let (name, statements) = head.split_once('\n').unwrap();
        let mut tables = Tables::new();
        for sql in statements.lines().filter(|line| !line.starts_with('#')) {
            run(sql, &cx, &mut tables);
        }
        let shown = show(&tables);
        if shown != expect {
            let _ = writeln!(
                failed,
                "== {name}\n{statements}-- expected\n{expect}-- got\n{shown}"
            );
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[test]
fn tables_are_as_mysql_shows_them() {
    check_schemas(captured!("schemas-mysql9.txt"), MYSQL);
}

#[test]
fn tables_are_as_mariadb_10_shows_them() {
    check_schemas(captured!("schemas-mariadb10.11.txt"), MARIADB_10);
}

#[test]
fn tables_are_as_mariadb_11_shows_them() {
    check_schemas(captured!("schemas-mariadb11.8.txt"), MARIADB_11);
}

fn check_types(captured: &str, server: (Dialect, u32)) {
    let mut failed = String::new();
    for line in captured.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let charset = fields.next().unwrap();
        let declaration = fields.next().unwrap();
        let shown: Vec<&str> = fields.collect();
        let mut cx = context(server);
        cx.default_charset = Some(charset);
        let mut tables = Tables::new();
        run("create table other (id int primary key)", &cx, &mut tables);
        run(
            &format!("create table t (c {declaration}, z int)"),
            &cx,
            &mut tables,
        );
        let table = &tables[&TableName::new("ddl_probe", "t")];
        let c = &table.columns[0];
        let field = |n: usize| shown.get(n).copied().unwrap_or("");
        let or_null = |text: &Option<String>| text.clone().unwrap_or("~".into());
        let got = [
            c.ty.declared.clone(),
            or_null(&c.ty.charset),
            or_null(&c.ty.collation),
            if c.nullable { "YES" } else { "NO" }.into(),
            c.comment.clone(),
        ];
        let expect = [field(0), field(7), field(8), field(9), field(12)];
        let length = match c.ty.kind {
            TypeKind::Char
            | TypeKind::VarChar
            | TypeKind::Text
            | TypeKind::Binary
            | TypeKind::VarBinary
            | TypeKind::Blob => field(2).parse() == Ok(c.ty.length),
            TypeKind::Decimal => {
                field(4).parse() == Ok(c.ty.length) && field(5).parse() == Ok(c.ty.scale)
            }
            TypeKind::Bit => field(4).parse() == Ok(c.ty.length),
            TypeKind::Time | TypeKind::DateTime | TypeKind::Timestamp => {
                field(6).parse() == Ok(c.ty.scale)
            }
            _ => true,
        };
        let extra = field(11);
        let flags = c.auto_increment == extra.contains("auto_increment")
            && c.generated == (extra.contains("VIRTUAL") || extra.contains("STORED"))
            && c.invisible == extra.contains("INVISIBLE");
        if got != expect || !length || !flags {
            let _ = writeln!(failed, "{charset} {declaration}: {got:?} for {shown:?}");
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[test]
fn types_are_as_mysql_shows_them() {
    check_types(captured!("types-mysql9.tsv"), MYSQL);
}

#[test]
fn types_are_as_mariadb_10_shows_them() {
    check_types(captured!("types-mariadb10.11.tsv"), MARIADB_10);
}

#[test]
fn types_are_as_mariadb_11_shows_them() {
    check_types(captured!("types-mariadb11.8.tsv"), MARIADB_11);
}

fn kinds(changes: &[SchemaChange]) -> Vec<String> {
    let shown = changes.iter().map(|change| match change {
        SchemaChange::Create { after } => format!("create {}", after.name),
        SchemaChange::Drop { before } => format!("drop {}", before.name),
        SchemaChange::Truncate { table } => format!("truncate {table}"),
        SchemaChange::Rename { before, after } => {
            format!("rename {} {}", before.name, after.name)
        }
        SchemaChange::Alter { before, .. } => format!("alter {}", before.name),
        SchemaChange::Unsupported { table, reason } => format!("hold {table}: {reason}"),
    });
    shown.collect()
}

fn check_changes(start: &str, sql: &str, expect: &[&str]) {
    let cx = ParseContext::new(Dialect::MariaDb, 110_806).in_schema("s");
    let mut tables = Tables::new();
    run(start, &cx, &mut tables);
    assert_eq!(kinds(&run(sql, &cx, &mut tables)), expect, "{sql}");
}

#[test]
fn what_happens_to_tables_is_told_table_by_table() {
    let start = "create table a (x int primary key); create table o.b (y int);
                 create table c (x int, foreign key (x) references a (x))";
    check_changes(start, "drop table a, unknown, c", &["drop s.a", "drop s.c"]);
    check_changes(start, "drop database s", &["drop s.a", "drop s.c"]);
    check_changes(start, "create table if not exists a (z int)", &[]);
    check_changes(
        start,
        "create or replace table a (z int)",
        &["drop s.a", "create s.a"],
    );
    check_changes(start, "truncate unknown", &["truncate s.unknown"]);
    check_changes(
        start,
        "rename table a to t",
        &["rename s.a s.t", "alter s.c"],
    );
    check_changes(
        start,
        "rename table o.b to t, c to o.b, t to c",
        &["rename o.b s.t", "rename s.c o.b", "rename s.t s.c"],
    );
    check_changes(
        start,
        "alter table o.b add z int, rename to s.d",
        &["alter o.b", "rename o.b s.d"],
    );
    check_changes(start, "alter table a comment '', engine = innodb", &[]);
    check_changes(
        start,
        "alter table a rename column x to z",
        &["alter s.a", "alter s.c"],
    );
}

#[test]
fn what_cannot_be_followed_holds_its_tables() {
    let start = "create table a (x int)";
    let unknown = "its structure before the statement is not known";
    let check = |sql: &str, expect: &[String]| {
        let expect: Vec<&str> = expect.iter().map(String::as_str).collect();
        check_changes(start, sql, &expect);
    };
    check("alter table u add x int", &[format!("hold s.u: {unknown}")]);
    check("alter table u engine=innodb", &[]);
    check(
        "rename table u to v",
        &[
            format!("hold s.u: {unknown}"),
            format!("hold s.v: {unknown}"),
        ],
    );
    check(
        "create table n like u",
        &["hold s.n: it is made like s.u, whose structure is not known".into()],
    );
    check(
        "alter table a exchange partition p with table b",
        &[
            "hold s.a: EXCHANGE PARTITION changed its rows without row events".into(),
            "hold s.b: EXCHANGE PARTITION changed its rows without row events".into(),
        ],
    );
    check(
        "delete from a",
        &["hold s.a: DELETE was logged as a statement, not as rows".into()],
    );
}

#[test]
fn a_statement_that_does_not_fit_is_an_error_of_its_table() {
    let cx = ParseContext::new(Dialect::MySql, 80_036).in_schema("s");
    let mut tables = Tables::new();
    run("create table t (a int)", &cx, &mut tables);
    let check = |sql: &str, reason: &str| {
        let statement = &crate::parse(sql, &cx).unwrap()[0];
        let error = resolve(statement, &cx, &tables).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("apply ALTER TABLE to s.t: {reason}")
        );
        assert_eq!(error.tables(), [TableName::new("s", "t")]);
    };
    check("alter table t drop column b", "there is no column b");
    check(
        "alter table t add column A int",
        "there is a column A already",
    );
    check("alter table t add key (b)", "there is no column b to index");
    check("alter table t drop key b", "there is no index b");
    check("alter table t add x int after y", "there is no column y");
    check("alter table t drop column a", "no column would be left");
}

#[test]
fn older_servers_show_widths_and_forget_inline_references() {
    let show_on = |version: u32, sql: &str| {
        let mut cx = ParseContext::new(Dialect::MySql, version).in_schema("s");
        cx.explicit_defaults_for_timestamp = version >= 80_000;
        let mut tables = Tables::new();
        run(sql, &cx, &mut tables);
        let table = &tables[&TableName::new("s", "t")];
        let columns = table.columns.iter().map(|c| {
            let collation = c.ty.collation.clone().unwrap_or_default();
            format!("{} {collation} {}", c.ty.declared, c.nullable)
        });
        columns
            .chain(table.indexes.iter().map(|i| i.name.clone()))
            .collect::<Vec<_>>()
    };
    let sql = "create table t (a int references t (a), b bool, c year, d timestamp, e char(3))";
    assert_eq!(
        show_on(50_744, sql),
        [
            "int(11)  true",
            "tinyint(1)  true",
            "year(4)  true",
            "timestamp  false",
            "char(3) latin1_swedish_ci true"
        ]
    );
    assert_eq!(
        show_on(80_036, sql),
        [
            "int  true",
            "tinyint(1)  true",
            "year  true",
            "timestamp  true",
            "char(3) utf8mb4_0900_ai_ci true"
        ]
    );
    assert_eq!(show_on(90_000, sql).last().unwrap(), "a");
}

#[test]
fn a_table_put_in_place_of_another_is_adopted_by_column_name() {
    let cx = ParseContext::new(Dialect::MySql, 80_036).in_schema("s");
    let mut tables = Tables::new();
    run(
        "create table t (a int, b int, c int); create table _t_gho (c int, A bigint, d int)",
        &cx,
        &mut tables,
    );
    let table = |name: &str| &tables[&TableName::new("s", name)];
    let change = adopt(table("t"), table("_t_gho"), &cx);
    let SchemaChange::Alter { after, columns, .. } = change else {
        panic!()
    };
    assert_eq!(after.name.name, "t");
    assert_eq!(
        columns,
        [
            ColumnChange::Kept {
                before: 2,
                after: 0
            },
            ColumnChange::Changed {
                before: 0,
                after: 1
            },
            ColumnChange::Added {
                after: 2,
                existing: ExistingRows::Unknown
            },
            ColumnChange::Dropped { before: 1 },
        ]
    );
}

#[test]
fn a_column_that_only_came_to_an_adopted_table_is_null_where_that_is_its_default() {
    let cx = ParseContext::new(Dialect::MySql, 80_036).in_schema("s");
    let mut tables = Tables::new();
    run(
        "create table t (a int); create table _t_gho (a int, n int, d int default 7)",
        &cx,
        &mut tables,
    );
    let table = |name: &str| &tables[&TableName::new("s", name)];
    let SchemaChange::Alter { columns, .. } = adopt(table("t"), table("_t_gho"), &cx) else {
        panic!()
    };
    let existing: Vec<_> = columns
        .iter()
        .filter_map(|change| match change {
            ColumnChange::Added { existing, .. } => Some(existing),
            _ => None,
        })
        .collect();
    assert_eq!(existing, [&ExistingRows::Null, &ExistingRows::Unknown]);
}

#[test]
fn a_dropped_column_and_a_new_one_of_the_same_name_are_told_apart() {
    let cx = ParseContext::new(Dialect::MySql, 80_036).in_schema("s");
    let mut tables = Tables::new();
    run("create table t (a int, b int)", &cx, &mut tables);
    let changes = run("alter table t drop b, add b int", &cx, &mut tables);
    let SchemaChange::Alter {
        before,
        after,
        columns,
        ..
    } = &changes[0]
    else {
        panic!()
    };
    assert_eq!(before.columns, after.columns);
    assert_eq!(columns[2], ColumnChange::Dropped { before: 1 });
}
