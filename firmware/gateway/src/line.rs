//! The line to the firmware: a request out, an answer in.

use anyhow::{Context, Result};
use firmware_link::{Answer, LONGEST, Request, decode, encode, length};
use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

/// An RSA key may be made meanwhile, in an emulator.
const PATIENCE: Duration = Duration::from_secs(600);

/// A serial line with the firmware at its other end.
#[derive(Debug)]
pub struct Line {
    stream: UnixStream,
    buffer: Vec<u8>,
}

impl Line {
    /// Takes a connected line.
    pub fn new(stream: UnixStream) -> Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: vec![0; LONGEST] })
    }

    /// Asks.
    pub fn send(&mut self, request: &Request<'_>) -> Result<()> {
        let frame = encode(request, &mut self.buffer)?;
        self.stream.write_all(frame).context("the line to the firmware")
    }

    /// Sends bytes as they are, as a broken host would.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).context("the line to the firmware")
    }

    /// The next answer.
    pub fn receive(&mut self) -> Result<Answer<'_>> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).context("the firmware doesn't answer")?;
        let body = self.buffer.get_mut(..length(head)?).context("a message is too long")?;
        self.stream.read_exact(body).context("the firmware broke off")?;
        Ok(decode(body)?)
    }
}
