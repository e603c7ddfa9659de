//! Writes collapsed sets: DELETE, UPDATE, INSERT, each with one array per column.
//!
//! Arrays are cut at [`MAX_ROWS`] rows or [`MAX_BYTES`]: PostgreSQL unfolds them, and what does not
//! fit into `work_mem`, 4 MB unless it is set, goes to a file. The first statement has few rows, as
//! the server waits for them; while one runs, the arrays of the next are filled. An insert of more
//! than [`COPY_ROWS`] rows goes by binary COPY instead, which PostgreSQL takes in with less work per
//! row.

use chameleon_model::{Cell, ChangeBuffer};
use chameleon_postgres::{ArrayParam, BinaryCopy, Client, ColumnEncoder};
use futures_util::future::join;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

use crate::apply::Strictness;
use crate::collapse::{Image, Sets};
use crate::error::TargetError;
use crate::statements::Kind;
use crate::table::ApplyTable;

/// Rows of one statement at most.
const MAX_ROWS: usize = 4_000;
/// Rows of the first one, which the server waits for; each that follows has twice as many.
const FIRST_ROWS: usize = 500;
/// Bytes of one statement's arrays after which no row is added.
const MAX_BYTES: usize = 1 << 20;
/// Inserts from which a COPY is worth its extra round trip.
const COPY_ROWS: usize = 1_000;

/// Applies the sets of one table.
pub(crate) async fn apply(
    client: &Client,
    table: &mut ApplyTable,
    buffer: &ChangeBuffer,
    sets: &Sets,
    strictness: Strictness,
) -> Result<(), TargetError> {
    let exact = strictness == Strictness::Exact;
    if exact && sets.contradictions > 0 {
        return Err(TargetError::Drift {
            table: table.label(),
            operation: "insert",
            expected: 0,
            actual: sets.contradictions as u64,
        });
    }
    let mut writer = Writer {
        client,
        table,
        buffer,
        sets,
    };
    if exact {
        writer
            .delete(&sets.deletes, Some(sets.deletes.len()))
            .await?;
        writer.update(&sets.updates, true).await?;
        return writer.insert(&sets.inserts).await;
    }
    // whatever is there of these rows is replaced by their last image
    let whole = |image: &Image| {
        !sets
            .cells(buffer, *image, writer.table.width)
            .contains(&Cell::Absent)
    };
    let (whole, partial): (Vec<_>, Vec<_>) = sets
        .updates
        .iter()
        .copied()
        .partition(|(_, image)| whole(image));
    let mut deletes = sets.deletes.clone();
    deletes.extend(whole.iter().map(|(key, _)| *key));
    deletes.extend(&sets.inserts);
    writer.delete(&deletes, None).await?;
    writer.update(&partial, false).await?;
    let inserts: Vec<Image> = whole
        .iter()
        .map(|(_, image)| *image)
        .chain(sets.inserts.iter().copied())
        .collect();
    writer.insert(&inserts).await
}

struct Writer<'a> {
    client: &'a Client,
    table: &'a mut ApplyTable,
    buffer: &'a ChangeBuffer,
    sets: &'a Sets,
}

