//! `rollback`: arguments, question, call, print.

use std::io::{self, Write};
use std::path::Path;

use chameleon_backup::rollback::{
    Replaced, Request, RolledBack, Way, drop_replaced, replaced, rollback,
};
use chameleon_backup::{Backup, BackupError};
use chameleon_config::{Home, load};
use chameleon_diag::render_report;
use chameleon_postgres::{ConnectOptions, connect};
use serde::Serialize;

use crate::cli::{Cli, RollbackArgs};
use crate::confirm::confirm;
use crate::error::ToolsError;
use crate::{carry_out, command_line, runtime, target_options, write_json};

/// A result as it is printed.
#[derive(Serialize)]
struct Shown<T> {
    schema_version: u32,
    #[serde(flatten)]
    result: T,
}

/// Catalogs that were replaced.
#[derive(Serialize)]
struct List {
    replaced: Vec<Replaced>,
}

/// A replaced catalog that is no more.
#[derive(Serialize)]
struct Dropped {
    dropped: Replaced,
}

/// Runs the command.
pub(crate) fn run(cli: &Cli, args: &RollbackArgs) -> Result<bool, ToolsError> {
    let target = target_options(cli)?;
    if args.list {
        let list = async { Ok(replaced(&connect(&target).await?).await?) };
        let all = carry_out(list)?;
        let shown = List { replaced: all };
        print(cli.json, shown, |out, list| write_list(out, &list.replaced))?;
    } else if let Some(schema) = &args.drop {
        confirm(
            cli.yes,
            &format!("Drop the replaced catalog {schema} in {}?", target.database),
        )?;
        let drop = async { Ok(drop_replaced(&connect(&target).await?, schema).await?) };
        let dropped = carry_out(drop)?;
        print(cli.json, Dropped { dropped }, |out, shown| {
            writeln!(out, "dropped {}", shown.dropped.schema)
        })?;
    } else if let Some(file) = &args.backup {
        let done = roll_back(cli, args, &target, file)?;
        print(cli.json, done, |out, done| write(out, done, cli))?;
    }
    Ok(true)
}

fn roll_back(
    cli: &Cli,
    args: &RollbackArgs,
    target: &ConnectOptions,
    file: &Path,
) -> Result<RolledBack, ToolsError> {
    if !args.force {
        must_not_unmask(cli, target)?;
    }
    let backup = runtime()?.block_on(Backup::open(file))?;
    let question = format!(
        "Bring version 1.2 of the catalog in {} back by {}?",
        target.database,
        backup.path.display()
    );
    confirm(cli.yes, &question)?;
    let request = Request {
        verbatim: args.restore,
        force: args.force,
    };
    carry_out(async { Ok(rollback(target, &backup, request).await?) })
}

/// Version 1.2 knows no transforms: it would write rows of the target as the source has them. Looks
/// at all configurations of the home for this database.
fn must_not_unmask(cli: &Cli, target: &ConnectOptions) -> Result<(), ToolsError> {
    let home = Home::resolve(cli.home.as_deref())?;
    let mut files = home.all_configs().unwrap_or_default();
    files.extend(cli.config.as_deref().map(|name| home.config_path(name)));
    // what cannot be loaded belongs to no replica that runs
    let configs = files.iter().filter_map(|file| load(file).ok());
    for (config, _) in configs {
        let pg = &config.pg;
        let same = (pg.host.as_str(), pg.port, pg.database.as_str())
            == (target.host.as_str(), target.port, target.database.as_str());
        if same && !config.transforms.is_empty() {
            return Err(ToolsError::Backup(BackupError::NeedsForce {
                source_name: config.source_name,
                what: "its configuration names transforms, and 1.2 would write rows without them"
                    .into(),
            }));
        }
    }
    Ok(())
}

fn print<T: Serialize>(
    json: bool,
    result: T,
    write: impl FnOnce(&mut io::StdoutLock<'_>, &T) -> io::Result<()>,
) -> Result<(), ToolsError> {
    let mut out = io::stdout().lock();
    let written = if json {
        let shown = Shown {
            schema_version: 1,
            result,
        };
        write_json(&mut out, &shown)
    } else {
        write(&mut out, &result)
    };
    written
        .and_then(|()| out.flush())
        .map_err(ToolsError::Output)
}

fn write(out: &mut io::StdoutLock<'_>, done: &RolledBack, cli: &Cli) -> io::Result<()> {
    let way = match done.way {
        Way::Verbatim => "the backup, restored as it is",
        Way::Downgrade => "the living catalog, in the shape of 1.2",
    };
    writeln!(out, "the catalog is of version 1.2 again: {way}")?;
    for source in &done.sources {
        let place = match (&source.binlog, source.position) {
            (Some(file), Some(offset)) => format!("{file}:{offset}"),
            _ => "not initialised".into(),
        };
        writeln!(
            out,
            "  source {}: {place}, {} rows wait{}",
            source.source,
            source.waiting_rows,
            if source.moved {
                ", moved since the backup"
            } else {
                ""
            }
        )?;
    }
    out.write_all(render_report(&done.report()).as_bytes())?;
    writeln!(
        out,
        "the catalog that was replaced is kept in the schema {0}\n\
         drop it when it is not needed any more: {1} rollback --drop {0}",
        done.replaced,
        command_line(cli)
    )
}

fn write_list(out: &mut io::StdoutLock<'_>, all: &[Replaced]) -> io::Result<()> {
    if all.is_empty() {
        return writeln!(out, "no replaced catalog is kept");
    }
    for one in all {
        let (schema, comment, bytes) = (&one.schema, &one.comment, one.bytes);
        writeln!(out, "{schema}  {bytes} bytes  {comment}")?;
    }
    Ok(())
}
