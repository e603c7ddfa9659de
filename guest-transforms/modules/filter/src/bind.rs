//! An expression bound to a table: columns are found, literals have the columns' types. All that could go wrong for
//! each row goes wrong here, once.

use chameleon_transform_sdk::{calendar, nearest, prelude::*};

use crate::{
    parser::{Comparison, Expression, Kind, Operand},
    pattern::Pattern,
};

/// An expression that can be evaluated.
#[derive(Debug)]
pub enum Node {
    /// All of them hold.
    And(Vec<Node>),
    /// One of them holds.
    Or(Vec<Node>),
    /// It does not hold.
    Not(Box<Node>),
    /// It is known already.
    Known(bool),
    /// NULL.
    IsNull(Input),
    /// A column against a literal.
    Compare(Input, Compared, Literal),
    /// A column against a column.
    CompareColumns(Columns, Compared),
    /// A column against several literals.
    In(Input, Vec<Literal>),
    /// Text against a pattern.
    Like(Input, Like),
    /// All bits of a set's labels.
    Has(Input, u64),
}

/// Two columns of one family.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    pub(crate) left: Input,
    pub(crate) right: Input,
    /// Their texts are decimals.
    pub(crate) decimals: bool,
}

/// A comparison, as `Node` tells it.
#[derive(Clone, Copy, Debug)]
pub struct Compared(pub(crate) Comparison);

/// A pattern, as `Node` tells it.
#[derive(Debug)]
pub struct Like(pub(crate) Pattern);

/// A literal of a column's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Integers of both kinds.
    Int(i128),
    /// Floats.
    Float(f64),
    /// Decimals, compared as numbers.
    Decimal(String),
    /// Text, compared letter by letter.
    Text(String),
    /// Dates; and as text for dates that are none.
    Days(i32, String),
    /// Times; and as text for those that are none.
    Micros(i64, String),
}

/// Binds an expression to a table and has the plan read its columns, in both images.
pub(crate) fn bind(
    expression: &Expression,
    table: &Table,
    plan: &mut Planner,
) -> Result<Node, Error> {
    Binder { table, plan }.node(expression)
}

struct Binder<'a> {
    table: &'a Table,
    plan: &'a mut Planner,
}

impl<'a> Binder<'a> {
    fn node(&mut self, expression: &Expression) -> Result<Node, Error> {
        Ok(match expression {
            Expression::And(parts) => Node::And(self.nodes(parts)?),
            Expression::Or(parts) => Node::Or(self.nodes(parts)?),
            Expression::Not(inner) => Node::Not(Box::new(self.node(inner)?)),
            Expression::IsNull(operand) => {
                let column = self.column(operand)?;
                Node::IsNull(self.read(column)?)
            }
            Expression::Compare(left, comparison, right) => {
                self.compare(left, *comparison, right)?
            }
            Expression::In(operand, list) => {
                let column = self.column(operand)?;
                let literals = list.iter().map(|item| literal(column, item));
                let literals = literals.collect::<Result<_, _>>()?;
                Node::In(self.read(column)?, literals)
            }
            Expression::Like {
                operand,
                pattern,
                fold,
            } => self.like(operand, pattern, *fold)?,
            Expression::Has(operand, label) => {
                let column = self.column(operand)?;
                if column.ty.kind != TypeKind::Set {
                    return Err(misfit(column, "`has` is for sets"));
                }
                let Kind::Text(labels) = &label.kind else {
                    return Err(misfit(column, "a label stands in single quotes"));
                };
                let bits = set_bits(column, labels)?;
                Node::Has(self.read(column)?, bits)
            }
            Expression::Plain(operand) => match &operand.kind {
                Kind::Truth(truth) => Node::Known(*truth),
                Kind::Column(_) => {
                    let column = self.column(operand)?;
                    if !column.is_integer()
                        && !matches!(column.ty.kind, TypeKind::Boolean | TypeKind::Bit)
                    {
                        return Err(misfit(
                            column,
                            "alone it says neither yes nor no; compare it",
                        ));
                    }
                    let input = self.read(column)?;
                    Node::Compare(input, Compared(Comparison::Unequal), Literal::Int(0))
                }
                _ => {
                    return Err(Error::config(
                        "`where`: a value alone says neither yes nor no",
                    ));
                }
            },
        })
    }

