//! The net effect of a batch on one table: the last operation per key.
//!
//! Changes are folded in source order into one slot per key. A slot knows whether its row existed
//! before the batch and what is left of it afterwards, so that the batch can be applied as one
//! DELETE, one UPDATE and one INSERT instead of row by row. A change of the key is a delete and an
//! insert; so is a change of a column with a unique index, because two rows that exchange a unique
//! value cannot be updated one after the other. What cannot be folded without loss (a key change
//! with a partial image, images without their key) makes the whole table [`Collapsed::Sequential`].

use chameleon_model::{Cell, ChangeBuffer, ChangeRef, Op};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::{BuildHasher, Hash, Hasher};

/// Cells of an image: columns of the source table in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Image {
    /// The new image of that change.
    After(u32),
    /// The old image of that change.
    Before(u32),
    /// A partial new image completed from the image before it: index of its first cell.
    Merged(u32),
}

/// What is left of a batch for one table.
#[derive(Debug)]
pub(crate) enum Collapsed {
    /// Sets to apply, in this order.
    Sets(Sets),
    /// Has to be applied change by change.
    Sequential,
}

/// Disjoint sets of rows: first all deletes, then the updates, then the inserts.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    /// Rows to delete; the image holds at least the key.
    pub(crate) deletes: Vec<Image>,
    /// Rows to update in place: an image with the key, and the new image, which may have absent
    /// cells.
    pub(crate) updates: Vec<(Image, Image)>,
    /// Rows to insert; whole images.
    pub(crate) inserts: Vec<Image>,
    /// Cells of merged images, back to back.
    pub(crate) merged: Vec<Cell>,
    /// Something did not fit: an insert of a row that was there, a change of a row that the same
    /// batch had deleted.
    pub(crate) contradictions: usize,
}

impl Sets {
    /// Cells of an image.
    pub(crate) fn cells<'a>(
        &'a self,
        buffer: &'a ChangeBuffer,
        image: Image,
        width: usize,
    ) -> &'a [Cell] {
        image_cells(buffer, &self.merged, image, width)
    }
}

fn image_cells<'a>(
    buffer: &'a ChangeBuffer,
    merged: &'a [Cell],
    image: Image,
    width: usize,
) -> &'a [Cell] {
    let found = match image {
        Image::After(at) => buffer.after(&buffer.changes()[at as usize]),
        Image::Before(at) => buffer.before(&buffer.changes()[at as usize]),
        Image::Merged(start) => merged.get(start as usize..start as usize + width),
    };
    found.unwrap_or_default()
}

/// Which columns matter.
#[derive(Clone, Debug)]
pub(crate) struct CollapseColumns<'a> {
    /// Source columns of the key, in key order; not empty.
    pub(crate) key: &'a [usize],
    /// Source columns of unique indexes other than the key.
    pub(crate) unique: &'a [usize],
    /// Number of source columns.
    pub(crate) width: usize,
}

struct Slot {
    /// Any image that holds the slot's key.
    key: Image,
    /// The row was there before the batch.
    existed: bool,
    /// Old image of the first change, to see which unique columns changed.
    first: Option<Image>,
    /// The row as it is after the batch; `None`: deleted.
    current: Option<Image>,
}

struct Fold<'a> {
    buffer: &'a ChangeBuffer,
    columns: &'a CollapseColumns<'a>,
    hasher: DefaultHashBuilder,
    index: HashTable<u32>,
    slots: Vec<Slot>,
    sets: Sets,
}

/// Folds changes (indexes into the buffer, in source order) of one table.
pub(crate) fn collapse(
    buffer: &ChangeBuffer,
    changes: &[u32],
    columns: &CollapseColumns<'_>,
) -> Collapsed {
    let mut fold = Fold {
        buffer,
        columns,
        hasher: DefaultHashBuilder::default(),
        index: HashTable::with_capacity(changes.len()),
        slots: Vec::with_capacity(changes.len()),
        sets: Sets::default(),
    };
    for &at in changes {
        if fold.change(at, &buffer.changes()[at as usize]).is_none() {
            return Collapsed::Sequential;
        }
    }
    fold.finish()
}

