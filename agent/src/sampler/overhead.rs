//! What the agent costs beside the work that it logs: eight GPUs, played back, a sample a second.

use super::*;
use crate::tally::Tally;
use attest::record::ChipState;
use log_store::LogStore;
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};
use nvml_replay::{Recording, library};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const GPUS: usize = 8;
const MINUTE: Duration = Duration::from_secs(60);

/// The library reads its environment, and stays loaded: each test runs in a process of its own.
fn alone(test: &str, body: impl FnOnce(&Path)) {
    const CHILD: &str = "MATRIXAI_TEST_CHILD";
    if let Some(folder) = env::var_os(CHILD) {
        return body(Path::new(&folder));
    }
    // Thousands of windows a second are for memory: a disk would only show how fast it syncs.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let recording = folder.path().join("recording.json");
    fs::write(&recording, eight()).unwrap();
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("sampler::overhead::{test}"), "--nocapture"])
        .env(CHILD, folder.path())
        .env(crate::replay::VARIABLE, recording)
        .status();
    assert!(status.unwrap().success());
}

/// The committed recording's GPUs, over and over.
fn eight() -> String {
    let mut recording =
        Recording::parse(include_str!("../../../gpu-probe/replay/recordings/synthetic.json")).unwrap();
    let all = recording.gpus.clone();
    let cycled = all.iter().cycle().take(GPUS).cloned().enumerate();
    recording.gpus =
        cycled.map(|(index, gpu)| nvml_replay::Gpu { uuid: format!("GPU-{index}"), ..gpu }).collect();
    serde_json::to_string(&recording).unwrap()
}

/// A sampler over eight GPUs and nothing else.
fn work(folder: &Path) -> Work {
    let nowhere = PathBuf::from("/nonexistent");
    let options = gpu_probe::Options {
        nvml: Some(library().unwrap()),
        reader: None,
        sys: nowhere.clone(),
        proc_: nowhere,
    };
    let mut probe = Probe::open(&options).replaying("Synthetic: made up.");
    let chips = probe.inventory();
    assert_eq!(chips.iter().filter(|chip| matches!(chip.state, ChipState::Replayed(_))).count(), GPUS);
    let recorder = Recorder::new(LogStore::open(&folder.join("log")).unwrap(), 1);
    recorder.append(chips.iter().cloned().map(Body::Chip).collect()).unwrap();
    Work::new(probe, chips, Pace { sample: Duration::from_secs(1), window: MINUTE }, recorder)
}

/// As a minute would, without waiting for it.
fn pass_a_minute(work: &mut Work, samples: u32) {
    (0..samples).for_each(|_| work.probe.sample());
    work.window_open = MINUTE;
    work.close_window();
}

fn used() -> Duration {
    let used = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    Duration::from_micros(u64::try_from((used.user_time() + used.system_time()).num_microseconds()).unwrap())
}

fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn eight_gpus_take_less_than_half_a_percent_of_a_core() {
    alone("eight_gpus_take_less_than_half_a_percent_of_a_core", |folder| {
        const WINDOWS: u32 = 50;
        let mut work = work(folder);
        pass_a_minute(&mut work, 60);
        let before = used();
        (0..WINDOWS).for_each(|_| pass_a_minute(&mut work, 60));
        let share = (used() - before).as_secs_f64() / (MINUTE * WINDOWS).as_secs_f64();
        println!("{GPUS} GPUs at 1 Hz: {:.4} % of a core", share * 100.0);
        assert!(share < 0.005, "{share}");
    });
}

#[test]
fn memory_does_not_grow_over_a_hundred_thousand_windows() {
    alone("memory_does_not_grow_over_a_hundred_thousand_windows", |folder| {
        const WINDOWS: u64 = 100_000;
        const WARM: u64 = 2_000;
        let mut work = work(folder);
        (0..WARM).for_each(|_| pass_a_minute(&mut work, 1));
        let (before, records) = (resident(), work.recorder.head().0);
        (0..WINDOWS).for_each(|_| pass_a_minute(&mut work, 1));
        let records = work.recorder.head().0 - records;
        // The host's memory is a chip as well, though nothing can be read of it here.
        assert_eq!(records, WINDOWS * (GPUS as u64 + 1));
        let grown = resident().saturating_sub(before);
        println!("{WINDOWS} windows of {GPUS} GPUs, {records} records: {grown} bytes more");
        // Less than half a byte a record is the log's index.
        assert!(grown < 4 << 20, "{grown}");
        let tally: Tally = work.recorder.tally();
        assert_eq!((tally.chips.len(), tally.size), (work.known.len(), work.recorder.head().0));
        assert_eq!(tally.chips[0].samples, WINDOWS + WARM);
    });
}
