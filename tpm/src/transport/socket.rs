//! Software TPMs: raw frames over TCP or a Unix socket, as swtpm's `--server` speaks them.
//!
//! Such a server serves one client and lets others wait in its backlog. So a connection lasts one operation, and several programs
//! take turns without seeing each other's sessions; whoever waits too long is told that the TPM is busy.

use super::{Transport, frame::read_frame};
use crate::TpmError;
use std::{
    io::{Error, ErrorKind, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

const TIMEOUT: Duration = Duration::from_secs(20);

/// A software TPM behind a socket.
#[derive(Debug)]
pub struct SocketTransport {
    address: Address,
    timeout: Duration,
    stream: Option<Stream>,
}

#[derive(Debug)]
enum Address {
    Tcp(String),
    Unix(PathBuf),
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl SocketTransport {
    /// A TPM at `HOST:PORT`.
    pub fn tcp(address: &str) -> Result<Self, TpmError> {
        match address.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                Ok(Self { address: Address::Tcp(address.into()), timeout: TIMEOUT, stream: None })
            }
            _ => Err(TpmError::Transport(format!("`{address}` is not HOST:PORT"))),
        }
    }

    /// A TPM at a socket in the file system.
    pub fn unix(path: impl AsRef<Path>) -> Self {
        Self { address: Address::Unix(path.as_ref().into()), timeout: TIMEOUT, stream: None }
    }

    /// Waits so long for a connection and for each reply, instead of twenty seconds.
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    fn explain(&self, error: &Error) -> TpmError {
        let address = match &self.address {
            Address::Tcp(address) => format!("tcp:{address}"),
            Address::Unix(path) => format!("unix:{}", path.display()),
        };
        let advice = match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                let waited = self.timeout.as_secs_f32();
                return TpmError::Transport(format!(
                    "{address}: busy: no answer within {waited} s; another program may hold the TPM, which serves one at a time"
                ));
            }
            ErrorKind::ConnectionRefused | ErrorKind::NotFound => "; is the software TPM running?",
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                "; the software TPM ended the connection"
            }
            _ => "",
        };
        TpmError::Transport(format!("{address}: {error}{advice}"))
    }
}

impl Transport for SocketTransport {
    fn transact(&mut self, command: &[u8]) -> Result<Vec<u8>, TpmError> {
        let connected = self.stream.take().map_or_else(|| Stream::connect(&self.address, self.timeout), Ok);
        let exchanged = connected.and_then(|mut stream| {
            let reply = stream.exchange(command)?;
            Ok((stream, reply))
        });
        let (stream, reply) = exchanged.map_err(|error| self.explain(&error))?;
        self.stream = Some(stream);
        Ok(reply)
    }

    fn release(&mut self) {
        self.stream = None;
    }
}

impl Stream {
    fn connect(address: &Address, timeout: Duration) -> std::io::Result<Self> {
        match address {
            Address::Tcp(address) => {
                let stream = connect_tcp(address, timeout)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(timeout))?;
                stream.set_write_timeout(Some(timeout))?;
                Ok(Self::Tcp(stream))
            }
            Address::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(timeout))?;
                stream.set_write_timeout(Some(timeout))?;
                Ok(Self::Unix(stream))
            }
        }
    }

    fn exchange(&mut self, command: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Tcp(stream) => exchange(stream, command),
            Self::Unix(stream) => exchange(stream, command),
        }
    }
}

/// The first of a name's addresses that answers.
fn connect_tcp(address: &str, timeout: Duration) -> std::io::Result<TcpStream> {
    let mut outcome = Err(Error::new(ErrorKind::NotFound, "the name has no address"));
    for address in address.to_socket_addrs()? {
        outcome = TcpStream::connect_timeout(&address, timeout);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn exchange(stream: &mut (impl Read + Write), command: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(command)?;
    read_frame(stream)
}
