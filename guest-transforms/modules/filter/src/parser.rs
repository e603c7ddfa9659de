//! Expressions from text. From weak to strong: `or`, `and`, `not`, comparisons.

use crate::lexer::{Fault, Token, Word, lex};

/// A column or a literal, with its place in the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operand {
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Column(String),
    Text(String),
    /// With its sign.
    Number(String),
    Truth(bool),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// An expression as it stands in the text; columns are names yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Operand, Comparison, Operand),
    In(Operand, Vec<Operand>),
    IsNull(Operand),
    Like {
        operand: Operand,
        pattern: Operand,
        fold: bool,
    },
    /// A label in a set.
    Has(Operand, Operand),
    /// A column or a truth value alone.
    Plain(Operand),
}

/// Brackets may be nested so deep.
const DEEPEST: usize = 64;

/// Parses a whole expression.
pub(crate) fn parse(text: &str) -> Result<Expression, Fault> {
    let mut parser = Parser {
        tokens: lex(text)?,
        next: 0,
        end: text.len(),
        depth: 0,
    };
    let expression = parser.either()?;
    match parser.peek() {
        None => Ok(expression),
        Some(token) => Err(Fault::new(token.at, "`and` or `or` is expected here")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn either(&mut self) -> Result<Expression, Fault> {
        let mut parts = vec![self.all()?];
        while self.take(&Word::Key("or")) {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Expression::Or))
    }

    fn all(&mut self) -> Result<Expression, Fault> {
        let mut parts = vec![self.negation()?];
        while self.take(&Word::Key("and")) {
            parts.push(self.negation()?);
        }
        Ok(one_or(parts, Expression::And))
    }

    fn negation(&mut self) -> Result<Expression, Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Fault::new(self.at(), "nested too deep"));
        }
        let expression = if self.take(&Word::Key("not")) {
            Expression::Not(Box::new(self.negation()?))
        } else if self.take(&Word::Sign("(")) {
            let inner = self.either()?;
            self.expect(")")?;
            inner
        } else {
            self.condition()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn condition(&mut self) -> Result<Expression, Fault> {
        let left = self.operand()?;
        if let Some(comparison) = self.comparison() {
            let right = self.operand()?;
            return Ok(Expression::Compare(left, comparison, right));
        }
        if self.take(&Word::Key("is")) {
            let negated = self.take(&Word::Key("not"));
            if !self.take(&Word::Key("null")) {
                return Err(Fault::new(self.at(), "`null` is expected after `is`"));
            }
            return Ok(not_if(negated, Expression::IsNull(left)));
        }
        let at = self.at();
        let negated = self.take(&Word::Key("not"));
        if self.take(&Word::Key("in")) {
            return Ok(not_if(negated, Expression::In(left, self.list()?)));
        }
        for (word, fold) in [("like", false), ("ilike", true)] {
            if self.take(&Word::Key(word)) {
                let pattern = self.operand()?;
                let like = Expression::Like {
                    operand: left,
                    pattern,
                    fold,
                };
                return Ok(not_if(negated, like));
            }
        }
        if self.take(&Word::Key("between")) {
            return Ok(not_if(negated, self.between(left)?));
        }
        if self.take(&Word::Key("has")) {
            let label = self.operand()?;
            return Ok(not_if(negated, Expression::Has(left, label)));
        }
        if negated {
            return Err(Fault::new(
                at,
                "`in`, `like`, `between` or `has` is expected after `not`",
            ));
        }
        Ok(Expression::Plain(left))
    }

    fn between(&mut self, operand: Operand) -> Result<Expression, Fault> {
        let low = self.operand()?;
        if !self.take(&Word::Key("and")) {
            return Err(Fault::new(
                self.at(),
                "`and` is expected between the two ends",
            ));
        }
        let high = self.operand()?;
        Ok(Expression::And(vec![
            Expression::Compare(operand.clone(), Comparison::GreaterOrEqual, low),
            Expression::Compare(operand, Comparison::LessOrEqual, high),
        ]))
    }

    fn list(&mut self) -> Result<Vec<Operand>, Fault> {
        self.expect("(")?;
        let mut list = vec![self.operand()?];
        while self.take(&Word::Sign(",")) {
            list.push(self.operand()?);
        }
        self.expect(")")?;
        Ok(list)
    }

    fn operand(&mut self) -> Result<Operand, Fault> {
        let at = self.at();
        let negative = self.take(&Word::Sign("-"));
        let word = self.peek().map(|token| token.word.clone());
        let kind = match word {
            Some(Word::Number(text)) if negative => Kind::Number(format!("-{text}")),
            Some(Word::Number(text)) => Kind::Number(text),
            _ if negative => return Err(Fault::new(at, "a number is expected after `-`")),
            Some(Word::Name(name)) => Kind::Column(name),
            Some(Word::Text(text)) => Kind::Text(text),
            Some(Word::Key("true")) => Kind::Truth(true),
            Some(Word::Key("false")) => Kind::Truth(false),
            Some(Word::Key("null")) => {
                return Err(Fault::new(
                    at,
                    "nothing equals null; write `is null` or `is not null`",
                ));
            }
            Some(Word::Key(key)) => {
                let what = format!(
                    "a column or a value is expected; a column `{key}` stands in backticks"
                );
                return Err(Fault::new(at, what));
            }
            _ => return Err(Fault::new(at, "a column or a value is expected")),
        };
        self.next += 1;
        Ok(Operand { at, kind })
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let Word::Sign(sign) = self.peek()?.word else {
            return None;
        };
        let comparison = match sign {
            "=" => Comparison::Equal,
            "<>" | "!=" => Comparison::Unequal,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return None,
        };
        self.next += 1;
        Some(comparison)
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Fault> {
        if self.take(&Word::Sign(sign)) {
            Ok(())
        } else {
            Err(Fault::new(self.at(), format!("`{sign}` is expected here")))
        }
    }

    fn take(&mut self, word: &Word) -> bool {
        let there = self.peek().is_some_and(|token| token.word == *word);
        self.next += usize::from(there);
        there
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn at(&self) -> usize {
        self.peek().map_or(self.end, |token| token.at)
    }
}

fn one_or(
    mut parts: Vec<Expression>,
    many: impl FnOnce(Vec<Expression>) -> Expression,
) -> Expression {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        many(parts)
    }
}

fn not_if(negated: bool, expression: Expression) -> Expression {
    if negated {
        Expression::Not(Box::new(expression))
    } else {
        expression
    }
}
