//! Binlog events: the common header and the small ones.
//!
//! Row events and table maps have files of their own. Sources: MySQL source,
//! `libs/mysql/binlog/event/`; MariaDB source, `sql/log_event.h`; MariaDB knowledge base,
//! "Replication Protocol".

use chameleon_ddl::statement::Xid;
use chameleon_model::gtid::Sid;

use super::reader::Reader;

/// Event types, by the names of the servers' sources.
pub(super) mod kind {
    pub(crate) const QUERY: u8 = 2;
    pub(crate) const STOP: u8 = 3;
    pub(crate) const ROTATE: u8 = 4;
    pub(crate) const INTVAR: u8 = 5;
    pub(crate) const APPEND_BLOCK: u8 = 9;
    pub(crate) const DELETE_FILE: u8 = 11;
    pub(crate) const RAND: u8 = 13;
    pub(crate) const USER_VAR: u8 = 14;
    pub(crate) const FORMAT_DESCRIPTION: u8 = 15;
    pub(crate) const XID: u8 = 16;
    pub(crate) const BEGIN_LOAD_QUERY: u8 = 17;
    pub(crate) const EXECUTE_LOAD_QUERY: u8 = 18;
    pub(crate) const TABLE_MAP: u8 = 19;
    pub(crate) const WRITE_ROWS_V1: u8 = 23;
    pub(crate) const UPDATE_ROWS_V1: u8 = 24;
    pub(crate) const DELETE_ROWS_V1: u8 = 25;
    pub(crate) const INCIDENT: u8 = 26;
    pub(crate) const HEARTBEAT: u8 = 27;
    pub(crate) const IGNORABLE: u8 = 28;
    pub(crate) const ROWS_QUERY: u8 = 29;
    pub(crate) const WRITE_ROWS: u8 = 30;
    pub(crate) const UPDATE_ROWS: u8 = 31;
    pub(crate) const DELETE_ROWS: u8 = 32;
    pub(crate) const GTID: u8 = 33;
    pub(crate) const ANONYMOUS_GTID: u8 = 34;
    pub(crate) const PREVIOUS_GTIDS: u8 = 35;
    pub(crate) const TRANSACTION_CONTEXT: u8 = 36;
    pub(crate) const VIEW_CHANGE: u8 = 37;
    pub(crate) const XA_PREPARE: u8 = 38;
    pub(crate) const PARTIAL_UPDATE_ROWS: u8 = 39;
    pub(crate) const TRANSACTION_PAYLOAD: u8 = 40;
    pub(crate) const HEARTBEAT_V2: u8 = 41;
    pub(crate) const GTID_TAGGED: u8 = 42;
    pub(crate) const MARIADB_ANNOTATE_ROWS: u8 = 160;
    pub(crate) const MARIADB_CHECKPOINT: u8 = 161;
    pub(crate) const MARIADB_GTID: u8 = 162;
    pub(crate) const MARIADB_GTID_LIST: u8 = 163;
    pub(crate) const MARIADB_START_ENCRYPTION: u8 = 164;
    pub(crate) const MARIADB_QUERY_COMPRESSED: u8 = 165;
    pub(crate) const MARIADB_WRITE_ROWS_COMPRESSED_V1: u8 = 166;
    pub(crate) const MARIADB_UPDATE_ROWS_COMPRESSED_V1: u8 = 167;
    pub(crate) const MARIADB_DELETE_ROWS_COMPRESSED_V1: u8 = 168;
    pub(crate) const MARIADB_WRITE_ROWS_COMPRESSED: u8 = 169;
    pub(crate) const MARIADB_UPDATE_ROWS_COMPRESSED: u8 = 170;
    pub(crate) const MARIADB_DELETE_ROWS_COMPRESSED: u8 = 171;
}

/// Flag: made up by the sender, not in the file.
pub(super) const FLAG_ARTIFICIAL: u16 = 0x20;
/// Flag: may be passed over by who does not know the type.
pub(super) const FLAG_IGNORABLE: u16 = 0x80;

/// The 19 bytes that every event begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Header {
    /// Seconds since the epoch; 0 in events that the sender made up.
    pub(super) timestamp: u32,
    pub(super) kind: u8,
    pub(super) server_id: u32,
    /// Bytes in the file, header and checksum included.
    pub(super) size: u32,
    /// Lower 32 bits of the place in the file where the event ends; 0 where that is not known.
    pub(super) log_pos: u32,
    pub(super) flags: u16,
}

impl Header {
    pub(super) const BYTES: usize = 19;

