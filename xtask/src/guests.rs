//! `guests`: the row transforms in `guest-transforms`, built as WebAssembly modules and tested.
//!
//! The modules are core modules that name their interface in a section; the host makes components of them as it loads
//! them. Built modules stand in `<target directory>/guests`, where the demo and the end-to-end tests look for them.

mod examples;
mod toolchain;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use sha2::{Digest, Sha256};

use crate::{
    Outcome, cache, run,
    workspace::{self, Binaries},
};
use toolchain::{TARGET, Toolchain};

/// Arguments of `guests`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Only these modules
    modules: Vec<String>,
    /// The examples in Python and JavaScript too; their compilers come from pip and npm
    #[arg(long)]
    examples: bool,
    /// Writes the SDK's bindings anew from the interface, with `wit-bindgen` from the path
    #[arg(long)]
    bindings: bool,
}

/// The version that wrote the bindings, and must write them again.
const BINDGEN: &str = "0.57.1";

/// Builds, and prints what a configuration names: path and SHA-256.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    if arguments.bindings {
        write_bindings()?;
    }
    let mut built = build(&arguments.modules)?;
    if arguments.examples {
        for example in examples::all() {
            built.push(example.build()?);
        }
    }
    for path in &built {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let hash: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        println!(
            "{}  # {} kB\n    sha256: {hash}",
            path.display(),
            bytes.len() / 1024
        );
    }
    Ok(Outcome::Clean)
}

/// The workspace of the transforms.
pub(crate) fn root() -> PathBuf {
    workspace::root().join("guest-transforms")
}

