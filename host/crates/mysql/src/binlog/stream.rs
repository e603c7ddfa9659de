//! The binlog as it comes over the network: asked for, watched for silence, verified.
//!
//! Every event's CRC32 is checked where the server writes one. A connection on which nothing comes
//! for three heartbeats is taken for lost, whatever TCP says. Sources: MySQL manual, "COM_BINLOG_DUMP"
//! and "COM_BINLOG_DUMP_GTID"; MariaDB knowledge base, "Replica Registration".

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chameleon_model::{BinlogPosition, GtidSet};
use futures_util::StreamExt;
use futures_util::future::poll_immediate;
use mysql_async::binlog::BinlogChecksumAlg;
use mysql_async::{BinlogStream, BinlogStreamRequest, Error, Sid};

use crate::rows::quote;
use crate::{Source, SourceConn, SourceError};

use super::assemble::Event;
use super::event::{self, Header, kind};

/// Heartbeats that may be missed.
const SILENT_HEARTBEATS: u32 = 3;

/// MySQL's number for "cannot read the binlog from there".
const CANNOT_READ_BINLOG: u16 = 1236;

const WHAT: &str = "read the binlog";

/// Where the server is asked to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// A place in a file, below 4 GiB.
    File { file: String, offset: u32 },
    /// Behind the transactions of a set.
    Gtids(GtidSet),
}

impl std::fmt::Display for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { file, offset } => write!(f, "{file}:{offset}"),
            Self::Gtids(set) => write!(f, "GTIDs {set}"),
        }
    }
}

/// An event and its header.
#[derive(Debug)]
pub(super) struct RawEvent {
    header: Header,
    event: mysql_async::binlog::events::Event,
    /// Bytes of the body, without a checksum that the driver did not take for one.
    body_bytes: usize,
    packed: bool,
}

impl RawEvent {
    pub(super) fn event(&self) -> Event<'_> {
        Event {
            header: self.header,
            body: self.event.data().get(..self.body_bytes).unwrap_or_default(),
            packed: self.packed,
        }
    }
}

type Caught = futures_util::stream::CatchUnwind<AssertUnwindSafe<BinlogStream>>;

/// An open stream of events.
pub(super) struct EventStream {
    /// The driver panics at an event that is cut off.
    stream: Caught,
    source: Source,
    start: Start,
    /// Longest silence.
    patience: Duration,
    /// Bytes of events that are to come out of a TRANSACTION_PAYLOAD event yet.
    packed_bytes: u64,
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStream")
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}

impl EventStream {
    /// Asks for the binlog. The connection is used up.
    pub(super) async fn open(
        source: &Source,
        mut conn: SourceConn,
        server_id: u32,
        heartbeat: Duration,
        start: Start,
    ) -> Result<Self, SourceError> {
        let variables = session_variables(&conn, heartbeat, &start);
        conn.run(WHAT, &variables).await?;
        let (address, limit) = (conn.address.clone(), conn.read_timeout);
        let mut request = BinlogStreamRequest::new(server_id);
        let sids;
        match &start {
            Start::File { file, offset } => {
                request = request
                    .with_filename(file.as_bytes())
                    .with_pos(u64::from(*offset));
            }
            Start::Gtids(set) => {
                if !conn.info.is_mariadb() {
                    sids = parse_sids(set)?;
                    request = request.with_gtid().with_gtid_set(sids);
                }
            }
        }
        let stream = conn.conn.get_binlog_stream(request);
        let stream = SourceConn::answer(WHAT, &address, limit, stream).await?;
        Ok(Self {
            stream: AssertUnwindSafe(stream).catch_unwind(),
            source: source.clone(),
            start,
            patience: heartbeat.saturating_mul(SILENT_HEARTBEATS),
            packed_bytes: 0,
        })
    }

    /// Where the stream comes from.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// Waits for the next event. `place` is where reading is, for errors. Cancel safe.
    pub(super) async fn next(&mut self, place: &BinlogPosition) -> Result<RawEvent, SourceError> {
        // no timer where the event is there already
        let next = match poll_immediate(self.stream.next()).await {
            Some(next) => next,
            None => {
                let waited = self.patience;
                let next = tokio::time::timeout(waited, self.stream.next()).await;
                next.map_err(|_| SourceError::Timeout {
                    what: WHAT.to_owned(),
                    address: self.source.options.address(),
                    waited,
                })?
            }
        };
        match next {
            Some(Ok(Ok(event))) => self.verify(event, place),
            Some(Ok(Err(error))) => Err(self.explain(error, place).await),
            Some(Err(panic)) => Err(damaged(place, panic_text(&*panic))),
            // the server has ended the stream: it is shutting down, or another took the server id
            None => Err(SourceError::from_driver(
                WHAT,
                &self.source.options.address(),
                Error::Driver(mysql_async::DriverError::ConnectionClosed),
            )),
        }
    }

    fn verify(
        &mut self,
        event: mysql_async::binlog::events::Event,
        place: &BinlogPosition,
    ) -> Result<RawEvent, SourceError> {
        let driver = event.header();
        let header = Header {
            timestamp: driver.timestamp(),
            kind: driver.event_type_raw(),
            server_id: driver.server_id(),
            size: driver.event_size(),
            log_pos: driver.log_pos(),
            flags: driver.flags_raw(),
        };
        // events out of a payload bear no checksum of their own
        let packed = !event.footer().get_checksum_enabled();
        if packed {
            self.packed_bytes = self.packed_bytes.saturating_sub(u64::from(header.size));
        } else if self.packed_bytes > 0 {
            return Err(damaged(
                place,
                "a compressed transaction cannot be unpacked",
            ));
        } else {
            verify_checksum(&event, place)?;
        }
        let mut body_bytes = event.data().len();
        if header.kind == kind::ROTATE && header.is_artificial() {
            body_bytes -= early_checksum_bytes(&header, event.data());
        }
        if header.kind == kind::TRANSACTION_PAYLOAD {
            self.packed_bytes = event::read_payload_bytes(event.data())
                .ok_or_else(|| damaged(place, "the head of a compressed transaction"))?;
        }
        Ok(RawEvent {
            header,
            event,
            body_bytes,
            packed,
        })
    }

