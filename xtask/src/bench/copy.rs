//! Group `copy`: the first copy of all rows, from an empty target database to tables with keys.

use anyhow::Result;

use super::{
    Arguments, Group, limits,
    measure::Reading,
    ours::{self, Ours},
    peers::{Peer, ROUNDS_OF_PEERS, Release},
    pgloader,
    results::{Results, Sample},
    stage::Stage,
};

/// Who copies.
#[derive(Clone, Debug)]
enum Contender {
    Ours { workers: u16, more: String },
    Pgloader(&'static str),
    Peer(Release),
    Psql,
    Dump,
}

/// Names that goals refer to.
pub(super) const OURS: &str = "chameleon, 2 workers";
pub(super) const OURS_ONE: &str = "chameleon, 1 worker";
pub(super) const OURS_MASK: &str = "chameleon, 2 workers, mask";
pub(super) const PGLOADER: &str = "pgloader";
pub(super) const PSQL: &str = "limit: psql \\copy, then keys";
pub(super) const DUMP: &str = "limit: mariadb-dump to nowhere";

/// Lets all contenders copy, in turn.
pub(super) async fn run(arguments: &Arguments, stage: &Stage, results: &mut Results) -> Result<()> {
    let mut contenders = contenders(arguments, stage, results).await;
    for round in 0..arguments.rounds() {
        let mut going = Vec::new();
        for (name, contender) in contenders {
            if matches!(contender, Contender::Peer(_)) && round >= ROUNDS_OF_PEERS {
                continue;
            }
            match one(stage, &contender).await {
                Ok(sample) => {
                    results.add(Group::Copy, name, sample);
                    going.push((name, contender));
                }
                Err(error) if is_ours(&contender) => return Err(error),
                Err(error) => {
                    results.note(Group::Copy, name, &format!("failed: {}", short(&error)))
                }
            }
        }
        contenders = going;
    }
    Ok(())
}

/// The last lines of an error, which may hold a peer's whole log.
pub(super) fn short(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(3)..].join(" / ")
}

fn is_ours(contender: &Contender) -> bool {
    matches!(contender, Contender::Ours { .. })
}

async fn contenders(
    arguments: &Arguments,
    stage: &Stage,
    results: &mut Results,
) -> Vec<(&'static str, Contender)> {
    let ours = |workers, more: &str| Contender::Ours {
        workers,
        more: more.to_owned(),
    };
    let mut contenders = vec![(OURS, ours(2, "")), (OURS_ONE, ours(1, ""))];
    if arguments.wants(OURS_MASK) {
        match ours::mask() {
            Ok(mask) => contenders.push((OURS_MASK, ours(2, &mask))),
            Err(reason) => results.note(Group::Copy, OURS_MASK, &reason),
        }
    }
    if arguments.wants(PGLOADER) {
        match pgloader::best_setting(stage).await {
            Ok(setting) => {
                results.note(Group::Copy, PGLOADER, setting);
                contenders.push((PGLOADER, Contender::Pgloader(setting)));
            }
            Err(error) => {
                let why = format!("skipped: {}", short(&error));
                results.note(Group::Copy, PGLOADER, &why);
            }
        }
    }
    for release in Release::ALL {
        contenders.push((release.name(), Contender::Peer(release)));
    }
    contenders.push((PSQL, Contender::Psql));
    contenders.push((DUMP, Contender::Dump));
    contenders.retain(|(name, _)| arguments.wants(name));
    contenders
}

async fn one(stage: &Stage, contender: &Contender) -> Result<Sample> {
    match contender {
        Contender::Ours { workers, more } => copy_with_ours(stage, *workers, more).await,
        Contender::Pgloader(setting) => pgloader::copy(stage, setting).await,
        Contender::Peer(release) => copy_with_peer(stage, *release).await,
        Contender::Psql => limits::psql_copy(stage).await,
        Contender::Dump => limits::dump(stage).await,
    }
}

async fn copy_with_ours(stage: &Stage, workers: u16, more: &str) -> Result<Sample> {
    const DATABASE: &str = "bench_ours";
    let target = stage.create_target(DATABASE).await?;
    let ours = Ours::configure(stage, DATABASE, &stage.source_address(), more)?;
    ours.register().await?;
    let reading = Reading::begin(stage).await?;
    let spent = ours
        .must(&["init_replica", "--workers", &workers.to_string()])
        .await?;
    let sample = reading.end(stage, stage.data.rows(), spent).await?;
    stage.check_copied(&target).await?;
    stage.drop_target(DATABASE).await?;
    Ok(sample)
}

async fn copy_with_peer(stage: &Stage, release: Release) -> Result<Sample> {
    let database = format!("bench_{}", release.word());
    let target = stage.create_target(&database).await?;
    let peer = Peer::configure(stage, release, &database).await?;
    peer.register().await?;
    let reading = Reading::begin(stage).await?;
    let spent = peer.copy().await?;
    let sample = reading.end(stage, stage.data.rows(), spent).await?;
    stage.check_copied(&target).await?;
    stage.drop_target(&database).await?;
    Ok(sample)
}
