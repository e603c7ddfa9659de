//! Package archives out of any Debian suite, without touching the machine's own package database: apt works
//! in a state directory of its own and only downloads.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, bail};

use super::platform::Platform;
use crate::run;

/// Package lists older than this are fetched anew.
const LISTS_ARE_FRESH_FOR: Duration = Duration::from_secs(24 * 60 * 60);

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Packages that only maintainer scripts, just-in-time compilation or packaging glue ask for. They are
/// declared as installed already, so that apt fetches neither them nor what they depend on.
const STAND_INS: &[&str] = &[
    "adduser",
    "debconf",
    "dpkg",
    "init-system-helpers",
    "libc-l10n",
    "libjson-perl",
    "libllvm14",
    "libllvm16",
    "libllvm19",
    "libllvm20",
    "libllvm21",
    "libllvm22",
    "libpam-modules",
    "libpam-runtime",
    "locales",
    "lsb-base",
    "mariadb-common",
    "mysql-common",
    "netbase",
    "openssl",
    "passwd",
    "perl",
    "perl-base",
    "postgresql-client-common",
    "postgresql-common",
    "postgresql-common-dev",
    "sensible-utils",
    "ssl-cert",
    "sysvinit-utils",
    "tar",
    "ucf",
    "usrmerge",
];

/// One Debian suite with a state directory of its own.
pub(crate) struct Suite {
    directory: PathBuf,
    platform: Platform,
}

/// A downloaded package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Archive {
    /// The file.
    pub(crate) path: PathBuf,
    /// The package's name.
    pub(crate) package: String,
    /// The package's version.
    pub(crate) version: String,
}

impl Suite {
    /// Prepares the state directory `<cache>/<name>` and brings the package lists up to date.
    pub(crate) fn open(cache: &Path, name: &str, platform: Platform) -> Result<Self> {
        Self::open_with(cache.join(name), name, platform, STAND_INS)
    }

    /// As `open`, with a state directory and stand-ins of its own: for what is no server.
    pub(crate) fn open_with(
        directory: PathBuf,
        name: &str,
        platform: Platform,
        installed: &[&str],
    ) -> Result<Self> {
        let suite = Suite {
            directory,
            platform,
        };
        for part in ["lists/partial", "archives/partial", "none/partial", "etc"] {
            fs::create_dir_all(suite.directory.join(part))?;
        }
        let etc = suite.directory.join("etc");
        fs::write(etc.join("status"), stand_ins(installed, platform.debian))?;
        fs::write(
            etc.join("sources.list"),
            sources(&Mirror::of_this_machine()?, name),
        )?;
        if !suite.lists_are_fresh()? {
            run::checked(suite.apt().arg("update"))?;
        }
        Ok(suite)
    }

    /// Downloads `packages` with all that they depend on; returns the archives, dependencies included.
    pub(crate) fn download(&self, packages: &[&str]) -> Result<Vec<Archive>> {
        // With an empty archive directory apt lists everything, also what is downloaded already.
        let mut listing = self.apt();
        listing.arg("-o").arg(setting(
            "Dir::Cache::archives",
            &self.directory.join("none"),
        ));
        listing.args(["--print-uris", "install"]).args(packages);
        let names = file_names(&run::output(&mut listing)?);
        if names.is_empty() {
            bail!("apt names no archive for {}", packages.join(", "));
        }
        run::checked(
            self.apt()
                .args(["--download-only", "install"])
                .args(packages),
        )?;
        names
            .iter()
            .map(|name| parse_archive(&self.directory.join("archives"), name))
            .collect::<Result<Vec<_>>>()
    }

    /// Downloads `packages` without what they depend on.
    pub(crate) fn download_alone(&self, packages: &[&str]) -> Result<Vec<Archive>> {
        let archives = self.directory.join("archives");
        let mut listing = self.apt();
        listing.args(["--print-uris", "download"]).args(packages);
        let names = file_names(&run::output(&mut listing)?);
        let mut download = self.apt();
        download.current_dir(&archives).arg("download");
        run::checked(download.args(packages))?;
        names
            .iter()
            .map(|name| parse_archive(&archives, name))
            .collect::<Result<Vec<_>>>()
    }

    fn lists_are_fresh(&self) -> Result<bool> {
        let now = SystemTime::now();
        for entry in fs::read_dir(self.directory.join("lists"))? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().contains("Packages") {
                let age = now
                    .duration_since(entry.metadata()?.modified()?)
                    .unwrap_or_default();
                return Ok(age < LISTS_ARE_FRESH_FOR);
            }
        }
        Ok(false)
    }

    fn apt(&self) -> Command {
        let at = |part: &str| self.directory.join(part);
        let mut apt = Command::new("apt-get");
        apt.args(["-qq", "-y"]);
        for (name, path) in [
            ("Dir::State", at("")),
            ("Dir::State::Lists", at("lists")),
            ("Dir::State::status", at("etc/status")),
            ("Dir::State::extended_states", at("etc/extended")),
            ("Dir::Cache", at("")),
            ("Dir::Cache::archives", at("archives")),
            ("Dir::Etc::sourcelist", at("etc/sources.list")),
        ] {
            apt.arg("-o").arg(setting(name, &path));
        }
        for option in [
            "Debug::NoLocking=1",
            "Dir::Etc::sourceparts=/dev/null",
            "Dir::Etc::preferences=/dev/null",
            "Dir::Etc::preferencesparts=/dev/null",
            "APT::Update::Post-Invoke-Success=",
            "APT::Install-Recommends=false",
            "APT::Sandbox::User=root",
            "Acquire::Languages=none",
            "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false",
        ] {
            apt.args(["-o", option]);
        }
        for name in ["APT::Architecture", "APT::Architectures"] {
            apt.args(["-o", &format!("{name}={}", self.platform.debian)]);
        }
        apt
    }
}

