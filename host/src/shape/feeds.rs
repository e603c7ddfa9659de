//! Which source tables feed which target tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chameleon_diag::codes;
use chameleon_model::{TableName, TableSchema};

use super::{Refused, Target};

/// Shared by the capture, which changes it with DDL, and the replay, which asks whose rows a target
/// table holds. Clones share one state.
#[derive(Clone, Debug)]
pub(crate) struct Feeds {
    database: Arc<str>,
    feeds: Arc<Mutex<BTreeMap<String, Feed>>>,
}

#[derive(Clone, Debug)]
struct Feed {
    target: Target,
    feeders: BTreeSet<TableName>,
}

impl Feeds {
    /// For tables of that database of the source; nothing is fed yet.
    pub(super) fn new(database: &str) -> Self {
        Self {
            database: database.into(),
            feeds: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Feed>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rows of `feeder` go to the target from now on.
    pub(super) fn add(&self, target: &Target, feeder: &TableName) {
        let mut feeds = self.lock();
        let feed = feeds.entry(target.name()).or_insert_with(|| Feed {
            target: target.clone(),
            feeders: BTreeSet::new(),
        });
        feed.target = target.clone();
        feed.feeders.insert(feeder.clone());
    }

    /// No rows of `feeder` go anywhere from now on.
    pub(super) fn remove(&self, feeder: &TableName) {
        self.lock().retain(|_, feed| {
            feed.feeders.remove(feeder);
            !feed.feeders.is_empty()
        });
    }

    /// Whether rows of one more table can go to that target.
    pub(super) fn check(&self, target: &Target) -> Result<(), Refused> {
        let feeds = self.lock();
        let Some(feed) = feeds.get(&target.name()) else {
            return Ok(());
        };
        if same_shape(&feed.target.table, &target.table) {
            return Ok(());
        }
        let others: Vec<String> = feed.feeders.iter().map(ToString::to_string).collect();
        Err(Refused::new(
            codes::TRF014,
            format!(
                "its rows would go to {}, which has another shape for the rows of {}",
                target.name(),
                others.join(", ")
            ),
        ))
    }

    /// The target of that name as it is fed at present.
    pub(super) fn target(&self, name: &str) -> Option<Target> {
        self.lock().get(name).map(|feed| feed.target.clone())
    }

    /// Source tables whose rows the target of that name holds.
    pub(crate) fn feeders(&self, target: &str) -> BTreeSet<TableName> {
        let feeds = self.lock();
        feeds
            .get(target)
            .map(|feed| feed.feeders.clone())
            .unwrap_or_default()
    }

    /// Source tables to hold where a target table fails: its feeders, or the table of its name where
    /// nothing feeds it any more.
    pub(crate) fn to_hold(&self, target: &str) -> BTreeSet<TableName> {
        let feeders = self.feeders(target);
        if feeders.is_empty() {
            return BTreeSet::from([TableName::new(&*self.database, target)]);
        }
        feeders
    }

    /// Every target once.
    pub(super) fn tables(&self) -> Vec<Arc<TableSchema>> {
        let feeds = self.lock();
        feeds
            .values()
            .map(|f| Arc::clone(&f.target.table))
            .collect()
    }
}

/// Rows of both can stand in one table.
pub(super) fn same_shape(one: &TableSchema, other: &TableSchema) -> bool {
    one.primary_key == other.primary_key
        && one.columns.len() == other.columns.len()
        && one.columns.iter().zip(&other.columns).all(|(a, b)| {
            a.name == b.name
                && a.nullable == b.nullable
                && a.target == b.target
                && (a.target.is_some() || a.ty == b.ty)
        })
}
