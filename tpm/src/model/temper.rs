//! How a chip behaves where the profile leaves it a choice, and how a broken one does.

/// Habits, each a list that is gone through again and again; empty means none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Temper {
    /// Wait states per frame.
    pub wait_states: Vec<u16>,
    /// Burst counts, per look at the status register. Empty: 64.
    pub bursts: Vec<u16>,
    /// Looks at the status register until a new state shows there.
    pub slowness: Vec<u16>,
    /// What is broken.
    pub faults: Vec<Fault>,
}

/// Something broken. The first four last; the others happen so often as `times` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// MISO always reads this byte.
    Silent(u8),
    /// A register's byte has bits stuck at one, and others at zero.
    Stuck {
        /// The byte's offset.
        register: u16,
        /// Bits that are always one.
        ones: u8,
        /// Bits that are always zero.
        zeros: u8,
    },
    /// Wait states never end.
    WaitsForever,
    /// Another locality holds the chip.
    Taken,
    /// A command's byte doesn't arrive.
    LosesCommand {
        /// Which.
        byte: usize,
        /// How often.
        times: u32,
    },
    /// A reply's byte is left out.
    LosesReply {
        /// Which.
        byte: usize,
        /// How often.
        times: u32,
    },
    /// A reply's byte comes twice.
    RepeatsReply {
        /// Which.
        byte: usize,
        /// How often.
        times: u32,
    },
    /// The chip is reset.
    Resets {
        /// When.
        at: Moment,
        /// How often.
        times: u32,
    },
    /// Commands are executed without end.
    Ponders {
        /// How often.
        times: u32,
    },
}

/// A moment of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// When a command's byte arrives.
    Command(usize),
    /// While the command is executed.
    Execution,
    /// When a reply's byte is read.
    Reply(usize),
}

/// A list that is gone through again and again.
#[derive(Debug, Clone, Default)]
pub(super) struct Round {
    values: Vec<u16>,
    next: usize,
}

impl Round {
    pub fn new(values: &[u16]) -> Self {
        Self { values: values.into(), next: 0 }
    }

    pub fn next(&mut self, otherwise: u16) -> u16 {
        let value = self.values.get(self.next).copied().unwrap_or(otherwise);
        self.next = self.next.saturating_add(1).checked_rem(self.values.len()).unwrap_or(0);
        value
    }
}

impl Temper {
    /// The value of a register's byte as it leaves the chip.
    pub(super) fn distort(&self, register: u16, value: u8) -> u8 {
        self.faults.iter().fold(value, |value, fault| match fault {
            Fault::Stuck { register: stuck, ones, zeros } if *stuck == register => (value | ones) & !zeros,
            _ => value,
        })
    }

    /// Whether something happens now that happens so often only.
    pub(super) fn happens(&mut self, is_it: impl Fn(&Fault) -> bool) -> bool {
        let mut candidates = self.faults.iter_mut().filter(|fault| is_it(fault));
        candidates.find_map(|fault| fault.times().filter(|left| **left > 0)).is_some_and(|left| {
            *left -= 1;
            true
        })
    }
}

impl Fault {
    fn times(&mut self) -> Option<&mut u32> {
        match self {
            Self::Silent(_) | Self::Stuck { .. } | Self::WaitsForever | Self::Taken => None,
            Self::LosesCommand { times, .. }
            | Self::LosesReply { times, .. }
            | Self::RepeatsReply { times, .. }
            | Self::Resets { times, .. }
            | Self::Ponders { times } => Some(times),
        }
    }
}
