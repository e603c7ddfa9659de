//! The key that a table is read along, and conditions on it.

use chameleon_model::{Column, IndexKind, TableSchema, TypeKind};
use serde::{Deserialize, Serialize};

use crate::SourceError;
use crate::rows::{TextRow, quote, quote_ident};

/// One bound of a key range, for one column of the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyBound {
    /// Signed integer.
    Int(i64),
    /// Unsigned integer.
    UInt(u64),
    /// DECIMAL, date, time, UUID or network address as the source prints it, in UTC.
    Text(String),
    /// Character or binary data: bytes in the column's own character set, as hexadecimal digits.
    Hex(String),
}

/// The first columns of a unique key that can be compared with literals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WalkKey {
    /// Name of the index, `PRIMARY` for the primary key.
    pub(super) index: String,
    /// Indexes into the table's columns, in key order; never empty.
    pub(super) columns: Vec<usize>,
}

impl WalkKey {
    /// The key to walk along: the primary key, or else a unique index of whole NOT NULL columns. One
    /// that is usable in full is preferred to one whose first columns alone are.
    pub(super) fn of(table: &TableSchema) -> Option<Self> {
        let primary = (!table.primary_key.is_empty())
            .then(|| ("PRIMARY".to_owned(), table.primary_key.clone()));
        let unique = table
            .indexes
            .iter()
            .filter(|i| i.unique && i.kind == IndexKind::Btree)
            .filter_map(|i| {
                let whole = |p: &chameleon_model::IndexPart| {
                    let column = p.column.filter(|_| p.prefix.is_none())?;
                    (!table.columns.get(column)?.nullable).then_some(column)
                };
                let columns: Option<Vec<usize>> = i.parts.iter().map(whole).collect();
                Some((i.name.clone(), columns?))
            });
        let mut partial = None;
        for (index, columns) in primary.into_iter().chain(unique) {
            let usable = |&&c: &&usize| table.columns.get(c).is_some_and(is_comparable);
            let first: Vec<usize> = columns.iter().take_while(usable).copied().collect();
            let complete = first.len() == columns.len();
            let key = Self {
                index,
                columns: first,
            };
            if complete {
                return Some(key);
            }
            if partial.is_none() && !key.columns.is_empty() {
                partial = Some(key);
            }
        }
        partial
    }

    /// The key is one integer column: its index.
    pub(super) fn single_integer(&self, table: &TableSchema) -> Option<usize> {
        let &[column] = self.columns.as_slice() else {
            return None;
        };
        is_integer(table.columns[column].ty.kind).then_some(column)
    }

    /// Select list that gives the key's values in a form that [`WalkKey::bounds`] reads.
    pub(super) fn select_list(&self, table: &TableSchema) -> String {
        let expression = |(at, &c): (usize, &usize)| {
            let column = &table.columns[c];
            let name = quote_ident(&column.name);
            if is_bytes(column.ty.kind) {
                format!("hex({name}) as k{at}")
            } else {
                format!("{name} as k{at}")
            }
        };
        let list: Vec<String> = self.columns.iter().enumerate().map(expression).collect();
        list.join(", ")
    }

