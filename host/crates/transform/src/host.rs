//! What a module may call: log, count, keyed hash. And what an instance's store holds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use wasmtime::component::Linker;
use wasmtime::{ResourceLimiter, StoreContextMut};

use crate::abi;
use crate::abi::v0_1::{Batch, Level, Pool};
use crate::spec::Secrets;
use crate::words;

/// Lines that a module may log in a second; what is beyond is counted.
const LINES_A_SECOND: u32 = 20;
/// Names that a module may count under.
const COUNTERS: usize = 64;
/// Bytes that one call may have hashed.
const HASHED: usize = 64 << 20;

/// State of one instance.
pub(crate) struct Guest {
    pub(crate) transform: Arc<str>,
    secrets: Arc<Secrets>,
    pub(crate) memory: Memory,
    lines: Lines,
    counted: BTreeMap<String, metrics::Counter>,
    /// The last line at level error: a panic's place, most often.
    pub(crate) last_error: Option<String>,
    /// The batch that runs: its values must not be logged.
    pub(crate) batch: Option<Arc<Batch>>,
}

impl Guest {
    pub(crate) fn new(transform: &Arc<str>, secrets: &Arc<Secrets>, limit: usize) -> Self {
        Self {
            transform: Arc::clone(transform),
            secrets: Arc::clone(secrets),
            memory: Memory::new(limit),
            lines: Lines::default(),
            counted: BTreeMap::new(),
            last_error: None,
            batch: None,
        }
    }

    /// Words of the module, without values of the batch that runs.
    pub(crate) fn clean(&self, text: &str) -> String {
        words::clean(text, self.batch.as_deref())
    }
}

/// Binds what an instance may take.
pub(crate) struct Memory {
    pub(crate) limit: usize,
    /// Bytes that it has now.
    pub(crate) bytes: usize,
    /// It was denied more.
    pub(crate) denied: bool,
}

impl Memory {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            bytes: 0,
            denied: false,
        }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.bytes.saturating_sub(current).saturating_add(desired);
        if total > self.limit {
            self.denied = true;
            return Ok(false);
        }
        self.bytes = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= 64 << 10)
    }
}

/// Puts the host's functions where modules look for them.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    // a module names the types among its imports; there is nothing in them
    linker.instance(abi::TYPES)?;
    let mut host = linker.instance(abi::HOST)?;
    host.func_wrap("log", |mut store, (level, message): (Level, String)| {
        log(&mut store, level, &message);
        Ok(())
    })?;
    host.func_wrap("count", |mut store, (name, delta): (String, u64)| {
        count(&mut store, &name, delta);
        Ok(())
    })?;
    host.func_wrap(
        "hmac-sha256",
        |store: StoreContextMut<'_, Guest>, (secret, values): (String, Pool)| {
            Ok((keyed_hash(&store.data().secrets, &secret, &values),))
        },
    )
}

fn log(store: &mut StoreContextMut<'_, Guest>, level: Level, message: &str) {
    let guest = store.data_mut();
    let (admitted, suppressed) = guest.lines.admit(Instant::now());
    // a panic says where it is even in a flood
    if !admitted && level != Level::Error {
        return;
    }
    let said = guest.clean(message);
    if level == Level::Error {
        guest.last_error = Some(said.clone());
        if !admitted {
            return;
        }
    }
    let transform = &*guest.transform;
    if suppressed > 0 {
        tracing::warn!(
            transform,
            lines = suppressed,
            "lines of a transform suppressed"
        );
    }
    match level {
        Level::Trace => tracing::trace!(transform, said, "transform says"),
        Level::Debug => tracing::debug!(transform, said, "transform says"),
        Level::Info => tracing::info!(transform, said, "transform says"),
        Level::Warn => tracing::warn!(transform, said, "transform says"),
        Level::Error => tracing::error!(transform, said, "transform says"),
    }
}

fn count(store: &mut StoreContextMut<'_, Guest>, name: &str, delta: u64) {
    let guest = store.data_mut();
    if let Some(counter) = guest.counted.get(name) {
        counter.increment(delta);
        return;
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if guest.counted.len() >= COUNTERS
        || name.is_empty()
        || name.len() > 64
        || !name.chars().all(plain)
    {
        return;
    }
    let counter = metrics::counter!(
        "chameleon_transform_guest_total",
        "transform" => guest.transform.to_string(),
        "counter" => name.to_owned(),
    );
    counter.increment(delta);
    guest.counted.insert(name.to_owned(), counter);
}

/// 32 bytes for each value.
fn keyed_hash(secrets: &Secrets, name: &str, values: &Pool) -> Result<Vec<u8>, String> {
    let Some(key) = secrets.get(name) else {
        return Err(format!("there is no secret `{}`", words::short(name)));
    };
    if values.data.len() > HASHED || values.ends.len() > HASHED / 32 {
        return Err("too many values in one call".into());
    }
    let keyed = Hmac::<Sha256>::new_from_slice(key).map_err(|error| error.to_string())?;
    let mut hashes = Vec::with_capacity(values.ends.len() * 32);
    let mut start = 0;
    for &end in &values.ends {
        let end = end as usize;
        let Some(value) = values.data.get(start..end) else {
            return Err("the ends of the values do not rise or exceed the data".into());
        };
        let mut hash = keyed.clone();
        hash.update(value);
        hashes.extend_from_slice(&hash.finalize().into_bytes());
        start = end;
    }
    Ok(hashes)
}

/// Counts lines of the running second.
#[derive(Default)]
struct Lines {
    since: Option<Instant>,
    lines: u32,
    suppressed: u64,
}

impl Lines {
    /// Whether a line may be written, and how many were suppressed before it.
    fn admit(&mut self, now: Instant) -> (bool, u64) {
        let fresh = self
            .since
            .is_none_or(|since| now.duration_since(since) >= Duration::from_secs(1));
        if fresh {
            self.since = Some(now);
            self.lines = 0;
        }
        self.lines = self.lines.saturating_add(1);
        if self.lines > LINES_A_SECOND {
            self.suppressed += 1;
            return (false, 0);
        }
        (true, std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_lines_is_cut_and_counted() {
        let mut lines = Lines::default();
        let start = Instant::now();
        let admitted = (0..1000).filter(|_| lines.admit(start).0).count();
        assert_eq!(admitted, LINES_A_SECOND as usize);
        let later = start + Duration::from_secs(2);
        assert_eq!(lines.admit(later), (true, 980));
        assert_eq!(lines.admit(later), (true, 0));
    }

    #[test]
    fn keyed_hashes_are_those_of_rfc_4231() {
        let secrets = Secrets::from_iter([("k".to_owned(), b"Jefe".to_vec())]);
        let text = b"what do ya want for nothing?";
        let pool = Pool {
            ends: vec![28, 28],
            data: text.to_vec(),
        };
        let hashes = keyed_hash(&secrets, "k", &pool).unwrap();
        assert_eq!(hashes.len(), 64);
        let hex: String = hashes[..8].iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e");
        assert!(keyed_hash(&secrets, "other", &pool).is_err());
        let bad = Pool {
            ends: vec![9, 3],
            data: text.to_vec(),
        };
        assert!(keyed_hash(&secrets, "k", &bad).is_err());
    }
}
