use std::io::Write;
use std::time::{Duration, Instant};

use super::*;

/// Events as real servers sent them; see `examples/capture_binlog.rs`.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let path = format!("{}/../../../testdata/binlog", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|e| e == "events"));
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(path).unwrap())
    };
    let mut corpus: Vec<_> = files.map(read).collect();
    corpus.sort();
    corpus
}

#[test]
fn captured_events_of_every_server_decode_without_an_error() {
    let corpus = corpus();
    assert_eq!(corpus.len(), 3);
    for (name, bytes) in corpus {
        let decoded = decode(&bytes);
        assert_eq!(decoded.errors, 0, "{name}");
        assert!(decoded.rows > 50, "{name}: {decoded:?}");
        assert!(decoded.steps > 20, "{name}: {decoded:?}");
    }
}

/// A small generator of numbers, so that a seed says all (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap();
        usize::try_from(self.next() % limit).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }
}

/// Damages events: single bits and bytes, numbers at their limits, parts left out, repeated or
/// taken from elsewhere.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..=random.below(8) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(9) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.byte(),
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xfa, 0xfc, 0xfe, 0xff][random.below(8)],
            3 => bytes.truncate(at),
            4 => bytes.insert(at, random.byte()),
            5 => drop(bytes.remove(at)),
            6 => {
                let end = (at + random.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            7 => {
                let end = (at + random.below(64)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, part);
            }
            _ => {
                let from = random.below(other.len());
                let to = (from + random.below(200)).min(other.len());
                let end = (at + random.below(200)).min(bytes.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
        }
    }
}

/// Cuts one to some whole events out, most often with the table map that they need.
fn pick<'a>(bytes: &'a [u8], random: &mut Random) -> &'a [u8] {
    let mut starts = vec![0];
    let mut rest = Reader(bytes);
    while next_event(&mut rest).is_some() {
        starts.push(bytes.len() - rest.0.len());
    }
    let first = random.below(starts.len() - 1);
    let last = (first + 1 + random.below(8)).min(starts.len() - 1);
    &bytes[starts[first]..starts[last]]
}

#[test]
fn damaged_events_never_panic_loop_or_take_memory() {
    let seed = std::env::var("CHAMELEON_FUZZ_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let seconds = std::env::var("CHAMELEON_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or(0x5eed_1e55_c0de);
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(5));
    let corpus = corpus();
    let mut random = Random(seed);
    let (mut runs, mut rows) = (0_u64, 0);
    while Instant::now() < end {
        let (_, bytes) = &corpus[random.below(corpus.len())];
        let (_, other) = &corpus[random.below(corpus.len())];
        let mut events = pick(bytes, &mut random).to_vec();
        mutate(&mut events, other, &mut random);
        let began = Instant::now();
        let decoded = decode(&events);
        // a row is 16 bytes for each column, of which a bit is enough; deflate yields 1032 for one
        let most = KEPT_BYTES + events.len() * 2200;
        assert!(
            decoded.buffer_bytes <= most && began.elapsed() < Duration::from_secs(2),
            "seed {seed}, run {runs}: {decoded:?} of {} bytes in {:?}",
            events.len(),
            began.elapsed(),
        );
        runs += 1;
        rows += decoded.rows;
    }
    if seconds.is_some() {
        // for whoever runs it for long
        let _ = writeln!(std::io::stdout(), "{runs} runs of seed {seed}, {rows} rows");
    }
    assert!(runs > 100 && rows > 0, "{runs} runs, {rows} rows");
}
