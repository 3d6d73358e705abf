//! Drilling on a GPU beside cuBLASLt, in one run: the product alone, and whole tasks against bare products of the same shapes.
//!
//! `cargo bench -p gpu-compute --bench drill -- [--quick] [--stages]`. Without a GPU it says so and ends well.

mod cublas;

use cublas::Cublas;
use drilling::{Class, Task, cpu::Control};
use gpu_compute::{Driller, Path, lab};
use std::collections::HashMap;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Between turns.
const REST: std::time::Duration = std::time::Duration::from_millis(60);
/// Dense s8 operations a second of an H100 or H200 (SXM), NVIDIA's datasheet.
const HOPPER_PEAK: f64 = 1979e12;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if gpu_compute::count() == 0 {
        println!("no GPU here: nothing was measured");
        return Ok(());
    }
    let ours = Driller::open(0)?;
    println!("{:?}", ours.facts()?);
    let cublas = Cublas::open(ours.stream());
    if cublas.is_none() {
        println!("cuBLASLt is not here: no peer");
    }
    let rounds = if has("--quick") { 3 } else { 7 };
    let baseline =
        (ours.path() != Path::Baseline).then(|| Driller::open_with(0, Some(Path::Baseline))).transpose()?;
    println!(
        "\nproduct s8 × s8 → s32, TOPS (median of {rounds} turns) | cuBLASLt | ours | ours/cuBLASLt | of peak | mma.sync/cuBLASLt"
    );
    let sides: &[u32] = if has("--4k") { &[4096] } else { &[4096, 8192] };
    for &side in sides {
        let t = turns(&ours, baseline.as_ref(), cublas.as_ref(), (side, side, side), rounds)?;
        println!("{side}³ | {}", t.row(2.0 * f64::from(side).powi(3)));
    }
    if has("--stages") {
        stages(&ours, 4096, 16_384, 16_384)?;
        stages(&ours, 32_768, 32_768, 32_768)?;
    }
    if has("--products") {
        return Ok(());
    }
    println!("\nwhole task, ms (median) | bare cuBLASLt of its layers | ratio | TOPS");
    let mut ours = ours;
    let classes: &[Class] = if has("--quick") { &[Class::Medium] } else { &[Class::Medium, Class::Large] };
    for class in classes {
        whole(&mut ours, cublas.as_ref(), *class, rounds)?;
    }
    Ok(())
}

/// Milliseconds of each, medians.
struct Turns {
    peer: Option<f64>,
    ours: f64,
    baseline: Option<f64>,
}

