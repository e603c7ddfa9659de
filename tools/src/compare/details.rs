//! The last look: which rows differ, in which columns, and how to mend them.

use std::collections::{HashMap, HashSet};

use serde_json::Map;

use super::plan::TablePlan;
use super::repair;
use super::report::{Difference, DifferingRow};
use super::row::{CanonRow, Sum};
use super::suspects::{Suspect, questions};
use super::{Options, Sides, Work};
use crate::error::ToolsError;

/// Rows that are listed, and mended, per table.
const MAX_LISTED: usize = 1000;

/// What is kept of a row: its key, and checksums of its columns.
#[derive(Default)]
struct Seen {
    sum: Sum,
    key: Vec<Option<Vec<u8>>>,
    columns: Vec<u128>,
    /// The row itself, for the statement that mends it.
    row: Option<CanonRow>,
}

type Rows = HashMap<u128, Seen>;

impl Sides {
    /// Counts what is left of the suspects and reads the first of them once more.
    pub(super) async fn describe(
        &mut self,
        work: &mut Work,
        options: &Options,
    ) -> Result<(), ToolsError> {
        let listed: Vec<Suspect> = work
            .suspects
            .iter()
            .filter(|suspect| !suspect.moving)
            .take(MAX_LISTED)
            .cloned()
            .collect();
        let (mut source, mut target) = (Rows::new(), Rows::new());
        let plan = &work.plan;
        for (filter, keys) in questions(plan, &listed, &work.sums.chunks) {
            for key in keys {
                source.insert(key, Seen::default());
                target.insert(key, Seen::default());
            }
            tokio::try_join!(
                self.source.scan(plan, &filter, |row| {
                    note(&mut source, plan, row, options.repair);
                }),
                self.target
                    .scan(plan, &filter, |row| note(&mut target, plan, row, false)),
            )?;
        }
        let mut statements = Vec::new();
        let mut settled = HashSet::new();
        for suspect in &listed {
            let (Some(there), Some(here)) = (source.get(&suspect.key), target.get(&suspect.key))
            else {
                continue;
            };
            if there.sum == here.sum {
                settled.insert(suspect.key);
                continue;
            }
            let row = differing_row(plan, there, here);
            if options.repair {
                statements.extend(repair::statement(
                    plan,
                    row.what,
                    &here.key,
                    there.row.as_ref(),
                ));
            }
            work.result.keys.push(row);
        }
        work.suspects
            .retain(|suspect| !settled.contains(&suspect.key));
        for suspect in &work.suspects {
            work.result.count(plan, suspect);
        }
        if options.repair {
            let rest = work.suspects.len() > work.result.keys.len() || work.sums.more;
            statements.extend(repair::remarks(plan, rest, work.suspects.is_empty()));
            work.result.repair = Some(statements);
        }
        Ok(())
    }
}

fn note(rows: &mut Rows, plan: &TablePlan, row: &CanonRow, whole: bool) {
    let Some(seen) = rows.get_mut(&row.key_checksum(&plan.key)) else {
        return;
    };
    seen.sum.add(row.checksum());
    seen.key = plan
        .key
        .iter()
        .map(|&column| row.field(column).map(<[u8]>::to_vec))
        .collect();
    seen.columns = (0..plan.columns.len())
        .map(|column| row.key_checksum(&[column]))
        .collect();
    if whole {
        seen.row = Some(row.clone());
    }
}

fn differing_row(plan: &TablePlan, source: &Seen, target: &Seen) -> DifferingRow {
    let what = match (source.sum.rows, target.sum.rows) {
        (there, here) if here == 0 || (plan.key.is_empty() && there > here) => Difference::Missing,
        (there, here) if there == 0 || (plan.key.is_empty() && there < here) => Difference::Extra,
        _ => Difference::Different,
    };
    let known = if source.sum.rows > 0 { source } else { target };
    let mut key = Map::new();
    for (&column, value) in plan.key.iter().zip(&known.key) {
        let column = &plan.columns[column];
        key.insert(column.name.clone(), column.canon.show(value.as_deref()));
    }
    let columns = match what {
        Difference::Different => {
            let pairs = source.columns.iter().zip(&target.columns);
            let differ = plan.columns.iter().zip(pairs).filter(|(_, (a, b))| a != b);
            differ.map(|(column, _)| column.name.clone()).collect()
        }
        _ => Vec::new(),
    };
    DifferingRow { key, what, columns }
}

impl super::report::TableResult {
    /// Counts a suspect that is left at the end.
    fn count(&mut self, plan: &TablePlan, suspect: &Suspect) {
        let (source, target) = (suspect.source.rows, suspect.target.rows);
        if suspect.moving {
            self.unsettled += 1;
        } else if plan.key.is_empty() {
            self.missing += source.saturating_sub(target);
            self.extra += target.saturating_sub(source);
        } else if target == 0 {
            self.missing += 1;
        } else if source == 0 {
            self.extra += 1;
        } else {
            self.different += 1;
        }
    }
}
