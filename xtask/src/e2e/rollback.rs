//! There and back: the real pg_chameleon 1.2 follows three sources and leaves rows unreplayed; the catalog is upgraded
//! and the host streams on; a rollback downgrades the living catalog, and the real 1.2 goes on as if nothing had
//! happened. Then the same once more, but the rollback follows the upgrade at once and restores the backup verbatim.
//! Each program's turn ends with both sides equal, as the oracle sees them.

mod turns;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;
use serde_json::Value;
use tokio::{process::Command, time::timeout};
use tokio_postgres::Client;

use super::{
    Setting,
    interop::{
        KEYS_OF_1_3, append,
        predecessor::{Predecessor, Releases},
        rounds,
    },
    stage::{Detour, Mode, Pair, Stage},
};
use crate::{address::Address, random::Random};
use turns::{Source, Turns};

/// No command takes longer than this.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// How often a rollback is killed.
const KILLS: u32 = 16;

/// Rows that are relayed and not replayed.
const WAITING_ROWS: &str = "select count(*) from sch_chameleon.t_log_replica \
     join sch_chameleon.t_replica_batch using (i_id_batch) where not b_replayed";

/// A table with names in two cases, and of words that SQL knows.
const ODD_NAMES: &str = "\
create table MixedCase (
    Id int not null,
    `Group` varchar(20) not null,
    `select` varchar(40) null,
    primary key (Id, `Group`)
);
insert into MixedCase values (1, 'a', 'x'), (2, 'B', null);
";

/// There and back, twice.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let releases = Releases::install_1_2().await?;
    let mut play = Play::set(pair, setting, &releases).await?;
    play.turns.their_copy().await.context("the copy of 1.2")?;
    play.turns.their_turn("1.2, after its copy").await?;
    play.turns.they_are_killed_with_rows_waiting().await?;
    play.discard_a_row().await?;

    let backup = play.upgrade("first.dump").await.context("first upgrade")?;
    play.turns.our_turn("ours, after the upgrade").await?;
    play.must_refuse_while_we_run(&backup).await?;
    play.turns.we_are_killed_with_rows_waiting().await?;
    play.must_refuse(&backup, &["--restore", "--force"], "BAK012")
        .await?;
    play.must_refuse(&backup, &[], "BAK016").await?;
    play.kills(&backup).await.context("kills")?;
    play.roll_back(&backup, &["--force"], "downgrade").await?;
    play.turns.their_turn("1.2, after the downgrade").await?;

    let backup = play
        .upgrade("second.dump")
        .await
        .context("second upgrade")?;
    play.roll_back(&backup, &["--restore"], "verbatim").await?;
    play.turns
        .their_turn("1.2, after the verbatim restore")
        .await?;
    play.drop_replaced().await?;
    play.end().await
}

/// The scenario's things.
struct Play<'a> {
    setting: Setting<'a>,
    stage: Stage,
    turns: Turns,
    /// Directory of `pg_dump` of the server's version, where it is known.
    programs: Option<PathBuf>,
    random: Random,
}

impl<'a> Play<'a> {
    async fn set(pair: Pair<'_>, setting: &Setting<'a>, releases: &Releases) -> Result<Self> {
        let stage = Stage::set(pair, setting, Mode::Relay, Detour::default()).await?;
        let first = (stage.source.clone(), stage.replica.config_file());
        let mut places = vec![(first.0, first.1, stage.dest_schema().to_owned())];
        for name in ["second", "third"] {
            let address = stage
                .source
                .database(&format!("{}_{name}", stage.source.database));
            let replica = stage.second_replica(setting, address.clone(), name)?;
            places.push((address, replica.config_file(), name.to_owned()));
        }
        let mut sources = Vec::new();
        for (number, (address, file, schema)) in places.into_iter().enumerate() {
            append(&file, KEYS_OF_1_3)?;
            if number == 2 {
                rename_source(&file, "Odd 'source' 3")?;
            }
            let name = file.file_stem().context("a configuration without a name")?;
            let name = name.to_string_lossy().into_owned();
            rounds::make_source(&address).await?;
            statements(&address, ODD_NAMES).await?;
            let port = address.port;
            sources.push(Source {
                predecessor: Predecessor::take_over(releases, setting.home, &name, port)?,
                source: address,
                schema,
            });
        }
        Ok(Play {
            turns: Turns::new(sources, stage.target.clone(), stage.replica.clone()),
            setting: *setting,
            programs: pair.target.programs(),
            random: Random::new(setting.seed),
            stage,
        })
    }

    async fn client(&self) -> Result<Client> {
        self.stage.target.postgres().await
    }

