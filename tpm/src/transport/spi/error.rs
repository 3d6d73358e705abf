//! What goes wrong between a host and a chip on a bus.

use embedded_hal::{digital, spi};

/// Why a command or its reply didn't get through. Where it is not said otherwise, the chip can't have executed the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpiError {
    /// Nothing drives the bus: registers read as ones.
    #[error("no TPM answers on the SPI bus: is it powered, out of reset, and is chip select the right pin?")]
    NoChip,
    /// The bus itself failed.
    #[error("the SPI bus failed: {0}")]
    Bus(spi::ErrorKind),
    /// Chip select can't be driven.
    #[error("chip select can't be driven: {0}")]
    ChipSelect(digital::ErrorKind),
    /// Wait states without end.
    #[error("the TPM inserts wait states without end: is MISO stuck low?")]
    StuckWaitState,
    /// A wait state, in the form that can't wait.
    #[error("the TPM inserts wait states, which an SpiDevice can't wait for: use BusRegisters")]
    WaitState,
    /// A register access of no bytes, or of more than a frame holds.
    #[error("an SPI frame carries 1 to 64 bytes, not {0}")]
    FrameSize(usize),
    /// A command that no TPM takes.
    #[error("a TPM command has 10 to 4096 bytes, not {0}")]
    CommandSize(usize),
    /// Another locality holds the chip.
    #[error("the TPM doesn't grant the locality: another one holds it")]
    LocalityRefused,
    /// The chip doesn't get ready for a command.
    #[error("the TPM doesn't get ready for a command")]
    NotReady,
    /// The status register never becomes valid, or has bits that read as zero.
    #[error("the TPM's status register makes no sense: bad wiring, or too fast a clock?")]
    BadStatus,
    /// The chip takes or gives no more bytes.
    #[error("the TPM's burst count stays zero")]
    NoBurst,
    /// The chip believes that the command is complete before it is.
    #[error("the TPM ended the command early: bytes were altered on the bus")]
    EndedEarly,
    /// The chip waits for more after the command's last byte.
    #[error("the TPM expects more after the command's end: bytes were lost on the bus")]
    ExpectsMore,
    /// The chip lost the command or its reply: it was reset, or another locality seized it. If it happened after the command was
    /// complete, the command may have been executed.
    #[error("the TPM was reset in the midst of a command, or another locality seized it")]
    Reset,
    /// No reply in time. The command was aborted; it may have been executed.
    #[error("the TPM doesn't finish the command")]
    Unanswered,
    /// The reply states a size that no reply has. The command was executed.
    #[error("the TPM's reply states {0} bytes, which no reply has")]
    ReplySize(u32),
    /// The reply ends before its stated size. The command was executed.
    #[error("the TPM's reply is shorter than it states")]
    ReplyShort,
    /// The reply goes on after its stated size. The command was executed.
    #[error("the TPM's reply is longer than it states")]
    ReplyLong,
}

impl SpiError {
    pub(super) fn bus(error: impl spi::Error) -> Self {
        Self::Bus(error.kind())
    }

    pub(super) fn chip_select(error: impl digital::Error) -> Self {
        Self::ChipSelect(error.kind())
    }
}
