//! One self-contained page that a buyer can read: no scripts, nothing fetched.

use super::{
    LONG_INTERVAL, Report, Verdict,
    plot::{Plot, Series, escape, number},
};
use crate::replay::{Interval, Why};
use crate::rules::{Finding, Profile};
use std::fmt::Write;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:1120px;margin:2em auto;padding:0 1em;color:#1c1e21}\
h1{font-size:1.4em}h2{font-size:1.1em;margin-top:2em}.verdict{padding:1em 1.2em;border-radius:8px;color:#fff;font-size:1.15em}\
.good{background:#2b8a3e}.bad{background:#c92a2a}.open{background:#b35c00}table{border-collapse:collapse;width:100%}\
td,th{padding:.3em .6em;border-bottom:1px solid #dee2e6;text-align:left;vertical-align:top}.yes{color:#2b8a3e}.no{color:#c92a2a;font-weight:600}\
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(440px,1fr));gap:1em}figure{margin:0}figcaption{font-weight:600}\
svg{width:100%}svg text{font-size:11px;fill:#495057}.e{text-anchor:end}.m{text-anchor:middle}.grid{stroke:#e9ecef}\
.limit{stroke:#c92a2a;stroke-dasharray:5 3}.legend span{margin-right:1em;font-size:12px;white-space:nowrap}.told{color:#868e96}.legend i{display:inline-block;width:10px;height:10px;margin-right:4px}\
code{font-size:12px;word-break:break-all}.small{color:#495057;font-size:13px}";

/// The page.
pub fn page(report: &Report) -> String {
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Proof of Training: {0}</title><style>{STYLE}</style><h1>Proof of Training of order {0}</h1>",
        escape(&report.order)
    );
    verdict(&mut out, report);
    replay(&mut out, report);
    rules(&mut out, report);
    checks(&mut out, report);
    if !report.rules.is_empty() {
        drawings(&mut out, report);
    }
    facts(&mut out, report);
    out.push_str("</html>\n");
    out
}

fn drawings(out: &mut String, report: &Report) {
    out.push_str("<h2>Plots</h2><div class=\"plots\">");
    for (title, plot) in plots(report) {
        let _ = write!(out, "<figure><figcaption>{}</figcaption>{}</figure>", escape(title), plot.svg());
    }
    out.push_str("</div>");
}

fn verdict(out: &mut String, report: &Report) {
    let (class, means) = match &report.verdict {
        Verdict::Consistent => (
            "good",
            "Drawn stretches of the training were done again with the data, batches and learning rates of the order, and ended where the package \
             says, as near as other arithmetic allows (the thresholds below). What was not redone is vouched for only by the draw. It does not \
             show on which machine the training ran, that nobody steered within the thresholds, nor that the model is good at anything but the \
             validation data.",
        ),
        Verdict::OwnTerms => (
            "open",
            "Drawn stretches of the training were done again and ended where the package says, but by the package's own terms. Whoever may \
             choose those can make a proof of a training that never was: give the order's terms to have them compared.",
        ),
        Verdict::NotReplayed => (
            "open",
            "The six rules are a filter that can be satisfied without training, and so are the intervals that a trainer can foresee. Give \
             the training data and the validation data, and have at least one interval drawn.",
        ),
        Verdict::Unfinished => ("open", "The package says itself that it ends before the order does."),
        Verdict::Rejected { .. } => {
            ("bad", "At least one thing does not hold; the tables below say which, where and by how much.")
        }
    };
    let _ = write!(out, "<div class=\"verdict {class}\">{}</div><p>{means}</p>", escape(&report.sentence));
    if let Some(last) = report.accuracy.last() {
        let _ = write!(out, "<p>The model is right in {:.1} % of the validation data.</p>", 100.0 * last);
    }
}

fn replay(out: &mut String, report: &Report) {
    out.push_str("<h2>Replay</h2>");
    if let Some(why) = report.not_replayed_because {
        let _ = write!(out, "<p>Nothing was redone: {}.</p>", escape(why));
        return;
    }
    let _ = write!(
        out,
        "<p>{} of {} intervals were redone. An error is the distance between the end that was redone and the end in the package, over \
         how far the interval moved; honest ones are rounding, and the thresholds are {} for parameters, {} for the state, {} within a single tensor, {} for the steps that the told optimiser's state would make, {} for all that belongs to inputs without a gradient.</p><table><tr><th>steps</th><th>chosen</th>\
         <th>error of parameters</th><th>error of state</th><th>the tensor furthest off</th>\
         <th>optimiser's steps</th><th>idle inputs</th><th></th></tr>",
        report.replayed.len(),
        report.intervals,
        number(report.replay_thresholds.parameters),
        number(report.replay_thresholds.state),
        number(report.replay_thresholds.tensor),
        number(report.replay_thresholds.step),
        number(report.replay_thresholds.idle)
    );
    for interval in &report.replayed {
        let first =
            interval.first_difference.map(|step| format!("; the trace differs first after step {step}"));
        let _ = write!(
            out,
            "<tr><td>{}–{}</td><td>{}</td><td>{}</td><td>{}</td><td>{} {}{}</td><td>{}</td><td>{}</td>{}</tr>",
            interval.steps.0,
            interval.steps.1,
            interval.chosen.word(),
            number(interval.error),
            number(interval.state_error),
            number(interval.layer_error),
            escape(&interval.layer),
            first.unwrap_or_default(),
            number(interval.step_error),
            number(interval.idle_error),
            mark(interval.matches())
        );
    }
    out.push_str("</table>");
    if report.replayed.iter().any(Interval::may_be_rounding) {
        let _ = write!(out, "<p>Of what differs: {LONG_INTERVAL}.</p>");
    }
    odds(out, report);
}

/// What the draw alone would have missed, in numbers that a buyer can weigh.
fn odds(out: &mut String, report: &Report) {
    let drawn = report.replayed.iter().filter(|interval| interval.chosen == Why::Drawn).count();
    if drawn == 0 {
        return;
    }
    if report.randomness_given {
        out.push_str(
            "<p>The randomness of the draw was given by whoever verified: that nobody could foresee it is their word. \
             This program draws its own where none is given.</p>",
        );
    }
    if drawn == report.intervals {
        return;
    }
    let missed = |share: f64| 100.0 * (1.0 - share).powi(drawn as i32);
    let _ = write!(
        out,
        "<p>{drawn} intervals were drawn. Had a tenth of all been forged, the draw would have missed it with a chance of at most {:.0} %; \
         a half, {:.0} %. <b>A single one, {:.0} %</b>, and one can be enough to change what a model does, unseen by accuracy: beside the draw \
         there are redone the last interval, those that moved furthest, and those that moved furthest beyond their neighbours, where such a change \
         would show. More intervals (<code>--intervals</code>) make the chance as small as wanted; all of them make it none.</p>",
        missed(0.1),
        missed(0.5),
        100.0 * (1.0 - drawn as f64 / report.intervals as f64)
    );
}

fn rules(out: &mut String, report: &Report) {
    if report.rules.is_empty() {
        out.push_str("<h2>The six rules</h2><p>They were not applied: the package was rejected before it was read.</p>");
        return;
    }
    let decides = |profile| if report.profile == profile { " (decides)" } else { "" };
    let _ = write!(
        out,
        "<h2>The six rules</h2><p>Each is told in two forms: strict, in the white paper's words, which reject many honest trainings too, and tolerant, \
         which allows for chance. One of them decides.</p><table><tr><th></th><th>rule</th><th>strict{}</th><th>tolerant{}</th></tr>",
        decides(Profile::Strict),
        decides(Profile::Tolerant)
    );
    for rule in &report.rules {
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{}<div class=\"small\">blind to: {}</div></td>",
            rule.rule,
            escape(rule.name),
            escape(rule.blind_to)
        );
        for (profile, findings) in [(Profile::Strict, &rule.strict), (Profile::Tolerant, &rule.tolerant)] {
            out.push_str("<td>");
            match rule.measured {
                true => findings.iter().for_each(|finding| one(out, finding, report.profile == profile)),
                false => out.push_str("not measured"),
            }
            out.push_str("</td>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</table>");
}

fn one(out: &mut String, finding: &Finding, decides: bool) {
    let at = finding.at.as_ref().map(|at| format!(" ({})", escape(at))).unwrap_or_default();
    let class = match (decides, finding.holds) {
        (false, _) => "told",
        (true, true) => "yes",
        (true, false) => "no",
    };
    let _ = write!(
        out,
        "<div><span class=\"{class}\">{}</span> {}: {}, threshold {}{at}</div>",
        if finding.holds { "holds" } else { "fails" },
        escape(finding.what),
        number(finding.value),
        number(finding.threshold)
    );
}

fn checks(out: &mut String, report: &Report) {
    out.push_str("<h2>The order's terms</h2><table>");
    for check in &report.checks {
        let at = check.at.as_ref().map(|at| format!(" ({})", escape(at))).unwrap_or_default();
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{}{at}</td>{}</tr>",
            check.name,
            escape(check.what),
            mark(check.holds)
        );
    }
    out.push_str("</table>");
}

fn mark(holds: bool) -> &'static str {
    if holds { "<td class=\"yes\">holds</td>" } else { "<td class=\"no\">fails</td>" }
}

fn line(name: &str, values: &[f64]) -> Series {
    let points = values.iter().enumerate().map(|(at, &value)| (at as f64, value)).collect();
    Series { name: name.into(), points, dots: false }
}

fn plots(report: &Report) -> Vec<(&'static str, Plot<'static>)> {
    let plot = |x, log, limit, series| Plot { x, log, limit, series };
    let shifts = report.layers.iter().filter(|layer| layer.edge.is_some());
    let spectra: Vec<Series> = report
        .layers
        .iter()
        .filter_map(|layer| layer.spectrum.as_ref().map(|(untrained, trained)| (layer, untrained, trained)))
        .take(3)
        .flat_map(|(layer, untrained, trained)| {
            [
                line(&format!("{}, untrained", layer.name), untrained),
                line(&format!("{}, trained", layer.name), trained),
            ]
        })
        .collect();
    let errors = |name: &str, pick: fn(&crate::replay::Interval) -> f64| Series {
        name: name.into(),
        // An exact zero has no logarithm.
        points: report.replayed.iter().map(|one| (one.index as f64, pick(one).max(1e-9))).collect(),
        dots: true,
    };
    let mut plots = vec![
        (
            "Distance to the final model",
            plot("checkpoint", false, None, vec![line("‖Ci − CN‖", &report.distances)]),
        ),
        (
            "Length of each interval",
            plot("interval", false, None, vec![line("‖C(i+1) − Ci‖", &report.moves)]),
        ),
        (
            "Shift of each weight's distribution between neighbours, in standard deviations",
            plot(
                "interval",
                true,
                Some((crate::rules::CONTINUITY_RELATIVE, "threshold")),
                shifts.map(|layer| line(&layer.name, &layer.shift)).collect(),
            ),
        ),
        (
            "Singular values against the random-matrix edge (first three weights)",
            plot("rank", false, Some((1.0, "edge of random matrices")), spectra),
        ),
    ];
    if !report.accuracy.is_empty() {
        let series = vec![line("accuracy", &report.accuracy)];
        plots.insert(
            0,
            ("Validation accuracy, as measured by this verifier", plot("epoch", false, None, series)),
        );
    }
    if !report.replayed.is_empty() {
        let limit = Some((report.replay_thresholds.parameters, "threshold of parameters"));
        let series = vec![
            errors("parameters", |one| one.error),
            errors("state", |one| one.state_error),
            errors("a single tensor", |one| one.layer_error),
            errors("the optimiser's steps", |one| one.step_error),
        ];
        plots.push(("Replay errors", plot("interval", true, limit, series)));
    }
    plots
}

fn facts(out: &mut String, report: &Report) {
    let rows = [
        ("commitment (SHA-256 of the manifest)", format!("<code>{}</code>", report.commitment)),
        ("terms (SHA-256)", format!("<code>{}</code>", report.terms)),
        (
            if report.randomness_given {
                "randomness of the draw, as given"
            } else {
                "randomness of the draw"
            },
            format!("<code>{}</code>", report.randomness),
        ),
        ("steps", format!("{} of {}", report.steps.0, report.steps.1)),
        ("work, counted from the graph", format!("{} FLOP", escape(&report.flop))),
        ("hardware, as the trainer tells it; not checked", escape(&report.hardware_told)),
    ];
    out.push_str("<h2>Facts</h2><table>");
    for (name, value) in rows {
        let _ = write!(out, "<tr><td>{name}</td><td>{value}</td></tr>");
    }
    out.push_str("</table>");
}
