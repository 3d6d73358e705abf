//! `training train`.

use super::Failure;
use std::path::PathBuf;
use training::{
    package::{self, Origin},
    terms::Dataset,
    train,
};

#[derive(clap::Args)]
pub struct Options {
    /// The folder that `training terms` wrote
    terms: PathBuf,
    /// The data to train on
    #[arg(long)]
    data: PathBuf,
    /// The package: a folder; one that was left unfinished is gone on with
    #[arg(long)]
    out: PathBuf,
}

pub fn run(options: &Options) -> Result<(), Failure> {
    let terms = super::read_terms(&options.terms)?;
    let graph = package::read_plain(&options.terms.join("model.onnx"), package::MAX_GRAPH)?;
    let data = Dataset::open(&options.data)?;
    data.check(&terms.data)?;
    let bar = super::bar();
    bar.set_length(terms.steps());
    let origin = Origin {
        hardware: format!("{} CPU, matrixai training engine", std::env::consts::ARCH),
        machine: None,
    };
    let writer = train::train(&terms, &graph, &data, &options.out, &origin, |step, loss| {
        bar.set_position(step);
        bar.set_message(format!("loss {loss:.4}"));
    })?;
    bar.finish_and_clear();
    Ok(super::say(&writer.finish(None)?.to_string())?)
}