impl Turns {
    fn row(&self, operations: f64) -> String {
        let tops = |ms: f64| operations / ms / 1e9;
        let ratio = |ms: f64| self.peer.map_or("-".into(), |peer| format!("{:.3}", peer / ms));
        format!(
            "{} | {:.0} | {} | {:.3} | {}",
            self.peer.map_or("-".into(), |peer| format!("{:.0}", tops(peer))),
            tops(self.ours),
            ratio(self.ours),
            tops(self.ours) * 1e12 / HOPPER_PEAK,
            self.baseline.map_or("-".into(), ratio),
        )
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The product by each, in turns: none has the cooler chip.
fn turns(
    ours: &Driller,
    baseline: Option<&Driller>,
    cublas: Option<&Cublas>,
    (rows, columns, width): (u32, u32, u32),
    rounds: usize,
) -> Result<Turns> {
    let product = ours.prepare(rows, columns, width)?;
    let operations = 2.0 * f64::from(rows) * f64::from(columns) * f64::from(width);
    // Turns of some 40 ms.
    let launches = ((40e-3 * 1.2e15 / operations) as usize).max(3);
    let mut plan = cublas.map(|cublas| cublas.plan(&product)).transpose()?;
    if let Some(plan) = &mut plan {
        let mut best = (0, f32::INFINITY);
        for algorithm in 0..plan.algorithms() {
            plan.best = algorithm;
            if plan.run(&product).is_err() {
                continue;
            }
            let ms = ours.time(|| (0..launches).try_for_each(|_| plan.run(&product).map_err(peer_error)))?;
            if ms < best.1 {
                best = (algorithm, ms);
            }
        }
        plan.best = best.0;
    }
    if let Some(plan) = &plan {
        plan.run(&product)?;
        let theirs = ours.some_sums(&product, 1 << 20)?;
        ours.product(&product)?;
        assert!(ours.some_sums(&product, 1 << 20)? == theirs, "sums differ from cuBLASLt's");
    }
    let mut times: [Vec<f64>; 3] = Default::default();
    // Each from rest, and each first as often as the others: the chip's power limit remembers what ran before.
    for turn in 0..3 * rounds {
        let which = (turn + turn / 3) % 3;
        std::thread::sleep(REST);
        let ms = match which {
            0 => match &plan {
                Some(plan) => {
                    ours.time(|| (0..launches).try_for_each(|_| plan.run(&product).map_err(peer_error)))?
                }
                None => continue,
            },
            1 => ours.time(|| (0..launches).try_for_each(|_| ours.product(&product)))?,
            _ => match baseline {
                Some(baseline) => {
                    baseline.time(|| (0..launches).try_for_each(|_| baseline.product(&product)))?
                }
                None => continue,
            },
        };
        times[which].push(f64::from(ms) / launches as f64);
    }
    let [peer, ours, baseline] = times.map(|times| if times.is_empty() { None } else { Some(median(times)) });
    Ok(Turns { peer, ours: ours.unwrap_or(f64::NAN), baseline })
}

fn peer_error(error: cudarc::cublaslt::result::CublasError) -> gpu_compute::GpuError {
    unreachable!("cuBLASLt: {error}")
}

/// Where a layer's time goes.
fn stages(ours: &Driller, rows: u32, columns: u32, width: u32) -> Result<()> {
    let product = ours.prepare(rows, columns, width)?;
    let operations = 2.0 * f64::from(rows) * f64::from(columns) * f64::from(width);
    let launches = ((40e-3 * 1.2e15 / operations) as usize).max(2);
    let mut rooms = lab::Rooms::default();
    ours.fused(&product, &mut rooms)?;
    let each = |ms: f32| {
        std::thread::sleep(REST);
        ms / launches as f32
    };
    let generate = each(ours.time(|| (0..launches).try_for_each(|_| ours.generate(&product)))?);
    let bare = each(ours.time(|| (0..launches).try_for_each(|_| ours.product(&product)))?);
    let fused =
        each(ours.time(|| (0..launches).try_for_each(|_| ours.fused(&product, &mut rooms).map(drop)))?);
    println!(
        "{rows}×{columns}×{width}: generate {generate:.3} ms, product {bare:.3} ms, whole layer {fused:.3} ms"
    );
    Ok(())
}

fn whole(ours: &mut Driller, cublas: Option<&Cublas>, class: Class, rounds: usize) -> Result<()> {
    let task = Task { spec: class.mlp(), seed: [3; 32] };
    let operations = task.spec.operations() as f64;
    let mut bare = 0.0;
    let mut known: HashMap<(u32, u32), f64> = HashMap::new();
    for (width, layer) in task.spec.widths().zip(task.spec.layers.iter()) {
        let shape = (layer.outputs, width);
        if let Some(ms) = known.get(&shape) {
            bare += ms;
        } else if cublas.is_some() {
            let ms = turns(ours, None, cublas, (task.spec.rows, layer.outputs, width), 3)?
                .peer
                .unwrap_or(f64::NAN);
            known.insert(shape, ms);
            bare += ms;
        }
    }
    ours.run(&task, None, &Control::new(), &Default::default())?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let started = std::time::Instant::now();
        ours.run(&task, None, &Control::new(), &Default::default())?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let ms = median(times);
    println!("{class:?}: {ms:.3} | {bare:.3} | {:.3} | {:.0}", bare / ms, operations / ms / 1e9);
    Ok(())
}
