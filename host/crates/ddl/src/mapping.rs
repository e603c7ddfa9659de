//! Source types to target types: two profiles and the overrides of the configuration.

mod names;
mod overrides;
mod pg_type;
mod profile;

use std::collections::BTreeSet;

use chameleon_model::name::{target_column_name, target_name};
use chameleon_model::{Column, IndexKind, MappingRules, PgType, TableName, TableSchema};
use chameleon_model::{TargetColumn, TargetTable, TypeKind, ZeroDatePolicy};

pub use names::{ChangedName, NameClash, changed_names, clashes, primary_key_name};
pub use overrides::{unused_overrides, used_overrides};
pub use pg_type::parse as parse_pg_type;
pub use profile::enum_type_name;
pub(crate) use profile::is_json_text;

/// How one source's tables are made at the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Schema at the target.
    pub dest_schema: String,
    /// Profile, overrides and value policies.
    pub rules: MappingRules,
    /// BIGINT UNSIGNED columns (name in lowercase) that become `bigint` because they count rows or
    /// reference such a column; filled by [`Mapping::learn`].
    pub counters: BTreeSet<(TableName, String)>,
}

impl Mapping {
    /// A mapping that has learnt no tables.
    pub fn new(dest_schema: impl Into<String>, rules: MappingRules) -> Self {
        Self {
            dest_schema: dest_schema.into(),
            rules,
            counters: BTreeSet::new(),
        }
    }

    /// Notes which columns are counters or reference one. Call it with all tables before the first
    /// is created, and with the new version of a table after its change was rendered: a column that
    /// became a counter then gets another type by that change. What was learnt stays.
    pub fn learn<'a>(&mut self, tables: impl IntoIterator<Item = &'a TableSchema> + Clone) {
        loop {
            let mut found = Vec::new();
            for table in tables.clone() {
                for column in &table.columns {
                    let key = (table.name.clone(), column.name.to_lowercase());
                    if !self.counters.contains(&key) && self.is_counter(table, column) {
                        found.push(key);
                    }
                }
            }
            if found.is_empty() {
                return;
            }
            self.counters.extend(found);
        }
    }

    /// A BIGINT UNSIGNED that is AUTO_INCREMENT or references such a column.
    fn is_counter(&self, table: &TableSchema, column: &Column) -> bool {
        if column.ty.kind != TypeKind::BigInt || !column.ty.unsigned {
            return false;
        }
        if column.auto_increment {
            return true;
        }
        let known = |table: &TableName, column: &str| {
            self.counters
                .contains(&(table.clone(), column.to_lowercase()))
        };
        known(&table.name, &column.name)
            || table.foreign_keys.iter().any(|key| {
                let pairs = key.columns.iter().zip(&key.referenced_columns);
                pairs
                    .filter(|(own, _)| own.to_lowercase() == column.name.to_lowercase())
                    .any(|(_, other)| {
                        let own = || {
                            key.referenced == table.name
                                && table
                                    .column_index(other)
                                    .is_some_and(|n| table.columns[n].auto_increment)
                        };
                        known(&key.referenced, other) || own()
                    })
            })
    }

    /// The target's table for a source table.
    pub fn target_table(&self, table: &TableSchema) -> TargetTable {
        let columns: Vec<TargetColumn> = table
            .columns
            .iter()
            .enumerate()
            .map(|(n, column)| {
                let ty = self.target_type(table, column);
                let identity = column.auto_increment
                    && matches!(ty, PgType::Int2 | PgType::Int4 | PgType::Int8);
                TargetColumn {
                    name: target_column_name(&column.name),
                    nullable: column.nullable || self.loses_not_null(table, n, &ty),
                    identity,
                    ty,
                    source_index: n,
                    source_type: column.ty.clone(),
                }
            })
            .collect();
        TargetTable {
            schema: self.dest_schema.clone(),
            name: target_name(&table.name.name),
            key: row_key(table, &columns),
            columns,
        }
    }

    /// The target's type for a column of a table.
    pub fn target_type(&self, table: &TableSchema, column: &Column) -> PgType {
        if let Some(asked) = &column.target {
            return pg_type::parse(asked);
        }
        if let Some(found) = overrides::find(&self.rules.overrides, &table.name.name, column) {
            return pg_type::parse(&found.target);
        }
        profile::default_type(
            &self.rules,
            &self.dest_schema,
            &table.name.name,
            column,
            self.is_counter(table, column),
        )
    }

    /// An override chose the column's type.
    pub(crate) fn is_overridden(&self, table: &TableSchema, column: &Column) -> bool {
        column.target.is_some()
            || overrides::find(&self.rules.overrides, &table.name.name, column).is_some()
    }

    /// Zero dates of this column become NULL. A primary key stays NOT NULL: a zero date there is
    /// refused with its row.
    fn loses_not_null(&self, table: &TableSchema, column: usize, ty: &PgType) -> bool {
        let dated = matches!(
            table.columns[column].ty.kind,
            TypeKind::Date | TypeKind::DateTime | TypeKind::Timestamp
        );
        let temporal = matches!(
            ty,
            PgType::Date | PgType::Time(_) | PgType::Timestamp(_) | PgType::Timestamptz(_)
        );
        dated
            && temporal
            && self.rules.zero_date == ZeroDatePolicy::Null
            && !table.primary_key.contains(&column)
    }
}

/// What identifies a row at the target: the primary key, else the first unique index on whole
/// columns that are NOT NULL at the target too.
fn row_key(table: &TableSchema, columns: &[TargetColumn]) -> Vec<usize> {
    if !table.primary_key.is_empty() {
        return table.primary_key.clone();
    }
    table
        .indexes
        .iter()
        .filter(|index| index.unique && index.kind == IndexKind::Btree)
        .find_map(|index| {
            index
                .parts
                .iter()
                .map(|part| {
                    part.column.filter(|&n| {
                        part.prefix.is_none() && columns.get(n).is_some_and(|c| !c.nullable)
                    })
                })
                .collect()
        })
        .unwrap_or_default()
}

/// Columns that are NOT NULL at the source but may hold NULL at the target because zero dates
/// become NULL.
pub fn nullable_for_zero_dates<'a>(table: &'a TableSchema, mapping: &Mapping) -> Vec<&'a str> {
    let target = mapping.target_table(table);
    table
        .columns
        .iter()
        .zip(&target.columns)
        .filter(|(source, target)| !source.nullable && target.nullable)
        .map(|(source, _)| source.name.as_str())
        .collect()
}

#[cfg(test)]
mod tests;
