//! Going on after the upgrade: the real pg_chameleon 1.2 copies and follows tables that it damages, each in its way;
//! its catalog, with rows behind a foreign key that they break, is upgraded. `check` must name every damage with the
//! command that repairs it; the host must go on into the tables as they are, and hold those whose values do not fit;
//! and the printed commands must make both sides equal.

mod damage;

use std::{
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::{process::Command, time::timeout};
use tokio_postgres::Client;

use super::{
    Setting,
    interop::{
        KEYS_OF_1_3, append,
        predecessor::{Predecessor, Releases, Running},
    },
    stage::{ARRIVAL_TIMEOUT, Detour, Mode, Pair, Stage},
};
use crate::replica::Host;
use damage::{EXPECTED, Expected};

/// No command takes longer than this.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// How often a condition is looked at that is waited for.
const POLL: Duration = Duration::from_millis(100);

/// Types whose bytes 1.2 is told to keep as hex digits: its copy dies of others.
const BLOBS: &str = "    - 'tinyblob'\n    - 'mediumblob'\n    - 'longblob'\n";

/// Codes of what `check` tells of the damage.
const CODES: &[&str] = &[
    "CAT015", "TGT041", "TGT042", "TGT043", "TGT044", "TGT045", "TGT046", "TGT047", "TGT048",
    "TGT049",
];

/// From the damage to equal sides.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let mut play = Play::set(pair, setting).await?;
    play.damage().await.context("the real 1.2")?;
    play.upgrade().await.context("upgrade")?;
    let found = play.check().await?;
    play.must_name_all(&found)?;
    // one repair before the host has ever run, while the source has moved on
    play.sync("words").await?;
    let host = play.go_on().await.context("before the repair")?;
    play.repair(host).await.context("repair")?;
    play.repair_hex_digits().await.context("hex digits")?;
    play.stage.strike().await
}

/// A finding of `check`.
#[derive(Debug)]
struct Found {
    code: String,
    object: String,
    what: String,
    remedy: String,
}

/// The scenario's things.
struct Play<'a> {
    setting: Setting<'a>,
    pair: Pair<'a>,
    stage: Stage,
    client: Client,
}

impl<'a> Play<'a> {
    async fn set(pair: Pair<'a>, setting: &Setting<'a>) -> Result<Self> {
        let stage = Stage::set(pair, setting, Mode::Relay, Detour::default()).await?;
        let hexify = "    - 'blob'\n";
        append(
            &stage.replica.config_file(),
            &KEYS_OF_1_3.replace(hexify, &format!("{hexify}{BLOBS}")),
        )?;
        damage::make_source(&stage.source).await?;
        stage.add_marker().await?;
        Ok(Play {
            setting: *setting,
            pair,
            client: stage.target.postgres().await?,
            stage,
        })
    }

    /// 1.2 copies, follows, and is stopped; then the source goes on alone.
    async fn damage(&self) -> Result<()> {
        let releases = Releases::install_1_2().await?;
        let file = self.stage.replica.config_file();
        let name = file.file_stem().context("a configuration without a name")?;
        let predecessor = Predecessor::take_over(
            &releases,
            self.setting.home,
            &name.to_string_lossy(),
            self.stage.source.port,
        )?;
        for command in ["create_schema", "add_source"] {
            predecessor.must(command).await?;
        }
        predecessor.init_replica_with_losses().await?;
        let mut running = predecessor.start()?;
        self.write(damage::BY_THE_STREAM_OF_1_2).await?;
        self.wait_for_rows("healthy where id = 10", &mut running)
            .await?;
        running.stop(&predecessor).await?;
        for one in EXPECTED {
            self.must_be(one.is_damaged, one.damage)
                .await
                .with_context(|| format!("1.2 has not made the damage {}", one.code))?;
        }
        self.write(damage::WHILE_NOBODY_FOLLOWS).await
    }

