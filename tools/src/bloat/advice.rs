//! From figures to findings and advice. Pure: nothing is asked, nothing is executed.

use chameleon_catalog::SCHEMA;
use chameleon_diag::{ErrorCode, Finding, Severity, codes};

use super::facts::{Kind, ServerFacts};
use super::measure::Method;
use super::number::{fraction, human_bytes};
use super::report::{Advice, Group, RelationReport, Report};
use super::speed::Speed;
use super::vacuum::{Hindrance, hindrance};

/// Below that size bloat is not worth a word.
const MIN_BYTES: u64 = 1_000_000;
/// Part of the size from which bloat is a finding, in percent.
const MIN_PERCENT: f64 = 20.0;
/// Log tables of a source that has nothing waiting are smaller than that.
const DRAINED_BYTES: u64 = 100_000;
/// Part of heap-only updates below which it is worth asking why.
const LOW_HOT_PERCENT: f64 = 50.0;

/// Locks in words.
const SHARED: &str = "SHARE UPDATE EXCLUSIVE: reads and writes go on, DDL and other vacuums wait";
const EXCLUSIVE: &str = "ACCESS EXCLUSIVE: everybody waits, readers too";
const NONE: &str = "none on tables";

/// Adds findings and advice to a report that holds everything else.
pub(crate) fn add(report: &mut Report, server: &ServerFacts, speed: Speed, exact_wanted: bool) {
    let mut out = Out::default();
    out.methods(report, exact_wanted);
    out.sources(report);
    out.horizon(report);
    for relation in &report.relations {
        if relation.kind.is_heap() {
            out.vacuum(relation, server, speed);
        }
        if relation.kind == Kind::Table && !relation.locked {
            out.table(relation, report, speed);
        }
        if relation.group != Group::Log {
            out.index(relation, report, speed);
        }
    }
    out.orphans(report);
    report.findings = out.findings;
    report.advice = out.advice;
}

#[derive(Default)]
struct Out {
    findings: Vec<Finding>,
    advice: Vec<Advice>,
}

impl Out {
    fn find(
        &mut self,
        severity: Severity,
        code: ErrorCode,
        object: &str,
        what: String,
        remedy: impl Into<String>,
    ) {
        self.findings.push(Finding {
            severity,
            code,
            object: object.to_owned(),
            what,
            remedy: remedy.into(),
        });
    }

    fn methods(&mut self, report: &Report, exact_wanted: bool) {
        let exact = report.methods.iter().find(|m| m.method == Method::Exact);
        if let Some(reason) = exact.and_then(|m| m.reason.as_ref())
            && exact_wanted
        {
            self.find(
                Severity::Warning,
                codes::BLT003,
                "pgstattuple",
                reason.clone(),
                "create extension pgstattuple; then grant pg_stat_scan_tables to the role",
            );
        }
    }

    fn sources(&mut self, report: &Report) {
        for source in &report.sources {
            let bytes = human_bytes(source.log_bytes);
            let alive = source.replay_pid.is_some();
            if source.stuck {
                self.stuck(source);
            } else if source.waiting_batches == 0 && source.log_bytes > 2 * DRAINED_BYTES && !alive
            {
                let is_ours = report.catalog.as_deref() == Some("1.3");
                self.advice.push(Advice {
                    code: codes::BLT017.as_str(),
                    object: format!("log tables of {}", source.source),
                    why: format!("{bytes}, nothing in them waits, and no replica runs"),
                    sql: if is_ours {
                        vec![source.truncation()]
                    } else {
                        Vec::new()
                    },
                    command: Some(format!(
                        "chameleon start_replica (source {})",
                        source.source
                    )),
                    lock: "ACCESS EXCLUSIVE on each log table, waited for 50 ms at most".into(),
                    disk_bytes: 0,
                    seconds: Some(0.1),
                    gains_bytes: source.log_bytes,
                    note: Some("a replica that runs does this by itself".into()),
                });
            }
        }
    }

