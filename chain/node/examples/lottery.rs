//! The block lottery by itself, for more owners and slots than a chain has time for.
//!
//! Two parts. *The claim*: the node's own `claim_slot_using_keys`, real sr25519 VRFs and all, for a few owners, against the win
//! probability `1 − (1−c)^θ` in closed form. *The draw*: that probability for ten thousand owners of heavy-tailed power over a million
//! slots, one comparison for each owner and slot of a drawn number with the owner's threshold, as the claim does it after the VRF. These
//! thresholds are this program's own: that they are the node's, the first part shows. Where several win a slot, any of them produces the
//! block that stays, each as likely: on a real chain the network decides.
//!
//! `cargo run -p matrixai-node --example lottery -- --slots 1000000 --owners 10000`

use clap::Parser;
use polkadot_sdk::*;
use sc_consensus_babe::{Epoch, authorship::claim_slot_using_keys};
use serde_json::{Value, json};
use sp_consensus_babe::{AllowedSlots, AuthorityId, BabeEpochConfiguration, KEY_TYPE, Slot};
use sp_core::ByteArray;
use sp_io::hashing::blake2_256;
use sp_keystore::{Keystore, KeystorePtr};
use std::{path::PathBuf, thread};

/// Values of c to hold against each other: the production chain has 1/3, development chains 9/20.
const CHANCES: [(u64, u64); 4] = [(1, 10), (1, 4), (1, 3), (9, 20)];
/// Slots in an epoch of the real claims.
const EPOCH: u64 = 300;
/// Owners who make them.
const CLAIMERS: usize = 20;
/// Below this chance their counts, each held against its own expectation, are taken as wrong.
const LEAST_P: f64 = 1e-4;
/// So many standard errors may the sum of all be off: a mistake that is alike for all shows there first.
const MOST_ERRORS: f64 = 4.0;