    /// By `upgrade_schema`, with rows in the catalog that no foreign key would let in.
    async fn upgrade(&self) -> Result<()> {
        self.client.batch_execute(damage::ORPHANS).await?;
        let said = self.chameleon(&["upgrade_schema", "--json"], 0).await?;
        let upgraded: Value = serde_json::from_str(&said).context("no JSON")?;
        let upgraded = &upgraded["sources"][0];
        let broken = &upgraded["backup"]["broken_keys"];
        ensure!(
            upgraded["verification"]["whole"] == true && broken[0]["rows"] == 7,
            "the upgrade: {upgraded}"
        );
        let set_aside = "select count(*)::text from sch_chameleon.t_quarantined_rows";
        self.must_be(set_aside, "7").await
    }

    /// The damage that `check` tells.
    async fn check(&self) -> Result<Vec<Found>> {
        let begun = Instant::now();
        let ended = self.stage.replica.run(&["check", "--json"]).await?;
        ensure!(
            ended.code.is_some_and(|code| code < 2),
            "{}",
            ended.describe()
        );
        let checked: Value = serde_json::from_str(&ended.stdout).context("no JSON")?;
        let findings = checked["sources"][0]["findings"].as_array();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let found = findings.context("no findings")?.iter().map(|one| Found {
            code: text(&one["code"]),
            object: text(&one["object"]),
            what: text(&one["what"]),
            remedy: text(&one["remedy"]),
        });
        let found: Vec<_> = found
            .filter(|one| CODES.contains(&one.code.as_str()))
            .collect();
        println!(
            "      check: {} findings of damage in {:.1} s",
            found.len(),
            begun.elapsed().as_secs_f64()
        );
        Ok(found)
    }

    /// Each damage with its columns and its command, and nothing of the table that is as it should be.
    fn must_name_all(&self, found: &[Found]) -> Result<()> {
        let schema = &self.stage.source.database;
        for Expected {
            code,
            table,
            columns,
            ..
        } in EXPECTED
        {
            let names_it = |one: &&Found| {
                let object = one.object.trim_start_matches(&format!("{schema}."));
                one.code == *code && object == *table
            };
            let one = found
                .iter()
                .find(names_it)
                .with_context(|| format!("{code} of {table} is not told: {found:#?}"))?;
            let missing = columns.iter().find(|column| !one.what.contains(*column));
            ensure!(missing.is_none(), "{missing:?} is not named: {one:?}");
            let command = format!("chameleon sync_tables --tables {table}");
            ensure!(one.remedy.ends_with(&command), "no {command}: {one:?}");
        }
        let more: Vec<_> = found
            .iter()
            .filter(|one| {
                !EXPECTED
                    .iter()
                    .any(|e| e.code == one.code && one.object.ends_with(e.table))
            })
            .collect();
        ensure!(more.is_empty(), "not expected: {more:#?}");
        Ok(())
    }

    /// The host writes into the columns that are there, and holds the tables where it cannot.
    async fn go_on(&mut self) -> Result<Host> {
        let mut host = self.stage.replica.start(&["start_replica"])?;
        self.stage
            .wait_for_arrival(&mut host, ARRIVAL_TIMEOUT)
            .await?;
        self.must_hold(&["loose"]).await?;
        self.write(damage::WITHOUT_LOSS).await?;
        self.stage
            .wait_for_arrival(&mut host, ARRIVAL_TIMEOUT)
            .await?;
        for (question, expect) in damage::WITHOUT_LOSS_EXPECTED {
            self.must_be(question, expect).await?;
        }
        self.must_hold(&["loose"]).await?;
        self.write(damage::WITH_LOSS).await?;
        self.stage
            .wait_for_arrival(&mut host, ARRIVAL_TIMEOUT)
            .await?;
        self.wait_until_held(damage::HELD).await?;
        host.check_alive()?;
        Ok(host)
    }

    /// The commands that `check` prints, but for the one that asks for another configuration first.
    async fn repair(&mut self, mut host: Host) -> Result<()> {
        let found = self.check().await?;
        let mut commands: Vec<_> = found
            .iter()
            .filter_map(|one| one.remedy.strip_prefix("chameleon sync_tables --tables "))
            .collect();
        commands.sort_unstable();
        commands.dedup();
        ensure!(
            !commands.contains(&"words"),
            "words was repaired: {found:#?}"
        );
        for tables in &commands {
            self.sync(tables).await?;
        }
        println!("      repaired: {}", commands.join(", "));
        self.stage
            .wait_for_arrival(&mut host, ARRIVAL_TIMEOUT)
            .await?;
        self.must_hold(&[]).await?;
        host.stop().await?;
        let left: Vec<_> = self.check().await?;
        ensure!(
            left.is_empty(),
            "told of tables that were copied anew: {left:#?}"
        );
        Ok(())
    }

