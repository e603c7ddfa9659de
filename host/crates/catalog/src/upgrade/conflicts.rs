//! Event ids that stand twice, and the new ids that keep every batch in order.
//!
//! A log table has a key on the event id, so an id stands twice only where two tables hold it, or where
//! a table lost its key. Whoever
//! reads a batch goes by these ids. So it is not the one row that gets a new id but, in each batch
//! but the first, all rows from the first such id on, in order, above all ids in use.

use std::collections::{BTreeMap, BTreeSet};

use chameleon_postgres::tokio_postgres::GenericClient;

use super::error::UpgradeError;
use super::scripts::numbers;
use super::survey::{Part, Relation, Role};
use crate::db;

/// A batch of which an id stands elsewhere too, and is kept there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) batch: i64,
    pub(super) created: Option<i64>,
    /// Ids of this batch that stand in an earlier place too.
    pub(super) ids: u64,
    /// The lowest of them.
    pub(super) first_event: i64,
}

/// A row that gets a new id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Renumbered {
    /// Index of its log table.
    pub(super) relation: usize,
    /// Its place there.
    pub(super) place: String,
    pub(super) event: i64,
}

/// Finds the batches whose rows need new ids.
pub(super) async fn find(
    c: &impl GenericClient,
    relations: &[Relation],
) -> Result<Vec<Conflict>, UpgradeError> {
    let used: Vec<&Relation> = relations.iter().filter(|r| r.role != Role::Stray).collect();
    let mut standing: BTreeMap<i64, BTreeSet<(Option<i64>, i64, usize)>> = BTreeMap::new();
    let created: BTreeMap<i64, Option<i64>> = used
        .iter()
        .flat_map(|r| &r.parts)
        .filter(|part| part.source.is_some())
        .map(|part| (part.batch, part.created))
        .collect();
    for (i, a) in used.iter().enumerate() {
        for (j, b) in used.iter().enumerate().skip(i + 1) {
            let Some((low, high)) = overlap(&a.parts, &b.parts) else {
                continue;
            };
            for (event, in_a, in_b) in twice(c, a, b, low, high).await? {
                for (batch, place) in [(in_a, i), (in_b, j)] {
                    if let Some(created) = created.get(&batch) {
                        let places = standing.entry(event).or_default();
                        places.insert((*created, batch, place));
                    }
                }
            }
        }
    }
    let mut again: Vec<(i64, Option<i64>, i64)> = Vec::new();
    for (place, relation) in used.iter().enumerate().filter(|(_, r)| !r.has_key) {
        for (event, batch, rows) in twice_within(c, relation).await? {
            let Some(created) = created.get(&batch) else {
                continue;
            };
            standing
                .entry(event)
                .or_default()
                .insert((*created, batch, place));
            again.extend((1..rows).map(|_| (event, *created, batch)));
        }
    }
    let elsewhere = standing.into_iter().flat_map(|(event, places)| {
        let later = places.into_iter().skip(1);
        later.map(move |(created, batch, _)| (event, created, batch))
    });
    let mut found: BTreeMap<i64, Conflict> = BTreeMap::new();
    for (event, created, batch) in elsewhere.chain(again) {
        let conflict = found.entry(batch).or_insert(Conflict {
            batch,
            created,
            ids: 0,
            first_event: event,
        });
        conflict.ids += 1;
        conflict.first_event = conflict.first_event.min(event);
    }
    let mut found: Vec<Conflict> = found.into_values().collect();
    found.sort_by_key(|conflict| (conflict.created, conflict.batch));
    Ok(found)
}

/// The ids in which batches of both tables may meet; `None` where none can.
fn overlap(a: &[Part], b: &[Part]) -> Option<(i64, i64)> {
    let (a, b) = (spans(a), spans(b));
    let (mut i, mut j) = (0, 0);
    let mut found: Option<(i64, i64)> = None;
    while let (Some(left), Some(right)) = (a.get(i), b.get(j)) {
        let (low, high) = (left.0.max(right.0), left.1.min(right.1));
        if low <= high {
            found = Some((found.map_or(low, |f| f.0), high));
        }
        if left.1 <= right.1 {
            i += 1;
        } else {
            j += 1;
        }
    }
    found
}

/// The ids that batches span, where they touch put together, in order.
fn spans(parts: &[Part]) -> Vec<(i64, i64)> {
    let mut all: Vec<(i64, i64)> = parts.iter().map(|part| part.events).collect();
    all.sort_unstable();
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for (low, high) in all {
        match spans.last_mut() {
            Some(last) if low <= last.1 => last.1 = last.1.max(high),
            _ => spans.push((low, high)),
        }
    }
    spans
}

