//! Whose rows fill the log tables, and whether their replay gets on.

use chameleon_catalog::{CatalogError, CatalogState, SourceId, batches, sessions};
use chameleon_postgres::tokio_postgres::types::Type;
use chameleon_postgres::{Client, PostgresError, quote_literal};
use serde::Serialize;

use super::facts::{count, get, query};
use super::number::human_seconds;

/// Replay is stuck once nothing was replayed for so long, although something waits that long.
const STUCK_SECONDS: f64 = 30.0;
/// Replay is stuck once it waits so long for another session's lock.
const BLOCKED_SECONDS: f64 = 3.0;

/// One source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct SourceState {
    pub(crate) source: String,
    /// Status word.
    pub(crate) status: String,
    /// Its log tables, the one being written first.
    pub(crate) log_tables: Vec<String>,
    /// Bytes of these with indexes and TOAST; on a catalog of 1.2 they are shared.
    pub(crate) log_bytes: u64,
    /// Batches that wait for replay.
    pub(crate) waiting_batches: u64,
    /// Rows in them, where that was noted.
    pub(crate) waiting_rows: Option<u64>,
    pub(crate) oldest_batch: Option<i64>,
    /// How long the oldest waits.
    pub(crate) waiting_seconds: Option<f64>,
    /// How long ago a batch was replayed last.
    pub(crate) replayed_seconds: Option<f64>,
    /// Process id of the session that replays.
    pub(crate) replay_pid: Option<i32>,
    /// Replay does not get on.
    pub(crate) stuck: bool,
    /// Why, or what it does.
    pub(crate) reason: Option<String>,
    /// Sessions that it waits for.
    pub(crate) blockers: Vec<Blocker>,
    #[serde(skip)]
    pub(crate) id: i64,
}

/// A session that replay waits for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Blocker {
    pub(crate) pid: i32,
    pub(crate) application: String,
    pub(crate) role: Option<String>,
    pub(crate) state: Option<String>,
    /// How long its transaction is open.
    pub(crate) seconds: Option<f64>,
}

impl Blocker {
    /// For people.
    pub(crate) fn describe(&self) -> String {
        let role = self.role.as_deref().unwrap_or("an unknown role");
        let state = self.state.as_deref().unwrap_or("state unknown");
        let mut text = format!(
            "session {} ({}) of {role}, {state}",
            self.pid, self.application
        );
        if let Some(seconds) = self.seconds {
            text.push_str(&format!(", open for {}", human_seconds(seconds)));
        }
        text
    }
}

/// The session that replays, as `pg_stat_activity` shows it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Replay {
    state: Option<String>,
    waits_for_lock: bool,
    waits_for: Option<String>,
    seconds: f64,
    blockers: Vec<Blocker>,
}

/// The sources of the catalog; none where there is no catalog that is understood.
pub(crate) async fn read(
    client: &Client,
    state: &CatalogState,
) -> Result<Vec<SourceState>, CatalogError> {
    let known = matches!(
        state,
        CatalogState::V13 | CatalogState::V13Original | CatalogState::V12
    );
    if !known {
        return Ok(Vec::new());
    }
    let sql = include_str!("../../../sql/bloat/sources.sql");
    let rows = query(client, "read the sources", sql, &[]).await?;
    let mut sources = Vec::new();
    for row in &rows {
        let mut source = SourceState {
            source: get(row, "source")?,
            status: get(row, "status")?,
            log_tables: get(row, "log_tables")?,
            log_bytes: 0,
            waiting_batches: count(row, "batches")?,
            waiting_rows: None,
            oldest_batch: get(row, "oldest_batch")?,
            waiting_seconds: get(row, "oldest_seconds")?,
            replayed_seconds: get(row, "replayed_seconds")?,
            replay_pid: None,
            stuck: false,
            reason: None,
            blockers: Vec::new(),
            id: get(row, "id")?,
        };
        let id = SourceId(source.id);
        if matches!(state, CatalogState::V13) {
            source.waiting_rows = Some(batches::backlog(client, id).await?.rows);
        }
        let replay = match sessions::replay_holder(client, id).await? {
            Some(session) => {
                source.replay_pid = Some(session.pid);
                Some(replay(client, session.pid).await?)
            }
            None => None,
        };
        let predecessor = sessions::predecessor_sessions(client).await?;
        let predecessor = sessions::may_work_for(&predecessor, &source.source)
            .next()
            .is_some();
        judge(&mut source, replay, predecessor);
        sources.push(source);
    }
    Ok(sources)
}

async fn replay(client: &Client, pid: i32) -> Result<Replay, PostgresError> {
    let sql = include_str!("../../../sql/bloat/session.sql");
    let params = [(&pid as _, Type::INT4)];
    let mut replay = Replay::default();
    for row in query(client, "look at the session that replays", sql, &params).await? {
        let seconds: Option<f64> = get(&row, "seconds")?;
        if get(&row, "is_own")? {
            let wait: Option<String> = get(&row, "wait")?;
            replay.state = get(&row, "state")?;
            replay.waits_for_lock = wait.as_deref() == Some("Lock");
            replay.waits_for = get(&row, "waits_for")?;
            replay.seconds = seconds.unwrap_or(0.0);
        } else {
            replay.blockers.push(Blocker {
                pid: get(&row, "pid")?,
                application: get(&row, "name")?,
                role: get(&row, "role")?,
                state: get(&row, "state")?,
                seconds,
            });
        }
    }
    Ok(replay)
}

