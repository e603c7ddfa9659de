//! What a module returned for a batch, checked. Nothing of it reaches a row before all of it holds.

use chameleon_model::{Cell, ChangeBuffer, ChangeRef, Op};

use crate::abi::v0_1::{Pool, ResultBatch, ValueForm, Values, Vector, state, verdict};
use crate::error::Fault;
use crate::fit;
use crate::gather::Image;
use crate::outcome::Origin;
use crate::plan::{OutColumn, Shape};
use crate::words;

/// A fault, and the row of the batch that it is about, where it is about one.
pub(crate) type Blame = (Fault, Option<u32>);

/// An answer that can be used.
pub(crate) struct Answer {
    /// One a row, or empty: all are kept.
    pub(crate) verdicts: Vec<u8>,
    /// Rejected rows with their reasons, in row order.
    pub(crate) rejects: Vec<(u32, String)>,
    /// The vector of each output column that the module makes.
    pub(crate) after: Vec<Option<Vector>>,
    pub(crate) before: Vec<Option<Vector>>,
    routes: Vec<u16>,
    before_routes: Vec<u16>,
}

impl Answer {
    /// All rows are kept, nothing is made.
    pub(crate) fn keep_all() -> Self {
        Self {
            verdicts: Vec::new(),
            rejects: Vec::new(),
            after: Vec::new(),
            before: Vec::new(),
            routes: Vec::new(),
            before_routes: Vec::new(),
        }
    }

    pub(crate) fn verdict(&self, row: usize) -> u8 {
        self.verdicts.get(row).copied().unwrap_or(verdict::KEEP)
    }

    /// The route of a row's new image.
    pub(crate) fn route(&self, row: usize) -> usize {
        self.routes.get(row).copied().map_or(0, usize::from)
    }

    /// The route of a row's old image.
    pub(crate) fn before_route(&self, row: usize) -> usize {
        let own = self.before_routes.get(row).copied().map(usize::from);
        own.unwrap_or_else(|| self.route(row))
    }

    pub(crate) fn vector(&self, image: Image, column: usize) -> Option<&Vector> {
        let vectors = match image {
            Image::After => &self.after,
            Image::Before => &self.before,
        };
        vectors.get(column).and_then(Option::as_ref)
    }

    /// The image of the row goes on.
    pub(crate) fn uses(&self, row: usize, image: Image) -> bool {
        matches!(
            (self.verdict(row), image),
            (verdict::KEEP, _) | (verdict::LEAVE, Image::Before) | (verdict::ENTER, Image::After)
        )
    }
}

/// What an answer is held against.
pub(crate) struct Asked<'a> {
    pub(crate) shape: &'a Shape,
    pub(crate) buffer: &'a ChangeBuffer,
    /// The rows: indexes of their changes.
    pub(crate) changes: &'a [u32],
    /// Columns of the input.
    pub(crate) width: usize,
    /// Input columns that the module reads of the new image.
    pub(crate) reads: &'a [u32],
}

/// Checks an answer.
pub(crate) fn check(
    result: ResultBatch,
    asked: &Asked<'_>,
    clean: impl Fn(&str) -> String,
) -> Result<Answer, Blame> {
    let rows = asked.changes.len();
    per_row("verdicts", result.verdicts.len(), rows)?;
    per_row("routes", result.routes.len(), rows)?;
    per_row("before-routes", result.before_routes.len(), rows)?;
    for routes in [&result.routes, &result.before_routes] {
        check_routes(routes, asked.shape.routes.len())?;
    }
    check_verdicts(&result.verdicts, asked)?;
    let rejects = rejects(&result, rows, clean)?;
    let mut answer = Answer {
        verdicts: result.verdicts,
        rejects,
        after: Vec::new(),
        before: Vec::new(),
        routes: result.routes,
        before_routes: result.before_routes,
    };
    answer.after = by_column(result.after, asked, "after")?;
    answer.before = by_column(result.before, asked, "before")?;
    for image in [Image::After, Image::Before] {
        check_image(&answer, asked, image)?;
    }
    check_whole_rows(&answer, asked)?;
    Ok(answer)
}

