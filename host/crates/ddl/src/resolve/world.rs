//! Tables as they are in the midst of a statement: the versions before it, and what it has done so
//! far.

use std::collections::BTreeMap;
use std::sync::Arc;

use chameleon_model::{TableName, TableSchema};

use super::SchemaLookup;
use super::draft::same_name;
use crate::change::{ColumnChange, SchemaChange, SessionFacts};
use crate::context::ParseContext;

/// The tables and the changes made to them.
pub(super) struct World<'a> {
    tables: &'a dyn SchemaLookup,
    changed: BTreeMap<TableName, Option<Arc<TableSchema>>>,
    changes: Vec<SchemaChange>,
    session: SessionFacts,
}

/// What conversions depend on.
pub(super) fn session_facts(cx: &ParseContext<'_>) -> SessionFacts {
    SessionFacts {
        dialect: cx.dialect,
        time_zone: cx.time_zone.map(str::to_owned),
        statement_micros: cx.statement_micros,
    }
}

impl<'a> World<'a> {
    pub(super) fn new(tables: &'a dyn SchemaLookup, cx: &ParseContext<'_>) -> Self {
        Self {
            tables,
            changed: BTreeMap::new(),
            changes: Vec::new(),
            session: session_facts(cx),
        }
    }

    /// What was done, in order.
    pub(super) fn into_changes(self) -> Vec<SchemaChange> {
        self.changes
    }

    /// A table as it now is.
    pub(super) fn table(&self, name: &TableName) -> Option<Arc<TableSchema>> {
        match self.changed.get(name) {
            Some(changed) => changed.clone(),
            None => self.tables.table(name).cloned(),
        }
    }

    /// All tables as they now are, sorted by name.
    pub(super) fn all(&self) -> Vec<Arc<TableSchema>> {
        let mut all: BTreeMap<TableName, Arc<TableSchema>> = self
            .tables
            .tables()
            .map(|t| (t.name.clone(), Arc::clone(t)))
            .collect();
        for (name, changed) in &self.changed {
            match changed {
                Some(table) => all.insert(name.clone(), Arc::clone(table)),
                None => all.remove(name),
            };
        }
        all.into_values().collect()
    }

    /// Makes a table; one of that name is dropped before where `replace` is set.
    pub(super) fn create(&mut self, table: TableSchema, replace: bool) {
        if replace {
            self.drop(&table.name);
        }
        let after = Arc::new(table);
        self.changed
            .insert(after.name.clone(), Some(Arc::clone(&after)));
        self.changes.push(SchemaChange::Create { after });
    }

    /// Drops a table that is known; nothing happens to another.
    pub(super) fn drop(&mut self, name: &TableName) {
        if let Some(before) = self.table(name) {
            self.changed.insert(name.clone(), None);
            self.changes.push(SchemaChange::Drop { before });
        }
    }

    /// Empties a table.
    pub(super) fn truncate(&mut self, table: TableName) {
        self.changes.push(SchemaChange::Truncate { table });
    }

    /// A table that must be held.
    pub(super) fn unsupported(&mut self, table: TableName, reason: impl Into<String>) {
        self.changes.push(SchemaChange::Unsupported {
            table,
            reason: reason.into(),
        });
    }

    /// Puts a new version in force, where it differs.
    pub(super) fn alter(
        &mut self,
        before: &Arc<TableSchema>,
        after: TableSchema,
        columns: Vec<ColumnChange>,
    ) {
        let moved = columns
            .iter()
            .any(|c| !matches!(c, ColumnChange::Kept { before, after } if before == after));
        if **before == after && !moved {
            return;
        }
        let after = Arc::new(after);
        self.changed
            .insert(after.name.clone(), Some(Arc::clone(&after)));
        self.changes.push(SchemaChange::Alter {
            before: Arc::clone(before),
            after,
            columns,
            session: self.session.clone(),
        });
    }

    /// Renames a table; foreign keys of other tables follow.
    pub(super) fn rename(&mut self, before: &Arc<TableSchema>, after: TableSchema) {
        let (from, to) = (before.name.clone(), after.name.clone());
        let after = Arc::new(after);
        self.changed.insert(from.clone(), None);
        self.changed.insert(to.clone(), Some(Arc::clone(&after)));
        self.changes.push(SchemaChange::Rename {
            before: Arc::clone(before),
            after,
        });
        self.follow(&from, &to, &[]);
    }

    /// Foreign keys of other tables that reference `from` get its new name and its columns' new names.
    pub(super) fn follow(
        &mut self,
        from: &TableName,
        to: &TableName,
        columns: &[(String, String)],
    ) {
        for before in self.all() {
            let own = before.name == *from;
            if own || !before.foreign_keys.iter().any(|k| k.referenced == *from) {
                continue;
            }
            let mut after = TableSchema::clone(&before);
            for key in after
                .foreign_keys
                .iter_mut()
                .filter(|k| k.referenced == *from)
            {
                key.referenced.clone_from(to);
                for name in &mut key.referenced_columns {
                    if let Some((_, new)) = columns.iter().find(|(old, _)| same_name(old, name)) {
                        name.clone_from(new);
                    }
                }
            }
            let kept = (0..before.columns.len())
                .map(|n| ColumnChange::Kept {
                    before: n,
                    after: n,
                })
                .collect();
            self.alter(&before, after, kept);
        }
    }
}
