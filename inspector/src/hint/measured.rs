//! What the rules make of the repository's recordings, against what was recorded: docs/hint.md has these figures, and no others.

use super::{Hint, Reader};
use attest::{
    Record,
    record::{Activity, Body, ChipKind},
};
use nvml_replay::{Gpu, Reading, Recording};
use std::{fs, iter, path::PathBuf};

/// What a GPU did while it was recorded. A recording that has no line here fails the test.
const DONE: &[(&str, usize, Work)] = &[
    ("synthetic.json", 0, Work::Training),
    ("synthetic.json", 1, Work::Training),
    ("synthetic.json", 2, Work::Other),
];

/// Seconds of a window: as agents come, and shorter ones, which an owner may choose.
const WINDOWS: [u64; 3] = [60, 10, 1];

/// A recording is played again and again for so many seconds, as the replay does it.
const PLAYED: u64 = 2 * 3600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Training,
    Other,
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Other => "other work",
        }
    }

    /// How much of this the rules take for what it was, ms.
    fn right(self, hint: &Hint) -> u64 {
        match self {
            Self::Training => hint.like_training_ms,
            Self::Other => hint.like_other_work_ms,
        }
    }
}

fn recordings() -> Vec<(String, Recording)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../gpu-probe/replay/recordings");
    let read = |file: fs::DirEntry| {
        let text = fs::read_to_string(file.path()).unwrap();
        (file.file_name().into_string().unwrap(), Recording::parse(&text).unwrap())
    };
    let mut recordings: Vec<_> = fs::read_dir(folder).unwrap().map(|file| read(file.unwrap())).collect();
    recordings.sort_by(|one, other| one.0.cmp(&other.0));
    recordings
}

/// What the agent's window has of these readings, a second apart: means of what was told, and the memory in use at the end.
fn window(from: u64, readings: &[&Reading]) -> Body {
    let mean = |tenths: &dyn Fn(&Reading) -> Option<f64>| {
        let told: Vec<f64> = readings.iter().filter_map(|reading| tenths(reading)).collect();
        (!told.is_empty()).then(|| (10.0 * told.iter().sum::<f64>() / told.len() as f64) as u16)
    };
    Body::Activity(Activity {
        kind: ChipKind::Gpu,
        index: 0,
        from_ms: from * 1000,
        span_ms: readings.len() as u32 * 1000,
        samples: readings.len() as u32,
        failed: 0,
        power_mw: None,
        power_max_mw: None,
        energy_mj: None,
        utilisation: mean(&|reading| reading.gpu_percent.map(f64::from)),
        memory_utilisation: mean(&|reading| reading.memory_percent.map(f64::from)),
        tensor: mean(&|reading| reading.tensor_percent),
        clock_mhz: None,
        temperature: None,
        memory_used_mib: readings.last().and_then(|last| Some(last.memory_used? >> 20)),
        read_bytes: None,
        written_bytes: None,
        throttle: None,
        ecc_errors: None,
        processes: None,
    })
}

fn hint(gpu: &Gpu, seconds: u64) -> Hint {
    let mut readings = iter::repeat(&gpu.readings).flatten();
    let mut reader = Reader::default();
    for from in (0..PLAYED).step_by(seconds as usize) {
        let taken: Vec<&Reading> = readings.by_ref().take(seconds as usize).collect();
        reader.take(&Record { seq: 0, time_ms: 0, boot: 1, body: window(from, &taken) });
    }
    reader.finish().remove(&0).unwrap()
}

/// One line for each GPU and length of window, and one for each kind of work over all of them.
fn tables() -> [String; 2] {
    let mut each = String::new();
    let mut counted = Vec::new();
    for (file, recording) in recordings() {
        for (index, gpu) in recording.gpus.iter().enumerate() {
            let done = DONE.iter().find(|(name, place, _)| (*name, *place) == (file.as_str(), index));
            let (_, _, work) =
                *done.unwrap_or_else(|| panic!("what did GPU {index} of {file} do? Say so in DONE"));
            for seconds in WINDOWS {
                let hint = hint(gpu, seconds);
                let count = |ms: u64| ms / 1000 / seconds;
                each += &format!(
                    "| `{file}` GPU {index}, {} | {} | {seconds} s | {} | {} | {} | {} |\n",
                    gpu.name,
                    work.name(),
                    count(hint.like_training_ms),
                    count(hint.like_other_work_ms),
                    count(hint.idle_ms),
                    count(hint.unknown_ms)
                );
                counted.push((work, seconds, count(work.right(&hint))));
            }
        }
    }
    let mut all = String::new();
    for seconds in WINDOWS {
        for work in [Work::Training, Work::Other] {
            let of_it: Vec<u64> =
                counted.iter().filter(|one| (one.0, one.1) == (work, seconds)).map(|one| one.2).collect();
            let (gpus, windows) = (of_it.len() as u64, of_it.len() as u64 * PLAYED / seconds);
            let right: u64 = of_it.iter().sum();
            let wrong = windows - right;
            let share = 100.0 * wrong as f64 / windows as f64;
            all +=
                &format!("| {seconds} s | {} | {gpus} | {right} | {wrong} | {share:.1} % |\n", work.name());
        }
    }
    [each, all]
}

#[test]
fn the_document_has_the_figures_that_the_rules_earn() {
    let document = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/hint.md");
    let document = fs::read_to_string(document).unwrap();
    for table in tables() {
        assert!(document.contains(&table), "docs/hint.md lacks or differs from:\n{table}");
    }
}

#[test]
fn only_recordings_that_are_there_are_counted() {
    let recordings = recordings();
    for (file, index, _) in DONE {
        let found = recordings.iter().find(|(name, _)| name == file);
        assert!(found.is_some_and(|(_, recording)| recording.gpus.len() > *index), "{file} {index}");
    }
}
