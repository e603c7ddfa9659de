//! CREATE TABLE. Manuals: "CREATE TABLE Statement" of both servers.

use super::options::Tail;
use super::{Parsed, Parser};
use crate::statement::{CreateTable, Statement, TableElement, TableOptions};

impl Parser<'_> {
    /// Behind `CREATE [OR REPLACE] TABLE`.
    pub(super) fn create_table(&mut self, or_replace: bool) -> Parsed<Statement> {
        let if_not_exists = self.if_not_exists();
        let mut table = CreateTable {
            name: self.table_name()?,
            or_replace,
            if_not_exists,
            like: None,
            elements: Vec::new(),
            options: TableOptions::default(),
            as_select: false,
        };
        if self.accept("LIKE") {
            table.like = Some(self.table_name()?);
            return Ok(Statement::CreateTable(Box::new(table)));
        }
        if self.at_symbol('(') && self.peek_at(1).is_word("LIKE") {
            self.next();
            self.next();
            table.like = Some(self.table_name()?);
            self.expect_symbol(')')?;
            return Ok(Statement::CreateTable(Box::new(table)));
        }
        if self.at_symbol('(') && !self.at_query() {
            self.table_elements(&mut table.elements)?;
        }
        let mut tail = Tail::default();
        loop {
            self.accept_symbol(',');
            if !self.table_option(&mut table.options, &mut tail)? {
                break;
            }
        }
        self.partition_by()?;
        // MariaDB and row-format logs of MySQL may say it behind the partitions
        self.accept_words(&["START", "TRANSACTION"]);
        if self.at_query() {
            table.as_select = true;
            self.skip_statement()?;
        }
        if tail.sequence {
            return Ok(Statement::Other {
                kind: "CREATE SEQUENCE",
            });
        }
        Ok(Statement::CreateTable(Box::new(table)))
    }

    /// `(element, ...)`
    fn table_elements(&mut self, elements: &mut Vec<TableElement>) -> Parsed<()> {
        self.expect_symbol('(')?;
        loop {
            if let Some(element) = self.constraint_or_key()? {
                elements.push(element);
            } else if !self.period()? {
                elements.push(TableElement::Column(Box::new(self.column_definition()?)));
            }
            if !self.accept_symbol(',') {
                return self.expect_symbol(')');
            }
        }
    }

    /// MariaDB's `PERIOD FOR {SYSTEM_TIME | name} (start, end)`.
    pub(super) fn period(&mut self) -> Parsed<bool> {
        if !self.is_mariadb() || !self.accept_words(&["PERIOD", "FOR"]) {
            return Ok(false);
        }
        self.name()?;
        self.skip_parenthesised()?;
        Ok(true)
    }
}
