//! The watch over made-up blocks, with an asker that is made up too: no GPU is needed.

use super::*;
use crate::draws::{
    LATE,
    tests::{asking, drawing},
};
use attest::{
    record::{self, Outcome, Snapshot},
    snapshot,
};

const MACHINE: Hash = [9; 32];
const MEAN: u32 = 4;

fn draws(number: u64) -> bool {
    let randomness = drawing(number).randomness.unwrap();
    snapshot::is_drawn(&MACHINE, &challenge::watch(), number, &randomness, MEAN)
}

/// The first block from here on that draws, after which the next does not.
fn next_draw(from: u64) -> u64 {
    (from..).find(|number| draws(*number) && !draws(number + 1)).unwrap()
}

struct Bench {
    dir: tempfile::TempDir,
    config: Config,
    watch: ChallengeWatch,
}

/// What two GPUs answer: one is as it should be, the other slow.
fn answers() -> Vec<Found> {
    let slow = Finding::suspicious(Check::Fingerprint, 700, "slow");
    let fine = Finding::consistent(Check::Memory, "128.0 GB filled");
    vec![
        Found { gpu: 0, finding: fine, result: Some([5; 32]) },
        Found { gpu: 1, finding: slow, result: None },
        Found { gpu: 1, finding: Finding::failed(Check::Memory, "others"), result: None },
    ]
}

impl Bench {
    fn new(gpus: usize, ask: impl Fn(&Hash) -> Vec<Found> + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { challenge_blocks: MEAN, ..Config::default() };
        let watch = open(&config, &dir, gpus, Arc::new(ask));
        Self { dir, config, watch }
    }

    /// Blocks up to this one, as the light client gives them.
    fn turn(&mut self, from: u64, to: u64) -> Vec<Body> {
        let drawings: Vec<Drawing> = (from..=to).map(drawing).collect();
        let bodies = self.watch.turn(&drawings, drawing(to).block);
        self.watch.keep();
        bodies
    }

    /// Turns without new blocks until something is told.
    fn wait(&mut self, block: u64) -> Vec<Body> {
        loop {
            let told = self.turn(block + 1, block);
            if !told.is_empty() {
                return told;
            }
            thread::yield_now();
        }
    }

    fn restart(&mut self, gpus: usize) {
        let ask = Arc::clone(&self.watch.ask);
        self.watch = open(&self.config, &self.dir, gpus, ask);
    }
}

fn open(config: &Config, dir: &tempfile::TempDir, gpus: usize, ask: Ask) -> ChallengeWatch {
    let watch = ChallengeWatch::open(config, &StateDir::new(dir.path()), MACHINE).unwrap();
    ChallengeWatch { gpus: Gpus::Known(gpus), ask, ..watch }
}

fn outcomes(told: &[Body]) -> Vec<(u64, &Outcome)> {
    told.iter().map(outcome).collect()
}

fn outcome(body: &Body) -> (u64, &Outcome) {
    let Body::Snapshot(Snapshot { job, block_number, outcome, .. }) = body else { panic!("{body:?}") };
    assert_eq!(*job, challenge::watch());
    (*block_number, outcome)
}

fn findings(told: Vec<Body>) -> Vec<record::Finding> {
    let of = |body| match body {
        Body::Finding(found) => found,
        other => panic!("{other:?}"),
    };
    told.into_iter().map(of).collect()
}

/// What is told of a challenge that came to nothing: on each of the two GPUs, as evidence of nothing, and of the block that drew it.
fn failure(told: Vec<Body>, block: u64) -> String {
    let told = findings(told);
    assert_eq!(told.iter().map(|one| one.gpu).collect::<Vec<_>>(), [0, 1]);
    for one in &told {
        assert_eq!((one.verdict, one.score, one.check), (Verdict::Failed, 0, Check::Memory));
        assert_eq!(one.challenge.unwrap().draw, drawing(block).block.hash.0);
    }
    told[0].reason.to_string()
}

