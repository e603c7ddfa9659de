//! What keeps dead tuples from being removed: the oldest snapshots and transactions.

use chameleon_postgres::{Client, PostgresError, quote_ident, quote_literal};
use serde::Serialize;

use super::facts::{get, query};
use super::number::human_seconds;

/// How long a session may hold the horizon before it is called a cause.
const LONG_SECONDS: f64 = 30.0;
/// How many transactions may have passed since the snapshot of a slot or a standby.
const MANY_TRANSACTIONS: i64 = 10_000;

/// What a holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HolderKind {
    Session,
    Prepared,
    Slot,
    Standby,
}

/// One that holds the horizon.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Holder {
    pub(crate) kind: HolderKind,
    /// Application name, transaction identifier, slot or standby.
    pub(crate) name: String,
    pub(crate) pid: Option<i32>,
    /// Transactions that have begun since.
    pub(crate) age: Option<i64>,
    /// How long its transaction is open.
    pub(crate) seconds: Option<f64>,
    pub(crate) state: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) database: Option<String>,
    /// It concerns the tables of this database.
    pub(crate) local: bool,
}

impl Holder {
    /// Holds for long enough to be called a cause.
    pub(crate) fn is_old(&self) -> bool {
        let long = self.seconds.is_some_and(|s| s >= LONG_SECONDS);
        let many = self.age.is_some_and(|a| a >= MANY_TRANSACTIONS);
        self.local && (long || many)
    }

    /// What it is, for people.
    pub(crate) fn describe(&self) -> String {
        let mut text = match (self.kind, self.pid) {
            (HolderKind::Session, Some(pid)) => format!("session {pid} ({})", self.name),
            (HolderKind::Session, None) => format!("session {}", self.name),
            (HolderKind::Prepared, _) => format!("prepared transaction {}", self.name),
            (HolderKind::Slot, _) => format!("replication slot {}", self.name),
            (HolderKind::Standby, _) => format!("standby {}", self.name),
        };
        if let Some(role) = &self.role {
            text.push_str(&format!(" of {role}"));
        }
        if let Some(state) = &self.state {
            text.push_str(&format!(", {state}"));
        }
        if let Some(seconds) = self.seconds {
            text.push_str(&format!(", for {}", human_seconds(seconds)));
        }
        if let Some(age) = self.age {
            text.push_str(&format!(", {age} transactions ago"));
        }
        text
    }

    /// The statement that ends it, its lock, and what it costs.
    pub(crate) fn remedy(&self) -> (String, &'static str) {
        match self.kind {
            HolderKind::Session => (
                format!("select pg_terminate_backend({})", self.pid.unwrap_or(0)),
                "its transaction is rolled back",
            ),
            HolderKind::Prepared => (
                format!(
                    "rollback prepared {}",
                    quote_literal(&self.name).trim_start()
                ),
                "the transaction is lost; commit prepared keeps it. In its own database",
            ),
            HolderKind::Slot => (
                format!(
                    "select pg_drop_replication_slot({})",
                    quote_literal(&self.name)
                ),
                "whoever reads the slot must be made anew",
            ),
            HolderKind::Standby => (
                format!(
                    "alter system set {} = off; select pg_reload_conf()",
                    quote_ident("hot_standby_feedback").trim_matches('"')
                ),
                "to be executed at the standby; long queries there may be cancelled",
            ),
        }
    }
}

/// All holders, the oldest first.
pub(crate) async fn holders(client: &Client) -> Result<Vec<Holder>, PostgresError> {
    let sql = include_str!("../../../sql/bloat/horizon.sql");
    let rows = query(client, "look for the oldest snapshots", sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let kind: String = get(row, "kind")?;
            Ok(Holder {
                kind: match kind.as_str() {
                    "prepared" => HolderKind::Prepared,
                    "slot" => HolderKind::Slot,
                    "standby" => HolderKind::Standby,
                    _ => HolderKind::Session,
                },
                name: get(row, "name")?,
                pid: get(row, "pid")?,
                age: get(row, "age")?,
                seconds: get(row, "seconds")?,
                state: get(row, "state")?,
                role: get(row, "role")?,
                database: get(row, "database")?,
                local: get(row, "local")?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(kind: HolderKind) -> Holder {
        Holder {
            kind,
            name: "it's".into(),
            pid: Some(7),
            age: Some(20_000),
            seconds: None,
            state: None,
            role: None,
            database: None,
            local: true,
        }
    }

    #[test]
    fn each_kind_has_the_statement_that_ends_it() {
        let remedies = [
            (HolderKind::Session, "select pg_terminate_backend(7)"),
            (HolderKind::Prepared, "rollback prepared 'it''s'"),
            (HolderKind::Slot, "select pg_drop_replication_slot('it''s')"),
            (
                HolderKind::Standby,
                "alter system set hot_standby_feedback = off; select pg_reload_conf()",
            ),
        ];
        for (kind, expect) in remedies {
            assert_eq!(holder(kind).remedy().0, expect);
        }
    }

    #[test]
    fn a_holder_is_a_cause_once_it_is_old_and_of_this_database() {
        let mut one = holder(HolderKind::Session);
        assert!(one.is_old());
        one.local = false;
        assert!(!one.is_old());
        one = Holder {
            age: Some(3),
            seconds: Some(2.0),
            ..holder(HolderKind::Session)
        };
        assert!(!one.is_old());
        one.seconds = Some(31.0);
        assert!(one.is_old());
    }
}