/// Unpacks archives side by side into `root`, without documentation.
pub(crate) fn unpack(archives: &[Archive], root: &Path) -> Result<()> {
    for archive in archives {
        let mut unpacked = Command::new("dpkg-deb")
            .arg("--fsys-tarfile")
            .arg(&archive.path)
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run dpkg-deb")?;
        let pipe = unpacked.stdout.take().context("no output of dpkg-deb")?;
        let mut tar = Command::new("tar");
        tar.arg("-x")
            .arg("-C")
            .arg(root)
            .args(["--keep-directory-symlink", "--no-same-owner"]);
        for part in ["doc", "man", "locale", "info", "lintian"] {
            tar.arg(format!("--exclude=./usr/share/{part}/*"));
        }
        let done = tar
            .arg("-f")
            .arg("-")
            .stdin(pipe)
            .status()
            .context("cannot run tar")?;
        if !done.success() || !unpacked.wait()?.success() {
            bail!("cannot unpack {}", archive.path.display());
        }
    }
    Ok(())
}

fn setting(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}

/// Where this machine's own apt fetches from.
#[derive(Debug, PartialEq, Eq)]
struct Mirror {
    main: String,
    security: Option<String>,
}

impl Mirror {
    /// `CHAMELEON_DEBIAN_MIRROR`, else what apt is configured with.
    fn of_this_machine() -> Result<Self> {
        let mut command = Command::new("apt-get");
        command.args([
            "indextargets",
            "--format",
            "$(SITE)",
            "Created-By: Packages",
        ]);
        let mirror = Mirror::among(&run::output(&mut command)?);
        match std::env::var("CHAMELEON_DEBIAN_MIRROR") {
            Ok(main) if !main.is_empty() => Ok(Mirror {
                main,
                security: mirror.and_then(|m| m.security),
            }),
            _ => mirror.context(
                "apt is configured with no Debian mirror: name one in CHAMELEON_DEBIAN_MIRROR",
            ),
        }
    }

    fn among(sites: &str) -> Option<Self> {
        let find = |end: &str| {
            let mut sites = sites.lines().map(|site| site.trim_end_matches('/'));
            sites.find(|site| site.ends_with(end)).map(str::to_owned)
        };
        Some(Mirror {
            main: find("/debian")?,
            security: find("/debian-security"),
        })
    }
}

/// Suites that get security updates from an archive of their own.
const WITH_SECURITY: &[&str] = &["bookworm", "trixie"];

fn sources(mirror: &Mirror, suite: &str) -> String {
    let options = if Path::new(KEYRING).is_file() {
        format!("[signed-by={KEYRING}] ")
    } else {
        String::new()
    };
    let mut text = format!("deb {options}{} {suite} main\n", mirror.main);
    if let (Some(site), true) = (&mirror.security, WITH_SECURITY.contains(&suite)) {
        text.push_str(&format!("deb {options}{site} {suite}-security main\n"));
    }
    text
}

fn stand_ins(packages: &[&str], architecture: &str) -> String {
    let stanza = |package: &&str| {
        format!(
            "Package: {package}\nStatus: install ok installed\nPriority: optional\nSection: misc\n\
             Maintainer: none <none@localhost>\nArchitecture: {architecture}\nMulti-Arch: allowed\n\
             Version: 9999:1\nDescription: stand-in\n\n"
        )
    };
    packages.iter().map(stanza).collect()
}

/// The file names out of `--print-uris`: lines such as `'http://…' name_1.0_amd64.deb 123 SHA256:…`.
fn file_names(listing: &str) -> Vec<String> {
    listing
        .lines()
        .filter(|line| line.starts_with('\''))
        .filter_map(|line| line.split_whitespace().nth(1))
        .map(str::to_owned)
        .collect()
}

fn parse_archive(directory: &Path, name: &str) -> Result<Archive> {
    let mut parts = name.split('_');
    let (Some(package), Some(version)) = (parts.next(), parts.next()) else {
        bail!("`{name}` is no package file name");
    };
    Ok(Archive {
        path: directory.join(name),
        package: package.into(),
        version: version.replace("%3a", ":"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_one_that_apt_uses() {
        let mirror = Mirror::among(
            "https://other.example/tool\nhttp://mirror.example/debian/\nhttp://mirror.example/debian-security\n",
        )
        .expect("mirror");
        assert_eq!(mirror.main, "http://mirror.example/debian");
        let text = sources(&mirror, "trixie");
        assert!(text.contains("http://mirror.example/debian trixie main\n"));
        assert!(text.contains("http://mirror.example/debian-security trixie-security main\n"));
        assert!(!sources(&mirror, "sid").contains("security"));
        assert_eq!(Mirror::among("https://other.example/tool\n"), None);
    }

    #[test]
    fn archives_are_read_from_the_listing_of_apt() {
        let names = file_names(
            "'http://m.example/a/x_1%3a2.0-1_amd64.deb' x_1%3a2.0-1_amd64.deb 12 SHA256:0\n",
        );
        let archive = parse_archive(Path::new("/a"), &names[0]).expect("archive");
        assert_eq!(archive.package, "x");
        assert_eq!(archive.version, "1:2.0-1");
        assert!(archive.path.ends_with("x_1%3a2.0-1_amd64.deb"));
    }
}
