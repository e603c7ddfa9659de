//! A compiler for WebAssembly: rustup's, where its target is installed, else the one that Debian packages, unpacked
//! into the cache. Nothing is installed on the machine.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail};

use crate::{
    cache, run,
    servers::{
        archive::{self, Suite},
        fetch::lock,
        platform::Platform,
        spawn::find_program,
    },
    workspace,
};

/// What modules are built for: no WASI, nothing to import but the host's own interface.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// A suite that does not move any more: its compiler stays 1.85, the oldest that the transforms must build with.
const SUITE: &str = "trixie";
const PACKAGES: &[&str] = &["rustc", "libstd-rust-dev-wasm32"];

/// What the compiler needs only to build for this machine, which the machine's own tools do.
const STAND_INS: &[&str] = &["binutils", "gcc", "libc-dev"];

/// The unpacked compiler needs its own C library: it is started through its own dynamic linker.
const WRAPPER: &str = r#"#!/bin/sh
tree=${0%/bin/rustc}
exec "$tree/@LINKER@" --library-path "$tree/@LIBRARIES@" --argv0 rustc "$tree/usr/bin/rustc" --sysroot "$tree/usr" "$@"
"#;

/// A compiler that can build modules.
#[derive(Debug)]
pub(crate) struct Toolchain {
    /// Tells it from others: its builds are kept apart.
    pub(crate) name: String,
    /// Instead of cargo's own.
    rustc: Option<PathBuf>,
    linker: Option<PathBuf>,
}

impl Toolchain {
    /// Looks for one, and fetches one if there is none.
    pub(crate) fn find_or_fetch() -> Result<Self> {
        let sysroot = sysroot()?;
        if sysroot
            .join("lib/rustlib")
            .join(TARGET)
            .join("lib")
            .is_dir()
        {
            return Ok(Toolchain {
                name: "rustup".into(),
                rustc: None,
                linker: None,
            });
        }
        let place = cache::directory()?.join("wasm-toolchain");
        let rustc = place.join("bin/rustc");
        if !rustc.is_file() {
            fetch(&place).with_context(|| {
                format!("no compiler for {TARGET}; where rustup can: rustup target add {TARGET}")
            })?;
        }
        Ok(Toolchain {
            name: format!("debian-{SUITE}"),
            rustc: Some(rustc),
            linker: Some(linker(&sysroot)?),
        })
    }

    /// Has cargo build with this compiler, and leave no directory of this machine in the modules.
    pub(crate) fn prepare(&self, cargo: &mut Command) {
        if let Some(rustc) = &self.rustc {
            cargo.env("RUSTC", rustc).env_remove("RUSTC_WRAPPER");
        }
        if let Some(linker) = &self.linker {
            cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        let mut flags = vec![format!(
            "--remap-path-prefix={}=/chameleon",
            workspace::root().display()
        )];
        if let Some(home) = cargo_home() {
            flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
        }
        cargo.env_remove("RUSTFLAGS");
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    }
}

fn cargo_home() -> Option<PathBuf> {
    let home = || std::env::home_dir().map(|home| home.join(".cargo"));
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(home)
}

fn sysroot() -> Result<PathBuf> {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc
        .current_dir(workspace::root())
        .args(["--print", "sysroot"]);
    Ok(run::output(&mut rustc)?.trim().into())
}

/// rustup's toolchains have one; Debian's compiler has none.
fn linker(sysroot: &Path) -> Result<PathBuf> {
    let machine = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let own = sysroot
        .join("lib/rustlib")
        .join(machine)
        .join("bin/rust-lld");
    if own.is_file() {
        return Ok(own);
    }
    ["wasm-ld", "rust-lld"]
        .into_iter()
        .find_map(find_program)
        .context("no linker for WebAssembly: install lld")
}

fn fetch(place: &Path) -> Result<()> {
    let cache = cache::directory()?;
    let suites = cache.join("suites");
    fs::create_dir_all(&suites)?;
    let state = format!("{SUITE}-compiler");
    let _lock = lock(&suites.join(format!("{state}.lock")))?;
    if place.join("bin/rustc").is_file() {
        return Ok(()); // another process was quicker
    }
    let begun = Instant::now();
    eprintln!("fetching a compiler for {TARGET} from the suite {SUITE}: 160 MB");
    let platform = Platform::of_this_machine()?;
    let state = suites.join(state);
    let archives =
        Suite::open_with(state.clone(), SUITE, platform, STAND_INS)?.download(PACKAGES)?;
    let partial = cache.join("wasm-toolchain.partial");
    for old in [&partial, &place.to_owned()] {
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
    }
    fs::create_dir_all(partial.join("usr/bin"))?;
    for directory in ["lib", "lib64"] {
        fs::create_dir_all(partial.join("usr").join(directory))?;
        std::os::unix::fs::symlink(format!("usr/{directory}"), partial.join(directory))?;
    }
    archive::unpack(&archives, &partial)?;
    let wrapper = partial.join("bin/rustc");
    fs::create_dir_all(partial.join("bin"))?;
    let text = WRAPPER
        .replace("@LINKER@", platform.linker)
        .replace("@LIBRARIES@", platform.libraries);
    fs::write(&wrapper, text)?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    let version = run::output(Command::new(&wrapper).arg("--version"))?;
    if !partial.join("usr/lib/rustlib").join(TARGET).is_dir() {
        bail!("{} came without {TARGET}", version.trim());
    }
    fs::rename(&partial, place)?;
    fs::remove_dir_all(state.join("archives"))?;
    eprintln!(
        "{} in {:.0} s",
        version.trim(),
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}
