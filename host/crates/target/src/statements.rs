//! The SQL that changes a target table, with values as one array per column.
//!
//! Every statement joins the table with `unnest` of its parameters, so one text serves one row and
//! twenty thousand. The session plans it once for any number of rows (`plan_cache_mode =
//! force_generic_plan`), which makes an index lookup per row the plan whatever the statistics say.

use chameleon_model::name::quote_ident;

use crate::table::{ApplyColumn, ApplyTable};

/// Which statement. Lists are indexes into [`ApplyTable::columns`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Delete by key. Parameters: the key columns.
    Delete,
    /// Update by key. Parameters: the key columns, then these columns.
    Update(Vec<usize>),
    /// Insert whole rows. Parameters: all columns.
    Insert,
    /// Delete one row that equals these columns. Parameters: these columns.
    DeleteWhole(Vec<usize>),
    /// Update one row that equals the first columns. Parameters: these, then the columns to set.
    UpdateWhole(Vec<usize>, Vec<usize>),
}

/// A statement and the columns whose arrays are its parameters, in order.
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) parameters: Vec<usize>,
}

/// Renders the statement of that kind.
pub(crate) fn render(table: &ApplyTable, kind: &Kind) -> Sql {
    match kind {
        Kind::Delete => delete(table),
        Kind::Update(set) => update(table, set),
        Kind::Insert => insert(table),
        Kind::DeleteWhole(matched) => {
            let text = format!(
                "delete from {} where ctid = {}",
                table.quoted(),
                one_row(table, matched)
            );
            Sql {
                text,
                parameters: matched.clone(),
            }
        }
        Kind::UpdateWhole(matched, set) => {
            let assign: Vec<String> = set
                .iter()
                .enumerate()
                .map(|(i, &c)| {
                    let column = &table.columns[c];
                    let value = element(matched.len() + i + 1, column);
                    format!("{} = {value}", quote_ident(&column.name))
                })
                .collect();
            let text = format!(
                "update {} set {} where ctid = {}",
                table.quoted(),
                assign.join(", "),
                one_row(table, matched)
            );
            Sql {
                text,
                parameters: [matched.as_slice(), set].concat(),
            }
        }
    }
}

fn delete(table: &ApplyTable) -> Sql {
    let target = table.quoted();
    let text = match table.key.as_slice() {
        [key] if table.columns[*key].cast.is_none() => {
            format!(
                "delete from {target} where {} = any($1)",
                quote_ident(&table.columns[*key].name)
            )
        }
        key => format!(
            "delete from {target} as t using {} where {}",
            unnest(key.len()),
            key_matches(table)
        ),
    };
    Sql {
        text,
        parameters: table.key.clone(),
    }
}

fn update(table: &ApplyTable, set: &[usize]) -> Sql {
    let parameters = [table.key.as_slice(), set].concat();
    let assign: Vec<String> = set
        .iter()
        .enumerate()
        .map(|(i, &c)| {
            let column = &table.columns[c];
            format!(
                "{} = {}",
                quote_ident(&column.name),
                value(table.key.len() + i, column)
            )
        })
        .collect();
    let text = format!(
        "update {} as t set {} from {} where {}",
        table.quoted(),
        assign.join(", "),
        unnest(parameters.len()),
        key_matches(table)
    );
    Sql { text, parameters }
}

fn insert(table: &ApplyTable) -> Sql {
    let parameters: Vec<usize> = (0..table.columns.len()).collect();
    let names: Vec<String> = table.columns.iter().map(|c| quote_ident(&c.name)).collect();
    let values: Vec<String> = table
        .columns
        .iter()
        .enumerate()
        .map(|(i, c)| value(i, c))
        .collect();
    let overriding = if table.identity {
        "overriding system value "
    } else {
        ""
    };
    let text = format!(
        "insert into {} ({}) {overriding}select {} from {}",
        table.quoted(),
        names.join(", "),
        values.join(", "),
        unnest(parameters.len())
    );
    Sql { text, parameters }
}

/// `unnest($1, $2) as v (c0, c1)`
fn unnest(parameters: usize) -> String {
    let arrays: Vec<String> = (1..=parameters).map(|i| format!("${i}")).collect();
    let names: Vec<String> = (0..parameters).map(|i| format!("c{i}")).collect();
    format!("unnest({}) as v ({})", arrays.join(", "), names.join(", "))
}

/// Element of the row that `unnest` gives, as the column's type.
fn value(number: usize, column: &ApplyColumn) -> String {
    match &column.cast {
        None => format!("v.c{number}"),
        Some(cast) => format!("v.c{number}::{cast}"),
    }
}

/// The only element of a one-element array parameter, as the column's type.
fn element(parameter: usize, column: &ApplyColumn) -> String {
    match &column.cast {
        None => format!("(${parameter})[1]"),
        Some(cast) => format!("(${parameter})[1]::{cast}"),
    }
}

fn key_matches(table: &ApplyTable) -> String {
    let conditions: Vec<String> = table
        .key
        .iter()
        .enumerate()
        .map(|(i, &k)| {
            let column = &table.columns[k];
            format!("t.{} = {}", quote_ident(&column.name), value(i, column))
        })
        .collect();
    conditions.join(" and ")
}

/// The physical address of one row that equals the parameters, whichever it is.
fn one_row(table: &ApplyTable, matched: &[usize]) -> String {
    let conditions: Vec<String> = matched
        .iter()
        .enumerate()
        .map(|(i, &c)| {
            let column = &table.columns[c];
            let (name, value) = (quote_ident(&column.name), element(i + 1, column));
            match (column.compare_as_text, column.nullable) {
                (true, _) => format!("{name}::text is not distinct from {value}::text"),
                (false, true) => format!("{name} is not distinct from {value}"),
                (false, false) => format!("{name} = {value}"),
            }
        })
        .collect();
    format!(
        "(select ctid from {} where {} limit 1)",
        table.quoted(),
        conditions.join(" and ")
    )
}
