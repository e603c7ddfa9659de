//! The host is killed at random moments. After each kill it starts again, does what is left, and both sides
//! must be equal.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{
    Setting,
    stage::{ARRIVAL_TIMEOUT, Detour, Mode, Pair, Stage},
};
use crate::{
    random::Random,
    shop::{self, Size, writer::Writer},
};

/// Transactions that are written around each kill.
const TRANSACTIONS: u32 = 60;

/// Of all kills this part is done during the copy, the rest during the stream (and that in each mode).
const COPY_PART: u32 = 3;

/// Kills during the copy: a part of the asked number.
pub(super) async fn copy(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let mut random = Random::new(setting.seed);
    let mut writer = Writer::new(setting.seed, Size::SMALL);
    let stage = Stage::set(pair, setting, Mode::Relay, Detour::default()).await?;
    shop::load(&stage.source, Size::SMALL).await?;
    stage.add_marker().await?;
    stage.replica.register().await?;
    let begun = Instant::now();
    stage.replica.must(&["init_replica"]).await?;
    let whole = begun.elapsed();
    let mut connection = stage.source.mysql().await?;
    for number in 0..setting.kills.div_ceil(COPY_PART) {
        // Sometimes after the end, so that the last steps are met too.
        let moment = random.duration(Duration::ZERO, whole.mul_f64(1.2));
        let mut host = stage.replica.start(&["init_replica"])?;
        let (slept, written) = tokio::join!(
            async {
                tokio::time::sleep(moment).await;
                host.kill()
            },
            writer.write(&mut connection, TRANSACTIONS)
        );
        slept?;
        written.context("the writer")?;
        let told = || format!("kill {number}, {moment:?} into the copy");
        stage
            .replica
            .must(&["init_replica"])
            .await
            .with_context(told)?;
        stage.replica.catch_up().await.with_context(told)?;
        stage.must_be_equal().await.with_context(told)?;
    }
    connection.disconnect().await?;
    stage.strike().await
}

/// Kills while the replica follows the source.
pub(super) async fn stream(pair: Pair<'_>, setting: &Setting<'_>, mode: Mode) -> Result<()> {
    let mut random = Random::new(setting.seed);
    let mut writer = Writer::new(setting.seed, Size::SMALL);
    let mut stage = Stage::set(pair, setting, mode, Detour::default()).await?;
    shop::load(&stage.source, Size::SMALL).await?;
    stage.add_marker().await?;
    stage.initialise().await?;
    let begun = Instant::now();
    stage.replica.catch_up().await?;
    let start_and_stop = begun.elapsed();
    let mut connection = stage.source.mysql().await?;
    let mut died_in_flight = 0;
    for number in 0..setting.kills - setting.kills / COPY_PART {
        let moment = random.duration(
            Duration::from_millis(20),
            start_and_stop + Duration::from_millis(700),
        );
        let mut host = stage.replica.start(&["start_replica"])?;
        let (slept, written) = tokio::join!(
            async {
                tokio::time::sleep(moment).await;
                host.check_alive()?;
                host.kill()
            },
            writer.write(&mut connection, TRANSACTIONS)
        );
        let told = || format!("kill {number}, {moment:?} after the start");
        slept.with_context(told)?;
        written.context("the writer")?;
        died_in_flight += u32::from(stage.must_be_equal().await.is_err());
        stage.replica.catch_up().await.with_context(told)?;
        stage.must_be_equal().await.with_context(told)?;
    }
    connection.disconnect().await?;
    if setting.kills >= 20 && died_in_flight == 0 {
        bail!("no kill met a replica with work left: the moments are badly chosen");
    }
    // The last word: it runs on as if nothing had been.
    let mut host = stage.replica.start(&["start_replica"])?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    host.stop().await?;
    stage.strike().await
}
