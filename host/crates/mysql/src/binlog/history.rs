//! Is a position one of this server's own?
//!
//! A saved position is a file's name, an offset and the GTIDs that were read up to there. Another
//! server may have a file of that name, and an event that begins at that offset. The position is
//! taken for this server's own only where all that is before it was read, and nothing behind it.
//! Otherwise reading goes on behind the GTIDs, on a server that has them all.

use chameleon_model::{BinlogPosition, GtidSet, gtid::Sid};

use crate::rows::{TextRow, quote};
use crate::{SourceConn, SourceError};

use super::start::FIRST_EVENT;

/// Errors of `SHOW BINLOG EVENTS` for a file or a place that is not there.
const NO_SUCH_PLACE: u16 = 1220;

/// How long the server may take to commit what it has sent already, in seconds.
const COMMIT_SECONDS: u8 = 3;

/// Events that begin at the end of a transaction, as MariaDB names them.
const BETWEEN: &[&str] = &[
    "Gtid",
    "Gtid_list",
    "Binlog_checkpoint",
    "Rotate",
    "Stop",
    "Start_encryption",
    "Format_desc",
];

/// The server has that file, the place is the end of a transaction, all before it was read and what
/// follows it was not. Where the right to look is missing, it is believed. `lenient`: the set may lack
/// transactions that were being committed when it was read, so what is before the place is not looked
/// at.
pub(super) async fn has(
    conn: &mut SourceConn,
    binlog: &BinlogPosition,
    gtids: &GtidSet,
    lenient: bool,
) -> Result<bool, SourceError> {
    match look(conn, binlog, gtids, lenient).await {
        Err(SourceError::MissingRight { .. }) => Ok(true),
        Err(error) if error.errno() == Some(NO_SUCH_PLACE) => Ok(false),
        looked => looked,
    }
}

async fn look(
    conn: &mut SourceConn,
    binlog: &BinlogPosition,
    gtids: &GtidSet,
    lenient: bool,
) -> Result<bool, SourceError> {
    let files = conn.binlog_files().await?;
    let Some(at) = files.iter().position(|(name, _)| **name == *binlog.file) else {
        // purged or never there: where it was purged, the GTIDs are refused for it, too
        return Ok(files
            .first()
            .is_some_and(|(oldest, _)| is_before(binlog, oldest)));
    };
    if binlog.offset > files[at].1 {
        return Ok(false);
    }
    if conn.info.is_mariadb() {
        return Ok(begins_between(&events(conn, binlog, 1).await?)
            && conn.gtids_at(binlog).await?.as_ref() == Some(gtids));
    }
    if u32::try_from(binlog.offset).is_err() {
        return Ok(true);
    }
    if lenient {
        let next = events(conn, binlog, 1).await?;
        return Ok(match next.first() {
            None => true,
            Some(row) => gtid_at(row).is_none_or(|(sid, number)| !within(gtids, &sid, number)),
        });
    }
    let older = files_before(conn, &binlog.file, gtids).await?;
    if !older || binlog.offset <= FIRST_EVENT {
        return Ok(older);
    }
    let executed = executed(conn).await?;
    let next = events(conn, binlog, 1).await?;
    match next.first() {
        // the end of the newest file
        None => Ok(gtids.contains(&executed)),
        Some(row) => match (gtid_at(row), files.get(at + 1)) {
            (Some((sid, number)), _) => Ok(
                !within(gtids, &sid, number) && (number == 1 || within(gtids, &sid, number - 1))
            ),
            // the end of an older file
            (None, Some((after, _))) if begins_between(&next) => {
                files_before(conn, after, gtids).await
            }
            (None, _) => Ok(begins_between(&next) && gtids.contains(&executed)),
        },
    }
}

