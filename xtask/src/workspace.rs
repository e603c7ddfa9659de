//! The workspace: its place, its metadata, its binaries.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run;

/// The directory of the workspace, where this program was built.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// What `cargo metadata` tells of the workspace's own packages.
pub(crate) fn metadata() -> Result<Value> {
    let text = run::output(cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
    serde_json::from_str(&text).context("cargo metadata")
}

/// The programs that a user runs.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    /// `chameleon`, the host.
    pub(crate) chameleon: PathBuf,
    /// `chameleon-tools`, the offline tools.
    pub(crate) tools: PathBuf,
}

impl Binaries {
    /// Builds both; `CHAMELEON_BIN` and `CHAMELEON_TOOLS_BIN` name ready ones instead.
    pub(crate) fn build() -> Result<Self> {
        let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
        if let (Some(chameleon), Some(tools)) =
            (named("CHAMELEON_BIN"), named("CHAMELEON_TOOLS_BIN"))
        {
            return Ok(Binaries { chameleon, tools });
        }
        let mut build = cargo();
        build.args([
            "build",
            "--package",
            "chameleon-host",
            "--package",
            "chameleon-tools",
            "--bins",
        ]);
        if !run::visible(&mut build)? {
            bail!("the binaries do not build");
        }
        let metadata = metadata()?;
        let target = metadata["target_directory"]
            .as_str()
            .context("no target directory")?;
        let place = Path::new(target).join("debug");
        let binaries = Binaries {
            chameleon: place.join("chameleon"),
            tools: place.join("chameleon-tools"),
        };
        for path in [&binaries.chameleon, &binaries.tools] {
            if !path.is_file() {
                bail!("{} was not built", path.display());
            }
        }
        Ok(binaries)
    }
}
