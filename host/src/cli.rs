//! The command line: shapes only, no behaviour.
//!
//! Command names are written with `_`, as pg_chameleon 1.x wrote them; `-` is accepted too. Options
//! that every command takes may stand before or after the command.

use std::ffi::OsString;
use std::path::PathBuf;

use chameleon_model::{BinlogPosition, GtidSet};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

/// Replicates MySQL and MariaDB databases into PostgreSQL.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "chameleon",
    version,
    args_override_self = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: GlobalOptions,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Options of all commands")]
pub struct GlobalOptions {
    /// Configuration: NAME is HOME/config/NAME.yaml, a value with a slash or .yaml is a path; may
    /// be repeated [default: default]
    #[arg(long = "config", value_name = "NAME|PATH", global = true, action = ArgAction::Append)]
    pub configs: Vec<String>,
    /// All configurations in HOME/config but config-example.yaml
    #[arg(long, global = true, conflicts_with = "configs")]
    pub all: bool,
    /// Directory of configurations and logs [default: $CHAMELEON_HOME, else ~/.pg_chameleon]
    #[arg(long, value_name = "DIR", global = true)]
    pub home: Option<PathBuf>,
    /// Write one JSON object to stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Log everything, to the terminal
    #[arg(long, global = true)]
    pub debug: bool,
    /// Log more; twice: everything
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Say nothing but data and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Answer questions with yes
    #[arg(long, global = true)]
    pub yes: bool,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
#[command(rename_all = "snake_case")]
pub enum Command {
    /// Make the directories and write config-example.yaml, never over a changed file
    #[command(alias = "set-configuration-files")]
    SetConfigurationFiles,
    /// Look at source, target and mapping, and list all findings with their remedies
    Check,
    /// Make the catalog in the target database
    #[command(alias = "create-schema")]
    CreateSchema,
    /// Drop the catalog; the replicated tables stay; asks
    #[command(alias = "drop-schema")]
    DropSchema,
    /// Bring the catalog to version 1.3
    #[command(alias = "upgrade-schema")]
    UpgradeSchema(UpgradeOptions),
    /// Register the source in the catalog
    #[command(alias = "add-source")]
    AddSource,
    /// Remove the source from the catalog; the replicated tables stay; asks
    #[command(alias = "drop-source")]
    DropSource,
    /// Copy the source's tables and store the position that the replica starts from
    #[command(alias = "init-replica")]
    InitReplica(InitArguments),
    /// Replicate in the foreground until told to stop
    #[command(alias = "start-replica")]
    StartReplica(StartArguments),
    /// Copy single tables anew while the replica goes on
    #[command(alias = "sync-tables")]
    SyncTables(SyncArguments),
    /// Stop the replica and wait until it has stopped
    #[command(alias = "stop-replica")]
    StopReplica(StopOptions),
    /// Let a disabled source start again
    #[command(alias = "enable-replica")]
    EnableReplica,
    /// Stop the replica and refuse to start it until it is enabled
    #[command(alias = "disable-replica")]
    DisableReplica(StopOptions),
    /// Disabled; see sync_tables
    #[command(alias = "sync-replica")]
    SyncReplica,
    /// List the sources of the catalog: status, lag, positions, tables
    #[command(alias = "show-status")]
    ShowStatus(StatusOptions),
    /// List held tables, row errors and discarded rows, with codes
    #[command(alias = "show-errors")]
    ShowErrors,
    /// List the configurations with their sources and status
    #[command(alias = "list-config")]
    ListConfig,
    /// End replication for good: sequences, foreign keys, catalog; asks
    #[command(alias = "detach-replica")]
    DetachReplica(StopOptions),
    /// Write, look at, test and measure row transforms
    #[command(subcommand)]
    Transform(TransformCommand),
    /// Print the page of an error code
    Explain {
        /// The code, such as CAT003
        code: String,
    },
}

/// What to do with a transform.
#[derive(Clone, Debug, Subcommand)]
pub enum TransformCommand {
    /// Write the project of a new transform
    New {
        /// Its name
        name: String,
        /// Directory to make [default: the name]
        #[arg(long, value_name = "DIR")]
        path: Option<PathBuf>,
    },
    /// Show what a module is: version, interface, imports, exports, configuration, plan
    Inspect(InspectArguments),
    /// Put the rows of case files through a module and compare what comes
    Test(TestArguments),
    /// Measure what a module costs
    Bench(BenchArguments),
}

/// Options of transform inspect.
#[derive(Args, Clone, Debug)]
pub struct InspectArguments {
    /// The module
    #[arg(value_name = "X.wasm")]
    pub module: PathBuf,
    /// Show its plan for this table: FILE.sql with CREATE TABLE, the statement itself, or the name
    /// of a table of the configuration's source
    #[arg(long, value_name = "T")]
    pub table: Option<String>,
    /// What the module is configured with, as JSON or a file with it [default: what the
    /// configuration says, else {}]
    #[arg(long, value_name = "JSON|FILE")]
    pub with: Option<String>,
}

/// Options of transform test.
#[derive(Args, Clone, Debug)]
pub struct TestArguments {
    /// The module
    #[arg(value_name = "X.wasm")]
    pub module: PathBuf,
    /// Directory of case files, or one file
    #[arg(value_name = "CASES")]
    pub cases: PathBuf,
    /// Write what came into the case files
    #[arg(long)]
    pub bless: bool,
}

/// Options of transform bench.
#[derive(Args, Clone, Debug)]
pub struct BenchArguments {
    /// The module
    #[arg(value_name = "X.wasm")]
    pub module: PathBuf,
    /// Rows of this table [default: a table of customers with 10 columns]
    #[arg(long, value_name = "T")]
    pub table: Option<String>,
    /// What the module is configured with, as JSON or a file with it
    #[arg(long, value_name = "JSON|FILE")]
    pub with: Option<String>,
    /// Time for each size of batch
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub milliseconds: u64,
}

/// Options of upgrade_schema.
#[derive(Args, Clone, Copy, Debug)]
pub struct UpgradeOptions {
    /// Go on where a source says that it is running and no session is there
    #[arg(long)]
    pub force: bool,
}

/// Options of the commands that wait for a replica to stop.
#[derive(Args, Clone, Copy, Debug)]
pub struct StopOptions {
    /// Longest wait for the replica to stop
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
}

/// Options of show_status.
#[derive(Args, Clone, Debug)]
pub struct StatusOptions {
    /// Only this source
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
}

/// Options of init_replica.
#[derive(Args, Clone, Debug)]
pub struct InitArguments {
    /// Only these tables
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = parse_table)]
    pub tables: Vec<String>,
    /// Connections that copy at once [default: copy_workers of the configuration]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: Option<u16>,
    /// Stream from this position instead of the copy's own
    #[arg(long, value_name = "FILE:POS", value_parser = parse_position, conflicts_with = "gtid")]
    pub position: Option<BinlogPosition>,
    /// Stream from after these transactions instead of the copy's own position
    #[arg(long, value_name = "SET", value_parser = parse_gtids)]
    pub gtid: Option<GtidSet>,
    /// Set the position and copy nothing
    #[arg(long)]
    pub no_copy: bool,
}

