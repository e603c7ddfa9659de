//! Where in the binlog a source is.

use std::sync::Arc;

use crate::gtid::GtidSet;

/// A place in the binlog of one server: file and byte offset, counted in 64 bits.
///
/// Ordered by file, then offset; file names of one server compare by their numeric suffix, so that
/// `binlog.999999` comes before `binlog.1000000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BinlogPosition {
    /// Name of the binlog file.
    pub file: Arc<str>,
    /// Bytes from the file's start.
    pub offset: u64,
}

impl BinlogPosition {
    /// Makes a position.
    pub fn new(file: impl Into<Arc<str>>, offset: u64) -> Self {
        Self {
            file: file.into(),
            offset,
        }
    }

    /// Parses `FILE:POS`.
    pub fn parse(text: &str) -> Option<Self> {
        let (file, offset) = text.rsplit_once(':')?;
        if file.is_empty() {
            return None;
        }
        Some(Self::new(file, offset.parse().ok()?))
    }

    fn file_order(&self) -> (u64, &str) {
        let suffix = self.file.rsplit_once('.').and_then(|(_, n)| n.parse().ok());
        (suffix.unwrap_or(0), &self.file)
    }
}

impl PartialOrd for BinlogPosition {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BinlogPosition {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.file_order()
            .cmp(&other.file_order())
            .then(self.offset.cmp(&other.offset))
    }
}

impl std::fmt::Display for BinlogPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.offset)
    }
}

/// Where a source is: always the end of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePosition {
    /// Place in the binlog.
    pub binlog: BinlogPosition,
    /// Transactions executed up to there, where the source has GTIDs.
    pub gtids: Option<GtidSet>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_ordered_by_number_not_by_text() {
        let a = BinlogPosition::new("binlog.999999", 7);
        let b = BinlogPosition::new("binlog.1000000", 4);
        assert!(a < b);
        assert!(BinlogPosition::new("binlog.1000000", 5) > b);
    }

    #[test]
    fn a_position_is_read_from_its_text() {
        let check = |text: &str, expect: Option<(&str, u64)>| {
            let expect = expect.map(|(f, o)| BinlogPosition::new(f, o));
            assert_eq!(BinlogPosition::parse(text), expect, "{text}");
        };
        check("mysql-bin.000003:154", Some(("mysql-bin.000003", 154)));
        check("C:odd.000001:4", Some(("C:odd.000001", 4)));
        check("mysql-bin.000003", None);
        check(":4", None);
        check("b.1:x", None);
    }
}
