//! The commands that steer a replica, as a user types them: what they answer, what they refuse, what they leave.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{
    Setting,
    stage::{ARRIVAL_TIMEOUT, Detour, Mode, Pair, Stage},
};
use crate::shop::{self, Size};

/// A replica ends within 10 s of being told; a little more for a busy machine.
const OBEY_TIMEOUT: Duration = Duration::from_secs(20);

/// Steers a replica through its life.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let mut stage = Stage::set(pair, setting, Mode::Relay, Detour::default()).await?;
    shop::load(&stage.source, Size::SMALL).await?;
    stage.add_marker().await?;
    before_the_copy(&stage).await?;
    stage.initialise().await?;
    one_replica_at_a_time(&mut stage).await?;
    stopping_and_disabling(&stage).await?;
    resync(&mut stage).await?;
    detaching(&stage).await?;
    stage.strike().await
}

async fn expect(stage: &Stage, arguments: &[&str], code: i32, words: &[&str]) -> Result<()> {
    let ended = stage.replica.run(arguments).await?;
    let said = format!("{}{}", ended.stdout, ended.stderr).to_lowercase();
    let missing: Vec<_> = words.iter().filter(|word| !said.contains(**word)).collect();
    if ended.code != Some(code) || !missing.is_empty() {
        let call = arguments.join(" ");
        bail!(
            "`chameleon {call}` should end with {code} and say {words:?}, but {}",
            ended.describe()
        );
    }
    Ok(())
}

async fn before_the_copy(stage: &Stage) -> Result<()> {
    let checked = stage.replica.run(&["check"]).await?;
    if !matches!(checked.code, Some(0 | 1)) {
        bail!("check could not run: {}", checked.describe());
    }
    expect(stage, &["nonsense"], 2, &["nonsense"]).await?;
    expect(stage, &["sync_replica"], 2, &["sync_tables"]).await?;
    expect(stage, &["start_replica"], 2, &["error["]).await
}

async fn one_replica_at_a_time(stage: &mut Stage) -> Result<()> {
    let mut host = stage.replica.start(&["start_replica"])?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    expect(stage, &["start_replica"], 2, &["error["])
        .await
        .context("a second replica")?;
    expect(stage, &["show_status"], 0, &["running"]).await?;
    // Told through the catalog, from wherever.
    stage.replica.must(&["stop_replica"]).await?;
    let ended = host.wait(OBEY_TIMEOUT).await?;
    if !ended.is_some_and(|status| status.success()) {
        bail!(
            "stop_replica came back, but the replica has not ended well: {ended:?}\n{}",
            host.log_tail()
        );
    }
    expect(stage, &["show_status"], 0, &["stopped"]).await
}

async fn stopping_and_disabling(stage: &Stage) -> Result<()> {
    stage.replica.must(&["disable_replica"]).await?;
    expect(stage, &["start_replica"], 2, &["enable_replica"]).await?;
    stage.replica.must(&["enable_replica"]).await?;
    stage.replica.catch_up().await
}

async fn resync(stage: &mut Stage) -> Result<()> {
    let client = stage.target.postgres().await?;
    let schema = stage.dest_schema();
    client
        .batch_execute(&format!(
            "delete from {schema}.payments where order_id % 3 = 0"
        ))
        .await?;
    if stage.must_be_equal().await.is_ok() {
        bail!("the damage does not show");
    }
    stage
        .replica
        .must(&["sync_tables", "--tables", "payments"])
        .await?;
    stage.replica.catch_up().await?;
    stage.must_be_equal().await.context("after sync_tables")?;
    expect(stage, &["show_errors"], 0, &[]).await
}

async fn detaching(stage: &Stage) -> Result<()> {
    // Off a terminal, what cannot be undone needs a word more.
    expect(stage, &["detach_replica"], 2, &["--yes"]).await?;
    stage.replica.must(&["--yes", "detach_replica"]).await?;
    let client = stage.target.postgres().await?;
    let schema = stage.dest_schema();
    let unvalidated: i64 = client
        .query_one(
            "select count(*) from pg_constraint where not convalidated",
            &[],
        )
        .await?
        .get(0);
    let foreign_keys: i64 = client
        .query_one(
            "select count(*) from pg_constraint where contype = 'f' and connamespace = $1::text::regnamespace",
            &[&schema],
        )
        .await?
        .get(0);
    if unvalidated != 0 || foreign_keys != 4 {
        bail!(
            "{foreign_keys} foreign keys after detach_replica, {unvalidated} constraints not validated"
        );
    }
    // The sequences go on after the last id.
    client
        .batch_execute(&format!(
            "insert into {schema}.customers (email, full_name, short_name, status, interests, wants_mail, \
               credit_limit, loyalty_points, created_at, updated_at) \
             values ('own@shop.example', 'own', '', 'new', '{{}}', 0, 0, 0, now(), now())"
        ))
        .await
        .context("a row of one's own after detach_replica")
}
