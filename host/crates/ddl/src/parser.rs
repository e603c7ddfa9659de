//! Tokens to statements, by recursive descent.
//!
//! [`Parser`] is the cursor: it looks ahead, accepts and expects. The grammar is in the files
//! below, one a group of clauses, each an `impl Parser`. Expressions, partition definitions and
//! query bodies are skipped by counting parentheses, never by recursion, so that no text can
//! exhaust the stack. Every table name that is read is noted, so that an error can name the tables
//! of a statement that could not be read to its end.

mod alter_table;
mod classify;
mod column;
mod create_table;
mod data_type;
mod default;
mod key;
mod options;
mod rows;
mod table;
mod transaction;

use std::collections::{BTreeSet, VecDeque};

use chameleon_model::TableName;

use crate::context::{Dialect, ParseContext};
use crate::error::DdlError;
use crate::lexer::{Kind, Lexer, Token};
use crate::statement::{DefaultValue, Statement};

pub(crate) type Parsed<T> = Result<T, DdlError>;

/// Parses one statement text, which may hold several statements separated by semicolons, or none
/// (comments, an executable comment that this server skips).
pub fn parse(sql: &str, cx: &ParseContext<'_>) -> Parsed<Vec<Statement>> {
    let mut parser = Parser::new(sql, cx);
    parser.statements().map_err(|mut error| {
        if let DdlError::Syntax { tables, .. } = &mut error {
            parser.tables.append(&mut named_tables(sql, cx));
            *tables = std::mem::take(&mut parser.tables).into_iter().collect();
        }
        error
    })
}

/// Reads what stands behind DEFAULT; `None` where more follows or it is not read.
pub(crate) fn parse_default(text: &str, cx: &ParseContext<'_>) -> Option<DefaultValue> {
    let mut parser = Parser::new(text, cx);
    let value = parser.default_value().ok()?;
    (parser.peek().kind == Kind::End).then_some(value)
}

/// Tables that stand behind the word TABLE, the only ones that a statement of unknown grammar
/// shows.
fn named_tables(sql: &str, cx: &ParseContext<'_>) -> BTreeSet<TableName> {
    let mut parser = Parser::new(sql, cx);
    loop {
        if parser.peek().kind == Kind::End {
            return std::mem::take(&mut parser.tables);
        }
        let found = parser.accept("TABLE") || parser.accept("TABLES");
        if !found {
            parser.next();
            continue;
        }
        let _ = parser.if_exists();
        let _ = parser.if_not_exists();
        while parser.table_name().is_ok() && parser.accept_symbol(',') {}
    }
}

/// The cursor.
pub(crate) struct Parser<'a> {
    lexer: Lexer<'a>,
    ahead: VecDeque<Token<'a>>,
    pub(crate) cx: ParseContext<'a>,
    /// Kind of the statement being read, for errors.
    pub(crate) kind: &'static str,
    /// Tables read so far.
    tables: BTreeSet<TableName>,
}

impl<'a> Parser<'a> {
    fn new(sql: &'a str, cx: &ParseContext<'a>) -> Self {
        Self {
            lexer: Lexer::new(sql, cx),
            ahead: VecDeque::new(),
            cx: *cx,
            kind: "statement",
            tables: BTreeSet::new(),
        }
    }

    fn statements(&mut self) -> Parsed<Vec<Statement>> {
        let mut all = Vec::new();
        loop {
            while self.accept_symbol(';') {}
            if self.peek().kind == Kind::End {
                return Ok(all);
            }
            self.kind = "statement";
            all.push(self.statement()?);
            if !self.at_end() {
                return self.unexpected("the end of the statement");
            }
        }
    }

    // looking ahead

