//! One worker of a copy: takes chunks, reads them, lets the transforms have the rows, stores them.

use std::sync::Arc;
use std::time::Instant;

use chameleon_catalog::SourceRow;
use chameleon_catalog::chunks::{self, ChunkDone};
use chameleon_catalog::row_errors::{self, Operation, RowError};
use chameleon_ddl::mapping::Mapping;
use chameleon_diag::Diagnostic;
use chameleon_model::{ChangeBuffer, TableName};
use chameleon_mysql::snapshot::{Chunk, SnapshotReader};
use chameleon_postgres::{Client, PostgresError};
use chameleon_target::loader::{Loaded, TableLoader};
use chameleon_transform::Meta;

use super::queue::{Queue, Task};
use super::{Work, keys, lock};
use crate::capture::describe;
use crate::error::HostError;
use crate::shape::{self, Shaper};
use crate::stop::Stop;

/// How often a table without key is read again because it changed while it was read.
const KEYLESS_TRIES: u32 = 5;

/// Settings of a session at the target. While other tables are being loaded, an index is cheapest to
/// build by one process; the server's parallel workers take a quarter more CPU for it.
const SETTINGS: &str = "set synchronous_commit = off; set max_parallel_maintenance_workers = 0";
/// For the last index, when no other work is left.
const ALONE: &str = "reset max_parallel_maintenance_workers";

/// One session at the source and one at the target.
pub(super) struct Worker {
    pub(super) row: SourceRow,
    pub(super) mapping: Mapping,
    pub(super) in_place: bool,
    pub(super) stop: Stop,
    pub(super) queue: Arc<Queue>,
    pub(super) client: Client,
    pub(super) shaper: Shaper,
    pub(super) fill_bytes: usize,
    /// Rows that are read while others are stored; kept, because their memory is used again.
    pub(super) buffers: [ChangeBuffer; 2],
}

impl Worker {
    pub(super) async fn run(mut self, reader: SnapshotReader) -> Result<(), HostError> {
        let mut reader = Some(reader);
        let queue = Arc::clone(&self.queue);
        self.set_up(SETTINGS).await?;
        while let Some((task, _at_work)) = queue.next().await {
            if self.stop.requested() {
                return Err(HostError::Copy {
                    object: self.row.name.clone(),
                    reason: "it was interrupted; started again, it goes on where it was".into(),
                });
            }
            match (task, &mut reader) {
                (Task::Chunk(work, chunk), Some(reader)) => {
                    lock(&work.progress)
                        .stopwatch
                        .get_or_insert_with(Instant::now);
                    self.chunk(reader, &work, &chunk).await?;
                    let last = {
                        let mut progress = lock(&work.progress);
                        progress.left -= 1;
                        progress.left == 0
                    };
                    if last {
                        self.finish(&work).await?;
                    }
                }
                (Task::Chunk(..), None) => {
                    return Err(HostError::TaskFailed {
                        task: "copy",
                        reason: "a chunk came after the last one",
                    });
                }
                (Task::Finish(work), _) => self.finish(&work).await?,
                (Task::Index(keys, number), _) => {
                    let settings = if queue.is_last() { ALONE } else { SETTINGS };
                    self.set_up(settings).await?;
                    keys.build(number, &self.client, &self.row).await?;
                }
            }
            if !queue.has_chunks() {
                // the source is done with
                reader = None;
            }
        }
        Ok(())
    }

    async fn finish(&self, work: &Arc<Work>) -> Result<(), HostError> {
        keys::finish(work, &self.client, &self.row, self.in_place, &self.queue).await
    }

    async fn set_up(&self, settings: &str) -> Result<(), HostError> {
        let failed = |e| PostgresError::statement("set up a copy session", &e);
        Ok(self.client.batch_execute(settings).await.map_err(failed)?)
    }

    async fn chunk(
        &mut self,
        reader: &mut SnapshotReader,
        work: &Work,
        chunk: &Chunk,
    ) -> Result<(), HostError> {
        let keyless = work.table.row_key().is_none();
        for attempt in 1.. {
            let read = self.read_chunk(reader, work, chunk);
            let done = read.await?;
            let exact = match (&done.low, &done.high) {
                (Some(low), Some(high)) => low.binlog == high.binlog,
                _ => true,
            };
            if keyless && !exact {
                self.execute("rollback").await?;
                if attempt < KEYLESS_TRIES {
                    continue;
                }
                return Err(HostError::Copy {
                    object: work.table.name.to_string(),
                    reason: "it has no key and changes all the time: it can only be copied under \
                             a lock, for which the right RELOAD is needed"
                        .into(),
                });
            }
            chunks::finish(
                &self.client,
                self.row.id,
                &work.table.name,
                chunk.number,
                &done,
            )
            .await?;
            self.execute("commit").await?;
            lock(&work.progress).add(&done);
            return Ok(());
        }
        Ok(())
    }

