//! Which statement it is, by its first words. Statements that concern no table's structure and no
//! rows are known by name and skipped.

use super::{Parsed, Parser};
use crate::lexer::Kind;
use crate::statement::Statement;

impl Parser<'_> {
    /// One statement; the cursor is then at its end.
    pub(super) fn statement(&mut self) -> Parsed<Statement> {
        self.statement_prefix()?;
        if let Some(statement) = self.transaction()? {
            return Ok(statement);
        }
        if let Some(statement) = self.table_statement()? {
            return Ok(statement);
        }
        if let Some(statement) = self.database_statement()? {
            return Ok(statement);
        }
        if let Some(statement) = self.row_statement()? {
            return Ok(statement);
        }
        let Some(kind) = self.other_kind() else {
            return self.unexpected("a statement");
        };
        self.kind = kind;
        let program = ["PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE"];
        let compound = kind.starts_with("BEGIN")
            || !kind.starts_with("DROP") && program.iter().any(|word| kind.contains(word));
        if compound {
            self.skip_text()?;
        } else {
            self.skip_statement()?;
        }
        Ok(Statement::Other { kind })
    }

    /// MariaDB's `SET STATEMENT variable = value, ... FOR statement`.
    fn statement_prefix(&mut self) -> Parsed<()> {
        while self.is_mariadb() && self.accept_words(&["SET", "STATEMENT"]) {
            self.kind = "SET STATEMENT";
            self.skip_until(&["FOR"], false)?;
            self.expect("FOR")?;
            self.kind = "statement";
        }
        Ok(())
    }

    fn other_kind(&mut self) -> Option<&'static str> {
        if let Some(kind) = OTHERS.iter().copied().find(|kind| self.begins_with(kind)) {
            return Some(kind);
        }
        let verb = ["CREATE", "ALTER", "DROP"]
            .into_iter()
            .position(|verb| self.at(verb))?;
        self.object_kind(verb)
    }

    fn begins_with(&mut self, words: &str) -> bool {
        words
            .split(' ')
            .enumerate()
            .all(|(n, word)| self.peek_at(n).is_word(word))
    }

    /// The object of CREATE, ALTER or DROP: the first word of [`OBJECTS`] behind clauses such as
    /// OR REPLACE, DEFINER, ALGORITHM and SQL SECURITY.
    fn object_kind(&mut self, verb: usize) -> Option<&'static str> {
        for n in 1..24 {
            if self.peek_at(n).kind == Kind::End {
                return None;
            }
            let object = OBJECTS.iter().find(|(words, _)| {
                words
                    .split(' ')
                    .enumerate()
                    .all(|(i, word)| self.peek_at(n + i).is_word(word))
            });
            if let Some((_, kinds)) = object {
                return Some(kinds[verb]);
            }
        }
        None
    }
}

macro_rules! object {
    ($words:literal) => {
        (
            $words,
            [
                concat!("CREATE ", $words),
                concat!("ALTER ", $words),
                concat!("DROP ", $words),
            ],
        )
    };
}

/// Objects that are no tables, and the statements' names by verb.
const OBJECTS: &[(&str, [&str; 3])] = &[
    object!("TEMPORARY TABLE"),
    object!("TEMPORARY TABLES"),
    object!("EXTERNAL TABLE"),
    object!("VIEW"),
    object!("PACKAGE BODY"),
    object!("PACKAGE"),
    object!("PROCEDURE"),
    object!("FUNCTION"),
    object!("TRIGGER"),
    object!("EVENT"),
    object!("USER"),
    object!("ROLE"),
    object!("SERVER"),
    object!("SEQUENCE"),
    object!("TEMPORARY SEQUENCE"),
    object!("UNDO TABLESPACE"),
    object!("TABLESPACE"),
    object!("LOGFILE GROUP"),
    object!("RESOURCE GROUP"),
    object!("SPATIAL REFERENCE SYSTEM"),
    object!("INSTANCE"),
    object!("LIBRARY"),
    object!("CATALOG"),
    object!("MASKING POLICY"),
    object!("PREPARE"),
];

/// Statements known by their first words. A longer one stands before a shorter one.
const OTHERS: &[&str] = &[
    "ANALYZE",
    "BACKUP",
    "BEGIN NOT ATOMIC",
    "BINLOG",
    "CACHE INDEX",
    "CHANGE MASTER",
    "CHANGE REPLICATION",
    "CHECK",
    "CHECKSUM",
    "CLONE",
    "DEALLOCATE PREPARE",
    "DESCRIBE",
    "DESC",
    "EXECUTE",
    "EXPLAIN",
    "FLUSH",
    "GET DIAGNOSTICS",
    "GRANT",
    "HANDLER",
    "HELP",
    "INSTALL",
    "KILL",
    "LOAD INDEX",
    "LOCK",
    "OPTIMIZE",
    "PREPARE",
    "PURGE",
    "RENAME USER",
    "REPAIR",
    "RESET",
    "RESIGNAL",
    "RESTART",
    "REVOKE",
    "SET",
    "SHOW",
    "SHUTDOWN",
    "SIGNAL",
    "START",
    "STOP",
    "UNINSTALL",
    "UNLOCK",
    "USE",
    "XA RECOVER",
];
