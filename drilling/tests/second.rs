//! The frozen vectors, and the second implementation: `second.py`, written in Python and numpy from the document.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    env, fs,
    io::Write,
    process::{Command, Stdio},
};

use common::task;
use drilling::{
    Hash, Kernel, Layer, Layers, Spec, Task, commitment, digits,
    element::{Tensor, element},
    published::Published,
    reference, requantise,
};
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

fn vectors() -> Value {
    let layer = |outputs, multiplier, shift| Layer { outputs, multiplier, shift };
    let mlp = |rows, inputs, layers: &[Layer]| Spec {
        kernel: Kernel::Mlp,
        rows,
        inputs,
        layers: Layers::new(layers).unwrap(),
    };
    let specs = [
        mlp(1, 1, &[layer(1, 1, 1)]),
        mlp(3, 65, &[layer(5, 6_000_000, 32), layer(7, 9_000_000, 32), layer(2, 1, 1)]),
        mlp(16, 512, &[layer(128, 1_112_200, 31), layer(96, 7_540_000, 32)]),
        mlp(2, 131_071, &[layer(300, 139_000, 32), layer(4, 5_000_000, 32)]),
    ];
    let seed = |number: usize| -> Hash { std::array::from_fn(|at| (at * 7 + number) as u8) };
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
        "elements": rows, "requantise": rounded, "tasks": tasks,
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

/// A Python that has numpy; none is a failure where tests must be complete.
fn python() -> Option<String> {
    let names = [env::var("PYTHON").unwrap_or_default(), "python3".into()];
    let works = |name: &String| {
        !name.is_empty()
            && Command::new(name)
                .args(["-c", "import numpy"])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|s| s.success())
    };
    let found = names.into_iter().find(works);
    assert!(
        found.is_some() || env::var("CI").as_deref() != Ok("true"),
        "the second implementation needs Python 3 and numpy: `python3 -m pip install numpy`"
    );
    found
}

#[test]
fn the_second_implementation_agrees() {
    let Some(python) = python() else {
        eprintln!("no numpy: the second implementation did not run");
        return;
    };
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