    /// Reads and stores a chunk; the transaction stays open.
    async fn read_chunk(
        &mut self,
        reader: &mut SnapshotReader,
        work: &Work,
        chunk: &Chunk,
    ) -> Result<ChunkDone, HostError> {
        self.execute("begin").await?;
        let mut loaders = self.loaders(work).await?;
        let mut rows = reader.begin(&work.table, chunk).await?;
        let mut done = ChunkDone {
            rows: 0,
            bytes: 0,
            low: None,
            high: None,
        };
        let [mut reading, mut loading] = std::mem::take(&mut self.buffers);
        let mut more = rows.fill(&mut reading, self.fill_bytes).await?;
        loop {
            std::mem::swap(&mut reading, &mut loading);
            reading.clear();
            done.bytes += loading.bytes() as u64;
            let fill_bytes = self.fill_bytes;
            let load = self.load(work, &mut loaders, &mut loading);
            let stored = if more {
                let (filled, stored) = tokio::join!(rows.fill(&mut reading, fill_bytes), load);
                more = filled?;
                stored?
            } else {
                load.await?
            };
            done.rows += stored;
            work.bar.inc(stored);
            if !more && reading.is_empty() {
                break;
            }
        }
        done.low = Some(rows.low().clone());
        done.high = Some(rows.high().clone());
        for buffer in [&mut reading, &mut loading] {
            buffer.clear();
            buffer.shrink_to(2 * self.fill_bytes);
        }
        self.buffers = [reading, loading];
        Ok(done)
    }

    /// One for each target of the table.
    async fn loaders(&mut self, work: &Work) -> Result<Vec<TableLoader>, HostError> {
        let learnt = self.shaper.learn(&work.table);
        let targets = learnt.map_err(|refused| refused.of(&work.table.name))?;
        let (staging, rules) = (&self.mapping.dest_schema, &self.mapping.rules);
        let mut loaders = Vec::new();
        for target in targets {
            loaders.push(TableLoader::open(&self.client, &target.table, staging, rules).await?);
        }
        Ok(loaders)
    }

    /// Lets the transforms have the rows and stores what they make of them, table by table.
    async fn load(
        &mut self,
        work: &Work,
        loaders: &mut [TableLoader],
        rows: &mut ChangeBuffer,
    ) -> Result<u64, HostError> {
        if !self.shaper.is_active() {
            return match loaders.first_mut() {
                Some(loader) => self.store(work, loader, rows).await,
                None => Ok(0),
            };
        }
        let given = std::mem::take(rows);
        let shaped = self.shaper.rows(given, true, &Meta::default())?;
        *rows = shaped.rows;
        if let Some(stopped) = shaped.stopped.into_iter().next() {
            return Err(stopped.error.into());
        }
        let id = self.row.id;
        shape::record_failed(&self.client, id, &shaped.failed, true, None).await?;
        lock(&work.progress).refused += shaped.failed.len() as u64;
        if let [loader] = loaders {
            return self.store(work, loader, rows).await;
        }
        let mut stored = 0;
        let all = rows.take_changes();
        let names: Vec<TableName> = rows.tables().iter().map(|t| t.name.clone()).collect();
        let targets = self.shaper.targets(&work.table.name);
        let targets: Vec<TableName> = targets.iter().map(|t| t.table.name.clone()).collect();
        for (loader, target) in loaders.iter_mut().zip(targets) {
            let own = all
                .iter()
                .filter(|change| names.get(change.table as usize) == Some(&target));
            rows.set_changes(own.copied().collect());
            stored += self.store(work, loader, rows).await?;
        }
        Ok(stored)
    }

    /// Stores rows of one target table; every row is stored or refused.
    async fn store(
        &self,
        work: &Work,
        loader: &mut TableLoader,
        rows: &ChangeBuffer,
    ) -> Result<u64, HostError> {
        let loaded = loader.load(&self.client, rows).await?;
        self.account(work, rows, &loaded).await?;
        Ok(loaded.stored)
    }

    /// Notes refused rows, and that none was lost.
    async fn account(
        &self,
        work: &Work,
        rows: &ChangeBuffer,
        loaded: &Loaded,
    ) -> Result<(), HostError> {
        let (read, refused) = (rows.len() as u64, loaded.refused.len() as u64);
        if loaded.stored + refused != read {
            return Err(HostError::Copy {
                object: work.table.name.to_string(),
                reason: format!(
                    "{read} rows were read, {} stored and {refused} refused",
                    loaded.stored
                ),
            });
        }
        if refused == 0 {
            return Ok(());
        }
        let reasons: Vec<String> = loaded.refused.iter().map(|r| describe(&r.error)).collect();
        let errors: Vec<RowError<'_>> = loaded
            .refused
            .iter()
            .zip(&reasons)
            .map(|(row, reason)| RowError {
                table: &work.table.name,
                operation: Operation::Copy,
                position: None,
                code: row.error.code(),
                reason,
            })
            .collect();
        row_errors::record(&self.client, self.row.id, &errors).await?;
        lock(&work.progress).refused += refused;
        Ok(())
    }

    async fn execute(&self, sql: &str) -> Result<(), HostError> {
        let failed = |e| PostgresError::statement(format!("{sql} a chunk"), &e);
        Ok(self.client.batch_execute(sql).await.map_err(failed)?)
    }
}
