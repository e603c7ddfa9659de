//! Certificates and logins at the target: what is accepted replicates, what is not is refused with its code.

use anyhow::{Context, Result};

use super::{
    certificates::{self, Authority, Validity},
    create_database, execute, sound,
    source_tls::expect_in,
};
use crate::{
    e2e::{
        Setting,
        stage::{Detour, Mode, Pair, Stage},
    },
    servers::{self, Extra},
};

/// Sessions of the scenario itself come unencrypted, those of the replica's users do not.
const RULES: &str = "hostssl all certified 127.0.0.1/32 cert\n\
                     hostssl all encrypted 127.0.0.1/32 scram-sha-256\n\
                     host all encrypted,certified all reject\n\
                     host all all 127.0.0.1/32 scram-sha-256\n";

/// Goes through certificates and logins.
pub(in crate::e2e) async fn run(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let directory = certificates::directory()?;
    let path = directory.path();
    let (authority, other) = (Authority::new("own")?, Authority::new("other")?);
    let (ca, other_ca) = (path.join("ca.pem"), path.join("other_ca.pem"));
    authority.write(&ca)?;
    other.write(&other_ca)?;
    let local = ["127.0.0.1", "localhost"];
    let served = authority.issue(path, "served", &local, Validity::Now)?;
    let elsewhere = authority.issue(path, "elsewhere", &["db.example.org"], Validity::Now)?;
    let again = authority.issue(path, "again", &local, Validity::Now)?;
    let client = authority.issue(path, "certified", &["certified"], Validity::Now)?;
    served.give_away()?;
    let rules = path.join("rules.conf");
    std::fs::write(&rules, RULES)?;
    let mut options = Vec::new();
    for (name, value) in [
        ("ssl", "on".to_owned()),
        ("ssl_ca_file", ca.display().to_string()),
        ("ssl_cert_file", served.certificate.display().to_string()),
        ("ssl_key_file", served.key.display().to_string()),
        ("hba_file", rules.display().to_string()),
    ] {
        options.extend(["-c".to_owned(), format!("{name}={value}")]);
    }
    let extra = Extra {
        options,
        manifest: None,
    };
    let mut target = servers::start_with(&pair.target.engine, extra).await?;
    let own = Pair {
        source: pair.source,
        target: &target,
    };
    let mut stage = Stage::set(own, setting, Mode::Relay, Detour::default()).await?;
    create_database(&stage.source).await?;
    let table = "create table t (id int primary key, v varchar(20))";
    execute(&stage.source, &[table, "insert into t values (1, 'a')"]).await?;
    stage.add_marker().await?;
    stage.initialise().await?;
    let superuser = stage.target.postgres().await?;
    superuser
        .batch_execute(
            "create role encrypted superuser login password 'pw'; create role certified superuser login",
        )
        .await?;

    let (own_ca, other_ca) = (ca.display(), other_ca.display());
    let key = format!(
        "cert: {}, key: {}",
        client.certificate.display(),
        client.key.display()
    );
    for (tls, user, code) in [
        (
            format!("mode: verify-full, ca: {own_ca}"),
            "encrypted",
            None,
        ),
        (format!("mode: verify-ca, ca: {own_ca}"), "encrypted", None),
        ("mode: require".into(), "encrypted", None),
        ("mode: prefer".into(), "encrypted", None),
        ("mode: disable".into(), "encrypted", Some("TGT002")),
        (
            format!("mode: verify-full, ca: {own_ca}, {key}"),
            "certified",
            None,
        ),
        (
            format!("mode: verify-full, ca: {own_ca}"),
            "certified",
            Some("TGT002"),
        ),
        (
            format!("mode: verify-full, ca: {other_ca}"),
            "encrypted",
            Some("TLS001"),
        ),
        (
            format!("mode: verify-ca, ca: {other_ca}"),
            "encrypted",
            Some("TLS001"),
        ),
        (
            "mode: verify-full, ca: nowhere.pem".into(),
            "encrypted",
            Some("TLS003"),
        ),
    ] {
        let lines = [format!("  user: {user}"), format!("  tls: {{{tls}}}")];
        expect_in(&stage, "pg_conn", &[&lines[0], &lines[1]], code)
            .await
            .with_context(|| format!("{user}, {tls}"))?;
    }
    let short = authority.issue(path, "expired", &local, Validity::Short)?;
    for (certificate, full, chain) in [
        (&short, Some("TLS001"), Some("TLS001")),
        (&elsewhere, Some("TLS001"), None),
        (&again, None, None),
    ] {
        certificate.put_at(&served)?;
        served.give_away()?;
        superuser.batch_execute("select pg_reload_conf()").await?;
        certificate.until_expired().await?;
        for (mode, code) in [("verify-full", full), ("verify-ca", chain)] {
            let tls = format!("  tls: {{mode: {mode}, ca: {own_ca}}}");
            expect_in(&stage, "pg_conn", &["  user: encrypted", &tls], code)
                .await
                .with_context(|| format!("{mode}, {}", certificate.certificate.display()))?;
        }
    }
    let mut host = stage.replica.start(&["start_replica"])?;
    sound(&mut stage, &mut host).await?;
    host.stop().await?;
    target
        .restart_with(vec!["-c".into(), "ssl=off".into()])
        .await?;
    for mode in ["require", "verify-full"] {
        let tls = format!("  tls: {{mode: {mode}, ca: {own_ca}}}");
        expect_in(&stage, "pg_conn", &[&tls], Some("TLS002"))
            .await
            .with_context(|| format!("{mode}, a server without TLS"))?;
    }
    expect_in(&stage, "pg_conn", &["  tls: {mode: prefer}"], None).await?;
    stage.strike().await?;
    target.stop()
}
