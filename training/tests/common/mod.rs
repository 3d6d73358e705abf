//! A small package, and reading of whatever bytes.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

use std::{fs, path::Path};
use training::{
    digest::Digest,
    engine::{Plan, State},
    graph,
    order::Order,
    package::{Checkpoint, Origin, Package, PackageError, Part, Writer},
    terms::{DataCommitment, FORMAT, Terms},
};

pub fn small() -> (Plan, Terms, Vec<u8>) {
    use figment::providers::{Format, Toml};
    let order: Order = figment::Figment::from(Toml::string(
        r#"
        order = "small"
        batch = 4
        epochs = 2
        classes = 3
        input = [6]
        optimiser = { kind = "sgd", momentum = "0.9", weight_decay = "0" }
        schedule = { kind = "constant", rate = "0.1" }
        layers = [{ kind = "dense", name = "a", outputs = 5 }, { kind = "relu" }, { kind = "dense", name = "b", outputs = 3 }]
        "#,
    ))
    .extract()
    .unwrap();
    let plan = Plan::new(&order.input, order.layers.as_ref().unwrap()).unwrap();
    let graph = graph::export(&plan).unwrap();
    let data = DataCommitment { root: Digest([1; 32]), samples: 8 };
    let terms = Terms {
        architecture: order.layers,
        batch: 4,
        checkpoint_every: 0,
        classes: 3,
        data: data.clone(),
        epochs: 2,
        flop: "123".into(),
        format: FORMAT.into(),
        graph: Digest::of(&[&graph]),
        input: vec![6],
        optimiser: order.optimiser,
        order: "small".into(),
        randomness: Digest([7; 32]),
        schedule: order.schedule,
        validation: data,
    };
    (plan, terms, graph)
}

pub fn write(folder: &Path, checkpoints: u64, finish: bool) {
    let (plan, terms, graph) = small();
    let mut writer = Writer::create(folder, &terms, &graph, &Origin::default()).unwrap();
    let mut state = State::initial(&plan, &terms.optimiser, &terms.randomness);
    for at in 0..checkpoints {
        writer.add(at * 2, &state.tensors(&plan, &terms.optimiser)).unwrap();
        state.parameters[0][0] += 1.0;
    }
    if finish {
        writer.finish(None).unwrap();
    }
}

/// What opening and reading everything says.
pub fn read(path: &Path) -> Result<(), PackageError> {
    let package = Package::open(path)?;
    package.entries().try_for_each(|entry| package.check_file(entry))?;
    for at in 0..package.len() {
        let checkpoint = package.checkpoint(at)?;
        let names: Vec<String> = checkpoint.tensors().map(|(name, _)| name.to_string()).collect();
        names.iter().try_for_each(|name| checkpoint.read_tensor(name).map(drop))?;
    }
    package.graph().map(drop)
}

pub fn checkpoint(bytes: &[u8]) -> Result<Checkpoint, PackageError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, bytes).unwrap();
    Checkpoint::open(Part::open(&path, "file").unwrap())
}

pub fn with_header(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}
