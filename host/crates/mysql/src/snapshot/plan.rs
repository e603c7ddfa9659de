//! Planning of chunks.
//!
//! A single integer key is divided by arithmetic between its smallest and largest value, and each
//! part again until the optimiser's own estimate (an index dive, not a count) says that it is small
//! enough: gaps and dense regions so come out right without reading the table. Any other key is
//! walked along in the index, one step of `rows_per_chunk` entries at a time.

use chameleon_model::TableSchema;

use super::Chunk;
use super::key::{KeyBound, WalkKey};
use crate::rows::quote_ident;
use crate::{SourceConn, SourceError};

/// Most parts that a range is divided into at once.
const MAX_PARTS: u64 = 64;

/// Error number for a hint that names an index the optimiser may not use (invisible, ignored).
const NO_SUCH_KEY: u16 = 1176;

/// Divides a table into ranges of about `rows_per_chunk` rows.
///
/// One chunk for a table without a usable key: the primary key or a unique index of NOT NULL
/// columns, or its first columns, of a type that compares with literals as the index is ordered
/// (not ENUM, SET, BIT, FLOAT, DOUBLE).
pub async fn plan_chunks(
    conn: &mut SourceConn,
    table: &TableSchema,
    rows_per_chunk: u64,
) -> Result<Vec<Chunk>, SourceError> {
    let Some(key) = WalkKey::of(table) else {
        return Ok(vec![Chunk::whole()]);
    };
    let mut planner = Planner {
        table,
        key: &key,
        hinted: true,
        rows: rows_per_chunk.max(1),
    };
    let mut bounds = planner.bounds(conn).await;
    if bounds
        .as_ref()
        .is_err_and(|e| e.errno() == Some(NO_SUCH_KEY))
    {
        planner.hinted = false;
        bounds = planner.bounds(conn).await;
    }
    match bounds {
        Ok(bounds) => Ok(chunks(bounds)),
        // a key whose bytes are invalid in its character set cannot be written as a literal
        Err(SourceError::StatementData { errno, .. }) => {
            tracing::debug!(table = %table.name, errno, "key cannot be walked, one chunk");
            Ok(vec![Chunk::whole()])
        }
        Err(error) => Err(error),
    }
}

/// The table's name for a FROM clause.
pub(super) fn from(table: &TableSchema) -> String {
    let name = &table.name;
    format!("{}.{}", quote_ident(&name.schema), quote_ident(&name.name))
}

/// Ranges between neighbouring bounds, open at both ends.
fn chunks(bounds: Vec<Vec<KeyBound>>) -> Vec<Chunk> {
    let mut after = None;
    let mut chunks = Vec::with_capacity(bounds.len() + 1);
    let ends = bounds.into_iter().map(Some).chain([None]);
    for (number, to) in (0..).zip(ends) {
        let next = to.clone();
        chunks.push(Chunk { number, after, to });
        after = next;
    }
    chunks
}

struct Planner<'a> {
    table: &'a TableSchema,
    key: &'a WalkKey,
    /// The index may be named in a hint.
    hinted: bool,
    /// Rows per chunk.
    rows: u64,
}

