//! Statements applied to table versions.
//!
//! The version that comes out is the one that introspection of the source finds after the
//! statement. Two things are not known here: the collation of a table's default character set (a
//! column added later takes that of an older column of the same set), and which indexes the source
//! made by itself for a foreign key and will drop by itself when a better one comes.

mod alter;
mod charset;
mod create;
mod draft;
mod keys;
mod types;
mod world;

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::sync::Arc;

use chameleon_model::{Column, TableName, TableSchema};

use self::alter::{Altered, Refusal};
use self::draft::same_name;
use self::world::{World, session_facts};
use crate::change::{ColumnChange, ExistingRows, SchemaChange};
use crate::context::ParseContext;
use crate::error::DdlError;
use crate::statement::{AlterAction, AlterTable, CreateTable, DropIndex, Statement};

/// Table versions that are in force before the statement, keyed by name.
pub trait SchemaLookup {
    /// The table of that name.
    fn table(&self, name: &TableName) -> Option<&Arc<TableSchema>>;

    /// All tables: foreign keys follow a renamed table, and DROP DATABASE drops what is in it.
    fn tables(&self) -> Box<dyn Iterator<Item = &Arc<TableSchema>> + '_>;
}

impl<S: BuildHasher> SchemaLookup for HashMap<TableName, Arc<TableSchema>, S> {
    fn table(&self, name: &TableName) -> Option<&Arc<TableSchema>> {
        self.get(name)
    }

    fn tables(&self) -> Box<dyn Iterator<Item = &Arc<TableSchema>> + '_> {
        Box::new(self.values())
    }
}

impl SchemaLookup for BTreeMap<TableName, Arc<TableSchema>> {
    fn table(&self, name: &TableName) -> Option<&Arc<TableSchema>> {
        self.get(name)
    }

    fn tables(&self) -> Box<dyn Iterator<Item = &Arc<TableSchema>> + '_> {
        Box::new(self.values())
    }
}

/// Why an unknown table's change cannot be followed.
const UNKNOWN: &str = "its structure before the statement is not known";

/// Applies a statement to the tables as they were before it. Changes come in the order in which
/// they must be applied. A statement that concerns no table's structure and no rows gives none.
pub fn resolve(
    statement: &Statement,
    cx: &ParseContext<'_>,
    tables: &dyn SchemaLookup,
) -> Result<Vec<SchemaChange>, DdlError> {
    let mut world = World::new(tables, cx);
    match statement {
        Statement::CreateTable(table) => create_table(&mut world, table, cx),
        Statement::AlterTable(table) => alter_table(&mut world, table, statement.kind(), cx)?,
        Statement::CreateIndex(index) => {
            let mut actions = Vec::new();
            if index.or_replace {
                actions.push(AlterAction::DropKey {
                    name: index.key.name.clone().unwrap_or_default(),
                    if_exists: true,
                });
            }
            actions.push(AlterAction::AddKey(index.key.clone()));
            let table = as_alter(&index.table, actions);
            alter_table(&mut world, &table, statement.kind(), cx)?;
        }
        Statement::DropIndex(DropIndex {
            table,
            name,
            if_exists,
        }) => {
            let action = AlterAction::DropKey {
                name: name.clone(),
                if_exists: *if_exists,
            };
            alter_table(
                &mut world,
                &as_alter(table, vec![action]),
                statement.kind(),
                cx,
            )?;
        }
        Statement::DropTable(tables) => tables.names.iter().for_each(|name| world.drop(name)),
        Statement::RenameTable(tables) => {
            for (from, to) in &tables.renames {
                rename_table(&mut world, from, to, tables.if_exists);
            }
        }
        Statement::TruncateTable(name) => world.truncate(name.clone()),
        Statement::DropDatabase { name } => {
            for table in world.all().iter().filter(|t| t.name.schema == *name) {
                world.drop(&table.name);
            }
        }
        Statement::RowStatement(rows) => {
            for table in &rows.tables {
                let reason = format!("{} was logged as a statement, not as rows", rows.kind);
                world.unsupported(table.clone(), reason);
            }
        }
        Statement::CreateDatabase(_)
        | Statement::AlterDatabase(_)
        | Statement::Transaction(_)
        | Statement::Other { .. } => {}
    }
    Ok(world.into_changes())
}

fn as_alter(table: &TableName, actions: Vec<AlterAction>) -> AlterTable {
    AlterTable {
        name: table.clone(),
        if_exists: false,
        actions,
    }
}

fn create_table(world: &mut World<'_>, table: &CreateTable, cx: &ParseContext<'_>) {
    if table.if_not_exists && world.table(&table.name).is_some() {
        return;
    }
    let made = match &table.like {
        Some(from) => match world.table(from) {
            Some(from) => Ok(create::like(table, &from)),
            None => Err(format!(
                "it is made like {from}, whose structure is not known"
            )),
        },
        None => create::create(table, cx),
    };
    match made {
        Ok(mut made) => {
            complete_references(world, &mut made);
            world.create(made, table.or_replace);
        }
        Err(reason) => {
            if table.or_replace {
                world.drop(&table.name);
            }
            world.unsupported(table.name.clone(), reason);
        }
    }
}

