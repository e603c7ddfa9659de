//! `init_replica`: a source's first copy, or a new one in its place.
//!
//! The tables are built beside those in use, in a schema of their own, and take their place in one
//! transaction together with the position from which the stream goes on. Until then readers see
//! the old tables. A copy that loses a connection, or is killed, goes on where it was.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chameleon_catalog::windows::{self, Window};
use chameleon_catalog::{
    BatchId, SourceRow, SourceStatus, batches, chunks, held, history, row_errors, sessions,
    set_status, table_rules, tables,
};
use chameleon_diag::{Diagnostic, RetryDirective};
use chameleon_model::name::target_column_name;
use chameleon_model::{BinlogPosition, GtidSet, SourcePosition, TableName, TableSchema};
use chameleon_mysql::introspect;
use chameleon_postgres::{Client, PostgresError};
use chameleon_target::loader;

use crate::capture::describe;
use crate::context::{Access, Context, session_text};
use crate::copy::{self, CopyRequest, Marks};
pub use crate::copy::{CopiedTable, CopyReport};
use crate::error::HostError;
use crate::own_sessions::{GRACE, LOOK};
use crate::rights;
use crate::shape::{self, Shaper, Target};
use crate::stop::Stop;

/// How often a copy that loses a connection is taken up again.
const TRIES: u32 = 10;
/// Pause before that.
const PAUSE: Duration = Duration::from_secs(2);

/// How to initialise.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// Tables to copy; empty: all selected.
    pub tables: Vec<String>,
    /// Connections at each side; the configuration's where `None`.
    pub workers: Option<u16>,
    /// Position that the stream begins at, instead of the copy's own.
    pub start: Option<Start>,
    /// The rows are at the target already.
    pub no_copy: bool,
    /// Views and foreign objects that depend on the old tables may be dropped.
    pub drop_dependants: bool,
    /// Told to end.
    pub stop: Stop,
}

/// A position given by the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// File and offset.
    Position(BinlogPosition),
    /// Transactions executed.
    Gtid(GtidSet),
}

/// Copies a source and stores the position that the stream goes on from.
///
/// # Errors
/// What stands in the way; the tables that were there before are still in place then.
pub async fn init_replica(cx: &Context, options: InitOptions) -> Result<CopyReport, HostError> {
    let control = cx.open_catalog(Access::Write).await?;
    let row = cx.source_row(&control).await?;
    take(cx, &control, &row).await?;
    if !options.tables.is_empty() && batches::open_batch(&control, row.id).await?.is_some() {
        sessions::unlock_replica(&control, row.id).await?;
        let tables = crate::resync::SyncTables::Named(options.tables);
        let options = crate::resync::SyncOptions {
            tables,
            drop_dependants: options.drop_dependants,
            stop: options.stop,
        };
        return crate::resync::sync_tables(cx, options).await;
    }
    let mut conn = cx.connect_source().await?;
    let (all, selected) = load(cx, &mut conn, &options.tables).await?;
    let shaper = plan(cx, &all)?;
    let initial = Initial {
        cx,
        control: &control,
        row: &row,
        selected: &selected,
        shaper: &shaper,
    };
    if options.no_copy {
        let own = match &options.start {
            Some(_) => conn.current_position().await?,
            None => crate::prepared::position_without_prepared(&mut conn).await?,
        };
        let position = start(options.start.as_ref(), own);
        execute(&control, "begin").await?;
        initial.store(&[], &position).await?;
        return Ok(CopyReport::default());
    }
    set_status(&control, row.id, SourceStatus::Initialising).await?;
    let keep = cx.config.keep_existing_schema;
    if !keep {
        rights::require_free(&control, &row.dest_schema, None, options.drop_dependants).await?;
    }
    let mut mapping = shaper.mapping(cx);
    if !keep {
        mapping.dest_schema = loader::build_schema(&row.dest_schema);
    }
    let request = CopyRequest {
        cx,
        row: &row,
        tables: &selected,
        shaper: &shaper,
        mapping,
        in_place: keep,
        workers: options.workers.unwrap_or(cx.config.copy_workers),
        stop: &options.stop,
    };
    let copied = patiently(&request, &control).await?;
    let lowest = copied
        .marks
        .iter()
        .map(|m| &m.low)
        .min_by_key(|p| p.binlog.clone());
    let lowest = match lowest {
        Some(low) => low.clone(),
        None => conn.current_position().await?,
    };
    let position = start(options.start.as_ref(), lowest);
    execute(&control, "begin").await?;
    if !keep {
        let rights = rights::read(&control, &row.dest_schema, None).await?;
        loader::swap_schema(&control, &request.mapping.dest_schema, &row.dest_schema).await?;
        rights::give(&control, &row.name, rights).await?;
    }
    initial.store(&copied.marks, &position).await?;
    tracing::info!(source = %row.name, position = %position.binlog, "initialised");
    Ok(copied.report)
}

