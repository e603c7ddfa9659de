//! Names at the target: which ones change, and which ones clash.

use std::collections::BTreeMap;

use chameleon_model::name::{target_column_name, target_index_name, target_name};
use chameleon_model::{IndexKind, PgType, TableSchema};

use super::Mapping;

/// Name of the primary key's constraint and index at the target.
pub fn primary_key_name(table: &str) -> String {
    target_index_name(table, "PRIMARY")
}

/// A name that PostgreSQL cannot have: longer than 63 bytes, or a system column's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedName {
    /// What it names, `table t`, `column t.c`, `index t.i`.
    pub object: String,
    /// The name at the target.
    pub target: String,
}

/// A name that several objects would have at the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameClash {
    /// The name.
    pub name: String,
    /// What would have it.
    pub objects: Vec<String>,
}

/// Names of tables, columns and indexes that are others at the target.
pub fn changed_names<'a>(tables: impl IntoIterator<Item = &'a TableSchema>) -> Vec<ChangedName> {
    let mut changed = Vec::new();
    let mut note = |object: String, source: &str, target: String| {
        if target != source {
            changed.push(ChangedName { object, target });
        }
    };
    for table in tables {
        let name = &table.name.name;
        note(format!("table {name}"), name, target_name(name));
        for column in &table.columns {
            let object = format!("column {name}.{}", column.name);
            note(object, &column.name, target_column_name(&column.name));
        }
        for index in table.indexes.iter().filter(|i| i.kind == IndexKind::Btree) {
            let whole = format!("{name}_{}", index.name);
            let object = format!("index {name}.{}", index.name);
            note(object, &whole, target_index_name(name, &index.name));
        }
    }
    changed
}

/// Tables, indexes and enum types that would have the same name in the target's schema, where
/// tables, indexes and primary keys share one space of names and tables and types another.
pub fn clashes<'a>(
    tables: impl IntoIterator<Item = &'a TableSchema>,
    mapping: &Mapping,
) -> Vec<NameClash> {
    let mut relations: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for table in tables {
        let name = &table.name.name;
        let object = format!("table {name}");
        relations
            .entry(target_name(name))
            .or_default()
            .push(object.clone());
        types.entry(target_name(name)).or_default().push(object);
        if !table.primary_key.is_empty() {
            let object = format!("primary key of {name}");
            relations
                .entry(primary_key_name(name))
                .or_default()
                .push(object);
        }
        for index in table.indexes.iter().filter(|i| i.kind == IndexKind::Btree) {
            let object = format!("index {name}.{}", index.name);
            let target = target_index_name(name, &index.name);
            relations.entry(target).or_default().push(object);
        }
        for column in &table.columns {
            if let PgType::Enum { name: target, .. } = mapping.target_type(table, column) {
                let object = format!("type of {name}.{}", column.name);
                types.entry(target).or_default().push(object);
            }
        }
    }
    relations
        .into_iter()
        .chain(types)
        .filter(|(_, objects)| objects.len() > 1)
        .map(|(name, objects)| NameClash { name, objects })
        .collect()
}
