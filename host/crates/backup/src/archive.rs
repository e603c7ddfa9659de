//! The archive: written by `pg_dump`, read by `pg_restore` as the SQL that it holds.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use chameleon_catalog::SCHEMA;
use chameleon_postgres::ConnectOptions;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::error::BackupError;
use crate::manifest::Backup;
use crate::programs::{self, Program};
use crate::restore::Owner;

/// Writes the schema of a snapshot into `file`.
///
/// # Errors
/// [`BackupError::Failed`].
pub(crate) async fn dump(
    program: &Program,
    target: &ConnectOptions,
    snapshot: &str,
    file: File,
) -> Result<(), BackupError> {
    let mut command = programs::connecting(program, target);
    command
        .args(["--format=custom", "--no-password", "--strict-names"])
        .arg(format!("--schema={SCHEMA}"))
        .arg(format!("--snapshot={snapshot}"))
        .stdout(Stdio::from(file))
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let attempt = format!("dump {SCHEMA} with {}", program.path.display());
    let failed = |error: std::io::Error| BackupError::Failed {
        attempt: attempt.clone(),
        reason: error.to_string(),
    };
    let child = command.spawn().map_err(failed)?;
    let output = child.wait_with_output().await.map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    Err(programs::failed(&attempt, output.status, &output.stderr))
}

/// Part of an archive as `pg_restore` sorts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Schema, types, functions, tables, views.
    PreData,
    /// Rows and sequences.
    Data,
    /// Indexes and constraints.
    PostData,
}

impl Section {
    fn option(self) -> &'static str {
        match self {
            Self::PreData => "--section=pre-data",
            Self::Data => "--section=data",
            Self::PostData => "--section=post-data",
        }
    }
}

/// The SQL of a section, line by line, without what only `psql` understands and without the
/// settings of a session.
pub(crate) struct Script {
    child: Child,
    lines: BufReader<ChildStdout>,
    line: Vec<u8>,
    /// The line that psql reads first and last: `\restrict TOKEN`, `\unrestrict TOKEN`.
    token: Option<Vec<u8>>,
    in_header: bool,
    attempt: String,
}

impl Script {
    /// Starts `pg_restore`.
    ///
    /// # Errors
    /// [`BackupError::NoProgram`], [`BackupError::Failed`].
    pub(crate) async fn open(
        backup: &Backup,
        section: Section,
        owner: Owner,
    ) -> Result<Self, BackupError> {
        let program = programs::find("pg_restore", backup.manifest.archive.pg_dump).await?;
        let mut command = Command::new(&program.path);
        command.arg(section.option()).arg("--file=-");
        if owner == Owner::Drop {
            command.args(["--no-owner", "--no-privileges"]);
        }
        command
            .arg(&backup.path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let attempt = format!("read the archive {}", backup.path.display());
        let failed = |reason: String| BackupError::Failed {
            attempt: attempt.clone(),
            reason,
        };
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let stdout = child.stdout.take();
        let stdout = stdout.ok_or_else(|| failed("it has no output".into()))?;
        Ok(Self {
            child,
            lines: BufReader::with_capacity(1 << 16, stdout),
            line: Vec::new(),
            token: None,
            in_header: true,
            attempt,
        })
    }

    /// The next line of SQL, with its line feed.
    pub(crate) async fn sql(&mut self) -> Result<Option<&[u8]>, BackupError> {
        loop {
            if !self.read().await? {
                return Ok(None);
            }
            if self.is_left_out() {
                continue;
            }
            if let Some(line) = without_own_option(&self.line) {
                self.line = line;
            }
            if !self.line.is_empty() {
                return Ok(Some(&self.line));
            }
        }
    }

    /// The next line of rows of a COPY; `None` at its end.
    pub(crate) async fn row(&mut self) -> Result<Option<&[u8]>, BackupError> {
        if !self.read().await? {
            return Err(BackupError::Failed {
                attempt: self.attempt.clone(),
                reason: "it ends among rows".into(),
            });
        }
        Ok((self.line != b"\\.\n").then_some(&self.line[..]))
    }

    /// Waits for the end of `pg_restore`, which must have been able to read everything.
    pub(crate) async fn close(mut self) -> Result<(), BackupError> {
        let mut said = Vec::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            // what it says counts only where it fails
            let _ = stderr.read_to_end(&mut said).await;
        }
        let ended = self.child.wait().await;
        let status = ended.map_err(|error| BackupError::Failed {
            attempt: self.attempt.clone(),
            reason: error.to_string(),
        })?;
        if status.success() {
            return Ok(());
        }
        Err(programs::failed(&self.attempt, status, &said))
    }

    async fn read(&mut self) -> Result<bool, BackupError> {
        self.line.clear();
        let read = self.lines.read_until(b'\n', &mut self.line).await;
        let read = read.map_err(|error| BackupError::Failed {
            attempt: self.attempt.clone(),
            reason: error.to_string(),
        })?;
        Ok(read > 0)
    }

