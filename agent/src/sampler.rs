//! The thread that reads the chips: a driver that blocks holds up nobody else.

use crate::{clock::Clock, recorder::Recorder};
use attest::record::{Body, Chip, Gap, GapReason};
use gpu_probe::Probe;
use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// A pause between two samples that is longer by this is a gap.
const LATE: Duration = Duration::from_secs(5);
/// How often chips are looked for anew.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The running thread.
pub struct Sampler {
    stop: mpsc::Sender<()>,
    thread: thread::JoinHandle<()>,
}

/// How often to sample, and how long a window lasts.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two samples.
    pub sample: Duration,
    /// Of one record.
    pub window: Duration,
}

impl Sampler {
    /// Starts sampling into a log that knows these chips already.
    pub fn start(probe: Probe, known: Vec<Chip>, pace: Pace, recorder: Recorder) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let work = move || Work::new(probe, known, pace, recorder).serve(&stopped);
        Ok(Self { stop, thread: thread::Builder::new().name("sampler".into()).spawn(work)? })
    }

    /// Ends sampling; the open window is written. May block as long as a driver does.
    pub fn stop(self) {
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::error!("the sampler had failed");
        }
    }
}

struct Work {
    probe: Probe,
    known: Vec<Chip>,
    pace: Pace,
    recorder: Recorder,
    clock: Clock,
    window_from: u64,
    window_open: Duration,
    looked: Instant,
}

impl Work {
    fn new(probe: Probe, known: Vec<Chip>, pace: Pace, recorder: Recorder) -> Self {
        let clock = Clock::start();
        let window_from = clock.wall_ms();
        Self {
            probe,
            known,
            pace,
            recorder,
            clock,
            window_from,
            window_open: Duration::ZERO,
            looked: Instant::now(),
        }
    }

    fn serve(mut self, stopped: &mpsc::Receiver<()>) {
        let mut due = Instant::now();
        loop {
            self.tick();
            // A sample that took too long is not made up for by two in a row.
            due = (due + self.pace.sample).max(Instant::now());
            match stopped.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        self.close_window();
    }

    fn tick(&mut self) {
        let (passed, jump) = self.clock.tick();
        let gap = jump
            .map(|jump| Gap { from_ms: jump.expected_ms, to_ms: jump.found_ms, reason: GapReason::ClockJump })
            .or_else(|| self.late(passed));
        match gap {
            Some(gap) => self.interrupt(gap),
            None => self.window_open += passed,
        }
        self.probe.sample();
        if self.window_open >= self.pace.window {
            self.close_window();
        }
        if self.looked.elapsed() >= LOOK_AGAIN {
            self.look_for_chips();
        }
    }

    fn late(&self, passed: Duration) -> Option<Gap> {
        let to_ms = self.clock.wall_ms();
        let passed_ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        let late = passed > self.pace.sample + LATE;
        late.then(|| Gap { from_ms: to_ms.saturating_sub(passed_ms), to_ms, reason: GapReason::Sensors })
    }

    /// What was measured before the gap is a window of its own.
    fn interrupt(&mut self, gap: Gap) {
        tracing::warn!(?gap, "a gap in the record");
        self.close_window();
        self.window_from = self.clock.wall_ms();
        // Told in the recorder's words if it cannot be written now.
        let _ = self.recorder.append(vec![Body::Gap(gap)]);
    }

    fn close_window(&mut self) {
        let span = u64::try_from(self.window_open.as_millis()).unwrap_or(u64::MAX);
        let to = self.window_from.saturating_add(span);
        let window = self.probe.close_window(self.window_from, to);
        let details = self.probe.close_details(self.window_from, to);
        (self.window_from, self.window_open) = (to, Duration::ZERO);
        if !window.is_empty() {
            let _ = self.recorder.append_window(window, details);
        }
    }

    /// A driver that hangs, or a disk that was pulled, is news.
    fn look_for_chips(&mut self) {
        self.looked = Instant::now();
        let found = self.probe.inventory();
        let news: Vec<Body> =
            found.iter().filter(|chip| !self.known.contains(chip)).cloned().map(Body::Chip).collect();
        if !news.is_empty() && self.recorder.append(news).is_ok() {
            self.known = found;
        }
    }
}

#[cfg(test)]
mod overhead;

#[cfg(test)]
mod tests {
    use super::*;
    use log_store::LogStore;

    #[test]
    fn windows_follow_each_other_and_the_last_one_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Recorder::new(LogStore::open(dir.path()).unwrap(), 1);
        let pace = Pace { sample: Duration::from_millis(20), window: Duration::from_millis(100) };
        let mut probe = Probe::open(&gpu_probe::Options::default());
        let chips = probe.inventory();
        let sampler = Sampler::start(probe, chips, pace, recorder.clone()).unwrap();
        thread::sleep(Duration::from_millis(450));
        sampler.stop();
        let windows: Vec<(u64, u32)> = recorder.look(|log| {
            let bodies = (0..log.size()).map(|seq| log.read(seq).unwrap().body);
            bodies
                .filter_map(|body| match body {
                    Body::Activity(activity) if activity.kind == attest::record::ChipKind::Memory => {
                        Some((activity.from_ms, activity.span_ms))
                    }
                    _ => None,
                })
                .collect()
        });
        assert!(windows.len() >= 3, "{windows:?}");
        for pair in windows.windows(2) {
            assert_eq!(pair[0].0 + u64::from(pair[0].1), pair[1].0, "{windows:?}");
        }
    }
}
