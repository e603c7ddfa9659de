//! GTID sets of both kinds.
//!
//! MySQL: per server UUID (and tag, since 8.4) a sorted list of closed intervals. MariaDB: per
//! domain the last server and sequence number. A set grows at commit only. Sources: MySQL manual,
//! "GTID Format and Storage"; MariaDB knowledge base, "Global Transaction ID".

use std::collections::BTreeMap;

/// A text that is no GTID set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part:?} is no GTID: {expected} was expected")]
pub struct GtidError {
    /// The part of the text that could not be read.
    pub part: String,
    /// The form that was expected.
    pub expected: &'static str,
}

/// Server UUID and tag (empty where there is none) of MySQL transactions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid {
    /// Server UUID, big-endian.
    pub uuid: [u8; 16],
    /// Tag in lowercase, empty where there is none.
    pub tag: String,
}

/// Executed transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GtidSet {
    /// Intervals `first..=last` per server and tag, sorted and disjoint, never adjacent.
    MySql(BTreeMap<Sid, Vec<(u64, u64)>>),
    /// Last `(server id, sequence number)` per domain.
    MariaDb(BTreeMap<u32, (u32, u64)>),
}

impl GtidSet {
    /// Reads MySQL's form, `uuid[:tag]:first[-last]...,...`; white space is allowed anywhere.
    pub fn parse_mysql(text: &str) -> Result<Self, GtidError> {
        let mut set = Self::MySql(BTreeMap::new());
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        for member in text.split(',').filter(|m| !m.is_empty()) {
            let bad = |part: &str| GtidError {
                part: part.to_owned(),
                expected: "uuid[:tag]:first[-last]",
            };
            let mut parts = member.split(':');
            let uuid = parse_uuid(parts.next().unwrap_or_default()).ok_or_else(|| bad(member))?;
            let mut sid = Sid {
                uuid,
                tag: String::new(),
            };
            let mut intervals = 0;
            for part in parts {
                if part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
                    sid.tag = part.to_lowercase();
                    continue;
                }
                let (first, last) = part.split_once('-').unwrap_or((part, part));
                let first: u64 = first.parse().map_err(|_| bad(part))?;
                let last: u64 = last.parse().map_err(|_| bad(part))?;
                if first == 0 || last < first {
                    return Err(bad(part));
                }
                set.add_mysql(&sid, first, last);
                intervals += 1;
            }
            if intervals == 0 {
                return Err(bad(member));
            }
        }
        Ok(set)
    }

    /// Reads MariaDB's form, `domain-server-sequence,...`.
    pub fn parse_mariadb(text: &str) -> Result<Self, GtidError> {
        let mut set = BTreeMap::new();
        for member in text.split(',').map(str::trim).filter(|m| !m.is_empty()) {
            let bad = || GtidError {
                part: member.to_owned(),
                expected: "domain-server-sequence",
            };
            let mut parts = member.split('-');
            let mut next = || parts.next().ok_or_else(bad);
            let domain = next()?.parse().map_err(|_| bad())?;
            let server = next()?.parse().map_err(|_| bad())?;
            let sequence = next()?.parse().map_err(|_| bad())?;
            if parts.next().is_some() {
                return Err(bad());
            }
            set.insert(domain, (server, sequence));
        }
        Ok(Self::MariaDb(set))
    }

    /// Reads either form: MySQL's has colons, MariaDB's has none.
    pub fn parse(text: &str) -> Result<Self, GtidError> {
        if text.contains(':') {
            Self::parse_mysql(text)
        } else {
            Self::parse_mariadb(text)
        }
    }

    /// Adds the MySQL transactions `first..=last`. Does nothing to a MariaDB set.
    pub fn add_mysql(&mut self, sid: &Sid, first: u64, last: u64) {
        let Self::MySql(set) = self else { return };
        if let Some(intervals) = set.get_mut(sid) {
            // what nearly every transaction does: prolong the last interval by one
            if let Some(end) = intervals.last_mut()
                && first == end.1.saturating_add(1)
            {
                end.1 = last;
                return;
            }
            intervals.push((first, last));
            intervals.sort_unstable();
            let mut merged: Vec<(u64, u64)> = Vec::with_capacity(intervals.len());
            for &(first, last) in intervals.iter() {
                match merged.last_mut() {
                    Some(end) if first <= end.1.saturating_add(1) => end.1 = end.1.max(last),
                    _ => merged.push((first, last)),
                }
            }
            *intervals = merged;
        } else {
            set.insert(sid.clone(), vec![(first, last)]);
        }
    }

    /// Moves a MariaDB domain on to a transaction. Does nothing to a MySQL set.
    pub fn add_mariadb(&mut self, domain: u32, server: u32, sequence: u64) {
        if let Self::MariaDb(set) = self {
            set.insert(domain, (server, sequence));
        }
    }

    /// Every transaction of `other` is in this set. Sets of different kinds contain nothing of each
    /// other but the empty set.
    pub fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::MySql(mine), Self::MySql(theirs)) => theirs.iter().all(|(sid, intervals)| {
                let Some(have) = mine.get(sid) else {
                    return intervals.is_empty();
                };
                intervals
                    .iter()
                    .all(|i| have.iter().any(|h| h.0 <= i.0 && i.1 <= h.1))
            }),
            (Self::MariaDb(mine), Self::MariaDb(theirs)) => theirs
                .iter()
                .all(|(domain, (_, seq))| mine.get(domain).is_some_and(|(_, have)| have >= seq)),
            (_, other) => other.is_empty(),
        }
    }

    /// No transaction is in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::MySql(set) => set.values().all(Vec::is_empty),
            Self::MariaDb(set) => set.is_empty(),
        }
    }
}

