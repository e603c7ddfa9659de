//! A server as a directory tree: packages unpacked side by side, finished so that the tree works in place (through
//! its own dynamic linker) and as the root of a container.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{
    archive::{self, Archive},
    engine::{Engine, Kind},
    platform::Platform,
    spawn::is_root,
};
use crate::run;

/// The entrypoint of the images made from trees.
const ENTRYPOINT: &str = include_str!("entrypoint.sh");

/// Stands in for each program of PostgreSQL. `initdb` starts `postgres` by itself, so the dynamic linker
/// has to be chosen by the program file, not by the caller.
const WRAPPER: &str = r#"#!/bin/sh
tree=${0%/usr/lib/postgresql/*}
exec "$tree/@LINKER@" --argv0 "$0" --library-path "$tree/@LIBRARIES@" "${0%/*}.real/${0##*/}" "$@"
"#;

/// What every container needs to have below its root.
const DIRECTORIES: &[&str] = &[
    "tmp",
    "run",
    "dev",
    "proc",
    "sys",
    "etc",
    "root",
    "var/lib",
    "docker-entrypoint-initdb.d",
];

/// An unpacked and finished tree.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    /// The engine.
    pub(crate) engine: Engine,
    /// Its directory.
    pub(crate) root: PathBuf,
    /// The version of the server package.
    pub(crate) version: String,
    platform: Platform,
}

impl Tree {
    /// The tree in `<rootfs>/<engine>`, if it is complete.
    pub(crate) fn find(rootfs: &Path, engine: &Engine, platform: Platform) -> Option<Self> {
        let root = rootfs.join(engine.to_string());
        let version = fs::read_to_string(root.join("etc/db-version")).ok()?;
        Some(Tree {
            engine: engine.clone(),
            root,
            version: version.trim().into(),
            platform,
        })
    }

    /// Unpacks archives and finishes the tree; it appears at its place when it is complete.
    pub(crate) fn build(
        rootfs: &Path,
        engine: &Engine,
        archives: &[Archive],
        platform: Platform,
    ) -> Result<Self> {
        let packages = engine
            .packages()
            .with_context(|| format!("{engine} is not packaged"))?;
        let server = archives
            .iter()
            .find(|archive| archive.package == packages.server);
        let version = server
            .with_context(|| format!("no archive of {}", packages.server))?
            .version
            .clone();
        let partial = rootfs.join(format!("{engine}.partial"));
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        let mut tree = Tree {
            engine: engine.clone(),
            root: partial.clone(),
            version,
            platform,
        };
        tree.unpack(archives)?;
        tree.add_container_parts()?;
        match engine.kind {
            Kind::Postgres => tree.wrap_programs()?,
            Kind::MySql | Kind::MariaDb => tree.make_template()?,
        }
        fs::write(
            partial.join("etc/db-version"),
            format!("{}\n", tree.version),
        )?;
        let place = rootfs.join(engine.to_string());
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        fs::rename(&partial, &place)?;
        tree.root = place;
        Ok(tree)
    }

    /// A command that runs one of the tree's programs, given relative to the tree.
    pub(crate) fn command(&self, program: &str) -> Command {
        self.platform.command(&self.root, program)
    }

    /// The same; the program is told that it is the file `name`.
    pub(crate) fn command_as(&self, name: &Path, program: &str) -> Command {
        self.platform.command_as(&self.root, name, program)
    }

    /// PostgreSQL's program `name`; it finds its linker by itself.
    pub(crate) fn postgres_program(&self, name: &str) -> Result<Command> {
        Ok(Command::new(self.postgres_bin()?.join(name)))
    }

    /// The data directory that new MySQL and MariaDB servers begin with.
    pub(crate) fn template(&self) -> PathBuf {
        self.root.join("usr/lib/db-template")
    }

    /// The options of a MySQL or MariaDB server that name places in the tree.
    pub(crate) fn place_options(&self) -> Vec<String> {
        let root = self.root.display();
        vec![
            format!("--basedir={root}/usr"),
            format!("--lc-messages-dir={}", self.share().display()),
            format!("--plugin-dir={root}/usr/lib/mysql/plugin"),
        ]
    }

    fn share(&self) -> PathBuf {
        let own = self.root.join("usr/share/mariadb");
        if own.is_dir() {
            own
        } else {
            self.root.join("usr/share/mysql")
        }
    }

    /// Directory of PostgreSQL's programs.
    pub(crate) fn postgres_bin(&self) -> Result<PathBuf> {
        let versions = self.root.join("usr/lib/postgresql");
        let mut entries = fs::read_dir(&versions)
            .with_context(|| format!("no PostgreSQL in {}", self.root.display()))?;
        let version = entries.next().context("no version of PostgreSQL")??;
        Ok(version.path().join("bin"))
    }