    /// `order by` list.
    pub(super) fn order_list(&self, table: &TableSchema) -> String {
        let name = |&c: &usize| quote_ident(&table.columns[c].name);
        self.columns.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// Reads the key's values from a row of [`WalkKey::select_list`].
    pub(super) fn bounds(
        &self,
        table: &TableSchema,
        row: &TextRow,
    ) -> Result<Vec<KeyBound>, SourceError> {
        let what = "plan the copy";
        let bound = |(at, &c): (usize, &usize)| {
            let column = &table.columns[c];
            let name = format!("k{at}");
            Ok(if is_bytes(column.ty.kind) {
                KeyBound::Hex(row.required(what, &name)?.to_owned())
            } else if !is_integer(column.ty.kind) {
                KeyBound::Text(row.required(what, &name)?.to_owned())
            } else if column.ty.unsigned {
                KeyBound::UInt(row.required_number(what, &name)?)
            } else {
                KeyBound::Int(row.required_number(what, &name)?)
            })
        };
        self.columns.iter().enumerate().map(bound).collect()
    }

    /// `key > bound`, written out column by column, so that the optimiser sees index ranges.
    pub(super) fn above(&self, table: &TableSchema, bound: &[KeyBound]) -> Option<String> {
        self.compare(table, bound, ">", ">")
    }

    /// `key <= bound`.
    pub(super) fn up_to(&self, table: &TableSchema, bound: &[KeyBound]) -> Option<String> {
        self.compare(table, bound, "<", "<=")
    }

    /// `(a op x or (a = x and (b op y or (b = y and c last z))))`; `None` where the bound does not
    /// fit the key, which happens when the table changed since the chunk was planned.
    fn compare(
        &self,
        table: &TableSchema,
        bound: &[KeyBound],
        op: &str,
        last: &str,
    ) -> Option<String> {
        if bound.is_empty() || bound.len() != self.columns.len() {
            return None;
        }
        let mut condition = String::new();
        for (at, (&c, value)) in self.columns.iter().zip(bound).enumerate().rev() {
            let column = &table.columns[c];
            let (name, value) = (quote_ident(&column.name), literal(column, value)?);
            condition = if at + 1 == bound.len() {
                format!("{name} {last} {value}")
            } else {
                format!("({name} {op} {value} or ({name} = {value} and {condition}))")
            };
        }
        Some(condition)
    }
}

/// The bound as SQL; `None` where its form is not the column's.
fn literal(column: &Column, bound: &KeyBound) -> Option<String> {
    match bound {
        KeyBound::Int(n) if is_integer(column.ty.kind) => Some(n.to_string()),
        KeyBound::UInt(n) if is_integer(column.ty.kind) => Some(n.to_string()),
        KeyBound::Text(text) if column.ty.kind == TypeKind::Decimal => {
            let number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.');
            text.chars().all(number).then(|| text.clone())
        }
        KeyBound::Text(text) if is_comparable(column) => Some(quote(text)),
        KeyBound::Hex(digits) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
            if is_binary(column.ty.kind) {
                return Some(format!("x'{digits}'"));
            }
            let charset = column.ty.charset.as_deref()?;
            Some(format!("_{charset} x'{digits}'"))
        }
        _ => None,
    }
}

fn is_integer(kind: TypeKind) -> bool {
    matches!(
        kind,
        TypeKind::TinyInt
            | TypeKind::SmallInt
            | TypeKind::MediumInt
            | TypeKind::Int
            | TypeKind::BigInt
            | TypeKind::Year
    )
}

fn is_binary(kind: TypeKind) -> bool {
    matches!(
        kind,
        TypeKind::Binary | TypeKind::VarBinary | TypeKind::Blob
    )
}

/// Character or binary data.
fn is_bytes(kind: TypeKind) -> bool {
    is_binary(kind) || matches!(kind, TypeKind::Char | TypeKind::VarChar | TypeKind::Text)
}

/// A literal compares with the column exactly as the index orders it. ENUM, SET and BIT do not (they
/// compare as text or number), nor do FLOAT and DOUBLE (their text is rounded).
fn is_comparable(column: &Column) -> bool {
    let kind = column.ty.kind;
    is_integer(kind)
        || is_binary(kind)
        || (is_bytes(kind) && column.ty.charset.as_deref().is_some_and(is_plain_word))
        || matches!(
            kind,
            TypeKind::Decimal
                | TypeKind::Date
                | TypeKind::Time
                | TypeKind::DateTime
                | TypeKind::Timestamp
                | TypeKind::Uuid
                | TypeKind::Inet4
                | TypeKind::Inet6
        )
}

