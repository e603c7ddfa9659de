//! The open stream: connection, state and the schema at the position in one.

use std::sync::Arc;

use chameleon_model::{BinlogPosition, ChangeBuffer, SourcePosition, TableName, TableSchema};
use tokio::task::JoinSet;

use crate::rows::quote;
use crate::{Source, SourceConn, SourceError};

use super::assemble::Assembler;
use super::logged::Objects;
use super::schemas::{Concern, Schemas};
use super::statement::Defaults;
use super::stream::{EventStream, RawEvent};
use super::{BinlogOptions, Step, start};

const WHAT: &str = "read the binlog";

/// An open binlog stream with the schema at its position.
#[derive(Debug)]
pub struct BinlogSource {
    stream: EventStream,
    assembler: Assembler,
    /// An event that waits for room in the buffer.
    waiting: Option<RawEvent>,
    elsewhere: bool,
    /// Views, triggers and routines, where they were needed.
    objects: Option<Objects>,
    /// The question for them, at most one. It goes on where a call of `next` is dropped.
    asking: JoinSet<Result<Objects, SourceError>>,
}

impl BinlogSource {
    /// Connects, asks for the binlog and waits for its first event. `tables` is the schema at that
    /// position, tables of running online schema changes (see
    /// [`original_of`](super::online_change::original_of)) included.
    ///
    /// Errors: SRC030 where the binlog is purged, SRC031 where the source refuses for another
    /// reason, SRC038 where the position does not exist, SRC039 where the source lacks transactions
    /// that were read elsewhere, and those of every connection.
    pub async fn open(
        source: &Source,
        options: BinlogOptions,
        tables: Vec<Arc<TableSchema>>,
    ) -> Result<Self, SourceError> {
        let mut conn = source.connect().await?;
        if !conn.info.log_bin {
            return Err(SourceError::NoBinlog);
        }
        let info = conn.info.clone();
        let defaults = read_defaults(&mut conn, &source.database).await?;
        let fold_case = info.lower_case_table_names != 0;
        let schemas = Schemas::new(
            source.database.clone(),
            options.selection.clone(),
            fold_case,
            tables,
        );
        let plan = start::plan(&mut conn, &options).await?;
        tracing::info!(
            address = %conn.address,
            start = %plan.start,
            position = %plan.position.binlog,
            "binlog stream opens"
        );
        let (place, elsewhere) = (plan.position.binlog.clone(), plan.elsewhere);
        let mut stream = EventStream::open(
            source,
            conn,
            options.server_id,
            options.heartbeat,
            plan.start,
        )
        .await?;
        let mut assembler = Assembler::new(info, defaults, schemas, plan.position, plan.skip);
        // the first event tells the file and bears no rows; a refusal comes in its place
        let first = stream.next(&place).await?;
        assembler.take(&first.event(), &mut ChangeBuffer::default())?;
        Ok(Self {
            stream,
            assembler,
            waiting: None,
            elsewhere,
            objects: None,
            asking: JoinSet::new(),
        })
    }

    /// Appends whole rows to `into` and returns at a transaction's end, at a DDL statement, when
    /// rows of an open transaction are in the buffer and it takes more than `max_bytes`, or when the
    /// position moved without rows. Waits without end for something to happen, as long as the source
    /// sends heartbeats.
    ///
    /// Cancel safe: called again with the same buffer, it goes on. After an error the rows of the
    /// unfinished transaction are taken out of the buffer, and the stream is of no use any more.
    ///
    /// Errors: SRC001 lost or silent connection, SRC030 and SRC031 as for `open`, SRC032 damaged
    /// event, SRC033 unknown event, SRC060 incident, SRC061 rows logged as a statement.
    pub async fn next(
        &mut self,
        into: &mut ChangeBuffer,
        max_bytes: usize,
    ) -> Result<Step, SourceError> {
        let next = self.next_step(into, max_bytes).await;
        if next.is_err()
            && let Some(open) = self.assembler.open.take()
        {
            open.take_back(into);
        }
        next
    }

    async fn next_step(
        &mut self,
        into: &mut ChangeBuffer,
        max_bytes: usize,
    ) -> Result<Step, SourceError> {
        loop {
            if let Some(open) = &mut self.assembler.open {
                open.resume(into);
            }
            if self.assembler.logged.is_some() {
                self.ask_for_objects().await?;
            }
            if let Some(logged) = self.assembler.logged.take() {
                let objects = self.objects.get_or_insert_default();
                self.assembler.hold_reached(&logged, objects)?;
            }
            if let Some(step) = self.assembler.pop() {
                return Ok(step);
            }
            if let Some(open) = &mut self.assembler.open
                && open.has_fresh_rows()
                && into.bytes() > max_bytes
            {
                return Ok(self.assembler.hand_out());
            }
            // events that have arrived must not keep whoever writes them from going on
            tokio::task::consume_budget().await;
            let event = match self.waiting.take() {
                Some(event) => event,
                None => self.stream.next(&self.assembler.here()).await?,
            };
            let bytes = event.event().body.len();
            if !into.is_empty() && !into.has_room(bytes.saturating_mul(2)) {
                self.waiting = Some(event);
                return Ok(self.assembler.hand_out());
            }
            self.assembler.take(&event.event(), into)?;
        }
    }

