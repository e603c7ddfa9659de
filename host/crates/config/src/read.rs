//! From the file's map to [`Config`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use chameleon_diag::codes;

use crate::connections;
use crate::model::{ApplyMode, Config, HttpConfig, LogDest, LogLevel, OnDrift};
use crate::rules;
use crate::section::Section;
use crate::transforms;

const DAY: Duration = Duration::from_secs(86_400);
/// 300M, as in the example of 1.x.
const COPY_MAX_MEMORY_BYTES: u64 = 300 << 20;

/// Keys of 1.x that nothing depends on any more: the copy is always a stream, and both connections
/// always speak UTF-8.
const WITHOUT_USE: &[&str] = &["copy_mode", "my_charset", "pg_charset", "out_dir"];

/// Reads all keys. Faults are collected; where there are errors, the result has gaps.
pub(crate) fn config(name: &str, path: &Path, home: &Path, root: Section<'_>) -> Config {
    let mut root = root;
    refuse_other_versions(&mut root);
    let names = names(&mut root);
    let batches = Batches::read(&mut root);
    let apply = Apply::read(&mut root);
    let logs = Logs::read(&mut root, home);
    let tables_limit = root.list("tables_limit");
    let skip_tables = root.list("skip_tables");
    warn_about_both(&root, &tables_limit, &skip_tables);
    let mysql = connections::mysql(&mut root);
    let pg = connections::pg(&mut root, &names.pg_database);
    let config = Config {
        name: name.to_owned(),
        path: path.to_owned(),
        my_server_id: root.number("my_server_id", 1, u32::MAX),
        replica_batch_size: batches.size.unwrap_or(apply.batch_size()),
        batch_retention: batches.retention,
        copy_max_memory_bytes: root
            .size("copy_max_memory")
            .unwrap_or(COPY_MAX_MEMORY_BYTES),
        copy_workers: root.number("copy_workers", 1u16, 64).unwrap_or(2),
        sleep_loop: batches.sleep_loop,
        pause_on_reindex: root.truth("pause_on_reindex", false),
        sleep_on_reindex: batches.sleep_on_reindex,
        reindex_app_names: root.list("reindex_app_names"),
        tables_limit,
        skip_tables,
        log_dir: logs.dir,
        log_level: logs.level,
        log_dest: logs.dest,
        log_days_keep: logs.days_keep,
        pid_dir: root.file("pid_dir").unwrap_or_else(|| home.join("pid")),
        out_dir: root
            .file("out_dir")
            .unwrap_or_else(|| PathBuf::from("/tmp")),
        mysql,
        pg,
        apply: apply.mode,
        apply_workers: apply.workers,
        rules: rules::read(&mut root),
        on_drift: root
            .choice(
                "on_drift",
                &[("hold", OnDrift::Hold), ("apply", OnDrift::Apply)],
            )
            .unwrap_or_default(),
        auto_resync: root.truth("auto_resync", false),
        keep_existing_schema: root.truth("keep_existing_schema", false),
        auto_upgrade: root.truth("auto_upgrade", true),
        secrets: transforms::secrets(&mut root),
        transforms: transforms::read(&mut root),
        http: http(&mut root),
        source_name: names.source_name,
        dest_schema: names.dest_schema,
        my_database: names.my_database,
        pg_database: names.pg_database,
    };
    root.without_use(WITHOUT_USE);
    root.finish(&[("mysql_conn or pg_conn", connections::KEYS)]);
    config
}

/// A file of pg_chameleon 2.x is another thing: said once instead of key by key.
fn refuse_other_versions(root: &mut Section<'_>) {
    if let Some(node) = root.node("sources") {
        root.faults.error(
            codes::CFG005,
            "sources",
            node.line,
            "this is a file of pg_chameleon 2.x, which keeps all its sources in one file",
            "write one file for each source, after config-example.yaml",
        );
    }
}

struct Names {
    source_name: String,
    dest_schema: String,
    my_database: String,
    pg_database: String,
}

fn names(root: &mut Section<'_>) -> Names {
    let names = Names {
        source_name: root.required(
            "source_name",
            "name the source; each source has its own name",
        ),
        dest_schema: root.required(
            "dest_schema",
            "name the PostgreSQL schema to replicate into",
        ),
        my_database: root.required("my_database", "name the database to replicate"),
        pg_database: root.required("pg_database", "name the PostgreSQL database"),
    };
    if let Some(what) = unfit_schema(&names.dest_schema) {
        let line = root.line_of("dest_schema");
        let remedy = "choose another schema name";
        root.faults.value("dest_schema", line, what.into(), remedy);
    }
    names
}

