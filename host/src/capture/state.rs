//! What changes while a stream runs: the batch that is being read, and where the last one ended.

use std::collections::BTreeSet;
use std::time::Instant;

use chameleon_model::{BinlogPosition, ChangeBuffer};
use chameleon_mysql::SourceError;
use chameleon_mysql::binlog::Step;
use chameleon_transform::Meta;

use super::{BATCH_BYTES, holds};
use crate::policy::StreamPolicy;

/// What changes while the stream runs.
pub(crate) struct State {
    pub(crate) buffer: ChangeBuffer,
    /// An empty buffer, whose memory is used again.
    pub(crate) spare: ChangeBuffer,
    /// A step that was read while a batch was written. It comes before anything else: the stream's
    /// position is behind it.
    pub(crate) ahead: Option<Result<Step, SourceError>>,
    /// Changes in the buffer that belong to complete transactions.
    pub(crate) complete: usize,
    /// When and where the buffer's transactions were committed, where a transform wants to know.
    pub(crate) meta: Meta,
    /// A part of the current transaction is written already.
    pub(crate) in_parts: bool,
    pub(crate) first_row: Option<Instant>,
    pub(crate) last_flush: Instant,
    pub(crate) batch_start: BinlogPosition,
    pub(crate) stored: BinlogPosition,
    pub(crate) marks: BTreeSet<BinlogPosition>,
    pub(crate) last_event_micros: Option<i64>,
    pub(crate) last_tick: Instant,
    pub(crate) rows_written: u64,
    /// Holds that are not durable yet.
    pub(crate) unsaved_holds: Vec<holds::Unsaved>,
}

impl State {
    /// At the start of a stream.
    pub(crate) fn new(at: &BinlogPosition, policy: &StreamPolicy) -> Self {
        let now = Instant::now();
        Self {
            buffer: ChangeBuffer::default(),
            spare: ChangeBuffer::default(),
            ahead: None,
            complete: 0,
            meta: Meta::default(),
            in_parts: false,
            first_row: None,
            last_flush: now,
            batch_start: at.clone(),
            stored: at.clone(),
            marks: policy.marks_after(at),
            last_event_micros: None,
            last_tick: now,
            rows_written: 0,
            unsaved_holds: Vec::new(),
        }
    }

    /// Notes that the rows since the last transaction are one, which ends at `at`.
    pub(crate) fn note_transaction(&mut self, commit_micros: i64, at: &BinlogPosition) {
        if self.buffer.len() > self.complete {
            let transaction = (self.complete, commit_micros, at.to_string());
            self.meta.transactions.push(transaction);
        }
    }

    /// A transaction ends where the buffer ends, and at `at`; `noted`: for transforms that want to
    /// know.
    pub(crate) fn committed(&mut self, commit_micros: i64, at: &BinlogPosition, noted: bool) {
        if noted {
            self.note_transaction(commit_micros, at);
        }
        self.last_event_micros = Some(commit_micros);
        self.complete = self.buffer.len();
        if self.complete > 0 {
            self.first_row.get_or_insert_with(Instant::now);
        }
    }

    /// Takes in what was read while a batch was written. True: nothing is to be read behind it.
    pub(crate) fn take_ahead(
        &mut self,
        step: Result<Step, SourceError>,
        at: &BinlogPosition,
        noted: bool,
    ) -> bool {
        if let Ok(Step::Committed { commit_micros, .. }) = step {
            self.committed(commit_micros, at, noted);
            return false;
        }
        self.ahead = Some(step);
        true
    }

    /// The complete transactions, which end at `at`, make a batch of so many rows, or one that has
    /// to end there.
    pub(crate) fn is_full(&self, rows: usize, at: &BinlogPosition) -> bool {
        self.complete >= rows || self.buffer.bytes() >= BATCH_BYTES || self.marks.contains(at)
    }

    /// Takes the batch out, which ends at `at`; what is read from here on belongs to the next.
    pub(crate) fn take_batch(
        &mut self,
        at: &BinlogPosition,
        policy: &StreamPolicy,
    ) -> ChangeBuffer {
        let spare = std::mem::take(&mut self.spare);
        self.complete = 0;
        self.unsaved_holds.clear();
        self.meta.transactions.clear();
        self.in_parts = false;
        self.first_row = None;
        self.last_flush = Instant::now();
        self.batch_start = at.clone();
        self.marks = policy.marks_after(at);
        std::mem::replace(&mut self.buffer, spare)
    }

    /// The buffer holds complete transactions and nothing else.
    pub(crate) fn is_whole(&self) -> bool {
        self.buffer.len() == self.complete && !self.in_parts
    }
}
