//! The transaction, step by step. Everything but the commit.

use chameleon_catalog::sessions::{self, REPLAY_LOCK, REPLICA_LOCK};
use chameleon_catalog::{CatalogState, SCHEMA, SourceId};
use chameleon_diag::{Finding, Severity, codes};
use chameleon_postgres::{Client, lock, quote_ident, quote_literal};

use super::{Request, RolledBack, SourceBack, Way, decide, replaced};
use crate::error::BackupError;
use crate::foreign_keys::{self, BrokenKey};
use crate::inspect::{self, count, get};
use crate::manifest::{Backup, SourceState};
use crate::restore::{Owner, Part};
use crate::verify;

/// Name of the replaced catalog until the last step. The steps' SQL knows it.
const ASIDE: &str = "sch_chameleon_aside";
/// Longest wait for one lock.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '10s'";

const SET_ASIDE: &str =
    include_str!("../../../../../sql/downgrade/1.3--1.2/010_set_catalog_aside.sql");
/// What fills the tables of 1.2, before their keys are made.
const FILL: &[(&str, &str)] = &[
    (
        "take the sources over",
        include_str!("../../../../../sql/downgrade/1.3--1.2/020_take_sources_over.sql"),
    ),
    (
        "take the batches over",
        include_str!("../../../../../sql/downgrade/1.3--1.2/030_take_batches_over.sql"),
    ),
    (
        "take the waiting rows over",
        include_str!("../../../../../sql/downgrade/1.3--1.2/040_take_waiting_rows_over.sql"),
    ),
    (
        "set the sequences",
        include_str!("../../../../../sql/downgrade/1.3--1.2/050_set_sequences.sql"),
    ),
];
const ANALYZE: &str = include_str!("../../../../../sql/downgrade/1.3--1.2/060_analyze.sql");
const WAITING: &str = include_str!("../../../../../sql/downgrade/1.3--1.2/waiting.sql");

/// Everything up to the commit.
pub(super) async fn prepare(
    c: &Client,
    backup: &Backup,
    request: Request,
) -> Result<RolledBack, BackupError> {
    inspect::execute(c, "set the longest wait for a lock", LOCK_TIMEOUT).await?;
    sessions::lock_upgrade(c).await?;
    let state = chameleon_catalog::version(c).await?;
    match state {
        CatalogState::V12 => return Err(BackupError::AlreadyOf12),
        CatalogState::V13 | CatalogState::V13Original | CatalogState::Halfway => {}
        _ => chameleon_catalog::require_current(c).await?,
    }
    must_be_at_rest(c).await?;
    lock_tables(c).await?;
    // whoever came in between waits for the tables now
    must_be_at_rest(c).await?;

    let now = inspect::sources(c).await?;
    let moved = decide::moved(&backup.manifest.sources, &now);
    let way = decide::way(backup, &now, &moved, request)?;
    let mut findings = running_words(c, request).await?;
    findings.extend(decide::unmasked(c, request).await?);
    if way == Way::Downgrade {
        chameleon_catalog::require_current(c).await?;
        findings.extend(decide::obstacles(c, backup, request).await?);
    }
    let dependants = replaced::dependants(c, SCHEMA).await?;

    inspect::execute(c, "set the catalog aside", SET_ASIDE).await?;
    match way {
        Way::Verbatim => {
            backup.restore_into(c, Owner::Keep, Part::All).await?;
            must_be_the_backup(c, backup).await?;
            let broken = foreign_keys::broken(c).await?;
            findings.extend(broken.iter().map(BrokenKey::finding));
        }
        Way::Downgrade => downgrade(c, backup, &now).await?,
    }
    if chameleon_catalog::version(c).await? != CatalogState::V12 {
        return Err(wrong("the new catalog has not the shape of 1.2"));
    }
    let after = inspect::sources(c).await?;
    let replaced = name_replaced(c, state).await?;
    findings.extend(replaced::finding(&replaced, &dependants));
    let back = |source: &SourceState| SourceBack {
        source: source.name.clone(),
        moved: moved.contains(&source.name),
        binlog: source.binlog.clone(),
        position: source.position,
        waiting_rows: source.waiting_rows,
    };
    Ok(RolledBack {
        way,
        replaced,
        sources: after.iter().map(back).collect(),
        findings,
        locked_milliseconds: 0,
    })
}

/// Fails where a replica of ours or of 1.x works. Takes the locks of every source to the
/// transaction's end, so that none begins.
async fn must_be_at_rest(c: &Client) -> Result<(), BackupError> {
    if let Some(found) = sessions::predecessor_sessions(c).await?.first() {
        let session = &found.session;
        return Err(BackupError::PredecessorRuns {
            who: format!("process {} of the server", session.pid),
        });
    }
    let sql = format!("select i_id_source as id, t_source as name from {SCHEMA}.t_sources");
    for row in inspect::query(c, "list the sources", &sql).await? {
        let (id, name): (i64, String) = (get(&row, "id")?, get(&row, "name")?);
        for (key, what) in [
            (REPLICA_LOCK, "is being read"),
            (REPLAY_LOCK, "is being replayed"),
        ] {
            lock_source(c, key, SourceId(id), &format!("source {name} {what}")).await?;
        }
    }
    Ok(())
}