fn per_row(what: &str, found: usize, rows: usize) -> Result<(), Blame> {
    if found == 0 || found == rows {
        return Ok(());
    }
    Err(unusable(format!(
        "`{what}` has {found} entries for {rows} rows"
    )))
}

fn unusable(reason: String) -> Blame {
    (Fault::Answer { reason }, None)
}

fn at(row: usize, reason: String) -> Blame {
    (Fault::Answer { reason }, u32::try_from(row).ok())
}

fn check_routes(routes: &[u16], known: usize) -> Result<(), Blame> {
    match routes.iter().position(|&route| usize::from(route) >= known) {
        Some(row) => {
            let route = routes[row];
            Err(at(row, format!("route {route} of {known}")))
        }
        None => Ok(()),
    }
}

fn check_verdicts(verdicts: &[u8], asked: &Asked<'_>) -> Result<(), Blame> {
    for (row, &given) in verdicts.iter().enumerate() {
        match given {
            verdict::KEEP | verdict::DROP | verdict::REJECT => {}
            verdict::LEAVE | verdict::ENTER => {
                if asked.change(row).op != Op::Update {
                    let reason = "verdict leave or enter on a row that is no update";
                    return Err(at(row, reason.into()));
                }
            }
            other => return Err(at(row, format!("verdict {other}"))),
        }
    }
    Ok(())
}

fn rejects(
    result: &ResultBatch,
    rows: usize,
    clean: impl Fn(&str) -> String,
) -> Result<Vec<(u32, String)>, Blame> {
    let verdict = |row: usize| result.verdicts.get(row).copied();
    if result.rejects.len() > rows {
        let found = result.rejects.len();
        return Err(unusable(format!("{found} rejects for {rows} rows")));
    }
    let mut reasons = std::collections::BTreeMap::new();
    for reject in &result.rejects {
        if verdict(reject.row as usize) != Some(verdict::REJECT) {
            let row = reject.row;
            return Err(unusable(format!(
                "a reject of row {row}, whose verdict is another"
            )));
        }
        reasons.insert(reject.row, clean(&reject.reason));
    }
    let rejected = result.verdicts.iter().enumerate();
    let rejected = rejected.filter(|(_, verdict)| **verdict == verdict::REJECT);
    let rows = rejected.filter_map(|(row, _)| u32::try_from(row).ok());
    Ok(rows
        .map(|row| {
            let reason = reasons.remove(&row);
            (row, reason.unwrap_or_else(|| "no reason given".into()))
        })
        .collect())
}

fn by_column(
    vectors: Vec<Vector>,
    asked: &Asked<'_>,
    what: &str,
) -> Result<Vec<Option<Vector>>, Blame> {
    let columns = &asked.shape.columns;
    let mut found: Vec<Option<Vector>> = Vec::new();
    found.resize_with(columns.len(), || None);
    for vector in vectors {
        let index = vector.column as usize;
        let Some(column) = columns.get(index) else {
            let known = columns.len();
            return Err(unusable(format!(
                "`{what}` has a vector for output column {index} of {known}"
            )));
        };
        let name = &column.name;
        if !column.made() {
            return Err(unusable(format!(
                "a vector for column `{name}`, which passes"
            )));
        }
        if found[index].is_some() {
            return Err(unusable(format!("two vectors for column `{name}`")));
        }
        check_vector(&vector, column, asked.changes.len())?;
        found[index] = Some(vector);
    }
    Ok(found)
}

