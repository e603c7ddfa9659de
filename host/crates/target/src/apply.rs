//! Applies a batch to the target's tables, inside the caller's transaction.
//!
//! Table by table, each under a savepoint: the batch is collapsed to its net effect and written as
//! one DELETE, one UPDATE and one INSERT whose row counts must be what the source changed. A table
//! that refuses is tried again change by change in source order; if it refuses still, it is rolled
//! back to its savepoint and reported, and the other tables' changes stand. A violated foreign key
//! makes the whole batch run again in source order over all tables, because only that order is
//! known to satisfy it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chameleon_model::name::target_name;
use chameleon_model::{CellForm, ChangeBuffer, MappingRules, Op, TableName, TableSchema};
use chameleon_postgres::{Class, Client, sqlstate::Constraint};

use crate::collapse::Collapsed;
use crate::error::TargetError;
use crate::sequential;
use crate::sets;
use crate::table::ApplyTable;

/// What a table's changes are allowed to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Every statement touches exactly the rows that the source changed.
    Exact,
    /// Rows may be there already or be gone: the window of a snapshot, batches of a predecessor, or
    /// `on_drift: apply`. The last image of each row wins.
    Idempotent,
}

/// Decides how a table's changes are applied. Tables are named as the target names them.
pub trait ApplyPolicy: Sync {
    /// How strict the changes of this table are; `None`: they are left out.
    fn strictness(&self, table: &str) -> Option<Strictness>;

    /// A difference found in `Exact` is counted and applied instead of holding the table.
    fn applies_drift(&self) -> bool;
}

/// The policy without some tables: those that are done, or have failed earlier in the batch.
pub(crate) struct Without<'a> {
    pub(crate) policy: &'a dyn ApplyPolicy,
    pub(crate) tables: HashSet<&'a str>,
}

impl ApplyPolicy for Without<'_> {
    fn strictness(&self, table: &str) -> Option<Strictness> {
        if self.tables.contains(table) {
            return None;
        }
        self.policy.strictness(table)
    }

    fn applies_drift(&self) -> bool {
        self.policy.applies_drift()
    }
}

/// One table whose changes could not be applied.
#[derive(Debug)]
pub struct TableFailure {
    /// Name at the target, without schema.
    pub table: String,
    /// Why; [`TargetError::is_of_one_table`] is true of it.
    pub error: TargetError,
    /// Changes of this batch that were left out.
    pub changes: u64,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Applied {
    /// Changes applied.
    pub changes: u64,
    /// Changes left out: held tables and those that failed now.
    pub skipped: u64,
    /// Tables to hold from here on.
    pub failures: Vec<TableFailure>,
    /// Rows by which tables under [`Strictness::Exact`] differed where drift is applied.
    pub drift: Vec<(String, u64)>,
}

/// Writes changes to the target's tables. Keeps plans and prepared statements per table version, so
/// it lives as long as its client.
#[derive(Debug)]
pub struct Applier {
    schema: String,
    rules: MappingRules,
    /// Versions by table: one, or as many as source tables that feed it.
    tables: HashMap<TableName, Vec<CachedTable>>,
}

#[derive(Debug)]
struct CachedTable {
    version: Arc<TableSchema>,
    form: CellForm,
    table: ApplyTable,
}

/// Changes of one table, as indexes into the buffer.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) version: Arc<TableSchema>,
    pub(crate) changes: Vec<u32>,
}

impl Applier {
    /// For tables of that schema at the target.
    pub fn new(schema: impl Into<String>, rules: MappingRules) -> Self {
        Self {
            schema: schema.into(),
            rules,
            tables: HashMap::new(),
        }
    }

    /// The schema that it writes to, and by which rules.
    pub(crate) fn target(&self) -> (&str, &MappingRules) {
        (&self.schema, &self.rules)
    }

