//! The two positions of a snapshot that was opened without a lock on the server.
//!
//! *Low*: every transaction up to here is in the snapshot. *High*: none after it is.
//!
//! MariaDB tells the binlog position of a consistent snapshot itself (`binlog_snapshot_file` and
//! `_position`), so low and high are the same.
//!
//! MySQL does not. High is simple: a transaction is in the binlog before its rows are visible, so
//! the end of the binlog *after* the snapshot was opened will do. For the same reason the end of the
//! binlog *before* it may be too late for low: a transaction can be in the binlog and not yet be
//! visible. Three ways lead to a low that is sure ([`Settling`]):
//!
//! * With GTIDs, `gtid_owned` read after the position names all transactions that may be on their
//!   way; once they are executed, everything up to the position is visible.
//! * Without, a read lock on the table, held for a moment, is granted only when every transaction
//!   that wrote to the table is through. One such moment per table is enough, because an earlier low
//!   is as right as a later one; it only makes the span between low and high longer.
//! * Where that right is missing too, the position of some seconds ago is taken: longer than a
//!   commit takes, but not proven.
//!
//! A table without a key cannot be brought to a state by repeating changes, so it needs low and high
//! to be the same: its snapshot is opened while a second session holds the read lock on the table.
//! A table whose engine knows no transactions is read as a whole under that lock.

use std::collections::HashMap;
use std::time::Duration;

use chameleon_model::{BinlogPosition, SourcePosition, TableName, TableSchema};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::plan::from;
use crate::{Source, SourceConn, SourceError};

/// Shortest age of a position that is taken for settled where nothing proves it.
const AGE: Duration = Duration::from_secs(3);

/// Longest such age, however long the server lets a commit wait for its replicas.
const MAX_AGE: Duration = Duration::from_secs(60);

/// How long to wait for transactions that are being committed.
const COMMIT_WAIT: Duration = Duration::from_secs(10);

/// What the readers of one snapshot know together about settled positions.
#[derive(Debug)]
pub(super) struct Marks {
    source: Source,
    lock_wait: Duration,
    settling: Settling,
}

/// How a low is found; see the module's header.
#[derive(Debug)]
enum Settling {
    /// MariaDB.
    Told,
    /// MySQL with GTIDs: the newest position known to be settled.
    Gtids(Mutex<SourcePosition>),
    /// MySQL without: settled positions by table, and positions with the time they were read at.
    Locks {
        tables: Mutex<HashMap<TableName, SourcePosition>>,
        seen: Mutex<Vec<(Instant, SourcePosition)>>,
        age: Duration,
    },
}

/// The positions of one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) low: SourcePosition,
    pub(super) high: SourcePosition,
}

/// Opens the snapshot that all statements up to the transaction's end see.
pub(super) const START: &str = "start transaction with consistent snapshot, read only";

impl Marks {
    /// Reads a position that the stream can begin at: it is settled before any chunk's low is.
    pub(super) async fn open(
        source: &Source,
        conn: &mut SourceConn,
        lock_wait: Duration,
    ) -> Result<(Self, SourcePosition), SourceError> {
        let start = conn.current_position().await?;
        let settling = if conn.info.is_mariadb() {
            Settling::Told
        } else if conn.info.gtids {
            if !commits_are_through(conn).await? {
                return Err(SourceError::LockNotGranted {
                    waited: COMMIT_WAIT,
                    source: None,
                });
            }
            Settling::Gtids(Mutex::new(start.clone()))
        } else {
            let semi_sync = Duration::from_millis(conn.info.semi_sync_wait_ms);
            Settling::Locks {
                tables: Mutex::new(HashMap::new()),
                seen: Mutex::new(vec![(Instant::now(), start.clone())]),
                age: (AGE + semi_sync).min(MAX_AGE),
            }
        };
        let marks = Self {
            source: source.clone(),
            lock_wait,
            settling,
        };
        Ok((marks, start))
    }

    /// Opens a snapshot in `conn`, for rows of that table.
    pub(super) async fn snapshot(
        &self,
        conn: &mut SourceConn,
        table: &TableSchema,
    ) -> Result<Span, SourceError> {
        if matches!(self.settling, Settling::Told) {
            conn.run("open a snapshot", START).await?;
            let position = told(conn).await?;
            return Ok(Span {
                low: position.clone(),
                high: position,
            });
        }
        if table.row_key().is_none()
            && let Some(mut lock) = self.lock(table).await?
        {
            let position = end_of_binlog(conn).await?;
            conn.run("open a snapshot", START).await?;
            lock.run("unlock the table", "unlock tables").await?;
            lock.close().await;
            return Ok(Span {
                low: position.clone(),
                high: position,
            });
        }
        let low = self.low(conn, table).await?;
        conn.run("open a snapshot", START).await?;
        let high = end_of_binlog(conn).await?;
        Ok(Span { low, high })
    }

    /// Holds a read lock on the table in a session of its own; `None` where the right is missing.
    /// Errors: SRC050 where the lock is not granted in time.
    pub(super) async fn lock(
        &self,
        table: &TableSchema,
    ) -> Result<Option<SourceConn>, SourceError> {
        let mut conn = self.source.connect().await?;
        set_lock_wait(&mut conn, self.lock_wait).await?;
        let sql = format!("lock tables {} read", from(table));
        match conn.run("lock a table", &sql).await {
            Ok(()) => Ok(Some(conn)),
            Err(SourceError::MissingRight { .. }) => {
                conn.close().await;
                Ok(None)
            }
            Err(error) => Err(not_granted(error, self.lock_wait)),
        }
    }