    /// What 1.2 put aside stays where it is.
    async fn discard_a_row(&self) -> Result<()> {
        let sql = "insert into sch_chameleon.t_discarded_rows (i_id_batch, t_row_data) values (1, 'ZGlzY2FyZGVk')";
        Ok(self.client().await?.batch_execute(sql).await?)
    }

    /// A backup, looked at, and the upgrade.
    async fn upgrade(&self, name: &str) -> Result<PathBuf> {
        let file = self.setting.home.join(name);
        let path = file.display().to_string();
        let made = self
            .tools(&["backup", "create", "--out", &path])
            .await?
            .json()?;
        ensure!(made["sound"] == true, "the backup is not sound: {made}");
        let seen = self.tools(&["backup", "verify", &path]).await?.json()?;
        ensure!(
            seen["sound"] == true && seen["backup"]["manifest"]["version"] == "1.2",
            "the backup cannot be verified: {seen}"
        );
        println!("      backup: {}", seen["by"]);
        // a killed 1.2 says for ever that it is running
        let upgrade = ["upgrade_schema", "--force", "--yes"];
        let ended = self.run(&self.setting.binaries.chameleon, &upgrade).await?;
        ended.must()?;
        let label: String = self
            .client()
            .await?
            .query_one("select t_version from sch_chameleon.v_version", &[])
            .await?
            .get(0);
        ensure!(label == "1.3", "the catalog is of version {label}");
        Ok(file)
    }

    async fn roll_back(&self, backup: &Path, more: &[&str], way: &str) -> Result<()> {
        let begun = Instant::now();
        let client = self.client().await?;
        let waiting: i64 = client.query_one(WAITING_ROWS, &[]).await?.get(0);
        let done = self.rollback(backup, more).await?.json()?;
        ensure!(done["way"] == way, "another way than {way}: {done}");
        let after: i64 = client.query_one(WAITING_ROWS, &[]).await?.get(0);
        println!(
            "      rollback, {way}: {:.1} s, the catalog was locked for {} ms; {waiting} rows wait, {after} after",
            begun.elapsed().as_secs_f64(),
            done["locked_milliseconds"]
        );
        ensure!(
            (waiting == 0) == (after == 0),
            "{waiting} rows waited, {after} do now"
        );
        Ok(())
    }

    async fn must_refuse_while_we_run(&mut self, backup: &Path) -> Result<()> {
        let mut host = self.turns.start_host()?;
        self.turns.wait_for_our_sessions(&mut host).await?;
        self.must_refuse(backup, &["--force"], "CAT012").await?;
        host.stop().await
    }

    async fn must_refuse(&self, backup: &Path, more: &[&str], code: &str) -> Result<()> {
        let ended = self.rollback(backup, more).await?;
        let said: Value = serde_json::from_str(&ended.stderr).unwrap_or_default();
        if ended.code != Some(2) || said["code"] != code {
            bail!("not refused with {code}: {}", ended.describe());
        }
        Ok(())
    }

    /// A rollback that is killed leaves a whole catalog, of one version or the other.
    async fn kills(&mut self, backup: &Path) -> Result<()> {
        let client = self.client().await?;
        let before = fingerprint(&client).await?;
        let mut begun = Instant::now();
        self.rollback(backup, &["--force"]).await?.must()?;
        let whole = begun.elapsed();
        back_again(&client).await?;
        let (mut old, mut new) = (0, 0);
        for _ in 0..KILLS {
            begun = Instant::now();
            let moment = self.random.duration(Duration::ZERO, whole * 5 / 4);
            let mut child = self.rollback_command(backup, &["--force"]).spawn()?;
            tokio::time::sleep(moment.saturating_sub(begun.elapsed())).await;
            // it may have ended
            let _ = child.kill().await;
            self.wait_until_rollback_is_gone(&client).await?;
            let label = "select t_version from sch_chameleon.v_version";
            let label: String = client.query_one(label, &[]).await?.get(0);
            match label.as_str() {
                "1.3" => new += 1,
                "1.2" => {
                    old += 1;
                    back_again(&client).await?;
                }
                other => bail!("killed after {moment:?}: the catalog says {other}"),
            }
            ensure!(
                fingerprint(&client).await? == before,
                "killed after {moment:?}: the catalog is another"
            );
        }
        println!("      {KILLS} rollbacks killed: {new} had not committed, {old} had");
        Ok(())
    }

    async fn wait_until_rollback_is_gone(&self, client: &Client) -> Result<()> {
        let question = "select case when exists (select from pg_stat_activity where datname = current_database() \
             and application_name like 'chameleon-tools%') then 0::bigint else 1::bigint end";
        turns::wait_for(client, question, 1).await
    }

