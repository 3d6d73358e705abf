//! The clock that benchmarks read.

#![allow(dead_code, unexpected_cfgs, reason = "the macro also writes what a runtime would call")]

use rustix::time::{ClockId, Timespec, clock_gettime};
use sp_runtime_interface::{pass_by::AllocateAndReturnPointer, runtime_interface};

/// Stands in for the function of this name in `frame-benchmarking`, which reads the wall clock.
#[runtime_interface]
pub trait Benchmarking {
    /// Processor time of this thread, in nanoseconds: what others do on this machine meanwhile does not count.
    fn current_time() -> AllocateAndReturnPointer<[u8; 16], 16> {
        let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ThreadCPUTime);
        let (seconds, nanos) = (u128::from(tv_sec.unsigned_abs()), u128::from(tv_nsec.unsigned_abs()));
        seconds.saturating_mul(1_000_000_000).saturating_add(nanos).to_le_bytes()
    }
}

pub use benchmarking::HostFunctions as Clock;
