//! A model of a TPM on an SPI bus: registers, FIFO and wire protocol, in front of any other [`Transport`], which thinks.
//!
//! It stands in for the chip in tests and under the firmware example, with a software TPM behind it. Its [`Temper`] gives it what
//! chips have: wait states, short bursts, slowness; and what broken ones have: [`Fault`]s. It also watches its host: FIFO bytes
//! beyond the granted burst are counted as [`Chip::overruns`].
//!
//! ```
//! use tpm::{Tpm, TpmError, Transport, model::{Chip, Wire}, transport::spi::{BusRegisters, Tis}};
//!
//! struct Refuses;
//! impl Transport for Refuses {
//!     fn transact(&mut self, _command: &[u8]) -> Result<Vec<u8>, TpmError> {
//!         Ok(vec![0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x01, 0x01])
//!     }
//! }
//!
//! let wire = Wire::new(Chip::new(Refuses));
//! let registers = BusRegisters::new(wire.clone(), wire.clone());
//! let error = Tpm::new(Tis::new(registers, wire)).clock().unwrap_err();
//! assert!(error.to_string().contains("TPM_RC_FAILURE"));
//! ```

mod chip;
mod frame;
mod interface;
mod temper;
mod wire;

pub use self::{
    chip::{Chip, DEVICE, VENDOR},
    temper::{Fault, Moment, Temper},
    wire::Wire,
};

#[cfg(doc)]
use crate::Transport;
