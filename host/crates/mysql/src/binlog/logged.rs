//! Rows that were logged as a statement: what it changed beyond the tables that it names.
//!
//! A statement changes tables through views, by triggers and by functions, and the binlog has nothing
//! of that. The source is asked for these objects; what a statement reaches through them is every table
//! that the text of one of them names, read or written: a table too many does less harm than one too
//! few. Where the account cannot see them all, nothing is known, and any table may have changed.
//! Objects that were dropped since are not known either.

use std::collections::BTreeSet;

use crate::preflight::rights::{self, Grants};
use crate::{SourceConn, SourceError};

const WHAT: &str = "look for what a logged statement changes";

/// Schemas of the servers themselves.
const OWN_SCHEMAS: &str = "('sys', 'mysql', 'information_schema', 'performance_schema')";

/// A statement in place of its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Logged {
    pub(super) sql: String,
    pub(super) kind: &'static str,
    /// It names tables that it changes.
    pub(super) names_tables: bool,
}

/// Views, triggers and routines of the source.
#[derive(Debug, Default)]
pub(super) struct Objects {
    objects: Vec<Object>,
    /// The account sees all of them.
    complete: bool,
}

#[derive(Debug)]
struct Object {
    /// By which a text reaches it: its own name; a trigger's is that of its table.
    name: String,
    /// `None`: it cannot be seen.
    text: Option<String>,
}

impl Objects {
    /// Asks the source.
    pub(super) async fn read(conn: &mut SourceConn, database: &str) -> Result<Self, SourceError> {
        let (grants, _) = rights::read(conn).await?;
        let queries = [
            format!(
                "select event_object_table as name, action_statement as text \
                 from information_schema.triggers where event_object_schema not in {OWN_SCHEMAS}"
            ),
            format!(
                "select table_name as name, view_definition as text \
                 from information_schema.views where table_schema not in {OWN_SCHEMAS}"
            ),
            format!(
                "select routine_name as name, routine_definition as text \
                 from information_schema.routines where routine_schema not in {OWN_SCHEMAS}"
            ),
        ];
        let mut objects = Vec::new();
        for sql in queries {
            for row in conn.rows(WHAT, &sql).await? {
                objects.push(Object {
                    name: row.owned("name").to_lowercase(),
                    text: row
                        .text("text")
                        .filter(|text| !text.is_empty())
                        .map(str::to_lowercase),
                });
            }
        }
        Ok(Self {
            objects,
            complete: sees_all(&grants, database),
        })
    }

    /// There are none, and that is certain.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self {
            objects: Vec::new(),
            complete: true,
        }
    }

    /// Texts of the objects that a statement reaches, and those reach. `None`: it cannot be told.
    pub(super) fn reached(&self, sql: &str) -> Option<Vec<&str>> {
        if !self.complete {
            return None;
        }
        let sql = sql.to_lowercase();
        let mut named = words(&sql);
        let mut names_beyond = vec![sql.as_str()];
        let mut left: Vec<&Object> = self.objects.iter().collect();
        let mut reached = Vec::new();
        loop {
            let (hit, rest): (Vec<_>, Vec<_>) = left
                .into_iter()
                .partition(|object| is_named(&object.name, &named, &names_beyond));
            if hit.is_empty() {
                return Some(reached);
            }
            for object in hit {
                let text = object.text.as_deref()?;
                named.extend(words(text));
                names_beyond.push(text);
                reached.push(text);
            }
            left = rest;
        }
    }
}

/// One of the texts names the table.
pub(super) fn names(texts: &[&str], table: &str) -> bool {
    let table = table.to_lowercase();
    texts
        .iter()
        .any(|text| is_named(&table, &words(text), &[*text]))
}

fn is_named(name: &str, words: &BTreeSet<&str>, texts: &[&str]) -> bool {
    if name.chars().all(is_of_word) {
        words.contains(name)
    } else {
        texts.iter().any(|text| text.contains(name))
    }
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c| !is_of_word(c))
        .filter(|word| !word.is_empty())
        .collect()
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

/// The account sees the triggers of the database and all routines.
fn sees_all(grants: &Grants, database: &str) -> bool {
    let triggers = grants.global(&["TRIGGER"]) || grants.on_database("TRIGGER", database);
    triggers && grants.global(&["SELECT", "SHOW_ROUTINE"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(list: &[(&str, Option<&str>)]) -> Objects {
        let objects = list.iter().map(|(name, text)| Object {
            name: (*name).to_owned(),
            text: text.map(str::to_owned),
        });
        Objects {
            objects: objects.collect(),
            complete: true,
        }
    }

    fn check(objects: &Objects, sql: &str, expect: Option<&[&str]>) {
        let tables = ["base", "log", "odd name", "other"];
        let found = objects.reached(sql).map(|texts| {
            let named = tables.into_iter().filter(|table| names(&texts, table));
            named.collect::<Vec<_>>()
        });
        assert_eq!(found.as_deref(), expect, "{sql}");
    }

    #[test]
    fn views_triggers_and_functions_are_followed_to_their_tables() {
        let all = objects(&[
            ("v", Some("select `base`.`id` from `base`")),
            ("base", Some("insert into log values (f(new.id))")),
            (
                "f",
                Some("begin update `odd name` set a = 1; return 1; end"),
            ),
            ("never", Some("delete from other")),
        ]);
        check(&all, "insert into x values (1)", Some(&[]));
        check(
            &all,
            "INSERT INTO `V` VALUES (1)",
            Some(&["base", "log", "odd name"]),
        );
        check(
            &all,
            "insert into base select 1",
            Some(&["log", "odd name"]),
        );
        check(&all, "insert into x values (F(1))", Some(&["odd name"]));
        check(&all, "insert into vx values (fx(1))", Some(&[]));
    }

    #[test]
    fn what_cannot_be_seen_may_have_changed_anything() {
        let hidden = objects(&[("base", None)]);
        check(&hidden, "insert into base values (1)", None);
        check(&hidden, "insert into other values (1)", Some(&[]));
        let blind = Objects::default();
        check(&blind, "insert into other values (1)", None);
    }
}
