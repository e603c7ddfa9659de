//! The upgrade with every tool there is, one after the other, in a catalog that the real 1.2 has used. While the steps
//! are carried out another migrator comes, and the hosts of all sources: they wait, and go on with the result.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Ended, Play, WAITING_ROWS, ended, fingerprint, turns};
use crate::{
    e2e::upgrade::statements::{Hold, StatementProxy},
    replica::Host,
};

/// Sessions that wait for whoever upgrades.
const WAITING_SESSIONS: &str = "select count(*) from pg_stat_activity where datname = current_database() \
     and wait_event_type = 'Lock'";

impl Play<'_> {
    /// Plan, backup, both rehearsals, the upgrade and a look at it. The backup, and the hosts, which run.
    pub(super) async fn upgrade_step_by_step(&mut self, name: &str) -> Result<(PathBuf, Host)> {
        let client = self.client().await?;
        let before = fingerprint(&client).await?;
        self.plan().await.context("plan")?;
        let backup = self.back_up(name).await.context("backup")?;
        self.rehearse(&backup).await.context("rehearsal")?;
        ensure!(
            fingerprint(&client).await? == before,
            "plan, backup or a rehearsal has changed the catalog"
        );
        let host = self.apply_among_others().await.context("apply")?;
        self.verify(&backup).await.context("verify")?;
        Ok((backup, host))
    }

    async fn plan(&mut self) -> Result<()> {
        let begun = Instant::now();
        let plan = self.tools(&["migrate", "plan"]).await?;
        ensure!(plan.code == Some(1), "{}", plan.describe());
        let plan: Value = serde_json::from_str(&plan.stdout)?;
        let findings = plan["findings"]["findings"].as_array();
        let has = |code: &str| {
            findings
                .into_iter()
                .flatten()
                .any(|one| one["code"] == code)
        };
        ensure!(
            plan["needed"] == true && has("CAT030") && has("UPG029"),
            "the plan has not found all: {plan}"
        );
        let sources = plan["sources"].as_array().context("no sources")?;
        ensure!(sources.len() == 3, "not three sources: {plan}");
        let client = self.client().await?;
        let rows: i64 = client.query_one(WAITING_ROWS, &[]).await?.get(0);
        let seconds = plan["seconds"]["likely"].as_f64().unwrap_or_default();
        let what = format!("three sources, {rows} rows wait; upgrade in {seconds:.2} s");
        self.turns.timings.note("plan", begun, what);
        Ok(())
    }

    async fn rehearse(&mut self, backup: &Path) -> Result<()> {
        let begun = Instant::now();
        // a killed 1.2 says for ever that it is running
        let careful = self.tools(&["migrate", "dry-run"]).await?;
        careful.must_be_refused("CAT030")?;
        let live = self.tools(&["migrate", "dry-run", "--force"]).await?;
        let live = live.json()?;
        ensure!(live["done"] == "taken_back", "not a rehearsal: {live}");
        let what = format!("{} s of it the upgrade", live["seconds"]);
        self.turns
            .timings
            .note("dry run, living server", begun, what);
        let begun = Instant::now();
        let path = backup.display().to_string();
        let offline = self.tools(&["migrate", "dry-run", "--dump", &path]).await?;
        let offline = offline.json()?;
        ensure!(
            offline["done"] == "upgraded" && offline["verification"]["whole"] == true,
            "the offline rehearsal differs: {offline}"
        );
        let what = format!("{} s of it the upgrade", offline["seconds"]);
        self.turns.timings.note("dry run, offline", begun, what);
        Ok(())
    }

    /// The upgrade is held before it drops what it has copied, until the others wait for it.
    async fn apply_among_others(&mut self) -> Result<Host> {
        let begun = Instant::now();
        let client = self.client().await?;
        let middle = Hold::AtText("drop table");
        let mut proxy = StatementProxy::start(&self.stage.target, middle).await?;
        let url = proxy.url();
        let through = ["--json", "--pg-url", &url, "migrate", "apply", "--force"];
        let mut first = self.plain_command(&self.setting.binaries.tools);
        first.args(through);
        let first = tokio::spawn(ended(first));
        proxy.held().await?;
        let second = self.tools_command(&["migrate", "apply", "--force"]);
        let second = tokio::spawn(ended(second));
        let mut host = self.turns.start_host()?;
        turns::wait_for(&client, WAITING_SESSIONS, 2).await?;
        host.check_alive()?;
        proxy.release();
        let (first, second): (Ended, Ended) = (first.await??, second.await??);
        let (first, second) = (first.json()?, second.json()?);
        ensure!(
            first["done"] == "upgraded" && second["done"] == "current",
            "they did not take turns: {first} {second}"
        );
        let what = "held in the middle while a second migrator and the hosts of all sources came";
        self.turns.timings.note("apply", begun, what);
        Ok(host)
    }

    async fn verify(&mut self, backup: &Path) -> Result<()> {
        let begun = Instant::now();
        // with the hosts at work the rows are others than in the backup: shape alone
        let seen = self.tools(&["migrate", "verify"]).await?.json()?;
        ensure!(seen["whole"] == true, "the result differs: {seen}");
        let path = backup.display().to_string();
        let sound = self.tools(&["backup", "verify", &path]).await?.json()?;
        ensure!(sound["sound"] == true, "the backup is not sound: {sound}");
        let what = format!("{} objects as in a new catalog", seen["compared"]);
        self.turns.timings.note("verify", begun, what);
        Ok(())
    }
}