    fn stuck(&mut self, source: &super::sources::SourceState) {
        let reason = source.reason.clone().unwrap_or_default();
        let blockers: Vec<String> = source.blockers.iter().map(|b| b.describe()).collect();
        let by = if blockers.is_empty() {
            String::new()
        } else {
            format!(", held by {}", blockers.join("; "))
        };
        let what = format!(
            "{}; this keeps {} in {}: {reason}{by}",
            source.waiting(),
            human_bytes(source.log_bytes),
            source.log_tables.join(" and "),
        );
        let (sql, command) = source.remedy();
        let remedy = command.clone().unwrap_or_else(|| sql.join("; "));
        let object = format!("source {}", source.source);
        self.find(
            Severity::Warning,
            codes::BLT015,
            &object,
            what.clone(),
            remedy,
        );
        self.advice.push(Advice {
            code: codes::BLT015.as_str(),
            object,
            why: what,
            sql,
            command,
            lock: NONE.into(),
            disk_bytes: 0,
            seconds: None,
            gains_bytes: source.log_bytes,
            note: Some(
                "the log tables are truncated once all is replayed; never do it by hand".into(),
            ),
        });
    }

    fn horizon(&mut self, report: &Report) {
        let dead: u64 = report.relations.iter().filter_map(|r| r.dead_tuples).sum();
        for holder in report.horizon.iter().filter(|h| h.is_old()) {
            let severity = if dead > 0 {
                Severity::Warning
            } else {
                Severity::Info
            };
            let (sql, note) = holder.remedy();
            let what = format!("holds back the removal of dead tuples, {dead} here at present");
            self.find(
                severity,
                codes::BLT010,
                &holder.describe(),
                what.clone(),
                sql.clone(),
            );
            self.advice.push(Advice {
                code: codes::BLT010.as_str(),
                object: holder.describe(),
                why: what,
                sql: vec![sql],
                command: None,
                lock: NONE.into(),
                disk_bytes: 0,
                seconds: None,
                gains_bytes: 0,
                note: Some(note.into()),
            });
        }
    }

    fn vacuum(&mut self, relation: &RelationReport, server: &ServerFacts, speed: Speed) {
        let Some(state) = &relation.vacuum else {
            return;
        };
        let dead = relation.dead_tuples.unwrap_or(0);
        let due = format!("{dead} dead tuples, due from {}", state.threshold);
        let vacuum = format!("vacuum (analyze) {}", relation.quoted_table);
        let label = relation.label();
        match hindrance(state, server) {
            None => return,
            Some(Hindrance::Blocked { pid, what }) => self.find(
                Severity::Warning,
                codes::BLT012,
                &label,
                format!("{due}; session {pid} ({what}) holds a lock that vacuum waits for"),
                format!("select pg_terminate_backend({pid}), or wait for its end; then: {vacuum}"),
            ),
            Some(Hindrance::Cancelled { pid }) => {
                let by = pid.map_or_else(String::new, |p| format!(" by session {p}"));
                self.find(
                    Severity::Warning,
                    codes::BLT012,
                    &label,
                    format!("{due}; autovacuum is cancelled{by}, which wants a lock on the table"),
                    vacuum.clone(),
                );
            }
            Some(Hindrance::Off) => self.find(
                Severity::Warning,
                codes::BLT011,
                &label,
                format!("{due}; autovacuum is switched off"),
                format!(
                    "alter table {} reset (autovacuum_enabled)",
                    relation.quoted_table
                ),
            ),
            Some(Hindrance::Busy) => self.find(
                Severity::Warning,
                codes::BLT011,
                &label,
                format!(
                    "{due}; all {} workers are at work elsewhere",
                    server.max_workers
                ),
                vacuum.clone(),
            ),
            Some(Hindrance::Late) => self.find(
                Severity::Info,
                codes::BLT011,
                &label,
                format!("{due}; the next round of autovacuum should take it"),
                vacuum.clone(),
            ),
        }
        self.advice.push(Advice {
            code: codes::BLT011.as_str(),
            object: label,
            why: due,
            sql: vec![vacuum],
            command: None,
            lock: SHARED.into(),
            disk_bytes: 0,
            seconds: speed.seconds(relation.bytes),
            gains_bytes: relation.empty_tail_bytes.unwrap_or(0),
            note: Some(format!("makes the room usable again; {}", speed.note())),
        });
    }

