//! Schema changes as PostgreSQL statements.
//!
//! Identifiers and literals are always quoted. Order of columns means nothing at the target, where
//! values are written by name, so FIRST and AFTER need no statement. Statements of one change are
//! for one transaction: nothing in them needs a transaction of its own.

mod alter;
mod convert;
mod order;
mod shape;
mod time;
mod value;

use chameleon_model::name::{quote_ident, quote_qualified, target_column_name, target_name};
use chameleon_model::{TableSchema, TargetTable};

use self::shape::Shape;
use crate::change::SchemaChange;
use crate::error::DdlError;
use crate::mapping::Mapping;

/// All that makes a table at the target. Types and table come before the load, keys and indexes
/// after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatePlan {
    /// The table's shape at the target.
    pub target: TargetTable,
    /// `create type` for its enums.
    pub types: Vec<String>,
    /// `create table` with NOT NULL, identity and checks, without keys.
    pub table: String,
    /// `alter table add constraint ... primary key`.
    pub primary_key: Option<String>,
    /// The same in two steps: `create unique index`, which other indexes need not wait for ...
    pub primary_index: Option<String>,
    /// ... and `alter table add constraint ... primary key using index`.
    pub primary_key_from_index: Option<String>,
    /// `create unique index`.
    pub unique_indexes: Vec<String>,
    /// `create index`.
    pub indexes: Vec<String>,
    /// `comment on`.
    pub comments: Vec<String>,
    /// What has no counterpart at the target.
    pub left_out: Vec<LeftOut>,
}

impl CreatePlan {
    /// All statements in order, for a table that is made empty.
    pub fn statements(&self) -> Vec<String> {
        let mut all = self.types.clone();
        all.push(self.table.clone());
        all.extend(self.primary_key.clone());
        all.extend(self.unique_indexes.iter().cloned());
        all.extend(self.indexes.iter().cloned());
        all.extend(self.comments.iter().cloned());
        all
    }

    /// Statements that may run at the same time: the index of the primary key and all others.
    pub fn index_builds(&self) -> impl Iterator<Item = &str> {
        let all = self.primary_index.iter();
        all.chain(&self.unique_indexes)
            .chain(&self.indexes)
            .map(String::as_str)
    }
}

/// Something of the source that has no counterpart at the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// What, `index full_title`.
    pub object: String,
    /// Why, one sentence without a full stop.
    pub reason: String,
}

/// Statements that add one foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKeyPlan {
    /// Constraint name at the target.
    pub name: String,
    /// `alter table add constraint ... not valid`.
    pub add_not_valid: String,
    /// `alter table validate constraint`.
    pub validate: String,
}

/// Plans a table.
pub fn create(table: &TableSchema, mapping: &Mapping) -> CreatePlan {
    let shape = Shape::new(table, mapping);
    let columns = 0..table.columns.len();
    let mut elements: Vec<String> = columns
        .clone()
        .map(|n| shape.column_definition(n))
        .collect();
    elements.extend(columns.clone().filter_map(|n| shape.check_sql(n)));
    let indexes = |unique: bool| {
        let chosen = shape.indexes.iter().filter(move |i| i.unique == unique);
        chosen.map(|i| shape.create_index(i)).collect()
    };
    let mut comments = Vec::new();
    if !table.comment.is_empty() {
        comments.push(shape.table_comment());
    }
    let commented = columns
        .clone()
        .filter(|&n| !table.columns[n].comment.is_empty());
    comments.extend(commented.map(|n| shape.column_comment(n)));
    CreatePlan {
        types: columns.filter_map(|n| shape.create_type(n)).collect(),
        table: format!(
            "create table {} (\n  {}\n)",
            shape.table(),
            elements.join(",\n  ")
        ),
        primary_key: shape.add_primary_key(),
        primary_index: shape.create_primary_index(),
        primary_key_from_index: shape.primary_key_from_index(),
        unique_indexes: indexes(true),
        indexes: indexes(false),
        comments,
        left_out: shape.left_out.clone(),
        target: shape.target,
    }
}

