//! The catalog's way to version 1.3: plan, backup, apply, verify in one.
//!
//! `upgrade_schema` asks for it, and so does the first command that writes, unless `auto_upgrade` is
//! off. Whoever comes while another session upgrades waits for it, and goes on with the result.

use chameleon_backup::{Means, Out, Verified, create_verified, table_sums};
use chameleon_catalog::CatalogState;
use chameleon_catalog::upgrade::{
    self, Done, Event, Options, Outcome, Plan, TableRows, Verification, render_outcome,
    render_verification,
};
use chameleon_diag::{Severity, codes};
use chameleon_postgres::Client;
use indicatif::ProgressBar;
use serde::Serialize;

use crate::context::Context;
use crate::error::HostError;

/// What an upgrade came to.
#[derive(Debug, Serialize)]
pub struct Upgraded {
    /// What was done.
    pub outcome: Outcome,
    /// The backup that was taken before; none where nothing was moved.
    pub backup: Option<Verified>,
    /// How the result compares with a new catalog, and with the backup.
    pub verification: Verification,
    /// The command that brings 1.2 back; none without backup.
    pub rollback: Option<String>,
}

impl Upgraded {
    /// For people. Ends with a line feed.
    pub fn text(&self) -> String {
        let mut text = render_outcome(&self.outcome);
        if let Some(backup) = &self.backup {
            let path = backup.backup.path.display();
            text.push_str(&format!("backup: {path}, verified: {}\n", backup.by));
            for key in &backup.broken_keys {
                let finding = key.finding();
                text.push_str(&format!(
                    "  {} {}: {}\n",
                    finding.code, finding.object, finding.what
                ));
            }
            if backup.by == Means::Archive {
                text.push_str(&format!(
                    "  not restored: {}\n",
                    backup.passed_over.join("; ")
                ));
            }
        }
        text.push_str(&render_verification(&self.verification));
        if let Some(command) = &self.rollback {
            text.push_str(&format!("to go back: {command}\n"));
        }
        text
    }
}

/// Brings the catalog to version 1.3. `force` goes on where a source says that it is running and no
/// session is there. `None`: it is that already.
///
/// # Errors
/// Those of the plan that say that nothing can be done, UPG001-UPG010, CAT012, CAT013, CAT030; BAK
/// codes where no backup could be taken: then nothing was changed.
pub async fn upgrade(cx: &Context, force: bool) -> Result<Option<Upgraded>, HostError> {
    let mut client = cx.connect_target().await?;
    let mut shown = Shown::new(cx);
    upgrade::take_turn(&mut client, &mut |event| shown.show(&event)).await?;
    let result = in_turn(cx, &mut client, force, &mut shown).await;
    shown.bar.finish_and_clear();
    let ended = upgrade::end_turn(&client).await;
    let upgraded = result?;
    ended?;
    Ok(upgraded)
}

async fn in_turn(
    cx: &Context,
    client: &mut Client,
    force: bool,
    shown: &mut Shown,
) -> Result<Option<Upgraded>, HostError> {
    let state = chameleon_catalog::version(client).await?;
    let plan = upgrade::plan(client, &cx.config.pg.host).await?;
    if !plan.needed {
        return Ok(None);
    }
    require_possible(&plan, force)?;
    let moves = state != CatalogState::V13Original
        || plan.sources.iter().any(|source| source.rows > 0)
        || plan.orphan_rows > 0;
    let backup = if moves {
        Some(back_up(cx, shown).await?)
    } else {
        None
    };
    let options = Options {
        force,
        dry_run: false,
    };
    let outcome = upgrade::apply(client, options, &mut |event| shown.show(&event)).await?;
    for step in &outcome.steps {
        let (name, object, rows) = (&step.step, &step.object, step.rows);
        let seconds = step.seconds;
        tracing::debug!(step = %name, object = %object, rows, seconds, "upgrade step done");
    }
    if outcome.done == Done::Current {
        return Ok(None);
    }
    let mut verification = upgrade::verify(client).await?;
    if let Some(backup) = &backup {
        let before = rows(backup.backup.manifest.tables.clone());
        verification.compare_rows(&before, &rows(table_sums(client).await?));
    }
    let seconds = outcome.seconds;
    tracing::info!(whole = verification.whole, seconds, "catalog upgraded");
    Ok(Some(Upgraded {
        rollback: backup.as_ref().map(|backup| rollback_command(cx, backup)),
        outcome,
        backup,
        verification,
    }))
}

/// Goes on only where no finding of the plan stands in the way.
fn require_possible(plan: &Plan, force: bool) -> Result<(), HostError> {
    let stands = |severity, code| severity == Severity::Error || (code == codes::CAT030 && !force);
    let mut findings = plan.findings.findings.iter();
    match findings.find(|finding| stands(finding.severity, finding.code)) {
        None => Ok(()),
        Some(finding) => Err(HostError::UpgradeRefused {
            code: finding.code,
            object: finding.object.clone(),
            what: finding.what.clone(),
            remedy: finding.remedy.clone(),
        }),
    }
}

async fn back_up(cx: &Context, shown: &Shown) -> Result<Verified, HostError> {
    shown.bar.set_message("backup");
    let directory = cx.home_dir()?.join("backup");
    let verified = create_verified(&cx.target, &Out::Directory(directory)).await?;
    let path = verified.backup.path.display();
    tracing::info!(path = %path, seconds = verified.seconds, "backup taken and verified");
    Ok(verified)
}

fn rollback_command(cx: &Context, backup: &Verified) -> String {
    format!(
        "chameleon-tools --config {} rollback --backup {}",
        cx.config.path.display(),
        backup.backup.path.display()
    )
}

fn rows(sums: Vec<chameleon_backup::TableSum>) -> Vec<TableRows> {
    let tables = sums.into_iter().map(|table| TableRows {
        name: table.name,
        rows: table.rows,
        checksum: table.checksum,
    });
    tables.collect()
}

/// What is said while it goes on.
struct Shown {
    output: crate::output::Output,
    bar: ProgressBar,
    waiting: bool,
}

impl Shown {
    fn new(cx: &Context) -> Self {
        let bar = cx.output.progress().add(ProgressBar::new_spinner());
        Self {
            output: cx.output,
            bar,
            waiting: false,
        }
    }

    fn show(&mut self, event: &Event) {
        match event {
            Event::Waiting { session } => {
                if !self.waiting && !self.output.json {
                    let text = format!("waits for the upgrade of the catalog by {session}\n");
                    self.output.note(&text);
                }
                self.waiting = true;
                self.bar.set_message(format!("waits for {session}"));
            }
            Event::LockBusy { holders } => {
                let holders = holders.join("; ");
                tracing::warn!(holders = %holders, "catalog tables are locked");
                self.bar
                    .set_message(format!("waits for locks of {holders}"));
            }
            Event::Progress(progress) => {
                let left = progress.seconds_left.map(|s| format!(", {s:.0} s left"));
                self.bar.set_message(format!(
                    "{}/{} {} {}/{} rows{}",
                    progress.number,
                    progress.steps,
                    progress.step,
                    progress.rows_done,
                    progress.rows,
                    left.unwrap_or_default()
                ));
            }
            Event::Ending { .. } => self.bar.set_message("commits"),
        }
        self.bar.tick();
    }
}
