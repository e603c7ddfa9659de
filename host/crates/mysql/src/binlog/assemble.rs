//! Events into transactions.
//!
//! An event changes the state and may yield steps; a step that ends a transaction carries the move
//! of the position, which takes force when the step is handed out. The position and the GTID set
//! move at ends of transactions only. Groups of events end as the servers write them: MySQL's with
//! XID or the query COMMIT, MariaDB's too, where a GTID event opens them in place of BEGIN; DDL ends
//! itself. No connection is used here.

use std::collections::VecDeque;
use std::sync::Arc;

use chameleon_model::{BinlogPosition, ChangeBuffer, GtidSet, SourcePosition};

use crate::{ServerInfo, SourceError};

use super::Step;
use super::event::{self, AlterPhase, FLAG_IGNORABLE, Gtid, GtidEvent, Header, kind};
use super::gtids::{read_gtid, read_gtids};
use super::logged::Logged;
use super::maps::Maps;
use super::place::Place;
use super::query::{self, Query};
use super::rows::{RowDecoder, RowsKind};
use super::schemas::Schemas;
use super::statement::Defaults;
use super::transaction::Transaction;

/// An event of the binlog, its checksum verified and cut off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event<'a> {
    pub(super) header: Header,
    pub(super) body: &'a [u8],
    /// It was unpacked from a TRANSACTION_PAYLOAD event and has no place of its own.
    pub(super) packed: bool,
}

/// Events to be read and not returned, because they are before the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Skip {
    /// Offset in the first file up to which.
    pub(super) until: u64,
    /// It may be inside a transaction, at the end of a rows event.
    pub(super) inside: bool,
    /// The GTID set of the start is to be found on the way.
    pub(super) derive_gtids: bool,
}

/// Where the position goes with a step.
#[derive(Debug)]
struct Move {
    file: Arc<str>,
    offset: u64,
    gtid: Option<Gtid>,
}

/// The state of the stream.
#[derive(Debug)]
pub(super) struct Assembler {
    pub(super) info: ServerInfo,
    pub(super) defaults: Defaults,
    pub(super) schemas: Schemas,
    pub(super) maps: Maps,
    pub(super) decoder: RowDecoder,
    pub(super) scratch: Vec<u8>,
    pub(super) place: Place,
    pub(super) position: SourcePosition,
    pub(super) skip: Option<Skip>,
    /// The GTID event of the group that is being read.
    pub(super) group: Option<GtidEvent>,
    /// The group was read before: its GTID is in the set.
    pub(super) repeated: bool,
    pub(super) open: Option<Transaction>,
    /// The caller keeps the rows of prepared XA transactions.
    pub(super) keeps_prepared: bool,
    /// A statement in place of rows, of which only the source knows what else it changed.
    pub(super) logged: Option<Logged>,
    /// Views, triggers or routines may have changed since they were asked for.
    pub(super) objects_changed: bool,
    /// Place that the last event told, where that was a heartbeat.
    beat: Option<u32>,
    steps: VecDeque<(Step, Option<Move>)>,
}

impl Assembler {
    pub(super) fn new(
        info: ServerInfo,
        defaults: Defaults,
        schemas: Schemas,
        position: SourcePosition,
        skip: Option<Skip>,
    ) -> Self {
        let place = Place {
            file: Arc::clone(&position.binlog.file),
            // skipping begins at the first event of a file
            offset: if skip.is_some() {
                4
            } else {
                position.binlog.offset
            },
        };
        Self {
            info,
            defaults,
            schemas,
            maps: Maps::default(),
            decoder: RowDecoder::default(),
            scratch: Vec::new(),
            place,
            position,
            skip,
            group: None,
            repeated: false,
            open: None,
            keeps_prepared: false,
            logged: None,
            objects_changed: false,
            beat: None,
            steps: VecDeque::new(),
        }
    }

    /// The next step, if there is one; the position is then the one after it.
    pub(super) fn pop(&mut self) -> Option<Step> {
        let (step, moved) = self.steps.pop_front()?;
        if let Some(moved) = moved {
            self.position.binlog = BinlogPosition {
                file: moved.file,
                offset: moved.offset,
            };
            if let Some(gtid) = moved.gtid {
                self.add_gtid(&gtid);
            }
        }
        Some(step)
    }

