//! A PostgreSQL with PostGIS and pgvector: the tree of the server, linked file by file, with their packages unpacked
//! over it. It works in place as the tree does, with its own linker and libraries.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use super::{archive::Suite, engine::Engine, extras, fetch, platform::Platform, tree::Tree};
use crate::{cache, run};

/// The engine whose suite has both extensions.
const ENGINE: &str = "postgres17";
const POSTGIS: &str = "postgresql-17-postgis-3";
const PGVECTOR: &str = "postgresql-17-pgvector";

/// What the tree has, and what other parts of PostGIS than the one that is used ask for.
const STAND_INS: &[&str] = &[
    "adduser",
    "debconf",
    "dpkg",
    "init-system-helpers",
    "libc6",
    "libgcc-s1",
    "libgdal36",
    "libllvm19",
    "libsfcgal2",
    "libstdc++6",
    "locales",
    "netbase",
    "openssl",
    "passwd",
    "perl",
    "perl-base",
    "postgresql-17",
    "postgresql-client-common",
    "postgresql-common",
    "sensible-utils",
    "ssl-cert",
    "tar",
    "ucf",
    "usrmerge",
];

/// The tree, fetched and put together where it is not there yet.
pub(crate) fn tree() -> Result<Tree> {
    let engine: Engine = ENGINE.parse()?;
    let packages = engine.packages().context("the engine is not packaged")?;
    let platform = Platform::of_this_machine()?;
    let base = fetch::trees(std::slice::from_ref(&engine))?;
    let base = base.into_iter().next().context("no tree")?;
    let proof = "usr/lib/postgresql/17/lib/vector.so";
    let unpacked = extras::unpacked("postgres17-extensions", proof, |state, platform| {
        let suite = Suite::open_with(state, packages.suite, platform, STAND_INS)?;
        let mut archives = suite.download(&[POSTGIS])?;
        archives.extend(suite.download_alone(&[PGVECTOR])?);
        Ok(archives)
    })?;
    let place = cache::directory()?.join("tools/extended");
    if let Some(tree) = Tree::find(&place, &engine, platform)
        && tree.version == base.version
    {
        return Ok(tree);
    }
    let partial = place.join("partial");
    let whole = place.join(engine.to_string());
    for old in [&partial, &whole] {
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
    }
    fs::create_dir_all(&partial)?;
    link(&base.root, &partial)?;
    link(&unpacked.join("usr"), &partial.join("usr"))?;
    // a script of the package chooses among versions by links
    let extensions = partial.join("usr/share/postgresql/17/extension");
    std::os::unix::fs::symlink("postgis-3.control", extensions.join("postgis.control"))?;
    fs::rename(&partial, &whole)?;
    Tree::find(&place, &engine, platform).context("the tree is not complete")
}

/// The files of a directory in another one, as links; those that are there already are replaced.
fn link(from: &Path, to: &Path) -> Result<()> {
    let mut copy = Command::new("cp");
    copy.args([
        "-a",
        "--link",
        "--remove-destination",
        "--no-target-directory",
    ]);
    run::checked(copy.arg(from).arg(to))
}