    async fn drop_replaced(&self) -> Result<()> {
        let list = self.tools(&["rollback", "--list"]).await?.json()?;
        let replaced = list["replaced"].as_array().context("no list")?;
        ensure!(replaced.len() == 2, "two are kept: {list}");
        for one in replaced {
            let schema = one["schema"].as_str().context("a catalog without a name")?;
            self.tools(&["rollback", "--drop", schema, "--yes"])
                .await?
                .must()?;
        }
        Ok(())
    }

    async fn end(self) -> Result<()> {
        let rows: i64 = self
            .client()
            .await?
            .query_one(
                "select count(*) from sch_chameleon.t_discarded_rows where t_row_data = 'ZGlzY2FyZGVk'",
                &[],
            )
            .await?
            .get(0);
        ensure!(rows == 1, "{rows} discarded rows, not one");
        for source in self.turns.sources().iter().skip(1) {
            let mut connection = source.source.database("").mysql().await?;
            connection
                .query_drop(format!("drop database `{}`", source.source.database))
                .await?;
            connection.disconnect().await?;
        }
        self.stage.strike().await
    }

    fn rollback_command(&self, backup: &Path, more: &[&str]) -> Command {
        let path = backup.display().to_string();
        let arguments = [&["rollback", "--backup", path.as_str(), "--yes"], more].concat();
        self.tools_command(&arguments)
    }

    async fn rollback(&self, backup: &Path, more: &[&str]) -> Result<Ended> {
        ended(self.rollback_command(backup, more)).await
    }

    fn tools_command(&self, arguments: &[&str]) -> Command {
        let json = [&["--json"], arguments].concat();
        self.command(&self.setting.binaries.tools, &json)
    }

    async fn tools(&self, arguments: &[&str]) -> Result<Ended> {
        ended(self.tools_command(arguments)).await
    }

    async fn run(&self, program: &Path, arguments: &[&str]) -> Result<Ended> {
        ended(self.command(program, arguments)).await
    }

    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .arg("--home")
            .arg(self.setting.home)
            .arg("--config")
            .arg(self.stage.replica.config_file())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(programs) = &self.programs {
            command.env("CHAMELEON_PG_BINDIR", programs);
        }
        command
    }
}

/// A command that ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn describe(&self) -> String {
        format!("exit code {:?}:\n{}{}", self.code, self.stdout, self.stderr)
    }

    fn must(&self) -> Result<()> {
        ensure!(self.code == Some(0), "{}", self.describe());
        Ok(())
    }

    fn json(&self) -> Result<Value> {
        self.must()?;
        serde_json::from_str(&self.stdout).with_context(|| self.describe())
    }
}

async fn ended(mut command: Command) -> Result<Ended> {
    let line = crate::run::line(command.as_std());
    let output = timeout(COMMAND_TIMEOUT, command.output())
        .await
        .with_context(|| format!("`{line}` did not end within {COMMAND_TIMEOUT:?}"))?
        .with_context(|| format!("cannot run `{line}`"))?;
    Ok(Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Makes the catalog that a rollback replaced the living one again.
async fn back_again(client: &Client) -> Result<()> {
    let sql = "select nspname::text from pg_namespace where starts_with(nspname, 'sch_chameleon_replaced_')";
    let found = client.query(sql, &[]).await?;
    ensure!(found.len() == 1, "{} replaced catalogs", found.len());
    let schema: String = found[0].get(0);
    let sql = format!(
        "begin; drop schema sch_chameleon cascade; alter schema {schema} rename to sch_chameleon; commit"
    );
    client
        .batch_execute("set client_min_messages = warning")
        .await?;
    Ok(client.batch_execute(&sql).await?)
}

/// Everything that a rollback could change in the living catalog.
async fn fingerprint(client: &Client) -> Result<Vec<String>> {
    let tables = "select relname::text from pg_class where relnamespace = 'sch_chameleon'::regnamespace \
         and relkind = 'r' order by 1";
    let mut lines = Vec::new();
    for row in client.query(tables, &[]).await? {
        let table: String = row.get(0);
        let sql = format!(
            "select format('%s %s %s', '{table}', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)) \
             from only sch_chameleon.\"{table}\" t"
        );
        lines.push(client.query_one(&sql, &[]).await?.get(0));
    }
    Ok(lines)
}

fn rename_source(file: &Path, name: &str) -> Result<()> {
    let text = fs::read_to_string(file)?;
    let renamed = text
        .lines()
        .map(|line| match line.starts_with("source_name:") {
            true => format!("source_name: \"{name}\"\n"),
            false => format!("{line}\n"),
        });
    Ok(fs::write(file, renamed.collect::<String>())?)
}

async fn statements(source: &Address, script: &str) -> Result<()> {
    let mut connection = source.mysql().await?;
    crate::shop::execute_script(&mut connection, script).await?;
    Ok(connection.disconnect().await?)
}
