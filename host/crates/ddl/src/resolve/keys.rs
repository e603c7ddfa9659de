//! Keys: names of unnamed ones, what a primary key does to its columns, indexes of foreign keys.
//!
//! Source: `mysql_prepare_create_table`, `make_unique_key_name` and `generate_fk_name` of both
//! servers, and what they show for the statements in `testdata/ddl`.

use chameleon_model::{ForeignKey, IndexKind, TypeKind};

use super::draft::{ColumnId, Draft, DraftIndex, DraftPart, MOST, same_name};
use crate::context::{Dialect, ParseContext};
use crate::statement::{ForeignKeyDefinition, KeyDefinition, KeyKind, KeyPart};

impl Draft {
    /// Adds the primary key or an index.
    pub(super) fn add_key(&mut self, key: &KeyDefinition) -> Result<(), String> {
        if self.indexes.len() >= MOST || key.parts.len() > MOST {
            return Err("a table has fewer indexes".into());
        }
        let parts = self.parts(&key.parts)?;
        if key.kind == KeyKind::Primary {
            self.primary_key = parts.iter().filter_map(|p| p.column).collect();
            self.require_primary_key();
            return Ok(());
        }
        let name = match &key.name {
            Some(name) => name.clone(),
            None => self.free_index_name(&parts),
        };
        if key.if_not_exists && self.find_index(&name).is_some() {
            return Ok(());
        }
        let kind = match key.kind {
            KeyKind::FullText => IndexKind::FullText,
            KeyKind::Spatial => IndexKind::Spatial,
            KeyKind::Vector => IndexKind::Vector,
            _ => IndexKind::Btree,
        };
        let mut index = DraftIndex {
            name,
            unique: key.kind == KeyKind::Unique,
            kind,
            parts,
        };
        if kind != IndexKind::Btree {
            index.parts.iter_mut().for_each(|p| p.prefix = None);
        }
        self.put_index(index);
        Ok(())
    }

    /// Adds an index. One of the same name cannot exist at the source any more: servers drop an
    /// index that they made for a foreign key when a better one comes.
    fn put_index(&mut self, index: DraftIndex) {
        self.indexes.retain(|i| !same_name(&i.name, &index.name));
        self.indexes.push(index);
    }

    /// Columns of the primary key are NOT NULL.
    pub(super) fn require_primary_key(&mut self) {
        for column in &mut self.columns {
            if self.primary_key.contains(&column.id) {
                column.column.nullable = false;
            }
        }
    }

    fn parts(&self, parts: &[KeyPart]) -> Result<Vec<DraftPart>, String> {
        parts
            .iter()
            .map(|part| {
                let column = match &part.column {
                    None => None,
                    Some(name) => match self.find(name) {
                        Some(n) => Some(&self.columns[n]),
                        None => return Err(format!("there is no column {name} to index")),
                    },
                };
                Ok(DraftPart {
                    column: column.map(|c| c.id),
                    prefix: column.and_then(|c| usable_prefix(&c.column.ty, part.prefix)),
                    descending: part.descending,
                })
            })
            .collect()
    }

    /// `first column`, `first column_2`, ...; `functional_index` where the first part is an
    /// expression.
    fn free_index_name(&self, parts: &[DraftPart]) -> String {
        let first = parts
            .first()
            .and_then(|p| p.column)
            .and_then(|id| self.column(id));
        let base = first.map_or("functional_index", |c| c.column.name.as_str());
        let free =
            |name: &str| !name.eq_ignore_ascii_case("PRIMARY") && self.find_index(name).is_none();
        if free(base) {
            return base.to_owned();
        }
        (2..)
            .map(|n| format!("{base}_{n}"))
            .find(|name| free(name))
            .unwrap_or_default()
    }

    /// Adds foreign keys and then, for those whose columns no index begins with, an index each.
    pub(super) fn add_foreign_keys(
        &mut self,
        keys: &[&ForeignKeyDefinition],
        cx: &ParseContext<'_>,
    ) {
        let altering = self.columns.iter().any(|c| c.before.is_some());
        let mut number = self.last_generated_number();
        for key in keys {
            let given = match cx.dialect {
                Dialect::MySql => key.name.clone(),
                // in ALTER TABLE, MariaDB prefers the index's name
                Dialect::MariaDb if altering => key.index_name.clone().or(key.name.clone()),
                Dialect::MariaDb => key.name.clone().or(key.index_name.clone()),
            };
            if key.if_not_exists
                && given
                    .as_ref()
                    .is_some_and(|name| self.find_foreign_key(name).is_some())
            {
                continue;
            }
            let name = given.unwrap_or_else(|| {
                number += 1;
                format!("{}_ibfk_{number}", self.name.name)
            });
            let columns = key.columns.iter().map(|c| self.spelled(c)).collect();
            self.foreign_keys.push(ForeignKey {
                name,
                columns,
                referenced: key.referenced.clone(),
                referenced_columns: key.referenced_columns.clone(),
                on_delete: shown_action(key.on_delete, cx).into(),
                on_update: shown_action(key.on_update, cx).into(),
            });
        }
        // of two indexes made for foreign keys, the longer serves both
        let mut longest_first: Vec<&&ForeignKeyDefinition> = keys.iter().collect();
        longest_first.sort_by_key(|key| std::cmp::Reverse(key.columns.len()));
        for key in longest_first {
            self.index_foreign_key(key);
        }
    }