    /// Asks the source for its views, triggers and routines, unless they are known. Cancel safe.
    async fn ask_for_objects(&mut self) -> Result<(), SourceError> {
        if self.objects.is_some() && !self.assembler.objects_changed {
            return Ok(());
        }
        if self.asking.is_empty() {
            let source = self.stream.source().clone();
            self.asking.spawn(async move {
                let mut conn = source.connect().await?;
                let objects = Objects::read(&mut conn, &source.database).await?;
                conn.close().await;
                Ok(objects)
            });
        }
        match self.asking.join_next().await {
            Some(Ok(objects)) => self.objects = Some(objects?),
            Some(Err(ended)) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // the runtime ends, and this call with it
                Err(_) => std::future::pending().await,
            },
            None => return Ok(()),
        }
        self.assembler.objects_changed = false;
        Ok(())
    }

    /// End of the last complete transaction returned. Before the first, where reading began: in a
    /// stream by GTIDs the start of the file in which the source found the place.
    pub fn position(&self) -> &SourcePosition {
        &self.assembler.position
    }

    /// The position asked for is one of another server, whose GTIDs were found here: positions of
    /// before mean nothing any more.
    pub fn is_elsewhere(&self) -> bool {
        self.elsewhere
    }

    /// From now on rows of that table are counted, not decoded.
    pub fn hold(&mut self, table: &TableName) {
        self.assembler.schemas.hold(table);
    }

    /// Rows of that table are counted, not decoded.
    pub fn is_held(&self, table: &TableName) -> bool {
        self.assembler.schemas.is_held(table)
    }

    /// A table of that name was dropped: the next one of the name is not held.
    pub fn forget_hold(&mut self, table: &TableName) {
        self.assembler.schemas.forget_hold(table);
    }

    /// From now on rows of that table are decoded again, by that version of its schema.
    pub fn release(&mut self, table: Arc<TableSchema>) {
        self.assembler.schemas.release(table);
    }

    /// From now on XA transactions come as [`Step::Xa`], and the caller keeps their rows. Otherwise
    /// the tables of one that is prepared are held.
    pub fn keep_prepared(&mut self) {
        self.assembler.keeps_prepared = true;
    }

    /// Rows of held tables seen since the last call.
    pub fn take_held_counts(&mut self) -> Vec<(TableName, u64)> {
        self.assembler.schemas.take_counts()
    }

    /// Replicated tables in force at the position; held ones included.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<TableSchema>> {
        self.assembler.schemas.of(Concern::Replicated)
    }

    /// Tables of running online schema changes: not replicated, but to be kept in the schema history
    /// and given to [`BinlogSource::open`] again.
    pub fn helper_tables(&self) -> impl Iterator<Item = &Arc<TableSchema>> {
        self.assembler.schemas.of(Concern::Helper)
    }

    /// Bytes of binlog behind what has been read, by the source's files and their sizes as
    /// [`SourceConn::binlog_files`] lists them.
    pub fn bytes_behind(&self, files: &[(String, u64)]) -> u64 {
        bytes_behind(&self.assembler.here(), files)
    }
}

fn bytes_behind(here: &BinlogPosition, files: &[(String, u64)]) -> u64 {
    let behind = |(file, size): &(String, u64)| {
        if **file == *here.file {
            return size.saturating_sub(here.offset);
        }
        let start = BinlogPosition::new(file.as_str(), here.offset);
        if start > *here { *size } else { 0 }
    };
    files.iter().map(behind).sum()
}

/// Settings that statements in the binlog depend on and that their events do not tell.
async fn read_defaults(conn: &mut SourceConn, database: &str) -> Result<Defaults, SourceError> {
    let sql = format!(
        "select default_character_set_name as charset, default_collation_name as collation \
         from information_schema.schemata where schema_name = {}",
        quote(database)
    );
    let schemata = conn.rows(WHAT, &sql).await?;
    let sql = "select @@global.system_time_zone as zone, \
               @@global.explicit_defaults_for_timestamp + 0 as explicit";
    let variables = conn.row(WHAT, sql).await?;
    let schema = |name: &str| {
        let row = schemata.first()?;
        row.text(name).map(str::to_owned)
    };
    let zone = variables.text("zone").unwrap_or_default();
    Ok(Defaults {
        database: database.to_owned(),
        charset: schema("charset"),
        collation: schema("collation"),
        system_time_zone: is_unambiguous_zone(zone).then(|| zone.to_owned()),
        explicit_defaults_for_timestamp: variables.number("explicit") == Some(1),
    })
}

/// Abbreviations such as IST mean several zones; UTC and names of regions mean one.
fn is_unambiguous_zone(zone: &str) -> bool {
    matches!(zone, "UTC" | "GMT") || zone.contains('/') || zone.starts_with(['+', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_in_bytes_counts_files_that_are_behind() {
        let files = [("b.000009", 500), ("b.000010", 700), ("b.000011", 900)];
        let files = files.map(|(file, size)| (file.to_owned(), size));
        let check = |file: &str, offset, expect| {
            assert_eq!(
                bytes_behind(&BinlogPosition::new(file, offset), &files),
                expect
            );
        };
        check("b.000010", 700, 900);
        check("b.000010", 4, 696 + 900);
        check("b.000009", 0, 2100);
        check("b.000011", 901, 0);
        check("b.000012", 4, 0);
    }

    #[test]
    fn a_zone_is_taken_where_its_name_means_one_thing() {
        for (zone, expect) in [
            ("UTC", true),
            ("Europe/Berlin", true),
            ("IST", false),
            ("", false),
        ] {
            assert_eq!(is_unambiguous_zone(zone), expect, "{zone}");
        }
    }
}
