//! `ddl translate`: MySQL DDL in, PostgreSQL DDL out.
//!
//! A thin layer over the same three steps that the replica takes (parse, resolve, render), so what
//! it prints is what the replica would do. Statements build on each other: ALTER TABLE is applied
//! to the tables that the text itself has made before.

mod split;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use chameleon_config::Config;
use chameleon_ddl::{Mapping, ParseContext, SchemaChange, Statement, parse, render, resolve};
use chameleon_diag::Diagnostic;
use chameleon_model::{MappingRules, TableName, TableSchema};
use serde::Serialize;

use crate::cli::{Dialect, TranslateArgs};
use crate::error::ToolsError;

/// Longest statement that is repeated in the output, in bytes; rows of a dump are not.
const SHOWN: usize = 4096;

/// What became of a text.
#[derive(Debug)]
pub(crate) struct Translated {
    pub(crate) statements: Vec<TranslatedStatement>,
}

/// One statement and its translation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct TranslatedStatement {
    statement: String,
    kind: String,
    status: Status,
    postgres: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// PostgreSQL does the same.
    Translated,
    /// It changes no table.
    Ignored,
    /// The replica would hold the table.
    Unsupported,
}

impl Translated {
    /// Every statement that changes a table has a translation.
    pub(crate) fn is_complete(&self) -> bool {
        self.statements
            .iter()
            .all(|s| s.status != Status::Unsupported)
    }

    /// The PostgreSQL statements, and comments where there is none.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for statement in &self.statements {
            for sql in &statement.postgres {
                writeln!(out, "{};", sql.trim_end().trim_end_matches(';'))?;
            }
            if statement.postgres.is_empty() || statement.status == Status::Unsupported {
                let word = match statement.status {
                    Status::Unsupported => "unsupported",
                    _ => "ignored",
                };
                let reason = statement.reason.as_deref().unwrap_or("it changes no table");
                let reason = reason.replace(['\n', '\r'], " ");
                writeln!(out, "-- {word}: {}: {reason}", statement.kind)?;
            }
        }
        Ok(())
    }
}

/// Translates a file, or standard input.
pub(crate) fn translate(
    args: &TranslateArgs,
    config: Option<&Config>,
) -> Result<Translated, ToolsError> {
    let text = read(&args.file).map_err(|source| ToolsError::Input {
        path: args.file.clone(),
        source,
    })?;
    let rules = config.map(|c| c.rules.clone()).unwrap_or_default();
    let schema = match (&args.dest_schema, config) {
        (Some(schema), _) => schema.clone(),
        (None, Some(config)) => config.dest_schema.clone(),
        (None, None) => "public".to_owned(),
    };
    let mut translator = Translator::new(args, schema, rules);
    let statements = split::statements(&text);
    Ok(Translated {
        statements: statements.into_iter().map(|s| translator.one(s)).collect(),
    })
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().read_to_end(&mut bytes)?;
    } else {
        bytes = std::fs::read(path)?;
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8 text"))
}

/// Tables so far, and the session that the statements run in.
struct Translator {
    dialect: chameleon_ddl::Dialect,
    version: u32,
    database: String,
    tables: BTreeMap<TableName, Arc<TableSchema>>,
    mapping: Mapping,
}

impl Translator {
    fn new(args: &TranslateArgs, dest_schema: String, rules: MappingRules) -> Self {
        let (dialect, newest) = match args.dialect {
            Dialect::Mysql => (chameleon_ddl::Dialect::MySql, 80_400),
            Dialect::Mariadb => (chameleon_ddl::Dialect::MariaDb, 110_800),
        };
        let version = args.server_version.as_deref().and_then(version);
        Self {
            dialect,
            version: version.unwrap_or(newest),
            database: args.database.clone(),
            tables: BTreeMap::new(),
            mapping: Mapping::new(dest_schema, rules),
        }
    }

