//! Ways to a TPM.

#[cfg(feature = "std")]
mod any;
#[cfg(feature = "std")]
mod device;
#[cfg(feature = "std")]
mod frame;
#[cfg(feature = "std")]
mod socket;
#[cfg(feature = "spi")]
pub mod spi;

#[cfg(feature = "std")]
pub use self::{any::AnyTransport, device::DeviceTransport, socket::SocketTransport};

use crate::TpmError;
use alloc::vec::Vec;

/// Carries one command to a TPM and brings back its reply. What differs between a device file, a socket and a chip on a bus is
/// behind this.
pub trait Transport {
    /// Sends a whole command, returns the whole reply. Failures are [`TpmError::Transport`], or the bus's own.
    fn transact(&mut self, command: &[u8]) -> Result<Vec<u8>, TpmError>;

    /// An operation is over and nothing of it is left in the TPM: others may have it until the next command. A transport that
    /// shares a TPM by turns lets go here.
    fn release(&mut self) {}
}

impl<T: Transport + ?Sized> Transport for alloc::boxed::Box<T> {
    fn transact(&mut self, command: &[u8]) -> Result<Vec<u8>, TpmError> {
        (**self).transact(command)
    }

    fn release(&mut self) {
        (**self).release();
    }
}
