//! Renames that may cross: `a` to `b` and `b` to `a`.

use chameleon_model::name::target_name;

/// Single renames, in order, that carry out all `(from, to)` pairs. `taken`: names that exist and
/// are not among the pairs. Where a new name is still in use, the column or type goes by way of a
/// name of its own.
pub(super) fn ordered(pairs: &[(String, String)], taken: &[String]) -> Vec<(String, String)> {
    let pairs: Vec<&(String, String)> = pairs.iter().filter(|(from, to)| from != to).collect();
    let mut first = Vec::new();
    let mut direct = Vec::new();
    let mut last = Vec::new();
    for (from, to) in &pairs {
        let in_use = pairs.iter().any(|(other, _)| other == to) || taken.contains(to);
        if in_use {
            let between = free_name(from, &pairs, taken);
            first.push((from.clone(), between.clone()));
            last.push((between, to.clone()));
        } else {
            direct.push((from.clone(), to.clone()));
        }
    }
    first.extend(direct);
    first.extend(last);
    first
}

fn free_name(from: &str, pairs: &[&(String, String)], taken: &[String]) -> String {
    let mut name = format!("{from}~");
    loop {
        let cut = target_name(&name);
        let used = taken.contains(&cut) || pairs.iter().any(|(a, b)| *a == cut || *b == cut);
        if !used {
            return cut;
        }
        name.push('~');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&str, &str)], expect: &[(&str, &str)]) {
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(a, b)| ((*a).into(), (*b).into()))
                .collect()
        };
        assert_eq!(ordered(&owned(pairs), &[]), owned(expect));
    }

    #[test]
    fn crossing_renames_go_by_way_of_another_name() {
        check(&[("a", "b"), ("c", "c")], &[("a", "b")]);
        check(
            &[("a", "b"), ("b", "a")],
            &[("a", "a~"), ("b", "b~"), ("a~", "b"), ("b~", "a")],
        );
        check(
            &[("a", "b"), ("b", "c")],
            &[("a", "a~"), ("b", "c"), ("a~", "b")],
        );
    }
}
