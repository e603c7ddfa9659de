//! `check`: whether a configuration will work, all findings at once.
//!
//! Source and target are looked at side by side; what needs both (types, names, existing tables)
//! afterwards, as far as both answered. A side that does not answer is a finding itself. Nothing is
//! written, and rows are read of tables that pg_chameleon 1.x made alone.

mod damage;
mod mapping;
mod space;
mod target;
mod transforms;

use std::time::Duration;

use chameleon_diag::{Diagnostic, ErrorCode, Finding, Report, Severity, codes};
use chameleon_model::TableSchema;
use chameleon_mysql::preflight::PreflightRequest;
use chameleon_mysql::{SourceConn, introspect};

use crate::context::Context;
use crate::error::HostError;

/// A binlog that is kept shorter is a finding: a copy and a repair must fit into it.
const MIN_RETENTION: Duration = Duration::from_secs(24 * 3600);

/// Checks everything. The configuration's own warnings and notes stand first.
pub async fn check(cx: &Context) -> Report {
    let mut report = cx.warnings.clone();
    let (source, target) = tokio::join!(source_side(cx), target::check(cx));
    let (tables, findings) = transforms::check(cx, &source);
    for finding in source.findings.into_iter().chain(target.findings) {
        report.push(finding);
    }
    for finding in findings {
        report.push(finding);
    }
    for finding in mapping::check(cx, &tables) {
        report.push(finding);
    }
    if let Some(client) = &target.client {
        let found = mapping::check_at_target(cx, client, &tables).await;
        let findings = found.unwrap_or_else(|error| vec![of_error(&error, "target")]);
        for finding in findings {
            report.push(finding);
        }
        let found = damage::check(cx, client, &source.tables).await;
        let findings = found.unwrap_or_else(|error| vec![of_error(&error, "target")]);
        for finding in findings {
            report.push(finding);
        }
        if let Some(finding) = space::check(cx, client, source.bytes).await {
            report.push(finding);
        }
    }
    report
}

/// What the source said.
#[derive(Debug, Default)]
struct SourceSide {
    findings: Vec<Finding>,
    /// Tables that take part; empty where they could not be read.
    tables: Vec<TableSchema>,
    /// The source writes whole row images.
    full_images: bool,
    /// Rough size of these tables with their indexes.
    bytes: Option<u64>,
}

async fn source_side(cx: &Context) -> SourceSide {
    let mut side = SourceSide::default();
    let mut conn = match cx.connect_source().await {
        Ok(conn) => conn,
        Err(error) => {
            side.findings.push(of_error(&error, "mysql_conn"));
            return side;
        }
    };
    if let Err(error) = ask_source(cx, &mut conn, &mut side).await {
        side.findings.push(of_error(&error, "source"));
    }
    conn.close().await;
    side
}

async fn ask_source(
    cx: &Context,
    conn: &mut SourceConn,
    side: &mut SourceSide,
) -> Result<(), HostError> {
    let request = PreflightRequest {
        database: cx.source.database.clone(),
        selection: cx.selection.clone(),
        server_id: cx.config.my_server_id,
        min_retention: MIN_RETENTION,
    };
    side.full_images = conn.server_info().binlog_row_image == "FULL";
    side.findings = chameleon_mysql::preflight::check(conn, &request).await?;
    // a database that is not there is a finding already
    if !side.findings.iter().any(|f| f.code == codes::SRC003) {
        let database = &cx.source.database;
        side.tables = introspect::load_tables(conn, database, &cx.selection).await?;
        side.bytes = Some(conn.database_bytes(database, &cx.selection).await?);
    }
    Ok(())
}

/// An error as a finding: what it says with its causes, and its hint as the remedy.
fn of_error(error: &HostError, object: &str) -> Finding {
    let mut what = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !what.ends_with(&text) {
            what = format!("{what}: {text}");
        }
        cause = inner.source();
    }
    let explain = || format!("chameleon explain {}", error.code());
    Finding {
        severity: Severity::Error,
        code: error.code(),
        object: object.to_owned(),
        what,
        remedy: error.hint().unwrap_or_else(explain),
    }
}

/// A finding from its parts.
fn finding(
    severity: Severity,
    code: ErrorCode,
    object: impl Into<String>,
    what: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    Finding {
        severity,
        code,
        object: object.into(),
        what: what.into(),
        remedy: remedy.into(),
    }
}