/// Ids that stand in both tables, with their batches.
async fn twice(
    c: &impl GenericClient,
    a: &Relation,
    b: &Relation,
    low: i64,
    high: i64,
) -> Result<Vec<(i64, i64, i64)>, UpgradeError> {
    let sql = format!(
        "select a.i_id_event as event, a.i_id_batch as in_a, b.i_id_batch as in_b \
           from only {} a join only {} b using (i_id_event) \
          where a.i_id_event between {low} and {high} and b.i_id_event between {low} and {high}",
        a.qualified(),
        b.qualified()
    );
    let rows = db::query(c, "look for event ids that stand twice", &sql, &[]).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        found.push((
            db::get(row, "event")?,
            db::get(row, "in_a")?,
            db::get(row, "in_b")?,
        ));
    }
    Ok(found)
}

/// Ids that stand more than once in a table without key: id, batch, rows of that batch with it.
async fn twice_within(
    c: &impl GenericClient,
    relation: &Relation,
) -> Result<Vec<(i64, i64, i64)>, UpgradeError> {
    let name = relation.qualified();
    let sql = format!(
        "select i_id_event as event, i_id_batch as batch, count(*) as rows from only {name} \
          where i_id_event in (select i_id_event from only {name} \
                                group by i_id_event having count(*) > 1) \
          group by i_id_event, i_id_batch"
    );
    let rows = db::query(c, "look for event ids that stand twice", &sql, &[]).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        found.push((
            db::get(row, "event")?,
            db::get(row, "batch")?,
            db::get(row, "rows")?,
        ));
    }
    Ok(found)
}

/// The rows that get new ids, in the order of these.
pub(super) async fn rows(
    c: &impl GenericClient,
    relations: &[Relation],
    conflicts: &[Conflict],
) -> Result<Vec<Renumbered>, UpgradeError> {
    let batches = numbers(conflicts.iter().map(|conflict| conflict.batch));
    let firsts = numbers(conflicts.iter().map(|conflict| conflict.first_event));
    let parts: Vec<String> = relations
        .iter()
        .enumerate()
        .filter(|(_, relation)| relation.role != Role::Stray)
        .map(|(index, relation)| {
            format!(
                "select wanted.n, {index} as relation, log.ctid as place, log.i_id_event, \
                        log.ts_event_datetime \
                   from only {} log \
                   join unnest({batches}, {firsts}) with ordinality as wanted (batch, first, n) \
                     on log.i_id_batch = wanted.batch and log.i_id_event >= wanted.first",
                relation.qualified()
            )
        })
        .collect();
    let sql = format!(
        "select relation, place::text as place, i_id_event as event from ({}) entry \
          order by n, i_id_event, ts_event_datetime, relation, entry.place",
        parts.join(" union all ")
    );
    let found = db::query(c, "read the rows that need new ids", &sql, &[]).await?;
    let mut rows = Vec::with_capacity(found.len());
    for row in &found {
        let relation: i32 = db::get(row, "relation")?;
        rows.push(Renumbered {
            relation: usize::try_from(relation).unwrap_or_default(),
            place: db::get(row, "place")?,
            event: db::get(row, "event")?,
        });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(low: i64, high: i64) -> Part {
        Part {
            batch: low,
            source: Some(1),
            waits: true,
            created: Some(low),
            rows: 1,
            events: (low, high),
            blocks: None,
        }
    }

    #[test]
    fn only_ids_that_both_tables_may_hold_are_looked_at() {
        let check = |a: &[(i64, i64)], b: &[(i64, i64)], expect| {
            let parts = |of: &[(i64, i64)]| of.iter().map(|p| part(p.0, p.1)).collect::<Vec<_>>();
            assert_eq!(overlap(&parts(a), &parts(b)), expect, "{a:?} {b:?}");
        };
        check(&[], &[(1, 9)], None);
        check(&[(1, 10), (21, 30)], &[(11, 20), (31, 40)], None);
        check(&[(1, 10), (21, 30)], &[(10, 21)], Some((10, 21)));
        check(&[(1, 100)], &[(5, 6), (90, 120)], Some((5, 100)));
        check(&[(50, 60), (1, 9)], &[(55, 55)], Some((55, 55)));
    }
}