/// REFERENCES without columns means the primary key.
fn complete_references(world: &World<'_>, table: &mut TableSchema) {
    let own = table.clone();
    for key in table
        .foreign_keys
        .iter_mut()
        .filter(|k| k.referenced_columns.is_empty())
    {
        let referenced = if key.referenced == own.name {
            Some(Arc::new(own.clone()))
        } else {
            world.table(&key.referenced)
        };
        if let Some(referenced) = referenced {
            key.referenced_columns = referenced
                .primary_key
                .iter()
                .map(|&n| referenced.columns[n].name.clone())
                .collect();
        }
    }
}

fn alter_table(
    world: &mut World<'_>,
    table: &AlterTable,
    kind: &'static str,
    cx: &ParseContext<'_>,
) -> Result<(), DdlError> {
    if let Some((what, other)) = table.actions.iter().find_map(|action| match action {
        AlterAction::Rows { what, other } => Some((what, other)),
        _ => None,
    }) {
        for name in std::iter::once(&table.name).chain(other) {
            let reason = format!("{what} changed its rows without row events");
            world.unsupported(name.clone(), reason);
        }
        return Ok(());
    }
    let new_name = table.actions.iter().find_map(|action| match action {
        AlterAction::RenameTable(name) => Some(name),
        _ => None,
    });
    let Some(before) = world.table(&table.name) else {
        let idle = |a: &AlterAction| matches!(a, AlterAction::Nothing { .. });
        if !table.actions.iter().all(idle) {
            for name in std::iter::once(&table.name).chain(new_name) {
                world.unsupported(name.clone(), UNKNOWN);
            }
        }
        return Ok(());
    };
    let altered = match alter::alter(&before, &table.actions, cx) {
        Ok(altered) => altered,
        Err(Refusal::Mismatch(reason)) => {
            return Err(DdlError::Mismatch {
                kind,
                table: table.name.clone(),
                reason,
            });
        }
        Err(Refusal::Unsupported(reason)) => {
            for name in std::iter::once(&table.name).chain(new_name) {
                world.unsupported(name.clone(), reason.as_str());
            }
            return Ok(());
        }
    };
    let Altered {
        draft,
        rename,
        renamed_columns,
    } = altered;
    let columns = draft.column_changes(&before);
    let mut after = draft.finish();
    complete_references(world, &mut after);
    world.alter(&before, after, columns);
    if !renamed_columns.is_empty() {
        world.follow(&table.name, &table.name, &renamed_columns);
    }
    if let Some(to) = rename {
        rename_table(world, &table.name, &to, false);
    }
    Ok(())
}

fn rename_table(world: &mut World<'_>, from: &TableName, to: &TableName, if_exists: bool) {
    if from == to {
        return;
    }
    match world.table(from) {
        Some(before) => {
            let mut draft = draft::Draft::from_table(&before);
            draft.rename(to.clone());
            let mut after = draft.finish();
            for key in after
                .foreign_keys
                .iter_mut()
                .filter(|k| k.referenced == *from)
            {
                key.referenced.clone_from(to);
            }
            world.rename(&before, after);
        }
        None if if_exists => {}
        None => {
            world.unsupported(from.clone(), UNKNOWN);
            world.unsupported(to.clone(), UNKNOWN);
        }
    }
}

/// The change that turns `before` into `after` where no statement tells how: online schema change
/// tools fill a table beside the original and rename it into its place. Columns are matched by
/// name. Where a column is gone, a new one may be that under another name, and what it holds in rows
/// that exist is not known ([`ExistingRows::Unknown`]); otherwise the tools leave it to its DEFAULT,
/// which is known where it is NULL.
pub fn adopt(
    before: &Arc<TableSchema>,
    after: &Arc<TableSchema>,
    cx: &ParseContext<'_>,
) -> SchemaChange {
    let mut after = TableSchema::clone(after);
    after.name.clone_from(&before.name);
    let find = |name: &str| before.columns.iter().position(|c| same_name(&c.name, name));
    let gone: Vec<usize> = (0..before.columns.len())
        .filter(|&n| {
            !after
                .columns
                .iter()
                .any(|c| same_name(&c.name, &before.columns[n].name))
        })
        .collect();
    let is_null = |column: &Column| {
        gone.is_empty() && column.nullable && !column.generated && column.default.is_none()
    };
    let mut columns: Vec<ColumnChange> = after
        .columns
        .iter()
        .enumerate()
        .map(|(n, column)| match find(&column.name) {
            None => ColumnChange::Added {
                after: n,
                existing: if is_null(column) {
                    ExistingRows::Null
                } else {
                    ExistingRows::Unknown
                },
            },
            Some(old) if before.columns[old] == *column => ColumnChange::Kept {
                before: old,
                after: n,
            },
            Some(old) => ColumnChange::Changed {
                before: old,
                after: n,
            },
        })
        .collect();
    columns.extend(
        gone.into_iter()
            .map(|before| ColumnChange::Dropped { before }),
    );
    SchemaChange::Alter {
        before: Arc::clone(before),
        after: Arc::new(after),
        columns,
        session: session_facts(cx),
    }
}

#[cfg(test)]
mod tests;
