//! One buffer through all transforms.
//!
//! Stage by stage: changes are gathered per table version, in order, and handed over in batches.
//! A batch that fails is tried once more by a new instance, then cut in two until the row is found.
//! Rows are altered in place; the list of changes is rebuilt only where rows left it or came to it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use chameleon_diag::ErrorCode;
use chameleon_model::{CellForm, ChangeBuffer, Op};

use crate::abi::v0_1::{Batch, BatchMeta, OpSet, OtherOps, Pool};
use crate::answer::{self, Answer, Blame};
use crate::error::{Fault, TransformError};
use crate::gather;
use crate::ledger::Ledger;
use crate::outcome::{FailedRow, Meta, Transformed};
use crate::scatter::{self, Target};
use crate::spec::OnError;
use crate::task::{Broken, Failed, PATIENCE, Task};
use crate::worker::{Applied, StagePlan, Worker};

/// Rows of a batch.
const BATCH_ROWS: usize = 4096;
/// Bytes of a batch, about.
const BATCH_BYTES: usize = 4 << 20;
/// A buffer on its way through the stages.
pub(crate) struct Run<'m> {
    ledger: Ledger,
    snapshot: bool,
    meta: Option<&'m Meta>,
}

/// How a table's rows went through one stage.
enum Went {
    Through,
    /// The table stopped.
    Stopped,
}

impl<'m> Run<'m> {
    pub(crate) fn new(rows: ChangeBuffer, snapshot: bool, meta: Option<&'m Meta>) -> Self {
        Self {
            ledger: Ledger::new(rows),
            snapshot,
            meta,
        }
    }

    pub(crate) fn through(mut self, worker: &mut Worker) -> Result<Transformed, TransformError> {
        for stage in 0..worker.stages.len() {
            self.stage(worker, stage)?;
            self.ledger.settle();
        }
        Ok(self.ledger.finish())
    }

