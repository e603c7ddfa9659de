//! A chart of copy and stream: one bar a contender, longer is quicker.

use std::fmt::Write;

use super::{
    Group,
    report::title,
    results::{Results, metric},
};

const WIDTH: usize = 860;
const LABEL: usize = 260;
const BAR: usize = 22;
const GAP: usize = 8;
const HEAD: usize = 44;

/// The chart as SVG.
pub(super) fn svg(results: &Results) -> String {
    let mut body = String::new();
    let mut top = 0;
    for group in [Group::Copy, Group::Stream] {
        top = bars(results, group, top, &mut body);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{top}\" viewBox=\"0 0 {WIDTH} {top}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

/// Draws a group below `top` and returns where it ends.
fn bars(results: &Results, group: Group, top: usize, body: &mut String) -> usize {
    let speeds: Vec<(&str, f64)> = results
        .lines
        .iter()
        .filter(|line| line.group == group)
        .filter_map(|line| {
            Some((
                line.contender.as_str(),
                line.median(metric::ROWS_PER_SECOND)?,
            ))
        })
        .collect();
    let Some(most) = speeds.iter().map(|(_, speed)| *speed).reduce(f64::max) else {
        return top;
    };
    let space = (WIDTH - LABEL - 110) as f64;
    let _ = writeln!(
        body,
        "<text x=\"12\" y=\"{}\" font-weight=\"bold\">{}, rows/s</text>",
        top + 28,
        escaped(title(group))
    );
    let mut y = top + HEAD;
    for (contender, speed) in speeds {
        let length = space * speed / most;
        let fill = if contender.starts_with("chameleon") {
            "#2f7d5b"
        } else if contender.starts_with("limit") {
            "#b9b9b9"
        } else {
            "#8aa4c8"
        };
        let middle = y + 16;
        let _ = writeln!(
            body,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABEL}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" fill=\"{fill}\"/>\
             <text x=\"{:.1}\" y=\"{middle}\">{speed:.0}</text>",
            LABEL - 8,
            escaped(contender),
            LABEL as f64 + length + 6.0,
        );
        y += BAR + GAP;
    }
    y + GAP
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::{Line, Sample};

    #[test]
    fn the_quickest_has_the_longest_bar() {
        let line = |contender: &str, speed: f64| Line {
            group: Group::Copy,
            contender: contender.into(),
            samples: vec![Sample::from([(metric::ROWS_PER_SECOND, speed)])],
            note: String::new(),
        };
        let results = Results {
            machine: String::new(),
            settings: Vec::new(),
            date: String::new(),
            scale: crate::bench::data::Scale::ONE,
            lines: vec![line("chameleon", 400.0), line("a < b", 100.0)],
        };
        let svg = svg(&results);
        assert!(
            svg.contains("width=\"490.0\"") && svg.contains("width=\"122.5\""),
            "{svg}"
        );
        assert!(svg.contains("a &lt; b"));
    }
}
