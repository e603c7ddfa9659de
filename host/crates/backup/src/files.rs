//! Files that only their owner may read.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::BackupError;

/// Makes a new file of mode 0600.
pub(crate) fn create_private(path: &Path) -> Result<File, BackupError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(BackupError::file("create", path))
}

/// Removes a file that is still there under its name when this is dropped.
pub(crate) struct RemovedAtEnd<'a>(pub(crate) &'a Path);

impl Drop for RemovedAtEnd<'_> {
    fn drop(&mut self) {
        // it has its last name already, or there is nothing to say that is not said
        let _ = std::fs::remove_file(self.0);
    }
}

/// Writes a new file of mode 0600 and waits until it is on the disk.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), BackupError> {
    let mut file = create_private(path)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(BackupError::file("write", path))
}

/// Makes a directory, and those above it, that only its owner may read; it may be there.
pub(crate) fn make_directory(path: &Path) -> Result<(), BackupError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(BackupError::file("make the directory", path))
}

/// Gives a finished file its name and waits until that is on the disk.
pub(crate) fn publish(from: &Path, to: &Path) -> Result<(), BackupError> {
    if to.exists() {
        return Err(BackupError::Exists { path: to.into() });
    }
    let rename = || {
        std::fs::rename(from, to)?;
        match to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    };
    rename().map_err(BackupError::file("name", to))
}

/// Size and SHA-256 of a file.
pub(crate) async fn digest(path: PathBuf) -> Result<(u64, String), BackupError> {
    let read = |path: &Path| {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        let mut bytes = 0u64;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            bytes += read as u64;
        }
        let hex: String = hasher
            .finalize()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        Ok((bytes, hex))
    };
    let at = path.clone();
    let result = tokio::task::spawn_blocking(move || read(&at)).await;
    result
        .unwrap_or_else(|stopped| Err(std::io::Error::other(stopped)))
        .map_err(BackupError::file("read", path))
}
