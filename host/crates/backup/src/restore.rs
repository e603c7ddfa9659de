//! An archive back into a database, over a session of this program: the same way into a scratch
//! server and, inside the transaction of a rollback, into production.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use chameleon_postgres::Client;
use futures_util::SinkExt;
use tokio_postgres::CopyInSink;

use crate::archive::{Script, Section};
use crate::error::BackupError;
use crate::foreign_keys;
use crate::manifest::Backup;

/// Bytes of rows that are sent at a time.
const CHUNK: usize = 1 << 16;
/// What the session is set to, for the transaction where there is one.
const SESSION: &str = "select pg_catalog.set_config('search_path', '', true), \
     pg_catalog.set_config('check_function_bodies', 'off', true), \
     pg_catalog.set_config('row_security', 'off', true)";

/// Whether owners and rights come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// As in the archive; the roles must exist.
    Keep,
    /// Everything belongs to the session's role.
    Drop,
}

/// What is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    All,
    /// Schema, types, functions, tables and views, without rows, indexes and constraints.
    BeforeData,
    /// Rows and sequences.
    Data,
    /// Indexes and constraints.
    AfterData,
}

impl Backup {
    /// Restores the archive, or a part of it, over the session, in whatever transaction it is in.
    /// The schema must not exist. A foreign key that the rows break, as they did where the archive
    /// was made, is there afterwards and not validated.
    ///
    /// # Errors
    /// [`BackupError::NoProgram`], [`BackupError::Failed`] where the archive cannot be read,
    /// [`BackupError::Statement`] where the server refuses something of it.
    pub async fn restore_into(
        &self,
        c: &Client,
        owner: Owner,
        part: Part,
    ) -> Result<(), BackupError> {
        if matches!(part, Part::All | Part::BeforeData) {
            self.run_section(c, Section::PreData, owner).await?;
        }
        if matches!(part, Part::All | Part::Data) {
            self.copy_rows(c).await?;
        }
        if matches!(part, Part::All | Part::AfterData) {
            self.run_section(c, Section::PostData, owner).await?;
        }
        Ok(())
    }

    async fn run_section(
        &self,
        c: &Client,
        section: Section,
        owner: Owner,
    ) -> Result<(), BackupError> {
        let mut script = Script::open(self, section, owner).await?;
        let mut sql = Vec::new();
        while let Some(line) = script.sql().await? {
            sql.extend_from_slice(line);
        }
        script.close().await?;
        let (sql, looks) = foreign_keys::validated_later(&text(sql)?);
        // one message of several statements is one transaction, as is the setting before it
        let sql = format!("{SESSION};\n{sql}");
        execute(c, "restore the catalog's objects", &sql).await?;
        for look in looks {
            execute(c, "validate a foreign key of the catalog", &look).await?;
        }
        Ok(())
    }

    async fn copy_rows(&self, c: &Client) -> Result<(), BackupError> {
        let mut script = Script::open(self, Section::Data, Owner::Drop).await?;
        let mut sql = Vec::new();
        loop {
            let line = script.sql().await?;
            let Some(line) = line else { break };
            if !is_copy(line) {
                sql.extend_from_slice(line);
                continue;
            }
            let statement = text(line.to_vec())?;
            let before = text(std::mem::take(&mut sql))?;
            execute(c, "restore the sequences", &before).await?;
            self.copy_table(c, statement.trim_end(), &mut script)
                .await?;
        }
        script.close().await?;
        execute(c, "restore the sequences", &text(sql)?).await
    }

    async fn copy_table(
        &self,
        c: &Client,
        statement: &str,
        script: &mut Script,
    ) -> Result<(), BackupError> {
        let failed = |error: tokio_postgres::Error| {
            BackupError::statement(format!("restore rows: {statement}"), &error)
        };
        let sink: CopyInSink<Bytes> = c.copy_in(statement).await.map_err(failed)?;
        let mut sink = pin!(sink);
        let mut chunk = BytesMut::with_capacity(2 * CHUNK);
        while let Some(row) = script.row().await? {
            chunk.extend_from_slice(row);
            if chunk.len() >= CHUNK {
                sink.send(chunk.split().freeze()).await.map_err(failed)?;
            }
        }
        if !chunk.is_empty() {
            sink.send(chunk.freeze()).await.map_err(failed)?;
        }
        sink.finish().await.map_err(failed)?;
        Ok(())
    }
}

/// Does rows follow this line?
pub(crate) fn is_copy(line: &[u8]) -> bool {
    line.starts_with(b"COPY ") && line.trim_ascii_end().ends_with(b" FROM stdin;")
}

fn text(sql: Vec<u8>) -> Result<String, BackupError> {
    String::from_utf8(sql).map_err(|_| BackupError::Failed {
        attempt: "read the archive's SQL".into(),
        reason: "it is not UTF-8".into(),
    })
}

async fn execute(c: &Client, attempt: &str, sql: &str) -> Result<(), BackupError> {
    if sql.trim().is_empty() {
        return Ok(());
    }
    c.batch_execute(sql)
        .await
        .map_err(|error| BackupError::statement(attempt, &error))
}
