//! GPUs, asked through a thread that may be given up.

use crate::{identity::NvmlView, nvml::Driver, window::Window};
use attest::record::{Chip, ChipKind, ChipState, Text, text};
use std::{
    path::PathBuf,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

/// How long NVML may take before it counts as hung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// To start and list its GPUs: seconds each where no driver keeps them awake.
    pub start: Duration,
    /// To read all GPUs once.
    pub sample: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { start: Duration::from_secs(60), sample: Duration::from_secs(10) }
    }
}

type Loaded = Result<Driver, ChipState>;
type Job = Box<dyn FnOnce(&mut Loaded) + Send>;

#[derive(Debug)]
pub struct Gpus {
    /// Where questions go; none once the driver is given up.
    thread: Option<Sender<Job>>,
    deadlines: Deadlines,
    /// As last seen.
    chips: Vec<Chip>,
    windows: Vec<Window>,
    listed: bool,
}

impl Gpus {
    pub fn open(library: Option<PathBuf>, deadlines: Deadlines) -> Self {
        let (sender, jobs) = mpsc::channel::<Job>();
        let serve = move || {
            let mut driver = Driver::load(library.as_deref());
            jobs.into_iter().for_each(|job| job(&mut driver));
        };
        let started = thread::Builder::new().name("nvml".into()).spawn(serve);
        let mut gpus =
            Self { thread: Some(sender), deadlines, chips: Vec::new(), windows: Vec::new(), listed: false };
        if let Err(error) = started {
            gpus.give_up(&ChipState::Broken(text(&error.to_string())));
        }
        gpus
    }

    pub fn chips(&mut self) -> Vec<Chip> {
        self.listed = true;
        let list = |driver: &mut Loaded| driver.as_ref().map(Driver::chips).map_err(Clone::clone);
        match self.ask(self.deadlines.start, list) {
            Some(Ok(chips)) => self.remember(chips),
            Some(Err(state)) => self.chips = vec![no_chip(state)],
            None => {}
        }
        self.chips.clone()
    }

    pub fn identities(&mut self) -> Result<(String, Vec<NvmlView>), ChipState> {
        let list = |driver: &mut Loaded| driver.as_ref().map(Driver::identities).map_err(Clone::clone);
        let told = self.ask(self.deadlines.start, list);
        told.unwrap_or_else(|| Err(self.chips.first().map_or(ChipState::Hung, |chip| chip.state.clone())))
    }

    /// Windows that are open stay so, and a chip that has fallen silent keeps its names.
    fn remember(&mut self, mut chips: Vec<Chip>) {
        for chip in chips.iter().skip(self.windows.len()) {
            self.windows.push(Window::new(ChipKind::Gpu, chip.index));
        }
        for (chip, before) in chips.iter_mut().zip(&self.chips) {
            for (text, before) in [
                (&mut chip.name, &before.name),
                (&mut chip.id, &before.id),
                (&mut chip.firmware, &before.firmware),
            ] {
                if text.is_empty() {
                    text.clone_from(before);
                }
            }
        }
        self.chips = chips;
    }

    pub fn sample(&mut self) {
        if !self.listed {
            self.chips();
        }
        if self.windows.is_empty() {
            return;
        }
        let read = |driver: &mut Loaded| driver.as_mut().map(Driver::sample).unwrap_or_default();
        let mut readings = self.ask(self.deadlines.sample, read).unwrap_or_default().into_iter();
        for window in &mut self.windows {
            window.add(readings.next().flatten());
        }
    }

    pub fn windows(&mut self) -> &mut [Window] {
        &mut self.windows
    }

    /// Has the thread do something with the driver; gives the driver up if it takes too long.
    fn ask<T: Send + 'static>(
        &mut self,
        deadline: Duration,
        job: impl FnOnce(&mut Loaded) -> T + Send + 'static,
    ) -> Option<T> {
        let (sender, answer) = mpsc::sync_channel(1);
        let asked = self.thread.as_ref()?.send(Box::new(move |driver: &mut Loaded| {
            // Nobody waits any more if this fails.
            let _ = sender.send(job(driver));
        }));
        match asked.map_err(|_| RecvTimeoutError::Disconnected).and_then(|()| answer.recv_timeout(deadline)) {
            Ok(answer) => return Some(answer),
            Err(RecvTimeoutError::Timeout) => self.give_up(&ChipState::Hung),
            Err(RecvTimeoutError::Disconnected) => {
                self.give_up(&ChipState::Broken(text("the driver's library does not behave like NVML")));
            }
        }
        None
    }

    /// The thread is left to itself: nothing can end a call that does not return.
    fn give_up(&mut self, why: &ChipState) {
        self.thread = None;
        if self.chips.is_empty() {
            self.chips.push(no_chip(why.clone()));
        }
        self.chips.iter_mut().for_each(|chip| chip.state = why.clone());
    }
}

/// The entry that stands for all GPUs where none could be listed.
fn no_chip(state: ChipState) -> Chip {
    let empty = Text::new;
    let (kind, name) = (ChipKind::Gpu, text("NVIDIA driver"));
    Chip { kind, index: 0, state, name, id: empty(), driver: empty(), firmware: empty(), memory_mib: None }
}
