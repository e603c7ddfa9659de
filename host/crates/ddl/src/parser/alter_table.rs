//! ALTER TABLE. Manuals: "ALTER TABLE Statement" of both servers; every alternative of their
//! grammars is read here.

mod partition;

use super::options::Tail;
use super::{Parsed, Parser};
use crate::lexer::Kind;
use crate::statement::{
    AlterAction, AlterTable, DefaultValue, Place, Statement, TableElement, TableOptions,
};

impl Parser<'_> {
    /// Behind `ALTER [ONLINE] [IGNORE] TABLE`.
    pub(super) fn alter_table(&mut self) -> Parsed<Statement> {
        let if_exists = self.if_exists();
        let name = self.table_name()?;
        self.wait()?;
        let mut actions = Vec::new();
        while !self.at_end() {
            self.alter_action(&mut actions)?;
            // partitioning stands behind the other actions without a comma
            if !self.accept_symbol(',') && !self.at_end() && !self.may_follow() {
                return self.unexpected("`,`");
            }
        }
        Ok(Statement::AlterTable(AlterTable {
            name,
            if_exists,
            actions,
        }))
    }

    /// What may stand behind an action without a comma: further table options, partitioning.
    fn may_follow(&mut self) -> bool {
        matches!(self.peek().kind, Kind::Word(_) | Kind::Name(_))
            && !["ADD", "DROP", "MODIFY", "CHANGE"]
                .iter()
                .any(|w| self.at(w))
    }

    fn alter_action(&mut self, actions: &mut Vec<AlterAction>) -> Parsed<()> {
        if let Some(what) = self.alter_option()? {
            actions.push(AlterAction::Nothing { what });
            return Ok(());
        }
        if let Some(action) = self.partition_action()? {
            actions.push(action);
            return Ok(());
        }
        if self.accept("ADD") {
            return self.alter_add(actions);
        }
        let action = if self.accept("DROP") {
            self.alter_drop()?
        } else if self.accept("MODIFY") {
            self.accept("COLUMN");
            let if_exists = self.if_exists();
            let column = self.column_definition()?;
            AlterAction::ChangeColumn {
                from: column.name.clone(),
                column,
                place: self.place()?,
                if_exists,
            }
        } else if self.accept("CHANGE") {
            self.accept("COLUMN");
            let if_exists = self.if_exists();
            AlterAction::ChangeColumn {
                from: self.name()?,
                column: self.column_definition()?,
                place: self.place()?,
                if_exists,
            }
        } else if self.accept("RENAME") {
            self.alter_rename()?
        } else if self.accept("ALTER") {
            self.alter_alter()?
        } else if self.accept_words(&["CONVERT", "TO"]) {
            self.convert_charset()?
        } else {
            self.other_action()?
        };
        actions.push(action);
        Ok(())
    }

    /// Options of the execution: ALGORITHM, LOCK, WAIT, VALIDATION, FORCE.
    pub(super) fn alter_option(&mut self) -> Parsed<Option<&'static str>> {
        for what in ["ALGORITHM", "LOCK"] {
            if self.accept(what) {
                self.equals();
                self.name()?;
                return Ok(Some(what));
            }
        }
        if self.accept("FORCE") {
            return Ok(Some("FORCE"));
        }
        if self.accept_words(&["WITH", "VALIDATION"]) {
            return Ok(Some("WITH VALIDATION"));
        }
        if self.accept_words(&["WITHOUT", "VALIDATION"]) {
            return Ok(Some("WITHOUT VALIDATION"));
        }
        Ok(None)
    }

    fn alter_add(&mut self, actions: &mut Vec<AlterAction>) -> Parsed<()> {
        if self.is_mariadb() && self.accept_words(&["SYSTEM", "VERSIONING"]) {
            actions.push(AlterAction::Nothing {
                what: "ADD SYSTEM VERSIONING",
            });
            return Ok(());
        }
        if self.period()? {
            actions.push(AlterAction::Nothing { what: "ADD PERIOD" });
            return Ok(());
        }
        match self.constraint_or_key()? {
            Some(TableElement::Key(key)) => actions.push(AlterAction::AddKey(key)),
            Some(TableElement::ForeignKey(key)) => actions.push(AlterAction::AddForeignKey(key)),
            Some(_) => actions.push(AlterAction::Nothing { what: "ADD CHECK" }),
            None => return self.add_columns(actions),
        }
        Ok(())
    }

    fn add_columns(&mut self, actions: &mut Vec<AlterAction>) -> Parsed<()> {
        self.accept("COLUMN");
        let if_not_exists = self.if_not_exists();
        if !self.accept_symbol('(') {
            actions.push(AlterAction::AddColumn {
                column: self.column_definition()?,
                place: self.place()?,
                if_not_exists,
            });
            return Ok(());
        }
        loop {
            match self.constraint_or_key()? {
                Some(TableElement::Key(key)) => actions.push(AlterAction::AddKey(key)),
                Some(TableElement::ForeignKey(key)) => {
                    actions.push(AlterAction::AddForeignKey(key));
                }
                Some(_) => actions.push(AlterAction::Nothing { what: "ADD CHECK" }),
                None => actions.push(AlterAction::AddColumn {
                    column: self.column_definition()?,
                    place: Place::Unsaid,
                    if_not_exists,
                }),
            }
            if !self.accept_symbol(',') {
                return self.expect_symbol(')');
            }
        }
    }

    fn place(&mut self) -> Parsed<Place> {
        if self.accept("FIRST") {
            return Ok(Place::First);
        }
        if self.accept("AFTER") {
            return Ok(Place::After(self.name()?));
        }
        Ok(Place::Unsaid)
    }

    fn alter_drop(&mut self) -> Parsed<AlterAction> {
        if self.accept_words(&["PRIMARY", "KEY"]) {
            return Ok(AlterAction::DropPrimaryKey { if_exists: false });
        }
        if self.accept_words(&["FOREIGN", "KEY"]) {
            return Ok(AlterAction::DropForeignKey {
                if_exists: self.if_exists(),
                name: self.name()?,
            });
        }
        if self.accept("INDEX") || self.accept("KEY") {
            return Ok(AlterAction::DropKey {
                if_exists: self.if_exists(),
                name: self.name()?,
            });
        }
        if self.accept("CONSTRAINT") {
            return Ok(AlterAction::DropConstraint {
                if_exists: self.if_exists(),
                name: self.name()?,
            });
        }
        if self.accept("CHECK") {
            self.if_exists();
            self.name()?;
            return Ok(AlterAction::Nothing { what: "DROP CHECK" });
        }
        if self.is_mariadb() && self.accept_words(&["SYSTEM", "VERSIONING"]) {
            return Ok(AlterAction::Nothing {
                what: "DROP SYSTEM VERSIONING",
            });
        }
        if self.is_mariadb() && self.at_words(&["PERIOD", "FOR"]) {
            self.accept_words(&["PERIOD", "FOR"]);
            self.if_exists();
            self.name()?;
            return Ok(AlterAction::Nothing {
                what: "DROP PERIOD",
            });
        }
        self.accept("COLUMN");
        let action = AlterAction::DropColumn {
            if_exists: self.if_exists(),
            name: self.name()?,
        };
        let _ = self.accept("RESTRICT") || self.accept("CASCADE");
        Ok(action)
    }

    fn alter_rename(&mut self) -> Parsed<AlterAction> {
        if self.accept("COLUMN") {
            let if_exists = self.if_exists();
            let from = self.name()?;
            self.expect("TO")?;
            return Ok(AlterAction::RenameColumn {
                from,
                to: self.name()?,
                if_exists,
            });
        }
        if self.accept("INDEX") || self.accept("KEY") {
            let if_exists = self.if_exists();
            let from = self.name()?;
            self.expect("TO")?;
            return Ok(AlterAction::RenameKey {
                from,
                to: self.name()?,
                if_exists,
            });
        }
        let _ = self.accept("TO") || self.accept("AS") || self.accept_symbol('=');
        Ok(AlterAction::RenameTable(self.table_name()?))
    }

    /// Behind the second ALTER: a column's default or visibility, an index, a check.
    fn alter_alter(&mut self) -> Parsed<AlterAction> {
        if self.accept("INDEX") || self.accept("KEY") {
            self.if_exists();
            self.name()?;
            self.accept("NOT");
            let options = ["VISIBLE", "INVISIBLE", "IGNORED"];
            if self.accept_any(&options).is_none() {
                return self.unexpected("VISIBLE, INVISIBLE or IGNORED");
            }
            return Ok(AlterAction::Nothing {
                what: "ALTER INDEX",
            });
        }
        if self.accept("CHECK") || self.accept("CONSTRAINT") {
            self.name()?;
            self.enforced()?;
            return Ok(AlterAction::Nothing {
                what: "ALTER CHECK",
            });
        }
        self.accept("COLUMN");
        self.if_exists();
        let name = self.name()?;
        if self.accept_words(&["DROP", "DEFAULT"]) {
            let value = DefaultValue::Null;
            return Ok(AlterAction::SetDefault { name, value });
        }
        self.expect("SET")?;
        if self.accept("DEFAULT") {
            let value = self.default_value()?;
            return Ok(AlterAction::SetDefault { name, value });
        }
        match self.accept_any(&["VISIBLE", "INVISIBLE"]) {
            Some(word) => Ok(AlterAction::SetInvisible {
                name,
                invisible: word == "INVISIBLE",
            }),
            None => self.unexpected("DEFAULT, VISIBLE or INVISIBLE"),
        }
    }

    /// Behind CONVERT TO.
    fn convert_charset(&mut self) -> Parsed<AlterAction> {
        let Some(charset) = self.charset_option()? else {
            return self.unexpected("CHARACTER SET");
        };
        let collation = self.collate_option()?.flatten();
        Ok(AlterAction::ConvertCharset { charset, collation })
    }

    /// Table options and what has no effect on structure.
    fn other_action(&mut self) -> Parsed<AlterAction> {
        let nothing = |what| Ok(AlterAction::Nothing { what });
        if self.accept_words(&["DISABLE", "KEYS"]) {
            return nothing("DISABLE KEYS");
        }
        if self.accept_words(&["ENABLE", "KEYS"]) {
            return nothing("ENABLE KEYS");
        }
        for (words, what) in [
            (["DISCARD", "TABLESPACE"], "DISCARD TABLESPACE"),
            (["IMPORT", "TABLESPACE"], "IMPORT TABLESPACE"),
        ] {
            if self.accept_words(&words) {
                return Ok(AlterAction::Rows { what, other: None });
            }
        }
        if self.accept("SECONDARY_LOAD") || self.accept("SECONDARY_UNLOAD") {
            let _ = self.at_symbol('(') && self.skip_parenthesised().is_ok();
            return nothing("SECONDARY_LOAD");
        }
        if self.accept_words(&["ORDER", "BY"]) {
            // always the last action
            self.skip_statement()?;
            return nothing("ORDER BY");
        }
        let mut options = TableOptions::default();
        let mut tail = Tail::default();
        if !self.table_option(&mut options, &mut tail)? {
            return self.unexpected("an action of ALTER TABLE");
        }
        if options == TableOptions::default() {
            return nothing("table option");
        }
        Ok(AlterAction::Options(options))
    }
}
