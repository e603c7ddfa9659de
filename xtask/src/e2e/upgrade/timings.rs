//! What a scenario did and how long each part took, printed at its end.

use std::time::{Duration, Instant};

/// The parts, in their order.
#[derive(Default)]
pub(in crate::e2e) struct Timings {
    parts: Vec<(String, Duration, String)>,
}

impl Timings {
    /// A part that began at `begun` and ends now, with what is worth knowing of it.
    pub(in crate::e2e) fn note(
        &mut self,
        part: impl Into<String>,
        begun: Instant,
        what: impl Into<String>,
    ) {
        let part = (part.into(), begun.elapsed(), what.into());
        let (name, took, what) = &part;
        println!("      {name}: {:.1} s; {what}", took.as_secs_f64());
        self.parts.push(part);
    }

    /// All parts, one a line.
    pub(in crate::e2e) fn print(&self, title: &str) {
        print!("{}", self.table(title));
    }

    fn table(&self, title: &str) -> String {
        let width = self.parts.iter().map(|(name, ..)| name.chars().count());
        let width = width.max().unwrap_or_default();
        let mut table = format!("      {title}\n");
        for (name, took, what) in &self.parts {
            let line = format!("{name:width$}  {:7.2} s  {what}", took.as_secs_f64());
            table.push_str(&format!("        {}\n", line.trim_end()));
        }
        let all: Duration = self.parts.iter().map(|(_, took, _)| *took).sum();
        table.push_str(&format!(
            "        {:width$}  {:7.2} s\n",
            "all",
            all.as_secs_f64()
        ));
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_part_and_one_for_all() {
        let part = |name: &str, millis, what: &str| {
            (name.into(), Duration::from_millis(millis), what.into())
        };
        let timings = Timings {
            parts: vec![part("plan", 120, "exit 1"), part("dry run", 2_010, "")],
        };
        let expect = "      times\n        plan        0.12 s  exit 1\n        dry run     2.01 s\n        \
             all         2.13 s\n";
        assert_eq!(timings.table("times"), expect);
    }
}
