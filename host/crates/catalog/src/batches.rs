//! Batches: positions of the source, and what lies between two of them.
//!
//! Of a source's batches the newest one that is neither processed nor replayed is *open*: its
//! position is where reading goes on. [`close`] marks it processed and opens the next one at the
//! position reached; [`advance`] moves the open one in place, where there is nothing to replay.
//! Processed batches wait for replay in the order of `ts_created`, which strictly increases within
//! a source whatever the clock does.
//!
//! A position of ours is always a transaction's end. One that pg_chameleon 1.x saved is the end of
//! a rows event; [`OpenBatch::by_predecessor`] tells them apart.

use std::time::Duration;

use chameleon_model::{BinlogPosition, SourcePosition};
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::db::{self, Place};
use crate::error::CatalogError;
use crate::ids::{BatchId, SourceId};

/// The batch that is being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenBatch {
    /// Id.
    pub id: BatchId,
    /// Where reading goes on.
    pub position: SourcePosition,
    /// pg_chameleon 1.x saved the position: it is the end of a rows event, it has no GTID set, and
    /// schema history and windows do not belong to it.
    pub by_predecessor: bool,
    /// Older batches whose rows were all in the relay, but which 1.x, killed at that moment, had
    /// not marked as processed. They are marked now and will be replayed.
    pub recovered: u64,
}

/// The source's open batch, marked as started; `None` where the source was never initialised.
///
/// Writes: the flags of this batch and of those counted in [`OpenBatch::recovered`].
pub async fn open_batch(
    c: &impl GenericClient,
    source: SourceId,
) -> Result<Option<OpenBatch>, CatalogError> {
    let sql = include_str!("sql/open_batch.sql");
    let row = db::query_opt(
        c,
        "open the source's batch",
        sql,
        &[(&source.0, Type::INT8)],
    )
    .await?;
    let Some(row) = row else { return Ok(None) };
    let id = BatchId(db::get(&row, "id")?);
    let position = db::get_position(&row, "")?.ok_or_else(|| CatalogError::Unreadable {
        what: format!("batch {id} of t_replica_batch"),
        reason: "it has no binlog file".into(),
    })?;
    Ok(Some(OpenBatch {
        id,
        position,
        by_predecessor: db::get(&row, "by_predecessor")?,
        recovered: db::get_count(&row, "recovered")?,
    }))
}

/// Sets the source to a position, as a copy or an operator does: every batch that is not replayed
/// is given up with its rows, and a new one is opened. The log tables are truncated where the lock
/// is to be had at once.
pub async fn start_at(
    c: &impl GenericClient,
    source: SourceId,
    position: &SourcePosition,
) -> Result<BatchId, CatalogError> {
    let attempt = "set the source's position";
    let given_up = "update sch_chameleon.t_replica_batch set b_replayed = true \
                    where i_id_source = $1 and not b_replayed returning i_id_batch";
    let given_up = db::query(c, attempt, given_up, &[(&source.0, Type::INT8)]).await?;
    let given_up: Vec<i64> = given_up
        .iter()
        .map(|row| db::get(row, "i_id_batch"))
        .collect::<Result<_, _>>()?;
    let truncate = "select sch_chameleon.fn_truncate_drained($1, 0, true)";
    db::query(c, attempt, truncate, &[(&source.0, Type::INT8)]).await?;
    let place = Place::of(Some(position));
    let sql = include_str!("sql/start_at.sql");
    let row = db::query_one(
        c,
        attempt,
        sql,
        &[
            (&source.0, Type::INT8),
            (&place.file, Type::TEXT),
            (&place.offset, Type::INT8),
            (&place.gtids, Type::TEXT),
            (&given_up, Type::INT8_ARRAY),
        ],
    )
    .await?;
    Ok(BatchId(db::get(&row, "id")?))
}

/// The end of a batch whose rows are in the relay.
#[derive(Clone, Copy, Debug)]
pub struct Close<'a> {
    /// Source.
    pub source: SourceId,
    /// Its open batch.
    pub batch: BatchId,
    /// End of the batch's last transaction; reading goes on there.
    pub next: &'a SourcePosition,
    /// Rows and DDL entries of the batch in the relay.
    pub rows: u64,
    /// Time of the last event at the source, microseconds since the epoch.
    pub last_event_micros: Option<i64>,
}

