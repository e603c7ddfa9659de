//! Opening of the readers.

use std::sync::Arc;
use std::time::Duration;

use chameleon_model::SourcePosition;
use futures_util::future::try_join_all;
use tokio::time::Instant;

use super::mark::{Marks, START, not_granted, set_lock_wait};
use super::reader::SnapshotReader;
use super::{Method, Snapshot};
use crate::{Source, SourceConn, SourceError};

/// Shortest patience with prepared XA transactions.
const XA_WAIT: Duration = Duration::from_secs(10);

/// Opens `readers` connections (at least one) at one consistent point, or for reading by chunks.
///
/// `lock_wait` is the longest wait for a lock, in whole seconds, and the age from which on a running
/// query counts as long. Errors: with [`Method::Locked`] SRC050 where a long query runs or the lock
/// is not granted, SRC004 where the right is missing ([`Method::Auto`] then goes on by chunks);
/// SRC011 without a binlog; SRC026 where XA transactions stay prepared.
pub async fn open(
    source: &Source,
    readers: u16,
    method: Method,
    lock_wait: Duration,
) -> Result<Snapshot, SourceError> {
    let mut control = source.connect().await?;
    if !control.info.log_bin {
        return Err(SourceError::NoBinlog);
    }
    let mut sessions = connect_readers(source, readers).await?;
    let (marks, start) = Marks::open(source, &mut control, lock_wait).await?;
    // what is prepared after the start is in the stream from its first row on
    control
        .until_none_is_prepared(lock_wait.max(XA_WAIT))
        .await?;
    let (became, position) = match method {
        Method::PerChunk => (Method::PerChunk, start),
        Method::Locked => {
            let position = lock_and_open(&mut control, &mut sessions, lock_wait).await?;
            (Method::Locked, position)
        }
        Method::Auto => match lock_and_open(&mut control, &mut sessions, lock_wait).await {
            Ok(position) => (Method::Locked, position),
            Err(
                error @ (SourceError::LockNotGranted { .. } | SourceError::MissingRight { .. }),
            ) => {
                tracing::info!(reason = %error, "no lock on all tables, copying by chunks");
                (Method::PerChunk, start)
            }
            Err(error) => return Err(error),
        },
    };
    control.close().await;
    let marks = Arc::new(marks);
    let point = (became == Method::Locked).then(|| position.clone());
    let reader = |conn| SnapshotReader::new(conn, point.clone(), Arc::clone(&marks));
    Ok(Snapshot {
        method: became,
        readers: sessions.into_iter().map(reader).collect(),
        position,
    })
}

/// Sessions of readers get text as it is stored.
///
/// MariaDB gives up the lock on a table's definition at ROLLBACK TO SAVEPOINT only in a session that
/// writes no binlog. These sessions write nothing anyway; without the right to say so, a copy under
/// one lock keeps the source's DDL waiting until its reader ends.
async fn connect_readers(source: &Source, readers: u16) -> Result<Vec<SourceConn>, SourceError> {
    let what = "set the session up";
    let connect = async || {
        let mut conn = source.connect().await?;
        conn.run(what, "set session character_set_results = null")
            .await?;
        if conn.info.is_mariadb() {
            match conn.run(what, "set session sql_log_bin = 0").await {
                Ok(()) | Err(SourceError::MissingRight { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(conn)
    };
    try_join_all((0..readers.max(1)).map(|_| connect())).await
}

/// Opens all snapshots at a moment when no XA transaction is prepared.
async fn lock_and_open(
    control: &mut SourceConn,
    readers: &mut [SourceConn],
    lock_wait: Duration,
) -> Result<SourcePosition, SourceError> {
    let deadline = Instant::now() + lock_wait.max(XA_WAIT);
    loop {
        match lock_once(control, readers, lock_wait).await {
            Err(SourceError::Prepared { .. }) if Instant::now() < deadline => {
                let patience = deadline.saturating_duration_since(Instant::now());
                control.until_none_is_prepared(patience).await?;
            }
            done => return done,
        }
    }
}

/// Opens all snapshots under the global read lock and reads the position that they stand at.
async fn lock_once(
    control: &mut SourceConn,
    readers: &mut [SourceConn],
    lock_wait: Duration,
) -> Result<SourcePosition, SourceError> {
    if long_query_runs(control, lock_wait).await? {
        return Err(SourceError::LockNotGranted {
            waited: Duration::ZERO,
            source: None,
        });
    }
    set_lock_wait(control, lock_wait).await?;
    control
        .run("lock all tables", "flush tables with read lock")
        .await
        .map_err(|e| not_granted(e, lock_wait))?;
    let opened = async {
        // the lock lets none become prepared
        control.until_none_is_prepared(Duration::ZERO).await?;
        let starts = readers.iter_mut().map(|r| r.run("open a snapshot", START));
        try_join_all(starts).await?;
        control.current_position().await
    }
    .await;
    control.run("unlock all tables", "unlock tables").await?;
    opened
}

/// A statement of somebody else has been running for that long. Sessions of others are seen only
/// with the PROCESS right; without it the lock's own time limit has to do.
async fn long_query_runs(conn: &mut SourceConn, age: Duration) -> Result<bool, SourceError> {
    let what = "look for long queries";
    let own = conn.row(what, "select connection_id()").await?;
    let own = own.first().unwrap_or_default().to_owned();
    let rows = conn.rows(what, "show processlist").await?;
    let long = rows.iter().any(|row| {
        let running = matches!(row.text("Command"), Some("Query" | "Execute"));
        let seconds: f64 = row.number("Time").unwrap_or(0.0);
        running && row.text("Id") != Some(&own) && seconds >= age.as_secs_f64().max(1.0)
    });
    Ok(long)
}