    pub(super) fn push(&mut self, step: Step) {
        self.steps.push_back((step, None));
    }

    /// Before the steps that wait already, of which one may move the position.
    pub(super) fn push_before(&mut self, step: Step) {
        self.steps.push_front((step, None));
    }

    /// Where the event that is being read ends.
    pub(super) fn here(&self) -> BinlogPosition {
        BinlogPosition {
            file: Arc::clone(&self.place.file),
            offset: self.place.offset,
        }
    }

    /// What is before the start is being read.
    pub(super) fn is_skipping(&self) -> bool {
        self.skip.is_some()
    }

    fn damaged(&self, reason: &str) -> SourceError {
        SourceError::EventDamaged {
            position: self.here(),
            reason: reason.to_owned(),
        }
    }

    /// Takes an event. Rows go into the buffer; what else comes of it is to be had from
    /// [`Assembler::pop`].
    pub(super) fn take(
        &mut self,
        event: &Event<'_>,
        into: &mut ChangeBuffer,
    ) -> Result<(), SourceError> {
        if !event.packed {
            self.place.advance(&event.header);
        }
        if event.header.kind != kind::HEARTBEAT {
            self.beat = None;
        }
        self.leave_skip_late()?;
        self.dispatch(event, into)?;
        self.leave_skip();
        Ok(())
    }

    fn dispatch(&mut self, event: &Event<'_>, into: &mut ChangeBuffer) -> Result<(), SourceError> {
        let (header, body) = (&event.header, event.body);
        if let Some(rows) = RowsKind::of(header.kind) {
            return self.rows(rows, body, into);
        }
        let known = match header.kind {
            kind::TABLE_MAP => {
                self.xa_table(header, body);
                self.maps.put(body)
            }
            kind::XID => {
                self.commit(header);
                Some(())
            }
            kind::QUERY | kind::EXECUTE_LOAD_QUERY | kind::MARIADB_QUERY_COMPRESSED => {
                match self.read_query(header.kind, body) {
                    Some(query) => return self.query(&query, header, into),
                    None => None,
                }
            }
            kind::GTID | kind::ANONYMOUS_GTID | kind::GTID_TAGGED | kind::MARIADB_GTID => {
                read_gtid(header, body).map(|gtid| {
                    // MariaDB's opens the transaction, MySQL's has a BEGIN behind it
                    let opens = header.kind == kind::MARIADB_GTID && !gtid.standalone;
                    let prepares = gtid.prepares.clone();
                    self.begin_group(gtid, header, into);
                    if opens {
                        self.begin(into);
                    }
                    if let Some(xid) = prepares {
                        self.xa_begin(&xid, into);
                    }
                })
            }
            kind::PREVIOUS_GTIDS | kind::MARIADB_GTID_LIST => {
                read_gtids(header.kind, body).map(|set| {
                    self.derive_gtids(set);
                    self.between_groups(header);
                })
            }
            kind::MARIADB_CHECKPOINT | kind::STOP => {
                self.between_groups(header);
                Some(())
            }
            kind::XA_PREPARE => event::read_xa_one_phase(body)
                .map(|one_phase| self.xa_prepare(one_phase, header, into)),
            kind::ROTATE => match event::read_rotate(body) {
                Some((offset, file)) => return self.rotate(file, offset, header, into),
                None => None,
            },
            kind::FORMAT_DESCRIPTION => event::read_format_description(body).map(|format| {
                if format.server_started {
                    self.abandon(header, into);
                }
            }),
            kind::HEARTBEAT | kind::HEARTBEAT_V2 => {
                self.heartbeat(header, body);
                Some(())
            }
            _ => return self.pass_over(header),
        };
        known.ok_or_else(|| self.damaged(&format!("event type {} is cut off", header.kind)))
    }

    fn read_query(&mut self, event_kind: u8, body: &[u8]) -> Option<Query> {
        match event_kind {
            kind::QUERY => query::read(body),
            kind::EXECUTE_LOAD_QUERY => query::read_load(body),
            _ => query::read_compressed(body, |data| {
                let mut text = Vec::new();
                self.decoder.cells.inflater.event(data, &mut text)?;
                Some(text)
            }),
        }
    }

