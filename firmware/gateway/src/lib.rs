//! The host of the firmware example.
//!
//! It boots the firmware in an emulator, puts the model of a TPM chip at the end of its SPI bus, keeps its records, and looks at
//! its anchors as a verifier does. On a chain it has the device taken on, and carries its anchors there. It holds no key and makes no evidence: whatever it carried wrongly would show in
//! [`Keeper::verify`], on chain as here.
//!
//! ```no_run
//! use firmware_gateway::{Emulator, Keeper, made_up};
//! use tpm::{model::Temper, swtpm::SoftTpm};
//!
//! # fn main() -> anyhow::Result<()> {
//! let dir = tempfile::tempdir()?;
//! let soft = SoftTpm::create(&dir.path().join("tpm"))?;
//! let mut device = Emulator::boot("firmware.elf".as_ref(), dir.path(), &soft, Temper::default())?;
//! let mut keeper = Keeper::new(&mut device, &dir.path().join("log"))?;
//! let head = keeper.anchor(&mut device, &made_up(1))?;
//! println!("anchored with counter {}", head.counter);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod bridge;
mod chain;
mod emulator;
mod keeper;
mod line;

pub use self::{
    chain::Gateway,
    emulator::Emulator,
    keeper::{Asked, Identity, Keeper, Told, made_up},
    line::Line,
};
