//! The frozen vectors, and the second implementation: `second.py`, written in Python and numpy from the document.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/machine.rs"]
mod machine;

use std::{
    env, fs,
    io::Write,
    process::{Command, Stdio},
};

use common::task;
use drilling::{
    Hash, Kernel, Layer, Layers, Question, Spec, Step, Task, Trail, blake3, commitment, digits,
    element::{Tensor, element},
    fraud,
    prove::{self, Place},
    published::Published,
    reference, requantise,
};
use machine::{Machine, inspect};
use serde_json::{Value, json};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/drilling-vectors.json");
const SECOND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/second.py");

fn described(task: &Task, published: Option<&Published>) -> Value {
    let layers: Vec<_> = task.spec.layers.iter().map(|l| json!([l.outputs, l.multiplier, l.shift])).collect();
    let mut value = json!({
        "rows": task.spec.rows, "inputs": task.spec.inputs, "layers": layers, "seed": hex::encode(task.seed),
    });
    if let Some(published) = published {
        value["network"] = hex::encode(published.network.to_bytes()).into();
        value["shard"] = hex::encode(published.shard.to_bytes()).into();
    }
    value
}

fn result(task: &Task, published: Option<&Published>) -> Value {
    let outcome = reference::run(task, published, |_, _| {}).unwrap();
    let roots: Vec<_> = outcome.roots.iter().map(hex::encode).collect();
    json!({ "id": hex::encode(task.id()), "roots": roots, "digest": hex::encode(outcome.digest) })
}

fn layer(outputs: u32, multiplier: u32, shift: u8) -> Layer {
    Layer { outputs, multiplier, shift }
}

fn mlp(rows: u32, inputs: u32, layers: &[Layer]) -> Spec {
    Spec { kernel: Kernel::Mlp, rows, inputs, layers: Layers::new(layers).unwrap() }
}

fn seed(number: usize) -> Hash {
    std::array::from_fn(|at| (at * 7 + number) as u8)
}

/// A longer answer stands in the vectors with its length and its hash.
const LONG: usize = 3 * 1024;

fn asked(machine: &Machine, question: &Question) -> Value {
    let answer = machine.answer(question);
    let mut value = match *question {
        Question::Roots => json!({ "question": "roots" }),
        Question::Node { layer, level, index } => {
            json!({ "question": "node", "layer": layer, "level": level, "index": index })
        }
    };
    if answer.len() <= LONG {
        value["answer"] = hex::encode(answer).into();
    } else {
        value["length"] = answer.len().into();
        value["blake3"] = hex::encode(blake3(&[&answer])).into();
    }
    value
}

/// The inspector's questions, from the digest down to the wrong accumulator, and the liar's answers.
fn descent(truth: &Machine, liar: &Machine) -> Vec<Value> {
    let mut trail = Trail::new(&truth.task, &liar.outcome.digest);
    let mut answers = Vec::new();
    loop {
        let question = *trail.question();
        answers.push(asked(liar, &question));
        match trail.take(&liar.answer(&question), &truth.answer(&question)).unwrap() {
            Step::Ask { .. } => {}
            Step::Wrong(_) => return answers,
            Step::Right => panic!("this is no lie"),
        }
    }
}

/// A result that is right but for one accumulator, which is one too high. The layers after it stay right, so that it is told in a line.
fn lie(truth: &Machine, published: Option<&Published>, place: &Place) -> Value {
    let (layer, index) = (usize::from(place.layer), place.index(&truth.task) as usize);
    let mut layers = truth.layers.clone();
    layers[layer][index] += 1;
    let liar = Machine::claiming(&truth.task, layers);
    json!({
        "layer": place.layer, "row": place.row, "column": place.column,
        "accumulator": liar.layers[layer][index], "digest": hex::encode(liar.outcome.digest),
        "descent": descent(truth, &liar),
        "opening": hex::encode(prove::open_accumulator(&truth.task, place, &liar.layers[layer]).unwrap()),
        "proof": hex::encode(inspect(truth, &liar, published).unwrap()),
    })
}

struct Doubted {
    task: Task,
    published: Option<Published>,
    /// Layer, level and index of nodes that are asked for in the right result.
    nodes: Vec<(u8, u8, u32)>,
    lies: [Place; 2],
}