    fn one(&mut self, text: &str) -> TranslatedStatement {
        let mut result = TranslatedStatement {
            statement: shorten(text),
            kind: "STATEMENT".to_owned(),
            status: Status::Ignored,
            postgres: Vec::new(),
            reason: None,
        };
        if let Some(database) = used_database(text) {
            self.database = database;
            "USE".clone_into(&mut result.kind);
            return result;
        }
        let database = self.database.clone();
        let context = ParseContext::new(self.dialect, self.version).in_schema(&database);
        match parse(text, &context) {
            Ok(statements) => {
                let kinds: Vec<&str> = statements.iter().map(Statement::kind).collect();
                if !kinds.is_empty() {
                    result.kind = kinds.join(", ");
                }
                for statement in &statements {
                    self.apply(statement, &context, &mut result);
                }
            }
            Err(error) => result.refuse(&error),
        }
        result
    }

    fn apply(
        &mut self,
        statement: &Statement,
        context: &ParseContext<'_>,
        result: &mut TranslatedStatement,
    ) {
        if matches!(statement, Statement::RowStatement(_)) {
            result.reason = Some("it changes rows and no table".into());
            return;
        }
        let changes = match resolve(statement, context, &self.tables) {
            Ok(changes) => changes,
            Err(error) => return result.refuse(&error),
        };
        for change in changes {
            self.follow(&change);
            if let SchemaChange::Unsupported { reason, .. } = &change {
                result.status = Status::Unsupported;
                result.reason = Some(reason.clone());
                continue;
            }
            match render::change(&change, &self.mapping) {
                Ok(sql) => {
                    result.postgres.extend(sql);
                    if result.status == Status::Ignored {
                        result.status = Status::Translated;
                    }
                }
                Err(error) => result.refuse(&error),
            }
        }
    }

    /// Brings the tables to where they are after a change.
    fn follow(&mut self, change: &SchemaChange) {
        match change {
            SchemaChange::Drop { before } | SchemaChange::Rename { before, .. } => {
                self.tables.remove(&before.name);
            }
            _ => {}
        }
        if let Some(after) = change.after() {
            self.tables.insert(after.name.clone(), Arc::clone(after));
            self.mapping.learn(self.tables.values().map(Arc::as_ref));
        }
    }
}

impl TranslatedStatement {
    fn refuse(&mut self, error: &dyn Diagnostic) {
        self.status = Status::Unsupported;
        self.reason = Some(format!("{} ({})", error, error.code()));
    }
}

/// `8.4.0` or `10.11.6-MariaDB` as the number that version comments use.
fn version(text: &str) -> Option<u32> {
    let numbers = text.split(['-', '+']).next()?;
    let mut parts = numbers.split('.').map(|part| part.parse::<u32>().ok());
    let (major, minor) = (parts.next()??, parts.next().unwrap_or(Some(0))?);
    let patch = parts.next().unwrap_or(Some(0))?;
    let fits = major < 1000 && minor < 100 && patch < 100;
    fits.then(|| major * 10_000 + minor * 100 + patch)
}

/// The database of a USE statement.
fn used_database(text: &str) -> Option<String> {
    let (word, rest) = text.split_once(char::is_whitespace)?;
    if !word.eq_ignore_ascii_case("use") {
        return None;
    }
    let name = rest.trim();
    match name.strip_prefix('`').and_then(|n| n.strip_suffix('`')) {
        Some(quoted) => Some(quoted.replace("``", "`")),
        None => Some(name.to_owned()),
    }
}

fn shorten(text: &str) -> String {
    if text.len() <= SHOWN {
        return text.to_owned();
    }
    let mut end = SHOWN;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_servers_write_them() {
        let check = |text: &str, expect: Option<u32>| assert_eq!(version(text), expect, "{text}");
        check("8.0.36", Some(80_036));
        check("10.11.6-MariaDB-1:10.11.6", Some(101_106));
        check("9.7", Some(90_700));
        check("8", Some(80_000));
        check("eight", None);
        check("8.x", None);
        check("8.4.100", None);
    }

    #[test]
    fn use_changes_the_database() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(used_database(text).as_deref(), expect, "{text}");
        };
        check("USE shop", Some("shop"));
        check("use `a``b`", Some("a`b"));
        check("user x", None);
    }
}
