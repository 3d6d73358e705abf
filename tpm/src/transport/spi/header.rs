//! The four bytes before each frame's data (PTP §7.4.6).

use super::SpiError;

/// Bytes of data in a frame, at most: its header has six bits for their number.
pub const LONGEST_FRAME: usize = 64;

/// TPM registers lie at 0xD4_0000 of the bus's address space (PTP §7.4.6).
const SPACE: u8 = 0xD4;
const READ: u8 = 0x80;
/// The wait state bit, in the byte that answers the header's last and in each that follows.
const READY: u8 = 0x01;

/// Direction, size, address.
pub type Header = [u8; 4];

/// Begins a frame that reads.
pub fn read(address: u16, size: usize) -> Result<Header, SpiError> {
    header(READ, address, size)
}

/// Begins a frame that writes.
pub fn write(address: u16, size: usize) -> Result<Header, SpiError> {
    header(0, address, size)
}

fn header(direction: u8, address: u16, size: usize) -> Result<Header, SpiError> {
    let [high, low] = address.to_be_bytes();
    let last = size.checked_sub(1).filter(|_| size <= LONGEST_FRAME).and_then(|last| u8::try_from(last).ok());
    Ok([direction | last.ok_or(SpiError::FrameSize(size))?, SPACE, high, low])
}

/// Whether data follows the byte; if not, the chip inserts a wait state.
pub const fn is_ready(byte: u8) -> bool {
    byte & READY != 0
}

#[cfg(test)]
mod tests {
    use super::{SpiError, read, write};

    #[test]
    fn headers_are_as_the_profile_draws_them() {
        assert_eq!(read(0x0F00, 4), Ok([0x83, 0xD4, 0x0F, 0x00]));
        assert_eq!(write(0x4024, 64), Ok([0x3F, 0xD4, 0x40, 0x24]));
        assert_eq!(write(0x0018, 0), Err(SpiError::FrameSize(0)));
        assert_eq!(read(0x0024, 65), Err(SpiError::FrameSize(65)));
    }
}
