//! What the chain's randomness drew: snapshots of weights, and challenges of the GPUs. Jobs have the operator's names, sixteen at most.

use super::{MILLI, float, thousandths, truth};
use crate::{
    board::{ChallengeView, JobView},
    challenges::ChallengeOutcome,
    views::exposition::{
        Exposition,
        Kind::{self, Counter, Gauge},
    },
};

/// Of the jobs whose weights are watched; nothing where there are none.
pub fn snapshots(page: &mut Exposition, jobs: &[JobView]) {
    let mut draws = page.family(
        "matrixai_snapshots_total",
        Counter,
        "Draws of a job's weights in this run of the agent: taken, unchanged since the last one, or why there is no digest.",
    );
    for job in jobs {
        let read = job.taken.saturating_sub(job.unchanged);
        let found = [("taken", read), ("unchanged", job.unchanged)];
        let missed = job.missed.iter().map(|(why, count)| (why.as_str(), *count));
        for (outcome, count) in found.into_iter().chain(missed) {
            draws.sample(&[("job", &job.name), ("outcome", outcome)], float(count));
        }
    }
    each(
        page,
        jobs,
        "matrixai_snapshot_drawn_height",
        Gauge,
        "The block that last drew the job, in this run.",
        |job| float(job.drawn.as_ref()?.block),
    );
    each(
        page,
        jobs,
        "matrixai_snapshot_timestamp_seconds",
        Gauge,
        "When the last digest of the job was taken, in this run.",
        |job| thousandths(job.last_ms),
    );
    each(
        page,
        jobs,
        "matrixai_snapshot_blocks_unwatched_total",
        Counter,
        "Blocks that were not looked at for draws of the job.",
        |job| float(job.unwatched),
    );
}

/// A metric with one sample for each job that has it.
fn each(
    page: &mut Exposition,
    jobs: &[JobView],
    name: &str,
    kind: Kind,
    help: &str,
    value: impl Fn(&JobView) -> Option<f64>,
) {
    let mut family = page.family(name, kind, help);
    jobs.iter().for_each(|job| family.sample(&[("job", &job.name)], value(job)));
}

/// Whether GPUs are challenged, what came of it in this run, and the last challenge, once there was one.
pub fn challenges(page: &mut Exposition, view: &ChallengeView) {
    let watched = view.off.is_none();
    page.one(
        "matrixai_challenge_watched",
        Gauge,
        "Whether the chain's draws have this machine's GPUs challenged.",
        truth(watched),
    );
    let mut outcomes = page.family(
        "matrixai_challenges_total",
        Counter,
        "Challenges of the GPUs in this run of the agent: clear, suspicious, incomplete (checks could not be done) or missed (none could).",
    );
    for outcome in ChallengeOutcome::ALL.map(ChallengeOutcome::name) {
        let count = view.outcomes.get(outcome).copied();
        let count = if watched { Some(count.unwrap_or(0)) } else { count };
        outcomes.sample(&[("outcome", outcome)], count.and_then(float));
    }
    page.one(
        "matrixai_challenge_blocks_unwatched_total",
        Counter,
        "Blocks that were not looked at for draws of challenges.",
        if watched { float(view.unwatched) } else { None },
    );
    let Some(last) = &view.last else { return };
    page.one(
        "matrixai_challenge_drawn_height",
        Gauge,
        "The block that drew the last challenge.",
        float(last.block),
    );
    page.one(
        "matrixai_challenge_timestamp_seconds",
        Gauge,
        "When the log was told of the last challenge of the GPUs.",
        thousandths(Some(last.at_ms)),
    );
    page.one(
        "matrixai_challenge_score_ratio",
        Gauge,
        "The highest score of its checks: 0 speaks not against the machine, 1: no honest machine does this.",
        Some(f64::from(last.score) / MILLI),
    );
    page.one(
        "matrixai_challenge_checks_failed",
        Gauge,
        "Its checks that could not be done.",
        float(last.failed),
    );
}
