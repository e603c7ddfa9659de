//! `type_override` of the configuration.

use chameleon_model::{Column, MappingRules, TableSchema, TypeOverride};

/// The override for a column. One that names the column wins over one for its exact type, and that
/// over one for its base type.
pub(super) fn find<'a>(
    overrides: &'a [TypeOverride],
    table: &str,
    column: &Column,
) -> Option<&'a TypeOverride> {
    overrides
        .iter()
        .filter(|o| is_for(o, table))
        .filter_map(|o| Some((rank(&o.source, table, column)?, o)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, o)| o)
}

fn is_for(o: &TypeOverride, table: &str) -> bool {
    o.tables
        .iter()
        .any(|t| t == "*" || t.eq_ignore_ascii_case(table))
}

/// How closely it matches, closest first: column, exact type, base type.
fn rank(source: &str, table: &str, column: &Column) -> Option<u8> {
    let same = |text: &str| source.trim().to_lowercase() == text.to_lowercase();
    let declared = &column.ty.declared;
    let base = declared.split(['(', ' ']).next().unwrap_or(declared);
    if same(&format!("{table}.{}", column.name)) {
        Some(0)
    } else if same(declared) {
        Some(1)
    } else if same(base) {
        Some(2)
    } else {
        None
    }
}

/// Overrides that choose the type of some column of the table, in the configuration's order.
pub fn used_overrides<'a>(rules: &'a MappingRules, table: &TableSchema) -> Vec<&'a TypeOverride> {
    let name = &table.name.name;
    let columns = table.columns.iter().filter(|c| c.target.is_none());
    let chosen: Vec<&TypeOverride> = columns
        .filter_map(|column| find(&rules.overrides, name, column))
        .collect();
    let all = rules.overrides.iter();
    all.filter(|o| chosen.iter().any(|c| std::ptr::eq(*c, *o)))
        .collect()
}

/// Overrides (their `source`) that match no column of any of the tables.
pub fn unused_overrides<'a>(
    rules: &'a MappingRules,
    tables: impl IntoIterator<Item = &'a TableSchema>,
) -> Vec<&'a str> {
    let mut unused: Vec<&TypeOverride> = rules.overrides.iter().collect();
    for table in tables {
        let name = &table.name.name;
        unused.retain(|o| {
            let matches = |c: &Column| rank(&o.source, name, c).is_some();
            !(is_for(o, name) && table.columns.iter().any(matches))
        });
    }
    unused.into_iter().map(|o| o.source.as_str()).collect()
}
