//! `sync_tables`: copies single tables anew while the stream goes on.
//!
//! The table is held, so that the stream leaves its changes out; its rows are copied beside it, at
//! positions of their own; it takes the old one's place and asks to rejoin. The stream then goes
//! back to the copy's low mark, skips what the other tables have had already (the floor), takes the
//! table's changes idempotently up to the copy's high mark, and everything exactly from there on.
//! The replica does this by itself when it sees the request; without one, this command does it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chameleon_catalog::batches::OpenBatch;
use chameleon_catalog::held::{self, HeldState, HeldTable, Hold};
use chameleon_catalog::history::Version;
use chameleon_catalog::windows::{self, Floor, Window};
use chameleon_catalog::{SourceRow, batches, chunks, history, sessions};
use chameleon_ddl::mapping::Mapping;
use chameleon_ddl::render;
use chameleon_diag::codes;
use chameleon_model::{TableName, TableSchema};
use chameleon_mysql::introspect;
use chameleon_postgres::{Class, Client, PostgresError, classify};
use chameleon_target::loader;

use crate::context::{Access, Context};
use crate::copy::{CopyReport, CopyRequest, Marks};
use crate::error::HostError;
use crate::prepared;
use crate::rights;
use crate::shape::Shaper;
use crate::snapshot::{execute, load, patiently, plan, register, set_windows};
use crate::stop::Stop;

/// How long a running replica may take to leave the tables out, and to take them back.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often tables are copied because their shape changed meanwhile.
const TRIES: u32 = 3;
/// How often the catalog is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(300);

/// What to resync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncTables {
    /// Tables by name.
    Named(Vec<String>),
    /// All that are held.
    Disabled,
}

/// How to resync.
#[derive(Clone, Debug)]
pub struct SyncOptions {
    /// Which tables.
    pub tables: SyncTables,
    /// Views and foreign keys of others that depend on the old tables may be dropped.
    pub drop_dependants: bool,
    /// Told to end.
    pub stop: Stop,
}

/// Copies tables anew and lets them rejoin the stream.
///
/// # Errors
/// What stands in the way; the tables stay held then, and the command can be given again.
pub async fn sync_tables(cx: &Context, options: SyncOptions) -> Result<CopyReport, HostError> {
    let control = cx.open_catalog(Access::Write).await?;
    let row = cx.source_row(&control).await?;
    if batches::open_batch(&control, row.id).await?.is_none() {
        return Err(HostError::NotInitialised {
            source_name: row.name,
        });
    }
    let names = match &options.tables {
        SyncTables::Named(names) => names.clone(),
        SyncTables::Disabled => held_at_source(cx, &control, &row).await?,
    };
    if names.is_empty() {
        return Ok(CopyReport::default());
    }
    for _ in 1..TRIES {
        if let Some(report) = once(cx, &control, &row, &names, &options).await? {
            return Ok(report);
        }
        tracing::warn!(source = %row.name, "DDL came while tables were copied, copying them again");
    }
    match once(cx, &control, &row, &names, &options).await? {
        Some(report) => Ok(report),
        None => Err(HostError::Copy {
            object: names.join(", "),
            reason: "DDL came every time while it was copied".into(),
        }),
    }
}

/// The tables that are held and that the source has.
async fn held_at_source(
    cx: &Context,
    control: &Client,
    row: &SourceRow,
) -> Result<Vec<String>, HostError> {
    let held = held::list(control, row.id).await?;
    if held.is_empty() {
        return Ok(Vec::new());
    }
    let mut conn = cx.connect_source().await?;
    let database = &cx.config.my_database;
    let there = introspect::load_tables(&mut conn, database, &cx.selection).await?;
    let mut names = Vec::new();
    for table in held {
        if there.iter().any(|t| t.name == table.table) {
            names.push(table.table.name);
        } else {
            tracing::warn!(
                source = %row.name, table = %table.table,
                "a held table is not at the source any more, it is left out"
            );
        }
    }
    Ok(names)
}

