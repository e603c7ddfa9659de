//! Which way, and whether it may be gone.

use chameleon_catalog::SCHEMA;
use chameleon_diag::{ErrorCode, Finding, Severity, codes};
use chameleon_postgres::Client;

use super::{Request, Way};
use crate::error::BackupError;
use crate::inspect::{self, count, get};
use crate::manifest::{Backup, SourceState};

/// The function of 1.2 that replays; it comes out of the backup.
const REPLAY_FUNCTION: &str = "fn_process_batch(";
/// Tables of 1.2. What else lies in the schema is not taken over by a downgrade.
const TABLES: &[&str] = &[
    "t_discarded_rows",
    "t_index_def",
    "t_log_replica",
    "t_log_replica_1",
    "t_log_replica_2",
    "t_replica_batch",
    "t_replica_tables",
    "t_sources",
];

/// The backup must be of 1.2, with its tables and its function.
pub(super) fn must_bring_back_1_2(backup: &Backup) -> Result<(), BackupError> {
    let manifest = &backup.manifest;
    if manifest.version != "1.2" {
        return Err(BackupError::NotOf12 {
            path: backup.path.clone(),
            version: manifest.version.clone(),
        });
    }
    let mut functions = manifest.functions.iter();
    let missing = if !functions.any(|f| f.signature.starts_with(REPLAY_FUNCTION)) {
        Some("it has no fn_process_batch".to_owned())
    } else {
        let mut tables = TABLES.iter();
        let missing = tables.find(|name| !manifest.tables.iter().any(|t| t.name == **name));
        missing.map(|name| format!("it has no table {name}"))
    };
    missing.map_or(Ok(()), |reason| {
        Err(BackupError::Damaged {
            path: backup.path.clone(),
            reason,
        })
    })
}

/// Names of the sources that do not stand where they stood at the backup, those among them that
/// were added or dropped since.
pub(super) fn moved(then: &[SourceState], now: &[SourceState]) -> Vec<String> {
    let differing = |one: &[SourceState], other: &[SourceState]| {
        let unlike = one.iter().filter(|source| !other.contains(source));
        unlike.map(|source| source.name.clone()).collect::<Vec<_>>()
    };
    let mut names = differing(now, then);
    names.extend(differing(then, now));
    names.sort();
    names.dedup();
    names
}

/// The way that is right.
///
/// # Errors
/// [`BackupError::OtherCatalog`], [`BackupError::Moved`].
pub(super) fn way(
    backup: &Backup,
    now: &[SourceState],
    moved: &[String],
    request: Request,
) -> Result<Way, BackupError> {
    let then = &backup.manifest.sources;
    let same = |a: &SourceState, b: &SourceState| {
        (a.id, &a.name, &a.dest_schema) == (b.id, &b.name, &b.dest_schema)
    };
    let both_empty = then.is_empty() && now.is_empty();
    let related = both_empty || then.iter().any(|a| now.iter().any(|b| same(a, b)));
    if !related {
        return Err(BackupError::OtherCatalog {
            path: backup.path.clone(),
        });
    }
    match (moved.is_empty(), request.verbatim) {
        (true, _) => Ok(Way::Verbatim),
        (false, false) => Ok(Way::Downgrade),
        (false, true) => Err(BackupError::Moved {
            sources: moved.to_owned(),
        }),
    }
}

/// What does not fit into 1.2: an error, or with force a finding.
pub(super) async fn obstacles(
    c: &Client,
    backup: &Backup,
    request: Request,
) -> Result<Vec<Finding>, BackupError> {
    let sql = include_str!("../../../../../sql/downgrade/1.3--1.2/obstacles.sql");
    let mut findings = Vec::new();
    for row in inspect::query(c, "look for what does not fit into 1.2", sql).await? {
        let kind: String = get(&row, "kind")?;
        let obstacle = Obstacle {
            source: get(&row, "source")?,
            object: get(&row, "object")?,
            rows: count(&row, "rows")?,
            detail: get(&row, "detail")?,
        };
        findings.push(obstacle.judge(&kind, request.force)?);
    }
    findings.extend(left_empty(backup));
    Ok(findings)
}

