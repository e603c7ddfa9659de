//! What a plan finds: what is worth knowing, and what stands in the way.

use chameleon_diag::{ErrorCode, Finding, Report, Severity, codes};
use chameleon_postgres::tokio_postgres::GenericClient;

use super::error::UpgradeError;
use super::live;
use super::plan::Plan;
use super::steps;
use super::survey::{Role, Survey};
use crate::db;
use crate::version::CatalogState;

/// Somebody upgrades at present.
pub(super) async fn look_for_upgrade(
    c: &impl GenericClient,
    findings: &mut Report,
) -> Result<(), UpgradeError> {
    if let Some(session) = live::upgrading(c).await? {
        let what = format!(
            "it is being upgraded at present by {}",
            live::in_words(&session)
        );
        let remedy = "wait for it";
        findings.push(finding(
            Severity::Info,
            codes::UPG028,
            "the catalog",
            what,
            remedy,
        ));
    }
    Ok(())
}

/// All that is worth knowing, and all that stands in the way.
pub(super) async fn find(
    c: &impl GenericClient,
    survey: &Survey,
    plan: &mut Plan,
) -> Result<(), UpgradeError> {
    let found = &mut plan.findings;
    if survey.state == CatalogState::Halfway {
        let what = "an upgrade was broken off half-way; it is finished";
        found.push(finding(
            Severity::Info,
            codes::UPG026,
            "the catalog",
            what,
            "",
        ));
    }
    find_sessions(c, survey, found).await?;
    find_rows(survey, found);
    for (table, why) in steps::copied_with_one_source(survey) {
        let what = format!("it is copied and not renamed: {why}");
        found.push(finding(Severity::Info, codes::UPG027, table, what, ""));
    }
    let (schemas, names) = (
        include_str!("sql/schemas.sql"),
        include_str!("sql/names.sql"),
    );
    for (code, sql) in [(codes::UPG030, schemas), (codes::UPG023, names)] {
        for row in db::query(c, "compare the catalog's names", sql, &[]).await? {
            let object: String = db::get(&row, "object")?;
            let fault: String = db::get(&row, "fault")?;
            let remedy = format!("chameleon explain {code}");
            found.push(finding(Severity::Warning, code, object, fault, remedy));
        }
    }
    let sql = include_str!("sql/privileges.sql");
    for row in db::query(c, "look at the privileges", sql, &[]).await? {
        let object: String = db::get(&row, "object")?;
        let owner: String = db::get(&row, "owner")?;
        let what = format!("it belongs to {owner}, and the upgrade has to change it");
        let remedy = format!("run the upgrade as {owner}");
        found.push(finding(
            Severity::Error,
            codes::UPG005,
            object,
            what,
            remedy,
        ));
    }
    let sql = include_str!("sql/dependants.sql");
    for row in db::query(c, "look for what hangs on the log tables", sql, &[]).await? {
        let Some(object) = db::get::<Option<String>>(&row, "object")? else {
            continue;
        };
        let relation: String = db::get(&row, "relation")?;
        let what = format!("it depends on {relation}, which goes");
        let remedy = "drop it, and make it anew on t_log_replica after the upgrade";
        found.push(finding(
            Severity::Error,
            codes::UPG010,
            object,
            what,
            remedy,
        ));
    }
    if let Some(free) = plan
        .free_bytes
        .filter(|free| *free < plan.disk_bytes + plan.wal_bytes)
    {
        let needed = plan.disk_bytes + plan.wal_bytes;
        let what = format!("{free} bytes are free, and the upgrade takes about {needed}");
        let remedy = "free space, or let 1.2 replay what waits";
        let object = "the server's disk";
        found.push(finding(
            Severity::Error,
            codes::UPG024,
            object,
            what,
            remedy,
        ));
    }
    Ok(())
}

async fn find_sessions(
    c: &impl GenericClient,
    survey: &Survey,
    found: &mut Report,
) -> Result<(), UpgradeError> {
    let live = live::look(c).await?;
    for session in &live.predecessors {
        let what = "pg_chameleon 1.x is running";
        let remedy = "chameleon.py stop_replica";
        let object = live::in_words(session);
        found.push(finding(
            Severity::Error,
            codes::CAT013,
            object,
            what,
            remedy,
        ));
    }
    for session in &live.ours {
        let what = "a replica is running";
        let object = live::in_words(session);
        let remedy = "chameleon stop_replica";
        found.push(finding(
            Severity::Error,
            codes::CAT012,
            object,
            what,
            remedy,
        ));
    }
    if !live.predecessors.is_empty() || !live.ours.is_empty() {
        return Ok(());
    }
    for source in survey
        .sources
        .iter()
        .filter(|s| live::says_running(&s.status))
    {
        let what = format!(
            "it says that it is {}, and no session is there",
            source.status
        );
        let remedy = "make sure that no replica runs anywhere, then add --force";
        let object = format!("source {}", source.name);
        found.push(finding(
            Severity::Warning,
            codes::CAT030,
            object,
            what,
            remedy,
        ));
    }
    Ok(())
}

fn find_rows(survey: &Survey, found: &mut Report) {
    for relation in survey.relations.iter().filter(|r| r.moves()) {
        let rows = relation.orphan_rows();
        if rows > 0 {
            let what = format!("{rows} rows belong to no batch; they go to t_quarantined_rows");
            let object = relation.name.as_str();
            found.push(finding(Severity::Warning, codes::UPG020, object, what, ""));
        }
        let rows = relation.rows() - rows;
        if relation.role == Role::Parent && rows > 0 {
            let what = format!("it holds {rows} rows; they go to the log tables of their sources");
            let object = relation.name.as_str();
            found.push(finding(Severity::Info, codes::UPG022, object, what, ""));
        }
    }
    for conflict in &survey.conflicts {
        let what = format!(
            "{} of its event ids stand in an earlier batch too; its rows get new ids from {} on",
            conflict.ids, conflict.first_event
        );
        let object = format!("batch {}", conflict.batch);
        found.push(finding(Severity::Warning, codes::UPG021, object, what, ""));
    }
    if survey.next_event <= survey.last_event() {
        let what = format!(
            "it would give out {} next, and {} is in use",
            survey.next_event,
            survey.last_event()
        );
        let object = "the sequence of event ids";
        found.push(finding(Severity::Info, codes::UPG025, object, what, ""));
    }
    let parts = survey.relations.iter().flat_map(|r| &r.parts);
    let waiting: u64 = parts
        .filter(|p| p.waits && p.source.is_some())
        .map(|p| p.rows)
        .sum();
    if waiting > 0 {
        let what = format!("{waiting} rows wait for replay; they are replayed after the upgrade");
        found.push(finding(
            Severity::Info,
            codes::UPG029,
            "the relay",
            what,
            "",
        ));
    }
}

fn finding(
    severity: Severity,
    code: ErrorCode,
    object: impl Into<String>,
    what: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    Finding {
        severity,
        code,
        object: object.into(),
        what: what.into(),
        remedy: remedy.into(),
    }
}
