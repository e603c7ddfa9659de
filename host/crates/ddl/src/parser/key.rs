//! Indexes, constraints and foreign keys, the same in CREATE TABLE and ALTER TABLE ADD.

use super::{Parsed, Parser};
use crate::lexer::Kind;
use crate::statement::{ForeignKeyDefinition, KeyDefinition, KeyKind, KeyPart, TableElement};

impl Parser<'_> {
    /// An index, key, foreign key or check; `None` where a column stands.
    pub(super) fn constraint_or_key(&mut self) -> Parsed<Option<TableElement>> {
        let mut constraint = None;
        let mut if_not_exists = false;
        if self.accept("CONSTRAINT") {
            if_not_exists = self.if_not_exists();
            let named = !["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"]
                .iter()
                .any(|w| self.at(w));
            if named {
                constraint = Some(self.name()?);
            }
        } else if !self.at_key() {
            return Ok(None);
        }
        if self.at_words(&["FOREIGN", "KEY"]) {
            let mut key = self.foreign_key(constraint)?;
            key.if_not_exists |= if_not_exists;
            return Ok(Some(TableElement::ForeignKey(key)));
        }
        if self.accept("CHECK") {
            self.skip_parenthesised()?;
            self.enforced()?;
            return Ok(Some(TableElement::Check));
        }
        let kind = if self.accept_words(&["PRIMARY", "KEY"]) {
            KeyKind::Primary
        } else if self.accept("UNIQUE") {
            KeyKind::Unique
        } else if self.accept("FULLTEXT") {
            KeyKind::FullText
        } else if self.accept("SPATIAL") {
            KeyKind::Spatial
        } else if self.accept("VECTOR") {
            KeyKind::Vector
        } else if self.at("INDEX") || self.at("KEY") {
            KeyKind::Index
        } else {
            return self.unexpected("PRIMARY KEY, UNIQUE, FOREIGN KEY or CHECK");
        };
        let mut key = self.key_definition(kind, constraint)?;
        key.if_not_exists |= if_not_exists;
        Ok(Some(TableElement::Key(key)))
    }

    /// A key begins here, not a column of that name. All but VECTOR are reserved words.
    fn at_key(&mut self) -> bool {
        let words = ["INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL", "CHECK"];
        let follows = self.peek_at(1);
        let key_follows = follows.is_word("KEY") || follows.is_word("INDEX");
        words.iter().any(|w| self.at(w))
            || key_follows && ["PRIMARY", "FOREIGN", "VECTOR"].iter().any(|w| self.at(w))
    }

    fn key_definition(
        &mut self,
        kind: KeyKind,
        constraint: Option<String>,
    ) -> Parsed<KeyDefinition> {
        let _ = self.accept("INDEX") || self.accept("KEY");
        let if_not_exists = self.if_not_exists();
        let mut name = None;
        let unnamed = self.at_symbol('(') || self.at("USING") || self.at("TYPE");
        if !unnamed {
            name = Some(self.name()?);
        }
        self.key_algorithm()?;
        let parts = self.key_parts()?;
        self.key_options()?;
        Ok(KeyDefinition {
            kind,
            name: name.or(constraint).filter(|_| kind != KeyKind::Primary),
            parts,
            if_not_exists,
        })
    }

    /// `{USING | TYPE} {BTREE | HASH | RTREE}`
    pub(super) fn key_algorithm(&mut self) -> Parsed<()> {
        if self.accept("USING") || self.accept("TYPE") {
            self.name()?;
        }
        Ok(())
    }

    /// `(part, ...)`
    pub(super) fn key_parts(&mut self) -> Parsed<Vec<KeyPart>> {
        self.expect_symbol('(')?;
        let mut parts = Vec::new();
        loop {
            parts.push(self.key_part()?);
            if !self.accept_symbol(',') {
                break;
            }
        }
        self.expect_symbol(')')?;
        Ok(parts)
    }

    fn key_part(&mut self) -> Parsed<KeyPart> {
        let mut part = KeyPart {
            column: None,
            prefix: None,
            descending: false,
        };
        if self.at_symbol('(') {
            self.skip_parenthesised()?;
        } else {
            part.column = Some(self.name()?);
            if self.accept_symbol('(') {
                let length = self.number()?;
                part.prefix = Some(u32::try_from(length).unwrap_or(u32::MAX));
                self.expect_symbol(')')?;
            }
            if self.accept_words(&["WITHOUT", "OVERLAPS"]) {
                // a period, not a column
                part.column = None;
            }
        }
        part.descending = !self.accept("ASC") && self.accept("DESC");
        Ok(part)
    }

    /// Options behind the parts, none of which matters here.
    pub(super) fn key_options(&mut self) -> Parsed<()> {
        const VALUED: &[&str] = &[
            "KEY_BLOCK_SIZE",
            "COMMENT",
            "ENGINE_ATTRIBUTE",
            "SECONDARY_ENGINE_ATTRIBUTE",
        ];
        loop {
            if self.at("USING") || self.at("TYPE") {
                self.key_algorithm()?;
            } else if self.accept_words(&["WITH", "PARSER"]) {
                self.name()?;
            } else if self.accept_any(VALUED).is_some() {
                self.equals();
                self.next();
            } else if self
                .accept_any(&["VISIBLE", "INVISIBLE", "IGNORED"])
                .is_some()
                || self.accept_words(&["NOT", "IGNORED"])
            {
            } else if matches!(self.peek().kind, Kind::Word(_) | Kind::Name(_))
                && self.peek_at(1).is_symbol('=')
                && !self.at("ALGORITHM")
                && !self.at("LOCK")
            {
                // options of engines: CLUSTERING=yes, M=6, DISTANCE=euclidean
                self.next();
                self.equals();
                self.next();
            } else {
                return Ok(());
            }
        }
    }

    /// `[NOT] ENFORCED`
    pub(super) fn enforced(&mut self) -> Parsed<()> {
        if !self.accept_words(&["NOT", "ENFORCED"]) {
            self.accept("ENFORCED");
        }
        Ok(())
    }

    /// At `FOREIGN KEY`.
    fn foreign_key(&mut self, name: Option<String>) -> Parsed<ForeignKeyDefinition> {
        self.accept_words(&["FOREIGN", "KEY"]);
        let if_not_exists = self.if_not_exists();
        let mut index_name = None;
        if !self.at_symbol('(') {
            index_name = Some(self.name()?);
        }
        let columns = self.column_names()?;
        let mut key = self.references(columns)?;
        key.name = name;
        key.index_name = index_name;
        key.if_not_exists = if_not_exists;
        Ok(key)
    }

    /// `(name, ...)`
    fn column_names(&mut self) -> Parsed<Vec<String>> {
        self.expect_symbol('(')?;
        let mut names = vec![self.name()?];
        loop {
            if self.accept_symbol('(') {
                // a prefix length, which a foreign key may have by the grammar alone
                self.number()?;
                self.expect_symbol(')')?;
            }
            let _ = self.accept("ASC") || self.accept("DESC");
            if !self.accept_symbol(',') {
                break;
            }
            names.push(self.name()?);
        }
        self.expect_symbol(')')?;
        Ok(names)
    }

    /// At `REFERENCES table [(columns)] [MATCH ..] [ON DELETE ..] [ON UPDATE ..]`.
    pub(super) fn references(&mut self, columns: Vec<String>) -> Parsed<ForeignKeyDefinition> {
        self.expect("REFERENCES")?;
        let mut key = ForeignKeyDefinition {
            name: None,
            index_name: None,
            columns,
            referenced: self.table_name()?,
            referenced_columns: Vec::new(),
            on_delete: "",
            on_update: "",
            if_not_exists: false,
        };
        if self.at_symbol('(') {
            key.referenced_columns = self.column_names()?;
        }
        loop {
            if self.accept("MATCH") {
                self.name()?;
            } else if self.accept_words(&["ON", "DELETE"]) {
                key.on_delete = self.reference_action()?;
            } else if self.at_words(&["ON", "UPDATE"]) && !self.at_now_after(2) {
                self.accept_words(&["ON", "UPDATE"]);
                key.on_update = self.reference_action()?;
            } else {
                return Ok(key);
            }
        }
    }

    /// The tokens behind `n` others are CURRENT_TIMESTAMP or a synonym: a column's ON UPDATE.
    fn at_now_after(&mut self, n: usize) -> bool {
        let words = ["CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP"];
        words.iter().any(|w| self.peek_at(n).is_word(w))
    }

    fn reference_action(&mut self) -> Parsed<&'static str> {
        let actions: [(&[&str], &str); 5] = [
            (&["RESTRICT"], "RESTRICT"),
            (&["CASCADE"], "CASCADE"),
            (&["SET", "NULL"], "SET NULL"),
            (&["SET", "DEFAULT"], "SET DEFAULT"),
            (&["NO", "ACTION"], "NO ACTION"),
        ];
        for (words, action) in actions {
            if self.accept_words(words) {
                return Ok(action);
            }
        }
        self.unexpected("RESTRICT, CASCADE, SET NULL, SET DEFAULT or NO ACTION")
    }
}
