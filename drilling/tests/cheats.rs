//! The cheats of docs/drilling.md, each done, and caught by the check that the document names.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/machine.rs"]
mod machine;

use drilling::{
    Hash, Kernel, Layer, Layers, Question, Spec, Task, commitment, digits, fraud,
    freivalds::{P, Product, random_vector},
    reference, requantise,
};
use machine::{Machine, carry_on, inspect};

fn task(seed: u8) -> Task {
    let layer = |outputs, multiplier| Layer { outputs, multiplier, shift: 32 };
    let layers = Layers::new(&[layer(64, 2_224_400), layer(64, 10_664_000), layer(32, 1)]).unwrap();
    Task { spec: Spec { kernel: Kernel::Mlp, rows: 24, inputs: 512, layers }, seed: [seed; 32] }
}

/// The first layer's matrices.
fn matrices(task: &Task) -> (Vec<i8>, Vec<i8>) {
    let id = task.id();
    (reference::inputs(task, &id, None), reference::weights(&id, 0, 64, 512, None))
}

/// The first layer done wrongly, the rest consistently.
fn with_first(task: &Task, sums: Vec<i32>) -> Machine {
    Machine::claiming(task, carry_on(task, None, vec![sums]))
}

/// Replicas differ, Freivalds sees it, and the chain convicts.
fn caught(truth: &Machine, liar: &Machine) {
    let task = truth.task;
    assert_ne!(liar.outcome.digest, truth.outcome.digest, "replicas differ");
    let proof = inspect(truth, liar, None).expect("the inspector finds it");
    let fraud = fraud::verify(&task, &liar.outcome.digest, &proof).expect("the chain convicts");
    if fraud.layer == 0 {
        let (inputs, weights) = matrices(&task);
        let product = Product { inputs: &inputs, weights: &weights, width: 512 };
        let r = random_vector(&[1; 32], 0, 64);
        assert!(product.check(&truth.layers[0], &r).unwrap());
        assert!(!product.check(&liar.layers[0], &r).unwrap(), "Freivalds sees it");
    }
}

#[test]
fn skipping_a_layer() {
    let truth = Machine::honest(&task(1), None);
    let mut layers = truth.layers.clone();
    layers[2] = vec![0; layers[2].len()];
    caught(&truth, &Machine::claiming(&truth.task, layers));
    // Without the accumulators there are no answers either.
    let invented = drilling::digest(&truth.task.id(), &[[1; 32], [2; 32], [3; 32]]);
    let root = Question::Roots.descend(&truth.task, &[1; 96], 0).unwrap();
    assert!(root.0.check(&truth.task, &root.1, &truth.answer(&root.0)).is_err());
    assert_ne!(invented, truth.outcome.digest);
}

#[test]
fn sampling_positions() {
    let truth = Machine::honest(&task(2), None);
    let mut sums = truth.layers[0].clone();
    let half = sums.len() / 2;
    sums[half..].fill(0);
    caught(&truth, &with_first(&truth.task, sums));
}

#[test]
fn half_of_every_sum() {
    let truth = Machine::honest(&task(3), None);
    let (inputs, weights) = matrices(&truth.task);
    let halves = |matrix: &[i8]| matrix.chunks(512).flat_map(|row| row[..256].to_vec()).collect::<Vec<_>>();
    let sums = reference::product(&halves(&inputs), &halves(&weights), 256);
    let same = sums.iter().zip(&truth.layers[0]).filter(|(ours, theirs)| ours == theirs).count();
    assert!(same < 5, "{same} of {} come out right", sums.len());
    caught(&truth, &with_first(&truth.task, sums));
}

#[test]
fn fewer_bits() {
    let truth = Machine::honest(&task(4), None);
    let (inputs, weights) = matrices(&truth.task);
    let coarse = |matrix: &[i8]| matrix.iter().map(|element| element >> 4 << 4).collect::<Vec<_>>();
    let sums = reference::product(&coarse(&inputs), &coarse(&weights), 512);
    caught(&truth, &with_first(&truth.task, sums));
}

