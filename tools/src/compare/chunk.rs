//! The first look at a table: range by range, sums against sums, and where they differ the keys.

use std::collections::HashMap;

use super::plan::{Filter, Lookup, TablePlan};
use super::row::{Buckets, CanonRow, Sum};
use super::suspects::Suspect;
use super::{Options, Sides, Work};
use crate::error::ToolsError;

/// Rows of differing buckets that are held at once, per side and range.
const NARROW_ROWS: u64 = 200_000;
/// Suspects of one table; beyond that there are only "more".
const MAX_SUSPECTS: usize = 100_000;

/// One range and its sums.
#[derive(Clone, Debug)]
pub(crate) struct ChunkSums {
    pub(crate) filter: Filter,
    source: Sum,
    target: Sum,
    /// Differing rows were left out of the suspects.
    more: bool,
}

/// All ranges of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableSums {
    pub(crate) chunks: Vec<ChunkSums>,
    /// Differing rows were left out of the suspects.
    pub(crate) more: bool,
}

impl TableSums {
    /// Sums over all ranges. Where a range differed and no suspect of it is left, it was read while
    /// it changed; the source's sum then stands for both sides.
    pub(crate) fn totals(&self, left: &[Suspect]) -> (Sum, Sum) {
        let (mut source, mut target) = (Sum::default(), Sum::default());
        for (index, chunk) in self.chunks.iter().enumerate() {
            let open = chunk.more || left.iter().any(|suspect| suspect.chunk == index);
            source.merge(chunk.source);
            target.merge(if open { chunk.target } else { chunk.source });
        }
        (source, target)
    }
}

/// Keys of a range with their rows' sums and the canonical first key column.
type Narrowed = HashMap<u128, (Sum, Option<Vec<u8>>)>;

impl Sides {
    /// Reads all ranges of a table.
    pub(super) async fn read_chunks(
        &mut self,
        work: &mut Work,
        options: &Options,
    ) -> Result<(), ToolsError> {
        let mut after = None;
        loop {
            let to = if work.plan.lookup() == Lookup::Integer {
                self.source
                    .boundary(&work.plan, after, options.chunk_rows)
                    .await?
            } else {
                None
            };
            self.read_chunk(work, Filter::Range { after, to }).await?;
            if to.is_none() {
                return Ok(());
            }
            after = to;
        }
    }

    async fn read_chunk(&mut self, work: &mut Work, filter: Filter) -> Result<(), ToolsError> {
        let plan = &work.plan;
        let (mut source, mut target) = (Buckets::new(), Buckets::new());
        tokio::try_join!(
            self.source
                .scan(plan, &filter, |row| add(&mut source, plan, row)),
            self.target
                .scan(plan, &filter, |row| add(&mut target, plan, row)),
        )?;
        let mut chunk = ChunkSums {
            source: source.total(),
            target: target.total(),
            more: false,
            filter,
        };
        if chunk.source != chunk.target {
            let (chosen, more) = source.differing(&target, NARROW_ROWS);
            chunk.more = more;
            let found = self
                .narrow(plan, &chunk.filter, &chosen, work.sums.chunks.len())
                .await?;
            let room = MAX_SUSPECTS.saturating_sub(work.suspects.len());
            chunk.more |= found.len() > room;
            work.suspects.extend(found.into_iter().take(room));
        }
        work.sums.more |= chunk.more;
        work.sums.chunks.push(chunk);
        Ok(())
    }

    /// Reads a range again and finds the keys in the chosen buckets whose rows differ.
    async fn narrow(
        &mut self,
        plan: &TablePlan,
        filter: &Filter,
        chosen: &[bool],
        chunk: usize,
    ) -> Result<Vec<Suspect>, ToolsError> {
        let (mut source, mut target) = (Narrowed::new(), Narrowed::new());
        tokio::try_join!(
            self.source
                .scan(plan, filter, |row| keep(&mut source, chosen, plan, row)),
            self.target
                .scan(plan, filter, |row| keep(&mut target, chosen, plan, row)),
        )?;
        let mut suspects = Vec::new();
        for (key, (sum, lead)) in source {
            let other = target.remove(&key).map(|(sum, _)| sum).unwrap_or_default();
            if sum != other {
                suspects.push(Suspect::new(key, lead, chunk, sum, other));
            }
        }
        for (key, (sum, lead)) in target {
            suspects.push(Suspect::new(key, lead, chunk, Sum::default(), sum));
        }
        suspects.sort_by_cached_key(Suspect::order);
        Ok(suspects)
    }
}

fn add(buckets: &mut Buckets, plan: &TablePlan, row: &CanonRow) {
    buckets.add(row.key_checksum(&plan.key), row.checksum());
}

fn keep(rows: &mut Narrowed, chosen: &[bool], plan: &TablePlan, row: &CanonRow) {
    let key = row.key_checksum(&plan.key);
    if chosen.get(Buckets::place(key)).copied().unwrap_or(false) {
        let lead = || {
            plan.key
                .first()
                .and_then(|&lead| row.field(lead))
                .map(<[u8]>::to_vec)
        };
        let (sum, _) = rows.entry(key).or_insert_with(|| (Sum::default(), lead()));
        sum.add(row.checksum());
    }
}
