//! Statements on whole tables and databases: DROP, TRUNCATE, RENAME, CREATE and DROP INDEX,
//! CREATE, ALTER and DROP DATABASE. CREATE TABLE and ALTER TABLE have files of their own.

use super::{Parsed, Parser};
use crate::statement::{
    CreateIndex, DatabaseOptions, DropIndex, DropTable, KeyKind, RenameTable, Statement,
};

impl Parser<'_> {
    /// At a statement that changes tables; `None` at anything else.
    pub(super) fn table_statement(&mut self) -> Parsed<Option<Statement>> {
        if self.at("CREATE") {
            return self.create_statement();
        }
        if let Some(words) = self.alter_table_words() {
            self.ahead.drain(..words);
            self.kind = "ALTER TABLE";
            return self.alter_table().map(Some);
        }
        if self.at("DROP") {
            return self.drop_statement();
        }
        if self.accept_words(&["RENAME", "TABLE"]) || self.accept_words(&["RENAME", "TABLES"]) {
            self.kind = "RENAME TABLE";
            return self.rename_table().map(Some);
        }
        if self.accept("TRUNCATE") {
            self.kind = "TRUNCATE TABLE";
            self.accept("TABLE");
            let table = self.table_name()?;
            self.wait()?;
            return Ok(Some(Statement::TruncateTable(table)));
        }
        Ok(None)
    }

    /// Number of words of `ALTER [ONLINE | OFFLINE] [IGNORE] TABLE`.
    fn alter_table_words(&mut self) -> Option<usize> {
        if !self.at("ALTER") {
            return None;
        }
        let mut n = 1;
        for modifiers in [["ONLINE", "OFFLINE"], ["IGNORE", "IGNORE"]] {
            n += usize::from(modifiers.iter().any(|m| self.peek_at(n).is_word(m)));
        }
        self.peek_at(n).is_word("TABLE").then_some(n + 1)
    }

    fn create_statement(&mut self) -> Parsed<Option<Statement>> {
        let or_replace = self.at_words(&["CREATE", "OR", "REPLACE"]);
        let n = if or_replace { 3 } else { 1 };
        if self.peek_at(n).is_word("TABLE") {
            self.ahead.drain(..=n);
            self.kind = "CREATE TABLE";
            return self.create_table(or_replace).map(Some);
        }
        let mut words = n;
        let online = ["ONLINE", "OFFLINE"];
        words += usize::from(online.iter().any(|w| self.peek_at(words).is_word(w)));
        let kinds = [
            ("UNIQUE", KeyKind::Unique),
            ("FULLTEXT", KeyKind::FullText),
            ("SPATIAL", KeyKind::Spatial),
            ("VECTOR", KeyKind::Vector),
        ];
        let found = kinds.iter().find(|(w, _)| self.peek_at(words).is_word(w));
        let kind = found.map_or(KeyKind::Index, |(_, kind)| *kind);
        words += usize::from(found.is_some());
        if !self.peek_at(words).is_word("INDEX") {
            return Ok(None);
        }
        self.ahead.drain(..=words);
        self.kind = "CREATE INDEX";
        self.create_index(kind, or_replace).map(Some)
    }

    fn create_index(&mut self, kind: KeyKind, or_replace: bool) -> Parsed<Statement> {
        let if_not_exists = self.if_not_exists();
        let name = self.name()?;
        self.key_algorithm()?;
        self.expect("ON")?;
        let table = self.table_name()?;
        let parts = self.key_parts()?;
        self.key_options()?;
        self.wait()?;
        while self.alter_option()?.is_some() {}
        Ok(Statement::CreateIndex(CreateIndex {
            table,
            key: crate::statement::KeyDefinition {
                kind,
                name: Some(name),
                parts,
                if_not_exists,
            },
            or_replace,
        }))
    }

    fn drop_statement(&mut self) -> Parsed<Option<Statement>> {
        if self.accept_words(&["DROP", "TABLE"]) || self.accept_words(&["DROP", "TABLES"]) {
            self.kind = "DROP TABLE";
            let if_exists = self.if_exists();
            let mut names = vec![self.table_name()?];
            while self.accept_symbol(',') {
                names.push(self.table_name()?);
            }
            self.wait()?;
            let _ = self.accept("RESTRICT") || self.accept("CASCADE");
            return Ok(Some(Statement::DropTable(DropTable { names, if_exists })));
        }
        let online = self.at_words(&["DROP", "ONLINE"]) || self.at_words(&["DROP", "OFFLINE"]);
        let n = if online { 2 } else { 1 };
        if !self.at("DROP") || !self.peek_at(n).is_word("INDEX") {
            return Ok(None);
        }
        self.ahead.drain(..=n);
        self.kind = "DROP INDEX";
        let if_exists = self.if_exists();
        let name = self.name()?;
        self.expect("ON")?;
        let table = self.table_name()?;
        self.wait()?;
        while self.alter_option()?.is_some() {}
        Ok(Some(Statement::DropIndex(DropIndex {
            table,
            name,
            if_exists,
        })))
    }

    fn rename_table(&mut self) -> Parsed<Statement> {
        let if_exists = self.if_exists();
        let mut renames = Vec::new();
        loop {
            let from = self.table_name()?;
            self.wait()?;
            self.expect("TO")?;
            renames.push((from, self.table_name()?));
            if !self.accept_symbol(',') {
                return Ok(Statement::RenameTable(RenameTable { renames, if_exists }));
            }
        }
    }

    /// MariaDB's `WAIT seconds` and `NOWAIT`.
    pub(super) fn wait(&mut self) -> Parsed<()> {
        if self.accept("WAIT") {
            self.next();
        }
        self.accept("NOWAIT");
        Ok(())
    }

    /// At CREATE, ALTER or DROP DATABASE; `None` at anything else.
    pub(super) fn database_statement(&mut self) -> Parsed<Option<Statement>> {
        let or_replace = self.at_words(&["CREATE", "OR", "REPLACE"]);
        let n = if or_replace { 3 } else { 1 };
        let database = ["DATABASE", "SCHEMA"]
            .iter()
            .any(|w| self.peek_at(n).is_word(w));
        let verbs = ["CREATE", "ALTER", "DROP"];
        let Some(verb) = verbs
            .into_iter()
            .find(|verb| self.at(verb))
            .filter(|_| database)
        else {
            return Ok(None);
        };
        self.ahead.drain(..=n);
        if verb == "DROP" {
            self.kind = "DROP DATABASE";
            self.if_exists();
            return Ok(Some(Statement::DropDatabase {
                name: self.database_name()?,
            }));
        }
        self.kind = if verb == "CREATE" {
            "CREATE DATABASE"
        } else {
            "ALTER DATABASE"
        };
        let if_not_exists = self.if_not_exists();
        let mut options = DatabaseOptions {
            name: self.cx.default_schema.unwrap_or_default().to_owned(),
            if_not_exists,
            charset: None,
            collation: None,
        };
        if !self.at_database_option() {
            options.name = self.database_name()?;
        }
        self.database_options(&mut options)?;
        Ok(Some(match verb {
            "CREATE" => Statement::CreateDatabase(options),
            _ => Statement::AlterDatabase(options),
        }))
    }

    fn database_name(&mut self) -> Parsed<String> {
        let name = self.name()?;
        let fold = self.cx.lower_case_names;
        Ok(if fold { name.to_lowercase() } else { name })
    }

    /// ALTER DATABASE without a name begins with an option.
    fn at_database_option(&mut self) -> bool {
        let options = [
            "DEFAULT",
            "CHARACTER",
            "CHARSET",
            "COLLATE",
            "COMMENT",
            "ENCRYPTION",
        ];
        options.iter().any(|w| self.at(w)) || self.at_words(&["READ", "ONLY"])
    }

    fn database_options(&mut self, options: &mut DatabaseOptions) -> Parsed<()> {
        while !self.at_end() {
            if let Some(charset) = self.charset_option()? {
                options.charset = charset;
            } else if let Some(collation) = self.collate_option()? {
                options.collation = collation;
            } else if self.accept_words(&["UPGRADE", "DATA", "DIRECTORY", "NAME"]) {
            } else {
                self.accept("DEFAULT");
                self.name()?;
                self.accept("ONLY");
                self.equals();
                self.next();
            }
        }
        Ok(())
    }
}
