//! Tables that the stream leaves out from here on, and what was missed of them.

use std::sync::Arc;

use chameleon_catalog::held::{self, HeldState, Hold};
use chameleon_diag::{Diagnostic, ErrorCode};
use chameleon_model::{BinlogPosition, SourcePosition, TableName};
use chameleon_target::TableFailure;

use super::{Capture, describe};
use crate::error::HostError;

/// A hold in the batch's transaction.
#[derive(Clone, Debug)]
pub(crate) struct Unsaved {
    table: TableName,
    code: ErrorCode,
    reason: String,
    statement: Option<String>,
    position: BinlogPosition,
}

impl Capture<'_> {
    /// Notes changes of held tables that went by.
    pub(crate) async fn count_missed(&mut self, at: &SourcePosition) -> Result<(), HostError> {
        let missed = self.binlog.take_held_counts();
        held::count(self.sink.client(), self.row.id, &missed, &at.binlog).await?;
        Ok(())
    }

    /// Holds tables whose rows could not be written, inside the transaction of the batch that ends
    /// at `at`.
    pub(crate) async fn hold_failures(
        &mut self,
        failures: Vec<TableFailure>,
        at: &BinlogPosition,
    ) -> Result<(), HostError> {
        for failure in failures {
            let reason = describe(&failure.error);
            for table in self.shaper.feeds().to_hold(&failure.table) {
                let hold = Unsaved {
                    table,
                    code: failure.error.code(),
                    reason: reason.clone(),
                    statement: None,
                    position: at.clone(),
                };
                self.hold(hold).await?;
            }
        }
        Ok(())
    }

    /// Holds a table from here on, inside the transaction of the batch that is being read.
    pub(crate) async fn hold_now(
        &mut self,
        table: &TableName,
        code: ErrorCode,
        reason: &str,
        statement: Option<&str>,
    ) -> Result<(), HostError> {
        let hold = Unsaved {
            table: table.clone(),
            code,
            reason: reason.to_owned(),
            statement: statement.map(str::to_owned),
            position: self.binlog.position().binlog.clone(),
        };
        self.hold(hold).await
    }

    async fn hold(&mut self, hold: Unsaved) -> Result<(), HostError> {
        tracing::warn!(
            source = %self.row.name, table = %hold.table, error.code = %hold.code,
            reason = hold.reason, "table held"
        );
        self.sink.begin().await?;
        self.write_hold(&hold).await?;
        self.leave_out(&hold.table);
        self.state.unsaved_holds.push(hold);
        Ok(())
    }

    /// Writes the holds anew that were taken back with the batch's transaction.
    pub(super) async fn hold_again(&mut self) -> Result<(), HostError> {
        for hold in &self.state.unsaved_holds {
            self.write_hold(hold).await?;
        }
        Ok(())
    }

    async fn write_hold(&self, hold: &Unsaved) -> Result<(), HostError> {
        let hold = Hold {
            source: self.row.id,
            table: &hold.table,
            state: HeldState::Held,
            code: hold.code,
            reason: &hold.reason,
            statement: hold.statement.as_deref(),
            position: Some(&hold.position),
        };
        Ok(held::hold(self.sink.client(), &hold).await?)
    }

    /// Takes no more changes of a table.
    pub(crate) fn leave_out(&mut self, table: &TableName) {
        if self.held.insert(table.clone()) {
            self.binlog.hold(table);
            for target in self.shaper.starved(&self.held) {
                Arc::make_mut(&mut self.policy).hold(&target);
            }
        }
    }
}
