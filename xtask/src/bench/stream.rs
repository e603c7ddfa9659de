//! Group `stream`: changes that wait when the contender starts, from its start until the last one is visible.
//!
//! Everybody starts from a target database with a finished copy, made anew from a template for every round, so that all
//! rounds do the same work. The changes are written to the source once, behind all copies.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{
    Arguments, Group,
    changes::{Changes, LAST_ID},
    copy::short,
    data::NAME,
    logical::Logical,
    measure::{Client, Reading},
    ours::{self, Ours},
    peers::{Peer, ROUNDS_OF_PEERS, Release, STREAM_LIMIT},
    results::{Results, Sample},
    stage::{Stage, TEMPLATE},
};
use crate::address::Address;

/// Names that goals refer to.
pub(super) const RELAY: &str = "chameleon, relay";
pub(super) const DIRECT: &str = "chameleon, direct";
pub(super) const DIRECT_2: &str = "chameleon, direct, 2 workers";
pub(super) const DIRECT_MASK: &str = "chameleon, direct, mask";
pub(super) const LOGICAL: &str = "PostgreSQL logical replication";

/// The database of the first copy that the mask has seen.
const MASKED: &str = "template_masked";

/// How often the last change is looked for: from every contender it takes the same.
const POLL: Duration = Duration::from_millis(5);

/// Who streams.
#[derive(Clone, Debug)]
enum Contender {
    Ours {
        /// The database with the first copy.
        template: &'static str,
        more: String,
    },
    Peer(Release),
    Logical,
}

/// Prepares all copies, writes the changes, lets everybody stream in turn.
pub(super) async fn run(
    arguments: &Arguments,
    stage: &mut Stage,
    results: &mut Results,
) -> Result<()> {
    let logical = Logical::prepare(stage, arguments.rounds()).await?;
    let stage = &*stage;
    stage.template().await?;
    let contenders = contenders(arguments, stage, results).await;
    eprintln!("  writing {} changes", Changes::count(stage.scale));
    let changes = Changes::new(&stage.data, stage.scale);
    changes
        .clone()
        .write_to_source(&stage.source.address)
        .await?;
    if let Some(logical) = &logical {
        changes.write_to_publisher(&logical.publisher).await?;
    }
    for round in 0..arguments.rounds() {
        for (name, contender) in &contenders {
            if matches!(contender, Contender::Peer(_)) && round >= ROUNDS_OF_PEERS {
                continue;
            }
            let sample = match (contender, &logical) {
                (Contender::Ours { template, more }, _) => {
                    stream_with_ours(stage, template, more).await
                }
                (Contender::Peer(release), _) => stream_with_peer(stage, *release).await,
                (Contender::Logical, Some(logical)) => {
                    stream_with_logical(stage, logical, round).await
                }
                (Contender::Logical, None) => continue,
            };
            match sample {
                Ok(sample) => results.add(Group::Stream, name, sample),
                Err(error) if matches!(contender, Contender::Peer(_)) => {
                    results.note(Group::Stream, name, &format!("failed: {}", short(&error)));
                }
                Err(error) => return Err(error.context(name.to_owned())),
            }
        }
    }
    Ok(())
}

async fn contenders(
    arguments: &Arguments,
    stage: &Stage,
    results: &mut Results,
) -> Vec<(&'static str, Contender)> {
    let ours = |template: &'static str, more: &str| Contender::Ours {
        template,
        more: more.to_owned(),
    };
    let mut contenders = vec![
        (RELAY, ours(TEMPLATE, "apply: relay\n")),
        (DIRECT, ours(TEMPLATE, "apply: direct\n")),
        (
            DIRECT_2,
            ours(TEMPLATE, "apply: direct\napply_workers: 2\n"),
        ),
    ];
    if arguments.wants(DIRECT_MASK) {
        match template_with_mask(stage).await {
            Ok(more) => contenders.push((DIRECT_MASK, ours(MASKED, &more))),
            Err(reason) => results.note(Group::Stream, DIRECT_MASK, &reason),
        }
    }
    contenders.push((LOGICAL, Contender::Logical));
    for release in Release::ALL {
        if !arguments.wants(release.name()) {
            continue;
        }
        match template_of_peer(stage, release).await {
            Ok(()) => contenders.push((release.name(), Contender::Peer(release))),
            Err(error) => {
                let why = format!("skipped: {}", short(&error));
                results.note(Group::Stream, release.name(), &why);
            }
        }
    }
    contenders.retain(|(name, _)| arguments.wants(name));
    contenders
}

