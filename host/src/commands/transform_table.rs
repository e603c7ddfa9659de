//! Tables for the author of a transform: from SQL text, or from the configuration's source.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use chameleon_ddl::{Dialect, ParseContext, SchemaChange, parse, resolve};
use chameleon_model::{TableName, TableSchema};
use chameleon_mysql::introspect;

use super::transform::AuthorError;
use crate::cli::GlobalOptions;
use crate::context::{Context, config_paths};
use crate::error::HostError;
use crate::output::Output;

/// Database of tables that are given without one.
pub(super) const DATABASE: &str = "shop";

/// Tables that statements have made so far.
pub(super) struct Tables {
    database: String,
    known: HashMap<TableName, Arc<TableSchema>>,
}

impl Tables {
    /// None yet; names without a database are in this one.
    pub(super) fn new(database: &str) -> Self {
        Self {
            database: database.to_owned(),
            known: HashMap::new(),
        }
    }

    /// Follows statements and gives the table that the last change was about, in its new version.
    /// What is wrong is said in words.
    pub(super) fn follow(&mut self, sql: &str) -> Result<Arc<TableSchema>, String> {
        let tried = [(Dialect::MySql, 80_400), (Dialect::MariaDb, 110_800)];
        let mut refused = String::new();
        for (dialect, version) in tried {
            let database = self.database.clone();
            let context = ParseContext::new(dialect, version).in_schema(&database);
            match parse(sql, &context) {
                Ok(statements) => {
                    let mut last = None;
                    for statement in &statements {
                        let changes = resolve(statement, &context, &self.known);
                        for change in changes.map_err(|error| error.to_string())? {
                            last = self.apply(&change)?.or(last);
                        }
                    }
                    return last.ok_or_else(|| "no statement makes or alters a table".into());
                }
                Err(error) if refused.is_empty() => refused = error.to_string(),
                Err(_) => {}
            }
        }
        Err(refused)
    }

    fn apply(&mut self, change: &SchemaChange) -> Result<Option<Arc<TableSchema>>, String> {
        match change {
            SchemaChange::Unsupported { reason, .. } => return Err(reason.clone()),
            SchemaChange::Drop { before } | SchemaChange::Rename { before, .. } => {
                self.known.remove(&before.name);
            }
            _ => {}
        }
        let after = change.after().cloned();
        if let Some(after) = &after {
            self.known.insert(after.name.clone(), Arc::clone(after));
        }
        Ok(after)
    }
}

/// `--table`: a file with a CREATE TABLE statement, the statement itself, or the name of a table of
/// the configuration's source.
pub(super) async fn load(
    options: &GlobalOptions,
    given: &str,
    output: Output,
) -> Result<Arc<TableSchema>, HostError> {
    let refused = |reason: String| AuthorError::Table {
        table: given.chars().take(80).collect(),
        reason,
    };
    let is_file = given.to_lowercase().ends_with(".sql") || given.contains('/');
    if is_file {
        let sql = std::fs::read_to_string(Path::new(given));
        let sql = sql.map_err(|error| refused(error.to_string()))?;
        return Ok(Tables::new(DATABASE).follow(&sql).map_err(refused)?);
    }
    if given.trim().contains(char::is_whitespace) {
        return Ok(Tables::new(DATABASE).follow(given).map_err(refused)?);
    }
    let paths = config_paths(options)?;
    let Some(path) = paths.first() else {
        return Err(refused("there is no configuration whose source could have it".into()).into());
    };
    let cx = Context::load(path, output)?;
    let mut conn = cx.connect_source().await?;
    let tables = introspect::load_tables(&mut conn, &cx.source.database, &cx.selection).await?;
    conn.close().await;
    let wanted = given.to_lowercase();
    let found = tables.into_iter().find(|table| {
        let name = &table.name;
        name.name.to_lowercase() == wanted || name.to_string().to_lowercase() == wanted
    });
    let found = found.ok_or_else(|| refused(format!("{} has no such table", cx.name())))?;
    Ok(Arc::new(found))
}