    /// Events that change nothing here, and those that cannot be passed over.
    fn pass_over(&self, header: &Header) -> Result<(), SourceError> {
        let position = self.here();
        match header.kind {
            kind::INCIDENT => Err(SourceError::Incident { position }),
            kind::INTVAR
            | kind::APPEND_BLOCK
            | kind::DELETE_FILE
            | kind::RAND
            | kind::USER_VAR
            | kind::BEGIN_LOAD_QUERY
            | kind::IGNORABLE
            | kind::ROWS_QUERY
            | kind::TRANSACTION_CONTEXT
            | kind::VIEW_CHANGE
            | kind::TRANSACTION_PAYLOAD
            | kind::MARIADB_ANNOTATE_ROWS
            | kind::MARIADB_START_ENCRYPTION => Ok(()),
            _ if header.flags & FLAG_IGNORABLE != 0 => Ok(()),
            other => Err(SourceError::EventUnknown {
                position,
                reason: format!("event type {other}"),
            }),
        }
    }

    fn begin_group(&mut self, gtid: GtidEvent, header: &Header, into: &mut ChangeBuffer) {
        self.abandon(header, into);
        // MySQL's numbers say for certain what was read before, wherever reading began
        self.repeated = match (&gtid.gtid, &self.position.gtids) {
            (Gtid::MySql { sid, number }, Some(GtidSet::MySql(set))) if self.skip.is_none() => {
                let within = |&(first, last): &(u64, u64)| (first..=last).contains(number);
                set.get(sid)
                    .is_some_and(|intervals| intervals.iter().any(within))
            }
            _ => false,
        };
        self.group = Some(gtid);
    }

    /// Opens a transaction, unless one is open.
    pub(super) fn begin(&mut self, into: &ChangeBuffer) {
        let ignored = self.repeated;
        self.open.get_or_insert_with(|| {
            let mut open = Transaction::begin(into);
            open.ignored = ignored;
            open
        });
    }

    pub(super) fn commit(&mut self, header: &Header) {
        let rows = self.open.take().map_or(0, |open| open.rows);
        let commit_micros = self.commit_micros(header);
        self.end_group(if rows > 0 {
            Step::Committed {
                commit_micros,
                rows,
            }
        } else {
            Step::Progress { commit_micros }
        });
    }

    pub(super) fn rollback(&mut self, header: &Header, into: &mut ChangeBuffer) {
        let commit_micros = self.commit_micros(header);
        let mut step = Step::Progress { commit_micros };
        if let Some(open) = self.open.take() {
            open.take_back(into);
            if open.rows > 0 || open.handed_out {
                step = self.undone(&open, header);
            }
        }
        self.end_group(step);
    }

    pub(super) fn commit_micros(&self, header: &Header) -> i64 {
        let told = self.group.as_ref().and_then(|group| group.commit_micros);
        told.unwrap_or_else(|| header.micros())
    }

    /// MariaDB: the ALTER of this group has not succeeded, or not yet.
    pub(super) fn is_alter_pending(&self) -> bool {
        let phase = self.group.as_ref().map(|group| group.alter);
        matches!(phase, Some(AlterPhase::Start | AlterPhase::Rollback))
    }

    /// Ends a group with its last step: the position moves with it.
    pub(super) fn end_group(&mut self, step: Step) {
        let gtid = self.group.take().map(|group| group.gtid);
        self.repeated = false;
        if let Some(skip) = &self.skip {
            if skip.derive_gtids
                && let Some(gtid) = gtid
            {
                self.add_gtid(&gtid);
            }
            return;
        }
        let moved = Move {
            file: Arc::clone(&self.place.file),
            offset: self.place.offset,
            gtid,
        };
        self.steps.push_back((step, Some(moved)));
    }

