//! Statement text to tokens, one at a time.
//!
//! Rules: MySQL manual, "Language Structure" (literals, identifiers, comments) and
//! `sql/sql_lex.cc` of both servers. Executable comments (`/*! */`, `/*!80013 */`, `/*M!100301 */`)
//! are opened or skipped here, so that the parser sees only what the server executed. The lexer
//! never fails: what it cannot read is a [`Kind::Bad`] token, which no rule of the parser accepts.

mod literal;

use std::borrow::Cow;

use crate::context::{Dialect, ParseContext};

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// An unquoted identifier or keyword.
    Word(&'a str),
    /// A quoted identifier, or one that follows a dot.
    Name(Cow<'a, str>),
    /// A string in single (or, without ANSI_QUOTES, double) quotes, decoded.
    Text(Cow<'a, str>),
    /// A hex or bit literal.
    Bytes(Vec<u8>),
    /// A number without sign.
    Number(&'a str),
    /// `@name`, `@@name`.
    Variable,
    /// Any other character.
    Symbol(char),
    /// Something unreadable, in words.
    Bad(&'static str),
    /// No more text.
    End,
}

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// What it is.
    pub(crate) kind: Kind<'a>,
    /// First byte.
    pub(crate) start: usize,
    /// Byte after the last one.
    pub(crate) end: usize,
}

impl Token<'_> {
    /// An unquoted word, compared without case; `word` is in capitals.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self.kind, Kind::Word(w) if w.eq_ignore_ascii_case(word))
    }

    /// That symbol.
    pub(crate) fn is_symbol(&self, symbol: char) -> bool {
        self.kind == Kind::Symbol(symbol)
    }

    /// What stands here, for a message: never the content of a literal.
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            Kind::Word(word) => format!("`{word}`"),
            Kind::Name(_) => "a quoted identifier".into(),
            Kind::Text(_) => "a string".into(),
            Kind::Bytes(_) => "a hex or bit literal".into(),
            Kind::Number(_) => "a number".into(),
            Kind::Variable => "a variable".into(),
            Kind::Symbol(symbol) => format!("`{symbol}`"),
            Kind::Bad(what) => (*what).into(),
            Kind::End => "the end".into(),
        }
    }
}

/// Reads tokens from a text.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Executable comments that are open.
    open_comments: usize,
    /// The token before was a name or word that ends here: a dot now qualifies it.
    after_name: bool,
    /// The token before was such a dot: digits and keywords now are names.
    after_dot: bool,
    dialect: Dialect,
    server_version: u32,
    ansi_quotes: bool,
    no_backslash_escapes: bool,
}

/// May stand in an unquoted identifier.
fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80
}

impl<'a> Lexer<'a> {
    /// Starts at the beginning of a text.
    pub(crate) fn new(text: &'a str, cx: &ParseContext<'_>) -> Self {
        Self {
            text,
            at: 0,
            open_comments: 0,
            after_name: false,
            after_dot: false,
            dialect: cx.dialect,
            server_version: cx.server_version,
            ansi_quotes: cx.ansi_quotes,
            no_backslash_escapes: cx.no_backslash_escapes,
        }
    }

