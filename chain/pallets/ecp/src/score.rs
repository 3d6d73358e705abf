//! What is kept of a machine and of an owner.

use crate::{
    average::{Average, Sum},
    decay::DAY,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use pallet_machines::types::Account;
use scale_info::TypeInfo;

macro_rules! kept {
    ($(#[$meta:meta])* $kind:ident $name:ident $body:tt) => {
        $(#[$meta])*
        #[derive(Encode, Decode, DecodeWithMemTracking, Clone, PartialEq, Eq, Debug, TypeInfo, MaxEncodedLen)]
        pub $kind $name $body
    };
}

kept! {
/// What kind of work was done.
#[derive(Copy)]
enum Kind {
    /// D: drilling, tasks of the network.
    Drilling,
    /// T: training, orders that somebody paid for.
    Training,
}}

kept! {
/// Work of one kind by one machine.
#[derive(Copy, Default)]
struct Work {
    /// All of it, in micro-ut.
    pub total: u128,
    /// Lately.
    pub average: Average,
}}

kept! {
/// Work of one kind by all machines of an owner, or of the network.
#[derive(Copy, Default)]
struct Works {
    /// All of it, in micro-ut.
    pub total: u128,
    /// Lately, of the machines that count.
    pub average: Sum,
}}

kept! {
/// How much a machine has shown that it can do in a day. Drilling shows it: its tasks are the network's choice.
#[derive(Copy, Default)]
struct Shown {
    /// When the running day began, in milliseconds.
    pub since: u64,
    /// Drilling credited in it.
    pub today: u128,
    /// The most of any day.
    pub best: u128,
    /// Training that may be credited now.
    pub room: u128,
    /// When that was counted.
    pub at: u64,
}}

kept! {
/// A machine's work.
struct MachineScore {
    /// Whose it is.
    pub owner: Account,
    /// Whether it counts for its owner: only while the machine is active.
    pub counts: bool,
    /// D.
    pub drilling: Work,
    /// T.
    pub training: Work,
    /// What bounds T.
    pub shown: Shown,
}}

kept! {
/// The work of an owner, or of everybody.
#[derive(Copy, Default)]
struct OwnerScore {
    /// D.
    pub drilling: Works,
    /// T.
    pub training: Works,
    /// Machines that count.
    pub machines: u32,
}}

kept! {
/// What a buyer sees, in micro-ut.
#[derive(Copy, Default)]
struct Figures {
    /// All drilling.
    pub drilling_total: u128,
    /// Drilling lately, per day.
    pub drilling_effective: u128,
    /// All training.
    pub training_total: u128,
    /// Training lately, per day.
    pub training_effective: u128,
    /// `0.4 · D + 0.6 · T` of what was done lately: the weight in the block lottery.
    pub combined: u128,
}}

/// `0.4 · D + 0.6 · T`.
pub fn combine(drilling: u128, training: u128) -> u128 {
    (drilling.saturating_mul(4)).saturating_add(training.saturating_mul(6)) / 10
}

impl Shown {
    /// Drilling was credited.
    pub fn drilled(&mut self, now: u64, amount: u128) {
        if self.since == 0 || now.saturating_sub(self.since) >= DAY {
            (self.since, self.today) = (now, 0);
        }
        self.today = self.today.saturating_add(amount);
        self.best = self.best.max(self.today);
        if self.at == 0 {
            self.at = now;
        }
    }

    /// Training that may be credited now: what accrued by the rate shown, a month of it at most.
    pub fn room(&self, now: u64, percent: u32, days: u32) -> u128 {
        let rate = self.best.saturating_mul(u128::from(percent)) / 100;
        let since = u128::from(now.saturating_sub(self.at));
        let accrued = rate.saturating_mul(since) / u128::from(DAY);
        self.room.saturating_add(accrued).min(rate.saturating_mul(u128::from(days)))
    }

    /// Takes up to `amount` of the room, and says how much.
    pub fn train(&mut self, now: u64, amount: u128, percent: u32, days: u32) -> u128 {
        if self.at == 0 {
            return 0;
        }
        let room = self.room(now, percent, days);
        let taken = amount.min(room);
        (self.room, self.at) = (room - taken, now);
        taken
    }
}

impl MachineScore {
    /// A machine that has done nothing yet.
    pub fn new(owner: Account) -> Self {
        let (drilling, training) = (Work::default(), Work::default());
        Self { owner, counts: false, drilling, training, shown: Shown::default() }
    }

    /// The work of a kind.
    pub fn work(&mut self, kind: Kind) -> &mut Work {
        match kind {
            Kind::Drilling => &mut self.drilling,
            Kind::Training => &mut self.training,
        }
    }

    /// What a buyer sees.
    pub fn figures(&self, now: u64) -> Figures {
        let (drilling, training) = (self.drilling.average.value(now), self.training.average.value(now));
        figures(self.drilling.total, drilling, self.training.total, training)
    }
}

impl OwnerScore {
    /// The work of a kind.
    pub fn work(&mut self, kind: Kind) -> &mut Works {
        match kind {
            Kind::Drilling => &mut self.drilling,
            Kind::Training => &mut self.training,
        }
    }

    /// The weight in the block lottery.
    pub fn combined(&self, now: u64) -> u128 {
        combine(self.drilling.average.value(now), self.training.average.value(now))
    }

    /// What a buyer sees.
    pub fn figures(&self, now: u64) -> Figures {
        let (drilling, training) = (self.drilling.average.value(now), self.training.average.value(now));
        figures(self.drilling.total, drilling, self.training.total, training)
    }

    /// Counts a machine's recent work, or counts it no more.
    pub fn count(&mut self, now: u64, machine: &MachineScore, counts: bool) {
        let parts = [
            (&mut self.drilling.average, &machine.drilling.average),
            (&mut self.training.average, &machine.training.average),
        ];
        for (sum, average) in parts {
            if counts { sum.add(now, average.raw(now)) } else { sum.take(now, average.raw(now)) }
        }
        let machines = if counts { self.machines.saturating_add(1) } else { self.machines.saturating_sub(1) };
        self.machines = machines;
    }

    /// Takes a machine's whole past along, or hands it over.
    pub fn inherit(&mut self, machine: &MachineScore, takes: bool) {
        let parts = [
            (&mut self.drilling.total, machine.drilling.total),
            (&mut self.training.total, machine.training.total),
        ];
        for (total, part) in parts {
            *total = if takes { total.saturating_add(part) } else { total.saturating_sub(part) };
        }
    }
}

fn figures(drilling_total: u128, drilling: u128, training_total: u128, training: u128) -> Figures {
    Figures {
        drilling_total,
        drilling_effective: drilling,
        training_total,
        training_effective: training,
        combined: combine(drilling, training),
    }
}
