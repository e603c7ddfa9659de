//! Programs of PostgreSQL: where they are, of which version, and how they are run.
//!
//! They are looked for in the directories of `CHAMELEON_PG_BINDIR`, of `PATH`, and where packages
//! put them. Connections are told by environment variables, so that no password stands in a command
//! line.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use chameleon_postgres::{ConnectOptions, TlsMode};
use tokio::process::Command;

use crate::error::BackupError;

/// Names directories that are looked into first.
const VARIABLE: &str = "CHAMELEON_PG_BINDIR";
/// Where packages put one directory per version: parent, beginning of the name, rest.
const PLACES: &[(&str, &str, &str)] = &[
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/local", "pgsql", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
];
/// Longest text of a failed program that is repeated.
const REPEATED: usize = 600;
/// Variables of libpq that would lead elsewhere.
const FOREIGN: &[&str] = &[
    "PGHOSTADDR",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGOPTIONS",
    "PGTZ",
    "PGDATESTYLE",
    "PGCLIENTENCODING",
    "PGTARGETSESSIONATTRS",
];

/// A program and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// Major version.
    pub(crate) major: u32,
}

impl Program {
    /// The directory that it is in.
    pub(crate) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }
}

/// All programs of that name, in the order in which they are looked for.
pub(crate) async fn all(name: &str) -> Vec<Program> {
    let mut found: Vec<Program> = Vec::new();
    for directory in directories() {
        let path = directory.join(name);
        if !path.is_file() || found.iter().any(|program| program.path == path) {
            continue;
        }
        let mut command = Command::new(&path);
        command.arg("--version").stdin(Stdio::null());
        let Ok(output) = command.output().await else {
            continue;
        };
        if let Some(major) = parse_version(&String::from_utf8_lossy(&output.stdout)) {
            found.push(Program { path, major });
        }
    }
    found
}

/// The program of the lowest version that is `least` or newer; of several, the first.
///
/// # Errors
/// [`BackupError::NoProgram`], for `pg_dump` of an older version [`BackupError::TooOld`].
pub(crate) async fn find(name: &'static str, least: u32) -> Result<Program, BackupError> {
    let all = all(name).await;
    let newest = all.iter().map(|program| program.major).max();
    let fit = all.into_iter().filter(|program| program.major >= least);
    match (fit.min_by_key(|program| program.major), newest) {
        (Some(program), _) => Ok(program),
        (None, Some(found)) if name == "pg_dump" => Err(BackupError::TooOld {
            server: least,
            found,
        }),
        (None, newest) => Err(BackupError::NoProgram {
            program: name,
            least,
            found: newest.map_or("there is none".into(), |v| format!("the newest is {v}")),
        }),
    }
}

fn directories() -> Vec<PathBuf> {
    let named = std::env::var_os(VARIABLE).unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut directories: Vec<PathBuf> = std::env::split_paths(&named)
        .chain(std::env::split_paths(&path))
        .filter(|directory| !directory.as_os_str().is_empty())
        .collect();
    for (parent, begins, rest) in PLACES {
        let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
        let fit = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(begins));
        let mut below: Vec<PathBuf> = fit.map(|entry| entry.path().join(rest)).collect();
        below.sort();
        directories.append(&mut below);
    }
    directories
}

/// Major version in `pg_dump (PostgreSQL) 17.2 (Debian 17.2-1)`.
fn parse_version(text: &str) -> Option<u32> {
    let (_, version) = text.split_once(") ")?;
    let digits = version.find(|c: char| !c.is_ascii_digit());
    version[..digits.unwrap_or(version.len())].parse().ok()
}

/// A command that connects as the options say.
pub(crate) fn connecting(program: &Program, options: &ConnectOptions) -> Command {
    let mut command = Command::new(&program.path);
    for name in FOREIGN {
        command.env_remove(name);
    }
    let mode = match options.tls.mode {
        TlsMode::Disable => "disable",
        TlsMode::Prefer => "prefer",
        TlsMode::Require => "require",
        TlsMode::VerifyCa => "verify-ca",
        TlsMode::VerifyFull => "verify-full",
    };
    command
        .env("PGHOST", &options.host)
        .env("PGPORT", options.port.to_string())
        .env("PGUSER", &options.user)
        .env("PGDATABASE", &options.database)
        .env("PGSSLMODE", mode)
        .env("PGAPPNAME", &options.application_name)
        .env(
            "PGCONNECT_TIMEOUT",
            options.connect_timeout.as_secs().max(2).to_string(),
        )
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if options.password.is_empty() {
        command.env_remove("PGPASSWORD");
    } else {
        command.env("PGPASSWORD", &options.password);
    }
    let verifies = matches!(options.tls.mode, TlsMode::VerifyCa | TlsMode::VerifyFull);
    // libpq looks for a file of its own by default, where this program takes the system's
    let system = (verifies && program.major >= 16).then(|| Path::new("system"));
    let files = [
        ("PGSSLROOTCERT", options.tls.ca.as_deref().or(system)),
        ("PGSSLCERT", options.tls.cert.as_deref()),
        ("PGSSLKEY", options.tls.key.as_deref()),
    ];
    for (name, file) in files {
        match file {
            Some(file) => command.env(name, file),
            None => command.env_remove(name),
        };
    }
    command
}

/// Runs a command to its end; it must succeed. Returns what it wrote to standard output.
pub(crate) async fn run(mut command: Command, attempt: &str) -> Result<String, BackupError> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = output.await.map_err(|error| BackupError::Failed {
        attempt: attempt.to_owned(),
        reason: error.to_string(),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(attempt, output.status, &output.stderr))
}

/// What a program that ended with an error wrote last.
pub(crate) fn failed(
    attempt: &str,
    status: std::process::ExitStatus,
    stderr: &[u8],
) -> BackupError {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let last = lines[lines.len().saturating_sub(3)..].join("; ");
    let begin = last.len().saturating_sub(REPEATED);
    let begin = (begin..last.len())
        .find(|&at| last.is_char_boundary(at))
        .unwrap_or(begin);
    let reason = match &last[begin..] {
        "" => status.to_string(),
        said => said.to_owned(),
    };
    BackupError::Failed {
        attempt: attempt.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pg_dump_older_than_the_server_is_told_with_the_package() {
        use chameleon_diag::Diagnostic;
        let error = find("pg_dump", 99).await.unwrap_err();
        let older = all("pg_dump").await.len();
        let code = if older > 0 { "BAK002" } else { "BAK001" };
        assert_eq!(error.code().as_str(), code);
        let hint = error.hint().unwrap();
        assert_eq!(hint, "install the package postgresql-client-99");
    }

    #[test]
    fn the_major_version_is_read_from_what_programs_say() {
        let check = |text, major| assert_eq!(parse_version(text), major, "{text}");
        check(
            "pg_dump (PostgreSQL) 17.2 (Debian 17.2-1.pgdg120+1)\n",
            Some(17),
        );
        check("postgres (PostgreSQL) 18beta1\n", Some(18));
        check("postgres (PostgreSQL) 15\n", Some(15));
        check("pg_dump 9\n", None);
        check("", None);
    }
}
