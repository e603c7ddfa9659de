//! How far an upgrade is, on standard error: one line that is written over on a terminal, and what
//! it waits for in any case.

use std::io::{self, IsTerminal, Write};

use chameleon_catalog::upgrade::{Event, Progress};

/// What was said last.
#[derive(Debug)]
pub(super) struct Shown {
    quiet: bool,
    terminal: bool,
    line: usize,
    waiting: String,
}

impl Shown {
    /// Says nothing where standard output is for programs.
    pub(super) fn new(json: bool) -> Self {
        Self {
            quiet: json,
            terminal: io::stderr().is_terminal(),
            line: 0,
            waiting: String::new(),
        }
    }

    pub(super) fn show(&mut self, event: &Event) {
        if self.quiet {
            return;
        }
        match event {
            Event::Waiting { session } => self.wait(format!("waits for the upgrade by {session}")),
            Event::LockBusy { holders } => {
                self.wait(format!(
                    "waits for the catalog's tables, held by {}",
                    holders.join("; ")
                ));
            }
            Event::Progress(progress) => self.over(&in_words(progress)),
            Event::Ending { commit: true } => self.over("commits"),
            Event::Ending { commit: false } => self.over("takes all back"),
        }
    }

    /// Leaves the line.
    pub(super) fn end(&mut self) {
        self.over("");
    }

    fn wait(&mut self, text: String) {
        if self.waiting != text {
            self.over("");
            // there is nowhere else to say it
            let _ = writeln!(io::stderr(), "{text}");
            self.waiting = text;
        }
    }

    fn over(&mut self, text: &str) {
        if !self.terminal || (text.is_empty() && self.line == 0) {
            return;
        }
        let width = self.line;
        let _ = write!(io::stderr(), "\r{text:width$}\r");
        self.line = text.chars().count();
    }
}

fn in_words(progress: &Progress) -> String {
    let mut text = format!("{}/{} {}", progress.number, progress.steps, progress.step);
    if progress.rows > 0 {
        text.push_str(&format!(
            ", {} of {} rows",
            progress.rows_done, progress.rows
        ));
    }
    if let Some(rate) = progress.rows_per_second {
        text.push_str(&format!(", {rate:.0}/s"));
    }
    if let Some(seconds) = progress.seconds_left {
        text.push_str(&format!(", {seconds:.0} s left"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_says_step_rows_rate_and_time_left() {
        let progress = Progress {
            step: "070_copy_rows".into(),
            object: "t".into(),
            number: 4,
            steps: 12,
            rows_done: 500,
            rows: 2000,
            rows_per_second: Some(123.4),
            seconds_left: Some(12.2),
        };
        let expect = "4/12 070_copy_rows, 500 of 2000 rows, 123/s, 12 s left";
        assert_eq!(in_words(&progress), expect);
    }
}
