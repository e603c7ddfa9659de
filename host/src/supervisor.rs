//! Runs the replicas of several sources, each by itself.
//!
//! A source's stream is opened from what the catalog says and runs until it ends or fails. What
//! follows a failure is the error's retry directive: with backoff, everything of the source is
//! closed and opened again; otherwise the source stops with status `error` and the others go on.
//! The first session that a source opens holds its advisory lock for as long as the replica lives,
//! so a second host is refused by name.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chameleon_catalog::batches::{self, OpenBatch};
use chameleon_catalog::held::{self, HeldState, Hold};
use chameleon_catalog::history;
use chameleon_catalog::{
    SourceRow, SourceStatus, relay_log, sessions, set_status, table_rules, windows,
};
use chameleon_config::{ApplyMode, OnDrift};
use chameleon_diag::{Diagnostic, RetryDirective};
use chameleon_model::{BinlogPosition, TableName, TableSchema};
use chameleon_mysql::binlog::{BinlogOptions, BinlogSource, StartAt};
use chameleon_mysql::introspect;
use chameleon_postgres::Client;
use chameleon_target::rotate::Rotation;
use chameleon_target::{DirectWriter, RelayWriter};

use crate::capture::{Capture, Ended, State, describe, elsewhere};
use crate::context::{Access, Context};
use crate::error::HostError;
use crate::http::{Health, SourceHealth};
use crate::own_sessions::{Lock, OwnSessions};
use crate::policy::StreamPolicy;
use crate::prepared;
use crate::replay::ReplayQueue;
use crate::resync::{SyncOptions, SyncTables};
use crate::shape::{self, Shaper};
use crate::sink::Sink;
use crate::stop::Stop;
use crate::takeover::take_over;

/// First pause before a source is opened again; doubled each time.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
/// Longest pause.
const LAST_BACKOFF: Duration = Duration::from_secs(30);
/// A stream that ran this long has recovered: the next pause is the first one again.
const RECOVERED: Duration = Duration::from_secs(20);
/// How often `auto_resync` looks for held tables.
const RESYNC_EVERY: Duration = Duration::from_secs(30);
/// How often an idle source tells that it lives.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// When a replica ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// When it is told to.
    Stopped,
    /// When all that was in the binlog at the start is applied.
    CaughtUp,
    /// When everything up to there is applied.
    Position(BinlogPosition),
}

/// How to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// When to end.
    pub until: Until,
    /// Told to end.
    pub stop: Stop,
    /// Where readiness is shown.
    pub health: Health,
}

/// Runs a replica for each context until all have ended.
///
/// # Errors
/// The first error of a source that cannot go on, after all sources have ended.
pub async fn run(contexts: Vec<Context>, options: RunOptions) -> Result<(), HostError> {
    let mut tasks = tokio::task::JoinSet::new();
    for cx in contexts {
        let options = options.clone();
        tasks.spawn(async move {
            tokio::select! {
                result = supervise(cx.clone(), options.clone()) => result,
                () = resync_held(&cx, &options.stop), if cx.config.auto_resync => Ok(()),
            }
        });
    }
    let mut first = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let result = ended.unwrap_or_else(|error| {
            let reason = if error.is_panic() {
                "it panicked"
            } else {
                "it was cancelled"
            };
            Err(HostError::TaskFailed {
                task: "source",
                reason,
            })
        });
        if first.is_ok() {
            first = result;
        }
    }
    first
}

