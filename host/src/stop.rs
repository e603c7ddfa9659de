//! The wish to end, from SIGTERM and SIGINT to whoever works.
//!
//! The first signal is a wish that work in progress may finish; the second ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::error::HostError;

/// Whether the process was told to end. Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    wishes: AtomicU8,
    changed: Notify,
}

impl Stop {
    /// Listens to SIGTERM and SIGINT from now on.
    ///
    /// # Errors
    /// CFG062 where the handlers cannot be installed.
    pub fn on_signals() -> Result<Self, HostError> {
        let failed = |source| HostError::System {
            attempt: "listen to signals",
            source,
        };
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let stop = Self::default();
        let told = stop.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                told.request();
            }
        });
        Ok(stop)
    }

    /// Tells everybody to end; told twice, to end at once.
    pub fn request(&self) {
        let wishes = self.state.wishes.load(Ordering::Relaxed);
        let next = wishes.saturating_add(1);
        self.state.wishes.store(next, Ordering::Release);
        self.state.changed.notify_waiters();
    }

    /// Somebody wants the end.
    pub fn requested(&self) -> bool {
        self.state.wishes.load(Ordering::Acquire) > 0
    }

    /// Waits until somebody wants the end.
    pub async fn wait(&self) {
        self.wait_for(1).await;
    }

    /// Waits until somebody wants the end at once.
    pub async fn wait_for_second(&self) {
        self.wait_for(2).await;
    }

    async fn wait_for(&self, wishes: u8) {
        loop {
            let changed = self.state.changed.notified();
            if self.state.wishes.load(Ordering::Acquire) >= wishes {
                return;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_wish_ends_work_and_the_second_the_process() {
        let stop = Stop::default();
        assert!(!stop.requested());
        let waits = tokio::spawn({
            let stop = stop.clone();
            async move { stop.wait_for_second().await }
        });
        stop.request();
        stop.wait().await;
        assert!(!waits.is_finished());
        stop.request();
        waits.await.unwrap();
    }
}