    /// What an error of the driver means. Error 1236 has many causes that only its text tells apart;
    /// the server is asked in its stead.
    async fn explain(&self, error: Error, place: &BinlogPosition) -> SourceError {
        let is_refusal =
            matches!(&error, Error::Server(server) if server.code == CANNOT_READ_BINLOG);
        if !is_refusal {
            return SourceError::from_driver(WHAT, &self.source.options.address(), error);
        }
        let asked = self.is_purged(place).await;
        match asked {
            Ok(Some(error)) => error,
            Ok(None) | Err(_) => SourceError::BinlogRefused {
                position: self.position_text(place),
                source: Box::new(error),
            },
        }
    }

    fn position_text(&self, place: &BinlogPosition) -> String {
        match &self.start {
            Start::Gtids(_) if place.file.is_empty() => self.start.to_string(),
            _ => place.to_string(),
        }
    }

    async fn is_purged(&self, place: &BinlogPosition) -> Result<Option<SourceError>, SourceError> {
        let mut conn = self.source.connect().await?;
        let files = conn.binlog_files().await?;
        let Some((oldest, _)) = files.first() else {
            return Ok(None);
        };
        let purged = match &self.start {
            Start::Gtids(set) if place.file.is_empty() => {
                let sql = if conn.info.is_mariadb() {
                    format!("select binlog_gtid_pos({}, 4)", quote(oldest))
                } else {
                    "select @@global.gtid_purged".to_owned()
                };
                let before = conn.row(WHAT, &sql).await?;
                let before = GtidSet::parse(before.first().unwrap_or_default())?;
                !set.contains(&before)
            }
            _ => {
                let first = BinlogPosition::new(oldest.as_str(), 0);
                *place < first
            }
        };
        if purged {
            return Ok(Some(SourceError::BinlogPurged {
                position: self.position_text(place),
                oldest: oldest.clone(),
            }));
        }
        let size = files
            .iter()
            .find(|(file, _)| **file == *place.file)
            .map(|(_, size)| *size);
        let beyond = !place.file.is_empty() && size.is_none_or(|size| place.offset > size);
        Ok(beyond.then(|| SourceError::BadPosition {
            position: place.to_string(),
        }))
    }
}

fn verify_checksum(
    event: &mysql_async::binlog::events::Event,
    place: &BinlogPosition,
) -> Result<(), SourceError> {
    let Ok(Some(BinlogChecksumAlg::BINLOG_CHECKSUM_ALG_CRC32)) = event.footer().get_checksum_alg()
    else {
        return Ok(());
    };
    let Some(written) = event.checksum() else {
        return Ok(());
    };
    let found = event.calc_checksum(BinlogChecksumAlg::BINLOG_CHECKSUM_ALG_CRC32);
    if found == u32::from_le_bytes(written) {
        Ok(())
    } else {
        Err(damaged(place, "its checksum is wrong"))
    }
}

/// The event that opens the stream comes before the one that tells of checksums, and has one.
fn early_checksum_bytes(header: &Header, body: &[u8]) -> usize {
    let Some((rest, written)) = body.split_last_chunk::<4>() else {
        return 0;
    };
    let mut found = crc32fast::Hasher::new();
    found.update(&header.write());
    found.update(rest);
    if found.finalize() == u32::from_le_bytes(*written) {
        written.len()
    } else {
        0
    }
}

fn damaged(place: &BinlogPosition, reason: &str) -> SourceError {
    SourceError::EventDamaged {
        position: place.clone(),
        reason: reason.to_owned(),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .map_or("the driver cannot read it", |_| "it is cut off")
}

/// What a replica tells its source by user variables. Both generations of names are set.
fn session_variables(conn: &SourceConn, heartbeat: Duration, start: &Start) -> String {
    let nanos = heartbeat.as_nanos();
    let mut set = format!(
        "set @master_heartbeat_period = {nanos}, @source_heartbeat_period = {nanos}, \
         @source_binlog_checksum = @@global.binlog_checksum"
    );
    if conn.info.is_mariadb() {
        // 4: GTID events are understood
        set.push_str(", @mariadb_slave_capability = 4");
        if let Start::Gtids(gtids) = start {
            let gtids = quote(&gtids.to_string());
            set.push_str(&format!(
                ", @slave_connect_state = {gtids}, @slave_gtid_strict_mode = 0, \
                 @slave_gtid_ignore_duplicates = 0"
            ));
        }
    }
    set
}

/// The driver reads one server's intervals at a time.
fn parse_sids(set: &GtidSet) -> Result<Vec<Sid<'static>>, SourceError> {
    let text = set.to_string();
    let members = text.split(',').filter(|member| !member.is_empty());
    members
        .map(|member| {
            member.parse().map_err(|_| SourceError::Answer {
                what: WHAT.to_owned(),
                reason: "the driver does not take a GTID set".to_owned(),
            })
        })
        .collect()
}
