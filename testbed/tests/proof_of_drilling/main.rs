//! Proof of Drilling on real processes: whoever agrees is credited the same, whoever lies or is silent gains nothing by it.
//!
//! Two stories of ten minutes, most of which they wait for blocks. Each has a network of its own: validators, inspectors, and five machines
//! of four owners, each with a TPM. Two of the machines run their agents; of the others the test drives the device keys, through a light
//! client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod absence;
mod agreement;
mod claim;
mod collusion;
mod copycat;
mod driven;
mod eyes;
mod inspector;
mod liar;
mod network;
mod publisher;
mod round;
mod silence;

use anyhow::Result;
use network::Network;
use std::time::Instant;
use testbed::{Programs, Stage};

/// A part of the story, and what it is called.
type Part = (&'static str, fn(&mut Network) -> Result<()>);

/// Some are honest, one lies.
const LIES: [Part; 4] = [
    ("machines unlike each other agree, and are credited the same", agreement::credited_the_same),
    (
        "a liar: all forfeit, an inspector finds it, its stake is slashed, the honest one is compensated",
        liar::convicted,
    ),
    ("a lying inspector slashes nobody", inspector::slashes_nobody),
    ("a publisher who overstates a task's difficulty is refused", publisher::is_refused),
];

/// Nobody does what is wanted.
const GAPS: [Part; 2] = [
    ("copied, silent, late, absent, lapsed: five tasks of one round", round::of_five_tasks),
    (
        "one owner's machines never share a task; colluders are caught by an audit",
        collusion::caught_by_an_audit,
    ),
];

#[test]
#[cfg_attr(not(feature = "node-tests"), ignore = "needs the built programs: --features node-tests")]
fn one_liar_gains_nothing() {
    tell(&LIES);
}

#[test]
#[cfg_attr(not(feature = "node-tests"), ignore = "needs the built programs: --features node-tests")]
fn absence_and_collusion_gain_nothing() {
    tell(&GAPS);
}

fn tell(parts: &[Part]) {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::set(Programs::beside_this_one().unwrap(), dir.path()).unwrap();
    if let Err(error) = story(stage, parts) {
        panic!("{error:?}\nThe logs of every process are in {}", dir.keep().display());
    }
}

fn story(stage: Stage, parts: &[Part]) -> Result<()> {
    let started = Instant::now();
    let mut network = Network::set(stage)?;
    println!("… five machines of four owners are enrolled\n  {} s", started.elapsed().as_secs());
    for (name, part) in parts.iter().filter(|part| wanted(part)) {
        let started = Instant::now();
        println!("… {name}");
        let told = part(&mut network);
        // A process that is gone says more than whoever waited for it.
        network.check()?;
        told?;
        println!("  {} s", started.elapsed().as_secs());
    }
    Ok(())
}

/// While working on one part: `MATRIXAI_PARTS=liar` (several behind commas) runs only those whose name contains it.
fn wanted((name, _): &Part) -> bool {
    let parts = std::env::var("MATRIXAI_PARTS").unwrap_or_default();
    parts.split(',').any(|part| name.contains(part))
}
