//! `demo`: from nothing to a streaming replica, to look at. It finds or makes two servers, loads the sample shop,
//! copies it, follows it while it is written to, with its customers' names and addresses masked on the way, and
//! compares both sides.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use mysql_async::prelude::Queryable;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{signal::ctrl_c, sync::watch};

use crate::{
    Outcome, guests,
    replica::{Host, Replica, Settings},
    servers::{self, AtExit, Backend, Server, engine::Engine},
    shop::{
        self, Size,
        writer::{Writer, Written},
    },
    workspace::Binaries,
};

/// Transactions a second that the writer aims at: lively, and no test of the machine.
const TRANSACTIONS_PER_SECOND: u32 = 300;

/// How often the state is shown.
const SHOW_EVERY: Duration = Duration::from_secs(2);

/// How long the replica may take to catch up after the last write.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(60);

/// Arguments of `demo`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The server to replicate from
    #[arg(long, default_value_t = Engine::default_source())]
    source: Engine,
    /// The server to replicate into
    #[arg(long, default_value_t = Engine::default_target())]
    target: Engine,
    /// Where the servers come from
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    backend: Backend,
    /// How long the shop is written to
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Leaves the servers up and says how to connect
    #[arg(long)]
    keep: bool,
}

/// Runs the demonstration; clean only if both sides are equal at the end.
pub(crate) async fn run(arguments: &Arguments) -> Result<Outcome> {
    tokio::select! {
        ended = demonstrate(arguments) => ended,
        _ = ctrl_c() => {
            // What was started is dropped here, and ends with it.
            eprintln!("\ninterrupted: ending what was started");
            Ok(Outcome::Interrupted)
        }
    }
}

