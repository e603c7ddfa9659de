//! The folding of a batch as a plain function, for measurements.

use chameleon_model::ChangeBuffer;

use crate::collapse::{CollapseColumns, Collapsed, collapse};

/// Folds all changes of a buffer that holds one table. `key` and `unique` are columns of the table.
/// Returns how many deletes, updates and inserts are left; `None`: it cannot be told as sets.
pub fn fold(buffer: &ChangeBuffer, key: &[usize], unique: &[usize]) -> Option<[usize; 3]> {
    let width = buffer.tables().first()?.columns.len();
    let columns = CollapseColumns { key, unique, width };
    let all: Vec<u32> = (0u32..).take(buffer.len()).collect();
    match collapse(buffer, &all, &columns) {
        Collapsed::Sets(sets) => Some([sets.deletes.len(), sets.updates.len(), sets.inserts.len()]),
        Collapsed::Sequential => None,
    }
}
