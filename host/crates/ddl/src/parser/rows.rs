//! Statements that change rows, as far as it takes to name their tables.
//!
//! They stand in a binlog whose rows were logged as statements. What such a statement changed
//! cannot be told from its text, so its tables are held; a name too many does less harm than one
//! too few.

use chameleon_model::TableName;

use super::{Parsed, Parser};
use crate::lexer::Kind;
use crate::statement::{RowStatement, Statement};

impl Parser<'_> {
    /// At INSERT, UPDATE, DELETE and the like; `None` at anything else.
    pub(super) fn row_statement(&mut self) -> Parsed<Option<Statement>> {
        if self.at("WITH") {
            self.kind = "WITH";
            self.skip_until(&["INSERT", "UPDATE", "DELETE", "REPLACE", "SELECT"], false)?;
        }
        while self.at_symbol('(') && self.peek_at(1).is_word("SELECT") {
            self.next();
        }
        let (kind, tables) = if self.accept("INSERT") {
            ("INSERT", self.inserted()?)
        } else if self.accept("REPLACE") {
            ("REPLACE", self.inserted()?)
        } else if self.accept("UPDATE") {
            self.accept("LOW_PRIORITY");
            self.accept("IGNORE");
            ("UPDATE", self.tables_until(&["SET"])?)
        } else if self.accept("DELETE") {
            ("DELETE", self.deleted()?)
        } else if self.at_words(&["LOAD", "DATA"]) || self.at_words(&["LOAD", "XML"]) {
            self.skip_until(&["TABLE"], false)?;
            self.expect("TABLE")?;
            ("LOAD DATA", vec![self.table_name()?])
        } else {
            let kinds = ["SELECT", "CALL", "DO", "VALUES", "TABLE", "IMPORT"];
            match self.accept_any(&kinds) {
                Some(kind) => (kind, Vec::new()),
                None => return Ok(None),
            }
        };
        self.kind = kind;
        self.skip_statement()?;
        Ok(Some(Statement::RowStatement(RowStatement { kind, tables })))
    }

    /// Behind INSERT or REPLACE: `[modifiers] [INTO] table`.
    fn inserted(&mut self) -> Parsed<Vec<TableName>> {
        let modifiers = ["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO"];
        while self.accept_any(&modifiers).is_some() {}
        Ok(vec![self.table_name()?])
    }

    /// Behind DELETE: one table, or targets and the tables that they are taken from.
    fn deleted(&mut self) -> Parsed<Vec<TableName>> {
        while self
            .accept_any(&["LOW_PRIORITY", "QUICK", "IGNORE", "HISTORY"])
            .is_some()
        {}
        let mut tables = Vec::new();
        if !self.accept("FROM") {
            // the targets may be aliases: the names stand behind FROM
            self.skip_until(&["FROM"], false)?;
            self.expect("FROM")?;
            return self.tables_until(&["WHERE", "ORDER", "LIMIT", "RETURNING"]);
        }
        tables.extend(self.tables_until(&["USING", "WHERE", "ORDER", "LIMIT", "RETURNING"])?);
        if self.accept("USING") {
            tables.extend(self.tables_until(&["WHERE", "ORDER", "LIMIT", "RETURNING"])?);
        }
        Ok(tables)
    }

    /// Names of the tables in a list of table references, up to one of the words.
    fn tables_until(&mut self, words: &[&str]) -> Parsed<Vec<TableName>> {
        let mut tables = Vec::new();
        let mut depth = 0_usize;
        let mut expected = true;
        loop {
            let subquery = self.peek_at(1).is_word("SELECT");
            let token = self.peek();
            match &token.kind {
                Kind::End | Kind::Symbol(';') => return Ok(tables),
                Kind::Bad(_) => return self.unexpected("table references"),
                Kind::Word(_) if depth == 0 && words.iter().any(|w| token.is_word(w)) => {
                    return Ok(tables);
                }
                Kind::Symbol('(') if !expected => self.skip_parenthesised()?,
                Kind::Symbol('(') if subquery => {
                    self.skip_parenthesised()?;
                    expected = false;
                }
                Kind::Symbol('(') => {
                    depth += 1;
                    self.next();
                }
                Kind::Symbol(')') => {
                    depth = depth.saturating_sub(1);
                    self.next();
                }
                Kind::Symbol(',') => {
                    expected = true;
                    self.next();
                }
                Kind::Word(_) if ["JOIN", "STRAIGHT_JOIN"].iter().any(|w| token.is_word(w)) => {
                    expected = true;
                    self.next();
                }
                Kind::Word(_) if token.is_word("LATERAL") || token.is_word("ONLY") => {
                    self.next();
                }
                Kind::Word(_) | Kind::Name(_) if expected => {
                    tables.push(self.table_name()?);
                    expected = false;
                }
                _ => {
                    self.next();
                }
            }
        }
    }
}