    fn nodes(&mut self, parts: &[Expression]) -> Result<Vec<Node>, Error> {
        parts.iter().map(|part| self.node(part)).collect()
    }

    fn compare(
        &mut self,
        left: &Operand,
        comparison: Comparison,
        right: &Operand,
    ) -> Result<Node, Error> {
        match (&left.kind, &right.kind) {
            (Kind::Column(_), Kind::Column(_)) => {
                let (left, right) = (self.column(left)?, self.column(right)?);
                if family(left) != family(right) || family(left) == Family::Other {
                    let other = &right.name;
                    let what = format!(
                        "`{other}` is {}: the two cannot be compared",
                        right.ty.declared
                    );
                    return Err(misfit(left, &what));
                }
                let columns = Columns {
                    decimals: family(left) == Family::Decimal,
                    left: self.read(left)?,
                    right: self.read(right)?,
                };
                Ok(Node::CompareColumns(columns, Compared(comparison)))
            }
            (Kind::Column(_), _) => {
                let column = self.column(left)?;
                let literal = literal(column, right)?;
                let orders = !matches!(comparison, Comparison::Equal | Comparison::Unequal);
                if orders
                    && matches!(
                        column.ty.kind,
                        TypeKind::Enum | TypeKind::Set | TypeKind::Uuid | TypeKind::Inet
                    )
                {
                    return Err(misfit(column, "only `=`, `<>` and `in` are for it"));
                }
                Ok(Node::Compare(
                    self.read(column)?,
                    Compared(comparison),
                    literal,
                ))
            }
            (_, Kind::Column(_)) => self.compare(right, turned(comparison), left),
            _ => Err(Error::config(
                "`where`: two values are compared, but no column",
            )),
        }
    }

    fn like(&mut self, operand: &Operand, pattern: &Operand, fold: bool) -> Result<Node, Error> {
        let column = self.column(operand)?;
        let Kind::Text(pattern) = &pattern.kind else {
            return Err(misfit(column, "a pattern stands in single quotes"));
        };
        if !column.is_text() {
            return Err(misfit(column, "`like` is for text"));
        }
        Ok(Node::Like(
            self.read(column)?,
            Like(Pattern::new(pattern, fold)),
        ))
    }

    fn column(&self, operand: &Operand) -> Result<&'a Column, Error> {
        match &operand.kind {
            Kind::Column(name) => self.table.column(name),
            _ => Err(Error::config(
                "`where`: a value stands where a column belongs",
            )),
        }
    }

    fn read(&mut self, column: &Column) -> Result<Input, Error> {
        self.plan.read_both(&column.name)
    }
}

/// Columns that can be compared with each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Integer,
    Float,
    Decimal,
    Text,
    Date,
    Moment,
    Time,
    Other,
}

fn family(column: &Column) -> Family {
    match column.ty.kind {
        TypeKind::Boolean | TypeKind::Year | TypeKind::Bit => Family::Integer,
        _ if column.is_integer() => Family::Integer,
        TypeKind::Float | TypeKind::Double => Family::Float,
        TypeKind::Decimal => Family::Decimal,
        TypeKind::Char | TypeKind::Varchar | TypeKind::Text | TypeKind::Uuid => Family::Text,
        TypeKind::Date => Family::Date,
        TypeKind::Datetime | TypeKind::Timestamp => Family::Moment,
        TypeKind::Time => Family::Time,
        _ => Family::Other,
    }
}

