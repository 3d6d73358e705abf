//! The watch over real files, with blocks that are made up.

use super::*;
use crate::{
    config::Job,
    draws::{LATE, tests::drawing},
};
use attest::record::Snapshot;
use std::{fs, path::Path};

const MACHINE: Hash = [9; 32];
const MEAN: u32 = 4;

fn draws(name: &str, number: u64) -> bool {
    let randomness = drawing(number).randomness.unwrap();
    snapshot::is_drawn(&MACHINE, &snapshot::job(name), number, &randomness, MEAN)
}

/// The first block from here on that draws for a job, after which the next does not.
fn next_draw(name: &str, from: u64) -> u64 {
    (from..).find(|number| draws(name, *number) && !draws(name, number + 1)).unwrap()
}

struct Bench {
    dir: tempfile::TempDir,
    config: Config,
    watch: WeightWatch,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("run")).unwrap();
        let config = Config { job: vec![job("llm", dir.path())], snapshot_blocks: MEAN, ..Config::default() };
        let watch = open(&config, dir.path());
        Self { dir, config, watch }
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.dir.path().join("run").join(name), bytes).unwrap();
    }

    /// Blocks up to this one, as the light client gives them.
    fn turn(&mut self, from: u64, to: u64) -> Vec<Snapshot> {
        let drawings: Vec<Drawing> = (from..=to).map(drawing).collect();
        let bodies = self.watch.turn(&drawings, drawing(to).block);
        self.watch.keep();
        snapshots(bodies)
    }

    /// Turns without new blocks until a snapshot is told of.
    fn wait(&mut self, block: u64) -> Vec<Snapshot> {
        loop {
            let told = self.turn(block + 1, block);
            if !told.is_empty() {
                return told;
            }
            std::thread::yield_now();
        }
    }

    fn restart(&mut self) {
        self.watch = open(&self.config, self.dir.path());
    }
}

fn job(name: &str, dir: &Path) -> Job {
    let checkpoints = Pattern::try_from(format!("{}/run/*.pt", dir.display())).unwrap();
    Job { name: name.into(), checkpoints }
}

fn open(config: &Config, dir: &Path) -> WeightWatch {
    let mut watch = WeightWatch::open(config, &StateDir::new(dir), MACHINE).unwrap();
    watch.settle = Duration::ZERO;
    watch
}

fn snapshots(bodies: Vec<Body>) -> Vec<Snapshot> {
    let snapshot = |body| match body {
        Body::Snapshot(snapshot) => snapshot,
        other => panic!("{other:?}"),
    };
    bodies.into_iter().map(snapshot).collect()
}

fn outcomes(told: &[Snapshot]) -> Vec<(u64, &Outcome)> {
    told.iter().map(|one| (one.block_number, &one.outcome)).collect()
}

#[test]
fn drawn_blocks_get_a_digest_and_others_nothing() {
    let mut bench = Bench::new();
    bench.put("1.pt", b"weights");
    let drawn = next_draw("llm", 100);
    let start = drawn - 1;
    let told = bench.turn(start, start);
    assert_eq!(outcomes(&told), [(start, &Outcome::Watching)]);
    assert_eq!((told[0].mean_blocks, told[0].job), (MEAN, snapshot::job("llm")));
    assert!(bench.turn(drawn, drawn).is_empty());
    let told = bench.wait(drawn);
    let [Snapshot { block_number, block_hash, outcome: Outcome::Taken(weights), .. }] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!((*block_number, *block_hash), (drawn, drawing(drawn).block.hash.0));
    assert_eq!((weights.digest, weights.size, weights.behind), (blake3::hash(b"weights").into(), 7, 0));
    assert!(bench.turn(drawn + 1, drawn + 1).is_empty(), "that block does not draw");
    let view = &bench.watch.views()[0];
    assert_eq!((view.taken, view.last), (1, Some(Hex32(blake3::hash(b"weights").into()))));
    assert_eq!(view.drawn, Some(LastDraw { block: drawn, outcome: "taken".into() }));
}

#[test]
fn the_same_file_is_not_read_again_and_no_file_is_told() {
    let mut bench = Bench::new();
    let first = next_draw("llm", 10);
    bench.turn(first - 1, first - 1);
    bench.turn(first, first);
    let told = bench.wait(first);
    assert_eq!(outcomes(&told), [(first, &Outcome::Missed(Miss::NoCheckpoint))]);
    bench.put("1.pt", b"weights");
    let (mut at, mut taken) = (first, Vec::new());
    for _ in 0..2 {
        let drawn = next_draw("llm", at + 1);
        for number in at + 1..=drawn {
            taken.extend(bench.turn(number, number));
        }
        taken.extend(bench.wait(drawn));
        at = drawn;
    }
    let kinds = |one: &Snapshot| matches!(one.outcome, Outcome::Unchanged(_));
    assert_eq!(taken.iter().filter(|one| matches!(one.outcome, Outcome::Taken(_))).count(), 1, "{taken:?}");
    assert!(taken.iter().any(kinds), "{taken:?}");
    let view = &bench.watch.views()[0];
    let unchanged = taken.iter().filter(|one| kinds(one)).count();
    assert_eq!((view.unchanged, view.draws()), (unchanged as u64, 1 + taken.len() as u64));
    assert_eq!(view.drawn.as_ref().map(|draw| draw.block), taken.last().map(|one| one.block_number));
}

