//! The account's rights, read from SHOW GRANTS.
//!
//! Grants are read, not tried out: a dump of the binlog and a global lock cannot be tried without
//! effect.

use chameleon_diag::codes;
use chameleon_model::TableSchema;

use super::Findings;
use crate::rows::{quote, quote_ident};
use crate::{Flavor, SourceConn, SourceError};

pub(super) async fn check(
    conn: &mut SourceConn,
    database: &str,
    tables: &[TableSchema],
    findings: &mut Findings,
) -> Result<(), SourceError> {
    let (grants, account) = read(conn).await?;
    required(conn, &grants, &account, database, tables, findings);
    optional(conn, &grants, &account, database, findings);
    Ok(())
}

/// The account's grants, those of its active roles included, and its name as SQL.
pub(crate) async fn read(conn: &mut SourceConn) -> Result<(Grants, String), SourceError> {
    let what = "read the rights";
    let account = conn.row(what, "select current_user() as account").await?;
    let account = quote_account(account.first().unwrap_or_default());
    let mut sql = "show grants".to_owned();
    if conn.info.mysql_since(80_000) {
        let role = conn.row(what, "select current_role() as role").await?;
        let role = role.first().unwrap_or("NONE");
        if role != "NONE" {
            // current_role() gives the roles quoted, as a list
            sql = format!("show grants for current_user() using {role}");
        }
    }
    let rows = conn.rows(what, &sql).await?;
    let lines = rows.iter().filter_map(|row| row.first());
    Ok((Grants::parse(lines), account))
}

/// `user@host` as `'user'@'host'`.
fn quote_account(account: &str) -> String {
    let (user, host) = account.rsplit_once('@').unwrap_or((account, "%"));
    format!("{}@{}", quote(user), quote(host))
}

/// Finds the rights that replication cannot do without.
fn required(
    conn: &SourceConn,
    grants: &Grants,
    account: &str,
    database: &str,
    tables: &[TableSchema],
    findings: &mut Findings,
) {
    let monitor = match conn.info.flavor {
        Flavor::MariaDb => ["BINLOG MONITOR", "REPLICATION CLIENT", "SUPER"],
        Flavor::MySql => ["REPLICATION CLIENT", "SUPER", "SUPER"],
    };
    let mut missing = Vec::new();
    if !grants.global(&["REPLICATION SLAVE"]) {
        missing.push("REPLICATION SLAVE");
    }
    if !grants.global(&monitor) {
        missing.push(monitor[0]);
    }
    if !missing.is_empty() {
        let list = missing.join(", ");
        findings.error(
            codes::SRC004,
            account.to_owned(),
            format!("{list} is missing, without which the binlog cannot be read"),
            format!("GRANT {list} ON *.* TO {account};"),
        );
    }
    if grants.on_database("SELECT", database) {
        return;
    }
    let readable = |t: &&TableSchema| grants.on_table("SELECT", database, &t.name.name);
    let unreadable: Vec<&str> = tables
        .iter()
        .filter(|t| !readable(t))
        .map(|t| t.name.name.as_str())
        .collect();
    if tables.is_empty() || !unreadable.is_empty() {
        let object = match unreadable.as_slice() {
            [] => database.to_owned(),
            names => format!("{database}: {}", names.join(", ")),
        };
        findings.error(
            codes::SRC004,
            object,
            "SELECT is missing, without which rows and schema cannot be read",
            format!("GRANT SELECT ON {}.* TO {account};", quote_ident(database)),
        );
    }
}

