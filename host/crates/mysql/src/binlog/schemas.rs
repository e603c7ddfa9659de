//! The tables as they are at the position: looked up by table maps, changed by DDL.
//!
//! Tables are *replicated*, *helpers* of a running online schema change (their structure is
//! followed, their rows are not), or of no concern. A replicated table that cannot be followed is
//! *held*: its rows are counted until it is released with a new version.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chameleon_ddl::{ParseContext, SchemaChange};
use chameleon_model::{TableName, TableSchema};

use crate::TableSelection;

use super::HistoryChange;
use super::online_change::original_of;

/// What a table is to the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concern {
    Replicated,
    Helper,
    Other,
}

/// Tables at the position.
#[derive(Debug)]
pub(super) struct Schemas {
    database: String,
    selection: TableSelection,
    /// The server folds names of tables to lowercase.
    fold_case: bool,
    /// Replicated tables and helpers.
    tables: BTreeMap<TableName, Arc<TableSchema>>,
    helpers: BTreeSet<TableName>,
    /// Held tables with the rows seen since they were counted last.
    held: BTreeMap<TableName, u64>,
    /// What was done to a helper that had the structure of its original.
    helper_alters: HashMap<TableName, SchemaChange>,
    /// Grows with every change of this structure, so that decode plans are made anew.
    pub(super) generation: u64,
}

/// What a statement came to.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// For the target.
    pub(super) changes: Vec<SchemaChange>,
    /// For the schema history.
    pub(super) history: Vec<HistoryChange>,
    /// Tables that cannot be followed, and why.
    pub(super) held: Vec<(TableName, String)>,
}

impl Schemas {
    pub(super) fn new(
        database: String,
        selection: TableSelection,
        fold_case: bool,
        tables: Vec<Arc<TableSchema>>,
    ) -> Self {
        let mut schemas = Self {
            database,
            selection,
            fold_case,
            tables: BTreeMap::new(),
            helpers: BTreeSet::new(),
            held: BTreeMap::new(),
            helper_alters: HashMap::new(),
            generation: 0,
        };
        // originals first, because a helper is one by its original
        let (maybe, sure): (Vec<_>, Vec<_>) = tables
            .into_iter()
            .partition(|table| original_of(&table.name.name).is_some());
        for table in sure.into_iter().chain(maybe) {
            let concern = schemas.concern(&table.name);
            schemas.put(table, concern);
        }
        schemas
    }

    /// Lookup for [`chameleon_ddl::resolve`].
    pub(super) fn tables(&self) -> &BTreeMap<TableName, Arc<TableSchema>> {
        &self.tables
    }

    /// Replicated tables, or the helpers.
    pub(super) fn of(&self, concern: Concern) -> impl Iterator<Item = &Arc<TableSchema>> {
        let tables = self.tables.values();
        tables.filter(move |table| self.concern(&table.name) == concern)
    }

    /// The table of a table map.
    pub(super) fn find(&self, name: &TableName) -> Option<&Arc<TableSchema>> {
        self.tables.get(name)
    }

    pub(super) fn name(&self, schema: &str, table: &str) -> TableName {
        if self.fold_case {
            TableName::new(schema.to_lowercase(), table.to_lowercase())
        } else {
            TableName::new(schema, table)
        }
    }

    pub(super) fn concern(&self, name: &TableName) -> Concern {
        if self.helpers.contains(name) {
            return Concern::Helper;
        }
        if self.tables.contains_key(name) {
            return Concern::Replicated;
        }
        let same = if self.fold_case {
            name.schema.eq_ignore_ascii_case(&self.database)
        } else {
            name.schema == self.database
        };
        if !same {
            return Concern::Other;
        }
        if let Some(original) = original_of(&name.name)
            && !self.selection.limit.contains(&name.name)
            && self
                .tables
                .contains_key(&TableName::new(name.schema.as_str(), original))
        {
            return Concern::Helper;
        }
        if self.selection.matches(&name.name) {
            Concern::Replicated
        } else {
            Concern::Other
        }
    }

