//! Certificates and logins at the source: what is accepted replicates, what is not is refused with its code.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;

use super::{
    certificates::{self, Authority, Pair as Certificate, Validity},
    create_database, execute, is_mysql, sound,
};
use crate::{
    e2e::{
        Setting,
        stage::{Detour, Mode, Pair, Stage},
    },
    servers::{self, Extra, Server, engine::Engine, extras},
};

/// The password of the users of this scenario.
const SECRET: &str = "s3cret \"'x";

/// What the server has, and what clients may be given.
struct Files {
    directory: tempfile::TempDir,
    authority: Authority,
    served: Certificate,
    local: Certificate,
    elsewhere: Certificate,
    client: Certificate,
    ca: PathBuf,
    other_ca: PathBuf,
}

impl Files {
    fn make() -> Result<Self> {
        let directory = certificates::directory()?;
        let path = directory.path().to_owned();
        let (authority, other) = (Authority::new("own")?, Authority::new("other")?);
        let (ca, other_ca) = (path.join("ca.pem"), path.join("other_ca.pem"));
        authority.write(&ca)?;
        other.write(&other_ca)?;
        let local = ["127.0.0.1", "localhost"];
        let issue =
            |name: &str, names: &[&str], validity| authority.issue(&path, name, names, validity);
        Ok(Files {
            served: issue("served", &local, Validity::Now)?,
            local: issue("local", &local, Validity::Now)?,
            elsewhere: issue("elsewhere", &["db.example.org"], Validity::Now)?,
            client: issue("client", &["client"], Validity::Now)?,
            directory,
            authority,
            ca,
            other_ca,
        })
    }

    fn options(&self, engine: &Engine) -> Result<Vec<String>> {
        let mut options = vec![
            format!("--ssl-ca={}", self.ca.display()),
            format!("--ssl-cert={}", self.served.certificate.display()),
            format!("--ssl-key={}", self.served.key.display()),
        ];
        if !is_mysql(engine.kind) {
            let plugins = extras::mariadb_plugins(engine)?;
            options.push(format!("--plugin-dir={}", plugins.display()));
            options.push("--plugin-load-add=auth_ed25519".into());
        }
        Ok(options)
    }
}

/// Goes through certificates and logins.
pub(in crate::e2e) async fn run(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let engine = &pair.source.engine;
    let files = Files::make()?;
    let extra = Extra {
        options: files.options(engine)?,
        manifest: None,
    };
    let mut source = servers::start_with(engine, extra).await?;
    let own = Pair {
        source: &source,
        target: pair.target,
    };
    let mut stage = Stage::set(own, setting, Mode::Relay, Detour::default()).await?;
    create_database(&stage.source).await?;
    let table = "create table t (id int primary key, v varchar(20))";
    execute(&stage.source, &[table, "insert into t values (1, 'a')"]).await?;
    stage.add_marker().await?;
    users(&stage, is_mysql(engine.kind)).await?;
    stage.initialise().await?;

    accepted(&mut stage, &files).await?;
    swapped(&stage, &files, &source).await?;
    logins(&stage, is_mysql(engine.kind)).await?;
    let without = if is_mysql(engine.kind) {
        "--tls-version="
    } else {
        "--skip-ssl"
    };
    source.restart_with(vec![without.into()]).await?;
    for mode in ["require", "verify-ca", "verify-full"] {
        let line = format!("  tls: {{mode: {mode}, ca: {}}}", files.ca.display());
        expect(&stage, &[&line], Some("TLS002")).await?;
    }
    expect(&stage, &["  tls: {mode: prefer}"], None).await?;
    stage.strike().await?;
    drop(files.directory);
    source.stop()
}

