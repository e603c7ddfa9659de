//! XA transactions: prepared in one group of events, ended by another.
//!
//! Between the two the rows belong to nobody: other transactions come, and a crash of the source or
//! of this side changes nothing about them. They are handed to the caller, who keeps them under
//! their name. Without that ([`Assembler::keeps_prepared`]) their tables are held. One that commits
//! in one phase is an ordinary transaction. Source: MySQL manual, "XA Transaction States";
//! MySQL worklog 6860; MariaDB 10.5, MDEV-742.

use chameleon_ddl::statement::Xid;
use chameleon_model::ChangeBuffer;

use super::assemble::{Assembler, now_micros};
use super::event::Header;
use super::schemas::Concern;
use super::table_map;
use super::transaction::{Transaction, Xa};
use super::{Step, XaStep};

impl Assembler {
    /// At XA START of MySQL, and at MariaDB's GTID event that stands for it.
    pub(super) fn xa_begin(&mut self, xid: &Xid, into: &ChangeBuffer) {
        self.begin(into);
        if let Some(open) = &mut self.open {
            open.xa.get_or_insert_with(|| Xa {
                xid: xid.clone(),
                told: false,
            });
        }
    }

    /// At a table map: before the first rows of concern the caller is told whose they are.
    pub(super) fn xa_table(&mut self, header: &Header, body: &[u8]) {
        if !self.keeps_prepared || self.is_skipping() {
            return;
        }
        let Some(open) = self.open.as_mut().filter(|open| !open.ignored) else {
            return;
        };
        let Some(xa) = open.xa.as_mut().filter(|xa| !xa.told) else {
            return;
        };
        let names = table_map::read_names(body);
        let of_concern = names.is_some_and(|(_, schema, table, _)| {
            self.schemas.concern(&self.schemas.name(schema, table)) == Concern::Replicated
        });
        if of_concern {
            xa.told = true;
            let xid = xa.xid.clone();
            open.begin_anew();
            self.push_xa(xid, XaStep::Begun, header);
        }
    }

    /// Gives what is in the buffer to the caller, in the midst of a transaction.
    pub(super) fn hand_out(&mut self) -> Step {
        let told = self.group.as_ref().and_then(|group| group.commit_micros);
        let Some(open) = &mut self.open else {
            return Step::Continued;
        };
        open.hand_out();
        match &open.xa {
            Some(xa) if self.keeps_prepared => Step::Xa {
                xid: xa.xid.clone(),
                step: XaStep::Part,
                commit_micros: told.unwrap_or_else(now_micros),
            },
            _ => Step::Continued,
        }
    }

    /// At XA PREPARE, or at XA COMMIT .. ONE PHASE.
    pub(super) fn xa_prepare(&mut self, one_phase: bool, header: &Header, into: &mut ChangeBuffer) {
        let Some(open) = self.open.take() else {
            return self.commit(header);
        };
        let kept = open.xa.as_ref().filter(|_| self.keeps_prepared);
        let xid = kept.map(|xa| xa.xid.clone());
        match xid {
            Some(xid) if open.handed_out && one_phase => {
                let rows = open.rows;
                self.push_xa(xid.clone(), XaStep::Prepared { rows }, header);
                self.end_xa(xid, XaStep::Committed, header);
            }
            _ if one_phase => {
                self.open = Some(open);
                self.commit(header);
            }
            Some(xid) if open.rows > 0 => {
                let rows = open.rows;
                self.end_xa(xid, XaStep::Prepared { rows }, header);
            }
            // parts were handed out and then taken back to a savepoint
            Some(xid) if open.handed_out => self.end_xa(xid, XaStep::RolledBack, header),
            Some(_) => self.commit(header),
            None => self.hold_prepared(&open, header, into),
        }
    }

    /// At XA COMMIT or XA ROLLBACK of what was prepared.
    pub(super) fn xa_end(&mut self, xid: &Xid, committed: bool, header: &Header) {
        // its tables are held since it was prepared, unless its rows are kept
        self.open = None;
        if self.keeps_prepared && !self.repeated {
            let step = if committed {
                XaStep::Committed
            } else {
                XaStep::RolledBack
            };
            self.end_xa(xid.clone(), step, header);
        } else {
            self.commit(header);
        }
    }

    /// The step that tells that an unfinished transaction is gone, where its rows were handed out or
    /// stood in the buffer.
    pub(super) fn undone(&self, open: &Transaction, header: &Header) -> Step {
        match &open.xa {
            Some(xa) if self.keeps_prepared && open.handed_out => Step::Xa {
                xid: xa.xid.clone(),
                step: XaStep::RolledBack,
                commit_micros: self.commit_micros(header),
            },
            _ => Step::RolledBack,
        }
    }

    fn hold_prepared(&mut self, open: &Transaction, header: &Header, into: &mut ChangeBuffer) {
        open.take_back(into);
        for table in &open.tables {
            self.cannot_follow(
                &table.name,
                "an XA transaction that changed it was prepared, and such rows are not kept",
            );
        }
        if open.handed_out {
            self.push(Step::RolledBack);
        }
        self.commit(header);
    }

    fn push_xa(&mut self, xid: Xid, step: XaStep, header: &Header) {
        let commit_micros = self.commit_micros(header);
        self.push(Step::Xa {
            xid,
            step,
            commit_micros,
        });
    }

    fn end_xa(&mut self, xid: Xid, step: XaStep, header: &Header) {
        let commit_micros = self.commit_micros(header);
        self.end_group(Step::Xa {
            xid,
            step,
            commit_micros,
        });
    }
}
