//! ALTER TABLE: all actions of a statement together, as the servers apply them.
//!
//! Names in DROP, MODIFY, CHANGE and RENAME COLUMN mean the columns before the statement, names in
//! AFTER and in keys those after it (`mysql_prepare_alter_table`).

use std::sync::Arc;

use chameleon_model::{Column, ColumnType, TableName, TableSchema, TypeKind};

use super::charset::TextDefault;
use super::create::{column_keys, inline_foreign_key, resolve_column};
use super::draft::{Draft, DraftColumn, MOST, same_name};
use super::types::converted;
use crate::change::ExistingRows;
use crate::context::ParseContext;
use crate::default_form::default_form;
use crate::statement::{AlterAction, ColumnDefinition, DefaultValue, Place, TableOptions};

/// What a statement makes of a table.
pub(super) struct Altered {
    /// The table after it, still under its old name.
    pub(super) draft: Draft,
    /// RENAME TO.
    pub(super) rename: Option<TableName>,
    /// Columns that got another name: before and after.
    pub(super) renamed_columns: Vec<(String, String)>,
}

/// Why a statement cannot be followed.
pub(super) enum Refusal {
    /// It does not fit the table as it is known.
    Mismatch(String),
    /// It does something that has no translation.
    Unsupported(String),
}

/// Applies the actions.
pub(super) fn alter(
    before: &Arc<TableSchema>,
    actions: &[AlterAction],
    cx: &ParseContext<'_>,
) -> Result<Altered, Refusal> {
    if actions.len() > MOST {
        return Err(Refusal::Unsupported(
            "it has more actions than a table has columns".into(),
        ));
    }
    let mut altering = Altering {
        draft: Draft::from_table(before),
        before,
        default: table_default(before, cx),
        cx,
        rename: None,
    };
    altering.options(actions);
    altering.drop_keys(actions)?;
    altering.columns(actions)?;
    let renamed_columns = altering.follow_renames();
    altering.draft.repair_keys();
    altering.add_keys(actions)?;
    altering.draft.require_primary_key();
    altering.existing_rows();
    altering.recompute(actions);
    if altering.draft.columns.is_empty() {
        return Err(Refusal::Mismatch("no column would be left".into()));
    }
    Ok(Altered {
        draft: altering.draft,
        rename: altering.rename,
        renamed_columns,
    })
}

/// The table's default character set. Its collation is not part of the schema; that of a column
/// with the same character set is the best guess.
fn table_default(table: &TableSchema, cx: &ParseContext<'_>) -> TextDefault {
    let database = TextDefault::of_database(cx);
    let Some(charset) = &table.charset else {
        return database;
    };
    let of_column = table
        .columns
        .iter()
        .filter(|c| c.ty.kind != TypeKind::Json)
        .find(|c| c.ty.charset.as_ref() == Some(charset))
        .and_then(|c| c.ty.collation.clone());
    let mut default = database.with(Some(charset), None, cx);
    if let Some(collation) = of_column {
        default.collation = collation;
    } else if database.charset == default.charset {
        default = database;
    }
    default
}

struct Altering<'a> {
    draft: Draft,
    before: &'a Arc<TableSchema>,
    default: TextDefault,
    cx: &'a ParseContext<'a>,
    rename: Option<TableName>,
}

fn missing(what: &str, name: &str) -> Refusal {
    Refusal::Mismatch(format!("there is no {what} {name}"))
}

