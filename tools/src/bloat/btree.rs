//! How large a btree is once it is built anew, with equal keys in posting lists.
//!
//! Pages are filled as CREATE INDEX fills them (`access/nbtree/nbtsort.c`): a leaf is finished where
//! less is free than its fill factor reserves, its last entry moves on and leaves a high key; upper
//! levels are filled to 70 percent. Equal keys share posting lists of at most 812 bytes
//! (`access/nbtree/nbtdedup.c`) where the operator classes allow it.
//!
//! An index that grows by inserts at random places keeps its leaves about 69 percent full, because a
//! full page is split in halves: [`Size::steady_pages`]. What lies between the two sizes comes back
//! after a REINDEX.
//!
//! Pure: nothing here asks a server.

use super::layout::{EntryShape, LINE_POINTER, max_align};

/// Header and special space of a page.
const PAGE_OVERHEAD: f64 = 24.0 + 16.0;
/// Header of an entry.
const ENTRY_HEADER: f64 = 8.0;
/// Header and null bitmap of an entry, aligned.
const ENTRY_HEADER_WITH_NULL: f64 = 16.0;
/// Bytes of a row's address in a posting list.
const ADDRESS: f64 = 6.0;
/// How full the pages of upper levels are made.
const UPPER_FILL: f64 = 0.7;
/// How full leaves are after splits at random places.
const SPLIT_FILL: f64 = 0.69;
/// Correlation of key and place from which inserts are taken for ascending.
const ASCENDING: f64 = 0.9;
/// Default fill factor of leaves.
pub(crate) const FILLFACTOR: u16 = 90;

/// Keys that occur equally often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Group {
    /// How many different keys.
    pub(crate) keys: f64,
    /// How many rows each has.
    pub(crate) rows: f64,
    /// The key holds a null.
    pub(crate) with_null: bool,
}

/// What an index is made of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Contents {
    /// Length of its entries' values.
    pub(crate) entry: EntryShape,
    /// How often keys occur.
    pub(crate) groups: Vec<Group>,
    /// Equal keys may share a posting list.
    pub(crate) deduplicates: bool,
    /// Correlation of the first key column with the place of its row; `None` where not known.
    pub(crate) correlation: Option<f64>,
}

/// The size of an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Size {
    /// Pages after REINDEX.
    pub(crate) pages: f64,
    /// Pages that the index keeps in use.
    pub(crate) steady_pages: f64,
    /// Bytes used in the leaves after REINDEX.
    pub(crate) leaf_bytes: f64,
}

/// The groups of keys of one column: nulls, common values, and all others alike. `distinct` as
/// `pg_stats` has it: negative for a part of the rows.
pub(crate) fn groups(rows: f64, nulls: f64, distinct: f64, common: &[f64]) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut add = |keys: f64, rows: f64, with_null| {
        if keys > 0.0 && rows > 0.0 {
            groups.push(Group {
                keys,
                rows: rows / keys,
                with_null,
            });
        }
    };
    add(1.0, rows * nulls, true);
    let present = rows * (1.0 - nulls);
    let distinct = distinct_keys(rows, distinct).min(present);
    let common = if (common.len() as f64) <= distinct {
        common
    } else {
        &[]
    };
    for part in common {
        add(1.0, rows * part, false);
    }
    let others = (present - rows * common.iter().sum::<f64>()).max(0.0);
    let keys = (distinct - common.len() as f64).clamp(1.0, others.max(1.0));
    add(keys, others, false);
    groups
}

/// Different values of a column with so many rows.
pub(crate) fn distinct_keys(rows: f64, distinct: f64) -> f64 {
    if distinct < 0.0 {
        -distinct * rows
    } else {
        distinct
    }
}

/// The size of an index with these contents.
pub(crate) fn size(contents: &Contents, fillfactor: u16, block: f64) -> Size {
    let (mut bytes, mut entries, mut rows) = (0.0, 0.0, 0.0);
    for group in &contents.groups {
        let header = match group.with_null {
            true => ENTRY_HEADER_WITH_NULL,
            false => mixed_header(contents),
        };
        let base = header
            + if group.with_null && contents.groups.len() > 1 {
                // a null takes no room
                0.0
            } else {
                contents.entry.padded
            };
        let (key_bytes, key_entries) = key(group.rows, base, contents.deduplicates, block);
        bytes += group.keys * key_bytes;
        entries += group.keys * key_entries;
        rows += group.keys * group.rows;
    }
    if entries < 1.0 {
        return Size {
            pages: 1.0,
            steady_pages: 1.0,
            leaf_bytes: 0.0,
        };
    }
    let mean = bytes / entries;
    let pivot = mixed_header(contents) + contents.entry.padded + LINE_POINTER;
    // the row address tells equal keys apart in the upper levels
    let pivot = if entries < rows * 0.9 {
        pivot + 8.0
    } else {
        pivot
    };
    let posting = (mean - pivot).max(0.0);
    let first = contents.groups.first().map_or(0.0, |g| g.rows);
    let uniform = !contents.entry.varies && contents.groups.iter().all(|g| g.rows == first);
    let leaves = leaves(entries, mean, posting, uniform, fillfactor, block);
    let ascending = contents.correlation.is_none_or(|c| c.abs() > ASCENDING);
    let steady = if ascending {
        leaves
    } else {
        leaves * (f64::from(fillfactor) / 100.0 / SPLIT_FILL).max(1.0)
    };
    Size {
        pages: 1.0 + leaves + upper_pages(leaves, pivot, block),
        steady_pages: 1.0 + steady + upper_pages(steady, pivot, block),
        leaf_bytes: bytes + leaves * pivot,
    }
}

