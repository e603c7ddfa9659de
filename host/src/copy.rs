//! The copy engine: reads chunks of tables in a snapshot and loads them into a staging schema.
//!
//! What is done is noted in the catalog chunk by chunk, in the transaction that stored the chunk's
//! rows, so a copy that was killed goes on where it was. Several workers, each with one session at
//! the source and one at the target, take chunks from one list, the largest tables first; reading
//! the next buffer overlaps loading the one before. A table gets its keys as soon as its last chunk
//! is stored, by whichever workers are free, while other tables are still being loaded.
//!
//! Where all chunks were read at one position, the copy is exact there. Otherwise every table has a
//! low and a high mark, and its unique secondary indexes are left for the stream to build once it
//! has passed the high mark.

mod count;
mod keys;
mod queue;
mod worker;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chameleon_catalog::SourceRow;
use chameleon_catalog::chunks::{self, ChunkDone, CopyRun, CopyTable, Phase};
use chameleon_ddl::mapping::Mapping;
use chameleon_ddl::render::{self, CreatePlan};
use chameleon_model::name::quote_qualified;
use chameleon_model::{SourcePosition, TableName, TableSchema};
use chameleon_mysql::snapshot::{self, Chunk, Method};
use chameleon_postgres::{Client, PostgresError};
use chameleon_target::loader;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::context::Context;
use crate::error::HostError;
use crate::shape::Shaper;
use crate::stop::Stop;

use self::queue::{Queue, Task};
use self::worker::Worker;

/// Rows of one chunk, about.
const CHUNK_ROWS: u64 = 100_000;
/// Longest wait for the lock under which snapshots are opened.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Buffer of rows between reading and loading, bytes: least and most.
const FILL_BYTES: (usize, usize) = (256 << 10, 4 << 20);

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
    /// What they become at the target.
    pub(crate) shaper: &'a Shaper,
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
    targets: Vec<Arc<Target>>,
    bar: ProgressBar,
    progress: Mutex<Progress>,
}

/// One table of the target while it is being filled, by one table or more.
struct Target {
    table: Arc<TableSchema>,
    plan: CreatePlan,
    filling: Mutex<Filling>,
}

struct Filling {
    /// Tables that are not through.
    left: usize,
    /// All of them were read at one position.
    exact: bool,
    /// Rows of those that are through.
    rows: u64,
    /// Bytes of those rows as they were read.
    bytes: u64,
}

#[derive(Default)]
struct Progress {
    seconds: f64,
    left: usize,
    rows: u64,
    bytes: u64,
    refused: u64,
    /// The target has refused a row of a chunk: the others are loaded in parts.
    in_parts: bool,
    low: Option<SourcePosition>,
    high: Option<SourcePosition>,
    stopwatch: Option<Instant>,
}

