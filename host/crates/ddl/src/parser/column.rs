//! Column definitions: name, type and attributes in any order.

use super::{Parsed, Parser};
use crate::lexer::Kind;
use crate::statement::{ColumnDefinition, RowPeriod, TypeWord};

impl Parser<'_> {
    /// `name type attributes`
    pub(super) fn column_definition(&mut self) -> Parsed<ColumnDefinition> {
        let name = self.name()?;
        let mut column = ColumnDefinition {
            name,
            ty: self.data_type()?,
            nullable: None,
            default: None,
            auto_increment: false,
            primary_key: false,
            unique: false,
            comment: None,
            generated: false,
            row_period: None,
            invisible: false,
            references: None,
        };
        if column.ty.word == TypeWord::Serial {
            column.ty.word = TypeWord::BigInt;
            column.ty.unsigned = true;
            column.nullable = Some(false);
            column.auto_increment = true;
            column.unique = true;
        }
        while self.column_attribute(&mut column)? {}
        Ok(column)
    }

    /// Reads one attribute; `false` where none stands.
    fn column_attribute(&mut self, column: &mut ColumnDefinition) -> Parsed<bool> {
        if self.accept_words(&["NOT", "NULL"]) {
            column.nullable = Some(false);
        } else if self.accept("NULL") {
            column.nullable = Some(true);
        } else if self.accept_words(&["NOT", "SECONDARY"]) {
        } else if self.accept("DEFAULT") {
            column.default = Some(self.default_value()?);
        } else if self.accept_words(&["ON", "UPDATE"]) {
            self.default_value()?;
        } else if self.accept("AUTO_INCREMENT") {
            column.auto_increment = true;
        } else if self.accept("UNIQUE") {
            self.accept("KEY");
            column.unique = true;
        } else if self.accept_words(&["PRIMARY", "KEY"]) || self.accept("KEY") {
            column.primary_key = true;
        } else if self.accept("COMMENT") {
            column.comment = Some(self.text()?);
        } else if self.accept("COLLATE") {
            column.ty.collation = self.charset_name()?;
        } else if self.accept_words(&["SERIAL", "DEFAULT", "VALUE"]) {
            column.nullable = Some(false);
            column.auto_increment = true;
            column.unique = true;
        } else if self.at("REFERENCES") {
            column.references = Some(self.references(vec![column.name.clone()])?);
        } else if self.at("CONSTRAINT") || self.at("CHECK") {
            self.column_check(column)?;
        } else {
            return self.rare_attribute(column);
        }
        Ok(true)
    }

    fn rare_attribute(&mut self, column: &mut ColumnDefinition) -> Parsed<bool> {
        if self.accept_words(&["GENERATED", "ALWAYS", "AS"]) || self.accept("AS") {
            column.generated = true;
            if self.accept("ROW") {
                let end = !self.accept("START") && self.accept("END");
                column.row_period = Some(if end {
                    RowPeriod::End
                } else {
                    RowPeriod::Start
                });
            } else {
                self.skip_parenthesised()?;
            }
        } else if self
            .accept_any(&["VIRTUAL", "STORED", "PERSISTENT", "VISIBLE"])
            .is_some()
        {
        } else if self.accept("INVISIBLE") {
            column.invisible = true;
        } else if self.accept("COLUMN_FORMAT") || self.accept("STORAGE") {
            self.next();
        } else if self.accept("ENGINE_ATTRIBUTE") || self.accept("SECONDARY_ENGINE_ATTRIBUTE") {
            self.equals();
            self.text()?;
        } else if self.accept("SRID") || self.accept("REF_SYSTEM_ID") {
            self.equals();
            column.ty.srid = u32::try_from(self.number()?).ok();
        } else if self.at("COMPRESSED") {
            self.compressed(&mut column.ty)?;
        } else if self.accept_words(&["WITH", "SYSTEM", "VERSIONING"])
            || self.accept_words(&["WITHOUT", "SYSTEM", "VERSIONING"])
        {
        } else if matches!(self.peek().kind, Kind::Word(_) | Kind::Name(_))
            && self.peek_at(1).is_symbol('=')
        {
            // MariaDB: options of engines
            self.next();
            self.next();
            self.next();
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// `[CONSTRAINT [name]] CHECK (expression) [[NOT] ENFORCED]`. MariaDB writes a JSON column as
    /// `longtext ... CHECK (json_valid(`name`))`.
    fn column_check(&mut self, column: &mut ColumnDefinition) -> Parsed<()> {
        if self.accept("CONSTRAINT") && !self.at("CHECK") && !self.at("REFERENCES") {
            self.name()?;
        }
        if self.at("REFERENCES") {
            return Ok(());
        }
        self.expect("CHECK")?;
        let json = self.at_symbol('(')
            && self.peek_at(1).is_word("json_valid")
            && self.peek_at(2).is_symbol('(')
            && matches!(&self.peek_at(3).kind, Kind::Word(_) | Kind::Name(_))
            && self.peek_at(4).is_symbol(')')
            && self.peek_at(5).is_symbol(')');
        if json && self.is_mariadb() && column.ty.word == TypeWord::LongText {
            column.ty.json_checked = true;
        }
        self.skip_parenthesised()?;
        self.enforced()
    }
}
