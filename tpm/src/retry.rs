//! Waiting for a TPM that asks to be asked again.

use crate::error::rc;
use core::time::Duration;

/// Lets time pass between attempts.
pub type Pause = fn(Duration);

/// Attempts in all; the pauses between them double from [`FIRST`], some five seconds together: self-tests take long.
pub(crate) const ATTEMPTS: u32 = 13;
const FIRST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_secs(1);

/// The pause after an attempt, counted from nought.
pub(crate) fn pause_after(attempt: u32) -> Duration {
    FIRST.saturating_mul(2u32.saturating_pow(attempt)).min(LONGEST)
}

/// Whether the TPM wants the same command once more (Part 3, §4.3 and §4.4).
pub(crate) const fn wants_retry(code: u32) -> bool {
    matches!(code, rc::RETRY | rc::NV_RATE | rc::YIELDED | rc::TESTING)
}

/// Whether the TPM is out of room for objects or sessions.
pub(crate) const fn is_crowded(code: u32) -> bool {
    matches!(code, rc::OBJECT_MEMORY | rc::SESSION_MEMORY | rc::OBJECT_HANDLES | rc::SESSION_HANDLES)
}

/// Sleeps, where there is an operating system to do it.
pub(crate) fn default_pause() -> Pause {
    #[cfg(feature = "std")]
    return std::thread::sleep;
    #[cfg(not(feature = "std"))]
    return |_| core::hint::spin_loop();
}
