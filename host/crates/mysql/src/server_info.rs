//! What the server says about itself.

use std::collections::HashMap;

use crate::rows::quote_list;
use crate::{SourceConn, SourceError};

/// MySQL or MariaDB. Percona Server counts as MySQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavor {
    /// MySQL and what speaks its dialect.
    MySql,
    /// MariaDB.
    MariaDb,
}

/// Version and settings of a server, read once per connection. Settings are the global ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// MySQL or MariaDB.
    pub flavor: Flavor,
    /// Two digits each for minor and patch: 8.0.36 is `80036`, 10.11.6 is `101106`.
    pub version: u32,
    /// `version()` as it came.
    pub version_text: String,
    /// `server_id`.
    pub server_id: u32,
    /// `server_uuid`; MariaDB has none.
    pub server_uuid: Option<String>,
    /// The server writes a binlog.
    pub log_bin: bool,
    /// `binlog_format` in upper case: `ROW`, `MIXED`, `STATEMENT`.
    pub binlog_format: String,
    /// `binlog_row_image` in upper case: `FULL`, `FULL_NODUP`, `MINIMAL`, `NOBLOB`.
    pub binlog_row_image: String,
    /// `binlog_row_metadata` in upper case; `None` where the server does not know it.
    pub binlog_row_metadata: Option<String>,
    /// `binlog_row_value_options`: MySQL's `PARTIAL_JSON`, else empty.
    pub binlog_row_value_options: String,
    /// Transactions carry GTIDs: MariaDB always, MySQL where `gtid_mode` is `ON`.
    pub gtids: bool,
    /// Seconds after which the server purges a binlog file; 0 is never.
    pub binlog_expire_seconds: u64,
    /// `lower_case_table_names`: 0, 1 or 2.
    pub lower_case_table_names: u8,
    /// `character_set_server`, which databases made later take.
    pub charset: String,
    /// `sql_mode`.
    pub sql_mode: String,
    /// Longest time in milliseconds that a commit waits for a replica between its binlog write and
    /// its becoming visible (semi-synchronous replication, AFTER_SYNC); 0 where it does not.
    pub semi_sync_wait_ms: u64,
    /// Rows that a foreign key's cascade changes are in the binlog: MySQL since 9.6, unless it is
    /// told to leave foreign keys to the storage engine.
    pub logs_cascades: bool,
}

/// Variables that are read; servers leave out those that they do not know.
const VARIABLES: [&str; 21] = [
    "innodb_native_foreign_keys",
    "server_id",
    "server_uuid",
    "log_bin",
    "binlog_format",
    "binlog_row_image",
    "binlog_row_metadata",
    "binlog_row_value_options",
    "gtid_mode",
    "binlog_expire_logs_seconds",
    "binlog_expire_logs_auto_purge",
    "expire_logs_days",
    "lower_case_table_names",
    "character_set_server",
    "sql_mode",
    "rpl_semi_sync_master_enabled",
    "rpl_semi_sync_master_timeout",
    "rpl_semi_sync_master_wait_point",
    "rpl_semi_sync_source_enabled",
    "rpl_semi_sync_source_timeout",
    "rpl_semi_sync_source_wait_point",
];

impl ServerInfo {
    /// MariaDB.
    pub fn is_mariadb(&self) -> bool {
        self.flavor == Flavor::MariaDb
    }

    /// MySQL of at least that version (`80022`).
    pub fn mysql_since(&self, version: u32) -> bool {
        self.flavor == Flavor::MySql && self.version >= version
    }

    /// MariaDB of at least that version (`100502`).
    pub fn mariadb_since(&self, version: u32) -> bool {
        self.flavor == Flavor::MariaDb && self.version >= version
    }

    /// A place holder until the server was asked.
    pub(crate) fn unknown() -> Self {
        Self::from_variables("", &HashMap::new())
    }

    /// Asks the server: two statements.
    pub(crate) async fn read(conn: &mut SourceConn) -> Result<Self, SourceError> {
        let what = "read the server's settings";
        let version = conn.row(what, "select version()").await?;
        let sql = format!(
            "show global variables where variable_name in ({})",
            quote_list(VARIABLES)
        );
        let mut variables = HashMap::new();
        for row in conn.rows(what, &sql).await? {
            variables.insert(
                row.owned("Variable_name").to_lowercase(),
                row.owned("Value"),
            );
        }
        Ok(Self::from_variables(
            version.first().unwrap_or_default(),
            &variables,
        ))
    }

