//! GTID events and lists of both servers.

use std::collections::BTreeMap;

use chameleon_model::GtidSet;

use super::event::{self, GtidEvent, Header, kind};

/// A GTID event of whatever kind.
pub(super) fn read_gtid(header: &Header, body: &[u8]) -> Option<GtidEvent> {
    match header.kind {
        kind::GTID_TAGGED => event::read_gtid_tagged(body),
        kind::MARIADB_GTID => event::read_mariadb_gtid(header.server_id, body),
        anonymous => event::read_gtid(anonymous == kind::ANONYMOUS_GTID, body),
    }
}

/// The GTIDs executed before a file.
pub(super) fn read_gtids(event_kind: u8, body: &[u8]) -> Option<GtidSet> {
    if event_kind == kind::MARIADB_GTID_LIST {
        let list = event::read_gtid_list(body)?;
        let last = list
            .into_iter()
            .map(|(domain, server, number)| (domain, (server, number)));
        return Some(GtidSet::MariaDb(last.collect()));
    }
    let mut gtids = GtidSet::MySql(BTreeMap::new());
    for (sid, intervals) in event::read_previous_gtids(body)? {
        for (first, last) in intervals {
            gtids.add_mysql(&sid, first, last);
        }
    }
    Some(gtids)
}
