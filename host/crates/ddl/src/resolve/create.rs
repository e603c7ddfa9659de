//! CREATE TABLE.

use std::sync::Arc;

use chameleon_model::{Column, TableSchema, TypeKind};

use super::charset::TextDefault;
use super::draft::{Draft, MOST};
use super::types::column_type;
use crate::change::ExistingRows;
use crate::context::{Dialect, ParseContext};
use crate::default_form::default_form;
use crate::statement::{
    ColumnDefinition, CreateTable, ForeignKeyDefinition, KeyDefinition, KeyKind, KeyPart,
    RowPeriod, TableElement,
};

/// The new table; an error is a reason for which it cannot be followed.
pub(super) fn create(table: &CreateTable, cx: &ParseContext<'_>) -> Result<TableSchema, String> {
    if table.as_select {
        return Err("its columns and rows come from a query that was logged as text".into());
    }
    if table.elements.len() > MOST {
        return Err("a table has fewer columns".into());
    }
    let mut draft = Draft::empty(table.name.clone());
    let options = &table.options;
    let default = TextDefault::of_database(cx).with(
        options.charset.as_deref(),
        options.collation.as_deref(),
        cx,
    );
    draft.charset = Some(default.charset.clone());
    draft.comment = options.comment.clone().unwrap_or_default();
    for element in &table.elements {
        if let TableElement::Column(definition) = element {
            let column = resolve_column(definition, &default, cx);
            let column = draft.make_column(column, None, ExistingRows::Null);
            draft.columns.push(column);
        }
    }
    add_keys(&mut draft, &table.elements, cx)?;
    if draft.columns.is_empty() {
        return Err("it has no columns".into());
    }
    Ok(draft.finish())
}

fn add_keys(
    draft: &mut Draft,
    elements: &[TableElement],
    cx: &ParseContext<'_>,
) -> Result<(), String> {
    let mut foreign_keys = Vec::new();
    for element in elements {
        match element {
            TableElement::Column(column) => {
                for key in column_keys(column) {
                    draft.add_key(&key)?;
                }
                foreign_keys.extend(inline_foreign_key(column, cx));
            }
            TableElement::Key(key) => draft.add_key(key)?,
            TableElement::ForeignKey(key) => foreign_keys.push(key),
            TableElement::Check => {}
        }
    }
    draft.add_foreign_keys(&foreign_keys, cx);
    Ok(())
}

/// Keys that stand in a column's definition.
pub(super) fn column_keys(column: &ColumnDefinition) -> Vec<KeyDefinition> {
    let kinds = [
        (column.primary_key, KeyKind::Primary),
        (column.unique, KeyKind::Unique),
    ];
    kinds
        .into_iter()
        .filter(|(said, _)| *said)
        .map(|(_, kind)| KeyDefinition {
            kind,
            name: None,
            parts: vec![KeyPart {
                column: Some(column.name.clone()),
                prefix: None,
                descending: false,
            }],
            if_not_exists: false,
        })
        .collect()
}

/// REFERENCES in a column's definition, which MySQL before 9.0 reads and forgets.
pub(super) fn inline_foreign_key<'a>(
    column: &'a ColumnDefinition,
    cx: &ParseContext<'_>,
) -> Option<&'a ForeignKeyDefinition> {
    let heeded = match cx.dialect {
        Dialect::MySql => cx.server_version >= 90_000,
        Dialect::MariaDb => cx.server_version >= 100_500,
    };
    column.references.as_ref().filter(|_| heeded)
}

/// The column as information_schema shows it, but for what keys do to it.
pub(super) fn resolve_column(
    definition: &ColumnDefinition,
    table: &TextDefault,
    cx: &ParseContext<'_>,
) -> Column {
    let mut ty = column_type(&definition.ty, table, cx);
    match definition.row_period {
        Some(RowPeriod::Start) => ty.declared.push_str(" generated always as row start"),
        Some(RowPeriod::End) => ty.declared.push_str(" generated always as row end"),
        None => {}
    }
    let default = definition
        .default
        .as_ref()
        .and_then(|value| default_form(&ty, value));
    let implicit =
        definition.auto_increment || definition.primary_key || definition.row_period.is_some();
    // before explicit_defaults_for_timestamp
    let implicit_timestamp = ty.kind == TypeKind::Timestamp && !cx.explicit_defaults_for_timestamp;
    let nullable = !implicit && definition.nullable.unwrap_or(!implicit_timestamp);
    Column {
        name: definition.name.clone(),
        ty,
        nullable,
        auto_increment: definition.auto_increment,
        generated: definition.generated,
        invisible: definition.invisible,
        target: None,
        default,
        comment: definition.comment.clone().unwrap_or_default(),
    }
}

/// CREATE TABLE LIKE: everything but foreign keys.
pub(super) fn like(table: &CreateTable, from: &Arc<TableSchema>) -> TableSchema {
    TableSchema {
        name: table.name.clone(),
        foreign_keys: Vec::new(),
        ..TableSchema::clone(from)
    }
}
