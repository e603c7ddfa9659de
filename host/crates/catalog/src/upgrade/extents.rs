//! Which blocks of a log table hold which source's rows.
//!
//! The table is gone through once, window by window, however many sources there are: of each window
//! the sources are copied in turn, so that it is read from the disk once. A batch is written in one
//! go, so its rows lie together; a source is read only where its batches lie. Where ranges of two
//! sources overlap, the statement's own condition on the batch keeps them apart.

use super::survey::Part;

/// Blocks of a window: 64 MiB.
const WINDOW_BLOCKS: u32 = 8192;
/// Ranges that are nearer than this are read as one: a statement of its own costs as much.
const NEAR_BLOCKS: u32 = 32;

/// What is copied before progress is told again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CopyPart {
    pub(super) source: i64,
    pub(super) ranges: Vec<Range>,
}

/// What one statement reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// First block.
    pub(super) first: u32,
    /// The block behind the last.
    pub(super) next: u32,
    /// Batches of the source of which rows may lie there.
    pub(super) batches: Vec<i64>,
}

/// The parts that hold every row of these sources once, in the order in which they are read.
pub(super) fn parts(all: &[Part], sources: &[i64]) -> Vec<CopyPart> {
    let mut found: Vec<(u32, CopyPart)> = Vec::new();
    for &source in sources {
        let mut of_window: Vec<(u32, Vec<Range>)> = Vec::new();
        for range in ranges(all.iter().filter(|part| part.source == Some(source))) {
            let window = range.first / WINDOW_BLOCKS;
            match of_window.last_mut().filter(|(last, _)| *last == window) {
                Some((_, ranges)) => ranges.push(range),
                None => of_window.push((window, vec![range])),
            }
        }
        found.extend(
            of_window
                .into_iter()
                .map(|(window, ranges)| (window, CopyPart { source, ranges })),
        );
    }
    found.sort_by_key(|(window, _)| *window);
    found.into_iter().map(|(_, part)| part).collect()
}

/// The ranges of one source, none of which goes beyond its window.
fn ranges<'a>(batches: impl Iterator<Item = &'a Part>) -> Vec<Range> {
    let batches: Vec<&Part> = batches.collect();
    let mut placed: Vec<(u32, u32, i64)> = batches
        .iter()
        .filter_map(|part| part.blocks.map(|(first, last)| (first, last, part.batch)))
        .collect();
    if placed.len() < batches.len() {
        return vec![Range {
            first: 0,
            next: u32::MAX,
            batches: batches.iter().map(|part| part.batch).collect(),
        }];
    }
    placed.sort_unstable();
    let mut whole: Vec<Range> = Vec::new();
    for &(first, last, batch) in &placed {
        let next = last.saturating_add(1);
        match whole.last_mut() {
            Some(range) if first <= range.next.saturating_add(NEAR_BLOCKS) => {
                range.next = range.next.max(next);
                range.batches.push(batch);
            }
            _ => whole.push(Range {
                first,
                next,
                batches: vec![batch],
            }),
        }
    }
    whole.into_iter().flat_map(in_windows).collect()
}

/// Cuts a range where windows meet.
fn in_windows(range: Range) -> Vec<Range> {
    let mut cut = Vec::new();
    let mut first = range.first;
    while first < range.next {
        let end = (first / WINDOW_BLOCKS + 1).saturating_mul(WINDOW_BLOCKS);
        let next = end.min(range.next);
        cut.push(Range {
            first,
            next,
            batches: range.batches.clone(),
        });
        first = next;
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(number: i64, source: i64, blocks: Option<(u32, u32)>) -> Part {
        Part {
            batch: number,
            source: Some(source),
            waits: true,
            created: Some(number),
            rows: 1,
            events: (number, number),
            blocks,
        }
    }

    #[test]
    fn ranges_that_are_near_are_one_and_no_block_of_a_source_is_read_twice() {
        let blocks = [(0, 4), (3, 9), (10, 10), (140, 150)];
        let all: Vec<Part> = (1..)
            .zip(blocks)
            .map(|(n, b)| batch(n, 1, Some(b)))
            .collect();
        let range = |first, next, batches: &[i64]| Range {
            first,
            next,
            batches: batches.into(),
        };
        let expect = [range(0, 11, &[1, 2, 3]), range(140, 151, &[4])];
        assert_eq!(
            parts(&all, &[1]),
            [CopyPart {
                source: 1,
                ranges: expect.into()
            }]
        );
    }

    #[test]
    fn the_table_is_gone_through_once_whatever_the_number_of_sources() {
        let all = [
            batch(1, 1, Some((5, 20_004))),
            batch(2, 2, Some((0, 9000))),
            batch(3, 2, Some((30_000, 30_000))),
        ];
        let found = parts(&all, &[1, 2]);
        let windows: Vec<_> = found
            .iter()
            .map(|p| (p.source, p.ranges[0].first / WINDOW_BLOCKS))
            .collect();
        assert_eq!(windows, [(1, 0), (2, 0), (1, 1), (2, 1), (1, 2), (2, 3)]);
        for (source, blocks) in [(1, 20_000), (2, 9002)] {
            let ranges = found
                .iter()
                .filter(|p| p.source == source)
                .flat_map(|p| &p.ranges);
            assert_eq!(ranges.map(|r| r.next - r.first).sum::<u32>(), blocks);
        }
    }

    #[test]
    fn a_server_that_cannot_tell_blocks_reads_the_whole_table() {
        let all = [batch(1, 1, Some((1, 2))), batch(2, 1, None)];
        let found = parts(&all, &[1]);
        assert_eq!(found.len(), 1);
        let range = &found[0].ranges[0];
        assert_eq!(
            (range.first, range.next, range.batches.as_slice()),
            (0, u32::MAX, &[1, 2][..])
        );
    }
}
