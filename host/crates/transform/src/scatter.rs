//! A checked answer to rows: in place where the output rows have the shape of the input's.

use chameleon_model::{Cell, ChangeBuffer, ChangeRef, ColumnType, Op, RowRef, TypeKind};

use crate::abi::v0_1::{Odd, Values, Vector, state, verdict};
use crate::answer::Answer;
use crate::error::Fault;
use crate::gather::Image;
use crate::outcome::Origin;
use crate::plan::{OutColumn, Shape};

/// Where an answer goes.
pub(crate) struct Target<'a> {
    pub(crate) shape: &'a Shape,
    /// The rows: indexes of their changes.
    pub(crate) changes: &'a [u32],
    /// Columns of the input.
    pub(crate) width: usize,
    /// The routes' numbers in the buffer.
    pub(crate) routes: &'a [u32],
}

/// What has to be done to the list of changes.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Changes that are left out.
    pub(crate) dropped: Vec<u32>,
    /// Changes that come behind the one of that index.
    pub(crate) added: Vec<(u32, ChangeRef)>,
}

/// Images of the rows, as they were and as they will be.
struct Images {
    from: Vec<Option<RowRef>>,
    to: Vec<Option<RowRef>>,
}

/// Writes an answer into the buffer.
pub(crate) fn write(
    buffer: &mut ChangeBuffer,
    answer: &Answer,
    target: &Target<'_>,
) -> Result<Outcome, Fault> {
    let vectors = answer.after.iter().chain(&answer.before).flatten();
    let bytes: usize = vectors.map(bytes).sum();
    if !buffer.has_room(bytes) {
        return Err(Fault::Full);
    }
    let after = images(buffer, answer, target, Image::After);
    let before = images(buffer, answer, target, Image::Before);
    for (n, column) in target.shape.columns.iter().enumerate() {
        for (image, images) in [(Image::After, &after), (Image::Before, &before)] {
            if column.made() {
                let vector = answer.vector(image, n);
                put_column(buffer, (n, column), vector, images, target);
            } else if !target.shape.in_place {
                pass_column(buffer, (n, column), images);
            }
        }
    }
    Ok(finish(buffer, answer, target, (&before, &after)))
}

fn bytes(vector: &Vector) -> usize {
    let pool = match &vector.values {
        Values::Texts(pool) | Values::Blobs(pool) => pool.data.len(),
        _ => 0,
    };
    pool + vector.odd.iter().map(|odd| odd.raw.len()).sum::<usize>()
}

/// The images that go on. Where the shape changes they are new rows, all absent so far.
fn images(buffer: &mut ChangeBuffer, answer: &Answer, target: &Target<'_>, image: Image) -> Images {
    let mut from = Vec::with_capacity(target.changes.len());
    for (row, &change) in target.changes.iter().enumerate() {
        let found = image.of(&buffer.changes()[change as usize]);
        from.push(found.filter(|_| answer.uses(row, image)));
    }
    let to = if target.shape.in_place {
        from.clone()
    } else {
        let width = target.shape.columns.len();
        let new = |found: &Option<RowRef>| found.map(|_| buffer.absent_row(width));
        from.iter().map(new).collect()
    };
    Images { from, to }
}

fn pass_column(buffer: &mut ChangeBuffer, (n, column): (usize, &OutColumn), images: &Images) {
    let Some(input) = column.origin.source() else {
        return;
    };
    for (from, to) in images.from.iter().zip(&images.to) {
        if let (Some(from), Some(to)) = (from, to) {
            buffer.copy_cell((*from, input), (*to, n));
        }
    }
}

