//! The shop is copied and followed while it is written to; then both judges, the oracle here and
//! `chameleon-tools compare`, must say the same, also when one value is changed behind the replica's back.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::watch;

use super::{
    Setting,
    stage::{ARRIVAL_TIMEOUT, Detour, Mode, Pair, Stage},
};
use crate::shop::{
    self, Size,
    writer::{Writer, Written},
};

/// The shop of this test.
const SIZE: Size = Size {
    customers: 1_000,
    orders: 3_000,
};

const WRITE_FOR: Duration = Duration::from_secs(4);

const TRANSACTIONS_PER_SECOND: u32 = 500;

/// Copies, follows, compares.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>, mode: Mode) -> Result<()> {
    let mut stage = Stage::set(pair, setting, mode, Detour::default()).await?;
    shop::load(&stage.source, SIZE).await?;
    stage.add_marker().await?;
    stage.replica.register().await?;

    // The copy runs while the shop is open.
    let (stop, told) = watch::channel(false);
    let (progress, _) = watch::channel(Written::default());
    let writer = Writer::new(setting.seed, SIZE);
    let writing = tokio::spawn(writer.run(
        stage.source.clone(),
        TRANSACTIONS_PER_SECOND,
        told,
        progress,
    ));
    stage.replica.must(&["init_replica"]).await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    tokio::time::sleep(WRITE_FOR).await;
    stop.send_replace(true);
    let written = writing.await?.context("the writer")?;
    if written.transactions == 0 {
        bail!("the writer wrote nothing");
    }
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    stage.must_be_equal().await?;
    let status = stage.replica.status().await?;
    if !status.is_alive() || !status.held_tables().is_empty() {
        bail!("show_status shows a replica that does not run well: {status:?}");
    }
    host.stop().await?;
    judges_agree(&stage).await?;
    stage.strike().await
}

async fn judges_agree(stage: &Stage) -> Result<()> {
    let (equal, report) = stage.replica.compare().await?;
    if !equal {
        bail!("chameleon-tools compare sees differences where there are none:\n{report}");
    }
    let client = stage.target.postgres().await?;
    let schema = stage.dest_schema();
    let changed = client
        .execute(
            &format!("update {schema}.products set in_stock = in_stock + 1 where id = 7"),
            &[],
        )
        .await?;
    let (equal, report) = stage.replica.compare().await?;
    if changed != 1 || equal || !report.contains("products") {
        bail!("chameleon-tools compare does not see a changed value:\n{report}");
    }
    Ok(())
}
