//! Ports on 127.0.0.1.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Below the range that systems take outgoing ports from, so that a TPM without power keeps its own.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;
/// Processes start far apart, and tests within one take one after the other.
const STRIDE: u32 = 97;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Ports that were free a moment ago.
pub(super) fn candidates() -> impl Iterator<Item = u16> {
    let candidate = || {
        let offset = process::id().wrapping_mul(STRIDE).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        u16::try_from(FIRST + offset % COUNT).ok()
    };
    (0..COUNT)
        .filter_map(move |_| candidate())
        .filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}

/// Whether somebody listens.
pub(super) fn answers(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}
