//! One case of `transform test`: what goes in, what is to come out, and what did.

use std::path::Path;
use std::sync::Arc;

use chameleon_model::{CellForm, ChangeBuffer, ChangeRef, Op, TableSchema};
use chameleon_transform::{Meta, Transformed, Worker};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::transform::AuthorError;
use super::transform_fields::Fields;
use super::transform_plan::PlanText;
use super::transform_value::{push_row, row_of};

/// A case file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) database: Option<String>,
    /// CREATE TABLE.
    pub(super) table: String,
    #[serde(default)]
    pub(super) config: Value,
    #[serde(default)]
    pub(super) secrets: Option<Fields<String>>,
    #[serde(default)]
    pub(super) on_error: CaseOnError,
    /// Code with which the configuration or the table is to be refused.
    #[serde(default)]
    pub(super) refused: Option<String>,
    /// The plan for the table as it begins.
    #[serde(default)]
    pub(super) expect: Option<PlanText>,
    #[serde(default)]
    pub(super) steps: Vec<Step>,
}

/// What a failing row leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CaseOnError {
    #[default]
    Stop,
    DeadLetter,
}

/// One step.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Step {
    Rows(RowsStep),
    Ddl(DdlStep),
}

/// Rows that go in together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RowsStep {
    pub(super) rows: Vec<GivenRow>,
    #[serde(default)]
    pub(super) commit_micros: Option<i64>,
    #[serde(default)]
    pub(super) position: Option<String>,
    #[serde(default)]
    pub(super) expect: Option<Vec<Came>>,
}

/// A statement that alters the table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DdlStep {
    pub(super) ddl: String,
    /// Code with which the table is to be refused from here on.
    #[serde(default)]
    pub(super) refused: Option<String>,
    #[serde(default)]
    pub(super) expect: Option<PlanText>,
}

/// A row that goes in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenRow {
    pub(super) op: RowOp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Fields<Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<Fields<Value>>,
}

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RowOp {
    Insert,
    Update,
    Delete,
    /// A row of the copy.
    Refresh,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Came {
    Row {
        table: String,
        op: RowOp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Fields<Value>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Fields<Value>>,
    },
    /// A row that was left out.
    Failed {
        failed: String,
        row: usize,
        reason: String,
    },
    /// The table stopped at a row.
    Stopped { stopped: String, row: usize },
}

impl Case {
    /// Reads a case file.
    pub(super) fn load(path: &Path) -> Result<Self, AuthorError> {
        let refused = |reason: String| AuthorError::Case {
            path: path.to_owned(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| refused(error.to_string()))
    }
}

impl RowsStep {
    /// Puts the rows through the transform.
    pub(super) fn run(
        &self,
        worker: &mut Worker,
        table: &Arc<TableSchema>,
    ) -> Result<Vec<Came>, String> {
        let refreshes = self.rows.iter().filter(|row| row.op == RowOp::Refresh);
        let snapshot = match refreshes.count() {
            0 => false,
            n if n == self.rows.len() => true,
            _ => return Err("a step is all refresh or has none".into()),
        };
        let mut buffer = ChangeBuffer::new(CellForm::Source);
        let number = buffer.table_number(table);
        for (n, row) in self.rows.iter().enumerate() {
            row.push(&mut buffer, table, number)
                .map_err(|reason| format!("row {n}: {reason}"))?;
        }
        let known = self.commit_micros.is_some() || self.position.is_some();
        let position = self.position.clone().unwrap_or_default();
        let meta = Meta {
            transactions: vec![(0, self.commit_micros.unwrap_or_default(), position)],
        };
        let done = worker.run(buffer, snapshot, known.then_some(&meta));
        came(&done.map_err(|error| error.to_string())?, snapshot)
    }
}

impl GivenRow {
    fn push(
        &self,
        buffer: &mut ChangeBuffer,
        table: &TableSchema,
        number: u32,
    ) -> Result<(), String> {
        let image = |buffer: &mut ChangeBuffer, image: &Option<Fields<Value>>| {
            image
                .as_ref()
                .map(|row| push_row(buffer, table, row))
                .transpose()
        };
        let before = image(buffer, &self.before)?;
        let after = image(buffer, &self.after)?;
        let (op, fits) = match self.op {
            RowOp::Insert | RowOp::Refresh => (Op::Insert, before.is_none() && after.is_some()),
            RowOp::Update => (Op::Update, before.is_some() && after.is_some()),
            RowOp::Delete => (Op::Delete, before.is_some() && after.is_none()),
        };
        if !fits {
            return Err("`before` and `after` do not go with the operation".into());
        }
        buffer.push_change(ChangeRef {
            table: number,
            op,
            before,
            after,
        });
        Ok(())
    }
}

fn came(done: &Transformed, snapshot: bool) -> Result<Vec<Came>, String> {
    let rows = &done.rows;
    let mut came = Vec::with_capacity(rows.len());
    for change in rows.changes() {
        let table = rows.table(change);
        let image = |cells: Option<&[chameleon_model::Cell]>| {
            cells.map(|cells| row_of(rows, table, cells)).transpose()
        };
        came.push(Came::Row {
            table: table.name.to_string(),
            op: match change.op {
                Op::Insert if snapshot => RowOp::Refresh,
                Op::Insert => RowOp::Insert,
                Op::Update => RowOp::Update,
                Op::Delete => RowOp::Delete,
            },
            before: image(rows.before(change))?,
            after: image(rows.after(change))?,
        });
    }
    came.extend(done.failed.iter().map(|failed| Came::Failed {
        failed: failed.code.to_string(),
        row: failed.change,
        reason: failed.reason.clone(),
    }));
    came.extend(done.stopped.iter().map(|stopped| Came::Stopped {
        stopped: chameleon_diag::Diagnostic::code(&stopped.error).to_string(),
        row: stopped.change,
    }));
    Ok(came)
}
