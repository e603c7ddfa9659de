//! One worker of a copy: takes chunks, reads them, lets the transforms have the rows, stores them.

use std::sync::Arc;
use std::time::Instant;

use chameleon_catalog::SourceRow;
use chameleon_catalog::chunks::{self, ChunkDone};
use chameleon_catalog::row_errors::{self, Operation, RowError};
use chameleon_ddl::mapping::Mapping;
use chameleon_diag::{Diagnostic, ErrorCode};
use chameleon_model::{ChangeBuffer, TableName};
use chameleon_mysql::snapshot::{Chunk, SnapshotReader};
use chameleon_postgres::{Client, PostgresError};
use chameleon_target::loader::{self, RefusedRow, TableLoader};
use chameleon_transform::Meta;

use super::queue::{Queue, Task};
use super::{Work, keys, lock};
use crate::capture::describe;
use crate::error::HostError;
use crate::shape::{self, Shaper};
use crate::stop::Stop;

/// How often a table without key is read again because it changed while it was read.
const KEYLESS_TRIES: u32 = 5;

/// Settings of a session at the target, whose statements take as long as the source does.
const SETTINGS: &str = "set synchronous_commit = off; set max_parallel_maintenance_workers = 0; \
                        set statement_timeout = 0";
/// Rows of one COPY at most. Those of a chunk behind them are loaded in parts, so that no more than
/// these are read in vain where the target refuses one: a table without key is one chunk.
const COPY_ROWS: u64 = 2 * super::CHUNK_ROWS;
/// Bytes that are read before they are appended to a COPY: little, so that the target has to do from
/// early on.
const APPEND_BYTES: usize = 1 << 20;

/// One reading of a chunk.
#[derive(Debug)]
struct Attempt {
    /// Rows are appended to one COPY. Otherwise there is one for each buffer, so that a row that the
    /// target refuses is found.
    one_copy: bool,
    done: ChunkDone,
    /// Rows that were refused, and are noted.
    refused: u64,
    /// Why others were, which are to be noted when no COPY is open.
    reasons: Vec<(ErrorCode, String)>,
}

impl Attempt {
    fn new(one_copy: bool) -> Self {
        Self {
            one_copy,
            done: ChunkDone {
                rows: 0,
                bytes: 0,
                low: None,
                high: None,
            },
            refused: 0,
            reasons: Vec::new(),
        }
    }

    fn refuse(&mut self, rows: &[RefusedRow]) {
        let reasons = rows
            .iter()
            .map(|row| (row.error.code(), describe(&row.error)));
        self.reasons.extend(reasons);
    }

