//! Where the log goes and how much of it.
//!
//! `log_dest: file` writes `log_dir/NAME.log`; on the first line of a new day (UTC) the file of the
//! day before becomes `NAME.log.2026-01-31`, and of those the newest `log_days_keep` stay (0: all).
//! Only our own crates log below warnings: drivers put statements and notices into theirs.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use chameleon_config::{Config, LogDest, LogLevel};
use time::macros::format_description;
use time::{Date, OffsetDateTime};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::GlobalOptions;
use crate::error::HostError;
use crate::output::Output;

/// Which commands log what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Log<'a> {
    /// Warnings to stderr, unless the options ask for more.
    Brief,
    /// As the configuration says. Its terminal is stderr.
    Configured(&'a Config),
    /// As the configuration says. Its terminal is stdout, which has no other use.
    Foreground(&'a Config),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Destination {
    Stdout,
    Stderr,
    File { path: PathBuf, keep_days: u32 },
}

/// Starts logging for the rest of the process.
///
/// # Errors
/// CFG058 where the log file cannot be opened.
pub fn start(log: Log<'_>, options: &GlobalOptions, output: Output) -> Result<(), HostError> {
    let level = level(log, options);
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("chameleon", level);
    let layer = tracing_subscriber::fmt::layer();
    let layer = match destination(log, options, output) {
        Destination::File { path, keep_days } => {
            let failed = |source| HostError::LogFile {
                path: path.clone(),
                source,
            };
            let file = DailyFile::open(&path, keep_days, today()).map_err(failed)?;
            layer.with_ansi(false).with_writer(Mutex::new(file)).boxed()
        }
        Destination::Stdout => layer.with_ansi(false).with_writer(std::io::stdout).boxed(),
        Destination::Stderr => layer
            .with_ansi(output.color)
            .with_writer(std::io::stderr)
            .boxed(),
    };
    // a second start in one process keeps the first: the tests of a library may do that
    let _ = tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .try_init();
    Ok(())
}

fn level(log: Log<'_>, options: &GlobalOptions) -> LevelFilter {
    if options.debug || options.verbose > 1 {
        return if options.verbose > 1 {
            LevelFilter::TRACE
        } else {
            LevelFilter::DEBUG
        };
    }
    let configured = match log {
        Log::Brief => LevelFilter::WARN,
        Log::Configured(config) | Log::Foreground(config) => match config.log_level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warning => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        },
    };
    match (options.quiet, options.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => configured,
        (false, _) if log == Log::Brief => LevelFilter::INFO,
        (false, _) => configured.max(LevelFilter::DEBUG),
    }
}

fn destination(log: Log<'_>, options: &GlobalOptions, output: Output) -> Destination {
    match log {
        Log::Configured(config) | Log::Foreground(config)
            if config.log_dest == LogDest::File && !options.debug =>
        {
            Destination::File {
                path: config.log_file(),
                keep_days: config.log_days_keep,
            }
        }
        Log::Foreground(_) if !output.json => Destination::Stdout,
        _ => Destination::Stderr,
    }
}

fn today() -> Date {
    OffsetDateTime::now_utc().date()
}

/// A log file that is put aside when the day changes.
#[derive(Debug)]
struct DailyFile {
    path: PathBuf,
    keep_days: u32,
    file: File,
    day: Date,
}

impl DailyFile {
    /// Opens the file to append; one that was last written on an earlier day is put aside first.
    fn open(path: &Path, keep_days: u32, today: Date) -> std::io::Result<Self> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        if let Ok(metadata) = std::fs::metadata(path) {
            let day = OffsetDateTime::from(metadata.modified()?).date();
            if day < today {
                put_aside(path, day, keep_days)?;
            }
        }
        Ok(Self {
            path: path.to_owned(),
            keep_days,
            file: append(path)?,
            day: today,
        })
    }

    fn write_on(&mut self, today: Date, bytes: &[u8]) -> std::io::Result<usize> {
        if today > self.day {
            // what cannot be put aside is written on with: a line in the wrong file is better than
            // none
            let _ = put_aside(&self.path, self.day, self.keep_days);
            self.file = append(&self.path)?;
            self.day = today;
        }
        self.file.write(bytes)
    }
}

impl Write for DailyFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.write_on(today(), bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Renames the file to the day that it is of, and removes the oldest of its kind.
fn put_aside(path: &Path, day: Date, keep_days: u32) -> std::io::Result<()> {
    let format = format_description!("[year]-[month]-[day]");
    let day = day.format(format).map_err(std::io::Error::other)?;
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{day}"));
    std::fs::rename(path, &aside)?;
    if keep_days == 0 {
        return Ok(());
    }
    let mut old = earlier_files(path)?;
    let surplus = old
        .len()
        .saturating_sub(usize::try_from(keep_days).unwrap_or(usize::MAX));
    old.sort();
    for file in old.drain(..surplus) {
        std::fs::remove_file(file)?;
    }
    Ok(())
}

/// Files beside `path` that are named `path.YYYY-MM-DD`.
fn earlier_files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(Vec::new());
    };
    let prefix = format!("{}.", name.to_string_lossy());
    let format = format_description!("[year]-[month]-[day]");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let day = name.to_str().and_then(|n| n.strip_prefix(&prefix));
        if day.is_some_and(|day| Date::parse(day, format).is_ok()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Logs a panic as an error too, so that it is not lost where stderr goes nowhere.
pub fn log_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // the place only: the message may quote what was being worked on
        if let Some(location) = panic.location() {
            tracing::error!(place = %location, "a defect was met");
        }
        before(panic);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_day_begins_a_new_file_and_the_oldest_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("shop.log");
        std::fs::write(directory.path().join("shop.log.notes"), "kept").unwrap();
        let mut log = DailyFile::open(&path, 2, date!(2026 - 01 - 30)).unwrap();
        for (day, text) in [
            (date!(2026 - 01 - 30), "a"),
            (date!(2026 - 01 - 31), "b"),
            (date!(2026 - 02 - 01), "c"),
            (date!(2026 - 02 - 02), "d"),
            (date!(2026 - 02 - 02), "e"),
        ] {
            log.write_on(day, text.as_bytes()).unwrap();
        }
        let expect = [
            "shop.log",
            "shop.log.2026-01-31",
            "shop.log.2026-02-01",
            "shop.log.notes",
        ];
        assert_eq!(names(directory.path()), expect);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "de");
    }

    #[test]
    fn a_file_of_an_earlier_day_is_put_aside_at_start() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("shop.log");
        std::fs::write(&path, "old").unwrap();
        drop(DailyFile::open(&path, 0, Date::MAX).unwrap());
        assert_eq!(names(directory.path()).len(), 2);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn options_win_over_the_configured_level() {
        let check = |options: GlobalOptions, expect| {
            assert_eq!(level(Log::Brief, &options), expect, "{options:?}");
        };
        let options = GlobalOptions::default;
        check(options(), LevelFilter::WARN);
        check(
            GlobalOptions {
                quiet: true,
                ..options()
            },
            LevelFilter::ERROR,
        );
        check(
            GlobalOptions {
                verbose: 1,
                ..options()
            },
            LevelFilter::INFO,
        );
        check(
            GlobalOptions {
                debug: true,
                ..options()
            },
            LevelFilter::DEBUG,
        );
        check(
            GlobalOptions {
                verbose: 2,
                ..options()
            },
            LevelFilter::TRACE,
        );
    }
}
