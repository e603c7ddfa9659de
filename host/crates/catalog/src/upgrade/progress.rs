//! How far an upgrade is, for whoever started it and for everybody else.
//!
//! All of an upgrade is one transaction, so nothing that it writes can be seen from outside. Its
//! session's application name can, at once: `pg_stat_activity` shows rows done, time left and rate.

use std::time::Instant;

use serde::Serialize;

use super::scripts;
use super::steps::{Kind, Step};

/// What is going on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// Another session upgrades; this one waits and goes on afterwards.
    Waiting {
        /// That session, with what it says of its progress.
        session: String,
    },
    /// The locks are not to be had at once.
    LockBusy {
        /// Sessions that hold locks on the catalog's tables.
        holders: Vec<String>,
    },
    /// A step begins, or has got further.
    Progress(Progress),
    /// All is done and is being committed, or taken back.
    Ending {
        /// Committed.
        commit: bool,
    },
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// The step, such as `070_copy_rows`.
    pub step: String,
    /// What it works on.
    pub object: String,
    /// Number of the step, from 1.
    pub number: usize,
    /// Number of steps.
    pub steps: usize,
    /// Rows moved so far.
    pub rows_done: u64,
    /// Rows to move.
    pub rows: u64,
    /// Rows moved in a second, so far.
    pub rows_per_second: Option<f64>,
    /// Estimated time to the end.
    pub seconds_left: Option<f64>,
}

impl Progress {
    /// As the session's application name says it, in 63 bytes at most.
    pub(super) fn name(&self) -> String {
        let mut text = format!("chameleon upgrade: step {} of {}", self.number, self.steps);
        if self.rows > 0 {
            text = format!("chameleon upgrade: {}/{} rows", self.rows_done, self.rows);
        }
        if let Some(seconds) = self.seconds_left {
            text.push_str(&format!(", {seconds:.0} s left"));
        }
        if let Some(rate) = self.rows_per_second {
            text.push_str(&format!(", {rate:.0}/s"));
        }
        text.truncate(63);
        text
    }
}

/// What a row costs in a step, where 1 is what its copy costs. From upgrades of 1 M rows of 180
/// bytes: copy 1.1 us, keys 0.3, block ranges 0.12, count 0.12.
pub(super) fn row_cost(step: &Step) -> f64 {
    match step.kind {
        Kind::Compare => 0.12,
        Kind::Complete => 0.0,
        _ if step.id == scripts::COPY_ROWS.id => 1.0,
        _ if step.id == scripts::ADD_KEYS.id => 0.3,
        _ if step.id == scripts::QUARANTINE_ROWS.id => 1.2,
        _ if step.id == scripts::RENUMBER_EVENTS.id => 5.0,
        _ if step.id == scripts::REMOVE_ORPHANS.id => 0.8,
        _ => 0.0,
    }
}

pub(super) fn cost(step: &Step) -> f64 {
    float(step.rows) * row_cost(step)
}

/// A count as a number to reckon with.
pub(super) fn float(count: u64) -> f64 {
    // exact up to 2^53 rows
    #[allow(clippy::cast_precision_loss, reason = "an estimate needs no more")]
    let value = count as f64;
    value
}

/// Keeps count while the steps run.
#[derive(Debug)]
pub(super) struct Meter {
    begun: Instant,
    steps: usize,
    number: usize,
    rows: u64,
    rows_done: u64,
    copying: f64,
    cost: f64,
    cost_done: f64,
}

impl Meter {
    pub(super) fn new(steps: &[Step]) -> Self {
        let copies = steps.iter().filter(|s| s.id == scripts::COPY_ROWS.id);
        Self {
            begun: Instant::now(),
            steps: steps.len(),
            number: 0,
            rows: copies.map(|step| step.rows).sum(),
            rows_done: 0,
            copying: 0.0,
            cost: steps.iter().map(cost).sum(),
            cost_done: 0.0,
        }
    }

    pub(super) fn begin(&mut self, step: &Step) -> Progress {
        self.number += 1;
        self.progress(step)
    }

    /// A part of a step is done: so many rows, in so many seconds.
    pub(super) fn done(&mut self, step: &Step, rows: u64, seconds: f64) -> Progress {
        self.cost_done += float(rows) * row_cost(step);
        if step.id == scripts::COPY_ROWS.id {
            self.rows_done += rows;
            self.copying += seconds;
        }
        self.progress(step)
    }

    fn progress(&self, step: &Step) -> Progress {
        let elapsed = self.begun.elapsed().as_secs_f64();
        let known = self.cost_done > 0.0;
        Progress {
            step: step.id.to_owned(),
            object: step.object.clone(),
            number: self.number,
            steps: self.steps,
            rows_done: self.rows_done,
            rows: self.rows,
            rows_per_second: (self.copying > 0.0).then(|| float(self.rows_done) / self.copying),
            seconds_left: known
                .then(|| elapsed / self.cost_done * (self.cost - self.cost_done).max(0.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_application_name_says_rows_time_left_and_rate() {
        let progress = Progress {
            step: "070_copy_rows".into(),
            object: "t".into(),
            number: 3,
            steps: 9,
            rows_done: 340_000,
            rows: 1_000_000,
            rows_per_second: Some(812_345.6),
            seconds_left: Some(12.4),
        };
        let text = progress.name();
        assert_eq!(
            text,
            "chameleon upgrade: 340000/1000000 rows, 12 s left, 812346/s"
        );
        assert!(text.len() <= 63);
        let first = Progress {
            rows: 0,
            rows_per_second: None,
            seconds_left: None,
            ..progress
        };
        assert_eq!(first.name(), "chameleon upgrade: step 3 of 9");
    }
}
