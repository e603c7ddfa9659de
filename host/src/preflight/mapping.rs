//! Types and names at the target: overrides without effect, types that do not go together, names that
//! clash, what is left out; and the tables that are there already, where they are kept.

use std::collections::BTreeSet;

use chameleon_ddl::{Mapping, mapping, render};
use chameleon_diag::{Diagnostic, Finding, Severity, codes};
use chameleon_model::{CellForm, PgType, TableSchema, TargetColumn, TargetTable};
use chameleon_postgres::introspect::{FoundColumn, FoundTable, target_table};
use chameleon_postgres::tokio_postgres::types::Type;
use chameleon_postgres::{Client, ColumnEncoder, PostgresError};

use super::finding;
use crate::context::Context;
use crate::error::HostError;

/// What the tables and the configuration tell.
pub(super) fn check(cx: &Context, tables: &[TableSchema]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if tables.is_empty() {
        return findings;
    }
    let mapping = learnt(cx, tables);
    for unused in mapping::unused_overrides(&cx.config.rules, tables) {
        findings.push(finding(
            Severity::Warning,
            codes::CFG065,
            format!("type_override.{unused}"),
            "matches no column of the selected tables",
            "write the declared type, the bare type, or table.column",
        ));
    }
    if !cx.config.rules.hexify.is_empty() {
        findings.push(finding(
            Severity::Info,
            codes::CFG066,
            "hexify",
            "bytes of the listed types are stored as the text of their hex digits",
            "to store the bytes themselves: empty hexify, then chameleon init_replica",
        ));
    }
    check_names(tables, &mapping, &mut findings);
    let selected: BTreeSet<_> = tables.iter().map(|t| &t.name).collect();
    for table in tables {
        check_columns(cx, table, &mapping, &mut findings);
        check_left_out(table, &mapping, &mut findings);
        for key in &table.foreign_keys {
            if !selected.contains(&key.referenced) {
                findings.push(finding(
                    Severity::Info,
                    codes::TGT036,
                    format!("foreign key {} of {}", key.name, table.name),
                    format!("refers to {}, which is not replicated", key.referenced),
                    "nothing has to be done; detach_replica cannot add this key",
                ));
            }
        }
    }
    findings
}

/// What only the target knows: whether types exist, and whether tables that are kept fit.
pub(super) async fn check_at_target(
    cx: &Context,
    client: &Client,
    tables: &[TableSchema],
) -> Result<Vec<Finding>, HostError> {
    let mut findings = Vec::new();
    let mapping = learnt(cx, tables);
    let mut missing = BTreeSet::new();
    for table in tables {
        let target = mapping.target_table(table);
        for column in &target.columns {
            if let PgType::Other(sql) = &column.ty
                && !missing.contains(sql)
                && !type_exists(client, sql).await?
            {
                missing.insert(sql.clone());
                findings.push(missing_type(table, column, sql));
            }
        }
        if cx.config.keep_existing_schema {
            let found = target_table(client, &target.schema, &target.name).await?;
            check_kept(cx, &target, found.as_ref(), &mut findings);
        }
    }
    Ok(findings)
}

/// Names of indexes and types. Those of tables and columns are told by the source's side.
fn check_names(tables: &[TableSchema], mapping: &Mapping, findings: &mut Vec<Finding>) {
    for changed in mapping::changed_names(tables) {
        if changed.object.starts_with("index ") {
            findings.push(finding(
                Severity::Info,
                codes::SRC019,
                changed.object,
                format!("at the target the name is {}", changed.target),
                "nothing has to be done",
            ));
        }
    }
    for clash in mapping::clashes(tables, mapping) {
        if clash.objects.iter().all(|o| o.starts_with("table ")) {
            continue;
        }
        findings.push(finding(
            Severity::Error,
            codes::TGT035,
            clash.objects.join(", "),
            format!(
                "would all be named {} in schema {}",
                clash.name, mapping.dest_schema
            ),
            "rename one of them at the source, or leave a table out with skip_tables",
        ));
    }
}

fn learnt(cx: &Context, tables: &[TableSchema]) -> Mapping {
    let mut mapping = cx.mapping();
    mapping.learn(tables);
    mapping
}