fn is_plain_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chameleon_model::{ColumnType, Index, IndexPart, TableName};

    fn table(columns: &[(&str, TypeKind, bool)], primary_key: &[usize]) -> TableSchema {
        let column = |&(name, kind, nullable): &(&str, TypeKind, bool)| {
            Column::new(
                name,
                ColumnType {
                    charset: Some("latin1".into()),
                    ..ColumnType::new(kind, "x")
                },
                nullable,
            )
        };
        TableSchema {
            primary_key: primary_key.to_vec(),
            ..TableSchema::new(
                TableName::new("s", "t"),
                columns.iter().map(column).collect(),
            )
        }
    }

    #[test]
    fn a_composite_bound_is_written_out_for_the_optimiser() {
        let columns = [
            ("a", TypeKind::Int, false),
            ("b`", TypeKind::VarChar, false),
            ("c", TypeKind::DateTime, false),
        ];
        let table = table(&columns, &[0, 1, 2]);
        let key = WalkKey::of(&table).unwrap();
        let bound = [
            KeyBound::Int(-5),
            KeyBound::Hex("E4".into()),
            KeyBound::Text("2020-01-01 00:00:00".into()),
        ];
        assert_eq!(
            key.above(&table, &bound).unwrap(),
            "(`a` > -5 or (`a` = -5 and (`b``` > _latin1 x'E4' or (`b``` = _latin1 x'E4' \
             and `c` > '2020-01-01 00:00:00'))))"
        );
        assert_eq!(
            key.up_to(&table, &bound).unwrap(),
            "(`a` < -5 or (`a` = -5 and (`b``` < _latin1 x'E4' or (`b``` = _latin1 x'E4' \
             and `c` <= '2020-01-01 00:00:00'))))"
        );
        assert_eq!(key.above(&table, &bound[..2]), None);
        assert_eq!(key.above(&table, &[]), None);
    }

    #[test]
    fn a_bound_that_is_no_literal_of_the_column_is_refused() {
        let table = table(&[("a", TypeKind::Decimal, false)], &[0]);
        let key = WalkKey::of(&table).unwrap();
        let above = |text: &str| key.above(&table, &[KeyBound::Text(text.into())]);
        assert_eq!(above("-1.50").unwrap(), "`a` > -1.50");
        assert_eq!(above("1 or 1=1"), None);
        assert_eq!(key.above(&table, &[KeyBound::Int(1)]), None);
    }

    #[test]
    fn the_walk_goes_along_the_best_unique_key() {
        let columns = [
            ("e", TypeKind::Enum, false),
            ("a", TypeKind::Int, false),
            ("n", TypeKind::Int, true),
            ("d", TypeKind::Date, false),
        ];
        let unique = |name: &str, parts: &[(usize, Option<u32>)]| Index {
            name: name.into(),
            unique: true,
            kind: IndexKind::Btree,
            parts: parts
                .iter()
                .map(|&(column, prefix)| IndexPart {
                    column: Some(column),
                    prefix,
                    descending: false,
                })
                .collect(),
        };
        let check = |primary: &[usize], indexes: Vec<Index>, expect: Option<(&str, &[usize])>| {
            let mut table = table(&columns, primary);
            table.indexes = indexes;
            let found = WalkKey::of(&table);
            let found = found
                .as_ref()
                .map(|k| (k.index.as_str(), k.columns.as_slice()));
            assert_eq!(found, expect);
        };
        check(&[1, 3], vec![], Some(("PRIMARY", &[1, 3])));
        check(&[1, 0], vec![], Some(("PRIMARY", &[1])));
        check(&[0], vec![], None);
        check(&[0], vec![unique("u", &[(1, None)])], Some(("u", &[1])));
        check(&[1, 0], vec![unique("u", &[(3, None)])], Some(("u", &[3])));
        check(&[], vec![unique("u", &[(2, None)])], None);
        check(&[], vec![unique("u", &[(1, Some(3))])], None);
        check(&[], vec![], None);
    }
}