fn doubted() -> [Doubted; 2] {
    let place = |layer, row, column| Place { layer, row, column };
    // 275 chunks in the first layer: an answer about its root skips a level, the last node of level 1 has one chunk, and that is short.
    let spec = mlp(702, 70, &[layer(100, 6_015_000, 32), layer(3, 8_530_000, 32)]);
    let nodes = vec![(0, 9, 0), (0, 1, 137), (0, 0, 274), (1, 4, 0)];
    let generated = Doubted {
        task: Task { spec, seed: seed(30) },
        published: None,
        nodes,
        lies: [place(0, 350, 41), place(1, 701, 2)],
    };
    // Row 244 is item 4 again. That item and the weights of column 17 lie in one chunk each: the proof is short.
    let published = digits::published().unwrap();
    let named = Doubted {
        task: Task { spec: published.spec(250).unwrap(), seed: seed(31) },
        published: Some(published),
        nodes: vec![(0, 7, 0), (0, 0, 93)],
        lies: [place(0, 244, 17), place(1, 100, 7)],
    };
    [generated, named]
}

/// As [`described`], but with the digests in the place of long files.
fn named(task: &Task) -> Value {
    let mut value = described(task, None);
    if let Kernel::Infer { network, shard, items } = task.spec.kernel {
        value["network_digest"] = hex::encode(network).into();
        value["shard_digest"] = hex::encode(shard).into();
        value["items"] = items.into();
    }
    value
}

/// Questions and answers about right results and wrong ones, and the proofs against those.
fn doubt() -> Vec<Value> {
    let vector = |doubted: Doubted| {
        let (task, published) = (&doubted.task, doubted.published.as_ref());
        let truth = Machine::honest(task, published);
        let nodes = doubted.nodes.iter().map(|(layer, level, index)| {
            asked(&truth, &Question::Node { layer: *layer, level: *level, index: *index })
        });
        json!({
            "task": named(task), "result": result(task, published),
            "roots": asked(&truth, &Question::Roots), "nodes": nodes.collect::<Vec<_>>(),
            "lies": doubted.lies.iter().map(|place| lie(&truth, published, place)).collect::<Vec<_>>(),
        })
    };
    doubted().map(vector).into()
}

fn vectors() -> Value {
    let specs = [
        mlp(1, 1, &[layer(1, 1, 1)]),
        mlp(3, 65, &[layer(5, 6_000_000, 32), layer(7, 9_000_000, 32), layer(2, 1, 1)]),
        mlp(16, 512, &[layer(128, 1_112_200, 31), layer(96, 7_540_000, 32)]),
        mlp(2, 131_071, &[layer(300, 139_000, 32), layer(4, 5_000_000, 32)]),
    ];
    let mut tasks = Vec::new();
    for (number, spec) in specs.into_iter().enumerate() {
        let task = Task { spec, seed: seed(number) };
        tasks.push(json!({ "task": described(&task, None), "result": result(&task, None) }));
    }
    // A small network in full; the one for digits is too long for this file.
    let (task, published) = (0..).map(|number| task(number, 30)).find(|(_, data)| data.is_some()).unwrap();
    let published = published.as_ref();
    tasks.push(json!({ "task": described(&task, published), "result": result(&task, published) }));
    let rows = [(0, 0, 130), (1, 3, 64), (16, 70_000, 5)].map(|(tensor, row, width)| {
        let (key, place) = (seed(9), if tensor == 0 { Tensor::Inputs } else { Tensor::Weights(tensor - 1) });
        let bytes: Vec<u8> = (0..width).map(|k| element(&key, place, row, k) as u8).collect();
        json!({ "key": hex::encode(key), "tensor": tensor, "row": row, "width": width, "elements": hex::encode(bytes) })
    });
    let rounded = [
        (1000, 1 << 20, 24),
        (-1000, 1 << 20, 24),
        (24, 1 << 20, 24),
        (i32::MAX, i32::MAX as u32, 55),
        (i32::MAX, i32::MAX as u32, 62),
    ];
    let rounded = rounded.map(|(sum, multiplier, shift)| {
        json!([sum, multiplier, shift, requantise(sum, &layer(1, multiplier, shift))])
    });
    let (digest, machine, salt) = (seed(20), seed(21), seed(22));
    json!({
        "elements": rows, "requantise": rounded, "tasks": tasks, "doubt": doubt(),
        "commitment": {
            "digest": hex::encode(digest), "machine": hex::encode(machine), "salt": hex::encode(salt),
            "commitment": hex::encode(commitment(&digest, &machine, &salt)),
        },
    })
}

