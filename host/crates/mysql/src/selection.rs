//! Which tables of the database take part.

/// Names from the configuration: `tables_limit` and `skip_tables`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSelection {
    /// Only these; empty means all.
    pub limit: Vec<String>,
    /// Not these, even where `limit` names them.
    pub skip: Vec<String>,
}

impl TableSelection {
    /// All tables.
    pub fn all() -> Self {
        Self::default()
    }

    /// The table takes part. Names are compared exactly, as the source spells them.
    pub fn matches(&self, table: &str) -> bool {
        (self.limit.is_empty() || self.limit.iter().any(|n| n == table))
            && !self.skip.iter().any(|n| n == table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_table_is_left_out_even_where_the_limit_names_it() {
        let check = |limit: &[&str], skip: &[&str], table: &str, expect: bool| {
            let own = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect();
            let selection = TableSelection {
                limit: own(limit),
                skip: own(skip),
            };
            assert_eq!(
                selection.matches(table),
                expect,
                "{limit:?} {skip:?} {table}"
            );
        };
        check(&[], &[], "a", true);
        check(&["a"], &[], "a", true);
        check(&["a"], &[], "A", false);
        check(&["a"], &[], "b", false);
        check(&["a", "b"], &["b"], "b", false);
        check(&[], &["b"], "b", false);
    }
}
