//! Autovacuum: due, at work, blocked or cancelled; heap-only updates; the empty end of a table.

use std::collections::HashMap;

use chameleon_postgres::tokio_postgres::types::Type;
use chameleon_postgres::{Client, PostgresError};
use serde::Serialize;

use super::facts::{Relation, ServerFacts, get, query};
use super::number::{fraction, percent, whole};
use super::sample::absent;

/// A session is in the way of VACUUM once it holds its lock for so long.
const IN_THE_WAY_SECONDS: f64 = 5.0;
/// Updates from which the part of heap-only ones says something.
const MANY_UPDATES: u64 = 1000;
/// Pages of a table's end that are looked at, at most.
const TAIL_PAGES: u64 = 4096;

/// What is going on with VACUUM on one table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Activity {
    #[serde(skip)]
    pub(crate) oid: u32,
    pub(crate) what: Doing,
    pub(crate) pid: i32,
    /// Phase of the vacuum, state or lock of the session.
    pub(crate) state: Option<String>,
    pub(crate) seconds: Option<f64>,
    pub(crate) application: Option<String>,
    /// It is an autovacuum worker.
    pub(crate) automatic: bool,
}

/// What a session does about the vacuum of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Doing {
    /// Vacuums it.
    Running,
    /// Is a vacuum that waits for its lock.
    Waiting,
    /// Holds a lock that vacuum must wait for.
    Holder,
    /// Waits for the lock of an autovacuum, which therefore gives up.
    Cancelling,
}

/// How a table stands with autovacuum.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct VacuumState {
    /// It is on, for the server and for this table.
    pub(crate) enabled: bool,
    /// Dead tuples from which it comes.
    pub(crate) threshold: u64,
    /// There are more.
    pub(crate) due: bool,
    /// Seconds since the last VACUUM of either kind.
    pub(crate) last_vacuum_seconds: Option<f64>,
    /// Seconds since the last ANALYZE of either kind.
    pub(crate) last_analyze_seconds: Option<f64>,
    /// How often autovacuum finished it.
    pub(crate) autovacuums: u64,
    pub(crate) activity: Vec<Activity>,
    /// Seen at work in an earlier sample, and gone without having been counted.
    pub(crate) cancelled: bool,
}

/// What VACUUM does on these tables, by oid.
pub(crate) async fn activity(
    client: &Client,
    tables: &[u32],
) -> Result<HashMap<u32, Vec<Activity>>, PostgresError> {
    let sql = include_str!("../../../sql/bloat/vacuums.sql");
    let params = [(&tables as _, Type::OID_ARRAY)];
    let mut found: HashMap<u32, Vec<Activity>> = HashMap::new();
    for row in query(client, "look at the vacuums", sql, &params).await? {
        let what: String = get(&row, "what")?;
        let oid = get(&row, "oid")?;
        found.entry(oid).or_default().push(Activity {
            oid,
            what: match what.as_str() {
                "running" => Doing::Running,
                "waiting" => Doing::Waiting,
                "cancelling" => Doing::Cancelling,
                _ => Doing::Holder,
            },
            pid: get(&row, "pid")?,
            state: get(&row, "state")?,
            seconds: get(&row, "seconds")?,
            application: get(&row, "application")?,
            automatic: get(&row, "automatic")?,
        });
    }
    Ok(found)
}

/// The state of a table or TOAST table; `None` for what is not vacuumed.
pub(crate) fn state(relation: &Relation, activity: Vec<Activity>) -> Option<VacuumState> {
    let counters = relation.counters?;
    Some(VacuumState {
        enabled: relation.autovacuum,
        threshold: whole(relation.vacuum_threshold),
        due: fraction(counters.dead) > relation.vacuum_threshold,
        last_vacuum_seconds: counters.vacuum_age,
        last_analyze_seconds: counters.analyze_age,
        autovacuums: counters.autovacuums,
        activity,
        cancelled: false,
    })
}

/// An autovacuum that was at work then is gone now and was not counted: it was cancelled.
pub(crate) fn was_cancelled(then: &VacuumState, now: &VacuumState) -> bool {
    let runs = |state: &VacuumState, pid: i32| {
        let mut activity = state.activity.iter();
        activity.any(|a| a.what == Doing::Running && a.pid == pid)
    };
    let mut before = then.activity.iter();
    now.autovacuums == then.autovacuums
        && before.any(|a| a.what == Doing::Running && a.automatic && !runs(now, a.pid))
}

/// Why autovacuum does not do its work on a table, if it does not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Hindrance {
    /// It is switched off.
    Off,
    /// A session holds a lock that is in its way.
    Blocked { pid: i32, what: String },
    /// It was or will be cancelled by a session that wants the table.
    Cancelled { pid: Option<i32> },
    /// All workers are at work elsewhere.
    Busy,
    /// It should have come, and nothing tells why it did not.
    Late,
}

