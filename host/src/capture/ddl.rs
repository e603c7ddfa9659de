//! DDL of the source in the stream: the end of a batch, with the schema history.

use std::sync::Arc;

use chameleon_catalog::history::{self, Version};
use chameleon_catalog::{held, table_rules, tables};
use chameleon_ddl::{SchemaChange, render};
use chameleon_diag::Diagnostic;
use chameleon_model::ChangeBuffer;
use chameleon_model::name::target_name;
use chameleon_mysql::binlog::{DdlStep, HistoryChange};
use chameleon_target::DdlEntry;

use super::{Capture, Ended};
use crate::error::HostError;
use crate::shape::{self, Refused};
use crate::snapshot::register_target;

impl Capture<'_> {
    /// Renders a DDL statement and writes it as the end of a batch, with the schema history.
    ///
    /// `Some`: the stream has to be opened again. The replay knows only holds, no releases: where a
    /// held table is dropped, or leaves its name, what comes now is replayed by a new one.
    pub(super) async fn ddl(&mut self, ddl: DdlStep) -> Result<Option<Ended>, HostError> {
        let at = self.binlog.position().clone();
        let releases = self.releases(&ddl);
        if releases && let Some(queue) = &mut self.queue {
            queue.drain(true).await?;
        }
        self.state.last_event_micros = Some(ddl.commit_micros);
        self.sink.begin().await?;
        let mut entries = Vec::new();
        for change in &ddl.changes {
            let before = self.shaper.target_names(change.table());
            match self.follow(change) {
                Ok(more) => entries.extend(more),
                Err(refused) => {
                    let table = change.after().map_or(change.table(), |after| &after.name);
                    let table = table.clone();
                    self.hold_now(&table, refused.code, &refused.reason, Some(&ddl.sql))
                        .await?;
                }
            }
            self.register(change, before).await?;
        }
        self.release_gone(&ddl.history).await?;
        let policy = self
            .policy
            .for_batch(&self.state.batch_start, Some(&at.binlog));
        let written = self
            .sink
            .write(&ChangeBuffer::default(), &entries, &policy)
            .await?;
        self.hold_failures(written.failures, &at.binlog).await?;
        // rows of the same transaction follow, and only its end is a place to go on from; where a hold
        // ends, the stream is opened anew, which asks for a place here
        let inside = ddl.in_transaction && !releases;
        let mut closed = None;
        if !inside {
            self.count_missed(&at).await?;
            closed = self.sink.close(&at, self.state.last_event_micros).await?;
        }
        let versions: Vec<Version<'_>> = ddl
            .history
            .iter()
            .map(|change| match change {
                HistoryChange::Set(table) => Version::Table(table),
                HistoryChange::Dropped(name) => Version::Dropped(name),
            })
            .collect();
        history::save(
            self.sink.client(),
            self.row.id,
            self.sink.batch(),
            &versions,
        )
        .await?;
        tracing::info!(source = %self.row.name, position = %at.binlog, changes = entries.len(), "ddl");
        if inside {
            self.state.buffer.clear();
            self.state.complete = 0;
            self.state.meta.transactions.clear();
            self.state.in_parts = true;
            return Ok(None);
        }
        self.commit(&at, closed, policy, entries).await?;
        let isolate = self.isolate;
        Ok((releases && self.queue.is_some()).then_some(Ended::Restart { isolate }))
    }

    /// The statement may end holds.
    fn releases(&self, ddl: &DdlStep) -> bool {
        let gone = ddl.history.iter().any(|change| match change {
            HistoryChange::Dropped(name) => self.held.contains(name),
            HistoryChange::Set(_) => false,
        });
        let drops = |change: &SchemaChange| matches!(change, SchemaChange::Drop { .. });
        let dropped = |change: &SchemaChange| drops(change) && self.held.contains(change.table());
        gone || ddl.changes.iter().any(dropped)
    }

    /// Ends the holds of names that no table has any more: a held table that was renamed is held
    /// under its new name.
    async fn release_gone(&mut self, history: &[HistoryChange]) -> Result<(), HostError> {
        for change in history {
            let HistoryChange::Dropped(name) = change else {
                continue;
            };
            if self.binlog.is_held(name) || !self.held.remove(name) {
                continue;
            }
            held::release(self.sink.client(), self.row.id, name).await?;
            let starved = self.shaper.starved(&self.held);
            for target in self.shaper.target_names(name) {
                if !starved.contains(&target) {
                    Arc::make_mut(&mut self.policy).release(&target);
                }
            }
        }
        Ok(())
    }

    /// What the target has to do for a change of a source table; nothing where it is held.
    fn follow(&mut self, change: &SchemaChange) -> Result<Vec<DdlEntry>, Refused> {
        let fresh = matches!(
            change,
            SchemaChange::Create { .. } | SchemaChange::Drop { .. }
        );
        let held = self.held.contains(change.table()) && !fresh;
        let mut entries = Vec::new();
        for change in self.shaper.change(change)? {
            let table = target_name(&change.table().name);
            if !held {
                let statements =
                    render::change(&change, &self.mapping).map_err(|error| Refused {
                        code: error.code(),
                        reason: error.to_string(),
                    })?;
                if !statements.is_empty() {
                    entries.push(DdlEntry { table, statements });
                }
            }
            if let Some(after) = change.after() {
                self.mapping.learn([&**after]);
            }
        }
        Ok(entries)
    }

    /// Keeps `t_replica_tables`, the tables' rules and the holds in step with a change. `before`:
    /// targets that the table had.
    async fn register(
        &mut self,
        change: &SchemaChange,
        before: Vec<String>,
    ) -> Result<(), HostError> {
        let (client, id) = (self.sink.client(), self.row.id);
        let schema = &self.row.dest_schema;
        for name in before {
            if self.shaper.feeds().feeders(&name).is_empty() {
                tables::unregister(client, id, schema, &name).await?;
                Arc::make_mut(&mut self.policy).release(&name);
            }
        }
        if let SchemaChange::Drop { before } = change
            && self.held.remove(&before.name)
        {
            self.binlog.forget_hold(&before.name);
            held::release(client, id, &before.name).await?;
        }
        let Some(after) = change.after() else {
            return Ok(());
        };
        for target in self.shaper.targets(&after.name) {
            register_target(client, &self.row, target).await?;
        }
        if !self.held.contains(&after.name)
            && let Ok(rules) = shape::fingerprint(self.cx, after)
        {
            table_rules::save(client, id, &[(&after.name, &rules.text)]).await?;
        }
        Ok(())
    }
}
