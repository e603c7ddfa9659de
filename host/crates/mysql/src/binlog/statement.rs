//! Statements in the binlog: transaction control, DDL, and rows that were logged as a statement.

use chameleon_ddl::statement::{RowStatement, TransactionControl};
use chameleon_ddl::{DdlError, Dialect, ParseContext, Statement, parse, resolve};
use chameleon_model::{ChangeBuffer, TableName};

use crate::value::charset_of_collation;
use crate::{ServerInfo, SourceError};

use super::assemble::Assembler;
use super::event::Header;
use super::logged::{Logged, Objects, names};
use super::query::Query;
use super::schemas::{Applied, Concern};
use super::transaction::RolledBackTo;
use super::{DdlStep, Step};

/// What a statement's session has where its event says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Defaults {
    /// The replicated database.
    pub(super) database: String,
    /// Its default character set and collation.
    pub(super) charset: Option<String>,
    pub(super) collation: Option<String>,
    /// Where it is a name that means the same everywhere.
    pub(super) system_time_zone: Option<String>,
    pub(super) explicit_defaults_for_timestamp: bool,
}

impl Assembler {
    /// Takes a statement.
    pub(super) fn query(
        &mut self,
        query: &Query,
        header: &Header,
        into: &mut ChangeBuffer,
    ) -> Result<(), SourceError> {
        // what nearly every transaction has
        let sql = query.sql.trim();
        if sql.eq_ignore_ascii_case("BEGIN") {
            self.begin(into);
            return Ok(());
        }
        if sql.eq_ignore_ascii_case("COMMIT") {
            self.commit(header);
            return Ok(());
        }
        let info = self.info.clone();
        let defaults = self.defaults.clone();
        let cx = context(query, header, &info, &defaults);
        let parsed = parse(&query.sql, &cx);
        if let Ok(statements) = &parsed {
            let mut is_control = false;
            for statement in statements {
                if let Statement::Transaction(statement) = statement {
                    self.control(statement, header, into);
                    is_control = true;
                }
            }
            if is_control {
                return Ok(());
            }
        }
        let mut applied = Applied::default();
        let of_no_concern = self.is_skipping() || self.repeated || self.is_alter_pending();
        if !of_no_concern {
            match parsed {
                Ok(statements) => {
                    for statement in &statements {
                        if let Statement::RowStatement(rows) = statement {
                            self.logged_rows(rows, query, &mut applied);
                        } else {
                            self.objects_changed = true;
                            self.apply(statement, &cx, &mut applied)?;
                        }
                    }
                }
                Err(error) => self.refuse(&error, &mut applied)?,
            }
        }
        self.finish(query, header, applied);
        Ok(())
    }

    /// Applies transaction control.
    fn control(
        &mut self,
        statement: &TransactionControl,
        header: &Header,
        into: &mut ChangeBuffer,
    ) {
        match statement {
            TransactionControl::Begin => self.begin(into),
            TransactionControl::XaBegin(xid) => self.xa_begin(xid, into),
            TransactionControl::Commit => {
                self.commit(header);
            }
            TransactionControl::Rollback => {
                self.rollback(header, into);
            }
            TransactionControl::XaCommit { xid, .. } => self.xa_end(xid, true, header),
            TransactionControl::XaRollback(xid) => self.xa_end(xid, false, header),
            TransactionControl::Savepoint(name) => {
                if let Some(open) = &mut self.open {
                    open.savepoint(name.clone(), into);
                }
            }
            TransactionControl::RollbackTo(name) => self.rollback_to(name, into),
            TransactionControl::Release(_)
            | TransactionControl::XaEnd(_)
            | TransactionControl::XaPrepare(_) => {}
        }
    }

    fn rollback_to(&mut self, name: &str, into: &mut ChangeBuffer) {
        let Some(open) = &mut self.open else {
            return;
        };
        if let RolledBackTo::Impossible(tables) = open.rollback_to(name, into) {
            for table in tables {
                self.cannot_follow(
                    &table.name,
                    "a long transaction was rolled back to a savepoint after its rows were passed on",
                );
            }
        }
    }

    /// Holds the tables that a statement in place of rows names. What it changed beyond them is found
    /// out by the caller.
    fn logged_rows(&mut self, rows: &RowStatement, query: &Query, applied: &mut Applied) {
        let home = &self.defaults.database;
        let is_home = |schema: &str| schema.to_lowercase() == home.to_lowercase();
        let mut is_at_home = query.schema.is_empty() || is_home(&query.schema);
        for named in &rows.tables {
            is_at_home &= is_home(&named.schema);
            let table = self.schemas.name(&named.schema, &named.name);
            // a view or a temporary table is none
            let known = self.schemas.find(&table).is_some();
            if known && self.schemas.concern(&table) == Concern::Replicated {
                applied.held.push((table, logged_reason(rows.kind)));
            }
        }
        self.logged = Some(Logged {
            sql: query.sql.clone(),
            kind: rows.kind,
            names_tables: !rows.tables.is_empty(),
            is_at_home,
        });
    }

