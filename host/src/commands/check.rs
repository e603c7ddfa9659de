//! `check`: all findings on source, target and mapping at once.

use chameleon_diag::{Report, Severity, render_report};
use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::error::HostError;
use crate::output::Exit;
use crate::preflight;

pub(super) async fn run(cx: &Context) -> Result<Outcome, HostError> {
    let report = preflight::check(cx).await;
    let exit = match report.worst() {
        None | Some(Severity::Info) => Exit::Done,
        Some(Severity::Warning | Severity::Error) => Exit::Findings,
    };
    Ok(Outcome {
        exit,
        text: format!("{}{}", render_report(&report), summary(cx.name(), &report)),
        value: json!({ "findings": report.findings }),
    })
}

/// `shop: 1 error, 2 warnings, 0 notes`.
fn summary(source: &str, report: &Report) -> String {
    let count = |severity: Severity, one: &str, many: &str| {
        let of_it = report.findings.iter().filter(|f| f.severity == severity);
        match of_it.count() {
            1 => format!("1 {one}"),
            n => format!("{n} {many}"),
        }
    };
    format!(
        "{source}: {}, {}, {}\n",
        count(Severity::Error, "error", "errors"),
        count(Severity::Warning, "warning", "warnings"),
        count(Severity::Info, "note", "notes")
    )
}