/// Lengths, ends, UTF-8, states.
fn check_vector(vector: &Vector, column: &OutColumn, rows: usize) -> Result<(), Blame> {
    let name = &column.name;
    let length = |found: usize| {
        if found == rows {
            return Ok(());
        }
        Err(unusable(format!(
            "column `{name}` has {found} values for {rows} rows"
        )))
    };
    let form = match &vector.values {
        Values::Ints(v) => length(v.len()).map(|()| ValueForm::Ints)?,
        Values::UInts(v) => length(v.len()).map(|()| ValueForm::UInts)?,
        Values::Floats(v) => length(v.len()).map(|()| ValueForm::Floats)?,
        Values::Days(v) => length(v.len()).map(|()| ValueForm::Days)?,
        Values::Micros(v) => length(v.len()).map(|()| ValueForm::Micros)?,
        Values::Texts(pool) => {
            length(pool.ends.len())?;
            check_pool(pool, name)?;
            check_utf8(pool, name)?;
            ValueForm::Texts
        }
        Values::Blobs(pool) => {
            length(pool.ends.len())?;
            check_pool(pool, name)?;
            ValueForm::Blobs
        }
    };
    if form != column.form {
        return Err(unusable(format!(
            "column `{name}` comes as {form:?}, its plan says {:?}",
            column.form
        )));
    }
    if !vector.states.is_empty() && vector.states.len() != rows {
        let found = vector.states.len();
        return Err(unusable(format!(
            "column `{name}` has {found} states for {rows} rows"
        )));
    }
    if let Some(row) = vector.states.iter().position(|&s| s > state::ODD) {
        return Err(at(
            row,
            format!("column `{name}` has state {}", vector.states[row]),
        ));
    }
    check_odd(vector, column, rows)
}

fn check_pool(pool: &Pool, name: &str) -> Result<(), Blame> {
    let mut last = 0;
    for (row, &end) in pool.ends.iter().enumerate() {
        if end < last {
            return Err(at(row, format!("the ends of column `{name}` do not rise")));
        }
        last = end;
    }
    if last as usize != pool.data.len() {
        let have = pool.data.len();
        return Err(unusable(format!(
            "the ends of column `{name}` reach {last} of {have} bytes"
        )));
    }
    Ok(())
}

/// All of the data is UTF-8, and no value ends inside a character.
fn check_utf8(pool: &Pool, name: &str) -> Result<(), Blame> {
    let row = |byte: usize| {
        let rows = pool.ends.iter();
        rows.take_while(|&&end| end as usize <= byte).count()
    };
    let reason = || format!("column `{name}` is not UTF-8");
    match std::str::from_utf8(&pool.data) {
        Err(error) => Err(at(row(error.valid_up_to()), reason())),
        Ok(text) => match pool
            .ends
            .iter()
            .position(|&e| !text.is_char_boundary(e as usize))
        {
            Some(row) => Err(at(row, reason())),
            None => Ok(()),
        },
    }
}

fn check_odd(vector: &Vector, column: &OutColumn, rows: usize) -> Result<(), Blame> {
    let name = &column.name;
    let odd = vector.states.iter().filter(|&&s| s == state::ODD).count();
    if odd != vector.odd.len() {
        let found = vector.odd.len();
        return Err(unusable(format!(
            "column `{name}` has {found} odd values for {odd} rows"
        )));
    }
    if odd == 0 {
        return Ok(());
    }
    if !matches!(
        column.form,
        ValueForm::Days | ValueForm::Micros | ValueForm::Texts
    ) {
        return Err(unusable(format!("column `{name}` can have no odd value")));
    }
    let mut seen = vec![false; rows];
    for value in &vector.odd {
        let row = value.row as usize;
        let is_odd = vector.states.get(row) == Some(&state::ODD);
        if !is_odd || std::mem::replace(&mut seen[row], true) {
            return Err(unusable(format!(
                "column `{name}`: an odd value for row {row}"
            )));
        }
    }
    Ok(())
}

