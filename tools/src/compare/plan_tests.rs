use chameleon_model::TableName;

use super::*;

fn column(name: &str, kind: TypeKind) -> Column {
    Column::new(name, ColumnType::new(kind, "t"), false)
}

/// A text column in latin1.
fn latin(name: &str) -> Column {
    let mut column = column(name, TypeKind::VarChar);
    column.ty.charset = Some("latin1".into());
    column.ty.collation = Some("latin1_german1_ci".into());
    column
}

fn target(name: &str, type_name: &str) -> TargetColumn {
    TargetColumn {
        name: name.into(),
        type_name: type_name.into(),
        type_sql: type_name.into(),
        is_enum: false,
    }
}

fn plan(columns: Vec<Column>, found: &[TargetColumn]) -> TablePlan {
    let table = TableSchema {
        primary_key: vec![0],
        ..TableSchema::new(TableName::new("da`ta", "or\"der"), columns)
    };
    TablePlan::new(&table, "s", found, &MappingRules::default())
}

#[test]
fn names_and_values_are_quoted_for_either_side() {
    let plan = plan(vec![latin("i`\"d")], &[target("i`\"d", "varchar")]);
    assert_eq!(plan.lookup(), Lookup::Text);
    let filter = Filter::Values([b"it's \\".to_vec()].into());
    insta::assert_snapshot!(plan.source_query(&filter), @r#"select cast(convert(`i``"d` using utf8mb4) as binary) from `da``ta`.`or"der` where `i``"d` in (convert(_utf8mb4 x'69742773205c' using latin1) collate latin1_german1_ci)"#);
    insta::assert_snapshot!(plan.target_query(&filter), @r#"select "i`""d"::text from "s"."or""der" where "i`""d" in ( E'it''s \\')"#);
}

#[test]
fn ranges_cover_every_row_of_both_sides() {
    let columns = vec![
        column("id", TypeKind::BigInt),
        column("at", TypeKind::Timestamp),
    ];
    let plan = plan(
        columns,
        &[target("id", "int8"), target("at", "timestamptz")],
    );
    assert_eq!(plan.lookup(), Lookup::Integer);
    let queries = |after, to| {
        let filter = Filter::Range { after, to };
        format!(
            "{}\n{}",
            plan.source_query(&filter),
            plan.target_query(&filter)
        )
    };
    insta::assert_snapshot!(queries(None, Some(5)), @r#"
    select `id`, cast(`at` as char) from `da``ta`.`or"der` where `id` <= 5
    select "id"::text, ("at" at time zone 'UTC')::text from "s"."or""der" where "id" <= 5
    "#);
    insta::assert_snapshot!(queries(Some(5), Some(9)), @r#"
    select `id`, cast(`at` as char) from `da``ta`.`or"der` where `id` > 5 and `id` <= 9
    select "id"::text, ("at" at time zone 'UTC')::text from "s"."or""der" where "id" > 5 and "id" <= 9
    "#);
    insta::assert_snapshot!(queries(Some(9), None), @r#"
    select `id`, cast(`at` as char) from `da``ta`.`or"der` where `id` > 9
    select "id"::text, ("at" at time zone 'UTC')::text from "s"."or""der" where "id" > 9 or "id" is null
    "#);
    insta::assert_snapshot!(plan.boundary_query(Some(5), 100).unwrap(), @r#"select cast(`id` as char) from `da``ta`.`or"der` where `id` > 5 order by `id` limit 1 offset 100"#);
}

#[test]
fn columns_that_only_one_side_has_are_problems() {
    let columns = vec![
        column("id", TypeKind::Int),
        column("gone", TypeKind::Int),
        column("shape", TypeKind::Geometry),
    ];
    let found = [
        target("id", "int4"),
        target("shape", "text"),
        target("more", "int4"),
    ];
    let plan = plan(columns, &found);
    let problems: Vec<_> = plan
        .problems
        .iter()
        .map(|p| (p.column.as_str(), p.kind))
        .collect();
    assert_eq!(
        problems,
        [
            ("gone", ProblemKind::MissingAtTarget),
            ("shape", ProblemKind::NotComparable),
            ("more", ProblemKind::OnlyAtTarget),
        ]
    );
    assert_eq!(plan.columns.len(), 1);
}

#[test]
fn a_key_whose_column_is_missing_is_no_key() {
    let plan = plan(
        vec![column("id", TypeKind::Int)],
        &[target("other", "int4")],
    );
    assert!(plan.key.is_empty());
    assert_eq!(plan.lookup(), Lookup::None);
}
