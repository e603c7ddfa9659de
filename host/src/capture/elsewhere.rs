//! Another server took the source's place while marks of a copy were still ahead.
//!
//! Marks are positions of the server that is gone, and cannot be compared with those of the new one.
//! Tables with marks are held, and the rest goes on behind what it has had: where the stream was set
//! back for single tables, that is the floor.

use chameleon_catalog::batches::{self, OpenBatch};
use chameleon_catalog::held::{self, HeldState, Hold};
use chameleon_catalog::{SourceRow, windows};
use chameleon_diag::codes;
use chameleon_postgres::Client;

use crate::error::HostError;
use crate::snapshot::execute;

const REASON: &str = "another server took the source's place before its copy, or a batch that several sessions \
                      share, was complete";

/// Holds the tables and forgets the marks, in one transaction. The stream is to be opened again.
pub(crate) async fn give_up_marks(
    control: &Client,
    row: &SourceRow,
    open: &OpenBatch,
) -> Result<(), HostError> {
    let windows = windows::list(control, row.id).await?;
    let floor = windows::floor(control, row.id).await?;
    execute(control, "begin").await?;
    for window in &windows {
        let hold = Hold {
            source: row.id,
            table: &window.table,
            state: HeldState::Held,
            code: codes::SRC040,
            reason: REASON,
            statement: None,
            position: Some(&open.position.binlog),
        };
        tracing::warn!(
            source = %row.name, table = %window.table, error.code = %codes::SRC040,
            reason = REASON, "table held"
        );
        held::hold(control, &hold).await?;
    }
    if let Some(floor) = floor.filter(|floor| floor.position.binlog > open.position.binlog) {
        let advance = batches::Advance {
            source: row.id,
            batch: open.id,
            position: &floor.position,
            last_event_micros: None,
        };
        batches::advance(control, &advance).await?;
    }
    for window in &windows {
        windows::clear(control, row.id, &window.table).await?;
    }
    windows::set_floor(control, row.id, None).await?;
    execute(control, "commit").await
}
