//! Rows that were logged as a statement: what it changed beyond the tables that it names.
//!
//! A statement changes tables through views, by triggers and by functions, and the binlog has nothing
//! of that. The source is asked for these objects; what a statement reaches through them is every table
//! that the text of one of them names, read or written: a table too many does less harm than one too
//! few. Where the account cannot see them all, nothing is known, and any table may have changed. An
//! account that sees those of the one database knows what a statement reaches as long as neither it nor
//! an object on the way names another database.
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
    /// The tables that it changes are of the replicated database, and so is a name without one.
    pub(super) is_at_home: bool,
}

/// Views, triggers and routines of the source.
#[derive(Debug, Default)]
pub(super) struct Objects {
    objects: Vec<Object>,
    /// The replicated database, in lowercase.
    home: String,
    sight: Sight,
}

/// Objects that the account sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sight {
    /// Not all, and which is not known.
    #[default]
    Partial,
    /// All of the replicated database.
    Home,
    All,
}

#[derive(Debug)]
struct Object {
    /// Its database, in lowercase.
    schema: String,
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
                "select event_object_schema as home, event_object_table as name, \
                 action_statement as text from information_schema.triggers where event_object_schema not in {OWN_SCHEMAS}"
            ),
            format!(
                "select table_schema as home, table_name as name, view_definition as text \
                 from information_schema.views where table_schema not in {OWN_SCHEMAS}"
            ),
            format!(
                "select routine_schema as home, routine_name as name, \
                 routine_definition as text from information_schema.routines where routine_schema not in {OWN_SCHEMAS}"
            ),
        ];
        let mut objects = Vec::new();
        for sql in queries {
            for row in conn.rows(WHAT, &sql).await? {
                objects.push(Object {
                    schema: row.owned("home").to_lowercase(),
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
            home: database.to_lowercase(),
            sight: sight(&grants, database),
        })
    }

    /// There are none, and that is certain.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self {
            sight: Sight::All,
            ..Self::default()
        }
    }

    /// Texts of the objects that a statement reaches, and those reach. `None`: it cannot be told.
    pub(super) fn reached(&self, logged: &Logged) -> Option<Vec<&str>> {
        let sql = logged.sql.to_lowercase();
        let follows = |text: &str| match self.sight {
            Sight::Partial => false,
            Sight::Home => stays_in(&self.home, text),
            Sight::All => true,
        };
        if !follows(&sql) || self.sight == Sight::Home && !logged.is_at_home {
            return None;
        }
        let mut named = words(&sql);
        let mut names_beyond = vec![sql.as_str()];
        let mut left: Vec<&Object> = self.objects.iter().collect();
        if self.sight == Sight::Home {
            // without the name of another database nothing of it is reached
            left.retain(|object| object.schema == self.home);
        }
        let mut reached = Vec::new();
        loop {
            let (hit, rest): (Vec<_>, Vec<_>) = left
                .into_iter()
                .partition(|object| is_named(&object.name, &named, &names_beyond));
            if hit.is_empty() {
                return Some(reached);
            }
            for object in hit {
                let text = object.text.as_deref().filter(|text| follows(text))?;
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

/// Every name with a dot behind it is that of the database, or stands for a trigger's row. All is in
/// lowercase. An alias may be the name of a database as well, and is taken for one.
fn stays_in(home: &str, text: &str) -> bool {
    let mut dots = text.match_indices('.');
    dots.all(|(at, _)| is_home(home, text[..at].trim_end(), &text[at + 1..]))
}

/// The name at the end of `before`, which a dot and `after` follow, names no other database.
fn is_home(home: &str, before: &str, after: &str) -> bool {
    let (lead, name, quoted) = match before.chars().next_back() {
        Some(quote @ ('`' | '"')) => {
            match before[..before.len() - 1].rsplit_once(quote) {
                // a quote inside of the name
                Some((lead, _)) if lead.ends_with(quote) => return false,
                Some((lead, name)) => (lead, name, true),
                None => return false,
            }
        }
        _ => {
            let lead = before.trim_end_matches(is_of_word);
            (lead, &before[lead.len()..], false)
        }
    };
    if !quoted && name.chars().all(|c| c.is_ascii_digit()) {
        let is_digit = |c: char| c.is_ascii_digit();
        return after.starts_with(is_digit) || !name.is_empty() && !after.starts_with(is_of_word);
    }
    // the first part of a name in three parts is looked at by itself
    lead.trim_end().ends_with('.') || name == home || !quoted && matches!(name, "new" | "old")
}

fn sight(grants: &Grants, database: &str) -> Sight {
    let here = |right: &str| grants.on_database(right, database);
    if grants.everywhere("TRIGGER") && grants.everywhere("SELECT") {
        Sight::All
    } else if here("TRIGGER") && here("SELECT") && grants.global(&["SELECT", "SHOW_ROUTINE"]) {
        Sight::Home
    } else {
        Sight::Partial
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(list: &[(&str, Option<&str>)]) -> Objects {
        let objects = list.iter().map(|(name, text)| Object {
            schema: "shop".to_owned(),
            name: (*name).to_owned(),
            text: text.map(str::to_owned),
        });
        Objects {
            objects: objects.collect(),
            home: "shop".to_owned(),
            sight: Sight::All,
        }
    }

    fn logged(sql: &str) -> Logged {
        Logged {
            sql: sql.to_owned(),
            kind: "INSERT",
            names_tables: true,
            is_at_home: true,
        }
    }

    fn check(objects: &Objects, sql: &str, expect: Option<&[&str]>) {
        let tables = ["base", "log", "odd name", "other"];
        let found = objects.reached(&logged(sql)).map(|texts| {
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

    #[test]
    fn who_sees_one_database_knows_what_stays_in_it() {
        let mut all = objects(&[
            ("v", Some("select `base`.`id` from `shop`.`base`")),
            ("w", Some("select `shop`.`base`.`id` from `shop`.`base`")),
            ("base", Some("insert into log values (new.id, 1.5)")),
            ("far", Some("insert into `beyond`.x values (1)")),
        ]);
        all.sight = Sight::Home;
        let mut beyond = objects(&[("x", Some("insert into other values (1)"))]);
        beyond.objects[0].schema = "beyond".to_owned();
        all.objects.append(&mut beyond.objects);
        for (sql, expect) in [
            (
                "insert into shop.base values (.5, 1., 2.5)",
                Some(&["log"][..]),
            ),
            (
                "insert into `Shop` . `W` values (1)",
                Some(&["base", "log"]),
            ),
            ("insert into x values (1)", Some(&[])),
            ("insert into beyond.x values (1)", None),
            ("insert into `beyond` . x values (1)", None),
            ("insert into `x``shop`.x values (1)", None),
            ("insert into `1`.`2` values (1)", None),
            ("insert into beyond/**/.x values (1)", None),
            ("insert into log values (beyond.f())", None),
            // objects that go further, or whose names may be those of a database
            ("insert into far values (1)", None),
            ("insert into v values (1)", None),
        ] {
            check(&all, sql, expect);
        }
        let mut elsewhere = logged("insert into x values (1)");
        elsewhere.is_at_home = false;
        assert_eq!(all.reached(&elsewhere), None);
        all.sight = Sight::All;
        assert_eq!(all.reached(&elsewhere).map(|texts| texts.len()), Some(1));
    }

    #[test]
    fn sight_of_all_databases_needs_rights_on_all() {
        let check = |lines: &[&str], expect| {
            let grants = Grants::parse(lines.iter().copied());
            assert_eq!(sight(&grants, "shop"), expect, "{lines:?}");
        };
        let all = "GRANT SELECT, TRIGGER ON *.* TO `u`@`%`";
        let here = "GRANT SELECT, TRIGGER ON `shop`.* TO `u`@`%`";
        let routines = "GRANT SHOW_ROUTINE ON *.* TO `u`@`%`";
        check(&[all], Sight::All);
        check(&["GRANT ALL PRIVILEGES ON *.* TO `u`@`%`"], Sight::All);
        check(
            &[all, "REVOKE SELECT ON `other`.* FROM `u`@`%`"],
            Sight::Home,
        );
        check(
            &[all, "REVOKE SELECT ON `shop`.* FROM `u`@`%`"],
            Sight::Partial,
        );
        check(&["GRANT SELECT ON *.* TO `u`@`%`", here], Sight::Home);
        check(
            &["GRANT TRIGGER ON *.* TO `u`@`%`", here, routines],
            Sight::Home,
        );
        check(&[here, routines], Sight::Home);
        check(&[here], Sight::Partial);
        check(&["GRANT SELECT ON *.* TO `u`@`%`"], Sight::Partial);
    }
}