/// Keeps one source going.
async fn supervise(cx: Context, options: RunOptions) -> Result<(), HostError> {
    let mut backoff = FIRST_BACKOFF;
    let mut goal = None;
    let own = OwnSessions::default();
    let mut isolate = false;
    loop {
        options.health.set(cx.name(), SourceHealth::Starting);
        let opened = Instant::now();
        let stream = stream(&cx, &options, &own, &mut goal, isolate);
        let error = match stream.await {
            Ok(Ended::Restart { isolate: next }) => {
                isolate = next;
                continue;
            }
            Ok(Ended::Stopped | Ended::CaughtUp) => {
                end(&cx, SourceStatus::Stopped).await;
                tracing::info!(source = %cx.name(), "replica stopped");
                return Ok(());
            }
            Err(error) => error,
        };
        options.health.set(cx.name(), SourceHealth::Failing);
        if error.retry() != RetryDirective::WithBackoff {
            if !matches!(error, HostError::ReplicaAlive { .. }) {
                end(&cx, SourceStatus::Error).await;
            }
            return Err(error);
        }
        if opened.elapsed() >= RECOVERED {
            backoff = FIRST_BACKOFF;
        }
        let pause_ms = u64::try_from(backoff.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(
            source = %cx.name(), error.code = %error.code(), error = describe(&error), pause_ms,
            "stream lost, trying again"
        );
        metrics::counter!("chameleon_reconnects_total", "source" => cx.name().to_owned())
            .increment(1);
        tokio::select! {
            () = options.stop.wait() => {
                end(&cx, SourceStatus::Stopped).await;
                return Ok(());
            }
            () = tokio::time::sleep(backoff) => {}
        }
        backoff = (backoff * 2).min(LAST_BACKOFF);
    }
}

/// Copies held tables anew, as `auto_resync` wants it. Never ends.
async fn resync_held(cx: &Context, stop: &Stop) {
    loop {
        tokio::time::sleep(RESYNC_EVERY).await;
        let options = SyncOptions {
            tables: SyncTables::Disabled,
            drop_dependants: false,
            stop: stop.clone(),
        };
        match crate::resync::sync_tables(cx, options).await {
            Ok(report) if report.tables.is_empty() => {}
            Ok(report) => {
                let tables = report.tables.len();
                tracing::info!(source = %cx.name(), tables, rows = report.rows, "held tables resynced");
            }
            Err(error) => tracing::warn!(
                source = %cx.name(), error.code = %error.code(), error = describe(&error),
                "held tables not resynced"
            ),
        }
    }
}

/// Writes the status word, where the target answers.
async fn end(cx: &Context, status: SourceStatus) {
    let write = async {
        let client = cx.connect_target().await?;
        let row = cx.source_row(&client).await?;
        Ok::<_, HostError>(set_status(&client, row.id, status).await?)
    };
    if let Err(error) = write.await {
        tracing::warn!(source = %cx.name(), error = describe(&error), "status not written");
    }
}

/// Opens a source's stream and runs it.
async fn stream(
    cx: &Context,
    options: &RunOptions,
    own: &OwnSessions,
    goal: &mut Option<BinlogPosition>,
    isolate: bool,
) -> Result<Ended, HostError> {
    let control = cx.open_catalog(Access::Write).await?;
    let row = cx.source_row(&control).await?;
    cx.require_no_predecessor(&control, "start the replica")
        .await?;
    own.take(&control, cx, &row, Lock::Replica).await?;
    // a session that still applies ends before the catalog says up to where
    own.take(&control, cx, &row, Lock::Replay).await?;
    sessions::unlock_replay(&control, row.id).await?;
    let mut conn = cx.connect_source().await?;
    if options.until == Until::CaughtUp && goal.is_none() {
        *goal = Some(conn.current_position().await?.binlog);
    }
    crate::resync::rejoin(cx, &control, &row).await?;
    let Some(open) = batches::open_batch(&control, row.id).await? else {
        return Err(HostError::NotInitialised {
            source_name: row.name,
        });
    };
    clear_open(&control, &row, &open).await?;
    let tables = schema_at(cx, &control, &row, &open, &mut conn).await?;
    let mut shaper = Shaper::new(cx)?;
    check_rules(cx, &control, &row, &tables, &mut shaper).await?;
    take_over(&control, &row, &open, &tables).await?;
    prepared::set_aside(&control, &row, &open, &shaper, &cx.config.my_database).await?;
    let (policy, held) = policy(cx, &control, &row, &shaper).await?;
    let policy = Arc::new(policy);
    let mapping = shaper.mapping(cx);
    let server_id = match cx.config.my_server_id {
        Some(id) => id,
        None => derived_server_id(&row),
    };
    let start = if open.by_predecessor {
        StartAt::RowEvent(open.position.binlog.clone())
    } else {
        StartAt::Position(open.position.binlog.clone())
    };
    let binlog_options = BinlogOptions {
        server_id,
        heartbeat: HEARTBEAT,
        start,
        gtids: open.position.gtids.clone(),
        after_copy: policy.has_marks(),
        selection: cx.selection.clone(),
    };
    let mut binlog = BinlogSource::open(&cx.source, binlog_options, tables.clone()).await?;
    if binlog.is_elsewhere() && policy.has_marks() {
        elsewhere::give_up_marks(&control, &row, &open).await?;
        return Ok(Ended::Restart { isolate });
    }
    binlog.keep_prepared();
    for table in tables.iter().filter(|t| held.contains(&t.name)) {
        binlog.hold(&table.name);
    }
    let rules = cx.config.rules.clone();
    let client = cx.connect_target().await?;
    let (sink, queue) = match cx.config.apply {
        ApplyMode::Relay => {
            let writer = RelayWriter::new(client, row.clone(), mapping.clone(), open.id).await?;
            let queue = ReplayQueue::start(cx, &row, &policy, shaper.feeds(), own).await?;
            (Sink::Relay(Box::new(writer)), Some(queue))
        }
        ApplyMode::Direct => {
            let mut queue = ReplayQueue::start(cx, &row, &policy, shaper.feeds(), own).await?;
            // what a relay left is applied before anything goes past it
            queue.drain(true).await?;
            drop(queue);
            let helpers = helpers(cx).await?;
            // whoever comes next waits until every session is gone that may have a commit under way
            for session in helpers.iter().chain([&client]) {
                own.share_replay(session, &row).await?;
            }
            let mut writer = DirectWriter::new(client, row.clone(), rules, open.id).await?;
            if !helpers.is_empty() {
                writer.share_with(helpers).await?;
            }
            (Sink::Direct(Box::new(writer)), None)
        }
    };
    set_status(&control, row.id, SourceStatus::Running).await?;
    tracing::info!(source = %row.name, position = %open.position.binlog, "streaming");
    options.health.set(cx.name(), SourceHealth::Ready);
    let state = State::new(&open.position.binlog, &policy);
    let mut capture = Capture {
        cx,
        rotation: Rotation::new(row.id),
        row,
        binlog,
        sink,
        control,
        source_status: Some(conn),
        policy,
        mapping,
        shaper,
        held,
        queue,
        until: options.until.clone(),
        goal: goal.clone(),
        isolate,
        state,
    };
    capture.run(&options.stop).await
}

/// Sessions that share the work of large batches.
async fn helpers(cx: &Context) -> Result<Vec<Client>, HostError> {
    let mut clients = Vec::new();
    for _ in 1..cx.config.apply_workers {
        clients.push(cx.connect_target().await?);
    }
    Ok(clients)
}

/// Rows of the open batch are read again. Ours commit with the position behind them; 1.x, killed
/// between the two, leaves them, and not only in a batch that it opened itself.
async fn clear_open(control: &Client, row: &SourceRow, open: &OpenBatch) -> Result<(), HostError> {
    let removed = relay_log::clear_open(control, row, open.id).await?;
    if open.by_predecessor || removed > 0 {
        tracing::info!(
            source = %row.name, rows = removed,
            "going on after pg_chameleon 1.x, rows of its open batch are read again"
        );
    }
    Ok(())
}

/// The tables as they were at the open batch's position.
async fn schema_at(
    cx: &Context,
    control: &Client,
    row: &SourceRow,
    open: &OpenBatch,
    conn: &mut chameleon_mysql::SourceConn,
) -> Result<Vec<Arc<TableSchema>>, HostError> {
    if !open.by_predecessor {
        let tables = history::load(control, row.id, open.id).await?;
        if !tables.is_empty() {
            return Ok(tables);
        }
    }
    // 1.x ran, or nothing is known: the schema of now, checked against each table map
    let database = &cx.config.my_database;
    let tables = introspect::load_tables(conn, database, &cx.selection).await?;
    let tables: Vec<Arc<TableSchema>> = tables.into_iter().map(Arc::new).collect();
    history::replace(control, row.id, open.id, &tables).await?;
    Ok(tables)
}

/// Plans the tables, and holds those whose stored rows were written by other rules than those of
/// now, or whose transforms refuse them.
async fn check_rules(
    cx: &Context,
    control: &Client,
    row: &SourceRow,
    tables: &[Arc<TableSchema>],
    shaper: &mut Shaper,
) -> Result<(), HostError> {
    let stored = table_rules::load(control, row.id).await?;
    let mut fresh = Vec::new();
    for table in tables {
        let planned = shaper.learn(table).map(|_| ());
        let checked = match planned {
            Ok(()) => {
                let rules = shape::fingerprint(cx, table)?;
                let stored = stored.get(&table.name).map(String::as_str);
                let fits = rules.fits(stored);
                if fits.is_ok() && stored.is_none() {
                    fresh.push((&table.name, rules.text));
                }
                fits
            }
            Err(refused) => Err(refused),
        };
        if let Err(refused) = checked {
            tracing::warn!(
                source = %row.name, table = %table.name, error.code = %refused.code,
                reason = refused.reason, "table held"
            );
            let hold = Hold {
                source: row.id,
                table: &table.name,
                state: HeldState::Held,
                code: refused.code,
                reason: &refused.reason,
                statement: None,
                position: None,
            };
            held::hold(control, &hold).await?;
        }
    }
    let fresh: Vec<(&TableName, &str)> = fresh
        .iter()
        .map(|(table, rules)| (*table, rules.as_str()))
        .collect();
    Ok(table_rules::save(control, row.id, &fresh).await?)
}

/// Holds, windows and floor as the catalog has them, and the tables that are held.
async fn policy(
    cx: &Context,
    control: &Client,
    row: &SourceRow,
    shaper: &Shaper,
) -> Result<(StreamPolicy, BTreeSet<TableName>), HostError> {
    let windows = windows::list(control, row.id).await?;
    let floor = windows::floor(control, row.id).await?;
    let drift = cx.config.on_drift == OnDrift::Apply;
    let feeds = shaper.feeds();
    let targets = |table: &TableName| -> Vec<(String, usize)> {
        let names = shaper.target_names(table).into_iter();
        names
            .map(|name| (name.clone(), feeds.feeders(&name).len().max(1)))
            .collect()
    };
    let mut policy = StreamPolicy::new(&windows, floor.as_ref(), drift, targets);
    let held: BTreeSet<TableName> = held::list(control, row.id)
        .await?
        .into_iter()
        .filter(|table| table.state != HeldState::Requested)
        .map(|table| table.table)
        .collect();
    for target in shaper.starved(&held) {
        policy.hold(&target);
    }
    Ok((policy, held))
}

/// A server id that stays the same for a source and is unlikely to meet another.
fn derived_server_id(row: &SourceRow) -> u32 {
    let hash = row.name.bytes().fold(0x811c_9dc5u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    0x4000_0000 | (hash & 0x3fff_ffff)
}