    /// Session settings that applying needs. To be called once per connection.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn prepare_session(client: &Client) -> Result<(), TargetError> {
        client
            .batch_execute("set plan_cache_mode = force_generic_plan")
            .await
            .map_err(|error| apply_error("session", &error))
    }

    /// Forgets what is known of the target's tables: after DDL.
    pub fn forget_tables(&mut self) {
        self.tables.clear();
    }

    /// Applies a batch. The caller has opened a transaction and commits it together with the
    /// batch's position or flag; after an error the transaction has to be rolled back.
    ///
    /// # Errors
    /// What concerns the whole batch: the connection, a lock, the disk. What concerns one table
    /// comes back as a [`TableFailure`].
    pub async fn apply(
        &mut self,
        client: &Client,
        buffer: &ChangeBuffer,
        policy: &dyn ApplyPolicy,
    ) -> Result<Applied, TargetError> {
        self.apply_groups(client, buffer, &group(buffer), policy)
            .await
    }

    /// Applies the batch, whose changes of each table are `groups`.
    pub(crate) async fn apply_groups(
        &mut self,
        client: &Client,
        buffer: &ChangeBuffer,
        groups: &[Group],
        policy: &dyn ApplyPolicy,
    ) -> Result<Applied, TargetError> {
        let mut applied = Applied::default();
        let mut failed: HashSet<String> = HashSet::new();
        execute(client, "savepoint batch").await?;
        let mut in_order = false;
        for group in groups {
            let Some(strictness) = policy.strictness(&group.name) else {
                applied.skipped += group.changes.len() as u64;
                continue;
            };
            execute(client, "savepoint one_table").await?;
            match self
                .apply_group(client, buffer, group, strictness, policy, &mut applied)
                .await
            {
                Ok(()) => {
                    applied.changes += group.changes.len() as u64;
                    execute(client, "release savepoint one_table").await?;
                }
                Err(error) if is_foreign_key(&error) => {
                    in_order = true;
                    break;
                }
                // its rows come from several source tables, and one may have moved between them
                Err(error) if error.is_of_one_table() && is_shared(groups, &group.name) => {
                    in_order = true;
                    break;
                }
                Err(error) if error.is_of_one_table() => {
                    execute(client, "rollback to savepoint one_table").await?;
                    fail(&mut applied, &mut failed, group, error);
                }
                Err(error) => return Err(error),
            }
        }
        if in_order {
            execute(client, "rollback to savepoint batch").await?;
            applied = self
                .apply_in_source_order(client, buffer, groups, policy)
                .await?;
        }
        execute(client, "release savepoint batch").await?;
        Ok(applied)
    }

    async fn apply_group(
        &mut self,
        client: &Client,
        buffer: &ChangeBuffer,
        group: &Group,
        strictness: Strictness,
        policy: &dyn ApplyPolicy,
        applied: &mut Applied,
    ) -> Result<(), TargetError> {
        let table = self.table(client, &group.version, buffer.form).await?;
        let first = by_sets(client, table, buffer, group, strictness).await;
        let error = match first {
            Ok(true) => return Ok(()),
            Ok(false) => None,
            Err(error) if error.is_of_one_table() && !is_foreign_key(&error) => Some(error),
            Err(error) => return Err(error),
        };
        if let Some(error) = error {
            tracing::debug!(table = %group.version.name, error = %error, "set refused");
            execute(client, "rollback to savepoint one_table").await?;
            if matches!(error, TargetError::Drift { .. }) {
                if !policy.applies_drift() {
                    return Err(error);
                }
                let rows = match error {
                    TargetError::Drift {
                        expected, actual, ..
                    } => expected.abs_diff(actual),
                    _ => 0,
                };
                applied.drift.push((group.name.clone(), rows));
                if by_sets(client, table, buffer, group, Strictness::Idempotent).await? {
                    return Ok(());
                }
                execute(client, "rollback to savepoint one_table").await?;
            }
        }
        let strictness = if policy.applies_drift() {
            Strictness::Idempotent
        } else {
            strictness
        };
        sequential::apply(client, table, buffer, &group.changes, strictness).await
    }

    /// The whole batch, change by change. A table that fails is left out and the rest starts again.
    async fn apply_in_source_order(
        &mut self,
        client: &Client,
        buffer: &ChangeBuffer,
        groups: &[Group],
        policy: &dyn ApplyPolicy,
    ) -> Result<Applied, TargetError> {
        let mut applied = Applied::default();
        let mut failed: HashSet<String> = HashSet::new();
        'again: loop {
            applied.changes = 0;
            for run in runs(buffer) {
                let version = buffer.table(&buffer.changes()[run[0] as usize]);
                let name = &applied_name(buffer.form, version);
                let Some(strictness) = policy.strictness(name).filter(|_| !failed.contains(name))
                else {
                    continue;
                };
                let table = self.table(client, version, buffer.form).await?;
                match sequential::apply(client, table, buffer, &run, strictness).await {
                    Ok(()) => applied.changes += run.len() as u64,
                    Err(error) if error.is_of_one_table() => {
                        execute(client, "rollback to savepoint batch").await?;
                        if let Some(group) = groups.iter().find(|g| g.name == *name) {
                            fail(&mut applied, &mut failed, group, error);
                        }
                        continue 'again;
                    }
                    Err(error) => return Err(error),
                }
            }
            let all: u64 = groups.iter().map(|g| g.changes.len() as u64).sum();
            applied.skipped = all - applied.changes;
            return Ok(applied);
        }
    }

    /// Plan of the table version, made at its first use.
    pub(crate) async fn table(
        &mut self,
        client: &Client,
        version: &Arc<TableSchema>,
        form: CellForm,
    ) -> Result<&mut ApplyTable, TargetError> {
        let cached = self.tables.entry(version.name.clone()).or_default();
        let is_this = |c: &CachedTable| c.form == form && Arc::ptr_eq(&c.version, version);
        let at = match cached.iter().position(is_this) {
            Some(at) => at,
            None => {
                let (schema, rules) = (&self.schema, &self.rules);
                let table = ApplyTable::load(client, version, schema, rules, form).await?;
                // versions that nobody else knows any more have been replaced by DDL
                cached.retain(|c| Arc::strong_count(&c.version) > 1);
                cached.push(CachedTable {
                    version: Arc::clone(version),
                    form,
                    table,
                });
                cached.len() - 1
            }
        };
        Ok(&mut cached[at].table)
    }
}

