//! What was measured: for every group and contender one sample a round.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{Arguments, Group, data::Scale, stage::Stage};

/// Names of what is measured, with their units.
pub(super) mod metric {
    pub(crate) const WALL: &str = "wall_seconds";
    pub(crate) const ROWS_PER_SECOND: &str = "rows_per_second";
    pub(crate) const CLIENT_CPU: &str = "client_cpu_seconds";
    pub(crate) const SOURCE_CPU: &str = "source_cpu_seconds";
    pub(crate) const TARGET_CPU: &str = "target_cpu_seconds";
    /// Of everything else on the machine: noise.
    pub(crate) const OTHER_CPU: &str = "other_cpu_seconds";
    pub(crate) const PEAK_MIB: &str = "client_peak_mib";
    pub(crate) const WAL_MIB: &str = "wal_mib";
    /// What the source sent.
    pub(crate) const SOURCE_MIB: &str = "source_sent_mib";
    pub(crate) const P50: &str = "p50_ms";
    pub(crate) const P99: &str = "p99_ms";
    pub(crate) const MAX: &str = "max_ms";
    pub(crate) const PER_SECOND: &str = "transactions_per_second";
    /// CPU in per cent of one core.
    pub(crate) const CORE_PERCENT: &str = "core_percent";
    /// Wall time without what the source computed meanwhile.
    pub(crate) const OWN_SECONDS: &str = "own_seconds";
    /// 1: no part of the transaction was ever visible without the rest.
    pub(crate) const ATOMIC: &str = "atomic";
}

/// One run of a contender: metric to value.
pub(super) type Sample = BTreeMap<&'static str, f64>;

/// All runs of a contender in a group.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) group: Group,
    pub(super) contender: String,
    pub(super) samples: Vec<Sample>,
    /// Settings, or why it did not run.
    pub(super) note: String,
}

/// Everything that a run of `bench` found out.
#[derive(Clone, Debug)]
pub(super) struct Results {
    pub(super) machine: String,
    pub(super) settings: Vec<String>,
    pub(super) date: String,
    pub(super) scale: Scale,
    pub(super) lines: Vec<Line>,
}

impl Results {
    /// Nothing yet.
    pub(super) fn new(arguments: &Arguments, stage: &Stage) -> Self {
        Results {
            machine: machine(),
            settings: stage.settings(arguments.rounds()),
            date: today(),
            scale: arguments.scale(),
            lines: Vec::new(),
        }
    }

    /// Adds a round of a contender, and shows it.
    pub(super) fn add(&mut self, group: Group, contender: &str, sample: Sample) {
        let shown: Vec<String> = sample
            .iter()
            .map(|(name, value)| format!("{name} {value:.2}"))
            .collect();
        eprintln!("  {contender}: {}", shown.join(", "));
        self.line(group, contender).samples.push(sample);
    }

    /// Notes how a contender was set, or why it did not run.
    pub(super) fn note(&mut self, group: Group, contender: &str, note: &str) {
        eprintln!("  {contender}: {note}");
        self.line(group, contender).note = note.to_owned();
    }

    fn line(&mut self, group: Group, contender: &str) -> &mut Line {
        let found = self
            .lines
            .iter()
            .position(|line| line.group == group && line.contender == contender);
        let at = found.unwrap_or_else(|| {
            self.lines.push(Line {
                group,
                contender: contender.to_owned(),
                samples: Vec::new(),
                note: String::new(),
            });
            self.lines.len() - 1
        });
        &mut self.lines[at]
    }

    /// The contender's median of a metric.
    pub(super) fn median(&self, group: Group, contender: &str, metric: &str) -> Option<f64> {
        let line = self
            .lines
            .iter()
            .find(|line| line.group == group && line.contender == contender)?;
        line.median(metric)
    }
}

impl Line {
    /// The median of a metric over all rounds.
    pub(super) fn median(&self, metric: &str) -> Option<f64> {
        let values = self.samples.iter().filter_map(|s| s.get(metric).copied());
        median(values.collect())
    }

    /// CPU of client and both servers, median.
    pub(super) fn all_cpu(&self) -> Option<f64> {
        let sum = |sample: &Sample| {
            let parts = [metric::CLIENT_CPU, metric::SOURCE_CPU, metric::TARGET_CPU];
            parts.iter().map(|part| sample.get(part).copied()).sum()
        };
        median(self.samples.iter().filter_map(sum).collect())
    }
}

/// The middle one; of an even number the mean of the two in the middle.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some((values.get(middle.checked_sub(1)?)? + upper) / 2.0)
}

/// Processor, cores, memory, kernel.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        let found = line.and_then(|line| line.split_once(':'));
        found.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().into())
    };
    let kib: u64 = value(&read("/proc/meminfo"), "MemTotal")
        .split_whitespace()
        .next()
        .and_then(|kib| kib.parse().ok())
        .unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "{} ({cores} cores), {} GiB of memory, Linux {}",
        value(&read("/proc/cpuinfo"), "model name"),
        (kib + (1 << 19)) >> 20,
        read("/proc/sys/kernel/osrelease").trim()
    )
}

/// The date in UTC, by the civil calendar.
fn today() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    civil(now.map_or(0, |since| since.as_secs()) / 86_400)
}

/// Days since 1970-01-01 as a date (years from March, in eras of 400 years).
fn civil(days: u64) -> String {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn days_are_dates() {
        for (days, date) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_088, "2024-12-31"),
        ] {
            assert_eq!(civil(days), date);
        }
    }
}