/// Says whether replay is stuck, and why.
fn judge(source: &mut SourceState, replay: Option<Replay>, predecessor: bool) {
    if source.waiting_batches == 0 {
        return;
    }
    let waiting = source.waiting_seconds.unwrap_or(0.0);
    let idle = source.replayed_seconds.map_or(waiting, |s| s.min(waiting));
    match replay {
        Some(replay) if replay.waits_for_lock => {
            source.stuck = replay.seconds >= BLOCKED_SECONDS;
            let table = replay.waits_for.as_deref().unwrap_or("a lock");
            source.reason = Some(format!(
                "replay waits for {table} since {}",
                human_seconds(replay.seconds)
            ));
            source.blockers = replay.blockers;
        }
        Some(replay) => {
            source.stuck = idle >= STUCK_SECONDS;
            let state = replay.state.as_deref().unwrap_or("in an unknown state");
            source.reason = source.stuck.then(|| {
                format!(
                    "nothing was replayed for {}; the session that replays is {state}, with its \
                     present statement for {}",
                    human_seconds(idle),
                    human_seconds(replay.seconds)
                )
            });
        }
        None if predecessor => {
            source.stuck = idle >= STUCK_SECONDS;
            source.reason = source.stuck.then(|| {
                format!(
                    "pg_chameleon 1.x is connected and has replayed nothing for {}",
                    human_seconds(idle)
                )
            });
        }
        None => {
            // between two attempts of a host there is no session either, for a moment
            source.stuck = source.status != "running" || waiting >= STUCK_SECONDS;
            source.reason = source
                .stuck
                .then(|| format!("no session replays it; its status is {}", source.status));
        }
    }
}

impl SourceState {
    /// What waits for replay, for people.
    pub(crate) fn waiting(&self) -> String {
        let rows = self
            .waiting_rows
            .map_or_else(String::new, |rows| format!(" with {rows} rows"));
        let batches = match self.waiting_batches {
            1 => "1 batch".to_owned(),
            n => format!("{n} batches"),
        };
        let age = human_seconds(self.waiting_seconds.unwrap_or(0.0));
        format!("waiting for replay: {batches}{rows}, the oldest for {age}")
    }

    /// What to do about a stuck replay: statements, or the command to type.
    pub(crate) fn remedy(&self) -> (Vec<String>, Option<String>) {
        if self.blockers.is_empty() {
            let command = match self.replay_pid {
                Some(_) => "chameleon show_errors, and look at the replica's log",
                None => "chameleon start_replica",
            };
            return (
                Vec::new(),
                Some(format!("{command} (source {})", self.source)),
            );
        }
        let statements = self.blockers.iter();
        (
            statements
                .map(|b| format!("select pg_terminate_backend({})", b.pid))
                .collect(),
            None,
        )
    }

    /// The statement that truncates what is drained and that no host will truncate.
    pub(crate) fn truncation(&self) -> String {
        format!(
            "select sch_chameleon.fn_truncate_drained((select i_id_source from \
             sch_chameleon.t_sources where t_source = {}), 0, true)",
            quote_literal(&self.source)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(batches: u64, waiting: f64, replayed: Option<f64>) -> SourceState {
        SourceState {
            source: "shop".into(),
            status: "running".into(),
            log_tables: Vec::new(),
            log_bytes: 0,
            waiting_batches: batches,
            waiting_rows: None,
            oldest_batch: None,
            waiting_seconds: Some(waiting),
            replayed_seconds: replayed,
            replay_pid: None,
            stuck: false,
            reason: None,
            blockers: Vec::new(),
            id: 1,
        }
    }

    fn at_work(waits_for_lock: bool, seconds: f64) -> Option<Replay> {
        Some(Replay {
            state: Some("active".into()),
            waits_for_lock,
            waits_for: Some("shop.orders".into()),
            seconds,
            blockers: Vec::new(),
        })
    }

    #[track_caller]
    fn check(mut source: SourceState, replay: Option<Replay>, stuck: bool, reason: &str) {
        judge(&mut source, replay, false);
        assert_eq!(source.stuck, stuck);
        assert_eq!(source.reason.unwrap_or_default(), reason);
    }

    #[test]
    fn replay_is_stuck_where_something_waits_and_nothing_moves() {
        check(source(0, 900.0, None), None, false, "");
        check(source(3, 5.0, Some(0.2)), at_work(false, 0.1), false, "");
        check(
            source(3, 5.0, Some(5.0)),
            at_work(true, 4.0),
            true,
            "replay waits for shop.orders since 4.0 s",
        );
        check(
            source(3, 90.0, Some(95.0)),
            at_work(false, 80.0),
            true,
            "nothing was replayed for 90 s; the session that replays is active, with its present \
             statement for 80 s",
        );
        // a long backlog that is being worked off
        check(source(3, 90.0, Some(0.5)), at_work(false, 0.1), false, "");
        check(
            source(1, 31.0, None),
            None,
            true,
            "no session replays it; its status is running",
        );
        let mut stopped = source(1, 2.0, None);
        stopped.status = "stopped".into();
        check(
            stopped,
            None,
            true,
            "no session replays it; its status is stopped",
        );
    }
}