impl Planner<'_> {
    /// The table with a hint for the key's index, `force` or `use`.
    fn from(&self, hint: &str) -> String {
        let name = from(self.table);
        if self.hinted {
            format!("{name} {hint} index ({})", quote_ident(&self.key.index))
        } else {
            name
        }
    }

    /// Upper bounds of all chunks but the last.
    async fn bounds(&self, conn: &mut SourceConn) -> Result<Vec<Vec<KeyBound>>, SourceError> {
        match self.key.single_integer(self.table) {
            Some(column) => self.divide(conn, column).await,
            None => self.walk(conn).await,
        }
    }

    async fn walk(&self, conn: &mut SourceConn) -> Result<Vec<Vec<KeyBound>>, SourceError> {
        let list = self.key.select_list(self.table);
        let order = self.key.order_list(self.table);
        let mut bounds: Vec<Vec<KeyBound>> = Vec::new();
        loop {
            let above = bounds.last().and_then(|b| self.key.above(self.table, b));
            let condition = above.map_or_else(String::new, |c| format!("where {c}"));
            let sql = format!(
                "select {list} from {} {condition} order by {order} limit 1 offset {}",
                self.from("force"),
                self.rows - 1
            );
            let rows = conn.rows("plan the copy", &sql).await?;
            let Some(row) = rows.first() else {
                return Ok(bounds);
            };
            let bound = self.key.bounds(self.table, row)?;
            if bounds.last() == Some(&bound) {
                return Ok(bounds);
            }
            bounds.push(bound);
        }
    }

    async fn divide(
        &self,
        conn: &mut SourceConn,
        column: usize,
    ) -> Result<Vec<Vec<KeyBound>>, SourceError> {
        let name = quote_ident(&self.table.columns[column].name);
        let unsigned = self.table.columns[column].ty.unsigned;
        let ends = format!(
            "select min({name}) as low, max({name}) as high from {}",
            from(self.table)
        );
        let row = conn.row("plan the copy", &ends).await?;
        let (Some(low), Some(high)) = (row.number("low"), row.number("high")) else {
            return Ok(Vec::new());
        };
        let mut bounds = Vec::new();
        // ranges still to be looked at, the lowest last
        let mut open: Vec<(i128, i128)> = vec![(low, high)];
        let mut gathered = 0;
        while let Some((low, high)) = open.pop() {
            let rows = self.estimate(conn, &name, low, high).await?;
            let parts = rows.div_ceil(self.rows).min(MAX_PARTS);
            if rows > self.rows + self.rows / 2 && high > low {
                open.extend(divided(low, high, parts.max(2)).into_iter().rev());
                continue;
            }
            if gathered > 0 && gathered + rows > self.rows + self.rows / 2 {
                bounds.push(bound(low - 1, unsigned)?);
                gathered = 0;
            }
            gathered += rows;
        }
        Ok(bounds)
    }

    /// The optimiser's estimate of the rows whose key is in `low..=high`.
    async fn estimate(
        &self,
        conn: &mut SourceConn,
        name: &str,
        low: i128,
        high: i128,
    ) -> Result<u64, SourceError> {
        // MySQL: the traditional form is the default no more, and a forced index is not estimated
        let (explain, hint) = if conn.info.is_mariadb() {
            ("explain", "force")
        } else {
            ("explain format = traditional", "use")
        };
        let sql = format!(
            "{explain} select 1 from {} where {name} >= {low} and {name} <= {high}",
            self.from(hint)
        );
        let row = conn.row("plan the copy", &sql).await?;
        let rows: u64 = row.number("rows").unwrap_or(0);
        // MySQL scans a small table; this share of it, in per cent with two digits, is in the range
        let share = row.text("filtered").map(|percent| percent.replace('.', ""));
        let share = share.and_then(|s| s.parse().ok()).unwrap_or(10_000);
        Ok(rows.saturating_mul(share) / 10_000)
    }
}

/// `low..=high` in `parts` parts of equal width, in order.
fn divided(low: i128, high: i128, parts: u64) -> Vec<(i128, i128)> {
    let width = high - low + 1;
    let parts = i128::from(parts).min(width);
    let start = |n: i128| low + width * n / parts;
    (0..parts).map(|n| (start(n), start(n + 1) - 1)).collect()
}

fn bound(value: i128, unsigned: bool) -> Result<Vec<KeyBound>, SourceError> {
    let bound = if unsigned {
        u64::try_from(value).map(KeyBound::UInt)
    } else {
        i64::try_from(value).map(KeyBound::Int)
    };
    let bound = bound.map_err(|_| SourceError::Answer {
        what: "plan the copy".to_owned(),
        reason: "a key is out of its type's range".to_owned(),
    })?;
    Ok(vec![bound])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn chunks_cover_everything_between_open_ends() {
        let check = |bounds: &[i64], expect: &[(Option<i64>, Option<i64>)]| {
            let one = |&n: &i64| vec![KeyBound::Int(n)];
            let expect: Vec<Chunk> = (0..)
                .zip(expect)
                .map(|(number, (after, to))| Chunk {
                    number,
                    after: after.as_ref().map(one),
                    to: to.as_ref().map(one),
                })
                .collect();
            assert_eq!(chunks(bounds.iter().map(one).collect()), expect);
        };
        check(&[], &[(None, None)]);
        check(
            &[5, 9],
            &[(None, Some(5)), (Some(5), Some(9)), (Some(9), None)],
        );
    }

    proptest! {
        #[test]
        fn parts_of_a_range_are_neighbours(low in any::<i64>(), width in 1u64.., parts in 2u64..64) {
            let (low, high) = (i128::from(low), i128::from(low) + i128::from(width) - 1);
            let divided = divided(low, high, parts);
            prop_assert_eq!(divided.first().unwrap().0, low);
            prop_assert_eq!(divided.last().unwrap().1, high);
            for pair in divided.windows(2) {
                prop_assert_eq!(pair[0].1 + 1, pair[1].0);
            }
            prop_assert!(divided.iter().all(|(low, high)| low <= high));
        }
    }
}
