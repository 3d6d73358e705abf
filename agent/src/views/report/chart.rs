//! Charts as inline SVG: lines of numbers over time, and a strip of what happened when.

use super::page::Escaped;
use std::fmt::Write;

/// The drawing's width, in its own units.
const WIDTH: f64 = 960.0;
/// Room for the scale at the left.
const LEFT: f64 = 56.0;
const HEIGHT: f64 = 120.0;
const TOP: f64 = 8.0;

/// One line of numbers, each a share of the scale or nothing.
pub struct Series<'a> {
    /// Its class in the page's style.
    pub class: &'a str,
    /// What it is called.
    pub name: &'a str,
    /// Shares of the whole height.
    pub values: Vec<Option<f64>>,
    /// Filled below.
    pub filled: bool,
}

/// Something that lasted.
pub struct Stretch<'a> {
    /// Its class.
    pub class: &'a str,
    /// Shares of the width.
    pub from: f64,
    /// At least a hair's breadth is drawn.
    pub to: f64,
    /// What is said of it.
    pub title: String,
}

/// A chart over the period.
pub fn lines(label: &str, scale: &str, series: &[Series<'_>], gaps: &[Stretch<'_>]) -> String {
    let mut svg = begin(label, HEIGHT + 2.0 * TOP);
    for gap in gaps {
        stretch(&mut svg, gap, TOP, HEIGHT);
    }
    let _ = write!(
        svg,
        "<path class=\"axis\" d=\"M{LEFT} {TOP}H{WIDTH}M{LEFT} {}H{WIDTH}\"/><text x=\"{}\" y=\"{}\" class=\"scale\">{}</text>\
         <text x=\"{}\" y=\"{}\" class=\"scale\">0</text>",
        TOP + HEIGHT,
        LEFT - 6.0,
        TOP + 10.0,
        Escaped(scale),
        LEFT - 6.0,
        TOP + HEIGHT
    );
    for one in series {
        path(&mut svg, one);
    }
    svg + "</svg>"
}

/// Rows of stretches over the period.
pub fn strip(label: &str, rows: &[(&str, Vec<Stretch<'_>>)]) -> String {
    const ROW: f64 = 22.0;
    let mut svg = begin(label, rows.len() as f64 * ROW + 4.0);
    for (index, (name, stretches)) in rows.iter().enumerate() {
        let top = index as f64 * ROW + 2.0;
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" class=\"scale\">{}</text>",
            LEFT - 6.0,
            top + 13.0,
            Escaped(name)
        );
        let _ = write!(
            svg,
            "<rect class=\"ground\" x=\"{LEFT}\" y=\"{top}\" width=\"{}\" height=\"16\"/>",
            WIDTH - LEFT
        );
        stretches.iter().for_each(|one| stretch(&mut svg, one, top, 16.0));
    }
    svg + "</svg>"
}

fn begin(label: &str, height: f64) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">", Escaped(label))
}

fn x(share: f64) -> f64 {
    LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT)
}

fn y(share: f64) -> f64 {
    TOP + HEIGHT * (1.0 - share.clamp(0.0, 1.0))
}

fn stretch(svg: &mut String, one: &Stretch<'_>, top: f64, height: f64) {
    let (from, to) = (x(one.from), x(one.to));
    let _ = write!(
        svg,
        "<rect class=\"{}\" x=\"{from:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{height}\"><title>{}</title></rect>",
        one.class,
        (to - from).max(1.5),
        Escaped(&one.title)
    );
}

/// A line that breaks where there is nothing: a missing value is not joined over.
fn path(svg: &mut String, series: &Series<'_>) {
    let step = 1.0 / series.values.len().max(1) as f64;
    let mut d = String::new();
    for (first, run) in runs(&series.values) {
        let from = x(first as f64 * step);
        let _ = write!(
            d,
            "M{from:.1} {:.1}",
            if series.filled { y(0.0) } else { y(*run.first().unwrap_or(&0.0)) }
        );
        for (offset, value) in run.iter().enumerate() {
            let place = first + offset;
            let _ = write!(
                d,
                "L{:.1} {:.1}H{:.1}",
                x(place as f64 * step),
                y(*value),
                x((place + 1) as f64 * step)
            );
        }
        if series.filled {
            let _ = write!(d, "V{:.1}Z", y(0.0));
        }
    }
    if !d.is_empty() {
        let _ = write!(
            svg,
            "<path class=\"{}\" d=\"{d}\"><title>{}</title></path>",
            series.class,
            Escaped(series.name)
        );
    }
}

/// Runs of values that are there, with where each begins.
fn runs(values: &[Option<f64>]) -> Vec<(usize, Vec<f64>)> {
    let mut runs: Vec<(usize, Vec<f64>)> = Vec::new();
    let mut open = false;
    for (place, value) in values.iter().enumerate() {
        match (value, runs.last_mut().filter(|_| open)) {
            (Some(value), Some((_, run))) => run.push(*value),
            (Some(value), None) => runs.push((place, vec![*value])),
            (None, _) => {}
        }
        open = value.is_some();
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_not_zero() {
        let values = [Some(1.0), Some(0.5), None, None, Some(0.0)];
        assert_eq!(runs(&values), [(0, vec![1.0, 0.5]), (4, vec![0.0])]);
        assert!(runs(&[None, None]).is_empty());
        let series = Series { class: "power", name: "power", values: vec![None; 3], filled: true };
        assert!(!lines("l", "1", &[series], &[]).contains("class=\"power\""));
    }
}
