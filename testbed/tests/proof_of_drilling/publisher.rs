//! Difficulty is counted from the task's shape: who declares another is refused, by the owner's tool and by the chain.

use crate::{driven::Caller, network::Network};
use anyhow::{Context, Result, ensure};
use drilling::{Class, difficulty, flop};
use light_client::chain::{
    self,
    runtime_types::{
        bounded_collections::bounded_vec::BoundedVec,
        drilling::spec::{Kernel, Layer, Spec},
    },
};
use serde_json::Value;
use std::fs;

const BATCH: &str = "rows = 256\ninputs = 8192\ncount = 1000\nlayers = [{ outputs = 256, multiplier = 556100, shift = 32 }, \
                     { outputs = 16, multiplier = 5332051, shift = 32 }]\n";

pub fn is_refused(network: &mut Network) -> Result<()> {
    let Network { grace: neighbour, stage, runtime, eyes, .. } = network;
    let shape = Class::Tiny.mlp();
    let worth = difficulty(&shape);
    ensure!(worth == flop(&shape) / 432_000 && worth > 0, "{worth} micro-ut for {} FLOP", flop(&shape));
    let file = neighbour.dir().join("batch.toml");
    fs::write(&file, format!("{BATCH}difficulty = {}\n", 10 * worth))?;
    let told = neighbour.owner(stage, &["tasks", "publish", "batch.toml"]).err().context("published")?;
    ensure!(told.to_string().contains("the chain would refuse"), "{told}");
    // Past the tool.
    let layer = |layer: &drilling::Layer| Layer {
        outputs: layer.outputs,
        multiplier: layer.multiplier,
        shift: layer.shift,
    };
    let spec = || Spec {
        kernel: Kernel::Mlp,
        rows: shape.rows,
        inputs: shape.inputs,
        layers: shape.layers.iter().map(layer).collect(),
    };
    let publisher = Caller::known("Grace");
    let publish =
        |declared| chain::tx().drilling().publish(spec(), 1_000, 2, declared, BoundedVec(Vec::new()));
    runtime.block_on(async {
        for declared in [10 * worth, worth + 1, worth - 1, 0] {
            publisher.refused(&eyes.client, &publish(declared), "WrongDifficulty").await?;
        }
        publisher.call(&eyes.client, &publish(worth)).await
    })?;
    let listed: Value = serde_json::from_str(&neighbour.owner(stage, &["tasks", "list", "--json"])?)?;
    let batch = listed[0]["batch"].as_u64().context("no batch")?;
    ensure!(listed[0]["worth"].as_u64().map(u128::from) == Some(worth), "{listed}");
    neighbour.owner(stage, &["tasks", "end", &batch.to_string()]).map(drop)
}