impl Altering<'_> {
    /// Table options and new names, which hold for the whole statement.
    fn options(&mut self, actions: &[AlterAction]) {
        for action in actions {
            match action {
                AlterAction::Options(options) => self.table_options(options),
                AlterAction::ConvertCharset { charset, collation } => {
                    let database = TextDefault::of_database(self.cx);
                    let charset = charset.as_deref().unwrap_or(&database.charset);
                    let to = database.with(Some(charset), collation.as_deref(), self.cx);
                    for column in &mut self.draft.columns {
                        if let Some(ty) = converted(&column.column.ty, &to, self.cx) {
                            column.column.ty = ty;
                        }
                    }
                    self.draft.charset = Some(to.charset.clone());
                    self.default = to;
                }
                AlterAction::RenameTable(name) => self.rename = Some(name.clone()),
                _ => {}
            }
        }
    }

    fn table_options(&mut self, options: &TableOptions) {
        if let Some(comment) = &options.comment {
            self.draft.comment.clone_from(comment);
        }
        if options.charset.is_some() || options.collation.is_some() {
            let (charset, collation) = (&options.charset, &options.collation);
            self.default = self
                .default
                .with(charset.as_deref(), collation.as_deref(), self.cx);
            self.draft.charset = Some(self.default.charset.clone());
        }
    }

    /// Everything that removes or renames keys.
    fn drop_keys(&mut self, actions: &[AlterAction]) -> Result<(), Refusal> {
        for action in actions {
            match action {
                AlterAction::DropPrimaryKey { .. } => self.draft.primary_key.clear(),
                AlterAction::DropKey { name, if_exists } => self.drop_key(name, *if_exists)?,
                AlterAction::DropForeignKey { name, .. } => {
                    // a foreign key that is not known has no effect at the target
                    if let Some(n) = self.draft.find_foreign_key(name) {
                        self.draft.foreign_keys.remove(n);
                    }
                }
                AlterAction::DropConstraint { name, .. } => self.drop_constraint(name),
                AlterAction::RenameKey {
                    from,
                    to,
                    if_exists,
                } => match self.draft.find_index(from) {
                    Some(n) => self.draft.indexes[n].name.clone_from(to),
                    None if *if_exists => {}
                    None => return Err(missing("index", from)),
                },
                _ => {}
            }
        }
        Ok(())
    }

    fn drop_key(&mut self, name: &str, if_exists: bool) -> Result<(), Refusal> {
        if name.eq_ignore_ascii_case("PRIMARY") {
            self.draft.primary_key.clear();
            return Ok(());
        }
        match self.draft.find_index(name) {
            Some(n) => {
                self.draft.indexes.remove(n);
            }
            None if if_exists => {}
            None => return Err(missing("index", name)),
        }
        Ok(())
    }

    /// A primary key, a unique index, a foreign key, or a CHECK, which is not known here.
    fn drop_constraint(&mut self, name: &str) {
        if name.eq_ignore_ascii_case("PRIMARY") {
            self.draft.primary_key.clear();
        } else if let Some(n) = self.draft.find_foreign_key(name) {
            self.draft.foreign_keys.remove(n);
        } else if let Some(n) = self.draft.find_index(name)
            && self.draft.indexes[n].unique
        {
            self.draft.indexes.remove(n);
        }
    }

    /// All column actions: first what happens to columns in their places, then moves and new
    /// columns in the order of the actions.
    fn columns(&mut self, actions: &[AlterAction]) -> Result<(), Refusal> {
        let mut dropped: Vec<DraftColumn> = Vec::new();
        let plan = ColumnPlan::of(actions, self.before)?;
        for mut column in std::mem::take(&mut self.draft.columns) {
            let name = column.column.name.clone();
            if plan.drops.iter().any(|d| same_name(d, &name)) {
                dropped.push(column);
                continue;
            }
            if let Some((_, definition)) = plan.changes.iter().find(|c| same_name(c.0, &name)) {
                column.column = resolve_column(definition, &self.default, self.cx);
            }
            if let Some((_, to)) = plan.renames.iter().find(|r| same_name(r.0, &name)) {
                column.column.name = (*to).to_owned();
            }
            self.draft.columns.push(column);
        }
        for action in actions {
            match action {
                AlterAction::ChangeColumn { from, place, .. } if *place != Place::Unsaid => {
                    self.move_column(from, place)?;
                }
                AlterAction::AddColumn {
                    column,
                    place,
                    if_not_exists,
                } => self.add_column(column, place, *if_not_exists, &dropped)?,
                AlterAction::SetDefault { name, value } => {
                    let n = self
                        .draft
                        .find(name)
                        .ok_or_else(|| missing("column", name))?;
                    let column = &mut self.draft.columns[n].column;
                    column.default = default_form(&column.ty, value);
                }
                AlterAction::SetInvisible { name, invisible } => {
                    let n = self
                        .draft
                        .find(name)
                        .ok_or_else(|| missing("column", name))?;
                    self.draft.columns[n].column.invisible = *invisible;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Moves the column that had the name `from` before the statement.
    fn move_column(&mut self, from: &str, place: &Place) -> Result<(), Refusal> {
        let before = self
            .before
            .columns
            .iter()
            .position(|c| same_name(&c.name, from));
        let at = self
            .draft
            .columns
            .iter()
            .position(|c| c.before.is_some() && c.before == before);
        match at {
            Some(n) => {
                let column = self.draft.columns.remove(n);
                self.put_column(column, place)
            }
            None => Ok(()),
        }
    }

    fn add_column(
        &mut self,
        definition: &ColumnDefinition,
        place: &Place,
        if_not_exists: bool,
        dropped: &[DraftColumn],
    ) -> Result<(), Refusal> {
        if self.draft.find(&definition.name).is_some() {
            if if_not_exists {
                return Ok(());
            }
            let reason = format!("there is a column {} already", definition.name);
            return Err(Refusal::Mismatch(reason));
        }
        let column = resolve_column(definition, &self.default, self.cx);
        let existing = self.new_rows(definition, &column);
        let mut column = self.draft.make_column(column, None, existing);
        // keys of a dropped column go on with a new one of the same name
        if let Some(old) = dropped
            .iter()
            .find(|d| same_name(&d.column.name, &definition.name))
        {
            column.id = old.id;
        }
        self.put_column(column, place)
    }

    fn put_column(&mut self, column: DraftColumn, place: &Place) -> Result<(), Refusal> {
        let at = match place {
            Place::Unsaid => self.draft.columns.len(),
            Place::First => 0,
            Place::After(name) => {
                self.draft
                    .find(name)
                    .ok_or_else(|| missing("column", name))?
                    + 1
            }
        };
        self.draft.columns.insert(at, column);
        Ok(())
    }

    /// What a new column holds in rows that exist already, but for NOT NULL without DEFAULT.
    fn new_rows(&self, definition: &ColumnDefinition, column: &Column) -> ExistingRows {
        if definition.generated {
            return ExistingRows::Computed;
        }
        if definition.auto_increment {
            return ExistingRows::Numbered;
        }
        match &definition.default {
            Some(DefaultValue::Expression) => ExistingRows::Computed,
            Some(value) => ExistingRows::Default(value.clone()),
            None => {
                let first_timestamp = column.ty.kind == TypeKind::Timestamp
                    && !self.cx.explicit_defaults_for_timestamp
                    && definition.nullable != Some(true)
                    && !self
                        .before
                        .columns
                        .iter()
                        .any(|c| c.ty.kind == TypeKind::Timestamp);
                if first_timestamp {
                    ExistingRows::Default(DefaultValue::Now)
                } else {
                    ExistingRows::Null
                }
            }
        }
    }

    /// NOT NULL without DEFAULT, by declaration or by primary key: the type's implicit default.
    fn existing_rows(&mut self) {
        for column in &mut self.draft.columns {
            let null = matches!(
                column.existing,
                ExistingRows::Null | ExistingRows::Default(DefaultValue::Null)
            );
            if column.before.is_none() && null {
                column.existing = if column.column.nullable {
                    ExistingRows::Null
                } else {
                    ExistingRows::Implicit
                };
            }
        }
    }

    /// Foreign keys of the table itself follow its columns' new names.
    fn follow_renames(&mut self) -> Vec<(String, String)> {
        let renamed: Vec<(String, String)> = self
            .draft
            .columns
            .iter()
            .filter_map(|c| {
                let old = &self.before.columns.get(c.before?)?.name;
                (*old != c.column.name).then(|| (old.clone(), c.column.name.clone()))
            })
            .collect();
        let own = &self.before.name;
        for key in &mut self.draft.foreign_keys {
            rename_all(&mut key.columns, &renamed);
            if key.referenced == *own {
                rename_all(&mut key.referenced_columns, &renamed);
            }
        }
        renamed
    }

    fn add_keys(&mut self, actions: &[AlterAction]) -> Result<(), Refusal> {
        let mut foreign_keys = Vec::new();
        for action in actions {
            match action {
                AlterAction::AddColumn { column, .. }
                | AlterAction::ChangeColumn { column, .. } => {
                    let present = self.draft.find(&column.name).is_some();
                    for key in column_keys(column).iter().filter(|_| present) {
                        self.draft.add_key(key).map_err(Refusal::Mismatch)?;
                    }
                    foreign_keys.extend(inline_foreign_key(column, self.cx));
                }
                AlterAction::AddKey(key) => {
                    self.draft.add_key(key).map_err(Refusal::Mismatch)?;
                }
                AlterAction::AddForeignKey(key) => foreign_keys.push(key),
                _ => {}
            }
        }
        self.draft.add_foreign_keys(&foreign_keys, self.cx);
        Ok(())
    }

    /// Values of generated columns may change without row events: where such a column is defined
    /// anew, and, because expressions are not read here, where another one is narrowed.
    fn recompute(&mut self, actions: &[AlterAction]) {
        let redefined = |name: &str| {
            actions.iter().any(|action| {
                matches!(action, AlterAction::ChangeColumn { column, .. }
                    if column.generated && same_name(&column.name, name))
            })
        };
        let narrowed = self.draft.columns.iter().any(|c| {
            c.before
                .and_then(|n| self.before.columns.get(n))
                .is_some_and(|before| !widens(&before.ty, &c.column.ty))
        });
        for column in &mut self.draft.columns {
            column.recomputed = column.before.is_some()
                && column.column.generated
                && (narrowed || redefined(&column.column.name));
        }
    }
}

/// Every value stays as it is.
fn widens(before: &ColumnType, after: &ColumnType) -> bool {
    before.kind == after.kind
        && before.unsigned == after.unsigned
        && before.length <= after.length
        && before.scale <= after.scale
        && after.labels.starts_with(&before.labels)
}

fn rename_all(names: &mut [String], renamed: &[(String, String)]) {
    for name in names {
        if let Some((_, to)) = renamed.iter().find(|(from, _)| same_name(from, name)) {
            name.clone_from(to);
        }
    }
}

/// Column actions by what they do to columns that exist.
struct ColumnPlan<'a> {
    drops: Vec<&'a str>,
    changes: Vec<(&'a str, &'a ColumnDefinition)>,
    renames: Vec<(&'a str, &'a str)>,
}

impl<'a> ColumnPlan<'a> {
    fn of(actions: &'a [AlterAction], before: &TableSchema) -> Result<Self, Refusal> {
        let mut plan = Self {
            drops: Vec::new(),
            changes: Vec::new(),
            renames: Vec::new(),
        };
        for action in actions {
            let (name, if_exists) = match action {
                AlterAction::DropColumn { name, if_exists } => {
                    plan.drops.push(name);
                    (name, *if_exists)
                }
                AlterAction::ChangeColumn {
                    from,
                    column,
                    if_exists,
                    ..
                } => {
                    plan.changes.push((from, column));
                    (from, *if_exists)
                }
                AlterAction::RenameColumn {
                    from,
                    to,
                    if_exists,
                } => {
                    plan.renames.push((from, to));
                    (from, *if_exists)
                }
                _ => continue,
            };
            let known = before.columns.iter().any(|c| same_name(&c.name, name));
            if !known && !if_exists {
                return Err(missing("column", name));
            }
        }
        Ok(plan)
    }
}
