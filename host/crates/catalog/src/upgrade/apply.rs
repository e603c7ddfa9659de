//! Carries the steps out, in one transaction.
//!
//! Flow: upgrade lock (whoever comes second waits, and finds the work done) -> is it one that can be
//! upgraded, and is nobody working with it -> table locks, in short attempts -> survey -> steps ->
//! commit, or for a dry run rollback.
//!
//! Guarantee: the catalog is wholly what it was or wholly upgraded, whoever dies when. Does not take
//! a backup and does not look at the result from outside: callers do both.

use std::collections::BTreeMap;
use std::time::Instant;

use chameleon_model::name::{quote_literal, quote_qualified};
use chameleon_postgres::tokio_postgres::SimpleQueryMessage;
use chameleon_postgres::tokio_postgres::types::Type;
use chameleon_postgres::{Class, Client, Failure, Transaction};

use super::conflicts;
use super::error::UpgradeError;
use super::live;
use super::outcome::{Done, Outcome, StepDone, source_rows};
use super::progress::{Event, Meter, Progress};
use super::state::{in_words, upgradable};
use super::steps::{self, Kind, LOCK_WAIT_MS, Step};
use super::survey::{Role, Survey};
use crate::SCHEMA;
use crate::db;
use crate::sessions::UPGRADE_LOCK;
use crate::version::version;

/// Attempts at the table locks.
const LOCK_ATTEMPTS: u32 = 5;

/// How an upgrade is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Go on where a source says that it is running and no session is there.
    pub force: bool,
    /// Carry all steps out and take them back.
    pub dry_run: bool,
}

/// Upgrades the catalog to version 1.3 as a new one has it; does nothing where it is that already.
/// `observe` hears what is going on.
///
/// # Errors
/// Those of [`UpgradeError`]. Nothing was changed, except perhaps with
/// [`UpgradeError::CommitUnknown`].
pub async fn apply(
    client: &mut Client,
    options: Options,
    observe: &mut (dyn FnMut(Event) + Send),
) -> Result<Outcome, UpgradeError> {
    let begun = Instant::now();
    let sql = "select current_setting('application_name') as name";
    let row = db::query_one(client, "read the session's name", sql, &[]).await?;
    let name: String = db::get(&row, "name")?;
    let wal_before = wal(client).await;
    let result = in_transaction(client, options, observe).await;
    // of no consequence where the connection is gone
    let _ = client.batch_execute(&set_name(&name)).await;
    let mut outcome = result?;
    let wal_after = wal(client).await;
    outcome.wal_bytes = wal_before
        .zip(wal_after)
        .and_then(|(a, b)| b.checked_sub(a));
    outcome.seconds = begun.elapsed().as_secs_f64();
    Ok(outcome)
}

async fn in_transaction(
    client: &mut Client,
    options: Options,
    observe: &mut (dyn FnMut(Event) + Send),
) -> Result<Outcome, UpgradeError> {
    let transaction = client.transaction().await;
    let transaction = transaction.map_err(|e| UpgradeError::statement("begin the upgrade", &e))?;
    let mut run = Run {
        t: &transaction,
        observe,
    };
    let work = run.work(options).await;
    let (outcome, changed) = match work {
        Ok(Some(outcome)) => (outcome, true),
        Ok(None) => (Outcome::nothing_to_do(), false),
        Err(error) => {
            // the transaction's end says no more than its drop would
            let _ = transaction.rollback().await;
            return Err(error);
        }
    };
    if changed {
        observe(Event::Ending {
            commit: !options.dry_run,
        });
    }
    if options.dry_run || !changed {
        let ended = transaction.rollback().await;
        ended.map_err(|e| UpgradeError::statement("take the upgrade back", &e))?;
        return Ok(outcome);
    }
    match transaction.commit().await {
        Ok(()) => Ok(outcome),
        Err(error) => Err(match Box::new(Failure::from(&error)) {
            source if source.class == Class::Connection => UpgradeError::CommitUnknown { source },
            source => UpgradeError::Step {
                step: "commit".into(),
                object: "the whole upgrade".into(),
                source,
            },
        }),
    }
}

