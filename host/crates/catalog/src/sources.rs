//! Sources: registered databases, their status word and their log tables.

use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::SCHEMA;
use crate::db;
use crate::error::CatalogError;
use crate::ids::SourceId;
use chameleon_model::name::quote_qualified;

/// Status word of a source (`en_src_status`). It says what a process last wrote, not whether one is
/// alive: see [`crate::sessions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceStatus {
    /// Registered, never initialised.
    Ready,
    /// A copy is under way.
    Initialising,
    /// The copy is complete; the replica may start.
    Initialised,
    /// The replica was stopped.
    Stopped,
    /// The replica runs.
    Running,
    /// The replica gave up.
    Error,
}

impl SourceStatus {
    /// The word as the catalog has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Initialising => "initialising",
            Self::Initialised => "initialised",
            Self::Stopped => "stopped",
            Self::Running => "running",
            Self::Error => "error",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "ready" => Self::Ready,
            "initialising" => Self::Initialising,
            "initialised" => Self::Initialised,
            "stopped" => Self::Stopped,
            "running" => Self::Running,
            "error" => Self::Error,
            _ => return None,
        })
    }
}

impl std::fmt::Display for SourceStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A row of `t_sources`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRow {
    /// Id.
    pub id: SourceId,
    /// Name.
    pub name: String,
    /// Schema that its tables are in at the target.
    pub dest_schema: String,
    /// Status word.
    pub status: SourceStatus,
    /// Its log tables, names in [`SCHEMA`]; the first is being written.
    pub log_tables: [String; 2],
}

/// Registers a source and makes its log tables.
///
/// # Errors
/// [`CatalogError::SourceTaken`] where name or destination schema is registered already.
pub async fn add_source(
    c: &impl GenericClient,
    name: &str,
    dest_schema: &str,
) -> Result<SourceId, CatalogError> {
    let attempt = "register the source";
    let params = [(&name as _, Type::TEXT), (&dest_schema as _, Type::TEXT)];
    let sql = "insert into sch_chameleon.t_sources as s (t_source, t_dest_schema) \
               values ($1, $2) on conflict do nothing returning i_id_source as id";
    let Some(row) = db::query_opt(c, attempt, sql, &params).await? else {
        let sql = "select exists (select from sch_chameleon.t_sources where t_source = $1) \
                   as name_taken, $2::text is null as unused";
        let row = db::query_one(c, attempt, sql, &params).await?;
        let name_taken: bool = db::get(&row, "name_taken")?;
        return Err(CatalogError::SourceTaken {
            name: name.to_owned(),
            schema: dest_schema.to_owned(),
            taken: if name_taken { "name" } else { "schema" },
        });
    };
    let id = SourceId(db::get(&row, "id")?);
    let sql = "update sch_chameleon.t_sources \
                  set v_log_table = array[format('t_log_replica_1_src_%s', i_id_source), \
                                          format('t_log_replica_2_src_%s', i_id_source)] \
                where i_id_source = $1";
    db::execute(c, attempt, sql, &[(&id.0, Type::INT8)]).await?;
    refresh_parts(c).await?;
    Ok(id)
}

/// Unregisters a source: its batches and everything that hangs on it go, its log tables are
/// dropped, its tables at the target stay. False: it was not registered.
pub async fn drop_source(c: &impl GenericClient, name: &str) -> Result<bool, CatalogError> {
    let attempt = "drop the source";
    // the log tables first: what the deletion would cascade into is then gone already
    let sql = "select v_log_table::text[] as tables from sch_chameleon.t_sources \
                where t_source = $1 for update";
    let params = [(&name as _, Type::TEXT)];
    let Some(row) = db::query_opt(c, attempt, sql, &params).await? else {
        return Ok(false);
    };
    let tables: Option<Vec<String>> = db::get(&row, "tables")?;
    for table in tables.unwrap_or_default() {
        let sql = format!("drop table if exists {}", quote_qualified(SCHEMA, &table));
        db::batch(c, attempt, &sql).await?;
    }
    let sql = "delete from sch_chameleon.t_discarded_rows d \
                using sch_chameleon.t_replica_batch b, sch_chameleon.t_sources s \
                where d.i_id_batch = b.i_id_batch and b.i_id_source = s.i_id_source \
                  and s.t_source = $1";
    db::execute(c, attempt, sql, &params).await?;
    let sql = "select sch_chameleon.fn_delete_batches(array( \
                   select b.i_id_batch from sch_chameleon.t_replica_batch b \
                     join sch_chameleon.t_sources s using (i_id_source) where s.t_source = $1))";
    db::query(c, attempt, sql, &params).await?;
    let sql = "delete from sch_chameleon.t_index_def d using sch_chameleon.t_sources s \
                where d.i_id_source = s.i_id_source and s.t_source = $1";
    db::execute(c, attempt, sql, &params).await?;
    let sql = "delete from sch_chameleon.t_sources where t_source = $1";
    Ok(db::execute(c, attempt, sql, &params).await? > 0)
}

