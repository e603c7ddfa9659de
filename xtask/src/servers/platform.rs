//! What differs between processor architectures in an unpacked tree.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};

/// Names of one processor architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Platform {
    /// Debian's name.
    pub(crate) debian: &'static str,
    /// The dynamic linker, relative to the tree.
    pub(crate) linker: &'static str,
    /// The directory of the libraries, relative to the tree.
    pub(crate) libraries: &'static str,
}

impl Platform {
    /// The architecture that this program runs on.
    pub(crate) fn of_this_machine() -> Result<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Ok(Platform {
                debian: "amd64",
                linker: "usr/lib64/ld-linux-x86-64.so.2",
                libraries: "usr/lib/x86_64-linux-gnu",
            }),
            "aarch64" => Ok(Platform {
                debian: "arm64",
                linker: "usr/lib/ld-linux-aarch64.so.1",
                libraries: "usr/lib/aarch64-linux-gnu",
            }),
            other => bail!(
                "servers cannot be fetched for {other}: name running ones by environment variables"
            ),
        }
    }

    /// A command that runs a program of a tree with the tree's own dynamic linker and libraries.
    pub(crate) fn command(self, tree: &Path, program: &str) -> Command {
        self.command_as(tree, &tree.join(program), program)
    }

    /// The same; the program is told that it is the file `name`.
    pub(crate) fn command_as(self, tree: &Path, name: &Path, program: &str) -> Command {
        let program = tree.join(program);
        let mut command = Command::new(tree.join(self.linker));
        command
            .arg("--argv0")
            .arg(name)
            .arg("--library-path")
            .arg(tree.join(self.libraries))
            .arg(&program);
        command
    }
}
