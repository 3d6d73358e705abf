//! One command at a time: encode, send, try again, read.

use crate::{
    TpmError, Transport,
    error::rc,
    retry::{self, Pause},
    wire::{Command, Reply},
};
use alloc::vec::Vec;

/// A TPM behind a transport.
pub struct Tpm<T: Transport> {
    transport: T,
    pause: Pause,
    /// Transient objects and sessions that are ours, oldest first.
    pub(crate) live: Vec<u32>,
    /// Operations within operations; the transport is released at the end of the outermost.
    depth: u32,
    /// The transport failed: what was loaded is out of reach.
    broken: bool,
    /// Leftovers are being flushed: what fails meanwhile is no reason to begin with that again.
    tidying: bool,
}

impl<T: Transport> Tpm<T> {
    /// A TPM that is waited for by sleeping; without `std`, by asking again at once.
    pub fn new(transport: T) -> Self {
        Self::with_pause(transport, retry::default_pause())
    }

    /// A TPM that is waited for by calling `pause`.
    pub fn with_pause(transport: T, pause: Pause) -> Self {
        Self { transport, pause, live: Vec::new(), depth: 0, broken: false, tidying: false }
    }

    /// Gives the transport back.
    pub fn into_transport(self) -> T {
        self.transport
    }

    /// Runs a part of an operation and flushes what it loaded, however it ends.
    pub(crate) fn scoped<R>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<R, TpmError>,
    ) -> Result<R, TpmError> {
        if self.depth == 0 {
            self.broken = false;
        }
        let loaded = self.live.len();
        self.depth = self.depth.saturating_add(1);
        let outcome = work(self);
        self.flush_down_to(loaded);
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 0 {
            self.transport.release();
        }
        outcome
    }

    /// Runs a command, again where the TPM asks for it.
    pub(crate) fn call(&mut self, command: &Command) -> Result<Reply, TpmError> {
        let mut tidied = self.tidying;
        let mut attempt = 0;
        loop {
            let error = match self.call_once(command) {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let TpmError::Response { code, .. } = error else { return Err(error) };
            attempt += 1;
            if retry::is_crowded(code) && !tidied {
                tidied = true;
                self.tidy();
            } else if retry::wants_retry(code) && attempt < retry::ATTEMPTS {
                (self.pause)(retry::pause_after(attempt - 1));
            } else {
                return Err(error);
            }
        }
    }

    /// Makes room; whether that worked shows when the command is tried again.
    fn tidy(&mut self) {
        self.tidying = true;
        let _ = self.flush_leftovers();
        self.tidying = false;
    }

    fn call_once(&mut self, command: &Command) -> Result<Reply, TpmError> {
        if self.broken {
            return Err(TpmError::Transport("the connection to the TPM broke".into()));
        }
        let frame = self.transport.transact(&command.bytes).inspect_err(|_| self.broken = true)?;
        let reply = Reply::parse(command, &frame).map_err(|error| name(error, command.code))?;
        // The TPM ends a session by itself once a command it authorized succeeds: none here is continued.
        self.live.retain(|handle| Some(*handle) != command.session);
        self.live.extend(reply.handle);
        Ok(reply)
    }
}

/// Causes that look the same for every command.
fn name(error: TpmError, command: u32) -> TpmError {
    error
        .when(&[rc::LOCKOUT], TpmError::Lockout)
        .when(&[rc::BAD_AUTH, rc::AUTH_FAIL], TpmError::PasswordSet { command })
}
