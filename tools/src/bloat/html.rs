//! The report as a page that needs nothing beside itself: no script, no file, no network.

use std::fmt::Write as _;

use super::chart;
use super::number::{human_bytes, human_seconds};
use super::report::{Advice, RelationReport, Report};
use super::text;

/// Relations in the chart of sizes.
const BARS: usize = 30;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2430;--paper:#fff;--soft:#667;--line:#d5dae1;--live:#2f7ebc;\
--dead:#c2452d;--free:#e0a030;--pale:#f4f6f9}\
@media(prefers-color-scheme:dark){:root{--ink:#e3e8ef;--paper:#14181e;--soft:#98a2b0;--line:#39414d;\
--pale:#1d232b}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:72rem;\
margin:2rem auto;padding:0 1rem}\
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}p.soft,td.soft{color:var(--soft)}\
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:13px}\
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\
pre{background:var(--pale);padding:.6rem;overflow-x:auto;margin:.4rem 0}\
.warning{border-left:4px solid var(--dead);padding-left:.8rem}\
.info{border-left:4px solid var(--line);padding-left:.8rem}\
svg{width:100%;height:auto}svg text{fill:var(--ink);font:12px system-ui,sans-serif}\
.key span{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}";

/// Text as HTML shows it.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The page of all samples; the last one stands in the tables. Empty without a sample.
pub(crate) fn page(samples: &[Report]) -> String {
    let Some(report) = samples.last() else {
        return String::new();
    };
    let title = format!("Bloat of {}", report.database);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{0}</title><style>{STYLE}</style></head><body>\n<h1>{0}</h1>\n",
        escape(&title)
    );
    summary(report, &mut page);
    findings(report, &mut page);
    history(samples, &mut page);
    sizes(report, &mut page);
    sources(report, &mut page);
    relations(report, &mut page);
    horizon(report, &mut page);
    advice(report, &mut page);
    page.push_str("</body></html>\n");
    page
}

fn paragraph(page: &mut String, class: &str, text: &str) {
    // writing to a String does not fail
    let _ = writeln!(page, "<p class=\"{class}\">{}</p>", escape(text));
}

fn heading(page: &mut String, text: &str) {
    let _ = writeln!(page, "<h2>{}</h2>", escape(text));
}

fn summary(report: &Report, page: &mut String) {
    let catalog = report.catalog.as_deref().unwrap_or("none");
    let line = format!(
        "{}. PostgreSQL {}, catalog {catalog}, schemas {}. {} in all, {} of it bloat.",
        report.taken_at,
        report.server_version,
        report.schemas.join(", "),
        human_bytes(report.total_bytes),
        human_bytes(report.total_bloat_bytes)
    );
    paragraph(page, "", &line);
    for method in &report.methods {
        let word = method.method.word();
        let line = match &method.reason {
            None => format!(
                "Method {word}: ±{} % of a relation's size; {}.",
                method.error_band_percent, method.conditions
            ),
            Some(reason) => format!("Method {word}: not used, {reason}."),
        };
        paragraph(page, "soft", &line);
    }
}

fn findings(report: &Report, page: &mut String) {
    heading(page, "Findings");
    if report.findings.is_empty() {
        paragraph(page, "soft", "None.");
    }
    for finding in &report.findings {
        let class = match finding.severity {
            chameleon_diag::Severity::Info => "info",
            _ => "warning",
        };
        let _ = writeln!(
            page,
            "<div class=\"{class}\"><b>{}</b> {}: {}<br>{}</div>",
            finding.code,
            escape(&finding.object),
            escape(&finding.what),
            escape(&finding.remedy)
        );
    }
}

fn history(samples: &[Report], page: &mut String) {
    if samples.len() < 2 {
        return;
    }
    heading(page, "History");
    let times: Vec<&str> = samples.iter().map(|s| s.taken_at.as_str()).collect();
    let of = |value: &dyn Fn(&Report) -> u64| samples.iter().map(value).collect::<Vec<u64>>();
    let sizes = [
        chart::Line::new("size", of(&|s| s.total_bytes)),
        chart::Line::new("bloat", of(&|s| s.total_bloat_bytes)),
    ];
    page.push_str(&chart::lines(&times, &sizes, human_bytes));
    let dead = chart::Line::new(
        "dead tuples",
        of(&|s| s.relations.iter().filter_map(|r| r.dead_tuples).sum()),
    );
    page.push_str(&chart::lines(&times, &[dead], |n| n.to_string()));
    let names = samples
        .last()
        .map(|s| s.sources.iter().map(|x| x.source.clone()));
    let logs: Vec<chart::Line> = names
        .into_iter()
        .flatten()
        .map(|name| {
            let bytes = of(&|s| {
                let source = s.sources.iter().find(|x| x.source == name);
                source.map_or(0, |x| x.log_bytes)
            });
            chart::Line::new(&format!("log tables of {name}"), bytes)
        })
        .collect();
    if !logs.is_empty() {
        page.push_str(&chart::lines(&times, &logs, human_bytes));
    }
}

