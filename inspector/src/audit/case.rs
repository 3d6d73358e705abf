//! A dispute as the chain has it, as far as an inspector looks.

use drilling::{Question, Task};
use light_client::AccountId32;

/// A dispute.
#[derive(Debug, Clone)]
pub struct Case {
    /// The task's identifier.
    pub id: [u8; 32],
    /// What was computed.
    pub task: Task,
    /// Where its publisher says that the data can be had which it runs over.
    pub source: String,
    /// The machines that have revealed a result, and are not convicted.
    pub accused: Vec<Accused>,
}

/// One machine's result in doubt.
#[derive(Debug, Clone)]
pub struct Accused {
    /// The machine.
    pub machine: [u8; 32],
    /// What it revealed.
    pub digest: [u8; 32],
    /// What it has opened of it: the layers' roots.
    pub roots: Option<Vec<u8>>,
    /// What inspectors have asked beyond that.
    pub chains: Vec<Chain>,
}

/// One inspector's way down.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Whose.
    pub inspector: AccountId32,
    /// What it asked last.
    pub question: Question,
    /// The answer, once it is there.
    pub answer: Option<Vec<u8>>,
    /// Questions asked so far.
    pub asked: u8,
}

impl Accused {
    /// This inspector's way down, if it has begun.
    pub fn chain_of(&self, me: &AccountId32) -> Option<&Chain> {
        self.chains.iter().find(|chain| chain.inspector == *me)
    }

    /// Questions that this inspector has asked.
    pub fn asked_by(&self, me: &AccountId32) -> u8 {
        self.chain_of(me).map_or(0, |chain| chain.asked)
    }
}
