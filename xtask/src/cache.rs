//! Where fetched servers are kept between runs: outside the clone, readable by the servers' user.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::servers::spawn::is_root;

/// The cache directory, made if it is missing: `$CHAMELEON_CACHE`, else `chameleon` below `$XDG_CACHE_HOME`, else
/// for root a directory that other users may enter too, else `~/.cache/chameleon`.
pub(crate) fn directory() -> Result<PathBuf> {
    let directory = choose(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make the cache directory {}", directory.display()))?;
    directory
        .canonicalize()
        .with_context(|| format!("cannot find {}", directory.display()))
}

fn choose(variable: impl Fn(&str) -> Option<String>) -> PathBuf {
    if let Some(path) = variable("CHAMELEON_CACHE") {
        return path.into();
    }
    if let Some(path) = variable("XDG_CACHE_HOME") {
        return PathBuf::from(path).join("chameleon");
    }
    match variable("HOME") {
        Some(home) if !is_root() => PathBuf::from(home).join(".cache/chameleon"),
        _ => PathBuf::from("/var/cache/chameleon-xtask"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_variable_wins_over_the_common_one() {
        let path = choose(|name| match name {
            "CHAMELEON_CACHE" => Some("/a".into()),
            "XDG_CACHE_HOME" => Some("/b".into()),
            _ => None,
        });
        assert_eq!(path, PathBuf::from("/a"));
        let path = choose(|name| (name == "XDG_CACHE_HOME").then(|| "/b".into()));
        assert_eq!(path, PathBuf::from("/b/chameleon"));
    }
}
