//! Registers, FIFO and states (PTP §6.5.2).

use super::{
    chip::{DEVICE, VENDOR},
    temper::{Fault, Moment, Round, Temper},
};
use crate::{
    Transport,
    transport::spi::{access, register, status},
};

/// What the chip answers where its mind fails: `TPM_RC_FAILURE`.
const FAILURE: [u8; 10] = [0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x01, 0x01];
const LONGEST_COMMAND: usize = 4096;
const LONGEST_BURST: u16 = 64;

/// Where the chip is with a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Ready,
    Reception,
    Execution,
    Completion,
}

/// The registers and what is behind them.
pub(super) struct Interface<T> {
    mind: T,
    pub temper: Temper,
    pub on_reset: Box<dyn FnMut()>,
    bursts: Round,
    slowness: Round,
    active: Option<u16>,
    state: State,
    /// Looks at the status register until the state shows there.
    hidden: u16,
    command: Vec<u8>,
    reply: Vec<u8>,
    read: usize,
    /// Command bytes seen, those that got lost included.
    seen: usize,
    granted: u16,
    pub overruns: u32,
    pub executed: u32,
}

impl<T: Transport> Interface<T> {
    pub fn new(mind: T, temper: Temper) -> Self {
        Self {
            mind,
            bursts: Round::new(&temper.bursts),
            slowness: Round::new(&temper.slowness),
            temper,
            on_reset: Box::new(|| ()),
            active: None,
            state: State::Idle,
            hidden: 0,
            command: Vec::new(),
            reply: Vec::new(),
            read: 0,
            seen: 0,
            granted: 0,
            overruns: 0,
            executed: 0,
        }
    }

    pub fn read(&mut self, address: u16) -> u8 {
        let (locality, register) = (address >> 12, address & 0xFFF);
        let is_active = self.active == Some(locality);
        let [vendor, device] = [VENDOR, DEVICE].map(u16::to_le_bytes);
        match register {
            register::ACCESS => access::VALID | if is_active { access::ACTIVE } else { 0 },
            register::STATUS if is_active => self.flags(),
            0x019 if is_active => self.burst(),
            0x01A | 0x01B if is_active => 0,
            register::DATA_FIFO if is_active => self.give(),
            0xF00..=0xF01 => *vendor.get(usize::from(register & 1)).unwrap_or(&0),
            0xF02..=0xF03 => *device.get(usize::from(register & 1)).unwrap_or(&0),
            register::RID => 1,
            _ => 0xFF,
        }
    }

    pub fn write(&mut self, address: u16, byte: u8) {
        let (locality, register) = (address >> 12, address & 0xFFF);
        let is_active = self.active == Some(locality);
        match register {
            register::ACCESS => self.change_locality(locality, byte),
            register::STATUS if is_active => self.control(byte),
            register::DATA_FIFO if is_active => self.take(byte),
            _ => {}
        }
    }

    fn change_locality(&mut self, locality: u16, byte: u8) {
        if byte & access::ACTIVE != 0 && self.active == Some(locality) {
            self.active = None;
            self.mind.release();
        }
        let is_taken = self.temper.faults.contains(&Fault::Taken);
        if byte & access::REQUEST != 0 && self.active.is_none() && !is_taken {
            self.active = Some(locality);
        }
    }

    fn flags(&mut self) -> u8 {
        if let Some(hidden) = self.hidden.checked_sub(1) {
            self.hidden = hidden;
            return 0;
        }
        match self.state {
            State::Idle => status::VALID,
            State::Ready => status::VALID | status::COMMAND_READY,
            State::Reception if self.expects() => status::VALID | status::EXPECT,
            State::Reception => status::VALID,
            State::Execution => {
                self.execute();
                0
            }
            State::Completion if self.read < self.reply.len() => status::VALID | status::DATA_AVAILABLE,
            State::Completion => status::VALID,
        }
    }