fn sizes(report: &Report, page: &mut String) {
    heading(page, "Sizes");
    page.push_str(
        "<p class=\"key soft\"><span style=\"background:var(--live)\"></span>size after a rewrite\
         <span style=\"background:var(--dead)\"></span>dead\
         <span style=\"background:var(--free)\"></span>other bloat</p>\n",
    );
    let mut largest: Vec<&RelationReport> = report.relations.iter().collect();
    largest.retain(|r| r.bytes > 0);
    largest.sort_by_key(|r| std::cmp::Reverse(r.bytes));
    largest.truncate(BARS);
    let bars: Vec<chart::Bar> = largest
        .into_iter()
        .map(|r| {
            let bloat = r.bloat_bytes.unwrap_or(0).min(r.bytes);
            let dead = r.best().map_or(0, |m| m.dead_bytes).min(bloat);
            chart::Bar {
                name: r.label(),
                parts: [r.bytes - bloat, dead, bloat - dead],
                note: format!(
                    "{}, {:.0} % bloat",
                    human_bytes(r.bytes),
                    r.bloat_percent.unwrap_or(0.0)
                ),
            }
        })
        .collect();
    page.push_str(&chart::bars(&bars));
}

fn sources(report: &Report, page: &mut String) {
    if report.sources.is_empty() {
        return;
    }
    heading(page, "Sources");
    for source in &report.sources {
        let class = if source.stuck { "warning" } else { "info" };
        let _ = writeln!(
            page,
            "<div class=\"{class}\">{}</div>",
            escape(&text::describe(source))
        );
    }
}

fn relations(report: &Report, page: &mut String) {
    heading(page, "Relations");
    page.push_str(
        "<div class=\"scroll\"><table><tr><th>relation</th><th>kind</th><th class=\"n\">size</th>\
         <th class=\"n\">live</th><th class=\"n\">dead</th><th class=\"n\">free</th>\
         <th class=\"n\">statistics</th><th class=\"n\">approximate</th><th class=\"n\">exact</th>\
         <th class=\"n\">heap-only updates</th><th class=\"n\">last vacuum</th><th>notes</th></tr>\n",
    );
    for r in report.relations.iter().filter(|r| r.bytes > 0) {
        let number = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
        let bloat = |m: &Option<super::measure::Measure>| {
            m.as_ref().map_or_else(String::new, |m| {
                let bound = m.error_band_percent.map_or("?".into(), |b| format!("±{b}"));
                format!(
                    "{} ({:.0} % {bound})",
                    human_bytes(m.bloat_bytes),
                    m.bloat_percent
                )
            })
        };
        let vacuum = r.vacuum.as_ref().and_then(|v| v.last_vacuum_seconds);
        let cells = [
            human_bytes(r.bytes),
            number(r.live_tuples),
            number(r.dead_tuples),
            r.free_bytes.map_or_else(String::new, human_bytes),
            bloat(&r.estimates.statistics),
            bloat(&r.estimates.approximate),
            bloat(&r.estimates.exact),
            r.hot_percent
                .map_or_else(String::new, |h| format!("{h:.0} %")),
            vacuum.map_or_else(String::new, |s| format!("{} ago", human_seconds(s))),
        ];
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{}</td>",
            escape(&r.label()),
            r.kind.word()
        );
        for cell in cells {
            let _ = write!(page, "<td class=\"n\">{}</td>", escape(&cell));
        }
        let _ = writeln!(
            page,
            "<td class=\"soft\">{}</td></tr>",
            escape(&r.stale.join("; "))
        );
    }
    page.push_str("</table></div>\n");
}

fn horizon(report: &Report, page: &mut String) {
    if report.horizon.is_empty() {
        return;
    }
    heading(page, "Oldest snapshots");
    for holder in &report.horizon {
        let class = if holder.is_old() { "warning" } else { "info" };
        let _ = writeln!(
            page,
            "<div class=\"{class}\">{}</div>",
            escape(&holder.describe())
        );
    }
}

fn advice(report: &Report, page: &mut String) {
    heading(page, "Advice");
    paragraph(page, "soft", "Nothing of it is executed.");
    for advice in &report.advice {
        one_advice(advice, page);
    }
}

fn one_advice(advice: &Advice, page: &mut String) {
    let _ = writeln!(
        page,
        "<p><b>{}</b> {}: {}</p>",
        advice.code,
        escape(&advice.object),
        escape(&advice.why)
    );
    let statements = advice.sql.iter().map(|sql| format!("{sql};"));
    let lines: Vec<String> = statements
        .chain(advice.command.iter().map(|c| format!("$ {c}")))
        .collect();
    if !lines.is_empty() {
        let _ = writeln!(page, "<pre>{}</pre>", escape(&lines.join("\n")));
    }
    paragraph(page, "soft", &text::costs(advice));
    if let Some(note) = &advice.note {
        paragraph(page, "soft", note);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_place_on_the_page() {
        assert_eq!(escape("<b a='1'>&\""), "&lt;b a=&#39;1&#39;&gt;&amp;&quot;");
    }

    #[test]
    fn no_sample_is_no_page() {
        assert_eq!(page(&[]), "");
    }
}