#[test]
fn a_draw_seen_late_or_while_another_is_read_is_missed_by_name() {
    let mut bench = Bench::new();
    let late = next_draw("llm", 100);
    bench.turn(late - 1, late - 1);
    let told = bench.turn(late, late + LATE + 1);
    let (block, outcome) = outcomes(&told)[0];
    assert_eq!((block, outcome), (late, &Outcome::Missed(Miss::Late)));
    // A file that nobody reads to its end.
    let mut bench = Bench::new();
    fs::File::create(bench.dir.path().join("run/1.pt")).unwrap().set_len(1 << 43).unwrap();
    let first = next_draw("llm", 100);
    let second = next_draw("llm", first + 1);
    bench.turn(first - 1, first - 1);
    assert!(bench.turn(first, first).is_empty());
    assert!((first + 1..=second).all(|number| bench.turn(number, number).is_empty()), "told in order");
    assert_eq!(bench.watch.written.values().next().map(|told| told.block), Some(first - 1));
    // It ends after all: the file shrinks.
    let file = fs::File::options().write(true).open(bench.dir.path().join("run/1.pt")).unwrap();
    file.set_len(0).unwrap();
    let told = bench.wait(second);
    let drawn: Vec<u64> = (first..=second).filter(|number| draws("llm", *number)).collect();
    assert_eq!(told.iter().map(|one| one.block_number).collect::<Vec<_>>(), drawn);
    // Or it had not been looked at yet.
    let short = |outcome: &Outcome| match outcome {
        Outcome::Taken(weights) => weights.size == 0,
        outcome => matches!(outcome, Outcome::Missed(Miss::Torn | Miss::Unsettled)),
    };
    assert!(short(&told[0].outcome), "{told:?}");
    assert!(told[1..].iter().all(|one| one.outcome == Outcome::Missed(Miss::Busy)), "{told:?}");
}

#[test]
fn what_a_run_leaves_untold_the_next_one_tells() {
    let mut bench = Bench::new();
    fs::File::create(bench.dir.path().join("run/1.pt")).unwrap().set_len(1 << 43).unwrap();
    let drawn = next_draw("llm", 100);
    bench.turn(drawn - 1, drawn - 1);
    bench.turn(drawn, drawn);
    // A crash in the midst of reading; headers of blocks long past are not to be had.
    bench.restart();
    assert_eq!(bench.watch.after(drawn + 50), Some(drawn - 1));
    let later = (drawn + 50..).find(|number| !draws("llm", *number)).unwrap();
    let told = bench.turn(later, later);
    assert_eq!(outcomes(&told), [(later - 1, &Outcome::Unwatched { from: drawn })]);
    assert_eq!(told[0].block_hash, drawing(later - 1).block.hash.0);
}

#[test]
fn a_changed_mean_and_an_ended_job_are_told() {
    let mut bench = Bench::new();
    let quiet = (100..).find(|number| !draws("llm", *number)).unwrap();
    bench.turn(quiet - 1, quiet - 1);
    bench.turn(quiet, quiet);
    bench.config.snapshot_blocks = 1000;
    bench.restart();
    let told = bench.turn(quiet + 1, quiet);
    assert_eq!((outcomes(&told), told[0].mean_blocks), (vec![(quiet, &Outcome::Watching)], 1000));
    bench.config.job = vec![job("other", bench.dir.path())];
    bench.restart();
    let told = bench.turn(quiet + 1, quiet);
    assert_eq!(outcomes(&told), [(quiet, &Outcome::Ended), (quiet, &Outcome::Watching)]);
    assert_eq!(told[0].job, snapshot::job("llm"));
    bench.restart();
    assert!(bench.turn(quiet + 1, quiet).is_empty(), "told once");
}

#[test]
fn where_nothing_is_watched_nothing_is_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let mut watch = open(&Config::default(), dir.path());
    assert_eq!(watch.after(7), None);
    assert!(watch.turn(&[drawing(7)], drawing(7).block).is_empty());
    watch.keep();
    assert!(!StateDir::new(dir.path()).jobs().exists());
}
