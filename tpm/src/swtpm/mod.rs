//! A software TPM in a child process: for tests and the demo. It needs the programs `swtpm` and `swtpm_setup`.

mod authority;
mod port;

use crate::TpmError;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(10);
/// Ports that another program may take between the look and the use.
const PORTS_TRIED: usize = 8;

/// A running software TPM, its state in a folder, its endorsement key certified by an authority in the same folder.
///
/// It ends with this value, unless [`SoftTpm::leave`] is called.
#[derive(Debug)]
pub struct SoftTpm {
    dir: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl SoftTpm {
    /// Makes a TPM in `dir` and starts it. A TPM that is already there is started again, with its keys and counters.
    pub fn create(dir: &Path) -> Result<Self, TpmError> {
        fs::create_dir_all(dir).map_err(|error| failed(&format!("making {}", dir.display()), &error))?;
        // swtpm and its tools get by with absolute paths only.
        let dir =
            dir.canonicalize().map_err(|error| failed(&format!("finding {}", dir.display()), &error))?;
        authority::manufacture(&dir)?;
        let mut tpm = Self { dir, port: 0, child: None };
        tpm.start_anywhere()?;
        Ok(tpm)
    }

    /// Where it listens, on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What [`AnyTransport::open`](crate::transport::AnyTransport::open) takes.
    pub fn url(&self) -> String {
        format!("tcp:127.0.0.1:{}", self.port)
    }

    /// Takes its power away, in the midst of whatever it does.
    pub fn power_cut(&mut self) -> Result<(), TpmError> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        child.kill().and_then(|()| child.wait()).map(drop).map_err(|error| failed("stopping swtpm", &error))
    }

    /// Starts it again: same port, same state. Does nothing if it runs.
    pub fn start(&mut self) -> Result<(), TpmError> {
        if self.is_running() {
            return Ok(());
        }
        let mut child = self.spawn()?;
        let answers = self.wait_for(&mut child);
        if answers.is_err() {
            let _ = child.kill().and_then(|()| child.wait());
        }
        answers?;
        self.child = Some(child);
        Ok(())
    }

    /// The certificate of the authority at the top, as PEM.
    pub fn root_certificate(&self) -> PathBuf {
        authority::root_certificate(&self.dir)
    }

    /// The certificate of the authority that issued the endorsement key's, as PEM.
    pub fn issuer_certificate(&self) -> PathBuf {
        authority::issuer_certificate(&self.dir)
    }

    /// Lets it run on when this program ends.
    pub fn leave(mut self) {
        drop(self.child.take());
    }

    fn start_anywhere(&mut self) -> Result<(), TpmError> {
        let mut outcome = Err(TpmError::Transport("no free port for swtpm".into()));
        for port in port::candidates().take(PORTS_TRIED) {
            self.port = port;
            outcome = self.start();
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    fn spawn(&self) -> Result<Child, TpmError> {
        let log = File::create(self.log()).map_err(|error| failed("writing swtpm's log", &error))?;
        let mut command = Command::new("swtpm");
        command.args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"]);
        command.arg("--tpmstate").arg(format!("dir={}", self.dir.display()));
        command.arg("--server").arg(format!("type=tcp,port={},bindaddr=127.0.0.1", self.port));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.spawn().map_err(|error| failed("starting swtpm (is it installed?)", &error))
    }

    fn wait_for(&self, child: &mut Child) -> Result<(), TpmError> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if !matches!(child.try_wait(), Ok(None)) {
                let log = fs::read_to_string(self.log()).unwrap_or_default();
                return Err(TpmError::Transport(format!("swtpm ended at once: {}", log.trim())));
            }
            let answers = port::answers(self.port);
            thread::sleep(Duration::from_millis(10));
            // Not somebody else's, who took the port first: then ours has ended by now.
            if answers && matches!(child.try_wait(), Ok(None)) {
                return Ok(());
            }
        }
        Err(TpmError::Transport(format!("swtpm does not answer on port {}", self.port)))
    }

    fn log(&self) -> PathBuf {
        self.dir.join("swtpm.log")
    }
}

impl Drop for SoftTpm {
    fn drop(&mut self) {
        let _ = self.power_cut();
    }
}

fn failed(what: &str, error: &std::io::Error) -> TpmError {
    TpmError::Transport(format!("{what}: {error}"))
}
