//! `transform new`: the project of a new transform.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::json;

use super::transform::AuthorError;
use crate::error::HostError;
use crate::output::{Exit, Output};

/// Paths in the project and their texts.
const FILES: &[(&str, &str)] = include!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../guest-transforms/template/files.rs"
));

pub(super) fn run(name: &str, path: Option<&Path>, output: Output) -> Result<Exit, HostError> {
    let directory = path.map_or_else(|| PathBuf::from(name), Path::to_owned);
    let refused = |reason: String| AuthorError::Project {
        path: directory.clone(),
        reason,
    };
    if !is_crate_name(name) {
        return Err(refused(format!(
            "`{name}` is no name for it: lowercase letters, digits, - and _, a letter first"
        ))
        .into());
    }
    if directory.exists() {
        return Err(refused("it is there already".into()).into());
    }
    let mut written = Vec::new();
    for (path, text) in FILES {
        let path = directory.join(filled(path, name));
        let folder = path.parent().unwrap_or(&directory);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, filled(text, name)))
            .map_err(|error| AuthorError::Project {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        written.push(path.display().to_string());
    }
    if output.json {
        let value = json!({ "schema_version": 1, "directory": directory, "files": written });
        output.print_json(&value)?;
    } else {
        output.print(&format!("{}\n", written.join("\n")))?;
        output.note(&format!("{}: see README.md\n", directory.display()));
    }
    Ok(Exit::Done)
}

/// `@NAME@` and `@CRATE@`, the name as Rust writes it.
fn filled(text: &str, name: &str) -> String {
    text.replace("@NAME@", name)
        .replace("@CRATE@", &name.replace('-', "_"))
}

fn is_crate_name(name: &str) -> bool {
    let one_part = {
        let mut parts = Path::new(name).components();
        matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none()
    };
    one_part
        && name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names_of_crates() {
        assert!(is_crate_name("hide-emails2"));
        for bad in ["", "2a", "A", "a b", "../a", "a/b", "ä"] {
            assert!(!is_crate_name(bad), "{bad}");
        }
    }

    #[test]
    fn the_template_stays_in_its_directory_and_is_filled() {
        assert!(!FILES.is_empty());
        for (path, text) in FILES {
            let parts = Path::new(path).components();
            assert!(
                parts.into_iter().all(|p| matches!(p, Component::Normal(_))),
                "{path}"
            );
            let text = filled(text, "hide-emails");
            assert!(
                !text.contains("@NAME@") && !text.contains("@CRATE@"),
                "{path}"
            );
        }
    }
}
