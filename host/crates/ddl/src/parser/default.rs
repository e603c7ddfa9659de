//! DEFAULT values: literals, the present time, and expressions, which are told from literals but
//! not evaluated.

use super::{Parsed, Parser};
use crate::lexer::Kind;
use crate::statement::DefaultValue;

/// The present time.
const NOW: &[&str] = &[
    "CURRENT_TIMESTAMP",
    "NOW",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "SYSDATE",
];

impl Parser<'_> {
    /// Behind DEFAULT or ON UPDATE.
    pub(super) fn default_value(&mut self) -> Parsed<DefaultValue> {
        let mut depth = 0_usize;
        while self.at_symbol('(') {
            // an expression: look whether it is a literal in parentheses
            let literal = self.enclosed_literal();
            if !literal {
                self.skip_parenthesised()?;
                self.close(depth)?;
                return Ok(DefaultValue::Expression);
            }
            self.next();
            depth += 1;
        }
        let value = self.simple_value()?;
        self.close(depth)?;
        Ok(value)
    }

    fn close(&mut self, depth: usize) -> Parsed<()> {
        for _ in 0..depth {
            self.expect_symbol(')')?;
        }
        Ok(())
    }

    /// Behind `(` stand a single value and `)`, or further parentheses.
    fn enclosed_literal(&mut self) -> bool {
        if self.peek_at(1).is_symbol('(') {
            // `((1))` is rare; deeper nesting is taken for an expression
            return self.value_len(2).is_some_and(|len| {
                self.peek_at(2 + len).is_symbol(')') && self.peek_at(3 + len).is_symbol(')')
            });
        }
        self.value_len(1)
            .is_some_and(|len| self.peek_at(1 + len).is_symbol(')'))
    }

    /// Number of tokens of the single value that stands behind `n` others.
    fn value_len(&mut self, n: usize) -> Option<usize> {
        let sign = usize::from(self.peek_at(n).is_symbol('-') || self.peek_at(n).is_symbol('+'));
        match self.peek_at(n + sign).kind {
            Kind::Number(_) => return Some(sign + 1),
            Kind::Text(_) | Kind::Bytes(_) if sign == 0 => return Some(1),
            Kind::Word(_) if sign == 0 => {}
            _ => return None,
        }
        let known = [
            "NULL",
            "TRUE",
            "FALSE",
            "CURRENT_DATE",
            "CURRENT_TIME",
            "CURDATE",
            "CURTIME",
        ];
        let functions = ["JSON_ARRAY", "JSON_OBJECT"];
        let token = self.peek_at(n);
        if !known
            .iter()
            .chain(&functions)
            .chain(NOW)
            .any(|w| token.is_word(w))
        {
            return None;
        }
        if !self.peek_at(n + 1).is_symbol('(') {
            return Some(1);
        }
        if self.peek_at(n + 2).is_symbol(')') {
            return Some(3);
        }
        let fraction = matches!(self.peek_at(n + 2).kind, Kind::Number(_));
        (fraction && self.peek_at(n + 3).is_symbol(')')).then_some(4)
    }

    fn simple_value(&mut self) -> Parsed<DefaultValue> {
        let negative = self.at_symbol('-');
        if negative || self.at_symbol('+') {
            self.next();
        }
        let value = match &self.peek().kind {
            Kind::Number(text) => {
                DefaultValue::Number(format!("{}{text}", if negative { "-" } else { "" }))
            }
            Kind::Text(text) => DefaultValue::Text(text.as_ref().to_owned()),
            Kind::Bytes(bytes) => DefaultValue::Bytes(bytes.clone()),
            Kind::Word(_) => return self.word_value(),
            _ => return self.unexpected("a default value"),
        };
        self.next();
        Ok(value)
    }

    fn word_value(&mut self) -> Parsed<DefaultValue> {
        if self.accept("NULL") {
            return Ok(DefaultValue::Null);
        }
        if self.accept("TRUE") || self.at("FALSE") {
            return Ok(DefaultValue::Bool(!self.accept("FALSE")));
        }
        // typed literals: DATE'2020-01-01'
        let typed = ["DATE", "TIME", "TIMESTAMP"].iter().any(|w| self.at(w));
        if typed && matches!(self.peek_at(1).kind, Kind::Text(_)) {
            self.next();
            return Ok(DefaultValue::Text(self.text()?));
        }
        if self.at_words(&["NEXT", "VALUE", "FOR"]) || self.at_words(&["PREVIOUS", "VALUE"]) {
            self.accept_words(&["NEXT", "VALUE", "FOR"]);
            self.table_name()?;
            return Ok(DefaultValue::Expression);
        }
        let value = if NOW.iter().any(|w| self.at(w)) {
            DefaultValue::Now
        } else if self.at("CURRENT_DATE") || self.at("CURDATE") {
            DefaultValue::CurrentDate
        } else if self.at("CURRENT_TIME") || self.at("CURTIME") {
            DefaultValue::CurrentTime
        } else if self.at("JSON_ARRAY") && self.peek_at(2).is_symbol(')') {
            DefaultValue::Json("[]")
        } else if self.at("JSON_OBJECT") && self.peek_at(2).is_symbol(')') {
            DefaultValue::Json("{}")
        } else {
            DefaultValue::Expression
        };
        self.name()?;
        while self.accept_symbol('.') {
            self.name()?;
        }
        if self.at_symbol('(') {
            self.skip_parenthesised()?;
        }
        Ok(value)
    }
}
