//! Which machines' logs must I look at to catch a large run? The arithmetic of spot checks (after Shavit 2023), and the draw itself.
//!
//! The setting: `machines` keep logs in which evidence of a job (a digest of its weights) appears at moments that nobody knows before, `interval`
//! apart on average (a Poisson process, from the chain's randomness). Somebody made a run of `flop` on some of them, within the `period` that the
//! logs cover, and hopes not to be looked at. An inspector opens some logs, drawn at random.
//!
//! - A run of H FLOP on machines of u FLOP/s takes c machines for d seconds each: c·d·u = H.
//! - A machine in the run for d seconds has evidence of it with q = 1 − e^(−d/τ).
//! - Who hides chooses d. Since q/d falls as d grows, the best for him is as long as the period and on as few machines: that is what is reckoned with.
//! - Among s logs out of M, K of the c are met (hypergeometric), each with evidence with probability q: caught with 1 − E[(1 − q)^K].
//!   Looking with replacement instead gives Shavit's 1 − (1 − q·c/M)^s, which asks for a little more.
//!
//! It says nothing about a machine whose agent was fed a false driver, or that keeps no log: those have to be caught by what they cannot do.
//!
//! ```
//! use inspector::sampling::{Hunt, logs_with_replacement};
//!
//! // One machine in a hundred: 230 logs for nine in ten, 459 for ninety-nine in a hundred.
//! assert_eq!(logs_with_replacement(0.01, 0.90), Some(230));
//! assert_eq!(logs_with_replacement(0.01, 0.99), Some(459));
//!
//! // 10^25 FLOP in a month, among ten thousand machines of 4·10^14 FLOP/s with evidence once a day.
//! let hunt = Hunt { machines: 10_000, flop: 1e25, rate: 4e14, period: 30.0 * 86_400.0, interval: 86_400.0 };
//! assert_eq!(hunt.violators(), Some(9_646));
//! assert_eq!(hunt.logs_for(0.99), Some(2));
//! // A hundredth of that hides in a hundredth of the machines.
//! let smaller = Hunt { flop: 1e23, ..hunt };
//! assert_eq!(smaller.violators(), Some(97));
//! assert_eq!(smaller.logs_for(0.90), Some(234));
//! ```

use crate::error::Error;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{fmt, path::Path};

/// What is looked for, and where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hunt {
    /// Machines that keep logs.
    pub machines: u64,
    /// The run, FLOP.
    pub flop: f64,
    /// What one machine does, FLOP/s, at the most.
    pub rate: f64,
    /// Time that the logs cover, seconds.
    pub period: f64,
    /// Mean time between two pieces of evidence, seconds.
    pub interval: f64,
}

impl Hunt {
    /// Machines that the run takes at the least: all of them busy with it for the whole period. None if they are too few for it, or if the
    /// numbers make no sense.
    pub fn violators(&self) -> Option<u64> {
        let numbers = [self.flop, self.rate, self.period, self.interval];
        if !numbers.iter().all(|number| number.is_finite() && *number > 0.0) {
            return None;
        }
        let least = (self.flop / (self.rate * self.period)).ceil();
        // The comparison comes first: the conversion saturates.
        (least <= self.machines as f64).then_some(least as u64)
    }

    /// The probability that a machine which took part has evidence of it: q.
    pub fn evidence(&self) -> Option<f64> {
        let violators = self.violators()?;
        let each = self.flop / (self.rate * violators as f64);
        Some(evidence(each, self.interval))
    }

    /// The probability that this many logs, drawn at random, catch the run.
    ///
    /// ```
    /// # use inspector::sampling::Hunt;
    /// let hunt = Hunt { machines: 100, flop: 1e20, rate: 1e14, period: 1e6, interval: 1.0 };
    /// assert_eq!((hunt.violators(), hunt.caught(0)), (Some(1), Some(0.0)));
    /// assert!((hunt.caught(50).unwrap() - 0.5).abs() < 1e-9, "one machine, half of the logs");
    /// ```
    pub fn caught(&self, logs: u64) -> Option<f64> {
        Some(caught(self.machines, self.violators()?, self.evidence()?, logs))
    }

    /// How many logs catch the run with this probability. None if all of them do not, or if there is no such run.
    pub fn logs_for(&self, probability: f64) -> Option<u64> {
        let (violators, evidence) = (self.violators()?, self.evidence()?);
        let enough = |logs: u64| caught(self.machines, violators, evidence, logs) >= probability;
        if !(0.0..1.0).contains(&probability) || !enough(self.machines) {
            return None;
        }
        // What is caught grows with the logs.
        let (mut few, mut many) = (0, self.machines);
        while few < many {
            let middle = few + (many - few) / 2;
            if enough(middle) { many = middle } else { few = middle + 1 }
        }
        Some(many)
    }
}

/// The probability that a stretch of time has evidence that comes once an interval on average.
///
/// ```
/// let q = inspector::sampling::evidence(3600.0, 3600.0);
/// assert!((q - 0.632).abs() < 0.001);
/// ```
pub fn evidence(seconds: f64, interval: f64) -> f64 {
    -(-seconds / interval).exp_m1()
}

