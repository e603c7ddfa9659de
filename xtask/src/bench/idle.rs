//! Group `idle`: a replica that has caught up and has nothing to do.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{
    Arguments, Group,
    ours::Ours,
    results::{Results, Sample, metric},
    stage::Stage,
};

pub(super) const RELAY: &str = "chameleon, relay";
pub(super) const DIRECT: &str = "chameleon, direct";

/// What the start costs is over by then.
const SETTLE: Duration = Duration::from_secs(4);

/// Both ways of applying.
pub(super) async fn run(arguments: &Arguments, stage: &Stage, results: &mut Results) -> Result<()> {
    const DATABASE: &str = "bench_idle";
    let span = Duration::from_secs(stage.scale.of(30).max(5));
    for (name, more) in [(RELAY, "apply: relay\n"), (DIRECT, "apply: direct\n")] {
        if !arguments.wants(name) {
            continue;
        }
        stage.create(DATABASE, stage.template().await?).await?;
        let ours = Ours::configure(stage, DATABASE, &stage.source_address(), more)?;
        ours.must(&["start_replica", "--until-caught-up"]).await?;
        let mut client = ours.start(&["start_replica"])?;
        tokio::time::sleep(SETTLE).await;
        let (before, begun) = (client.scheduled(), Instant::now());
        tokio::time::sleep(span).await;
        client.check_alive()?;
        let used = client.scheduled() - before;
        let share = used / begun.elapsed().as_secs_f64();
        let sample = Sample::from([
            (metric::CORE_PERCENT, share * 100.0),
            (metric::PEAK_MIB, client.spent().peak_mib()),
        ]);
        results.add(Group::Idle, name, sample);
        client.stop().await?;
        stage.drop_target(DATABASE).await?;
    }
    Ok(())
}