/// Marks the batch as processed, with rows in our encoding, and opens the next one, which is
/// returned. One round trip.
///
/// A replayed batch that stands at the new position (from before a RESET MASTER, a failover, or a
/// step backwards) is removed first; one that still waits for replay keeps its rows and loses its
/// position, which nobody reads.
///
/// # Errors
/// [`CatalogError::NotOpen`] where the batch is not the open one any more, and
/// [`CatalogError::SamePosition`] where the next one would begin where it began; then nothing has
/// changed.
pub async fn close(c: &impl GenericClient, close: &Close<'_>) -> Result<BatchId, CatalogError> {
    let place = Place::of(Some(close.next));
    let row = db::query_opt(
        c,
        "close the batch",
        include_str!("sql/close_batch.sql"),
        &[
            (&close.source.0, Type::INT8),
            (&close.batch.0, Type::INT8),
            (&place.file, Type::TEXT),
            (&place.offset, Type::INT8),
            (&place.gtids, Type::TEXT),
            (&db::int8(close.rows), Type::INT8),
            (&close.last_event_micros, Type::INT8),
        ],
    )
    .await?;
    let Some(row) = row else {
        return Err(not_open("close", close.batch));
    };
    let opened: Option<i64> = db::get(&row, "opened")?;
    opened
        .map(BatchId)
        .ok_or_else(|| CatalogError::SamePosition {
            batch: close.batch,
            position: close.next.binlog.to_string(),
        })
}

/// A position reached without anything to replay from the relay.
#[derive(Clone, Copy, Debug)]
pub struct Advance<'a> {
    /// Source.
    pub source: SourceId,
    /// Its open batch.
    pub batch: BatchId,
    /// End of the last transaction.
    pub position: &'a SourcePosition,
    /// Time of the last event at the source, microseconds since the epoch.
    pub last_event_micros: Option<i64>,
}

/// Moves the open batch in place. One round trip; the position may be the one it has.
///
/// # Errors
/// [`CatalogError::NotOpen`] where the batch is not open any more.
pub async fn advance(c: &impl GenericClient, advance: &Advance<'_>) -> Result<(), CatalogError> {
    let place = Place::of(Some(advance.position));
    let row = db::query_opt(
        c,
        "advance the batch",
        include_str!("sql/advance_batch.sql"),
        &[
            (&advance.source.0, Type::INT8),
            (&advance.batch.0, Type::INT8),
            (&place.file, Type::TEXT),
            (&place.offset, Type::INT8),
            (&place.gtids, Type::TEXT),
            (&advance.last_event_micros, Type::INT8),
        ],
    )
    .await?;
    row.map(|_| ())
        .ok_or_else(|| not_open("advance", advance.batch))
}

/// What became of a batch's entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayCounts {
    /// Rows applied.
    pub replayed: u64,
    /// Rows not applied: of held tables, or already seen by a copy.
    pub skipped: u64,
    /// DDL entries executed.
    pub ddl: u64,
}

/// Marks a processed batch as replayed; the counts are added to those that `fn_process_batch` left.
/// One round trip.
///
/// # Errors
/// [`CatalogError::NotOpen`] where it is not waiting for replay.
pub async fn mark_replayed(
    c: &impl GenericClient,
    batch: BatchId,
    counts: &ReplayCounts,
) -> Result<(), CatalogError> {
    let touched = db::execute(
        c,
        "mark the batch as replayed",
        include_str!("sql/mark_replayed.sql"),
        &[
            (&batch.0, Type::INT8),
            (&db::int8(counts.replayed), Type::INT8),
            (&db::int8(counts.skipped), Type::INT8),
            (&db::int8(counts.ddl), Type::INT8),
        ],
    )
    .await?;
    if touched == 0 {
        return Err(not_open("mark as replayed", batch));
    }
    Ok(())
}

/// A batch that waits for replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreplayedBatch {
    /// Id.
    pub id: BatchId,
    /// Where it begins; `None` where a later batch has taken the position over.
    pub position: Option<BinlogPosition>,
    /// Rows and DDL entries, as counted when it was closed; `None` for batches of 1.x.
    pub rows: Option<u64>,
    /// The rows are in our encoding; else as 1.x wrote them, and to be applied idempotently.
    pub own_rows: bool,
    /// `fn_process_batch` has applied its entries up to this `i_id_event` already.
    pub replayed_through: Option<i64>,
}

