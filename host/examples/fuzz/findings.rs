//! Panics and slow inputs, kept once per place.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longer is a finding.
const SLOW: Duration = Duration::from_secs(5);

pub(crate) struct Findings {
    directory: PathBuf,
    /// What the last panic said, and where.
    last: Arc<Mutex<String>>,
    /// Target and what was said; how often.
    found: BTreeMap<(String, String), u64>,
}

impl Findings {
    /// Panics are noted from now on instead of printed.
    pub(crate) fn watch(directory: &Path) -> Self {
        let last = Arc::new(Mutex::new(String::new()));
        let noted = Arc::clone(&last);
        std::panic::set_hook(Box::new(move |info| {
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = info.to_string();
        }));
        Self {
            directory: directory.to_owned(),
            last,
            found: BTreeMap::new(),
        }
    }

    pub(crate) fn execute(
        &mut self,
        target: &str,
        input: &[u8],
        take: impl FnOnce() -> bool,
    ) -> bool {
        let begun = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(take));
        let took = begun.elapsed();
        if outcome.is_err() {
            let said = self
                .last
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            self.note(target, &said, input);
        } else if took > SLOW {
            self.note(target, "slow", input);
        }
        outcome.unwrap_or(false)
    }

    fn note(&mut self, target: &str, said: &str, input: &[u8]) {
        // the place comes first; what follows may name values
        let place = said.lines().next().unwrap_or_default().to_owned();
        let count = self
            .found
            .entry((target.to_owned(), place.clone()))
            .or_default();
        *count += 1;
        if *count > 1 {
            return;
        }
        let path = self
            .directory
            .join(format!("{target}-{}", self.found.len()));
        let written =
            std::fs::create_dir_all(&self.directory).and_then(|()| std::fs::write(&path, input));
        println!("finding: {target}: {said}");
        match written {
            Ok(()) => println!("  its input: {}", path.display()),
            Err(error) => println!("  its input cannot be written: {error}"),
        }
    }

    /// True if there are none.
    pub(crate) fn report(&self) -> bool {
        for ((target, said), count) in &self.found {
            println!("{count} times: {target}: {said}");
        }
        println!("{} findings", self.found.len());
        self.found.is_empty()
    }
}
