//! `cargo xtask bench`: builds release programs and holds ours against their peers.

use crate::{demo, pip, setup, sh};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Section {
    /// Appending to the log and verifying it, against bare hashing and signatures
    Log,
    /// Verifying an anchor, against the bare P-256 check and against `tpm2_checkquote`
    Anchor,
    /// The same on chain, in WASM
    Wasm,
    /// The light client, against npm's smoldot and a full node
    Light,
    /// The agent: size, memory, processor time
    Agent,
    /// Verifying a package of checkpoints, against numpy and against reading and hashing
    Pot,
    /// Drilling: the processor against onnxruntime, rten, tract and gemmkit; a GPU, where there is one, against cuBLASLt
    Drill,
}

impl Section {
    const ALL: [Self; 7] =
        [Self::Log, Self::Anchor, Self::Wasm, Self::Light, Self::Agent, Self::Pot, Self::Drill];

    const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Anchor => "anchor",
            Self::Wasm => "wasm",
            Self::Light => "light",
            Self::Agent => "agent",
            Self::Pot => "pot",
            Self::Drill => "drill",
        }
    }

    /// Whether it needs a running chain.
    const fn is_on_a_network(self) -> bool {
        matches!(self, Self::Wasm | Self::Light | Self::Agent)
    }
}

/// What to measure.
#[derive(clap::Args)]
pub struct Options {
    /// What to measure; everything where nothing is named
    sections: Vec<Section>,
    /// Take the development build of the node, which is said in the table: its release build takes long
    #[arg(long)]
    node_dev: bool,
    /// Records of the measured log
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000)]
    records: u64,
    /// Fail where one of drilling's bars on the processor is missed: for quiet machines
    #[arg(long)]
    strict: bool,
    /// Write the table as JSON here
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Options {
    fn sections(&self) -> &[Section] {
        if self.sections.is_empty() { &Section::ALL } else { &self.sections }
    }
}

/// Builds what the sections need, and runs the bench.
pub fn run(root: &Path, options: &Options) -> Result<()> {
    setup::run()?;
    if options.sections().contains(&Section::Drill) {
        drill(root, options.strict)?;
    }
    let sections: Vec<Section> =
        options.sections().iter().copied().filter(|section| *section != Section::Drill).collect();
    if sections.is_empty() {
        return Ok(());
    }
    if options.sections().iter().any(|section| section.is_on_a_network()) {
        build_network(root, options)?;
    }
    if options.sections().contains(&Section::Pot) {
        let build = ["build", "--profile", "dist", "-p", "training", "--features", "lab"];
        sh::step("training (dist)", &mut sh::cargo(&build))?;
    }
    sh::step("bench (dist)", &mut sh::cargo(&["build", "--profile", "dist", "-p", "bench"]))?;
    let target = sh::target_dir();
    let (dev, dist, release) = (target.join("debug"), target.join("dist"), target.join("release"));
    let mut bench = std::process::Command::new(dist.join("bench"));
    bench.args(sections.iter().map(|section| section.name()));
    bench.arg("--records").arg(options.records.to_string());
    bench
        .arg("--programs")
        .arg(&dev)
        .arg("--release")
        .arg(&dist)
        .arg("--npm")
        .arg(target.join("npm-smoldot"));
    bench.arg("--node").arg(if options.node_dev { &dev } else { &release });
    bench.args(options.node_dev.then_some("--node-dev"));
    if let Some(json) = &options.json {
        bench.arg("--json").arg(json);
    }
    sh::show("bench", &mut bench)
}

/// Programs of their own: peers of the processor are in a workspace of theirs, and a GPU's bench runs where there is no Rust.
fn drill(root: &Path, strict: bool) -> Result<()> {
    let peers = pip::fetch("peers-python", "onnxruntime, by pip: 30 MB", "numpy\nonnx\nonnxruntime\n", &[])?;
    let manifest = root.join("drilling/peers/Cargo.toml");
    let mut processor = sh::cargo(&["run", "--release", "--manifest-path"]);
    processor.arg(manifest).args(["--", "8"]).args(strict.then_some("--strict"));
    processor.env("PYTHON", pip::python()?).env("PYTHONPATH", peers);
    sh::show("drilling on the processor", &mut processor)?;
    sh::show(
        "drilling on a GPU",
        &mut sh::cargo(&["bench", "-p", "gpu-compute", "--bench", "drill", "--", "--stages"]),
    )
}

/// The agent as operators install it and by itself, so that no other crate's features are in it; the rest as the demo has it.
fn build_network(root: &Path, options: &Options) -> Result<()> {
    demo::build(root)?;
    if !options.node_dev {
        sh::step("node (release)", &mut sh::cargo(&["build", "--release", "-p", "matrixai-node"]))?;
    }
    sh::step("agent (dist)", &mut sh::cargo(&["build", "--profile", "dist", "-p", "matrixai-agent"]))
}