    async fn low(
        &self,
        conn: &mut SourceConn,
        table: &TableSchema,
    ) -> Result<SourcePosition, SourceError> {
        match &self.settling {
            Settling::Told => conn.current_position().await,
            Settling::Gtids(settled) => {
                let now = end_of_binlog(conn).await?;
                let through = commits_are_through(conn).await?;
                let mut settled = settled.lock().await;
                if through && now.binlog > settled.binlog {
                    *settled = now;
                }
                Ok(settled.clone())
            }
            Settling::Locks { tables, seen, age } => {
                let mut tables = tables.lock().await;
                if let Some(low) = tables.get(&table.name) {
                    return Ok(low.clone());
                }
                let now = end_of_binlog(conn).await?;
                if let Some(mut lock) = self.lock(table).await? {
                    lock.run("unlock the table", "unlock tables").await?;
                    lock.close().await;
                    tables.insert(table.name.clone(), now.clone());
                    return Ok(now);
                }
                drop(tables);
                let mut seen = seen.lock().await;
                seen.push((Instant::now(), now));
                Ok(aged(&mut seen, *age).await)
            }
        }
    }
}

/// The newest position that is at least `age` old; older ones are forgotten. Waits for the first one
/// to become that old.
async fn aged(seen: &mut Vec<(Instant, SourcePosition)>, age: Duration) -> SourcePosition {
    if let Some((first, _)) = seen.first() {
        tokio::time::sleep_until(*first + age).await;
    }
    let old_enough = seen.iter().filter(|(at, _)| at.elapsed() >= age).count();
    seen.drain(..old_enough.saturating_sub(1));
    seen[0].1.clone()
}

/// MySQL with GTIDs: waits until every transaction that is in the binlog now is visible; `false`
/// where that took too long.
async fn commits_are_through(conn: &mut SourceConn) -> Result<bool, SourceError> {
    let what = "wait for commits";
    let row = conn.row(what, "select @@global.gtid_owned").await?;
    let owned = without_owners(row.first().unwrap_or_default());
    if owned.is_empty() {
        return Ok(true);
    }
    let sql = format!(
        "select wait_for_executed_gtid_set('{owned}', {})",
        COMMIT_WAIT.as_secs()
    );
    Ok(conn.row(what, &sql).await?.first() == Some("0"))
}

/// `uuid:5#30:6#31,...` without the owners' thread numbers and without what is no GTID.
fn without_owners(owned: &str) -> String {
    let member = |member: &str| {
        let parts: Vec<&str> = member
            .split(':')
            .map(|part| part.split_once('#').map_or(part, |(gtid, _)| gtid).trim())
            .collect();
        (parts.len() > 1).then(|| parts.join(":"))
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '_' | ',');
    let members: Vec<String> = owned.split(',').filter_map(member).collect();
    members.join(",").chars().filter(|&c| allowed(c)).collect()
}

/// The end of the binlog, without GTIDs: between two positions of a copy files and offsets decide.
async fn end_of_binlog(conn: &mut SourceConn) -> Result<SourcePosition, SourceError> {
    let (binlog, _) = conn.binlog_status().await?;
    Ok(SourcePosition {
        binlog,
        gtids: None,
    })
}

/// MariaDB: the position of the snapshot that this session has open.
async fn told(conn: &mut SourceConn) -> Result<SourcePosition, SourceError> {
    let what = "read the snapshot's position";
    let (mut file, mut offset) = (String::new(), None);
    for row in conn
        .rows(what, "show status like 'binlog_snapshot_%'")
        .await?
    {
        match row.owned("Variable_name").to_lowercase().as_str() {
            "binlog_snapshot_file" => file = row.owned("Value"),
            "binlog_snapshot_position" => offset = row.number("Value"),
            _ => {}
        }
    }
    match offset {
        Some(offset) if !file.is_empty() => Ok(SourcePosition {
            binlog: BinlogPosition::new(file, offset),
            gtids: None,
        }),
        _ => Err(SourceError::NoBinlog),
    }
}

/// Limits the session's waiting for metadata and table locks; whole seconds, at least one.
pub(super) async fn set_lock_wait(
    conn: &mut SourceConn,
    wait: Duration,
) -> Result<(), SourceError> {
    let seconds = wait.as_secs_f64().ceil().max(1.0);
    let sql = format!("set session lock_wait_timeout = {seconds:.0}");
    conn.run("limit the waiting for locks", &sql).await
}

/// Turns the server's refusal after waiting (1205) into the error that says so.
pub(super) fn not_granted(error: SourceError, waited: Duration) -> SourceError {
    match error {
        SourceError::Busy { source, .. } => SourceError::LockNotGranted {
            waited,
            source: Some(source),
        },
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_taken_off_owned_gtids() {
        let check = |owned: &str, expect: &str| assert_eq!(without_owners(owned), expect);
        check("", "");
        check("a-b:5#30", "a-b:5");
        check("a-b:5#30:6#31,\nc-d:tag:7#1", "a-b:5:6,c-d:tag:7");
        check("ANONYMOUS#3", "");
        check("a'b:5#3", "ab:5");
    }

    #[tokio::test(start_paused = true)]
    async fn a_position_counts_once_it_is_old_enough() {
        let position = |offset| SourcePosition {
            binlog: BinlogPosition::new("b.1", offset),
            gtids: None,
        };
        let mut seen = vec![(Instant::now(), position(1))];
        let age = Duration::from_secs(3);
        assert_eq!(aged(&mut seen, age).await, position(1));
        seen.push((Instant::now(), position(2)));
        assert_eq!(aged(&mut seen, age).await, position(1));
        tokio::time::advance(age).await;
        seen.push((Instant::now(), position(3)));
        assert_eq!(aged(&mut seen, age).await, position(2));
        assert_eq!(seen.len(), 2);
    }
}