/// Looks for what is in the way of autovacuum.
pub(crate) fn hindrance(state: &VacuumState, server: &ServerFacts) -> Option<Hindrance> {
    let find = |what: Doing| state.activity.iter().find(|a| a.what == what);
    if state.cancelled {
        return Some(Hindrance::Cancelled { pid: None });
    }
    if let Some(one) = find(Doing::Cancelling) {
        return Some(Hindrance::Cancelled { pid: Some(one.pid) });
    }
    let waits = find(Doing::Waiting).is_some();
    if !state.due && !waits {
        return None;
    }
    if find(Doing::Running).is_some() {
        return None;
    }
    let holder =
        find(Doing::Holder).filter(|a| waits || a.seconds.is_some_and(|s| s >= IN_THE_WAY_SECONDS));
    if let Some(holder) = holder {
        let name = holder.application.as_deref().unwrap_or_default();
        let name = if name.is_empty() { "unnamed" } else { name };
        let what = format!(
            "{name}, {}",
            holder.state.as_deref().unwrap_or("of unknown state")
        );
        return Some(Hindrance::Blocked {
            pid: holder.pid,
            what,
        });
    }
    if !state.enabled {
        return Some(Hindrance::Off);
    }
    if server.busy_workers >= i64::from(server.max_workers) {
        return Some(Hindrance::Busy);
    }
    let late = state
        .last_vacuum_seconds
        .is_none_or(|s| s > 3.0 * server.nap_seconds);
    late.then_some(Hindrance::Late)
}

/// Part of the updates that were heap-only, in percent; `None` where there were few updates.
pub(crate) fn hot_percent(relation: &Relation) -> Option<f64> {
    let counters = relation.counters?;
    (counters.updated >= MANY_UPDATES)
        .then(|| percent(fraction(counters.hot_updated), fraction(counters.updated)))
}

/// Bytes at the end of a table without a visible row, as far as that is looked at. Reads twice
/// those pages at most. `None` where it may not be read or is locked.
pub(crate) async fn empty_tail(
    client: &Client,
    table: &Relation,
    block: u64,
) -> Result<Option<u64>, PostgresError> {
    let pages = table.bytes / block.max(1);
    if table.locked || pages == 0 {
        return Ok(None);
    }
    let attempt = format!("look at the end of {}", table.quoted());
    // the largest number of pages at the end that is known to be empty, and the least that is not
    let (mut empty, mut step) = (0, 1);
    let mut used = pages.min(TAIL_PAGES) + 1;
    while empty + 1 < used {
        let tail = (empty + step).min(used - 1);
        let sql = format!(
            "select exists (select from only {} where ctid >= '({},0)'::tid) as used",
            table.quoted(),
            pages - tail
        );
        let rows = match query(client, &attempt, &sql, &[] as &[(_, Type)]).await {
            Ok(rows) => rows,
            Err(error) => return absent(error),
        };
        match rows.first() {
            Some(row) if get(row, "used")? => {
                used = tail;
                step = 1.max((used - empty) / 2);
            }
            _ => {
                empty = tail;
                step = if used > pages.min(TAIL_PAGES) {
                    step * 2
                } else {
                    1.max((used - empty) / 2)
                };
            }
        }
    }
    Ok(Some(empty * block))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> ServerFacts {
        ServerFacts {
            version: "17".into(),
            database: "d".into(),
            taken_at: String::new(),
            block: 8192.0,
            max_workers: 3,
            busy_workers: 0,
            nap_seconds: 60.0,
            extension: None,
            no_extension: None,
        }
    }

    fn due(activity: Vec<Activity>) -> VacuumState {
        VacuumState {
            enabled: true,
            due: true,
            activity,
            ..VacuumState::default()
        }
    }

    fn one(what: Doing, seconds: f64) -> Activity {
        Activity {
            oid: 1,
            what,
            pid: 5,
            state: Some("idle in transaction".into()),
            seconds: Some(seconds),
            application: Some("report".into()),
            automatic: false,
        }
    }

    #[test]
    fn an_autovacuum_that_ends_uncounted_was_cancelled() {
        let mut running = one(Doing::Running, 9.0);
        running.automatic = true;
        let then = due(vec![running.clone()]);
        assert!(was_cancelled(&then, &due(Vec::new())));
        assert!(!was_cancelled(&then, &then));
        let mut counted = due(Vec::new());
        counted.autovacuums = 1;
        assert!(!was_cancelled(&then, &counted));
        running.automatic = false;
        assert!(!was_cancelled(&due(vec![running]), &due(Vec::new())));
    }

    #[test]
    fn what_is_in_the_way_of_autovacuum_is_named() {
        let blocked = Hindrance::Blocked {
            pid: 5,
            what: "report, idle in transaction".into(),
        };
        let cases = [
            (due(vec![one(Doing::Holder, 60.0)]), Some(blocked.clone())),
            (due(vec![one(Doing::Holder, 1.0)]), Some(Hindrance::Late)),
            (
                due(vec![one(Doing::Holder, 1.0), one(Doing::Waiting, 1.0)]),
                Some(blocked),
            ),
            (
                due(vec![one(Doing::Cancelling, 0.1), one(Doing::Running, 9.0)]),
                Some(Hindrance::Cancelled { pid: Some(5) }),
            ),
            (due(vec![one(Doing::Running, 9.0)]), None),
            (VacuumState::default(), None),
        ];
        for (state, expect) in cases {
            assert_eq!(hindrance(&state, &server()), expect, "{state:?}");
        }
        let mut off = due(Vec::new());
        off.enabled = false;
        assert_eq!(hindrance(&off, &server()), Some(Hindrance::Off));
        let mut busy = server();
        busy.busy_workers = 3;
        assert_eq!(hindrance(&due(Vec::new()), &busy), Some(Hindrance::Busy));
        let gone = VacuumState {
            cancelled: true,
            ..VacuumState::default()
        };
        assert_eq!(
            hindrance(&gone, &server()),
            Some(Hindrance::Cancelled { pid: None })
        );
    }
}