async fn demonstrate(arguments: &Arguments) -> Result<Outcome> {
    let (binaries, mask) = tokio::task::spawn_blocking(build).await??;
    let begun = Instant::now();
    let stage = Stage::prepare(arguments, &binaries, &mask).await?;
    let replica = &stage.replica;

    step("making the catalog and registering the source");
    replica.register().await?;
    step("copying schema and rows (init_replica)");
    let copied = replica.must(&["init_replica", "--json"]).await?;
    println!("  {}", summary(&copied)?);
    step(&format!(
        "following the source while it is written to for {} s",
        arguments.seconds
    ));
    let mut host = replica.start(&["start_replica"])?;
    let written = write_and_watch(arguments, &stage, &mut host).await?;
    println!(
        "  written: {} rows in {} transactions",
        written.rows, written.transactions
    );
    let last_write = Instant::now();
    let caught_up = replica
        .wait_until_caught_up(&stage.settings.source, CATCH_UP_TIMEOUT)
        .await;
    caught_up.with_context(|| format!("the replica said:\n{}", host.log_tail()))?;
    println!(
        "  caught up {:.1} s after the last write",
        last_write.elapsed().as_secs_f64()
    );
    host.stop().await?;

    step("customers are masked on the way (transform mask)");
    show_masking(&stage.settings).await?;

    step("comparing both sides");
    let (equal, report) = replica.compare().await?;
    print!("{report}");
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "\n{} after {seconds:.0} s",
        if equal { "equal" } else { "DIFFERENT" }
    );
    if arguments.keep {
        stage.keep();
    }
    Ok(if equal {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

/// The servers and what is set up on them.
struct Stage {
    source: Server,
    target: Server,
    settings: Settings,
    replica: Replica,
    home: TempDir,
}

impl Stage {
    async fn prepare(arguments: &Arguments, binaries: &Binaries, mask: &Path) -> Result<Self> {
        let engines = [arguments.source.clone(), arguments.target.clone()];
        let at_exit = if arguments.keep {
            AtExit::Keep
        } else {
            AtExit::End
        };
        let backend = servers::choose(arguments.backend, &engines)?;
        let mut servers = servers::start(&engines, backend, at_exit).await?;
        let target = servers.pop().context("no target")?;
        let source = servers.pop().context("no source")?;
        if arguments.keep {
            for server in [&source, &target] {
                println!(
                    "  {} stays up; to end it: {}",
                    server.engine,
                    server.how_to_end()
                );
            }
        }

        let database = format!("shop_{}", std::process::id());
        let settings = Settings {
            name: "shop".into(),
            source: source.address.database(&database),
            target: target.address.database(&database),
            dest_schema: "shop".into(),
            more: masking(mask),
        };
        step("loading the sample shop");
        let rows = shop::load(&settings.source, Size::DEMO).await?;
        println!("  {rows} rows in {}", source.engine);
        target
            .address
            .postgres()
            .await?
            .batch_execute(&format!("create database {database}"))
            .await?;
        let home = tempfile::Builder::new()
            .prefix("chameleon-demo-")
            .tempdir()?;
        let replica = Replica::configure(binaries, home.path(), &settings)?;
        Ok(Stage {
            source,
            target,
            settings,
            replica,
            home,
        })
    }

    /// Says how to use what is left.
    fn keep(self) {
        println!("\nThe servers stay up:");
        for (server, address) in [
            (&self.source, &self.settings.source),
            (&self.target, &self.settings.target),
        ] {
            println!(
                "  {} {}   (end it: {})",
                server.engine,
                address.url(),
                server.how_to_end()
            );
        }
        println!("  configuration: {}", self.replica.config_file().display());
        for command in ["show_status", "start_replica"] {
            println!("  {}", self.replica.command_line(command));
        }
        let _kept = self.home.keep();
    }
}

/// Writes into the source, and shows the state while it goes on.
async fn write_and_watch(arguments: &Arguments, stage: &Stage, host: &mut Host) -> Result<Written> {
    let (stop, told) = watch::channel(false);
    let (progress, seen) = watch::channel(Written::default());
    let writer = Writer::new(1, Size::DEMO);
    let address = stage.settings.source.clone();
    let writing = tokio::spawn(writer.run(address, TRANSACTIONS_PER_SECOND, told, progress));
    let watched = watch_until(stage, host, Duration::from_secs(arguments.seconds), &seen).await;
    stop.send_replace(true);
    let written = writing.await??;
    watched.map(|()| written)
}

async fn watch_until(
    stage: &Stage,
    host: &mut Host,
    limit: Duration,
    seen: &watch::Receiver<Written>,
) -> Result<()> {
    let begun = Instant::now();
    let (mut last_rows, mut last_time) = (0, begun);
    println!(
        "  {:>6}  {:>10}  {:>8}  {:>10}  {:>10}",
        "time", "rows/s", "lag s", "lag bytes", "to replay"
    );
    while begun.elapsed() < limit {
        tokio::time::sleep(SHOW_EVERY.min(limit)).await;
        host.check_alive()?;
        let status = stage.replica.status().await?;
        let (rows, now) = (seen.borrow().rows, Instant::now());
        let speed = (rows - last_rows) as f64 / now.duration_since(last_time).as_secs_f64();
        (last_rows, last_time) = (rows, now);
        let shown = |value: Option<String>| value.unwrap_or_else(|| "-".into());
        println!(
            "  {:>5.0}s  {speed:>10.0}  {:>8}  {:>10}  {:>10}",
            begun.elapsed().as_secs_f64(),
            shown(status.lag_seconds().map(|lag| format!("{lag:.1}"))),
            shown(status.lag_bytes().map(|lag| lag.to_string())),
            shown(status.unreplayed_rows().map(|rows| rows.to_string())),
        );
        if let Some(held) = status.held_tables().first() {
            println!("  held: {held}");
        }
    }
    Ok(())
}

/// The programs and the module that masks.
fn build() -> Result<(Binaries, PathBuf)> {
    let binaries = Binaries::build()?;
    let built = guests::build(&["mask".to_owned()])?;
    Ok((binaries, built.into_iter().next().context("no module")?))
}

/// The lines of the configuration that mask the customers.
fn masking(module: &Path) -> String {
    let module = Value::from(module.display().to_string());
    format!(
        "transforms:\n  - name: mask\n    module: {module}\n    tables: [customers]\n    \
         config:\n      columns:\n        - {{column: email, how: email}}\n        \
         - {{column: full_name, how: partial, keep_first: 1}}\n        - short_name\n"
    )
}

/// Shows some customers as they are on both sides; fails if one of them has come through as it was.
async fn show_masking(settings: &Settings) -> Result<()> {
    let mut connection = settings.source.mysql().await?;
    let customers: Vec<(u32, String, String)> = connection
        .query("select id, email, full_name from customers order by id limit 200")
        .await?;
    connection.disconnect().await?;
    let client = settings.target.postgres().await?;
    let question = format!(
        "select email, full_name from {}.customers where id = $1::bigint",
        settings.dest_schema
    );
    for (number, (id, email, name)) in customers.iter().enumerate() {
        let row = client.query_one(&question, &[&i64::from(*id)]).await?;
        let (masked_email, masked_name): (String, String) = (row.get(0), row.get(1));
        if masked_email == *email || masked_name == *name {
            bail!("customer {id} came through unmasked");
        }
        if number < 3 {
            println!("  {email:<36} {name:<24} -> {masked_email:<36} {masked_name}");
        }
    }
    Ok(())
}

/// What `init_replica --json` reported, in words.
fn summary(report: &str) -> Result<String> {
    let report: Value = serde_json::from_str(report).context("init_replica --json is no JSON")?;
    let tables = report["tables"]
        .as_array()
        .context("init_replica --json names no tables")?;
    let (rows, seconds) = (
        &report["rows"],
        report["seconds"].as_f64().unwrap_or_default(),
    );
    Ok(format!(
        "{rows} rows of {} tables in {seconds:.1} s",
        tables.len()
    ))
}

fn step(what: &str) {
    println!("\n{what}");
}
