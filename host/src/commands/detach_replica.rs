//! `detach_replica`: ends replication for good, after asking.

use serde_json::json;

use super::Outcome;
use crate::cli::StopOptions;
use crate::context::{Access, Context};
use crate::detach::{Detached, detach};
use crate::error::HostError;
use crate::output::{Exit, table};

pub(super) async fn run(cx: &Context, options: StopOptions) -> Result<Outcome, HostError> {
    let mut client = cx.open_catalog(Access::Write).await?;
    let source = cx.source_row(&client).await?;
    let question = format!(
        "Detach {}: stop its replica, reset the sequences and add the foreign keys of schema {}, \
         and forget its position",
        source.name, source.dest_schema
    );
    cx.output.confirm(&question).await?;
    let detached = detach(cx, &mut client, options).await?;
    Ok(Outcome {
        exit: match detached.is_complete() {
            true => Exit::Done,
            false => Exit::Findings,
        },
        text: text(cx.name(), &detached),
        value: json!({ "result": "detached", "sequences": detached.sequences,
                       "foreign_keys": detached.foreign_keys }),
    })
}

fn text(source: &str, detached: &Detached) -> String {
    let mut text = String::new();
    if !detached.sequences.is_empty() {
        let sequences = detached.sequences.iter();
        let rows: Vec<Vec<String>> = sequences
            .map(|s| vec![s.table.clone(), s.column.clone(), s.next.to_string()])
            .collect();
        text.push_str(&table(&["Table", "Column", "Next value"], &rows));
        text.push('\n');
    }
    if !detached.foreign_keys.is_empty() {
        let row = |key: &crate::detach::ForeignKeyResult| {
            let reason = match &key.reason {
                Some(reason) => format!("TGT039: {reason}"),
                None => String::new(),
            };
            vec![
                key.table.clone(),
                key.name.clone(),
                key.state.to_owned(),
                reason,
            ]
        };
        let rows: Vec<Vec<String>> = detached.foreign_keys.iter().map(row).collect();
        text.push_str(&table(&["Table", "Foreign key", "State", "Reason"], &rows));
        text.push('\n');
    }
    text.push_str(&format!("{source}: detached\n"));
    text
}
