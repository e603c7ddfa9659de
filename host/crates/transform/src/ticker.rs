//! The clock that ends calls: it advances the engine's epoch while a call runs.
//!
//! The thread sleeps without a deadline while nothing runs, so an idle host is idle. After the last
//! call it goes on for a moment: calls that follow one another need not wake it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// One tick.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Ticks without a call until the thread sleeps.
const LINGER: u32 = 20;

struct Shared {
    /// Calls that run.
    running: AtomicUsize,
    /// The thread sleeps and has to be woken.
    asleep: AtomicBool,
    ended: AtomicBool,
    gate: Mutex<()>,
    wake: Condvar,
}

/// The thread; it ends with this value.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A call that runs.
pub(crate) struct Running<'a>(&'a Shared);

impl Ticker {
    /// Starts the thread.
    pub(crate) fn start(engine: wasmtime::Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            running: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            gate: Mutex::new(()),
            wake: Condvar::new(),
        });
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("transform-clock".into())
            .spawn(move || own.run(&engine))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Notes that a call begins; it ends with the value returned.
    pub(crate) fn enter(&self) -> Running<'_> {
        let shared = &*self.shared;
        shared.running.fetch_add(1, Ordering::SeqCst);
        if shared.asleep.load(Ordering::SeqCst) {
            let _gate = shared.gate.lock().unwrap_or_else(PoisonError::into_inner);
            shared.wake.notify_one();
        }
        Running(shared)
    }
}

impl Shared {
    fn run(&self, engine: &wasmtime::Engine) {
        let mut quiet = 0;
        while !self.ended.load(Ordering::SeqCst) {
            std::thread::sleep(TICK);
            engine.increment_epoch();
            quiet = match self.running.load(Ordering::SeqCst) {
                0 => quiet + 1,
                _ => 0,
            };
            if quiet >= LINGER {
                self.sleep();
                quiet = 0;
            }
        }
    }

    /// Sleeps until a call runs. A call that begins sees `asleep` and wakes, or is seen here.
    fn sleep(&self) {
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.asleep.store(true, Ordering::SeqCst);
        while self.running.load(Ordering::SeqCst) == 0 && !self.ended.load(Ordering::SeqCst) {
            gate = self.wake.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        {
            let _gate = self
                .shared
                .gate
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            self.shared.wake.notify_one();
        }
        if let Some(thread) = self.thread.take() {
            // it holds nothing that could be lost
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn wait(what: &str, condition: impl Fn() -> bool) {
        let begun = Instant::now();
        while !condition() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_clock_sleeps_while_nothing_runs_and_wakes_for_a_call() {
        let ticker = Ticker::start(wasmtime::Engine::default()).unwrap();
        let asleep = || ticker.shared.asleep.load(Ordering::SeqCst);
        for _ in 0..2 {
            wait("it goes to sleep", asleep);
            let running = ticker.enter();
            wait("it wakes", || !asleep());
            drop(running);
        }
    }
}
