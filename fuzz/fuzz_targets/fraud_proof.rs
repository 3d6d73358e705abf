//! No bytes panic the check that convicts, and none convict a machine that did the work.
#![no_main]
use std::sync::LazyLock;

use drilling::{Hash, Kernel, Layer, Layers, Spec, Task, digits, fraud, prove, published::Published, reference};

struct Case {
    task: Task,
    digest: Hash,
    proofs: Vec<Vec<u8>>,
}

fn case(task: Task, published: Option<&Published>) -> Case {
    let mut layers = Vec::new();
    let outcome = reference::run(&task, published, |_, sums| layers.push(sums.to_vec())).unwrap();
    let proof = |layer: usize| {
        let place = prove::Place { layer: layer as u8, row: 1, column: 2 };
        let opening = prove::open_accumulator(&task, &place, &layers[layer]).unwrap();
        let previous = layer.checked_sub(1).map(|layer| &layers[layer][..]);
        prove::fraud(&task, published, &outcome.roots, &place, &opening, previous).unwrap()
    };
    Case { task, digest: outcome.digest, proofs: vec![proof(0), proof(1)] }
}

static CASES: LazyLock<[Case; 2]> = LazyLock::new(|| {
    let layer = Layer { outputs: 70, multiplier: 6_000_000, shift: 32 };
    let spec = Spec { kernel: Kernel::Mlp, rows: 9, inputs: 100, layers: Layers::new(&[layer; 3]).unwrap() };
    let published = digits::published().unwrap();
    let infer = Task { spec: published.spec(5).unwrap(), seed: [1; 32] };
    [case(Task { spec, seed: [1; 32] }, None), case(infer, Some(&published))]
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for case in CASES.iter() {
        assert!(fraud::verify(&case.task, &case.digest, bytes).is_err());
        // A true proof with some of its bytes changed: the first two say where.
        let Some((at, changes)) = bytes.split_first_chunk::<2>() else { continue };
        for proof in &case.proofs {
            let mut proof = proof.clone();
            let at = usize::from(u16::from_le_bytes(*at)) % proof.len();
            for (byte, change) in proof[at..].iter_mut().zip(changes) {
                *byte ^= change;
            }
            assert!(fraud::verify(&case.task, &case.digest, &proof).is_err());
        }
    }
});
