//! GPUs through the real wrapper and a library that replays a recording, or misbehaves.
//!
//! The library reads its environment, and stays loaded; each test therefore runs in a process of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use attest::record::{Activity, Chip, ChipKind, ChipState};
use common::{alone, library, library_without, options, recording_file};
use gpu_probe::{Deadlines, Probe};
use nvml_replay::{Reading, Recording};
use std::{env, fs, path::Path, process::Command, time::Duration};

fn probe() -> Probe {
    Probe::open(&options(&library(), None))
}

fn gpus(probe: &mut Probe) -> Vec<Chip> {
    probe.inventory().into_iter().filter(|chip| chip.kind == ChipKind::Gpu).collect()
}

fn gpu_activities(probe: &mut Probe, span: u64) -> Vec<Activity> {
    let all = probe.close_window(1000, 1000 + span);
    all.into_iter().filter(|activity| activity.kind == ChipKind::Gpu).collect()
}

/// The only thing to be seen is that there is nothing to be seen.
fn says_nothing(activity: &Activity) -> bool {
    *activity
        == Activity {
            kind: ChipKind::Gpu,
            index: activity.index,
            from_ms: activity.from_ms,
            span_ms: activity.span_ms,
            samples: activity.samples,
            failed: activity.failed,
            power_mw: None,
            power_max_mw: None,
            energy_mj: None,
            utilisation: None,
            memory_utilisation: None,
            tensor: None,
            clock_mhz: None,
            temperature: None,
            memory_used_mib: None,
            read_bytes: None,
            written_bytes: None,
            throttle: None,
            ecc_errors: None,
            processes: None,
        }
}

fn mean(readings: &[Reading], value: impl Fn(&Reading) -> f64) -> f64 {
    readings.iter().map(value).sum::<f64>() / readings.len() as f64
}

#[test]
fn a_recording_is_told_faithfully() {
    alone("a_recording_is_told_faithfully", None, || {
        let recording = Recording::parse(&fs::read_to_string(recording_file()).unwrap()).unwrap();
        let mut probe = probe();
        let chips = gpus(&mut probe);
        assert_eq!(chips.len(), 3);
        for (chip, gpu) in chips.iter().zip(&recording.gpus) {
            assert_eq!((chip.name.as_str(), chip.id.as_str()), (gpu.name.as_str(), gpu.uuid.as_str()));
            assert_eq!((&chip.state, chip.driver.as_str()), (&ChipState::Present, "570.124.06"));
            assert_eq!(chip.memory_mib, gpu.memory_total.map(|bytes| bytes >> 20));
            assert_eq!(chip.firmware.as_str(), gpu.vbios.as_deref().unwrap());
        }
        (0..12).for_each(|_| probe.sample());
        let activities = gpu_activities(&mut probe, 12_000);
        for (activity, gpu) in activities.iter().zip(&recording.gpus) {
            let readings = &gpu.readings;
            assert_eq!((activity.samples, activity.failed, activity.span_ms), (12, 0, 12_000));
            let close = |told: u64, is: f64| assert!((told as f64 - is).abs() <= 1.0, "{told} {is}");
            close(activity.power_mw.unwrap().into(), mean(readings, |r| r.power_mw.unwrap().into()));
            close(
                activity.utilisation.unwrap().into(),
                mean(readings, |r| f64::from(r.gpu_percent.unwrap()) * 10.0),
            );
            close(activity.clock_mhz.unwrap().into(), mean(readings, |r| r.clock_mhz.unwrap().into()));
            assert_eq!(activity.power_max_mw, readings.iter().map(|r| r.power_mw.unwrap()).max());
            assert_eq!(
                activity.energy_mj,
                Some(readings[11].energy_mj.unwrap() - readings[0].energy_mj.unwrap())
            );
            let hottest = readings.iter().map(|r| r.temperature.unwrap()).max().unwrap();
            assert_eq!(activity.temperature, Some(hottest as i16));
            assert_eq!(activity.memory_used_mib, readings[11].memory_used.map(|bytes| bytes >> 20));
            assert_eq!(activity.processes, Some(readings[11].compute_processes.unwrap() as u16));
        }
        let (h100, l4) = (&activities[0], &activities[2]);
        let readings = &recording.gpus[0].readings;
        let received = mean(readings, |r| r.received_kb_s.unwrap().into()) * 1000.0 * 12.0;
        assert!((h100.read_bytes.unwrap() as f64 / received - 1.0).abs() < 0.001);
        let tensor = mean(&readings[1..], |r| r.tensor_percent.unwrap() * 10.0);
        assert!((f64::from(h100.tensor.unwrap()) - tensor).abs() <= 1.0);
        assert_eq!((h100.throttle, h100.ecc_errors), (Some(4), Some(0)));
        // What the recording leaves out was not supported: none, not zero.
        assert_eq!((l4.throttle, l4.ecc_errors, l4.tensor), (None, None, None));
        assert_eq!((l4.read_bytes, l4.written_bytes), (None, None));
    });
}

