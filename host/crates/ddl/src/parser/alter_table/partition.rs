//! Partition actions of ALTER TABLE. Those that move rows in or out without row events hold the
//! table; the others change nothing that the target has.

use super::super::{Parsed, Parser};
use crate::statement::AlterAction;

impl Parser<'_> {
    /// A partition action; `None` where another action stands.
    pub(super) fn partition_action(&mut self) -> Parsed<Option<AlterAction>> {
        if self.partition_by()? {
            return Ok(Some(AlterAction::Nothing {
                what: "PARTITION BY",
            }));
        }
        if self.accept_words(&["REMOVE", "PARTITIONING"]) {
            return Ok(Some(AlterAction::Nothing {
                what: "REMOVE PARTITIONING",
            }));
        }
        if self.at_words(&["CONVERT", "PARTITION"]) || self.at_words(&["CONVERT", "TABLE"]) {
            return self.convert_partition().map(Some);
        }
        let kept: [(&str, &'static str); 8] = [
            ("ADD", "ADD PARTITION"),
            ("COALESCE", "COALESCE PARTITION"),
            ("REORGANIZE", "REORGANIZE PARTITION"),
            ("ANALYZE", "ANALYZE PARTITION"),
            ("CHECK", "CHECK PARTITION"),
            ("OPTIMIZE", "OPTIMIZE PARTITION"),
            ("REBUILD", "REBUILD PARTITION"),
            ("REPAIR", "REPAIR PARTITION"),
        ];
        for (verb, what) in kept {
            if self.accept_words(&[verb, "PARTITION"]) {
                self.skip_until(&[], true)?;
                while self.accept_symbol(',') {
                    self.skip_until(&[], true)?;
                }
                return Ok(Some(AlterAction::Nothing { what }));
            }
        }
        let changed: [(&str, &'static str); 5] = [
            ("DROP", "DROP PARTITION"),
            ("TRUNCATE", "TRUNCATE PARTITION"),
            ("EXCHANGE", "EXCHANGE PARTITION"),
            ("DISCARD", "DISCARD PARTITION"),
            ("IMPORT", "IMPORT PARTITION"),
        ];
        for (verb, what) in changed {
            if self.accept_words(&[verb, "PARTITION"]) {
                let mut other = None;
                if verb == "EXCHANGE" {
                    self.name()?;
                    self.expect("WITH")?;
                    self.expect("TABLE")?;
                    other = Some(self.table_name()?);
                }
                self.skip_statement()?;
                return Ok(Some(AlterAction::Rows { what, other }));
            }
        }
        Ok(None)
    }

    /// MariaDB's `CONVERT PARTITION p TO TABLE t` and `CONVERT TABLE t TO PARTITION p ...`.
    fn convert_partition(&mut self) -> Parsed<AlterAction> {
        self.next();
        if self.accept("PARTITION") {
            self.if_exists();
            self.name()?;
            self.expect("TO")?;
            self.expect("TABLE")?;
            let other = Some(self.table_name()?);
            self.skip_statement()?;
            return Ok(AlterAction::Rows {
                what: "CONVERT PARTITION",
                other,
            });
        }
        self.expect("TABLE")?;
        let other = Some(self.table_name()?);
        self.skip_statement()?;
        Ok(AlterAction::Rows {
            what: "CONVERT TABLE",
            other,
        })
    }
}
