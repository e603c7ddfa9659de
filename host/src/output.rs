//! What the commands say, and ask.
//!
//! stdout is for what was asked for, stderr for everything else. A reader of stdout that goes away
//! is no failure.

use std::io::{BufRead, IsTerminal, Write};

use chameleon_diag::{Diagnostic, Report, render_error, render_error_json, render_report};
use indicatif::{MultiProgress, ProgressDrawTarget};
use serde::Serialize;

use crate::error::HostError;

/// How a command ends; the numbers are the exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done, nothing to say.
    Done = 0,
    /// Findings, or rows that were refused.
    Findings = 1,
    /// Failed, or bad usage.
    Failed = 2,
    /// Ended by a signal before it was done.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Findings => 1,
            Exit::Failed => 2,
            Exit::Interrupted => 130,
        })
    }
}

/// How much is said, and in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Output {
    /// stdout is one JSON object, errors are JSON objects.
    pub json: bool,
    /// Nothing but data and errors.
    pub quiet: bool,
    /// Questions are answered with yes.
    pub assume_yes: bool,
    /// stderr is a terminal.
    pub terminal: bool,
    /// Colours may be used on stderr.
    pub color: bool,
}

impl Output {
    /// For this process: looks at stderr and at NO_COLOR.
    pub fn new(json: bool, quiet: bool, assume_yes: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            json,
            quiet,
            assume_yes,
            terminal,
            color: terminal && !no_color,
        }
    }

    /// Writes data to stdout.
    ///
    /// # Errors
    /// CFG057, which may be a broken pipe.
    pub fn print(&self, text: &str) -> Result<(), HostError> {
        let mut stdout = std::io::stdout().lock();
        let written = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
        written.map_err(|source| HostError::Terminal {
            attempt: "write the output",
            source,
        })
    }

    /// Writes one JSON value and a line feed to stdout.
    ///
    /// # Errors
    /// CFG057, which may be a broken pipe.
    pub fn print_json(&self, value: &impl Serialize) -> Result<(), HostError> {
        let text = serde_json::to_string(value).map_err(|e| HostError::Terminal {
            attempt: "write the output",
            source: e.into(),
        })?;
        self.print(&format!("{text}\n"))
    }

    /// Writes a note to stderr, unless quiet.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.stderr(text);
        }
    }

    /// Writes an error to stderr; where a configuration has faults, all of them.
    pub fn error(&self, error: &HostError) {
        let report = match error {
            HostError::Config(config) => config.report(),
            _ => None,
        };
        if self.json {
            let mut value = render_error_json(error);
            if let Some(report) = report {
                value["findings"] = serde_json::json!(report.findings);
            }
            self.stderr(&format!("{value}\n"));
            return;
        }
        if let Some(report) = report {
            self.stderr(&render_report(report));
            // the report says it all; the hint would repeat its first finding
            self.stderr(&format!("error[{}]: {error}\n", error.code()));
            return;
        }
        self.stderr(&render_error(error));
    }

    /// Writes findings to stderr, unless quiet.
    pub fn findings(&self, report: &Report) {
        if !report.findings.is_empty() && !self.json {
            self.note(&render_report(report));
        }
    }

    fn stderr(&self, text: &str) {
        // there is nowhere left to say that stderr is gone
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// Progress bars: shown on a terminal, unless quiet or JSON is wanted.
    pub fn progress(&self) -> MultiProgress {
        if self.terminal && !self.quiet && !self.json {
            MultiProgress::new()
        } else {
            MultiProgress::with_draw_target(ProgressDrawTarget::hidden())
        }
    }

    /// Asks before something is destroyed. `question` ends without a question mark.
    ///
    /// # Errors
    /// CFG051 where there is no terminal and no `--yes`, CFG052 where the answer is not yes.
    pub async fn confirm(&self, question: &str) -> Result<(), HostError> {
        if self.assume_yes {
            return Ok(());
        }
        if !self.terminal || !std::io::stdin().is_terminal() {
            return Err(HostError::NobodyToAsk {
                question: question.to_owned(),
            });
        }
        self.stderr(&format!("{question}? Type yes to go on: "));
        let answer = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line).map(|_| line)
        });
        let line = answer
            .await
            .unwrap_or_else(|e| Err(std::io::Error::other(e)))
            .map_err(|source| HostError::Terminal {
                attempt: "read the answer",
                source,
            })?;
        if is_yes(&line) {
            return Ok(());
        }
        Err(HostError::Declined {
            question: question.to_owned(),
        })
    }
}

fn is_yes(answer: &str) -> bool {
    let answer = answer.trim();
    answer.eq_ignore_ascii_case("yes") || answer.eq_ignore_ascii_case("y")
}

/// Columns under their headers, a line of dashes between, two spaces apart. Ends with a line feed.
pub fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let cells = cells.map(|cell| cell.chars().count());
        cells.chain([headers[column].chars().count()]).max()
    };
    let widths: Vec<usize> = (0..headers.len()).filter_map(width).collect();
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = String>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:width$}"))
            .collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    };
    line(&mut headers.iter().map(|h| (*h).to_owned()));
    line(&mut widths.iter().map(|w| "-".repeat(*w)));
    for row in rows {
        line(&mut row.iter().cloned());
    }
    text
}

/// Bytes for people: `940 B`, `1.2 kB`, `3.0 MB`.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // one decimal, in integers: tenths of the unit
    let mut tenths = bytes / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![
            vec!["shop".into(), "a longer one".into()],
            vec!["x".into(), String::new()],
        ];
        insta::assert_snapshot!(table(&["Source", "State"], &rows), @r"
        Source  State
        ------  ------------
        shop    a longer one
        x
        ");
    }

    #[test]
    fn bytes_have_one_decimal_and_a_unit() {
        let check = |bytes: u64, expect: &str| assert_eq!(human_bytes(bytes), expect);
        check(0, "0 B");
        check(999, "999 B");
        check(1000, "1.0 kB");
        check(1_250_000, "1.2 MB");
        check(999_999_999, "999.9 MB");
        check(u64::MAX, "18446.7 PB");
    }

    #[test]
    fn only_yes_is_yes() {
        assert!(is_yes("YES\n") && is_yes(" y "));
        assert!(!is_yes("\n") && !is_yes("no\n") && !is_yes("yess"));
    }
}
