//! The commands, one a file: arguments -> call -> print.
//!
//! A command works on one source. Where several configurations are named it runs for each in turn;
//! the exit code is the worst of them. Only `start_replica` runs all of them at once.

mod add_source;
mod check;
mod create_schema;
mod detach_replica;
mod disable_replica;
mod drop_schema;
mod drop_source;
mod each;
mod enable_replica;
mod explain;
mod init_replica;
mod list_config;
mod set_configuration_files;
mod show_errors;
mod show_status;
mod start_replica;
mod stop_replica;
mod sync_replica;
mod sync_tables;
pub mod transform;
mod transform_bench;
mod transform_bless;
mod transform_case;
mod transform_fields;
mod transform_inspect;
mod transform_new;
mod transform_plan;
mod transform_table;
mod transform_test;
mod transform_value;
mod upgrade_schema;

use chameleon_diag::{Report, Severity};

use self::each::{Each, Outcome};
use crate::cli::{Cli, Command};
use crate::context::{Context, config_paths};
use crate::error::HostError;
use crate::output::{Exit, Output};
use crate::stop::Stop;
use crate::telemetry::{self, Log};

/// Runs the command to its end, or to the signal that ends it.
pub async fn run(cli: Cli) -> Exit {
    let options = &cli.global;
    let output = Output::new(options.json, options.quiet, options.yes);
    let stop = match Stop::on_signals() {
        Ok(stop) => stop,
        Err(error) => return failed(output, &error),
    };
    telemetry::log_panics();
    let result = tokio::select! {
        result = dispatch(&cli, output, &stop) => result,
        () = ended_by_signal(&cli.command, &stop) => return Exit::Interrupted,
    };
    match result {
        Ok(exit) => exit,
        Err(error) if error.is_broken_pipe() => Exit::Done,
        Err(error) => failed(output, &error),
    }
}

/// Waits for the signal that ends the command at once: the second, where the command itself obeys
/// the first.
async fn ended_by_signal(command: &Command, stop: &Stop) {
    match command {
        Command::InitReplica(_) | Command::StartReplica(_) | Command::SyncTables(_) => {
            stop.wait_for_second().await;
        }
        _ => stop.wait().await,
    }
}

fn failed(output: Output, error: &HostError) -> Exit {
    output.error(error);
    Exit::Failed
}

async fn dispatch(cli: &Cli, output: Output, stop: &Stop) -> Result<Exit, HostError> {
    let options = &cli.global;
    let each = Each::new(options, output);
    start_log(cli, output)?;
    match &cli.command {
        Command::SetConfigurationFiles => set_configuration_files::run(options, output),
        Command::Explain { code } => explain::run(code, output),
        Command::SyncReplica => sync_replica::run(),
        Command::Transform(command) => transform::run(options, command, output).await,
        Command::ShowStatus(status) => show_status::run(options, status, output).await,
        Command::ListConfig => list_config::run(options, output).await,
        Command::StartReplica(start) => start_replica::run(options, start, output, stop).await,
        Command::Check => each.without_warnings().run(check::run).await,
        Command::CreateSchema => each.run(create_schema::run).await,
        Command::DropSchema => each.run(drop_schema::run).await,
        Command::UpgradeSchema(upgrade) => {
            each.run(async |cx| upgrade_schema::run(cx, *upgrade).await)
                .await
        }
        Command::AddSource => each.run(add_source::run).await,
        Command::DropSource => each.run(drop_source::run).await,
        Command::InitReplica(init) => {
            each.obeying(stop)
                .run(async |cx| init_replica::run(cx, init, stop).await)
                .await
        }
        Command::SyncTables(sync) => {
            each.obeying(stop)
                .run(async |cx| sync_tables::run(cx, sync, stop).await)
                .await
        }
        Command::StopReplica(stop) => {
            each.run(async |cx| stop_replica::run(cx, *stop).await)
                .await
        }
        Command::EnableReplica => each.run(enable_replica::run).await,
        Command::DisableReplica(stop) => {
            each.run(async |cx| disable_replica::run(cx, *stop).await)
                .await
        }
        Command::ShowErrors => each.run(show_errors::run).await,
        Command::DetachReplica(stop) => {
            each.run(async |cx| detach_replica::run(cx, *stop).await)
                .await
        }
    }
}

/// Commands that work long log as the configuration says, the first where there are several; lines
/// name their source. A configuration that cannot be loaded is reported later, by the command.
fn start_log(cli: &Cli, output: Output) -> Result<(), HostError> {
    let options = &cli.global;
    let works_long = matches!(
        cli.command,
        Command::InitReplica(_) | Command::StartReplica(_) | Command::SyncTables(_)
    );
    let first = config_paths(options)
        .ok()
        .and_then(|paths| paths.into_iter().next());
    let loaded = first
        .filter(|_| works_long)
        .map(|path| Context::load(&path, output));
    let log = match &loaded {
        Some(Ok(cx)) if matches!(cli.command, Command::StartReplica(_)) => {
            Log::Foreground(&cx.config)
        }
        Some(Ok(cx)) => Log::Configured(&cx.config),
        _ => Log::Brief,
    };
    telemetry::start(log, options, output)
}

/// Says the warnings of a configuration. Notes are left to `check`.
fn warn(cx: &Context) {
    let mut report = Report::default();
    for finding in &cx.warnings.findings {
        if finding.severity > Severity::Info {
            report.push(finding.clone());
        }
    }
    cx.output.findings(&report);
}