    fn add_gtid(&mut self, gtid: &Gtid) {
        match (gtid, &mut self.position.gtids) {
            (Gtid::MySql { sid, number }, Some(set)) => set.add_mysql(sid, *number, *number),
            (
                Gtid::MariaDb {
                    domain,
                    server,
                    sequence,
                },
                Some(set),
            ) => set.add_mariadb(*domain, *server, *sequence),
            _ => {}
        }
    }

    fn derive_gtids(&mut self, set: GtidSet) {
        if self.skip.is_some_and(|skip| skip.derive_gtids) {
            self.position.gtids = Some(set);
            return;
        }
        // A set read at the server may lack transactions that were being committed. All that is in
        // older files was read, or is before the start.
        let (None, Some(GtidSet::MySql(_)), GtidSet::MySql(older)) =
            (&self.skip, &self.position.gtids, set)
        else {
            return;
        };
        if let Some(own) = &mut self.position.gtids {
            for (sid, intervals) in older {
                for (first, last) in intervals {
                    own.add_mysql(&sid, first, last);
                }
            }
        }
    }

    /// Drops a transaction that was not finished: the server was restarted in its midst.
    fn abandon(&mut self, header: &Header, into: &mut ChangeBuffer) {
        if let Some(open) = self.open.take() {
            open.take_back(into);
            if self.skip.is_none() && (open.rows > 0 || open.handed_out) {
                let step = self.undone(&open, header);
                self.push(step);
            }
        }
        self.group = None;
    }

    fn rotate(
        &mut self,
        file: &str,
        offset: u64,
        header: &Header,
        into: &mut ChangeBuffer,
    ) -> Result<(), SourceError> {
        if *self.place.file == *file {
            return Ok(());
        }
        // the first file of a stream by GTIDs is not known before
        if self.place.file.is_empty() {
            self.place.rotate(file, offset);
            self.position.binlog = self.here();
            return Ok(());
        }
        if let Some(skip) = &self.skip {
            let (until, file) = (skip.until, &self.place.file);
            return Err(SourceError::BadPosition {
                position: format!("{file}:{until}"),
            });
        }
        self.abandon(header, into);
        self.maps.clear();
        self.place.rotate(file, offset);
        let commit_micros = if header.timestamp == 0 {
            now_micros()
        } else {
            header.micros()
        };
        self.end_group(Step::Progress { commit_micros });
        Ok(())
    }

    /// An event that stands between two transactions: the position moves behind it, so that it
    /// reaches the end of a file in which no transaction is yet.
    fn between_groups(&mut self, header: &Header) {
        if self.open.is_none() && self.group.is_none() && !header.is_artificial() {
            let commit_micros = header.micros();
            self.end_group(Step::Progress { commit_micros });
        }
    }

    /// Between transactions the position goes to where the source waits: it may have passed over
    /// transactions by their GTIDs. While it does, it may be in the midst of one; where it tells the
    /// same place twice it is at the end.
    fn heartbeat(&mut self, header: &Header, body: &[u8]) {
        if self.open.is_none() && self.group.is_none() && self.skip.is_none() {
            let again = self.beat == Some(header.log_pos);
            if header.kind == kind::HEARTBEAT && body == self.place.file.as_bytes() {
                self.beat = Some(header.log_pos);
                if again {
                    self.place.pass_over(header.log_pos);
                }
            }
            let commit_micros = now_micros();
            self.end_group(Step::Progress { commit_micros });
        }
    }

    /// Ends skipping where the start is reached.
    fn leave_skip(&mut self) {
        if let Some(skip) = self.skip
            && self.place.offset >= skip.until
            && (skip.inside || self.open.is_none() && self.group.is_none())
        {
            self.skip = None;
        }
    }

    /// An event ends behind the start, and none ended at it: the start is no place to begin at.
    fn leave_skip_late(&self) -> Result<(), SourceError> {
        match &self.skip {
            Some(skip) if self.place.offset > skip.until => Err(SourceError::BadPosition {
                position: format!("{}:{}", self.place.file, skip.until),
            }),
            _ => Ok(()),
        }
    }
}

/// The clock here: a heartbeat bears no time of the source.
pub(super) fn now_micros() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let micros = since.map(|d| d.as_micros()).unwrap_or_default();
    i64::try_from(micros).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "assemble_tests.rs"]
mod tests;