/// Header of entries of which some have a null among several columns.
fn mixed_header(contents: &Contents) -> f64 {
    let with_null = if contents.groups.iter().any(|g| g.with_null) {
        0.0
    } else {
        contents.entry.with_null
    };
    ENTRY_HEADER * (1.0 - with_null) + ENTRY_HEADER_WITH_NULL * with_null
}

/// Bytes and entries of one key with so many rows.
fn key(rows: f64, base: f64, deduplicates: bool, block: f64) -> (f64, f64) {
    // a tenth of a page, less a line pointer, rounded down
    let longest = ((block * 0.1 / 8.0).floor() * 8.0 - LINE_POINTER).div_euclid(8.0) * 8.0;
    let most = ((longest - base) / ADDRESS).floor();
    if !deduplicates || most < 2.0 || rows <= 1.0 {
        return (rows * (base + LINE_POINTER), rows);
    }
    let posting = |rows: f64| max_align(base + ADDRESS * rows) + LINE_POINTER;
    let full = (rows / most).floor();
    let rest = rows - full * most;
    let (low, high) = (rest.floor(), rest.floor() + 1.0);
    let of_rest = |rows: f64| match rows {
        r if r < 1.0 => (0.0, 0.0),
        r if r < 2.0 => (base + LINE_POINTER, 1.0),
        r => (posting(r), 1.0),
    };
    // a mean between two whole numbers is taken for a mixture of both
    let (of_low, of_high) = (of_rest(low), of_rest(high));
    let part = rest - low;
    let mixed = |a: f64, b: f64| a * (1.0 - part) + b * part;
    (
        full * posting(most) + mixed(of_low.0, of_high.0),
        full + mixed(of_low.1, of_high.1),
    )
}

/// Leaf pages.
fn leaves(
    entries: f64,
    mean: f64,
    posting: f64,
    uniform: bool,
    fillfactor: u16,
    block: f64,
) -> f64 {
    let room = block - PAGE_OVERHEAD;
    // a posting list that becomes the high key is cut off, and may use the reserve
    let reserved = (block * f64::from(100 - fillfactor.min(100)) / 100.0 - posting).max(0.0);
    let filled = (room - LINE_POINTER - reserved) / mean;
    let filled = if uniform {
        filled.floor() + 1.0
    } else {
        filled + 0.5
    };
    let most = room / mean;
    let most = if uniform { most.floor() } else { most };
    // the last one moves on
    (entries / (filled.min(most) - 1.0).max(1.0)).ceil()
}

/// Pages of the levels above the leaves.
fn upper_pages(leaves: f64, pivot: f64, block: f64) -> f64 {
    let per_page = ((block - PAGE_OVERHEAD - block * (1.0 - UPPER_FILL)) / pivot)
        .floor()
        .max(2.0);
    let (mut level, mut pages) = (leaves, 0.0);
    while level > 1.0 {
        level = (level / per_page).ceil();
        pages += level;
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(width: f64, groups: Vec<Group>, deduplicates: bool) -> Contents {
        Contents {
            entry: EntryShape {
                padded: width,
                with_null: 0.0,
                varies: false,
            },
            groups,
            deduplicates,
            correlation: None,
        }
    }

    #[test]
    fn a_unique_index_of_a_million_integers_has_the_size_that_servers_give_it() {
        let unique = contents(8.0, groups(1e6, 0.0, -1.0, &[]), true);
        // 2733 leaves, 11 above, a root and the meta page: 21.5 MB
        let size = size(&unique, FILLFACTOR, 8192.0);
        assert!((2744.0..=2747.0).contains(&size.pages), "{size:?}");
    }

    #[test]
    fn equal_keys_share_posting_lists_where_that_is_allowed() {
        let many = groups(1e6, 0.0, 1000.0, &[]);
        let shared = size(&contents(8.0, many.clone(), true), FILLFACTOR, 8192.0);
        let plain = size(&contents(8.0, many, false), FILLFACTOR, 8192.0);
        assert!(plain.pages > 2740.0, "{plain:?}");
        assert!((800.0..950.0).contains(&shared.pages), "{shared:?}");
    }

    #[test]
    fn nulls_and_common_values_are_keys_of_their_own() {
        let found = groups(1000.0, 0.25, 12.0, &[0.3, 0.2]);
        let rows: f64 = found.iter().map(|g| g.keys * g.rows).sum();
        assert!((rows - 1000.0).abs() < 1e-6);
        assert_eq!(found[0].rows, 250.0);
        assert!(found[0].with_null);
        assert_eq!((found[1].rows, found[2].rows), (300.0, 200.0));
        assert_eq!((found[3].keys, found[3].rows), (10.0, 25.0));
    }

    #[test]
    fn splits_at_random_places_leave_room_and_ascending_keys_do_not() {
        let mut random = contents(8.0, groups(1e6, 0.0, -1.0, &[]), true);
        random.correlation = Some(0.01);
        let found = size(&random, FILLFACTOR, 8192.0);
        assert!(found.steady_pages > found.pages * 1.25, "{found:?}");
        random.correlation = Some(-0.99);
        let found = size(&random, FILLFACTOR, 8192.0);
        assert_eq!(found.steady_pages, found.pages);
    }

    #[test]
    fn an_empty_index_is_its_meta_page() {
        let empty = size(
            &contents(8.0, groups(0.0, 0.0, -1.0, &[]), true),
            90,
            8192.0,
        );
        assert_eq!(empty.pages, 1.0);
    }
}
