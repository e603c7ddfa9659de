//! `init_replica`: copies a source and stores the position to start from.

use serde_json::json;

use super::Outcome;
use crate::cli::InitArguments;
use crate::context::Context;
use crate::error::HostError;
use crate::output::{Exit, human_bytes, table};
use crate::snapshot::{self, CopyReport, InitOptions, Start};
use crate::stop::Stop;

pub(super) async fn run(
    cx: &Context,
    arguments: &InitArguments,
    stop: &Stop,
) -> Result<Outcome, HostError> {
    // what a transform lacks is said before anything is asked of the servers
    cx.chain()?;
    let position = arguments.position.clone().map(Start::Position);
    let options = InitOptions {
        tables: arguments.tables.clone(),
        workers: arguments.workers,
        start: position.or_else(|| arguments.gtid.clone().map(Start::Gtid)),
        no_copy: arguments.no_copy,
        drop_dependants: cx.output.assume_yes,
        stop: stop.clone(),
    };
    let report = snapshot::init_replica(cx, options).await?;
    if arguments.no_copy {
        let line = format!("{}: position set, nothing copied", cx.name());
        return Ok(outcome(&report, format!("{line}\n")));
    }
    Ok(outcome(&report, text(cx.name(), &report)))
}

/// What a copy came to: rows that were refused are a finding.
pub(super) fn outcome(report: &CopyReport, text: String) -> Outcome {
    let refused = report.tables.iter().any(|t| t.refused_rows > 0);
    Outcome {
        exit: if refused { Exit::Findings } else { Exit::Done },
        text,
        value: json!(report),
    }
}

/// One line for each table and one for all.
pub(super) fn text(source: &str, report: &CopyReport) -> String {
    let rows: Vec<Vec<String>> = report
        .tables
        .iter()
        .map(|t| {
            vec![
                t.table.clone(),
                t.rows.to_string(),
                human_bytes(t.bytes),
                format!("{:.1}", t.seconds),
                match t.refused_rows {
                    0 => String::new(),
                    refused => refused.to_string(),
                },
            ]
        })
        .collect();
    let mut text = table(&["Table", "Rows", "Size", "Seconds", "Refused"], &rows);
    let refused: u64 = report.tables.iter().map(|t| t.refused_rows).sum();
    text.push_str(&format!(
        "{source}: {} rows of {} tables copied in {:.1} s\n",
        report.rows,
        report.tables.len(),
        report.seconds
    ));
    if refused > 0 {
        text.push_str(&format!(
            "{source}: {refused} rows were refused: chameleon show_errors\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::CopiedTable;

    #[test]
    fn refused_rows_are_shown_and_make_a_finding() {
        let table = |name: &str, refused_rows| CopiedTable {
            table: name.into(),
            rows: 1200,
            bytes: 34_500,
            seconds: 0.25,
            refused_rows,
        };
        let mut report = CopyReport {
            tables: vec![table("customer", 0), table("product", 0)],
            rows: 2400,
            seconds: 0.5,
        };
        assert_eq!(outcome(&report, String::new()).exit, Exit::Done);
        report.tables[1].refused_rows = 3;
        assert_eq!(outcome(&report, String::new()).exit, Exit::Findings);
        insta::assert_snapshot!(text("shop", &report), @r"
        Table     Rows  Size     Seconds  Refused
        --------  ----  -------  -------  -------
        customer  1200  34.5 kB  0.2
        product   1200  34.5 kB  0.2      3
        shop: 2400 rows of 2 tables copied in 0.5 s
        shop: 3 rows were refused: chameleon show_errors
        ");
    }
}
