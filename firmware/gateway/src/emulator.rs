//! A microcontroller with a TPM, out of an emulator and a model.

use crate::{bridge, line::Line};
use anyhow::{Context, Result, bail, ensure};
use firmware_link::Answer;
use std::{
    fs::{self, File},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tpm::{
    model::{Chip, Temper},
    swtpm::SoftTpm,
    transport::AnyTransport,
};

const PROGRAM: &str = "qemu-system-arm";
/// A board with an STM32F405.
const BOARD: &str = "netduinoplus2";
const LOG: &str = "emulator.log";
/// For the emulator to start, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running emulator. It ends with this value.
#[derive(Debug)]
pub struct Emulator {
    child: Child,
    /// To the firmware.
    pub line: Line,
}

impl Emulator {
    /// Boots firmware whose TPM is the model in front of `soft`. Sockets and the emulator's words lie in `dir`.
    pub fn boot(firmware: &Path, dir: &Path, soft: &SoftTpm, temper: Temper) -> Result<Self> {
        ensure!(firmware.is_file(), "{} is no file: `cargo xtask firmware` builds it", firmware.display());
        let (wire, host) = (dir.join("spi.socket"), dir.join("host.socket"));
        let [at_wire, at_host] =
            [&wire, &host].map(|path| UnixListener::bind(path).context("making a socket"));
        let (at_wire, at_host) = (at_wire?, at_host?);
        let log = File::create(dir.join(LOG))?;
        let mut command = Command::new(PROGRAM);
        command.args(["-M", BOARD, "-display", "none", "-monitor", "none"]);
        command.args(["-semihosting-config", "enable=on,target=native"]);
        for (name, path) in [("spi", &wire), ("host", &host)] {
            command.arg("-chardev").arg(format!("socket,id={name},path={}", path.display()));
            command.arg("-serial").arg(format!("chardev:{name}"));
        }
        command.arg("-kernel").arg(firmware);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut child = command.spawn().with_context(|| format!("starting {PROGRAM} (is it installed?)"))?;
        match connect(&mut child, at_wire, at_host) {
            Ok((wire, host)) => {
                let mind = AnyTransport::open(&soft.url())?;
                thread::spawn(move || bridge::serve(wire, Chip::with_temper(mind, temper)));
                let mut booted = Self { child, line: Line::new(host)? };
                let said = || format!("not booted; {PROGRAM} said: {}", said(dir));
                match booted.line.receive().with_context(said)? {
                    Answer::Awake => Ok(booted),
                    other => bail!("the firmware's first word is {other:?}"),
                }
            }
            Err(error) => {
                let _ = child.kill().and_then(|()| child.wait());
                Err(error.context(format!("not booted; {PROGRAM} said: {}", said(dir))))
            }
        }
    }

    /// Waits until the firmware ends by itself, and says whether it ended well.
    pub fn join(mut self) -> Result<()> {
        let status = within(|| Ok(self.child.try_wait()?))?;
        if status.success() { Ok(()) } else { bail!("the firmware ended with {status}") }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// The emulator's words, and what the firmware said through it when it panicked.
fn said(dir: &Path) -> String {
    fs::read_to_string(dir.join(LOG)).unwrap_or_default().trim().into()
}

fn connect(child: &mut Child, wire: UnixListener, host: UnixListener) -> Result<(UnixStream, UnixStream)> {
    Ok((accept(child, wire)?, accept(child, host)?))
}

fn accept(child: &mut Child, listener: UnixListener) -> Result<UnixStream> {
    listener.set_nonblocking(true)?;
    let stream = within(|| {
        if let Some(status) = child.try_wait()? {
            bail!("{PROGRAM} ended at once ({status})");
        }
        Ok(listener.accept().ok().map(|(stream, _)| stream))
    })?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn within<T>(mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        if Instant::now() > deadline {
            bail!("the emulator takes longer than {} s", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(20));
    }
}