/// PostgreSQL statements for a change, in order, for one transaction; none where the target stays
/// as it is. An `Unsupported` change and one that PostgreSQL cannot follow is
/// [`DdlError::Untranslatable`]; one whose effect on existing rows only the source knows is
/// [`DdlError::SourceOnly`].
pub fn change(change: &SchemaChange, mapping: &Mapping) -> Result<Vec<String>, DdlError> {
    let refused = |reason: String| DdlError::Untranslatable {
        table: change.table().clone(),
        reason,
    };
    match change {
        SchemaChange::Create { after } => Ok(create(after, mapping).statements()),
        SchemaChange::Drop { before } => Ok(drop_table(before, mapping)),
        SchemaChange::Truncate { table } => {
            let name = target_name(&table.name);
            let table = quote_qualified(&mapping.dest_schema, &name);
            Ok(vec![format!("truncate table {table}")])
        }
        SchemaChange::Rename { before, after } if before.name.schema != after.name.schema => {
            Err(refused(format!(
                "it is renamed into the database {}",
                after.name.schema
            )))
        }
        SchemaChange::Rename { before, after } => Ok(rename(before, after, mapping)),
        SchemaChange::Alter {
            before,
            after,
            columns,
            session,
        } => alter::Plan::new(before, after, columns, session, mapping)
            .statements()
            .map_err(|reason| DdlError::SourceOnly {
                table: before.name.clone(),
                reason,
            }),
        SchemaChange::Unsupported { reason, .. } => Err(refused(reason.clone())),
    }
}

fn drop_table(table: &TableSchema, mapping: &Mapping) -> Vec<String> {
    let shape = Shape::new(table, mapping);
    let mut statements = vec![format!("drop table if exists {}", shape.table())];
    let types = (0..table.columns.len()).filter_map(|n| shape.enum_name(n));
    statements.extend(types.map(|name| format!("drop type if exists {}", shape.in_schema(name))));
    statements
}

/// The names of enum types, the primary key and indexes follow the table's.
fn rename(before: &TableSchema, after: &TableSchema, mapping: &Mapping) -> Vec<String> {
    let (old, new) = (Shape::new(before, mapping), Shape::new(after, mapping));
    let mut statements = Vec::new();
    if old.target.name != new.target.name {
        statements.push(format!(
            "alter table {} rename to {}",
            old.table(),
            quote_ident(&new.target.name)
        ));
    }
    for n in 0..before.columns.len() {
        if let (Some(from), Some(to)) = (old.enum_name(n), new.enum_name(n))
            && from != to
        {
            statements.push(format!(
                "alter type {} rename to {}",
                old.in_schema(from),
                quote_ident(to)
            ));
        }
    }
    let primary =
        (!before.primary_key.is_empty()).then(|| (old.primary_key_name(), new.primary_key_name()));
    let indexes = old.indexes.iter().zip(&new.indexes);
    let names = indexes.map(|(old, new)| (old.name.clone(), new.name.clone()));
    for (from, to) in primary
        .into_iter()
        .chain(names)
        .filter(|(from, to)| from != to)
    {
        statements.push(rename_index(&old.in_schema(&from), &to));
    }
    statements
}

/// Indexes may be missing: they are built after a load, and administrators drop some.
fn rename_index(from: &str, to: &str) -> String {
    format!("alter index if exists {from} rename to {}", quote_ident(to))
}

/// Statements for the foreign keys of a table whose referenced table is in the same database.
pub fn foreign_keys(table: &TableSchema, mapping: &Mapping) -> Vec<ForeignKeyPlan> {
    let own = quote_qualified(&mapping.dest_schema, &target_name(&table.name.name));
    let names = |columns: &[String]| {
        let quoted: Vec<String> = columns
            .iter()
            .map(|c| quote_ident(&target_column_name(c)))
            .collect();
        quoted.join(", ")
    };
    table
        .foreign_keys
        .iter()
        .filter(|key| key.referenced.schema == table.name.schema)
        .filter(|key| !key.referenced_columns.is_empty())
        .map(|key| {
            let name = target_name(&key.name);
            let other = quote_qualified(&mapping.dest_schema, &target_name(&key.referenced.name));
            ForeignKeyPlan {
                add_not_valid: format!(
                    "alter table {own} add constraint {} foreign key ({}) references {other} ({}) \
                     on delete {} on update {} not valid",
                    quote_ident(&name),
                    names(&key.columns),
                    names(&key.referenced_columns),
                    key.on_delete.to_lowercase(),
                    key.on_update.to_lowercase(),
                ),
                validate: format!(
                    "alter table {own} validate constraint {}",
                    quote_ident(&name)
                ),
                name,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