/// Makes the log tables and their indexes that are missing, for every source.
pub async fn refresh_parts(c: &impl GenericClient) -> Result<(), CatalogError> {
    let sql = "select sch_chameleon.fn_refresh_parts()";
    db::batch(c, "make the log tables", sql).await
}

const SOURCE_COLUMNS: &str = "i_id_source as id, t_source as name, t_dest_schema as dest_schema, \
     enm_status::text as status, v_log_table::text[] as log_tables";

/// All sources, by name.
pub async fn sources(c: &impl GenericClient) -> Result<Vec<SourceRow>, CatalogError> {
    let sql = format!("select {SOURCE_COLUMNS} from sch_chameleon.t_sources order by t_source");
    let rows = db::query(c, "list the sources", &sql, &[]).await?;
    rows.iter().map(read_source).collect()
}

/// The source of that name.
///
/// # Errors
/// [`CatalogError::UnknownSource`] where it is not registered.
pub async fn source(c: &impl GenericClient, name: &str) -> Result<SourceRow, CatalogError> {
    let sql = format!("select {SOURCE_COLUMNS} from sch_chameleon.t_sources where t_source = $1");
    let row = db::query_opt(c, "find the source", &sql, &[(&name, Type::TEXT)]).await?;
    let row = row.ok_or_else(|| CatalogError::UnknownSource {
        name: name.to_owned(),
    })?;
    read_source(&row)
}

fn read_source(row: &tokio_postgres::Row) -> Result<SourceRow, CatalogError> {
    let name: String = db::get(row, "name")?;
    let unreadable = |reason: &str| CatalogError::Unreadable {
        what: format!("source {name} of t_sources"),
        reason: reason.to_owned(),
    };
    let status: String = db::get(row, "status")?;
    let log_tables: Option<Vec<String>> = db::get(row, "log_tables")?;
    Ok(SourceRow {
        id: SourceId(db::get(row, "id")?),
        dest_schema: db::get(row, "dest_schema")?,
        status: SourceStatus::parse(&status).ok_or_else(|| unreadable("unknown status word"))?,
        log_tables: log_tables
            .and_then(|t| t.try_into().ok())
            .ok_or_else(|| unreadable("v_log_table does not name two tables"))?,
        name,
    })
}

/// Sets the status word.
///
/// # Errors
/// [`CatalogError::UnknownSource`] where the source is gone.
pub async fn set_status(
    c: &impl GenericClient,
    source: SourceId,
    status: SourceStatus,
) -> Result<(), CatalogError> {
    let sql = "update sch_chameleon.t_sources \
                  set enm_status = $2::text::sch_chameleon.en_src_status where i_id_source = $1";
    let params = [
        (&source.0 as _, Type::INT8),
        (&status.as_str() as _, Type::TEXT),
    ];
    if db::execute(c, "set the status", sql, &params).await? == 0 {
        return Err(CatalogError::UnknownSource {
            name: source.to_string(),
        });
    }
    Ok(())
}

/// What `show_status` prints of a source, as 1.3 computes it.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusRow {
    /// The source.
    pub source: SourceRow,
    /// Time since the last event, as PostgreSQL prints an interval; `None` before the first one.
    pub lag: Option<String>,
    /// The same in seconds.
    pub lag_seconds: Option<f64>,
    /// Time of the last event, in the server's time zone and without it.
    pub last_event: Option<String>,
}

/// Status of all sources, by name. The lag here is that of 1.3: time since the last event, whether
/// or not the source is idle; [`crate::control::heartbeats`] knows better.
pub async fn status(c: &impl GenericClient) -> Result<Vec<StatusRow>, CatalogError> {
    let sql = format!(
        "select {SOURCE_COLUMNS}, (date_trunc('seconds', now()) - ts_last_event)::text as lag, \
                extract(epoch from now() - ts_last_event)::double precision as lag_seconds, \
                ts_last_event::text as last_event \
           from sch_chameleon.t_sources order by t_source"
    );
    let rows = db::query(c, "read the status", &sql, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(StatusRow {
                source: read_source(row)?,
                lag: db::get(row, "lag")?,
                lag_seconds: db::get(row, "lag_seconds")?,
                last_event: db::get(row, "last_event")?,
            })
        })
        .collect()
}
