//! All GPUs of a host at once: one card that is shown as several has to do the work of several in the time of one.

use super::{Challenger, seed_of};
use crate::{count, device::Facts, error::GpuError};
use drilling::Hash;
use std::{sync::Barrier, thread};

/// Opens every GPU, and when all are ready has each do `work` with its own seed. What came of each, by number.
pub fn on_all<T: Send>(
    draw: &Hash,
    machine: &Hash,
    work: impl Fn(&mut Challenger, Hash) -> Result<T, GpuError> + Sync,
) -> Vec<Result<(Facts, T), GpuError>> {
    let gpus = count();
    let ready = Barrier::new(gpus);
    let one = |index| {
        let opened = Challenger::open(index);
        // Also one that cannot be opened is waited for, or the others would wait for ever.
        ready.wait();
        let mut challenger = opened?;
        let facts = challenger.facts().clone();
        let seed = seed_of(draw, machine, &facts.uuid);
        work(&mut challenger, seed).map(|done| (facts, done))
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..gpus)
            .map(|index| {
                let one = &one;
                scope.spawn(move || one(index))
            })
            .collect();
        threads
            .into_iter()
            .zip(0..)
            .map(|(thread, index)| thread.join().map_or(Err(GpuError::NoDevice(index)), |done| done))
            .collect()
    })
}
