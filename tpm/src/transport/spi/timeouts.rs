//! How long a chip may take. Counted, not measured.

/// Limits in milliseconds of pauses between looks at the chip.
///
/// An exchange pauses `2 × transfer + execution` at most. The pauses of a wait begin at 50 µs and double up to 2 ms. The time on the
/// bus comes on top: per pause a look, which is a frame of 7 bytes; per attempt and byte another where bursts are short. A hostile
/// chip can make six frames of a look, with [`WAIT_STATES`](super::WAIT_STATES) in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// TIMEOUT_A: to grant a locality, and to take or give the next burst.
    pub a: u32,
    /// TIMEOUT_B: to get ready for a command.
    pub b: u32,
    /// TIMEOUT_C: to make the status valid after a burst.
    pub c: u32,
    /// All of writing a command, or of reading a reply, whatever is tried again.
    pub transfer: u32,
    /// To execute a command.
    pub execution: u32,
}

impl Default for Timeouts {
    /// A and B as the profile has them; C as long as A, as its first editions had it: chips in the field need that. Transfers: ten
    /// seconds. Execution: five minutes, because making an RSA key may take that long.
    fn default() -> Self {
        Self { a: 750, b: 2_000, c: 750, transfer: 10_000, execution: 300_000 }
    }
}

const FIRST_PAUSE: u32 = 50;
const LONGEST_PAUSE: u32 = 2_000;

/// One wait in the midst of others.
#[derive(Debug)]
pub struct Wait {
    left: u64,
    pause: u32,
}

impl Wait {
    /// A wait of so many milliseconds.
    pub fn new(milliseconds: u32) -> Self {
        Self { left: u64::from(milliseconds) * 1_000, pause: FIRST_PAUSE }
    }

    /// The next pause, in microseconds; `None` where the time is up, by this wait's measure or by the `allowance` of all.
    pub fn next_pause(&mut self, allowance: &mut u64) -> Option<u32> {
        let pause = self.pause;
        self.left = self.left.checked_sub(pause.into())?;
        *allowance = allowance.checked_sub(pause.into())?;
        self.pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::Wait;

    #[test]
    fn a_wait_ends_with_its_own_time_or_with_everybodys() {
        let pauses = |allowance: u64| {
            let (mut wait, mut left) = (Wait::new(10), allowance);
            core::iter::from_fn(|| wait.next_pause(&mut left)).map(u64::from).sum::<u64>()
        };
        assert!((8_000..=10_000).contains(&pauses(1_000_000)));
        assert!((1_000..=3_000).contains(&pauses(3_000)));
        assert_eq!(pauses(0), 0);
    }
}
