//! Whoever cheats is convicted by a proof that the chain can check; whoever did the work never is.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/machine.rs"]
mod machine;

use common::{Dice, task};
use drilling::{FraudError, MAX_FRAUD_PROOF, Question, Task, accumulator_bytes, fraud, prove::Place};
use machine::{Machine, accusation, carry_on, inspect};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn one_wrong_accumulator_convicts(number in any::<u64>(), pick in any::<u64>(), error in any::<i32>(), consistent in any::<bool>()) {
        prop_assume!(error != 0);
        let (task, published) = task(number, 70);
        let truth = Machine::honest(&task, published.as_ref());
        let mut dice = Dice(pick);
        let layer = dice.roll(truth.layers.len() as u64) as usize;
        let at = dice.roll(truth.layers[layer].len() as u64) as usize;
        let mut layers = truth.layers.clone();
        layers[layer][at] = layers[layer][at].wrapping_add(error);
        if consistent {
            layers.truncate(layer + 1);
            layers = carry_on(&task, published.as_ref(), layers);
        }
        let liar = Machine::claiming(&task, layers);
        let proof = inspect(&truth, &liar, published.as_ref()).expect("there is a difference");
        prop_assert!(proof.len() <= MAX_FRAUD_PROOF);
        let fraud = fraud::verify(&task, &liar.outcome.digest, &proof).unwrap();
        prop_assert_eq!((usize::from(fraud.layer), fraud.claimed.wrapping_sub(fraud.computed)), (layer, error));
        let index = Place { layer: fraud.layer, row: fraud.row, column: fraud.column }.index(&task);
        prop_assert_eq!(index, at as u64);
        // The same proof says nothing about the honest machine.
        prop_assert_eq!(fraud::verify(&task, &truth.outcome.digest, &proof), Err(FraudError::Roots));
    }

    #[test]
    fn the_honest_are_never_convicted(number in any::<u64>(), pick in any::<u64>(), at in any::<usize>(), flip in 1..=255u8) {
        let (task, published) = task(number, 70);
        let machine = Machine::honest(&task, published.as_ref());
        prop_assert_eq!(inspect(&machine, &machine, published.as_ref()), None);
        let mut dice = Dice(pick);
        let layer = dice.roll(machine.layers.len() as u64) as u8;
        let index = dice.roll(machine.layers[layer as usize].len() as u64);
        let place = Place::new(&task, layer, index).unwrap();
        let mut proof = accusation(&machine, published.as_ref(), &place);
        prop_assert_eq!(fraud::verify(&task, &machine.outcome.digest, &proof), Err(FraudError::Honest));
        let at = at % proof.len();
        proof[at] ^= flip;
        let verdict = fraud::verify(&task, &machine.outcome.digest, &proof);
        prop_assert!(verdict.is_err(), "{verdict:?}");
    }

    #[test]
    fn any_bytes_get_an_answer(number in any::<u64>(), bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
        let (task, _) = task(number, 30);
        prop_assert!(fraud::verify(&task, &[0; 32], &bytes).is_err());
    }

    #[test]
    fn a_cut_or_longer_proof_is_refused(number in any::<u64>(), cut in any::<usize>()) {
        let (task, published) = task(number, 40);
        let machine = Machine::honest(&task, published.as_ref());
        let mut proof = accusation(&machine, published.as_ref(), &Place { layer: 0, row: 0, column: 0 });
        let digest = machine.outcome.digest;
        prop_assert!(fraud::verify(&task, &digest, &proof[..cut % proof.len()]).is_err());
        proof.push(0);
        prop_assert_eq!(fraud::verify(&task, &digest, &proof), Err(FraudError::TrailingBytes));
    }
}

#[test]
fn garbage_has_no_answers() {
    let (task, published) = task(5, 70);
    let truth = Machine::honest(&task, published.as_ref());
    // A digest that nobody knows the roots of: no answer passes, and silence is the pallet's to judge.
    assert!(Question::Roots.check(&task, &[9; 32], &truth.answer(&Question::Roots)).is_err());
}

#[test]
fn the_longest_proof_fits() {
    use drilling::{Kernel, Layer, Layers, MAX_ROWS, MAX_WIDTH, Spec};
    // Counted, not built: its matrices would not fit into memory.
    let layer = Layer { outputs: MAX_WIDTH, multiplier: 1, shift: 32 };
    let kernel = Kernel::Infer { network: [0; 32], shard: [0; 32], items: 1 << 24 };
    let layers = Layers::new(&[layer; 16]).unwrap();
    let spec = Spec { kernel, rows: MAX_ROWS, inputs: MAX_WIDTH, layers };
    spec.check().unwrap();
    let path = 2 * 38 * 32;
    let row = 4 * MAX_WIDTH as usize + 2 * 1024 + path;
    let weights = MAX_WIDTH as usize + 2 * 1024 + path;
    assert!(10 + 2 * 512 + (1024 + path) + row + weights <= MAX_FRAUD_PROOF);
    // As long as allowed, and nothing in it true.
    for length in [MAX_FRAUD_PROOF, MAX_FRAUD_PROOF + 1] {
        let mut bytes = vec![0; length];
        bytes[0] = 1;
        assert!(fraud::verify(&Task { spec, seed: [0; 32] }, &[0; 32], &bytes).is_err());
    }
}

#[test]
fn accumulators_lie_in_little_endian() {
    assert_eq!(accumulator_bytes(&[1, -1]), [1, 0, 0, 0, 255, 255, 255, 255]);
}