    fn is_left_out(&mut self) -> bool {
        let line = self.line.trim_ascii_end();
        if self.in_header {
            if let Some(token) = line.strip_prefix(b"\\restrict ") {
                self.token = Some(token.to_owned());
                return true;
            }
            if line.starts_with(b"-- Name: ") || line.starts_with(b"-- Data for Name: ") {
                self.in_header = false;
            }
            // settings of the session, some of them of newer servers than this one
            return true;
        }
        let ends = line.strip_prefix(b"\\unrestrict ");
        ends.is_some() && ends == self.token.as_deref()
    }
}

/// What newer minor versions of PostgreSQL note of their own among a column's options. A `pg_dump`
/// older than the server takes it for an option that somebody has set, and writes it down; servers
/// of older minor versions refuse it.
const OWN_OPTION: &str = "pg_attver=";

/// A column's `SET (...)` without that option, empty where it holds no other; `None` where it has
/// none of it.
fn without_own_option(line: &[u8]) -> Option<Vec<u8>> {
    let line = std::str::from_utf8(line).ok()?;
    let set = line.strip_suffix(");\n")?;
    let (head, options) = set.rsplit_once(" SET (")?;
    if !head.starts_with("ALTER TABLE ONLY ") || !options.contains(OWN_OPTION) {
        return None;
    }
    let kept = options.split(", ").filter(|o| !o.starts_with(OWN_OPTION));
    let kept = kept.collect::<Vec<_>>().join(", ");
    if kept.is_empty() {
        return Some(Vec::new());
    }
    Some(format!("{head} SET ({kept});\n").into_bytes())
}

/// Fails unless `pg_restore` can read the archive's table of contents.
pub(crate) async fn check_contents(backup: &Backup) -> Result<(), BackupError> {
    let program = programs::find("pg_restore", backup.manifest.archive.pg_dump).await?;
    let mut command = Command::new(&program.path);
    command.arg("--list").arg(&backup.path);
    let list = programs::run(command, "list the archive's contents").await;
    let list = list.map_err(|error| BackupError::Damaged {
        path: backup.path.clone(),
        reason: error.to_string(),
    })?;
    for table in &backup.manifest.tables {
        let entry = format!(" TABLE DATA {SCHEMA} {} ", table.name);
        if !list.contains(&entry) {
            return Err(BackupError::Damaged {
                path: backup.path.clone(),
                reason: format!("it has no rows of {}", table.name),
            });
        }
    }
    Ok(())
}

/// Name of the table that a `COPY ... FROM stdin;` line fills.
pub(crate) fn copied_table(line: &str) -> Option<String> {
    let rest = line.trim_end().strip_prefix("COPY ")?;
    let rest = rest.strip_suffix(" FROM stdin;")?;
    let rest = rest.strip_prefix(SCHEMA)?.strip_prefix('.')?;
    let name = match rest.strip_prefix('"') {
        Some(quoted) => {
            let end = quoted.replace("\"\"", "..").find('"')?;
            return Some(quoted[..end].replace("\"\"", "\""));
        }
        None => &rest[..rest.find([' ', '(']).unwrap_or(rest.len())],
    };
    Some(name.to_owned())
}

/// Whether the path names an archive at all.
pub(crate) fn must_exist(path: &Path) -> Result<(), BackupError> {
    std::fs::metadata(path)
        .map(drop)
        .map_err(BackupError::file("read", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_the_server_notes_for_itself_is_left_out() {
        let check = |line: &str, left: Option<&str>| {
            let found = without_own_option(line.as_bytes());
            assert_eq!(found.as_deref(), left.map(str::as_bytes), "{line}");
        };
        let column = "ALTER TABLE ONLY sch_chameleon.t ALTER COLUMN a";
        check(&format!("{column} SET (pg_attver=5107);\n"), Some(""));
        check(
            &format!("{column} SET (pg_attver=5, n_distinct=7);\n"),
            Some(&format!("{column} SET (n_distinct=7);\n")),
        );
        check(&format!("{column} SET (n_distinct=7);\n"), None);
        check(&format!("{column} SET DEFAULT 1;\n"), None);
        check("    note := ' SET (pg_attver=5);\n", None);
    }

    #[test]
    fn the_table_of_a_copy_is_told_in_plain_and_in_quotes() {
        let check = |line, name: Option<&str>| {
            assert_eq!(copied_table(line).as_deref(), name, "{line}");
        };
        check(
            "COPY sch_chameleon.t_sources (a, b) FROM stdin;\n",
            Some("t_sources"),
        );
        check(
            "COPY sch_chameleon.\"T \"\"x\" (a) FROM stdin;\n",
            Some("T \"x"),
        );
        check("COPY other.t (a) FROM stdin;\n", None);
        check("SELECT 1;\n", None);
    }
}
