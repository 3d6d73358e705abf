//! A hint for inspectors: what a machine's GPUs seem to have been doing, by rules over the log's windows (docs/hint.md). It is no evidence: whoever
//! trains can make it look like something else, and the rules were fitted to nothing.

use crate::{error::Error, exported};
use attest::{
    Record,
    record::{Activity, Body, ChipKind, ChipState},
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt, path::Path};

/// The rules' numbers, fitted to nothing. What they earn on the repository's recordings: `measured.rs`.
pub mod rules {
    /// Below this utilisation (‰) a window is idle.
    pub const IDLE: u16 = 50;
    /// From this utilisation (‰) on it is busy.
    pub const BUSY: u16 = 800;
    /// From this activity of tensor units (‰) on, where the chip tells it, it multiplies matrices.
    pub const TENSOR: u16 = 100;
    /// From this use of memory bandwidth (‰) on it is more than a loop that touches nothing.
    pub const MEMORY: u16 = 100;
    /// Memory in use (‰ of the stretch's first window) may move by so much within a stretch: a training holds its weights and buffers.
    pub const STEADY: u64 = 50;
    /// A stretch without a pause that lasts so long (ms) is like training. Shorter ones are like other work.
    pub const LONG_MS: u64 = 3_600_000;
}

/// What a window looks like by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Idle,
    /// Busy with matrices.
    Matrices,
    /// Busy with something else, or now and then.
    Other,
    /// Signals are missing.
    Unknown,
}

/// What a GPU seems to have done, ms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Hint {
    /// Long stretches without a pause, busy with matrices, with steady memory.
    pub like_training_ms: u64,
    /// Busy in other ways.
    pub like_other_work_ms: u64,
    /// Working on the network's tasks, as the log says: they are busy with matrices, too.
    pub drilling_ms: u64,
    /// Doing nothing.
    pub idle_ms: u64,
    /// The signals that the rules ask for are missing.
    pub unknown_ms: u64,
    /// Whether these are readings of a recording that is played back.
    pub replayed: bool,
}

/// Hints, labelled.
#[derive(Debug, Serialize)]
pub struct Hints {
    /// What this is.
    pub label: &'static str,
    /// By the GPU's number.
    pub gpus: BTreeMap<u16, Hint>,
}

const LABEL: &str = "HINT, not evidence: fixed rules over logged windows, fitted to nothing; their error on real chips is not known, on made-up \
                     recordings it is measured (docs/hint.md)";

/// Reads a log that its evidence covers, and hints.
pub fn hint(bundle: &Path, log: &Path) -> Result<Hints, Error> {
    let mut reader = Reader::default();
    exported::check(&exported::bundle(bundle)?, Some(log), |record| reader.take(&record))?;
    Ok(Hints { label: LABEL, gpus: reader.finish() })
}

#[derive(Default)]
struct Reader {
    gpus: BTreeMap<u16, Gpu>,
    /// The last stretches of drilling, as (from, to), ms.
    drills: Vec<(u64, u64)>,
}

#[derive(Default)]
struct Gpu {
    hint: Hint,
    windows: Vec<Window>,
}

struct Window {
    from_ms: u64,
    to_ms: u64,
    look: Look,
    memory_mib: Option<u64>,
}

impl Reader {
    fn take(&mut self, record: &Record) {
        match &record.body {
            Body::Chip(chip) if chip.kind == ChipKind::Gpu => {
                let gpu = self.gpus.entry(chip.index).or_default();
                gpu.hint.replayed |= matches!(chip.state, ChipState::Replayed(_));
            }
            Body::Activity(window) if window.kind == ChipKind::Gpu => {
                self.gpus.entry(window.index).or_default().windows.push(Window {
                    from_ms: window.from_ms,
                    to_ms: window.from_ms.saturating_add(window.span_ms.into()),
                    look: look(window),
                    memory_mib: window.memory_used_mib,
                });
            }
            Body::Drill(drill) => {
                self.drills.push((record.time_ms.saturating_sub(drill.span_ms), record.time_ms));
            }
            _ => {}
        }
    }