#[derive(Parser)]
struct Options {
    /// Slots to draw
    #[arg(long, default_value_t = 1_000_000)]
    slots: u64,
    /// Owners
    #[arg(long, default_value_t = 10_000)]
    owners: usize,
    /// Slots in which real VRFs are evaluated, by twenty owners; counts that chance does not explain are an error
    #[arg(long, default_value_t = 5_000)]
    claims: u64,
    /// Write the result as JSON here
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let claims = claims(options.claims)?;
    let number = |key: &str| claims[key].as_f64().unwrap_or(f64::NAN);
    println!(
        "Real claims: {} slots, {CLAIMERS} owners, {} won, {:.1} expected ({:+.1} standard errors); chi-square of owners {:.1} with \
         {CLAIMERS} degrees of freedom, p = {:.4}\n",
        options.claims,
        claims["won"],
        number("expected"),
        number("errors"),
        number("chi_square"),
        number("p"),
    );
    judge(number("errors"), number("p"))?;
    println!(
        "{} slots, {} owners, the strongest with {:.2} % of the power",
        options.slots,
        options.owners,
        100.0 * strongest(options.owners)
    );
    println!(
        "| c | slots with a block | of them forked | strongest: wins / fair, exact | wins / fair, drawn | blocks / fair | top 1 %: blocks / fair | rms error of a share |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut rows = Vec::new();
    for c in CHANCES {
        let row = draw(options.slots, options.owners, c);
        let cell = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
        println!(
            "| {}/{} | {:.2} % | {:.2} % | {:.4} | {:.4} | {:.4} | {:.4} | {:.2e} |",
            c.0,
            c.1,
            100.0 * cell("filled"),
            100.0 * cell("forked"),
            cell("strongest_wins_exact"),
            cell("strongest_wins"),
            cell("strongest_blocks"),
            cell("top_blocks"),
            cell("rms"),
        );
        rows.push(row);
    }
    if let Some(file) = options.json {
        std::fs::write(file, serde_json::to_vec_pretty(&json!({ "claims": claims, "draws": rows }))?)?;
    }
    Ok(())
}

/// Pareto with the exponent of "80 % belongs to 20 %", by quantiles, strongest first.
fn powers(owners: usize) -> Vec<u128> {
    let power = |rank: usize| 1e9 * ((rank as f64 + 0.5) / owners as f64).powf(-1.0 / 1.16);
    (0..owners).map(|rank| power(rank) as u128).collect()
}

fn strongest(owners: usize) -> f64 {
    let powers = powers(owners);
    powers.first().map_or(0.0, |first| *first as f64) / powers.iter().map(|power| *power as f64).sum::<f64>()
}

/// `1 − (1−c)^θ`, as clients compute it.
fn wins(weights: &[u64], c: (u64, u64)) -> Vec<f64> {
    let whole = weights.iter().sum::<u64>() as f64;
    let none = 1.0 - c.0 as f64 / c.1 as f64;
    weights.iter().map(|weight| 1.0 - none.powf(*weight as f64 / whole)).collect()
}

/// The node's own claims.
fn claims(slots: u64) -> Result<Value, Box<dyn std::error::Error>> {
    let store = sp_keystore::testing::MemoryKeystore::new();
    let mut authorities = Vec::new();
    for (index, power) in powers(CLAIMERS).into_iter().enumerate() {
        // A seed, not a phrase, which the store would stretch anew for every claim.
        let key = store.sr25519_generate_new(KEY_TYPE, Some(&format!("0x{index:064x}")))?;
        authorities.push((AuthorityId::from_slice(key.as_ref()).map_err(|()| "no key")?, power));
    }
    let weights = pallet_weights(&authorities.iter().map(|(_, power)| *power).collect::<Vec<_>>());
    let authorities: Vec<_> = authorities.into_iter().map(|(key, _)| key).zip(weights.clone()).collect();
    let (keystore, c): (KeystorePtr, _) = (store.into(), (1, 3));
    let expected: Vec<f64> = wins(&weights, c).into_iter().map(|p| p * slots as f64).collect();
    let mut won = vec![0u64; authorities.len()];
    for slot in 0..slots {
        let index = slot / EPOCH;
        let epoch: Epoch = sp_consensus_babe::Epoch {
            epoch_index: index,
            start_slot: Slot::from(index * EPOCH),
            duration: EPOCH,
            authorities: authorities.clone(),
            randomness: blake2_256(&index.to_le_bytes()),
            config: BabeEpochConfiguration { c, allowed_slots: AllowedSlots::PrimarySlots },
        }
        .into();
        for (at, (key, _)) in authorities.iter().enumerate() {
            let claimed = claim_slot_using_keys(Slot::from(slot), &epoch, &keystore, &[(key.clone(), at)]);
            if let Some(count) = won.get_mut(at).filter(|_| claimed.is_some()) {
                *count += 1;
            }
        }
    }
    let variances: Vec<f64> = expected.iter().map(|fair| fair * (1.0 - fair / slots as f64)).collect();
    let squares = won.iter().zip(&expected).map(|(seen, fair)| (*seen as f64 - fair).powi(2));
    let chi: f64 = squares.zip(&variances).map(|(square, variance)| square / variance).sum();
    let (sum, fair): (u64, f64) = (won.iter().sum(), expected.iter().sum());
    let errors = (sum as f64 - fair) / variances.iter().sum::<f64>().sqrt();
    let p = p_value(chi, CLAIMERS);
    Ok(json!({ "slots": slots, "won": sum, "expected": fair, "errors": errors, "chi_square": chi, "p": p }))
}

/// An error where chance does not explain what the node's claims won, or where nothing was counted.
fn judge(errors: f64, p: f64) -> Result<(), String> {
    if errors.abs() <= MOST_ERRORS && p >= LEAST_P {
        return Ok(());
    }
    Err(format!(
        "the node's claims do not win as the formula says: their sum is {errors:+.1} standard errors off, {MOST_ERRORS} are allowed; \
         the owners' counts have p = {p:.1e}, at least {LEAST_P:e} is wanted"
    ))
}

/// How likely a chi-square this large is by chance alone, for an even number of degrees of freedom: the first terms of a Poisson
/// distribution.
fn p_value(chi: f64, freedom: usize) -> f64 {
    let mean = chi / 2.0;
    let terms = (1..freedom / 2).scan(1.0, |term, k| {
        *term *= mean / k as f64;
        Some(*term)
    });
    (-mean).exp() * (1.0 + terms.sum::<f64>())
}

/// The weights that the chain announces.
fn pallet_weights(powers: &[u128]) -> Vec<u64> {
    pallet_authorities::scaled(powers)
}

/// Counts of one thread.
struct Counts {
    wins: Vec<u64>,
    blocks: Vec<u64>,
    filled: u64,
    forked: u64,
}

fn draw(slots: u64, owners: usize, c: (u64, u64)) -> Value {
    let powers = powers(owners);
    // More owners than one set takes: the scale of the weights is as fine with all of them.
    let weights = pallet_weights(&powers);
    let wins = wins(&weights, c);
    let thresholds: Vec<u64> = wins.iter().map(|p| (p * 2f64.powi(64)) as u64).collect();
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let counts: Vec<Counts> = thread::scope(|scope| {
        let run = |thread: u64| {
            let thresholds = &thresholds;
            let mine = slots / threads + u64::from(thread < slots % threads);
            scope.spawn(move || one_thread(mine, thresholds, seed(thread, c)))
        };
        let started: Vec<_> = (0..threads).map(run).collect();
        started.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let sum = |of: fn(&Counts) -> u64| counts.iter().map(of).sum::<u64>() as f64;
    let (filled, forked) = (sum(|counts| counts.filled), sum(|counts| counts.forked));
    let whole: f64 = powers.iter().map(|power| *power as f64).sum();
    let fair: Vec<f64> = powers.iter().map(|power| *power as f64 / whole).collect();
    let blocks: Vec<f64> = (0..owners)
        .map(|at| counts.iter().filter_map(|counts| counts.blocks.get(at)).sum::<u64>() as f64 / filled)
        .collect();
    let total: f64 = wins.iter().sum();
    let ratio = |count: usize| blocks.iter().take(count).sum::<f64>() / fair.iter().take(count).sum::<f64>();
    let square: f64 = blocks.iter().zip(&fair).map(|(seen, fair)| (seen - fair).powi(2)).sum();
    let won = counts.iter().filter_map(|counts| counts.wins.first()).sum::<u64>() as f64
        / sum(|counts| counts.wins.iter().sum());
    json!({
        "c": [c.0, c.1],
        "filled": filled / slots as f64,
        "forked": forked / filled,
        "strongest_share": fair.first(),
        "strongest_wins": won / fair.first().unwrap_or(&1.0),
        "strongest_wins_exact": wins.first().unwrap_or(&0.0) / total / fair.first().unwrap_or(&1.0),
        "strongest_blocks": ratio(1),
        "top_blocks": ratio(owners / 100),
        "rms": (square / owners as f64).sqrt(),
    })
}

fn one_thread(slots: u64, thresholds: &[u64], seed: u64) -> Counts {
    let mut counts =
        Counts { wins: vec![0; thresholds.len()], blocks: vec![0; thresholds.len()], filled: 0, forked: 0 };
    let (mut state, mut winners) = (seed, Vec::new());
    for _ in 0..slots {
        winners.clear();
        for (owner, threshold) in thresholds.iter().enumerate() {
            if next(&mut state) < *threshold {
                winners.push(owner);
            }
        }
        let drawn = next(&mut state) % (winners.len() as u64).max(1);
        if let Some(count) = winners.get(drawn as usize).and_then(|owner| counts.blocks.get_mut(*owner)) {
            *count += 1;
            counts.filled += 1;
            counts.forked += u64::from(winners.len() > 1);
        }
        for owner in &winners {
            if let Some(count) = counts.wins.get_mut(*owner) {
                *count += 1;
            }
        }
    }
    counts
}

/// Far from every other thread's and run's.
fn seed(thread: u64, c: (u64, u64)) -> u64 {
    let hash = blake2_256(&[thread, c.0, c.1].map(u64::to_le_bytes).concat());
    hash.first_chunk().map_or(thread, |head| u64::from_le_bytes(*head))
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut value = *state;
    value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ value >> 31
}
