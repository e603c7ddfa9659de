//! The selected tables: names, keys, types, engines, foreign keys.

use std::collections::BTreeMap;

use chameleon_diag::codes;
use chameleon_model::name::{MAX_IDENTIFIER_BYTES, target_name};
use chameleon_model::{ColumnType, TableSchema, TypeKind};

use super::{Findings, PreflightRequest};
use crate::introspect;
use crate::rows::{quote, quote_ident};
use crate::value::charset::Charset;
use crate::{SourceConn, SourceError};

/// How many objects of one kind a finding names.
const NAMED: usize = 10;

pub(super) async fn check(
    conn: &mut SourceConn,
    database: &str,
    request: &PreflightRequest,
    tables: &[TableSchema],
    findings: &mut Findings,
) -> Result<(), SourceError> {
    selection(request, tables, findings);
    names(tables, findings);
    keys(tables, findings);
    types(tables, findings);
    if !conn.info.logs_cascades {
        cascades(tables, findings);
    }
    engines(conn, database, tables, findings).await
}

fn selection(request: &PreflightRequest, tables: &[TableSchema], findings: &mut Findings) {
    for name in &request.selection.limit {
        let skipped = request.selection.skip.contains(name);
        if !skipped && !tables.iter().any(|t| &t.name.name == name) {
            findings.error(
                codes::SRC021,
                format!("tables_limit: {name}"),
                "there is no such table, or it is a view, or the user may not read it",
                "correct tables_limit; names are compared exactly as the source spells them"
                    .to_owned(),
            );
        }
    }
    if tables.is_empty() {
        findings.error(
            codes::SRC020,
            request.database.clone(),
            "no table is selected, so there is nothing to replicate",
            "look at tables_limit and skip_tables, and at the user's rights".to_owned(),
        );
    }
}

/// Names that change at the target, become the same, or differ in case only.
fn names(tables: &[TableSchema], findings: &mut Findings) {
    let mut targets: BTreeMap<String, &str> = BTreeMap::new();
    let mut lower: BTreeMap<String, &str> = BTreeMap::new();
    for table in tables {
        let name = table.name.name.as_str();
        shortened(table, name, None, findings);
        for column in &table.columns {
            shortened(table, &column.name, Some(&column.name), findings);
        }
        if let Some(other) = targets.insert(target_name(name), name) {
            findings.error(
                codes::SRC018,
                format!("{other}, {name}"),
                format!(
                    "both tables would be named {} at the target",
                    target_name(name)
                ),
                "rename one of them, or leave one out with skip_tables".to_owned(),
            );
        }
        if let Some(other) = lower.insert(name.to_lowercase(), name) {
            findings.warn(
                codes::SRC018,
                format!("{other}, {name}"),
                "the tables' names differ in case only, which SQL without quotes cannot tell apart \
                 at the target",
                "write both names in double quotes there, or rename one of them".to_owned(),
            );
        }
    }
}

fn shortened(table: &TableSchema, name: &str, column: Option<&str>, findings: &mut Findings) {
    if name.len() > MAX_IDENTIFIER_BYTES {
        let object = match column {
            Some(column) => format!("{}.{column}", table.name.name),
            None => name.to_owned(),
        };
        findings.info(
            codes::SRC019,
            object,
            format!("at the target the name is {}", target_name(name)),
            "nothing, unless something there expects the whole name".to_owned(),
        );
    }
}

fn keys(tables: &[TableSchema], findings: &mut Findings) {
    for table in tables.iter().filter(|t| t.row_key().is_none()) {
        let name = &table.name.name;
        findings.warn(
            codes::SRC016,
            name.clone(),
            "it has neither a primary key nor a unique key of NOT NULL columns: its rows are found \
             by comparing all columns, and it is copied in one piece",
            "add a primary key".to_owned(),
        );
    }
}

fn types(tables: &[TableSchema], findings: &mut Findings) {
    let columns = || {
        tables.iter().flat_map(|table| {
            let name = &table.name.name;
            let place = move |c: &chameleon_model::Column| format!("{name}.{}", c.name);
            table.columns.iter().map(move |c| (place(c), &c.ty))
        })
    };
    for (place, ty) in columns() {
        if ty.kind == TypeKind::Unknown {
            findings.error(
                codes::SRC017,
                place,
                format!("its type {} is not known", ty.declared),
                "leave the table out with skip_tables, or change the column's type".to_owned(),
            );
        } else if let Some(charset) = unknown_charset(ty) {
            findings.error(
                codes::SRC017,
                place,
                format!("its character set {charset} is not known"),
                "convert the column to utf8mb4, or leave the table out".to_owned(),
            );
        } else if ty.labels.iter().any(|l| l.contains('?')) && may_be_hidden(ty) {
            findings.warn(
                codes::SRC017,
                place,
                "a label holds a question mark that may stand for a character the server cannot \
                 show, and no row uses the label",
                "compare the labels at the target with those of the source".to_owned(),
            );
        }
    }
    for (matches, what) in SPECIAL {
        let places: Vec<String> = columns()
            .filter(|(_, ty)| matches(ty))
            .map(|(place, _)| place)
            .collect();
        if !places.is_empty() {
            findings.info(
                codes::SRC017,
                named(&places),
                *what,
                "nothing; type_override chooses another type".to_owned(),
            );
        }
    }
}

