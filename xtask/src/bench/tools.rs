//! Programs of others that take part: those of the machine, else unpacked from Debian packages into the cache.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{
    cache, run,
    servers::{engine::Engine, fetch, spawn::find_program},
};

/// psql of the target's own packages.
pub(super) fn psql(target: &Engine) -> Result<Command> {
    let tree = fetch::trees(std::slice::from_ref(target))?.pop();
    tree.context("no tree")?.postgres_program("psql")
}

/// pgloader.
pub(super) fn pgloader() -> Result<PathBuf> {
    find("pgloader", "pgloader")
}

/// mariadb-dump, which reads MySQL too.
pub(super) fn dump() -> Result<PathBuf> {
    find("mariadb-dump", "mariadb-client")
}

fn find(program: &str, package: &str) -> Result<PathBuf> {
    if let Some(path) = find_program(program) {
        return Ok(path);
    }
    let place = cache::directory()?.join("tools").join(package);
    let path = place.join("usr/bin").join(program);
    if !path.is_file() {
        fs::create_dir_all(&place)?;
        let mut download = Command::new("apt-get");
        download.current_dir(&place).args(["download", package]);
        run::checked(&mut download)
            .with_context(|| format!("{program} is not installed and cannot be fetched"))?;
        for entry in fs::read_dir(&place)? {
            let archive = entry?.path();
            if archive.extension().is_some_and(|end| end == "deb") {
                let mut unpack = Command::new("dpkg-deb");
                run::checked(unpack.arg("-x").arg(&archive).arg(&place))?;
                fs::remove_file(archive)?;
            }
        }
    }
    // It may lack libraries that the machine does not have.
    run::checked(Command::new(&path).arg("--version"))
        .with_context(|| format!("{program} was fetched and does not run: install {package}"))?;
    Ok(path)
}
