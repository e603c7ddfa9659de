//! What `show_status` shows: one struct behind the table and the JSON.
//!
//! Read from the catalog alone: the source is not asked. Nothing is written, also where the catalog
//! is one that pg_chameleon 1.3 made, of which less is known.

use std::collections::{BTreeMap, BTreeSet};

use chameleon_catalog::control::{self, FoundHeartbeat, Wanted};
use chameleon_catalog::held::{self, HeldState, HeldTable};
use chameleon_catalog::sessions::{self, PredecessorSession};
use chameleon_catalog::{
    BatchId, CatalogState, SourceStatus, StatusRow, batches, history, tables, windows,
};
use chameleon_model::SourcePosition;
use chameleon_postgres::Client;
use serde::Serialize;

use crate::context::session_text;
use crate::error::HostError;
use crate::output::{human_bytes, table};

/// A heartbeat older than this is not trusted to say how large the lag is.
const FRESH_MICROS: i64 = 30_000_000;

/// The sources of a catalog.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Version of this shape.
    pub schema_version: u32,
    /// Version of the catalog.
    pub catalog_version: &'static str,
    /// Sources by name.
    pub sources: Vec<SourceState>,
}

/// One source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceState {
    /// Name.
    pub source: String,
    /// Schema at the target.
    pub dest_schema: String,
    /// Status word: what a process last wrote.
    pub status: &'static str,
    /// A session of a replica is there.
    pub alive: bool,
    /// How far the target is behind, in seconds; `None` before the first event.
    pub lag_seconds: Option<f64>,
    /// Bytes of the binlog that are not read yet, where that is known.
    pub lag_bytes: Option<u64>,
    /// Time of the last event, in the target's time zone and without it.
    pub last_received_event: Option<String>,
    /// Up to where the source is read.
    pub read_position: Option<Position>,
    /// Up to where the target is.
    pub replayed_position: Option<Position>,
    /// Row changes in the relay that wait for replay.
    pub unreplayed_rows: u64,
    /// Tables by name.
    pub tables: Vec<TableState>,
    /// The session behind `alive`, in words.
    #[serde(skip)]
    pub session: Option<String>,
    /// What the operator wants.
    #[serde(skip)]
    pub wanted: Wanted,
}

/// A place in the source's binlog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Binlog file.
    pub file: String,
    /// Bytes from its start.
    pub position: u64,
    /// Transactions executed up to there, where the source has GTIDs.
    pub gtid: Option<String>,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableState {
    /// Name at the source.
    pub table: String,
    /// `replicated`, `catching_up` (just copied: for a while not equal to any one state of the
    /// source), `held`, `requested` (held, a new copy is asked for) or `syncing` (being copied).
    pub state: &'static str,
    /// Why it is not plainly replicated.
    pub reason: Option<String>,
}

impl From<&SourcePosition> for Position {
    fn from(position: &SourcePosition) -> Self {
        Self {
            file: position.binlog.file.to_string(),
            position: position.binlog.offset,
            gtid: position.gtids.as_ref().map(ToString::to_string),
        }
    }
}

/// Reads the status of all sources, or of the one named.
///
/// # Errors
/// CAT001-CAT005 where there is no catalog of version 1.3; CAT007 where the named source is not
/// registered.
pub async fn read(client: &Client, only: Option<&str>) -> Result<Status, HostError> {
    let state = chameleon_catalog::version(client).await?;
    let complete = match state {
        CatalogState::V13Original => false,
        _ => {
            chameleon_catalog::require_current(client).await?;
            true
        }
    };
    if let Some(name) = only {
        chameleon_catalog::source(client, name).await?;
    }
    let predecessors = sessions::predecessor_sessions(client).await?;
    let heartbeats = match complete {
        true => control::heartbeats(client).await?,
        false => Vec::new(),
    };
    let mut sources = Vec::new();
    for row in chameleon_catalog::status(client).await? {
        if only.is_some_and(|name| name != row.source.name) {
            continue;
        }
        let heartbeat = heartbeats.iter().find(|h| h.beat.source == row.source.id);
        let mut source = from_row(&row, heartbeat);
        find_session(client, &row, &predecessors, &mut source).await?;
        if complete {
            add_own(client, &row, heartbeat, &mut source).await?;
        } else {
            source.tables = registered_tables(client, &row).await?;
        }
        sources.push(source);
    }
    Ok(Status {
        schema_version: 1,
        catalog_version: "1.3",
        sources,
    })
}

fn from_row(row: &StatusRow, heartbeat: Option<&FoundHeartbeat>) -> SourceState {
    let beat = heartbeat.map(|h| &h.beat);
    SourceState {
        source: row.source.name.clone(),
        dest_schema: row.source.dest_schema.clone(),
        status: row.source.status.as_str(),
        alive: false,
        lag_seconds: heartbeat.and_then(lag_seconds).or(row.lag_seconds),
        lag_bytes: beat.and_then(|b| b.lag_bytes),
        last_received_event: row.last_event.clone(),
        read_position: beat.and_then(|b| b.read.as_ref()).map(Position::from),
        replayed_position: beat.and_then(|b| b.replayed.as_ref()).map(Position::from),
        unreplayed_rows: beat.map_or(0, |b| b.unreplayed_rows),
        tables: Vec::new(),
        session: None,
        wanted: Wanted::Run,
    }
}