    /// Holds what a statement changed beyond the tables that it names.
    pub(super) fn hold_reached(
        &mut self,
        logged: &Logged,
        objects: &Objects,
    ) -> Result<(), SourceError> {
        let texts = objects.reached(logged);
        let tables = self.schemas.of(Concern::Replicated);
        let reached: Vec<TableName> = tables
            .map(|table| &table.name)
            .filter(|name| match &texts {
                Some(texts) => names(texts, &name.name),
                None => true,
            })
            .cloned()
            .collect();
        if reached.is_empty() && !logged.names_tables {
            return Err(SourceError::StatementLogged {
                position: self.here(),
                kind: logged.kind,
            });
        }
        let how = if texts.is_some() {
            "and changed this table through a view, a trigger or a routine"
        } else {
            "and the account does not see which tables triggers and routines changed by it"
        };
        for table in reached {
            let error = SourceError::CannotFollow {
                table: table.clone(),
                position: self.here(),
                reason: format!("{}, {how}", logged_reason(logged.kind)),
            };
            if self.schemas.hold(&table) {
                self.push_before(Step::Hold { table, error });
            }
        }
        Ok(())
    }

    /// Applies one statement to the schemas.
    fn apply(
        &mut self,
        statement: &Statement,
        cx: &ParseContext<'_>,
        applied: &mut Applied,
    ) -> Result<(), SourceError> {
        if let Statement::AlterDatabase(options) = statement {
            let name = if options.name.is_empty() {
                cx.default_schema.unwrap_or_default()
            } else {
                &options.name
            };
            if name == self.defaults.database {
                if options.charset.is_some() {
                    self.defaults.charset.clone_from(&options.charset);
                    self.defaults.collation = None;
                }
                if options.collation.is_some() {
                    self.defaults.collation.clone_from(&options.collation);
                }
            }
            return Ok(());
        }
        match resolve(statement, cx, self.schemas.tables()) {
            Ok(changes) => {
                let more = self.schemas.apply(changes, cx);
                applied.changes.extend(more.changes);
                applied.history.extend(more.history);
                applied.held.extend(more.held);
                Ok(())
            }
            Err(error) => self.refuse(&error, applied),
        }
    }

    /// Holds the tables of a statement that is not understood. Where it names none it may have
    /// changed any.
    fn refuse(&mut self, error: &DdlError, applied: &mut Applied) -> Result<(), SourceError> {
        if error.tables().is_empty() {
            return Err(SourceError::EventUnknown {
                position: self.here(),
                reason: error.to_string(),
            });
        }
        for table in error.tables() {
            if self.schemas.concern(table) == Concern::Replicated {
                applied.held.push((table.clone(), error.to_string()));
            }
        }
        Ok(())
    }

    /// Tells what a statement came to. Outside a transaction it is one of its own.
    fn finish(&mut self, query: &Query, header: &Header, applied: Applied) {
        for (table, reason) in applied.held {
            self.cannot_follow(&table, reason);
        }
        let in_transaction = self.open.is_some();
        let commit_micros = self.commit_micros(header);
        let step = if applied.changes.is_empty() && applied.history.is_empty() {
            if in_transaction {
                return;
            }
            Step::Progress { commit_micros }
        } else {
            Step::Ddl(DdlStep {
                sql: query.sql.clone(),
                default_schema: query.schema.clone(),
                changes: applied.changes,
                history: applied.history,
                in_transaction,
                commit_micros,
            })
        };
        if in_transaction {
            self.push(step);
        } else {
            self.end_group(step);
        }
    }
}

fn logged_reason(kind: &str) -> String {
    format!("{kind} was logged as a statement, not as rows")
}

/// What the statement's text means: the server, and the session as its event tells it.
fn context<'a>(
    query: &'a Query,
    header: &Header,
    info: &ServerInfo,
    defaults: &'a Defaults,
) -> ParseContext<'a> {
    let dialect = if info.is_mariadb() {
        Dialect::MariaDb
    } else {
        Dialect::MySql
    };
    let session = &query.session;
    let mut cx = ParseContext::new(dialect, info.version).with_sql_mode(session.sql_mode);
    cx.default_schema = Some(query.schema.as_str()).filter(|schema| !schema.is_empty());
    cx.lower_case_names = info.lower_case_table_names == 1;
    cx.explicit_defaults_for_timestamp = session
        .explicit_defaults_for_timestamp
        .unwrap_or(defaults.explicit_defaults_for_timestamp);
    match charset_of_collation(session.database_collation) {
        Some(charset) => cx.default_charset = Some(charset),
        None => {
            cx.default_charset = defaults.charset.as_deref();
            cx.default_collation = defaults.collation.as_deref();
        }
    }
    cx.time_zone = match session.time_zone.as_deref() {
        None | Some("SYSTEM") => defaults.system_time_zone.as_deref(),
        named => named,
    };
    cx.statement_micros = Some(header.micros() + i64::from(session.micros));
    cx
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_follows_the_session_and_then_the_database() {
        let mut info = ServerInfo::unknown();
        info.version = 80_036;
        let defaults = Defaults {
            database: "shop".to_owned(),
            charset: Some("latin1".to_owned()),
            system_time_zone: Some("UTC".to_owned()),
            explicit_defaults_for_timestamp: true,
            ..Defaults::default()
        };
        let header = Header {
            timestamp: 7,
            ..Header::default()
        };
        let mut query = Query {
            schema: "shop".to_owned(),
            ..Query::default()
        };
        query.session.micros = 5;
        let cx = context(&query, &header, &info, &defaults);
        assert_eq!(cx.default_schema, Some("shop"));
        assert_eq!(cx.default_charset, Some("latin1"));
        assert_eq!(cx.time_zone, Some("UTC"));
        assert_eq!(cx.statement_micros, Some(7_000_005));
        query.session.database_collation = 255;
        query.session.time_zone = Some("+02:00".to_owned());
        let cx = context(&query, &header, &info, &defaults);
        assert_eq!(cx.default_charset, Some("utf8mb4"));
        assert_eq!(cx.time_zone, Some("+02:00"));
    }
}