#[test]
fn the_matrices_have_full_rank() {
    // Gauss modulo P: a matrix with a shortcut of low rank would show it here.
    let (_, weights) = matrices(&task(5));
    let mut rows: Vec<Vec<u64>> = weights
        .chunks(512)
        .map(|row| {
            row[..64].iter().map(|element| i128::from(*element).rem_euclid(i128::from(P)) as u64).collect()
        })
        .collect();
    let times = |a: u64, b: u64| (u128::from(a) * u128::from(b) % u128::from(P)) as u64;
    let inverse = |mut base: u64| {
        let (mut power, mut result) = (P - 2, 1);
        while power > 0 {
            if power & 1 == 1 {
                result = times(result, base);
            }
            (base, power) = (times(base, base), power >> 1);
        }
        result
    };
    for column in 0..64 {
        let pivot = (column..64).find(|row| rows[*row][column] != 0).expect("full rank");
        rows.swap(column, pivot);
        let (head, rest) = rows.split_at_mut(column + 1);
        let (pivot, inverse) = (&head[column], inverse(head[column][column]));
        for row in rest {
            let factor = times(row[column], inverse);
            for (value, above) in row.iter_mut().zip(pivot) {
                *value = (*value + P - times(factor, *above)) % P;
            }
        }
    }
}

#[test]
fn reusing_another_task() {
    let (truth, other) = (Machine::honest(&task(6), None), Machine::honest(&task(7), None));
    caught(&truth, &Machine::claiming(&truth.task, other.layers.clone()));
    // Not even a digest of the same accumulators is the same.
    let moved = Machine::claiming(&other.task, truth.layers.clone());
    assert_ne!(moved.outcome.digest, truth.outcome.digest);
}

#[test]
fn computing_beforehand() {
    // Everything about a published network and shard is known, except the seed: it changes every input row.
    let published = digits::published().unwrap();
    let spec = published.spec(16).unwrap();
    let inputs = |seed| {
        let task = Task { spec, seed: [seed; 32] };
        reference::inputs(&task, &task.id(), Some(&published))
    };
    let (today, tomorrow) = (inputs(1), inputs(2));
    for (one, other) in today.chunks(784).zip(tomorrow.chunks(784)) {
        let changed = one.iter().zip(other).filter(|(one, other)| one != other).count();
        assert!(changed > 700, "{changed} of 784");
    }
}

#[test]
fn another_rounding() {
    let truth = Machine::honest(&task(8), None);
    let (layer, first) = (truth.task.spec.layers[0], truth.layers[0].clone());
    // Rounds down where the rule rounds to nearest.
    let floor =
        |sum: &i32| ((i64::from((*sum).max(0)) * i64::from(layer.multiplier)) >> 32).clamp(-128, 127) as i8;
    let inputs: Vec<i8> = first.iter().map(floor).collect();
    assert!(first.iter().zip(&inputs).any(|(sum, input)| requantise(*sum, &layer) != *input));
    let weights = reference::weights(&truth.task.id(), 1, 64, 64, None);
    let second = reference::product(&inputs, &weights, 64);
    caught(&truth, &Machine::claiming(&truth.task, carry_on(&truth.task, None, vec![first, second])));
}

#[test]
fn knowing_what_freivalds_will_ask() {
    let truth = Machine::honest(&task(9), None);
    let (inputs, weights) = matrices(&truth.task);
    let product = Product { inputs: &inputs, weights: &weights, width: 512 };
    // Who knows r can move an error where it cancels: 3·r₀ − r₁ = 0 for this r.
    let known: Vec<u64> = (0..64).map(|column| if column == 1 { 3 } else { 1 }).collect();
    let mut sums = truth.layers[0].clone();
    (sums[0], sums[1]) = (sums[0] + 3, sums[1] - 1);
    assert!(product.check(&sums, &known).unwrap(), "it passes what it was made for");
    assert!(!product.check(&sums, &random_vector(&[2; 32], 0, 64)).unwrap(), "and nothing else");
}

#[test]
fn copying_a_commitment() {
    let digest: Hash = [5; 32];
    assert_ne!(commitment(&digest, &[1; 32], &[9; 32]), commitment(&digest, &[2; 32], &[9; 32]));
}