    /// The token after `n` others.
    pub(crate) fn peek_at(&mut self, n: usize) -> &Token<'a> {
        while self.ahead.len() <= n {
            let token = self.lexer.next_token();
            self.ahead.push_back(token);
        }
        &self.ahead[n]
    }

    /// The next token.
    pub(crate) fn peek(&mut self) -> &Token<'a> {
        self.peek_at(0)
    }

    /// Takes the next token.
    pub(crate) fn next(&mut self) -> Token<'a> {
        self.peek();
        self.ahead.pop_front().unwrap_or(Token {
            kind: Kind::End,
            start: 0,
            end: 0,
        })
    }

    /// The statement ends here.
    pub(crate) fn at_end(&mut self) -> bool {
        matches!(self.peek().kind, Kind::End | Kind::Symbol(';'))
    }

    /// The next token is that word.
    pub(crate) fn at(&mut self, word: &str) -> bool {
        self.peek().is_word(word)
    }

    /// The next token is that symbol.
    pub(crate) fn at_symbol(&mut self, symbol: char) -> bool {
        self.peek().is_symbol(symbol)
    }

    /// The next tokens are those words.
    pub(crate) fn at_words(&mut self, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(n, word)| self.peek_at(n).is_word(word))
    }

    // taking what is there

    /// Takes the next token if it is that word.
    pub(crate) fn accept(&mut self, word: &str) -> bool {
        let found = self.at(word);
        if found {
            self.next();
        }
        found
    }

    /// Takes the next tokens if they are those words.
    pub(crate) fn accept_words(&mut self, words: &[&str]) -> bool {
        let found = self.at_words(words);
        if found {
            self.ahead.drain(..words.len());
        }
        found
    }

    /// Takes the next token if it is one of those words.
    pub(crate) fn accept_any(&mut self, words: &[&'static str]) -> Option<&'static str> {
        words.iter().copied().find(|word| self.accept(word))
    }

    /// Takes the next token if it is that symbol.
    pub(crate) fn accept_symbol(&mut self, symbol: char) -> bool {
        let found = self.at_symbol(symbol);
        if found {
            self.next();
        }
        found
    }

    /// Takes that word or fails.
    pub(crate) fn expect(&mut self, word: &'static str) -> Parsed<()> {
        if self.accept(word) {
            return Ok(());
        }
        self.unexpected(word)
    }

    /// Takes that symbol or fails.
    pub(crate) fn expect_symbol(&mut self, symbol: char) -> Parsed<()> {
        if self.accept_symbol(symbol) {
            return Ok(());
        }
        self.unexpected(&format!("`{symbol}`"))
    }

    /// The error that something else should stand here.
    pub(crate) fn unexpected<T>(&mut self, expected: &str) -> Parsed<T> {
        let kind = self.kind;
        let token = self.peek();
        Err(DdlError::Syntax {
            kind,
            offset: token.start,
            expected: expected.to_owned(),
            found: token.describe(),
            tables: Vec::new(),
        })
    }

    // names and literals

    /// An identifier.
    pub(crate) fn name(&mut self) -> Parsed<String> {
        let name = match &self.peek().kind {
            Kind::Word(word) => (*word).to_owned(),
            Kind::Name(name) => name.as_ref().to_owned(),
            _ => return self.unexpected("a name"),
        };
        self.next();
        Ok(name)
    }

    /// An identifier that MySQL also takes as a string: character sets, engines.
    pub(crate) fn name_or_text(&mut self) -> Parsed<String> {
        if let Kind::Text(_) = self.peek().kind {
            return self.text();
        }
        self.name()
    }

    /// `[database.]table`, noted for errors.
    pub(crate) fn table_name(&mut self) -> Parsed<TableName> {
        let leading_dot = self.accept_symbol('.');
        let first = self.name()?;
        let (schema, name) = if !leading_dot && self.accept_symbol('.') {
            (Some(first), self.name()?)
        } else {
            (None, first)
        };
        let schema =
            schema.unwrap_or_else(|| self.cx.default_schema.unwrap_or_default().to_owned());
        let table = if self.cx.lower_case_names {
            TableName::new(schema.to_lowercase(), name.to_lowercase())
        } else {
            TableName::new(schema, name)
        };
        self.tables.insert(table.clone());
        Ok(table)
    }

    /// A string.
    pub(crate) fn text(&mut self) -> Parsed<String> {
        let text = match &self.peek().kind {
            Kind::Text(text) => text.as_ref().to_owned(),
            _ => return self.unexpected("a string"),
        };
        self.next();
        Ok(text)
    }

    /// An unsigned whole number.
    pub(crate) fn number(&mut self) -> Parsed<u64> {
        let number = match &self.peek().kind {
            Kind::Number(text) => text.parse().ok(),
            Kind::Bytes(bytes) if bytes.len() <= 8 => {
                Some(bytes.iter().fold(0, |n, &b| n << 8 | u64::from(b)))
            }
            _ => None,
        };
        let Some(number) = number else {
            return self.unexpected("a whole number");
        };
        self.next();
        Ok(number)
    }

    /// `IF EXISTS`.
    pub(crate) fn if_exists(&mut self) -> bool {
        self.accept_words(&["IF", "EXISTS"])
    }

    /// `IF NOT EXISTS`.
    pub(crate) fn if_not_exists(&mut self) -> bool {
        self.accept_words(&["IF", "NOT", "EXISTS"])
    }

    /// An optional `=`.
    pub(crate) fn equals(&mut self) {
        self.accept_symbol('=');
    }

    // skipping

    /// At `(`: skips to behind the matching `)`.
    pub(crate) fn skip_parenthesised(&mut self) -> Parsed<()> {
        self.expect_symbol('(')?;
        let mut depth = 1_usize;
        while depth > 0 {
            match self.peek().kind {
                Kind::Symbol('(') => depth += 1,
                Kind::Symbol(')') => depth -= 1,
                Kind::End | Kind::Bad(_) => return self.unexpected("`)`"),
                _ => {}
            }
            self.next();
        }
        Ok(())
    }

    /// Skips to the statement's end. Text that cannot be read does not count as skipped.
    pub(crate) fn skip_statement(&mut self) -> Parsed<()> {
        while !self.at_end() {
            if let Kind::Bad(_) = self.peek().kind {
                return self.unexpected("readable text");
            }
            self.next();
        }
        Ok(())
    }

    /// Skips all that is left: the bodies of stored programs hold semicolons.
    pub(crate) fn skip_text(&mut self) -> Parsed<()> {
        loop {
            self.skip_statement()?;
            if self.peek().kind == Kind::End {
                return Ok(());
            }
            self.next();
        }
    }

    /// Skips tokens, parentheses as a whole, until one of the words stands outside of them, or the
    /// statement or the list ends (`,` or `)` where `list` is set).
    pub(crate) fn skip_until(&mut self, words: &[&str], list: bool) -> Parsed<()> {
        loop {
            let token = self.peek();
            match token.kind {
                Kind::End | Kind::Symbol(';') => return Ok(()),
                Kind::Symbol(',' | ')') if list => return Ok(()),
                Kind::Symbol('(') => self.skip_parenthesised()?,
                Kind::Symbol(')') | Kind::Bad(_) => return self.unexpected("the next clause"),
                Kind::Word(_) if words.iter().any(|word| token.is_word(word)) => return Ok(()),
                _ => {
                    self.next();
                }
            }
        }
    }

    /// MariaDB's grammar is in force.
    pub(crate) fn is_mariadb(&self) -> bool {
        self.cx.dialect == Dialect::MariaDb
    }
}

#[cfg(test)]
mod tests;