/// Applies the net effect. False: it cannot be told as sets.
async fn by_sets(
    client: &Client,
    table: &mut ApplyTable,
    buffer: &ChangeBuffer,
    group: &Group,
    strictness: Strictness,
) -> Result<bool, TargetError> {
    match table.net_effect(buffer, &group.changes) {
        None | Some(Collapsed::Sequential) => Ok(false),
        Some(Collapsed::Sets(found)) => {
            sets::apply(client, table, buffer, &found, strictness).await?;
            Ok(true)
        }
    }
}

fn fail(applied: &mut Applied, failed: &mut HashSet<String>, group: &Group, error: TargetError) {
    let changes = group.changes.len() as u64;
    applied.skipped += changes;
    failed.insert(group.name.clone());
    applied.failures.push(TableFailure {
        table: group.name.clone(),
        error,
        changes,
    });
}

/// Versions of several source tables go to the target of that name.
pub(crate) fn is_shared(groups: &[Group], name: &str) -> bool {
    groups.iter().filter(|g| g.name == name).count() > 1
}

/// Changes by table, tables in the order of their first change.
pub(crate) fn group(buffer: &ChangeBuffer) -> Vec<Group> {
    let mut groups: Vec<Group> = buffer
        .tables()
        .iter()
        .map(|version| Group {
            name: applied_name(buffer.form, version),
            version: Arc::clone(version),
            changes: Vec::new(),
        })
        .collect();
    for (at, change) in (0u32..).zip(buffer.changes()) {
        groups[change.table as usize].changes.push(at);
    }
    groups.retain(|g| !g.changes.is_empty());
    groups.sort_by_key(|g| g.changes[0]);
    groups
}

/// Name of the table at the target. Rows read back from the relay name it already.
pub(crate) fn applied_name(form: CellForm, version: &TableSchema) -> String {
    match form {
        CellForm::Source => target_name(&version.name.name),
        CellForm::PgText => version.name.name.clone(),
    }
}

/// Consecutive changes of one table and one operation.
fn runs(buffer: &ChangeBuffer) -> Vec<Vec<u32>> {
    let mut runs: Vec<Vec<u32>> = Vec::new();
    let mut last: Option<(u32, Op)> = None;
    for (at, change) in (0u32..).zip(buffer.changes()) {
        match runs.last_mut() {
            Some(run) if last == Some((change.table, change.op)) => run.push(at),
            _ => runs.push(vec![at]),
        }
        last = Some((change.table, change.op));
    }
    runs
}

fn is_foreign_key(error: &TargetError) -> bool {
    error.class() == Class::Constraint(Constraint::ForeignKey)
}

/// Runs a statement of transaction control.
pub(crate) async fn execute(client: &Client, sql: &str) -> Result<(), TargetError> {
    client
        .batch_execute(sql)
        .await
        .map_err(|error| apply_error(sql, &error))
}

fn apply_error(table: &str, error: &tokio_postgres::Error) -> TargetError {
    TargetError::Apply {
        table: table.to_owned(),
        source: error.into(),
    }
}