    /// A column's name as the table spells it.
    fn spelled(&self, name: &str) -> String {
        self.find(name)
            .map_or_else(|| name.to_owned(), |n| self.columns[n].column.name.clone())
    }

    fn index_foreign_key(&mut self, key: &ForeignKeyDefinition) {
        let ids: Option<Vec<ColumnId>> = key
            .columns
            .iter()
            .map(|name| self.find(name).map(|n| self.columns[n].id))
            .collect();
        let Some(ids) = ids else { return };
        let covered = |parts: &mut dyn Iterator<Item = Option<ColumnId>>| {
            ids.iter().all(|&id| parts.next().flatten() == Some(id))
        };
        let by_primary = covered(&mut self.primary_key.iter().map(|&id| Some(id)));
        let by_index = self.indexes.iter().any(|index| {
            let mut parts = index
                .parts
                .iter()
                .map(|p| p.column.filter(|_| p.prefix.is_none()));
            index.kind == IndexKind::Btree && covered(&mut parts)
        });
        if by_primary || by_index {
            return;
        }
        let parts: Vec<DraftPart> = ids
            .iter()
            .map(|&id| DraftPart {
                column: Some(id),
                prefix: None,
                descending: false,
            })
            .collect();
        let given = key.name.clone().or_else(|| key.index_name.clone());
        let name = given.unwrap_or_else(|| self.free_index_name(&parts));
        self.put_index(DraftIndex {
            name,
            unique: false,
            kind: IndexKind::Btree,
            parts,
        });
    }

    /// The foreign key of that name.
    pub(super) fn find_foreign_key(&self, name: &str) -> Option<usize> {
        self.foreign_keys
            .iter()
            .position(|k| same_name(&k.name, name))
    }

    /// Highest `n` of a constraint named `table_ibfk_n`.
    fn last_generated_number(&self) -> u64 {
        let beginning = format!("{}_ibfk_", self.name.name);
        self.foreign_keys
            .iter()
            .filter_map(|k| k.name.strip_prefix(&beginning)?.parse().ok())
            .max()
            .unwrap_or(0)
    }

    /// Generated constraint names follow the table's name.
    pub(super) fn rename(&mut self, name: chameleon_model::TableName) {
        let beginning = format!("{}_ibfk_", self.name.name);
        for key in &mut self.foreign_keys {
            if let Some(number) = key.name.strip_prefix(&beginning) {
                key.name = format!("{}_ibfk_{number}", name.name);
            }
        }
        self.name = name;
    }

    /// Takes parts of gone columns out of all keys, and the keys that have none left; adjusts
    /// prefixes to changed types.
    pub(super) fn repair_keys(&mut self) {
        let columns = &self.columns;
        let find = |id: ColumnId| columns.iter().find(|c| c.id == id);
        self.primary_key.retain(|&id| find(id).is_some());
        for index in &mut self.indexes {
            index
                .parts
                .retain(|p| p.column.is_none_or(|id| find(id).is_some()));
            for part in &mut index.parts {
                let column = part.column.and_then(find);
                if let Some(column) = column {
                    part.prefix = usable_prefix(&column.column.ty, part.prefix);
                }
            }
        }
        self.indexes.retain(|index| !index.parts.is_empty());
    }
}

/// The servers show RESTRICT and NO ACTION apart, and differ in what they show for nothing.
fn shown_action(action: &'static str, cx: &ParseContext<'_>) -> &'static str {
    match (action, cx.dialect) {
        ("", Dialect::MySql) => "NO ACTION",
        ("", Dialect::MariaDb) => "RESTRICT",
        (said, _) => said,
    }
}

/// A prefix that is as long as the column is none, and only text and bytes can have one.
fn usable_prefix(ty: &chameleon_model::ColumnType, prefix: Option<u32>) -> Option<u32> {
    let prefix = prefix.filter(|&n| n > 0)?;
    match ty.kind {
        TypeKind::Text | TypeKind::Blob | TypeKind::Json | TypeKind::Geometry => Some(prefix),
        TypeKind::Char | TypeKind::VarChar | TypeKind::Binary | TypeKind::VarBinary => {
            (prefix < ty.length).then_some(prefix)
        }
        _ => None,
    }
}