/// The file never changes: a change of it is another protocol. `DRILLING_VECTORS=write` made it.
#[test]
fn the_vectors_are_frozen() {
    let vectors = vectors();
    if env::var("DRILLING_VECTORS").is_ok_and(|value| value == "write") {
        fs::write(VECTORS, serde_json::to_string_pretty(&vectors).unwrap() + "\n").unwrap();
    }
    let frozen: Value = serde_json::from_slice(&fs::read(VECTORS).unwrap()).unwrap();
    assert!(
        vectors == frozen,
        "the task changed: bump the version in every domain, and do not touch the vectors"
    );
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

#[test]
fn the_frozen_proofs_convict_and_changed_ones_do_not() {
    let frozen: Value = serde_json::from_slice(&fs::read(VECTORS).unwrap()).unwrap();
    let frozen = frozen["doubt"].as_array().unwrap();
    assert_eq!(frozen.len(), doubted().len());
    for (doubted, vector) in doubted().iter().zip(frozen) {
        let right = bytes(&vector["result"]["digest"]).try_into().unwrap();
        for (place, lie) in doubted.lies.iter().zip(vector["lies"].as_array().unwrap()) {
            let (digest, proof) = (bytes(&lie["digest"]).try_into().unwrap(), bytes(&lie["proof"]));
            let found = fraud::verify(&doubted.task, &digest, &proof).unwrap();
            assert_eq!(Place { layer: found.layer, row: found.row, column: found.column }, *place);
            assert_eq!(found.claimed, found.computed + 1);
            assert_eq!(i64::from(found.claimed), lie["accumulator"].as_i64().unwrap());
            assert!(fraud::verify(&doubted.task, &right, &proof).is_err());
            no_byte_can_change(&doubted.task, &digest, proof);
        }
    }
}

fn no_byte_can_change(task: &Task, digest: &Hash, mut proof: Vec<u8>) {
    for at in 0..proof.len() {
        proof[at] ^= 1;
        assert!(fraud::verify(task, digest, &proof).is_err(), "byte {at} does not matter");
        proof[at] ^= 1;
    }
}

#[test]
fn the_published_digits_are_what_they_were() {
    let published = digits::published().unwrap();
    assert_eq!(
        [hex::encode(published.network.digest().unwrap()), hex::encode(published.shard.digest().unwrap())],
        DIGITS
    );
    assert_eq!(published.network.to_bytes(), digits::NETWORK);
    assert_eq!(published.shard.to_bytes(), digits::SHARD);
    let task = Task { spec: published.spec(240).unwrap(), seed: [1; 32] };
    let mut right = 0;
    reference::run(&task, Some(&published), |layer, sums| {
        if layer == 1 {
            let best = |row: &[i32]| (0..10).max_by_key(|digit| row[*digit]).unwrap() as u8;
            right = sums.chunks(10).zip(digits::LABELS).filter(|(row, label)| best(row) == **label).count();
        }
    })
    .unwrap();
    assert!((225..=240).contains(&right), "{right} of 240");
}

const DIGITS: [&str; 2] = [
    "b35b5a7e5939150559bb7383004da0ec8969d809dd6828ebef5bdd93166a8843",
    "03b6914b2928c4d8cc2692564b29187241771d647049f170933c2eb6b509ebbf",
];

/// What leaves the second implementation out; nothing else does.
const LEAVE_OUT: &str = "DRILLING_NO_PYTHON";

/// A Python that has numpy: the named one, that of the path, or Debian's, to which `cargo xtask setup` gives it.
fn python() -> String {
    let names = [env::var("PYTHON").unwrap_or_default(), "python3".into(), "/usr/bin/python3".into()];
    let works = |name: &String| {
        let mut python = Command::new(name);
        python.args(["-c", "import numpy"]).stderr(Stdio::null());
        !name.is_empty() && python.status().is_ok_and(|status| status.success())
    };
    names.into_iter().find(works).unwrap_or_else(|| {
        panic!(
            "the second implementation needs Python 3 and numpy: `cargo xtask setup` or `apt-get install python3-numpy`; \
             PYTHON names another Python; {LEAVE_OUT}=1 leaves this test out"
        )
    })
}

#[test]
fn the_second_implementation_agrees() {
    if env::var_os(LEAVE_OUT).is_some_and(|left_out| left_out == "1") {
        eprintln!("LEFT OUT by {LEAVE_OUT}: the second implementation did not run");
        return;
    }
    let python = python();
    let status = Command::new(&python).args([SECOND, VECTORS]).status().unwrap();
    assert!(status.success(), "it disagrees with the vectors");

    let mut second = Command::new(&python);
    let mut second = second.arg(SECOND).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut expected = Vec::new();
    let mut lines = String::new();
    for number in 0..24 {
        // The last one is the digits.
        let (task, published) = if number == 23 {
            let published = digits::published().unwrap();
            (Task { spec: published.spec(250).unwrap(), seed: [2; 32] }, Some(published))
        } else {
            task(1000 + number, 200)
        };
        lines += &(described(&task, published.as_ref()).to_string() + "\n");
        expected.push(result(&task, published.as_ref()));
    }
    let mut input = second.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = second.wait_with_output().unwrap();
    writer.join().unwrap();
    let given: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(given, expected);
}
