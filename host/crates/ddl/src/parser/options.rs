//! Table options and partitioning. Manual: "CREATE TABLE Statement", table_options and
//! partition_options.

use super::{Parsed, Parser};
use crate::lexer::Kind;
use crate::statement::TableOptions;

/// What a list of table options ended with, besides the options themselves.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// SEQUENCE=1: the table is a MariaDB sequence.
    pub(super) sequence: bool,
}

/// Options of one value. Others are taken for options of MariaDB's engines where `=` follows; an
/// unknown word without it may be an action that nobody here has heard of.
const VALUED: &[&str] = &[
    "AUTOEXTEND_SIZE",
    "AUTO_INCREMENT",
    "AVG_ROW_LENGTH",
    "CHECKSUM",
    "COMPRESSION",
    "CONNECTION",
    "DELAY_KEY_WRITE",
    "ENCRYPTION",
    "ENGINE",
    "ENGINE_ATTRIBUTE",
    "INSERT_METHOD",
    "KEY_BLOCK_SIZE",
    "MAX_ROWS",
    "MIN_ROWS",
    "NODEGROUP",
    "PACK_KEYS",
    "PAGE_CHECKSUM",
    "PASSWORD",
    "ROW_FORMAT",
    "SECONDARY_ENGINE",
    "SECONDARY_ENGINE_ATTRIBUTE",
    "SEQUENCE",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "TABLE_CHECKSUM",
    "TRANSACTIONAL",
    "TYPE",
];

/// The words that begin a query.
const QUERY: &[&str] = &["AS", "SELECT", "TABLE", "VALUES", "IGNORE", "REPLACE"];

impl Parser<'_> {
    /// `[DEFAULT] {CHARACTER SET | CHARSET} [=] name`; the inner `None` is the name DEFAULT.
    pub(super) fn charset_option(&mut self) -> Parsed<Option<Option<String>>> {
        let n = usize::from(self.at("DEFAULT"));
        let words = if self.peek_at(n).is_word("CHARSET") {
            n + 1
        } else if (self.peek_at(n).is_word("CHARACTER") || self.peek_at(n).is_word("CHAR"))
            && self.peek_at(n + 1).is_word("SET")
        {
            n + 2
        } else {
            return Ok(None);
        };
        self.ahead.drain(..words);
        self.equals();
        self.charset_name().map(Some)
    }

    /// A character set or collation in lowercase; `None` is DEFAULT.
    pub(super) fn charset_name(&mut self) -> Parsed<Option<String>> {
        if self.accept("DEFAULT") {
            return Ok(None);
        }
        Ok(Some(self.name_or_text()?.to_ascii_lowercase()))
    }

    /// `[DEFAULT] COLLATE [=] name`
    pub(super) fn collate_option(&mut self) -> Parsed<Option<Option<String>>> {
        let n = usize::from(self.at("DEFAULT"));
        if !self.peek_at(n).is_word("COLLATE") {
            return Ok(None);
        }
        self.ahead.drain(..=n);
        self.equals();
        self.charset_name().map(Some)
    }

    /// One table option if one stands here. `false`: something else does.
    pub(super) fn table_option(
        &mut self,
        options: &mut TableOptions,
        tail: &mut Tail,
    ) -> Parsed<bool> {
        if let Some(charset) = self.charset_option()? {
            options.charset = charset;
            return Ok(true);
        }
        if let Some(collation) = self.collate_option()? {
            options.collation = collation;
            return Ok(true);
        }
        if self.at("COMMENT") && !self.peek_at(1).is_symbol('.') {
            self.next();
            self.equals();
            options.comment = Some(self.text()?);
            return Ok(true);
        }
        if self.accept_words(&["WITH", "SYSTEM", "VERSIONING"]) {
            return Ok(true);
        }
        if self.accept_words(&["START", "TRANSACTION"]) {
            return Ok(true);
        }
        if self.accept("UNION") {
            self.equals();
            self.skip_parenthesised()?;
            return Ok(true);
        }
        let two = [["DATA", "DIRECTORY"], ["INDEX", "DIRECTORY"]];
        if two.iter().any(|words| self.accept_words(words)) {
            self.equals();
            self.next();
            return Ok(true);
        }
        if self.accept("TABLESPACE") {
            self.equals();
            self.name_or_text()?;
            if self.accept("STORAGE") {
                self.name()?;
            }
            return Ok(true);
        }
        if self.accept("STORAGE") {
            self.name()?;
            return Ok(true);
        }
        self.other_table_option(tail)
    }

    /// `name [=] value` of any engine.
    fn other_table_option(&mut self, tail: &mut Tail) -> Parsed<bool> {
        let engines = self.is_mariadb() && self.peek_at(1).is_symbol('=');
        let token = self.peek();
        let named = match token.kind {
            Kind::Word(_) => engines || VALUED.iter().any(|w| token.is_word(w)),
            Kind::Name(_) => engines,
            _ => false,
        };
        if !named {
            return Ok(false);
        }
        let name = self.name()?;
        self.equals();
        let valued = matches!(
            self.peek().kind,
            Kind::Word(_) | Kind::Name(_) | Kind::Text(_) | Kind::Number(_) | Kind::Bytes(_)
        );
        if !valued {
            return self.unexpected("the value of a table option");
        }
        let value = self.next();
        if name.eq_ignore_ascii_case("SEQUENCE") {
            tail.sequence = value.kind == Kind::Number("1");
        }
        Ok(true)
    }

    /// `PARTITION BY ...`, which ends the table's options.
    pub(super) fn partition_by(&mut self) -> Parsed<bool> {
        if !self.accept_words(&["PARTITION", "BY"]) {
            return Ok(false);
        }
        self.skip_until(QUERY, false)?;
        Ok(true)
    }

    /// A query begins here, which fills the table: `[IGNORE | REPLACE] [AS] SELECT ...`.
    pub(super) fn at_query(&mut self) -> bool {
        let mut n = 0;
        while self.at_symbol('(') && self.peek_at(n).is_symbol('(') && n < 8 {
            n += 1;
        }
        let token = self.peek_at(n);
        QUERY.iter().chain(&["WITH"]).any(|w| token.is_word(w))
    }
}
