//! The database servers are killed and come back, first the source's, then the target's. The running replica must
//! recover by itself.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{
    Setting,
    stage::{Detour, Mode, Pair, Stage},
};
use crate::{
    servers::Server,
    shop::{self, Size, writer::Writer},
};

const RECOVERY_TIMEOUT: Duration = Duration::from_secs(120);

/// Transactions that are written before each crash and after it.
const TRANSACTIONS: u32 = 100;

/// Kills the servers at these positions, which must be ours.
pub(super) async fn run(
    servers: &mut [Server],
    source: usize,
    target: usize,
    setting: &Setting<'_>,
) -> Result<()> {
    if !servers[source].is_ours() || !servers[target].is_ours() {
        println!("  skipped: external servers are not killed");
        return Ok(());
    }
    let mut writer = Writer::new(setting.seed, Size::SMALL);
    let pair = Pair {
        source: &servers[source],
        target: &servers[target],
    };
    let mut stage = Stage::set(pair, setting, Mode::Relay, Detour::default()).await?;
    shop::load(&stage.source, Size::SMALL).await?;
    stage.add_marker().await?;
    stage.initialise().await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    for (crashed, name) in [(source, "source"), (target, "target")] {
        for round in 0..3 {
            let told = || format!("crash {round} of the {name}");
            let mut connection = stage.source.mysql().await?;
            let before = writer
                .write(&mut connection, TRANSACTIONS)
                .await
                .context("the writer")?;
            servers[crashed].kill()?;
            drop(connection);
            servers[crashed].restart().await.with_context(told)?;
            let mut connection = stage.source.mysql().await?;
            writer
                .write(&mut connection, TRANSACTIONS)
                .await
                .context("the writer")?;
            connection.disconnect().await?;
            host.check_alive().with_context(told)?;
            stage
                .wait_for_arrival(&mut host, RECOVERY_TIMEOUT)
                .await
                .with_context(told)?;
            stage.must_be_equal().await.with_context(told)?;
            if before.rows == 0 {
                bail!("the writer wrote nothing");
            }
        }
    }
    host.stop().await?;
    stage.strike().await
}