/// Fails where the server lacks transactions of the set.
///
/// Errors: SRC039.
pub(super) async fn require(conn: &mut SourceConn, gtids: &GtidSet) -> Result<(), SourceError> {
    if !conn.info.gtids {
        return Ok(());
    }
    let (here, lacks) = match gtids {
        GtidSet::MariaDb(read) => {
            let row = conn.row(WHAT, "select @@global.gtid_binlog_state").await?;
            let here = row.first().unwrap_or_default().to_owned();
            let lacks = read
                .iter()
                .any(|(&domain, &(server, number))| state_lacks(&here, domain, server, number));
            (here, lacks)
        }
        GtidSet::MySql(_) => {
            wait_for(conn, gtids).await?;
            let here = executed(conn).await?;
            (here.to_string(), !here.contains(gtids))
        }
    };
    if lacks {
        return Err(SourceError::Lacks {
            address: conn.address.clone(),
            gtids: gtids.to_string(),
            here,
        });
    }
    Ok(())
}

/// MariaDB's `gtid_binlog_state` tells the last number of each server in each domain. A domain that is
/// not in it is judged by the server itself.
fn state_lacks(state: &str, domain: u32, server: u32, number: u64) -> bool {
    let mut known = state.split(',').filter_map(|member| {
        let mut parts = member.trim().split('-');
        let domain: u32 = parts.next()?.parse().ok()?;
        let server: u32 = parts.next()?.parse().ok()?;
        let number: u64 = parts.next()?.parse().ok()?;
        Some((domain, server, number))
    });
    let mut of_domain = known.by_ref().filter(|one| one.0 == domain).peekable();
    of_domain.peek().is_some() && !of_domain.any(|one| one.1 == server && one.2 >= number)
}

/// The server sends a transaction before it has committed it.
async fn wait_for(conn: &mut SourceConn, gtids: &GtidSet) -> Result<(), SourceError> {
    let set = quote(&gtids.to_string());
    let sql = format!("select wait_for_executed_gtid_set({set}, {COMMIT_SECONDS})");
    conn.row(WHAT, &sql).await.map(drop)
}

const WHAT: &str = "look at the start in the binlog";

async fn executed(conn: &mut SourceConn) -> Result<GtidSet, SourceError> {
    let row = conn.row(WHAT, "select @@global.gtid_executed").await?;
    Ok(GtidSet::parse_mysql(row.first().unwrap_or_default())?)
}

/// The events from a place on.
async fn events(
    conn: &mut SourceConn,
    from: &BinlogPosition,
    number: u8,
) -> Result<Vec<TextRow>, SourceError> {
    let sql = format!(
        "show binlog events in {} from {} limit {number}",
        quote(&from.file),
        from.offset.max(FIRST_EVENT)
    );
    conn.rows(WHAT, &sql).await
}

/// All transactions of the files before that one are in the set.
async fn files_before(
    conn: &mut SourceConn,
    file: &str,
    gtids: &GtidSet,
) -> Result<bool, SourceError> {
    let first = BinlogPosition::new(file, FIRST_EVENT);
    for row in events(conn, &first, 3).await? {
        if row.text("Event_type") == Some("Previous_gtids") {
            let before = GtidSet::parse_mysql(row.text("Info").unwrap_or_default())?;
            return Ok(gtids.contains(&before));
        }
    }
    Ok(true)
}

/// Nothing, or an event that stands between two transactions.
fn begins_between(events: &[TextRow]) -> bool {
    events.first().is_none_or(|row| {
        row.text("Event_type")
            .is_some_and(|kind| BETWEEN.contains(&kind))
    })
}

fn gtid_at(row: &TextRow) -> Option<(Sid, u64)> {
    let begins = matches!(row.text("Event_type"), Some("Gtid" | "Gtid_tagged"));
    row.text("Info").and_then(gtid_of).filter(|_| begins)
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

fn within(set: &GtidSet, sid: &Sid, number: u64) -> bool {
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
            assert_eq!(super::within(&set, &sid, number), within, "{gtid}");
        }
        assert_eq!(gtid_of("BEGIN"), None);
    }

    #[test]
    fn a_server_lacks_what_its_state_does_not_reach() {
        let state = "0-1-10, 0-2-14,7-1-3";
        for (domain, server, number, lacks) in [
            (0, 1, 10, false),
            (0, 1, 11, true),
            (0, 2, 14, false),
            (0, 3, 5, true),
            (7, 1, 4, true),
            (9, 1, 4, false),
        ] {
            assert_eq!(
                state_lacks(state, domain, server, number),
                lacks,
                "{domain}-{server}-{number}"
            );
        }
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