    /// The next token; [`Kind::End`] for ever after the last one.
    pub(crate) fn next_token(&mut self) -> Token<'a> {
        let before = self.at;
        if let Err(what) = self.skip_blanks() {
            let start = self.at;
            self.at = self.text.len();
            self.open_comments = 0;
            return self.token(Kind::Bad(what), start);
        }
        if self.at != before {
            self.after_name = false;
            self.after_dot = false;
        }
        let start = self.at;
        let after_dot = std::mem::take(&mut self.after_dot);
        let after_name = std::mem::take(&mut self.after_name);
        let Some(first) = self.byte(0) else {
            return self.token(Kind::End, start);
        };
        let kind = match first {
            b'`' => self.quoted_name(b'`'),
            b'"' if self.ansi_quotes => self.quoted_name(b'"'),
            b'\'' | b'"' => self.text_literal(first),
            b'@' => self.variable(),
            b'.' if after_name => {
                self.at += 1;
                self.after_dot = true;
                Kind::Symbol('.')
            }
            b'.' if self.byte(1).is_some_and(|b| b.is_ascii_digit()) => self.number(),
            b'\\' if self.byte(1) == Some(b'N') => {
                self.at += 2;
                Kind::Word("NULL")
            }
            _ if is_name_byte(first) => self.word(after_dot),
            _ => {
                let symbol = self.text[self.at..].chars().next().unwrap_or_default();
                self.at += symbol.len_utf8();
                Kind::Symbol(symbol)
            }
        };
        self.after_name = matches!(kind, Kind::Word(_) | Kind::Name(_));
        self.token(kind, start)
    }

    fn token(&self, kind: Kind<'a>, start: usize) -> Token<'a> {
        Token {
            kind,
            start,
            end: self.at,
        }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Skips white space, comments and the limits of executable comments.
    fn skip_blanks(&mut self) -> Result<(), &'static str> {
        while let Some(b) = self.byte(0) {
            let next = self.byte(1);
            match b {
                b' ' | b'\t'..=b'\r' | 0 => self.at += 1,
                b'#' => self.skip_line(),
                b'-' if next == Some(b'-') && self.byte(2).is_none_or(|b| b <= b' ') => {
                    self.skip_line();
                }
                b'/' if next == Some(b'*') => self.comment()?,
                b'*' if next == Some(b'/') && self.open_comments > 0 => {
                    self.open_comments -= 1;
                    self.at += 2;
                }
                _ => return Ok(()),
            }
        }
        if self.open_comments > 0 {
            return Err("an executable comment without end");
        }
        Ok(())
    }

    fn skip_line(&mut self) {
        let line = self.rest().bytes().position(|b| b == b'\n');
        self.at += line.map_or(self.rest().len(), |n| n + 1);
    }

    /// At `/*`: skips a comment, or opens an executable one that this server executes.
    fn comment(&mut self) -> Result<(), &'static str> {
        let marker = match (self.dialect, self.byte(2), self.byte(3)) {
            (_, Some(b'!'), _) => 3,
            (Dialect::MariaDb, Some(b'M'), Some(b'!')) => 4,
            _ => return self.skip_comment(),
        };
        let digits: &str = {
            let after = &self.text[self.at + marker..];
            let count = after.bytes().take(6).take_while(u8::is_ascii_digit).count();
            if count < 5 { "" } else { &after[..count] }
        };
        if let Ok(version) = digits.parse::<u32>() {
            // MariaDB does not execute what is meant for MySQL 5.7 and later
            let foreign = self.dialect == Dialect::MariaDb
                && marker == 3
                && (50_700..100_000).contains(&version);
            if version > self.server_version || foreign {
                return self.skip_comment();
            }
        }
        self.open_comments += 1;
        self.at += marker + digits.len();
        Ok(())
    }

    /// At `/*`: skips to the matching `*/`; comments inside are counted.
    fn skip_comment(&mut self) -> Result<(), &'static str> {
        let executable = self.rest().starts_with("/*!") || self.rest().starts_with("/*M!");
        let mut depth = 0_usize;
        while let Some(b) = self.byte(0) {
            match (b, self.byte(1)) {
                // only skipped executable comments nest
                (b'/', Some(b'*')) if depth == 0 || executable => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ => self.at += 1,
            }
        }
        Err("a comment without end")
    }

    fn variable(&mut self) -> Kind<'a> {
        while self.byte(0) == Some(b'@') {
            self.at += 1;
        }
        match self.byte(0) {
            Some(quote @ (b'`' | b'\'' | b'"')) => {
                let quoted = self.quoted_name(quote);
                if let Kind::Bad(what) = quoted {
                    return Kind::Bad(what);
                }
            }
            _ => {
                while self.byte(0).is_some_and(|b| is_name_byte(b) || b == b'.') {
                    self.at += 1;
                }
            }
        }
        Kind::Variable
    }

    /// An unquoted word, a number, or a literal that begins like a word.
    fn word(&mut self, after_dot: bool) -> Kind<'a> {
        let len = self
            .rest()
            .bytes()
            .position(|b| !is_name_byte(b))
            .unwrap_or(self.rest().len());
        let word = &self.rest()[..len];
        if after_dot {
            self.at += len;
            return Kind::Name(Cow::Borrowed(word));
        }
        if word.as_bytes()[0].is_ascii_digit() {
            return self.number_or_word(word);
        }
        if self.byte(len) == Some(b'\'') {
            match word {
                "x" | "X" => return self.quoted_digits(16),
                "b" | "B" => return self.quoted_digits(2),
                "n" | "N" => {
                    self.at += 1;
                    return self.text_literal(b'\'');
                }
                _ => {}
            }
        }
        if word.starts_with('_')
            && literal::is_charset(&word[1..])
            && let Some(kind) = self.introduced(word)
        {
            return kind;
        }
        self.at += len;
        Kind::Word(word)
    }
}

#[cfg(test)]
mod tests;