/// Waits until a row is visible at the target.
pub(super) async fn wait_for_last(
    target: &Address,
    client: &mut Option<Client>,
    limit: Duration,
) -> Result<()> {
    let session = target.postgres().await?;
    let question = format!("select from {NAME}.sbtest1 where id = {LAST_ID}");
    let statement = session.prepare(&question).await?;
    let deadline = Instant::now() + limit;
    while session.query_opt(&statement, &[]).await?.is_none() {
        if let Some(client) = client {
            client.check_alive()?;
        }
        if Instant::now() > deadline {
            let said = client.as_ref().map(Client::log_tail).unwrap_or_default();
            bail!("the last change has not arrived after {limit:?}:\n{said}");
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Measures a started contender until the last change is there, and stops it.
async fn until_last(
    stage: &Stage,
    target: &Address,
    reading: Reading,
    client: Client,
    limit: Duration,
) -> Result<Sample> {
    let mut client = Some(client);
    wait_for_last(target, &mut client, limit).await?;
    let client = client.context("no client")?;
    let spent = client.spent();
    let sample = reading
        .end(stage, Changes::count(stage.scale), spent)
        .await?;
    client.stop().await?;
    stage.check_streamed(target).await?;
    stage.drop_target(&target.database).await?;
    Ok(sample)
}

/// A first copy that the mask has seen: a stream goes on with the transforms that made its rows.
async fn template_with_mask(stage: &Stage) -> std::result::Result<String, String> {
    let mask = ours::mask()?;
    let made = stage.make_template(MASKED, &mask).await;
    made.map_err(|error| format!("failed: {}", short(&error)))?;
    Ok(format!("apply: direct\n{mask}"))
}

async fn stream_with_ours(stage: &Stage, template: &str, more: &str) -> Result<Sample> {
    const DATABASE: &str = "bench_ours";
    let target = stage.create(DATABASE, template).await?;
    let ours = Ours::configure(stage, DATABASE, &stage.source_address(), more)?;
    let reading = Reading::begin(stage).await?;
    let client = ours.start(&["start_replica"])?;
    until_last(stage, &target, reading, client, STREAM_LIMIT).await
}

fn template_name(release: Release) -> String {
    format!("template_{}", release.word())
}

async fn template_of_peer(stage: &Stage, release: Release) -> Result<()> {
    let name = template_name(release);
    let target = stage.create_target(&name).await?;
    let peer = Peer::configure(stage, release, &name).await?;
    peer.register().await?;
    peer.copy().await?;
    stage.check_copied(&target).await?;
    let client = target.postgres().await?;
    Ok(client.batch_execute("vacuum analyze").await?)
}

async fn stream_with_peer(stage: &Stage, release: Release) -> Result<Sample> {
    let database = format!("bench_{}", release.word());
    let target = stage.create(&database, &template_name(release)).await?;
    let peer = Peer::configure(stage, release, &database).await?;
    let reading = Reading::begin(stage).await?;
    let client = peer.stream()?;
    until_last(stage, &target, reading, client, STREAM_LIMIT).await
}

async fn stream_with_logical(stage: &Stage, logical: &Logical, round: u32) -> Result<Sample> {
    const DATABASE: &str = "bench_logical";
    let target = stage.create(DATABASE, stage.template().await?).await?;
    logical.apply(stage, &target, round).await
}