fn check_columns(
    cx: &Context,
    table: &TableSchema,
    mapping: &Mapping,
    findings: &mut Vec<Finding>,
) {
    for column in &mapping.target_table(table).columns {
        let planned = plan(cx, column, &column.ty);
        if let Err(error) = planned {
            findings.push(finding(
                Severity::Error,
                error.code(),
                format!("{}.{}", table.name, column.name),
                error.to_string(),
                "choose another type for the column with type_override",
            ));
        }
    }
    for column in mapping::nullable_for_zero_dates(table, mapping) {
        findings.push(finding(
            Severity::Info,
            codes::TGT037,
            format!("{}.{column}", table.name),
            "is NOT NULL at the source and may hold NULL at the target, for zero dates",
            "nothing has to be done; zero_date: epoch, minus_infinity or fail keeps NOT NULL",
        ));
    }
}

fn check_left_out(table: &TableSchema, mapping: &Mapping, findings: &mut Vec<Finding>) {
    for left_out in render::create(table, mapping).left_out {
        findings.push(finding(
            Severity::Info,
            codes::TGT036,
            format!("{} of {}", left_out.object, table.name),
            format!("is left out: {}", left_out.reason),
            "nothing has to be done; rows are replicated all the same",
        ));
    }
}

fn plan(
    cx: &Context,
    column: &TargetColumn,
    ty: &PgType,
) -> Result<ColumnEncoder, chameleon_postgres::EncodeError> {
    ColumnEncoder::plan(&column.source_type, ty, &cx.config.rules, CellForm::Source)
}

async fn type_exists(client: &Client, sql: &str) -> Result<bool, HostError> {
    let attempt = || format!("look for the type {sql}");
    let failed = |error| PostgresError::statement(attempt(), &error);
    let query = "select to_regtype($1) is not null";
    let row = client
        .query_typed_one(query, &[(&sql as _, Type::TEXT)])
        .await
        .map_err(failed)?;
    Ok(row.try_get(0).map_err(failed)?)
}

fn missing_type(table: &TableSchema, column: &TargetColumn, sql: &str) -> Finding {
    finding(
        Severity::Error,
        codes::TGT033,
        format!("{}.{}", table.name, column.name),
        format!("becomes {sql}, which the target does not have"),
        "create extension ... at the target, or choose another type with type_override",
    )
}

/// Whether a table that is there already takes the rows.
fn check_kept(
    cx: &Context,
    target: &TargetTable,
    found: Option<&FoundTable>,
    findings: &mut Vec<Finding>,
) {
    let name = format!("{}.{}", target.schema, target.name);
    let mut add = |severity, object: String, what: String| {
        let remedy = "change the table at the target, or leave keep_existing_schema out";
        findings.push(finding(severity, codes::TGT038, object, what, remedy));
    };
    let Some(found) = found else {
        add(Severity::Error, name, "there is no such table".into());
        return;
    };
    for column in &target.columns {
        let object = format!("{name}.{}", column.name);
        match found.column(&column.name) {
            None => add(Severity::Error, object, "there is no such column".into()),
            Some(there) => {
                if let Some(what) = misfit(cx, column, there) {
                    add(Severity::Error, object, what);
                }
            }
        }
    }
    for extra in found
        .columns
        .iter()
        .filter(|c| !c.nullable && !c.identity && !c.generated)
    {
        if !target.columns.iter().any(|c| c.name == extra.name) {
            let what = "is NOT NULL and not at the source, so it needs a default";
            add(
                Severity::Warning,
                format!("{name}.{}", extra.name),
                what.into(),
            );
        }
    }
}

/// Why the values of a column do not go into the one that is there.
fn misfit(cx: &Context, column: &TargetColumn, there: &FoundColumn) -> Option<String> {
    if there.generated {
        return Some("is generated, so it takes no value".into());
    }
    if plan(cx, column, &there.ty).is_err() {
        let (from, to) = (&column.source_type.declared, there.ty.sql());
        return Some(format!("is {to}, into which {from} does not go"));
    }
    if column.nullable && !there.nullable {
        return Some("is NOT NULL, and may be NULL at the source".into());
    }
    None
}
