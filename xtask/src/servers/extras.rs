//! What the trees of servers lack and some scenarios need: unpacked Debian packages in the cache, each fetched once.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{
    archive::{self, Archive, Suite},
    engine::{Engine, Kind},
    fetch::lock,
    platform::Platform,
};
use crate::cache;

/// The suite of the schema change tool; one that does not move any more.
const TOOLKIT_SUITE: &str = "bookworm";
const TOOLKIT: &str = "percona-toolkit";

/// What the tool's package asks for and a schema change does not.
const TOOLKIT_STAND_INS: &[&str] = &[
    "debconf",
    "debianutils",
    "dpkg",
    "fdisk",
    "gdb",
    "gdb-minimal",
    "mariadb-common",
    "mysql-common",
    "netbase",
    "openssl",
    "util-linux",
];

/// The directory of MariaDB's plugins, which are not in the package of the server's core.
pub(crate) fn mariadb_plugins(engine: &Engine) -> Result<PathBuf> {
    let packages = engine
        .packages()
        .filter(|_| engine.kind == Kind::MariaDb)
        .with_context(|| format!("{engine} has no plugins in packages"))?;
    let name = format!("{engine}-plugins");
    let place = unpacked(&name, "usr/lib/mysql/plugin", |state, platform| {
        Suite::open_with(state, packages.suite, platform, &[])?.download_alone(&["mariadb-server"])
    })?;
    Ok(place.join("usr/lib/mysql/plugin"))
}

/// pt-online-schema-change with a Perl of its own.
pub(crate) fn online_schema_change() -> Result<Command> {
    let program = "usr/bin/pt-online-schema-change";
    let place = unpacked(TOOLKIT, program, |state, platform| {
        Suite::open_with(state, TOOLKIT_SUITE, platform, TOOLKIT_STAND_INS)?.download(&[TOOLKIT])
    })?;
    let platform = Platform::of_this_machine()?;
    let libraries = place.join(platform.libraries);
    let version = perl_version(&place.join("usr/share/perl"))?;
    let directories = [
        place.join("usr/share/perl5"),
        libraries.join("perl5").join(&version),
        place.join("usr/share/perl").join(&version),
        libraries.join("perl").join(&version),
        libraries.join("perl-base"),
    ];
    let mut command = platform.command(&place, "usr/bin/perl");
    command
        .env("PERL5LIB", std::env::join_paths(directories)?)
        .env("MARIADB_PLUGIN_DIR", libraries.join("libmariadb3/plugin"))
        .arg(place.join(program));
    Ok(command)
}

/// The short version, such as 5.36, by which Perl's directories are named.
fn perl_version(directory: &Path) -> Result<String> {
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.split('.').count() == 2 {
            return Ok(name);
        }
    }
    bail!("no Perl in {}", directory.display())
}

/// The place in the cache where packages are unpacked; they are fetched unless `proof` is there.
pub(super) fn unpacked(
    name: &str,
    proof: &str,
    fetch: impl FnOnce(PathBuf, Platform) -> Result<Vec<Archive>>,
) -> Result<PathBuf> {
    let cache = cache::directory()?;
    let place = cache.join("tools").join(name);
    let suites = cache.join("suites");
    fs::create_dir_all(&suites)?;
    fs::create_dir_all(cache.join("tools"))?;
    let _lock: File = lock(&suites.join(format!("{name}.lock")))?;
    if place.join(proof).exists() {
        return Ok(place);
    }
    eprintln!("fetching {name}");
    let state = suites.join(name);
    let archives = fetch(state.clone(), Platform::of_this_machine()?)
        .with_context(|| format!("cannot fetch {name}"))?;
    let partial = place.with_extension("partial");
    for old in [&partial, &place] {
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
    }
    for directory in ["bin", "sbin", "lib", "lib64"] {
        fs::create_dir_all(partial.join("usr").join(directory))?;
        std::os::unix::fs::symlink(format!("usr/{directory}"), partial.join(directory))?;
    }
    archive::unpack(&archives, &partial)?;
    if !partial.join(proof).exists() {
        bail!("{name} came without {proof}");
    }
    fs::rename(&partial, &place)?;
    fs::remove_dir_all(state.join("archives"))?;
    Ok(place)
}
