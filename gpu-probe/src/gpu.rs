//! GPUs, asked through a thread that may be given up, and where a program for it is named, through a process that may be ended.

use crate::{
    Options,
    detail::DetailWindow,
    identity::NvmlView,
    nvml::Driver,
    question::{Answer, Question},
    reader::{Killer, Reader},
    report::GpuReport,
    window::Window,
};
use attest::record::{Chip, ChipKind, ChipState, GpuDetail, Text, text};
use std::{
    sync::{
        Arc, OnceLock,
        mpsc::{self, RecvTimeoutError, Sender, SyncSender},
    },
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

/// A question, and where its answer goes: or why there is none any more.
type Asked = (Question, SyncSender<Result<Answer, String>>);

const MISBEHAVES: &str = "the driver's library does not behave like NVML";

#[derive(Debug)]
pub struct Gpus {
    /// Where questions go; none once the driver is given up.
    thread: Option<Sender<Asked>>,
    /// The process behind it, once it runs.
    process: Arc<OnceLock<Killer>>,
    deadlines: Deadlines,
    /// As last seen.
    chips: Vec<Chip>,
    windows: Vec<(Window, DetailWindow)>,
    listed: bool,
}

impl Gpus {
    pub fn open(options: &Options, deadlines: Deadlines) -> Self {
        let (sender, asked) = mpsc::channel::<Asked>();
        let (library, reader) = (options.nvml.clone(), options.reader.clone());
        let process = Arc::new(OnceLock::new());
        let started = Arc::clone(&process);
        let serve = move || match reader {
            None => {
                let mut driver = Driver::load(library.as_deref());
                for (question, answer) in asked {
                    // Nobody waits any more if this fails.
                    let _ = answer.send(Ok(question.ask(&mut driver)));
                }
            }
            Some(program) => {
                let mut reader = Reader::start(&program, library.as_deref());
                if let Ok(reader) = &reader {
                    let _ = started.set(reader.killer());
                }
                for (question, answer) in asked {
                    let told = match &mut reader {
                        Ok(reader) => reader.ask(question),
                        Err(error) => Err(format!("{} does not start: {error}", program.display())),
                    };
                    let _ = answer.send(told);
                }
            }
        };
        let mut gpus = Self {
            thread: Some(sender),
            process,
            deadlines,
            chips: Vec::new(),
            windows: Vec::new(),
            listed: false,
        };
        if let Err(error) = thread::Builder::new().name("nvml".into()).spawn(serve) {
            gpus.give_up(&ChipState::Broken(text(&error.to_string())));
        }
        gpus
    }

    pub fn chips(&mut self) -> Vec<Chip> {
        self.listed = true;
        match self.ask(self.deadlines.start, Question::Chips) {
            Some(Answer::Chips(Ok(chips))) => self.remember(chips),
            // It will not start later: nothing more to ask.
            Some(Answer::Chips(Err(state))) => self.give_up(&state),
            Some(_) => self.lose(&ChipState::Broken(text(MISBEHAVES))),
            None => {}
        }
        self.chips.clone()
    }

    pub fn identities(&mut self) -> Result<(String, Vec<NvmlView>), ChipState> {
        match self.ask(self.deadlines.start, Question::Identities) {
            Some(Answer::Identities(told)) => told,
            Some(_) => Err(ChipState::Broken(text(MISBEHAVES))),
            None => Err(self.chips.first().map_or(ChipState::Hung, |chip| chip.state.clone())),
        }
    }

    pub fn reports(&mut self, nonce: [u8; 32]) -> Vec<Option<GpuReport>> {
        match self.ask(self.deadlines.start, Question::Reports(nonce)) {
            Some(Answer::Reports(reports)) => reports,
            _ => Vec::new(),
        }
    }

    /// Windows that are open stay so, and a chip that has fallen silent keeps its names.
    fn remember(&mut self, mut chips: Vec<Chip>) {
        for chip in chips.iter().skip(self.windows.len()) {
            self.windows.push((Window::new(ChipKind::Gpu, chip.index), DetailWindow::default()));
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
        let readings = match self.ask(self.deadlines.sample, Question::Sample) {
            Some(Answer::Sample(readings)) => readings,
            _ => Vec::new(),
        };
        let mut readings = readings.into_iter();
        for (window, detail) in &mut self.windows {
            let reading = readings.next().flatten();
            if let Some(told) = reading.as_ref().and_then(|reading| reading.detail.as_ref()) {
                detail.add(told);
            }
            window.add(reading);
        }
    }

    pub fn windows(&mut self) -> impl Iterator<Item = &mut Window> {
        self.windows.iter_mut().map(|(window, _)| window)
    }

    /// Ends every GPU's window of details; those that told none are left out.
    pub fn close_details(&mut self, from_ms: u64, span_ms: u32) -> Vec<GpuDetail> {
        let close =
            |(window, detail): &mut (Window, DetailWindow)| detail.close(window.index(), from_ms, span_ms);
        self.windows.iter_mut().filter_map(close).collect()
    }

    /// Has the driver asked; gives it up if it takes too long.
    fn ask(&mut self, deadline: Duration, question: Question) -> Option<Answer> {
        let (sender, answer) = mpsc::sync_channel(1);
        let asked = self.thread.as_ref()?.send((question, sender));
        match asked.map_err(|_| RecvTimeoutError::Disconnected).and_then(|()| answer.recv_timeout(deadline)) {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(why)) => self.give_up(&ChipState::Broken(text(&why))),
            Err(RecvTimeoutError::Timeout) => self.give_up(&ChipState::Hung),
            Err(RecvTimeoutError::Disconnected) => self.give_up(&ChipState::Broken(text(MISBEHAVES))),
        }
        None
    }

    /// The thread is left to itself: nothing can end a call that does not return. A process can be ended.
    fn give_up(&mut self, why: &ChipState) {
        self.thread = None;
        if let Some(process) = self.process.get() {
            process.kill();
        }
        self.lose(why);
    }

    fn lose(&mut self, why: &ChipState) {
        if self.windows.is_empty() {
            self.chips = vec![no_chip(why.clone())];
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