    fn table(&mut self, table: &RelationReport, report: &Report, speed: Speed) {
        let family: Vec<&RelationReport> = report
            .relations
            .iter()
            .filter(|r| r.table_oid == table.table_oid)
            .collect();
        self.stale(table, speed);
        self.updates(table);
        self.tail(table, speed);
        if table.group == Group::Log {
            return;
        }
        let heaps = family.iter().filter(|r| r.kind.is_heap());
        let bloated: Vec<_> = heaps.filter(|r| is_bloated(r)).collect();
        if bloated.is_empty() {
            return;
        }
        for relation in &bloated {
            self.bloat(relation, format!("vacuum full {}", table.quoted), false);
        }
        let bytes: u64 = family.iter().map(|r| r.bytes).sum();
        let ideal: u64 = family.iter().map(|r| r.ideal_bytes()).sum();
        self.advice.push(Advice {
            code: codes::BLT017.as_str(),
            object: table.label(),
            why: format!(
                "{} of {} would be given back",
                human_bytes(bytes.saturating_sub(ideal)),
                human_bytes(bytes)
            ),
            sql: vec![format!("vacuum (full, analyze) {}", table.quoted)],
            command: None,
            lock: EXCLUSIVE.into(),
            disk_bytes: ideal,
            // read once, written once to the file and once to the WAL
            seconds: speed.seconds(bytes + 2 * ideal),
            gains_bytes: bytes.saturating_sub(ideal),
            note: Some(format!(
                "with its TOAST and indexes, {}; rows that come later may fill the free space \
                 without it; where pg_repack is installed, it does the same under short locks",
                speed.note()
            )),
        });
    }

    fn bloat(&mut self, relation: &RelationReport, remedy: String, comes_back: bool) {
        let Some((method, measure)) = relation.estimates.best() else {
            return;
        };
        let band = measure
            .error_band_percent
            .map_or("without a bound".to_owned(), |band| format!("±{band} %"));
        let what = format!(
            "{} of {} is bloat, {:.0} % ({}, {band})",
            human_bytes(measure.bloat_bytes),
            human_bytes(relation.bytes),
            measure.bloat_percent,
            method.word(),
        );
        let (severity, what) = if comes_back {
            let why = "; its inserts at random places will bring most of it back";
            (Severity::Info, format!("{what}{why}"))
        } else {
            (Severity::Warning, what)
        };
        self.find(severity, codes::BLT017, &relation.label(), what, remedy);
    }

    fn index(&mut self, index: &RelationReport, report: &Report, speed: Speed) {
        if index.kind != Kind::Index || index.locked || !is_bloated(index) {
            return;
        }
        let steady = index
            .estimates
            .statistics
            .as_ref()
            .and_then(|m| m.steady_bytes);
        let comes_back = steady.is_some_and(|s| fraction(index.bytes) <= fraction(s) * 1.1);
        let sql = format!("reindex index concurrently {}", index.quoted);
        self.bloat(index, sql.clone(), comes_back);
        if comes_back {
            return;
        }
        let table = report.relations.iter().find(|r| r.oid == index.table_oid);
        let heap = table.map_or(0, |t| t.bytes);
        let ideal = index.ideal_bytes();
        self.advice.push(Advice {
            code: codes::BLT017.as_str(),
            object: index.label(),
            why: format!(
                "{} of {} would be given back",
                human_bytes(index.bytes - ideal),
                human_bytes(index.bytes)
            ),
            sql: vec![sql],
            command: None,
            lock: SHARED.into(),
            disk_bytes: ideal,
            // the table is read twice, the index written once to the file and once to the WAL
            seconds: speed.seconds(2 * heap + 2 * ideal),
            gains_bytes: index.bytes - ideal,
            note: Some(format!(
                "not in a transaction; waits for transactions that are open; {}",
                speed.note()
            )),
        });
    }

