//! "Did you mean": the known name that is least far from a wrong one.

/// The name among `known` that `wrong` was probably meant to be: at most a third of its letters differ.
///
/// ```
/// use chameleon_transform_sdk::nearest;
/// assert_eq!(nearest("emial", ["id", "email", "name"]), Some("email"));
/// assert_eq!(nearest("colour", ["id", "name"]), None);
/// ```
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = wrong.chars().count().div_ceil(3).max(1);
    known
        .into_iter()
        .map(|name| (distance(wrong, name), name))
        .filter(|(distance, name)| *distance <= limit || contains(name, wrong))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// A column that was renamed often keeps its old name as a part.
fn contains(name: &str, wrong: &str) -> bool {
    let (name, wrong) = (name.to_lowercase(), wrong.to_lowercase());
    wrong.len() > 2 && name.len() > 2 && (name.contains(&wrong) || wrong.contains(&name))
}

/// How many letters are to be changed, added, removed or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let width = right.len() + 1;
    let mut table: Vec<usize> = (0..width).collect();
    for (row, from) in left.iter().enumerate() {
        table.push(row + 1);
        for (column, to) in right.iter().enumerate() {
            let above = table[row * width + column + 1] + 1;
            let beside = table[(row + 1) * width + column] + 1;
            let diagonal = table[row * width + column] + usize::from(from != to);
            let mut best = above.min(beside).min(diagonal);
            let swapped =
                row > 0 && column > 0 && left[row - 1] == *to && right[column - 1] == *from;
            if swapped {
                best = best.min(table[(row - 1) * width + column - 1] + 1);
            }
            table.push(best);
        }
    }
    table[left.len() * width + right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_changes_and_swaps() {
        for (left, right, expect) in [
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("email", "emial", 1),
            ("email", "E-Mail", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(left, right), expect, "{left} {right}");
        }
    }

    #[test]
    fn a_renamed_column_is_near_by_its_old_name() {
        assert_eq!(
            nearest("email", ["id", "contact_email"]),
            Some("contact_email")
        );
    }
}
