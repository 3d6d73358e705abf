//! Honest trainers whose arithmetic is not the verifier's: roundings that a replay has to bear.

use super::{LabError, Setting, data::Files};
use crate::{
    engine::{State, step},
    package::{self, Writer},
    train,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Who trains.
#[derive(Debug, Clone)]
pub enum Trainer {
    /// This engine, with each batch's samples the other way round: the same sums in exact numbers, and every sum over a batch rounded
    /// otherwise.
    Reversed,
    /// PyTorch and the Python module, which lies in this folder.
    PyTorch(PathBuf),
}

impl Trainer {
    /// Trains as ordered, into `folder`. `files` are those of the setting.
    pub fn train(&self, setting: &Setting, files: &Files, folder: &Path) -> Result<(), LabError> {
        match self {
            Self::Reversed => reversed(setting, folder),
            Self::PyTorch(module) => pytorch(module, setting, &files.0, folder),
        }
    }
}

fn reversed(setting: &Setting, folder: &Path) -> Result<(), LabError> {
    let Setting { terms, graph, data, plan, .. } = setting;
    let mut writer = Writer::create(folder, terms, graph, &setting.origin())?;
    let mut state = State::initial(plan, &terms.optimiser, &terms.randomness);
    writer.add(0, &state.tensors(plan, &terms.optimiser))?;
    let mut batches = terms.batches();
    while state.step < terms.steps() {
        let samples: Vec<u64> = batches.step(state.step).iter().rev().copied().collect();
        let (x, labels) = data.take(&samples, terms.classes)?;
        let rate = terms.schedule.rate(state.step, terms.steps());
        step(plan, &mut state, &terms.optimiser, rate, x, &labels);
        if terms.is_checkpoint(state.step) {
            writer.add(state.step, &state.tensors(plan, &terms.optimiser))?;
        }
    }
    writer.finish(None)?;
    Ok(())
}

/// By the example that the Python module comes with.
fn pytorch(module: &Path, setting: &Setting, data: &Path, folder: &Path) -> Result<(), LabError> {
    let order = folder.with_extension("terms");
    fs::create_dir_all(&order)?;
    package::write(&order.join("model.onnx"), &setting.graph)?;
    train::write_initial(&setting.terms, &setting.graph, &order.join("init.safetensors"))?;
    package::write(&order.join("terms.json"), &setting.terms.encode()?)?;
    let mut python = Command::new("/usr/bin/python3");
    python.arg(module.join("examples/train.py")).args([&order, data, folder]);
    // Trainings run side by side, one on each processor.
    let run = python.env("PYTHONPATH", module).env("OMP_NUM_THREADS", "1").stdin(Stdio::null()).output()?;
    fs::remove_dir_all(&order)?;
    if run.status.success() {
        Ok(())
    } else {
        Err(format!("PyTorch: {}", String::from_utf8_lossy(&run.stderr)).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        lab::{Model, Optimisation, outcome, synthetic},
        replay::{Choice, THRESHOLDS},
    };

    #[test]
    fn what_is_rounded_otherwise_is_off_and_accepted() -> Result<(), LabError> {
        let folder = tempfile::tempdir()?;
        let files = synthetic(folder.path(), 640, 256)?;
        let mut setting = Setting::new(&files, (Model::Mlp, Optimisation::Adamw), 4, 1)?;
        setting.terms.checkpoint_every = 4;
        let package = folder.path().join("package");
        Trainer::Reversed.train(&setting, &files, &package)?;
        let found = outcome(&setting, &package, Choice { drawn: usize::MAX, largest: 0 }, 0);
        assert_eq!(found.rejected_by, [""; 0]);
        let [error, ..] = found.replay.ok_or("nothing was redone")?;
        assert!(error > 0.0 && error < THRESHOLDS.parameters, "{error}");
        Ok(())
    }
}