/// Options of start_replica.
#[derive(Args, Clone, Debug)]
pub struct StartArguments {
    /// End when all that is in the binlog now is applied
    #[arg(long, conflicts_with = "until_position")]
    pub until_caught_up: bool,
    /// End when this position is applied
    #[arg(long, value_name = "FILE:POS", value_parser = parse_position)]
    pub until_position: Option<BinlogPosition>,
}

/// Options of sync_tables.
#[derive(Args, Clone, Debug)]
pub struct SyncArguments {
    /// Tables to copy anew, or `disabled` for all that are held
    #[arg(
        long,
        value_name = "A,B|disabled",
        value_delimiter = ',',
        value_parser = parse_table,
        required = true
    )]
    pub tables: Vec<String>,
}

impl Cli {
    /// Reads the arguments, the program's name first.
    ///
    /// # Errors
    /// Usage errors, and requests for help or the version.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let arguments = command_first(arguments.into_iter().collect());
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(arguments)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

/// Moves options that stand before the command behind it. clap takes them on either side, but of
/// an option that stands on both sides it forgets the first: `--config a check --config b`.
fn command_first(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let mut at = 1;
    while let Some(argument) = arguments.get(at).and_then(|a| a.to_str()) {
        match argument {
            "--" => return arguments,
            "--config" | "--home" => at += 2,
            option if option.starts_with('-') => at += 1,
            _ => {
                let command = arguments.remove(at);
                arguments.insert(1, command);
                return arguments;
            }
        }
    }
    arguments
}

fn parse_table(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a table name is empty".into()),
        name => Ok(name.to_owned()),
    }
}

fn parse_position(text: &str) -> Result<BinlogPosition, String> {
    BinlogPosition::parse(text).ok_or_else(|| "FILE:POS is needed, as mysql-bin.000003:154".into())
}

fn parse_gtids(text: &str) -> Result<GtidSet, String> {
    GtidSet::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Cli, clap::Error> {
        let program = std::iter::once("chameleon");
        Cli::read(program.chain(line.split(' ')).map(OsString::from))
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_of_all_commands_stand_before_or_after_the_command() {
        let check = |line: &str| {
            let cli = read(line).unwrap();
            assert_eq!(cli.global.configs, ["a", "b"], "{line}");
            assert!(cli.global.json && cli.global.verbose == 2, "{line}");
            assert!(matches!(cli.command, Command::ShowStatus(_)), "{line}");
        };
        check("--config a --config b --json -vv show_status");
        check("show-status --config a --config=b --json -v -v");
        check("--config a --json show_status --config b --json -vv");
    }

    #[test]
    fn contradictions_are_refused() {
        let refused = |line: &str| assert!(read(line).is_err(), "{line}");
        refused("--all check --config a");
        refused("-v check -q");
        refused("stop_replica --timeout soon");
        refused("no_such_command");
    }
}
