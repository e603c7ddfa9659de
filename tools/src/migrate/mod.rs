//! `migrate plan | dry-run | apply | verify`: the catalog's way from 1.2 to 1.3, step by step.

mod offline;
mod progress;

use std::io::{self, Write};
use std::path::Path;

use chameleon_backup::{Backup, table_sums};
use chameleon_catalog::upgrade::{
    self, Done, Options, Outcome, Plan, TableRows, Verification, render_outcome, render_plan,
    render_verification,
};
use chameleon_diag::Severity;
use chameleon_postgres::{Client, ConnectOptions, connect};
use serde::Serialize;

use crate::cli::{Cli, MigrateCommand};
use crate::error::ToolsError;
use crate::{carry_out as interruptibly, target_options, write_json};

/// What a run of the upgrade came to, as it is printed.
#[derive(Serialize)]
struct Ran {
    schema_version: u32,
    /// Where: the target, or a scratch server.
    server: String,
    #[serde(flatten)]
    outcome: Outcome,
    /// How the result compares with a new catalog; none where it was taken back.
    verification: Option<Verification>,
}

/// Runs a command. `false`: there is work to do, or something differs.
pub(crate) fn run(cli: &Cli, command: &MigrateCommand) -> Result<bool, ToolsError> {
    match command {
        MigrateCommand::Plan(args) => {
            let target = target_options(cli)?;
            let plan = interruptibly(plan(&target))?;
            print(cli.json, &plan, || render_plan(&plan, !args.brief))?;
            let blocked = plan.findings.worst() == Some(Severity::Error);
            Ok(!plan.needed && !blocked)
        }
        MigrateCommand::DryRun(args) => {
            let ran = match &args.dump {
                Some(file) => interruptibly(offline::dry_run(file, cli.json))?,
                None => {
                    let target = target_options(cli)?;
                    let options = Options {
                        force: args.force,
                        dry_run: true,
                    };
                    interruptibly(apply(&target, options, cli.json))?
                }
            };
            show(cli, &ran)
        }
        MigrateCommand::Apply(args) => {
            let target = target_options(cli)?;
            let options = Options {
                force: args.force,
                dry_run: false,
            };
            let ran = interruptibly(apply(&target, options, cli.json))?;
            show(cli, &ran)
        }
        MigrateCommand::Verify(args) => {
            let target = target_options(cli)?;
            let found = interruptibly(verify(&target, args.backup.as_deref()))?;
            print(cli.json, &found, || render_verification(&found))?;
            Ok(found.whole)
        }
    }
}

async fn plan(target: &ConnectOptions) -> Result<Plan, ToolsError> {
    let client = connect(target).await?;
    if let Some(session) = upgrade::upgrading(&client).await? {
        let who = upgrade::session_in_words(&session);
        // its tables are locked: there is nowhere else to say why nothing comes
        let _ = writeln!(io::stderr(), "waits for the upgrade by {who}");
    }
    Ok(upgrade::plan(&client, &target.host).await?)
}

async fn apply(target: &ConnectOptions, options: Options, json: bool) -> Result<Ran, ToolsError> {
    let mut client = connect(target).await?;
    let outcome = carry_out(&mut client, options, json).await?;
    let verification = match outcome.done {
        Done::TakenBack => None,
        _ => Some(upgrade::verify(&client).await?),
    };
    Ok(Ran {
        schema_version: 1,
        server: format!("{}:{}/{}", target.host, target.port, target.database),
        outcome,
        verification,
    })
}

/// Carries the upgrade out and says how far it is.
async fn carry_out(
    client: &mut Client,
    options: Options,
    json: bool,
) -> Result<Outcome, ToolsError> {
    let mut shown = progress::Shown::new(json);
    let outcome = upgrade::apply(client, options, &mut |event| shown.show(&event)).await;
    shown.end();
    Ok(outcome?)
}

async fn verify(
    target: &ConnectOptions,
    backup: Option<&Path>,
) -> Result<Verification, ToolsError> {
    let client = connect(target).await?;
    let mut found = upgrade::verify(&client).await?;
    if let Some(path) = backup {
        let backup = Backup::open(path).await?;
        compare_rows(&client, &backup, &mut found).await?;
    }
    Ok(found)
}

/// Compares the rows with those that a backup's manifest counts.
async fn compare_rows(
    client: &Client,
    backup: &Backup,
    found: &mut Verification,
) -> Result<(), ToolsError> {
    let now = rows(table_sums(client).await?);
    found.compare_rows(&rows(backup.manifest.tables.clone()), &now);
    Ok(())
}

fn rows(sums: Vec<chameleon_backup::TableSum>) -> Vec<TableRows> {
    let tables = sums.into_iter().map(|table| TableRows {
        name: table.name,
        rows: table.rows,
        checksum: table.checksum,
    });
    tables.collect()
}

fn show(cli: &Cli, ran: &Ran) -> Result<bool, ToolsError> {
    print(cli.json, ran, || {
        let mut text = format!("on {}\n{}", ran.server, render_outcome(&ran.outcome));
        if let Some(verification) = &ran.verification {
            text.push_str(&render_verification(verification));
        }
        text
    })?;
    Ok(ran.verification.as_ref().is_none_or(|found| found.whole))
}

fn print<T: Serialize>(
    json: bool,
    value: &T,
    text: impl FnOnce() -> String,
) -> Result<(), ToolsError> {
    let mut out = io::stdout().lock();
    let written = if json {
        write_json(&mut out, value)
    } else {
        out.write_all(text().as_bytes())
    };
    written
        .and_then(|()| out.flush())
        .map_err(ToolsError::Output)
}