    fn unpack(&self, archives: &[Archive]) -> Result<()> {
        for directory in ["bin", "sbin", "lib", "lib64"] {
            fs::create_dir_all(self.root.join("usr").join(directory))?;
            symlink(format!("usr/{directory}"), self.root.join(directory))?;
        }
        archive::unpack(archives, &self.root)
    }

    fn add_container_parts(&self) -> Result<()> {
        let at = |path: &str| self.root.join(path);
        for directory in DIRECTORIES {
            fs::create_dir_all(at(directory))?;
        }
        fs::set_permissions(at("tmp"), fs::Permissions::from_mode(0o1777))?;
        if !at("var/run").exists() {
            symlink("../run", at("var/run"))?;
        }
        let (user, home) = match self.engine.kind {
            Kind::Postgres => ("postgres", "/var/lib/postgresql"),
            Kind::MySql | Kind::MariaDb => ("mysql", "/var/lib/mysql"),
        };
        fs::create_dir_all(at(home.trim_start_matches('/')))?;
        fs::write(
            at("etc/db-engine"),
            format!("{}\n", self.engine.kind.word()),
        )?;
        let users = format!(
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n{user}:x:999:999::{home}:/bin/sh\n"
        );
        fs::write(at("etc/passwd"), users)?;
        fs::write(
            at("etc/group"),
            format!("root:x:0:\n{user}:x:999:\nnogroup:x:65534:\n"),
        )?;
        fs::write(at("etc/nsswitch.conf"), "hosts: files dns\n")?;
        let entrypoint = at("usr/bin/docker-entrypoint.sh");
        fs::write(&entrypoint, ENTRYPOINT)?;
        fs::set_permissions(&entrypoint, fs::Permissions::from_mode(0o755))?;
        self.link_userland()
    }

    /// busybox answers by the name it is called with.
    fn link_userland(&self) -> Result<()> {
        let busybox = self.root.join("usr/bin/busybox");
        for name in run::output(Command::new(&busybox).arg("--list"))?.lines() {
            let taken = ["usr/bin", "usr/sbin"]
                .iter()
                .any(|d| self.root.join(d).join(name).exists());
            if !taken {
                symlink("busybox", self.root.join("usr/bin").join(name))?;
            }
        }
        Ok(())
    }

    fn wrap_programs(&self) -> Result<()> {
        let bin = self.postgres_bin()?;
        let real = bin.with_file_name("bin.real");
        fs::rename(&bin, &real)?;
        fs::create_dir(&bin)?;
        let wrapper = WRAPPER
            .replace("@LINKER@", self.platform.linker)
            .replace("@LIBRARIES@", self.platform.libraries);
        for entry in fs::read_dir(&real)? {
            let path = bin.join(entry?.file_name());
            fs::write(&path, &wrapper)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(())
    }

    fn make_template(&self) -> Result<()> {
        let template = self.template();
        fs::create_dir_all(&template)?;
        let log = self.root.with_extension("template.log");
        let mut server;
        let mut input = String::new();
        if self.engine.kind == Kind::MySql {
            server = self.command("usr/sbin/mysqld");
            server.args([
                "--no-defaults",
                "--initialize-insecure",
                "--secure-file-priv=",
                "--innodb-redo-log-capacity=8M",
                "--skip-log-bin",
            ]);
        } else {
            server = self.command("usr/sbin/mariadbd");
            server.args(["--no-defaults", "--bootstrap", "--innodb-log-file-size=8M"]);
            input = self.system_tables()?;
        }
        server
            .args(self.place_options())
            .arg(format!("--datadir={}", template.display()));
        if is_root() {
            server.arg("--user=root");
        }
        run::with_input(&mut server, input.as_bytes(), &log)?;
        // Each server makes its own identity and its own certificates.
        for entry in fs::read_dir(&template)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if name == "auto.cnf" || name.ends_with(".pem") {
                fs::remove_file(path)?;
            }
        }
        fs::remove_file(log)?;
        Ok(())
    }

    /// The statements that fill an empty MariaDB; the files changed their prefix between versions.
    fn system_tables(&self) -> Result<String> {
        let share = self.share();
        let own = share.join("mariadb_system_tables.sql").is_file();
        let prefix = if own { "mariadb" } else { "mysql" };
        let mut statements = String::from(
            "create database if not exists mysql;\nuse mysql;\n\
             set @auth_root_socket=NULL;\nset @skip_auth_anonymous=1;\n",
        );
        for file in [
            format!("{prefix}_system_tables.sql"),
            format!("{prefix}_performance_tables.sql"),
            format!("{prefix}_system_tables_data.sql"),
            "maria_add_gis_sp_bootstrap.sql".into(),
            format!("{prefix}_sys_schema.sql"),
        ] {
            let path = share.join(&file);
            statements.push_str(
                &fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?,
            );
            statements.push('\n');
        }
        Ok(statements)
    }
}
