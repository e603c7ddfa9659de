//! Transaction control. Manual: "Transactional and Locking Statements", "XA Transactions".

use super::{Parsed, Parser};
use crate::lexer::Kind;
use crate::statement::{Statement, TransactionControl, Xid};

impl Parser<'_> {
    /// At BEGIN, START TRANSACTION, COMMIT, ROLLBACK, SAVEPOINT, RELEASE or XA; `None` at anything
    /// else.
    pub(super) fn transaction(&mut self) -> Parsed<Option<Statement>> {
        let control = if self.at_words(&["BEGIN", "NOT", "ATOMIC"]) {
            return Ok(None);
        } else if self.accept("BEGIN") || self.accept_words(&["START", "TRANSACTION"]) {
            self.skip_statement()?;
            TransactionControl::Begin
        } else if self.accept("COMMIT") {
            self.skip_statement()?;
            TransactionControl::Commit
        } else if self.accept("ROLLBACK") {
            self.accept("WORK");
            if self.accept("TO") {
                self.accept("SAVEPOINT");
                TransactionControl::RollbackTo(self.name()?)
            } else {
                self.skip_statement()?;
                TransactionControl::Rollback
            }
        } else if self.accept("SAVEPOINT") {
            TransactionControl::Savepoint(self.name()?)
        } else if self.accept_words(&["RELEASE", "SAVEPOINT"]) {
            TransactionControl::Release(self.name()?)
        } else if self.at("XA") && !self.at_words(&["XA", "RECOVER"]) {
            self.next();
            self.xa()?
        } else {
            return Ok(None);
        };
        Ok(Some(Statement::Transaction(control)))
    }

    fn xa(&mut self) -> Parsed<TransactionControl> {
        self.kind = "XA";
        let verb = self.accept_any(&["START", "BEGIN", "END", "PREPARE", "COMMIT", "ROLLBACK"]);
        let Some(verb) = verb else {
            return self.unexpected("START, END, PREPARE, COMMIT or ROLLBACK");
        };
        let xid = self.xid()?;
        Ok(match verb {
            "END" => {
                if self.accept("SUSPEND") && self.accept("FOR") {
                    self.expect("MIGRATE")?;
                }
                TransactionControl::XaEnd(xid)
            }
            "PREPARE" => TransactionControl::XaPrepare(xid),
            "COMMIT" => TransactionControl::XaCommit {
                xid,
                one_phase: self.accept_words(&["ONE", "PHASE"]),
            },
            "ROLLBACK" => TransactionControl::XaRollback(xid),
            _ => {
                let _ = self.accept("JOIN") || self.accept("RESUME");
                TransactionControl::XaBegin(xid)
            }
        })
    }

    /// `gtrid [, bqual [, format]]`
    fn xid(&mut self) -> Parsed<Xid> {
        let gtrid = self.xid_part()?;
        let mut bqual = Vec::new();
        let mut format = 1;
        if self.accept_symbol(',') {
            bqual = self.xid_part()?;
            if self.accept_symbol(',') {
                let number = self.number()?;
                let Ok(number) = u32::try_from(number) else {
                    return self.unexpected("a format number of 32 bits");
                };
                format = number;
            }
        }
        Ok(Xid {
            gtrid,
            bqual,
            format,
        })
    }

    fn xid_part(&mut self) -> Parsed<Vec<u8>> {
        let part = match &self.peek().kind {
            Kind::Text(text) => text.as_bytes().to_vec(),
            Kind::Bytes(bytes) => bytes.clone(),
            _ => return self.unexpected("a string or a hex literal"),
        };
        self.next();
        Ok(part)
    }
}
