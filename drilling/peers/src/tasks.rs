//! What a task consists of, and what checking costs beside doing. One thread, processor time.

use std::hint::black_box;

use drilling::{
    Class, Task,
    cpu::{self, Backend, Options},
    digits,
    element::Tensor,
    fraud,
    freivalds::{self, Product},
    layer_root,
    prove::{self, Place},
    reference,
};

use crate::peers::{best, options, ours, signed};

/// The back ends that count: the fastest, and where that is AMX, the fastest without it.
pub fn counted() -> impl Iterator<Item = Backend> {
    let amx = usize::from(Backend::fastest() == Backend::Amx);
    Backend::available().into_iter().take(1 + amx)
}

/// Where the time of the published shapes goes. Returns the digest's part with the back ends that count.
pub fn shapes() -> Vec<(Class, Backend, f64)> {
    let mut parts = Vec::new();
    println!("\nPublished shapes, one thread: seconds, share of the digest, GOPS with everything in");
    for (class, rounds) in [(Class::Tiny, 20), (Class::Small, 3)] {
        for backend in Backend::available().into_iter().filter(|backend| *backend != Backend::Scalar) {
            let task = Task { spec: class.mlp(), seed: [7; 32] };
            let options = options(backend, 1);
            let mut layers = Vec::new();
            cpu::run(&task, None, &options, |_, sums| layers.push(sums.to_vec())).unwrap();
            let whole = best(rounds, 1, || {
                black_box(cpu::run(&task, None, &options, |_, _| {}).unwrap());
            });
            let id = task.id();
            let digest = best(rounds, 1, || {
                for (layer, sums) in layers.iter().enumerate() {
                    black_box(layer_root(&task, &id, layer as u8, sums).unwrap());
                }
            });
            let gops = task.spec.operations() as f64 / whole / 1e9;
            let name = backend.name();
            println!(
                "  {class:?}, {name}: {whole:.4} s, digest {:.2} %, {gops:.0} GOPS",
                100.0 * digest / whole
            );
            if counted().any(|counted| counted == backend) {
                parts.push((class, backend, digest / whole));
            }
        }
    }
    parts
}

/// Freivalds' check of 2048³ against doing it again: how many times faster it is than our own back ends that count, and than the plain
/// reference.
pub fn freivalds() -> (Vec<(Backend, f64)>, f64) {
    let size = 2048;
    let (inputs, weights) = (signed(size * size, 2), signed(size * size, 1));
    let mut sums = Vec::new();
    let plain = best(1, 1, || sums = reference::product(&inputs, &weights, size));
    let r = freivalds::random_vector(&[5; 32], 0, size);
    let product = Product { inputs: &inputs, weights: &weights, width: size };
    let mut check = f64::INFINITY;
    let mut again = counted().map(|backend| (backend, f64::INFINITY)).collect::<Vec<_>>();
    // One back end after the other: a processor may run slower for a while after it used AMX.
    for (backend, redo) in again.iter_mut().rev() {
        let mut product_again = ours(*backend, size, 1);
        for _ in 0..10 {
            check = check.min(best(2, 1, || assert!(product.check(&sums, &r).unwrap())));
            *redo = redo.min(product_again(2));
        }
    }
    println!("\nFreivalds at 2048³, one thread: {:.2} ms", check * 1e3);
    for (backend, redo) in &again {
        println!("  our own {}: {:.2} ms, {:.1}×", backend.name(), redo * 1e3, redo / check);
    }
    println!("  the plain reference: {plain:.2} s, {:.0}×", plain / check);
    (again.into_iter().map(|(backend, redo)| (backend, redo / check)).collect(), plain / check)
}

/// What the chain's check of a fraud proof costs, and how long it is.
pub fn fraud_proofs() {
    println!("\nFraud proofs (of an honest machine: the same work), native, one thread");
    let published = digits::published().unwrap();
    let digits = Task { spec: published.spec(240).unwrap(), seed: [7; 32] };
    for (name, task, data) in [
        ("Tiny", Task { spec: Class::Tiny.mlp(), seed: [7; 32] }, None),
        ("Small", Task { spec: Class::Small.mlp(), seed: [7; 32] }, None),
        ("digits", digits, Some(&published)),
    ] {
        let mut layers = Vec::new();
        let outcome =
            cpu::run(&task, data, &Options::default(), |_, sums| layers.push(sums.to_vec())).unwrap();
        for layer in 0..2usize {
            let place = Place { layer: layer as u8, row: 3, column: 5 };
            let opening = prove::open_accumulator(&task, &place, &layers[layer]).unwrap();
            let before = layer.checked_sub(1).map(|layer| &layers[layer][..]);
            let proof = prove::fraud(&task, data, &outcome.roots, &place, &opening, before).unwrap();
            let seconds = best(50, 1, || assert!(fraud::verify(&task, &outcome.digest, &proof).is_err()));
            println!("  {name}, layer {layer}: {} bytes, {:.1} µs", proof.len(), seconds * 1e6);
        }
    }
}

/// What cheats would save, measured: the whole task against what the cheat leaves out.
pub fn cheats() {
    println!("\nCheats on Small, one thread, {}", Backend::fastest().name());
    let spec = Class::Small.mlp();
    let options = options(Backend::fastest(), 1);
    let run = |spec, seed| {
        let task = Task { spec, seed };
        best(3, 1, || {
            black_box(cpu::run(&task, None, &options, |_, _| {}).unwrap());
        })
    };
    let whole = run(spec, [7; 32]);
    let mut short = spec;
    short.layers = drilling::Layers::new(&spec.layers[..1]).unwrap();
    println!("  honest {whole:.3} s; without the last layer {:.2} of it", run(short, [7; 32]) / whole);
    let mut half = spec;
    half.rows /= 2;
    println!("  half of the rows {:.2}", run(half, [7; 32]) / whole);
    let mut shallow = spec;
    shallow.inputs /= 2;
    println!("  half of every first-layer sum {:.2}", run(shallow, [7; 32]) / whole);
    let key = Task { spec, seed: [7; 32] }.id();
    let elements = best(3, 1, || {
        for row in 0..64 {
            for block in 0..spec.inputs / 64 {
                black_box(drilling::element::block(&key, Tensor::Weights(0), row, block));
            }
        }
    });
    let per_element = elements / (64.0 * f64::from(spec.inputs));
    println!("  an element by the plain generator {:.2} ns", per_element * 1e9);
}
