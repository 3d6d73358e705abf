//! The GPU gives the reference's results, and its answers pass. Without a GPU there is nothing to test, and these say so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use gpu_compute::{
    GpuError,
    challenge::{
        Challenger,
        fingerprint::Verified,
        memory::{Filled, Memory, Questions},
        on_all, seed_of,
    },
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One test at a time: each may want all of the memory.
static GPU: Mutex<()> = Mutex::new(());

fn challenger() -> Option<(MutexGuard<'static, ()>, Challenger)> {
    let alone = GPU.lock().unwrap_or_else(PoisonError::into_inner);
    match Challenger::open(0) {
        Ok(challenger) => Some((alone, challenger)),
        Err(GpuError::NoDriver | GpuError::NoDevice(_)) => {
            println!("no GPU here: nothing was compared");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_gpu_gives_the_references_results() {
    let Some((_alone, mut challenger)) = challenger() else { return };
    for (lanes, steps, walks) in [
        (1, 1, 1),
        (1, 2, 3),
        (3, 5, 2),
        (5, 63, 33),
        (7, 131, 64),
        (4, 256, 65),
        (129, 65, 700),
        (64, 300, 2000),
    ] {
        let challenge = Memory::new(lanes, steps, walks, [lanes as u8; 32]).unwrap();
        let expected = Filled::new(&challenge).unwrap();
        let done = challenger.memory(&challenge).unwrap();
        assert_eq!(done.roots, expected.roots(), "{lanes} × {steps}, {walks} walks");
        assert_eq!(done.digest, expected.digest());
        let questions = Questions::draw(&challenge, &done.digest, &[2; 32], 30, 5);
        let given = challenger.disclose(&questions).unwrap().unwrap();
        assert_eq!(given, expected.disclose(&questions).unwrap(), "{lanes} × {steps}, {walks} walks");
        challenge.verify(&done.digest, &questions, &given).unwrap();
    }
}

#[test]
fn most_of_the_memory_is_filled_and_opened() {
    let Some((_alone, mut challenger)) = challenger() else { return };
    let bytes = challenger.free().unwrap() / 20 * 18;
    let challenge = Memory::filling(bytes, 4, [3; 32]).unwrap();
    let done = challenger.memory(&challenge).unwrap();
    println!("{:.1} GB: {:?}", challenge.bytes() as f64 / 1e9, done.spans);
    let questions = Questions::draw(&challenge, &done.digest, &[2; 32], 100, 5);
    let given = challenger.disclose(&questions).unwrap().unwrap();
    challenge.verify(&done.digest, &questions, &given).unwrap();
    // What does not fit says so, and the next one is done all the same.
    let beyond = Memory::filling(bytes * 8, 1, [3; 32]).unwrap();
    assert!(matches!(challenger.memory(&beyond), Err(GpuError::Memory { .. })));
    assert!(challenger.disclose(&questions).unwrap().is_none(), "nothing is left of the one before");
    challenger.memory(&Memory::filling(1 << 20, 1, [3; 32]).unwrap()).unwrap();
}

#[test]
fn a_fingerprints_work_is_done() {
    let Some((_alone, mut challenger)) = challenger() else { return };
    for seed in 0..3 {
        let print = challenger.fingerprint(&[seed; 32], 20).unwrap();
        println!("{} in {:?}", print.rates, print.host);
        assert_eq!(print.verified, Verified::Right);
    }
}

#[test]
fn all_gpus_are_asked_at_once_each_with_its_seed() {
    let _alone = GPU.lock().unwrap_or_else(PoisonError::into_inner);
    let (draw, machine) = ([1; 32], [2; 32]);
    let done = on_all(&draw, &machine, |challenger, seed| {
        let challenge = Memory::filling(1 << 22, 1, seed).expect("a challenge");
        challenger.memory(&challenge).map(|done| (challenge, done.digest))
    });
    assert_eq!(done.len(), gpu_compute::count());
    for done in done {
        let (facts, (challenge, digest)) = done.unwrap();
        let expected = Memory::filling(1 << 22, 1, seed_of(&draw, &machine, &facts.uuid)).unwrap();
        assert_eq!(challenge, expected);
        assert_eq!(digest, Filled::new(&expected).unwrap().digest());
    }
}
