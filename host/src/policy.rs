//! What is done with the changes of each table: applied, left out, or applied idempotently.
//!
//! Three things decide. A held table's changes are left out. After a copy, a table's changes up to
//! the copy's low mark are in the copy already, and those up to its high mark may be. After a
//! rewind for the sake of resynced tables, the changes of all others up to the floor have been
//! applied before. Marks are ends of transactions and batches end at them, so a batch lies on one
//! side; where one does not, its changes are applied idempotently, which is right on both.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chameleon_catalog::BatchId;
use chameleon_catalog::windows::{Floor, Window};
use chameleon_model::{BinlogPosition, TableName};
use chameleon_target::{ApplyPolicy, Strictness};

/// Marks of one table.
#[derive(Clone, Debug)]
struct Marks {
    /// Batch that was open when the copy took its place: older ones hold nothing for this table.
    batch: BatchId,
    skip: Option<BinlogPosition>,
    idempotent: Option<BinlogPosition>,
}

impl Marks {
    /// For a target that several tables feed: from the lowest mark on changes count, up to the
    /// highest of all they may be there already.
    fn join(&mut self, other: &Self) {
        let highest = [&self.skip, &self.idempotent, &other.skip, &other.idempotent];
        let highest = highest.into_iter().flatten().max().cloned();
        self.batch = self.batch.min(other.batch);
        self.skip = match (&self.skip, &other.skip) {
            (Some(one), Some(other)) => Some(one.min(other).clone()),
            _ => None,
        };
        self.idempotent = highest.filter(|mark| self.skip.as_ref() != Some(mark));
    }

    /// Nothing is skipped, because a table without marks feeds the target too.
    fn count_from_the_start(&mut self) {
        self.idempotent = self.skip.take().max(self.idempotent.take());
    }
}

/// The rules of one source's stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamPolicy {
    held: HashSet<String>,
    windows: HashMap<String, Marks>,
    floor: Option<BinlogPosition>,
    applies_drift: bool,
}

impl StreamPolicy {
    /// From what the catalog holds. `targets` names the target tables of a source table, each with
    /// the number of tables that feed it.
    pub(crate) fn new(
        windows: &[Window],
        floor: Option<&Floor>,
        applies_drift: bool,
        targets: impl Fn(&TableName) -> Vec<(String, usize)>,
    ) -> Self {
        let mut by_target: HashMap<String, (Marks, usize)> = HashMap::new();
        for window in windows {
            let marks = Marks {
                batch: window.batch,
                skip: window.skip_until.as_ref().map(|p| p.binlog.clone()),
                idempotent: window.idempotent_until.as_ref().map(|p| p.binlog.clone()),
            };
            for (target, feeders) in targets(&window.table) {
                match by_target.get_mut(&target) {
                    Some((known, left)) => {
                        known.join(&marks);
                        *left = left.saturating_sub(1);
                    }
                    None => {
                        let left = feeders.saturating_sub(1);
                        by_target.insert(target, (marks.clone(), left));
                    }
                }
            }
        }
        let windows = by_target
            .into_iter()
            .map(|(target, (mut marks, without_window))| {
                if without_window > 0 {
                    marks.count_from_the_start();
                }
                (target, marks)
            })
            .collect();
        let floor = floor.map(|f| f.position.binlog.clone());
        Self {
            held: HashSet::new(),
            windows,
            floor,
            applies_drift,
        }
    }

    /// The table's changes are left out from now on. False: they were already.
    pub(crate) fn hold(&mut self, table: &str) -> bool {
        self.held.insert(table.to_owned())
    }

    /// The table's changes count again.
    pub(crate) fn release(&mut self, table: &str) {
        self.held.remove(table);
    }

    /// The table is held.
    pub(crate) fn is_held(&self, table: &str) -> bool {
        self.held.contains(table)
    }

    /// Marks that have not been passed at `position`, in order: batches end there.
    pub(crate) fn marks_after(&self, position: &BinlogPosition) -> BTreeSet<BinlogPosition> {
        let windows = self.windows.values().flat_map(|m| [&m.skip, &m.idempotent]);
        let marks = windows.chain([&self.floor]).flatten();
        marks.filter(|mark| *mark > position).cloned().collect()
    }

    /// Some mark exists, passed or not.
    pub(crate) fn has_marks(&self) -> bool {
        !self.windows.is_empty() || self.floor.is_some()
    }

    /// All marks are passed and can be forgotten.
    pub(crate) fn forget_marks(&mut self) {
        self.windows.clear();
        self.floor = None;
    }

    /// The rules for a batch whose changes lie after `start` and end at `end`; `None`: unknown.
    pub(crate) fn for_batch(
        self: &Arc<Self>,
        start: &BinlogPosition,
        end: Option<&BinlogPosition>,
    ) -> BatchPolicy {
        BatchPolicy {
            rules: Arc::clone(self),
            also_held: None,
            logged: None,
            start: start.clone(),
            end: end.cloned(),
        }
    }

    /// The rules for a batch that was in the relay log before the stream was opened. What a copy
    /// held already was left out when it was written; what is older than a copy is left out now.
    pub(crate) fn for_logged(
        self: &Arc<Self>,
        batch: BatchId,
        start: &BinlogPosition,
    ) -> BatchPolicy {
        BatchPolicy {
            logged: Some(batch),
            ..self.for_batch(start, None)
        }
    }
}

