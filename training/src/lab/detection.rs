//! A chain that is forged in part: how often do k drawn replays find it?

use super::{LabError, Setting};
use crate::{
    digest::Digest,
    engine::State,
    package::{Package, Writer},
    replay::{self, Choice, Why},
    train,
};
use std::{collections::BTreeSet, path::Path};

/// How often a forged chain was found.
#[derive(Debug, Clone, Copy)]
pub struct Detection {
    /// Intervals that are redone.
    pub k: usize,
    /// Draws.
    pub draws: u32,
    /// Draws with a forged interval among them.
    pub found: u32,
    /// 1 − (1 − f)^k.
    pub expected: f64,
}

impl Detection {
    /// The share that was found.
    pub fn rate(&self) -> f64 {
        f64::from(self.found) / f64::from(self.draws)
    }

    /// One standard error of that share, where the expected one is true.
    pub fn error(&self) -> f64 {
        (self.expected * (1.0 - self.expected) / f64::from(self.draws)).sqrt()
    }
}

/// Trains as ordered but for every `one_in`-th interval, of which only the first step is taken where it has more, and gives the numbers of those.
pub fn partly_forged(setting: &Setting, one_in: usize, folder: &Path) -> Result<BTreeSet<usize>, LabError> {
    let Setting { terms, graph, data, plan, .. } = setting;
    let mut writer = Writer::create(folder, terms, graph, &setting.origin())?;
    let mut state = State::initial(plan, &terms.optimiser, &terms.randomness);
    writer.add(0, &state.tensors(plan, &terms.optimiser))?;
    let (mut batches, mut interval, mut forged) = (terms.batches(), 0, BTreeSet::new());
    while state.step < terms.steps() {
        train::next_step(plan, terms, &mut state, &mut batches, data)?;
        // An interval of one step is done when that is.
        if interval % one_in == one_in / 2 && !terms.is_checkpoint(state.step) {
            forged.insert(interval);
            while !terms.is_checkpoint(state.step) {
                state.step += 1;
            }
        }
        if terms.is_checkpoint(state.step) {
            writer.add(state.step, &state.tensors(plan, &terms.optimiser))?;
            interval += 1;
        }
    }
    writer.finish(None)?;
    Ok(forged)
}

/// Redoes every interval once, and then draws: a replay gives the same bits each time. The intervals that do not match are given, too.
pub fn detection(
    setting: &Setting,
    folder: &Path,
    ks: &[usize],
    draws: u32,
) -> Result<(BTreeSet<usize>, Vec<Detection>), LabError> {
    let package = Package::open(folder)?;
    let count = package.len().saturating_sub(1);
    let all: Vec<(usize, Why)> = (0..count).map(|at| (at, Why::Drawn)).collect();
    let redone = replay::replay(&setting.plan, &package, &setting.data, &all, &|| {})?;
    let differ: BTreeSet<usize> = redone.iter().filter(|one| !one.matches()).map(|one| one.index).collect();
    let (commitment, f) = (package.commitment()?, differ.len() as f64 / count as f64);
    // The largest steps would help the verifier, and are left out.
    let is_found = |k: usize, draw: u32| {
        let randomness = Digest::of(&[b"detection", &draw.to_le_bytes(), &(k as u64).to_le_bytes()]);
        let choice = Choice { drawn: k, largest: 0 };
        let chosen = replay::choose(choice, &commitment, &randomness, &vec![1.0; count]);
        chosen.iter().any(|(at, _)| differ.contains(at))
    };
    let of = |&k: &usize| Detection {
        k,
        draws,
        found: (0..draws).filter(|&draw| is_found(k, draw)).count() as u32,
        expected: 1.0 - (1.0 - f).powi(k as i32),
    };
    let rates = ks.iter().map(of).collect();
    Ok((differ, rates))
}
