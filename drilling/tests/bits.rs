//! Every back end and thread count gives the reference's bits.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{env, num::NonZeroUsize, sync::Arc, time::Duration};

use common::{Dice, task};
use drilling::{
    Class, Task, WorkError,
    cpu::{self, Backend, Control, Options},
    reference,
};

fn options(backend: Backend, threads: usize) -> Options {
    Options { backend, threads: NonZeroUsize::new(threads).unwrap(), control: Arc::default() }
}

/// `DRILLING_TASKS` sets how many: the documented run, `cargo xtask bits`, has 10,000.
#[test]
fn random_tasks_have_one_digest() {
    let tasks =
        env::var("DRILLING_TASKS").map_or(300, |tasks| tasks.parse().expect("DRILLING_TASKS is a number"));
    assert!(tasks > 0, "no task shows nothing");
    let backends = Backend::available();
    for number in 0..tasks {
        // A few wide ones, for blocks and panels of every kind.
        let (task, published) = task(number, if number % 50 == 0 { 1500 } else { 150 });
        let mut expected = Vec::new();
        let outcome =
            reference::run(&task, published.as_ref(), |_, sums| expected.push(sums.to_vec())).unwrap();
        for backend in &backends {
            for threads in [1, 2, 3, 8] {
                let mut layers = Vec::new();
                let options = options(*backend, threads);
                let ours =
                    cpu::run(&task, published.as_ref(), &options, |_, sums| layers.push(sums.to_vec()))
                        .unwrap();
                assert!(
                    layers == expected,
                    "task {number}, {}, {threads} threads: sums differ",
                    backend.name()
                );
                assert_eq!(ours, outcome, "task {number}, {}, {threads} threads", backend.name());
            }
        }
    }
    println!("{tasks} tasks, {:?}, 1, 2, 3 and 8 threads: one digest each", backends);
}

#[test]
fn the_longest_sums_do_not_overflow() {
    let width = drilling::MAX_INPUTS as usize;
    for (a, w) in [(-128i8, -128i8), (-128, 127), (127, 127)] {
        let (inputs, weights) = (vec![a; 3 * width], vec![w; 2 * width]);
        let expected = i32::from(a) * i32::from(w) * width as i32;
        for backend in Backend::available() {
            let mut packed = cpu::Weights::pack(&options(backend, 2), &weights, width).unwrap();
            let mut sums = vec![0; 6];
            packed.multiply(&inputs, &mut sums).unwrap();
            assert_eq!(sums, [expected; 6], "{}", backend.name());
        }
    }
}

#[test]
fn products_of_every_shape_are_the_references() {
    let mut dice = Dice(1);
    for _ in 0..200 {
        let (rows, outputs) = (1 + dice.roll(40) as usize, 1 + dice.roll(70) as usize);
        let width = 1 + dice.roll(1200) as usize;
        let mut matrix = |count: usize| (0..count).map(|_| dice.roll(256) as u8 as i8).collect::<Vec<_>>();
        let (inputs, weights) = (matrix(rows * width), matrix(outputs * width));
        let expected = reference::product(&inputs, &weights, width);
        for backend in Backend::available() {
            let mut packed = cpu::Weights::pack(&options(backend, 2), &weights, width).unwrap();
            let mut sums = vec![1; rows * outputs];
            packed.multiply(&inputs, &mut sums).unwrap();
            assert!(sums == expected, "{}: {rows}×{outputs}×{width}", backend.name());
        }
    }
}

#[test]
fn work_can_be_paused_and_cancelled() {
    let task = Task { spec: Class::Tiny.mlp(), seed: [3; 32] };
    let options = options(Backend::fastest(), 2);
    options.control.pause();
    let control: Arc<Control> = options.control.clone();
    let worker = std::thread::spawn(move || cpu::run(&task, None, &options, |_, _| {}));
    std::thread::sleep(Duration::from_millis(300));
    assert!(!worker.is_finished(), "it waits");
    control.resume();
    let outcome = worker.join().unwrap().unwrap();
    assert_eq!(outcome, cpu::run(&task, None, &Options::default(), |_, _| {}).unwrap());

    let options = self::options(Backend::fastest(), 2);
    options.control.cancel();
    assert_eq!(cpu::run(&task, None, &options, |_, _| {}), Err(WorkError::Cancelled));
}
