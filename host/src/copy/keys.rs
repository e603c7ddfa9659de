//! Keys and indexes of copied tables, built by whichever workers are free.
//!
//! The indexes of a table do not wait for each other: the primary key is built as a unique index
//! like the others, and becomes the key when all are there. Those of a small table are not worth
//! sharing.
//!
//! Two things make the builds of a large table cheap. Its rows are on disk before they begin: until
//! a commit is, PostgreSQL cannot note on a row that it is there, and every build asks again for
//! each. And rows that do not come in the order of the index are sorted in runs that fit into the
//! processor's cache and are merged once, which is quicker than sorting all of them at once.

use std::sync::{Arc, Mutex};

use chameleon_catalog::SourceRow;
use chameleon_catalog::chunks::{self, Phase};
use chameleon_ddl::render::CreatePlan;
use chameleon_postgres::{Client, PostgresError};
use chameleon_target::loader;

use super::queue::{Queue, Task};
use super::{Filling, Target, Work, lock};
use crate::error::HostError;

/// Rows from which a table's indexes are shared among workers.
const SHARED_ROWS: u64 = 50_000;
/// While other tables are being loaded, an index is cheapest to build by one process; the server's
/// parallel workers take a quarter more CPU for it.
const ONE_PROCESS: &str = "set max_parallel_maintenance_workers = 0; reset maintenance_work_mem";
/// For the last index, when no other work is left.
const ALONE: &str = "reset max_parallel_maintenance_workers; reset maintenance_work_mem";
/// Memory of one sorted run at least, kB.
const RUN_KB: u64 = 8 << 10;
/// Rows of whose integer key a run of one kB holds the entries.
const ROWS_OF_A_KB: u64 = 25;
/// Of what share of a row's bytes an index is thought to be.
const INDEXED: u64 = 4;
/// Runs that are merged at once with that memory.
const RUNS: u64 = 24;

/// The indexes of the tables that one source table was the last to fill.
pub(super) struct Keys {
    work: Arc<Work>,
    tables: Vec<(Arc<Target>, CreatePlan)>,
    /// Table and statement.
    builds: Vec<(usize, String)>,
    /// Indexes that are not there yet.
    left: Mutex<usize>,
}

/// All chunks of a table are stored: its keys are built here, or become tasks of `queue`.
pub(super) async fn finish(
    work: &Arc<Work>,
    client: &Client,
    row: &SourceRow,
    in_place: bool,
    queue: &Queue,
) -> Result<(), HostError> {
    let tables = filled(work, in_place);
    if lock(&work.progress).rows < SHARED_ROWS {
        for (target, plan) in &tables {
            loader::build_keys(client, &target.table, plan).await?;
        }
        return note_ready(work, client, row).await;
    }
    let mut builds: Vec<(usize, String)> = tables
        .iter()
        .enumerate()
        .flat_map(|(n, (_, plan))| plan.index_builds().map(move |sql| (n, sql.to_owned())))
        .collect();
    // the quickest last, so that the workers end together: the primary key's rows are in its order
    builds.sort_by_key(|(table, sql)| tables[*table].1.primary_index.as_ref() == Some(sql));
    let count = builds.len();
    if count == 0 {
        return note_ready(work, client, row).await;
    }
    note_stored(work, client, row).await?;
    let keys = Arc::new(Keys {
        work: Arc::clone(work),
        tables,
        builds,
        left: Mutex::new(count),
    });
    queue.add((0..count).map(|number| Task::Index(Arc::clone(&keys), number)));
    Ok(())
}

/// The target tables that are filled now that this table is through.
fn filled(work: &Work, in_place: bool) -> Vec<(Arc<Target>, CreatePlan)> {
    let (exact, rows, bytes) = {
        let progress = lock(&work.progress);
        (progress.is_exact(), progress.rows, progress.bytes)
    };
    let mut tables = Vec::new();
    for target in &work.targets {
        let (last, exact) = {
            let mut filling = lock(&target.filling);
            filling.left = filling.left.saturating_sub(1);
            filling.exact &= exact;
            filling.rows += rows;
            filling.bytes += bytes;
            (filling.left == 0, filling.exact)
        };
        if last && !in_place {
            let mut plan = target.plan.clone();
            if !exact {
                // the stream builds them when it has passed the high mark
                plan.unique_indexes.clear();
            }
            tables.push((Arc::clone(target), plan));
        }
    }
    tables
}

