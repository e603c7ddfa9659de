//! Two servers, one the replica of the other. The first dies, the second takes its place, by the GTIDs.
//!
//! Behind a name that moves the running replica goes on by itself; with another name in the configuration a new one
//! does, also back to a server that was the source before. A table whose copy has marks of the server that died is
//! held. Where the second server lacks what was replicated, the replica stops and changes nothing.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;

use super::{execute, is_mysql, refused, sound};
use crate::{
    address::Address,
    e2e::{
        Setting,
        stage::{ARRIVAL_TIMEOUT, Detour, Mode, Pair, Stage},
    },
    fault_proxy::FaultProxy,
    replica::Host,
    servers::{self, Extra, PASSWORD, Server, engine::Engine},
    shop::{self, Size, writer::Writer},
};

/// Transactions that are written around each change of the source.
const TRANSACTIONS: u32 = 150;

/// The table that is copied before a failover.
const MARKED: &str = "payments";
const COPY_MARKED: &[&str] = &["sync_tables", "--tables", MARKED];

/// Fails over, several times.
pub(in crate::e2e) async fn run(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let engine = &pair.source.engine;
    let mut servers = Servers {
        first: start(engine, 11).await?,
        second: start(engine, 12).await?,
        mysql: is_mysql(engine.kind),
    };
    let proxy = FaultProxy::start(servers.first.address.resolve().await?).await?;
    let detour = Detour {
        source: Some(servers.first.address.through(proxy.address())),
        target: None,
    };
    let own = Pair {
        source: &servers.first,
        target: pair.target,
    };
    let mut stage = Stage::set(own, setting, Mode::Relay, detour).await?;
    servers.follow(&servers.second, &servers.first).await?;
    shop::load(&stage.source, Size::SMALL).await?;
    stage.add_marker().await?;
    stage.initialise().await?;
    let mut writer = Writer::new(setting.seed, Size::SMALL);

    let host = behind_a_name(&mut stage, &mut servers, &proxy, &mut writer)
        .await
        .context("behind a name that moves")?;
    host.stop().await?;
    back(&mut stage, &mut servers, &proxy, &mut writer)
        .await
        .context("back to the first one")?;
    copied_before(&mut stage, &mut servers, &proxy, &mut writer)
        .await
        .context("to a server that did not write the marks of a copy")?;
    set_back(&mut stage, &mut servers, &proxy, &mut writer)
        .await
        .context("while the stream is set back")?;
    lacking(&mut stage, &mut servers, &proxy, &mut writer)
        .await
        .context("to a server that lacks transactions")?;
    stage.strike().await?;
    servers.first.stop()?;
    servers.second.kill()
}

async fn start(engine: &Engine, id: u32) -> Result<Server> {
    let mut options = vec![format!("--server-id={id}"), "--log-slave-updates=ON".into()];
    if is_mysql(engine.kind) {
        options[1] = "--log-replica-updates=ON".into();
        options.push("--skip-replica-start=ON".into());
    } else {
        options.push("--skip-slave-start=ON".into());
    }
    let extra = Extra {
        options,
        manifest: None,
    };
    servers::start_with(engine, extra).await
}

struct Servers {
    first: Server,
    second: Server,
    mysql: bool,
}

impl Servers {
    /// One server replicates from the other, behind what it has.
    async fn follow(&self, replica: &Server, source: &Server) -> Result<()> {
        let (host, port) = (&source.address.host, source.address.port);
        let statements = if self.mysql {
            vec![
                format!(
                    "change replication source to source_host = '{host}', source_port = {port}, \
                       source_user = 'root', source_password = '{PASSWORD}', \
                       source_auto_position = 1, get_source_public_key = 1, source_connect_retry = 1"
                ),
                "start replica".into(),
            ]
        } else {
            vec![
                "set global gtid_slave_pos = @@global.gtid_binlog_pos".into(),
                format!(
                    "change master to master_host = '{host}', master_port = {port}, \
                       master_user = 'root', master_password = '{PASSWORD}', \
                       master_use_gtid = slave_pos, master_connect_retry = 1"
                ),
                "start slave".into(),
            ]
        };
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        execute(&replica.address, &statements).await
    }

    /// A replica becomes a server of its own.
    async fn promote(&self, replica: &Server) -> Result<()> {
        let statements = if self.mysql {
            ["stop replica", "reset replica all"]
        } else {
            ["stop slave", "reset slave all"]
        };
        execute(&replica.address, &statements).await
    }

