//! `chameleon-tools`: arguments, runtime, exit code.
//!
//! Standard output holds data, standard error the rest. Exit 0: done and clean; 1: done, and there
//! is something to see; 2: failed, or bad usage; 130: interrupted.

mod backup;
mod bloat;
mod cli;
mod compare;
mod confirm;
mod connect;
mod ddl;
mod error;
mod migrate;
mod rollback;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use chameleon_config::{Config, Home, load};
use chameleon_diag::{codes, render_error, render_error_json, render_report};
use chameleon_postgres::ConnectOptions;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{BloatArgs, Cli, Command, CompareArgs, DdlCommand};
use crate::error::ToolsError;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // help and version go to standard output and are no failure
            if !error.use_stderr() {
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            let text = error.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            let text = format!("error[{}]: {text}", codes::CFG050);
            let _ = io::stderr().write_all(text.as_bytes());
            return ExitCode::from(2);
        }
    };
    let json = cli.json;
    match run(cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(ToolsError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error @ ToolsError::Interrupted) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::from(130)
        }
        Err(error) => {
            report(&error, json);
            ExitCode::from(2)
        }
    }
}

/// Runs a command. `false`: it did its work and found something.
fn run(cli: Cli) -> Result<bool, ToolsError> {
    match &cli.command {
        Command::Compare(args) => compare(&cli, args),
        Command::Bloat(args) => bloat(&cli, args),
        Command::Migrate(command) => migrate::run(&cli, command),
        Command::Backup(command) => backup::run(&cli, command),
        Command::Rollback(args) => rollback::run(&cli, args),
        Command::Ddl(DdlCommand::Translate(args)) => {
            let config = cli.config.as_ref().map(|_| config(&cli)).transpose()?;
            let translated = ddl::translate(args, config.as_ref())?;
            let mut out = io::stdout().lock();
            let written = if cli.json {
                write_json(&mut out, &translated.statements)
            } else {
                translated.write(&mut out)
            };
            written
                .and_then(|()| out.flush())
                .map_err(ToolsError::Output)?;
            Ok(translated.is_complete())
        }
    }
}

fn compare(cli: &Cli, args: &CompareArgs) -> Result<bool, ToolsError> {
    let config = config(cli)?;
    let options = compare::Options {
        tables: args.tables.clone(),
        settle: Duration::from_secs(args.settle),
        chunk_rows: args.chunk_rows,
        repair: args.repair_sql,
    };
    let found = runtime()?.block_on(compare::run(&config, &options))?;
    let mut out = io::stdout().lock();
    let written = if cli.json {
        write_json(&mut out, &found)
    } else if args.repair_sql {
        found
            .write(&mut io::stderr().lock())
            .and_then(|()| found.write_repair(&mut out))
    } else {
        found.write(&mut out)
    };
    written
        .and_then(|()| out.flush())
        .map_err(ToolsError::Output)?;
    Ok(found.equal)
}

fn bloat(cli: &Cli, args: &BloatArgs) -> Result<bool, ToolsError> {
    let options = bloat::Options {
        schemas: args.schema.clone(),
        exact: args.exact,
        watch: args.watch.map(Duration::from_secs),
        count: args.count,
        html: args.html.clone(),
        json: cli.json,
    };
    let target = target_options(cli)?;
    runtime()?.block_on(bloat::run(&target, &options, &mut io::stdout().lock()))
}

fn runtime() -> Result<tokio::runtime::Runtime, ToolsError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.map_err(ToolsError::Output)
}

/// Carries a command out, until SIGINT or SIGTERM comes: then what it has begun is taken back, and
/// what it has made for the time of its work is removed. No question may be asked after it.
fn carry_out<T>(work: impl Future<Output = Result<T, ToolsError>>) -> Result<T, ToolsError> {
    runtime()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(ToolsError::Output)?;
        tokio::select! {
            result = work => result,
            _ = tokio::signal::ctrl_c() => Err(ToolsError::Interrupted),
            _ = terminate.recv() => Err(ToolsError::Interrupted),
        }
    })
}

/// Loads the configuration; what is worth knowing about it goes to standard error.
fn config(cli: &Cli) -> Result<Config, ToolsError> {
    let home = Home::resolve(cli.home.as_deref())?;
    let name = cli.config.as_deref().unwrap_or("default");
    let (config, report) = load(&home.config_path(name))?;
    if !cli.json {
        // a closed standard error is no reason to stop
        let _ = io::stderr().write_all(render_report(&report).as_bytes());
    }
    Ok(config)
}

/// Where the target is: `--pg-url`, else the configuration's.
fn target_options(cli: &Cli) -> Result<ConnectOptions, ToolsError> {
    match &cli.pg_url {
        Some(url) => connect::target_of_url(url),
        None => Ok(connect::target_options(&config(cli)?)),
    }
}

/// This program with the options by which it found the target, for the next command to type. A URL
/// is not repeated: it may hold a password.
fn command_line(cli: &Cli) -> String {
    let mut line = String::from("chameleon-tools");
    if let Some(home) = &cli.home {
        line.push_str(&format!(" --home {}", home.display()));
    }
    match (&cli.config, &cli.pg_url) {
        (Some(config), _) => line.push_str(&format!(" --config {config}")),
        (None, Some(_)) => line.push_str(" --pg-url URL"),
        (None, None) => {}
    }
    line
}

fn write_json(out: &mut impl Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// Prints an error: to standard error, with `--json` as an object.
fn report(error: &ToolsError, json: bool) {
    let mut text = if json {
        format!("{}\n", render_error_json(error))
    } else {
        render_error(error)
    };
    if let (ToolsError::Config(error), false) = (error, json) {
        text.push_str(&error.report().map(render_report).unwrap_or_default());
    }
    // there is nowhere else to say it
    let _ = io::stderr().write_all(text.as_bytes());
}