impl std::fmt::Display for GtidSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MySql(set) => {
                for (i, (sid, intervals)) in set.iter().enumerate() {
                    if i > 0 {
                        f.write_str(",")?;
                    }
                    for (at, byte) in sid.uuid.iter().enumerate() {
                        if matches!(at, 4 | 6 | 8 | 10) {
                            f.write_str("-")?;
                        }
                        write!(f, "{byte:02x}")?;
                    }
                    if !sid.tag.is_empty() {
                        write!(f, ":{}", sid.tag)?;
                    }
                    for (first, last) in intervals {
                        write!(f, ":{first}")?;
                        if last > first {
                            write!(f, "-{last}")?;
                        }
                    }
                }
            }
            Self::MariaDb(set) => {
                for (i, (domain, (server, sequence))) in set.iter().enumerate() {
                    let comma = if i > 0 { "," } else { "" };
                    write!(f, "{comma}{domain}-{server}-{sequence}")?;
                }
            }
        }
        Ok(())
    }
}

/// Reads `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let hex: Vec<u8> = text.bytes().filter(|&b| b != b'-').collect();
    if hex.len() != 32 || text.len() != 36 {
        return None;
    }
    let mut uuid = [0; 16];
    for (byte, pair) in uuid.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(uuid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    #[test]
    fn sets_are_read_merged_and_written_in_normal_form() {
        let check = |text: &str, expect: &str| {
            assert_eq!(GtidSet::parse(text).unwrap().to_string(), expect, "{text}");
        };
        check(&format!("{A}:1-5:6:9-10"), &format!("{A}:1-6:9-10"));
        check(&format!("{A}:9,\n{A}:1-3"), &format!("{A}:1-3:9"));
        check(
            &format!("{A}:1-50:Tag_1:1-2:7"),
            &format!("{A}:1-50,{A}:tag_1:1-2:7"),
        );
        check("0-1-100, 2-3-4", "0-1-100,2-3-4");
        check("", "");
    }

    #[test]
    fn the_last_number_has_no_next() {
        let last = u64::MAX;
        let sid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
        let set = GtidSet::parse_mysql(&format!("{sid}:{last}:5:{last}")).unwrap();
        assert_eq!(set.to_string(), format!("{sid}:5:{last}"));
    }

    #[test]
    fn what_is_no_gtid_is_named() {
        let check = |text: &str, part: &str| {
            assert_eq!(GtidSet::parse(text).unwrap_err().part, part, "{text}");
        };
        check("zz:1", "zz:1");
        check(&format!("{A}:0"), "0");
        check(&format!("{A}:5-3"), "5-3");
        check(&format!("{A}:"), "");
        check("1-2", "1-2");
        check("1-2-3-4", "1-2-3-4");
    }

    fn build(members: &[u64]) -> GtidSet {
        let mut set = GtidSet::MySql(BTreeMap::new());
        let sid = Sid {
            uuid: [7; 16],
            tag: String::new(),
        };
        for &m in members {
            set.add_mysql(&sid, m, m);
        }
        set
    }

    proptest! {
        #[test]
        fn adding_in_any_order_gives_the_same_set(mut members in prop::collection::vec(1u64..60, 0..40)) {
            let a = build(&members);
            prop_assert_eq!(&GtidSet::parse_mysql(&a.to_string()).unwrap_or(build(&[])), &a);
            members.sort_unstable();
            let b = build(&members);
            prop_assert_eq!(&a, &b);
            prop_assert!(a.contains(&b));
        }

        #[test]
        fn a_set_contains_exactly_its_members(members in prop::collection::btree_set(1u64..60, 0..40), probe in 1u64..60) {
            let members: Vec<u64> = members.into_iter().collect();
            prop_assert_eq!(build(&members).contains(&build(&[probe])), members.contains(&probe));
        }
    }
}
