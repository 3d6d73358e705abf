//! The far end of the SPI bus: bytes from the emulator's serial line to the pins of the model.

use firmware_link::wire::{DESELECT, LONGEST, SELECT};
use std::{
    io::{ErrorKind, Read, Result, Write},
    os::unix::net::UnixStream,
};
use tpm::{Transport, model::Chip};

/// Serves the bus until the line ends.
pub fn serve<T: Transport>(mut line: UnixStream, mut chip: Chip<T>) -> Result<()> {
    let mut operation = [0];
    loop {
        match line.read_exact(&mut operation) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            outcome => outcome?,
        }
        match operation {
            [SELECT] => chip.select(),
            [DESELECT] => chip.deselect(),
            [count] => {
                let mut bytes = [0; LONGEST];
                let bytes = bytes.get_mut(..count.into()).ok_or(ErrorKind::InvalidData)?;
                line.read_exact(bytes)?;
                bytes.iter_mut().for_each(|byte| *byte = chip.clock(*byte));
                line.write_all(bytes)?;
            }
        }
    }
}
