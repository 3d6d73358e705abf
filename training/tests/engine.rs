//! The engine against finite differences, and against tract, which is somebody else's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use training::{
    digest::Digest,
    engine::{Mode, Plan, State, cross_entropy, forward, gradients},
    graph::{self, Evaluator},
    order::Order,
    package::{Checkpoint, Part, save},
    terms::Optimiser,
};

/// The network of one of the example orders, and what its optimiser keeps.
fn example(name: &str) -> (Plan, Optimiser, Vec<u8>) {
    use figment::providers::{Format, Toml};
    let path = format!("{}/orders/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let order: Order = figment::Figment::from(Toml::file(path)).extract().unwrap();
    let plan = Plan::new(&order.input, order.layers.as_ref().unwrap()).unwrap();
    let graph = graph::export(&plan).unwrap();
    (plan, order.optimiser, graph)
}

fn samples(count: usize) -> (Vec<f32>, Vec<usize>) {
    let byte = |at: usize| Digest::of(&[b"sample", &(at as u64).to_le_bytes()]).0[0];
    let x = (0..count * 784).map(|at| f32::from(byte(at)) / 255.0).collect();
    (x, (0..count).map(|at| at % 10).collect())
}

fn a_state(plan: &Plan, optimiser: &Optimiser) -> State {
    let mut state = State::initial(plan, optimiser, &Digest([3; 32]));
    // Biases and scales off their constants, or their gradients would hide mistakes.
    for (at, values) in state.parameters.iter_mut().enumerate() {
        values.iter_mut().enumerate().for_each(|(i, value)| *value += 0.01 * ((i * 7 + at) % 5) as f32);
    }
    state
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for name in ["mlp", "cnn", "transformer"] {
        let (plan, optimiser, _) = example(name);
        let state = a_state(&plan, &optimiser);
        let (x, labels) = samples(6);
        let (_, gradient) = gradients(&plan, &mut state.clone(), x.clone(), &labels);
        let loss = |state: &State| {
            let logits = forward(&plan, &mut state.clone(), x.clone(), 6, Mode::Train);
            f64::from(cross_entropy(&logits, &labels).0)
        };
        for (at, parameter) in plan.parameters.iter().enumerate() {
            // Along the gradient itself, the difference is its square: one number that sees every element.
            let square: f64 = gradient[at].iter().map(|g| f64::from(*g).powi(2)).sum();
            let step = 2e-3 / square.sqrt().max(1e-4);
            let along = |way: f64| {
                let mut moved = state.clone();
                let pairs = moved.parameters[at].iter_mut().zip(&gradient[at]);
                pairs.for_each(|(value, g)| *value += (way * step * f64::from(*g)) as f32);
                loss(&moved)
            };
            let difference = (along(1.0) - along(-1.0)) / (2.0 * step);
            let off = (difference - square).abs();
            // A convolution's bias before BatchNorm has no gradient but rounding.
            assert!(off <= 0.03 * square + 2e-6, "{name} {}: {difference:e} {square:e}", parameter.name);
        }
    }
}

#[test]
fn tract_gets_the_same_logits_and_counts_the_work() {
    let conv = 2 * (8 * 9 * 14 * 14 + 16 * 72 * 7 * 7);
    let attention = 2 * 49 * (4 * 32 * 32 + 2 * 49 * 32);
    let transformer = attention + 2 * (49 * (16 * 32 + 2 * 32 * 64) + 32 * 10);
    for (name, flop) in [
        ("mlp", 2 * (784 * 128 + 128 * 10)),
        ("cnn", conv + 2 * 16 * 7 * 7 * 10),
        ("transformer", transformer),
    ] {
        let (plan, optimiser, graph) = example(name);
        let mut state = a_state(&plan, &optimiser);
        let (x, labels) = samples(16);
        // Running statistics that are not the first ones.
        gradients(&plan, &mut state, x.clone(), &labels);
        let ours = forward(&plan, &mut state, x.clone(), 16, Mode::Evaluate);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.safetensors");
        save(&path, &state.tensors(&plan, &optimiser), None).unwrap();
        let checkpoint = Checkpoint::open(Part::open(&path, "one").unwrap()).unwrap();
        let theirs = Evaluator::new(&graph, plan.input()).unwrap().logits(&checkpoint, x, 16).unwrap();
        assert_eq!(ours.len(), theirs.len());
        for (one, other) in ours.iter().zip(&theirs) {
            assert!((one - other).abs() < 1e-4, "{name}: {one} {other}");
        }
        // tract counts pointwise work as well, which in a network this small is some of it.
        let (counted, ours) = (graph::counted(&graph, plan.input()).unwrap(), plan.flop());
        assert!(ours <= counted && counted < ours + ours / 5, "{name}: {ours} {counted}");
        assert_eq!(ours, flop, "{name}");
    }
}