    /// Without `hexify`, bytes are bytes, and the table that holds digits is held until it is copied anew.
    async fn repair_hex_digits(&mut self) -> Result<()> {
        self.must_be(
            "select encode(body, 'escape') from replica.files where id = 20",
            "00FF",
        )
        .await?;
        let file = self.stage.replica.config_file();
        let text = fs::read_to_string(&file)?;
        let begin = text.find("hexify:").context("no hexify")?;
        let end = text.find("tables_limit:").context("no tables_limit")?;
        fs::write(
            &file,
            format!("{}hexify:\n{}", &text[..begin], &text[end..]),
        )?;
        self.stage.replica.catch_up().await?;
        self.must_hold(&["files"]).await?;
        self.sync("files").await?;
        self.write(damage::AFTER_ALL).await?;
        self.stage.replica.catch_up().await?;
        let (equal, report) = self.stage.replica.compare().await?;
        ensure!(equal, "chameleon-tools compare:\n{report}");
        self.stage.must_be_equal().await?;
        self.must_be(
            "select encode(body, 'hex') from replica.files where id = 20",
            "00ff",
        )
        .await
    }

    async fn sync(&self, tables: &str) -> Result<()> {
        let sync = ["sync_tables", "--tables", tables];
        self.stage.replica.must(&sync).await.map(drop)
    }

    async fn write(&self, script: &str) -> Result<()> {
        damage::statements(&self.stage.source, script).await
    }

    async fn must_be(&self, question: &str, expect: &str) -> Result<()> {
        let row = self.client.query_one(question, &[]).await;
        let found: Option<String> = row.with_context(|| question.to_owned())?.get(0);
        let found = found.unwrap_or_else(|| "NULL".into());
        ensure!(found == expect, "{question}: {found}, not {expect}");
        Ok(())
    }

    async fn held(&self) -> Result<Vec<String>> {
        let held = self.stage.replica.status().await?.held_tables();
        let names = held.iter().map(|line| {
            let table = line.split(": ").next().unwrap_or_default();
            table
                .rsplit('.')
                .next()
                .unwrap_or_default()
                .trim_matches('"')
                .to_owned()
        });
        let mut names: Vec<_> = names.collect();
        names.sort();
        Ok(names)
    }

    async fn must_hold(&self, tables: &[&str]) -> Result<()> {
        let held = self.held().await?;
        let said = self.stage.replica.status().await?.held_tables();
        ensure!(held == tables, "held: {said:#?}, not {tables:?}");
        Ok(())
    }

    async fn wait_until_held(&self, tables: &[&str]) -> Result<()> {
        let deadline = Instant::now() + ARRIVAL_TIMEOUT;
        while self.held().await? != tables {
            if Instant::now() > deadline {
                return self.must_hold(tables).await;
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    async fn wait_for_rows(&self, which: &str, running: &mut Running) -> Result<()> {
        let question = format!("select count(*) from {}.{which}", self.stage.dest_schema());
        let deadline = Instant::now() + ARRIVAL_TIMEOUT;
        loop {
            running.check_alive()?;
            let rows: i64 = self.client.query_one(&question, &[]).await?.get(0);
            if rows > 0 {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "nothing arrives: {question}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Runs the host with `pg_dump` of the server's version at hand.
    async fn chameleon(&self, arguments: &[&str], code: i32) -> Result<String> {
        let mut command = Command::new(&self.setting.binaries.chameleon);
        command
            .arg("--home")
            .arg(self.setting.home)
            .arg("--config")
            .arg(self.stage.replica.config_file())
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some(programs) = self.pair.target.programs() {
            command.env("CHAMELEON_PG_BINDIR", programs);
        }
        let output = timeout(COMMAND_TIMEOUT, command.output()).await??;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.code() != Some(code) {
            bail!(
                "{arguments:?} ended with {}:\n{said}{}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(said)
    }
}
