//! Times of relay events: the server's local time, strictly increasing.
//!
//! Readers of 1.x order a batch's events by their time, which has no time zone. All events of a
//! batch are written within one second, so each gets at least a microsecond more than the one
//! before it.

use std::time::Instant;

use chameleon_postgres::{Client, PostgresError};

use crate::error::TargetError;

/// Hands out event times.
#[derive(Debug)]
pub(crate) struct EventClock {
    opened: Instant,
    /// The server's local time when it was opened, microseconds since 2000-01-01.
    base: i64,
    last: i64,
}

impl EventClock {
    /// Reads the server's clock, in the session's own time zone.
    pub(crate) async fn open(client: &Client) -> Result<Self, TargetError> {
        let sql = "select (extract(epoch from localtimestamp \
                   - timestamp '2000-01-01') * 1000000)::bigint";
        let failed = |e| PostgresError::statement("read the server's clock", &e);
        let row = client.query_one(sql, &[]).await.map_err(failed)?;
        let base = row.try_get(0).map_err(failed)?;
        Ok(Self {
            opened: Instant::now(),
            base,
            last: base,
        })
    }

    /// The next time, microseconds since 2000-01-01.
    pub(crate) fn next(&mut self) -> i64 {
        let elapsed = i64::try_from(self.opened.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.last = (self.last + 1).max(self.base.saturating_add(elapsed));
        self.last
    }

    /// The first of that many consecutive times.
    pub(crate) fn take(&mut self, count: u64) -> i64 {
        let first = self.next();
        let more = i64::try_from(count).unwrap_or(i64::MAX).saturating_sub(1);
        self.last = first.saturating_add(more.max(0));
        first
    }
}