    fn stale(&mut self, table: &RelationReport, speed: Speed) {
        if table.stale.is_empty() || table.bytes < MIN_BYTES {
            return;
        }
        let analyze = format!("analyze {}", table.quoted);
        let what = table.stale.join("; ");
        self.find(
            Severity::Info,
            codes::BLT016,
            &table.label(),
            what.clone(),
            analyze.clone(),
        );
        self.advice.push(Advice {
            code: codes::BLT016.as_str(),
            object: table.label(),
            why: what,
            sql: vec![analyze],
            command: None,
            lock: SHARED.into(),
            disk_bytes: 0,
            // a sample of 30,000 pages at most
            seconds: speed.seconds(table.bytes.min(30_000 * 8192)),
            gains_bytes: 0,
            note: None,
        });
    }

    fn updates(&mut self, table: &RelationReport) {
        let Some(hot) = table.hot_percent.filter(|h| *h < LOW_HOT_PERCENT) else {
            return;
        };
        let what = format!("{hot:.0} % of the updates are heap-only, the others fill the indexes");
        let sql = format!("alter table {} set (fillfactor = 80)", table.quoted);
        self.find(
            Severity::Info,
            codes::BLT013,
            &table.label(),
            what.clone(),
            sql.clone(),
        );
        self.advice.push(Advice {
            code: codes::BLT013.as_str(),
            object: table.label(),
            why: what,
            sql: vec![sql],
            command: None,
            lock: SHARED.into(),
            disk_bytes: table.ideal_bytes() / 4,
            seconds: Some(0.0),
            gains_bytes: 0,
            note: Some(
                "holds for pages written from then on; does not help where an indexed column \
                 changes"
                    .into(),
            ),
        });
    }

    fn tail(&mut self, table: &RelationReport, speed: Speed) {
        let Some(tail) = table.empty_tail_bytes.filter(|t| *t >= MIN_BYTES) else {
            return;
        };
        let what = format!("the last {} hold no row", human_bytes(tail));
        let sql = format!("vacuum (truncate) {}", table.quoted);
        let off = if table.may_truncate {
            None
        } else {
            Some("vacuum_truncate is off for it, so autovacuum leaves the end alone".to_owned())
        };
        self.find(
            Severity::Info,
            codes::BLT014,
            &table.label(),
            what.clone(),
            sql.clone(),
        );
        self.advice.push(Advice {
            code: codes::BLT014.as_str(),
            object: table.label(),
            why: what,
            sql: vec![sql],
            command: None,
            lock: format!("{SHARED}; for the end {EXCLUSIVE}, given up where somebody waits"),
            disk_bytes: 0,
            seconds: speed.seconds(tail),
            gains_bytes: tail,
            note: off,
        });
    }

    fn orphans(&mut self, report: &Report) {
        if report
            .catalog
            .as_deref()
            .is_none_or(|c| !c.starts_with("1.3"))
        {
            return;
        }
        let orphans = report.relations.iter().filter(|r| {
            r.kind == Kind::Table && r.group == Group::Log && r.name != "t_log_replica"
        });
        for table in orphans.filter(|t| t.sources.is_empty()) {
            let what = format!("{} that no source fills", human_bytes(table.bytes));
            let look = format!("select count(*) from only {SCHEMA}.{}", table.name);
            self.find(Severity::Warning, codes::BLT018, &table.label(), what, look);
        }
    }
}

/// Bloated enough to say so, by a figure that has a bound.
fn is_bloated(relation: &RelationReport) -> bool {
    relation.best().is_some_and(|m| {
        m.error_band_percent.is_some()
            && m.bloat_bytes >= MIN_BYTES
            && m.bloat_percent >= MIN_PERCENT
    })
}

#[cfg(test)]
#[path = "advice_tests.rs"]
mod tests;
