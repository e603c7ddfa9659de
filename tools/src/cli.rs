//! The command line: structs only.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Offline tools of chameleon.
#[derive(Debug, Parser)]
#[command(name = "chameleon-tools", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// Configuration: a name in HOME/config, or a path
    #[arg(long, global = true, value_name = "NAME|PATH")]
    pub(crate) config: Option<String>,
    /// The target by URL, instead of a configuration: postgres://USER@HOST:PORT/DATABASE; the
    /// password may be in $PGPASSWORD
    #[arg(long, global = true, value_name = "URL", conflicts_with = "config")]
    pub(crate) pg_url: Option<String>,
    /// Home directory, instead of $CHAMELEON_HOME or ~/.pg_chameleon
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// One JSON document on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Answer yes to questions
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compare source and target row by row; exit 0 equal, 1 different, 2 failed
    Compare(CompareArgs),
    /// Sizes and bloat of the log tables, the catalog and any schema; causes and advice. Changes
    /// nothing; exit 1 if there is something to see
    Bloat(BloatArgs),
    /// Bring the catalog from version 1.2 to 1.3
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Back up the catalog, or look whether a backup is sound
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Bring version 1.2 of the catalog back, in one transaction; the target tables stay as they are
    Rollback(RollbackArgs),
    /// Work with MySQL DDL
    #[command(subcommand)]
    Ddl(DdlCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Show the steps with their SQL and locks, what they cost, and what stands in the way. Reads
    /// only; exit 1 if there is work
    Plan(MigratePlanArgs),
    /// Carry all steps out, time them and take them back; with --dump on a scratch server
    DryRun(MigrateDryRunArgs),
    /// Carry all steps out in one transaction and compare the result with a new catalog
    Apply(MigrateApplyArgs),
    /// Compare the catalog with a new one, object by object; exit 1 if it differs
    Verify(MigrateVerifyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct MigratePlanArgs {
    /// Version to plan for
    #[arg(long, value_name = "VERSION", default_value = "1.3", value_parser = ["1.3"])]
    pub(crate) to: String,
    /// Leave the SQL out
    #[arg(long)]
    pub(crate) brief: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateDryRunArgs {
    /// A backup to restore into a scratch server and upgrade there; the target is not touched
    #[arg(long, value_name = "FILE")]
    pub(crate) dump: Option<PathBuf>,
    /// Go on where a source says that it is running and no session is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateApplyArgs {
    /// Go on where a source says that it is running and no session is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateVerifyArgs {
    /// A backup made before the upgrade: the rows are compared with its manifest as well
    #[arg(long, value_name = "FILE")]
    pub(crate) backup: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Dump the catalog with a manifest beside it, and verify it; replicas may run
    Create(BackupCreateArgs),
    /// Restore a backup into a scratch server and compare it with its manifest; exit 1 if it differs
    Verify(BackupVerifyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BackupCreateArgs {
    /// The new file; default: one with database, version and time in HOME/backup
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BackupVerifyArgs {
    /// The backup. With --config or --pg-url, a database on that server serves where no scratch
    /// server can be started
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// A backup of version 1.2, made before the upgrade
    #[arg(long, value_name = "FILE", required_unless_present_any = ["list", "drop"])]
    pub(crate) backup: Option<PathBuf>,
    /// Restore it verbatim, or do nothing where that is not safe
    #[arg(long)]
    pub(crate) restore: bool,
    /// Leave held tables behind, and do not mind a source that says it is running
    #[arg(long)]
    pub(crate) force: bool,
    /// List the catalogs that rollbacks have replaced
    #[arg(long, conflicts_with_all = ["backup", "drop"])]
    pub(crate) list: bool,
    /// Drop one of them
    #[arg(long, value_name = "SCHEMA", conflicts_with = "backup")]
    pub(crate) drop: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Only these tables, by their names at the source
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) tables: Vec<String>,
    /// Print SQL that makes differing rows of the target what the source holds
    #[arg(long)]
    pub(crate) repair_sql: bool,
    /// How long rows that differ are looked at again, because the target may just be behind
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub(crate) settle: u64,
    /// Rows that are read between two comparisons of sums
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) chunk_rows: u64,
}

#[derive(Debug, Args)]
pub(crate) struct BloatArgs {
    /// Another schema to look at; repeatable
    #[arg(long, value_name = "SCHEMA")]
    pub(crate) schema: Vec<String>,
    /// Read everything with pgstattuple and pgstatindex
    #[arg(long)]
    pub(crate) exact: bool,
    /// Look again every so many seconds; with --json one line a look
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "10", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) watch: Option<u64>,
    /// How often --watch looks, instead of for ever
    #[arg(long, value_name = "N", requires = "watch", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: Option<u32>,
    /// Write the report as a page that needs no other file, with the history of --watch
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DdlCommand {
    /// MySQL DDL in, PostgreSQL DDL out; exit 1 if a statement cannot be translated
    Translate(TranslateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TranslateArgs {
    /// File with statements; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
    /// Whose DDL it is
    #[arg(long, value_enum, default_value_t = Dialect::Mysql)]
    pub(crate) dialect: Dialect,
    /// Version of the server, such as 8.4.0 or 10.11.6
    #[arg(long, value_name = "VERSION")]
    pub(crate) server_version: Option<String>,
    /// Database that unqualified names are in, before the first USE
    #[arg(long, value_name = "NAME", default_value = "source")]
    pub(crate) database: String,
    /// PostgreSQL schema to create in; default: the configuration's, else public
    #[arg(long, value_name = "NAME")]
    pub(crate) dest_schema: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    Mysql,
    Mariadb,
}
