//! Row events: decoded, counted, or the reason to hold their table.

use chameleon_model::{BinlogPosition, ChangeBuffer, TableName};

use crate::SourceError;

use super::Step;
use super::assemble::Assembler;
use super::maps::{Refusal, Use};
use super::rows::{RowFault, Rows, RowsKind};

impl Assembler {
    /// Takes a row event.
    pub(super) fn rows(
        &mut self,
        kind: RowsKind,
        body: &[u8],
        into: &mut ChangeBuffer,
    ) -> Result<(), SourceError> {
        self.begin(into);
        let ignored = self.open.as_ref().is_some_and(|open| open.ignored);
        if self.skip.is_some() || ignored {
            return Ok(());
        }
        let position = self.here();
        let damaged = |reason: &str| SourceError::EventDamaged {
            position: position.clone(),
            reason: reason.to_owned(),
        };
        let inflater = &mut self.decoder.cells.inflater;
        let rows = Rows::read(kind, body, inflater, &mut self.scratch);
        let rows = rows.ok_or_else(|| damaged("a row event is cut off"))?;
        let Some(made) = self.maps.get(rows.table_id, &self.schemas) else {
            // MySQL and MariaDB end a statement without rows by an event for no table
            if rows.is_for_no_table() {
                return Ok(());
            }
            return Err(damaged(
                "a row event is for a table that no table map names",
            ));
        };
        let (table, refused, layouts) = match made {
            Use::Ignore => return Ok(()),
            Use::Decode(plan) => match self.decoder.decode(&rows, plan, into) {
                Ok(count) => {
                    if let Some(open) = &mut self.open
                        && count > 0
                    {
                        open.add(count, &plan.table);
                    }
                    return Ok(());
                }
                Err(fault) => {
                    let table = plan.table.name.clone();
                    let error = row_error(&fault, &table, plan.column_name(fault.column), position);
                    (table, Some(error), Some(plan.columns.clone()))
                }
            },
            Use::Count { table, layouts } => (table.clone(), None, layouts.clone()),
            Use::Refuse {
                table,
                refusal,
                layouts,
            } => {
                let error = refusal_error(refusal, table, position);
                (table.clone(), Some(error), layouts.clone())
            }
        };
        let count = layouts
            .and_then(|layouts| rows.count(&layouts))
            .unwrap_or(1);
        if let Some(error) = refused {
            self.hold(&table, error);
        }
        self.schemas.count(&table, count);
        Ok(())
    }

    /// Holds a table and says so, unless it is held already.
    pub(super) fn hold(&mut self, table: &TableName, error: SourceError) {
        if self.schemas.hold(table) {
            let table = table.clone();
            self.push(Step::Hold { table, error });
        }
    }

    pub(super) fn cannot_follow(&mut self, table: &TableName, reason: impl Into<String>) {
        let error = SourceError::CannotFollow {
            table: table.clone(),
            position: self.here(),
            reason: reason.into(),
        };
        self.hold(table, error);
    }
}

fn row_error(
    fault: &RowFault,
    table: &TableName,
    column: String,
    position: BinlogPosition,
) -> SourceError {
    SourceError::Row {
        table: table.clone(),
        position,
        column,
        reason: fault.reason.to_owned(),
    }
}

fn refusal_error(refusal: &Refusal, table: &TableName, position: BinlogPosition) -> SourceError {
    let table = table.clone();
    match refusal {
        Refusal::Unknown => SourceError::CannotFollow {
            table,
            position,
            reason: "rows of it came, and no statement that made it".to_owned(),
        },
        Refusal::Differs(reason) => SourceError::SchemaDiffers {
            table,
            position,
            reason: reason.clone(),
        },
    }
}