/// Users whose login needs what they are named for.
async fn users(stage: &Stage, mysql: bool) -> Result<()> {
    let secret = SECRET.replace('\'', "''");
    let mut statements = vec![
        format!("create user encrypted@'%' identified by '{secret}' require ssl"),
        format!("create user certified@'%' identified by '{secret}' require x509"),
    ];
    let mut names = vec!["encrypted", "certified"];
    if mysql {
        names.push("hashed");
        statements.push(format!(
            "create user hashed@'%' identified with caching_sha2_password by '{secret}'"
        ));
    } else {
        names.push("curved");
        statements.push(format!(
            "create user curved@'%' identified via ed25519 using password('{secret}')"
        ));
    }
    for name in names {
        statements.push(format!(
            "grant select, reload, replication slave, replication client on *.* to {name}@'%'"
        ));
        if !mysql {
            statements.push(format!("grant slave monitor on *.* to {name}@'%'"));
        }
    }
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    execute(&stage.source, &statements).await
}

/// Sets lines in `mysql_conn` in place of those of the same keys.
fn configure(stage: &Stage, section: &str, lines: &[&str]) -> Result<()> {
    let path = stage.replica.config_file();
    let mut text = std::fs::read_to_string(&path)?;
    for line in lines {
        let key = line.split(':').next().context("no key")?.to_owned() + ":";
        let head = format!("{section}:\n");
        let (before, rest) = text.split_once(&head).context("no such section")?;
        let end = rest
            .find('\n')
            .map(|_| rest.lines().take_while(|l| l.starts_with("  ")).count())
            .unwrap_or_default();
        let of_section: Vec<&str> = rest
            .lines()
            .take(end)
            .filter(|own| !own.starts_with(&key))
            .chain([*line])
            .collect();
        let after: Vec<&str> = rest.lines().skip(end).collect();
        text = format!(
            "{before}{head}{}\n{}\n",
            of_section.join("\n"),
            after.join("\n")
        );
    }
    Ok(std::fs::write(path, text)?)
}

/// The replica with these lines in `mysql_conn` replicates, or is refused with a code.
async fn expect(stage: &Stage, lines: &[&str], code: Option<&str>) -> Result<()> {
    expect_in(stage, "mysql_conn", lines, code).await
}

/// The same for either connection.
pub(super) async fn expect_in(
    stage: &Stage,
    section: &str,
    lines: &[&str],
    code: Option<&str>,
) -> Result<()> {
    let original = std::fs::read_to_string(stage.replica.config_file())?;
    configure(stage, section, lines)?;
    let arguments = ["start_replica", "--until-caught-up"];
    let ended = stage.replica.run(&arguments).await?;
    let as_wanted = match code {
        None => ended.code == Some(0),
        Some(code) => ended.code == Some(2) && ended.stderr.contains(code),
    };
    let secret = format!("{}{}", ended.stdout, ended.stderr).contains(SECRET);
    ensure!(
        as_wanted && !secret,
        "{lines:?} should end with {code:?}: {}",
        ended.describe()
    );
    Ok(std::fs::write(stage.replica.config_file(), original)?)
}

