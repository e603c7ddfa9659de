//! Where the server is asked to begin.
//!
//! A position names a file of the server that wrote it. Where the position is not in this server's
//! history, because another one took its place, the GTIDs say where to go on.

use chameleon_model::{BinlogPosition, GtidSet, SourcePosition};

use crate::{SourceConn, SourceError};

use super::assemble::Skip;
use super::history;
use super::stream::Start;
use super::{BinlogOptions, StartAt};

/// Where the first event of a file begins.
pub(super) const FIRST_EVENT: u64 = 4;

/// How a start is brought about.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) start: Start,
    pub(super) position: SourcePosition,
    pub(super) skip: Option<Skip>,
    /// The position asked for is another server's.
    pub(super) elsewhere: bool,
}

/// Decides how to begin. A place that the protocol cannot name (beyond 4 GiB), a place inside a
/// transaction, and a place whose GTIDs are to be found out are reached by reading their file from
/// its start.
pub(super) async fn plan(
    conn: &mut SourceConn,
    options: &BinlogOptions,
) -> Result<Plan, SourceError> {
    let (binlog, inside) = match &options.start {
        StartAt::Gtid(set) => {
            history::require(conn, set).await?;
            return Ok(behind(set.clone()));
        }
        StartAt::Position(binlog) => (binlog.clone(), false),
        StartAt::RowEvent(binlog) => (binlog.clone(), true),
    };
    let mut gtids = options.gtids.clone();
    if let Some(set) = &gtids
        && !inside
        && conn.info.gtids
        && names_transactions(set, conn.info.is_mariadb())
    {
        let own = history::has(conn, &binlog, set, options.after_copy).await?;
        if !own || !options.after_copy {
            history::require(conn, set).await?;
        }
        if !own {
            tracing::info!(
                address = %conn.address,
                position = %binlog,
                "position of another server, going on by its GTIDs"
            );
            return Ok(Plan {
                elsewhere: true,
                ..behind(set.clone())
            });
        }
    }
    if gtids.is_none() && !inside && conn.info.is_mariadb() {
        gtids = conn.gtids_at(&binlog).await?;
    }
    let derive_gtids = gtids.is_none() && conn.info.gtids;
    let beyond = u32::try_from(binlog.offset).is_err();
    let file = binlog.file.to_string();
    let from_start = binlog.offset > FIRST_EVENT && (inside || beyond || derive_gtids);
    let start = match (&gtids, u32::try_from(binlog.offset)) {
        // the server finds the place itself
        (Some(set), Err(_)) if conn.info.gtids && !inside => Start::Gtids(set.clone()),
        (_, Ok(offset)) if !from_start => Start::File {
            file,
            offset: offset.max(4),
        },
        _ => Start::File { file, offset: 4 },
    };
    let skip = (from_start && matches!(start, Start::File { .. })).then_some(Skip {
        until: binlog.offset,
        inside,
        derive_gtids,
    });
    Ok(Plan {
        start,
        position: SourcePosition { binlog, gtids },
        skip,
        elsewhere: false,
    })
}

/// The set is of that family, and not empty.
fn names_transactions(set: &GtidSet, mariadb: bool) -> bool {
    match set {
        GtidSet::MySql(set) => !mariadb && !set.is_empty(),
        GtidSet::MariaDb(set) => mariadb && !set.is_empty(),
    }
}

/// A start behind the transactions of a set, wherever they are.
fn behind(set: GtidSet) -> Plan {
    Plan {
        start: Start::Gtids(set.clone()),
        position: SourcePosition {
            binlog: BinlogPosition::new("", FIRST_EVENT),
            gtids: Some(set),
        },
        skip: None,
        elsewhere: false,
    }
}
