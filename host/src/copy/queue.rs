//! What the workers of a copy have to do.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use chameleon_mysql::snapshot::Chunk;
use tokio::sync::Notify;

use super::keys::Keys;
use super::{Work, lock};

/// One piece of work.
pub(super) enum Task {
    /// Read and store a chunk.
    Chunk(Arc<Work>, Chunk),
    /// Build what a table's rows are all there for.
    Finish(Arc<Work>),
    /// Build the index of that number.
    Index(Arc<Keys>, usize),
}

/// Pieces of work, in order. Work may bring more.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    tasks: VecDeque<Task>,
    /// Workers that have a task, and may add others.
    at_work: usize,
}

/// A worker is at work until this is dropped.
pub(super) struct AtWork<'a>(&'a Queue);

impl Queue {
    pub(super) fn new(tasks: VecDeque<Task>) -> Self {
        let state = State { tasks, at_work: 0 };
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    /// The next task. Waits where there is none and others may add some; `None`: all is done.
    pub(super) async fn next(&self) -> Option<(Task, AtWork<'_>)> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut state = lock(&self.state);
                if let Some(task) = state.tasks.pop_front() {
                    state.at_work += 1;
                    return Some((task, AtWork(self)));
                }
                if state.at_work == 0 {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Adds tasks, which come before all others.
    pub(super) fn add(&self, tasks: impl DoubleEndedIterator<Item = Task>) {
        let mut state = lock(&self.state);
        for task in tasks.rev() {
            state.tasks.push_front(task);
        }
        self.changed.notify_waiters();
    }

    /// Takes all tasks away: those at work end with what they have.
    pub(super) fn clear(&self) {
        lock(&self.state).tasks.clear();
        self.changed.notify_waiters();
    }

    /// Chunks wait.
    pub(super) fn has_chunks(&self) -> bool {
        let state = lock(&self.state);
        let is_chunk = |task: &Task| matches!(task, Task::Chunk(..));
        state.tasks.iter().any(is_chunk)
    }

    /// Nobody but the caller has anything to do.
    pub(super) fn is_last(&self) -> bool {
        let state = lock(&self.state);
        state.tasks.is_empty() && state.at_work == 1
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).at_work -= 1;
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_waits_for_what_others_may_add() {
        let queue = Arc::new(Queue::new(VecDeque::new()));
        let keys = Arc::new(Keys::of_nothing());
        queue.add([Task::Index(Arc::clone(&keys), 1)].into_iter());
        let (task, at_work) = queue.next().await.expect("a task");
        assert!(matches!(task, Task::Index(_, 1)));
        assert!(queue.is_last() && !queue.has_chunks());
        let waiting = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.next().await.map(|(task, _)| task) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        queue.add(
            [2, 3]
                .map(|n| Task::Index(Arc::clone(&keys), n))
                .into_iter(),
        );
        let task = waiting.await.expect("no panic");
        assert!(matches!(task, Some(Task::Index(_, 2))));
        queue.clear();
        drop(at_work);
        assert!(queue.next().await.is_none());
    }
}