#[test]
fn a_drawn_block_asks_all_gpus_with_its_hash_and_others_ask_nothing() {
    let drawn = next_draw(100);
    let hash = drawing(drawn).block.hash.0;
    let mut bench = Bench::new(2, move |draw| if *draw == hash { answers() } else { Vec::new() });
    assert_eq!(bench.watch.after(drawn - 1), Some(drawn - 1));
    let told = bench.turn(drawn - 1, drawn - 1);
    assert_eq!(outcomes(&told), [(drawn - 1, &Outcome::Watching)]);
    assert!(!bench.watch.is_under_way());
    assert!(bench.turn(drawn, drawn).is_empty() && bench.watch.is_under_way());
    let told = findings(bench.wait(drawn));
    let draw = |result| Some(record::Challenge { draw: hash, result });
    assert_eq!(
        told.iter().map(|one| one.challenge).collect::<Vec<_>>(),
        [draw([5; 32]), draw([0; 32]), draw([0; 32])]
    );
    assert!(!bench.watch.is_under_way());
    assert!(bench.turn(drawn + 1, drawn + 1).is_empty(), "that block does not draw");
    let ChallengeView { off, last, mean_blocks, .. } = bench.watch.view();
    let last = last.unwrap();
    assert_eq!((off, mean_blocks, last.block, last.checks, last.failed), (None, MEAN, drawn, 3, 1));
    assert_eq!((last.score, last.why.as_deref()), (700, Some("slow")));
    assert_eq!(bench.watch.view().outcomes, [("suspicious".to_string(), 1)].into());
    bench.restart(2);
    assert_eq!(bench.watch.view().last.map(|last| last.block), Some(drawn), "told after a restart too");
    assert!(bench.watch.view().outcomes.is_empty(), "that was another run");
}

#[test]
fn an_inspectors_question_is_answered_and_waited_for() {
    let mut bench = Bench::new(2, |_| answers());
    let idle = (100..).find(|number| !draws(*number) && !draws(number + 1)).unwrap();
    bench.turn(idle, idle);
    let question = asking(idle + 1, &MACHINE);
    assert!(bench.watch.turn(std::slice::from_ref(&question), question.block).is_empty());
    assert!(bench.watch.is_under_way() && !bench.watch.awaited);
    let told = findings(bench.wait(idle + 1));
    assert_eq!(told[0].challenge.unwrap().draw, question.block.hash.0);
    assert!(std::mem::take(&mut bench.watch.awaited));
    let drawn = next_draw(idle + 2);
    for number in idle + 2..=drawn {
        bench.turn(number, number);
    }
    bench.wait(drawn);
    assert!(!bench.watch.awaited, "nobody has asked in that block");
}

#[test]
fn a_host_without_gpus_is_never_asked_and_says_so() {
    let mut bench = Bench::new(0, |_| panic!("asked"));
    assert_eq!(bench.watch.after(7), None);
    assert_eq!(bench.watch.view().off.as_deref(), Some(NO_GPU));
    bench.watch.keep();
    assert!(!StateDir::new(bench.dir.path()).challenges().exists());
}

#[test]
fn gpus_that_are_gone_are_told_at_each_draw() {
    let mut bench = Bench::new(2, |_| Vec::new());
    let drawn = next_draw(100);
    bench.turn(drawn - 1, drawn - 1);
    bench.restart(0);
    assert_eq!(bench.watch.after(drawn), Some(drawn - 1), "it goes on where it was");
    assert!(bench.turn(drawn, drawn).is_empty());
    let told = findings(bench.wait(drawn));
    assert_eq!((told.len(), told[0].verdict, told[0].reason.as_str()), (1, Verdict::Failed, NO_GPU));
    assert_eq!(bench.watch.view().outcomes, [("missed".to_string(), 1)].into());
}

