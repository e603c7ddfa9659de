//! An authority of the test's own, and what it signs, as PEM files that a server reads.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::servers::spawn::{UNPRIVILEGED, is_root};

/// Signs certificates.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    Now,
    /// For so long that a server takes it: MySQL does not load what has expired.
    Short,
}

/// How long a short one is valid.
const SHORT: Duration = Duration::from_secs(3);

impl Authority {
    pub(super) fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Ok(Authority(CertifiedIssuer::self_signed(
            params,
            KeyPair::generate()?,
        )?))
    }

    /// Writes the authority's own certificate.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        write(path, &self.0.pem(), 0o644)
    }

    /// Writes a certificate for these names, and its key, into a directory: `NAME.pem` and `NAME.key`.
    pub(super) fn issue(
        &self,
        directory: &Path,
        name: &str,
        names: &[&str],
        validity: Validity,
    ) -> Result<Pair> {
        let names: Vec<String> = names.iter().map(|&one| one.to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, name);
        let expires = SystemTime::now() + SHORT;
        if validity == Validity::Short {
            params.not_after = expires.into();
        }
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.0)?;
        let pair = Pair {
            certificate: directory.join(format!("{name}.pem")),
            key: directory.join(format!("{name}.key")),
            expires: (validity == Validity::Short).then_some(expires),
        };
        write(&pair.certificate, &certificate.pem(), 0o644)?;
        write(&pair.key, &key.serialize_pem(), 0o600)?;
        Ok(pair)
    }
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    expires: Option<SystemTime>,
}

impl Pair {
    /// Puts these files in the place of others.
    pub(super) fn put_at(&self, place: &Pair) -> Result<()> {
        fs::copy(&self.certificate, &place.certificate)?;
        fs::copy(&self.key, &place.key)?;
        Ok(())
    }

    /// Waits until a short one has expired.
    pub(super) async fn until_expired(&self) -> Result<()> {
        let Some(expires) = self.expires else {
            return Ok(());
        };
        // whole seconds count
        let left = (expires + Duration::from_secs(1)).duration_since(SystemTime::now());
        tokio::time::sleep(left.unwrap_or_default()).await;
        Ok(())
    }

    /// The key belongs to the user that PostgreSQL runs as, which wants it so.
    pub(super) fn give_away(&self) -> Result<()> {
        if is_root() {
            chown(&self.key, Some(UNPRIVILEGED), Some(UNPRIVILEGED))?;
        }
        Ok(())
    }
}

/// A directory that a server of another user may enter.
pub(super) fn directory() -> Result<tempfile::TempDir> {
    let directory = tempfile::Builder::new()
        .prefix("chameleon-tls-")
        .tempdir()?;
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
    Ok(directory)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    fs::write(path, text).with_context(|| path.display().to_string())?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}