#[test]
fn a_replay_is_told_as_one_and_what_is_broken_as_that() {
    alone("a_replay_is_told_as_one_and_what_is_broken_as_that", Some("lost"), || {
        let mut probe = probe().replaying("Synthetic:\u{1b}[2J made up.");
        let chips = gpus(&mut probe);
        let label = ChipState::Replayed(attest::record::text("Synthetic:[2J made up."));
        assert!(chips.len() == 3 && chips.iter().all(|chip| chip.state == label), "{chips:?}");
        (0..6).for_each(|_| probe.sample());
        assert!(gpus(&mut probe).iter().all(|chip| matches!(chip.state, ChipState::Broken(_))));
    });
}

#[test]
fn windows_follow_each_other_without_losing_energy() {
    alone("windows_follow_each_other_without_losing_energy", None, || {
        let recording = Recording::parse(&fs::read_to_string(recording_file()).unwrap()).unwrap();
        let mut probe = probe();
        let mut energy = 0;
        for _ in 0..10 {
            (0..3).for_each(|_| probe.sample());
            energy += gpu_activities(&mut probe, 3000)[0].energy_mj.unwrap();
        }
        let at = |step| recording.gpus[0].reading(step).unwrap().energy_mj.unwrap();
        assert_eq!(energy, at(29) - at(0), "also where the recording begins anew");
        assert!(gpu_activities(&mut probe, 3000).is_empty(), "nothing sampled, nothing told");
    });
}

#[test]
fn no_library_means_no_gpu() {
    let mut probe = Probe::open(&options(Path::new("/nonexistent/libnvidia-ml.so.1"), None));
    let chips = gpus(&mut probe);
    assert_eq!(chips.len(), 1);
    assert_eq!(chips[0].state, ChipState::Absent);
    probe.sample();
    assert!(gpu_activities(&mut probe, 1000).is_empty());
}

#[test]
fn a_file_that_is_no_library_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("libnvidia-ml.so.1");
    fs::write(&file, b"not an ELF file").unwrap();
    let chips = gpus(&mut Probe::open(&options(&file, None)));
    assert!(
        matches!(&chips[..], [Chip { state: ChipState::Broken(why), .. }] if !why.is_empty()),
        "{chips:?}"
    );
}

#[test]
fn no_recording_means_no_driver() {
    alone("no_recording_means_no_driver", None, || {
        let exe = env::current_exe().unwrap();
        if env::var_os("MATRIXAI_NVML_RECORDING").is_some() {
            let mut command = Command::new(exe);
            command.args(["--exact", "no_recording_means_no_driver"]).env_remove("MATRIXAI_NVML_RECORDING");
            assert!(command.status().unwrap().success());
        } else {
            assert_eq!(gpus(&mut probe())[0].state, ChipState::Absent);
        }
    });
}

#[test]
fn a_driver_that_does_not_start_is_broken() {
    alone("a_driver_that_does_not_start_is_broken", Some("error"), || {
        let mut probe = probe();
        probe.sample();
        let chips = gpus(&mut probe);
        let [Chip { state: ChipState::Broken(why), .. }] = &chips[..] else { panic!("{chips:?}") };
        assert!(why.contains("mismatch"), "{why}");
        assert!(gpu_activities(&mut probe, 1000).is_empty());
    });
}

fn impatient() -> Deadlines {
    Deadlines { start: Duration::from_secs(60), sample: Duration::from_secs(2) }
}

#[test]
fn a_driver_that_stops_answering_is_left_alone() {
    alone("a_driver_that_stops_answering_is_left_alone", Some("hang"), || {
        let mut probe = Probe::open_within(&options(&library(), None), impatient());
        assert_eq!(gpus(&mut probe).len(), 3);
        // The third reading hangs; the fourth and all others do not wait for it again.
        (0..50).for_each(|_| probe.sample());
        let chips = gpus(&mut probe);
        assert!(chips.iter().all(|chip| chip.state == ChipState::Hung));
        assert_eq!(chips[0].name.as_str(), "NVIDIA H100 80GB HBM3", "what was known stays known");
        for activity in gpu_activities(&mut probe, 50_000) {
            assert_eq!((activity.samples, activity.failed), (50, 48));
            assert!(activity.power_mw.is_some(), "the two samples that came count");
        }
        probe.sample();
        assert!(gpu_activities(&mut probe, 1000).iter().all(|a| a.failed == 1 && says_nothing(a)));
    });
}

