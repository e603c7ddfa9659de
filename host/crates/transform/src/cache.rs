//! Compiled code on disk.
//!
//! A file is named by the module's hash and by a hash of engine version, settings and processor. It
//! begins with the SHA-256 of its rest, so that a torn write is seen. Compiled code is trusted like
//! the program itself: the directory must belong to this user and to nobody else.

use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use crate::error::TransformError;

const SUM: usize = 32;

/// The directory.
#[derive(Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
    /// Engine version, settings and processor.
    engine: String,
}

impl Cache {
    /// Makes the directory where it is missing and checks whose it is.
    pub(crate) fn open(dir: &Path, engine: &wasmtime::Engine) -> Result<Self, TransformError> {
        let refused = |reason: String| TransformError::Cache {
            path: dir.to_owned(),
            reason,
        };
        if !dir.exists() {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
            made.map_err(|e| refused(e.to_string()))?;
        }
        let found = fs::symlink_metadata(dir).map_err(|e| refused(e.to_string()))?;
        if !found.is_dir() {
            return Err(refused("it is not a directory".into()));
        }
        let me = own_user(dir).map_err(|e| refused(e.to_string()))?;
        if found.uid() != me {
            return Err(refused(format!(
                "it belongs to user {}, not to {me}",
                found.uid()
            )));
        }
        if found.permissions().mode() & 0o077 != 0 {
            return Err(refused(
                "others than its owner may use it; mode 0700 is needed".into(),
            ));
        }
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        processor().hash(&mut hasher);
        Ok(Self {
            dir: dir.to_owned(),
            engine: format!("{:016x}", hasher.finish()),
        })
    }

    /// The compiled component of a module with that hash, where it is kept and whole.
    pub(crate) fn load(&self, engine: &wasmtime::Engine, sha256: &str) -> Option<Component> {
        let path = self.path(sha256);
        let mine = fs::symlink_metadata(&path).ok()?;
        let dir = fs::symlink_metadata(&self.dir).ok()?;
        if !mine.is_file() || mine.uid() != dir.uid() || mine.permissions().mode() & 0o022 != 0 {
            return None;
        }
        let bytes = fs::read(&path).ok()?;
        let (sum, code) = bytes.split_at_checked(SUM)?;
        if Sha256::digest(code).as_slice() != sum {
            return None;
        }
        load_compiled(engine, code)
    }

    /// Keeps compiled code. That it cannot is told in the log and costs the time to compile again.
    pub(crate) fn store(&self, component: &Component, sha256: &str) {
        let kept = component
            .serialize()
            .map_err(|error| error.to_string())
            .and_then(|code| self.write(sha256, &code).map_err(|error| error.to_string()));
        if let Err(error) = kept {
            tracing::warn!(path = %self.dir.display(), error, "compiled transform not kept");
        }
    }

    fn write(&self, sha256: &str, code: &[u8]) -> std::io::Result<()> {
        let part = self
            .dir
            .join(format!("{sha256}.{}.part", std::process::id()));
        // what an earlier process of the same number left
        let _ = fs::remove_file(&part);
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)?;
        let written = file
            .write_all(&Sha256::digest(code))
            .and_then(|()| file.write_all(code))
            .and_then(|()| fs::rename(&part, self.path(sha256)));
        if written.is_err() {
            let _ = fs::remove_file(&part);
        }
        written
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.dir.join(format!("{sha256}-{}.cwasm", self.engine))
    }
}

/// This process's user, read off a file that it makes.
fn own_user(dir: &Path) -> std::io::Result<u32> {
    let path = dir.join(format!(".{}.owner", std::process::id()));
    let _ = fs::remove_file(&path);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    let uid = file.metadata()?.uid();
    fs::remove_file(&path)?;
    Ok(uid)
}

/// What of the processor compiled code may depend on.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text
        .lines()
        .find(|line| line.starts_with("flags") || line.starts_with("Features"));
    format!("{} {}", std::env::consts::ARCH, line.unwrap_or_default())
}

#[allow(
    unsafe_code,
    reason = "the code was written by this user's own process into a directory that nobody else \
              may write to, and its checksum holds"
)]
fn load_compiled(engine: &wasmtime::Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: see the reason above; wasmtime itself refuses other versions, settings and processors
    unsafe { Component::deserialize(engine, code) }.ok()
}