    pub(super) fn is_held(&self, name: &TableName) -> bool {
        self.held.contains_key(name)
    }

    /// `false`: it was held already.
    pub(super) fn hold(&mut self, name: &TableName) -> bool {
        if self.is_held(name) {
            return false;
        }
        self.generation += 1;
        self.held.insert(name.clone(), 0);
        true
    }

    pub(super) fn forget_hold(&mut self, name: &TableName) {
        self.generation += 1;
        self.held.remove(name);
    }

    pub(super) fn release(&mut self, table: Arc<TableSchema>) {
        self.held.remove(&table.name);
        self.helpers.remove(&table.name);
        self.put(table, Concern::Replicated);
    }

    /// Counts rows of a held table that were passed over.
    pub(super) fn count(&mut self, name: &TableName, rows: u64) {
        if let Some(count) = self.held.get_mut(name) {
            *count += rows;
        }
    }

    pub(super) fn take_counts(&mut self) -> Vec<(TableName, u64)> {
        let counted = self.held.iter_mut().filter(|(_, count)| **count > 0);
        counted
            .map(|(name, count)| (name.clone(), std::mem::take(count)))
            .collect()
    }

    fn put(&mut self, table: Arc<TableSchema>, concern: Concern) {
        self.generation += 1;
        match concern {
            Concern::Replicated => {}
            Concern::Helper => drop(self.helpers.insert(table.name.clone())),
            Concern::Other => return,
        }
        self.tables.insert(table.name.clone(), table);
    }

    fn remove(&mut self, name: &TableName) -> Option<Arc<TableSchema>> {
        self.generation += 1;
        self.helpers.remove(name);
        self.helper_alters.remove(name);
        self.tables.remove(name)
    }

    /// Puts the changes of one statement into force and says what of them concerns the target.
    pub(super) fn apply(&mut self, changes: Vec<SchemaChange>, cx: &ParseContext<'_>) -> Applied {
        let mut applied = Applied::default();
        if self.stays_within(&changes) {
            self.rename_all(changes, &mut applied);
            return applied;
        }
        // replicated tables that the statement has renamed out of the selection so far
        let mut away: Vec<(TableName, Arc<TableSchema>)> = Vec::new();
        let mut held_moved = false;
        let mut names = RenamedNames::default();
        for change in changes {
            match change {
                SchemaChange::Create { after } => self.create(after, &mut applied),
                SchemaChange::Drop { before } => self.drop(before, &mut applied),
                SchemaChange::Truncate { table } => {
                    let known = self.tables.contains_key(&table) && !self.is_held(&table);
                    if known && self.concern(&table) == Concern::Replicated {
                        applied.changes.push(SchemaChange::Truncate { table });
                    }
                }
                SchemaChange::Rename { before, after } => {
                    held_moved |= self.is_held(&before.name)
                        || applied.held.iter().any(|(name, _)| *name == before.name);
                    names.rename(&before.name, &after.name);
                    self.rename(before, after, cx, &mut away, &mut applied);
                }
                SchemaChange::Alter { .. } => self.alter(change, &mut applied),
                SchemaChange::Unsupported { table, reason } => {
                    match self.concern(&table) {
                        Concern::Replicated => applied.held.push((table, reason)),
                        // its structure is not known any more, so it cannot become the original
                        Concern::Helper => {
                            if self.remove(&table).is_some() {
                                applied.history.push(HistoryChange::Dropped(table));
                            }
                        }
                        Concern::Other => {}
                    }
                }
            }
        }
        for (now, table) in away {
            let reason = format!("it was renamed to {now}, which is not replicated");
            applied.held.push((table.name.clone(), reason));
        }
        if held_moved {
            hold_together(&mut applied);
            let is_gone =
                |name: &TableName| names.came.contains(name) && !self.tables.contains_key(name);
            applied.held.retain(|(name, _)| !is_gone(name));
        }
        applied
    }

