//! What `check` looks at on the source's side: the server, the account's rights, the tables.
//!
//! Every check is made, whatever the ones before it found, and each finding names its remedy. The
//! only errors are those of a connection that does not work. Nothing is changed at the source.

pub(crate) mod rights;
mod server;
mod tables;

use std::time::Duration;

use chameleon_diag::{ErrorCode, Finding, Severity, codes};

use crate::introspect;
use crate::{SourceConn, SourceError, TableSelection};

/// What is to be replicated, and how.
#[derive(Clone, Debug)]
pub struct PreflightRequest {
    /// Database of the source.
    pub database: String,
    /// Tables that take part.
    pub selection: TableSelection,
    /// Server id that the replica will use; `None` where one is chosen at start.
    pub server_id: Option<u32>,
    /// Shortest time for which the source should keep its binlog.
    pub min_retention: Duration,
}

/// Checks everything that replication needs of the source; all findings at once, in the order
/// server, rights, tables.
///
/// Errors: SRC001 and SRC006; whatever else is wrong is a finding.
pub async fn check(
    conn: &mut SourceConn,
    request: &PreflightRequest,
) -> Result<Vec<Finding>, SourceError> {
    let mut findings = Findings::default();
    let database = match introspect::find_database(conn, &request.database).await {
        Ok(database) => Some(database),
        Err(SourceError::UnknownDatabase { .. }) => None,
        Err(error) => return Err(error),
    };
    let named = database.as_deref().unwrap_or(&request.database);
    server::check(conn, named, request, &mut findings).await?;
    if database.is_none() {
        findings.error(
            codes::SRC003,
            request.database.clone(),
            "there is no such database, or the user has no right in it",
            "correct my_database in the configuration, or grant the right".to_owned(),
        );
    }
    let tables = match &database {
        Some(database) => introspect::load_tables(conn, database, &request.selection).await?,
        None => Vec::new(),
    };
    rights::check(conn, named, &tables, &mut findings).await?;
    if database.is_some() {
        tables::check(conn, named, request, &tables, &mut findings).await?;
    }
    Ok(findings.0)
}

/// Findings in the order in which they were made.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn error(&mut self, code: ErrorCode, object: String, what: impl Into<String>, remedy: String) {
        self.push(Severity::Error, code, object, what.into(), remedy);
    }

    fn warn(&mut self, code: ErrorCode, object: String, what: impl Into<String>, remedy: String) {
        self.push(Severity::Warning, code, object, what.into(), remedy);
    }

    fn info(&mut self, code: ErrorCode, object: String, what: impl Into<String>, remedy: String) {
        self.push(Severity::Info, code, object, what.into(), remedy);
    }

    fn push(
        &mut self,
        severity: Severity,
        code: ErrorCode,
        object: String,
        what: String,
        remedy: String,
    ) {
        self.0.push(Finding {
            severity,
            code,
            object,
            what,
            remedy,
        });
    }
}