/// Takes the source for this command, or says who has it.
pub(crate) async fn take(cx: &Context, control: &Client, row: &SourceRow) -> Result<(), HostError> {
    cx.require_no_predecessor(control, "copy").await?;
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline {
        if sessions::lock_replica(control, row.id).await? {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    let holder = sessions::replica_holder(control, row.id).await?;
    Err(HostError::ReplicaAlive {
        attempt: "copy",
        source_name: row.name.clone(),
        session: holder.map(|s| session_text(&s)).unwrap_or_default(),
    })
}

/// All selected tables, and of them those named (all, where none is). A mapping has to learn all:
/// the type of a column may follow from the table that it references.
pub(crate) async fn load(
    cx: &Context,
    conn: &mut chameleon_mysql::SourceConn,
    named: &[String],
) -> Result<(Vec<TableSchema>, Vec<Arc<TableSchema>>), HostError> {
    let database = &cx.config.my_database;
    let all = introspect::load_tables(conn, database, &cx.selection).await?;
    for name in named {
        if !all.iter().any(|t| t.name.name == *name) {
            return Err(HostError::usage(
                format!("copy the table {name}: {database} has no such table among those selected"),
                "chameleon check",
            ));
        }
    }
    let wanted = |t: &&TableSchema| named.is_empty() || named.contains(&t.name.name);
    let selected: Vec<_> = all.iter().filter(wanted).cloned().map(Arc::new).collect();
    if selected.is_empty() {
        return Err(HostError::usage(
            format!("copy {database}: it has no table, or none is selected"),
            "chameleon check",
        ));
    }
    Ok((all, selected))
}

/// Copies, and takes the copy up again after a lost connection.
pub(crate) async fn patiently(
    request: &CopyRequest<'_>,
    control: &Client,
) -> Result<copy::Copied, HostError> {
    let mut attempt = 1;
    let mut again: Option<Client> = None;
    loop {
        let control = again.as_ref().unwrap_or(control);
        let error = match copy::copy(request, control).await {
            Ok(copied) => return Ok(copied),
            Err(error) => error,
        };
        if error.retry() != RetryDirective::WithBackoff || attempt >= TRIES {
            return Err(error);
        }
        attempt += 1;
        tracing::warn!(
            source = %request.row.name, error.code = %error.code(), error = describe(&error),
            attempt, "copy interrupted, going on"
        );
        tokio::time::sleep(PAUSE).await;
        again = request.cx.connect_target().await.ok();
    }
}

fn start(given: Option<&Start>, own: SourcePosition) -> SourcePosition {
    match given {
        None => own,
        Some(Start::Position(binlog)) => SourcePosition {
            binlog: binlog.clone(),
            gtids: None,
        },
        Some(Start::Gtid(gtids)) => SourcePosition {
            binlog: own.binlog,
            gtids: Some(gtids.clone()),
        },
    }
}

/// Plans all tables, so that mapping and copy know what they become.
pub(crate) fn plan(cx: &Context, tables: &[TableSchema]) -> Result<Shaper, HostError> {
    let mut shaper = Shaper::new(cx)?;
    for table in tables {
        let table = Arc::new(table.clone());
        shaper
            .learn(&table)
            .map_err(|refused| refused.of(&table.name))?;
    }
    Ok(shaper)
}

/// What is stored of a source that was initialised.
struct Initial<'a> {
    cx: &'a Context,
    control: &'a Client,
    row: &'a SourceRow,
    selected: &'a [Arc<TableSchema>],
    shaper: &'a Shaper,
}

impl Initial<'_> {
    /// Stores position, schema history, registered tables and windows, and commits the caller's
    /// transaction.
    async fn store(&self, marks: &[Marks], position: &SourcePosition) -> Result<(), HostError> {
        let (control, row, id) = (self.control, self.row, self.row.id);
        let batch = batches::start_at(control, id, position).await?;
        history::replace(control, id, batch, self.selected).await?;
        tables::unregister_all(control, id).await?;
        for table in self.selected {
            register(self.cx, control, row, table, self.shaper).await?;
            row_errors_of_streams(control, row, &table.name).await?;
        }
        for held in held::list(control, id).await? {
            held::release(control, id, &held.table).await?;
        }
        chameleon_catalog::prepared::forget_all(control, id).await?;
        windows::clear_all(control, id).await?;
        windows::set_floor(control, id, None).await?;
        set_windows(control, row, batch, marks, Some(&position.binlog)).await?;
        chunks::end_run(control, id).await?;
        set_status(control, id, SourceStatus::Initialised).await?;
        execute(control, "commit").await
    }
}

