//! One batch through several sessions at once: `apply_workers`.
//!
//! What a large batch changes in a table is split by ranges of its key, and each session writes a
//! range in a transaction of its own. That cannot commit at one moment, so the sessions commit one
//! after the other, the one that stores the position last, and before the first of them commits it
//! notes in the catalog that the changes of these tables up to the end of the batch may be there
//! already ([`chameleon_catalog::windows`], as after a copy). The last commit takes the note back. A
//! crash in between leaves the note and the old position: the batch is read again up to the same
//! place, and applied to rows that may be there already. Nothing is lost or done twice; but for the
//! moment between the commits, or until the restart, others see a part of a source transaction.
//!
//! Only rows that do not touch each other are split: of tables with a primary key and without other
//! unique indexes, exclusion constraints, triggers (foreign keys are such) and rules. Whatever a
//! range meets, the batch is then taken back and applied by one session, which knows what to do.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chameleon_catalog::windows::{self, Window};
use chameleon_catalog::{BatchId, SourceId};
use chameleon_model::{CellForm, ChangeBuffer, MappingRules, SourcePosition, TableName};
use chameleon_postgres::Client;
use futures_util::future::{join, join_all};

use crate::apply::{
    Applied, Applier, ApplyPolicy, Group, Strictness, Without, execute, group, is_shared,
};
use crate::collapse::{Collapsed, Sets};
use crate::error::TargetError;
use crate::sets;

/// Changes of one table from which it is split.
const SPLIT_ROWS: usize = 1_000;
/// Settings of a session that helps. A wait between two ranges is a fault: then the batch is applied
/// by one session. And it waits, idle in its transaction, while that session does the rest.
const SETTINGS: &str = "set lock_timeout = '10s'; set idle_in_transaction_session_timeout = 0";
/// The same bound on waits for the session that stores the position, while it writes its range.
const BEFORE_RANGE: &str = "savepoint one_range; set local lock_timeout = '10s'";
const AFTER_RANGE: &str = "release savepoint one_range; set local lock_timeout to default";

/// Sessions beside the one that stores the position.
#[derive(Debug)]
pub(crate) struct Helpers {
    sessions: Vec<Helper>,
    /// Whether a table's rows touch each other, by its name at the target.
    independent: BTreeMap<String, bool>,
    /// Tables, by their names at the source, that the open transactions wrote to.
    written: BTreeSet<TableName>,
    /// Where the batch that they belong to ends.
    end: Option<SourcePosition>,
}

#[derive(Debug)]
struct Helper {
    client: Client,
    applier: Applier,
}

/// A table's net effect, cut into ranges: one for each session.
struct Split<'a> {
    group: &'a Group,
    ranges: Vec<Sets>,
}

impl Helpers {
    /// Takes over sessions.
    ///
    /// # Errors
    /// A connection is lost.
    pub(crate) async fn new(
        clients: Vec<Client>,
        schema: &str,
        rules: &MappingRules,
    ) -> Result<Self, TargetError> {
        let mut sessions = Vec::with_capacity(clients.len());
        for client in clients {
            Applier::prepare_session(&client).await?;
            execute(&client, SETTINGS).await?;
            sessions.push(Helper {
                applier: Applier::new(schema, rules.clone()),
                client,
            });
        }
        Ok(Self {
            sessions,
            independent: BTreeMap::new(),
            written: BTreeSet::new(),
            end: None,
        })
    }

    /// Forgets what is known of the target's tables: after DDL.
    pub(crate) fn forget_tables(&mut self) {
        self.independent.clear();
        for session in &mut self.sessions {
            session.applier.forget_tables();
        }
    }

    /// Applies a batch which is all that the caller's open transaction writes, through that session
    /// and sessions of its own; the batch ends at `end`. [`Helpers::commit`] comes before the caller's commit.
    ///
    /// # Errors
    /// What concerns the whole batch.
    pub(crate) async fn apply(
        &mut self,
        client: &Client,
        applier: &mut Applier,
        buffer: &ChangeBuffer,
        end: &SourcePosition,
        policy: &dyn ApplyPolicy,
    ) -> Result<Applied, TargetError> {
        let groups = group(buffer);
        let splits = self.split(client, applier, buffer, &groups, policy).await?;
        if splits.is_empty() || !self.apply_ranges(client, applier, buffer, &splits).await? {
            return applier.apply_groups(client, buffer, &groups, policy).await;
        }
        self.end = Some(end.clone());
        let mut done = HashSet::new();
        let mut changes = 0;
        for split in &splits {
            changes += split.group.changes.len() as u64;
            done.insert(split.group.name.as_str());
            self.written.insert(split.group.version.name.clone());
        }
        let is_left = |group: &&Group| !done.contains(group.name.as_str());
        let left: Vec<Group> = groups.iter().filter(is_left).cloned().collect();
        let mut applied = Applied::default();
        if !left.is_empty() {
            let without = Without {
                policy,
                tables: done,
            };
            applied = applier
                .apply_groups(client, buffer, &left, &without)
                .await?;
        }
        applied.changes += changes;
        Ok(applied)
    }

