//! The GPU gives the reference's bits. Without a GPU there is nothing to test, and these say so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../drilling/tests/common/mod.rs"]
mod common;

use drilling::{Class, Kernel, Layer, Layers, Spec, Task, WorkError, cpu, cpu::Control, reference};
use gpu_compute::{Driller, GpuError, Path};
use std::collections::BTreeSet;

/// No layer's sums are wanted.
const NONE: BTreeSet<u8> = BTreeSet::new();

/// Every GPU by every path that it has.
fn drillers() -> Vec<Driller> {
    let mut drillers = Vec::new();
    for index in 0..gpu_compute::count() {
        let best = Driller::open(index).unwrap();
        println!("{:?}: {:?}", best.facts().unwrap(), best.path());
        if best.path() != Path::Baseline {
            drillers.push(Driller::open_with(index, Some(Path::Baseline)).unwrap());
        }
        drillers.push(best);
    }
    if drillers.is_empty() {
        println!("no GPU here: nothing was compared");
    }
    drillers
}

#[test]
fn without_a_driver_opening_says_so() {
    if !gpu_compute::has_driver() {
        assert_eq!(gpu_compute::count(), 0);
        assert!(matches!(Driller::open(0), Err(GpuError::NoDriver)));
    }
    if gpu_compute::has_driver() {
        let beyond = gpu_compute::count();
        assert!(matches!(Driller::open(beyond), Err(GpuError::NoDevice(index)) if index == beyond));
    }
}

/// `DRILLING_TASKS` sets how many; the documented run has 10,000.
fn tasks() -> u64 {
    std::env::var("DRILLING_TASKS").ok().and_then(|tasks| tasks.parse().ok()).unwrap_or(300)
}

#[test]
fn random_tasks_have_one_digest() {
    let tasks = tasks();
    let mut drillers = drillers();
    if drillers.is_empty() {
        return;
    }
    for number in 0..tasks {
        let (task, published) = common::task(number, if number % 50 == 0 { 1500 } else { 150 });
        let mut layers = Vec::new();
        let expected = cpu::run(&task, published.as_ref(), &cpu::Options::default(), |_, sums| {
            layers.push(sums.to_vec())
        })
        .unwrap();
        let wanted = (number % layers.len() as u64) as u8;
        for driller in &mut drillers {
            let done =
                driller.run(&task, published.as_ref(), &Control::new(), &BTreeSet::from([wanted])).unwrap();
            assert!(
                done.layers.get(&wanted) == Some(&layers[usize::from(wanted)]),
                "task {number}, {:?}: sums differ",
                driller.path()
            );
            assert_eq!(done.outcome, expected, "task {number}, {:?}", driller.path());
            let done = driller.run(&task, published.as_ref(), &Control::new(), &NONE).unwrap();
            assert_eq!(done.outcome, expected, "task {number}, {:?}, no sums", driller.path());
        }
    }
    println!("{tasks} tasks, {} paths: one digest each", drillers.len());
}

/// Shapes for which whole layers stay on the chip: columns a multiple of 256, all kinds of rows and widths.
#[test]
fn layers_that_stay_on_the_chip_have_the_same_bits() {
    let mut drillers = drillers();
    let layer = |outputs| Layer { outputs, multiplier: 666_506, shift: 32 };
    // A checker of memory makes kernels slow: few tasks, no large ones.
    let most = if tasks() < 10 { 4 } else { usize::MAX };
    for (number, (rows, inputs, outputs)) in [
        (1, 64, 512),
        (129, 1000, 256),
        (256, 77, 256),
        (300, 129, 1280),
        (511, 4096, 768),
        (1024, 8192, 4096),
    ]
    .into_iter()
    .enumerate()
    .take(most)
    {
        let layers = Layers::new(&[layer(outputs), layer(256), layer(512), layer(100)]).unwrap();
        let task =
            Task { spec: Spec { kernel: Kernel::Mlp, rows, inputs, layers }, seed: [number as u8; 32] };
        for driller in &mut drillers {
            let done = driller.run(&task, None, &Control::new(), &NONE).unwrap();
            let expected = cpu::run(&task, None, &cpu::Options::default(), |_, _| {}).unwrap();
            assert_eq!(done.outcome, expected, "{rows}×{inputs}×{outputs}, {:?}", driller.path());
        }
    }
}

#[test]
fn published_shapes_and_digits_have_the_same_bits() {
    let digits = drilling::digits::published().unwrap();
    let infer = Task { spec: digits.spec(2000).unwrap(), seed: [5; 32] };
    for driller in &mut drillers() {
        for class in [Class::Tiny, Class::Small] {
            let task = Task { spec: class.mlp(), seed: [9; 32] };
            let expected = cpu::run(&task, None, &cpu::Options::default(), |_, _| {}).unwrap();
            assert_eq!(
                driller.run(&task, None, &Control::new(), &NONE).unwrap().outcome,
                expected,
                "{class:?}"
            );
        }
        let expected = reference::run(&infer, Some(&digits), |_, _| {}).unwrap();
        assert_eq!(driller.run(&infer, Some(&digits), &Control::new(), &NONE).unwrap().outcome, expected);
    }
}

#[test]
fn what_is_wrong_with_a_task_is_named() {
    let digits = drilling::digits::published().unwrap();
    let infer = Task { spec: digits.spec(20).unwrap(), seed: [5; 32] };
    for driller in &mut drillers() {
        let error = driller.run(&infer, None, &Control::new(), &NONE).unwrap_err();
        assert!(matches!(error, GpuError::Work(WorkError::NoData)), "{error}");
        let control = Control::new();
        control.cancel();
        let task = Task { spec: Class::Tiny.mlp(), seed: [9; 32] };
        let error = driller.run(&task, None, &control, &NONE).unwrap_err();
        assert!(matches!(error, GpuError::Work(WorkError::Cancelled)), "{error}");
    }
}
