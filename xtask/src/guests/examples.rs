//! Transforms in other languages: each is a directory below `guest-transforms/examples` whose compiler comes from the
//! registry of its language, into the cache.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use super::{directory, root};
use crate::{cache, run, servers::spawn::find_program};

/// A transform that is no Rust.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Example {
    /// The language, and the directory's name.
    pub(crate) language: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Python,
    JavaScript,
}

/// All of them.
pub(crate) fn all() -> [Example; 2] {
    [
        Example {
            language: "python",
            kind: Kind::Python,
        },
        Example {
            language: "javascript",
            kind: Kind::JavaScript,
        },
    ]
}

impl Example {
    /// Where it is.
    pub(crate) fn directory(&self) -> PathBuf {
        root().join("examples").join(self.language)
    }

    /// The compiler, fetched if it is not in the cache yet.
    pub(crate) fn compiler(&self) -> Result<PathBuf> {
        let place = cache::directory()?.join("guest-tools").join(self.language);
        let compiler = match self.kind {
            Kind::Python => place.join("bin/componentize-py"),
            Kind::JavaScript => place.join("node_modules/.bin/componentize-js"),
        };
        if compiler.exists() {
            return Ok(compiler);
        }
        eprintln!("fetching the compiler of the example in {}", self.language);
        fs::create_dir_all(&place)?;
        match self.kind {
            Kind::Python => {
                let python = find_program("python3").context("there is no python3")?;
                run::checked(Command::new(python).args(["-m", "venv"]).arg(&place))?;
                run::checked(
                    Command::new(place.join("bin/pip"))
                        .args(["install", "--quiet", "--requirement"])
                        .arg(self.directory().join("requirements.txt")),
                )?;
            }
            Kind::JavaScript => {
                let npm = find_program("npm").context("there is no npm")?;
                let own = place.join("package.json");
                fs::copy(self.directory().join("package.json"), own)?;
                run::checked(Command::new(npm).current_dir(&place).args([
                    "install",
                    "--silent",
                    "--no-audit",
                    "--no-fund",
                    "--no-package-lock",
                ]))?;
            }
        }
        if !compiler.exists() {
            bail!("{} was not installed", compiler.display());
        }
        Ok(compiler)
    }

    /// Builds it, unless it is newer than its sources.
    pub(crate) fn build(&self) -> Result<PathBuf> {
        let compiler = self.compiler()?;
        let built = directory()?.join(format!("{}.wasm", self.language));
        if self.is_fresh(&built)? {
            return Ok(built);
        }
        let mut build = Command::new("sh");
        build
            .arg(self.directory().join("build.sh"))
            .arg(&built)
            .env("COMPILER", compiler);
        if !run::visible(&mut build)? {
            bail!("the example in {} does not build", self.language);
        }
        Ok(built)
    }

    fn is_fresh(&self, built: &PathBuf) -> Result<bool> {
        let Ok(built) = fs::metadata(built).and_then(|file| file.modified()) else {
            return Ok(false);
        };
        for directory in [self.directory(), root().join("wit")] {
            for entry in fs::read_dir(directory)? {
                if entry?.metadata()?.modified()? > built {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}