    fn create(&mut self, after: Arc<TableSchema>, applied: &mut Applied) {
        let concern = self.concern(&after.name);
        if concern == Concern::Other {
            return;
        }
        // a transaction that creates and fills a table may be read twice
        let known = self.find(&after.name).is_some_and(|known| *known == after);
        self.put(Arc::clone(&after), concern);
        applied.history.push(HistoryChange::Set(Arc::clone(&after)));
        if concern == Concern::Replicated && !known && !self.is_held(&after.name) {
            applied.changes.push(SchemaChange::Create { after });
        }
    }

    fn drop(&mut self, before: Arc<TableSchema>, applied: &mut Applied) {
        let concern = self.concern(&before.name);
        if self.remove(&before.name).is_none() {
            return;
        }
        applied
            .history
            .push(HistoryChange::Dropped(before.name.clone()));
        if concern == Concern::Replicated {
            self.held.remove(&before.name);
            applied.changes.push(SchemaChange::Drop { before });
        }
    }

    fn alter(&mut self, change: SchemaChange, applied: &mut Applied) {
        let SchemaChange::Alter { before, after, .. } = &change else {
            return;
        };
        let concern = self.concern(&after.name);
        if concern == Concern::Other {
            return;
        }
        self.put(Arc::clone(after), concern);
        applied.history.push(HistoryChange::Set(Arc::clone(after)));
        match concern {
            Concern::Replicated if !self.is_held(&after.name) => applied.changes.push(change),
            Concern::Helper => {
                let original = original_of(&before.name.name)
                    .map(|name| TableName::new(before.name.schema.as_str(), name));
                let original = original.and_then(|name| self.tables.get(&name));
                if original.is_some_and(|original| same_columns(original, before)) {
                    self.helper_alters.insert(after.name.clone(), change);
                } else {
                    // a second step: the way from the original is not one statement any more
                    self.helper_alters.remove(&after.name);
                }
            }
            _ => {}
        }
    }

    /// The statement renames replicated tables among names that are replicated; on the way they may
    /// have others.
    fn stays_within(&self, changes: &[SchemaChange]) -> bool {
        let mut origins: BTreeMap<&TableName, &TableName> = BTreeMap::new();
        for change in changes {
            let SchemaChange::Rename { before, after } = change else {
                return false;
            };
            let origin = origins.remove(&before.name).unwrap_or(&before.name);
            origins.insert(&after.name, origin);
        }
        let within = |name: &TableName| self.concern(name) == Concern::Replicated;
        let free = |(now, origin): (&&TableName, &&TableName)| {
            within(now) && within(origin) && !self.is_held(origin)
        };
        !origins.is_empty() && origins.iter().all(free)
    }

    fn rename_all(&mut self, changes: Vec<SchemaChange>, applied: &mut Applied) {
        for change in &changes {
            if let SchemaChange::Rename { before, after } = change {
                self.remove(&before.name);
                self.put(Arc::clone(after), Concern::Replicated);
            }
        }
        for change in &changes {
            if let SchemaChange::Rename { before, after } = change {
                for name in [&before.name, &after.name] {
                    applied.history.push(match self.find(name) {
                        Some(table) => HistoryChange::Set(Arc::clone(table)),
                        None => HistoryChange::Dropped(name.clone()),
                    });
                }
            }
        }
        applied.changes = changes;
    }

