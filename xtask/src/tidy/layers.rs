//! Who may know whom: each package may depend on those of ours that this table names.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{File, Findings};

/// Packages and what they may depend on, without the common beginning of the names.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("diag", &[]),
    ("ddl", &["model", "diag"]),
    ("config", &["model", "diag"]),
    ("postgres", &["model", "diag"]),
    ("mysql", &["ddl", "model", "diag"]),
    ("transform", &["model", "diag"]),
    ("catalog", &["postgres", "model", "diag"]),
    ("backup", &["catalog", "postgres", "model", "diag"]),
    ("target", &["catalog", "postgres", "ddl", "model", "diag"]),
    (
        "host",
        &[
            "backup",
            "catalog",
            "config",
            "ddl",
            "diag",
            "model",
            "mysql",
            "postgres",
            "target",
            "transform",
        ],
    ),
    (
        "tools",
        &[
            "backup", "catalog", "config", "ddl", "diag", "model", "mysql", "postgres",
        ],
    ),
    ("xtask", &[]),
];

/// Packages below this directory know only each other.
const GUESTS: &str = "guest-transforms";

/// The one command of the tools that may read a source, and the files that it shares with the others.
const TOOLS_THAT_KNOW_MYSQL: &[&str] = &[
    "tools/src/compare",
    "tools/src/connect.rs",
    "tools/src/error.rs",
];

pub(super) fn check(metadata: &Value, files: &[File], findings: &mut Findings) -> Result<()> {
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata names no packages")?;
    let root = metadata["workspace_root"]
        .as_str()
        .context("cargo metadata names no root")?;
    for package in packages {
        let name = package["name"]
            .as_str()
            .context("a package without a name")?;
        let manifest = package["manifest_path"]
            .as_str()
            .context("a package without a manifest")?;
        let place = Path::new(manifest)
            .strip_prefix(root)
            .unwrap_or(Path::new(manifest));
        let own = own_dependencies(package);
        check_package(name, place, &own, findings);
    }
    check_tools(files, findings);
    Ok(())
}

fn own_dependencies(package: &Value) -> Vec<&str> {
    let dependencies = package["dependencies"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let own = dependencies
        .iter()
        .filter(|dependency| dependency["path"].is_string());
    own.filter_map(|dependency| dependency["name"].as_str())
        .collect()
}

fn check_package(name: &str, place: &Path, own: &[&str], findings: &mut Findings) {
    if place.starts_with(GUESTS) {
        for dependency in own.iter().filter(|dependency| {
            MAY_KNOW
                .iter()
                .any(|(known, _)| short(dependency) == *known)
        }) {
            findings.fault(
                place.display(),
                format!("a guest may not depend on {dependency}"),
            );
        }
        return;
    }
    let Some((_, allowed)) = MAY_KNOW.iter().find(|(known, _)| *known == short(name)) else {
        findings.fault(
            place.display(),
            format!("{name} is not in the table of who may know whom"),
        );
        return;
    };
    for dependency in own {
        if !allowed.contains(&short(dependency)) {
            findings.fault(
                place.display(),
                format!("{name} may not depend on {dependency}"),
            );
        }
    }
}

fn short(name: &str) -> &str {
    name.strip_prefix("chameleon-").unwrap_or(name)
}

fn check_tools(files: &[File], findings: &mut Findings) {
    for file in files
        .iter()
        .filter(|file| file.is_rust() && file.path.starts_with("tools/src"))
    {
        let path = file.path.to_string_lossy();
        let may = TOOLS_THAT_KNOW_MYSQL
            .iter()
            .any(|place| path.starts_with(place));
        if !may && file.text.contains("chameleon_mysql") {
            findings.fault(file.path.display(), "only `compare` may read a source");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(name: &str, place: &str, own: &[&str]) -> Vec<String> {
        let mut findings = Findings::default();
        check_package(name, Path::new(place), own, &mut findings);
        findings.faults
    }

    #[test]
    fn a_package_that_knows_too_much_or_is_unknown_is_told() {
        assert!(faults("chameleon-mysql", "host/crates/mysql", &["chameleon-ddl"]).is_empty());
        assert_eq!(
            faults("chameleon-ddl", "host/crates/ddl", &["chameleon-mysql"]).len(),
            1
        );
        assert_eq!(faults("chameleon-new", "host/crates/new", &[]).len(), 1);
        assert_eq!(
            faults(
                "mask",
                "guest-transforms/modules/mask",
                &["chameleon-model"]
            )
            .len(),
            1
        );
        assert!(faults("mask", "guest-transforms/modules/mask", &["transform-sdk"]).is_empty());
    }

    #[test]
    fn the_table_has_no_circle() {
        // Each line may only name what stands before it, but for the two that stand on top.
        let names: Vec<_> = MAY_KNOW.iter().map(|(name, _)| *name).collect();
        for (position, (name, allowed)) in MAY_KNOW.iter().enumerate() {
            for one in *allowed {
                let place = names.iter().position(|known| known == one);
                assert!(
                    place.is_some_and(|place| place < position),
                    "{name} -> {one}"
                );
            }
        }
    }
}