/// The lag that the heartbeat tells; the heartbeat's age is added once it is stale.
fn lag_seconds(heartbeat: &FoundHeartbeat) -> Option<f64> {
    let mut micros = heartbeat.beat.lag_micros?;
    if heartbeat.age_micros > FRESH_MICROS {
        micros = micros.saturating_add(heartbeat.age_micros);
    }
    let micros = u64::try_from(micros).unwrap_or(0);
    Some(std::time::Duration::from_micros(micros).as_secs_f64())
}

/// A session of ours holds the source's lock. One of 1.x is known by its name; one that does not say
/// which source it works for counts where the source says that it is running.
async fn find_session(
    client: &Client,
    row: &StatusRow,
    predecessors: &[PredecessorSession],
    source: &mut SourceState,
) -> Result<(), HostError> {
    let holder = sessions::replica_holder(client, row.source.id).await?;
    source.session = holder.as_ref().map(session_text).or_else(|| {
        let running = row.source.status == SourceStatus::Running;
        sessions::may_work_for(predecessors, &row.source.name)
            .find(|s| s.source.is_some() || running)
            .map(|s| session_text(&s.session))
    });
    source.alive = source.session.is_some();
    Ok(())
}

/// Adds what only a complete catalog knows. Positions come from the batches, which are the truth;
/// what is read beyond them only the heartbeat knows.
async fn add_own(
    client: &Client,
    row: &StatusRow,
    heartbeat: Option<&FoundHeartbeat>,
    source: &mut SourceState,
) -> Result<(), HostError> {
    let id = row.source.id;
    let backlog = batches::backlog(client, id).await?;
    source.unreplayed_rows = backlog.rows;
    let replayed = batches::replayed_position(client, id).await?;
    let replayed = replayed.as_ref().map(Position::from);
    let known = heartbeat
        .and_then(|h| h.beat.read.as_ref())
        .map(Position::from);
    source.read_position = match backlog.batches {
        0 if !source.alive => replayed.clone(),
        _ => known.or_else(|| replayed.clone()),
    };
    source.replayed_position = replayed;
    source.wanted = control::wanted(client, id).await?;
    source.tables = all_tables(client, row).await?;
    Ok(())
}

async fn all_tables(client: &Client, row: &StatusRow) -> Result<Vec<TableState>, HostError> {
    let id = row.source.id;
    let held = held::list(client, id).await?;
    let held: BTreeMap<&str, &HeldTable> =
        held.iter().map(|h| (h.table.name.as_str(), h)).collect();
    let windows = windows::list(client, id).await?;
    let windows: BTreeSet<&str> = windows.iter().map(|w| w.table.name.as_str()).collect();
    let known = history::load(client, id, BatchId(i64::MAX)).await?;
    let mut states = BTreeMap::new();
    for table in &known {
        let name = table.name.name.as_str();
        let keyless = table.row_key().is_none();
        states.insert(
            name,
            table_state(name, held.get(name).copied(), &windows, keyless),
        );
    }
    for (name, hold) in &held {
        let state = || table_state(name, Some(hold), &windows, false);
        states.entry(name).or_insert_with(state);
    }
    Ok(states.into_values().collect())
}

fn table_state(
    name: &str,
    held: Option<&HeldTable>,
    windows: &BTreeSet<&str>,
    keyless: bool,
) -> TableState {
    let (state, reason) = match held {
        Some(held) => {
            let state = match held.state {
                HeldState::Held => "held",
                HeldState::Requested => "requested",
                HeldState::Syncing => "syncing",
            };
            (state, Some(format!("{}: {}", held.code, held.reason)))
        }
        None if windows.contains(name) => {
            let reason = "copied lately; equal to the source once the stream is past the copy";
            ("catching_up", Some(reason.to_owned()))
        }
        None if keyless => {
            let reason = "no key: rows are found by comparing all columns";
            ("replicated", Some(reason.to_owned()))
        }
        None => ("replicated", None),
    };
    TableState {
        table: name.to_owned(),
        state,
        reason,
    }
}

async fn registered_tables(client: &Client, row: &StatusRow) -> Result<Vec<TableState>, HostError> {
    let registered = tables::list(client, row.source.id).await?;
    let states = registered.into_iter().map(|table| TableState {
        table: table.name,
        state: "replicated",
        reason: None,
    });
    Ok(states.collect())
}

