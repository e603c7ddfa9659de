//! The copy engine: reads chunks of tables in a snapshot and loads them into a staging schema.
//!
//! What is done is noted in the catalog chunk by chunk, in the transaction that stored the chunk's
//! rows, so a copy that was killed goes on where it was. Several workers, each with one session at
//! the source and one at the target, take chunks from one list, the largest tables first; reading
//! the next buffer overlaps loading the one before. A table gets its keys as soon as its last chunk
//! is stored, while other tables are still being loaded.
//!
//! Where all chunks were read at one position, the copy is exact there. Otherwise every table has a
//! low and a high mark, and its unique secondary indexes are left for the stream to build once it
//! has passed the high mark.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chameleon_catalog::SourceRow;
use chameleon_catalog::chunks::{self, ChunkDone, CopyRun, CopyTable, Phase};
use chameleon_catalog::row_errors::{self, Operation, RowError};
use chameleon_ddl::mapping::Mapping;
use chameleon_ddl::render::{self, CreatePlan};
use chameleon_diag::Diagnostic;
use chameleon_model::name::{quote_qualified, target_name};
use chameleon_model::{ChangeBuffer, SourcePosition, TableName, TableSchema};
use chameleon_mysql::snapshot::{self, Chunk, Method, SnapshotReader};
use chameleon_postgres::{Client, PostgresError};
use chameleon_target::loader::{self, Loaded, TableLoader};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::capture::describe;
use crate::context::Context;
use crate::error::HostError;
use crate::stop::Stop;

/// Rows of one chunk, about.
const CHUNK_ROWS: u64 = 200_000;
/// Longest wait for the lock under which snapshots are opened.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Buffer of rows between reading and loading, bytes: least and most.
const FILL_BYTES: (usize, usize) = (256 << 10, 4 << 20);
/// How often a table without key is read again because it changed while it was read.
const KEYLESS_TRIES: u32 = 5;

/// One table of a report.
#[derive(Clone, Debug, Serialize)]
pub struct CopiedTable {
    /// Table at the source.
    pub table: String,
    /// Rows stored.
    pub rows: u64,
    /// Bytes of those rows as they were read.
    pub bytes: u64,
    /// Time from its first chunk to its keys.
    pub seconds: f64,
    /// Rows that the target refused; `show_errors` lists them.
    pub refused_rows: u64,
}

/// What a copy did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CopyReport {
    /// Tables by name.
    pub tables: Vec<CopiedTable>,
    /// Rows stored in all.
    pub rows: u64,
    /// Wall time.
    pub seconds: f64,
}

/// Between which positions a table's rows were read.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    pub(crate) table: TableName,
    pub(crate) low: SourcePosition,
    pub(crate) high: SourcePosition,
}

impl Marks {
    /// All rows are of one position.
    pub(crate) fn is_exact(&self) -> bool {
        self.low.binlog == self.high.binlog
    }
}

/// A copy that is complete in the staging schema.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) report: CopyReport,
    pub(crate) marks: Vec<Marks>,
}

/// What to copy, and where to.
pub(crate) struct CopyRequest<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) row: &'a SourceRow,
    pub(crate) tables: &'a [Arc<TableSchema>],
    /// Maps to the staging schema.
    pub(crate) mapping: Mapping,
    /// The staging schema is the one in use: its tables are emptied and keep their shape.
    pub(crate) in_place: bool,
    pub(crate) workers: u16,
    pub(crate) stop: &'a Stop,
}

/// One table while it is being copied.
struct Work {
    table: Arc<TableSchema>,
    plan: CreatePlan,
    bar: ProgressBar,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    seconds: f64,
    left: usize,
    rows: u64,
    bytes: u64,
    refused: u64,
    low: Option<SourcePosition>,
    high: Option<SourcePosition>,
    stopwatch: Option<Instant>,
}

type Queue = Mutex<VecDeque<(Arc<Work>, Chunk)>>;

