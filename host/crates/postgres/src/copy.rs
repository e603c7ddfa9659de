//! COPY IN from a flat buffer.
//!
//! Rows are appended to one buffer, which goes to the server as a frame once it holds
//! [`FRAME_BYTES`]; the frame's memory comes back when the connection has written it, so that a
//! long COPY lives on a handful of frames. A COPY that is dropped unfinished stores nothing.
//!
//! Layout (PostgreSQL documentation, "COPY", binary format): a signature and two words, then per
//! row the number of fields and the fields, at the end -1 in place of a number of fields.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Buf;
use chameleon_model::{Cell, ChangeBuffer};
use futures_util::SinkExt as _;
use tokio_postgres::{CopyInSink, GenericClient};

use crate::encode::ColumnEncoder;
use crate::error::{EncodeError, PostgresError, RowError};

/// Size from which a frame is sent.
pub const FRAME_BYTES: usize = 128 * 1024;
/// A frame that a long row made larger than this is not kept for reuse.
const KEEP_BYTES: usize = 4 * FRAME_BYTES;
/// Longest message. The server reads a message whole, and takes none of 1 GB; a row may be longer.
const MESSAGE_BYTES: usize = 1024 * 1024;
/// The connection holds one frame, its queue another: more need not be kept.
const KEEP_FRAMES: usize = 4;

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// Frames whose bytes the connection has written.
type Pool = Arc<Mutex<Vec<Vec<u8>>>>;

/// Bytes whose memory goes back to the pool when the last part of them is written.
struct Pooled {
    bytes: Vec<u8>,
    pool: Pool,
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.capacity() <= KEEP_BYTES && pool.len() < KEEP_FRAMES {
            bytes.clear();
            pool.push(bytes);
        }
    }
}

/// A part of a frame on its way to the server.
struct Part {
    frame: Arc<Pooled>,
    next: usize,
    end: usize,
}

impl Buf for Part {
    fn remaining(&self) -> usize {
        self.end - self.next
    }

    fn chunk(&self) -> &[u8] {
        &self.frame.bytes[self.next..self.end]
    }

    fn advance(&mut self, count: usize) {
        self.next += count;
    }
}

/// `copy ... from stdin (format binary)`.
pub struct BinaryCopy {
    sink: Pin<Box<CopyInSink<Part>>>,
    statement: Box<str>,
    columns: i16,
    frame: Vec<u8>,
    rows: u64,
    pool: Pool,
}

impl std::fmt::Debug for BinaryCopy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BinaryCopy")
            .field("statement", &self.statement)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl BinaryCopy {
    /// Begins the COPY in the client's session, inside its transaction if one is open. The
    /// statement is `copy TABLE (COLUMNS) from stdin (format binary)`, `columns` how many it names.
    /// No other statement may be sent in the session until the COPY is finished or dropped.
    ///
    /// # Errors
    /// The server refuses the statement, or there are more columns than a table can have.
    pub async fn start(
        client: &impl GenericClient,
        statement: &str,
        columns: usize,
    ) -> Result<Self, PostgresError> {
        let count = i16::try_from(columns).map_err(|_| PostgresError::Answer {
            attempt: statement.to_owned(),
            what: format!("{columns} columns are more than a row can have"),
        })?;
        let sink = client.client().copy_in(statement).await;
        let sink = sink.map_err(|e| PostgresError::statement(statement, &e))?;
        let mut frame = Vec::with_capacity(FRAME_BYTES + FRAME_BYTES / 4);
        frame.extend_from_slice(SIGNATURE);
        // no flags, no header extension
        frame.extend_from_slice(&[0; 8]);
        Ok(Self {
            sink: Box::pin(sink),
            statement: statement.into(),
            columns: count,
            frame,
            rows: 0,
            pool: Pool::default(),
        })
    }

    /// Appends one row: cell `i` by encoder `i`. After an error the row is not in the COPY and the
    /// next may be written.
    ///
    /// # Errors
    /// The first cell that cannot be encoded; [`EncodeError::Mismatch`] if encoders or cells are
    /// not as many as the columns of the COPY.
    pub fn write_row(
        &mut self,
        encoders: &[ColumnEncoder],
        buffer: &ChangeBuffer,
        cells: &[Cell],
    ) -> Result<(), RowError> {
        let columns = usize::from(self.columns.unsigned_abs());
        if encoders.len() != columns || cells.len() != columns {
            return Err(RowError {
                column: encoders.len().min(cells.len()),
                source: EncodeError::Mismatch,
            });
        }
        self.row_with(|out| {
            for (column, (encoder, &cell)) in encoders.iter().zip(cells).enumerate() {
                let written = encoder.binary(buffer, cell, out);
                written.map_err(|source| RowError { column, source })?;
            }
            Ok(())
        })
    }

    /// Appends one row whose fields the caller writes: exactly one per column of the COPY, each as
    /// [`ColumnEncoder::binary`] does. After an error the row is not in the COPY.
    pub fn row_with<E>(
        &mut self,
        fields: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.frame.len();
        self.frame.extend_from_slice(&self.columns.to_be_bytes());
        let written = fields(&mut self.frame);
        match written {
            Ok(()) => self.rows += 1,
            Err(_) => self.frame.truncate(start),
        }
        written
    }

    /// Rows appended so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// A whole frame waits to be sent.
    pub fn is_full(&self) -> bool {
        self.frame.len() >= FRAME_BYTES
    }

    /// Sends what waits if a whole frame does. To be called after each row, or every few.
    ///
    /// # Errors
    /// The server refused a row that was sent before, or the connection was lost.
    pub async fn drain(&mut self) -> Result<(), PostgresError> {
        if self.is_full() {
            self.send().await?;
        }
        Ok(())
    }

    /// Ends the COPY. On return the rows are stored as far as the transaction is. Returns the rows
    /// that the server counted.
    ///
    /// # Errors
    /// The server refused a row, or the connection was lost.
    pub async fn finish(mut self) -> Result<u64, PostgresError> {
        self.frame.extend_from_slice(&(-1i16).to_be_bytes());
        self.send().await?;
        let finished = self.sink.as_mut().finish().await;
        finished.map_err(|e| PostgresError::statement(&*self.statement, &e))
    }

    async fn send(&mut self) -> Result<(), PostgresError> {
        let next = self
            .pool
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let next = next.unwrap_or_else(|| Vec::with_capacity(FRAME_BYTES + FRAME_BYTES / 4));
        let frame = Arc::new(Pooled {
            bytes: std::mem::replace(&mut self.frame, next),
            pool: Arc::clone(&self.pool),
        });
        for start in (0..frame.bytes.len()).step_by(MESSAGE_BYTES) {
            let part = Part {
                frame: Arc::clone(&frame),
                next: start,
                end: frame.bytes.len().min(start + MESSAGE_BYTES),
            };
            if let Err(error) = self.sink.feed(part).await {
                return Err(self.refused(error).await);
            }
        }
        Ok(())
    }

    /// When the server refuses a row, the driver only says that the COPY is closed; the reason
    /// comes when it is finished.
    async fn refused(&mut self, error: tokio_postgres::Error) -> PostgresError {
        let reason = match self.sink.as_mut().finish().await {
            Err(reason) if reason.as_db_error().is_some() => reason,
            _ => error,
        };
        PostgresError::statement(&*self.statement, &reason)
    }
}