/// Batches that wait for replay, in the order in which they are to be replayed.
pub async fn unreplayed(
    c: &impl GenericClient,
    source: SourceId,
    limit: u32,
) -> Result<Vec<UnreplayedBatch>, CatalogError> {
    let sql = "select b.i_id_batch as id, b.t_binlog_name as binlog, \
                      b.i_binlog_position::bigint as position, d.i_rows as rows, \
                      coalesce(d.b_own_rows, false) as own_rows, r.i_id_event as through \
                 from sch_chameleon.t_replica_batch b \
                 left join sch_chameleon.t_batch_detail d using (i_id_batch) \
                 left join sch_chameleon.t_replay_cursor r using (i_id_batch) \
                where b.i_id_source = $1 and b.b_started and b.b_processed and not b.b_replayed \
                order by b.ts_created limit $2";
    let params = [
        (&source.0 as _, Type::INT8),
        (&i64::from(limit) as _, Type::INT8),
    ];
    let rows = db::query(c, "list the batches to replay", sql, &params).await?;
    rows.iter()
        .map(|row| {
            Ok(UnreplayedBatch {
                id: BatchId(db::get(row, "id")?),
                position: db::get_binlog(row, "")?,
                rows: db::get_count_opt(row, "rows")?,
                own_rows: db::get(row, "own_rows")?,
                replayed_through: db::get(row, "through")?,
            })
        })
        .collect()
}

/// Replays up to `max_events` entries of the oldest waiting batch by the catalog's own
/// `fn_process_batch`, which reads the encoding of 1.x too. True while there is more to replay.
///
/// Takes the source's replay lock for the transaction: call it on the session that holds it.
///
/// # Errors
/// [`CatalogError::Statement`]: an entry is refused (nothing of the call is kept), or another
/// session replays the source.
pub async fn process(
    c: &impl GenericClient,
    source: SourceId,
    max_events: u32,
) -> Result<bool, CatalogError> {
    let max_events = i32::try_from(max_events).unwrap_or(i32::MAX);
    let params = [
        (&max_events as _, Type::INT4),
        (&crate::sessions::lock_key(source)? as _, Type::INT4),
    ];
    let sql = "select sch_chameleon.fn_process_batch($1, $2) as more";
    let row = c.query_typed_one(sql, &params).await.map_err(|e| {
        // of our own function, so it holds the batch and the event and nothing else
        let place = e.as_db_error().and_then(|e| e.detail()).unwrap_or("");
        let separator = if place.is_empty() { "" } else { ", " };
        CatalogError::statement(format!("replay by fn_process_batch{separator}{place}"), &e)
    })?;
    db::get(&row, "more")
}

/// How much waits for replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Batches.
    pub batches: u64,
    /// Rows and DDL entries of the batches that we closed.
    pub rows: u64,
}

/// How much waits for replay, from the counts noted when the batches were closed.
pub async fn backlog(c: &impl GenericClient, source: SourceId) -> Result<Backlog, CatalogError> {
    let sql = "select count(*) as batches, coalesce(sum(d.i_rows), 0)::bigint as rows \
                 from sch_chameleon.t_replica_batch b \
                 left join sch_chameleon.t_batch_detail d using (i_id_batch) \
                where b.i_id_source = $1 and b.b_processed and not b.b_replayed";
    let row = db::query_one(c, "count what waits", sql, &[(&source.0, Type::INT8)]).await?;
    Ok(Backlog {
        batches: db::get_count(&row, "batches")?,
        rows: db::get_count(&row, "rows")?,
    })
}

/// Up to where the target is: where the oldest batch that waits for replay begins, else the
/// position of the open batch. `None` where there is neither.
pub async fn replayed_position(
    c: &impl GenericClient,
    source: SourceId,
) -> Result<Option<SourcePosition>, CatalogError> {
    let sql = "select b.t_binlog_name as binlog, b.i_binlog_position::bigint as position, \
                      d.t_gtid_set as gtid \
                 from sch_chameleon.t_replica_batch b \
                 left join sch_chameleon.t_batch_detail d using (i_id_batch) \
                where b.i_id_source = $1 and not b.b_replayed and b.t_binlog_name is not null \
                order by b.b_processed desc, \
                      case when b.b_processed then b.ts_created end, b.ts_created desc limit 1";
    let row = db::query_opt(c, "read the position", sql, &[(&source.0, Type::INT8)]).await?;
    match row {
        Some(row) => db::get_position(&row, ""),
        None => Ok(None),
    }
}

/// Removes replayed batches older than `keep`, at most `limit` of them, and table versions that no
/// batch needs any more. The newest replayed batch stays. Returns how many batches went; as many as
/// `limit` means that there may be more.
pub async fn retain(
    c: &impl GenericClient,
    source: SourceId,
    keep: Duration,
    limit: u32,
) -> Result<u64, CatalogError> {
    let row = db::query_one(
        c,
        "remove old batches",
        include_str!("sql/retain.sql"),
        &[
            (&source.0, Type::INT8),
            (&keep.as_secs_f64(), Type::FLOAT8),
            (&i64::from(limit), Type::INT8),
        ],
    )
    .await?;
    db::get_count(&row, "removed")
}

fn not_open(attempt: &'static str, batch: BatchId) -> CatalogError {
    CatalogError::NotOpen { attempt, batch }
}
