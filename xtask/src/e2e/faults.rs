//! The network between the replica and one of its servers fails in every way that the proxy knows. The running
//! replica must recover by itself; nothing may be lost or repeated.

mod slow_arrival;

use std::time::Duration;

use anyhow::{Context, Result};
use mysql_async::Conn;

use super::{
    Setting,
    stage::{Detour, Mode, Pair, Stage},
};
use crate::{
    fault_proxy::FaultProxy,
    random::Random,
    replica::Host,
    shop::{self, Size, writer::Writer},
};

/// Reconnecting with growing pauses takes its time.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(120);

/// Transactions that are written while a fault lasts.
const TRANSACTIONS: u32 = 40;

/// Faults between the replica and the source.
pub(super) async fn source(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let proxy = FaultProxy::start(pair.source.address.resolve().await?).await?;
    let through = pair.source.address.through(proxy.address());
    let detour = Detour {
        source: Some(through),
        target: None,
    };
    run(pair, setting, &proxy, detour).await?;
    for mode in [Mode::Relay, Mode::Direct] {
        slow_arrival::run(pair, setting, mode).await?;
    }
    Ok(())
}

/// Faults between the replica and the target.
pub(super) async fn target(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let proxy = FaultProxy::start(pair.target.address.resolve().await?).await?;
    let through = pair.target.address.through(proxy.address());
    let detour = Detour {
        source: None,
        target: Some(through),
    };
    run(pair, setting, &proxy, detour).await
}

/// One kind of fault.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Latency,
    ThinLine,
    Cuts,
    CutsInsidePackets,
    Stall,
    StallThenCut,
    Refusal,
}

const FAULTS: &[Fault] = &[
    Fault::Latency,
    Fault::ThinLine,
    Fault::Cuts,
    Fault::CutsInsidePackets,
    Fault::Stall,
    Fault::StallThenCut,
    Fault::Refusal,
];

async fn run(
    pair: Pair<'_>,
    setting: &Setting<'_>,
    proxy: &FaultProxy,
    detour: Detour,
) -> Result<()> {
    let mut random = Random::new(setting.seed);
    let mut writer = Writer::new(setting.seed, Size::SMALL);
    let mut stage = Stage::set(pair, setting, Mode::Relay, detour).await?;
    shop::load(&stage.source, Size::SMALL).await?;
    stage.add_marker().await?;
    stage.initialise().await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    let mut connection = stage.source.mysql().await?;
    for fault in FAULTS {
        meet(*fault, proxy, &mut random, &mut writer, &mut connection)
            .await
            .with_context(|| format!("{fault:?}"))?;
        recovered(&mut stage, &mut host)
            .await
            .with_context(|| format!("after {fault:?}"))?;
    }
    connection.disconnect().await?;
    host.stop().await?;
    stage.strike().await
}

/// Lets a fault happen while the shop is written to, and heals it.
async fn meet(
    fault: Fault,
    proxy: &FaultProxy,
    random: &mut Random,
    writer: &mut Writer,
    connection: &mut Conn,
) -> Result<()> {
    let (done, written) = tokio::join!(
        happen(fault, proxy, random),
        writer.write(connection, TRANSACTIONS)
    );
    done?;
    written.context("the writer")?;
    proxy.heal();
    Ok(())
}

async fn happen(fault: Fault, proxy: &FaultProxy, random: &mut Random) -> Result<()> {
    let seconds = |number| tokio::time::sleep(Duration::from_secs(number));
    match fault {
        Fault::Latency => {
            proxy.set(|faults| faults.latency = Duration::from_millis(30));
            seconds(2).await;
        }
        Fault::ThinLine => {
            proxy.set(|faults| faults.bytes_per_second = Some(60_000));
            seconds(3).await;
        }
        Fault::Cuts => {
            for _ in 0..5 {
                tokio::time::sleep(
                    random.duration(Duration::from_millis(50), Duration::from_millis(900)),
                )
                .await;
                proxy.cut();
            }
        }
        Fault::CutsInsidePackets => {
            for _ in 0..4 {
                let limit = random.between(200, 30_000);
                proxy.set(|faults| faults.cut_after_bytes = Some(limit));
                seconds(1).await;
            }
        }
        Fault::Stall => {
            proxy.set(|faults| faults.stall = true);
            seconds(4).await;
        }
        Fault::StallThenCut => {
            proxy.set(|faults| faults.stall = true);
            seconds(2).await;
            proxy.cut();
        }
        Fault::Refusal => {
            proxy.set(|faults| faults.refuse = true);
            proxy.cut();
            seconds(4).await;
        }
    }
    Ok(())
}

async fn recovered(stage: &mut Stage, host: &mut Host) -> Result<()> {
    host.check_alive()?;
    stage.wait_for_arrival(host, RECOVERY_TIMEOUT).await?;
    stage.must_be_equal().await
}
