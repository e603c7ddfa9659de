//! `backup` and `rollback` through the real binary.

use std::process::{Command, Output};

use chameleon_postgres::tokio_postgres::{Client, NoTls};
use serde_json::Value;

const VARIABLE: &str = "CHAMELEON_TEST_POSTGRES_URL";

/// Tables of a catalog that the real 1.2 made, with one source.
const OF_1_2: &str = include_str!("../../../testdata/catalogs/1.2.original.sql");

/// A database of the test's own, and a home.
struct Place {
    url: String,
    client: Client,
    home: tempfile::TempDir,
}

impl Place {
    fn tools(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chameleon-tools"));
        command.args(["--pg-url", &self.url, "--home"]);
        command.arg(self.home.path()).args(arguments);
        command.output().unwrap()
    }

    fn json(&self, arguments: &[&str], code: i32) -> Value {
        let arguments = [&["--json"], arguments].concat();
        let output = self.tools(&arguments);
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(code), "{said}");
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }
}

async fn in_database<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Place) -> F) {
    let Ok(server) = std::env::var(VARIABLE) else {
        panic!("{VARIABLE} is not set: run `cargo xtask test`, which starts the servers");
    };
    let name = format!("tools_backup_{name}_{}", std::process::id());
    let (begin, _) = server.rsplit_once('/').unwrap();
    let url = format!("{begin}/{name}");
    let admin = connect(&server).await;
    let create = format!("drop database if exists {name}");
    admin.batch_execute(&create).await.unwrap();
    let create = format!("create database {name}");
    admin.batch_execute(&create).await.unwrap();
    let place = Place {
        client: connect(&url).await,
        url,
        home: tempfile::tempdir().unwrap(),
    };
    test(place).await;
    let drop = format!("drop database {name} with (force)");
    admin.batch_execute(&drop).await.unwrap();
}

