//! The catalog's upgrade through the programs: a catalog that the real pg_chameleon 1.2 made, with three sources and
//! rows that wait, is planned, backed up, rehearsed on the living server and on a scratch server; the real upgrade is
//! killed at every statement (client and backend), on copies; then two migrators and two hosts come at once; the result
//! is verified and its dump is that of a new catalog. Then the speed: a million rows against the script of the real
//! 1.3, run through psql; and their way back.

mod kills;
mod speed;
pub(super) mod statements;
pub(super) mod timings;

use std::{
    fs,
    path::{Path, PathBuf},
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
        predecessor::{Predecessor, Releases},
        rounds,
    },
    stage::{Detour, Mode, Pair, Stage},
};
use crate::{
    address::Address,
    replica::{Replica, Settings},
    servers::Server,
};
use timings::Timings;

/// No command takes longer than this.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// The names of the second and third source, which are also their schemas.
const MORE_SOURCES: [&str; 2] = ["second", "third"];

/// Everything but the speed, and that.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let mut play = Play::set(pair, setting).await?;
    play.walk().await.context("the walk")?;
    speed::compare(&mut play).await.context("speed")?;
    play.end().await
}

/// The scenario's things.
struct Play<'a> {
    setting: Setting<'a>,
    stage: Stage,
    /// Databases of the second and third source.
    more: Vec<Address>,
    /// Directory of `psql` and `pg_dump` of the server's version, where it is known.
    programs: Option<PathBuf>,
    timings: Timings,
}

impl<'a> Play<'a> {
    /// Three sources, registered by the real 1.2.
    async fn set(pair: Pair<'_>, setting: &Setting<'a>) -> Result<Self> {
        let begun = Instant::now();
        let releases = Releases::install_1_2().await?;
        let stage = Stage::set(pair, setting, Mode::Relay, Detour::default()).await?;
        let mut places = vec![(stage.source.clone(), stage.replica.config_file())];
        for name in MORE_SOURCES {
            let database = format!("{}_{name}", stage.source.database);
            let address = stage.source.database(&database);
            let replica = stage.second_replica(setting, address.clone(), name)?;
            places.push((address, replica.config_file()));
        }
        for (number, (address, file)) in places.iter().enumerate() {
            append(file, KEYS_OF_1_3)?;
            rounds::make_source(address).await?;
            let name = file.file_stem().context("a configuration without a name")?;
            let name = name.to_string_lossy();
            let predecessor = Predecessor::take_over(&releases, setting.home, &name, address.port)?;
            if number == 0 {
                predecessor.must("create_schema").await?;
            }
            predecessor.must("add_source").await?;
        }
        let mut timings = Timings::default();
        timings.note("1.2 makes the catalog", begun, "three sources");
        Ok(Play {
            setting: *setting,
            more: places.into_iter().skip(1).map(|place| place.0).collect(),
            programs: programs(pair.target),
            timings,
            stage,
        })
    }

    async fn walk(&mut self) -> Result<()> {
        let client = self.stage.target.postgres().await?;
        client
            .batch_execute(&speed::fill(60_000))
            .await
            .context("rows to upgrade")?;
        client.batch_execute(ODDITIES).await?;
        let before = fingerprint(&client).await?;
        let backup = self.plan_and_back_up().await?;
        self.rehearse(&backup).await?;
        ensure!(
            fingerprint(&client).await? == before,
            "plan, backup or a rehearsal has changed the catalog"
        );
        self.kill_at_every_statement().await.context("kills")?;
        self.come_at_once().await?;
        let begun = Instant::now();
        let path = backup.display().to_string();
        let verified = self
            .tools(&["migrate", "verify", "--backup", &path])
            .await?;
        let verified = verified.json(0)?;
        ensure!(
            verified["whole"] == true && verified["quarantined_rows"] == 40,
            "the result differs: {verified}"
        );
        let after = self.tools(&["migrate", "plan"]).await?.json(0)?;
        ensure!(after["needed"] == false, "there is work left: {after}");
        let objects = format!("{} objects as in a new one", verified["compared"]);
        self.timings.note("verify and plan", begun, objects);
        // what the dump of a new catalog has not: the quarantine, and what fell into it
        client
            .batch_execute("drop table sch_chameleon.t_quarantined_rows")
            .await?;
        self.dumps_must_be_equal().await
    }

    /// `plan` finds what there is and leaves the work to others; a backup of it.
    async fn plan_and_back_up(&mut self) -> Result<PathBuf> {
        let begun = Instant::now();
        let plan = self.tools(&["migrate", "plan"]).await?.json(1)?;
        let number = |name: &str| plan[name].as_u64().unwrap_or_default();
        ensure!(
            plan["needed"] == true && number("orphan_rows") == 40 && number("double_ids") == 25,
            "the plan has not found all: {plan}"
        );
        ensure!(
            number("parent_rows") == 30,
            "the plan has not found all: {plan}"
        );
        let what = format!(
            "upgrade in {:.2} s ({:.2} to {:.2}), {} MB on disk",
            plan["seconds"]["likely"].as_f64().unwrap_or_default(),
            plan["seconds"]["least"].as_f64().unwrap_or_default(),
            plan["seconds"]["most"].as_f64().unwrap_or_default(),
            number("disk_bytes") / 1_000_000
        );
        self.timings.note("plan", begun, what);
        let begun = Instant::now();
        let file = self.setting.home.join("before.dump");
        let path = file.display().to_string();
        let made = self.tools(&["backup", "create", "--out", &path]).await?;
        let made = made.json(0)?;
        ensure!(made["sound"] == true, "the backup is not sound");
        self.timings
            .note("backup", begun, format!("verified by {}", made["by"]));
        Ok(file)
    }

