//! A library that fails, lies, hangs, crashes and lacks functions at random. Nothing panics or hangs, and whatever comes of it is a record.
//!
//! Some dozen libraries by default; `MATRIXAI_HOSTILE_SECONDS=3600` goes on for an hour, from seed `MATRIXAI_HOSTILE_SEED`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use attest::{
    Record,
    record::{Activity, Body, Chip, ChipKind, ChipState, GpuDetail},
};
use common::{detailed, library, library_without, options, reader};
use gpu_probe::{Deadlines, MAX_CERTIFICATES, MAX_REPORT, Probe};
use std::{
    collections::BTreeMap,
    env, fs,
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// Libraries that are tried where no time is given.
const FEW: u64 = 36;
/// What the questions of one case may take beyond their deadlines, on a machine that is busy.
const SLACK: Duration = Duration::from_secs(120);

fn deadlines() -> Deadlines {
    Deadlines { start: Duration::from_secs(3), sample: Duration::from_secs(1) }
}

#[test]
fn whatever_a_library_does_ends_in_records() {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let until =
        number("MATRIXAI_HOSTILE_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("recording.json");
    fs::write(&recording, serde_json::to_string(&detailed()).unwrap()).unwrap();
    let first = number("MATRIXAI_HOSTILE_SEED").unwrap_or(0);
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    let mut tried = 0;
    while until.map_or(tried < FEW, |until| Instant::now() < until) {
        let end = case(first + tried, &recording);
        *ends.entry(end).or_default() += 1;
        tried += 1;
    }
    println!("{tried} libraries from seed {first} on; the first GPU's states in the end: {ends:#?}");
    assert!(ends.len() > 3, "they were not hostile: {ends:?}");
}

/// One library; panics with its seed if anything is wrong. Returns how it ended.
fn case(seed: u64, recording: &Path) -> String {
    let (sender, ended) = mpsc::channel();
    let recording = recording.to_path_buf();
    let case = thread::spawn(move || {
        let end = meet(seed, &recording);
        let _ = sender.send(());
        end
    });
    // Four questions with the deadline to start, and a dozen samples; after the first that is missed none waits any more.
    if ended.recv_timeout(deadlines().start * 4 + deadlines().sample * 12 + SLACK)
        == Err(mpsc::RecvTimeoutError::Timeout)
    {
        panic!("seed {seed} hangs");
    }
    case.join().unwrap_or_else(|_| panic!("seed {seed} panics, see above"))
}

fn meet(seed: u64, recording: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let seed_text = seed.to_string();
    let program = reader(
        folder.path(),
        &[
            ("MATRIXAI_NVML_RECORDING", recording.to_str().unwrap()),
            ("MATRIXAI_NVML_MISBEHAVE", "hostile"),
            ("MATRIXAI_NVML_SEED", &seed_text),
        ],
    );
    let lacks: Vec<&str> = if seed % 4 == 3 { some_of(seed, SYMBOLS) } else { Vec::new() };
    let library = if lacks.is_empty() { library() } else { library_without(&lacks, folder.path()) };
    let mut probe = Probe::open_within(&options(&library, Some(&program)), deadlines());
    let mut chips = probe.inventory();
    for _ in 0..2 {
        (0..6).for_each(|_| probe.sample());
        let windows = probe.close_window(0, 6000);
        windows.into_iter().for_each(|window| activity(seed, window));
        probe.close_details(0, 6000).into_iter().for_each(|window| detail(seed, window));
    }
    for report in probe.gpu_reports([7; 32]).into_iter().flatten() {
        assert!(
            report.report.len() <= MAX_REPORT && report.certificates.len() <= MAX_CERTIFICATES,
            "seed {seed}"
        );
    }
    let _ = probe.gpu_identities();
    chips.extend(probe.inventory());
    let end =
        chips.iter().rev().find(|chip| chip.kind == ChipKind::Gpu).map(|chip| name(&chip.state)).unwrap();
    chips.into_iter().for_each(|found| chip(seed, found));
    end
}

fn some_of(seed: u64, names: &'static [&'static str]) -> Vec<&'static str> {
    let chosen = |number: u64| (seed / 4 + number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61 == 0;
    (0..).zip(names).filter(|(number, _)| chosen(*number)).map(|(_, name)| *name).collect()
}

const SYMBOLS: &[&str] = &[
    "nvmlInit_v2",
    "nvmlShutdown",
    "nvmlSystemGetDriverVersion",
    "nvmlDeviceGetCount_v2",
    "nvmlDeviceGetHandleByIndex_v2",
    "nvmlDeviceGetUUID",
    "nvmlDeviceGetName",
    "nvmlDeviceGetSerial",
    "nvmlDeviceGetVbiosVersion",
    "nvmlDeviceGetPciInfo_v3",
    "nvmlDeviceGetPowerUsage",
    "nvmlDeviceGetTotalEnergyConsumption",
    "nvmlDeviceGetUtilizationRates",
    "nvmlDeviceGetMemoryInfo_v2",
    "nvmlDeviceGetClockInfo",
    "nvmlDeviceGetTemperature",
    "nvmlDeviceGetTotalEccErrors",
    "nvmlDeviceGetSupportedEventTypes",
    "nvmlDeviceRegisterEvents",
    "nvmlEventSetCreate",
    "nvmlEventSetWait_v2",
    "nvmlEventSetFree",
    "nvmlDeviceGetFieldValues",
    "nvmlDeviceGetNvLinkState",
    "nvmlDeviceGetMigMode",
    "nvmlDeviceGetMaxMigDeviceCount",
    "nvmlGpmQueryDeviceSupport",
    "nvmlGpmSampleAlloc",
    "nvmlGpmSampleFree",
    "nvmlGpmSampleGet",
    "nvmlGpmMetricsGet",
    "nvmlDeviceGetConfComputeGpuAttestationReport",
    "nvmlDeviceGetConfComputeGpuCertificate",
];

/// What goes into the log must come out of it.
fn record(seed: u64, body: Body) {
    let record = Record { seq: 1, time_ms: 2, boot: 3, body };
    let bytes = record.encode().unwrap_or_else(|error| panic!("seed {seed}: {error}: {record:?}"));
    assert_eq!(Record::decode(&bytes).as_ref(), Ok(&record), "seed {seed}");
}

fn name(state: &ChipState) -> String {
    match state {
        ChipState::Broken(why) => format!("broken: {why}"),
        other => format!("{other:?}"),
    }
}

fn chip(seed: u64, chip: Chip) {
    let why = match &chip.state {
        ChipState::Broken(why) => {
            assert!(!why.is_empty(), "seed {seed}: broken, and no reason");
            why.as_str()
        }
        _ => "",
    };
    for text in [why, &chip.name, &chip.id, &chip.driver, &chip.firmware] {
        assert!(!text.chars().any(char::is_control), "seed {seed}: {text:?}");
    }
    assert!(chip.memory_mib.is_none_or(|mib| mib < 1 << 24), "seed {seed}: {chip:?}");
    record(seed, Body::Chip(chip));
}

fn activity(seed: u64, window: Activity) {
    let share = |share: Option<u16>| share.is_none_or(|share| share <= 1000);
    assert!(share(window.utilisation) && share(window.memory_utilisation), "seed {seed}: {window:?}");
    assert!(share(window.tensor), "seed {seed}: {window:?}");
    assert!(
        window.power_mw.is_none_or(|power| power <= 100_000_000) || window.energy_mj.is_some(),
        "seed {seed}"
    );
    assert!(window.clock_mhz.is_none_or(|clock| clock <= 20_000), "seed {seed}: {window:?}");
    assert!(window.temperature.is_none_or(|degrees| degrees <= 250), "seed {seed}: {window:?}");
    assert!(window.failed <= window.samples && window.samples == 6, "seed {seed}: {window:?}");
    record(seed, Body::Activity(window));
}

fn detail(seed: u64, window: GpuDetail) {
    let share = |share: Option<u16>| share.is_none_or(|share| share <= 1000);
    assert!(share(window.tensor_half) && share(window.tensor_integer), "seed {seed}: {window:?}");
    assert!(share(window.memory_bandwidth), "seed {seed}: {window:?}");
    assert!(window.nvlinks.is_none_or(|links| links <= 64), "seed {seed}: {window:?}");
    assert!(window.nvlinks_active <= window.nvlinks, "seed {seed}: {window:?}");
    assert!(window.parts.is_none_or(|parts| parts <= 16), "seed {seed}: {window:?}");
    record(seed, Body::GpuDetail(window));
}
