//! Random legal DDL and DML drive source and replica for a while; at the end both sides must be equal. The judge is
//! `chameleon-tools compare`, and the oracle beside it. The seed says all: with it the statements are the same.

use std::{
    fs::File,
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use mysql_async::{Conn, prelude::Queryable};

use super::{
    Setting, cases,
    random_statements::Generator,
    stage::{Detour, Mode, Pair, Stage},
};
/// How often both sides are compared on the way, so that a difference is found near its cause.
const BETWEEN_CHECKS: Duration = Duration::from_secs(10);

/// Runs for so long.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>, time: Duration) -> Result<()> {
    let seed = setting.seed;
    let log = setting.home.join("statements.sql");
    drive(pair, setting, time).await.with_context(|| {
        format!(
            "random statements of seed {seed}, all of them in {}",
            log.display()
        )
    })
}

async fn drive(pair: Pair<'_>, setting: &Setting<'_>, time: Duration) -> Result<()> {
    let mut stage = Stage::set(pair, setting, Mode::Relay, Detour::default()).await?;
    let mut connection = stage.source.database("").mysql().await?;
    let database = stage.source.database.clone();
    connection
        .query_drop(format!(
            "create database `{database}` character set utf8mb4"
        ))
        .await?;
    connection.disconnect().await?;
    stage.add_marker().await?;
    let mut session = Session::open(&stage, setting).await?;
    for _ in 0..40 {
        session.step().await?;
    }
    stage.initialise().await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    let end = Instant::now() + time;
    let mut next_check = Instant::now() + BETWEEN_CHECKS;
    while Instant::now() < end {
        session.step().await?;
        if Instant::now() >= next_check {
            cases::settle(&mut stage, &mut host).await?;
            next_check = Instant::now() + BETWEEN_CHECKS;
        }
    }
    cases::settle(&mut stage, &mut host).await?;
    let (equal, report) = stage.replica.compare().await?;
    if !equal {
        bail!("the judge says that the sides differ:\n{report}");
    }
    host.stop().await?;
    println!(
        "    {} statements, {} refused by the source",
        session.executed, session.refused
    );
    stage.strike().await
}

/// The session that writes.
struct Session {
    connection: Conn,
    generator: Generator,
    database: String,
    log: File,
    executed: usize,
    refused: usize,
}

impl Session {
    async fn open(stage: &Stage, setting: &Setting<'_>) -> Result<Self> {
        let log = setting.home.join("statements.sql");
        let mut connection = stage.source.mysql().await?;
        connection
            .query_drop("set session innodb_lock_wait_timeout = 5")
            .await?;
        Ok(Self {
            connection,
            generator: Generator::new(setting.seed),
            database: stage.source.database.clone(),
            log: File::create(&log)?,
            executed: 0,
            refused: 0,
        })
    }

    /// Draws and executes.
    async fn step(&mut self) -> Result<()> {
        let statements = self.generator.draw();
        let ddl = ["create", "alter", "drop", "rename"];
        let changes_tables = statements
            .first()
            .is_some_and(|sql| ddl.iter().any(|word| sql.starts_with(word)));
        for sql in &statements {
            self.executed += 1;
            let done = self.connection.query_drop(sql).await;
            match done {
                Ok(()) => writeln!(self.log, "{sql};")?,
                Err(mysql_async::Error::Server(error)) => {
                    self.refused += 1;
                    writeln!(self.log, "-- {}: {sql};", error.code)?;
                }
                Err(error) => return Err(error).with_context(|| sql.clone()),
            }
        }
        if changes_tables {
            self.generator
                .reload(&mut self.connection, &self.database)
                .await?;
        }
        Ok(())
    }
}
