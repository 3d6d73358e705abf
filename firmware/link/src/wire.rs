//! An SPI bus over a serial line. The device sends one of these bytes:
//!
//! - 1 to 64: so many bytes follow, and as many come back;
//! - [`SELECT`], [`DESELECT`]: chip select falls, rises. Nothing comes back.

/// Chip select falls.
pub const SELECT: u8 = 0x80;
/// Chip select rises.
pub const DESELECT: u8 = 0x81;
/// Bytes per transfer, at most.
pub const LONGEST: usize = 64;
