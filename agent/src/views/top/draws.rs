//! What the chain drew, in one line each: snapshots of weights, and challenges of the GPUs. The most important comes first, since a narrow
//! screen cuts the rest off.

use super::look::Look;
use crate::{
    board::{ChallengeView, JobView, Snapshot},
    challenges::ChallengeOutcome,
    output::ago,
    views::words,
};
use ratatui::text::{Line, Span};

/// A line for the jobs, if there are any, and one for the challenges, once the agent has told of them.
pub fn lines(snapshot: &Snapshot, look: Look) -> Vec<Line<'static>> {
    let jobs = (!snapshot.jobs.is_empty()).then(|| jobs(&snapshot.jobs, look));
    let challenges = snapshot.challenges.as_ref().map(|view| challenges(view, look));
    jobs.into_iter().chain(challenges).collect()
}

fn jobs(jobs: &[JobView], look: Look) -> Line<'static> {
    let sum = |of: fn(&JobView) -> u64| jobs.iter().map(of).fold(0, u64::saturating_add);
    let (watched, draws) = (plural(jobs.len() as u64, "job"), plural(sum(JobView::draws), "draw"));
    let mut line = Line::from(format!("snapshots   {watched}, {draws} in this run"));
    amiss(&mut line, sum(JobView::misses), sum(|job| job.unwatched), look);
    for job in jobs.iter().filter(|job| job.reading) {
        line.push_span(format!(", {} is being read", job.name));
    }
    let drawn = jobs.iter().filter_map(|job| Some((job.drawn.as_ref()?, &job.name)));
    if let Some((draw, name)) = drawn.max_by_key(|(draw, _)| draw.block) {
        line.push_span(format!(", the last by block {}: {name}, {}", words::count(draw.block), draw.outcome));
    }
    line
}

fn challenges(view: &ChallengeView, look: Look) -> Line<'static> {
    if let Some(why) = &view.off {
        return Line::styled(format!("challenges  none: {why}"), look.faint());
    }
    let draws = view.outcomes.values().fold(0, |sum: u64, count| sum.saturating_add(*count));
    let mut line = Line::from(format!("challenges  {} in this run", plural(draws, "draw")));
    let missed = view.outcomes.get(ChallengeOutcome::Missed.name()).copied().unwrap_or(0);
    amiss(&mut line, missed, view.unwatched, look);
    if view.under_way {
        line.push_span(", one is under way");
    }
    let Some(last) = &view.last else { return line };
    let outcome = last.outcome();
    let style = match outcome {
        ChallengeOutcome::Clear => look.good(),
        ChallengeOutcome::Suspicious => look.bad(),
        ChallengeOutcome::Incomplete | ChallengeOutcome::Missed => look.doubtful(),
    };
    line.push_span(format!(", the last by block {} {}: ", words::count(last.block), ago(last.at_ms)));
    line.push_span(Span::styled(outcome.name(), style));
    line.extend(last.why.iter().map(|why| Span::raw(format!(", {why}"))));
    line
}

/// What is to be seen before the rest.
fn amiss(line: &mut Line<'_>, missed: u64, unwatched: u64, look: Look) {
    if missed > 0 {
        line.push_span(Span::styled(format!(", {} missed", words::count(missed)), look.doubtful()));
    }
    if unwatched > 0 {
        let text = format!(", {} not looked at", plural(unwatched, "block"));
        line.push_span(Span::styled(text, look.doubtful()));
    }
}

fn plural(count: u64, name: &str) -> String {
    format!("{} {name}{}", words::count(count), if count == 1 { "" } else { "s" })
}