/// Where the write-ahead log is, in bytes; `None` where it cannot be read.
async fn wal(client: &Client) -> Option<u64> {
    let sql = "select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint";
    let row = client.query_typed_one(sql, &[]).await.ok()?;
    u64::try_from(row.try_get::<_, i64>(0).ok()?).ok()
}

fn set_name(name: &str) -> String {
    format!("set application_name = {}", quote_literal(name))
}

/// Takes the upgrade lock for the session, until [`end_turn`] or its end: for whoever does more than
/// [`apply`], such as a backup before it. Whoever comes second waits, and `observe` hears for whom.
///
/// # Errors
/// What the server says.
pub async fn take_turn(
    client: &mut Client,
    observe: &mut (dyn FnMut(Event) + Send),
) -> Result<(), UpgradeError> {
    let transaction = client.transaction().await;
    let transaction = transaction.map_err(|e| UpgradeError::statement("wait for the turn", &e))?;
    let mut run = Run {
        t: &transaction,
        observe,
    };
    run.wait_for_turn(Until::Unlocked).await?;
    let ended = transaction.commit().await;
    ended.map_err(|e| UpgradeError::statement("wait for the turn", &e))
}

/// Gives the lock of [`take_turn`] back.
///
/// # Errors
/// What the server says; the lock ends with the session in any case.
pub async fn end_turn(client: &Client) -> Result<(), UpgradeError> {
    let sql = format!("select pg_advisory_unlock({UPGRADE_LOCK}, 0)");
    let ended = client.batch_execute(&sql).await;
    ended.map_err(|e| UpgradeError::statement("give the upgrade lock back", &e))
}

/// How long the upgrade lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// To the end of the transaction.
    Commit,
    /// Until it is given back.
    Unlocked,
}

/// The work inside of the transaction.
struct Run<'a, 'c> {
    t: &'a Transaction<'c>,
    observe: &'a mut (dyn FnMut(Event) + Send),
}

impl Run<'_, '_> {
    /// `None`: there is nothing to do.
    async fn work(&mut self, options: Options) -> Result<Option<Outcome>, UpgradeError> {
        self.wait_for_turn(Until::Commit).await?;
        let state = version(self.t).await?;
        if !upgradable(self.t, &state).await? {
            return Ok(None);
        }
        live::require_nobody(self.t).await?;
        let before = Survey::glance(self.t, state.clone()).await?;
        let running = before
            .sources
            .iter()
            .find(|s| live::says_running(&s.status));
        if let Some(source) = running.filter(|_| !options.force) {
            return Err(UpgradeError::SaysRunning {
                source_name: source.name.clone(),
                status: source.status.clone(),
            });
        }
        let locking = Instant::now();
        let lock = self.lock(&steps::lock(&before)).await?;
        let locked = Instant::now();
        // whoever came between the first look and the locks
        live::require_nobody(self.t).await?;
        let mut survey = Survey::take(self.t, state.clone()).await?;
        let mut done = vec![StepDone {
            step: lock,
            object: "the catalog's tables".into(),
            rows: 0,
            seconds: (locked - locking).as_secs_f64(),
        }];
        let double_ids = survey.conflicts.iter().map(|conflict| conflict.ids).sum();
        let renumbered_rows = self.renumber(&mut survey, &mut done).await?;
        let expected = survey.expected();
        let steps = steps::steps(&survey);
        let mut meter = Meter::new(&steps);
        for step in &steps {
            let seconds = self.step(step, &survey, &expected, &mut meter).await?;
            done.push(StepDone::of(step, seconds));
        }
        let parent = survey.relations.iter().find(|r| r.role == Role::Parent);
        Ok(Some(Outcome {
            done: if options.dry_run {
                Done::TakenBack
            } else {
                Done::Upgraded
            },
            from: in_words(&state),
            sources: source_rows(&survey, &expected),
            quarantined_rows: survey.orphan_rows(),
            double_ids,
            renumbered_rows,
            parent_rows: parent.map_or(0, |r| r.rows() - r.orphan_rows()),
            locked_seconds: locked.elapsed().as_secs_f64(),
            steps: done,
            ..Outcome::nothing_to_do()
        }))
    }

