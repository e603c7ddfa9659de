//! Writes collapsed sets: DELETE, UPDATE, INSERT, each with one array per column.
//!
//! Arrays are cut at [`MAX_ROWS`] rows or [`MAX_BYTES`]. An insert of more than [`COPY_ROWS`] rows
//! goes by binary COPY instead, which PostgreSQL takes in with less work per row.

use chameleon_model::{Cell, ChangeBuffer};
use chameleon_postgres::{ArrayParam, BinaryCopy, Client, ColumnEncoder};
use tokio_postgres::types::ToSql;

use crate::apply::Strictness;
use crate::collapse::{Image, Sets};
use crate::error::TargetError;
use crate::statements::Kind;
use crate::table::ApplyTable;

/// Rows of one statement at most.
const MAX_ROWS: usize = 20_000;
/// Bytes of one statement's arrays at most.
const MAX_BYTES: usize = 32 << 20;
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
        let mut touched = 0;
        let mut arrays = self.arrays(&key);
        for (at, &row) in rows.iter().enumerate() {
            for (array, &column) in arrays.iter_mut().zip(&key) {
                push(
                    self.table,
                    self.buffer,
                    self.sets.cells(self.buffer, row, self.table.width),
                    column,
                    array,
                )?;
            }
            if at + 1 == rows.len() || is_full(&arrays) {
                touched += self.flush(&Kind::Delete, &mut arrays).await?;
            }
        }
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
        let key = self.table.key.clone();
        let columns = [key.as_slice(), set].concat();
        let kind = Kind::Update(set.to_vec());
        let mut arrays = self.arrays(&columns);
        let mut touched = 0;
        for (at, &(key_image, image)) in rows.iter().enumerate() {
            for (i, (array, &column)) in arrays.iter_mut().zip(&columns).enumerate() {
                let from = if i < key.len() { key_image } else { image };
                let cells = self.sets.cells(self.buffer, from, self.table.width);
                push(self.table, self.buffer, cells, column, array)?;
            }
            if at + 1 == rows.len() || is_full(&arrays) {
                touched += self.flush(&kind, &mut arrays).await?;
            }
        }
        Ok(touched)
    }

    async fn insert(&mut self, rows: &[Image]) -> Result<(), TargetError> {
        if rows.len() >= COPY_ROWS
            && let Some(statement) = self.table.copy_statement()
        {
            return self.copy(rows, &statement).await;
        }
        let columns: Vec<usize> = (0..self.table.columns.len()).collect();
        let mut arrays = self.arrays(&columns);
        for (at, &row) in rows.iter().enumerate() {
            let cells = self.sets.cells(self.buffer, row, self.table.width);
            for (array, &column) in arrays.iter_mut().zip(&columns) {
                push(self.table, self.buffer, cells, column, array)?;
            }
            if at + 1 == rows.len() || is_full(&arrays) {
                let expected = arrays.first().map_or(0, ArrayParam::len) as u64;
                let touched = self.flush(&Kind::Insert, &mut arrays).await?;
                self.expect("insert", expected, touched)?;
            }
        }
        Ok(())
    }

    async fn copy(&mut self, rows: &[Image], statement: &str) -> Result<(), TargetError> {
        let wrap = |table: &ApplyTable, error: chameleon_postgres::PostgresError| match error {
            chameleon_postgres::PostgresError::Statement { source, .. } => TargetError::Apply {
                table: table.label(),
                source,
            },
            error => error.into(),
        };
        let width = self.table.columns.len();
        let mut copy = BinaryCopy::start(self.client, statement, width)
            .await
            .map_err(|e| wrap(self.table, e))?;
        for &row in rows {
            let cells = self.sets.cells(self.buffer, row, self.table.width);
            let (table, buffer) = (&*self.table, self.buffer);
            copy.row_with(|out| {
                table.columns.iter().try_for_each(|column| {
                    let cell = cells
                        .get(column.source_index)
                        .copied()
                        .unwrap_or(Cell::Absent);
                    column
                        .encoder
                        .binary(buffer, cell, out)
                        .map_err(|error| table.encode_error(&column.name, error))
                })
            })?;
            if copy.is_full() {
                copy.drain().await.map_err(|e| wrap(self.table, e))?;
            }
        }
        let stored = copy.finish().await.map_err(|e| wrap(self.table, e))?;
        self.expect("insert", rows.len() as u64, stored)
    }

    /// Columns of the table that the image holds.
    fn mask(&self, image: Image) -> Vec<bool> {
        let cells = self.sets.cells(self.buffer, image, self.table.width);
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

    /// Executes the statement for what the arrays hold, and empties them. Returns the rows touched.
    async fn flush(&mut self, kind: &Kind, arrays: &mut [ArrayParam]) -> Result<u64, TargetError> {
        let touched = execute(self.client, self.table, kind, arrays).await?;
        arrays.iter_mut().for_each(ArrayParam::clear);
        Ok(touched)
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
    let parameters: Vec<&(dyn ToSql + Sync)> =
        arrays.iter().map(|a| a as &(dyn ToSql + Sync)).collect();
    client
        .execute(&statement, &parameters)
        .await
        .map_err(|error| TargetError::Apply {
            table: table.label(),
            source: (&error).into(),
        })
}

fn is_full(arrays: &[ArrayParam]) -> bool {
    arrays.first().is_some_and(|a| a.len() >= MAX_ROWS)
        || arrays.iter().map(ArrayParam::bytes).sum::<usize>() >= MAX_BYTES
}
