//! There and back: the real pg_chameleon 1.2 follows three sources, leaves a row out and others unreplayed; the
//! catalog is planned, backed up, rehearsed, upgraded and verified, and the host streams on; a rollback downgrades the
//! living catalog, and the real 1.2 goes on as if nothing had happened. Then the same once more by `upgrade_schema`, but
//! the rollback follows the upgrade at once and restores the backup verbatim. Each program's turn ends with both sides
//! equal, as the oracle sees them.

mod step_by_step;
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
    upgrade::{
        self,
        statements::{Hold, StatementProxy},
    },
};
use crate::address::Address;
use turns::{Source, Turns};

/// No command takes longer than this.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// A rollback has at least so many statements up to its commit.
const LEAST_STATEMENTS: u64 = 20;

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

/// The first row is one that the copy of 1.2 leaves out: it makes a bigint of the column.
const MISFITS: &str = "\
create table counters (id int not null primary key, big bigint unsigned not null);
insert into counters values (1, 18446744073709551615), (2, 7);
";

/// There and back, twice.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let releases = Releases::install_1_2().await?;
    let mut play = Play::set(pair, setting, &releases).await?;
    play.turns.their_copy().await.context("the copy of 1.2")?;
    play.turns.their_turn("1.2, after its copy").await?;
    play.turns.they_are_killed_with_rows_waiting().await?;
    play.discard_a_row().await?;

    let upgraded = play.upgrade_step_by_step("first.dump").await;
    let (backup, host) = upgraded.context("first upgrade")?;
    play.turns.go_on("ours, after the upgrade", host).await?;
    play.must_refuse_while_we_run(&backup).await?;
    play.turns.we_are_killed_with_rows_waiting().await?;
    play.must_refuse(&backup, &["--restore", "--force"], "BAK012")
        .await?;
    play.must_refuse(&backup, &[], "BAK016").await?;
    play.kills(&backup).await.context("kills")?;
    play.roll_back(&backup, &["--force"], "downgrade").await?;
    play.must_refuse(&backup, &["--force"], "BAK017").await?;
    play.turns.their_turn("1.2, after the downgrade").await?;

    let backup = play.back_up("second.dump").await?;
    play.upgrade_schema().await.context("second upgrade")?;
    play.roll_back(&backup, &["--restore"], "verbatim").await?;
    let turn = "1.2, after the verbatim restore";
    play.turns.their_turn(turn).await?;
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
            if number == 1 {
                statements(&address, MISFITS).await?;
            }
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
            programs: upgrade::programs(pair.target),
            stage,
        })
    }

    async fn client(&self) -> Result<Client> {
        self.stage.target.postgres().await
    }

    /// What 1.2 put aside stays where it is. Only on Python 2 it could write there: the row is as it was then.
    async fn discard_a_row(&self) -> Result<()> {
        let sql = "insert into sch_chameleon.t_discarded_rows (i_id_batch, t_row_data) \
             select max(i_id_batch), encode('{''id'': 3}', 'base64') from sch_chameleon.t_replica_batch";
        Ok(self.client().await?.batch_execute(sql).await?)
    }

    /// A backup, looked at.
    async fn back_up(&mut self, name: &str) -> Result<PathBuf> {
        let begun = Instant::now();
        let file = self.setting.home.join(name);
        let path = file.display().to_string();
        let made = self.tools(&["backup", "create", "--out", &path]).await?;
        let made = made.json()?;
        ensure!(
            made["sound"] == true && made["backup"]["manifest"]["version"] == "1.2",
            "the backup is not sound: {made}"
        );
        let what = format!("verified by {}", made["by"]);
        self.turns.timings.note("backup", begun, what);
        Ok(file)
    }

    /// All in one.
    async fn upgrade_schema(&mut self) -> Result<()> {
        let begun = Instant::now();
        let upgrade = ["upgrade_schema", "--yes"];
        let ended = self.run(&self.setting.binaries.chameleon, &upgrade).await?;
        ended.must()?;
        let label = "select t_version from sch_chameleon.v_version";
        let label: String = self.client().await?.query_one(label, &[]).await?.get(0);
        ensure!(label == "1.3", "the catalog is of version {label}");
        let what = "with a backup of its own";
        self.turns.timings.note("upgrade_schema", begun, what);
        Ok(())
    }

    async fn roll_back(&mut self, backup: &Path, more: &[&str], way: &str) -> Result<()> {
        let begun = Instant::now();
        let client = self.client().await?;
        let waiting: i64 = client.query_one(WAITING_ROWS, &[]).await?.get(0);
        let done = self.rollback(backup, more).await?.json()?;
        ensure!(done["way"] == way, "another way than {way}: {done}");
        let after: i64 = client.query_one(WAITING_ROWS, &[]).await?.get(0);
        let what = format!(
            "the catalog was locked for {} ms; {waiting} rows wait, {after} after",
            done["locked_milliseconds"]
        );
        let part = format!("rollback, {way}");
        self.turns.timings.note(part, begun, what);
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
        self.rollback(backup, more).await?.must_be_refused(code)
    }

    /// A rollback is killed at every statement that it sends: the catalog is whole, of one version or the other.
    async fn kills(&mut self, backup: &Path) -> Result<()> {
        let begun = Instant::now();
        let client = self.client().await?;
        let before = fingerprint(&client).await?;
        let mut at = 0;
        let mut label = "1.3".to_owned();
        while label == "1.3" {
            at += 1;
            let mut proxy = StatementProxy::start(&self.stage.target, Hold::After(at)).await?;
            let url = proxy.url();
            let path = backup.display().to_string();
            let rollback = ["--yes", "rollback", "--force", "--backup", path.as_str()];
            let mut command = self.plain_command(&self.setting.binaries.tools);
            let mut child = command.args(["--pg-url", &url]).args(rollback).spawn()?;
            proxy.held().await?;
            child.kill().await?;
            drop(proxy);
            self.wait_until_rollback_is_gone(&client).await?;
            let question = "select t_version from sch_chameleon.v_version";
            label = client.query_one(question, &[]).await?.get(0);
            if label == "1.2" {
                back_again(&client).await?;
            }
            ensure!(
                fingerprint(&client).await? == before,
                "killed at statement {at}: the catalog is another"
            );
        }
        ensure!(at > LEAST_STATEMENTS, "it has only {at} statements");
        let what = format!("{at}, one at each statement; the last had committed");
        self.turns.timings.note("rollbacks killed", begun, what);
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
        self.turns
            .timings
            .print("times of the way there and back, twice");
        let discarded = "select count(*) from sch_chameleon.t_discarded_rows";
        let rows: i64 = self.client().await?.query_one(discarded, &[]).await?.get(0);
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
        let mut command = self.plain_command(program);
        command
            .arg("--config")
            .arg(self.stage.replica.config_file())
            .args(arguments);
        command
    }

    /// With the scenario's home, and where `pg_dump` of the server's version is.
    fn plain_command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .arg("--home")
            .arg(self.setting.home)
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

    /// With a code, as JSON.
    fn must_be_refused(&self, code: &str) -> Result<()> {
        let said: Value = serde_json::from_str(&self.stderr).unwrap_or_default();
        if self.code != Some(2) || said["code"] != code {
            bail!("not refused with {code}: {}", self.describe());
        }
        Ok(())
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
