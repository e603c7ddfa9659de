//! XA transactions that are prepared and not yet ended.
//!
//! A copy does not see their rows, and the stream that begins behind them sees only that they are
//! committed. So a copy begins at a moment when there are none.

use std::time::Duration;

use chameleon_ddl::statement::Xid;
use tokio::time::Instant;

use crate::{SourceConn, SourceError};

const WHAT: &str = "list the prepared XA transactions";

/// How often is looked whether they have ended.
const PAUSE: Duration = Duration::from_millis(50);

impl SourceConn {
    /// XA transactions that are prepared, of all databases. Empty where the right to see them is
    /// missing (MySQL: XA_RECOVER_ADMIN).
    ///
    /// Errors: SRC001 lost connection, SRC007 an answer of another shape.
    pub async fn prepared_xids(&mut self) -> Result<Vec<Xid>, SourceError> {
        /// The server's resource manager refuses, which is how it says that the right is missing.
        const XAER_RMERR: u16 = 1401;
        let rows = match self.rows(WHAT, "xa recover").await {
            Ok(rows) => rows,
            Err(SourceError::MissingRight { .. }) => return Ok(Vec::new()),
            Err(error) if error.errno() == Some(XAER_RMERR) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        rows.iter()
            .map(|row| {
                let number = |name| row.required_number::<usize>(WHAT, name);
                let (gtrid, bqual) = (number("gtrid_length")?, number("bqual_length")?);
                let data = row.bytes("data").unwrap_or_default();
                let parts = data
                    .split_at_checked(gtrid)
                    .filter(|(_, rest)| rest.len() == bqual);
                let (gtrid, bqual) = parts.ok_or_else(|| SourceError::Answer {
                    what: WHAT.to_owned(),
                    reason: "a name has another length than is said of it".to_owned(),
                })?;
                Ok(Xid {
                    gtrid: gtrid.to_vec(),
                    bqual: bqual.to_vec(),
                    format: row.required_number(WHAT, "formatID")?,
                })
            })
            .collect()
    }

    /// Waits for a moment without prepared transactions. Error: SRC026 where there is none in time.
    pub async fn until_none_is_prepared(&mut self, patience: Duration) -> Result<(), SourceError> {
        let deadline = Instant::now() + patience;
        loop {
            let prepared = self.prepared_xids().await?;
            if prepared.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(SourceError::Prepared { xids: prepared });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
