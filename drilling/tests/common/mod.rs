//! Tasks for tests: small, of both kernels, and determined by a number.
#![allow(dead_code)] // every test uses its part

use drilling::{
    Kernel, Layer, Layers, Spec, Task,
    published::{Network, Published, Shard},
};

/// A generator for shapes: not the tasks' own.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.roll(256) as u8).collect()
    }
}

/// A multiplier that spreads the next layer's inputs over their range.
fn layer(dice: &mut Dice, outputs: u32, inputs: u32) -> Layer {
    let shift = 20 + dice.roll(13) as u8;
    let spread = 3000.0 * f64::from(inputs).sqrt() / 64.0;
    let multiplier = ((1u64 << shift) as f64 / spread) as u32;
    Layer { outputs, multiplier: multiplier.clamp(1, i32::MAX as u32), shift }
}

/// The `number`-th task, with at most about `size` inputs, outputs and rows, and its data if it is an `infer`.
pub fn task(number: u64, size: u64) -> (Task, Option<Published>) {
    let mut dice = Dice(number);
    let side = |dice: &mut Dice| {
        let limit = [3, 40, size][dice.roll(3) as usize].min(size);
        1 + dice.roll(limit) as u32
    };
    let (rows, inputs) = (side(&mut dice), side(&mut dice));
    let mut width = inputs;
    let mut layers = Vec::new();
    for _ in 0..1 + dice.roll(3) {
        let outputs = side(&mut dice);
        layers.push(layer(&mut dice, outputs, width));
        width = outputs;
    }
    let layers = Layers::new(&layers).unwrap();
    let seed = dice.bytes(32).try_into().unwrap();
    if dice.roll(3) > 0 {
        return (Task { spec: Spec { kernel: Kernel::Mlp, rows, inputs, layers }, seed }, None);
    }
    let published = published(&mut dice, inputs, layers);
    (Task { spec: published.spec(rows).unwrap(), seed }, Some(published))
}

fn published(dice: &mut Dice, inputs: u32, layers: Layers) -> Published {
    let mut width = inputs as usize;
    let mut weights = Vec::new();
    for layer in layers.iter() {
        weights.push(dice.bytes(width * layer.outputs as usize));
        width = layer.outputs as usize;
    }
    let items = 1 + dice.roll(20) as u32;
    let data = dice.bytes(items as usize * inputs as usize);
    Published { network: Network { inputs, layers, weights }, shard: Shard { items, inputs, data } }
}
