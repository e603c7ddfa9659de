//! Both profiles over every type, overrides, counters, zero dates, names.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::{Dialect, ParseContext, SchemaChange};
use chameleon_model::{TypeOverride, TypeProfile};

fn tables(sql: &str, dialect: Dialect) -> Vec<Arc<TableSchema>> {
    let version = if dialect == Dialect::MySql {
        90_704
    } else {
        110_806
    };
    let cx = ParseContext::new(dialect, version).in_schema("shop");
    let mut known: BTreeMap<TableName, Arc<TableSchema>> = BTreeMap::new();
    let mut all = Vec::new();
    for statement in crate::parse(sql, &cx).unwrap() {
        for change in crate::resolve(&statement, &cx, &known).unwrap() {
            let SchemaChange::Create { after } = change else {
                panic!("{change:?}")
            };
            known.insert(after.name.clone(), Arc::clone(&after));
            all.push(after);
        }
    }
    all
}

fn table(columns: &str, dialect: Dialect) -> Arc<TableSchema> {
    tables(&format!("create table t ({columns})"), dialect).remove(0)
}

fn rules(profile: TypeProfile) -> MappingRules {
    MappingRules {
        profile,
        ..MappingRules::default()
    }
}

/// `source: lossless / pg_chameleon`
fn check(dialect: Dialect, expect: &str) {
    for line in expect.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let (source, both) = line.split_once(" -> ").unwrap();
        let (lossless, old) = both.split_once(" / ").unwrap_or((both, both));
        let table = table(&format!("c {source}, z int"), dialect);
        for (profile, expect) in [
            (TypeProfile::Lossless, lossless),
            (TypeProfile::PgChameleon, old),
        ] {
            let mapping = Mapping::new("dest", rules(profile));
            let ty = mapping.target_type(&table, &table.columns[0]);
            assert_eq!(ty.sql(), expect, "{source} {profile:?}");
        }
    }
}

#[test]
fn types_of_extensions_are_used_where_the_target_has_them() {
    let rules = MappingRules {
        extensions: chameleon_model::ExtensionTypes {
            geometry: Some("gis.geometry".into()),
            vector: Some("vector".into()),
        },
        ..MappingRules::default()
    };
    let mapping = Mapping::new("dest", rules);
    let check = |column: &str, expect: &str| {
        let table = table(&format!("{column}, z int"), Dialect::MySql);
        let ty = mapping.target_type(&table, &table.columns[0]);
        assert_eq!(ty.sql(), expect, "{column}");
        assert_eq!(super::parse_pg_type(expect), ty);
    };
    check("c geometry", "gis.geometry");
    check("c point not null srid 4326", "gis.geometry(Geometry,4326)");
    check("c vector(3)", "vector");
    check("c blob", "bytea");
}

#[test]
fn every_mysql_type_has_its_target() {
    check(
        Dialect::MySql,
        r#"
        tinyint -> smallint / integer
        tinyint unsigned -> smallint / integer
        tinyint(1) -> smallint / integer
        smallint -> smallint / integer
        smallint unsigned -> integer / integer
        mediumint -> integer / bigint
        mediumint unsigned -> integer / bigint
        int -> integer
        int unsigned -> bigint
        bigint -> bigint
        bigint unsigned -> numeric(20,0)
        serial -> bigint
        decimal(65,30) -> numeric(65,30) / numeric
        float -> real / double precision
        double -> double precision
        bit -> bit(1) / integer
        bit(32) -> bit(32) / bigint
        bit(64) -> bit(64) / numeric(20,0)
        year -> smallint / integer
        date -> date
        time(3) -> interval(3)
        datetime -> timestamp(0) / timestamp
        datetime(6) -> timestamp
        timestamp(3) -> timestamp(3) with time zone / timestamp
        char(5) -> varchar(5) / char(5)
        char(0) -> text
        varchar(0) -> text
        varchar(20) -> varchar(20)
        tinytext -> text
        longtext -> text
        binary(4) -> bytea
        varbinary(4) -> bytea
        longblob -> bytea
        enum('a','b') -> "dest"."enum_t_c"
        set('a','b') -> text[] / text
        json -> jsonb / text
        geometry -> bytea
        point -> bytea
        vector(3) -> real[]
        "#,
    );
    let long = "x".repeat(64);
    check(Dialect::MySql, &format!("enum('a','{long}') -> text"));
}

#[test]
fn mariadb_has_types_of_its_own() {
    check(
        Dialect::MariaDb,
        "json -> json / text
         uuid -> uuid
         inet4 -> inet
         inet6 -> inet
         varchar(10) compressed -> varchar(10)
         longtext check (json_valid(c)) -> json / text",
    );
}