    fn stage(&mut self, worker: &mut Worker, stage: usize) -> Result<(), TransformError> {
        let mut plans: Vec<Option<StagePlan>> = Vec::with_capacity(self.ledger.rows.tables().len());
        let mut busy = false;
        for number in 0..self.ledger.rows.tables().len() {
            let table = Arc::clone(&self.ledger.rows.tables()[number]);
            let source = self.ledger.source(number).clone();
            let plan = match worker.stage_plan(stage, &table, &source) {
                Ok(StagePlan::Pass) => None,
                Ok(plan) => Some(plan),
                Err(error) if error.table().is_some() => {
                    self.ledger.stop_all(number, error);
                    None
                }
                Err(error) => return Err(error),
            };
            busy |= plan.is_some();
            plans.push(plan);
        }
        if !busy {
            return Ok(());
        }
        if self.ledger.rows.form != CellForm::Source {
            return Err(TransformError::Engine {
                reason: "rows that were transformed already were given again".into(),
            });
        }
        for (number, changes) in self.by_table(&plans) {
            match &plans[number] {
                Some(StagePlan::Exclude) => self.ledger.dropped.extend(changes),
                Some(StagePlan::Apply(applied)) => {
                    let applied = Arc::clone(applied);
                    self.table(worker, stage, &applied, changes)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Changes of the tables that have a plan, in order, each with its table's number.
    fn by_table(&self, plans: &[Option<StagePlan>]) -> Vec<(usize, Vec<u32>)> {
        let mut found: Vec<Vec<u32>> = vec![Vec::new(); plans.len()];
        for (index, change) in self.ledger.rows.changes().iter().enumerate() {
            let number = change.table as usize;
            if plans[number].is_some() {
                found[number].push(u32::try_from(index).unwrap_or(u32::MAX));
            }
        }
        let found = found.into_iter().enumerate();
        found.filter(|(_, changes)| !changes.is_empty()).collect()
    }

    /// All rows of one table version through one stage.
    fn table(
        &mut self,
        worker: &mut Worker,
        stage: usize,
        applied: &Arc<Applied>,
        changes: Vec<u32>,
    ) -> Result<(), TransformError> {
        let begun = Instant::now();
        let routes = self.ledger.numbers(applied);
        let (handed, passed) = self.split(applied, changes);
        self.pass(applied, &passed, &routes);
        let mut task = Task {
            stage,
            applied,
            routes: &routes,
            patience: PATIENCE,
        };
        let counts = Arc::clone(&worker.stages[stage].link);
        let mut rest = handed.as_slice();
        let width = applied.input.columns.len();
        while !rest.is_empty() {
            let limit = (BATCH_ROWS, BATCH_BYTES);
            let batch = Arc::clone(&lock(applied).batch);
            let portion = gather::portion(&batch, &self.ledger.rows, rest, width, limit);
            drop(batch);
            let (now, later) = rest.split_at(portion);
            if let Went::Stopped = self.batch(worker, &mut task, now, true)? {
                break;
            }
            rest = later;
        }
        let counts = &counts.counts;
        let rows = u64::try_from(handed.len()).unwrap_or(u64::MAX);
        counts.rows.fetch_add(rows, Ordering::Relaxed);
        let elapsed = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        counts.nanoseconds.fetch_add(elapsed, Ordering::Relaxed);
        Ok(())
    }

    /// Changes that the module wants, and the others.
    fn split(&self, applied: &Applied, changes: Vec<u32>) -> (Vec<u32>, Vec<u32>) {
        let ops = applied.asked.ops;
        let all = OpSet::INSERT | OpSet::UPDATE | OpSet::DELETE | OpSet::REFRESH;
        if ops & all == all {
            return (changes, Vec::new());
        }
        let wanted = |&change: &u32| {
            let op = match self.ledger.rows.changes()[change as usize].op {
                Op::Insert if self.snapshot => OpSet::REFRESH,
                Op::Insert => OpSet::INSERT,
                Op::Update => OpSet::UPDATE,
                Op::Delete => OpSet::DELETE,
            };
            ops & op == op
        };
        changes.into_iter().partition(wanted)
    }

    /// Rows that the module does not want to see. They have one route; columns that it makes are
    /// absent.
    fn pass(&mut self, applied: &Applied, changes: &[u32], routes: &[u32]) {
        if changes.is_empty() {
            return;
        }
        if applied.asked.other_ops == OtherOps::Drop {
            self.ledger.dropped.extend(changes);
            return;
        }
        let target = applied.target(changes, routes);
        // no bytes are added, so there is room
        if let Ok(outcome) = scatter::write(&mut self.ledger.rows, &Answer::keep_all(), &target) {
            self.ledger.dropped.extend(outcome.dropped);
            self.ledger.added.extend(outcome.added);
        }
    }

    /// One batch, or a part of one. `fresh`: it has not failed yet.
    fn batch(
        &mut self,
        worker: &mut Worker,
        task: &mut Task<'_>,
        changes: &[u32],
        fresh: bool,
    ) -> Result<Went, TransformError> {
        let broken = match self.call(worker, task, changes) {
            Ok(answer) => match self.take(worker, task, changes, &answer) {
                Ok(()) => return Ok(Went::Through),
                Err(fault) => {
                    self.stop(task, changes[0], worker, fault);
                    return Ok(Went::Stopped);
                }
            },
            Err(Failed::Table(error)) => {
                self.stop_with(task, changes[0], error);
                return Ok(Went::Stopped);
            }
            Err(Failed::Engine(error)) => return Err(error),
            Err(Failed::Rows(broken)) => broken,
        };
        let Broken { fault, row, dead } = broken;
        if dead && !task.bears(&fault) {
            let limit = PATIENCE;
            self.stop(task, changes[0], worker, Fault::TooMany { limit });
            return Ok(Went::Stopped);
        }
        let again = matches!(fault, Fault::Refused { retry: true, .. });
        if fresh && (dead || again) {
            return self.batch(worker, task, changes, false);
        }
        let [only] = changes else {
            return self.parts(worker, task, changes, row);
        };
        Ok(self.row_failed(worker, task, *only, fault))
    }

    /// Cuts a batch: around the row that was blamed, or in the middle.
    fn parts(
        &mut self,
        worker: &mut Worker,
        task: &mut Task<'_>,
        changes: &[u32],
        blamed: Option<u32>,
    ) -> Result<Went, TransformError> {
        let blamed = blamed
            .map(|row| row as usize)
            .filter(|&row| row < changes.len());
        let (before, middle, after) = match blamed {
            Some(row) => (&changes[..row], &changes[row..=row], &changes[row + 1..]),
            None => {
                let (left, right) = changes.split_at(changes.len() / 2);
                (left, right, &[][..])
            }
        };
        for part in [before, middle, after] {
            if part.is_empty() {
                continue;
            }
            if let Went::Stopped = self.batch(worker, task, part, false)? {
                return Ok(Went::Stopped);
            }
        }
        Ok(Went::Through)
    }

    /// Hands a batch over and checks the answer.
    fn call(
        &mut self,
        worker: &mut Worker,
        task: &Task<'_>,
        changes: &[u32],
    ) -> Result<Answer, Failed> {
        let applied = task.applied;
        self.prepare(worker, task).map_err(Failed::of)?;
        let mut scratch = lock(applied);
        let width = applied.input.columns.len();
        // the last call gave its share back
        let Some(batch) = Arc::get_mut(&mut scratch.batch) else {
            return Err(Failed::Engine(TransformError::Engine {
                reason: "a batch is still in use".into(),
            }));
        };
        batch.snapshot = self.snapshot;
        gather::fill(batch, &self.ledger.rows, changes, width);
        self.fill_meta(batch, applied.asked.want_meta, changes);
        let stage = &mut worker.stages[task.stage];
        let Some(instance) = &mut stage.instance else {
            return Err(Failed::Engine(TransformError::Engine {
                reason: "an instance was lost".into(),
            }));
        };
        let result = instance.transform(&scratch.batch);
        let dead = instance.is_dead();
        if dead {
            stage.instance = None;
            stage.link.counts.breakdowns.fetch_add(1, Ordering::Relaxed);
        }
        let broken = |(fault, row): Blame| Failed::Rows(Broken { fault, row, dead });
        let result = result.map_err(broken)?;
        let asked = answer::Asked {
            shape: &applied.shape,
            buffer: &self.ledger.rows,
            changes,
            width,
            reads: &applied.asked.read_after,
        };
        let words = |text: &str| crate::words::clean(text, Some(&scratch.batch));
        answer::check(result, &asked, words).map_err(broken)
    }

    /// An instance that knows the plan.
    fn prepare(&self, worker: &mut Worker, task: &Task<'_>) -> Result<(), TransformError> {
        worker.start(task.stage)?;
        let generation = worker.stages[task.stage].generation;
        if lock(task.applied).generation == generation {
            return Ok(());
        }
        worker.replan(task.stage, task.applied)?;
        lock(task.applied).generation = worker.stages[task.stage].generation;
        Ok(())
    }

    /// Commit times and positions, where the plan wants them and they are known.
    fn fill_meta(&self, batch: &mut Batch, wanted: bool, changes: &[u32]) {
        let Some(meta) = self.meta.filter(|_| wanted) else {
            batch.meta = None;
            return;
        };
        let out = batch.meta.insert(BatchMeta {
            commit_micros: Vec::with_capacity(changes.len()),
            positions: Pool {
                ends: Vec::with_capacity(changes.len()),
                data: Vec::new(),
            },
        });
        for &change in changes {
            let origin = self.ledger.origin_of(change);
            let until = meta
                .transactions
                .partition_point(|(first, ..)| *first <= origin);
            let found = until.checked_sub(1).and_then(|n| meta.transactions.get(n));
            let (micros, position) = found.map_or((0, ""), |(_, m, p)| (*m, p.as_str()));
            out.commit_micros.push(micros);
            out.positions.data.extend_from_slice(position.as_bytes());
            let end = u32::try_from(out.positions.data.len()).unwrap_or(u32::MAX);
            out.positions.ends.push(end);
        }
    }

    /// Takes a checked answer over.
    fn take(
        &mut self,
        worker: &Worker,
        task: &Task<'_>,
        changes: &[u32],
        answer: &Answer,
    ) -> Result<(), Fault> {
        let target = task.applied.target(changes, task.routes);
        for (row, reason) in &answer.rejects {
            let fault = Fault::Rejected {
                reason: reason.clone(),
            };
            self.note(
                worker,
                task,
                changes[*row as usize],
                fault.code(),
                reason.clone(),
            );
        }
        let rejected = answer.rejects.len();
        let outcome = scatter::write(&mut self.ledger.rows, answer, &target)?;
        let dropped = outcome.dropped.len().saturating_sub(rejected);
        let dropped = u64::try_from(dropped).unwrap_or(u64::MAX);
        let counts = &worker.stages[task.stage].link.counts;
        counts.dropped.fetch_add(dropped, Ordering::Relaxed);
        self.ledger.dropped.extend(outcome.dropped);
        self.ledger.added.extend(outcome.added);
        Ok(())
    }

    fn row_failed(&mut self, worker: &Worker, task: &Task<'_>, change: u32, fault: Fault) -> Went {
        if worker.stages[task.stage].link.on_error == OnError::Stop {
            self.stop(task, change, worker, fault);
            return Went::Stopped;
        }
        self.note(worker, task, change, fault.code(), fault.to_string());
        self.ledger.dropped.push(change);
        Went::Through
    }

    fn note(
        &mut self,
        worker: &Worker,
        task: &Task<'_>,
        change: u32,
        code: ErrorCode,
        reason: String,
    ) {
        let link = &worker.stages[task.stage].link;
        link.counts.failed.fetch_add(1, Ordering::Relaxed);
        self.ledger.failed.push(FailedRow {
            table: task.applied.source.clone(),
            transform: link.name.to_string(),
            op: self.ledger.rows.changes()[change as usize].op,
            change: self.ledger.origin_of(change),
            code,
            reason,
        });
    }

    fn stop(&mut self, task: &Task<'_>, change: u32, worker: &Worker, fault: Fault) {
        let error = TransformError::Rows {
            transform: worker.stages[task.stage].link.name.to_string(),
            table: Box::new(task.applied.source.clone()),
            row: self.ledger.origin_of(change),
            fault,
        };
        self.stop_with(task, change, error);
    }

    fn stop_with(&mut self, task: &Task<'_>, change: u32, error: TransformError) {
        self.ledger
            .stop_at(&task.applied.source.clone(), change, error);
    }
}

impl Applied {
    fn target<'a>(&'a self, changes: &'a [u32], routes: &'a [u32]) -> Target<'a> {
        Target {
            shape: &self.shape,
            changes,
            width: self.input.columns.len(),
            routes,
        }
    }
}

fn lock(applied: &Applied) -> std::sync::MutexGuard<'_, crate::worker::Scratch> {
    applied.state.lock().unwrap_or_else(PoisonError::into_inner)
}
