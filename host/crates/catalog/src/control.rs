//! What the operator wants of a source, and what its host says of itself.

use chameleon_model::SourcePosition;
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::db::{self, Place};
use crate::error::CatalogError;
use crate::ids::SourceId;

/// What is wanted of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Wanted {
    /// It may run.
    #[default]
    Run,
    /// It stops; the next start sets [`Wanted::Run`] again.
    Stop,
    /// It stops and does not start until it is enabled.
    Disable,
}

impl Wanted {
    /// The word as the catalog has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Stop => "stop",
            Self::Disable => "disable",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        match word {
            "run" => Some(Self::Run),
            "stop" => Some(Self::Stop),
            "disable" => Some(Self::Disable),
            _ => None,
        }
    }
}

/// Says what is wanted; `by` names who (`user@host`).
pub async fn set_wanted(
    c: &impl GenericClient,
    source: SourceId,
    wanted: Wanted,
    by: &str,
) -> Result<(), CatalogError> {
    let sql = "insert into sch_chameleon.t_wanted_state (i_id_source, t_wanted, t_by) \
               values ($1, $2, $3) on conflict (i_id_source) do update \
                  set t_wanted = excluded.t_wanted, t_by = excluded.t_by, \
                      ts_changed = excluded.ts_changed";
    let params = [
        (&source.0 as _, Type::INT8),
        (&wanted.as_str() as _, Type::TEXT),
        (&by as _, Type::TEXT),
    ];
    db::execute(c, "set the wanted state", sql, &params).await?;
    Ok(())
}

/// What is wanted of the source; `Run` where nobody has said anything.
pub async fn wanted(c: &impl GenericClient, source: SourceId) -> Result<Wanted, CatalogError> {
    let sql = "select t_wanted as wanted from sch_chameleon.t_wanted_state where i_id_source = $1";
    let row = db::query_opt(c, "read the wanted state", sql, &[(&source.0, Type::INT8)]).await?;
    let Some(row) = row else {
        return Ok(Wanted::Run);
    };
    let word: String = db::get(&row, "wanted")?;
    Wanted::parse(&word).ok_or_else(|| CatalogError::Unreadable {
        what: format!("source {source} of t_wanted_state"),
        reason: "unknown word".into(),
    })
}

/// What the host says of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Source.
    pub source: SourceId,
    /// The host: machine, process id, version.
    pub instance: String,
    /// Up to where the source is read.
    pub read: Option<SourcePosition>,
    /// Up to where the target is.
    pub replayed: Option<SourcePosition>,
    /// Time of the last event at the source, microseconds since the epoch.
    pub last_event_micros: Option<i64>,
    /// How far the target is behind, in microseconds; near zero for an idle source.
    pub lag_micros: Option<i64>,
    /// Bytes of the binlog that are not read yet.
    pub lag_bytes: Option<u64>,
    /// Rows in the relay that wait for replay.
    pub unreplayed_rows: u64,
}

/// Writes the heartbeat. One round trip. Does nothing where the source is gone.
pub async fn heartbeat(c: &impl GenericClient, beat: &Heartbeat) -> Result<(), CatalogError> {
    let read = Place::of(beat.read.as_ref());
    let replayed = Place::of(beat.replayed.as_ref());
    let params = [
        (&beat.source.0 as _, Type::INT8),
        (&beat.instance as _, Type::TEXT),
        (&read.file as _, Type::TEXT),
        (&read.offset as _, Type::INT8),
        (&read.gtids as _, Type::TEXT),
        (&replayed.file as _, Type::TEXT),
        (&replayed.offset as _, Type::INT8),
        (&replayed.gtids as _, Type::TEXT),
        (&beat.last_event_micros as _, Type::INT8),
        (&beat.lag_micros as _, Type::INT8),
        (&beat.lag_bytes.map(db::int8) as _, Type::INT8),
        (&db::int8(beat.unreplayed_rows) as _, Type::INT8),
    ];
    let sql = include_str!("sql/heartbeat.sql");
    db::execute(c, "write the heartbeat", sql, &params).await?;
    Ok(())
}

/// A heartbeat as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundHeartbeat {
    /// What the host said.
    pub beat: Heartbeat,
    /// How long ago, in microseconds by the target's clock.
    pub age_micros: i64,
}

/// The last heartbeat of every source that ever had one.
pub async fn heartbeats(c: &impl GenericClient) -> Result<Vec<FoundHeartbeat>, CatalogError> {
    let sql = "select i_id_source as source, t_instance as instance, \
                      t_read_binlog as read_binlog, i_read_position as read_position, \
                      t_read_gtid as read_gtid, t_replayed_binlog as done_binlog, \
                      i_replayed_position as done_position, t_replayed_gtid as done_gtid, \
                      (extract(epoch from ts_event) * 1000000)::bigint as event, \
                      i_lag_micros as lag_micros, i_lag_bytes as lag_bytes, \
                      i_unreplayed_rows as unreplayed, \
                      (extract(epoch from clock_timestamp() - ts_heartbeat) * 1000000)::bigint \
                      as age \
                 from sch_chameleon.t_heartbeat order by i_id_source";
    let rows = db::query(c, "read the heartbeats", sql, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(FoundHeartbeat {
                beat: Heartbeat {
                    source: SourceId(db::get(row, "source")?),
                    instance: db::get(row, "instance")?,
                    read: db::get_position(row, "read_")?,
                    replayed: db::get_position(row, "done_")?,
                    last_event_micros: db::get(row, "event")?,
                    lag_micros: db::get(row, "lag_micros")?,
                    lag_bytes: db::get_count_opt(row, "lag_bytes")?,
                    unreplayed_rows: db::get_count(row, "unreplayed")?,
                },
                age_micros: db::get(row, "age")?,
            })
        })
        .collect()
}