    /// Reads the header of an event as it is in a file.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            timestamp: reader.u32()?,
            kind: reader.u8()?,
            server_id: reader.u32()?,
            size: reader.u32()?,
            log_pos: reader.u32()?,
            flags: reader.u16()?,
        })
    }

    /// The header's bytes.
    pub(super) fn write(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&self.timestamp.to_le_bytes());
        bytes[4] = self.kind;
        bytes[5..9].copy_from_slice(&self.server_id.to_le_bytes());
        bytes[9..13].copy_from_slice(&self.size.to_le_bytes());
        bytes[13..17].copy_from_slice(&self.log_pos.to_le_bytes());
        bytes[17..].copy_from_slice(&self.flags.to_le_bytes());
        bytes
    }

    /// The event is not in the file, or not at the place where it came.
    pub(super) fn is_artificial(&self) -> bool {
        self.flags & FLAG_ARTIFICIAL != 0
    }

    pub(super) fn micros(&self) -> i64 {
        i64::from(self.timestamp) * 1_000_000
    }
}

/// Where a ROTATE event goes: offset and file.
pub(super) fn read_rotate(body: &[u8]) -> Option<(u64, &str)> {
    let mut reader = Reader(body);
    let offset = reader.u64()?;
    let file = std::str::from_utf8(reader.0).ok()?;
    Some((offset, file)).filter(|_| !file.is_empty())
}

/// What matters of a FORMAT_DESCRIPTION event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FormatDescription {
    /// The server started with this file: a transaction that was open before it is gone.
    pub(super) server_started: bool,
}

/// Reads a FORMAT_DESCRIPTION; `None` for another version than 4 and for servers whose table ids
/// have four bytes (MySQL before 5.1.4).
pub(super) fn read_format_description(body: &[u8]) -> Option<FormatDescription> {
    let mut reader = Reader(body);
    let version = reader.u16()?;
    reader.take(50)?;
    let created = reader.u32()?;
    let header = reader.u8()?;
    let post_header = reader.0.get(usize::from(kind::TABLE_MAP) - 1)?;
    (version == 4 && usize::from(header) == Header::BYTES && *post_header == 8).then_some(
        FormatDescription {
            server_started: created != 0,
        },
    )
}

/// Identity of a transaction, from its GTID event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Gtid {
    /// MySQL without GTIDs.
    Anonymous,
    MySql {
        sid: Sid,
        number: u64,
    },
    MariaDb {
        domain: u32,
        server: u32,
        sequence: u64,
    },
}

/// A GTID event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GtidEvent {
    pub(super) gtid: Gtid,
    /// When this server committed it, microseconds since the epoch, where the event says so.
    pub(super) commit_micros: Option<i64>,
    /// MariaDB: one statement that commits itself; no end follows.
    pub(super) standalone: bool,
    /// MariaDB: where in an ALTER of two phases the statement stands.
    pub(super) alter: AlterPhase,
    /// MariaDB: the XA transaction that is prepared with this group.
    pub(super) prepares: Option<Xid>,
}

/// MariaDB logs an ALTER TABLE as two transactions under `binlog_alter_two_phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum AlterPhase {
    /// Not divided.
    #[default]
    Whole,
    /// It begins, and may fail yet.
    Start,
    /// It is done.
    Commit,
    /// It failed.
    Rollback,
}

/// GTID and ANONYMOUS_GTID of MySQL.
pub(super) fn read_gtid(anonymous: bool, body: &[u8]) -> Option<GtidEvent> {
    let mut reader = Reader(body);
    reader.u8()?;
    let uuid = reader.take(16)?.try_into().ok()?;
    let number = reader.u64()?;
    // behind it, from 5.7 on, the logical clock; from 8.0.1 on, the time of the commit
    let mut commit_micros = None;
    if reader.u8() == Some(2) && reader.take(16).is_some() {
        let micros = reader.uint(7).map(|n| n & !(1 << 55));
        commit_micros = micros
            .and_then(|n| i64::try_from(n).ok())
            .filter(|&n| n > 0);
    }
    let gtid = if anonymous {
        Gtid::Anonymous
    } else {
        let tag = String::new();
        Gtid::MySql {
            sid: Sid { uuid, tag },
            number,
        }
    };
    Some(GtidEvent {
        gtid,
        commit_micros,
        standalone: false,
        alter: AlterPhase::Whole,
        prepares: None,
    })
}

/// GTID_TAGGED of MySQL 8.3 and later, in the form of its serialization library: numbered fields,
/// ascending. Source: `libs/mysql/serialization/readme.md`.
pub(super) fn read_gtid_tagged(body: &[u8]) -> Option<GtidEvent> {
    let mut reader = Reader(body);
    let format = reader.varlen()?;
    let _size = reader.varlen()?;
    let _last_known = reader.varlen()?;
    if format != 1 {
        return None;
    }
    let (mut uuid, mut number, mut tag, mut commit_micros) = ([0; 16], 0, String::new(), None);
    while !reader.is_empty() {
        match reader.varlen()? {
            0 => drop(reader.varlen()?),
            1 => {
                for byte in &mut uuid {
                    *byte = u8::try_from(reader.varlen()?).ok()?;
                }
            }
            2 => number = u64::try_from(reader.varlen_signed()?).ok()?,
            3 => {
                let bytes = usize::try_from(reader.varlen()?).ok()?;
                tag = String::from_utf8(reader.take(bytes)?.to_vec()).ok()?;
            }
            4 | 5 => drop(reader.varlen_signed()?),
            6 => {
                commit_micros = i64::try_from(reader.varlen()?).ok().filter(|&n| n > 0);
            }
            // what follows is of no use here
            _ => break,
        }
    }
    Some(GtidEvent {
        gtid: Gtid::MySql {
            sid: Sid { uuid, tag },
            number,
        },
        commit_micros,
        standalone: false,
        alter: AlterPhase::Whole,
        prepares: None,
    })
    .filter(|_| number > 0)
}