    /// Takes the upgrade lock; says who has it while waiting.
    async fn wait_for_turn(&mut self, until: Until) -> Result<(), UpgradeError> {
        let function = match until {
            Until::Commit => "pg_advisory_xact_lock",
            Until::Unlocked => "pg_advisory_lock",
        };
        let lock = format!(
            "set local lock_timeout = '1s'; select {function}({UPGRADE_LOCK}, 0); \
             set local lock_timeout = 0"
        );
        let attempt = "take the upgrade lock";
        let mut got = false;
        if until == Until::Commit {
            let sql = "select pg_try_advisory_xact_lock($1, 0) as got";
            let row = db::query_one(self.t, attempt, sql, &[(&UPGRADE_LOCK, Type::INT4)]).await?;
            got = db::get(&row, "got")?;
        }
        while !got {
            let first = live::upgrading(self.t).await?;
            if let Some(session) = first {
                let session = live::in_words(&session);
                (self.observe)(Event::Waiting { session });
            }
            got = self.try_to_lock(attempt, "the upgrade lock", &lock).await?;
        }
        Ok(())
    }

    /// Locks the tables, in several short attempts; returns the step's name.
    async fn lock(&mut self, step: &Step) -> Result<String, UpgradeError> {
        let sql = step.statements.join("\n");
        for _ in 0..LOCK_ATTEMPTS {
            if self.try_to_lock(step.id, &step.object, &sql).await? {
                return Ok(step.id.to_owned());
            }
            let holders = live::holders(self.t).await?;
            (self.observe)(Event::LockBusy { holders });
        }
        Err(UpgradeError::Locked {
            seconds: u64::from(LOCK_ATTEMPTS * LOCK_WAIT_MS / 1000),
            holders: live::holders(self.t).await?,
        })
    }

    /// False: not within the statement's own time limit. The transaction goes on.
    async fn try_to_lock(
        &mut self,
        step: &str,
        object: &str,
        sql: &str,
    ) -> Result<bool, UpgradeError> {
        let fail = |error: &chameleon_postgres::tokio_postgres::Error| UpgradeError::Step {
            step: step.to_owned(),
            object: object.to_owned(),
            source: Box::new(Failure::from(error)),
        };
        let batch = format!("savepoint before_lock; {sql}; release savepoint before_lock");
        match self.t.batch_execute(&batch).await {
            Ok(()) => Ok(true),
            Err(error) if error.code().is_some_and(|state| state.code() == "55P03") => {
                let back = self
                    .t
                    .batch_execute("rollback to savepoint before_lock")
                    .await;
                back.map_err(|error| fail(&error))?;
                Ok(false)
            }
            Err(error) => Err(fail(&error)),
        }
    }

    /// Gives new ids where ids stand twice, and takes the survey anew. Returns the rows changed.
    async fn renumber(
        &mut self,
        survey: &mut Survey,
        done: &mut Vec<StepDone>,
    ) -> Result<u64, UpgradeError> {
        if survey.conflicts.is_empty() {
            return Ok(0);
        }
        let rows = conflicts::rows(self.t, &survey.relations, &survey.conflicts).await?;
        let steps = steps::renumber(survey, &rows);
        let mut meter = Meter::new(&steps);
        let expected = BTreeMap::new();
        for step in &steps {
            let seconds = self.step(step, survey, &expected, &mut meter).await?;
            done.push(StepDone::of(step, seconds));
        }
        survey.count(self.t).await?;
        survey.conflicts = vec![];
        Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
    }

