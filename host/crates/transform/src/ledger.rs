//! What became of a buffer's rows so far: which left, which came, which failed.

use chameleon_model::{ChangeBuffer, ChangeRef, TableName};

use crate::error::TransformError;
use crate::outcome::{FailedRow, StoppedTable, Transformed};
use crate::worker::Applied;

/// A buffer on its way.
pub(crate) struct Ledger {
    pub(crate) rows: ChangeBuffer,
    /// Index in the given buffer; empty: as they are.
    origin: Vec<u32>,
    /// Source table of each of the buffer's tables.
    sources: Vec<TableName>,
    /// Changes that leave at the end of the stage.
    pub(crate) dropped: Vec<u32>,
    /// Changes that then come behind the one of that index.
    pub(crate) added: Vec<(u32, ChangeRef)>,
    pub(crate) failed: Vec<FailedRow>,
    stopped: Vec<StoppedTable>,
}

impl Ledger {
    pub(crate) fn new(rows: ChangeBuffer) -> Self {
        let tables = rows.tables().iter();
        Self {
            sources: tables.map(|table| table.name.clone()).collect(),
            rows,
            origin: Vec::new(),
            dropped: Vec::new(),
            added: Vec::new(),
            failed: Vec::new(),
            stopped: Vec::new(),
        }
    }

    pub(crate) fn finish(self) -> Transformed {
        Transformed {
            rows: self.rows,
            origin: self.origin,
            failed: self.failed,
            stopped: self.stopped,
        }
    }

    /// What the buffer's table of that number is at the source.
    pub(crate) fn source(&self, number: usize) -> &TableName {
        &self.sources[number]
    }

    /// Numbers of the output tables in the buffer.
    pub(crate) fn numbers(&mut self, applied: &Applied) -> Vec<u32> {
        let mut numbers = Vec::with_capacity(applied.routes.len());
        for route in &applied.routes {
            numbers.push(self.rows.table_number(route));
            // a table that is new here
            if self.sources.len() < self.rows.tables().len() {
                self.sources.push(applied.source.clone());
            }
        }
        numbers
    }

    /// A table has no plan: none of its rows of that version and after can go on.
    pub(crate) fn stop_all(&mut self, number: usize, error: TransformError) {
        let mut changes = self.rows.changes().iter();
        let first = changes.position(|change| change.table as usize == number);
        let source = self.sources[number].clone();
        if let Some(first) = first {
            self.stop_at(&source, u32::try_from(first).unwrap_or(u32::MAX), error);
        }
    }

    /// Leaves out the rows of a source table from a change on.
    pub(crate) fn stop_at(&mut self, source: &TableName, change: u32, error: TransformError) {
        let changes = self.rows.changes().iter().enumerate().skip(change as usize);
        let gone = changes.filter(|(_, c)| self.sources[c.table as usize] == *source);
        let gone = gone.filter_map(|(index, _)| u32::try_from(index).ok());
        self.dropped.extend(gone);
        let stopped = StoppedTable {
            table: source.clone(),
            change: self.origin_of(change),
            error,
        };
        match self.stopped.iter_mut().find(|s| s.table == *source) {
            Some(earlier) if earlier.change <= stopped.change => {}
            Some(later) => *later = stopped,
            None => self.stopped.push(stopped),
        }
    }

    pub(crate) fn origin_of(&self, change: u32) -> usize {
        let mapped = self.origin.get(change as usize).copied();
        mapped.unwrap_or(change) as usize
    }

    /// Rebuilds the list of changes where some left it or came to it.
    pub(crate) fn settle(&mut self) {
        if self.dropped.is_empty() && self.added.is_empty() {
            return;
        }
        let mut gone = vec![false; self.rows.len()];
        for index in self.dropped.drain(..) {
            gone[index as usize] = true;
        }
        self.added.sort_by_key(|(index, _)| *index);
        let mut added = std::mem::take(&mut self.added).into_iter().peekable();
        let mut changes = Vec::with_capacity(self.rows.len());
        let mut origin = Vec::with_capacity(self.rows.len());
        for (index, change) in self.rows.changes().iter().enumerate() {
            let number = u32::try_from(index).unwrap_or(u32::MAX);
            let before = self.origin.get(index).copied().unwrap_or(number);
            if !gone[index] {
                changes.push(*change);
                origin.push(before);
            }
            while let Some((_, new)) = added.next_if(|(at, _)| *at == number) {
                if !gone[index] {
                    changes.push(new);
                    origin.push(before);
                }
            }
        }
        self.rows.set_changes(changes);
        self.origin = origin;
    }
}