/// GTID of MariaDB; the server's id stands in the header.
pub(super) fn read_mariadb_gtid(server: u32, body: &[u8]) -> Option<GtidEvent> {
    const STANDALONE: u8 = 1;
    const GROUP_COMMIT: u8 = 2;
    const PREPARED_XA: u8 = 64;
    const COMPLETED_XA: u8 = 128;
    let mut reader = Reader(body);
    let sequence = reader.u64()?;
    let domain = reader.u32()?;
    let flags = reader.u8()?;
    let mut alter = AlterPhase::Whole;
    let mut prepares = None;
    if flags & GROUP_COMMIT != 0 {
        reader.u64()?;
    }
    if flags & (PREPARED_XA | COMPLETED_XA) != 0 {
        let format = reader.u32()?;
        let (gtrid, bqual) = (usize::from(reader.u8()?), usize::from(reader.u8()?));
        let xid = Xid {
            gtrid: reader.take(gtrid)?.to_vec(),
            bqual: reader.take(bqual)?.to_vec(),
            format,
        };
        prepares = Some(xid).filter(|_| flags & PREPARED_XA != 0);
    }
    // flags of 10.8 and later; older servers end here or pad with zeros
    if let Some(extra) = reader.u8() {
        alter = match extra & 0b1110 {
            0b0010 => AlterPhase::Start,
            0b0100 => AlterPhase::Commit,
            0b1000 => AlterPhase::Rollback,
            _ => AlterPhase::Whole,
        };
    }
    Some(GtidEvent {
        gtid: Gtid::MariaDb {
            domain,
            server,
            sequence,
        },
        commit_micros: None,
        standalone: flags & STANDALONE != 0,
        alter,
        prepares,
    })
}

/// Closed intervals of transaction numbers.
type Intervals = Vec<(u64, u64)>;

/// PREVIOUS_GTIDS of MySQL: what was executed before this file. Per server and tag closed
/// intervals; the first number tells the form, since 8.3 there are two.
pub(super) fn read_previous_gtids(body: &[u8]) -> Option<Vec<(Sid, Intervals)>> {
    let mut reader = Reader(body);
    let head = reader.u64()?;
    // the tagged form has 1 in the first and in the last byte
    let tagged = head & 0xff == 1 && head >> 56 == 1;
    let count = if tagged {
        head >> 8 & 0xffff_ffff_ffff
    } else {
        head
    };
    let mut set = Vec::new();
    for _ in 0..count {
        let uuid = reader.take(16)?.try_into().ok()?;
        let mut tag = String::new();
        if tagged {
            let bytes = usize::try_from(reader.varlen()?).ok()?;
            tag = String::from_utf8(reader.take(bytes)?.to_vec()).ok()?;
        }
        let mut intervals = Vec::new();
        for _ in 0..reader.u64()? {
            let (first, end) = (reader.u64()?, reader.u64()?);
            intervals.push((first, end.checked_sub(1)?));
        }
        set.push((Sid { uuid, tag }, intervals));
    }
    Some(set)
}

/// GTID_LIST of MariaDB: the last `(domain, server, sequence)` per domain before this file.
pub(super) fn read_gtid_list(body: &[u8]) -> Option<Vec<(u32, u32, u64)>> {
    let mut reader = Reader(body);
    let count = reader.u32()? & 0x0fff_ffff;
    let mut list = Vec::new();
    for _ in 0..count {
        list.push((reader.u32()?, reader.u32()?, reader.u64()?));
    }
    Some(list)
}

/// An XA_PREPARE event commits at once (`XA COMMIT .. ONE PHASE`).
pub(super) fn read_xa_one_phase(body: &[u8]) -> Option<bool> {
    Reader(body).u8().map(|flag| flag != 0)
}

/// Size of all events in a TRANSACTION_PAYLOAD event, unpacked: numbered fields, then the data.
pub(super) fn read_payload_bytes(body: &[u8]) -> Option<u64> {
    const END: u64 = 0;
    const COMPRESSION: u64 = 2;
    const UNCOMPRESSED_BYTES: u64 = 3;
    const NONE: u64 = 255;
    let mut reader = Reader(body);
    let (mut unpacked, mut packed) = (None, false);
    loop {
        let field = reader.length()?;
        if field == END {
            let plain = || u64::try_from(reader.0.len()).ok();
            return if packed { unpacked } else { plain() };
        }
        let mut value = Reader(reader.counted()?);
        match field {
            COMPRESSION => packed = value.length()? != NONE,
            UNCOMPRESSED_BYTES => unpacked = value.length(),
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