/// Copies the tables. What an earlier attempt at the same tables stored is kept.
pub(crate) async fn copy(request: &CopyRequest<'_>, control: &Client) -> Result<Copied, HostError> {
    let began = Instant::now();
    let cx = request.cx;
    let snapshot = snapshot::open(&cx.source, request.workers, Method::Auto, LOCK_WAIT).await?;
    tracing::info!(
        source = %request.row.name, method = ?snapshot.method, position = %snapshot.position.binlog,
        readers = snapshot.readers.len(), "snapshot opened"
    );
    let (known, resumed) = prepare(request, control, &snapshot.position).await?;
    let begin = Begin {
        position: resumed.unwrap_or_else(|| snapshot.position.clone()),
        at_one_point: snapshot.method == Method::Locked,
    };
    let (works, queue) = plan(request, control, known, &begin).await?;
    let queue = Arc::new(queue);
    let mut tasks = tokio::task::JoinSet::new();
    for reader in snapshot.readers {
        let worker = Worker {
            row: request.row.clone(),
            mapping: request.mapping.clone(),
            in_place: request.in_place,
            stop: request.stop.clone(),
            queue: Arc::clone(&queue),
            client: cx.connect_target().await?,
            shaper: Shaper::new(cx)?,
            fill_bytes: fill_bytes(cx, request.workers),
            buffers: Default::default(),
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
            queue.clear();
            failed.get_or_insert(error);
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    finish(request, control, &works, began).await
}

/// Where the copy began, at its first attempt. XA transactions that were prepared since then and are
/// not ended are in no chunk, so the stream has to begin there, and not at the first chunk.
struct Begin {
    position: SourcePosition,
    /// This attempt reads all at one point, at which none is prepared.
    at_one_point: bool,
}

impl Begin {
    /// What the low mark of a table starts from.
    fn low(&self, known: Option<&CopyTable>) -> Option<SourcePosition> {
        let begun = known.is_some_and(|table| table.chunks.iter().any(|c| c.done.is_some()));
        (begun || !self.at_one_point).then(|| self.position.clone())
    }
}

/// Makes the staging schema and its tables, unless an earlier attempt did. Returns what is known of
/// the tables' chunks, and where that attempt began.
async fn prepare(
    request: &CopyRequest<'_>,
    control: &Client,
    position: &SourcePosition,
) -> Result<(BTreeMap<TableName, CopyTable>, Option<SourcePosition>), HostError> {
    let (id, staging) = (request.row.id, &request.mapping.dest_schema);
    let detail = serde_json::to_value(request.tables.iter().map(|t| &**t).collect::<Vec<_>>())
        .unwrap_or_default();
    let same = chunks::run(control, id)
        .await?
        .filter(|run| run.detail == detail && run.staging_schema == *staging);
    if let Some(run) = same {
        let known = chunks::tables(control, id).await?;
        tracing::info!(source = %request.row.name, tables = known.len(), "copy goes on");
        let known = known.into_iter().map(|t| (t.table.clone(), t)).collect();
        return Ok((known, Some(run.start)));
    }
    chunks::end_run(control, id).await?;
    if request.in_place {
        for (name, _) in targets(request) {
            let name = quote_qualified(staging, &name);
            control
                .batch_execute(&format!("truncate {name}"))
                .await
                .map_err(|e| PostgresError::statement(format!("empty {name}"), &e))?;
        }
    } else {
        loader::create_schema(control, staging).await?;
        for table in targets(request).values() {
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
    Ok((BTreeMap::new(), None))
}

/// The target tables by name.
fn targets(request: &CopyRequest<'_>) -> BTreeMap<String, Arc<TableSchema>> {
    let targets = request.tables.iter();
    targets
        .flat_map(|table| request.shaper.targets(&table.name))
        .map(|target| (target.name(), Arc::clone(&target.table)))
        .collect()
}

/// The target tables by name, of which nothing is filled.
fn unfilled(request: &CopyRequest<'_>) -> BTreeMap<String, Arc<Target>> {
    let targets = targets(request).into_iter();
    targets
        .map(|(name, table)| {
            let filling = Mutex::new(Filling {
                left: 0,
                exact: true,
                rows: 0,
                bytes: 0,
            });
            let plan = render::create(&table, &request.mapping);
            (
                name,
                Arc::new(Target {
                    table,
                    plan,
                    filling,
                }),
            )
        })
        .collect()
}

/// Plans the chunks that are not stored yet.
async fn plan(
    request: &CopyRequest<'_>,
    control: &Client,
    mut known: BTreeMap<TableName, CopyTable>,
    begin: &Begin,
) -> Result<(Vec<Arc<Work>>, Queue), HostError> {
    let mut conn = request.cx.connect_source().await?;
    let bars = request.cx.output.progress();
    let targets = unfilled(request);
    let mut works = Vec::new();
    let mut tasks = VecDeque::new();
    let mut todo: Vec<(Arc<Work>, Vec<Chunk>)> = Vec::new();
    for table in request.tables {
        let mut progress = Progress {
            low: begin.low(known.get(&table.name)),
            ..Progress::default()
        };
        let mut left = Vec::new();
        let mut ready = false;
        if let Some(known) = known.remove(&table.name) {
            ready = known.phase == Phase::Ready;
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
        } else {
            left = snapshot::plan_chunks(&mut conn, table, CHUNK_ROWS).await?;
            let noted: Vec<(u32, serde_json::Value)> = left
                .iter()
                .map(|c| (c.number, serde_json::to_value(c).unwrap_or_default()))
                .collect();
            chunks::plan(control, request.row.id, &table.name, &noted).await?;
        }
        progress.left = left.len();
        let own = request.shaper.targets(&table.name).iter();
        let work = Arc::new(Work {
            table: Arc::clone(table),
            targets: own
                .filter_map(|target| targets.get(&target.name()).cloned())
                .collect(),
            bar: bar(&bars, &table.name.name),
            progress: Mutex::new(progress),
        });
        for target in &work.targets {
            let mut filling = lock(&target.filling);
            filling.left += usize::from(!ready);
            filling.exact &= !ready || lock(&work.progress).is_exact();
        }
        if left.is_empty() && !ready {
            tasks.push_back(Task::Finish(Arc::clone(&work)));
        }
        works.push(Arc::clone(&work));
        todo.push((work, left));
    }
    todo.sort_by_key(|(_, chunks)| std::cmp::Reverse(chunks.len()));
    for (work, chunks) in todo {
        tasks.extend(
            chunks
                .into_iter()
                .map(|c| Task::Chunk(Arc::clone(&work), c)),
        );
    }
    Ok((works, Queue::new(tasks)))
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
    count::compare(request, control, works).await?;
    for work in works {
        let progress = lock(&work.progress);
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

#[cfg(test)]
impl Work {
    /// A table without targets.
    fn of_nothing() -> Self {
        Self {
            table: Arc::new(TableSchema::new(TableName::new("s", "t"), Vec::new())),
            targets: Vec::new(),
            bar: ProgressBar::hidden(),
            progress: Mutex::default(),
        }
    }
}

impl Progress {
    /// All chunks were read at one position.
    fn is_exact(&self) -> bool {
        match (&self.low, &self.high) {
            (Some(low), Some(high)) => low.binlog == high.binlog,
            _ => true,
        }
    }

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