    /// Carries a step out; returns the seconds it took.
    async fn step(
        &mut self,
        step: &Step,
        survey: &Survey,
        expected: &BTreeMap<(i64, i64), u64>,
        meter: &mut Meter,
    ) -> Result<f64, UpgradeError> {
        let begun = Instant::now();
        self.tell(meter.begin(step)).await?;
        match step.kind {
            Kind::Compare => self.compare(survey, expected).await?,
            Kind::Complete => crate::complete(self.t).await?,
            Kind::Run => {
                for sql in &step.statements {
                    let ran = self.t.batch_execute(sql).await;
                    ran.map_err(|error| failed(step, &error))?;
                }
            }
            Kind::Counted => {
                let mut found = 0;
                for (index, sql) in step.statements.iter().enumerate() {
                    let part = Instant::now();
                    let ran = self.t.simple_query(sql).await;
                    let ran = ran.map_err(|error| failed(step, &error))?;
                    let rows = ran.iter().filter_map(|message| match message {
                        SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
                        _ => None,
                    });
                    let rows = rows.sum();
                    found += rows;
                    let progress = meter.done(step, rows, part.elapsed().as_secs_f64());
                    if index + 1 < step.statements.len() {
                        self.tell(progress).await?;
                    }
                }
                if found != step.rows {
                    return Err(UpgradeError::CountsDiffer {
                        object: format!("{} by step {}", step.object, step.id),
                        expected: step.rows,
                        found,
                    });
                }
                return Ok(begun.elapsed().as_secs_f64());
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        meter.done(step, step.rows, seconds);
        Ok(seconds)
    }

    /// Says how far it is: to the caller, and as the session's name to everybody.
    async fn tell(&mut self, progress: Progress) -> Result<(), UpgradeError> {
        let set = self.t.batch_execute(&set_name(&progress.name())).await;
        set.map_err(|error| UpgradeError::statement("say how far the upgrade is", &error))?;
        (self.observe)(Event::Progress(progress));
        Ok(())
    }

    /// Every batch has as many rows in the log tables of its source as there were of it, and no
    /// other source's rows are among them.
    async fn compare(
        &mut self,
        survey: &Survey,
        expected: &BTreeMap<(i64, i64), u64>,
    ) -> Result<(), UpgradeError> {
        let mut found: BTreeMap<(i64, i64), u64> = BTreeMap::new();
        for source in &survey.sources {
            for table in source.log_tables() {
                let name = quote_qualified(SCHEMA, &table);
                let sql = "select to_regclass($1) is not null as there";
                let attempt = "look for the log table";
                let row = db::query_one(self.t, attempt, sql, &[(&name, Type::TEXT)]).await?;
                // those that hold no rows are made at the end
                if !db::get::<bool>(&row, "there")? {
                    continue;
                }
                let sql = steps::compare_sql(&name);
                let attempt = format!("count the rows of {name}");
                let sql = sql.trim_end_matches(';');
                for row in db::query(self.t, &attempt, sql, &[]).await? {
                    // a row in another source's table counts as one that nobody expected
                    let key = (source.id, db::get(&row, "batch")?);
                    *found.entry(key).or_default() += db::get_count(&row, "rows")?;
                }
            }
        }
        let keys = expected.keys().chain(found.keys());
        for key in keys {
            let rows = |of: &BTreeMap<_, u64>| of.get(key).copied().unwrap_or(0);
            let (expected, found) = (rows(expected), rows(&found));
            if expected != found {
                return Err(UpgradeError::CountsDiffer {
                    object: format!("batch {} of source {}", key.1, key.0),
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }
}

fn failed(step: &Step, error: &chameleon_postgres::tokio_postgres::Error) -> UpgradeError {
    UpgradeError::Step {
        step: step.id.to_owned(),
        object: step.object.clone(),
        source: Box::new(Failure::from(error)),
    }
}