impl Fold<'_> {
    /// Folds one change; `None` where the table has to be applied in source order.
    fn change(&mut self, at: u32, change: &ChangeRef) -> Option<()> {
        match change.op {
            Op::Insert => self.insert(Image::After(at)),
            Op::Delete => self.delete(Image::Before(at)),
            Op::Update => self.update(at),
        }
    }

    fn insert(&mut self, after: Image) -> Option<()> {
        if self.has_absent(after) {
            return None;
        }
        match self.slot(after)? {
            None => self.add(Slot {
                key: after,
                existed: false,
                first: None,
                current: Some(after),
            }),
            Some(slot) => {
                self.sets.contradictions += usize::from(self.slots[slot].current.is_some());
                self.slots[slot].current = Some(after);
            }
        }
        Some(())
    }

    fn delete(&mut self, before: Image) -> Option<()> {
        match self.slot(before)? {
            None => {
                let first = Some(before);
                self.add(Slot {
                    key: before,
                    existed: true,
                    first,
                    current: None,
                });
            }
            Some(slot) => {
                self.sets.contradictions += usize::from(self.slots[slot].current.is_none());
                self.slots[slot].current = None;
            }
        }
        Some(())
    }

    fn update(&mut self, at: u32) -> Option<()> {
        let (before, after) = (Image::Before(at), Image::After(at));
        if self.key_changed(before, after)? {
            if self.has_absent(after) {
                return None;
            }
            self.delete(before)?;
            return self.insert(after);
        }
        match self.slot(before)? {
            None => {
                let (first, current) = (Some(before), Some(after));
                self.add(Slot {
                    key: before,
                    existed: true,
                    first,
                    current,
                });
            }
            Some(slot) => {
                let merged = match self.slots[slot].current {
                    Some(current) if self.has_absent(after) => self.merge(current, after),
                    Some(_) => after,
                    None => {
                        self.sets.contradictions += 1;
                        after
                    }
                };
                self.slots[slot].current = Some(merged);
            }
        }
        Some(())
    }

    fn cells(&self, image: Image) -> &[Cell] {
        image_cells(self.buffer, &self.sets.merged, image, self.columns.width)
    }

    fn has_absent(&self, image: Image) -> bool {
        self.cells(image).contains(&Cell::Absent)
    }

    /// The key of an update's new image differs; a new image without key columns keeps the key.
    fn key_changed(&self, before: Image, after: Image) -> Option<bool> {
        let (before, after) = (self.cells(before), self.cells(after));
        for &column in self.columns.key {
            let (old, new) = (*before.get(column)?, *after.get(column)?);
            if new != Cell::Absent && !same_cell(self.buffer, old, new) {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Slot of the image's key, or `None` inside where the key is new; `None` outside where the
    /// image lacks a key column.
    fn slot(&self, image: Image) -> Option<Option<usize>> {
        let cells = self.cells(image);
        if self
            .columns
            .key
            .iter()
            .any(|&k| matches!(cells.get(k), None | Some(Cell::Absent)))
        {
            return None;
        }
        let hash = self.hash(cells);
        let found = self.index.find(hash, |&slot| {
            let other = self.cells(self.slots[slot as usize].key);
            let same = |&k: &usize| same_cell(self.buffer, cells[k], other[k]);
            self.columns.key.iter().all(same)
        });
        Some(found.map(|&slot| slot as usize))
    }

    fn add(&mut self, slot: Slot) {
        let Ok(number) = u32::try_from(self.slots.len()) else {
            return;
        };
        let hash = self.hash(self.cells(slot.key));
        self.slots.push(slot);
        let (buffer, columns, hasher) = (self.buffer, self.columns, &self.hasher);
        let (slots, merged) = (&self.slots, &self.sets.merged);
        self.index.insert_unique(hash, number, |&n| {
            let cells = image_cells(buffer, merged, slots[n as usize].key, columns.width);
            hash_key(hasher, buffer, columns.key, cells)
        });
    }

    fn hash(&self, cells: &[Cell]) -> u64 {
        hash_key(&self.hasher, self.buffer, self.columns.key, cells)
    }

    /// A partial new image on top of the image before it.
    fn merge(&mut self, current: Image, after: Image) -> Image {
        let start = self.sets.merged.len();
        for column in 0..self.columns.width {
            let new = self.cells(after)[column];
            let cell = if new == Cell::Absent {
                self.cells(current)[column]
            } else {
                new
            };
            self.sets.merged.push(cell);
        }
        Image::Merged(u32::try_from(start).unwrap_or(u32::MAX))
    }

    fn unique_changed(&self, first: Image, current: Image) -> bool {
        let (old, new) = (self.cells(first), self.cells(current));
        self.columns
            .unique
            .iter()
            .any(|&column| match (old.get(column), new.get(column)) {
                (_, Some(Cell::Absent)) => false,
                (Some(&old), Some(&new)) => !same_cell(self.buffer, old, new),
                _ => true,
            })
    }

    fn finish(mut self) -> Collapsed {
        let slots = std::mem::take(&mut self.slots);
        for slot in &slots {
            match (slot.existed, slot.current) {
                (false, None) => {}
                (false, Some(current)) => self.sets.inserts.push(current),
                (true, None) => self.sets.deletes.push(slot.key),
                (true, Some(current)) => {
                    if slot
                        .first
                        .is_some_and(|first| self.unique_changed(first, current))
                    {
                        if self.has_absent(current) {
                            return Collapsed::Sequential;
                        }
                        self.sets.deletes.push(slot.key);
                        self.sets.inserts.push(current);
                    } else {
                        self.sets.updates.push((slot.key, current));
                    }
                }
            }
        }
        Collapsed::Sets(self.sets)
    }
}

fn hash_key(
    hasher: &DefaultHashBuilder,
    buffer: &ChangeBuffer,
    key: &[usize],
    cells: &[Cell],
) -> u64 {
    let mut state = hasher.build_hasher();
    for &column in key {
        match cells.get(column).copied().unwrap_or(Cell::Absent) {
            Cell::Null | Cell::Absent => 0u8.hash(&mut state),
            Cell::Int(v) | Cell::Micros(v) => v.hash(&mut state),
            Cell::UInt(v) => v.hash(&mut state),
            Cell::Float(v) => v.to_bits().hash(&mut state),
            Cell::Double(v) => v.to_bits().hash(&mut state),
            Cell::Days(v) => v.hash(&mut state),
            Cell::Text(s) | Cell::Bytes(s) | Cell::Odd(s) => buffer.slice(s).hash(&mut state),
        }
    }
    state.finish()
}

/// Equal values: spans by their bytes, floats by their bits.
pub(crate) fn same_cell(buffer: &ChangeBuffer, a: Cell, b: Cell) -> bool {
    match (a, b) {
        (Cell::Text(a), Cell::Text(b))
        | (Cell::Bytes(a), Cell::Bytes(b))
        | (Cell::Odd(a), Cell::Odd(b)) => buffer.slice(a) == buffer.slice(b),
        (Cell::Float(a), Cell::Float(b)) => a.to_bits() == b.to_bits(),
        (Cell::Double(a), Cell::Double(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use chameleon_model::{Column, ColumnType, RowRef, TableName, TableSchema, TypeKind};
    use proptest::prelude::*;

    use super::*;

    type Row = [i64; 3];
    type Rows = BTreeMap<i64, Row>;

    fn table() -> Arc<TableSchema> {
        let column =
            |name: &str| Column::new(name, ColumnType::new(TypeKind::BigInt, "bigint"), true);
        Arc::new(TableSchema {
            primary_key: vec![0],
            ..TableSchema::new(
                TableName::new("s", "t"),
                vec![column("k"), column("u"), column("v")],
            )
        })
    }

    fn image(buffer: &mut ChangeBuffer, row: Row, known: [bool; 3]) -> RowRef {
        let at = buffer.begin_row();
        for (value, known) in row.into_iter().zip(known) {
            buffer.push_cell(if known {
                Cell::Int(value)
            } else {
                Cell::Absent
            });
        }
        at
    }

    const COLUMNS: CollapseColumns<'static> = CollapseColumns {
        key: &[0],
        unique: &[1],
        width: 3,
    };

    /// Applies collapsed sets to a map and checks that every set holds what it claims.
    fn apply(buffer: &ChangeBuffer, sets: &Sets, rows: &mut Rows) {
        let get = |image, column: usize| match sets.cells(buffer, image, 3)[column] {
            Cell::Int(value) => Some(value),
            _ => None,
        };
        for &image in &sets.deletes {
            assert!(
                rows.remove(&get(image, 0).unwrap()).is_some(),
                "deletes a row that is there"
            );
        }
        for &(key, image) in &sets.updates {
            let row = rows
                .get_mut(&get(key, 0).unwrap())
                .expect("updates a row that is there");
            for (column, value) in row.iter_mut().enumerate() {
                *value = get(image, column).unwrap_or(*value);
            }
        }
        for &image in &sets.inserts {
            let row = [0, 1, 2].map(|column| get(image, column).unwrap());
            assert!(
                rows.insert(row[0], row).is_none(),
                "inserts a row that is not there"
            );
        }
    }

    proptest! {
        #[test]
        fn collapsed_sets_leave_what_the_changes_leave(
            start in prop::collection::btree_map(0i64..8, (0i64..4, 0i64..4), 0..8),
            steps in prop::collection::vec((0u8..4, 0i64..8, 0i64..8, 0i64..4, 0i64..4), 0..40),
        ) {
            let mut expect: Rows = start.iter().map(|(&k, &(u, v))| (k, [k, u, v])).collect();
            let mut got = expect.clone();
            let mut buffer = ChangeBuffer::default();
            let number = buffer.table_number(&table());
            for (step, key, other, u, v) in steps {
                let old = expect.get(&key).copied();
                let (op, before, after) = match (step, old) {
                    (0, None) => (Op::Insert, None, Some(([key, u, v], [true; 3]))),
                    (1, Some(old)) => (Op::Delete, Some(old), None),
                    (2, Some(old)) => (Op::Update, Some(old), Some(([key, u, v], [true; 3]))),
                    (3, Some(old)) if !expect.contains_key(&other) => {
                        (Op::Update, Some(old), Some(([other, u, v], [true; 3])))
                    }
                    (0, Some(old)) => {
                        (Op::Update, Some(old), Some(([key, old[1], v], [false, false, true])))
                    }
                    _ => continue,
                };
                if let Some(old) = before {
                    expect.remove(&old[0]);
                }
                if let Some((row, _)) = after {
                    expect.insert(row[0], row);
                }
                let before = before.map(|row| image(&mut buffer, row, [true; 3]));
                let after = after.map(|(row, known)| image(&mut buffer, row, known));
                buffer.push_change(ChangeRef { table: number, op, before, after });
            }
            let all: Vec<u32> = (0..u32::try_from(buffer.len()).unwrap()).collect();
            match collapse(&buffer, &all, &COLUMNS) {
                Collapsed::Sets(sets) => {
                    prop_assert_eq!(sets.contradictions, 0);
                    apply(&buffer, &sets, &mut got);
                    prop_assert_eq!(got, expect);
                }
                Collapsed::Sequential => {}
            }
        }
    }

    #[test]
    fn rows_that_exchange_a_unique_value_are_deleted_first_and_inserted_last() {
        let mut buffer = ChangeBuffer::default();
        let number = buffer.table_number(&table());
        for (before, after) in [([1, 10, 0], [1, 20, 0]), ([2, 20, 0], [2, 10, 0])] {
            let before = Some(image(&mut buffer, before, [true; 3]));
            let after = Some(image(&mut buffer, after, [true; 3]));
            buffer.push_change(ChangeRef {
                table: number,
                op: Op::Update,
                before,
                after,
            });
        }
        let Collapsed::Sets(sets) = collapse(&buffer, &[0, 1], &COLUMNS) else {
            panic!("full images can be collapsed")
        };
        assert_eq!(
            (sets.deletes.len(), sets.updates.len(), sets.inserts.len()),
            (2, 0, 2)
        );
    }
}
