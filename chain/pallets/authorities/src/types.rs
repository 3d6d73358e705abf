//! What the chain keeps of an authority, and what proves whose a key was.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use polkadot_sdk::*;
use scale_info::TypeInfo;
use sp_consensus_babe::AuthorityId as Producer;
use sp_consensus_grandpa::AuthorityId as Voter;
use sp_session::{GetSessionNumber, GetValidatorCount};

macro_rules! kept {
    ($(#[$meta:meta])* $kind:ident $name:ident $body:tt) => {
        $(#[$meta])*
        #[derive(Encode, Decode, DecodeWithMemTracking, Clone, PartialEq, Eq, Debug, TypeInfo, MaxEncodedLen)]
        pub $kind $name $body
    };
}

kept! {
/// What an authority does.
#[derive(Copy)]
enum State {
    /// Takes part from the epoch after next on.
    Serving,
    /// Was idle, or weaker than all others while there was no room. It may wake.
    Resting,
    /// Takes part no more. From this block on the stake may be taken back.
    Leaving(u32),
}}

kept! {
/// An owner who has staked.
struct Authority {
    /// What is at stake.
    pub stake: u128,
    /// The key that produces blocks.
    pub producer: Producer,
    /// The key that votes on finality.
    pub voter: Voter,
    /// Whether it wants a seat among the voters.
    pub seat: bool,
    /// What it does.
    pub state: State,
}}

kept! {
/// What a set is for.
#[derive(Copy)]
enum Role {
    /// Block production.
    Producing,
    /// Finality.
    Voting,
}}

kept! {
/// The sets of one epoch, by their numbers.
#[derive(Copy, Default)]
struct Sets {
    /// Who produced.
    pub producers: u32,
    /// Who voted.
    pub voters: u32,
}}

kept! {
/// In which epoch's set a key is said to have been. The chain has the sets: there is nothing else to prove.
#[derive(Copy)]
struct KeyProof {
    /// The epoch.
    pub epoch: u32,
    /// How many were in the set.
    pub members: u32,
}}

impl GetSessionNumber for KeyProof {
    fn session(&self) -> u32 {
        self.epoch
    }
}

impl GetValidatorCount for KeyProof {
    fn validator_count(&self) -> u32 {
        self.members
    }
}
