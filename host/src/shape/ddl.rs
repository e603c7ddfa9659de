//! What a change of a source table changes at the target.

use std::collections::BTreeSet;
use std::sync::Arc;

use chameleon_ddl::{ColumnChange, ExistingRows, SchemaChange, SessionFacts};
use chameleon_diag::codes;
use chameleon_model::{Column, TableName, TableSchema};
use chameleon_transform::Origin;

use super::feeds::same_shape;
use super::{Refused, Shaper, Target};

impl Shaper {
    /// The changes of the target's tables that follow from a change of a source table, which is in
    /// force from then on.
    ///
    /// # Errors
    /// Why the table has to be held: the target cannot follow without losing something.
    pub(crate) fn change(&mut self, change: &SchemaChange) -> Result<Vec<SchemaChange>, Refused> {
        match change {
            SchemaChange::Create { after } => self.created(after),
            SchemaChange::Drop { before } => self.dropped(&before.name),
            SchemaChange::Truncate { table } => self.truncated(table),
            SchemaChange::Rename { before, after } => self.renamed(&before.name, after, change),
            SchemaChange::Alter {
                after,
                columns,
                session,
                ..
            } => self.altered(after, columns, session, change),
            SchemaChange::Unsupported { .. } => Ok(vec![change.clone()]),
        }
    }

    fn created(&mut self, after: &Arc<TableSchema>) -> Result<Vec<SchemaChange>, Refused> {
        let targets = self.learn(after)?.to_vec();
        Ok(targets
            .into_iter()
            .filter(|target| self.is_sole(&after.name, target))
            .map(|target| SchemaChange::Create {
                after: target.table,
            })
            .collect())
    }

    fn dropped(&mut self, table: &TableName) -> Result<Vec<SchemaChange>, Refused> {
        let shared = self.shared(table);
        let targets = self.forget(table);
        if !shared.is_empty() {
            return Err(destroys("drops", &shared));
        }
        Ok(targets
            .into_iter()
            .map(|target| SchemaChange::Drop {
                before: target.table,
            })
            .collect())
    }

    fn truncated(&mut self, table: &TableName) -> Result<Vec<SchemaChange>, Refused> {
        let shared = self.shared(table);
        if !shared.is_empty() {
            return Err(destroys("empties", &shared));
        }
        let name = |target: &Target| SchemaChange::Truncate {
            table: target.table.name.clone(),
        };
        Ok(match self.tables.get(table) {
            Some(targets) => targets.iter().map(name).collect(),
            None => vec![SchemaChange::Truncate {
                table: table.clone(),
            }],
        })
    }

    fn renamed(
        &mut self,
        before: &TableName,
        after: &Arc<TableSchema>,
        change: &SchemaChange,
    ) -> Result<Vec<SchemaChange>, Refused> {
        if !self.is_active() {
            self.forget(before);
            self.learn(after)?;
            return Ok(vec![change.clone()]);
        }
        let shared = self.shared(before);
        let old = self.forget(before);
        let new = self.learn(after)?.to_vec();
        if old.len() != new.len() {
            return Err(Refused::new(
                codes::TRF016,
                "under its new name its rows go to other tables",
            ));
        }
        let mut changes = Vec::new();
        for (old, new) in old.into_iter().zip(new) {
            let same_place = old.name() == new.name();
            if same_place && same_shape(&old.table, &new.table) {
                continue;
            }
            let fits = same_shape(&old.table, &new.table) && self.is_sole(&after.name, &new);
            if same_place || !fits || shared.contains(&old.name()) {
                return Err(Refused::new(
                    codes::TRF016,
                    format!(
                        "its rows are in {} and would go on in {}",
                        old.name(),
                        new.name()
                    ),
                ));
            }
            changes.push(SchemaChange::Rename {
                before: old.table,
                after: new.table,
            });
        }
        Ok(changes)
    }

