//! A table version under construction. Keys refer to columns by an id that stays the same while
//! columns move, so that a statement's actions can be applied one by one.

use chameleon_model::{Column, ForeignKey, Index, IndexKind, IndexPart, TableName, TableSchema};

use crate::change::{ColumnChange, ExistingRows};

/// Identity of a column while a statement is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ColumnId(usize);

/// A column and where it comes from.
#[derive(Clone, Debug)]
pub(super) struct DraftColumn {
    pub(super) id: ColumnId,
    pub(super) column: Column,
    /// Index in the version before; `None`: new.
    pub(super) before: Option<usize>,
    /// Of a new column.
    pub(super) existing: ExistingRows,
    /// Its values were computed anew.
    pub(super) recomputed: bool,
}

/// A part of a key.
#[derive(Clone, Debug)]
pub(super) struct DraftPart {
    /// `None`: an expression.
    pub(super) column: Option<ColumnId>,
    pub(super) prefix: Option<u32>,
    pub(super) descending: bool,
}

/// A secondary index.
#[derive(Clone, Debug)]
pub(super) struct DraftIndex {
    pub(super) name: String,
    pub(super) unique: bool,
    pub(super) kind: IndexKind,
    pub(super) parts: Vec<DraftPart>,
}

/// The version under construction.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) name: TableName,
    pub(super) columns: Vec<DraftColumn>,
    pub(super) primary_key: Vec<ColumnId>,
    pub(super) indexes: Vec<DraftIndex>,
    pub(super) foreign_keys: Vec<ForeignKey>,
    pub(super) comment: String,
    pub(super) charset: Option<String>,
    next_id: usize,
}

/// More columns or indexes than any table of either server has.
pub(super) const MOST: usize = 5_000;

/// Names of columns, indexes and constraints compare without case.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
        || !(a.is_ascii() && b.is_ascii()) && a.to_lowercase() == b.to_lowercase()
}

impl Draft {
    /// A table without columns.
    pub(super) fn empty(name: TableName) -> Self {
        Self {
            name,
            columns: Vec::new(),
            primary_key: Vec::new(),
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
            comment: String::new(),
            charset: None,
            next_id: 0,
        }
    }

    /// Starts from a version.
    pub(super) fn from_table(table: &TableSchema) -> Self {
        let mut draft = Self::empty(table.name.clone());
        for (before, column) in table.columns.iter().enumerate() {
            let column = draft.make_column(column.clone(), Some(before), ExistingRows::Null);
            draft.columns.push(column);
        }
        let id = |n: usize| draft.columns.get(n).map(|c| c.id);
        draft.primary_key = table.primary_key.iter().filter_map(|&n| id(n)).collect();
        draft.indexes = table
            .indexes
            .iter()
            .map(|index| DraftIndex {
                name: index.name.clone(),
                unique: index.unique,
                kind: index.kind,
                parts: index
                    .parts
                    .iter()
                    .map(|part| DraftPart {
                        column: part.column.and_then(id),
                        prefix: part.prefix,
                        descending: part.descending,
                    })
                    .collect(),
            })
            .collect();
        draft.foreign_keys.clone_from(&table.foreign_keys);
        draft.comment.clone_from(&table.comment);
        draft.charset.clone_from(&table.charset);
        draft
    }

    /// Makes a column, without placing it.
    pub(super) fn make_column(
        &mut self,
        column: Column,
        before: Option<usize>,
        existing: ExistingRows,
    ) -> DraftColumn {
        let id = ColumnId(self.next_id);
        self.next_id += 1;
        DraftColumn {
            id,
            column,
            before,
            existing,
            recomputed: false,
        }
    }

    /// The column of that name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|c| same_name(&c.column.name, name))
    }

    /// The column of that id.
    pub(super) fn column(&self, id: ColumnId) -> Option<&DraftColumn> {
        self.columns.iter().find(|c| c.id == id)
    }

    /// The index of that name.
    pub(super) fn find_index(&self, name: &str) -> Option<usize> {
        self.indexes.iter().position(|i| same_name(&i.name, name))
    }

    /// The version as it now is.
    pub(super) fn finish(self) -> TableSchema {
        let place = |id: ColumnId| self.columns.iter().position(|c| c.id == id);
        let primary_key = self
            .primary_key
            .iter()
            .filter_map(|&id| place(id))
            .collect();
        let indexes = self
            .indexes
            .iter()
            .map(|index| Index {
                name: index.name.clone(),
                unique: index.unique,
                kind: index.kind,
                parts: index
                    .parts
                    .iter()
                    .map(|part| IndexPart {
                        column: part.column.and_then(place),
                        prefix: part.prefix,
                        descending: part.descending,
                    })
                    .collect(),
            })
            .collect();
        TableSchema {
            name: self.name,
            primary_key,
            indexes,
            foreign_keys: self.foreign_keys,
            comment: self.comment,
            charset: self.charset,
            columns: self.columns.into_iter().map(|c| c.column).collect(),
        }
    }

    /// Where every column comes from, and which ones of the version before are gone.
    pub(super) fn column_changes(&self, before: &TableSchema) -> Vec<ColumnChange> {
        let mut changes: Vec<ColumnChange> = self
            .columns
            .iter()
            .enumerate()
            .map(|(after, column)| match column.before {
                None => ColumnChange::Added {
                    after,
                    existing: column.existing.clone(),
                },
                Some(before) if column.recomputed => ColumnChange::Recomputed { before, after },
                Some(n) if same_but_name(&before.columns[n], &column.column) => {
                    ColumnChange::Kept { before: n, after }
                }
                Some(n) => ColumnChange::Changed { before: n, after },
            })
            .collect();
        let kept: Vec<usize> = self.columns.iter().filter_map(|c| c.before).collect();
        let gone = (0..before.columns.len()).filter(|n| !kept.contains(n));
        changes.extend(gone.map(|before| ColumnChange::Dropped { before }));
        changes
    }
}

fn same_but_name(a: &Column, b: &Column) -> bool {
    let renamed = Column {
        name: b.name.clone(),
        ..a.clone()
    };
    renamed == *b
}