/// The directory of the built modules.
pub(crate) fn directory() -> Result<PathBuf> {
    let metadata = workspace::metadata()?;
    let target = metadata["target_directory"]
        .as_str()
        .context("no target directory")?;
    let directory = Path::new(target).join("guests");
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// Builds the named modules, or all of them; returns their files. What has not changed is not built again.
pub(crate) fn build(modules: &[String]) -> Result<Vec<PathBuf>> {
    let all = modules_of(&root())?;
    if let Some(unknown) = modules.iter().find(|name| !all.contains(name)) {
        bail!("there is no module `{unknown}`, but {}", all.join(", "));
    }
    let wanted = if modules.is_empty() { &all } else { modules };
    let toolchain = Toolchain::find_or_fetch()?;
    let target = cache::directory()?
        .join("guest-target")
        .join(&toolchain.name);
    let mut cargo = workspace::cargo();
    cargo
        .current_dir(root())
        .args(["build", "--release", "--locked", "--target", TARGET])
        .env("CARGO_TARGET_DIR", &target);
    for name in wanted {
        cargo.args(["--package", name]);
    }
    toolchain.prepare(&mut cargo);
    if !run::visible(&mut cargo)? {
        bail!("the transforms do not build");
    }
    let directory = directory()?;
    let built = target.join(TARGET).join("release");
    let place = |name: &String| {
        let file = format!("{}.wasm", name.replace('-', "_"));
        install(&built.join(&file), &directory.join(file))
    };
    wanted.iter().map(place).collect()
}

/// Copies a file to its place in one step, unless it is there already.
fn install(from: &Path, to: &Path) -> Result<PathBuf> {
    let bytes = fs::read(from).with_context(|| format!("{} was not built", from.display()))?;
    if fs::read(to).ok().as_deref() != Some(&bytes) {
        let partial = to.with_extension("partial");
        fs::write(&partial, &bytes)?;
        fs::rename(&partial, to)?;
    }
    Ok(to.to_owned())
}

/// The names of the shipped modules.
fn modules_of(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("modules"))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The tests of the SDK and the modules, and what clippy and rustfmt say, without WebAssembly.
pub(crate) fn native_checks() -> Result<bool> {
    let target = cache::directory()?.join("guest-target/native");
    let cargo = |arguments: &[&str]| -> Result<bool> {
        let mut cargo = workspace::cargo();
        cargo
            .current_dir(root())
            .args(arguments)
            .env("CARGO_TARGET_DIR", &target);
        run::visible(&mut cargo)
    };
    let formatted = cargo(&["fmt", "--all", "--check"])?;
    let clippy = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    let linted = cargo(&clippy)?;
    let tested = cargo(&["test", "--workspace", "--locked", "--quiet"])?;
    Ok(formatted && linted && tested)
}

/// Runs the cases of all modules through the host; the examples' too, where their compilers can be had.
pub(crate) fn cases(binaries: &Binaries) -> Result<bool> {
    let mut passed = true;
    for module in build(&[])? {
        let name = module
            .file_stem()
            .context("a module without a name")?
            .to_string_lossy()
            .into_owned();
        let cases = root().join("modules").join(name).join("cases");
        passed &= test(binaries, &module, &cases)?;
    }
    for example in examples::all() {
        if let Err(why) = example.compiler() {
            eprintln!("\nskipped: the example in {}: {why:#}", example.language);
            continue;
        }
        let module = example.build()?;
        passed &= test(binaries, &module, &example.directory().join("cases"))?;
    }
    Ok(passed & template(binaries)?)
}

/// Does a new project, written by the host alone, pass its own tests and cases?
fn template(binaries: &Binaries) -> Result<bool> {
    let scratch = tempfile::tempdir()?;
    let project = scratch.path().join("new-transform");
    let mut new = Command::new(&binaries.chameleon);
    new.current_dir(scratch.path())
        .args(["transform", "new", "new-transform"]);
    run::checked(&mut new)?;
    let target = cache::directory()?.join("guest-target/template");
    let cargo = |arguments: &[&str]| {
        let mut cargo = workspace::cargo();
        cargo
            .current_dir(&project)
            .args(arguments)
            .env("CARGO_TARGET_DIR", &target);
        cargo
    };
    if !run::visible(&mut cargo(&["test", "--quiet"]))? {
        return Ok(false);
    }
    let toolchain = Toolchain::find_or_fetch()?;
    let mut build = cargo(&["build", "--release", "--quiet", "--target", TARGET]);
    build.env("CARGO_TARGET_DIR", target.join(&toolchain.name));
    toolchain.prepare(&mut build);
    if !run::visible(&mut build)? {
        return Ok(false);
    }
    let built = target.join(&toolchain.name).join(TARGET).join("release");
    test(
        binaries,
        &built.join("new_transform.wasm"),
        &project.join("cases"),
    )
}

fn test(binaries: &Binaries, module: &Path, cases: &Path) -> Result<bool> {
    let mut test = Command::new(&binaries.chameleon);
    test.args(["transform", "test"]).arg(module).arg(cases);
    run::visible(&mut test)
}

/// Generates `sdk/src/bindings.rs` from `wit/`.
fn write_bindings() -> Result<()> {
    let version = run::output(Command::new("wit-bindgen").arg("--version")).with_context(|| {
        format!("install it: cargo install wit-bindgen-cli --version {BINDGEN}")
    })?;
    if version.split_whitespace().nth(1) != Some(BINDGEN) {
        bail!(
            "{} on the path, but {BINDGEN} wrote the bindings",
            version.trim()
        );
    }
    let scratch = tempfile::tempdir()?;
    let mut bindgen = Command::new("wit-bindgen");
    bindgen
        .arg("rust")
        .arg(root().join("wit"))
        .arg("--out-dir")
        .arg(scratch.path())
        .args(["--pub-export-macro", "--export-macro-name", "export_guest"])
        .args([
            "--runtime-path",
            "crate::rt",
            "--bitflags-path",
            "crate::rt::bitflags",
        ]);
    run::checked(&mut bindgen)?;
    let place = root().join("sdk/src/bindings.rs");
    fs::copy(scratch.path().join("transform.rs"), &place)?;
    eprintln!("written: {}", place.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_put_in_place_once() {
        let scratch = tempfile::tempdir().expect("scratch");
        let at = |name: &str| scratch.path().join(name);
        fs::write(at("new"), b"module").expect("write");
        install(&at("new"), &at("there.wasm")).expect("install");
        let changed = |path: &Path| {
            fs::metadata(path)
                .and_then(|meta| meta.modified())
                .expect("time")
        };
        let first = changed(&at("there.wasm"));
        install(&at("new"), &at("there.wasm")).expect("install");
        assert_eq!(changed(&at("there.wasm")), first);
        assert!(install(&at("none"), &at("there.wasm")).is_err());
    }

    #[test]
    fn a_new_project_gets_all_of_the_sdk() {
        let list = fs::read_to_string(root().join("template/files.rs")).expect("list");
        let mut directories = vec![root().join("sdk/src")];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).expect("directory") {
                let path = entry.expect("entry").path();
                if path.is_dir() {
                    directories.push(path);
                    continue;
                }
                let path = path.strip_prefix(root()).expect("below").display();
                let line = format!("(\"{path}\", include_str!(\"../{path}\")),");
                assert!(list.contains(&line), "template/files.rs lacks {line}");
            }
        }
    }

    #[test]
    fn every_module_has_what_an_author_looks_for() {
        for name in modules_of(&root()).expect("modules") {
            let module = root().join("modules").join(&name);
            for part in ["README.md", "config.schema.json", "src/lib.rs"] {
                assert!(module.join(part).is_file(), "{name}: no {part}");
            }
            let cases = fs::read_dir(module.join("cases")).map(Iterator::count);
            assert!(cases.is_ok_and(|cases| cases > 0), "{name}: no cases");
        }
    }
}
