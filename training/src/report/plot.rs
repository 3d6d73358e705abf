//! Line and dot plots as inline SVG.

use std::fmt::Write;

const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 34.0;
const COLOURS: [&str; 6] = ["#1f6feb", "#d9480f", "#2b8a3e", "#862e9c", "#0b7285", "#a61e4d"];

/// One line or cloud of points.
pub struct Series {
    /// For the legend.
    pub name: String,
    /// x and y.
    pub points: Vec<(f64, f64)>,
    /// Dots without a line.
    pub dots: bool,
}

/// A plot.
pub struct Plot<'a> {
    /// Under the x axis.
    pub x: &'a str,
    /// Whether y is drawn by its logarithm.
    pub log: bool,
    /// A dashed line, and what it is.
    pub limit: Option<(f64, &'a str)>,
    /// What is drawn.
    pub series: Vec<Series>,
}

impl Plot<'_> {
    /// The SVG element. Points that are not finite, or not positive on a logarithmic axis, are left out.
    pub fn svg(&self) -> String {
        let place = |y: f64| if self.log { y.log10() } else { y };
        let shown = |point: &(f64, f64)| point.0.is_finite() && place(point.1).is_finite();
        let points = self.series.iter().flat_map(|series| series.points.iter().copied()).filter(shown);
        let limit = self.limit.map(|(y, _)| place(y)).filter(|y| y.is_finite());
        let ys: Vec<f64> = points.clone().map(|(_, y)| place(y)).chain(limit).collect();
        let xs: Vec<f64> = points.map(|(x, _)| x).collect();
        let (x0, x1) = span(&xs, 0.0);
        let (y0, y1) = span(&ys, 0.05);
        // What is never negative has no room below zero.
        let y0 = if !self.log && y0 < 0.0 && ys.iter().all(|&y| y >= 0.0) { 0.0 } else { y0 };
        let at_x = |x: f64| LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT);
        let at_y = |y: f64| HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM);
        let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
        for y in ticks(y0, y1, self.log && y1 - y0 >= 2.0) {
            let label = if self.log { number(10f64.powf(y)) } else { number(y) };
            let (h, right) = (at_y(y), WIDTH - RIGHT);
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {h:.1}H{right}\"/><text x=\"{:.1}\" y=\"{:.1}\" class=\"e\">{label}</text>",
                LEFT - 6.0,
                h + 4.0
            );
        }
        // Epochs, checkpoints, intervals, ranks: what is counted along x has no halves.
        for x in ticks(x0, x1, true) {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" class=\"m\">{}</text>",
                at_x(x),
                HEIGHT - BOTTOM + 14.0,
                number(x)
            );
        }
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" class=\"m\">{}</text>",
            (LEFT + WIDTH) / 2.0,
            HEIGHT - 4.0,
            escape(self.x)
        );
        for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
            let places: Vec<(f64, f64)> = series
                .points
                .iter()
                .filter(|point| shown(point))
                .map(|&(x, y)| (at_x(x), at_y(place(y))))
                .collect();
            if !series.dots {
                let line: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
                let _ = write!(
                    svg,
                    "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"/>",
                    line.join(" ")
                );
            }
            if series.dots || places.len() <= 60 {
                for (x, y) in places {
                    let _ = write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.3\" fill=\"{colour}\"/>");
                }
            }
        }
        if let (Some(y), Some((_, name))) = (limit, self.limit) {
            let (h, right) = (at_y(y), WIDTH - RIGHT);
            let _ = write!(
                svg,
                "<path class=\"limit\" d=\"M{LEFT} {h:.1}H{right}\"/><text x=\"{right}\" y=\"{:.1}\" class=\"e\">{}</text>",
                h - 4.0,
                escape(name)
            );
        }
        svg.push_str("</svg>");
        if self.series.len() > 1 {
            svg.push_str("<p class=\"legend\">");
            for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
                let _ =
                    write!(svg, "<span><i style=\"background:{colour}\"></i>{}</span>", escape(&series.name));
            }
            svg.push_str("</p>");
        }
        svg
    }
}

fn span(values: &[f64], margin: f64) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !low.is_finite() || !high.is_finite() {
        return (0.0, 1.0);
    }
    let room = if high > low { (high - low) * margin } else { low.abs().max(1.0) * 0.5 };
    (low - room, high + room)
}

/// Round numbers between two, about five of them.
fn ticks(low: f64, high: f64, whole: bool) -> Vec<f64> {
    let rough = ((high - low) / 5.0).max(f64::MIN_POSITIVE);
    let unit = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0].map(|times| times * unit).into_iter().find(|&step| step >= rough);
    let step = step.unwrap_or(10.0 * unit);
    let step = if whole { step.ceil().max(1.0) } else { step };
    let first = (low / step).ceil();
    (0..=10).map(|at| (first + f64::from(at)) * step).take_while(|&tick| tick <= high + step * 1e-6).collect()
}

/// Three digits, or an exponent.
pub fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if !(1e-3..1e5).contains(&size) => format!("{value:.1e}"),
        size if size < 1.0 => format!("{value:.3}"),
        size if size < 100.0 && value.fract() != 0.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

/// Text that came from a package, for HTML.
pub fn escape(text: &str) -> String {
    super::printable(text).chars().fold(String::new(), |mut out, c| {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_lie_within() {
        assert_eq!(ticks(0.0, 10.0, true), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(0.0, 3.0, true), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(ticks(-9.4, -1.1, true), [-8.0, -6.0, -4.0, -2.0]);
        let fractions = ticks(0.0, 0.913, false);
        assert!(fractions.len() == 5 && (fractions[1] - 0.2).abs() < 1e-12, "{fractions:?}");
        assert!(ticks(0.0, f64::MAX, false).len() <= 11);
    }
}
