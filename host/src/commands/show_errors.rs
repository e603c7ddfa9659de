//! `show_errors`: held tables, row errors and discarded rows, with codes and without values.

use chameleon_catalog::held::HeldTable;
use chameleon_catalog::row_errors::{DiscardedRow, FoundRowError};
use chameleon_catalog::{held, row_errors};
use chameleon_model::BinlogPosition;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Outcome;
use crate::context::{Access, Context};
use crate::error::HostError;
use crate::output::{Exit, table};

/// How many of the newest entries of each kind are shown.
const NEWEST: u32 = 100;

/// All that went wrong with a source and was not mended yet.
struct Errors {
    held: Vec<HeldTable>,
    rows: Vec<FoundRowError>,
    discarded: Vec<DiscardedRow>,
}

pub(super) async fn run(cx: &Context) -> Result<Outcome, HostError> {
    let client = cx.open_catalog(Access::Read).await?;
    let source = cx.source_row(&client).await?;
    // a catalog that pg_chameleon 1.3 made has discarded rows alone
    let complete = chameleon_catalog::require_current(&client).await.is_ok();
    let mut errors = Errors {
        held: Vec::new(),
        rows: Vec::new(),
        discarded: row_errors::discarded(&client, source.id, NEWEST).await?,
    };
    if complete {
        errors.held = held::list(&client, source.id).await?;
        errors.rows = row_errors::list(&client, source.id, NEWEST).await?;
    }
    Ok(Outcome {
        exit: Exit::Done,
        text: errors.text(cx.name()),
        value: errors.json(),
    })
}

impl Errors {
    fn text(&self, source: &str) -> String {
        if self.held.is_empty() && self.rows.is_empty() && self.discarded.is_empty() {
            return format!("{source}: no errors\n");
        }
        let mut text = String::new();
        if !self.held.is_empty() {
            text.push_str(&format!("{source}: held tables\n"));
            let headers = [
                "Table",
                "State",
                "Code",
                "Since",
                "First missed",
                "Missed",
                "Reason",
            ];
            text.push_str(&table(&headers, &self.held_rows()));
            text.push_str("explain: chameleon explain CODE; copy anew: chameleon sync_tables\n");
        }
        if !self.rows.is_empty() {
            text.push_str(&format!("{source}: row errors, newest first\n"));
            let headers = [
                "Time",
                "Table",
                "Operation",
                "Code",
                "Position",
                "Rows",
                "Reason",
            ];
            text.push_str(&table(&headers, &self.error_rows()));
        }
        if !self.discarded.is_empty() {
            text.push_str(&format!("{source}: discarded rows, newest first\n"));
            let rows = self.discarded.iter();
            let rows: Vec<Vec<String>> = rows
                .map(|d| {
                    vec![
                        time_text(d.at_micros),
                        d.id.to_string(),
                        d.batch.to_string(),
                    ]
                })
                .collect();
            text.push_str(&table(&["Time", "Row id", "Batch"], &rows));
        }
        text
    }

    fn held_rows(&self) -> Vec<Vec<String>> {
        let row = |h: &HeldTable| {
            vec![
                h.table.name.clone(),
                h.state.as_str().to_owned(),
                h.code.clone(),
                time_text(h.since_micros),
                position_text(h.first_missed.as_ref()),
                h.missed.to_string(),
                h.reason.clone(),
            ]
        };
        self.held.iter().map(row).collect()
    }

    fn error_rows(&self) -> Vec<Vec<String>> {
        let row = |e: &FoundRowError| {
            vec![
                time_text(e.at_micros),
                e.table.name.clone(),
                e.operation.clone(),
                e.code.clone(),
                position_text(e.position.as_ref()),
                e.rows.to_string(),
                e.reason.clone(),
            ]
        };
        self.rows.iter().map(row).collect()
    }

    fn json(&self) -> Value {
        let held = |h: &HeldTable| {
            json!({
                "table": h.table.name, "state": h.state.as_str(), "code": h.code,
                "reason": h.reason, "since": time_text(h.since_micros),
                "first_missed": position_json(h.first_missed.as_ref()),
                "last_missed": position_json(h.last_missed.as_ref()),
                "missed_rows": h.missed, "statement": h.statement,
            })
        };
        let row = |e: &FoundRowError| {
            json!({
                "table": e.table.name, "operation": e.operation, "code": e.code,
                "reason": e.reason, "rows": e.rows, "time": time_text(e.at_micros),
                "position": position_json(e.position.as_ref()),
            })
        };
        let discarded = |d: &DiscardedRow| json!({ "id": d.id, "batch": d.batch.0, "time": time_text(d.at_micros) });
        json!({
            "held_tables": self.held.iter().map(held).collect::<Vec<_>>(),
            "row_errors": self.rows.iter().map(row).collect::<Vec<_>>(),
            "discarded_rows": self.discarded.iter().map(discarded).collect::<Vec<_>>(),
        })
    }
}

fn position_text(position: Option<&BinlogPosition>) -> String {
    position.map(ToString::to_string).unwrap_or_default()
}

fn position_json(position: Option<&BinlogPosition>) -> Option<Value> {
    position.map(|p| json!({ "file": &*p.file, "position": p.offset }))
}

/// A time in UTC, to the second.
fn time_text(micros: i64) -> String {
    OffsetDateTime::from_unix_timestamp(micros.div_euclid(1_000_000))
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}
