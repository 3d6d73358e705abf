//! Processes that die with their owner.

use anyhow::{Context, Result, bail};
use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::Pid,
};
use std::{
    fs::File,
    hash::{BuildHasher, RandomState},
    io::{Read, Seek, SeekFrom},
    net::TcpListener,
    ops::Range,
    path::{Path, PathBuf},
    process::{self, Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A process that dies with its owner.
pub struct Guarded {
    name: String,
    child: Option<Child>,
    log: PathBuf,
}

impl Guarded {
    /// Starts a program; what it says is appended to `<dir>/<name>.log`.
    pub fn start(name: &str, dir: &Path, command: &mut Command) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let out = File::options().create(true).append(true).open(&log)?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = command.spawn().with_context(|| format!("cannot start {name}: {command:?}"))?;
        Ok(Self { name: name.into(), child: Some(child), log })
    }

    /// SIGKILL: what a crash looks like.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM, then wait for its end.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        let mut child = self.child.take().with_context(|| format!("{} does not run", self.name))?;
        kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGTERM)?;
        match wait(&mut child, Duration::from_secs(60))? {
            Some(status) => Ok(status),
            None => {
                child.kill()?;
                child.wait()?;
                bail!("{} did not end within 60 s of SIGTERM; {}", self.name, self.last_words())
            }
        }
    }

    /// Waits for the process to end by itself.
    pub fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        let child = self.child.as_mut().with_context(|| format!("{} does not run", self.name))?;
        let ended = wait(child, patience)?;
        ended.with_context(|| format!("{} did not end; {}", self.name, self.last_words()))
    }

    /// An error with the log's end when the process is no longer there.
    pub fn check(&self) -> Result<()> {
        let Some(child) = &self.child else { return Ok(()) };
        // A look only: who waits for the process still learns how it ended.
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        match waitid(Id::Pid(Pid::from_raw(i32::try_from(child.id())?)), look) {
            Ok(WaitStatus::StillAlive) => Ok(()),
            Ok(ended) => bail!("{} ended ({ended:?}):\n{}", self.name, self.last_words()),
            Err(error) => bail!("{} is gone ({error}):\n{}", self.name, self.last_words()),
        }
    }

    /// The process's number while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// The end of what it said.
    pub fn last_words(&self) -> String {
        tail(&self.log, 4_000)
    }

    /// Lets the process live on after this program.
    pub fn leave(mut self) {
        self.child.take();
    }
}

/// Runs a command to its end and returns what it said. If somebody it depends on is gone meanwhile, it is stopped: it might wait for ever.
pub(crate) fn output(command: &mut Command, check: impl Fn() -> Result<()>) -> Result<String> {
    output_if(command, check, ExitStatus::success)
}

/// The same, of a command that may end in other ways than well.
pub(crate) fn output_if(
    command: &mut Command,
    check: impl Fn() -> Result<()>,
    is_fine: impl Fn(&ExitStatus) -> bool,
) -> Result<String> {
    let what = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().with_context(|| what.clone())?;
    let id = Pid::from_raw(i32::try_from(child.id())?);
    let running = thread::spawn(move || child.wait_with_output());
    while !running.is_finished() {
        if let Err(gone) = check() {
            let _ = kill(id, Signal::SIGKILL);
            return Err(gone.context(format!("{what} was stopped")));
        }
        thread::sleep(Duration::from_millis(20));
    }
    let out = running.join().ok().context("a thread ended")??;
    if !is_fine(&out.status) {
        bail!("{what} failed ({}):\n{}", out.status, String::from_utf8_lossy(&out.stderr));
    }
    Ok(String::from_utf8(out.stdout)?)
}

fn wait(child: &mut Child, patience: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(None)
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A TCP port nobody listens on right now, below those that the kernel gives to outgoing connections: it stays free while the process
/// that has it is down.
pub fn free_port() -> Result<u16> {
    const PORTS: Range<u16> = 10_000..32_000;
    for _ in 0..1_000 {
        let number = RandomState::new().hash_one(process::id()) % PORTS.len() as u64;
        let port = PORTS.start + u16::try_from(number)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free TCP port in {PORTS:?}")
}

/// The last bytes of a file, as text.
pub fn tail(path: &Path, bytes: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    read().unwrap_or_default()
}
