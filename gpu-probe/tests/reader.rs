//! The library in a process of its own, which may crash.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use attest::record::{Chip, ChipKind, ChipState};
use common::{library, options, reader, recording_file, script};
use gpu_probe::{Deadlines, Probe};
use std::{fs, path::Path, time::Duration};

fn impatient() -> Deadlines {
    Deadlines { start: Duration::from_secs(60), sample: Duration::from_secs(2) }
}

fn probe(reader: &Path) -> Probe {
    Probe::open_within(&options(&library(), Some(reader)), impatient())
}

/// A reader of the committed recording.
fn replaying(folder: &Path, misbehaviour: &str) -> Probe {
    let recording = recording_file();
    let recording = recording.to_str().unwrap();
    probe(&reader(
        folder,
        &[("MATRIXAI_NVML_RECORDING", recording), ("MATRIXAI_NVML_MISBEHAVE", misbehaviour)],
    ))
}

fn gpus(probe: &mut Probe) -> Vec<Chip> {
    probe.inventory().into_iter().filter(|chip| chip.kind == ChipKind::Gpu).collect()
}

/// Samples taken and failed of every GPU.
fn samples(probe: &mut Probe) -> Vec<(u32, u32)> {
    let windows = probe.close_window(0, 1000).into_iter().filter(|window| window.kind == ChipKind::Gpu);
    windows.map(|window| (window.samples, window.failed)).collect()
}

fn why(chips: &[Chip]) -> &str {
    match &chips[0].state {
        ChipState::Broken(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn readings_come_over_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut probe = replaying(folder.path(), "");
    assert!(gpus(&mut probe).iter().all(|chip| chip.state == ChipState::Present));
    (0..12).for_each(|_| probe.sample());
    let windows = probe.close_window(0, 12_000);
    let h100 = &windows[0];
    assert_eq!((h100.samples, h100.failed, h100.throttle, h100.ecc_errors), (12, 0, Some(4), Some(0)));
    assert!(h100.tensor.is_some() && h100.energy_mj.is_some() && h100.read_bytes.is_some());
    assert_eq!((windows[2].throttle, windows[2].tensor), (None, None), "missing stays missing");
    let (driver, identities) = probe.gpu_identities().unwrap();
    assert_eq!((driver.as_str(), identities.len()), ("570.124.06", 3));
}

#[test]
fn a_crash_is_told_with_its_signal() {
    let folder = tempfile::tempdir().unwrap();
    let mut probe = probe(&script(folder.path(), "read question; kill -SEGV $$"));
    assert_eq!(why(&gpus(&mut probe)), "the driver's library crashed (signal 11)");
    probe.sample();
    assert!(probe.gpu_identities().is_err());
}

#[test]
fn a_crash_between_two_samples_leaves_the_chips_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let (recording, library) = (recording_file(), library());
    let program = reader(folder.path(), &[("MATRIXAI_NVML_RECORDING", recording.to_str().unwrap())]);
    let wrapped = folder.path().join("wrapped");
    fs::rename(program, &wrapped).unwrap();
    // The first three answers, then the end.
    let three = "for n in 1 2 3; do read -r answer; printf '%s\\n' \"$answer\"; done";
    let body = format!("'{}' \"$@\" | {{ {three}; kill -KILL $$; }}", wrapped.display());
    let mut probe =
        Probe::open_within(&options(&library, Some(&script(folder.path(), &body))), Deadlines::default());
    assert_eq!(gpus(&mut probe)[0].state, ChipState::Present);
    (0..5).for_each(|_| probe.sample());
    let chips = gpus(&mut probe);
    assert_eq!(why(&chips), "the driver's library crashed (signal 9)");
    assert_eq!(chips[0].name.as_str(), "NVIDIA H100 80GB HBM3");
    assert_eq!(samples(&mut probe), [(5, 3); 3]);
}

#[test]
fn a_process_that_hangs_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let mut probe = Probe::open_within(
        &options(
            &library(),
            Some(&script(folder.path(), &format!("echo $$ > '{}'; exec sleep 1000", pid_file.display()))),
        ),
        Deadlines { start: Duration::from_secs(5), ..impatient() },
    );
    assert_eq!(gpus(&mut probe)[0].state, ChipState::Hung);
    drop(probe);
    until_gone(&pid_file);
}

#[test]
fn a_driver_that_is_not_there_has_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let body =
        format!("echo $$ > '{}'; exec '{}' \"$@\"", pid_file.display(), env!("CARGO_BIN_EXE_nvml-reader"));
    let program = script(folder.path(), &body);
    let mut probe =
        Probe::open_within(&options(Path::new("/nonexistent/libnvidia-ml.so"), Some(&program)), impatient());
    assert_eq!(gpus(&mut probe)[0].state, ChipState::Absent);
    until_gone(&pid_file);
    probe.sample();
    assert_eq!(gpus(&mut probe)[0].state, ChipState::Absent);
}

/// Waits until the process whose number a file holds has ended.
fn until_gone(pid_file: &Path) {
    let process = Path::new("/proc").join(fs::read_to_string(pid_file).unwrap().trim());
    for _ in 0..1000 {
        if !process.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{} still runs", process.display());
}

#[test]
fn a_library_that_hangs_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut probe = replaying(folder.path(), "hang");
    assert_eq!(gpus(&mut probe).len(), 3);
    (0..50).for_each(|_| probe.sample());
    assert!(gpus(&mut probe).iter().all(|chip| chip.state == ChipState::Hung));
    assert_eq!(samples(&mut probe), [(50, 48); 3]);
}

#[test]
fn what_is_no_answer_is_told_as_that() {
    for (body, told) in [
        ("echo hello; cat", "not understood"),
        ("cat", "not understood"),
        ("read question; printf '{'", "torn"),
        ("read question; exit 3", "exit status: 3"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut probe = probe(&script(folder.path(), body));
        let chips = gpus(&mut probe);
        assert!(why(&chips).contains(told), "{body}: {}", why(&chips));
    }
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let mut probe = probe(Path::new("/nonexistent/reader"));
    assert!(why(&gpus(&mut probe)).starts_with("/nonexistent/reader does not start"));
}