    fn altered(
        &mut self,
        after: &Arc<TableSchema>,
        columns: &[ColumnChange],
        session: &SessionFacts,
        change: &SchemaChange,
    ) -> Result<Vec<SchemaChange>, Refused> {
        if !self.is_active() {
            self.learn(after)?;
            return Ok(vec![change.clone()]);
        }
        let shared = self.shared(&after.name);
        let old = self.targets(&after.name).to_vec();
        let new = self.plan(after)?;
        if old.len() != new.len() || old.iter().zip(&new).any(|(o, n)| o.name() != n.name()) {
            return Err(Refused::new(
                codes::TRF016,
                "after the change its rows go to other tables",
            ));
        }
        let mut changes = Vec::new();
        for (old, new) in old.iter().zip(&new) {
            let name = new.name();
            // what another feeder's change has done to a shared table is there already
            let there = self.feeds.target(&name).unwrap_or_else(|| old.clone());
            let merged = shared.contains(&name);
            if merged && same_shape(&there.table, &new.table) {
                continue;
            }
            let columns = differences(old, new, columns)?;
            let adds_only = columns
                .iter()
                .all(|c| matches!(c, ColumnChange::Kept { .. } | ColumnChange::Added { .. }));
            if merged && (!adds_only || !same_shape(&there.table, &old.table)) {
                return Err(destroys("changes", &BTreeSet::from([name])));
            }
            changes.push(SchemaChange::Alter {
                before: Arc::clone(&old.table),
                after: Arc::clone(&new.table),
                columns,
                session: session.clone(),
            });
        }
        self.forget(&after.name);
        for target in &new {
            self.feeds.add(target, &after.name);
        }
        self.tables.insert(after.name.clone(), new);
        Ok(changes)
    }

    /// Nobody else feeds the target.
    fn is_sole(&self, table: &TableName, target: &Target) -> bool {
        let feeders = self.feeds.feeders(&target.name());
        feeders.iter().all(|feeder| feeder == table)
    }

    /// Targets of the table that others feed too.
    fn shared(&self, table: &TableName) -> BTreeSet<String> {
        let targets = self.targets(table).iter();
        targets
            .filter(|target| !self.is_sole(table, target))
            .map(Target::name)
            .collect()
    }
}

fn destroys(what: &str, targets: &BTreeSet<String>) -> Refused {
    let names: Vec<&str> = targets.iter().map(String::as_str).collect();
    Refused::new(
        codes::TRF016,
        format!(
            "the statement {what} it, and {} holds rows of other tables too",
            names.join(", ")
        ),
    )
}

/// Where the columns of a target come from when its source's columns change like that.
///
/// # Errors
/// A column whose stored values were not made as its new ones are.
fn differences(
    old: &Target,
    new: &Target,
    columns: &[ColumnChange],
) -> Result<Vec<ColumnChange>, Refused> {
    let mut left: BTreeSet<usize> = (0..old.table.columns.len()).collect();
    let mut changes = Vec::new();
    for (number, column) in new.table.columns.iter().enumerate() {
        let origin = new.origin(number);
        let before = match origin.source() {
            Some(source) => earlier(columns, source).and_then(|before| {
                left.iter()
                    .copied()
                    .find(|&n| old.origin(n).source() == Some(before))
            }),
            None => left.iter().copied().find(|&n| {
                old.origin(n) == Origin::Computed && old.table.columns[n].name == column.name
            }),
        };
        changes.push(match before {
            Some(before) => {
                left.remove(&before);
                let was = &old.table.columns[before];
                if !is_alike(old.origin(before), origin) {
                    return Err(Refused::new(
                        codes::TRF016,
                        format!(
                            "stored values of {} are not what is written now",
                            column.name
                        ),
                    ));
                }
                if is_kept(was, column) {
                    ColumnChange::Kept {
                        before,
                        after: number,
                    }
                } else {
                    ColumnChange::Changed {
                        before,
                        after: number,
                    }
                }
            }
            None => ColumnChange::Added {
                after: number,
                existing: existing(columns, origin),
            },
        });
    }
    let dropped = left.into_iter();
    changes.extend(dropped.map(|before| ColumnChange::Dropped { before }));
    Ok(changes)
}

/// Same type and attributes.
fn is_kept(was: &Column, is: &Column) -> bool {
    let same_name = Column {
        name: is.name.clone(),
        ..was.clone()
    };
    same_name == *is
}

/// Number of a source column in the version before.
fn earlier(columns: &[ColumnChange], after: usize) -> Option<usize> {
    columns.iter().find_map(|change| match change {
        ColumnChange::Kept { before, after: a } | ColumnChange::Changed { before, after: a }
            if *a == after =>
        {
            Some(*before)
        }
        _ => None,
    })
}

/// What rows that are there already get in a new column. Only a column that passes as it is has
/// the source's value; what a transform would have made of theirs is not known.
fn existing(columns: &[ColumnChange], origin: Origin) -> ExistingRows {
    let Origin::Passed(source) = origin else {
        return ExistingRows::Unknown;
    };
    columns
        .iter()
        .find_map(|change| match change {
            ColumnChange::Added { after, existing } if *after == source => Some(existing.clone()),
            _ => None,
        })
        .unwrap_or(ExistingRows::Unknown)
}

