//! The server: version, binlog, ids, settings.

use std::collections::HashMap;

use chameleon_diag::codes;

use super::{Findings, PreflightRequest};
use crate::error::names;
use crate::rows::quote_list;
use crate::{Flavor, ServerInfo, SourceConn, SourceError};

pub(super) async fn check(
    conn: &mut SourceConn,
    database: &str,
    request: &PreflightRequest,
    findings: &mut Findings,
) -> Result<(), SourceError> {
    let info = conn.info.clone();
    version(&info, findings);
    binlog(&info, findings);
    retention(&info, request, findings);
    filters(conn, database, findings).await?;
    server_id(conn, request, findings).await?;
    let prepared = conn.prepared_xids().await?;
    if !prepared.is_empty() {
        findings.warn(
            codes::SRC026,
            names(&prepared),
            "they are prepared: a copy can begin only when they have ended",
            "XA COMMIT or XA ROLLBACK those that their application has left behind".to_owned(),
        );
    }
    settings(conn, findings).await
}

fn version(info: &ServerInfo, findings: &mut Findings) {
    let (oldest, newest) = match info.flavor {
        Flavor::MySql => (50_700, 99_999),
        Flavor::MariaDb => (100_500, 119_999),
    };
    let lower = info.version_text.to_lowercase();
    let other = ["tidb", "vitess", "oceanbase", "singlestore"]
        .into_iter()
        .find(|name| lower.contains(name));
    let object = info.version_text.clone();
    if info.version < oldest || other.is_some() {
        findings.error(
            codes::SRC010,
            object,
            "replication needs MySQL 5.7 or newer, or MariaDB 10.5 or newer",
            "replicate from a server of a supported version".to_owned(),
        );
    } else if info.version > newest {
        findings.warn(
            codes::SRC010,
            object,
            "the server is newer than every version that this program was tested with",
            "try it with a copy of the data first".to_owned(),
        );
    }
}

fn binlog(info: &ServerInfo, findings: &mut Findings) {
    if !info.log_bin {
        findings.error(
            codes::SRC011,
            "log_bin".to_owned(),
            "the server writes no binlog",
            "set log_bin = binlog and server_id in its configuration, and restart it".to_owned(),
        );
    }
    if info.binlog_format != "ROW" {
        findings.error(
            codes::SRC012,
            "binlog_format".to_owned(),
            format!(
                "it is {}, so changes may come as statements",
                info.binlog_format
            ),
            "SET GLOBAL binlog_format = ROW; and in its configuration; sessions keep the old \
             format until they end"
                .to_owned(),
        );
    }
    let image = info.binlog_row_image.as_str();
    let remedy = "SET GLOBAL binlog_row_image = FULL; and in its configuration; sessions keep the \
                  old image until they end";
    match image {
        "FULL" => {}
        "FULL_NODUP" => findings.warn(
            codes::SRC013,
            "binlog_row_image".to_owned(),
            "it is FULL_NODUP, so updates come without their unchanged columns",
            remedy.to_owned(),
        ),
        image => findings.warn(
            codes::SRC013,
            "binlog_row_image".to_owned(),
            format!(
                "it is {image}, so changes come without their unchanged columns: transforms need \
                 them, and on MariaDB tables with virtual columns are held"
            ),
            remedy.to_owned(),
        ),
    }
    if info
        .binlog_row_metadata
        .as_deref()
        .is_some_and(|m| m != "FULL")
    {
        findings.info(
            codes::SRC024,
            "binlog_row_metadata".to_owned(),
            "it is not FULL, so column names in the binlog cannot be checked",
            "SET GLOBAL binlog_row_metadata = FULL; and in its configuration".to_owned(),
        );
    }
    if !info.gtids {
        findings.info(
            codes::SRC024,
            "gtid_mode".to_owned(),
            "it is off, so a replica cannot follow a failover to another server",
            "switch GTIDs on, step by step as the server's manual says".to_owned(),
        );
    }
}

fn retention(info: &ServerInfo, request: &PreflightRequest, findings: &mut Findings) {
    let kept = info.binlog_expire_seconds;
    let wanted = request.min_retention.as_secs();
    if info.log_bin && kept > 0 && kept < wanted {
        let variable = if info.mysql_since(80_000) || info.mariadb_since(100_600) {
            format!("binlog_expire_logs_seconds = {wanted}")
        } else {
            format!("expire_logs_days = {}", wanted.div_ceil(86_400))
        };
        findings.warn(
            codes::SRC015,
            "binlog retention".to_owned(),
            format!(
                "the binlog is purged after {} h; a replica that stands still for longer has to \
                 be copied anew",
                kept / 3600
            ),
            format!("SET GLOBAL {variable}; and in its configuration"),
        );
    }
}

