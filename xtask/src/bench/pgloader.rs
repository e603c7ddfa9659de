//! pgloader with the best of a few settings. Its default (100,000 rows read ahead for each reader) exhausts its heap.

use std::{fs, process::Command};

use anyhow::Result;

use super::{
    measure::{Client, Reading},
    ours::LIMIT,
    results::{Sample, metric},
    stage::Stage,
    tools,
};

/// Readers and writers, how many rows are read ahead, how large batches are.
const SETTINGS: &[&str] = &[
    "workers = 2, concurrency = 1, prefetch rows = 10000, batch size = 10MB",
    "workers = 4, concurrency = 1, prefetch rows = 10000, batch rows = 25000, batch size = 20MB",
    "workers = 8, concurrency = 2, multiple readers per thread, rows per range = 50000, prefetch rows = 5000",
];

/// The setting that is quickest here, each tried once.
pub(super) async fn best_setting(stage: &Stage) -> Result<&'static str> {
    let mut best: Option<(f64, &'static str)> = None;
    let mut failed = None;
    for setting in SETTINGS {
        match copy(stage, setting).await {
            Ok(sample) => {
                let seconds = sample.get(metric::WALL).copied().unwrap_or(f64::MAX);
                eprintln!("  pgloader, {setting}: {seconds:.2} s");
                if best.is_none_or(|(least, _)| seconds < least) {
                    best = Some((seconds, setting));
                }
            }
            Err(error) => {
                eprintln!("  pgloader, {setting}: {error:#}");
                failed = Some(error);
            }
        }
    }
    match (best, failed) {
        (Some((_, setting)), _) => Ok(setting),
        (None, Some(error)) => Err(error),
        (None, None) => anyhow::bail!("there is no setting"),
    }
}

/// Copies the database once.
pub(super) async fn copy(stage: &Stage, setting: &str) -> Result<Sample> {
    const DATABASE: &str = "bench_pgloader";
    let program = tools::pgloader()?;
    let target = stage.create_target(DATABASE).await?;
    let home = stage.home_of(DATABASE)?;
    let script = home.join("copy.load");
    fs::write(
        &script,
        format!(
            "load database\n  from {}\n  into {}\n  with create tables, create indexes, reset no sequences, {setting}\n  \
             set maintenance_work_mem to '256MB', synchronous_commit to 'off';\n",
            stage.source_address().url(),
            target.url().replace("postgres://", "postgresql://"),
        ),
    )?;
    let mut command = Command::new(program);
    command
        .arg("--root-dir")
        .arg(&home)
        .arg("--on-error-stop")
        .arg(&script);
    let reading = Reading::begin(stage).await?;
    let client = Client::start(&command, &stage.log(DATABASE))?;
    let spent = client.finish(LIMIT).await?;
    let sample = reading.end(stage, stage.data.rows(), spent).await?;
    stage.check_copied(&target).await?;
    stage.drop_target(DATABASE).await?;
    fs::remove_dir_all(stage.home_of(DATABASE)?)?;
    Ok(sample)
}
