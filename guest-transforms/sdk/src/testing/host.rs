//! The stand-in for the host: keeps what a transform logs and counts, and hashes with keys that a test names.

use std::{cell::RefCell, collections::BTreeMap};

use sha2::{Digest, Sha256};

use crate::bindings::chameleon::transform::{host::Level, types::Pool};

thread_local! {
    static RECORD: RefCell<Record> = RefCell::default();
}

#[derive(Default)]
struct Record {
    lines: Vec<String>,
    counters: BTreeMap<String, u64>,
    secrets: BTreeMap<String, Vec<u8>>,
}

/// Makes a key known for this test.
pub fn set_secret(name: &str, key: &[u8]) {
    RECORD.with_borrow_mut(|record| record.secrets.insert(name.into(), key.into()));
}

/// Takes what was logged by now in this test: `warn: ...`.
pub fn take_log() -> Vec<String> {
    RECORD.with_borrow_mut(|record| std::mem::take(&mut record.lines))
}

/// The value of a counter in this test.
pub fn counter(name: &str) -> u64 {
    RECORD.with_borrow(|record| record.counters.get(name).copied().unwrap_or_default())
}

pub(crate) fn log(level: Level, message: &str) {
    let word = match level {
        Level::Trace => "trace",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    RECORD.with_borrow_mut(|record| record.lines.push(format!("{word}: {message}")));
}

pub(crate) fn count(name: &str, delta: u64) {
    RECORD.with_borrow_mut(|record| {
        let counter = record.counters.entry(name.into()).or_default();
        *counter = counter.saturating_add(delta);
    });
}

pub(crate) fn hmac_sha256(secret: &str, values: &Pool) -> Result<Vec<u8>, String> {
    let key = RECORD.with_borrow(|record| record.secrets.get(secret).cloned());
    let key = key.ok_or_else(|| format!("no secret is called `{secret}`"))?;
    let mut hashes = Vec::with_capacity(values.ends.len() * 32);
    let mut from = 0;
    for end in &values.ends {
        let end = *end as usize;
        hashes.extend(hmac(&key, &values.data[from..end]));
        from = end;
    }
    Ok(hashes)
}

/// HMAC after RFC 2104.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let pass = |pad: u8, message: &[u8]| -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(block.map(|byte| byte ^ pad));
        hash.update(message);
        hash.finalize().into()
    };
    pass(0x5c, &pass(0x36, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_rfc_4231() {
        let hex = |hash: [u8; 32]| hash.map(|byte| format!("{byte:02x}")).concat();
        assert_eq!(
            hex(hmac(&[0x0b; 20], b"Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            hex(hmac(
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First"
            )),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
