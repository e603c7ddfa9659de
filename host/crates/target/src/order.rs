//! Rows of a set in the order of their key.
//!
//! The order of a set's rows is free. In key order neighbours share pages of the index and often of
//! the table, which are then looked up while they are still in the processor's cache and the
//! server's buffers.

use std::cmp::Ordering;

use chameleon_model::{Cell, ChangeBuffer};

use crate::collapse::{CollapseColumns, Image, Sets};

impl Sets {
    /// Puts every set's rows into the order of their key.
    pub(crate) fn sort(&mut self, buffer: &ChangeBuffer, columns: &CollapseColumns<'_>) {
        let mut deletes = std::mem::take(&mut self.deletes);
        let mut updates = std::mem::take(&mut self.updates);
        let mut inserts = std::mem::take(&mut self.inserts);
        self.sort_rows(&mut deletes, |row| *row, buffer, columns);
        self.sort_rows(&mut updates, |(key, _)| *key, buffer, columns);
        self.sort_rows(&mut inserts, |row| *row, buffer, columns);
        (self.deletes, self.updates, self.inserts) = (deletes, updates, inserts);
    }

    /// Sorts rows by the images that `key` tells.
    fn sort_rows<T: Copy>(
        &self,
        rows: &mut Vec<T>,
        key: impl Fn(&T) -> Image,
        buffer: &ChangeBuffer,
        columns: &CollapseColumns<'_>,
    ) {
        let number = |row: &T| {
            let &[column] = columns.key else {
                return None;
            };
            let cells = self.cells(buffer, key(row), columns.width);
            integer(*cells.get(column)?)
        };
        let numbered: Option<Vec<(i128, T)>> =
            rows.iter().map(|row| Some((number(row)?, *row))).collect();
        match numbered {
            // a key that is one integer is looked up once for each row
            Some(mut numbered) => {
                numbered.sort_by_key(|(number, _)| *number);
                rows.clear();
                rows.extend(numbered.into_iter().map(|(_, row)| row));
            }
            None => rows.sort_by(|a, b| self.compare(buffer, columns, key(a), key(b))),
        }
    }

    /// Cuts the sets, which are in the order of their key, into that many of about the same size.
    pub(crate) fn into_ranges(mut self, count: usize) -> Vec<Sets> {
        let mut ranges = Vec::with_capacity(count);
        for left in (1..=count).rev() {
            ranges.push(Sets {
                deletes: cut(&mut self.deletes, left),
                updates: cut(&mut self.updates, left),
                inserts: cut(&mut self.inserts, left),
                merged: self.merged.clone(),
                contradictions: self.contradictions,
            });
        }
        ranges
    }

    fn compare(
        &self,
        buffer: &ChangeBuffer,
        columns: &CollapseColumns<'_>,
        a: Image,
        b: Image,
    ) -> Ordering {
        let a = self.cells(buffer, a, columns.width);
        let b = self.cells(buffer, b, columns.width);
        columns
            .key
            .iter()
            .map(|&column| match (a.get(column), b.get(column)) {
                (Some(a), Some(b)) => compare_cells(buffer, *a, *b),
                _ => Ordering::Equal,
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

/// Takes the first of `parts` equal parts.
fn cut<T>(rows: &mut Vec<T>, parts: usize) -> Vec<T> {
    let rest = rows.split_off(rows.len().div_ceil(parts));
    std::mem::replace(rows, rest)
}

/// Cells of one column. Kinds differ where a value does not fit its column's usual form; each kind
/// stands together.
fn compare_cells(buffer: &ChangeBuffer, a: Cell, b: Cell) -> Ordering {
    match (a, b) {
        (Cell::Int(a), Cell::Int(b)) | (Cell::Micros(a), Cell::Micros(b)) => a.cmp(&b),
        (Cell::UInt(a), Cell::UInt(b)) => a.cmp(&b),
        (Cell::Days(a), Cell::Days(b)) => a.cmp(&b),
        (Cell::Float(a), Cell::Float(b)) => a.total_cmp(&b),
        (Cell::Double(a), Cell::Double(b)) => a.total_cmp(&b),
        (Cell::Text(a), Cell::Text(b))
        | (Cell::Bytes(a), Cell::Bytes(b))
        | (Cell::Odd(a), Cell::Odd(b)) => buffer.slice(a).cmp(buffer.slice(b)),
        (a, b) => kind(a).cmp(&kind(b)),
    }
}

fn integer(cell: Cell) -> Option<i128> {
    match cell {
        Cell::Int(value) => Some(i128::from(value)),
        Cell::UInt(value) => Some(i128::from(value)),
        _ => None,
    }
}

fn kind(cell: Cell) -> u8 {
    match cell {
        Cell::Null => 0,
        Cell::Absent => 1,
        Cell::Int(_) => 2,
        Cell::UInt(_) => 3,
        Cell::Float(_) => 4,
        Cell::Double(_) => 5,
        Cell::Days(_) => 6,
        Cell::Micros(_) => 7,
        Cell::Text(_) => 8,
        Cell::Bytes(_) => 9,
        Cell::Odd(_) => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_the_order_of_their_key_whatever_its_type() {
        let mut buffer = ChangeBuffer::default();
        let text =
            |buffer: &mut ChangeBuffer, value: &str| Cell::Text(buffer.put(value.as_bytes()));
        let texts = ["b", "a", "c"].map(|value| text(&mut buffer, value));
        let integers = [Cell::Int(3), Cell::Int(-7), Cell::Int(i64::MAX)];
        let unsigned = [Cell::UInt(u64::MAX), Cell::UInt(0), Cell::UInt(u64::MAX)];
        let mixed = [Cell::Int(5), text(&mut buffer, "a"), Cell::Null];
        let columns = CollapseColumns {
            key: &[0],
            unique: &[],
            width: 1,
        };
        let order = |merged: [Cell; 3]| {
            let images: Vec<Image> = (0..3).map(Image::Merged).collect();
            let mut sets = Sets {
                deletes: images.clone(),
                updates: images.iter().map(|&image| (image, image)).collect(),
                inserts: images,
                merged: merged.to_vec(),
                contradictions: 0,
            };
            sets.sort(&buffer, &columns);
            let keys: Vec<Image> = sets.updates.iter().map(|&(key, _)| key).collect();
            assert_eq!((&sets.deletes, &sets.inserts), (&keys, &keys));
            keys
        };
        let merged = |numbers: [u32; 3]| numbers.map(Image::Merged);
        assert_eq!(order(integers), merged([1, 0, 2]));
        assert_eq!(
            order(unsigned),
            merged([1, 0, 2]),
            "equal ones keep their order"
        );
        assert_eq!(order(texts), merged([1, 0, 2]));
        assert_eq!(order(mixed), merged([2, 0, 1]), "kinds stand together");
    }
}