/// Copies the tables and lets them rejoin. `None`: a table's shape changed meanwhile.
async fn once(
    cx: &Context,
    control: &Client,
    row: &SourceRow,
    names: &[String],
    options: &SyncOptions,
) -> Result<Option<CopyReport>, HostError> {
    let began = history::now(control).await?;
    let mut conn = cx.connect_source().await?;
    // asked before anything is held: a copy begins only when none is prepared
    prepared::until_none(&mut conn).await?;
    let (all, selected) = load(cx, &mut conn, names).await?;
    let shaper = plan(cx, &all)?;
    let selected = with_siblings(&shaper, &all, selected);
    let mut targets: Vec<String> = selected
        .iter()
        .flat_map(|t| shaper.target_names(&t.name))
        .collect();
    targets.sort();
    targets.dedup();
    let drops = options.drop_dependants;
    rights::require_free(control, &row.dest_schema, Some(&targets), drops).await?;
    leave_out(control, row, &selected).await?;
    let mut mapping = shaper.mapping(cx);
    mapping.dest_schema = loader::build_schema(&format!("{}_sync", row.dest_schema));
    let request = CopyRequest {
        cx,
        row,
        tables: &selected,
        shaper: &shaper,
        mapping,
        in_place: false,
        workers: cx.config.copy_workers,
        stop: &options.stop,
    };
    let copied = patiently(&request, control).await?;
    let staging = &request.mapping.dest_schema;
    if is_stale(cx, control, row, &selected, &began).await? {
        chunks::end_run(control, row.id).await?;
        drop_staging(control, staging).await?;
        return Ok(None);
    }
    execute(control, "begin").await?;
    let rights = rights::read(control, &row.dest_schema, Some(&targets)).await?;
    loader::swap_tables(control, staging, &row.dest_schema, &targets).await?;
    rights::give(control, &row.name, rights).await?;
    held::lock(control, row.id).await?;
    let Some(open) = batches::open_batch(control, row.id).await? else {
        return Err(HostError::NotInitialised {
            source_name: row.name.clone(),
        });
    };
    set_windows(control, row, open.id, &copied.marks, None).await?;
    note_structures(control, row, &open, &selected, &copied.marks).await?;
    for table in &selected {
        register(cx, control, row, table, &shaper).await?;
        held::set_state(control, row.id, &table.name, HeldState::Requested).await?;
    }
    chunks::end_run(control, row.id).await?;
    execute(control, "commit").await?;
    drop_staging(control, staging).await?;
    back_in(cx, control, row, &selected).await?;
    Ok(Some(copied.report))
}

/// Notes the structures that the copy met and the stream does not know, because a statement that made
/// them could not be followed. Where the stream is not there yet, it has to read older rows first.
async fn note_structures(
    control: &Client,
    row: &SourceRow,
    open: &OpenBatch,
    selected: &[Arc<TableSchema>],
    marks: &[Marks],
) -> Result<(), HostError> {
    let known = history::load(control, row.id, open.id).await?;
    let passed = |table: &TableSchema| {
        let mut marks = marks.iter().filter(|mark| mark.table == table.name);
        marks.all(|mark| mark.low.binlog <= open.position.binlog)
    };
    let new = selected.iter().filter(|table| !known.contains(table));
    let new: Vec<Version<'_>> = new
        .filter(|table| passed(table))
        .map(|table| Version::Table(table))
        .collect();
    Ok(history::save(control, row.id, open.id, &new).await?)
}

async fn drop_staging(control: &Client, staging: &str) -> Result<(), HostError> {
    let quoted = chameleon_postgres::quote_ident(staging);
    execute(control, &format!("drop schema if exists {quoted} cascade")).await
}