fn literal(column: &Column, operand: &Operand) -> Result<Literal, Error> {
    let made = match (&operand.kind, column.ty.kind) {
        (Kind::Column(_), _) => return Err(misfit(column, "a list holds values, no columns")),
        (Kind::Text(text), TypeKind::Enum) => return label(column, text),
        (Kind::Text(text), TypeKind::Set) => {
            return set_bits(column, text).map(|bits| Literal::Int(bits.into()));
        }
        (Kind::Text(text), TypeKind::Date) => {
            calendar::parse_date(text).map(|days| Literal::Days(days, text.clone()))
        }
        (Kind::Text(text), TypeKind::Datetime | TypeKind::Timestamp) => {
            calendar::parse_datetime(text)
                .map(|micros| Literal::Micros(micros, calendar::render_datetime(micros)))
        }
        (Kind::Text(text), TypeKind::Time) => calendar::parse_time(text)
            .map(|micros| Literal::Micros(micros, calendar::render_time(micros))),
        (Kind::Text(text), TypeKind::Uuid) => Some(Literal::Text(text.to_lowercase())),
        (Kind::Text(text), TypeKind::Inet) => Some(Literal::Text(text.clone())),
        (Kind::Text(text), _) if column.is_text() => Some(Literal::Text(text.clone())),
        (Kind::Number(text), TypeKind::Decimal) => Some(Literal::Decimal(text.clone())),
        (Kind::Number(text), TypeKind::Float | TypeKind::Double) => {
            text.parse().ok().map(Literal::Float)
        }
        (Kind::Number(text), _) if family(column) == Family::Integer => {
            text.parse().ok().map(Literal::Int)
        }
        (Kind::Truth(truth), _) if family(column) == Family::Integer => {
            Some(Literal::Int((*truth).into()))
        }
        _ => None,
    };
    made.ok_or_else(|| misfit(column, &format!("compare it with {}", wanted(column))))
}

fn label(column: &Column, text: &str) -> Result<Literal, Error> {
    let mut labels = (1_i128..).zip(&column.ty.labels);
    match labels.find(|(_, label)| *label == text) {
        Some((index, _)) => Ok(Literal::Int(index)),
        None if text.is_empty() => Ok(Literal::Int(0)),
        None => Err(no_label(column, text)),
    }
}

fn set_bits(column: &Column, text: &str) -> Result<u64, Error> {
    let mut bits = 0;
    for wanted in text.split(',').filter(|label| !label.is_empty()) {
        let place = column.ty.labels.iter().position(|label| label == wanted);
        let bit = place.and_then(|place| u32::try_from(place).ok());
        let bit = bit.and_then(|bit| 1_u64.checked_shl(bit));
        bits |= bit.ok_or_else(|| no_label(column, wanted))?;
    }
    Ok(bits)
}

fn no_label(column: &Column, text: &str) -> Error {
    let labels = || column.ty.labels.iter().map(String::as_str);
    let hint = match nearest(text, labels()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("it has {}", labels().collect::<Vec<_>>().join(", ")),
    };
    misfit(column, &format!("there is no label '{text}'; {hint}"))
}

fn wanted(column: &Column) -> &'static str {
    match column.ty.kind {
        TypeKind::Enum | TypeKind::Set => "one of its labels in single quotes",
        TypeKind::Decimal | TypeKind::Float | TypeKind::Double => "a number",
        TypeKind::Date => "a date such as '2024-12-31'",
        TypeKind::Datetime | TypeKind::Timestamp => "a time such as '2024-12-31 23:59:59'",
        TypeKind::Time => "a time such as '23:59:59'",
        _ if family(column) == Family::Integer => "an integer, true or false",
        _ if column.is_text() => "text in single quotes",
        TypeKind::Uuid | TypeKind::Inet => "text in single quotes",
        _ => "nothing: only `is null` and `is not null` are for it",
    }
}

fn misfit(column: &Column, what: &str) -> Error {
    let message = format!(
        "`where`: `{}` is {}: {what}",
        column.name, column.ty.declared
    );
    Error::schema(message).at_column(column.index)
}

fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}
