//! Rows that differed at the last look, and looking again.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::plan::{Filter, Lookup, TablePlan};
use super::row::{CanonRow, Sum};
use super::{Sides, Work};
use crate::error::ToolsError;

/// First wait before looking again; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Keys that one query asks for.
const KEYS_PER_QUERY: usize = 500;

/// A key whose rows differed at the last look.
#[derive(Clone, Debug)]
pub(crate) struct Suspect {
    /// Checksum of the key; of the whole row where there is no key.
    pub(crate) key: u128,
    /// Canonical first key column.
    lead: Option<Vec<u8>>,
    /// Which range of the table it is in.
    pub(crate) chunk: usize,
    pub(crate) source: Sum,
    pub(crate) target: Sum,
    /// One of the sides was not the same at the last two looks.
    pub(crate) moving: bool,
}

impl Suspect {
    pub(crate) fn new(
        key: u128,
        lead: Option<Vec<u8>>,
        chunk: usize,
        source: Sum,
        target: Sum,
    ) -> Self {
        Self {
            key,
            lead,
            chunk,
            source,
            target,
            moving: false,
        }
    }
}

impl Suspect {
    /// What suspects are listed by: the first key column, as a number where it is one.
    pub(crate) fn order(&self) -> (Option<i128>, Option<Vec<u8>>, u128) {
        let text = self
            .lead
            .as_deref()
            .and_then(|lead| std::str::from_utf8(lead).ok());
        (
            text.and_then(|text| text.parse().ok()),
            self.lead.clone(),
            self.key,
        )
    }
}

impl Sides {
    /// Looks at all suspects again, with growing waits, until none is left or the time is up.
    pub(super) async fn look_again(
        &mut self,
        work: &mut [Work],
        settle: Duration,
    ) -> Result<(), ToolsError> {
        let deadline = Instant::now() + settle;
        let mut wait = FIRST_WAIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || work.iter().all(|table| table.suspects.is_empty()) {
                return Ok(());
            }
            tokio::time::sleep(wait.min(left)).await;
            wait *= 2;
            for table in work.iter_mut() {
                self.recheck(table).await?;
            }
        }
    }

    /// Reads the suspects of a table again and drops those that are equal now.
    async fn recheck(&mut self, work: &mut Work) -> Result<(), ToolsError> {
        let mut now: HashMap<u128, (Sum, Sum)> = HashMap::new();
        for (filter, keys) in questions(&work.plan, &work.suspects, &work.sums.chunks) {
            let nothing = keys.iter().map(|key| (*key, Sum::default()));
            let mut source: HashMap<u128, Sum> = nothing.collect();
            let mut target = source.clone();
            let plan = &work.plan;
            tokio::try_join!(
                self.source
                    .scan(plan, &filter, |row| add(&mut source, plan, row)),
                self.target
                    .scan(plan, &filter, |row| add(&mut target, plan, row)),
            )?;
            now.extend(
                source
                    .into_iter()
                    .map(|(key, sum)| (key, (sum, target.get(&key).copied().unwrap_or_default()))),
            );
        }
        work.suspects.retain_mut(|suspect| {
            let (source, target) = now.get(&suspect.key).copied().unwrap_or_default();
            suspect.moving = (source, target) != (suspect.source, suspect.target);
            (suspect.source, suspect.target) = (source, target);
            source != target
        });
        Ok(())
    }
}

fn add(sums: &mut HashMap<u128, Sum>, plan: &TablePlan, row: &CanonRow) {
    if let Some(sum) = sums.get_mut(&row.key_checksum(&plan.key)) {
        sum.add(row.checksum());
    }
}

/// Filters that together take every suspect once, each with the keys to look for: by value where
/// that can be asked for, else the ranges that the suspects are in.
pub(super) fn questions(
    plan: &TablePlan,
    suspects: &[Suspect],
    chunks: &[super::chunk::ChunkSums],
) -> Vec<(Filter, Vec<u128>)> {
    let by_value = plan.lookup() != Lookup::None && suspects.iter().all(|s| s.lead.is_some());
    if !by_value {
        let mut places: BTreeMap<usize, Vec<u128>> = BTreeMap::new();
        for suspect in suspects {
            places.entry(suspect.chunk).or_default().push(suspect.key);
        }
        let filter = |place: usize| chunks.get(place).map(|chunk| chunk.filter.clone());
        return places
            .into_iter()
            .filter_map(|(at, keys)| Some((filter(at)?, keys)))
            .collect();
    }
    let mut leads: BTreeMap<&[u8], Vec<u128>> = BTreeMap::new();
    for suspect in suspects {
        leads
            .entry(suspect.lead.as_deref().unwrap_or_default())
            .or_default()
            .push(suspect.key);
    }
    let leads: Vec<(&[u8], Vec<u128>)> = leads.into_iter().collect();
    let question = |some: &[(&[u8], Vec<u128>)]| {
        let values = some.iter().map(|(lead, _)| lead.to_vec()).collect();
        let keys = some
            .iter()
            .flat_map(|(_, keys)| keys.iter().copied())
            .collect();
        (Filter::Values(values), keys)
    };
    leads.chunks(KEYS_PER_QUERY).map(question).collect()
}