/// One certificate at the server, and what clients may demand of it.
async fn accepted(stage: &mut Stage, files: &Files) -> Result<()> {
    let (ca, other) = (files.ca.display(), files.other_ca.display());
    let login = |name: &str| {
        let secret = serde_json::Value::from(SECRET);
        [format!("  user: {name}"), format!("  passwd: {secret}")]
    };
    let key = format!(
        "cert: {}, key: {}",
        files.client.certificate.display(),
        files.client.key.display()
    );
    for (tls, user, code) in [
        (format!("mode: verify-full, ca: {ca}"), "encrypted", None),
        (format!("mode: verify-ca, ca: {ca}"), "encrypted", None),
        ("mode: require".into(), "encrypted", None),
        ("mode: prefer".into(), "encrypted", None),
        ("mode: disable".into(), "encrypted", Some("SRC002")),
        (
            format!("mode: verify-full, ca: {ca}"),
            "certified",
            Some("SRC002"),
        ),
        (
            format!("mode: verify-full, ca: {ca}, {key}"),
            "certified",
            None,
        ),
        (
            format!("mode: verify-full, ca: {other}"),
            "encrypted",
            Some("TLS001"),
        ),
        (
            format!("mode: verify-ca, ca: {other}"),
            "encrypted",
            Some("TLS001"),
        ),
        ("mode: verify-full".into(), "encrypted", Some("TLS001")),
        (
            "mode: verify-full, ca: nowhere.pem".into(),
            "encrypted",
            Some("TLS003"),
        ),
    ] {
        let [user_line, password_line] = login(user);
        let line = format!("  tls: {{{tls}}}");
        expect(stage, &[&user_line, &password_line, &line], code)
            .await
            .with_context(|| format!("{user}, {tls}"))?;
    }
    // rows come over the verified line
    let original = std::fs::read_to_string(stage.replica.config_file())?;
    let [user_line, password_line] = login("certified");
    let line = format!("  tls: {{mode: verify-full, ca: {ca}, {key}}}");
    configure(stage, "mysql_conn", &[&user_line, &password_line, &line])?;
    let mut host = stage.replica.start(&["start_replica"])?;
    execute(&stage.source, &["insert into t values (2, 'encrypted')"]).await?;
    sound(stage, &mut host).await?;
    host.stop().await?;
    Ok(std::fs::write(stage.replica.config_file(), original)?)
}

/// Other certificates at the server, which reads them anew.
async fn swapped(stage: &Stage, files: &Files, source: &Server) -> Result<()> {
    let ca = files.ca.display();
    let short = files.authority.issue(
        files.directory.path(),
        "expired",
        &["127.0.0.1"],
        Validity::Short,
    )?;
    for (certificate, full, chain) in [
        (&short, Some("TLS001"), Some("TLS001")),
        (&files.elsewhere, Some("TLS001"), None),
        (&files.local, None, None),
    ] {
        certificate.put_at(&files.served)?;
        let reload = if is_mysql(source.engine.kind) {
            "alter instance reload tls"
        } else {
            "flush ssl"
        };
        execute(&source.address, &[reload]).await?;
        certificate.until_expired().await?;
        for (mode, code) in [("verify-full", full), ("verify-ca", chain)] {
            let line = format!("  tls: {{mode: {mode}, ca: {ca}}}");
            expect(stage, &[&line], code)
                .await
                .with_context(|| format!("{mode}, {}", certificate.certificate.display()))?;
        }
    }
    Ok(())
}

/// Logins by hashes and keys, encrypted or not.
async fn logins(stage: &Stage, mysql: bool) -> Result<()> {
    let user = if mysql { "hashed" } else { "curved" };
    let user = format!("  user: {user}");
    let secret = serde_json::Value::from(SECRET);
    let password = format!("  passwd: {secret}");
    for mode in ["disable", "require"] {
        let tls = format!("  tls: {{mode: {mode}}}");
        // the first login sends the whole password, by TLS or by the server's key; the next ones do not
        execute(&stage.source, &["flush privileges"]).await?;
        for _ in 0..2 {
            expect(stage, &[&user, &password, &tls], None)
                .await
                .with_context(|| format!("{user}, {mode}"))?;
        }
        let wrong = "  passwd: wrong";
        expect(stage, &[&user, wrong, &tls], Some("SRC002"))
            .await
            .with_context(|| format!("{user}, {mode}, a wrong password"))?;
    }
    let mut connection = stage.source.mysql().await?;
    let known = if mysql {
        "select count(*) from information_schema.plugins where plugin_name = 'sha256_password'"
    } else {
        "select 0"
    };
    let known: Option<u64> = connection.query_first(known).await?;
    connection.disconnect().await?;
    if known == Some(0) {
        return Ok(());
    }
    // the old form, where the server still has it: refused with a code where the driver has it not
    let create = format!(
        "create user older@'%' identified with sha256_password by '{}'",
        SECRET.replace('\'', "''")
    );
    execute(&stage.source, &[&create]).await?;
    expect(
        stage,
        &["  user: older", &password, "  tls: {mode: require}"],
        Some("SRC002"),
    )
    .await
}