/// The rules for one batch.
#[derive(Clone, Debug)]
pub(crate) struct BatchPolicy {
    rules: Arc<StreamPolicy>,
    /// Holds that came later than the rules.
    also_held: Option<Arc<StreamPolicy>>,
    /// The batch was in the relay log before the stream was opened.
    logged: Option<BatchId>,
    start: BinlogPosition,
    end: Option<BinlogPosition>,
}

impl BatchPolicy {
    /// The same rules, with the holds of another state of the stream.
    pub(crate) fn also_holding(&self, other: &Arc<StreamPolicy>) -> Self {
        Self {
            also_held: Some(Arc::clone(other)),
            ..self.clone()
        }
    }
}

impl ApplyPolicy for BatchPolicy {
    fn strictness(&self, table: &str) -> Option<Strictness> {
        let also_held = self
            .also_held
            .as_ref()
            .is_some_and(|other| other.held.contains(table));
        if also_held || self.rules.held.contains(table) {
            return None;
        }
        let marks = self.rules.windows.get(table);
        if let (Some(marks), Some(batch)) = (marks, self.logged)
            && batch.0 < marks.batch.0
        {
            return None;
        }
        let skip = match marks {
            Some(marks) => marks.skip.as_ref(),
            None => self.rules.floor.as_ref(),
        };
        if let Some(skip) = skip
            && self.start < *skip
        {
            return match &self.end {
                Some(end) if end <= skip => None,
                _ => Some(Strictness::Idempotent),
            };
        }
        match marks.and_then(|m| m.idempotent.as_ref()) {
            Some(mark) if self.start < *mark => Some(Strictness::Idempotent),
            _ => Some(Strictness::Exact),
        }
    }

    fn applies_drift(&self) -> bool {
        self.rules.applies_drift
    }
}

#[cfg(test)]
mod tests {
    use chameleon_model::SourcePosition;

    use super::*;

    fn at(offset: u64) -> BinlogPosition {
        BinlogPosition::new("b.000001", offset)
    }

    fn rules() -> Arc<StreamPolicy> {
        let (skip, idempotent) = (Some(at(100)), Some(at(200)));
        let marks = Marks {
            batch: BatchId(7),
            skip,
            idempotent,
        };
        Arc::new(StreamPolicy {
            held: HashSet::from(["held".to_owned()]),
            windows: HashMap::from([("copied".to_owned(), marks)]),
            floor: Some(at(300)),
            applies_drift: false,
        })
    }

    #[test]
    fn marks_decide_by_the_batch_that_ends_at_them() {
        let check = |table: &str, start: u64, end: u64, expect: Option<Strictness>| {
            let policy = rules().for_batch(&at(start), Some(&at(end)));
            assert_eq!(policy.strictness(table), expect, "{table} {start}..{end}");
        };
        check("held", 400, 500, None);
        check("copied", 50, 100, None);
        check("copied", 50, 150, Some(Strictness::Idempotent));
        check("copied", 100, 150, Some(Strictness::Idempotent));
        check("copied", 200, 250, Some(Strictness::Exact));
        check("other", 200, 300, None);
        check("other", 300, 400, Some(Strictness::Exact));
        check("other", 250, 350, Some(Strictness::Idempotent));
    }

    #[test]
    fn a_logged_batch_older_than_a_copy_has_nothing_for_its_table() {
        let check = |batch: i64, table: &str, start: u64, expect: Option<Strictness>| {
            let policy = rules().for_logged(BatchId(batch), &at(start));
            assert_eq!(policy.strictness(table), expect, "{batch} {table} {start}");
        };
        check(6, "copied", 250, None);
        check(7, "copied", 250, Some(Strictness::Exact));
        check(8, "copied", 150, Some(Strictness::Idempotent));
        check(6, "other", 400, Some(Strictness::Exact));
        check(6, "held", 400, None);
    }

    #[test]
    fn marks_of_tables_that_feed_one_target_are_joined() {
        let window = |table: &str, skip: u64, idempotent: Option<u64>| Window {
            table: TableName::new("s", table),
            batch: BatchId(7),
            skip_until: Some(SourcePosition {
                binlog: at(skip),
                gtids: None,
            }),
            idempotent_until: idempotent.map(|offset| SourcePosition {
                binlog: at(offset),
                gtids: None,
            }),
        };
        let windows = [window("a", 100, Some(150)), window("b", 200, None)];
        let feeders = |count: usize| move |_: &TableName| vec![("both".to_owned(), count)];
        let check = |feeding: usize, end: u64, expect: Option<Strictness>| {
            let policy = Arc::new(StreamPolicy::new(&windows, None, false, feeders(feeding)));
            let batch = policy.for_batch(&at(end - 10), Some(&at(end)));
            assert_eq!(batch.strictness("both"), expect, "{feeding} {end}");
        };
        check(2, 100, None);
        check(2, 130, Some(Strictness::Idempotent));
        check(2, 200, Some(Strictness::Idempotent));
        check(2, 220, Some(Strictness::Exact));
        // a third table was not copied: its changes count from the start
        check(3, 100, Some(Strictness::Idempotent));
        check(3, 220, Some(Strictness::Exact));
    }

    #[test]
    fn batches_end_at_the_marks_that_are_still_ahead() {
        let marks: Vec<u64> = rules()
            .marks_after(&at(150))
            .iter()
            .map(|m| m.offset)
            .collect();
        assert_eq!(marks, [200, 300]);
    }
}