    fn burst(&mut self) -> u8 {
        let room = match self.state {
            State::Ready | State::Reception => u16::MAX,
            State::Completion => {
                u16::try_from(self.reply.len().saturating_sub(self.read)).unwrap_or(u16::MAX)
            }
            State::Idle | State::Execution => 0,
        };
        self.granted = self.bursts.next(LONGEST_BURST).min(room).min(0xFF);
        u8::try_from(self.granted).unwrap_or(u8::MAX)
    }

    fn control(&mut self, bits: u8) {
        match (bits, self.state) {
            (status::COMMAND_READY, State::Idle | State::Ready) => self.enter(State::Ready),
            (status::COMMAND_READY, _) => self.enter(State::Idle),
            (status::GO, State::Reception) if !self.expects() => self.enter(State::Execution),
            (status::RESPONSE_RETRY, State::Completion) => {
                self.read = 0;
                self.hidden = self.slowness.next(0);
            }
            _ => {}
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.hidden = self.slowness.next(0);
        if matches!(state, State::Idle | State::Ready) {
            self.command.clear();
            self.reply.clear();
            (self.read, self.seen) = (0, 0);
        }
    }

    fn take(&mut self, byte: u8) {
        if !matches!(self.state, State::Ready | State::Reception) {
            return;
        }
        self.spend();
        self.state = State::Reception;
        let at = self.seen;
        self.seen += 1;
        if self.resets(Moment::Command(at)) || self.happens_to(at, Fault::is_lost_command) {
            return;
        }
        if self.expects() && self.command.len() < LONGEST_COMMAND {
            self.command.push(byte);
        }
    }

    fn give(&mut self) -> u8 {
        if self.state != State::Completion {
            return 0xFF;
        }
        self.spend();
        let at = self.read;
        if self.resets(Moment::Reply(at)) {
            return 0xFF;
        }
        if self.happens_to(at, Fault::is_lost_reply) {
            self.read += 1;
        }
        let byte = self.reply.get(self.read).copied().unwrap_or(0xFF);
        if !self.happens_to(at, Fault::is_repeated_reply) {
            self.read += 1;
        }
        byte
    }

    fn execute(&mut self) {
        if self.resets(Moment::Execution)
            || self.temper.happens(|fault| matches!(fault, Fault::Ponders { .. }))
        {
            return;
        }
        self.executed += 1;
        self.reply = self.mind.transact(&self.command).unwrap_or_else(|_| FAILURE.into());
        self.state = State::Completion;
        self.hidden = self.slowness.next(0);
    }

    /// Whether the size that the command states isn't reached.
    fn expects(&self) -> bool {
        match self.command.as_slice() {
            [_, _, a, b, c, d, ..] => {
                let stated = u32::from_be_bytes([*a, *b, *c, *d]);
                u32::try_from(self.command.len()).is_ok_and(|size| size < stated)
            }
            _ => true,
        }
    }

    fn spend(&mut self) {
        match self.granted.checked_sub(1) {
            Some(left) => self.granted = left,
            None => self.overruns += 1,
        }
        if self.granted == 0 {
            self.hidden = self.slowness.next(0);
        }
    }

    fn happens_to(&mut self, byte: usize, is_it: impl Fn(&Fault, usize) -> bool) -> bool {
        self.temper.happens(|fault| is_it(fault, byte))
    }

    fn resets(&mut self, now: Moment) -> bool {
        let resets = self.temper.happens(|fault| matches!(fault, Fault::Resets { at, .. } if *at == now));
        if resets {
            self.active = None;
            self.enter(State::Idle);
            self.mind.release();
            (self.on_reset)();
        }
        resets
    }
}

impl Fault {
    fn is_lost_command(&self, at: usize) -> bool {
        matches!(self, Self::LosesCommand { byte, .. } if *byte == at)
    }

    fn is_lost_reply(&self, at: usize) -> bool {
        matches!(self, Self::LosesReply { byte, .. } if *byte == at)
    }

    fn is_repeated_reply(&self, at: usize) -> bool {
        matches!(self, Self::RepeatsReply { byte, .. } if *byte == at)
    }
}