impl Writer<'_> {
    async fn delete(&mut self, rows: &[Image], expected: Option<usize>) -> Result<(), TargetError> {
        let key = self.table.key.clone();
        let fill = |writer: &Self, row: usize, arrays: &mut [ArrayParam]| {
            let cells = writer.cells(rows[row]);
            let mut columns = arrays.iter_mut().zip(&key);
            columns.try_for_each(|(array, &column)| {
                push(writer.table, writer.buffer, cells, column, array)
            })
        };
        let touched = self.write(&Kind::Delete, &key, rows.len(), fill).await?;
        match expected {
            Some(expected) => self.expect("delete", expected as u64, touched),
            None => Ok(()),
        }
    }

    /// Updates, those with the same set of present columns together.
    async fn update(&mut self, rows: &[(Image, Image)], exact: bool) -> Result<(), TargetError> {
        let mut left: Vec<(Image, Image)> = rows.to_vec();
        while let Some(&(_, first)) = left.first() {
            let mask = self.mask(first);
            let (now, later): (Vec<_>, Vec<_>) = left
                .into_iter()
                .partition(|&(_, image)| self.mask(image) == mask);
            left = later;
            let set: Vec<usize> = (0..self.table.columns.len())
                .filter(|&c| mask[c] && !self.table.key.contains(&c))
                .collect();
            if set.is_empty() {
                continue;
            }
            let touched = self.update_set(&now, &set).await?;
            if exact {
                self.expect("update", now.len() as u64, touched)?;
            }
        }
        Ok(())
    }

    async fn update_set(
        &mut self,
        rows: &[(Image, Image)],
        set: &[usize],
    ) -> Result<u64, TargetError> {
        let keys = self.table.key.len();
        let columns = [self.table.key.as_slice(), set].concat();
        let fill = |writer: &Self, row: usize, arrays: &mut [ArrayParam]| {
            let (key, image) = rows[row];
            let (key, image) = (writer.cells(key), writer.cells(image));
            let mut columns = arrays.iter_mut().zip(&columns).enumerate();
            columns.try_for_each(|(i, (array, &column))| {
                let cells = if i < keys { key } else { image };
                push(writer.table, writer.buffer, cells, column, array)
            })
        };
        let kind = Kind::Update(set.to_vec());
        self.write(&kind, &columns, rows.len(), fill).await
    }

    async fn insert(&mut self, rows: &[Image]) -> Result<(), TargetError> {
        if rows.len() >= COPY_ROWS
            && let Some(statement) = self.table.copy_statement()
        {
            return self.copy(rows, &statement).await;
        }
        let columns: Vec<usize> = (0..self.table.columns.len()).collect();
        let fill = |writer: &Self, row: usize, arrays: &mut [ArrayParam]| {
            let cells = writer.cells(rows[row]);
            let mut columns = arrays.iter_mut().zip(&columns);
            columns.try_for_each(|(array, &column)| {
                push(writer.table, writer.buffer, cells, column, array)
            })
        };
        let touched = self
            .write(&Kind::Insert, &columns, rows.len(), fill)
            .await?;
        self.expect("insert", rows.len() as u64, touched)
    }

    /// Executes the statement for so many rows, in as many turns as their size asks for; `fill` puts
    /// a row into the arrays of `columns`. Returns the rows touched.
    async fn write(
        &mut self,
        kind: &Kind,
        columns: &[usize],
        rows: usize,
        fill: impl Fn(&Self, usize, &mut [ArrayParam]) -> Result<(), TargetError>,
    ) -> Result<u64, TargetError> {
        if rows == 0 {
            return Ok(0);
        }
        let statement = self.table.statement(self.client, kind).await?;
        let writer = &*self;
        let (mut at, mut most) = (0, FIRST_ROWS);
        let mut take = |arrays: &mut [ArrayParam]| {
            arrays.iter_mut().for_each(ArrayParam::clear);
            while at < rows && !is_full(arrays, most) {
                fill(writer, at, arrays)?;
                at += 1;
            }
            most = (2 * most).min(MAX_ROWS);
            Ok::<_, TargetError>(())
        };
        let (mut now, mut next) = (writer.arrays(columns), writer.arrays(columns));
        take(&mut now)?;
        let mut touched = 0;
        while now.first().is_some_and(|array| !array.is_empty()) {
            let running = run(writer.client, writer.table, &statement, &now);
            let fill = async {
                // the connection is another task, which sends the statement first
                tokio::task::yield_now().await;
                take(&mut next)
            };
            let (ran, filled) = join(running, fill).await;
            touched += ran?;
            filled?;
            std::mem::swap(&mut now, &mut next);
        }
        Ok(touched)
    }

    fn cells(&self, image: Image) -> &[Cell] {
        self.sets.cells(self.buffer, image, self.table.width)
    }

    async fn copy(&mut self, rows: &[Image], statement: &str) -> Result<(), TargetError> {
        let failed = |error| self.table.copy_error(error);
        let width = self.table.columns.len();
        let mut copy = BinaryCopy::start(self.client, statement, width)
            .await
            .map_err(failed)?;
        for &row in rows {
            let cells = self.cells(row);
            self.table.copy_row(&mut copy, self.buffer, cells)?;
            if copy.is_full() {
                copy.drain().await.map_err(failed)?;
            }
        }
        let stored = copy.finish().await.map_err(failed)?;
        self.expect("insert", rows.len() as u64, stored)
    }

    /// Columns of the table that the image holds.
    fn mask(&self, image: Image) -> Vec<bool> {
        let cells = self.cells(image);
        let present = |i: usize| !matches!(cells.get(i), None | Some(Cell::Absent));
        self.table
            .columns
            .iter()
            .map(|c| present(c.source_index))
            .collect()
    }

    fn arrays(&self, columns: &[usize]) -> Vec<ArrayParam> {
        columns
            .iter()
            .map(|&c| new_array(&self.table.columns[c].encoder))
            .collect()
    }

    fn expect(
        &self,
        operation: &'static str,
        expected: u64,
        actual: u64,
    ) -> Result<(), TargetError> {
        if expected == actual {
            return Ok(());
        }
        Err(TargetError::Drift {
            table: self.table.label(),
            operation,
            expected,
            actual,
        })
    }
}

/// An empty array for that encoder's elements.
pub(crate) fn new_array(encoder: &ColumnEncoder) -> ArrayParam {
    ArrayParam::new(encoder)
}

/// Appends one cell of a row to its column's array.
pub(crate) fn push(
    table: &ApplyTable,
    buffer: &ChangeBuffer,
    cells: &[Cell],
    column: usize,
    array: &mut ArrayParam,
) -> Result<(), TargetError> {
    let column = &table.columns[column];
    let cell = cells
        .get(column.source_index)
        .copied()
        .unwrap_or(Cell::Absent);
    array
        .push(&column.encoder, buffer, cell)
        .map_err(|error| table.encode_error(&column.name, error))
}

/// Executes a statement with one array per parameter. Returns the rows touched.
pub(crate) async fn execute(
    client: &Client,
    table: &mut ApplyTable,
    kind: &Kind,
    arrays: &[ArrayParam],
) -> Result<u64, TargetError> {
    let statement = table.statement(client, kind).await?;
    run(client, table, &statement, arrays).await
}

async fn run(
    client: &Client,
    table: &ApplyTable,
    statement: &Statement,
    arrays: &[ArrayParam],
) -> Result<u64, TargetError> {
    let parameters: Vec<&(dyn ToSql + Sync)> =
        arrays.iter().map(|a| a as &(dyn ToSql + Sync)).collect();
    client
        .execute(statement, &parameters)
        .await
        .map_err(|error| TargetError::Apply {
            table: table.label(),
            source: (&error).into(),
        })
}

fn is_full(arrays: &[ArrayParam], most: usize) -> bool {
    arrays.first().is_some_and(|a| a.len() >= most)
        || arrays.iter().map(ArrayParam::bytes).sum::<usize>() >= MAX_BYTES
}
