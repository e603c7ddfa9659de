//! The light form's judgement: no ratio may have fallen by more than a third against the figures of record.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::{Outcome, workspace};

/// What is left of a ratio that has fallen as far as is allowed.
const LEAST_SHARE: f64 = 2.0 / 3.0;

/// Compares, or makes these ratios the figures of record.
pub(super) fn judge(ratios: &[(&'static str, f64)], record: bool) -> Result<Outcome> {
    if record {
        let text = format!("{:#}\n", as_json(ratios));
        fs::write(path(), text)?;
        println!("\nratios of record: {}", path().display());
        return Ok(Outcome::Clean);
    }
    let text = fs::read_to_string(path())
        .with_context(|| format!("no ratios of record in {}", path().display()))?;
    let recorded: Map<String, Value> = serde_json::from_str(&text).context("ratios of record")?;
    println!();
    let mut outcome = Outcome::Clean;
    for (name, of_record) in &recorded {
        let of_record = of_record
            .as_f64()
            .context("a ratio of record is no number")?;
        let now = ratios.iter().find(|(known, _)| known == name);
        let Some((_, now)) = now else {
            println!("MISSING {name}: {of_record:.2} of record");
            outcome = Outcome::Findings;
            continue;
        };
        let word = if has_fallen(*now, of_record) {
            outcome = Outcome::Findings;
            "FALLEN "
        } else {
            "ok     "
        };
        println!("{word} {name}: {now:.2}, {of_record:.2} of record");
    }
    Ok(outcome)
}

fn has_fallen(now: f64, of_record: f64) -> bool {
    now < of_record * LEAST_SHARE
}

fn as_json(ratios: &[(&'static str, f64)]) -> Value {
    let rounded = |value: f64| (value * 100.0).round() / 100.0;
    ratios
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::from(rounded(*value))))
        .collect::<Map<_, _>>()
        .into()
}

fn path() -> PathBuf {
    workspace::root().join("xtask/src/bench/ratios.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_is_too_much() {
        assert!(has_fallen(1.9, 3.0));
        assert!(!has_fallen(2.1, 3.0));
        assert!(!has_fallen(4.0, 3.0));
    }
}
