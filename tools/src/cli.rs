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
    /// Home directory, instead of $CHAMELEON_HOME or ~/.pg_chameleon
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// One JSON document on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compare source and target row by row; exit 0 equal, 1 different, 2 failed
    Compare(CompareArgs),
    /// Work with MySQL DDL
    #[command(subcommand)]
    Ddl(DdlCommand),
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
