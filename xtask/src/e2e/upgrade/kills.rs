//! The real `migrate apply` is ended at every statement that it sends, once its own process and once the server's
//! session: the catalog is 1.2 as a whole or 1.3 as a whole, and the next run finishes it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio_postgres::Client;

use super::{
    ODDITIES, Play, fingerprint, speed,
    statements::{Hold, StatementProxy},
};
use crate::address::Address;

/// Rows of batches in all three tables, and how many of them are left: each upgrade moves them.
const ROWS: u32 = 15_000;
const THIN_OUT: &str = "delete from sch_chameleon.t_log_replica where i_id_event % 50 <> 0";

/// An upgrade has at least so many statements up to its commit.
const LEAST: u64 = 40;

/// How long the session of a killed client may live on.
const GONE_TIMEOUT: Duration = Duration::from_secs(30);

/// What the upgrade does when it is interrupted: everything is copied, nothing is dropped yet.
const MIDDLE: &str = "drop table";

/// Who dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    /// The program, when the statement is on its way.
    Client,
    /// The server's session, before the statement reaches it.
    Backend,
}

impl Play<'_> {
    /// On copies of a catalog that has all that the steps can meet.
    pub(super) async fn kill_at_every_statement(&mut self) -> Result<()> {
        let begun = Instant::now();
        let target = &self.stage.target;
        let admin = target.database("postgres").postgres().await?;
        let model = target.database(&format!("{}_kills", target.database));
        let copy = target.database(&format!("{}_killed", target.database));
        speed::restore(self, &admin, &model).await?;
        let client = model.postgres().await?;
        client.batch_execute(&speed::fill(ROWS)).await?;
        client.batch_execute(THIN_OUT).await?;
        client.batch_execute(ODDITIES).await?;
        drop(client);
        speed::clone(&admin, &model, &copy).await?;
        self.interrupt(&copy).await.context("Ctrl-C")?;
        let mut told = Vec::new();
        for victim in [Victim::Client, Victim::Backend] {
            speed::clone(&admin, &model, &copy).await?;
            let killed = self.kill(&copy, victim).await;
            let killed = killed.with_context(|| format!("{victim:?}"))?;
            told.push(format!("{killed} of {victim:?}").to_lowercase());
        }
        for database in [&model, &copy] {
            speed::drop_database(&admin, database).await?;
        }
        let what = format!("{}, one at each statement", told.join(", "));
        self.timings.note("applies killed", begun, what);
        Ok(())
    }

    /// Ctrl-C: it ends by itself, as what was asked for, and 1.2 is as it was.
    async fn interrupt(&self, database: &Address) -> Result<()> {
        let client = database.postgres().await?;
        let before = fingerprint(&client).await?;
        let mut proxy = StatementProxy::start(database, Hold::AtText(MIDDLE)).await?;
        let child = self.apply_command(&proxy.url()).spawn()?;
        let session = proxy.held().await?;
        let id = child.id().context("no process id")?;
        let pid = Pid::from_raw(i32::try_from(id)?).context("no process id")?;
        kill_process(pid, Signal::INT).context("cannot send a signal")?;
        let ended = child.wait_with_output().await?;
        ensure!(ended.status.code() == Some(130), "not as asked: {ended:?}");
        drop(proxy);
        self.wait_until_gone(&client, session).await?;
        let same = fingerprint(&client).await? == before;
        ensure!(same, "it is not 1.2 as it was");
        Ok(())
    }

    async fn kill(&self, database: &Address, victim: Victim) -> Result<u64> {
        let client = database.postgres().await?;
        let before = fingerprint(&client).await?;
        let mut at = 0;
        loop {
            at += 1;
            let is_upgraded = self.kill_at(database, &client, victim, at).await;
            let is_upgraded = is_upgraded.with_context(|| format!("statement {at}"))?;
            if is_upgraded {
                break;
            }
            let same = fingerprint(&client).await? == before;
            ensure!(same, "after statement {at}: neither 1.2 nor 1.3");
        }
        ensure!(at > LEAST, "the upgrade has only {at} statements");
        // the commit was the last that counted; whoever comes next finds the work done, and it is whole
        let next = self.apply_at(&database.url()).await?.json(0)?;
        ensure!(next["done"] == "current", "there was work left: {next}");
        let whole = next["verification"]["whole"] == true;
        ensure!(whole, "the result differs: {next}");
        Ok(at)
    }

    /// True: the catalog is upgraded. Each run begins where the one before has left off, so it is its "second run" too.
    async fn kill_at(
        &self,
        database: &Address,
        client: &Client,
        victim: Victim,
        at: u64,
    ) -> Result<bool> {
        let hold = match victim {
            Victim::Client => Hold::After(at),
            Victim::Backend => Hold::Before(at),
        };
        let mut proxy = StatementProxy::start(database, hold).await?;
        let mut child = self.apply_command(&proxy.url()).spawn()?;
        let session = proxy.held().await?;
        match victim {
            Victim::Client => child.kill().await?,
            Victim::Backend => {
                let end = format!("select pg_terminate_backend({session}, 10000)");
                client.batch_execute(&end).await?;
                proxy.release();
                let ended = child.wait_with_output().await?;
                let said = String::from_utf8_lossy(&ended.stderr).into_owned();
                let said: Value = serde_json::from_str(&said).unwrap_or_default();
                if ended.status.code() != Some(2) || said["code"].as_str().is_none() {
                    bail!("the end of its session is no coded error: {ended:?}");
                }
            }
        }
        drop(proxy);
        self.wait_until_gone(client, session).await?;
        let label = "select t_version from sch_chameleon.v_version";
        let label: String = client.query_one(label, &[]).await?.get(0);
        match label.as_str() {
            "1.2" => Ok(false),
            "1.3" => Ok(true),
            other => bail!("the catalog says {other}"),
        }
    }

    async fn wait_until_gone(&self, client: &Client, session: i32) -> Result<()> {
        let question = "select not exists (select from pg_stat_activity where pid = $1)";
        let deadline = Instant::now() + GONE_TIMEOUT;
        while !client
            .query_one(question, &[&session])
            .await?
            .get::<_, bool>(0)
        {
            ensure!(Instant::now() < deadline, "session {session} goes on");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}
