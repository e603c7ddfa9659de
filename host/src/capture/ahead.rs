//! Reads the stream ahead while a batch is written.
//!
//! Writing a batch is mostly waiting for the target. Meanwhile whole transactions are taken into the
//! next batch. Anything else that the stream brings, from DDL to a lost connection, is kept until
//! the batch is durable, and nothing is read behind it.

use chameleon_catalog::{BatchId, held};
use chameleon_model::{BinlogPosition, ChangeBuffer};
use chameleon_target::DdlEntry;

use super::{Capture, Ended, PART_BYTES};
use crate::error::HostError;
use crate::policy::BatchPolicy;
use crate::replay::Job;

/// A batch that is durable.
pub(super) struct Done {
    pub(super) rows: ChangeBuffer,
    /// These are all its rows.
    pub(super) whole: bool,
    pub(super) policy: BatchPolicy,
}

impl Capture<'_> {
    /// Writes the batch and makes it durable with the position behind it, and reads ahead meanwhile.
    /// `Some`: tables were held, of which more may have been read ahead, so the stream has to be
    /// opened again.
    pub(super) async fn flush_reading_ahead(&mut self) -> Result<Option<Ended>, HostError> {
        if self.isolate || self.state.in_parts {
            self.flush().await?;
            return Ok(None);
        }
        let at = self.binlog.position().clone();
        self.shape_buffer().await?;
        let policy = self
            .policy
            .for_batch(&self.state.batch_start, Some(&at.binlog));
        let missed = self.binlog.take_held_counts();
        let last_event_micros = self.state.last_event_micros;
        let rows = self.state.take_batch(&at.binlog, &self.policy);
        let may_share = !self.shaper.is_active() && !self.policy.has_marks();
        let (source, full) = (self.row.id, self.batch_rows());
        let goal = self.last_position().cloned();
        let Self {
            sink,
            binlog,
            state,
            shaper,
            ..
        } = self;
        let (written, closed) = {
            let mut writing = std::pin::pin!(async {
                sink.begin().await?;
                let written = if may_share {
                    sink.write_whole(&rows, &at, &policy).await?
                } else {
                    sink.write(&rows, &[], &policy).await?
                };
                held::count(sink.client(), source, &missed, &at.binlog).await?;
                if !written.failures.is_empty() {
                    return Ok((written, None));
                }
                let closed = sink.close(&at, last_event_micros).await?;
                sink.commit().await?;
                Ok::<_, HostError>((written, Some(closed)))
            });
            let mut ended = false;
            loop {
                tokio::select! {
                    biased;
                    done = &mut writing => break done?,
                    step = binlog.next(&mut state.buffer, PART_BYTES), if !ended => {
                        let here = &binlog.position().binlog;
                        ended = state.take_ahead(step, here, shaper.wants_meta())
                            || state.is_full(full, here)
                            || goal.as_ref().is_some_and(|goal| here >= goal);
                    }
                }
            }
        };
        self.note_written(written, &at.binlog).await?;
        let mut held = None;
        let closed = match closed {
            Some(closed) => closed,
            // with the holds that were noted now
            None => {
                let closed = self.sink.close(&at, last_event_micros).await?;
                self.sink.commit().await?;
                held = Some(Ended::Restart { isolate: false });
                closed
            }
        };
        let done = Done {
            rows,
            whole: true,
            policy,
        };
        self.done(done, &at.binlog, closed, Vec::new());
        Ok(held)
    }

    /// What is left to do when a batch is durable.
    pub(super) fn done(
        &mut self,
        done: Done,
        at: &BinlogPosition,
        closed: Option<BatchId>,
        ddl: Vec<DdlEntry>,
    ) {
        let Done {
            mut rows,
            whole,
            policy,
        } = done;
        metrics::counter!("chameleon_batches_total", "source" => self.row.name.clone())
            .increment(1);
        tracing::debug!(source = %self.row.name, rows = rows.len(), position = %at, "batch");
        self.state.stored = at.clone();
        match (&self.queue, closed) {
            (Some(queue), Some(batch)) => queue.push(Job {
                batch,
                rows: whole.then_some((rows, ddl)),
                policy,
                end: at.clone(),
            }),
            _ => {
                rows.clear();
                rows.shrink_to(PART_BYTES);
                self.state.spare = rows;
            }
        }
    }
}
