//! Whether the chain did what it promises: weights are compute power, before and after the growth, and blocks go by weight.

use super::{
    GROWTH, OWNERS,
    blocks::Epoch,
    chance::{self, normal},
};
use anyhow::{Result, bail};
use serde_json::{Value, json};

/// Shares that should be alike may differ by this part of them: weights and powers are whole numbers of ten digits and more.
const ROUNDING: f64 = 1e-6;
/// Fewer blocks of one part say nothing.
const LEAST_COUNTED: u64 = 10;
/// Micro-ut in a ut.
const UT: f64 = 1e6;

/// Epochs with the same compute power.
struct Part<'a> {
    name: &'static str,
    epochs: Vec<&'a Epoch>,
}

/// Epochs before and after the growth: both must be there, each with the weights that it should have and blocks by its weights.
pub fn judge(epochs: &[Epoch], c: f64) -> Result<Value> {
    epochs.iter().try_for_each(weights_are_powers)?;
    let (mut statistic, mut freedom, mut parts) = (0.0, 0, Vec::new());
    for part in split(epochs)? {
        let (counted, expected) = part.blocks(c);
        let chi = chance::chi_square(&counted, &expected);
        statistic += chi;
        freedom += OWNERS.len() as u32 - 1;
        let owners = part.owners(c, &counted, &expected);
        let epochs = part.epochs.len();
        parts.push(json!({ "weights": part.name, "epochs": epochs, "chi_square": chi, "owners": owners }));
    }
    let p = chance::p_value(statistic, freedom);
    Ok(json!({ "c": c, "parts": parts, "chi_square": statistic, "freedom": freedom, "p": p }))
}

/// What was announced is what `pallet-ecp` told of the owners at that moment.
fn weights_are_powers(epoch: &Epoch) -> Result<()> {
    let Epoch { index, weights, powers, .. } = epoch;
    if !alike(&weight_shares(epoch), &power_shares(epoch)) {
        bail!("epoch {index} has weights {weights:?}, which are not in proportion to the ECP {powers:?}");
    }
    Ok(())
}

/// The epochs before the growth and those after it.
fn split(epochs: &[Epoch]) -> Result<[Part<'_>; 2]> {
    let seeds = |factor: u32| {
        let last = OWNERS.len() - 1;
        let grown = |at| if at == last { f64::from(factor) } else { 1.0 };
        normal(OWNERS.iter().enumerate().map(|(at, (.., ut))| *ut as f64 * grown(at)).collect())
    };
    let of = |name, factor| {
        let shares = seeds(factor);
        Part { name, epochs: epochs.iter().filter(|epoch| alike(&power_shares(epoch), &shares)).collect() }
    };
    let parts = [of("as at genesis", 1), of("the last one's power eightfold", GROWTH)];
    let known: usize = parts.iter().map(|part| part.epochs.len()).sum();
    if known < epochs.len() {
        let seen: Vec<_> = epochs.iter().map(|epoch| (epoch.index, &epoch.powers)).collect();
        bail!("the owners' ECP is neither as at genesis nor as after the growth in some epochs: {seen:?}");
    }
    for part in &parts {
        let blocks: u64 = part.epochs.iter().flat_map(|epoch| &epoch.counted).sum();
        if blocks < LEAST_COUNTED {
            bail!(
                "part missing: {blocks} blocks in epochs with weights \"{}\", at least {LEAST_COUNTED} are \
                 needed. If the light client's log tells of the change, count more with --blocks",
                part.name
            );
        }
    }
    Ok(parts)
}

impl Part<'_> {
    /// Blocks of each owner, counted and expected.
    fn blocks(&self, c: f64) -> (Vec<f64>, Vec<f64>) {
        let (mut counted, mut expected) = (vec![0.0; OWNERS.len()], vec![0.0; OWNERS.len()]);
        for epoch in &self.epochs {
            let total: u64 = epoch.counted.iter().sum();
            let shares = chance::shares(c, &epoch.weights);
            for (at, share) in shares.iter().enumerate() {
                expected[at] += share * total as f64;
                counted[at] += epoch.counted[at] as f64;
            }
        }
        (counted, expected)
    }

    fn owners(&self, c: f64, counted: &[f64], expected: &[f64]) -> Vec<Value> {
        let Some(last) = self.epochs.last() else { return Vec::new() };
        let (powers, weights, wins) =
            (power_shares(last), weight_shares(last), chance::win(c, &last.weights));
        let row = |(at, (owner, ..)): (usize, &(&str, &str, &str, u64))| {
            json!({
                "owner": owner,
                "ecp": last.powers[at] as f64 / UT,
                "power": powers[at],
                "weight": weights[at],
                "win": wins[at],
                "expected": expected[at],
                "counted": counted[at],
            })
        };
        OWNERS.iter().enumerate().map(row).collect()
    }
}