async fn connect(url: &str) -> Client {
    // without a name it would pass for a session of 1.2
    let url = format!("{url}?application_name=test");
    let (client, connection) = chameleon_postgres::tokio_postgres::connect(&url, NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn a_backup_goes_to_the_home_and_is_verified_and_falsified() {
    in_database("home", |place| async move {
        place.client.batch_execute(OF_1_2).await.unwrap();
        let made = place.json(&["backup", "create"], 0);
        assert_eq!(made["schema_version"], 1);
        assert_eq!(made["sound"], true);
        let path = made["backup"]["path"].as_str().unwrap();
        assert!(path.starts_with(place.home.path().join("backup").to_str().unwrap()));
        assert!(path.contains("-1.2-"), "{path}");

        let manifest = format!("{path}.manifest.json");
        let text = std::fs::read_to_string(&manifest).unwrap();
        assert!(!text.contains("pw@"), "no password is in it");
        let mut changed: Value = serde_json::from_str(&text).unwrap();
        changed["tables"][0]["rows"] = 7.into();
        std::fs::write(&manifest, changed.to_string()).unwrap();
        let seen = place.json(&["backup", "verify", path], 1);
        assert_eq!(seen["sound"], false);
        let first = seen["differences"][0].as_str().unwrap();
        assert_eq!(first, "table t_discarded_rows has 0 rows, not 7");
    })
    .await;
}

#[tokio::test]
async fn a_rollback_asks_and_says_what_it_did() {
    in_database("asks", |place| async move {
        place.client.batch_execute(OF_1_2).await.unwrap();
        let file = place.home.path().join("x.dump").display().to_string();
        place.json(&["backup", "create", "--out", &file], 0);
        let again = place.json(&["backup", "create", "--out", &file], 2);
        assert_eq!(again["code"], "BAK005");
        let error = place.json(&["rollback", "--backup", &file], 2);
        assert_eq!(error["code"], "CFG051");
        let error = place.json(&["rollback", "--backup", &file, "--yes"], 2);
        assert_eq!(error["code"], "BAK017");

        let upgrade = "alter view sch_chameleon.v_version rename to v_old; \
             create view sch_chameleon.v_version as select '1.3'::text as t_version; \
             drop view sch_chameleon.v_old; \
             alter table sch_chameleon.t_replica_batch drop column v_log_table; \
             alter table sch_chameleon.t_sources add v_log_table varchar[]";
        place.client.batch_execute(upgrade).await.unwrap();
        let done = place.json(&["rollback", "--backup", &file, "--yes"], 0);
        assert_eq!(
            (&done["schema_version"], &done["way"]),
            (&1.into(), &"verbatim".into())
        );
        let source = &done["sources"][0];
        assert_eq!(
            (&source["source"], &source["moved"]),
            (&"src1".into(), &false.into())
        );
        let kept = done["replaced"].as_str().unwrap();
        let list = place.json(&["rollback", "--list"], 0);
        assert_eq!(list["replaced"][0]["schema"], kept);
        let error = place.json(&["rollback", "--drop", kept], 2);
        assert_eq!(error["code"], "CFG051");
        let dropped = place.json(&["rollback", "--drop", kept, "--yes"], 0);
        assert_eq!(dropped["dropped"]["schema"], kept);
        let output = place.tools(&["rollback", "--list"]);
        assert_eq!(output.stdout, b"no replaced catalog is kept\n");
    })
    .await;
}

#[tokio::test]
async fn a_rollback_under_a_configuration_with_transforms_needs_force() {
    in_database("transforms", |place| async move {
        place.client.batch_execute(OF_1_2).await.unwrap();
        let file = place.home.path().join("x.dump").display().to_string();
        place.json(&["backup", "create", "--out", &file], 0);
        let upgraded = place.json(&["migrate", "apply"], 0);
        assert_eq!(upgraded["done"], "upgraded");
        let configs = place.home.path().join("config");
        std::fs::create_dir(&configs).unwrap();
        let options = chameleon_postgres::ConnectOptions::from_url(&place.url).unwrap();
        let config = format!(
            "source_name: shop\nmy_database: shop\npg_database: {}\ndest_schema: dest1\n\
             mysql_conn: {{host: m, user: u, passwd: p}}\n\
             pg_conn: {{host: '{}', port: {}, user: u, password: p}}\n\
             transforms: [{{name: mask, module: mask.wasm, tables: [customers]}}]\n",
            options.database, options.host, options.port
        );
        std::fs::write(configs.join("shop.yaml"), config).unwrap();
        let error = place.json(&["rollback", "--backup", &file, "--yes"], 2);
        assert_eq!(error["code"], "BAK016");
        let what = error["message"].as_str().unwrap_or_default();
        assert!(what.contains("source shop"), "{error}");
        let arguments = ["rollback", "--backup", &file, "--yes", "--force"];
        assert_eq!(place.json(&arguments, 0)["way"], "verbatim");
    })
    .await;
}

#[tokio::test]
async fn bad_usage_has_a_code_and_every_refusal_a_next_step() {
    in_database("usage", |place| async move {
        let output = place.tools(&["rollback"]);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.starts_with("error[CFG050]: the following"), "{said}");
        let missing = place.json(&["backup", "verify", "nowhere.dump"], 2);
        assert_eq!(missing["code"], "BAK006");
        assert_eq!(missing["hint"], "chameleon explain BAK006");
    })
    .await;
}

#[tokio::test]
async fn the_password_of_a_url_may_be_in_the_environment() {
    in_database("password", |place| async move {
        place.client.batch_execute(OF_1_2).await.unwrap();
        let options = chameleon_postgres::ConnectOptions::from_url(&place.url).unwrap();
        let url = format!(
            "postgres://{}@{}:{}/{}",
            options.user, options.host, options.port, options.database
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_chameleon-tools"));
        command.args(["--json", "--pg-url", &url, "migrate", "plan"]);
        let output = command.env("PGPASSWORD", &options.password).output();
        assert_eq!(output.unwrap().status.code(), Some(1), "there is work");
    })
    .await;
}

#[tokio::test]
async fn a_plan_that_waits_for_an_upgrade_says_so() {
    in_database("waits", |place| async move {
        place.client.batch_execute(OF_1_2).await.unwrap();
        let other = connect(&place.url).await;
        let lock = format!(
            "begin; set application_name = 'somebody'; \
             select pg_advisory_xact_lock({}, 0); \
             lock table sch_chameleon.v_version in access exclusive mode",
            chameleon_catalog::sessions::UPGRADE_LOCK
        );
        other.batch_execute(&lock).await.unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_chameleon-tools"));
        command
            .args(["--pg-url", &place.url, "migrate", "plan"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        // it says so before it waits
        let mut line = String::new();
        let stderr = child.stderr.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stderr), &mut line).unwrap();
        assert!(line.starts_with("waits for the upgrade by pid "), "{line}");
        assert!(line.contains("somebody"), "{line}");
        other.batch_execute("rollback").await.unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1));
    })
    .await;
}