/// DDL came by since the copy began: at the source, on one of its tables, or in the stream, which is
/// to be set back and would meet table maps of before that DDL.
async fn is_stale(
    cx: &Context,
    control: &Client,
    row: &SourceRow,
    selected: &[Arc<TableSchema>],
    began: &str,
) -> Result<bool, HostError> {
    if history::changed_since(control, row.id, began).await? {
        return Ok(true);
    }
    let mut conn = cx.connect_source().await?;
    let now = introspect::load_tables(&mut conn, &cx.config.my_database, &cx.selection).await?;
    Ok(!selected
        .iter()
        .all(|table| now.iter().any(|other| *other == **table)))
}

/// These tables and all whose rows stand in one target table with theirs: a target is copied whole.
fn with_siblings(
    shaper: &Shaper,
    all: &[TableSchema],
    selected: Vec<Arc<TableSchema>>,
) -> Vec<Arc<TableSchema>> {
    let named: BTreeSet<TableName> = selected.iter().map(|t| t.name.clone()).collect();
    let wanted = shaper.with_siblings(&named);
    let more = all
        .iter()
        .filter(|t| wanted.contains(&t.name) && !named.contains(&t.name));
    let more: Vec<Arc<TableSchema>> = more.cloned().map(Arc::new).collect();
    for table in &more {
        tracing::info!(table = %table.name, "copied too: its rows stand in the same target table");
    }
    selected.into_iter().chain(more).collect()
}

/// Holds the tables and waits until a running replica leaves them out.
async fn leave_out(
    control: &Client,
    row: &SourceRow,
    selected: &[Arc<TableSchema>],
) -> Result<(), HostError> {
    let running = sessions::replica_holder(control, row.id).await?.is_some();
    for table in selected {
        let hold = Hold {
            source: row.id,
            table: &table.name,
            state: HeldState::Syncing,
            code: codes::RPL007,
            reason: "it is being copied anew",
            statement: None,
            position: None,
        };
        held::hold(control, &hold).await?;
    }
    if running {
        // two rounds of the replica: one may have begun before the hold
        next_beat(control, row).await?;
        next_beat(control, row).await?;
    }
    Ok(())
}

/// Waits for the replica to take the tables back, or does it itself.
async fn back_in(
    cx: &Context,
    control: &Client,
    row: &SourceRow,
    selected: &[Arc<TableSchema>],
) -> Result<(), HostError> {
    let patience = Patience::new();
    loop {
        let held = held::list(control, row.id).await?;
        let mine = |h: &&HeldTable| selected.iter().any(|t| t.name == h.table);
        if let Some(again) = held
            .iter()
            .filter(mine)
            .find(|h| h.state == HeldState::Held)
        {
            return Err(HostError::Copy {
                object: again.table.to_string(),
                reason: format!("it is held again: {}", again.reason),
            });
        }
        if !held
            .iter()
            .filter(mine)
            .any(|h| h.state == HeldState::Requested)
        {
            return Ok(());
        }
        if sessions::replica_holder(control, row.id).await?.is_none()
            && sessions::lock_replica(control, row.id).await?
        {
            rejoin(cx, control, row).await?;
            sessions::unlock_replica(control, row.id).await?;
        }
        patience.look_again().await?;
    }
}

/// Waits for a heartbeat of the running replica.
async fn next_beat(control: &Client, row: &SourceRow) -> Result<(), HostError> {
    let before = beats(control, row).await?;
    let patience = Patience::new();
    while beats(control, row).await? == before {
        patience.look_again().await?;
    }
    Ok(())
}

/// Polling with a deadline.
struct Patience(Instant);

impl Patience {
    fn new() -> Self {
        Self(Instant::now() + PATIENCE)
    }

    async fn look_again(&self) -> Result<(), HostError> {
        if Instant::now() > self.0 {
            return Err(HostError::Copy {
                object: "tables".into(),
                reason: format!(
                    "the running replica did not react for {} s",
                    PATIENCE.as_secs()
                ),
            });
        }
        tokio::time::sleep(LOOK).await;
        Ok(())
    }
}