/// Writes one column that the module made. Without a vector it is absent.
fn put_column(
    buffer: &mut ChangeBuffer,
    (n, column): (usize, &OutColumn),
    vector: Option<&Vector>,
    images: &Images,
    target: &Target<'_>,
) {
    let mut writer = Writer {
        buffer,
        images,
        column: n,
        // absent in, absent out
        input: match column.origin {
            Origin::Replaced(input) => Some(input),
            _ => None,
        },
        widths: (target.width, target.shape.columns.len()),
    };
    let Some(vector) = vector else {
        writer.put(&[], &[], |_| Cell::Absent);
        return;
    };
    let (states, odd) = (&vector.states, &vector.odd);
    match &vector.values {
        Values::Ints(values) => writer.put(states, odd, |row| Cell::Int(values[row])),
        Values::UInts(values) => writer.put(states, odd, |row| Cell::UInt(values[row])),
        Values::Floats(values) => {
            let ty = &column.ty;
            writer.put(states, odd, |row| float(values[row], ty));
        }
        Values::Days(values) => writer.put(states, odd, |row| Cell::Days(values[row])),
        Values::Micros(values) => writer.put(states, odd, |row| Cell::Micros(values[row])),
        Values::Texts(pool) | Values::Blobs(pool) => {
            let text = matches!(vector.values, Values::Texts(_));
            let base = writer.buffer.put(&pool.data).start;
            let mut start = 0;
            writer.put(states, odd, |row| {
                let end = pool.ends[row];
                let span = chameleon_model::Span {
                    start: base + start,
                    len: end - start,
                };
                start = end;
                if text {
                    Cell::Text(span)
                } else {
                    Cell::Bytes(span)
                }
            });
        }
    }
}

/// FLOAT columns hold what FLOAT can.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to the column's own precision is what the source would do"
)]
fn float(value: f64, ty: &ColumnType) -> Cell {
    match ty.kind {
        TypeKind::Float => Cell::Float(value as f32),
        _ => Cell::Double(value),
    }
}

/// Writes the cells of one column.
struct Writer<'a> {
    buffer: &'a mut ChangeBuffer,
    images: &'a Images,
    column: usize,
    input: Option<usize>,
    /// Of input and output rows.
    widths: (usize, usize),
}

impl Writer<'_> {
    /// `value` is called once for each row, in order.
    fn put(&mut self, states: &[u8], odd: &[Odd], mut value: impl FnMut(usize) -> Cell) {
        let odd: std::collections::HashMap<u32, Cell> = odd
            .iter()
            .map(|odd| (odd.row, Cell::Odd(self.buffer.put(&odd.raw))))
            .collect();
        let (width_in, width_out) = self.widths;
        let images = self.images.from.iter().zip(&self.images.to);
        for (row, (from, to)) in images.enumerate() {
            let cell = value(row);
            let (Some(from), Some(to)) = (*from, *to) else {
                continue;
            };
            let absent = self
                .input
                .is_some_and(|input| self.buffer.row(from, width_in)[input] == Cell::Absent);
            let state = states.get(row).copied().unwrap_or(state::VALUE);
            let cell = match state {
                _ if absent => Cell::Absent,
                state::NULL => Cell::Null,
                state::ABSENT => Cell::Absent,
                state::ODD => {
                    let row = u32::try_from(row).unwrap_or(u32::MAX);
                    odd.get(&row).copied().unwrap_or(Cell::Absent)
                }
                _ => cell,
            };
            self.buffer.row_mut(to, width_out)[self.column] = cell;
        }
    }
}

/// Verdicts and routes to changes.
fn finish(
    buffer: &mut ChangeBuffer,
    answer: &Answer,
    target: &Target<'_>,
    (before, after): (&Images, &Images),
) -> Outcome {
    let mut outcome = Outcome::default();
    for (row, &index) in target.changes.iter().enumerate() {
        let (before, after) = (before.to[row], after.to[row]);
        let new_route = target.routes[answer.route(row)];
        let old_route = target.routes[answer.before_route(row)];
        let delete = ChangeRef {
            table: old_route,
            op: Op::Delete,
            before,
            after: None,
        };
        let insert = ChangeRef {
            table: new_route,
            op: Op::Insert,
            before: None,
            after,
        };
        let Some(change) = buffer.change_mut(index as usize) else {
            continue;
        };
        match (answer.verdict(row), change.op) {
            (verdict::KEEP, Op::Insert) => *change = insert,
            (verdict::KEEP, Op::Delete) | (verdict::LEAVE, _) => *change = delete,
            (verdict::ENTER, _) => *change = insert,
            (verdict::KEEP, Op::Update) if new_route != old_route => {
                *change = delete;
                outcome.added.push((index, insert));
            }
            (verdict::KEEP, Op::Update) => {
                change.table = new_route;
                change.before = before;
                change.after = after;
            }
            _ => outcome.dropped.push(index),
        }
    }
    outcome
}