    fn rename(
        &mut self,
        before: Arc<TableSchema>,
        after: Arc<TableSchema>,
        cx: &ParseContext<'_>,
        away: &mut Vec<(TableName, Arc<TableSchema>)>,
        applied: &mut Applied,
    ) {
        let from = self.concern(&before.name);
        let helper_alter = self.helper_alters.remove(&before.name);
        if self.remove(&before.name).is_some() {
            applied
                .history
                .push(HistoryChange::Dropped(before.name.clone()));
        }
        let to = match self.concern(&after.name) {
            // the original has just left the name by which this one is a helper
            Concern::Replicated if original_is(&after.name, &before.name) => Concern::Helper,
            concern => concern,
        };
        if to != Concern::Other {
            self.put(Arc::clone(&after), to);
            applied.history.push(HistoryChange::Set(Arc::clone(&after)));
        }
        let taken = away.iter().position(|(_, table)| table.name == after.name);
        match (from, to) {
            (Concern::Replicated, Concern::Replicated) => {
                if self.held.remove(&before.name).is_some() {
                    let reason = format!("it was held as {}", before.name);
                    applied.held.push((after.name.clone(), reason));
                } else if taken.is_some() {
                    let reason = format!("{} took its place", before.name);
                    applied.held.push((after.name.clone(), reason));
                } else {
                    applied.changes.push(SchemaChange::Rename { before, after });
                }
            }
            (Concern::Replicated, _) => away.push((after.name.clone(), before)),
            (_, Concern::Replicated) => match taken {
                Some(taken) => {
                    let (_, original) = away.remove(taken);
                    if !self.is_held(&original.name) {
                        applied
                            .changes
                            .push(adopt(&original, &after, helper_alter, cx));
                    }
                }
                None => {
                    let before = &before.name;
                    let reason = format!("{before} was renamed to it: its rows are not known");
                    applied.held.push((after.name.clone(), reason));
                }
            },
            _ => {}
        }
    }
}

/// Names by which the renames of a statement pass.
#[derive(Debug, Default)]
struct RenamedNames {
    /// Of tables that were there before.
    left: BTreeSet<TableName>,
    /// Of none before; at the end a table may have them or not.
    came: BTreeSet<TableName>,
}

impl RenamedNames {
    fn rename(&mut self, before: &TableName, after: &TableName) {
        if !self.came.contains(before) {
            self.left.insert(before.clone());
        }
        if !self.left.contains(after) {
            self.came.insert(after.clone());
        }
    }
}

/// A held table keeps its name at the target, so no other one can take that: what the same statement
/// renames is held as well.
fn hold_together(applied: &mut Applied) {
    let mut names: Vec<TableName> = Vec::new();
    applied.changes.retain(|change| {
        let SchemaChange::Rename { before, after } = change else {
            return true;
        };
        // a name on the way
        names.retain(|name| *name != before.name);
        names.push(after.name.clone());
        false
    });
    for name in names {
        let reason = "it was renamed together with a table that is held".to_owned();
        applied.held.push((name, reason));
    }
}

/// The helper's name says that it belongs to that table, which has just left its own name.
fn original_is(helper: &TableName, original: &TableName) -> bool {
    helper.schema == original.schema && original_of(&helper.name) == Some(original.name.as_str())
}

fn same_columns(a: &TableSchema, b: &TableSchema) -> bool {
    a.columns == b.columns && a.primary_key == b.primary_key
}

/// The change by which the original gets the structure of the helper that took its place: what the
/// helper was altered by, where that is known, else what the columns' names say.
fn adopt(
    original: &Arc<TableSchema>,
    now: &Arc<TableSchema>,
    helper_alter: Option<SchemaChange>,
    cx: &ParseContext<'_>,
) -> SchemaChange {
    if let Some(SchemaChange::Alter {
        before,
        after,
        columns,
        session,
    }) = helper_alter
        && same_columns(&before, original)
        && same_columns(&after, now)
    {
        return SchemaChange::Alter {
            before: Arc::clone(original),
            after: Arc::clone(now),
            columns,
            session,
        };
    }
    chameleon_ddl::adopt(original, now, cx)
}

#[cfg(test)]
#[path = "schemas_tests.rs"]
mod tests;