fn weight_shares(epoch: &Epoch) -> Vec<f64> {
    normal(epoch.weights.iter().map(|weight| *weight as f64).collect())
}

fn power_shares(epoch: &Epoch) -> Vec<f64> {
    normal(epoch.powers.iter().map(|power| *power as f64).collect())
}

fn alike(ours: &[f64], theirs: &[f64]) -> bool {
    let close = |(one, other): (&f64, &f64)| (one - other).abs() <= ROUNDING * other;
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(close)
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: f64 = 0.45;

    /// An epoch of 30 blocks that owners of such power got by their weights.
    fn epoch(index: u64, powers: [u64; 4], weights: [u64; 4]) -> Epoch {
        let powers = powers.map(|power| u128::from(power) * 400_000_000).to_vec();
        let counted = chance::shares(C, &weights).iter().map(|share| (30.0 * share).round() as u64).collect();
        Epoch { index, weights: weights.to_vec(), powers, counted }
    }

    const BEFORE: [u64; 4] = [40, 30, 20, 10];
    const AFTER: [u64; 4] = [40, 30, 20, 80];

    fn weights(powers: [u64; 4]) -> [u64; 4] {
        powers.map(|power| power << 40)
    }

    fn refused(epochs: &[Epoch], why: &str) {
        let error = judge(epochs, C).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn an_honest_chain_passes_in_both_parts() {
        let epochs = [epoch(0, BEFORE, weights(BEFORE)), epoch(1, AFTER, weights(AFTER))];
        let result = judge(&epochs, C).unwrap();
        assert_eq!((result["parts"].as_array().unwrap().len(), &result["freedom"]), (2, &json!(6)));
        assert!(result["p"].as_f64().unwrap() > 0.5, "{result}");
        let dave = &result["parts"][1]["owners"][3];
        assert_eq!(dave["ecp"], 32_000.0, "0.4 of 80,000 ut a day");
        assert!((dave["power"].as_f64().unwrap() - 80.0 / 170.0).abs() < 1e-9, "{dave}");
    }

    #[test]
    fn weights_that_are_not_the_power_are_refused() {
        let equal = [epoch(0, BEFORE, [1; 4]), epoch(1, AFTER, [1; 4])];
        refused(&equal, "not in proportion to the ECP");
        let late = [epoch(0, BEFORE, weights(BEFORE)), epoch(1, AFTER, weights(BEFORE))];
        refused(&late, "epoch 1 has weights");
    }

    #[test]
    fn a_missing_part_is_named() {
        let before = || epoch(0, BEFORE, weights(BEFORE));
        refused(&[before()], "the last one's power eightfold");
        refused(&[epoch(1, AFTER, weights(AFTER))], "as at genesis");
        let mut short = epoch(1, AFTER, weights(AFTER));
        short.counted = vec![1, 0, 0, 1];
        refused(&[before(), short], "2 blocks in epochs");
    }

    #[test]
    fn another_power_than_was_given_is_refused() {
        let others = [40, 30, 20, 40];
        let epochs = [
            epoch(0, BEFORE, weights(BEFORE)),
            epoch(1, others, weights(others)),
            epoch(2, AFTER, weights(AFTER)),
        ];
        refused(&epochs, "neither as at genesis nor as after the growth");
    }

    #[test]
    fn blocks_shared_out_evenly_are_improbable() {
        let mut epochs = [epoch(0, BEFORE, weights(BEFORE)), epoch(1, AFTER, weights(AFTER))];
        epochs.iter_mut().for_each(|epoch| epoch.counted = vec![75; 4]);
        assert!(judge(&epochs, C).unwrap()["p"].as_f64().unwrap() < super::super::LEAST_P);
    }
}