    /// On the living server, and on a scratch server from the backup.
    async fn rehearse(&mut self, backup: &Path) -> Result<()> {
        let begun = Instant::now();
        let live = self.tools(&["migrate", "dry-run"]).await?.json(0)?;
        ensure!(live["done"] == "taken_back", "not a rehearsal: {live}");
        let seconds = live["seconds"].as_f64().unwrap_or_default();
        let what = format!("{seconds:.2} s of it the upgrade");
        self.timings.note("dry run, living server", begun, what);
        let begun = Instant::now();
        let path = backup.display().to_string();
        let offline = self.tools(&["migrate", "dry-run", "--dump", &path]).await?;
        let offline = offline.json(0)?;
        ensure!(
            offline["done"] == "upgraded" && offline["verification"]["whole"] == true,
            "the offline rehearsal differs: {offline}"
        );
        let seconds = offline["seconds"].as_f64().unwrap_or_default();
        let what = format!("{seconds:.2} s of it the upgrade, {}", offline["server"]);
        self.timings.note("dry run, offline", begun, what);
        Ok(())
    }

    /// `migrate apply` on the server of a URL.
    fn apply_command(&self, url: &str) -> Command {
        let mut command = Command::new(&self.setting.binaries.tools);
        command
            .args(["--json", "--pg-url", url, "migrate", "apply"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    async fn apply_at(&self, url: &str) -> Result<Ended> {
        ended(self.apply_command(url)).await
    }

    /// Two migrators, and two hosts that want to write: one upgrades, the others wait and go on.
    async fn come_at_once(&mut self) -> Result<()> {
        let begun = Instant::now();
        let binaries = self.setting.binaries;
        let children = [
            (&binaries.tools, ["migrate", "apply"].as_slice()),
            (&binaries.chameleon, &["enable_replica"]),
            (&binaries.tools, &["migrate", "apply"]),
            (&binaries.chameleon, &["upgrade_schema"]),
        ];
        let mut running = Vec::new();
        for (program, arguments) in children {
            let mut command = self.command(program, arguments);
            running.push(tokio::spawn(async move { command.output().await }));
        }
        let mut upgraded = 0;
        for one in running {
            let output = one.await??;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            ensure!(
                output.status.success(),
                "{}{said}",
                String::from_utf8_lossy(&output.stderr)
            );
            upgraded += usize::from(said.contains("\"done\":\"upgraded\""));
            upgraded += usize::from(said.contains("\"done\": \"upgraded\""));
        }
        // a host that upgrades on its way to something else does not say so in JSON
        ensure!(upgraded <= 1, "{upgraded} of four have upgraded");
        self.timings
            .note("upgrade", begun, "four came at once, all went on");
        Ok(())
    }

    /// The schema of the upgraded catalog and of a new one with the same sources, as pg_dump tells it.
    async fn dumps_must_be_equal(&mut self) -> Result<()> {
        let begun = Instant::now();
        let fresh = self
            .stage
            .target
            .database(&format!("{}_new", self.stage.target.database));
        let admin = self.stage.target.postgres().await?;
        let create = format!("create database {}", fresh.database);
        admin.batch_execute(&create).await?;
        let home = self.setting.home.join("new");
        let first = self.stage.replica.config_file();
        let first = first
            .file_stem()
            .context("a configuration without a name")?;
        let names = [first.to_string_lossy().into_owned()];
        let names = names.into_iter().chain(MORE_SOURCES.map(str::to_owned));
        for (number, name) in names.enumerate() {
            let schema = if number == 0 {
                self.stage.dest_schema()
            } else {
                &name
            };
            let settings = Settings {
                name: name.clone(),
                source: self.stage.source.clone(),
                target: fresh.clone(),
                dest_schema: schema.into(),
                more: String::new(),
            };
            let replica = Replica::configure(self.setting.binaries, &home, &settings)?;
            if number == 0 {
                replica.must(&["create_schema"]).await?;
            }
            replica.must(&["add_source"]).await?;
        }
        let (new, upgraded) = (
            self.dump(&fresh).await?,
            self.dump(&self.stage.target).await?,
        );
        let missing: Vec<_> = new.iter().filter(|line| !upgraded.contains(line)).collect();
        let extra: Vec<_> = upgraded.iter().filter(|line| !new.contains(line)).collect();
        ensure!(
            new == upgraded,
            "the dumps differ; only in the new one: {missing:#?}, only in the upgraded one: {extra:#?}"
        );
        speed::drop_database(&admin, &fresh).await?;
        let what = format!("{} objects, no difference", new.len());
        self.timings
            .note("dumps of a new catalog and this", begun, what);
        Ok(())
    }

    /// The schema as pg_dump writes it, object by object, without comments and the line that is another each time.
    async fn dump(&self, address: &Address) -> Result<Vec<String>> {
        let mut command = Command::new(self.program("pg_dump"));
        command
            .args(["--schema-only", "--schema=sch_chameleon", "--no-owner"])
            .arg("--dbname")
            .arg(address.url())
            .kill_on_drop(true);
        let output = command.output().await.context("cannot run pg_dump")?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let is_told = |line: &&str| {
            !line.is_empty()
                && !line.starts_with("--")
                && !line.starts_with("\\restrict")
                && !line.starts_with("\\unrestrict")
        };
        let object = |part: &str| part.lines().filter(is_told).collect::<Vec<_>>().join("\n");
        let mut objects: Vec<_> = text.split("\n--\n-- ").map(object).collect();
        // those that are otherwise alike stand in the order in which they were made
        objects.sort();
        Ok(objects)
    }

    fn program(&self, name: &str) -> PathBuf {
        self.programs
            .as_ref()
            .map_or_else(|| name.into(), |directory| directory.join(name))
    }

    async fn end(self) -> Result<()> {
        self.timings.print("times of the upgrade scenario");
        for address in &self.more {
            use mysql_async::prelude::Queryable;
            let mut connection = address.database("").mysql().await?;
            let drop = format!("drop database `{}`", address.database);
            connection.query_drop(drop).await?;
            connection.disconnect().await?;
        }
        self.stage.strike().await
    }

    async fn tools(&self, arguments: &[&str]) -> Result<Ended> {
        ended(self.command(&self.setting.binaries.tools, arguments)).await
    }

    /// With `--json`, and where `pg_dump` of the server's version is.
    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .arg("--json")
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

/// Rows without batch, which a table without its foreign key lets in, rows in the parent, and ids that stand twice.
const ODDITIES: &str = "\
alter table sch_chameleon.t_log_replica_1 drop constraint if exists fk_replica_batch_1;
insert into sch_chameleon.t_log_replica_1 (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, jsb_event_data)
select 900000, 'orders', 'second', 'insert', jsonb_build_object('id', n) from generate_series(1, 40) n;
insert into sch_chameleon.t_log_replica (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, jsb_event_data)
select max(i_id_batch), 'orders', 'second', 'insert', jsonb_build_object('id', n)
  from sch_chameleon.t_replica_batch, generate_series(1, 30) n group by n;
insert into sch_chameleon.t_log_replica_2
select l.i_id_event, (select max(i_id_batch) from sch_chameleon.t_replica_batch), v_table_name, v_schema_name,
       enm_binlog_event, t_binlog_name, i_binlog_position, ts_event_datetime, jsb_event_data, jsb_event_update, t_query
  from only sch_chameleon.t_log_replica_1 l where i_id_batch < 900000 order by i_id_event limit 25;
";

/// A command that ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    /// What it printed, which must be JSON, if it ended with that code.
    fn json(&self, code: i32) -> Result<Value> {
        if self.code != Some(code) {
            bail!("exit code {:?}:\n{}{}", self.code, self.stdout, self.stderr);
        }
        serde_json::from_str(&self.stdout).context("no JSON")
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

/// Every table of the catalog with its columns, rows and a sum over them.
async fn fingerprint(client: &Client) -> Result<Vec<String>> {
    let tables = "select c.relname::text, (select string_agg(format('%s %s', attname, atttypid::regtype), ', ' \
         order by attnum) from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped) \
         from pg_class c where c.relnamespace = 'sch_chameleon'::regnamespace and c.relkind in ('r', 'v') order by 1";
    let mut lines = Vec::new();
    for row in client.query(tables, &[]).await? {
        let (table, columns): (String, String) = (row.get(0), row.get(1));
        let sql = format!(
            "select format('%s %s', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)) \
             from sch_chameleon.\"{table}\" t"
        );
        let sums: String = client.query_one(&sql, &[]).await?.get(0);
        lines.push(format!("{table} ({columns}): {sums}"));
    }
    Ok(lines)
}

/// Where `pg_dump` is that can read a server: beside it, or where packages put the oldest that is new enough.
pub(super) fn programs(target: &Server) -> Option<PathBuf> {
    let major: u32 = target.engine.version.parse().unwrap_or_default();
    let directory = |version: u32| Path::new("/usr/lib/postgresql").join(format!("{version}/bin"));
    let mut packaged = (major..major + 10).map(directory);
    let fit = || packaged.find(|place| place.join("pg_dump").is_file());
    target.programs().or_else(fit)
}

/// What the real 1.3 upgrades with, in the installed package.
fn original_script(release: &Path) -> Result<PathBuf> {
    let library = release.join("lib");
    for python in fs::read_dir(&library).with_context(|| library.display().to_string())? {
        let place = "site-packages/pg_chameleon/sql/upgrade/cat_1.3.sql";
        let script = python?.path().join(place);
        if script.is_file() {
            return Ok(script);
        }
    }
    bail!("the package in {} has no upgrade script", release.display())
}