impl Keys {
    /// Builds an index, and after the last one makes the primary keys. `alone`: nobody else has
    /// anything to do.
    pub(super) async fn build(
        &self,
        number: usize,
        client: &Client,
        row: &SourceRow,
        alone: bool,
    ) -> Result<(), HostError> {
        if let Some((table, statement)) = self.builds.get(number) {
            let (target, plan) = &self.tables[*table];
            let settings = if alone {
                ALONE.to_owned()
            } else if plan.primary_index.as_ref() == Some(statement) {
                // the rows were loaded in its order
                ONE_PROCESS.to_owned()
            } else {
                in_runs(&lock(&target.filling))
            };
            execute(client, &settings).await?;
            loader::build_index(client, &target.table, statement).await?;
        }
        let left = {
            let mut left = lock(&self.left);
            *left = left.saturating_sub(1);
            *left
        };
        if left > 0 {
            return Ok(());
        }
        for (target, plan) in &self.tables {
            if let Some(statement) = &plan.primary_key_from_index {
                loader::build_index(client, &target.table, statement).await?;
            }
        }
        note_ready(&self.work, client, row).await
    }

    /// Nothing to build.
    #[cfg(test)]
    pub(super) fn of_nothing() -> Self {
        Self {
            work: Arc::new(Work::of_nothing()),
            tables: Vec::new(),
            builds: Vec::new(),
            left: Mutex::new(0),
        }
    }
}

/// Settings for an index in whose order the rows were not loaded.
fn in_runs(table: &Filling) -> String {
    let kb = (table.rows / ROWS_OF_A_KB).max(table.bytes / (INDEXED << 10));
    let kb = (kb / RUNS).max(RUN_KB);
    format!(
        "{ONE_PROCESS}; select set_config(name, least({kb}, reset_val::bigint)::text, false) \
         from pg_settings where name = 'maintenance_work_mem'"
    )
}

/// Notes that all rows of the table are stored, and returns when that is on disk.
async fn note_stored(work: &Work, client: &Client, row: &SourceRow) -> Result<(), HostError> {
    execute(client, "begin; set local synchronous_commit = local").await?;
    chunks::set_phase(client, row.id, &work.table.name, Phase::Loaded).await?;
    execute(client, "commit").await
}

async fn execute(client: &Client, sql: &str) -> Result<(), HostError> {
    let failed = |e| PostgresError::statement("prepare to build keys", &e);
    Ok(client.batch_execute(sql).await.map_err(failed)?)
}

/// Notes that the table is complete.
async fn note_ready(work: &Work, client: &Client, row: &SourceRow) -> Result<(), HostError> {
    chunks::set_phase(client, row.id, &work.table.name, Phase::Ready).await?;
    let mut progress = lock(&work.progress);
    if let Some(started) = progress.stopwatch {
        progress.seconds = started.elapsed().as_secs_f64();
    }
    work.bar.finish();
    tracing::info!(
        source = %row.name, table = %work.table.name, rows = progress.rows, "table copied"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_runs_grow_with_the_table_so_that_they_are_merged_at_once() {
        let table = |rows, bytes| {
            in_runs(&Filling {
                left: 0,
                exact: true,
                rows,
                bytes,
            })
        };
        assert!(table(1_000_000, 200 << 20).contains("least(8192, reset_val::bigint)"));
        // 40 bytes of an integer's entry, and a quarter of the bytes of long rows
        assert!(table(600_000_000, 0).contains("least(1000000, "));
        assert!(table(1, 96 << 30).contains("least(1048576, "));
    }
}
