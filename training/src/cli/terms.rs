//! `training terms`.

use super::Failure;
use figment::{
    Figment,
    providers::{Env, Format, Toml},
};
use std::{fs, path::PathBuf};
use training::{
    digest::Digest,
    order::{self, Order},
    package,
    replay::SAFE_STEPS,
    terms::Dataset,
};

#[derive(clap::Args)]
pub struct Options {
    /// The order, in TOML; MATRIXAI_ORDER_<KEY> in the environment overrides any key
    order: PathBuf,
    /// The data to train on
    #[arg(long)]
    data: PathBuf,
    /// The data that accuracy is measured on
    #[arg(long)]
    validation: PathBuf,
    /// The chain's randomness, drawn after the order was placed: 64 hexadecimal digits
    #[arg(long, value_parser = super::digest)]
    randomness: Digest,
    /// A graph of your own (ONNX, parameters as inputs), for orders without layers: it gets the rules and no replay
    #[arg(long)]
    graph: Option<PathBuf>,
    /// The folder to write terms.json and model.onnx to
    #[arg(long)]
    out: PathBuf,
}

pub fn run(options: &Options) -> Result<(), Failure> {
    let order = String::from_utf8(package::read_plain(&options.order, package::MAX_TERMS)?)
        .map_err(|_| format!("{} is not text", options.order.display()))?;
    let read = Figment::from(Toml::string(&order)).merge(Env::prefixed("MATRIXAI_ORDER_")).extract();
    // What is wrong with TOML is told over several lines, errors in one.
    let told = |error: figment::Error| error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let order: Order = read.map_err(|error| format!("{}: {}", options.order.display(), told(error)))?;
    let foreign =
        options.graph.as_ref().map(|path| package::read_plain(path, package::MAX_GRAPH)).transpose()?;
    if options.out.join("manifest.json").exists() {
        return Err(format!("{} holds a package: write elsewhere", options.out.display()).into());
    }
    let (data, validation) = (Dataset::open(&options.data)?, Dataset::open(&options.validation)?);
    let (terms, graph) = order::make(&order, foreign, (&data, &validation), options.randomness)?;
    fs::create_dir_all(&options.out)?;
    let encoded = terms.encode()?;
    let path = options.out.join("terms.json");
    // Randomness is drawn once: terms that somebody trains by are not written over.
    if path.exists() && !package::read_plain(&path, package::MAX_TERMS).is_ok_and(|before| before == encoded)
    {
        return Err(format!("{} holds other terms: write elsewhere, or remove them", path.display()).into());
    }
    package::write(&options.out.join("model.onnx"), &graph)?;
    training::train::write_initial(&terms, &graph, &options.out.join("init.safetensors"))?;
    package::write(&path, &encoded)?;
    let replay = if terms.architecture.is_some() {
        "can be replayed"
    } else {
        "cannot be replayed: a graph of its own"
    };
    let longest = terms.longest_interval();
    let warning = format!(
        "caution replay's intervals have {longest} steps: over more than {SAFE_STEPS}, honest training on another processor or framework may be \
         rejected. Put `checkpoint_every = {SAFE_STEPS}` into the order, or accept trainers on your own arithmetic only"
    );
    let mut lines = vec![
        format!("terms   {}", terms.digest()?),
        format!("steps   {} in {} epochs", terms.steps(), terms.epochs),
        format!("work    {} FLOP, of which 1 ut is 432,000,000,000", terms.flop),
        format!("replay  {replay}"),
    ];
    lines.extend((terms.architecture.is_some() && longest > SAFE_STEPS).then_some(warning));
    super::say(&lines.join("\n"))?;
    Ok(())
}