type Matches = fn(&ColumnType) -> bool;

/// Types whose counterpart at the target may surprise.
const SPECIAL: &[(Matches, &str)] = &[
    (
        |ty| ty.kind == TypeKind::BigInt && ty.unsigned,
        "BIGINT UNSIGNED becomes numeric(20,0), or bigint where it is a key that counts up",
    ),
    (
        |ty| ty.kind == TypeKind::Bit,
        "BIT becomes bit(n), which compares with b'1' and not with 1",
    ),
    (
        |ty| ty.kind == TypeKind::Time,
        "TIME becomes interval, because it may be negative and beyond a day",
    ),
    (|ty| ty.kind == TypeKind::Set, "SET becomes text[]"),
    (
        |ty| ty.kind == TypeKind::Geometry,
        "spatial types need PostGIS at the target, without it they become bytea",
    ),
    (
        |ty| ty.kind == TypeKind::Vector,
        "VECTOR becomes real[], or vector where pgvector is installed",
    ),
    (
        |ty| ty.labels.iter().any(|l| l.len() > MAX_IDENTIFIER_BYTES),
        "labels longer than 63 bytes cannot be an enum's, so the column becomes text with a check",
    ),
];

/// A label of this type may hold characters that information_schema shows as a question mark.
fn may_be_hidden(ty: &ColumnType) -> bool {
    let charset = ty.charset.as_deref();
    charset.is_some_and(introspect::is_wide)
}

fn unknown_charset(ty: &ColumnType) -> Option<&str> {
    let text = matches!(
        ty.kind,
        TypeKind::Char | TypeKind::VarChar | TypeKind::Text | TypeKind::Json
    );
    let charset = ty.charset.as_deref().filter(|_| text)?;
    Charset::named(charset).is_none().then_some(charset)
}

/// The first of many objects and how many more there are.
fn named(places: &[String]) -> String {
    let first = places.iter().take(NAMED).cloned().collect::<Vec<_>>();
    match places.len().checked_sub(NAMED) {
        None | Some(0) => first.join(", "),
        Some(more) => format!("{} and {more} more", first.join(", ")),
    }
}

/// Foreign keys whose cascades change rows that the binlog does not show.
fn cascades(tables: &[TableSchema], findings: &mut Findings) {
    let acts = |action: &str| !matches!(action, "RESTRICT" | "NO ACTION" | "");
    for table in tables {
        for key in &table.foreign_keys {
            if acts(&key.on_delete) || acts(&key.on_update) {
                findings.warn(
                    codes::SRC025,
                    format!("{}: {}", table.name.name, key.name),
                    format!(
                        "rows that the server changes by ON DELETE {} ON UPDATE {} are not written \
                         to its binlog",
                        key.on_delete, key.on_update
                    ),
                    "delete and update such rows by statements of their own, and compare the \
                     tables from time to time"
                        .to_owned(),
                );
            }
        }
    }
}

async fn engines(
    conn: &mut SourceConn,
    database: &str,
    tables: &[TableSchema],
    findings: &mut Findings,
) -> Result<(), SourceError> {
    let sql = format!(
        "select t.table_name as name, t.engine as engine from information_schema.tables t \
         join information_schema.engines e on e.engine = t.engine \
         where t.table_schema = {} and coalesce(e.transactions, 'NO') <> 'YES' \
         order by t.table_name",
        quote(database)
    );
    for row in conn.rows("read the storage engines", &sql).await? {
        let name = row.owned("name");
        if tables.iter().any(|t| t.name.name == name) {
            findings.warn(
                codes::SRC023,
                name.clone(),
                format!(
                    "its engine {} knows no transactions: it is locked while it is copied, and a \
                     statement that fails halfway leaves its changes",
                    row.owned("engine")
                ),
                format!(
                    "ALTER TABLE {}.{} ENGINE = InnoDB;",
                    quote_ident(database),
                    quote_ident(&name)
                ),
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_places_are_counted() {
        let places = |n: u32| (0..n).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(named(&places(2)), "0, 1");
        assert_eq!(named(&places(10)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9");
        assert_eq!(
            named(&places(12)),
            "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
        );
    }
}
