//! This project as a contender.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};

use super::{
    data::NAME,
    measure::{Client, Spent},
    stage::Stage,
};
use crate::{
    address::Address,
    replica::{Replica, Settings},
    workspace::{self, Binaries},
};

/// No command takes longer.
pub(super) const LIMIT: Duration = Duration::from_secs(1_800);

/// A line of the tests' configuration, whose batches are small.
const SMALL_BATCHES: &str = "replica_batch_size: 1000\n";

/// A configured replica.
#[derive(Debug)]
pub(super) struct Ours {
    chameleon: PathBuf,
    home: PathBuf,
    log: PathBuf,
}

impl Ours {
    /// For a source's database and a target database of that name; `more` is YAML.
    pub(super) fn configure(
        stage: &Stage,
        target: &str,
        source: &Address,
        more: &str,
    ) -> Result<Self> {
        let home = stage.home_of(target)?;
        let settings = Settings {
            name: NAME.into(),
            source: source.clone(),
            target: stage.target.address.database(target),
            dest_schema: NAME.into(),
            more: more.into(),
        };
        let binaries = Binaries {
            chameleon: stage.chameleon.clone(),
            tools: PathBuf::new(),
        };
        let replica = Replica::configure(&binaries, &home, &settings)?;
        default_batches(&replica.config_file())?;
        Ok(Ours {
            chameleon: stage.chameleon.clone(),
            log: stage.log(target),
            home,
        })
    }

    /// Starts a command.
    pub(super) fn start(&self, arguments: &[&str]) -> Result<Client> {
        let mut command = Command::new(&self.chameleon);
        command
            .arg("--home")
            .arg(&self.home)
            .args(["--config", NAME])
            .args(arguments);
        Client::start(&command, &self.log)
    }

    /// Runs a command to its end.
    pub(super) async fn must(&self, arguments: &[&str]) -> Result<Spent> {
        let ended = self.start(arguments)?.finish(LIMIT).await;
        ended.with_context(|| format!("chameleon {}", arguments.join(" ")))
    }

    /// Makes the catalog and registers the source.
    pub(super) async fn register(&self) -> Result<()> {
        self.must(&["create_schema"]).await?;
        self.must(&["add_source"]).await?;
        Ok(())
    }
}

/// Batches as large as they are by default.
fn default_batches(config_file: &Path) -> Result<()> {
    replace_batches(config_file, "")
}

/// Replaces the line that makes batches small.
pub(super) fn replace_batches(config_file: &Path, line: &str) -> Result<()> {
    let text = fs::read_to_string(config_file)?;
    Ok(fs::write(config_file, text.replace(SMALL_BATCHES, line))?)
}

/// The lines of a configuration that mask a column of the sysbench table, or why there are none.
pub(super) fn mask() -> std::result::Result<String, String> {
    let metadata = workspace::metadata().map_err(|error| format!("{error:#}"))?;
    let target = metadata["target_directory"].as_str().unwrap_or_default();
    let module = Path::new(target).join("guests/mask.wasm");
    if !module.is_file() {
        return Err("skipped: the transform has not been built (cargo xtask guests)".into());
    }
    Ok(format!(
        "transforms:\n  - name: mask\n    module: {}\n    tables: [sbtest1]\n    config: {{columns: [pad]}}\n",
        module.display()
    ))
}
