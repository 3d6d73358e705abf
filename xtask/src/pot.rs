//! `cargo xtask pot`: Proof of Training on real images. Trains, writes a package, verifies it with replay, and says where the report is.

use crate::{setup, sh};
use anyhow::Result;
use std::{fs, path::Path, process::Command};

/// What to show.
#[derive(clap::Args)]
pub struct Options {
    /// Honest trainings of three architectures with two optimisers, and how many are rejected
    #[arg(long)]
    matrix: bool,
    /// Every forgery against rules, checks and replay
    #[arg(long)]
    attacks: bool,
    /// What each threshold was chosen by: how many honest packages and forgeries it rejects, and how many another would
    #[arg(long)]
    thresholds: bool,
    /// Train with PyTorch and the Python module instead of the engine in Rust (installs Debian's python3-torch: 143 MB); with
    /// --thresholds, some honest trainings of each cell
    #[arg(long)]
    torch: bool,
    /// Seeds for each cell of the matrix or of the thresholds (a quarter as many on real images and by PyTorch)
    #[arg(long, default_value_t = 20)]
    seeds: u32,
    /// The order, a file beside those in training/orders
    #[arg(long, default_value = "cnn", value_name = "NAME")]
    order: String,
}

/// What the tests of the Python module and `--torch` need.
const TORCH: &[setup::Package] = &[(
    "python3-torch",
    "/usr/lib/python3/dist-packages/torch",
    "PyTorch for the processor, 143 MB to download",
)];
const IMAGES: &[setup::Package] =
    &[("dataset-fashion-mnist", "/usr/share/datasets/fashion-mnist", "70,000 images of clothes, 31 MB")];

/// Builds, trains, verifies.
pub fn run(root: &Path, options: &Options) -> Result<()> {
    setup::install(IMAGES)?;
    sh::step("training", &mut sh::cargo(&["build", "-p", "training", "--features", "lab"]))?;
    let scratch = tempfile::Builder::new().prefix("matrixai-pot-").tempdir()?;
    let lab = |arguments: &[&str]| {
        let mut lab = Command::new(sh::program("training-lab"));
        lab.arg(arguments[0]).arg(scratch.path()).args(&arguments[1..]);
        lab
    };
    if options.matrix {
        return sh::show(
            "honest trainings",
            &mut lab(&["matrix", "--real", "--seeds", &options.seeds.to_string()]),
        );
    }
    if options.attacks {
        return sh::show("forgeries", &mut lab(&["attacks", "--real"]));
    }
    if options.thresholds {
        return thresholds(root, &mut lab(&["thresholds"]), options.seeds, options.torch);
    }
    sh::step("images", &mut lab(&["data"]))?;
    let out = sh::target_dir().join("pot");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    story(root, scratch.path(), &out, options)
}

fn thresholds(root: &Path, lab: &mut Command, seeds: u32, torch: bool) -> Result<()> {
    let fewer = seeds.div_ceil(4).to_string();
    lab.args(["--seeds", &seeds.to_string(), "--real-seeds", &fewer]);
    if torch {
        setup::install(TORCH)?;
        lab.args(["--torch-seeds", &fewer, "--module"]).arg(root.join("training/python"));
    }
    sh::show("thresholds", lab)
}

fn story(root: &Path, data: &Path, out: &Path, options: &Options) -> Result<()> {
    let (train, validation) = (data.join("train.safetensors"), data.join("validation.safetensors"));
    let (terms, package, report) = (out.join("terms"), out.join("package"), out.join("report.html"));
    let training = || Command::new(sh::program("training"));
    let order = root.join(format!("training/orders/{}.toml", options.order));
    let mut make = training();
    make.arg("terms").arg(&order).arg("--data").arg(&train).arg("--validation").arg(&validation);
    sh::show("the order's terms", make.args(["--randomness", &randomness()?]).arg("--out").arg(&terms))?;
    if options.torch {
        setup::install(TORCH)?;
        let mut python = Command::new("/usr/bin/python3");
        python.arg("training/python/examples/train.py").args([&terms, &train, &package]);
        sh::step("training, by PyTorch", python.env("PYTHONPATH", "training/python"))?;
    } else {
        let mut train_it = training();
        sh::step(
            "training",
            train_it.arg("train").arg(&terms).arg("--data").arg(&train).arg("--out").arg(&package),
        )?;
    }
    let mut verify = training();
    verify.arg("verify").arg(&package).arg("--data").arg(&train).arg("--validation").arg(&validation);
    sh::show(
        "verification",
        verify.arg("--terms").arg(terms.join("terms.json")).arg("--report").arg(&report),
    )?;
    println!("The report: {}", report.display());
    Ok(())
}

/// In place of the chain's.
fn randomness() -> Result<String> {
    use std::io::Read;
    let mut bytes = [0u8; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What `cargo xtask test` runs beside the crate's own tests: one seed of each cell of the matrix, and the Python module's tests.
pub fn test(root: &Path) -> Result<()> {
    setup::install(TORCH)?;
    let lab = sh::program("training-lab");
    // Tests with all features have built it; without the chain they have other features.
    if !lab.is_file() {
        sh::step("training", &mut sh::cargo(&["build", "-p", "training", "--features", "lab"]))?;
    }
    let scratch = tempfile::Builder::new().prefix("matrixai-pot-").tempdir()?;
    let mut matrix = Command::new(&lab);
    sh::show("six honest trainings", matrix.arg("matrix").arg(scratch.path()).args(["--seeds", "1"]))?;
    let tests = root.join("training/python");
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-m", "unittest", "discover", "-s", "tests", "-v"]).current_dir(&tests);
    python.env("PYTHONPATH", &tests).env("TRAINING", sh::program("training"));
    sh::show("tests of the Python module", &mut python)
}