#[test]
fn a_driver_that_never_starts_is_left_alone() {
    alone("a_driver_that_never_starts_is_left_alone", Some("hang-start"), || {
        let deadlines = Deadlines { start: Duration::from_millis(300), ..impatient() };
        let mut probe = Probe::open_within(&options(&library(), None), deadlines);
        assert!(matches!(&gpus(&mut probe)[..], [Chip { state: ChipState::Hung, .. }]));
        probe.sample();
        assert!(gpu_activities(&mut probe, 1000).is_empty());
        assert!(matches!(&gpus(&mut probe)[..], [Chip { state: ChipState::Hung, .. }]));
    });
}

#[test]
fn nonsense_is_no_value() {
    alone("nonsense_is_no_value", Some("garbage"), || {
        let mut probe = probe();
        let chips = gpus(&mut probe);
        assert_eq!(chips.len(), 64, "four billion were claimed");
        assert!(chips.iter().all(|chip| matches!(chip.state, ChipState::Broken(_))));
        assert!(chips.iter().flat_map(|chip| chip.name.chars()).all(|character| !character.is_control()));
        assert_eq!((chips[0].memory_mib, chips[0].driver.as_str()), (None, ""));
        (0..3).for_each(|_| probe.sample());
        for mut activity in gpu_activities(&mut probe, 3000) {
            // All bits that NVML defines may well be set.
            activity.throttle = None;
            assert!(says_nothing(&activity), "{activity:?}");
        }
    });
}

#[test]
fn functions_that_are_not_found_are_signals_that_are_missing() {
    alone("functions_that_are_not_found_are_signals_that_are_missing", Some("missing-symbols"), || {
        let mut probe = probe();
        let chips = gpus(&mut probe);
        assert!(chips.iter().all(|chip| chip.state == ChipState::Present && chip.memory_mib.is_none()));
        probe.sample();
        assert!(gpu_activities(&mut probe, 1000).iter().all(|a| says_nothing(a) && a.failed == 1));
    });
}

#[test]
fn a_library_that_lacks_functions_tells_the_rest() {
    alone("a_library_that_lacks_functions_tells_the_rest", None, || {
        let folder = tempfile::tempdir().unwrap();
        let lacks = ["nvmlDeviceGetPowerUsage", "nvmlGpmMetricsGet", "nvmlDeviceGetMemoryInfo_v2"];
        let mut probe = Probe::open(&options(&library_without(&lacks, folder.path()), None));
        assert_eq!(gpus(&mut probe)[0].memory_mib, None);
        (0..3).for_each(|_| probe.sample());
        let activity = &gpu_activities(&mut probe, 3000)[0];
        assert_eq!((activity.tensor, activity.memory_used_mib), (None, None));
        assert_eq!(activity.power_max_mw, None);
        assert_eq!(activity.failed, 0);
        assert!(activity.temperature.is_some());
    });
}

#[test]
fn a_library_without_a_beginning_is_broken() {
    alone("a_library_without_a_beginning_is_broken", None, || {
        let folder = tempfile::tempdir().unwrap();
        let library = library_without(&["nvmlInit_v2", "nvmlShutdown"], folder.path());
        let chips = gpus(&mut Probe::open(&options(&library, None)));
        assert!(matches!(&chips[..], [Chip { state: ChipState::Broken(_), .. }]), "{chips:?}");
    });
}

#[test]
fn a_gpu_that_falls_off_its_bus_is_broken() {
    alone("a_gpu_that_falls_off_its_bus_is_broken", Some("lost"), || {
        let mut probe = probe();
        assert!(gpus(&mut probe).iter().all(|chip| chip.state == ChipState::Present));
        (0..6).for_each(|_| probe.sample());
        for activity in gpu_activities(&mut probe, 6000) {
            assert_eq!((activity.samples, activity.failed), (6, 4));
        }
        let chips = gpus(&mut probe);
        assert!(matches!(&chips[0].state, ChipState::Broken(why) if why.contains("fell off the bus")));
        assert_eq!(chips[0].name.as_str(), "NVIDIA H100 80GB HBM3");
    });
}