    fn from_variables(version_text: &str, variables: &HashMap<String, String>) -> Self {
        let text = |name: &str| variables.get(name).cloned();
        let upper = |name: &str| text(name).map(|v| v.to_uppercase());
        let flavor = if version_text.to_lowercase().contains("mariadb") {
            Flavor::MariaDb
        } else {
            Flavor::MySql
        };
        Self {
            flavor,
            version: parse_version(version_text),
            version_text: version_text.to_owned(),
            server_id: number(variables, "server_id"),
            server_uuid: text("server_uuid"),
            log_bin: is_on(variables, "log_bin"),
            // a server that no longer knows the variable writes rows only
            binlog_format: upper("binlog_format").unwrap_or_else(|| "ROW".to_owned()),
            binlog_row_image: upper("binlog_row_image").unwrap_or_else(|| "FULL".to_owned()),
            binlog_row_metadata: upper("binlog_row_metadata"),
            binlog_row_value_options: upper("binlog_row_value_options").unwrap_or_default(),
            gtids: flavor == Flavor::MariaDb || is_on(variables, "gtid_mode"),
            binlog_expire_seconds: expire_seconds(variables),
            lower_case_table_names: number(variables, "lower_case_table_names"),
            charset: text("character_set_server").unwrap_or_default(),
            sql_mode: text("sql_mode").unwrap_or_default(),
            semi_sync_wait_ms: semi_sync_wait_ms(variables),
            logs_cascades: text("innodb_native_foreign_keys").is_some_and(|v| v == "OFF"),
        }
    }
}

fn number<T: std::str::FromStr + Default>(variables: &HashMap<String, String>, name: &str) -> T {
    let text = variables.get(name).map(String::as_str).unwrap_or_default();
    text.parse().unwrap_or_default()
}

fn is_on(variables: &HashMap<String, String>, name: &str) -> bool {
    matches!(variables.get(name).map(String::as_str), Some("ON" | "1"))
}

/// Retention: MySQL 8.0 and MariaDB 10.6 count seconds, which win where they are set; older servers
/// count days, MariaDB with a fraction. MySQL 8.0.29 can switch purging off altogether.
fn expire_seconds(variables: &HashMap<String, String>) -> u64 {
    let purge = variables.get("binlog_expire_logs_auto_purge");
    if purge.is_some_and(|v| v == "OFF" || v == "0") {
        return 0;
    }
    let seconds: u64 = number(variables, "binlog_expire_logs_seconds");
    if seconds > 0 {
        return seconds;
    }
    let days: f64 = number(variables, "expire_logs_days");
    std::time::Duration::try_from_secs_f64(days * 86_400.0).map_or(0, |d| d.as_secs())
}

fn semi_sync_wait_ms(variables: &HashMap<String, String>) -> u64 {
    for side in ["master", "source"] {
        let name = |what: &str| format!("rpl_semi_sync_{side}_{what}");
        let after_sync = variables
            .get(&name("wait_point"))
            .is_none_or(|v| v.eq_ignore_ascii_case("AFTER_SYNC"));
        if is_on(variables, &name("enabled")) && after_sync {
            return number(variables, &name("timeout"));
        }
    }
    0
}

/// `10.11.6-MariaDB-log` is 101106; what has no version is 0.
fn parse_version(text: &str) -> u32 {
    // MariaDB before 11.0 puts `5.5.5-` before its version in the handshake, some proxies keep it
    let text = match text.strip_prefix("5.5.5-") {
        Some(rest) if rest.to_lowercase().contains("mariadb") => rest,
        _ => text,
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let mut parts = text[..end.unwrap_or(text.len())].split('.');
    let mut next = || {
        let part = parts.next().and_then(|p| p.parse::<u32>().ok());
        part.unwrap_or(0).min(99)
    };
    let (major, minor, patch) = (next(), next(), next());
    major * 10_000 + minor * 100 + patch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_servers_text() {
        let check = |text: &str, flavor, version| {
            let info = ServerInfo::from_variables(text, &HashMap::new());
            assert_eq!((info.flavor, info.version), (flavor, version), "{text}");
        };
        check("10.11.19-MariaDB-0+deb12u1-log", Flavor::MariaDb, 101_119);
        check("5.5.5-10.6.12-MariaDB", Flavor::MariaDb, 100_612);
        check("11.8.6-MariaDB", Flavor::MariaDb, 110_806);
        check("5.7.44-log", Flavor::MySql, 50_744);
        check("8.0.36-28", Flavor::MySql, 80_036);
        check("9.7.4-2", Flavor::MySql, 90_704);
        check("", Flavor::MySql, 0);
    }

    #[test]
    fn retention_is_read_in_seconds_or_days_or_switched_off() {
        let check = |variables: &[(&str, &str)], expect: u64| {
            let own = |&(n, v): &(&str, &str)| (n.to_owned(), v.to_owned());
            let variables = variables.iter().map(own).collect();
            assert_eq!(expire_seconds(&variables), expect, "{variables:?}");
        };
        check(&[("binlog_expire_logs_seconds", "2592000")], 2_592_000);
        check(
            &[
                ("binlog_expire_logs_seconds", "0"),
                ("expire_logs_days", "0.5"),
            ],
            43_200,
        );
        check(&[("expire_logs_days", "7")], 604_800);
        check(
            &[
                ("binlog_expire_logs_seconds", "100"),
                ("binlog_expire_logs_auto_purge", "OFF"),
            ],
            0,
        );
        check(&[], 0);
    }
}
