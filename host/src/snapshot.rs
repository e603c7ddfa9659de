//! `init_replica`: a source's first copy, or a new one in its place.
//!
//! The tables are built beside those in use, in a schema of their own, and take their place in one
//! transaction together with the position from which the stream goes on. Until then readers see
//! the old tables. A copy that loses a connection, or is killed, goes on where it was.

use std::sync::Arc;
use std::time::Duration;

use chameleon_catalog::windows::{self, Window};
use chameleon_catalog::{
    BatchId, SourceRow, SourceStatus, batches, chunks, held, history, row_errors, sessions,
    set_status, tables,
};
use chameleon_diag::{Diagnostic, RetryDirective};
use chameleon_model::name::{target_column_name, target_name};
use chameleon_model::{BinlogPosition, GtidSet, SourcePosition, TableName, TableSchema};
use chameleon_mysql::introspect;
use chameleon_postgres::{Client, PostgresError};
use chameleon_target::loader;

use crate::capture::describe;
use crate::context::{Access, Context, session_text};
use crate::copy::{self, CopyRequest, Marks};
pub use crate::copy::{CopiedTable, CopyReport};
use crate::error::HostError;
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
            stop: options.stop,
        };
        return crate::resync::sync_tables(cx, options).await;
    }
    let mut conn = cx.connect_source().await?;
    let (all, selected) = load(cx, &mut conn, &options.tables).await?;
    if options.no_copy {
        let position = start(options.start.as_ref(), conn.current_position().await?);
        execute(&control, "begin").await?;
        store(&control, &row, &selected, &[], &position).await?;
        return Ok(CopyReport::default());
    }
    set_status(&control, row.id, SourceStatus::Initialising).await?;
    let keep = cx.config.keep_existing_schema;
    if !keep {
        let found = dependants(&control, &row.dest_schema).await?;
        if !found.is_empty() && !options.drop_dependants {
            return Err(HostError::Copy {
                object: row.dest_schema.clone(),
                reason: format!(
                    "these depend on its tables and would be dropped, which needs --yes: {}",
                    found.join(", ")
                ),
            });
        }
    }
    let mut mapping = cx.mapping();
    mapping.learn(&all);
    if !keep {
        mapping.dest_schema = loader::build_schema(&row.dest_schema);
    }
    let request = CopyRequest {
        cx,
        row: &row,
        tables: &selected,
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
        let grants = grants(&control, &row.dest_schema).await?;
        loader::swap_schema(&control, &request.mapping.dest_schema, &row.dest_schema).await?;
        for grant in grants {
            // a table that is gone takes its grants with it
            let script = format!("savepoint grants; {grant}");
            if control.batch_execute(&script).await.is_err() {
                tracing::warn!(source = %row.name, grant, "grant not carried over");
                execute(&control, "rollback to savepoint grants").await?;
            }
        }
    }
    store(&control, &row, &selected, &copied.marks, &position).await?;
    tracing::info!(source = %row.name, position = %position.binlog, "initialised");
    Ok(copied.report)
}

/// Takes the source for this command, or says who has it.
pub(crate) async fn take(cx: &Context, control: &Client, row: &SourceRow) -> Result<(), HostError> {
    cx.require_no_predecessor(control, "copy").await?;
    if sessions::lock_replica(control, row.id).await? {
        return Ok(());
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

/// Stores position, schema history, registered tables and windows, and commits the caller's
/// transaction.
async fn store(
    control: &Client,
    row: &SourceRow,
    selected: &[Arc<TableSchema>],
    marks: &[Marks],
    position: &SourcePosition,
) -> Result<(), HostError> {
    let id = row.id;
    let batch = batches::start_at(control, id, position).await?;
    history::replace(control, id, batch, selected).await?;
    tables::unregister_all(control, id).await?;
    for table in selected {
        register(control, row, table).await?;
        row_errors_of_streams(control, row, &table.name).await?;
    }
    for held in held::list(control, id).await? {
        held::release(control, id, &held.table).await?;
    }
    windows::clear_all(control, id).await?;
    windows::set_floor(control, id, None).await?;
    set_windows(control, row, batch, marks, Some(&position.binlog)).await?;
    chunks::end_run(control, id).await?;
    set_status(control, id, SourceStatus::Initialised).await?;
    execute(control, "commit").await
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

/// Notes a table where 1.x looks for it.
pub(crate) async fn register(
    control: &Client,
    row: &SourceRow,
    table: &TableSchema,
) -> Result<(), HostError> {
    let key = table.row_key().unwrap_or_default();
    let key: Vec<String> = key
        .iter()
        .map(|&c| target_column_name(&table.columns[c].name))
        .collect();
    let key: Vec<&str> = key.iter().map(String::as_str).collect();
    let name = target_name(&table.name.name);
    tables::register(control, row.id, &row.dest_schema, &name, &key).await?;
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

/// Views and foreign keys of other schemas that hang on tables of this one.
async fn dependants(control: &Client, schema: &str) -> Result<Vec<String>, HostError> {
    let sql = "select distinct v.oid::regclass::text \
                 from pg_depend d \
                 join pg_rewrite r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass \
                 join pg_class v on v.oid = r.ev_class \
                 join pg_class t on t.oid = d.refobjid and d.refclassid = 'pg_class'::regclass \
                 join pg_namespace n on n.oid = t.relnamespace \
                where n.nspname = $1 and v.oid <> t.oid \
                union \
               select c.conrelid::regclass::text || ' (foreign key ' || c.conname || ')' \
                 from pg_constraint c \
                 join pg_class t on t.oid = c.confrelid \
                 join pg_namespace n on n.oid = t.relnamespace \
                 join pg_class o on o.oid = c.conrelid \
                where c.contype = 'f' and n.nspname = $1 and o.relnamespace <> n.oid \
                order by 1";
    let rows = control
        .query(sql, &[&schema])
        .await
        .map_err(|e| PostgresError::statement(format!("look for dependants of {schema}"), &e))?;
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
}

/// GRANT statements that give the rights on the schema and its tables again.
async fn grants(control: &Client, schema: &str) -> Result<Vec<String>, HostError> {
    let sql = "select format('grant %s on schema %I to %s%s', a.privilege_type, n.nspname, \
                      case when a.grantee = 0 then 'public' else quote_ident(r.rolname) end, \
                      case when a.is_grantable then ' with grant option' else '' end) \
                 from pg_namespace n cross join aclexplode(n.nspacl) a \
                 left join pg_roles r on r.oid = a.grantee \
                where n.nspname = $1 and a.grantee <> n.nspowner \
                union all \
               select format('grant %s on %I.%I to %s%s', a.privilege_type, n.nspname, c.relname, \
                      case when a.grantee = 0 then 'public' else quote_ident(r.rolname) end, \
                      case when a.is_grantable then ' with grant option' else '' end) \
                 from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                 cross join aclexplode(c.relacl) a left join pg_roles r on r.oid = a.grantee \
                where n.nspname = $1 and c.relkind in ('r', 'p') and a.grantee <> c.relowner";
    let rows = control
        .query(sql, &[&schema])
        .await
        .map_err(|e| PostgresError::statement(format!("read the grants of {schema}"), &e))?;
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
}

/// Runs a statement of transaction control.
pub(crate) async fn execute(control: &Client, sql: &str) -> Result<(), HostError> {
    let failed = |e| PostgresError::statement(sql, &e);
    Ok(control.batch_execute(sql).await.map_err(failed)?)
}
