//! `backup create` and `backup verify`: arguments, call, print.

use std::io::{self, Write};

use chameleon_backup::{Backup, BrokenKey, Means, Out, Verified, create_verified, verify};
use chameleon_config::Home;
use chameleon_diag::{Finding, Report, Severity, codes, render_report};
use serde::Serialize;

use crate::cli::{BackupCommand, Cli};
use crate::error::ToolsError;
use crate::{carry_out, target_options, write_json};

/// Where backups go that no `--out` names, below the home directory.
const DIRECTORY: &str = "backup";

/// A verification as it is printed.
#[derive(Serialize)]
struct Shown<'a> {
    schema_version: u32,
    #[serde(flatten)]
    verified: &'a Verified,
    sound: bool,
    findings: Vec<Finding>,
}

/// Runs a command of `backup`. `false`: the backup is not what its manifest says.
pub(crate) fn run(cli: &Cli, command: &BackupCommand) -> Result<bool, ToolsError> {
    let verified = match command {
        BackupCommand::Create(args) => {
            let target = target_options(cli)?;
            let out = match &args.out {
                Some(file) => Out::File(file.clone()),
                None => {
                    let home = Home::resolve(cli.home.as_deref())?;
                    Out::Directory(home.path().join(DIRECTORY))
                }
            };
            carry_out(async { Ok(create_verified(&target, &out).await?) })?
        }
        BackupCommand::Verify(args) => {
            let named = cli.config.is_some() || cli.pg_url.is_some();
            let live = named.then(|| target_options(cli)).transpose()?;
            carry_out(async {
                let backup = Backup::open(&args.file).await?;
                Ok(verify(&backup, live.as_ref()).await?)
            })?
        }
    };
    let shown = Shown {
        schema_version: 1,
        sound: verified.differences.is_empty(),
        findings: findings(&verified),
        verified: &verified,
    };
    let mut out = io::stdout().lock();
    let written = if cli.json {
        write_json(&mut out, &shown)
    } else {
        write(&mut out, &shown)
    };
    written
        .and_then(|()| out.flush())
        .map_err(ToolsError::Output)?;
    Ok(shown.sound)
}

/// What lessens the worth of the answer.
fn findings(verified: &Verified) -> Vec<Finding> {
    if verified.by != Means::Archive {
        return verified
            .broken_keys
            .iter()
            .map(BrokenKey::finding)
            .collect();
    }
    vec![Finding {
        severity: Severity::Warning,
        code: codes::BAK021,
        object: verified.backup.path.display().to_string(),
        what: format!("not restored: {}", verified.passed_over.join("; ")),
        remedy: format!(
            "install postgresql-{0} or have docker, then: chameleon-tools backup verify {1}",
            verified.backup.manifest.server.major(),
            verified.backup.path.display()
        ),
    }]
}

fn write(out: &mut impl Write, shown: &Shown<'_>) -> io::Result<()> {
    let Verified {
        backup,
        by,
        differences,
        seconds,
        ..
    } = shown.verified;
    let manifest = &backup.manifest;
    let rows: u64 = manifest.tables.iter().map(|table| table.rows).sum();
    writeln!(out, "{}", backup.path.display())?;
    writeln!(
        out,
        "  catalog of version {}, database {}, PostgreSQL {}, made at {}",
        manifest.version, manifest.server.database, manifest.server.version, manifest.created_at
    )?;
    writeln!(
        out,
        "  {} bytes, {} tables with {rows} rows, {} sources",
        manifest.archive.bytes,
        manifest.tables.len(),
        manifest.sources.len()
    )?;
    for source in &manifest.sources {
        let place = match (&source.binlog, source.position) {
            (Some(file), Some(offset)) => format!("{file}:{offset}"),
            _ => "not initialised".into(),
        };
        let waiting = source.waiting_rows;
        writeln!(
            out,
            "  source {}: {place}, {waiting} rows wait",
            source.name
        )?;
    }
    writeln!(out, "  verified in {seconds:.1} s: {by}")?;
    let report = Report {
        findings: shown.findings.clone(),
    };
    out.write_all(render_report(&report).as_bytes())?;
    if shown.sound {
        return writeln!(out, "  it is sound");
    }
    for difference in differences {
        writeln!(out, "  differs: {difference}")?;
    }
    Ok(())
}