    /// The first server, which is the source, dies, and the second one takes its place behind the name: it is the
    /// first one from then on.
    async fn fail_over(&mut self, stage: &mut Stage, proxy: &FaultProxy) -> Result<()> {
        self.until_equal(&self.second, &self.first).await?;
        self.first.kill()?;
        self.promote(&self.second).await?;
        std::mem::swap(&mut self.first, &mut self.second);
        stage.source = self.first.address.database(&stage.source.database);
        proxy.lead_to(self.first.address.resolve().await?);
        proxy.cut();
        Ok(())
    }

    /// Waits until one server has all that the other one has written.
    async fn until_equal(&self, replica: &Server, source: &Server) -> Result<()> {
        let question = if self.mysql {
            "select @@global.gtid_executed"
        } else {
            "select @@global.gtid_binlog_pos"
        };
        let wanted = answer(&source.address, question).await?;
        let deadline = Instant::now() + ARRIVAL_TIMEOUT;
        while answer(&replica.address, question).await? != wanted {
            ensure!(
                Instant::now() < deadline,
                "the replica server has not arrived at {wanted}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

async fn answer(address: &Address, question: &str) -> Result<String> {
    let mut connection = address.mysql().await?;
    let answer: Option<String> = connection.query_first(question).await?;
    connection.disconnect().await?;
    answer.context("no answer")
}

async fn write(stage: &Stage, writer: &mut Writer) -> Result<()> {
    let mut connection = stage.source.mysql().await?;
    writer.write(&mut connection, TRANSACTIONS).await?;
    Ok(connection.disconnect().await?)
}

/// The replica runs all the time. The first server dies with rows that the replica has not read, and the second one
/// goes on with rows of its own.
async fn behind_a_name(
    stage: &mut Stage,
    servers: &mut Servers,
    proxy: &FaultProxy,
    writer: &mut Writer,
) -> Result<Host> {
    let mut host = stage.replica.start(&["start_replica"])?;
    write(stage, writer).await?;
    sound(stage, &mut host).await?;
    // the replica's line stands still while more is written
    proxy.set(|faults| faults.stall = true);
    write(stage, writer).await?;
    servers.until_equal(&servers.second, &servers.first).await?;
    servers.first.kill()?;
    servers.promote(&servers.second).await?;
    // its files are other ones from here on
    stage.source = servers.second.address.database(&stage.source.database);
    execute(&stage.source, &["flush binary logs"]).await?;
    write(stage, writer).await?;
    proxy.lead_to(servers.second.address.resolve().await?);
    proxy.cut();
    proxy.heal();
    sound(stage, &mut host).await?;
    write(stage, writer).await?;
    sound(stage, &mut host).await?;
    Ok(host)
}

/// The first server comes back as the replica of the second one, which then dies. Both have files of the same names,
/// and the replica is not running meanwhile.
async fn back(
    stage: &mut Stage,
    servers: &mut Servers,
    proxy: &FaultProxy,
    writer: &mut Writer,
) -> Result<()> {
    servers.first.restart().await?;
    servers.follow(&servers.first, &servers.second).await?;
    write(stage, writer).await?;
    servers.until_equal(&servers.first, &servers.second).await?;
    servers.second.kill()?;
    servers.promote(&servers.first).await?;
    stage.source = servers.first.address.database(&stage.source.database);
    proxy.lead_to(servers.first.address.resolve().await?);
    proxy.cut();
    // the new server has nothing to add
    stage.replica.catch_up().await?;
    stage.must_be_equal().await.context("--until-caught-up")?;
    // killed right behind the change, it goes on from what is stored
    let mut host = stage.replica.start(&["start_replica"])?;
    write(stage, writer).await?;
    host.kill()?;
    let mut host = stage.replica.start(&["start_replica"])?;
    sound(stage, &mut host).await?;
    host.stop().await
}

/// A table is copied while the replica stands behind it, and the server that wrote the copy's marks dies.
async fn copied_before(
    stage: &mut Stage,
    servers: &mut Servers,
    proxy: &FaultProxy,
    writer: &mut Writer,
) -> Result<()> {
    servers.second.restart().await?;
    servers.follow(&servers.second, &servers.first).await?;
    write(stage, writer).await?;
    stage.replica.must(COPY_MARKED).await?;
    ensure!(marks(stage).await? == (1, 0), "its marks are not ahead");
    write(stage, writer).await?;
    servers.fail_over(stage, proxy).await?;
    held_and_repaired(stage, writer).await
}

/// The replica runs, and its stream is set back for a table that was copied, when both die: what the other tables
/// have had is not applied again.
async fn set_back(
    stage: &mut Stage,
    servers: &mut Servers,
    proxy: &FaultProxy,
    writer: &mut Writer,
) -> Result<()> {
    servers.second.restart().await?;
    servers.follow(&servers.second, &servers.first).await?;
    let mut tries = 0;
    while !died_set_back(stage, writer).await? {
        tries += 1;
        ensure!(tries < 20, "the stream was never met while it is set back");
        stage.replica.catch_up().await?;
    }
    servers.fail_over(stage, proxy).await?;
    held_and_repaired(stage, writer).await
}

/// Copies the table under load and kills the replica as soon as its stream is set back. False: it was faster.
async fn died_set_back(stage: &Stage, writer: &mut Writer) -> Result<bool> {
    let mut host = stage.replica.start(&["start_replica"])?;
    let over = Cell::new(false);
    let watched = async {
        let first = tokio::select! {
            copied = stage.replica.must(COPY_MARKED) => copied.map(drop),
            seen = until_set_back(stage) => seen,
        };
        over.set(true);
        first.and(host.kill())
    };
    let written = async {
        let mut connection = stage.source.mysql().await?;
        while !over.get() {
            writer.write(&mut connection, 1).await?;
        }
        anyhow::Ok(connection.disconnect().await?)
    };
    let (watched, written) = tokio::join!(watched, written);
    watched?;
    written?;
    Ok(marks(stage).await? == (1, 1))
}

async fn until_set_back(stage: &Stage) -> Result<()> {
    let client = stage.target.postgres().await?;
    let question = "select 1 from sch_chameleon.t_stream_floor";
    while client.query_opt(question, &[]).await?.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// The copied table alone is held, until it is copied from the new server; all others go on.
async fn held_and_repaired(stage: &mut Stage, writer: &mut Writer) -> Result<()> {
    let mut host = stage.replica.start(&["start_replica"])?;
    write(stage, writer).await?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    let held = stage.replica.status().await?.held_tables();
    ensure!(
        matches!(held.as_slice(), [one] if one.starts_with(&format!("{MARKED}: SRC040: "))),
        "held are {held:?}"
    );
    ensure!(marks(stage).await? == (0, 0), "marks are left");
    stage
        .replica
        .must(&["sync_tables", "--tables", "disabled"])
        .await?;
    write(stage, writer).await?;
    sound(stage, &mut host).await?;
    host.stop().await
}

/// Tables with marks of a copy that the stream has not passed, and whether it was set back for them.
async fn marks(stage: &Stage) -> Result<(i64, i64)> {
    let client = stage.target.postgres().await?;
    let question = "select (select count(*) from sch_chameleon.t_table_windows), \
                           (select count(*) from sch_chameleon.t_stream_floor)";
    let row = client.query_one(question, &[]).await?;
    Ok((row.get(0), row.get(1)))
}

/// The second server lacks the last transactions that the replica has applied. Nothing is applied from it, neither
/// before nor after it wrote rows of its own; with the first server back all goes on.
async fn lacking(
    stage: &mut Stage,
    servers: &mut Servers,
    proxy: &FaultProxy,
    writer: &mut Writer,
) -> Result<()> {
    servers.second.restart().await?;
    servers.follow(&servers.second, &servers.first).await?;
    servers.until_equal(&servers.second, &servers.first).await?;
    servers.promote(&servers.second).await?;
    write(stage, writer).await?;
    stage.replica.catch_up().await?;
    proxy.lead_to(servers.second.address.resolve().await?);
    proxy.cut();
    refused(stage, &["start_replica"], "SRC039").await?;
    let first = stage.source.clone();
    stage.source = servers.second.address.database(&first.database);
    for _ in 0..2 {
        write(stage, writer).await?;
    }
    stage.source = first;
    refused(stage, &["start_replica"], "SRC039")
        .await
        .context("after rows of its own")?;
    stage.must_be_equal().await.context("nothing has changed")?;
    let status = stage.replica.must(&["show_status"]).await?;
    ensure!(
        status.contains("error"),
        "the status tells nothing:\n{status}"
    );
    proxy.lead_to(servers.first.address.resolve().await?);
    proxy.cut();
    let mut host = stage.replica.start(&["start_replica"])?;
    write(stage, writer).await?;
    sound(stage, &mut host).await?;
    host.stop().await
}
