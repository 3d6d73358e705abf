//! The wire protocol, seen from the chip (PTP §7.4.6).

const READ: u8 = 0x80;
const SPACE: u8 = 0xD4;

/// What has been clocked since chip select fell.
#[derive(Debug, Clone, Copy)]
pub(super) enum Frame {
    /// So many bytes of the header.
    Header(usize, [u8; 4]),
    /// Wait states left, then data.
    Waiting(u16, Data),
    /// Data.
    Data(Data),
    /// The frame is over, or none of ours.
    Over,
}

/// Where data goes, or comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Data {
    pub reads: bool,
    pub address: u16,
    pub left: u8,
}

impl Frame {
    pub const START: Self = Self::Header(0, [0; 4]);
}

impl Data {
    pub fn parse(header: [u8; 4]) -> Option<Self> {
        let [first, space, high, low] = header;
        let address = u16::from_be_bytes([high, low]);
        (space == SPACE).then_some(Self { reads: first & READ != 0, address, left: (first & 0x3F) + 1 })
    }
}