/// Errors of rows that this copy has stored again are history.
async fn row_errors_of_streams(
    control: &Client,
    row: &SourceRow,
    table: &TableName,
) -> Result<(), HostError> {
    let errors = row_errors::list(control, row.id, 1).await?;
    let old = errors.iter().any(|e| e.operation != "copy");
    if old {
        row_errors::forget(control, row.id, table).await?;
    }
    Ok(())
}

/// Notes a table's targets where 1.x looks for them, and by which rules its rows were written.
pub(crate) async fn register(
    cx: &Context,
    control: &Client,
    row: &SourceRow,
    table: &Arc<TableSchema>,
    shaper: &Shaper,
) -> Result<(), HostError> {
    for target in shaper.targets(&table.name) {
        register_target(control, row, target).await?;
    }
    let rules = shape::fingerprint(cx, table)?;
    table_rules::save(control, row.id, &[(&table.name, &rules.text)]).await?;
    Ok(())
}

/// Notes a target table where 1.x looks for it.
pub(crate) async fn register_target(
    control: &Client,
    row: &SourceRow,
    target: &Target,
) -> Result<(), HostError> {
    let key = target.table.row_key().unwrap_or_default();
    let columns = key.iter().map(|&n| &target.table.columns[n].name);
    let key: Vec<String> = columns.map(|name| target_column_name(name)).collect();
    let key: Vec<&str> = key.iter().map(String::as_str).collect();
    tables::register(control, row.id, &row.dest_schema, &target.name(), &key).await?;
    Ok(())
}

/// Notes how the stream is to take changes of tables that were read at several positions, or later
/// than the stream begins.
pub(crate) async fn set_windows(
    control: &Client,
    row: &SourceRow,
    batch: BatchId,
    marks: &[Marks],
    start: Option<&BinlogPosition>,
) -> Result<(), HostError> {
    for mark in marks {
        if mark.is_exact() && start.is_some_and(|start| mark.low.binlog <= *start) {
            continue;
        }
        let window = Window {
            table: mark.table.clone(),
            batch,
            skip_until: Some(mark.low.clone()),
            idempotent_until: (!mark.is_exact()).then(|| mark.high.clone()),
        };
        windows::set(control, row.id, &window).await?;
    }
    Ok(())
}

/// Runs a statement of transaction control.
pub(crate) async fn execute(control: &Client, sql: &str) -> Result<(), HostError> {
    let failed = |e| PostgresError::statement(sql, &e);
    Ok(control.batch_execute(sql).await.map_err(failed)?)
}