/// Finds the rights without which replication works less well.
fn optional(
    conn: &SourceConn,
    grants: &Grants,
    account: &str,
    database: &str,
    findings: &mut Findings,
) {
    let mut note = |what: &str, right: &str, on: &str| {
        findings.info(
            codes::SRC004,
            account.to_owned(),
            what,
            format!("GRANT {right} ON {on} TO {account};"),
        );
    };
    let locks = grants.on_database("LOCK TABLES", database);
    if !grants.global(&["RELOAD", "FLUSH_TABLES"]) {
        note(
            "RELOAD is missing: the copy cannot be made at one point and goes by chunks",
            "RELOAD",
            "*.*",
        );
        if !locks && !conn.info.is_mariadb() {
            note(
                "LOCK TABLES is missing: a copy by chunks is not exact for tables without a key",
                "LOCK TABLES",
                &format!("{}.*", quote_ident(database)),
            );
        }
    }
    if !grants.global(&["PROCESS"]) {
        note(
            "PROCESS is missing: long queries of others are not seen before all tables are locked",
            "PROCESS",
            "*.*",
        );
    }
    if conn.info.mysql_since(80_000) && !grants.global(&["XA_RECOVER_ADMIN"]) {
        note(
            "XA_RECOVER_ADMIN is missing: a copy does not see XA transactions that are prepared when \
             it begins, and their changes are not copied",
            "XA_RECOVER_ADMIN",
            "*.*",
        );
    }
    if conn.info.is_mariadb() && !grants.global(&["BINLOG ADMIN", "SUPER"]) {
        note(
            "BINLOG ADMIN is missing: ALTER TABLE at the source waits for the end of a copy that is \
             made at one point",
            "BINLOG ADMIN",
            "*.*",
        );
    }
}

/// What SHOW GRANTS said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Grants {
    given: Vec<Grant>,
    /// MySQL's partial revokes: exceptions from global rights, per database.
    taken: Vec<Grant>,
}

/// One line: rights on an object.
#[derive(Debug, PartialEq, Eq)]
struct Grant {
    /// In capitals; rights on single columns are left out.
    rights: Vec<String>,
    /// Database pattern; `None` for all.
    database: Option<String>,
    /// `None` for all.
    table: Option<String>,
}

impl Grants {
    pub(crate) fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut grants = Self::default();
        for line in lines {
            if let Some(rest) = line.strip_prefix("GRANT ") {
                grants.given.extend(Grant::parse(rest));
            } else if let Some(rest) = line.strip_prefix("REVOKE ") {
                grants.taken.extend(Grant::parse(rest));
            }
        }
        grants
    }

    /// One of the rights is given on everything.
    pub(crate) fn global(&self, rights: &[&str]) -> bool {
        let all = |g: &&Grant| g.database.is_none();
        self.given
            .iter()
            .filter(all)
            .any(|g| rights.iter().any(|r| g.has(r)))
    }

    /// The right is given on everything, without exception.
    pub(crate) fn everywhere(&self, right: &str) -> bool {
        self.global(&[right]) && !self.taken.iter().any(|g| g.has(right))
    }

    pub(crate) fn on_database(&self, right: &str, database: &str) -> bool {
        let taken = |g: &Grant| g.matches(database) && g.table.is_none() && g.has(right);
        if self.taken.iter().any(taken) {
            return false;
        }
        let given = |g: &Grant| g.table.is_none() && g.matches(database) && g.has(right);
        self.given.iter().any(given)
    }

    fn on_table(&self, right: &str, database: &str, table: &str) -> bool {
        let given =
            |g: &Grant| g.matches(database) && g.table.as_deref() == Some(table) && g.has(right);
        self.on_database(right, database) || self.given.iter().any(given)
    }
}

impl Grant {
    /// Reads `SELECT, INSERT (a, b) ON `db`.* TO ...`; `None` for routines, proxies and roles.
    fn parse(rest: &str) -> Option<Self> {
        let (rights, rest) = split_outside_quotes(rest, " ON ")?;
        let object = split_outside_quotes(rest, " TO ")
            .or_else(|| split_outside_quotes(rest, " FROM "))
            .map_or(rest, |(object, _)| object);
        let (database, table) = split_outside_quotes(object, ".")?;
        let name = |text: &str| match text {
            "*" => None,
            text => Some(unquoted(text)),
        };
        Some(Self {
            rights: without_columns(rights)
                .split(',')
                .map(|r| r.trim().to_uppercase())
                .filter(|r| !r.is_empty())
                .collect(),
            database: name(database),
            table: name(table),
        })
    }

