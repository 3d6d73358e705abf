//! The kernel's device file: `/dev/tpmrm0` through its resource manager, `/dev/tpm0` without. The driver sets time limits itself and
//! reports a TPM that exceeds them.

use super::{Transport, frame::LONGEST};
use crate::TpmError;
use std::{
    fs::{File, OpenOptions},
    io::{Error, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

/// A TPM behind a device file.
#[derive(Debug)]
pub struct DeviceTransport {
    path: PathBuf,
    /// None after a failure: a fresh descriptor has no half-read reply.
    file: Option<File>,
}

impl DeviceTransport {
    /// Opens the device.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TpmError> {
        let path = path.as_ref().to_path_buf();
        let file = Some(open(&path)?);
        Ok(Self { path, file })
    }
}

impl Transport for DeviceTransport {
    fn transact(&mut self, command: &[u8]) -> Result<Vec<u8>, TpmError> {
        let mut file = self.file.take().map_or_else(|| open(&self.path), Ok)?;
        let reply = exchange(&mut file, command).map_err(|error| explain(&self.path, &error))?;
        self.file = Some(file);
        Ok(reply)
    }
}

/// The driver wants a command in one write and hands the reply out in one read.
fn exchange(file: &mut File, command: &[u8]) -> std::io::Result<Vec<u8>> {
    file.write_all(command)?;
    let mut reply = vec![0; LONGEST];
    let size = file.read(&mut reply)?;
    reply.truncate(size);
    Ok(reply)
}

fn open(path: &Path) -> Result<File, TpmError> {
    OpenOptions::new().read(true).write(true).open(path).map_err(|error| explain(path, &error))
}

fn explain(path: &Path, error: &Error) -> TpmError {
    let advice = match error.kind() {
        ErrorKind::PermissionDenied => "add the user to group tss: `usermod -aG tss USER`, then log in again",
        ErrorKind::NotFound => "is the TPM switched on in the firmware's setup?",
        ErrorKind::ResourceBusy => "another program holds it: use /dev/tpmrm0, which is shared",
        ErrorKind::TimedOut => "the TPM doesn't answer: a power cycle may help",
        _ => return TpmError::Transport(format!("{}: {error}", path.display())),
    };
    TpmError::Transport(format!("{}: {error}; {advice}", path.display()))
}
