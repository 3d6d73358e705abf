//! Shapes, and what doing them really hands from layer to layer.
#![allow(dead_code)] // every test uses its part

use drilling::{
    Kernel, Layer, Layers, Spec, Task,
    cpu::{self, Options},
    requantise,
    spread::{self, Moments, Spread},
};
use std::collections::HashSet;

/// These widths, with multipliers that spread what every layer hands on by so much.
pub fn shape(rows: u32, inputs: u32, outputs: &[u32], deviation: u32) -> Spec {
    let mut moments = Moments::GENERATED;
    let mut width = inputs;
    let layer = |outputs: &u32| {
        let mut layer = Layer { outputs: *outputs, multiplier: 1, shift: spread::SHIFT };
        let right = u64::from(Spread::of(width, &moments, &layer).multiplier);
        layer.multiplier = u32::try_from(right * u64::from(deviation) / 64).unwrap();
        moments = Spread::of(width, &moments, &layer).moments;
        width = *outputs;
        layer
    };
    let layers: Vec<Layer> = outputs.iter().map(layer).collect();
    Spec { kernel: Kernel::Mlp, rows, inputs, layers: Layers::new(&layers).unwrap() }
}

/// What one layer handed on.
#[derive(Debug)]
pub struct Seen {
    /// The share that is 0, and the share that is 127.
    pub zero: f64,
    pub full: f64,
    /// The root of the mean square.
    pub rms: f64,
    /// The share of columns that are 0 in every row.
    pub dead: f64,
    /// The share of fours in a row of which more than two are not 0: what hardware for two in four cannot hold.
    pub crowded: f64,
    /// How many values there are.
    pub values: usize,
    /// Rows that are equal to another.
    pub alike: usize,
}

impl Seen {
    fn of(inputs: &[i8], width: usize) -> Self {
        let share = |count: usize, all: usize| count as f64 / all as f64;
        let mut alive = vec![false; width];
        let mut counts = [0usize; 128];
        for row in inputs.chunks_exact(width) {
            for (alive, input) in alive.iter_mut().zip(row) {
                *alive |= *input != 0;
                counts[*input as usize] += 1;
            }
        }
        let squares = counts.iter().enumerate().map(|(value, count)| (value * value * count) as f64);
        let rows = inputs.chunks_exact(width);
        let crowded = |four: &&[i8]| four.iter().filter(|input| **input != 0).count() > 2;
        Self {
            zero: share(counts[0], inputs.len()),
            full: share(counts[127], inputs.len()),
            rms: (squares.sum::<f64>() / inputs.len() as f64).sqrt(),
            dead: share(alive.iter().filter(|alive| !**alive).count(), width),
            crowded: share(inputs.chunks_exact(4).filter(crowded).count(), inputs.len() / 4),
            values: counts.iter().filter(|count| **count > 0).count(),
            alike: rows.len() - rows.collect::<HashSet<_>>().len(),
        }
    }
}

/// Does the task, and looks at what every layer but the last hands on.
pub fn look(spec: &Spec, seed: u8) -> Vec<Seen> {
    let task = Task { spec: *spec, seed: [seed; 32] };
    let mut seen = Vec::new();
    cpu::run(&task, None, &Options::default(), |number, sums| {
        let layer = &spec.layers[usize::from(number)];
        if usize::from(number) + 1 < spec.layers.depth() {
            let inputs: Vec<i8> = sums.iter().map(|sum| requantise(*sum, layer)).collect();
            seen.push(Seen::of(&inputs, layer.outputs as usize));
        }
    })
    .unwrap();
    seen
}

/// A layer's rms, as the law tells it.
pub fn rms(spread: &Spread) -> f64 {
    (spread.moments.square as f64 / 65_536.0).sqrt()
}

/// One line for each layer, with the law's rms beside the measured one.
pub fn print(name: &str, spec: &Spec, seen: &[Seen]) {
    println!("{name}: {} rows", spec.rows);
    for (number, (seen, spread)) in seen.iter().zip(spread::spreads(spec)).enumerate() {
        let Seen { zero, full, rms: measured, dead, crowded, values, alike } = seen;
        println!(
            "  layer {number}, {} wide: zero {:.1} %, 127 {:.1} %, rms {measured:.1} (law {:.1}), dead columns {:.2} %, \
             crowded fours {:.1} %, {values} values, {alike} rows alike",
            spec.layers[number].outputs,
            100.0 * zero,
            100.0 * full,
            rms(&spread),
            100.0 * dead,
            100.0 * crowded,
        );
    }
}
