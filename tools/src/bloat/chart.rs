//! Charts as SVG that stands in the page itself.

use std::fmt::Write as _;

use super::html::escape;
use super::number::fraction;

/// Width of a chart, in its own units.
const WIDTH: f64 = 960.0;
/// Height of a chart of lines, without its legend.
const HEIGHT: f64 = 220.0;
/// Room for labels left of a chart of lines.
const LEFT: f64 = 90.0;
/// Room for names left of bars.
const NAMES: f64 = 380.0;
/// Room for the note right of bars.
const NOTES: f64 = 190.0;
/// Height of a bar with its gap.
const BAR: f64 = 22.0;
/// Colours of lines, told apart also in grey.
const COLOURS: [&str; 6] = [
    "#2f7ebc", "#c2452d", "#4a9a5b", "#e0a030", "#8a5fb0", "#6b7684",
];

/// A line of a chart over time.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    name: String,
    values: Vec<u64>,
}

impl Line {
    /// A line with one value for each time.
    pub(crate) fn new(name: &str, values: Vec<u64>) -> Self {
        Self {
            name: name.to_owned(),
            values,
        }
    }
}

/// Lines over the same times. Values begin at zero; `show` writes one.
pub(crate) fn lines(times: &[&str], lines: &[Line], show: impl Fn(u64) -> String) -> String {
    let most = lines.iter().flat_map(|l| &l.values).copied().max();
    let most = most.unwrap_or(0).max(1);
    let legend = 20.0 * lines.len() as f64;
    let (width, right) = (WIDTH - LEFT - 20.0, WIDTH - 20.0);
    let step = width / (times.len().saturating_sub(1)).max(1) as f64;
    let mut svg = open(HEIGHT + 40.0 + legend);
    for part in [0_u64, 1, 2] {
        let y = 10.0 + HEIGHT * (1.0 - fraction(part) / 2.0);
        let label = escape(&show(most / 2 * part + most % 2 * (part / 2)));
        // writing to a String does not fail
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" \
             style=\"stroke:var(--line)\"/><text x=\"{:.1}\" y=\"{:.1}\" \
             text-anchor=\"end\">{label}</text>",
            LEFT - 8.0,
            y + 4.0
        );
    }
    for (number, line) in lines.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let points: Vec<String> = line
            .values
            .iter()
            .enumerate()
            .map(|(n, &value)| {
                let x = LEFT + step * n as f64;
                let y = 10.0 + HEIGHT * (1.0 - fraction(value) / fraction(most));
                format!("{x:.1},{y:.1}")
            })
            .collect();
        let y = HEIGHT + 50.0 + 20.0 * number as f64;
        let last = line.values.last().copied().unwrap_or(0);
        let _ = write!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <rect x=\"{LEFT}\" y=\"{:.1}\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}: {}</text>",
            points.join(" "),
            y - 8.0,
            LEFT + 20.0,
            y + 3.0,
            escape(&line.name),
            escape(&show(last))
        );
    }
    if let (Some(first), Some(last)) = (times.first(), times.last()) {
        let y = HEIGHT + 28.0;
        let _ = write!(
            svg,
            "<text x=\"{LEFT}\" y=\"{y}\">{}</text>\
             <text x=\"{right}\" y=\"{y}\" text-anchor=\"end\">{}</text>",
            escape(first),
            escape(last)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A bar of three parts: what a rewrite would keep, dead, other bloat.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) parts: [u64; 3],
    pub(crate) note: String,
}

/// Bars below each other, on one scale.
pub(crate) fn bars(bars: &[Bar]) -> String {
    let most = bars.iter().map(|b| b.parts.iter().sum::<u64>()).max();
    let scale = (WIDTH - NAMES - NOTES) / fraction(most.unwrap_or(0).max(1));
    let mut svg = open(BAR * bars.len() as f64 + 8.0);
    for (number, bar) in bars.iter().enumerate() {
        let y = BAR * number as f64 + 4.0;
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            NAMES - 8.0,
            y + 13.0,
            escape(&bar.name)
        );
        let mut x = NAMES;
        for (part, colour) in bar.parts.iter().zip(["live", "dead", "free"]) {
            let width = fraction(*part) * scale;
            let _ = write!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"16\" \
                 style=\"fill:var(--{colour})\"/>"
            );
            x += width;
        }
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x + 6.0,
            y + 13.0,
            escape(&bar.note)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn open(height: f64) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_point_for_each_time_and_the_highest_is_on_top() {
        let svg = lines(
            &["a", "b", "c"],
            &[Line::new("size", vec![0, 50, 100])],
            |n| n.to_string(),
        );
        assert!(
            svg.contains("points=\"90.0,230.0 515.0,120.0 940.0,10.0\""),
            "{svg}"
        );
        assert!(svg.contains("size: 100"));
    }

    #[test]
    fn bars_share_one_scale_and_names_are_escaped() {
        let bar = |name: &str, live| Bar {
            name: name.into(),
            parts: [live, 0, live],
            note: String::new(),
        };
        let svg = bars(&[bar("a<b", 100), bar("c", 50)]);
        assert!(svg.contains("a&lt;b"));
        assert!(
            svg.contains("width=\"195.0\"") && svg.contains("width=\"97.5\""),
            "{svg}"
        );
    }
}