/// Databases that the binlog leaves out.
async fn filters(
    conn: &mut SourceConn,
    database: &str,
    findings: &mut Findings,
) -> Result<(), SourceError> {
    if !conn.info.log_bin {
        return Ok(());
    }
    let sql = conn.binlog_status_statement();
    let Some(rows) = allowed(conn.rows("read the binlog position", sql).await)? else {
        return Ok(());
    };
    let list = |name: &str| -> Vec<String> {
        let text = rows.first().map(|r| r.owned(name)).unwrap_or_default();
        let names = text.split(',').map(str::trim).filter(|n| !n.is_empty());
        names.map(str::to_owned).collect()
    };
    let (only, never) = (list("Binlog_Do_DB"), list("Binlog_Ignore_DB"));
    let names = |list: &[String]| list.iter().any(|name| name == database);
    let left_out = names(&never) || (!only.is_empty() && !names(&only));
    if left_out {
        findings.error(
            codes::SRC022,
            database.to_owned(),
            "the server leaves this database out of its binlog",
            "take it out of binlog_ignore_db, or into binlog_do_db, and restart the server"
                .to_owned(),
        );
    }
    Ok(())
}

async fn server_id(
    conn: &mut SourceConn,
    request: &PreflightRequest,
    findings: &mut Findings,
) -> Result<(), SourceError> {
    if conn.info.log_bin && conn.info.server_id == 0 {
        findings.error(
            codes::SRC014,
            "server_id".to_owned(),
            "the server's own id is 0, so it refuses every replica",
            "SET GLOBAL server_id = 1; and in its configuration".to_owned(),
        );
    }
    let Some(own) = request.server_id else {
        return Ok(());
    };
    let remedy = "give the replica an id of its own: my_server_id in the configuration";
    if own == conn.info.server_id {
        findings.error(
            codes::SRC014,
            format!("my_server_id: {own}"),
            "it is the server's own id",
            remedy.to_owned(),
        );
        return Ok(());
    }
    let sql = if conn.info.mysql_since(80_022) {
        "show replicas"
    } else {
        "show slave hosts"
    };
    let Some(rows) = allowed(conn.rows("list the replicas", sql).await)? else {
        return Ok(());
    };
    let id = own.to_string();
    if let Some(row) = rows.iter().find(|r| r.text("Server_Id") == Some(&id)) {
        let host = match row.text("Host").unwrap_or_default() {
            "" => "an unnamed host",
            host => host,
        };
        findings.warn(
            codes::SRC014,
            format!("my_server_id: {own}"),
            format!(
                "a replica with this id is connected, from {host}; the server ends the older of \
                 two such connections"
            ),
            format!("nothing if it is this replica, running; else {remedy}"),
        );
    }
    Ok(())
}

/// Settings that make a crash or a chain of servers less safe.
async fn settings(conn: &mut SourceConn, findings: &mut Findings) -> Result<(), SourceError> {
    let names = [
        "sync_binlog",
        "innodb_flush_log_at_trx_commit",
        "log_slave_updates",
        "log_replica_updates",
    ];
    let sql = format!(
        "show global variables where variable_name in ({})",
        quote_list(names)
    );
    let mut values = HashMap::new();
    for row in conn.rows("read the server's settings", &sql).await? {
        values.insert(row.owned("Variable_name"), row.owned("Value"));
    }
    let value = |name: &str| values.get(name).map(String::as_str);
    for name in ["sync_binlog", "innodb_flush_log_at_trx_commit"] {
        if let Some(value) = value(name).filter(|&v| v != "1") {
            findings.info(
                codes::SRC024,
                name.to_owned(),
                format!(
                    "it is {value}: after a crash the server may have lost transactions that the \
                     replica already has"
                ),
                format!("SET GLOBAL {name} = 1; and in its configuration"),
            );
        }
    }
    let logs_updates = value("log_replica_updates").or(value("log_slave_updates")) != Some("OFF");
    if logs_updates || !is_replica(conn).await? {
        return Ok(());
    }
    findings.error(
        codes::SRC024,
        "log_replica_updates".to_owned(),
        "the server is a replica itself and does not write what it receives to its own binlog",
        "set log_replica_updates (log_slave_updates) = ON in its configuration and restart it, or \
         replicate from its source"
            .to_owned(),
    );
    Ok(())
}

async fn is_replica(conn: &mut SourceConn) -> Result<bool, SourceError> {
    let sql = if conn.info.mysql_since(80_022) {
        "show replica status"
    } else if conn.info.is_mariadb() {
        "show all slaves status"
    } else {
        "show slave status"
    };
    let rows = allowed(conn.rows("read the replica status", sql).await)?;
    Ok(rows.is_some_and(|rows| !rows.is_empty()))
}

/// `None` where the right is missing: the rights have findings of their own.
fn allowed<T>(answer: Result<T, SourceError>) -> Result<Option<T>, SourceError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(SourceError::MissingRight { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
