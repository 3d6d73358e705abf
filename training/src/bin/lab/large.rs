//! A package of large layers, for benches: random values that move as in a training. Nothing is trained.

use std::path::PathBuf;
use training::{
    digest::Digest,
    engine::{Plan, State},
    graph,
    lab::{LabError, Model, Optimisation, order},
    package::{Origin, Writer},
    terms::{Architecture, DataCommitment, FORMAT, Layer, Terms},
};

#[derive(clap::Args)]
pub struct Options {
    /// The package
    out: PathBuf,
    /// Size of the package in MiB
    #[arg(long, default_value_t = 1024)]
    mebibytes: usize,
    /// Checkpoints
    #[arg(long, default_value_t = 8)]
    checkpoints: usize,
}

pub fn run(options: &Options) -> Result<(), LabError> {
    // Four square layers share what a checkpoint has.
    let weights = (options.mebibytes << 20) / 4 / options.checkpoints / 4;
    let width = ((weights as f64).sqrt() as usize).max(64);
    let dense = |at: usize| [Layer::Dense { name: format!("fc{at}"), outputs: width }, Layer::Relu];
    let last = Layer::Dense { name: "out".into(), outputs: 10 };
    let layers: Vec<Layer> = (0..4).flat_map(dense).chain([last]).collect();
    let input = vec![width];
    let plan = Plan::new(&input, &Architecture(layers.clone()))?;
    let graph = graph::export(&plan)?;
    let sample = order(Model::Mlp, Optimisation::Momentum, &input, 10, options.checkpoints as u64 - 1);
    let data = DataCommitment { root: Digest::default(), samples: 64 };
    let mut terms = Terms {
        architecture: Some(Architecture(layers)),
        batch: 64,
        checkpoint_every: 0,
        classes: 10,
        data: data.clone(),
        epochs: sample.epochs,
        flop: "0".into(),
        format: FORMAT.into(),
        graph: Digest::of(&[&graph]),
        input,
        optimiser: sample.optimiser,
        order: "large".into(),
        randomness: Digest([1; 32]),
        schedule: sample.schedule,
        validation: data,
    };
    terms.flop = graph::training_flop(plan.flop(), 64, terms.steps()).to_string();
    let mut state = State::initial(&plan, &terms.optimiser, &terms.randomness);
    let end = State::initial(&plan, &terms.optimiser, &Digest([2; 32]));
    let mut writer = Writer::create(&options.out, &terms, &graph, &Origin::default())?;
    for step in 0..options.checkpoints as u64 {
        // Weights alone: benches are of statistics, and the optimiser's state has none.
        let tensors = state.tensors(&plan, &terms.optimiser);
        writer.add(step, &tensors[..plan.parameters.len()])?;
        for (values, end) in state.parameters.iter_mut().zip(&end.parameters) {
            values.iter_mut().zip(end).for_each(|(value, end)| *value += 0.05 * (end - *value));
        }
    }
    println!("{}", writer.finish(None)?);
    Ok(())
}