fn unfit_schema(schema: &str) -> Option<&'static str> {
    if schema == "sch_chameleon" {
        return Some("sch_chameleon is the catalog's own schema");
    }
    if schema.starts_with("pg_") || schema == "information_schema" {
        return Some("this schema belongs to PostgreSQL itself");
    }
    (schema.len() > chameleon_model::name::MAX_IDENTIFIER_BYTES)
        .then_some("longer than the 63 bytes that PostgreSQL keeps of a name")
}

/// When batches close and how long they stay.
struct Batches {
    size: Option<u32>,
    retention: Duration,
    sleep_loop: Duration,
    sleep_on_reindex: Duration,
}

impl Batches {
    fn read(root: &mut Section<'_>) -> Self {
        let seconds = Duration::from_secs;
        Self {
            size: root.number("replica_batch_size", 1, 10_000_000),
            retention: root.duration("batch_retention").unwrap_or(DAY),
            sleep_loop: root.duration("sleep_loop").unwrap_or(seconds(10)),
            sleep_on_reindex: root.duration("sleep_on_reindex").unwrap_or(seconds(30)),
        }
    }
}

/// The way of changes to the tables.
struct Apply {
    mode: ApplyMode,
    workers: u16,
}

impl Apply {
    fn read(root: &mut Section<'_>) -> Self {
        let modes = [("relay", ApplyMode::Relay), ("direct", ApplyMode::Direct)];
        let mode = root.choice("apply", &modes).unwrap_or_default();
        let line = root.line_of("apply_workers");
        let workers = root.number("apply_workers", 1u16, 16).unwrap_or(1);
        if workers > 1 && mode == ApplyMode::Relay {
            let what =
                "several sessions can share a batch only where it goes straight to the tables";
            let remedy = "set `apply: direct`, or leave apply_workers out";
            root.faults
                .value("apply_workers", line, what.into(), remedy);
        }
        Self { mode, workers }
    }

    /// A relay hands every batch on before it is applied; without one a larger batch costs less for
    /// each row.
    fn batch_size(&self) -> u32 {
        match self.mode {
            ApplyMode::Relay => 10_000,
            ApplyMode::Direct => 50_000,
        }
    }
}

struct Logs {
    dir: PathBuf,
    level: LogLevel,
    dest: LogDest,
    days_keep: u32,
}

impl Logs {
    fn read(root: &mut Section<'_>, home: &Path) -> Self {
        let levels = [
            ("debug", LogLevel::Debug),
            ("info", LogLevel::Info),
            ("warning", LogLevel::Warning),
            ("error", LogLevel::Error),
            ("trace", LogLevel::Trace),
            ("warn", LogLevel::Warning),
        ];
        let dests = [("stdout", LogDest::Stdout), ("file", LogDest::File)];
        Self {
            dir: root.file("log_dir").unwrap_or_else(|| home.join("logs")),
            level: root.choice("log_level", &levels).unwrap_or_default(),
            dest: root.choice("log_dest", &dests).unwrap_or_default(),
            days_keep: root.number("log_days_keep", 0, 36_500).unwrap_or(10),
        }
    }
}

fn warn_about_both(root: &Section<'_>, limit: &[String], skip: &[String]) {
    let both: Vec<&str> = limit
        .iter()
        .filter(|t| skip.contains(t))
        .map(String::as_str)
        .collect();
    if !both.is_empty() {
        root.faults.warning(
            codes::CFG009,
            "skip_tables",
            root.line_of("skip_tables"),
            format!(
                "also in tables_limit: {}; they are skipped",
                both.join(", ")
            ),
            "name each table in one of the two lists",
        );
    }
}

fn http(root: &mut Section<'_>) -> Option<HttpConfig> {
    let mut section = root.section("http", false)?;
    let text = section.required("listen", "write listen: \"127.0.0.1:9187\"");
    let line = section.line_of("listen");
    let listen = text.trim().parse().ok();
    if listen.is_none() && !text.is_empty() {
        let what = "not an address and a port".to_owned();
        let remedy = "write listen: \"127.0.0.1:9187\"";
        section.faults.value("http.listen", line, what, remedy);
    }
    section.finish(&[]);
    Some(HttpConfig { listen: listen? })
}