    fn finish(mut self) -> BTreeMap<u16, Hint> {
        self.drills.sort_unstable();
        let drills = merged(&self.drills);
        self.gpus.iter().map(|(index, gpu)| (*index, gpu.hint(&drills))).collect()
    }
}

/// Overlapping stretches made one; sorted.
fn merged(stretches: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (from, to) in stretches {
        match merged.last_mut() {
            Some(last) if *from <= last.1 => last.1 = last.1.max(*to),
            _ => merged.push((*from, *to)),
        }
    }
    merged
}

fn look(window: &Activity) -> Look {
    let Some(utilisation) = window.utilisation else { return Look::Unknown };
    if utilisation < rules::IDLE {
        return Look::Idle;
    }
    // A chip that tells of neither is not judged by its utilisation: one busy loop makes that 100 %.
    if window.tensor.is_none() && window.memory_utilisation.is_none() {
        return Look::Unknown;
    }
    let tensor = window.tensor.is_none_or(|tensor| tensor >= rules::TENSOR);
    let memory = window.memory_utilisation.is_none_or(|memory| memory >= rules::MEMORY);
    if utilisation >= rules::BUSY && tensor && memory { Look::Matrices } else { Look::Other }
}

impl Gpu {
    fn hint(&self, drills: &[(u64, u64)]) -> Hint {
        let mut hint = self.hint.clone();
        let mut stretch: Vec<&Window> = Vec::new();
        for window in &self.windows {
            let span = window.to_ms.saturating_sub(window.from_ms);
            let drilled = overlap(drills, window) * 2 >= span && span > 0;
            let goes_on = stretch.last().is_none_or(|last| window.from_ms.abs_diff(last.to_ms) <= span)
                && stretch.first().is_none_or(|first| is_steady(first.memory_mib, window.memory_mib));
            if drilled || window.look != Look::Matrices || !goes_on {
                hint.end(&mut stretch);
            }
            match window.look {
                _ if drilled => hint.drilling_ms += span,
                Look::Idle => hint.idle_ms += span,
                Look::Unknown => hint.unknown_ms += span,
                Look::Other => hint.like_other_work_ms += span,
                Look::Matrices => stretch.push(window),
            }
        }
        hint.end(&mut stretch);
        hint
    }
}

impl Hint {
    fn end(&mut self, stretch: &mut Vec<&Window>) {
        let long: u64 = stretch.iter().map(|window| window.to_ms.saturating_sub(window.from_ms)).sum();
        stretch.clear();
        let to =
            if long >= rules::LONG_MS { &mut self.like_training_ms } else { &mut self.like_other_work_ms };
        *to = to.saturating_add(long);
    }
}

fn is_steady(first: Option<u64>, now: Option<u64>) -> bool {
    let (Some(first), Some(now)) = (first, now) else { return true };
    first.abs_diff(now).saturating_mul(1000) <= first.saturating_mul(rules::STEADY)
}

fn overlap(drills: &[(u64, u64)], window: &Window) -> u64 {
    let from = drills.partition_point(|(_, to)| *to <= window.from_ms);
    let meets = drills.iter().skip(from).take_while(|(from, _)| *from < window.to_ms);
    meets.map(|(from, to)| (*to).min(window.to_ms).saturating_sub((*from).max(window.from_ms))).sum()
}

