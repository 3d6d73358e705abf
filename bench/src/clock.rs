//! Time, on a machine that others use too.

use anyhow::Result;
use nix::time::ClockId;
use std::time::Duration;

/// Processor time that this thread has used: what others do meanwhile does not count.
pub fn used() -> Result<Duration> {
    Ok(ClockId::CLOCK_THREAD_CPUTIME_ID.now()?.into())
}

/// Processor time of one piece of work.
pub fn cost(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let before = used()?;
    work()?;
    Ok(used()?.saturating_sub(before))
}

/// The best of several turns, ours and the peer's in alternation, so that both meet the same disturbances.
pub fn compare(
    turns: u32,
    mut ours: impl FnMut() -> Result<()>,
    mut peer: impl FnMut() -> Result<()>,
) -> Result<(Duration, Duration)> {
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..turns {
        best.0 = best.0.min(cost(&mut ours)?);
        best.1 = best.1.min(cost(&mut peer)?);
    }
    Ok(best)
}

/// So many in that time, per second.
pub fn rate(count: f64, time: Duration) -> f64 {
    count / time.as_secs_f64()
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(Vec::new()), None);
    }
}
