//! Whether an expression holds for a row: yes, no, or unknown, as in SQL.

use std::cmp::Ordering;

use chameleon_transform_sdk::prelude::*;

use crate::{
    bind::{Compared, Literal, Node},
    decimal,
    parser::Comparison,
};

/// Evaluates for one image of a row.
///
/// # Errors
/// A data error if a column that decides was not logged.
pub(crate) fn eval(node: &Node, row: &Row<'_, '_>, image: Image) -> Result<Option<bool>, Error> {
    match node {
        Node::And(parts) => all(parts, row, image, false),
        Node::Or(parts) => all(parts, row, image, true),
        Node::Not(inner) => Ok(eval(inner, row, image)?.map(|truth| !truth)),
        Node::Known(truth) => Ok(Some(*truth)),
        Node::IsNull(input) => Ok(Some(get(*input, row, image)? == Value::Null)),
        Node::Compare(input, comparison, literal) => {
            let order = order(get(*input, row, image)?, literal);
            Ok(order.map(|order| holds(*comparison, order)))
        }
        Node::CompareColumns(columns, comparison) => {
            let left = get(columns.left, row, image)?;
            let right = get(columns.right, row, image)?;
            let order = order_of_values(left, right, columns.decimals);
            Ok(order.map(|order| holds(*comparison, order)))
        }
        Node::In(input, literals) => {
            let value = get(*input, row, image)?;
            let same = |literal: &Literal| order(value, literal) == Some(Ordering::Equal);
            Ok((value != Value::Null).then(|| literals.iter().any(same)))
        }
        Node::Like(input, like) => Ok(match get(*input, row, image)? {
            Value::Text(text) => Some(like.0.matches(text)),
            Value::Odd(raw) => Some(like.0.matches(&String::from_utf8_lossy(raw))),
            _ => None,
        }),
        Node::Has(input, bits) => Ok(match get(*input, row, image)? {
            Value::Uint(set) => Some(set & bits == *bits),
            _ => None,
        }),
    }
}

/// `and` if `decisive` is false, `or` if it is true: one part that is `decisive` decides, else one that is unknown.
fn all(
    parts: &[Node],
    row: &Row<'_, '_>,
    image: Image,
    decisive: bool,
) -> Result<Option<bool>, Error> {
    let mut result = Some(!decisive);
    for part in parts {
        match eval(part, row, image)? {
            Some(truth) if truth == decisive => return Ok(Some(decisive)),
            Some(_) => {}
            None => result = None,
        }
    }
    Ok(result)
}

fn get<'b>(input: Input, row: &Row<'_, 'b>, image: Image) -> Result<Value<'b>, Error> {
    let value = match image {
        Image::After => row.get(input),
        Image::Before => row.before(input),
    };
    if value == Value::Absent {
        return Err(Error::data(
            "a column of `where` was not logged: the source needs binlog_row_image=FULL",
        ));
    }
    Ok(value)
}

/// The order of a value and a literal; none if the value is NULL.
fn order(value: Value<'_>, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::Int(number), Literal::Int(other)) => Some(i128::from(number).cmp(other)),
        (Value::Uint(number), Literal::Int(other)) => Some(i128::from(number).cmp(other)),
        (Value::Float(number), Literal::Float(other)) => number.partial_cmp(other),
        (Value::Text(text), Literal::Decimal(other)) => Some(decimal::compare(text, other)),
        (Value::Text(text), Literal::Text(other)) => Some(text.cmp(other)),
        (Value::Days(days), Literal::Days(other, _)) => Some(days.cmp(other)),
        (Value::Micros(micros), Literal::Micros(other, _)) => Some(micros.cmp(other)),
        // As the source orders them: 0000-00-00 is before all days, 2024-02-00 before 2024-02-01.
        (
            Value::Odd(raw),
            Literal::Days(_, other) | Literal::Micros(_, other) | Literal::Text(other),
        ) => Some(raw.cmp(other.as_bytes())),
        _ => None,
    }
}

/// The order of two values; none if one is NULL. `numbers`: texts are decimals.
fn order_of_values(left: Value<'_>, right: Value<'_>, numbers: bool) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(&right)),
        (Value::Uint(left), Value::Uint(right)) => Some(left.cmp(&right)),
        (Value::Int(left), Value::Uint(right)) => Some(i128::from(left).cmp(&right.into())),
        (Value::Uint(left), Value::Int(right)) => Some(i128::from(left).cmp(&right.into())),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(&right),
        (Value::Days(left), Value::Days(right)) => Some(left.cmp(&right)),
        (Value::Micros(left), Value::Micros(right)) => Some(left.cmp(&right)),
        (Value::Text(left), Value::Text(right)) if numbers => Some(decimal::compare(left, right)),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Odd(left), Value::Odd(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn holds(Compared(comparison): Compared, order: Ordering) -> bool {
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::Unequal => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}
