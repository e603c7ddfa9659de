//! Rows as canonical values, their checksums, and sums of checksums.
//!
//! A sum does not depend on the order of the rows, so neither side has to sort and collations do
//! not matter.

use sha2::{Digest, Sha256};

/// One row: a canonical value per column of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CanonRow {
    data: Vec<u8>,
    fields: Vec<Option<(usize, usize)>>,
}

impl CanonRow {
    /// Forgets all values but keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.data.clear();
        self.fields.clear();
    }

    /// Appends what `value` appends, or NULL where it returns `false`.
    pub(crate) fn push(&mut self, value: impl FnOnce(&mut Vec<u8>) -> bool) {
        let start = self.data.len();
        let some = value(&mut self.data);
        self.fields.push(some.then_some((start, self.data.len())));
    }

    /// A value; `None` is NULL.
    pub(crate) fn field(&self, index: usize) -> Option<&[u8]> {
        let (start, end) = (*self.fields.get(index)?)?;
        self.data.get(start..end)
    }

    /// Checksum of all values.
    pub(crate) fn checksum(&self) -> u128 {
        self.digest(0..self.fields.len())
    }

    /// Checksum of some values; of all where none are named.
    pub(crate) fn key_checksum(&self, key: &[usize]) -> u128 {
        if key.is_empty() {
            return self.checksum();
        }
        self.digest(key.iter().copied())
    }

    fn digest(&self, columns: impl Iterator<Item = usize>) -> u128 {
        let mut hasher = Sha256::new();
        for column in columns {
            match self.field(column) {
                None => hasher.update([0]),
                Some(value) => {
                    hasher.update([1]);
                    hasher.update(u64::try_from(value.len()).unwrap_or(u64::MAX).to_le_bytes());
                    hasher.update(value);
                }
            }
        }
        let digest = hasher.finalize();
        digest
            .first_chunk::<16>()
            .map_or(0, |half| u128::from_le_bytes(*half))
    }
}

/// Number and sum of checksums of some rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) rows: u64,
    pub(crate) checksum: u128,
}

impl Sum {
    pub(crate) fn add(&mut self, checksum: u128) {
        self.rows += 1;
        self.checksum = self.checksum.wrapping_add(checksum);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.checksum = self.checksum.wrapping_add(other.checksum);
    }
}

/// Sums by key: rows with the same key fall into the same bucket on either side.
#[derive(Clone, Debug)]
pub(crate) struct Buckets(Vec<Sum>);

/// A power of two.
const BUCKETS: usize = 1 << 14;

impl Buckets {
    pub(crate) fn new() -> Self {
        Self(vec![Sum::default(); BUCKETS])
    }

    /// Which bucket a key falls into.
    pub(crate) fn place(key_checksum: u128) -> usize {
        usize::try_from(key_checksum % 16_384).unwrap_or(0)
    }

    pub(crate) fn add(&mut self, key_checksum: u128, checksum: u128) {
        self.0[Self::place(key_checksum)].add(checksum);
    }

    /// All buckets together.
    pub(crate) fn total(&self) -> Sum {
        let mut total = Sum::default();
        self.0.iter().for_each(|sum| total.merge(*sum));
        total
    }

    /// Buckets that differ, as many as hold up to `max_rows` rows on the fuller side, but at least
    /// one; and whether there are more.
    pub(crate) fn differing(&self, other: &Self, max_rows: u64) -> (Vec<bool>, bool) {
        let mut chosen = vec![false; BUCKETS];
        let mut rows = 0;
        let mut more = false;
        for (index, (a, b)) in self.0.iter().zip(&other.0).enumerate() {
            if a == b {
                continue;
            }
            let here = a.rows.max(b.rows);
            if rows > 0 && rows + here > max_rows {
                more = true;
                continue;
            }
            rows += here;
            chosen[index] = true;
        }
        (chosen, more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[Option<&str>]) -> CanonRow {
        let mut row = CanonRow::default();
        for value in values {
            row.push(|out| match value {
                Some(text) => {
                    out.extend_from_slice(text.as_bytes());
                    true
                }
                None => false,
            });
        }
        row
    }

    #[test]
    fn a_checksum_tells_null_empty_and_moved_bytes_apart() {
        let rows = [
            row(&[Some("ab"), Some("c")]),
            row(&[Some("a"), Some("bc")]),
            row(&[Some(""), None]),
            row(&[None, Some("")]),
            row(&[None, None]),
            row(&[Some(""), Some("")]),
        ];
        let mut sums: Vec<u128> = rows.iter().map(CanonRow::checksum).collect();
        sums.sort_unstable();
        sums.dedup();
        assert_eq!(sums.len(), rows.len());
    }

    #[test]
    fn a_sum_does_not_depend_on_order_but_on_number() {
        let (a, b) = (row(&[Some("a")]).checksum(), row(&[Some("b")]).checksum());
        let sum = |rows: &[u128]| {
            let mut buckets = Buckets::new();
            rows.iter().for_each(|row| buckets.add(*row, *row));
            buckets.total()
        };
        assert_eq!(sum(&[a, b, a]), sum(&[a, a, b]));
        assert_ne!(sum(&[a, b]), sum(&[a, b, b]));
        assert_ne!(sum(&[a, a]), sum(&[b, b]));
    }

    #[test]
    fn differing_buckets_are_taken_up_to_a_number_of_rows() {
        let mut some = Buckets::new();
        for key in 0..10u128 {
            some.add(key, key + 1);
            some.add(key, key + 1);
        }
        let (chosen, more) = some.differing(&Buckets::new(), 5);
        assert_eq!((chosen.iter().filter(|c| **c).count(), more), (2, true));
        let (chosen, more) = some.differing(&Buckets::new(), 1);
        assert_eq!((chosen.iter().filter(|c| **c).count(), more), (1, true));
        let (chosen, more) = some.differing(&some, 1);
        assert_eq!((chosen.iter().filter(|c| **c).count(), more), (0, false));
    }
}
