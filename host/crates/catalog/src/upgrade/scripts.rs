//! The SQL of the upgrade: one file a step, embedded, with a header that says why, its lock, its
//! cost and what undoing it loses.
//!
//! `{name}` in a file is a place for a table, a list or a number. It is filled in one pass, so that
//! nothing in a value is taken for a place.

/// A step's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// Name of the file without its ending.
    pub(super) id: &'static str,
    text: &'static str,
}

macro_rules! scripts {
    ($($name:ident $file:literal;)*) => {
        $(pub(super) const $name: Script = Script {
            id: $file,
            text: include_str!(concat!(
                "../../../../../sql/upgrade/1.2--1.3/", $file, ".sql"
            )),
        };)*
        /// All of them, in the order of their names.
        #[cfg(test)]
        pub(super) const ALL: &[Script] = &[$($name),*];
    };
}

scripts! {
    LOCK_CATALOG "010_lock_catalog";
    ADD_LOG_TABLES "020_add_log_tables";
    RENUMBER_EVENTS "030_renumber_events";
    CREATE_QUARANTINE "035_create_quarantine";
    QUARANTINE_ROWS "040_quarantine_rows";
    REMOVE_ORPHANS "045_remove_orphans";
    RENAME_LOG_TABLE "050_rename_log_table";
    CREATE_LOG_TABLE "060_create_log_table";
    COPY_ROWS "070_copy_rows";
    ADD_KEYS "080_add_keys";
    COMPARE_ROWS "085_compare_rows";
    DROP_LOG_TABLE "090_drop_log_table";
    EMPTY_PARENT "095_empty_parent";
    RAISE_EVENT_SEQUENCE "100_raise_event_sequence";
    CHANGE_BATCHES "110_change_batches";
    CHANGE_LABEL "120_change_label";
    COUNT_ROWS "count_rows";
    VERIFY "verify";
}

impl Script {
    /// The statements, with the places filled.
    pub(super) fn sql(self, values: &[(&str, &str)]) -> String {
        let body = self
            .text
            .lines()
            .skip_while(|line| line.starts_with("--"))
            .collect::<Vec<_>>();
        fill(body.join("\n").trim(), values)
    }

    /// A part of the header, such as `why`, in one line, with the places filled.
    pub(super) fn header(self, key: &str, values: &[(&str, &str)]) -> String {
        let mut found = Vec::new();
        for line in self.text.lines() {
            let Some(line) = line.strip_prefix("--") else {
                break;
            };
            let is_continued = line.starts_with("         ");
            let words = line.trim();
            if let Some(rest) = words.strip_prefix(key).filter(|_| !is_continued) {
                found.push(rest.trim());
            } else if !found.is_empty() {
                if !is_continued {
                    break;
                }
                found.push(words);
            }
        }
        fill(&found.join(" "), values)
    }
}

fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let value = rest.find('}').and_then(|end| {
            let name = &rest[1..end];
            let value = values.iter().find(|(key, _)| *key == name)?;
            Some((value.1, end + 1))
        });
        let (value, taken) = value.unwrap_or(("{", 1));
        out.push_str(value);
        rest = &rest[taken..];
    }
    out.push_str(rest);
    out
}

/// A list of numbers as a literal of `bigint[]`.
pub(super) fn numbers(values: impl IntoIterator<Item = i64>) -> String {
    let values: Vec<String> = values.into_iter().map(|v| v.to_string()).collect();
    format!("'{{{}}}'::bigint[]", values.join(","))
}

/// A list of places of rows as a literal of `tid[]`.
pub(super) fn places<T: std::fmt::Display>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<String> = values.into_iter().map(|v| format!("\"{v}\"")).collect();
    format!("'{{{}}}'::tid[]", values.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_says_why_its_lock_its_cost_and_what_undoing_loses() {
        for script in ALL
            .iter()
            .filter(|s| s.id.starts_with(|c: char| c.is_ascii_digit()))
        {
            for key in ["why", "locks", "cost", "undoing"] {
                let said = script.header(key, &[]);
                assert!(!said.is_empty(), "{}: {key}", script.id);
            }
        }
        let undoing = CHANGE_BATCHES.header("undoing", &[]);
        assert!(
            undoing.starts_with("loses the log table's name"),
            "{undoing}"
        );
        assert!(undoing.ends_with("has no form in 1.2"), "{undoing}");
    }

    #[test]
    fn places_are_filled_in_one_pass_and_unknown_ones_stay() {
        assert_eq!(
            fill("a {x} b {y} {z", &[("x", "{y}"), ("y", "2")]),
            "a {y} b 2 {z"
        );
        assert_eq!(numbers([1, -2]), "'{1,-2}'::bigint[]");
        assert_eq!(places(["(0,1)"]), "'{\"(0,1)\"}'::tid[]");
    }

    #[test]
    fn a_filled_statement_has_no_place_left() {
        let sql = DROP_LOG_TABLE.sql(&[("relation", "sch_chameleon.t_log_replica_1")]);
        assert_eq!(sql, "drop table sch_chameleon.t_log_replica_1;");
    }
}
