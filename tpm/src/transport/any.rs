//! The transport that a configuration names.

use super::{DeviceTransport, SocketTransport, Transport};
use crate::TpmError;

/// Whichever transport a URL named.
#[derive(Debug)]
pub enum AnyTransport {
    /// The kernel's device file.
    Device(DeviceTransport),
    /// A software TPM.
    Socket(SocketTransport),
}

impl AnyTransport {
    /// Opens `device:/dev/tpmrm0`, `tcp:HOST:PORT` or `unix:PATH`. A device is opened at once; a socket is connected when it is
    /// used, and only as long.
    pub fn open(url: &str) -> Result<Self, TpmError> {
        match url.split_once(':') {
            Some(("device", path)) => DeviceTransport::open(path).map(Self::Device),
            Some(("tcp", address)) => SocketTransport::tcp(address).map(Self::Socket),
            Some(("unix", path)) => Ok(Self::Socket(SocketTransport::unix(path))),
            _ => Err(TpmError::Transport(format!(
                "`{url}` names no TPM: write device:/dev/tpmrm0, tcp:HOST:PORT or unix:PATH"
            ))),
        }
    }
}

impl Transport for AnyTransport {
    fn transact(&mut self, command: &[u8]) -> Result<Vec<u8>, TpmError> {
        match self {
            Self::Device(transport) => transport.transact(command),
            Self::Socket(transport) => transport.transact(command),
        }
    }

    fn release(&mut self) {
        match self {
            Self::Device(transport) => transport.release(),
            Self::Socket(transport) => transport.release(),
        }
    }
}
