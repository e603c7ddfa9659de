//! A sample of a table's rows: of each value its length alone.
//!
//! It stands in where the server's statistics do not reach: for TOAST, of which ANALYZE notes
//! nothing, and for tables that were never analysed, as log tables are that were just truncated.
//! `pg_column_size` tells the stored length of a value in TOAST without reading it.

use chameleon_postgres::tokio_postgres::types::Type;
use chameleon_postgres::{Class, Client, PostgresError, quote_ident};

use super::facts::{Relation, TableColumn, count, get, query};
use super::layout::{Column, Sampled, SampledRow, lay_out};
use super::number::fraction;

/// Rows that are wanted.
const ROWS: f64 = 3000.0;
/// Pages that are read at least, so that the rows come from many places.
const LEAST_PAGES: f64 = 200.0;
/// Pages that are read at most, however few rows they hold.
const MOST_PAGES: f64 = 4000.0;
/// Rows whose keys are counted, as many as ANALYZE takes by default.
const KEY_ROWS: f64 = 30_000.0;
/// Rows that are taken at most.
const LIMIT: u32 = 20_000;

/// What a sample tells.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) sampled: Sampled,
    /// Rows of the whole table, from those of the pages that were read.
    pub(crate) rows: Option<f64>,
}

/// Samples the table. `None`: it has no rows, or they may not be read, or it is locked.
pub(crate) async fn take(
    client: &Client,
    table: &Relation,
    columns: &[TableColumn],
    live: f64,
    block: f64,
) -> Result<Option<Sample>, PostgresError> {
    if table.locked || columns.is_empty() {
        return Ok(None);
    }
    let pages = (table.bytes as f64 / block).max(1.0);
    let wanted = (ROWS / live.max(1.0)).max(LEAST_PAGES / pages);
    let percent = (wanted.min(MOST_PAGES / pages) * 100.0).clamp(0.000_1, 100.0);
    let sizes: Vec<String> = columns
        .iter()
        .map(|column| match column.layout.stored {
            true => format!("pg_column_size({})", quote_ident(&column.name)),
            false => "null".into(),
        })
        .collect();
    let sql = format!(
        "select array[{}]::integer[] as sizes from only {} tablesample system ({percent}) \
         repeatable (1) limit {LIMIT}",
        sizes.join(", "),
        table.quoted(),
    );
    let attempt = format!("sample {}", table.quoted());
    let rows = match query(client, &attempt, &sql, &[] as &[(_, Type)]).await {
        Ok(rows) => rows,
        Err(error) => return absent(error),
    };
    let rows: Result<Vec<SampledRow>, PostgresError> = rows
        .iter()
        .map(|row| {
            let sizes: Vec<Option<i32>> = get(row, "sizes")?;
            let sizes = sizes.into_iter();
            Ok(sizes
                .map(|s| s.map(|s| u64::try_from(s).unwrap_or(0)))
                .collect())
        })
        .collect();
    let layout: Vec<Column> = columns.iter().map(|c| c.layout.clone()).collect();
    let rows = rows?;
    let limited = rows.len() >= usize::try_from(LIMIT).unwrap_or(usize::MAX);
    Ok(lay_out(&layout, &rows, block).map(|sampled| Sample {
        rows: (!limited).then(|| rows.len() as f64 * 100.0 / percent),
        sampled,
    }))
}

/// How many different keys an index has, as ANALYZE estimates it for a column: Haas and Stokes'
/// estimator over a sample of rows of many pages. `None`: it may not be read, or it is locked.
pub(crate) async fn different_keys(
    client: &Client,
    table: &Relation,
    index: &Relation,
    keys: usize,
    live: f64,
    block: f64,
) -> Result<Option<f64>, PostgresError> {
    if table.locked || live < 1.0 {
        return Ok(None);
    }
    let attempt = format!("sample the keys of {}", index.quoted());
    let names = format!(
        "select array(select pg_catalog.pg_get_indexdef($1, n, true) \
         from generate_series(1, {keys}) n) as keys"
    );
    let rows = match query(client, &attempt, &names, &[(&index.oid, Type::OID)]).await {
        Ok(rows) => rows,
        Err(error) => return absent(error),
    };
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let names: Vec<String> = get(row, "keys")?;
    let pages = (table.bytes as f64 / block).max(1.0);
    let percent = (MOST_PAGES / pages * 100.0).min(100.0);
    let part = (KEY_ROWS / (live * percent / 100.0)).min(1.0);
    let sql = format!(
        "select count(*) as different, count(*) filter (where c = 1) as once, \
                coalesce(sum(c), 0)::bigint as seen \
           from (select count(*) as c from only {} tablesample system ({percent}) repeatable (1) \
                  where random() < {part} group by {}) k",
        table.quoted(),
        names.join(", "),
    );
    let rows = match query(client, &attempt, &sql, &[] as &[(_, Type)]).await {
        Ok(rows) => rows,
        Err(error) => return absent(error),
    };
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let seen = fraction(count(row, "seen")?);
    let (different, once) = (
        fraction(count(row, "different")?),
        fraction(count(row, "once")?),
    );
    let divisor = seen - once + once * seen / live.max(seen);
    Ok((divisor > 0.0).then(|| (seen * different / divisor).clamp(different, live.max(different))))
}

/// A table that may not be read, is locked or is gone is not sampled; a lost connection is an error.
pub(crate) fn absent<T>(error: PostgresError) -> Result<Option<T>, PostgresError> {
    match error.class() {
        Class::Connection | Class::Disk => Err(error),
        _ => Ok(None),
    }
}
