//! Gives the space of drained log tables back.
//!
//! A log table is truncated, never emptied row by row: in a transaction of its own, under a lock
//! that is waited for 50 ms at most, after a second look under that lock that nothing writes to the
//! table and that no row of an unreplayed batch is in it. It happens above 64 kB and at most once a
//! second per source, because each TRUNCATE leaves dead rows in `pg_class`. When both tables hold
//! rows, nothing is swapped: the batch being written goes on in the table that it is in.

use std::time::{Duration, Instant};

use chameleon_catalog::SourceId;
use chameleon_postgres::{Client, PostgresError};

use crate::error::TargetError;

/// Size from which a drained table is worth a TRUNCATE.
pub const MIN_BYTES: i64 = 64 * 1024;
/// Shortest time between two rotations of one source.
pub const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// When the source's log tables were looked at last.
#[derive(Debug)]
pub struct Rotation {
    source: SourceId,
    last: Option<Instant>,
}

impl Rotation {
    /// For one source.
    pub fn new(source: SourceId) -> Self {
        Self { source, last: None }
    }

    /// Truncates the source's drained log tables where it is time and the lock is to be had.
    /// Returns how many were truncated. Must not be called inside a transaction.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn run(&mut self, client: &Client) -> Result<u32, TargetError> {
        if self.last.is_some_and(|last| last.elapsed() < MIN_INTERVAL) {
            return Ok(0);
        }
        self.last = Some(Instant::now());
        let sql = "select sch_chameleon.fn_truncate_drained($1, $2, false)";
        let row = client
            .query_one(sql, &[&self.source.0, &MIN_BYTES])
            .await
            .map_err(|error| PostgresError::statement("truncate drained log tables", &error))?;
        let truncated: i32 = row
            .try_get(0)
            .map_err(|error| PostgresError::statement("truncate drained log tables", &error))?;
        Ok(u32::try_from(truncated).unwrap_or(0))
    }
}