/// Values of both are made in the same way.
fn is_alike(one: Origin, other: Origin) -> bool {
    matches!(
        (one, other),
        (Origin::Passed(_), Origin::Passed(_))
            | (Origin::Replaced(_), Origin::Replaced(_))
            | (Origin::Computed, Origin::Computed)
    )
}

#[cfg(test)]
mod tests {
    use chameleon_model::{ColumnType, TypeKind};

    use super::*;

    fn column(name: &str, declared: &str) -> Column {
        Column::new(name, ColumnType::new(TypeKind::VarChar, declared), true)
    }

    fn target(columns: &[(&str, &str, Origin)]) -> Target {
        Target {
            table: Arc::new(TableSchema::new(
                TableName::new("s", "t"),
                columns
                    .iter()
                    .map(|(name, declared, _)| column(name, declared))
                    .collect(),
            )),
            origins: Some(columns.iter().map(|(_, _, origin)| *origin).collect()),
        }
    }

    const KEPT: [ColumnChange; 2] = [
        ColumnChange::Kept {
            before: 0,
            after: 0,
        },
        ColumnChange::Kept {
            before: 1,
            after: 2,
        },
    ];

    /// A column comes to stand between the two that were there.
    fn one_added() -> Vec<ColumnChange> {
        let added = ColumnChange::Added {
            after: 1,
            existing: ExistingRows::Null,
        };
        vec![KEPT[0].clone(), added, KEPT[1].clone()]
    }

    #[test]
    fn a_column_that_passes_brings_what_the_source_has_put_in_it() {
        use Origin::{Computed, Passed, Replaced};
        let old = target(&[
            ("a", "x", Passed(0)),
            ("mail", "x", Replaced(1)),
            ("at", "x", Computed),
        ]);
        let new = target(&[
            ("a", "x", Passed(0)),
            ("b", "x", Passed(1)),
            ("mail", "x", Replaced(2)),
            ("at", "x", Computed),
        ]);
        let expect = [
            ColumnChange::Kept {
                before: 0,
                after: 0,
            },
            ColumnChange::Added {
                after: 1,
                existing: ExistingRows::Null,
            },
            ColumnChange::Kept {
                before: 1,
                after: 2,
            },
            ColumnChange::Kept {
                before: 2,
                after: 3,
            },
        ];
        assert_eq!(differences(&old, &new, &one_added()).unwrap(), expect);
    }

    #[test]
    fn what_a_transform_would_have_made_of_stored_rows_is_unknown() {
        use Origin::{Computed, Passed, Replaced};
        let old = target(&[("a", "x", Passed(0)), ("c", "x", Passed(1))]);
        let new = target(&[
            ("a", "x", Passed(0)),
            ("b", "x", Replaced(1)),
            ("c", "x", Passed(2)),
            ("hash", "x", Computed),
        ]);
        let changes = differences(&old, &new, &one_added()).unwrap();
        let unknown = |after| ColumnChange::Added {
            after,
            existing: ExistingRows::Unknown,
        };
        assert_eq!(changes[1], unknown(1));
        assert_eq!(changes[3], unknown(3));
    }

    #[test]
    fn stored_values_that_were_not_masked_hold_the_table() {
        use Origin::{Passed, Replaced};
        let old = target(&[("contact", "x", Passed(0)), ("c", "x", Passed(1))]);
        let new = target(&[("email", "x", Replaced(0)), ("c", "x", Passed(2))]);
        let refused = differences(&old, &new, &KEPT).unwrap_err();
        assert_eq!(refused.code, codes::TRF016);
        assert!(refused.reason.contains("email"), "{}", refused.reason);
    }

    #[test]
    fn renames_types_and_drops_are_told_apart() {
        use Origin::Passed;
        let old = target(&[
            ("a", "x", Passed(0)),
            ("b", "x", Passed(1)),
            ("c", "x", Passed(2)),
        ]);
        let new = target(&[("z", "x", Passed(0)), ("c", "y", Passed(1))]);
        let columns = [
            ColumnChange::Kept {
                before: 0,
                after: 0,
            },
            ColumnChange::Changed {
                before: 2,
                after: 1,
            },
            ColumnChange::Dropped { before: 1 },
        ];
        let expect = [
            ColumnChange::Kept {
                before: 0,
                after: 0,
            },
            ColumnChange::Changed {
                before: 2,
                after: 1,
            },
            ColumnChange::Dropped { before: 1 },
        ];
        assert_eq!(differences(&old, &new, &columns).unwrap(), expect);
    }
}
