//! Pausing and cancelling from another thread.

use std::{
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

const RUN: u8 = 0;
const PAUSE: u8 = 1;
const CANCEL: u8 = 2;

/// Shared between whoever works and whoever decides about it. Workers look at it between blocks of tiles: every few milliseconds.
#[derive(Debug, Default)]
pub struct Control {
    state: AtomicU8,
    changed: Condvar,
    lock: Mutex<()>,
}

/// The work was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

impl Control {
    /// Lets the work run.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the work where it is, until it is resumed or cancelled. Memory stays held.
    pub fn pause(&self) {
        let _ = self.state.compare_exchange(RUN, PAUSE, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Goes on after a pause.
    pub fn resume(&self) {
        let _ = self.state.compare_exchange(PAUSE, RUN, Ordering::AcqRel, Ordering::Acquire);
        self.changed.notify_all();
    }

    /// Ends the work for good: it gives no result.
    pub fn cancel(&self) {
        self.state.store(CANCEL, Ordering::Release);
        self.changed.notify_all();
    }

    /// Waits while paused; says when the work is to end. Back ends call it wherever they can stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        loop {
            match self.state.load(Ordering::Acquire) {
                RUN => return Ok(()),
                CANCEL => return Err(Cancelled),
                _ => {
                    let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
                    // A change between the load and the wait is seen when the wait ends.
                    drop(self.changed.wait_timeout(guard, Duration::from_millis(20)));
                }
            }
        }
    }
}