    /// Writes the ranges, all at once. False: one of them was refused, and none is written.
    async fn apply_ranges(
        &mut self,
        client: &Client,
        applier: &mut Applier,
        buffer: &ChangeBuffer,
        splits: &[Split<'_>],
    ) -> Result<bool, TargetError> {
        execute(client, BEFORE_RANGE).await?;
        let own = write_range(client, applier, buffer, splits, 0);
        let sessions = self.sessions.iter_mut().zip(1..);
        let others = join_all(sessions.map(async |(helper, range)| {
            execute(&helper.client, "begin").await?;
            let Helper { client, applier } = helper;
            write_range(client, applier, buffer, splits, range).await
        }));
        let (own, others) = join(own, others).await;
        let failed = std::iter::once(own).chain(others).find_map(Result::err);
        let Some(error) = failed else {
            execute(client, AFTER_RANGE).await?;
            return Ok(true);
        };
        tracing::debug!(error = %error, "ranges refused");
        for split in splits {
            // whatever it was, it may come again
            self.independent.insert(split.group.name.clone(), false);
        }
        self.rollback().await?;
        execute(client, "rollback to savepoint one_range").await?;
        Ok(false)
    }

    /// Commits the ranges, with the note that they may be there already. The caller takes the note
    /// back in his own transaction, with [`Helpers::take_note_back`], and commits that.
    ///
    /// # Errors
    /// A connection is lost: what is committed by then is noted.
    pub(crate) async fn commit(
        &mut self,
        source: SourceId,
        batch: BatchId,
    ) -> Result<(), TargetError> {
        if self.written.is_empty() {
            return Ok(());
        }
        if let Some(first) = self.sessions.first() {
            for table in &self.written {
                let window = Window {
                    table: table.clone(),
                    batch,
                    skip_until: None,
                    idempotent_until: self.end.clone(),
                };
                windows::set(&first.client, source, &window).await?;
            }
        }
        for session in &self.sessions {
            execute(&session.client, "commit").await?;
        }
        Ok(())
    }

    /// Removes the note, in the transaction that stores the position.
    ///
    /// # Errors
    /// The connection is lost.
    pub(crate) async fn take_note_back(
        &mut self,
        client: &Client,
        source: SourceId,
    ) -> Result<(), TargetError> {
        for table in std::mem::take(&mut self.written) {
            windows::clear(client, source, &table).await?;
        }
        Ok(())
    }

    /// Takes back what is not committed.
    ///
    /// # Errors
    /// A connection is lost.
    pub(crate) async fn rollback(&mut self) -> Result<(), TargetError> {
        self.written.clear();
        for session in &mut self.sessions {
            session.applier.forget_tables();
            execute(&session.client, "rollback").await?;
        }
        Ok(())
    }

    /// Cuts the batch's large tables into ranges.
    async fn split<'a>(
        &mut self,
        client: &Client,
        applier: &mut Applier,
        buffer: &ChangeBuffer,
        groups: &'a [Group],
        policy: &dyn ApplyPolicy,
    ) -> Result<Vec<Split<'a>>, TargetError> {
        let mut splits = Vec::new();
        if buffer.form != CellForm::Source {
            return Ok(splits);
        }
        for group in groups {
            let exact = policy.strictness(&group.name) == Some(Strictness::Exact);
            if !exact || group.changes.len() < SPLIT_ROWS || is_shared(groups, &group.name) {
                continue;
            }
            // a table that cannot be written to is held by the session that applies it alone
            let Ok(table) = applier.table(client, &group.version, buffer.form).await else {
                continue;
            };
            let (schema, name) = (table.schema.clone(), table.name.clone());
            let independent = match self.independent.get(&name) {
                Some(known) => *known,
                None => is_independent(client, &schema, &name).await?,
            };
            self.independent.insert(name, independent);
            if !independent {
                continue;
            }
            if let Some(Collapsed::Sets(found)) = table.net_effect(buffer, &group.changes)
                && found.contradictions == 0
            {
                let ranges = found.into_ranges(self.sessions.len() + 1);
                splits.push(Split { group, ranges });
            }
        }
        Ok(splits)
    }
}

/// Writes a range of each table.
async fn write_range(
    client: &Client,
    applier: &mut Applier,
    buffer: &ChangeBuffer,
    splits: &[Split<'_>],
    range: usize,
) -> Result<(), TargetError> {
    for split in splits {
        let version = &split.group.version;
        let table = applier.table(client, version, buffer.form).await?;
        if let Some(sets) = split.ranges.get(range) {
            sets::apply(client, table, buffer, sets, Strictness::Exact).await?;
        }
    }
    Ok(())
}

/// Rows of the table touch no other row: neither of this table nor of another.
async fn is_independent(client: &Client, schema: &str, table: &str) -> Result<bool, TargetError> {
    let sql = "select c.relkind = 'r' and not c.relhasrules and not c.relispartition \
                      and not exists (select from pg_trigger t where t.tgrelid = c.oid) \
                      and not exists (select from pg_inherits i \
                                       where c.oid in (i.inhrelid, i.inhparent)) \
                      and not exists (select from pg_index i where i.indrelid = c.oid \
                                         and (i.indisunique or i.indisexclusion) \
                                         and not i.indisprimary) \
                      and exists (select from pg_index i \
                                   where i.indrelid = c.oid and i.indisprimary) \
                 from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                where n.nspname = $1 and c.relname = $2";
    let found = client.query_opt(sql, &[&schema, &table]).await;
    let row = found.map_err(|error| TargetError::Apply {
        table: format!("{schema}.{table}"),
        source: (&error).into(),
    })?;
    Ok(row.is_some_and(|row| row.try_get(0).unwrap_or(false)))
}