/// The probability that `logs` of `machines`, drawn without replacement, show at least one of `violators` whose logs have evidence with
/// probability `evidence` each: 1 − E[(1 − q)^K].
pub fn caught(machines: u64, violators: u64, evidence: f64, logs: u64) -> f64 {
    let (machines, logs) = (machines.max(violators), logs.min(machines));
    let clean = machines - violators;
    // From the fewest violators that such a draw can meet, each term from the one before.
    let first = logs.saturating_sub(clean);
    let last = logs.min(violators);
    let mut log_term =
        log_choose(violators, first) + log_choose(clean, logs - first) - log_choose(machines, logs);
    let log_miss = (-evidence).ln_1p();
    let mut missed = 0.0;
    for met in first..=last {
        // 0 · −∞ would be no number.
        let unseen = if met == 0 { 0.0 } else { met as f64 * log_miss };
        missed += (log_term + unseen).exp();
        let next = (violators - met) as f64 * (logs - met) as f64
            / ((met + 1) as f64 * (clean + met + 1).saturating_sub(logs) as f64);
        log_term += next.ln();
    }
    (1.0 - missed).clamp(0.0, 1.0)
}

/// ln of n over k.
fn log_choose(n: u64, k: u64) -> f64 {
    let k = k.min(n - k.min(n));
    (1..=k).map(|step| ((n - k + step) as f64 / step as f64).ln()).sum()
}

/// How many logs, drawn with replacement, catch with this probability what this share of them shows: Shavit's ln(1 − p) / ln(1 − q·c/M).
/// None unless both lie between 0 and 1.
pub fn logs_with_replacement(share: f64, probability: f64) -> Option<u64> {
    let open = |value: f64| value > 0.0 && value < 1.0;
    (open(share) && open(probability)).then(|| ((-probability).ln_1p() / (-share).ln_1p()).ceil() as u64)
}

/// Draws as many machines by a seed that nobody knew before: those whose hash with it is smallest. Anybody can draw again and compare; the
/// order of the list does not matter.
///
/// ```
/// let machines: Vec<[u8; 32]> = (0..100).map(|number| [number; 32]).collect();
/// let drawn = inspector::sampling::draw(&[7; 32], &machines, 10);
/// assert_eq!(drawn.len(), 10);
/// let mut other = machines.clone();
/// other.reverse();
/// assert_eq!(drawn, inspector::sampling::draw(&[7; 32], &other, 10));
/// assert_ne!(drawn, inspector::sampling::draw(&[8; 32], &machines, 10));
/// ```
pub fn draw(seed: &[u8; 32], machines: &[[u8; 32]], logs: u64) -> Vec<[u8; 32]> {
    let rank = |machine: &[u8; 32]| -> [u8; 32] {
        Sha256::new()
            .chain_update(b"matrixai:sample:v1")
            .chain_update(seed)
            .chain_update(machine)
            .finalize()
            .into()
    };
    let mut ranked: Vec<([u8; 32], [u8; 32])> =
        machines.iter().map(|machine| (rank(machine), *machine)).collect();
    ranked.sort_unstable();
    ranked.dedup();
    ranked.truncate(usize::try_from(logs).unwrap_or(usize::MAX));
    ranked.into_iter().map(|(_, machine)| machine).collect()
}

/// What an inspector is told.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// Machines that keep logs.
    pub machines: u64,
    /// Machines that the run takes at the least.
    pub violators: u64,
    /// The probability that one of them has evidence.
    pub evidence: f64,
    /// Logs to look at.
    pub logs: u64,
    /// The probability that they catch it.
    pub caught: f64,
    /// The machines that were drawn, in hex, where a list was given.
    pub drawn: Vec<String>,
}

/// Answers the question, and draws where there is something to draw from.
pub fn plan(
    hunt: &Hunt,
    probability: f64,
    draw_from: Option<([u8; 32], Vec<[u8; 32]>)>,
) -> Result<Plan, Error> {
    let (violators, evidence) = hunt.violators().zip(hunt.evidence()).ok_or(Error::NoSuchRun)?;
    let logs = hunt.logs_for(probability).ok_or(Error::NotEnoughLogs)?;
    let caught = hunt.caught(logs).ok_or(Error::NoSuchRun)?;
    let drawn = draw_from.map_or_else(Vec::new, |(seed, machines)| draw(&seed, &machines, logs));
    let drawn = drawn.iter().map(hex::encode).collect();
    Ok(Plan { machines: hunt.machines, violators, evidence, logs, caught, drawn })
}

impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "such a run takes at least {} of {} machines; one of them has evidence with probability {:.4}\n\
             {} logs, drawn at random, catch it with probability {:.4}",
            self.violators, self.machines, self.evidence, self.logs, self.caught
        )?;
        self.drawn.iter().try_for_each(|machine| writeln!(out, "{machine}"))
    }
}

/// 65 bytes a machine: two million of them.
const LONGEST_LIST: u64 = 128 << 20;