impl fmt::Display for Hints {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.label)?;
        if self.gpus.is_empty() {
            writeln!(out, "the log tells of no GPU")?;
        }
        let hours = |ms: u64| ms as f64 / 3_600_000.0;
        for (index, hint) in &self.gpus {
            let replayed = if hint.replayed { " (a REPLAY, nothing was measured here)" } else { "" };
            writeln!(
                out,
                "GPU {index}{replayed}: {:.1} h like training, {:.1} h like other work, {:.1} h drilling, {:.1} h idle, {:.1} h unknown",
                hours(hint.like_training_ms),
                hours(hint.like_other_work_ms),
                hours(hint.drilling_ms),
                hours(hint.idle_ms),
                hours(hint.unknown_ms)
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod measured;

#[cfg(test)]
mod tests {
    use super::*;
    use attest::record::{Chip, Drill, text};

    const MINUTE: u64 = 60_000;

    fn window(minute: u64, utilisation: u16, tensor: u16, memory_mib: u64) -> Body {
        Body::Activity(Activity {
            kind: ChipKind::Gpu,
            index: 0,
            from_ms: minute * MINUTE,
            span_ms: 60_000,
            samples: 60,
            failed: 0,
            power_mw: Some(600_000),
            power_max_mw: Some(650_000),
            energy_mj: None,
            utilisation: Some(utilisation),
            memory_utilisation: Some(500),
            tensor: Some(tensor),
            clock_mhz: None,
            temperature: None,
            memory_used_mib: Some(memory_mib),
            read_bytes: None,
            written_bytes: None,
            throttle: None,
            ecc_errors: None,
            processes: None,
        })
    }

    fn hint(bodies: impl IntoIterator<Item = Body>) -> Hint {
        let mut reader = Reader::default();
        for body in bodies {
            let time_ms = match &body {
                Body::Drill(drill) => drill.micro_ut,
                _ => 0,
            };
            reader.take(&Record { seq: 0, time_ms, boot: 1, body });
        }
        reader.finish().remove(&0).unwrap()
    }

    fn minutes(ms: u64) -> u64 {
        ms / MINUTE
    }

    #[test]
    fn a_long_steady_stretch_is_like_training_and_a_short_one_is_not() {
        let busy = |from: u64, to: u64| (from..to).map(|minute| window(minute, 980, 400, 70_000));
        assert_eq!(minutes(hint(busy(0, 60)).like_training_ms), 60);
        assert_eq!(minutes(hint(busy(0, 59)).like_other_work_ms), 59);
        // A pause, other memory, or missing windows begin a new stretch.
        let pause = busy(0, 40).chain([window(40, 10, 0, 70_000)]).chain(busy(41, 80));
        let found = hint(pause);
        assert_eq!((minutes(found.like_training_ms), minutes(found.idle_ms)), (0, 1));
        let other = (40..80).map(|minute| window(minute, 980, 400, 30_000));
        assert_eq!(hint(busy(0, 40).chain(other)).like_training_ms, 0);
        assert_eq!(hint(busy(0, 40).chain(busy(60, 100))).like_training_ms, 0);
    }

    #[test]
    fn a_busy_loop_is_other_work_and_missing_signals_are_no_judgement() {
        let looping = (0..120).map(|minute| window(minute, 1000, 0, 500));
        assert_eq!(minutes(hint(looping).like_other_work_ms), 120);
        let blind = (0..120).map(|minute| match window(minute, 1000, 0, 500) {
            Body::Activity(window) => {
                Body::Activity(Activity { tensor: None, memory_utilisation: None, ..window })
            }
            other => other,
        });
        assert_eq!(minutes(hint(blind).unknown_ms), 120);
    }

    #[test]
    fn the_networks_own_tasks_are_told_apart() {
        let busy = (0..120).map(|minute| window(minute, 980, 400, 70_000));
        // Its record's time goes in as its worth, for the test alone.
        let drill = |from: u64, to: u64| {
            Body::Drill(Drill {
                task: [0; 32],
                digest: [0; 32],
                commitment: [0; 32],
                micro_ut: to * MINUTE,
                span_ms: (to - from) * MINUTE,
                energy_mj: None,
                threads: 1,
            })
        };
        let found = hint(busy.chain([drill(0, 50), drill(40, 70)]));
        assert_eq!((minutes(found.drilling_ms), minutes(found.like_other_work_ms)), (70, 50));
    }

    #[test]
    fn a_replay_says_so() {
        let chip = Chip {
            kind: ChipKind::Gpu,
            index: 0,
            state: ChipState::Replayed(text("made up")),
            name: text("H100"),
            id: text(""),
            driver: text(""),
            firmware: text(""),
            memory_mib: None,
        };
        let mut gpus = BTreeMap::new();
        gpus.insert(0, hint([Body::Chip(chip), window(0, 980, 400, 1)]));
        let shown = Hints { label: LABEL, gpus }.to_string();
        assert!(shown.starts_with("HINT, not evidence") && shown.contains("REPLAY"), "{shown}");
    }
}