    fn has(&self, right: &str) -> bool {
        let all = |r: &String| r == right || r == "ALL" || r == "ALL PRIVILEGES";
        self.rights.iter().any(all)
    }

    /// The database pattern matches: `%` and `_` are wildcards unless escaped.
    fn matches(&self, database: &str) -> bool {
        match &self.database {
            None => true,
            // a grant on one table names its database plainly
            Some(name) if self.table.is_some() => name == database,
            Some(pattern) => like(pattern.as_bytes(), database.as_bytes()),
        }
    }
}

/// The text before and after the first `separator` that is in no quotes or parentheses.
fn split_outside_quotes<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let mut quote = None;
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '`' | '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, _) if depth == 0 && text[at..].starts_with(separator) => {
                return Some((&text[..at], &text[at + separator.len()..]));
            }
            _ => {}
        }
    }
    None
}

/// Drops rights that are on single columns, `SELECT (a, b)`.
fn without_columns(rights: &str) -> String {
    let mut kept = Vec::new();
    let mut rest = rights;
    loop {
        let (right, more) = split_outside_quotes(rest, ",").unwrap_or((rest, ""));
        if !right.contains('(') {
            kept.push(right.trim());
        }
        if more.is_empty() {
            return kept.join(",");
        }
        rest = more;
    }
}

fn unquoted(name: &str) -> String {
    let name = name.trim();
    match name.strip_prefix('`').and_then(|n| n.strip_suffix('`')) {
        Some(inner) => inner.replace("``", "`"),
        None => name.to_owned(),
    }
}

/// SQL's LIKE on bytes, with backslash as the escape.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'%', rest @ ..] => (0..=text.len()).any(|n| like(rest, &text[n..])),
        [b'_', rest @ ..] => !text.is_empty() && like(rest, &text[1..]),
        [b'\\', c, rest @ ..] | [c, rest @ ..] => text.first() == Some(c) && like(rest, &text[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_read_at_every_level() {
        let lines = [
            "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD 'x'",
            "GRANT SELECT, LOCK TABLES ON `my\\_shop%`.* TO `u`@`%`",
            "GRANT SELECT (`a, ON b`), INSERT ON `other`.`t ON ``x`` TO` TO `u`@`%`",
            "GRANT SELECT ON `other`.`whole` TO `u`@`%`",
            "GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION",
            "GRANT `some_role` TO `u`@`%`",
        ];
        let grants = Grants::parse(lines.into_iter());
        assert!(grants.global(&["REPLICATION SLAVE"]));
        assert!(grants.global(&["REPLICATION CLIENT", "BINLOG MONITOR"]));
        assert!(!grants.global(&["RELOAD", "SELECT"]));
        let check = |database: &str, table: Option<&str>, expect: bool| {
            let found = match table {
                Some(table) => grants.on_table("SELECT", database, table),
                None => grants.on_database("SELECT", database),
            };
            assert_eq!(found, expect, "{database} {table:?}");
        };
        check("my_shop", None, true);
        check("my_shop2", Some("any"), true);
        check("myxshop", None, false);
        check("other", None, false);
        check("other", Some("whole"), true);
        check("other", Some("t ON `x` TO"), false);
        assert!(grants.on_table("INSERT", "other", "t ON `x` TO"));
    }

    #[test]
    fn all_privileges_and_partial_revokes_count() {
        let lines = [
            "GRANT ALL PRIVILEGES ON *.* TO `root`@`%` WITH GRANT OPTION",
            "REVOKE SELECT ON `secret`.* FROM `root`@`%`",
        ];
        let grants = Grants::parse(lines.into_iter());
        assert!(grants.global(&["RELOAD"]));
        assert!(grants.on_database("SELECT", "shop"));
        assert!(!grants.on_database("SELECT", "secret"));
        assert!(grants.on_database("LOCK TABLES", "secret"));
    }

    #[test]
    fn accounts_are_quoted() {
        assert_eq!(quote_account("it's@10.0.%"), "'it''s'@'10.0.%'");
    }
}
