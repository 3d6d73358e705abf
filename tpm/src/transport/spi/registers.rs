//! The chip's registers (PTP §6.3.1 and §6.5.2).

use super::SpiError;

/// Offsets within a locality's 4 KiB.
pub mod register {
    /// `TPM_ACCESS_x`, one byte.
    pub const ACCESS: u16 = 0x000;
    /// `TPM_STS_x`: flags, burst count in two bytes, version flags.
    pub const STATUS: u16 = 0x018;
    /// `TPM_DATA_FIFO_x`, any number of bytes.
    pub const DATA_FIFO: u16 = 0x024;
    /// `TPM_DID_VID_x`: vendor, then device, two bytes each.
    pub const DID_VID: u16 = 0xF00;
    /// `TPM_RID_x`, one byte.
    pub const RID: u16 = 0xF04;
}

/// Bits of `TPM_ACCESS_x`.
pub mod access {
    /// `tpmRegValidSts`: the other bits are valid.
    pub const VALID: u8 = 0x80;
    /// `activeLocality`; written, it gives the locality back.
    pub const ACTIVE: u8 = 0x20;
    /// `requestUse`.
    pub const REQUEST: u8 = 0x02;
}

/// Bits of `TPM_STS_x`'s first byte (PTP Table 21).
pub mod status {
    /// `stsValid`: [`DATA_AVAILABLE`] and [`EXPECT`] are valid.
    pub const VALID: u8 = 0x80;
    /// `commandReady`; written, it makes ready for a command, aborts one, or ends the reading of a reply.
    pub const COMMAND_READY: u8 = 0x40;
    /// `tpmGo`; written, it starts the command.
    pub const GO: u8 = 0x20;
    /// `dataAvail`: the reply has bytes left.
    pub const DATA_AVAILABLE: u8 = 0x10;
    /// `Expect`: the command lacks bytes.
    pub const EXPECT: u8 = 0x08;
    /// `responseRetry`; written, it lets the reply be read again from its beginning.
    pub const RESPONSE_RETRY: u8 = 0x02;
    /// Bits that read as zero: those that are only written, and a reserved one.
    pub const ZERO: u8 = GO | RESPONSE_RETRY | 0x01;
}

/// Access to a chip's registers.
pub trait Registers {
    /// Reads 1 to 64 bytes at an address: locality × 0x1000 plus the register's offset.
    fn read(&mut self, address: u16, to: &mut [u8]) -> Result<(), SpiError>;

    /// Writes 1 to 64 bytes.
    fn write(&mut self, address: u16, bytes: &[u8]) -> Result<(), SpiError>;
}

impl<R: Registers + ?Sized> Registers for &mut R {
    fn read(&mut self, address: u16, to: &mut [u8]) -> Result<(), SpiError> {
        (**self).read(address, to)
    }

    fn write(&mut self, address: u16, bytes: &[u8]) -> Result<(), SpiError> {
        (**self).write(address, bytes)
    }
}

/// Who speaks to the chip. Operating systems are zero; the others belong to firmware and to measured launches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Locality {
    #[default]
    Zero = 0,
    One = 1,
    Two = 2,
    Three = 3,
    Four = 4,
}

impl Locality {
    /// A register's address in this locality.
    pub const fn address(self, register: u16) -> u16 {
        (self as u16) << 12 | register
    }
}

/// What a chip says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChipId {
    /// Number that the PCI-SIG gave the maker.
    pub vendor: u16,
    /// The maker's number for the chip.
    pub device: u16,
    /// Its revision.
    pub revision: u8,
}
