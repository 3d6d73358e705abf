//! The driver's library in a process of its own, which may hang, crash or be ended without harm to anybody else.
//!
//! Question and answer are one line of JSON each, over the process' standard input and output. Standard output is the library's too:
//! one that prints there is not understood, and told as such.

use crate::{
    nvml::Driver,
    question::{Answer, Loaded, Question},
};
use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::process::ExitStatusExt,
    panic,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, Once, PoisonError},
};

/// The program's first argument; the library may be the second.
pub const ARGUMENT: &str = "nvml-reader";
/// 64 GPUs' reports, written as lists of numbers.
const LONGEST: u64 = 8 << 20;

/// The other process' part: answers questions until there are no more.
///
/// # Errors
///
/// If standard input or output fail.
pub fn serve(mut arguments: impl Iterator<Item = OsString>) -> io::Result<()> {
    say_one_panic();
    let library = arguments.next().map(PathBuf::from);
    let mut driver: Loaded = Driver::load(library.as_deref());
    let (mut questions, mut out) = (BufReader::new(io::stdin().lock()), io::stdout().lock());
    while let Some(question) = line::<Question>(&mut questions)? {
        serde_json::to_writer(&mut out, &question.ask(&mut driver))?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    // Letting go of a driver calls into it once more, where it may hang.
    std::mem::forget(driver);
    Ok(())
}

/// The wrapper panics over a library that lacks functions, at each sample again; the answers tell of it.
fn say_one_panic() {
    static SAID: Once = Once::new();
    panic::set_hook(Box::new(|why| {
        SAID.call_once(|| eprintln!("the driver's library is not understood: {why}"))
    }));
}

/// The next line, if there is one.
fn line<T: serde::de::DeserializeOwned>(from: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    from.take(LONGEST).read_until(b'\n', &mut line)?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(serde_json::from_slice(&line)?)),
        Some(_) => Err(io::Error::other("a line is torn, or too long")),
    }
}

/// The other process, as this one sees it.
#[derive(Debug)]
pub(crate) struct Reader {
    process: Killer,
    answers: BufReader<ChildStdout>,
    questions: std::process::ChildStdin,
}

/// Ends the process, from whatever thread.
#[derive(Debug, Clone)]
pub(crate) struct Killer(Arc<Mutex<Child>>);

impl Killer {
    pub(crate) fn kill(&self) {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have ended by itself.
        let _ = child.kill();
        // Where a driver holds it in the kernel it cannot end; whoever asks it waits for that, and nobody else.
        let _ = child.try_wait();
    }

    /// How it ended. Waits a moment at most: its output has ended already.
    fn ended(&self) -> Option<ExitStatus> {
        for _ in 0..100 {
            let found = self.0.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
            if let Ok(Some(status)) = found {
                return Some(status);
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        None
    }
}

impl Reader {
    pub(crate) fn start(program: &Path, library: Option<&Path>) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg(ARGUMENT).args(library).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (questions, answers) = pipes.ok_or_else(|| io::Error::other("no pipes"))?;
        Ok(Self { process: Killer(Arc::new(Mutex::new(child))), answers: BufReader::new(answers), questions })
    }

    pub(crate) fn killer(&self) -> Killer {
        self.process.clone()
    }

    /// Asks; the error says, for people, what became of the process.
    pub(crate) fn ask(&mut self, question: Question) -> Result<Answer, String> {
        match self.exchange(question) {
            Ok(Some(answer)) => Ok(answer),
            // A broken pipe says less than how the process ended.
            Ok(None) => Err(self.end()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(self.end()),
            Err(error) => {
                self.process.kill();
                Err(format!("what reads the driver is not understood: {error}"))
            }
        }
    }

    fn exchange(&mut self, question: Question) -> io::Result<Option<Answer>> {
        let mut text = serde_json::to_vec(&question)?;
        text.push(b'\n');
        self.questions.write_all(&text)?;
        line(&mut self.answers)
    }

    fn end(&self) -> String {
        match self.process.ended() {
            Some(status) => match status.signal() {
                Some(signal) => format!("the driver's library crashed (signal {signal})"),
                None => format!("the driver's library ended its process ({status})"),
            },
            None => "what reads the driver says no more".into(),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.process.kill();
        // So that none is left behind as a zombie; one that the kernel holds will be.
        let _ = self.process.ended();
    }
}
