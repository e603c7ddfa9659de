//! `images` and `servers`: what can be made ready before a run needs it.

use anyhow::Result;
use clap::Args;

use crate::{
    Outcome,
    servers::{docker, engine::Engine, fetch},
};

/// Arguments of `images` and `servers`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Engines such as mariadb11.8 or postgres17; all that are packaged if none is named
    engines: Vec<Engine>,
}

impl Arguments {
    fn engines(&self) -> Vec<Engine> {
        if self.engines.is_empty() {
            Engine::packaged()
        } else {
            self.engines.clone()
        }
    }
}

/// Fetches the trees of servers.
pub(crate) fn fetch(arguments: &Arguments) -> Result<Outcome> {
    for tree in fetch::trees(&arguments.engines())? {
        println!("{} {} {}", tree.engine, tree.version, tree.root.display());
    }
    Ok(Outcome::Clean)
}

/// Makes local images.
pub(crate) fn make(arguments: &Arguments) -> Result<Outcome> {
    docker::ensure_daemon()?;
    for tree in fetch::trees(&arguments.engines())? {
        println!("{} {}", docker::make_image(&tree)?, tree.version);
    }
    Ok(Outcome::Clean)
}
