//! Applies one table's changes one by one in source order.
//!
//! The way for tables without a key, and for batches that cannot be told as sets or that the target
//! refused as sets. A table without a key is matched by whole rows, one row per change, so that
//! duplicates stay as many as they are at the source. Runs of inserts still go as one statement.

use chameleon_model::{Cell, ChangeBuffer, Op};
use chameleon_postgres::{ArrayParam, Client};

use crate::apply::Strictness;
use crate::error::TargetError;
use crate::sets::{execute, new_array, push};
use crate::statements::Kind;
use crate::table::ApplyTable;

/// Inserts of one statement at most.
const MAX_INSERTS: usize = 1_000;

/// Applies changes (indexes into the buffer, of one table) in order.
pub(crate) async fn apply(
    client: &Client,
    table: &mut ApplyTable,
    buffer: &ChangeBuffer,
    changes: &[u32],
    strictness: Strictness,
) -> Result<(), TargetError> {
    let mut at = 0;
    while at < changes.len() {
        let change = &buffer.changes()[changes[at] as usize];
        let (before, after) = (buffer.before(change), buffer.after(change));
        match (change.op, before, after) {
            (Op::Insert, _, Some(_)) => {
                let rest = &changes[at..];
                let is_insert = |&&c: &&u32| buffer.changes()[c as usize].op == Op::Insert;
                let run = rest.iter().take(MAX_INSERTS).take_while(is_insert).count();
                insert(client, table, buffer, &rest[..run], strictness).await?;
                at += run;
                continue;
            }
            (Op::Delete, Some(before), _) => {
                delete(client, table, buffer, before, strictness).await?;
            }
            (Op::Update, Some(before), Some(after)) => {
                update(client, table, buffer, before, after, strictness).await?;
            }
            _ => {
                let reason = "a row image is missing".to_owned();
                return Err(TargetError::Shape {
                    table: table.label(),
                    reason,
                });
            }
        }
        at += 1;
    }
    Ok(())
}

async fn insert(
    client: &Client,
    table: &mut ApplyTable,
    buffer: &ChangeBuffer,
    changes: &[u32],
    strictness: Strictness,
) -> Result<(), TargetError> {
    let mut arrays: Vec<ArrayParam> = table
        .columns
        .iter()
        .map(|c| new_array(&c.encoder))
        .collect();
    for &change in changes {
        let Some(cells) = buffer.after(&buffer.changes()[change as usize]) else {
            continue;
        };
        if strictness == Strictness::Idempotent && !table.key.is_empty() {
            delete(client, table, buffer, cells, strictness).await?;
        }
        for (column, array) in arrays.iter_mut().enumerate() {
            push(table, buffer, cells, column, array)?;
        }
    }
    let touched = execute(client, table, &Kind::Insert, &arrays).await?;
    expect(table, "insert", changes.len() as u64, touched)
}

async fn delete(
    client: &Client,
    table: &mut ApplyTable,
    buffer: &ChangeBuffer,
    before: &[Cell],
    strictness: Strictness,
) -> Result<(), TargetError> {
    let (kind, columns) = if table.key.is_empty() {
        let columns = present(table, before);
        (Kind::DeleteWhole(columns.clone()), columns)
    } else {
        (Kind::Delete, table.key.clone())
    };
    let arrays = one_row(table, buffer, &columns, before)?;
    let touched = execute(client, table, &kind, &arrays).await?;
    if strictness == Strictness::Exact {
        expect(table, "delete", 1, touched)?;
    }
    Ok(())
}

async fn update(
    client: &Client,
    table: &mut ApplyTable,
    buffer: &ChangeBuffer,
    before: &[Cell],
    after: &[Cell],
    strictness: Strictness,
) -> Result<(), TargetError> {
    let matched = if table.key.is_empty() {
        present(table, before)
    } else {
        table.key.clone()
    };
    let set = present(table, after);
    if set.is_empty() {
        return Ok(());
    }
    let kind = if table.key.is_empty() {
        Kind::UpdateWhole(matched.clone(), set.clone())
    } else {
        Kind::Update(set.clone())
    };
    let mut arrays = one_row(table, buffer, &matched, before)?;
    arrays.extend(one_row(table, buffer, &set, after)?);
    let touched = execute(client, table, &kind, &arrays).await?;
    if strictness == Strictness::Exact {
        return expect(table, "update", 1, touched);
    }
    if touched == 0 && set.len() == table.columns.len() {
        if !table.key.is_empty() {
            delete(client, table, buffer, after, strictness).await?;
        }
        let arrays = one_row(table, buffer, &set, after)?;
        execute(client, table, &Kind::Insert, &arrays).await?;
    }
    Ok(())
}

/// Columns of the table that the image holds.
fn present(table: &ApplyTable, cells: &[Cell]) -> Vec<usize> {
    let held = |source: usize| !matches!(cells.get(source), None | Some(Cell::Absent));
    (0..table.columns.len())
        .filter(|&c| held(table.columns[c].source_index))
        .collect()
}

fn one_row(
    table: &ApplyTable,
    buffer: &ChangeBuffer,
    columns: &[usize],
    cells: &[Cell],
) -> Result<Vec<ArrayParam>, TargetError> {
    columns
        .iter()
        .map(|&column| {
            let mut array = new_array(&table.columns[column].encoder);
            push(table, buffer, cells, column, &mut array)?;
            Ok(array)
        })
        .collect()
}

fn expect(
    table: &ApplyTable,
    operation: &'static str,
    expected: u64,
    actual: u64,
) -> Result<(), TargetError> {
    if expected == actual {
        return Ok(());
    }
    Err(TargetError::Drift {
        table: table.label(),
        operation,
        expected,
        actual,
    })
}