/// Tables whose rows were written through transforms: 1.2 knows none, and would write the next
/// changes as the source has them. An error, or with force a finding.
pub(super) async fn unmasked(c: &Client, request: Request) -> Result<Vec<Finding>, BackupError> {
    let noted = format!("select to_regclass('{SCHEMA}.t_table_rules') is not null as noted");
    let noted: bool = get(
        &inspect::one(c, "look for the tables' rules", &noted).await?,
        "noted",
    )?;
    if !noted {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select s.t_source as source, string_agg(r.t_table_name, ', ' order by r.t_table_name) as tables \
           from {SCHEMA}.t_table_rules r join {SCHEMA}.t_sources s using (i_id_source) \
          where strpos(r.t_fingerprint, '; transforms ') > 0 group by 1 order by 1"
    );
    let mut findings = Vec::new();
    for row in inspect::query(c, "look for tables that transforms have shaped", &sql).await? {
        let (source_name, tables): (String, String) = (get(&row, "source")?, get(&row, "tables")?);
        let what = format!(
            "rows of {tables} were written through transforms, and 1.2 would write the next ones \
             without them"
        );
        if !request.force {
            return Err(BackupError::NeedsForce { source_name, what });
        }
        findings.push(finding(
            Severity::Warning,
            codes::BAK016,
            source_name,
            what,
            "keep 1.2 from the source, or name only other tables in its tables_limit",
        ));
    }
    Ok(findings)
}

struct Obstacle {
    source: String,
    object: String,
    rows: u64,
    detail: String,
}

impl Obstacle {
    fn judge(self, kind: &str, force: bool) -> Result<Finding, BackupError> {
        let Self {
            source: source_name,
            object,
            rows,
            detail,
        } = self;
        match kind {
            "position" => Err(BackupError::BeyondReach {
                source_name,
                position: object,
            }),
            "row" => Err(BackupError::Unreplayable {
                table: object,
                rows,
                reason: detail,
            }),
            "held" if !force => Err(BackupError::NeedsForce {
                source_name,
                what: format!(
                    "the table {object} is held ({detail}), it has missed {rows} changes"
                ),
            }),
            "held" => Ok(finding(
                Severity::Warning,
                codes::BAK016,
                object,
                format!("it was held ({detail}) with {rows} changes missed; 1.2 leaves it alone"),
                "init_replica of 1.2 takes it in again",
            )),
            "unkeyed" => Ok(finding(
                Severity::Info,
                codes::CAT015,
                object,
                "1.2 does not replicate it".into(),
                "give it a primary key at the source",
            )),
            "disabled" => Ok(finding(
                Severity::Info,
                codes::BAK016,
                source_name,
                "the source is disabled, which 1.2 does not know".into(),
                "do not start 1.2 for it",
            )),
            // a copy, a window, a floor, prepared transactions
            _ => Err(BackupError::CopyUnderWay {
                source_name,
                what: format!("{detail}: {object}"),
            }),
        }
    }
}

/// Tables of somebody's own in the schema: a downgrade makes them, without rows.
fn left_empty(backup: &Backup) -> impl Iterator<Item = Finding> {
    let tables = backup.manifest.tables.iter();
    let foreign = tables.filter(|t| t.rows > 0 && !TABLES.contains(&t.name.as_str()));
    foreign.map(|table| {
        finding(
            Severity::Warning,
            codes::BAK016,
            format!("sch_chameleon.{}", table.name),
            format!(
                "it is no table of 1.2; its {} rows are in the backup alone",
                table.rows
            ),
            "pg_restore --data-only --table NAME brings them back",
        )
    })
}

pub(super) fn finding(
    severity: Severity,
    code: ErrorCode,
    object: String,
    what: String,
    remedy: &str,
) -> Finding {
    Finding {
        severity,
        code,
        object,
        what,
        remedy: remedy.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(id: i64, name: &str, position: i64) -> SourceState {
        SourceState {
            id,
            name: name.into(),
            dest_schema: format!("dest_{name}"),
            open_batch: Some(id),
            binlog: Some("binlog.000001".into()),
            position: Some(position),
            batches: vec![id],
            waiting_rows: 0,
        }
    }

    #[test]
    fn a_source_has_moved_where_anything_of_it_is_another() {
        let then = [source(1, "a", 4), source(2, "b", 4)];
        let check = |now: &[SourceState], names: &[&str]| assert_eq!(moved(&then, now), names);
        check(&then, &[]);
        check(&[source(1, "a", 5), source(2, "b", 4)], &["a"]);
        check(&[source(1, "a", 4)], &["b"]);
        check(
            &[source(1, "a", 4), source(2, "b", 4), source(3, "c", 4)],
            &["c"],
        );
        let mut waiting = then.clone();
        waiting[1].waiting_rows = 1;
        check(&waiting, &["b"]);
        let mut begun = then.clone();
        begun[0].batches = vec![];
        check(&begun, &["a"]);
    }
}
