//! Where the server is asked to begin.
//!
//! A position names a file of the server that wrote it. Where the position is not in this server's
//! history, because another one took its place, the GTIDs say where to go on.

use chameleon_model::{BinlogPosition, GtidSet, SourcePosition, gtid::Sid};

use crate::rows::quote;
use crate::{SourceConn, SourceError};

use super::assemble::Skip;
use super::stream::Start;
use super::{BinlogOptions, StartAt};

/// Where the first event of a file begins.
const FIRST_EVENT: u64 = 4;

/// Errors of `SHOW BINLOG EVENTS` for a file or a place that is not there.
const NO_SUCH_PLACE: u16 = 1220;

/// How a start is brought about.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) start: Start,
    pub(super) position: SourcePosition,
    pub(super) skip: Option<Skip>,
}

/// Decides how to begin. A place that the protocol cannot name (beyond 4 GiB), a place inside a
/// transaction, and a place whose GTIDs are to be found out are reached by reading their file from
/// its start.
pub(super) async fn plan(
    conn: &mut SourceConn,
    options: &BinlogOptions,
) -> Result<Plan, SourceError> {
    let (binlog, inside) = match &options.start {
        StartAt::Gtid(set) => return Ok(behind(set.clone())),
        StartAt::Position(binlog) => (binlog.clone(), false),
        StartAt::RowEvent(binlog) => (binlog.clone(), true),
    };
    let mut gtids = options.gtids.clone();
    if let Some(set) = &gtids
        && !inside
        && conn.info.gtids
        && names_transactions(set, conn.info.is_mariadb())
        && !is_in_history(conn, &binlog, set).await?
    {
        tracing::info!(
            address = %conn.address,
            position = %binlog,
            "position of another server, going on by its GTIDs"
        );
        return Ok(behind(set.clone()));
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
    }
}

/// The server has that file, the place is the end of a transaction, and what follows it has not been
/// read: then the position is one of this server's own. Where the right to look is missing, it is
/// believed.
async fn is_in_history(
    conn: &mut SourceConn,
    binlog: &BinlogPosition,
    gtids: &GtidSet,
) -> Result<bool, SourceError> {
    let files = match conn.binlog_files().await {
        Ok(files) => files,
        Err(SourceError::MissingRight { .. }) => return Ok(true),
        Err(error) => return Err(error),
    };
    let Some((_, size)) = files.iter().find(|(name, _)| **name == *binlog.file) else {
        // purged or never there: where it was purged, the GTIDs are refused for it, too
        return Ok(files
            .first()
            .is_some_and(|(oldest, _)| is_before(binlog, oldest)));
    };
    if binlog.offset > *size {
        return Ok(false);
    }
    if conn.info.is_mariadb() {
        let here = conn.gtids_at(binlog).await?;
        return Ok(here.as_ref() == Some(gtids));
    }
    if binlog.offset <= FIRST_EVENT || u32::try_from(binlog.offset).is_err() {
        return Ok(true);
    }
    let sql = format!(
        "show binlog events in {} from {} limit 1",
        quote(&binlog.file),
        binlog.offset
    );
    let rows = match conn.rows("look at the start in the binlog", &sql).await {
        Ok(rows) => rows,
        Err(SourceError::MissingRight { .. }) => return Ok(true),
        Err(error) if error.errno() == Some(NO_SUCH_PLACE) => return Ok(false),
        Err(error) => return Err(error),
    };
    let Some(row) = rows.first() else {
        return Ok(true);
    };
    let begins = matches!(row.text("Event_type"), Some("Gtid" | "Gtid_tagged"));
    match row.text("Info").and_then(gtid_of).filter(|_| begins) {
        Some((sid, number)) => Ok(!has(gtids, &sid, number)),
        // the end of the file
        None => Ok(!begins),
    }
}

/// By name and number: `binlog.000009` is before `binlog.000010`, and not before `other.000010`.
fn is_before(binlog: &BinlogPosition, oldest: &str) -> bool {
    let base = |file: &str| file.rsplit_once('.').map(|(base, _)| base.to_owned());
    base(&binlog.file) == base(oldest) && *binlog < BinlogPosition::new(oldest, 0)
}

/// `SET @@SESSION.GTID_NEXT= 'uuid[:tag]:7'`
fn gtid_of(info: &str) -> Option<(Sid, u64)> {
    let gtid = info.split('\'').nth(1)?;
    let (_, number) = gtid.rsplit_once(':')?;
    let GtidSet::MySql(set) = GtidSet::parse_mysql(gtid).ok()? else {
        return None;
    };
    let (sid, _) = set.into_iter().next()?;
    Some((sid, number.parse().ok()?))
}

fn has(set: &GtidSet, sid: &Sid, number: u64) -> bool {
    let GtidSet::MySql(set) = set else {
        return false;
    };
    set.get(sid).is_some_and(|intervals| {
        intervals
            .iter()
            .any(|&(first, last)| (first..=last).contains(&number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "07070707-0707-0707-0707-070707070707";

    #[test]
    fn a_gtid_is_read_from_the_servers_list_of_events() {
        for (gtid, within) in [
            (format!("{SID}:7"), true),
            (format!("{SID}:8"), false),
            (format!("{SID}:tag:2"), true),
            (format!("{SID}:tag:3"), false),
        ] {
            let set = GtidSet::parse_mysql(&format!("{SID}:1-7:tag:1-2")).unwrap();
            let info = format!("SET @@SESSION.GTID_NEXT= '{gtid}'");
            let (sid, number) = gtid_of(&info).unwrap();
            assert_eq!(has(&set, &sid, number), within, "{gtid}");
        }
        assert_eq!(gtid_of("BEGIN"), None);
    }

    #[test]
    fn a_file_is_older_only_than_those_of_its_own_name() {
        let check = |file: &str, oldest: &str, expect| {
            let binlog = BinlogPosition::new(file, 500);
            assert_eq!(is_before(&binlog, oldest), expect, "{file} {oldest}");
        };
        check("b.000009", "b.000010", true);
        check("b.000010", "b.000010", false);
        check("a.000009", "b.000010", false);
    }
}