/// The columns that the module makes, in the rows whose image goes on.
fn check_image(answer: &Answer, asked: &Asked<'_>, image: Image) -> Result<(), Blame> {
    let used = |row: usize| answer.uses(row, image) && image.of(&asked.change(row)).is_some();
    let rows = asked.changes.len();
    if !(0..rows).any(used) {
        return Ok(());
    }
    for (n, column) in asked.shape.columns.iter().enumerate() {
        if !column.made() {
            continue;
        }
        let Some(vector) = answer.vector(image, n) else {
            if image == Image::After || column.identity {
                let which = if image == Image::After { "new" } else { "old" };
                let name = &column.name;
                return Err(unusable(format!(
                    "column `{name}` is missing in the {which} image"
                )));
            }
            continue;
        };
        check_states(vector, column, asked, image, &used)?;
        if matches!(column.origin, Origin::Replaced(_)) {
            let valued =
                |row: usize| used(row) && vector.states.get(row).is_none_or(|&s| s == state::VALUE);
            if let Some((row, reason)) = fit::first_misfit(&column.ty, &vector.values, valued) {
                return Err(at(row, format!("column `{}`: {reason}", column.name)));
            }
        }
    }
    Ok(())
}

fn check_states(
    vector: &Vector,
    column: &OutColumn,
    asked: &Asked<'_>,
    image: Image,
    used: &impl Fn(usize) -> bool,
) -> Result<(), Blame> {
    let name = &column.name;
    for (row, &given) in vector.states.iter().enumerate() {
        if !used(row) {
            continue;
        }
        if given == state::NULL && !column.nullable {
            return Err(at(row, format!("column `{name}` is NULL and may not be")));
        }
        if given == state::ABSENT && !asked.may_be_absent(row, image, column) {
            return Err(at(row, format!("column `{name}` is absent without cause")));
        }
    }
    Ok(())
}

/// Rows that are inserted anew need all their columns.
fn check_whole_rows(answer: &Answer, asked: &Asked<'_>) -> Result<(), Blame> {
    if answer.verdicts.is_empty() && asked.shape.routes.len() == 1 {
        return Ok(());
    }
    for row in 0..asked.changes.len() {
        let change = asked.change(row);
        let entered = answer.verdict(row) == verdict::ENTER;
        let moved = change.op == Op::Update
            && answer.verdict(row) == verdict::KEEP
            && answer.route(row) != answer.before_route(row);
        let Some(after) = change.after.filter(|_| entered || moved) else {
            continue;
        };
        let need = if entered {
            "a row that enters the set"
        } else {
            "a row that takes another route"
        };
        let cells = asked.buffer.row(after, asked.width);
        for (n, column) in asked.shape.columns.iter().enumerate() {
            let absent = match (column.origin, answer.vector(Image::After, n)) {
                (Origin::Passed(input), _) => cells[input] == Cell::Absent,
                (_, Some(vector)) => vector.states.get(row) == Some(&state::ABSENT),
                (_, None) => true,
            };
            if absent {
                let column = words::short(&column.name);
                return Err((
                    Fault::PartialImage { need, column },
                    u32::try_from(row).ok(),
                ));
            }
        }
    }
    Ok(())
}

impl Asked<'_> {
    fn change(&self, row: usize) -> ChangeRef {
        self.buffer.changes()[self.changes[row] as usize]
    }

    /// A made column may be absent where what it comes from is.
    fn may_be_absent(&self, row: usize, image: Image, column: &OutColumn) -> bool {
        let Some(found) = image.of(&self.change(row)) else {
            return true;
        };
        let known = column.origin != Origin::Computed || self.shape.keyed;
        if image == Image::Before && !(column.identity && known) {
            return true;
        }
        let cells = self.buffer.row(found, self.width);
        match column.origin {
            Origin::Replaced(input) => cells[input] == Cell::Absent,
            _ => self
                .reads
                .iter()
                .any(|&input| cells[input as usize] == Cell::Absent),
        }
    }
}