#[test]
fn a_challenge_that_hangs_or_crashes_ends_in_a_record() {
    let (go, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let mut bench = Bench::new(2, move |_| {
        // Until the test ends the other half.
        let _ = held.lock().unwrap().recv();
        answers()
    });
    bench.watch.patience = Duration::ZERO;
    let first = next_draw(100);
    let second = next_draw(first + 1);
    bench.turn(first - 1, first - 1);
    assert!(bench.turn(first, first).is_empty() && bench.watch.is_under_way());
    assert_eq!(bench.watch.written.told.map(|told| told.block), Some(first - 1), "untold after a crash");
    thread::sleep(Duration::from_millis(2));
    assert!(failure(bench.wait(first), first).contains("a driver hangs"));
    assert!(!bench.watch.is_under_way(), "drilling goes on");
    assert_eq!(bench.watch.written.told.map(|told| told.block), Some(first));
    // The thread still hangs in the driver.
    let told: Vec<Body> = (first + 1..=second).flat_map(|number| bench.turn(number, number)).collect();
    let each = findings(told);
    assert!(!each.is_empty() && each.iter().all(|one| one.reason.contains("has not ended")), "{each:?}");
    drop(go);
    while bench.watch.open.is_some() {
        assert!(bench.turn(second + 1, second).is_empty(), "what comes so late is not looked at");
    }
    let mut bench = Bench::new(2, |_| panic!("in a driver"));
    bench.turn(first - 1, first - 1);
    bench.turn(first, first);
    assert!(failure(bench.wait(first), first).contains("crash"));
}

#[test]
fn a_draw_seen_late_is_no_challenge() {
    let mut bench = Bench::new(2, |_| panic!("asked"));
    let drawn = next_draw(100);
    bench.turn(drawn - 1, drawn - 1);
    let to = (drawn + LATE + 1..).find(|number| !(number - LATE..=*number).any(draws));
    // Between them and this block others may draw, which are late as well.
    let told = findings(bench.turn(drawn, to.unwrap()));
    assert_eq!(told[0].challenge.unwrap().draw, drawing(drawn).block.hash.0);
    assert!(told.iter().all(|one| one.reason.contains("late") && one.score == 0), "{told:?}");
}

#[test]
fn what_a_run_leaves_untold_the_next_one_tells() {
    let mut bench = Bench::new(2, |_| answers());
    let drawn = next_draw(100);
    bench.turn(drawn - 1, drawn - 1);
    // A crash right after the draw: nothing was kept on disk of what was under way.
    let drawings = [drawing(drawn)];
    assert!(bench.watch.turn(&drawings, drawings[0].block).is_empty());
    bench.watch.keep();
    bench.restart(2);
    assert_eq!(bench.watch.after(drawn + 50), Some(drawn - 1));
    let later = (drawn + 50..).find(|number| !draws(*number)).unwrap();
    assert_eq!(outcomes(&bench.turn(later, later)), [(later - 1, &Outcome::Unwatched { from: drawn })]);
    assert_eq!(bench.watch.view().unwatched, later - drawn);
}

#[test]
fn an_end_is_told_once() {
    let mut bench = Bench::new(2, |_| answers());
    let quiet = (100..).find(|number| !draws(*number)).unwrap();
    bench.turn(quiet, quiet);
    bench.config.challenge_blocks = 0;
    bench.restart(2);
    assert_eq!(bench.watch.view().off.as_deref(), Some("challenge_blocks is 0"));
    assert_eq!(bench.watch.after(quiet + 9), Some(quiet + 9));
    assert_eq!(outcomes(&bench.turn(quiet + 1, quiet)), [(quiet, &Outcome::Ended)]);
    assert_eq!(bench.watch.after(quiet + 9), None);
    bench.restart(2);
    assert_eq!(bench.watch.after(quiet + 9), None);
}

#[test]
fn how_many_gpus_there_are_is_waited_for_and_a_crash_is_none() {
    let counted = |gpus: &mut Gpus| loop {
        if let Some(count) = gpus.count() {
            return count;
        }
        thread::yield_now();
    };
    let (go, held) = mpsc::channel::<usize>();
    let mut gpus = Gpus::ask(move || held.recv().unwrap());
    assert_eq!(gpus.count(), None);
    go.send(3).unwrap();
    assert_eq!((counted(&mut gpus), counted(&mut gpus)), (3, 3));
    assert_eq!(counted(&mut Gpus::ask(|| panic!("no such symbol"))), 0);
}

#[test]
fn a_recording_is_never_challenged() {
    let config = Config { nvml_recording: Some("/nonexistent.json".into()), ..Config::default() };
    assert!(off(&config).is_some_and(|why| why.contains("recording")));
    assert_eq!(off(&Config::default()), None);
}
