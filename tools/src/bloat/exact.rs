//! The methods that read the relation itself: `pgstattuple_approx`, `pgstattuple`, `pgstatindex`.
//!
//! What the extension counts is kept as it is. The size after a rewrite, which it does not tell,
//! is calculated from it: rows of the counted mean length in pages of the fill factor; the counted
//! bytes of leaves in leaves of the fill factor.

use std::time::{Duration, Instant};

use chameleon_postgres::tokio_postgres::Row;
use chameleon_postgres::tokio_postgres::types::Type;
use chameleon_postgres::{Client, PostgresError};

use super::facts::{Kind, Relation, count, get, query};
use super::layout::{LINE_POINTER, RowShape, heap_pages, max_align, toast_pages};
use super::measure::{Figures, Measure, Method};
use super::number::fraction;
use super::sample::absent;

/// Header and special space of a btree page.
const BTREE_OVERHEAD: f64 = 40.0;
/// Pages that `pgstattuple_approx` may read unasked.
const UNASKED_PAGES: u64 = 131_072;

/// Reads relations, and notes how fast that goes.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) client: &'a Client,
    /// Schema of the extension, quoted.
    pub(crate) extension: &'a str,
    pub(crate) block: f64,
    /// Bytes read, and in what time.
    pub(crate) read: (u64, Duration),
}

impl Reader<'_> {
    async fn call(
        &mut self,
        function: &str,
        relation: &Relation,
    ) -> Result<Option<Row>, PostgresError> {
        let sql = format!(
            "select * from {}.{function}($1::oid::regclass)",
            self.extension
        );
        let attempt = format!("{function} of {}", relation.quoted());
        let begun = Instant::now();
        match query(self.client, &attempt, &sql, &[(&relation.oid, Type::OID)]).await {
            Ok(rows) => {
                self.read.0 += relation.bytes;
                self.read.1 += begun.elapsed();
                Ok(rows.into_iter().next())
            }
            Err(error) => absent(error),
        }
    }

    /// `pgstattuple_approx`, for what holds rows. `None`: locked, gone, or more pages to read than
    /// a report should read unasked.
    pub(crate) async fn approximate(
        &mut self,
        relation: &Relation,
    ) -> Result<Option<Measure>, PostgresError> {
        let pages = relation.noted_pages.saturating_sub(relation.visible_pages);
        if !relation.kind.is_heap() || relation.locked || pages > UNASKED_PAGES {
            return Ok(None);
        }
        let Some(row) = self.call("pgstattuple_approx", relation).await? else {
            return Ok(None);
        };
        let size = count(&row, "table_len")?;
        let live = fraction(count(&row, "approx_tuple_len")?);
        let chunks = fraction(count(&row, "approx_tuple_count")?);
        let kept = 1.0 - f64::from(100 - relation.fillfactor().min(100)) / 100.0;
        let figures = Figures {
            live_tuples: chunks,
            live_bytes: live,
            dead_tuples: fraction(count(&row, "dead_tuple_count")?),
            dead_bytes: fraction(count(&row, "dead_tuple_len")?),
            free_bytes: fraction(count(&row, "approx_free_space")?),
            // of pages that were not read, all that is not free counts as rows
            ideal_bytes: match relation.kind {
                Kind::Toast if chunks >= 1.0 => {
                    toast_pages(chunks, live / chunks - LINE_POINTER, self.block) * self.block
                }
                _ => (live / kept / self.block).ceil() * self.block,
            },
        };
        let scanned: f64 = get(&row, "scanned_percent")?;
        let basis = format!("pgstattuple_approx, {scanned:.0} % of the pages read");
        Ok(Some(Measure::new(
            size,
            figures,
            Method::Approximate,
            basis,
        )))
    }

    /// `pgstattuple` or `pgstatindex`. `None` for access methods that neither knows, for what is
    /// locked or gone.
    pub(crate) async fn exact(
        &mut self,
        relation: &Relation,
    ) -> Result<Option<Measure>, PostgresError> {
        if relation.locked {
            return Ok(None);
        }
        if relation.kind.is_heap() {
            return self.heap(relation).await;
        }
        match relation.method.as_deref() {
            Some("btree") => self.btree(relation).await,
            Some("hash" | "gist") => self.other_index(relation).await,
            _ => Ok(None),
        }
    }

    async fn heap(&mut self, relation: &Relation) -> Result<Option<Measure>, PostgresError> {
        let Some(row) = self.call("pgstattuple", relation).await? else {
            return Ok(None);
        };
        let mut figures = counted(&row)?;
        if figures.live_tuples > 0.0 {
            let length = figures.live_bytes / figures.live_tuples;
            let varies = length.fract() != 0.0;
            let shape = RowShape {
                length,
                padded: if varies {
                    length + 3.5
                } else {
                    max_align(length)
                },
                varies,
            };
            let rows = figures.live_tuples;
            let pages = match relation.kind {
                Kind::Toast => toast_pages(rows, length, self.block),
                _ => heap_pages(rows, shape, relation.fillfactor(), self.block),
            };
            figures.ideal_bytes = pages * self.block;
        }
        let size = count(&row, "table_len")?;
        Ok(Some(Measure::new(
            size,
            figures,
            Method::Exact,
            "pgstattuple".into(),
        )))
    }

    async fn btree(&mut self, relation: &Relation) -> Result<Option<Measure>, PostgresError> {
        let Some(row) = self.call("pgstatindex", relation).await? else {
            return Ok(None);
        };
        let size = count(&row, "index_size")?;
        let leaves = fraction(count(&row, "leaf_pages")?);
        let upper = fraction(count(&row, "internal_pages")?);
        let density: f64 = get(&row, "avg_leaf_density")?;
        let room = self.block - BTREE_OVERHEAD;
        let used = if leaves > 0.0 && density.is_finite() {
            leaves * room * density / 100.0
        } else {
            0.0
        };
        let reserved = self.block * f64::from(100 - relation.fillfactor().min(100)) / 100.0;
        let ideal_leaves = (used / (room - reserved)).ceil();
        let ideal_upper = if leaves > 0.0 {
            (upper * ideal_leaves / leaves).ceil()
        } else {
            0.0
        };
        let figures = Figures {
            live_bytes: used,
            free_bytes: (leaves * room - used)
                + fraction(count(&row, "empty_pages")? + count(&row, "deleted_pages")?)
                    * self.block,
            ideal_bytes: (1.0 + ideal_leaves + ideal_upper) * self.block,
            ..Figures::default()
        };
        Ok(Some(Measure::new(
            size,
            figures,
            Method::Exact,
            "pgstatindex".into(),
        )))
    }

    async fn other_index(&mut self, relation: &Relation) -> Result<Option<Measure>, PostgresError> {
        let Some(row) = self.call("pgstattuple", relation).await? else {
            return Ok(None);
        };
        let mut figures = counted(&row)?;
        let size = count(&row, "table_len")?;
        let waste = figures.free_bytes + figures.dead_bytes;
        figures.ideal_bytes = (fraction(size) - waste).max(self.block);
        Ok(Some(Measure::new(
            size,
            figures,
            Method::Exact,
            "pgstattuple".into(),
        )))
    }
}

fn counted(row: &Row) -> Result<Figures, PostgresError> {
    Ok(Figures {
        live_tuples: fraction(count(row, "tuple_count")?),
        live_bytes: fraction(count(row, "tuple_len")?),
        dead_tuples: fraction(count(row, "dead_tuple_count")?),
        dead_bytes: fraction(count(row, "dead_tuple_len")?),
        free_bytes: fraction(count(row, "free_space")?),
        ideal_bytes: 0.0,
    })
}
