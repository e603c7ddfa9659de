//! Keys and indexes of copied tables, built by whichever workers are free.
//!
//! The indexes of a table do not wait for each other: the primary key is built as a unique index
//! like the others, and becomes the key when all are there. Those of a small table are not worth
//! sharing.

use std::sync::{Arc, Mutex};

use chameleon_catalog::SourceRow;
use chameleon_catalog::chunks::{self, Phase};
use chameleon_ddl::render::CreatePlan;
use chameleon_postgres::Client;
use chameleon_target::loader;

use super::queue::{Queue, Task};
use super::{Target, Work, lock};
use crate::error::HostError;

/// Rows from which a table's indexes are shared among workers.
const SHARED_ROWS: u64 = 50_000;

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
        return ready(work, client, row).await;
    }
    let builds: Vec<(usize, String)> = tables
        .iter()
        .enumerate()
        .flat_map(|(n, (_, plan))| plan.index_builds().map(move |sql| (n, sql.to_owned())))
        .collect();
    let count = builds.len();
    if count == 0 {
        return ready(work, client, row).await;
    }
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
    let exact = lock(&work.progress).is_exact();
    let mut tables = Vec::new();
    for target in &work.targets {
        let (last, exact) = {
            let mut filling = lock(&target.filling);
            filling.left = filling.left.saturating_sub(1);
            filling.exact &= exact;
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
    /// Builds an index, and after the last one makes the primary keys.
    pub(super) async fn build(
        &self,
        number: usize,
        client: &Client,
        row: &SourceRow,
    ) -> Result<(), HostError> {
        if let Some((table, statement)) = self.builds.get(number) {
            let (target, _) = &self.tables[*table];
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
        ready(&self.work, client, row).await
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

/// Notes that the table is complete.
async fn ready(work: &Work, client: &Client, row: &SourceRow) -> Result<(), HostError> {
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