/// A value that changes with every heartbeat of the replica.
async fn beats(control: &Client, row: &SourceRow) -> Result<i64, HostError> {
    let sql = "select coalesce(max((extract(epoch from ts_heartbeat) * 1000000)::bigint), 0) \
                 from sch_chameleon.t_heartbeat where i_id_source = $1";
    let read = control.query_one(sql, &[&row.id.0]).await;
    Ok(read
        .and_then(|row| row.try_get(0))
        .map_err(|e| PostgresError::statement("read the heartbeat", &e))?)
}

/// Lets tables that wait for it rejoin: sets the source back to the lowest of their marks, with the
/// floor where it was. The caller holds the replica lock and nothing is being read.
pub(crate) async fn rejoin(
    cx: &Context,
    control: &Client,
    row: &SourceRow,
) -> Result<(), HostError> {
    let waiting: Vec<TableName> = held::list(control, row.id)
        .await?
        .into_iter()
        .filter(|h| h.state == HeldState::Requested)
        .map(|h| h.table)
        .collect();
    if waiting.is_empty() {
        return Ok(());
    }
    let Some(open) = batches::open_batch(control, row.id).await? else {
        return Ok(());
    };
    if history::changed_since_request(control, row.id).await? {
        for table in &waiting {
            held::set_state(control, row.id, table, HeldState::Held).await?;
        }
        tracing::warn!(source = %row.name, "DDL came before copied tables could rejoin: held again");
        return Ok(());
    }
    let windows = windows::list(control, row.id).await?;
    let mine = windows.iter().filter(|w| waiting.contains(&w.table));
    let lowest = mine
        .filter_map(|w| w.skip_until.as_ref())
        .min_by_key(|p| p.binlog.clone());
    execute(control, "begin").await?;
    if let Some(lowest) = lowest
        && lowest.binlog < open.position.binlog
    {
        let floor = windows::floor(control, row.id).await?;
        let floor = floor
            .map(|f| f.position)
            .filter(|f| f.binlog > open.position.binlog)
            .unwrap_or_else(|| open.position.clone());
        let floor = Floor {
            batch: open.id,
            position: floor,
        };
        windows::set_floor(control, row.id, Some(&floor)).await?;
        let advance = batches::Advance {
            source: row.id,
            batch: open.id,
            position: lowest,
            last_event_micros: None,
        };
        batches::advance(control, &advance).await?;
        tracing::info!(
            source = %cx.name(), from = %lowest.binlog, floor = %floor.position.binlog,
            "stream set back for tables that were copied anew"
        );
    }
    for table in &waiting {
        held::release(control, row.id, table).await?;
    }
    execute(control, "commit").await
}

/// Builds the unique indexes that a copy had to leave, and forgets windows and floor.
pub(crate) async fn finish_windows(
    control: &Client,
    row: &SourceRow,
    mapping: &Mapping,
    shaper: &Shaper,
) -> Result<(), HostError> {
    let windows = windows::list(control, row.id).await?;
    // the note of a shared batch has no copy before it
    let copied = |w: &&Window| w.skip_until.is_some() && w.idempotent_until.is_some();
    for window in windows.iter().filter(copied) {
        for target in shaper.targets(&window.table) {
            for statement in render::create(&target.table, mapping).unique_indexes {
                build(control, &statement).await?;
            }
        }
    }
    Ok(windows::clear_passed(control, row.id).await?)
}

/// Builds an index unless it is there.
async fn build(control: &Client, statement: &str) -> Result<(), HostError> {
    match control.batch_execute(statement).await {
        Ok(()) => Ok(()),
        Err(error) if error.code().is_some_and(|c| c.code() == "42P07") => Ok(()),
        Err(error) if matches!(classify(&error), Class::Constraint(_)) => {
            // the rows are right; an index that the source's collation allows and ours does not
            let reason = chameleon_postgres::Failure::from(&error);
            tracing::warn!(%reason, "unique index left out");
            Ok(())
        }
        Err(error) => Err(PostgresError::statement("build an index", &error).into()),
    }
}
