//! Events of the binlog, compressed ones among them: streams, and statements with their status variables.

use chameleon_mysql::binlog::fuzz::decode;

use crate::bytes::{Random, damage};
use crate::corpus::Corpus;

const QUERY: u8 = 2;
const HEADER_BYTES: usize = 19;
const CHECKSUM_BYTES: usize = 4;

/// One to some events, most often with the table map that they need.
pub(crate) fn make_events(corpus: &Corpus, random: &mut Random) -> Vec<u8> {
    let stream = random.pick(&corpus.streams);
    let first = random.below(stream.starts.len() - 1);
    let last = (first + 1 + random.below(8)).min(stream.starts.len() - 1);
    let mut events = stream.bytes[stream.starts[first]..stream.starts[last]].to_vec();
    damage(&mut events, &random.pick(&corpus.streams).bytes, random);
    events
}

/// Rows must not take more memory than their bytes can mean.
pub(crate) fn take_events(_: &Corpus, input: &[u8]) -> bool {
    const KEPT_BYTES: usize = 1 << 20;
    let decoded = decode(input);
    // a row is 16 bytes for each column, of which a bit is enough; deflate yields 1032 for one
    assert!(
        decoded.buffer_bytes <= KEPT_BYTES + input.len() * 2200,
        "rows take too much memory"
    );
    decoded.errors < decoded.events
}

/// A statement whose status variables, database or text are damaged; all lengths fit.
pub(crate) fn make_query(corpus: &Corpus, random: &mut Random) -> Vec<u8> {
    let stream = random.pick(&corpus.streams);
    let queries = stream.of_kind(QUERY);
    let event = random.text(&queries);
    let Some(parts) = Query::read(event) else {
        return event.to_vec();
    };
    let other = random.text(&queries);
    let mut variables = parts.variables.to_vec();
    let mut text = parts.text.to_vec();
    damage(&mut variables, other, random);
    if random.once_in(3) {
        text = random.text(&corpus.statements).to_vec();
    }
    if random.once_in(3) {
        damage(&mut text, other, random);
    }
    let mut made = event[..HEADER_BYTES].to_vec();
    made.extend_from_slice(&parts.head[..8]);
    made.push(u8::try_from(parts.schema.len()).unwrap_or(u8::MAX));
    made.extend_from_slice(&parts.head[9..11]);
    let length = u16::try_from(variables.len()).unwrap_or(u16::MAX);
    made.extend_from_slice(&length.to_le_bytes());
    made.extend_from_slice(&variables);
    made.extend_from_slice(parts.schema);
    made.push(0);
    made.extend_from_slice(&text);
    made.extend_from_slice(&[0; CHECKSUM_BYTES]);
    resize(&mut made);
    made
}

struct Query<'a> {
    head: &'a [u8],
    variables: &'a [u8],
    schema: &'a [u8],
    text: &'a [u8],
}

impl<'a> Query<'a> {
    fn read(event: &'a [u8]) -> Option<Self> {
        let body = event.get(HEADER_BYTES..event.len().checked_sub(CHECKSUM_BYTES)?)?;
        let (head, rest) = body.split_at_checked(13)?;
        let length = usize::from(u16::from_le_bytes([head[11], head[12]]));
        let (variables, rest) = rest.split_at_checked(length)?;
        let (schema, rest) = rest.split_at_checked(usize::from(head[8]))?;
        Some(Self {
            head,
            variables,
            schema,
            text: rest.get(1..)?,
        })
    }
}

/// Sets the size in an event's header.
fn resize(event: &mut [u8]) {
    let size = u32::try_from(event.len()).unwrap_or(u32::MAX);
    event[9..13].copy_from_slice(&size.to_le_bytes());
}
