//! What a running stream looks after once a second, between batches.
//!
//! Progress without rows is stored, the heartbeat written, wanted state and holds of others are
//! read, marks of a copy are forgotten once passed, old batches removed, log tables swapped and
//! truncated.

use std::sync::Arc;
use std::time::Instant;

use chameleon_catalog::batches;
use chameleon_catalog::control::{self, Heartbeat, Wanted};
use chameleon_catalog::held::{self, HeldState};
use chameleon_catalog::{SourceRow, relay_log};
use chameleon_model::SourcePosition;
use chameleon_postgres::Client;

use crate::capture::{Capture, Ended};
use crate::error::HostError;
use crate::replay::ReplayQueue;
use crate::sink::Sink;

/// Batches that one round of retention removes at most.
const RETAIN_STEP: u32 = 500;

impl Capture<'_> {
    /// What has to be looked after once a second.
    pub(crate) async fn tick(&mut self) -> Result<Option<Ended>, HostError> {
        self.state.last_tick = Instant::now();
        if let Some(queue) = &mut self.queue {
            queue.check().await?;
        }
        let whole = self.state.buffer.is_empty() && !self.state.in_parts;
        if whole && self.binlog.position().binlog != self.state.stored {
            let at = self.binlog.position().clone();
            let policy = self
                .policy
                .for_batch(&self.state.batch_start, Some(&at.binlog));
            self.sink.begin().await?;
            self.end_batch(&at, policy).await?;
        }
        self.heartbeat().await?;
        match control::wanted(&self.control, self.row.id).await? {
            Wanted::Run => {}
            Wanted::Stop | Wanted::Disable => return Ok(Some(Ended::Stopped)),
        }
        if self.look_at_holds().await? {
            return Ok(Some(Ended::Restart { isolate: false }));
        }
        self.pass_marks().await?;
        batches::retain(
            &self.control,
            self.row.id,
            self.cx.config.batch_retention,
            RETAIN_STEP,
        )
        .await?;
        if let Sink::Relay(writer) = &mut self.sink {
            // rows that wait in the buffer are in no log table yet
            if !self.state.in_parts
                && let Some(swapped) = swap(writer.client(), &self.row).await?
            {
                writer.set_log_tables(swapped.clone());
                self.row.log_tables = swapped;
            }
            self.rotation.run(&self.control).await?;
        }
        Ok(None)
    }

    /// Takes over holds that others made. True: a resynced table waits to rejoin the stream.
    async fn look_at_holds(&mut self) -> Result<bool, HostError> {
        let mut rejoin = false;
        for table in held::list(&self.control, self.row.id).await? {
            rejoin |= table.state == HeldState::Requested;
            self.leave_out(&table.table);
        }
        Ok(rejoin)
    }

    /// Forgets the marks of a copy once the target is past all of them.
    async fn pass_marks(&mut self) -> Result<(), HostError> {
        let waits = self
            .queue
            .as_ref()
            .is_some_and(|queue| queue.backlog().batches > 0);
        // a transaction that is written in parts locks the tables that get their indexes now
        let waits = waits || self.state.in_parts;
        if !self.policy.has_marks() || !self.state.marks.is_empty() || waits {
            return Ok(());
        }
        let (mapping, shaper) = (&self.mapping, &self.shaper);
        crate::resync::finish_windows(&self.control, &self.row, mapping, shaper).await?;
        Arc::make_mut(&mut self.policy).forget_marks();
        tracing::info!(source = %self.row.name, "source and target are equal from here on");
        Ok(())
    }

    pub(crate) async fn heartbeat(&mut self) -> Result<(), HostError> {
        let read = self.binlog.position().clone();
        let files = match &mut self.source_status {
            Some(conn) => conn.binlog_files().await.ok(),
            None => None,
        };
        if files.is_none() {
            self.source_status = self.cx.source.connect().await.ok();
        }
        let lag_bytes = files.map(|files| self.binlog.bytes_behind(&files));
        let backlog = self
            .queue
            .as_ref()
            .map(ReplayQueue::backlog)
            .unwrap_or_default();
        let behind = backlog.rows > 0 || !self.state.buffer.is_empty();
        let lag_micros = match (
            behind || lag_bytes.is_some_and(|b| b > 0),
            self.state.last_event_micros,
        ) {
            (false, _) => Some(0),
            (true, Some(event)) => Some((now_micros() - event).max(0)),
            (true, None) => None,
        };
        let source = self.row.name.clone();
        #[expect(clippy::cast_precision_loss, reason = "a gauge of seconds and bytes")]
        {
            metrics::gauge!("chameleon_lag_seconds", "source" => source.clone())
                .set(lag_micros.unwrap_or(0) as f64 / 1e6);
            metrics::gauge!("chameleon_lag_bytes", "source" => source.clone())
                .set(lag_bytes.unwrap_or(0) as f64);
            metrics::gauge!("chameleon_unreplayed_rows", "source" => source)
                .set(backlog.rows as f64);
        }
        let replayed = match &self.queue {
            Some(_) => batches::replayed_position(&self.control, self.row.id).await?,
            None => Some(SourcePosition {
                binlog: self.state.stored.clone(),
                gtids: read.gtids.clone(),
            }),
        };
        let beat = Heartbeat {
            source: self.row.id,
            instance: instance(),
            read: Some(read),
            replayed,
            last_event_micros: self.state.last_event_micros,
            lag_micros,
            lag_bytes,
            unreplayed_rows: backlog.rows,
        };
        Ok(control::heartbeat(&self.control, &beat).await?)
    }
}

/// Swaps the log tables where the one being written has grown and the other is empty.
async fn swap(client: &Client, row: &SourceRow) -> Result<Option<[String; 2]>, HostError> {
    let logs = relay_log::log_tables(client, row.id).await?;
    let small = u64::try_from(relay_log::SMALL_BYTES).unwrap_or(u64::MAX);
    if logs
        .iter()
        .any(|table| table.writing && table.bytes > small)
    {
        return Ok(relay_log::swap_log_tables(client, row).await?);
    }
    Ok(None)
}

/// Now, microseconds since the epoch.
fn now_micros() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.ok()
        .and_then(|d| i64::try_from(d.as_micros()).ok())
        .unwrap_or(0)
}

/// This process, for the heartbeat.
fn instance() -> String {
    format!(
        "chameleon {} pid {}",
        env!("CARGO_PKG_VERSION"),
        std::process::id()
    )
}