/// The machines of a list, each once: one identifier in hex a line.
pub fn read_list(path: &Path) -> Result<Vec<[u8; 32]>, Error> {
    let text = plain_io::read_to_string(path, LONGEST_LIST)
        .map_err(|source| Error::List { path: path.into(), source })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut machines = lines.map(read_seed).collect::<Result<Vec<_>, _>>()?;
    machines.sort_unstable();
    machines.dedup();
    Ok(machines)
}

/// 32 bytes in hex.
pub fn read_seed(text: &str) -> Result<[u8; 32], Error> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim_start_matches("0x"), &mut bytes)
        .map_err(|_| Error::NotHex(text.into()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng, seq::index};

    const MACHINES: u64 = 10_000;
    const DAY: f64 = 86_400.0;
    const ROUNDS: u32 = 2_000;

    fn hunt(violators: u64, interval: f64) -> Hunt {
        let (rate, period) = (4e14, 7.0 * DAY);
        Hunt { machines: MACHINES, flop: violators as f64 * rate * period, rate, period, interval }
    }

    /// Plays it: a week, machines with evidence at exponential intervals, an inspector who opens logs at random.
    fn simulated(violators: u64, interval: f64, logs: u64, random: &mut StdRng) -> f64 {
        let mut hits = 0;
        for _ in 0..ROUNDS {
            let opened = index::sample(random, MACHINES as usize, logs as usize);
            let shows = |random: &mut StdRng| -interval * random.r#gen::<f64>().ln() < 7.0 * DAY;
            hits += u32::from(opened.iter().any(|machine| (machine as u64) < violators && shows(random)));
        }
        f64::from(hits) / f64::from(ROUNDS)
    }

    /// Rows of the table in docs/sampling.md: violators of 10,000, mean interval in days, probability.
    const ROWS: [(u64, f64, f64); 8] = [
        (10, 1.0, 0.90),
        (10, 1.0, 0.99),
        (100, 1.0, 0.50),
        (100, 1.0, 0.90),
        (100, 1.0, 0.99),
        (100, 7.0, 0.90),
        (100, 28.0, 0.90),
        (1_000, 1.0, 0.99),
    ];

    #[test]
    fn ten_thousand_machines_agree_with_the_formula_and_the_table_with_both() {
        let table = include_str!("../../docs/sampling.md");
        let mut random = StdRng::seed_from_u64(1);
        let mut missing = Vec::new();
        for (violators, days, wanted) in ROWS {
            let hunt = hunt(violators, days * DAY);
            assert_eq!(hunt.violators(), Some(violators));
            let (logs, evidence) = (hunt.logs_for(wanted).unwrap(), hunt.evidence().unwrap());
            let told = hunt.caught(logs).unwrap();
            assert!(told >= wanted && hunt.caught(logs - 1).unwrap() < wanted);
            let closed =
                logs_with_replacement(evidence * violators as f64 / MACHINES as f64, wanted).unwrap();
            assert!(closed >= logs, "{closed} {logs}");
            let seen = simulated(violators, days * DAY, logs, &mut random);
            let error = (told * (1.0 - told) / f64::from(ROUNDS)).sqrt();
            let row = format!(
                "| {violators} | {days} | {evidence:.3} | {:.0} % | {logs} | {closed} | {:.2} % | {:.2} % ± {:.2} |",
                wanted * 100.0,
                told * 100.0,
                seen * 100.0,
                error * 100.0
            );
            assert!((seen - told).abs() < 4.0 * error, "{row}");
            missing.extend((!table.contains(&row)).then_some(row));
        }
        assert!(missing.is_empty(), "docs/sampling.md lacks these rows:\n{}", missing.join("\n"));
    }

    #[test]
    fn fewer_machines_for_longer_are_harder_to_catch() {
        // The same run, spread over ever more machines for ever less time.
        let run = 100.0 * 7.0;
        let caught: Vec<f64> = [100u64, 200, 700, 1_400]
            .into_iter()
            .map(|violators| caught(MACHINES, violators, evidence(run / violators as f64, 1.0), 100))
            .collect();
        assert!(caught.is_sorted(), "{caught:?}");
    }

    #[test]
    fn edges() {
        assert_eq!(caught(100, 1, 1.0, 100), 1.0);
        assert_eq!(caught(100, 100, 1.0, 1), 1.0);
        assert_eq!(caught(100, 0, 1.0, 50), 0.0);
        assert_eq!(caught(100, 50, 0.0, 50), 0.0);
        assert!((caught(4, 2, 1.0, 2) - 5.0 / 6.0).abs() < 1e-12);
        assert!((caught(4, 2, 0.5, 3) - (1.0 - (0.5 * 0.5 + 0.5 * 0.25))).abs() < 1e-12);
        let hunt = Hunt { machines: 10, flop: 1e30, rate: 1e12, period: 1.0, interval: 1.0 };
        assert_eq!((hunt.violators(), hunt.logs_for(0.5)), (None, None));
        let rare = Hunt { flop: 1e12, interval: 10.0, ..hunt };
        assert_eq!(rare.logs_for(0.5), None, "not even all logs show it");
        for nonsense in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            assert_eq!(Hunt { rate: nonsense, ..hunt }.violators(), None);
            assert_eq!(rare.logs_for(nonsense).filter(|logs| *logs > 0), None);
        }
    }
}