/// Copies the tables. What an earlier attempt at the same tables stored is kept.
pub(crate) async fn copy(request: &CopyRequest<'_>, control: &Client) -> Result<Copied, HostError> {
    let began = Instant::now();
    let cx = request.cx;
    let snapshot = snapshot::open(&cx.source, request.workers, Method::Auto, LOCK_WAIT).await?;
    tracing::info!(
        source = %request.row.name, method = ?snapshot.method, position = %snapshot.position.binlog,
        readers = snapshot.readers.len(), "snapshot opened"
    );
    let known = prepare(request, control, &snapshot.position).await?;
    let (works, queue) = plan(request, control, known).await?;
    let queue = Arc::new(Mutex::new(queue));
    let mut tasks = tokio::task::JoinSet::new();
    for reader in snapshot.readers {
        let worker = Worker {
            cx: cx.clone(),
            row: request.row.clone(),
            mapping: request.mapping.clone(),
            in_place: request.in_place,
            stop: request.stop.clone(),
            queue: Arc::clone(&queue),
            client: cx.connect_target().await?,
            fill_bytes: fill_bytes(cx, request.workers),
        };
        tasks.spawn(worker.run(reader));
    }
    let mut failed = None;
    while let Some(ended) = tasks.join_next().await {
        let result = ended.unwrap_or(Err(HostError::TaskFailed {
            task: "copy",
            reason: "it ended early",
        }));
        if let Err(error) = result {
            // the other workers end at their next chunk
            lock(&queue).clear();
            failed.get_or_insert(error);
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    finish(request, control, &works, began).await
}

/// Makes the staging schema and its tables, unless an earlier attempt did. Returns what is known of
/// the tables' chunks.
async fn prepare(
    request: &CopyRequest<'_>,
    control: &Client,
    position: &SourcePosition,
) -> Result<BTreeMap<TableName, CopyTable>, HostError> {
    let (id, staging) = (request.row.id, &request.mapping.dest_schema);
    let detail = serde_json::to_value(request.tables.iter().map(|t| &**t).collect::<Vec<_>>())
        .unwrap_or_default();
    let same = chunks::run(control, id)
        .await?
        .filter(|run| run.detail == detail && run.staging_schema == *staging);
    if same.is_some() {
        let known = chunks::tables(control, id).await?;
        tracing::info!(source = %request.row.name, tables = known.len(), "copy goes on");
        return Ok(known.into_iter().map(|t| (t.table.clone(), t)).collect());
    }
    chunks::end_run(control, id).await?;
    if request.in_place {
        for table in request.tables {
            let name = quote_qualified(staging, &target_name(&table.name.name));
            control
                .batch_execute(&format!("truncate {name}"))
                .await
                .map_err(|e| PostgresError::statement(format!("empty {name}"), &e))?;
        }
    } else {
        loader::create_schema(control, staging).await?;
        for table in request.tables {
            let plan = loader::create_table(control, table, &request.mapping).await?;
            for left in &plan.left_out {
                tracing::warn!(
                    table = %table.name, object = left.object, reason = left.reason, "left out"
                );
            }
        }
    }
    let run = CopyRun {
        method: "chunks".into(),
        staging_schema: staging.clone(),
        start: position.clone(),
        detail,
    };
    chunks::start_run(control, id, &run).await?;
    Ok(BTreeMap::new())
}

/// Plans the chunks that are not stored yet.
async fn plan(
    request: &CopyRequest<'_>,
    control: &Client,
    mut known: BTreeMap<TableName, CopyTable>,
) -> Result<(Vec<Arc<Work>>, VecDeque<(Arc<Work>, Chunk)>), HostError> {
    let mut conn = request.cx.connect_source().await?;
    let bars = request.cx.output.progress();
    let mut works = Vec::new();
    let mut todo: Vec<(Arc<Work>, Vec<Chunk>)> = Vec::new();
    for table in request.tables {
        let mut progress = Progress::default();
        let mut left = Vec::new();
        if let Some(known) = known.remove(&table.name) {
            for chunk in known.chunks {
                match chunk.done {
                    Some(done) => progress.add(&done),
                    None => left.push(serde_json::from_value(chunk.chunk).map_err(|error| {
                        HostError::Copy {
                            object: table.name.to_string(),
                            reason: format!("its chunk {} is unreadable: {error}", chunk.number),
                        }
                    })?),
                }
            }
            if left.is_empty() && known.phase != Phase::Ready {
                progress.left = usize::MAX;
            }
        } else {
            left = snapshot::plan_chunks(&mut conn, table, CHUNK_ROWS).await?;
            let noted: Vec<(u32, serde_json::Value)> = left
                .iter()
                .map(|c| (c.number, serde_json::to_value(c).unwrap_or_default()))
                .collect();
            chunks::plan(control, request.row.id, &table.name, &noted).await?;
        }
        let keys_left = progress.left == usize::MAX;
        progress.left = left.len();
        let work = Arc::new(Work {
            table: Arc::clone(table),
            plan: render::create(table, &request.mapping),
            bar: bar(&bars, &table.name.name),
            progress: Mutex::new(progress),
        });
        if keys_left {
            finish_table(request.cx, request.row, &work, control, request.in_place).await?;
        }
        works.push(Arc::clone(&work));
        todo.push((work, left));
    }
    todo.sort_by_key(|(_, chunks)| std::cmp::Reverse(chunks.len()));
    let queue = todo
        .into_iter()
        .flat_map(|(work, chunks)| chunks.into_iter().map(move |c| (Arc::clone(&work), c)))
        .collect();
    Ok((works, queue))
}

/// Compares counts and puts the report together.
async fn finish(
    request: &CopyRequest<'_>,
    control: &Client,
    works: &[Arc<Work>],
    began: Instant,
) -> Result<Copied, HostError> {
    let mut report = CopyReport::default();
    let mut marks = Vec::new();
    for work in works {
        let name = target_name(&work.table.name.name);
        let table = quote_qualified(&request.mapping.dest_schema, &name);
        let counted = control
            .query_one(&format!("select count(*) from {table}"), &[])
            .await
            .and_then(|row| row.try_get::<_, i64>(0))
            .map_err(|e| PostgresError::statement(format!("count the rows of {table}"), &e))?;
        let progress = lock(&work.progress);
        if u64::try_from(counted).unwrap_or(0) != progress.rows {
            return Err(HostError::Copy {
                object: work.table.name.to_string(),
                reason: format!("{} rows were stored and {counted} are there", progress.rows),
            });
        }
        if let (Some(low), Some(high)) = (progress.low.clone(), progress.high.clone()) {
            marks.push(Marks {
                table: work.table.name.clone(),
                low,
                high,
            });
        }
        report.rows += progress.rows;
        report.tables.push(CopiedTable {
            table: work.table.name.name.clone(),
            rows: progress.rows,
            bytes: progress.bytes,
            seconds: progress.seconds,
            refused_rows: progress.refused,
        });
    }
    report.seconds = began.elapsed().as_secs_f64();
    Ok(Copied { report, marks })
}

/// Gives a table its keys once its last chunk is stored.
async fn finish_table(
    cx: &Context,
    row: &SourceRow,
    work: &Work,
    client: &Client,
    in_place: bool,
) -> Result<(), HostError> {
    let exact = {
        let progress = lock(&work.progress);
        match (&progress.low, &progress.high) {
            (Some(low), Some(high)) => low.binlog == high.binlog,
            _ => true,
        }
    };
    if !in_place {
        let mut plan = work.plan.clone();
        if !exact {
            // the stream builds them when it has passed the high mark
            plan.unique_indexes.clear();
        }
        loader::build_keys(client, &work.table, &plan).await?;
    }
    chunks::set_phase(client, row.id, &work.table.name, Phase::Ready).await?;
    let mut progress = lock(&work.progress);
    if let Some(started) = progress.stopwatch {
        progress.seconds = started.elapsed().as_secs_f64();
    }
    work.bar.finish();
    tracing::info!(
        source = %cx.name(), table = %work.table.name, rows = progress.rows, "table copied"
    );
    Ok(())
}

/// One session at the source and one at the target.
struct Worker {
    cx: Context,
    row: SourceRow,
    mapping: Mapping,
    in_place: bool,
    stop: Stop,
    queue: Arc<Queue>,
    client: Client,
    fill_bytes: usize,
}

impl Worker {
    async fn run(self, mut reader: SnapshotReader) -> Result<(), HostError> {
        let settings = "set maintenance_work_mem = '256MB'; set synchronous_commit = off";
        self.client
            .batch_execute(settings)
            .await
            .map_err(|e| PostgresError::statement("set up a copy session", &e))?;
        loop {
            if self.stop.requested() {
                return Err(HostError::Copy {
                    object: self.row.name.clone(),
                    reason: "it was interrupted; started again, it goes on where it was".into(),
                });
            }
            let Some((work, chunk)) = lock(&self.queue).pop_front() else {
                return Ok(());
            };
            lock(&work.progress)
                .stopwatch
                .get_or_insert_with(Instant::now);
            self.chunk(&mut reader, &work, &chunk).await?;
            let last = {
                let mut progress = lock(&work.progress);
                progress.left -= 1;
                progress.left == 0
            };
            if last {
                finish_table(&self.cx, &self.row, &work, &self.client, self.in_place).await?;
            }
        }
    }

    async fn chunk(
        &self,
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
        &self,
        reader: &mut SnapshotReader,
        work: &Work,
        chunk: &Chunk,
    ) -> Result<ChunkDone, HostError> {
        let staging = &self.mapping.dest_schema;
        let rules = &self.mapping.rules;
        self.execute("begin").await?;
        let mut loader = TableLoader::open(&self.client, &work.table, staging, rules).await?;
        let mut rows = reader.begin(&work.table, chunk).await?;
        let mut done = ChunkDone {
            rows: 0,
            bytes: 0,
            low: None,
            high: None,
        };
        let (mut reading, mut loading) = (ChangeBuffer::default(), ChangeBuffer::default());
        let mut more = rows.fill(&mut reading, self.fill_bytes).await?;
        loop {
            std::mem::swap(&mut reading, &mut loading);
            reading.clear();
            let load = loader.load(&self.client, &loading);
            let loaded = if more {
                let (filled, loaded) = tokio::join!(rows.fill(&mut reading, self.fill_bytes), load);
                more = filled?;
                loaded?
            } else {
                load.await?
            };
            self.account(work, &loading, &loaded).await?;
            done.rows += loaded.stored;
            done.bytes += loading.bytes() as u64;
            work.bar.inc(loaded.stored);
            if !more && reading.is_empty() {
                break;
            }
        }
        done.low = Some(rows.low().clone());
        done.high = Some(rows.high().clone());
        Ok(done)
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

impl Progress {
    fn add(&mut self, done: &ChunkDone) {
        self.rows += done.rows;
        self.bytes += done.bytes;
        if let Some(low) = &done.low
            && self
                .low
                .as_ref()
                .is_none_or(|have| low.binlog < have.binlog)
        {
            self.low = Some(low.clone());
        }
        if let Some(high) = &done.high
            && self
                .high
                .as_ref()
                .is_none_or(|have| high.binlog > have.binlog)
        {
            self.high = Some(high.clone());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Each worker has two buffers.
fn fill_bytes(cx: &Context, workers: u16) -> usize {
    let share = cx.config.copy_max_memory_bytes / (2 * u64::from(workers.max(1)));
    usize::try_from(share)
        .unwrap_or(FILL_BYTES.1)
        .clamp(FILL_BYTES.0, FILL_BYTES.1)
}

fn bar(bars: &MultiProgress, table: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:30!} {pos:>12} rows {per_sec:>16} {elapsed}");
    let bar = bars.add(ProgressBar::no_length().with_prefix(table.to_owned()));
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