async fn lock_source(
    c: &Client,
    key: i32,
    source: SourceId,
    what: &str,
) -> Result<(), BackupError> {
    let second = sessions::lock_key(source)?;
    let sql = format!("select pg_try_advisory_xact_lock({key}, {second}) as taken");
    let row = inspect::one(c, "take the source's lock", &sql).await?;
    if get(&row, "taken")? {
        return Ok(());
    }
    let holder = lock::holder(c, key, second).await?;
    let who = holder.map_or(String::new(), |session| {
        format!(
            " by {} (process {} of the server)",
            session.application_name, session.pid
        )
    });
    Err(BackupError::Busy {
        who: format!("{what}{who}"),
    })
}

async fn lock_tables(c: &Client) -> Result<(), BackupError> {
    let sql = format!(
        "select string_agg(format('only %s', oid::regclass), ', ' order by relname) as tables \
           from pg_catalog.pg_class \
          where relnamespace = '{SCHEMA}'::regnamespace and relkind in ('r', 'p')"
    );
    let row = inspect::one(c, "list the catalog's tables", &sql).await?;
    let tables: String = get(&row, "tables")?;
    let sql = format!("lock table {tables} in access exclusive mode");
    inspect::execute(c, "lock the catalog's tables", &sql).await
}

/// Sources that say they are running, with no session behind it.
async fn running_words(c: &Client, request: Request) -> Result<Vec<Finding>, BackupError> {
    let sql = format!(
        "select t_source as name from {SCHEMA}.t_sources where enm_status = 'running' order by 1"
    );
    let rows = inspect::query(c, "read the status words", &sql).await?;
    let judge = |row| {
        let source_name: String = get(row, "name")?;
        if !request.force {
            return Err(BackupError::NeedsForce {
                source_name,
                what: "it says that it is running, and no session is there".into(),
            });
        }
        Ok(decide::finding(
            Severity::Info,
            codes::CAT030,
            source_name,
            "it said that it was running, and no session was there".into(),
            "",
        ))
    };
    rows.iter().map(judge).collect()
}

async fn must_be_the_backup(c: &Client, backup: &Backup) -> Result<(), BackupError> {
    let differences = verify::differences(c, backup).await?;
    match differences.is_empty() {
        true => Ok(()),
        false => Err(wrong(&differences.join("; "))),
    }
}

async fn downgrade(c: &Client, backup: &Backup, now: &[SourceState]) -> Result<(), BackupError> {
    backup
        .restore_into(c, Owner::Keep, Part::BeforeData)
        .await?;
    for (attempt, sql) in FILL {
        inspect::execute(c, attempt, sql).await?;
    }
    backup.restore_into(c, Owner::Keep, Part::AfterData).await?;
    inspect::execute(c, "gather statistics", ANALYZE).await?;
    must_be_the_living(c, now).await
}

/// The new catalog must stand where the living one stood.
async fn must_be_the_living(c: &Client, now: &[SourceState]) -> Result<(), BackupError> {
    let mut expected = now.to_vec();
    expected
        .iter_mut()
        .for_each(|source| source.waiting_rows = 0);
    for row in inspect::query(c, "count the waiting rows", WAITING).await? {
        let id: i64 = get(&row, "id")?;
        for source in expected.iter_mut().filter(|source| source.id == id) {
            source.waiting_rows = count(&row, "rows")?;
        }
    }
    for (found, expected) in inspect::sources(c).await?.iter().zip(&expected) {
        if found != expected {
            return Err(wrong(&format!(
                "source {} would stand at {:?}:{:?} with {} waiting rows, not at {:?}:{:?} with {}",
                found.name,
                found.binlog,
                found.position,
                found.waiting_rows,
                expected.binlog,
                expected.position,
                expected.waiting_rows
            )));
        }
    }
    let sql = format!(
        "select (select count(*) from {SCHEMA}.t_sources) as found, \
                (select count(*) from {ASIDE}.t_sources) as expected"
    );
    let row = inspect::one(c, "count the sources", &sql).await?;
    if count(&row, "found")? != count(&row, "expected")? {
        return Err(wrong("a source is missing"));
    }
    Ok(())
}

/// Gives the replaced catalog its name, with the time.
async fn name_replaced(c: &Client, state: CatalogState) -> Result<String, BackupError> {
    let sql = format!(
        "select to_char(now() at time zone 'UTC', 'YYYYMMDD\"t\"HH24MISS\"z\"') as stamp, \
                to_char(now() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as moment, \
                array(select nspname::text from pg_catalog.pg_namespace \
                       where starts_with(nspname, '{}')) as taken",
        replaced::REPLACED
    );
    let row = inspect::one(c, "choose a name for the replaced catalog", &sql).await?;
    let (stamp, moment): (String, String) = (get(&row, "stamp")?, get(&row, "moment")?);
    let taken: Vec<String> = get(&row, "taken")?;
    let first = format!("{}{stamp}", replaced::REPLACED);
    let others = (2..).map(|number| format!("{first}_{number}"));
    let mut names = std::iter::once(first.clone()).chain(others);
    let name = names.find(|name| !taken.contains(name)).unwrap_or_default();
    let version = match state {
        CatalogState::Halfway => "half-way between 1.2 and 1.3",
        _ => "1.3",
    };
    let comment = format!("catalog of version {version}, replaced by a rollback at {moment} UTC");
    let quoted = quote_ident(&name);
    let sql = format!(
        "alter schema {ASIDE} rename to {quoted}; comment on schema {quoted} is {}",
        quote_literal(&comment)
    );
    inspect::execute(c, "name the replaced catalog", &sql).await?;
    Ok(name)
}

fn wrong(what: &str) -> BackupError {
    BackupError::WrongResult {
        what: what.to_owned(),
    }
}
