//! The figures of record: `BENCHMARKS.md` with its chart, written by the command and not by hand.
//!
//! Text between the first heading and the mark is kept: it explains, and figures stand below it alone.

use std::{fmt::Write, fs};

use anyhow::{Context, Result};

use super::{
    chart,
    goals::Goal,
    report::{self, groups, table, title, word},
    results::Results,
};
use crate::workspace;

/// Everything behind this line is made by the command.
const MARK: &str = "<!-- figures of record: written by `cargo xtask bench --record` -->";

/// Writes both files.
pub(super) fn write(results: &Results, goals: &[Goal]) -> Result<()> {
    let directory = workspace::root().join("xtask");
    let path = directory.join("BENCHMARKS.md");
    let before =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let (kept, _) = before
        .split_once(MARK)
        .with_context(|| format!("{} has lost its mark", path.display()))?;
    fs::write(
        &path,
        format!("{kept}{MARK}\n\n{}", figures(results, goals)),
    )?;
    fs::write(directory.join("BENCHMARKS.svg"), chart::svg(results))?;
    let json = format!("{:#}\n", report::json(results, goals));
    fs::write(directory.join("BENCHMARKS.json"), json)?;
    eprintln!("\nfigures of record: {}", path.display());
    Ok(())
}

fn figures(results: &Results, goals: &[Goal]) -> String {
    let mut text = format!("{}, {}\n\n", results.date, results.machine);
    for setting in &results.settings {
        let _ = writeln!(text, "- {setting}");
    }
    text.push_str(
        "\n`others` is what everything else on the machine computed meanwhile: the higher, the less the round is worth.\n\
         \n![rows per second](BENCHMARKS.svg)\n",
    );
    for group in groups(results) {
        let _ = writeln!(text, "\n### {}\n", title(group));
        markdown(&table(results, group), &mut text);
    }
    text.push_str("\n### Goals\n\n| | goal | measured |\n|---|---|---|\n");
    for goal in goals {
        let _ = writeln!(text, "| {} | {} | {} |", word(goal), goal.what, goal.text());
    }
    text
}

fn markdown(rows: &[Vec<String>], text: &mut String) {
    for (number, row) in rows.iter().enumerate() {
        let _ = writeln!(text, "| {} |", row.join(" | "));
        if number == 0 {
            let rule: Vec<&str> = (0..row.len())
                .map(|column| match column {
                    0 => "---",
                    last if last + 1 == row.len() => "---",
                    _ => "--:",
                })
                .collect();
            let _ = writeln!(text, "|{}|", rule.join("|"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let mut text = String::new();
        markdown(
            &[row(["", "rows/s", "note"]), row(["a", "5", ""])],
            &mut text,
        );
        assert_eq!(text, "|  | rows/s | note |\n|---|--:|---|\n| a | 5 |  |\n");
    }
}
