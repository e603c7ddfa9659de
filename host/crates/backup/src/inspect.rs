//! What the schema holds, in a form that can be compared: of the living catalog, of a restored one.

use chameleon_catalog::SCHEMA;
use chameleon_postgres::{Client, quote_qualified};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::error::BackupError;
use crate::manifest::{FunctionSum, SequenceState, Server, SourceState, TableSum};

/// Settings under which the text of a row is the same on every server; for the transaction alone,
/// because a catalog session never sets its time zone.
const TEXT_FORM: &str = "select set_config('search_path', '', true), \
     set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO, YMD', true), \
     set_config('intervalstyle', 'postgres', true), set_config('extra_float_digits', '1', true), \
     set_config('bytea_output', 'hex', true)";

/// No limit of a role or a database ends a transaction that takes its time.
const NO_TIMEOUTS: &str = "select set_config(name, '0', true) from pg_catalog.pg_settings \
     where name in ('statement_timeout', 'idle_in_transaction_session_timeout', \
                    'transaction_timeout')";

/// Begins a transaction that no time limit ends.
pub(crate) async fn begin(c: &Client, attempt: &str, how: &str) -> Result<(), BackupError> {
    execute(c, attempt, how).await?;
    query(c, "lift the time limits", NO_TIMEOUTS)
        .await
        .map(drop)
}

/// Objects of the schema with what is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) tables: Vec<TableSum>,
    pub(crate) sequences: Vec<SequenceState>,
    pub(crate) functions: Vec<FunctionSum>,
}

/// Reads the contents in the transaction that the session is in, and changes settings of it.
pub(crate) async fn contents(c: &Client) -> Result<Contents, BackupError> {
    query(c, "set the form of texts", TEXT_FORM).await?;
    Ok(Contents {
        tables: sums(c).await?,
        sequences: sequences(c).await?,
        functions: functions(c).await?,
    })
}

/// Rows and checksums of all tables of the catalog, each alone, by name. Reads in a transaction of
/// its own: the session must not be in one.
///
/// # Errors
/// What the server says.
pub async fn table_sums(c: &Client) -> Result<Vec<TableSum>, BackupError> {
    let begin = "begin isolation level repeatable read read only";
    self::begin(c, "begin to read the tables", begin).await?;
    query(c, "set the form of texts", TEXT_FORM).await?;
    let sums = sums(c).await;
    execute(c, "end reading the tables", "rollback").await?;
    sums
}

async fn sums(c: &Client) -> Result<Vec<TableSum>, BackupError> {
    let sql = format!(
        "select relname::text as name from pg_catalog.pg_class \
          where relnamespace = '{SCHEMA}'::regnamespace and relkind in ('r', 'p') \
          order by relname collate \"C\""
    );
    let mut sums = Vec::new();
    for row in query(c, "list the catalog's tables", &sql).await? {
        let name: String = get(&row, "name")?;
        let table = quote_qualified(SCHEMA, &name);
        let sql = include_str!("sql/table_sum.sql").replace("{table}", &table);
        let row = one(c, &format!("sum up {table}"), &sql).await?;
        sums.push(TableSum {
            rows: count(&row, "rows")?,
            checksum: get(&row, "checksum")?,
            name,
        });
    }
    Ok(sums)
}

async fn sequences(c: &Client) -> Result<Vec<SequenceState>, BackupError> {
    let sql = format!(
        "select sequencename::text as name, last_value from pg_catalog.pg_sequences \
          where schemaname = '{SCHEMA}' order by sequencename collate \"C\""
    );
    let rows = query(c, "list the catalog's sequences", &sql).await?;
    let read = |row: &Row| {
        Ok(SequenceState {
            name: get(row, "name")?,
            last_value: get(row, "last_value")?,
        })
    };
    rows.iter().map(read).collect()
}

async fn functions(c: &Client) -> Result<Vec<FunctionSum>, BackupError> {
    let sql = format!(
        "select proname || '(' || pg_catalog.pg_get_function_identity_arguments(oid) || ')' \
                    as signature, \
                encode(sha256(textsend(prosrc)), 'hex') as sha256 \
           from pg_catalog.pg_proc where pronamespace = '{SCHEMA}'::regnamespace \
          order by 1"
    );
    let rows = query(c, "list the catalog's functions", &sql).await?;
    let read = |row: &Row| {
        Ok(FunctionSum {
            signature: get(row, "signature")?,
            sha256: get(row, "sha256")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Where every source stands.
pub(crate) async fn sources(c: &Client) -> Result<Vec<SourceState>, BackupError> {
    let sql = format!("select to_regclass('{SCHEMA}.t_replay_cursor') is not null as noted");
    let noted: bool = get(&one(c, "look for replay cursors", &sql).await?, "noted")?;
    let applied = if noted {
        "and not exists (select from sch_chameleon.t_replay_cursor r \
                          where r.i_id_batch = l.i_id_batch and l.i_id_event <= r.i_id_event)"
    } else {
        ""
    };
    let sql = include_str!("sql/sources.sql").replace("{applied}", applied);
    let rows = query(c, "read where the sources stand", &sql).await?;
    let read = |row: &Row| {
        Ok(SourceState {
            id: get(row, "id")?,
            name: get(row, "name")?,
            dest_schema: get(row, "dest_schema")?,
            open_batch: get(row, "open_batch")?,
            binlog: get(row, "binlog")?,
            position: get(row, "position")?,
            batches: get(row, "batches")?,
            waiting_rows: count(row, "waiting_rows")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Version, database and encoding of the server; host and port as connected to.
pub(crate) async fn server(c: &Client, host: &str, port: u16) -> Result<Server, BackupError> {
    let sql = "select current_setting('server_version_num')::integer as number, \
                      current_setting('server_version') as version, \
                      current_database()::text as database, \
                      current_setting('server_encoding') as encoding";
    let row = one(c, "ask for the server's version", sql).await?;
    let number: i32 = get(&row, "number")?;
    Ok(Server {
        version_num: u32::try_from(number).unwrap_or_default(),
        version: get(&row, "version")?,
        host: host.to_owned(),
        port,
        database: get(&row, "database")?,
        encoding: get(&row, "encoding")?,
    })
}

pub(crate) async fn query(c: &Client, attempt: &str, sql: &str) -> Result<Vec<Row>, BackupError> {
    c.query_typed(sql, &[])
        .await
        .map_err(|error| BackupError::statement(attempt, &error))
}

pub(crate) async fn one(c: &Client, attempt: &str, sql: &str) -> Result<Row, BackupError> {
    c.query_typed_one(sql, &[])
        .await
        .map_err(|error| BackupError::statement(attempt, &error))
}

pub(crate) async fn execute(c: &Client, attempt: &str, sql: &str) -> Result<(), BackupError> {
    c.batch_execute(sql)
        .await
        .map_err(|error| BackupError::statement(attempt, &error))
}

pub(crate) fn get<'r, T: FromSql<'r>>(row: &'r Row, column: &str) -> Result<T, BackupError> {
    row.try_get(column)
        .map_err(|error| BackupError::statement(format!("read column {column}"), &error))
}

pub(crate) fn count(row: &Row, column: &str) -> Result<u64, BackupError> {
    let value: i64 = get(row, column)?;
    Ok(u64::try_from(value).unwrap_or_default())
}