impl Status {
    /// The table of 1.3, and below it what is worth knowing of each source.
    pub fn text(&self) -> String {
        let headers = [
            "Config file",
            "Destination schema",
            "Status",
            "Lag",
            "Last received event",
        ];
        let rows: Vec<Vec<String>> = self
            .sources
            .iter()
            .map(|s| {
                vec![
                    s.source.clone(),
                    s.dest_schema.clone(),
                    s.status.to_owned(),
                    s.lag_seconds.map_or_else(|| "N/A".into(), clock),
                    s.last_received_event
                        .clone()
                        .unwrap_or_else(|| "N/A".into()),
                ]
            })
            .collect();
        let mut text = table(&headers, &rows);
        for source in &self.sources {
            text.push('\n');
            source.add_text(&mut text);
        }
        text
    }
}

impl SourceState {
    fn add_text(&self, text: &mut String) {
        text.push_str(&format!("{}\n", self.source));
        let mut line = |label: &str, value: &str| {
            text.push_str(&format!("  {label:<19}{value}\n"));
        };
        let session = self.session.as_deref().unwrap_or("no session");
        line(
            "alive",
            &format!("{} ({session})", if self.alive { "yes" } else { "no" }),
        );
        if self.wanted != Wanted::Run {
            line("wanted", self.wanted.as_str());
        }
        if let Some(seconds) = self.lag_seconds {
            let bytes = self.lag_bytes.map(|b| format!(", {}", human_bytes(b)));
            line(
                "lag",
                &format!("{seconds:.1} s{}", bytes.unwrap_or_default()),
            );
        }
        let positions = [
            ("read position", &self.read_position),
            ("replayed position", &self.replayed_position),
        ];
        for (label, position) in positions {
            if let Some(position) = position {
                line(label, &position.to_string());
            }
        }
        line("unreplayed rows", &self.unreplayed_rows.to_string());
        line("tables", &self.table_counts());
        for table in &self.tables {
            if let Some(reason) = &table.reason {
                text.push_str(&format!("    {}: {}: {reason}\n", table.table, table.state));
            }
        }
    }

    /// `12 replicated, 1 held`.
    fn table_counts(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for table in &self.tables {
            *counts.entry(table.state).or_default() += 1;
        }
        let order = ["replicated", "catching_up", "held", "requested", "syncing"];
        let parts: Vec<String> = order
            .iter()
            .filter_map(|state| counts.get(state).map(|n| format!("{n} {state}")))
            .collect();
        match parts.is_empty() {
            true => "none known yet".into(),
            false => parts.join(", "),
        }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.position)?;
        match &self.gtid {
            Some(gtid) if !gtid.is_empty() => write!(f, ", GTID {gtid}"),
            _ => Ok(()),
        }
    }
}

/// Seconds as PostgreSQL prints an interval, without fraction: `2 days 01:02:03`.
fn clock(seconds: f64) -> String {
    let whole = std::time::Duration::try_from_secs_f64(seconds)
        .unwrap_or_default()
        .as_secs();
    let (days, rest) = (whole / 86_400, whole % 86_400);
    let time = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    match days {
        0 => time,
        1 => format!("1 day {time}"),
        _ => format!("{days} days {time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        let position = Position {
            file: "mysql-bin.000003".into(),
            position: 154,
            gtid: Some("0-1-22".into()),
        };
        let table = |name: &str, state, reason: Option<&str>| TableState {
            table: name.into(),
            state,
            reason: reason.map(ToOwned::to_owned),
        };
        Status {
            schema_version: 1,
            catalog_version: "1.3",
            sources: vec![
                SourceState {
                    source: "blog".into(),
                    dest_schema: "sch_blog".into(),
                    status: "ready",
                    alive: false,
                    lag_seconds: None,
                    lag_bytes: None,
                    last_received_event: None,
                    read_position: None,
                    replayed_position: None,
                    unreplayed_rows: 0,
                    tables: vec![],
                    session: None,
                    wanted: Wanted::Disable,
                },
                SourceState {
                    source: "shop".into(),
                    dest_schema: "shop".into(),
                    status: "running",
                    alive: true,
                    lag_seconds: Some(3.25),
                    lag_bytes: Some(1200),
                    last_received_event: Some("2026-01-31 12:00:00".into()),
                    read_position: Some(position.clone()),
                    replayed_position: Some(position),
                    unreplayed_rows: 12,
                    tables: vec![
                        table("customer", "held", Some("RPL001: the target refuses a row")),
                        table("product", "replicated", None),
                    ],
                    session: Some("pid 4711, chameleon shop".into()),
                    wanted: Wanted::Run,
                },
            ],
        }
    }

    #[test]
    fn the_table_of_1_3_stands_first_and_each_source_below_it() {
        insta::assert_snapshot!(status().text());
    }

    #[test]
    fn the_json_has_the_documented_keys_and_no_others() {
        let text = serde_json::to_string_pretty(&status()).unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn seconds_are_printed_as_postgresql_prints_an_interval() {
        let check = |seconds: f64, expect: &str| assert_eq!(clock(seconds), expect);
        check(0.0, "00:00:00");
        check(3661.9, "01:01:01");
        check(86_400.0, "1 day 00:00:00");
        check(180_000.0, "2 days 02:00:00");
        check(-1.0, "00:00:00");
        check(f64::NAN, "00:00:00");
    }
}