#[test]
fn an_override_for_the_column_wins_over_its_type_and_that_over_its_base_type() {
    let mut rules = MappingRules::default();
    for (source, target, tables) in [
        ("TINYINT", "integer", "*"),
        ("tinyint(1)", "boolean", "*"),
        ("t.Special", "bigint", "T"),
        ("varchar", "citext", "other"),
    ] {
        rules.overrides.push(TypeOverride {
            source: source.into(),
            target: target.into(),
            tables: vec![tables.into()],
        });
    }
    let table = table(
        "a tinyint, b bool, special bool, d varchar(5)",
        Dialect::MySql,
    );
    let mapping = Mapping::new("dest", rules.clone());
    let types: Vec<String> = mapping
        .target_table(&table)
        .columns
        .iter()
        .map(|c| c.ty.sql())
        .collect();
    assert_eq!(types, ["integer", "boolean", "bigint", "varchar(5)"]);
    assert_eq!(unused_overrides(&rules, [&*table]), ["varchar"]);
}

#[test]
fn columns_that_reference_a_counter_are_bigint_too_through_chains() {
    let tables = tables(
        "create table a (id bigint unsigned auto_increment primary key, n bigint unsigned);
         create table b (a_id bigint unsigned primary key, n bigint unsigned,
           foreign key (a_id) references a (id), foreign key (n) references a (n));
         create table c (B_ID bigint unsigned, foreign key (b_id) references b (A_Id));
         create table d (id serial, parent bigint unsigned, foreign key (parent) references d (id))",
        Dialect::MySql,
    );
    let mut mapping = Mapping::new("dest", MappingRules::default());
    mapping.learn(tables.iter().rev().map(|t| &**t).collect::<Vec<_>>());
    let bigint: Vec<String> = tables
        .iter()
        .flat_map(|t| t.columns.iter().map(move |c| (t, c)))
        .filter(|(t, c)| mapping.target_type(t, c) == PgType::Int8)
        .map(|(t, c)| format!("{}.{}", t.name.name, c.name))
        .collect();
    assert_eq!(bigint, ["a.id", "b.a_id", "c.B_ID", "d.id", "d.parent"]);
}

#[test]
fn dates_lose_not_null_where_zero_dates_become_null() {
    let table = table(
        "d date not null, dt datetime not null, ts timestamp not null, y year not null, \
         t time not null, k date, primary key (k), unique (d), unique (y)",
        Dialect::MySql,
    );
    let mut mapping = Mapping::new("dest", MappingRules::default());
    assert_eq!(nullable_for_zero_dates(&table, &mapping), ["d", "dt", "ts"]);
    mapping.rules.zero_date = ZeroDatePolicy::Epoch;
    assert!(nullable_for_zero_dates(&table, &mapping).is_empty());
}

#[test]
fn the_key_is_one_that_is_not_null_at_the_target() {
    let check = |columns: &str, expect: &[usize]| {
        let table = table(columns, Dialect::MySql);
        let mapping = Mapping::new("dest", MappingRules::default());
        assert_eq!(mapping.target_table(&table).key, expect, "{columns}");
    };
    check("a int, b int, primary key (b, a)", &[1, 0]);
    check(
        "a date not null, b int not null, unique (a), unique (b)",
        &[1],
    );
    check("a date not null, unique (a)", &[]);
    check("a varchar(9) not null, unique (a(3))", &[]);
    check("a int, unique (a)", &[]);
}

#[test]
fn only_whole_numbers_are_identity_columns() {
    let check = |columns: &str, expect: bool| {
        let table = table(columns, Dialect::MariaDb);
        let mapping = Mapping::new("dest", MappingRules::default());
        assert_eq!(
            mapping.target_table(&table).columns[0].identity,
            expect,
            "{columns}"
        );
    };
    check("a int unsigned auto_increment primary key", true);
    check("a bigint unsigned auto_increment primary key", true);
    check("a double auto_increment primary key", false);
}

#[test]
fn cut_and_clashing_names_are_found() {
    let long = "n".repeat(64);
    let tables = tables(
        &format!(
            "create table a (b_c int, key b_c (b_c), e enum('x'));
             create table a_b (c int, key c (c));
             create table enum_a_e (`{long}` int)"
        ),
        Dialect::MySql,
    );
    let all = || tables.iter().map(|t| &**t);
    let changed = changed_names(all());
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].object, format!("column enum_a_e.{long}"));
    assert_eq!(changed[0].target.len(), 63);
    let clashes = clashes(all(), &Mapping::new("dest", MappingRules::default()));
    let shown: Vec<String> = clashes
        .iter()
        .map(|c| format!("{}: {}", c.name, c.objects.join(", ")))
        .collect();
    assert_eq!(
        shown,
        [
            "a_b_c: index a.b_c, index a_b.c",
            "enum_a_e: type of a.e, table enum_a_e"
        ]
    );
}
