//! ALTER TABLE at the target: from one version's shape to the next one's.
//!
//! Order: what goes (keys, checks, columns, their types), then new names, then types and NOT NULL,
//! then what comes (columns, checks, keys), then comments.

use chameleon_model::name::{quote_ident, target_name};
use chameleon_model::{Column, TableSchema};

use super::convert::Conversion;
use super::order::ordered;
use super::rename_index;
use super::shape::{IndexShape, PartShape, Shape};
use super::value::{NewColumn, existing_rows};
use crate::change::{ColumnChange, ExistingRows, SessionFacts};
use crate::mapping::Mapping;

/// One change of one table.
pub(super) struct Plan<'a> {
    old: Shape<'a>,
    new: Shape<'a>,
    /// Columns of both versions: before and after.
    kept: Vec<(usize, usize)>,
    added: Vec<(usize, &'a ExistingRows)>,
    dropped: Vec<usize>,
    recomputed: Vec<usize>,
    session: &'a SessionFacts,
    mapping: &'a Mapping,
    statements: Vec<String>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        before: &'a TableSchema,
        after: &'a TableSchema,
        columns: &'a [ColumnChange],
        session: &'a SessionFacts,
        mapping: &'a Mapping,
    ) -> Self {
        let mut plan = Self {
            old: Shape::new(before, mapping),
            new: Shape::new(after, mapping),
            kept: Vec::new(),
            added: Vec::new(),
            dropped: Vec::new(),
            recomputed: Vec::new(),
            session,
            mapping,
            statements: Vec::new(),
        };
        for change in columns {
            match change {
                ColumnChange::Kept { before, after } | ColumnChange::Changed { before, after } => {
                    plan.kept.push((*before, *after));
                }
                ColumnChange::Recomputed { before, after } => {
                    plan.kept.push((*before, *after));
                    plan.recomputed.push(*after);
                }
                ColumnChange::Added { after, existing } => plan.added.push((*after, existing)),
                ColumnChange::Dropped { before } => plan.dropped.push(*before),
            }
        }
        plan
    }

    /// The statements; an error says why there are none.
    pub(super) fn statements(mut self) -> Result<Vec<String>, String> {
        if let Some(&after) = self.recomputed.first() {
            let name = &self.after_column(after).name;
            return Err(format!(
                "column {name}: the source computes its values anew"
            ));
        }
        let (gone, coming, renamed) = self.match_indexes();
        let new_primary_key = self.drop_keys(&gone);
        self.drop_checks();
        self.drop_columns();
        self.rename_columns();
        let leftover = self.replace_types();
        self.create_types();
        self.change_columns()?;
        self.drop_types(&leftover);
        self.add_identities();
        self.add_columns()?;
        self.add_checks();
        for (from, to) in renamed {
            let from = self.old.in_schema(&from);
            self.statements.push(rename_index(&from, &to));
        }
        if new_primary_key {
            self.statements.extend(self.new.add_primary_key());
        }
        for index in &coming {
            self.statements.push(self.new.create_index(index));
        }
        self.comments();
        Ok(self.statements)
    }

    fn after_of(&self, before: usize) -> Option<usize> {
        self.kept
            .iter()
            .find(|(b, _)| *b == before)
            .map(|(_, a)| *a)
    }

    fn before_column(&self, n: usize) -> &'a Column {
        &self.old.source.columns[n]
    }

    fn after_column(&self, n: usize) -> &'a Column {
        &self.new.source.columns[n]
    }

    /// An old index with the numbers of the new columns; `None` where one of them is gone.
    fn moved(&self, index: &IndexShape) -> Option<IndexShape> {
        let parts: Option<Vec<PartShape>> = index
            .parts
            .iter()
            .map(|part| {
                let column = self.after_of(part.column)?;
                Some(PartShape {
                    column,
                    ..part.clone()
                })
            })
            .collect();
        Some(IndexShape {
            name: index.name.clone(),
            unique: index.unique,
            parts: parts?,
        })
    }

    /// Indexes that go, that come, and that only get another name.
    fn match_indexes(&self) -> (Vec<IndexShape>, Vec<IndexShape>, Vec<(String, String)>) {
        let mut coming: Vec<IndexShape> = self.new.indexes.clone();
        let mut gone = Vec::new();
        for index in &self.old.indexes {
            let same = self
                .moved(index)
                .and_then(|moved| coming.iter().position(|new| *new == moved));
            match same {
                Some(n) => {
                    coming.remove(n);
                }
                None => gone.push(index.clone()),
            }
        }
        let mut renamed = Vec::new();
        gone.retain(|index| {
            let same = self.moved(index).and_then(|moved| {
                coming
                    .iter()
                    .position(|new| new.unique == moved.unique && new.parts == moved.parts)
            });
            match same {
                Some(n) => {
                    renamed.push((index.name.clone(), coming.remove(n).name));
                    false
                }
                None => true,
            }
        });
        let taken: Vec<String> = self.old.indexes.iter().map(|i| i.name.clone()).collect();
        let taken: Vec<String> = taken
            .into_iter()
            .filter(|name| !renamed.iter().any(|(from, _)| from == name))
            .filter(|name| !gone.iter().any(|index| index.name == *name))
            .collect();
        let renamed = ordered(&renamed, &taken);
        (gone, coming, renamed)
    }

    /// Drops indexes and, where it changes, the primary key; says whether a new one is to be made.
    fn drop_keys(&mut self, gone: &[IndexShape]) -> bool {
        for index in gone {
            let name = self.old.in_schema(&index.name);
            self.statements.push(format!("drop index if exists {name}"));
        }
        let old: Option<Vec<usize>> = self
            .old
            .source
            .primary_key
            .iter()
            .map(|&n| self.after_of(n))
            .collect();
        if old.as_ref() == Some(&self.new.source.primary_key) {
            return false;
        }
        if !self.old.source.primary_key.is_empty() {
            let name = quote_ident(&self.old.primary_key_name());
            self.statements.push(format!(
                "alter table {} drop constraint if exists {name}",
                self.old.table()
            ));
        }
        true
    }

    /// A check stays where column name and condition stay.
    fn check_stays(&self, before: usize, after: usize) -> bool {
        self.old.check_sql(before) == self.new.check_sql(after)
    }

    fn drop_checks(&mut self) {
        for (before, after) in self.kept.clone() {
            if self.old.checks[before].is_some() && !self.check_stays(before, after) {
                let name = self.old.check_name(before);
                self.statements.push(format!(
                    "alter table {} drop constraint if exists {name}",
                    self.old.table()
                ));
            }
        }
    }

    fn add_checks(&mut self) {
        let kept = self
            .kept
            .iter()
            .filter(|(b, a)| !self.check_stays(*b, *a))
            .map(|(_, a)| *a);
        let added = self.added.iter().map(|(n, _)| *n);
        let checks: Vec<String> = kept
            .chain(added)
            .filter_map(|n| self.new.check_sql(n))
            .collect();
        for check in checks {
            self.statements
                .push(format!("alter table {} add {check}", self.new.table()));
        }
    }

    fn drop_columns(&mut self) {
        let columns: Vec<String> = self
            .dropped
            .iter()
            .map(|&n| format!("drop column if exists {}", self.old.column(n)))
            .collect();
        if !columns.is_empty() {
            self.alter(&columns);
        }
        let types: Vec<String> = self
            .dropped
            .iter()
            .filter_map(|&n| self.old.enum_name(n).map(|name| self.old.in_schema(name)))
            .collect();
        self.drop_types(&types);
    }

    fn drop_types(&mut self, types: &[String]) {
        for name in types {
            self.statements.push(format!("drop type if exists {name}"));
        }
    }

    fn alter(&mut self, actions: &[String]) {
        let table = self.new.table();
        self.statements
            .push(format!("alter table {table} {}", actions.join(", ")));
    }

    fn rename_columns(&mut self) {
        let pairs: Vec<(String, String)> = self
            .kept
            .iter()
            .map(|&(b, a)| {
                (
                    self.old.target.columns[b].name.clone(),
                    self.new.target.columns[a].name.clone(),
                )
            })
            .collect();
        let stay: Vec<String> = pairs
            .iter()
            .filter(|(a, b)| a == b)
            .map(|(a, _)| a.clone())
            .collect();
        for (from, to) in ordered(&pairs, &stay) {
            let (from, to) = (quote_ident(&from), quote_ident(&to));
            self.alter(&[format!("rename column {from} to {to}")]);
        }
    }

    /// Enum types that are kept follow their columns' names; those that are replaced or no longer
    /// needed step aside under another name, which is returned.
    fn replace_types(&mut self) -> Vec<String> {
        let mut pairs = Vec::new();
        let mut leftover = Vec::new();
        for &(b, a) in &self.kept {
            let Some(from) = self.old.enum_name(b) else {
                continue;
            };
            match self.new.enum_name(a) {
                Some(to) if self.old.labels[b] == self.new.labels[a] => {
                    pairs.push((from.to_owned(), to.to_owned()));
                }
                _ => {
                    let aside = target_name(&format!("{from}~old"));
                    leftover.push(self.old.in_schema(&aside));
                    pairs.push((from.to_owned(), aside));
                }
            }
        }
        let stay: Vec<String> = pairs
            .iter()
            .filter(|(a, b)| a == b)
            .map(|(a, _)| a.clone())
            .collect();
        for (from, to) in ordered(&pairs, &stay) {
            let from = self.old.in_schema(&from);
            self.statements
                .push(format!("alter type {from} rename to {}", quote_ident(&to)));
        }
        leftover
    }

    fn create_types(&mut self) {
        let replaced = self
            .kept
            .iter()
            .filter(|(b, a)| self.old.labels[*b] != self.new.labels[*a])
            .map(|(_, a)| *a);
        let added = self.added.iter().map(|(n, _)| *n);
        let types: Vec<String> = replaced
            .chain(added)
            .filter_map(|n| self.new.create_type(n))
            .collect();
        self.statements.extend(types);
    }

    /// Types, NOT NULL and the loss of identity, all in one statement, so that the table is
    /// rewritten once at most.
    fn change_columns(&mut self) -> Result<(), String> {
        let mut actions = Vec::new();
        for &(b, a) in &self.kept {
            let column = format!("alter column {}", self.new.column(a));
            let (old, new) = (&self.old.target.columns[b], &self.new.target.columns[a]);
            if old.identity && !new.identity {
                actions.push(format!("{column} drop identity if exists"));
            }
            if !old.nullable && new.nullable {
                actions.push(format!("{column} drop not null"));
            }
            let using = self
                .using(b, a)
                .map_err(|why| format!("column {}: {why}", self.after_column(a).name))?;
            let same_type = old.ty == new.ty
                || self.old.enum_name(b).is_some() && self.old.labels[b] == self.new.labels[a];
            if using.is_some() || !same_type {
                let ty = new.ty.sql();
                let using = using.unwrap_or_else(|| format!("{}::{ty}", self.new.column(a)));
                actions.push(format!("{column} type {ty} using {using}"));
            }
            if old.nullable && !new.nullable {
                actions.push(format!("{column} set not null"));
            }
        }
        if !actions.is_empty() {
            self.alter(&actions);
        }
        Ok(())
    }

    fn using(&self, before: usize, after: usize) -> Result<Option<String>, String> {
        let (old, new) = (self.before_column(before), self.after_column(after));
        let enums = [self.old.enum_name(before), self.new.enum_name(after)];
        let both = enums.iter().all(Option::is_some);
        let (from, to) = (
            &self.old.target.columns[before].ty,
            &self.new.target.columns[after].ty,
        );
        if old.ty == new.ty && (from == to || both) {
            return Ok(None);
        }
        let hexed = |column: &Column| {
            let base = column
                .ty
                .declared
                .split(['(', ' '])
                .next()
                .unwrap_or_default();
            let hexify = &self.mapping.rules.hexify;
            hexify.iter().any(|ty| ty.eq_ignore_ascii_case(base))
        };
        let overridden = self.mapping.is_overridden(self.old.source, old)
            || self.mapping.is_overridden(self.new.source, new);
        Conversion {
            before: old,
            after: new,
            from,
            to,
            name: &self.new.column(after),
            session: self.session,
            special: overridden || hexed(old) || hexed(new),
        }
        .using()
    }

    fn add_identities(&mut self) {
        let actions: Vec<String> = self
            .kept
            .iter()
            .filter(|(b, a)| {
                !self.old.target.columns[*b].identity && self.new.target.columns[*a].identity
            })
            .map(|(_, a)| {
                let column = self.new.column(*a);
                format!("alter column {column} add generated by default as identity")
            })
            .collect();
        if !actions.is_empty() {
            self.alter(&actions);
        }
    }

    /// New columns get the value that existing rows have at the source by way of a default, which
    /// is then taken away: every row that comes names all its values.
    fn add_columns(&mut self) -> Result<(), String> {
        let mut adding = Vec::new();
        let mut settling = Vec::new();
        for &(n, existing) in &self.added {
            let source = self.after_column(n);
            let column = NewColumn {
                ty: &source.ty,
                target: &self.new.target.columns[n].ty,
                mapping: self.mapping,
                session: self.session,
            };
            let value = existing_rows(column, existing)
                .map_err(|why| format!("column {}: {why}", source.name))?;
            let mut sql = format!("add column {}", self.new.column_definition(n));
            if let Some(value) = value {
                sql.push_str(&format!(" default {value}"));
                settling.push(format!("alter column {} drop default", self.new.column(n)));
            }
            adding.push(sql);
        }
        for actions in [adding, settling] {
            if !actions.is_empty() {
                self.alter(&actions);
            }
        }
        Ok(())
    }

    fn comments(&mut self) {
        let mut comments = Vec::new();
        if self.old.source.comment != self.new.source.comment {
            comments.push(self.new.table_comment());
        }
        for &(b, a) in &self.kept {
            if self.before_column(b).comment != self.after_column(a).comment {
                comments.push(self.new.column_comment(a));
            }
        }
        let added = self.added.iter().map(|(n, _)| *n);
        let commented = added.filter(|n| !self.after_column(*n).comment.is_empty());
        comments.extend(commented.map(|n| self.new.column_comment(n)));
        self.statements.extend(comments);
    }
}