    fn is_exact(&self) -> bool {
        match (&self.done.low, &self.done.high) {
            (Some(low), Some(high)) => low.binlog == high.binlog,
            _ => true,
        }
    }
}

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
        let failed = |e| PostgresError::statement("set up a copy session", &e);
        self.client.batch_execute(SETTINGS).await.map_err(failed)?;
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
                    let alone = queue.is_last();
                    keys.build(number, &self.client, &self.row, alone).await?;
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

    async fn chunk(
        &mut self,
        reader: &mut SnapshotReader,
        work: &Work,
        chunk: &Chunk,
    ) -> Result<(), HostError> {
        let keyless = work.table.row_key().is_none();
        let mut tries = 0;
        loop {
            let mut attempt = Attempt::new(!lock(&work.progress).in_parts);
            let read = self.read_chunk(reader, work, chunk, &mut attempt);
            match read.await {
                Err(HostError::Target(error))
                    if attempt.one_copy && loader::may_be_one_row(&error) =>
                {
                    tracing::debug!(table = %work.table.name, error = %error, "chunk refused");
                    self.take_back(work, &attempt).await?;
                    lock(&work.progress).in_parts = true;
                    continue;
                }
                read => read?,
            }
            if keyless && !attempt.is_exact() {
                self.take_back(work, &attempt).await?;
                tries += 1;
                if tries < KEYLESS_TRIES {
                    continue;
                }
                return Err(HostError::Copy {
                    object: work.table.name.to_string(),
                    reason: "it has no key and changes all the time: it can only be copied under \
                             a lock, for which the right RELOAD is needed"
                        .into(),
                });
            }
            let (source, table) = (self.row.id, &work.table.name);
            chunks::finish(&self.client, source, table, chunk.number, &attempt.done).await?;
            self.execute("commit").await?;
            let mut progress = lock(&work.progress);
            progress.add(&attempt.done);
            progress.refused += attempt.refused;
            return Ok(());
        }
    }

    async fn take_back(&self, work: &Work, attempt: &Attempt) -> Result<(), HostError> {
        work.bar.dec(attempt.done.rows);
        self.execute("rollback").await
    }

    /// Reads and stores a chunk; the transaction stays open.
    async fn read_chunk(
        &mut self,
        reader: &mut SnapshotReader,
        work: &Work,
        chunk: &Chunk,
        attempt: &mut Attempt,
    ) -> Result<(), HostError> {
        self.execute("begin").await?;
        let mut loaders = self.loaders(work).await?;
        attempt.one_copy &= matches!(loaders.as_slice(), [loader] if loader.can_append());
        let mut rows = reader.begin(&work.table, chunk).await?;
        let [mut reading, mut loading] = std::mem::take(&mut self.buffers);
        let mut more = rows.fill(&mut reading, self.fill_bytes(attempt)).await?;
        loop {
            std::mem::swap(&mut reading, &mut loading);
            reading.clear();
            attempt.done.bytes += loading.bytes() as u64;
            let fill_bytes = self.fill_bytes(attempt);
            let load = self.load(work, &mut loaders, &mut loading, attempt);
            let stored = if more {
                let (filled, stored) = tokio::join!(rows.fill(&mut reading, fill_bytes), load);
                more = filled?;
                stored?
            } else {
                load.await?
            };
            attempt.done.rows += stored;
            work.bar.inc(stored);
            let last = !more && reading.is_empty();
            if attempt.one_copy && (last || attempt.done.rows >= COPY_ROWS) {
                if let Some(loader) = loaders.first_mut() {
                    must_be_all(work, attempt.done.rows, loader.finish().await?)?;
                }
                attempt.one_copy = false;
            }
            if !attempt.one_copy {
                self.record(work, attempt).await?;
            }
            if last {
                break;
            }
        }
        attempt.done.low = Some(rows.low().clone());
        attempt.done.high = Some(rows.high().clone());
        for buffer in [&mut reading, &mut loading] {
            buffer.clear();
            buffer.shrink_to(2 * self.fill_bytes);
        }
        self.buffers = [reading, loading];
        Ok(())
    }

    fn fill_bytes(&self, attempt: &Attempt) -> usize {
        if attempt.one_copy {
            self.fill_bytes.min(APPEND_BYTES)
        } else {
            self.fill_bytes
        }
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

    /// Lets the transforms have the rows and stores what they make of them, table by table. Returns
    /// how many rows are stored.
    async fn load(
        &mut self,
        work: &Work,
        loaders: &mut [TableLoader],
        rows: &mut ChangeBuffer,
        attempt: &mut Attempt,
    ) -> Result<u64, HostError> {
        if self.shaper.is_active() {
            let given = std::mem::take(rows);
            let shaped = self.shaper.rows(given, true, &Meta::default())?;
            *rows = shaped.rows;
            if let Some(stopped) = shaped.stopped.into_iter().next() {
                return Err(stopped.error.into());
            }
            let failures = shaped.failed.iter();
            let reasons = failures.map(|row| (row.code, shape::failure(row)));
            attempt.reasons.extend(reasons);
        }
        if let [loader] = loaders {
            if !attempt.one_copy {
                return self.store(work, loader, rows, attempt).await;
            }
            let left_out = loader.append(&self.client, rows).await?;
            attempt.refuse(&left_out);
            return Ok((rows.len() - left_out.len()) as u64);
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
            stored += self.store(work, loader, rows, attempt).await?;
        }
        Ok(stored)
    }

    /// Stores rows of one target table; every row is stored or refused.
    async fn store(
        &self,
        work: &Work,
        loader: &mut TableLoader,
        rows: &ChangeBuffer,
        attempt: &mut Attempt,
    ) -> Result<u64, HostError> {
        let loaded = loader.load(&self.client, rows).await?;
        let read = (rows.len() - loaded.refused.len()) as u64;
        must_be_all(work, read, loaded.stored)?;
        attempt.refuse(&loaded.refused);
        Ok(loaded.stored)
    }

    /// Notes refused rows, in the chunk's transaction.
    async fn record(&self, work: &Work, attempt: &mut Attempt) -> Result<(), HostError> {
        let reasons = std::mem::take(&mut attempt.reasons);
        if reasons.is_empty() {
            return Ok(());
        }
        let errors: Vec<RowError<'_>> = reasons
            .iter()
            .map(|(code, reason)| RowError {
                table: &work.table.name,
                operation: Operation::Copy,
                position: None,
                code: *code,
                reason,
            })
            .collect();
        row_errors::record(&self.client, self.row.id, &errors).await?;
        attempt.refused += errors.len() as u64;
        Ok(())
    }

    async fn execute(&self, sql: &str) -> Result<(), HostError> {
        let failed = |e| PostgresError::statement(format!("{sql} a chunk"), &e);
        Ok(self.client.batch_execute(sql).await.map_err(failed)?)
    }
}

/// None of the rows that were taken is lost.
fn must_be_all(work: &Work, taken: u64, stored: u64) -> Result<(), HostError> {
    if stored == taken {
        return Ok(());
    }
    Err(HostError::Copy {
        object: work.table.name.to_string(),
        reason: format!("{taken} rows were sent and {stored} stored"),
    })
}
