//! The transaction that is being read.

use std::sync::Arc;

use chameleon_ddl::statement::Xid;
use chameleon_model::change::Mark;
use chameleon_model::{ChangeBuffer, TableSchema};

/// An open transaction. Its rows are in the caller's buffer, but for those that were handed out
/// because the buffer was full.
#[derive(Debug)]
pub(super) struct Transaction {
    /// Where its rows in the buffer begin.
    mark: Mark,
    /// Rows in all.
    pub(super) rows: usize,
    /// Rows since something was handed out last.
    fresh: usize,
    /// Rows were handed out: they cannot be taken back here.
    pub(super) handed_out: bool,
    /// The mark is to be set anew, because the buffer may have been emptied.
    stale: bool,
    savepoints: Vec<Savepoint>,
    /// Versions of tables that it has changed.
    pub(super) tables: Vec<Arc<TableSchema>>,
    /// It began with XA START.
    pub(super) xa: Option<Xa>,
    /// Its rows are of no concern: it was read before.
    pub(super) ignored: bool,
}

/// What XA START says.
#[derive(Clone, Debug)]
pub(super) struct Xa {
    pub(super) xid: Xid,
    /// The caller knows of it.
    pub(super) told: bool,
}

#[derive(Debug)]
struct Savepoint {
    name: String,
    mark: Mark,
    rows: usize,
    fresh: usize,
    /// Number of tables changed before it.
    tables: usize,
    /// Rows behind it may have been handed out.
    stale: bool,
}

/// What became of a ROLLBACK TO SAVEPOINT.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RolledBackTo {
    /// The rows were taken out of the buffer.
    Done,
    /// There is no such savepoint, or rows behind it were handed out: these tables have them.
    Impossible(Vec<Arc<TableSchema>>),
}

impl Transaction {
    pub(super) fn begin(buffer: &ChangeBuffer) -> Self {
        Self {
            mark: buffer.mark(),
            rows: 0,
            fresh: 0,
            handed_out: false,
            stale: false,
            savepoints: Vec::new(),
            tables: Vec::new(),
            xa: None,
            ignored: false,
        }
    }

    /// Counts rows that were appended.
    pub(super) fn add(&mut self, rows: usize, table: &Arc<TableSchema>) {
        self.rows += rows;
        self.fresh += rows;
        if !self.tables.iter().any(|known| Arc::ptr_eq(known, table)) {
            self.tables.push(Arc::clone(table));
        }
    }

    /// There is something to hand out.
    pub(super) fn has_fresh_rows(&self) -> bool {
        self.fresh > 0
    }

    /// The caller is told to empty the buffer before the first row.
    pub(super) fn begin_anew(&mut self) {
        self.stale = true;
    }

    /// The rows so far are given to the caller.
    pub(super) fn hand_out(&mut self) {
        self.handed_out = true;
        self.stale = true;
        self.fresh = 0;
        for savepoint in &mut self.savepoints {
            savepoint.stale = true;
        }
    }

    /// The caller may have emptied the buffer, or put another in its place: what was handed out is
    /// gone, and before the first row so are all transactions before this one.
    pub(super) fn resume(&mut self, buffer: &ChangeBuffer) {
        if self.stale || self.fresh == 0 {
            self.mark = buffer.mark();
            self.stale = false;
        }
        if self.fresh == 0 {
            let here = self.savepoints.iter_mut().filter(|s| s.fresh == 0);
            here.for_each(|savepoint| savepoint.mark = self.mark);
        }
    }

    pub(super) fn savepoint(&mut self, name: String, buffer: &ChangeBuffer) {
        self.savepoints.retain(|s| s.name != name);
        self.savepoints.push(Savepoint {
            name,
            mark: buffer.mark(),
            rows: self.rows,
            fresh: self.fresh,
            tables: self.tables.len(),
            stale: false,
        });
    }

    pub(super) fn rollback_to(&mut self, name: &str, buffer: &mut ChangeBuffer) -> RolledBackTo {
        let Some(at) = self.savepoints.iter().rposition(|s| s.name == name) else {
            return RolledBackTo::Impossible(self.tables.clone());
        };
        let savepoint = &self.savepoints[at];
        if savepoint.stale {
            return RolledBackTo::Impossible(self.tables.clone());
        }
        buffer.truncate(savepoint.mark);
        self.rows = savepoint.rows;
        self.fresh = savepoint.fresh;
        self.tables.truncate(savepoint.tables);
        self.savepoints.truncate(at + 1);
        RolledBackTo::Done
    }

    /// Takes its rows out of the buffer.
    pub(super) fn take_back(&self, buffer: &mut ChangeBuffer) {
        buffer.truncate(self.mark);
    }
}

#[cfg(test)]
mod tests {
    use chameleon_model::{ChangeRef, Op, TableName};

    use super::*;

    fn table() -> Arc<TableSchema> {
        Arc::new(TableSchema::new(TableName::new("s", "t"), vec![]))
    }

    fn append(open: &mut Transaction, buffer: &mut ChangeBuffer, rows: usize) {
        let table = table();
        for _ in 0..rows {
            let after = Some(buffer.begin_row());
            let number = buffer.table_number(&table);
            buffer.push_change(ChangeRef {
                table: number,
                op: Op::Insert,
                before: None,
                after,
            });
        }
        open.add(rows, &table);
    }

    #[test]
    fn rows_behind_a_savepoint_are_taken_back() {
        let mut buffer = ChangeBuffer::default();
        let mut open = Transaction::begin(&buffer);
        append(&mut open, &mut buffer, 2);
        open.savepoint("a".into(), &buffer);
        append(&mut open, &mut buffer, 3);
        open.savepoint("b".into(), &buffer);
        append(&mut open, &mut buffer, 4);
        assert_eq!(open.rollback_to("a", &mut buffer), RolledBackTo::Done);
        assert_eq!((buffer.len(), open.rows), (2, 2));
        assert_ne!(open.rollback_to("b", &mut buffer), RolledBackTo::Done);
        append(&mut open, &mut buffer, 1);
        assert_eq!(open.rollback_to("a", &mut buffer), RolledBackTo::Done);
        assert_eq!(buffer.len(), 2);
        open.take_back(&mut buffer);
        assert!(buffer.is_empty());
    }

    #[test]
    fn the_batch_before_may_be_written_before_the_first_row_comes() {
        let mut buffer = ChangeBuffer::default();
        append(&mut Transaction::begin(&buffer), &mut buffer, 3);
        let mut open = Transaction::begin(&buffer);
        open.savepoint("a".into(), &buffer);
        buffer.clear();
        open.resume(&buffer);
        append(&mut open, &mut buffer, 2);
        assert_eq!(open.rollback_to("a", &mut buffer), RolledBackTo::Done);
        assert!(buffer.is_empty());
        append(&mut open, &mut buffer, 1);
        open.take_back(&mut buffer);
        assert!(buffer.is_empty());
    }

    #[test]
    fn what_was_handed_out_cannot_be_taken_back() {
        let mut buffer = ChangeBuffer::default();
        let mut open = Transaction::begin(&buffer);
        open.savepoint("a".into(), &buffer);
        append(&mut open, &mut buffer, 2);
        open.hand_out();
        buffer.clear();
        open.resume(&buffer);
        append(&mut open, &mut buffer, 1);
        assert!(open.has_fresh_rows());
        let told = open.rollback_to("a", &mut buffer);
        assert!(matches!(told, RolledBackTo::Impossible(tables) if tables.len() == 2));
        open.take_back(&mut buffer);
        assert!(buffer.is_empty());
        assert_eq!(open.rows, 3);
    }
}
