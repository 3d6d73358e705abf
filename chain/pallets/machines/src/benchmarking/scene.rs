//! Owners, machines, requests and accusations as the benchmarks want them.

use super::rig::{self, Rig};
use crate::{
    Accusations, Config, Due, DutiesOf, HoldReason, Machines, MachinesOf, OnStanding, Pallet, Requests,
    Tokens, Waiting, types::*,
};
use attest::statement;
use credential::{EkPublic, Randomness, make_credential};
use polkadot_sdk::*;

use frame_benchmarking::v2::account;
use frame_support::{
    BoundedVec,
    pallet_prelude::Get,
    traits::fungible::{Mutate, MutateHold},
};
use frame_system::Pallet as System;
use pallet_inspectors::benchmarking as inspectors;
use sp_core::H256;

pub const GENESIS: [u8; 32] = [9; 32];
pub const RECENT_HASH: [u8; 32] = [8; 32];
pub const NOW: u32 = 10_000;
pub const REQUEST: RequestId = [1; 32];
pub const SECRET: [u8; 32] = [13; 32];
pub const RICH: u128 = 1 << 100;

/// Blocks that are full when an item is to be scheduled. Everything that comes to one block's calls is due in another one block, and no
/// block takes as many anchors as [`DUE_PER_BLOCK`]: more than a few full ones in a row do not happen.
pub const SEARCHED: u32 = 8;

pub fn rich<T: Config>(name: &'static str) -> Account
where
    T::Currency: Mutate<Account>,
{
    let who: Account = account(name, 0, 0);
    T::Currency::mint_into(&who, RICH).unwrap();
    who
}

/// A block, those that evidence may name, and nobody but inspectors.
pub fn begin<T: Config + pallet_inspectors::Config>()
where
    <T as pallet_inspectors::Config>::Currency: Mutate<Account>,
{
    System::<T>::set_block_number(NOW.into());
    frame_system::BlockHash::<T>::insert(Pallet::<T>::height(0), H256(GENESIS));
    frame_system::BlockHash::<T>::insert(Pallet::<T>::height(NOW - 1), H256(RECENT_HASH));
    inspectors::register::<T>(<T as pallet_inspectors::Config>::Most::get());
}

/// Fills the blocks from `wanted` on.
pub fn fill<T: Config>(wanted: u32) {
    let items = BoundedVec::truncate_from([Item::Machine([77; 32]); DUE_PER_BLOCK as usize].to_vec());
    (wanted..wanted + SEARCHED).for_each(|block| Due::<T>::insert(block, &items));
}

/// A machine's record with everything in it that fits.
pub fn record(owner: &Account, device: &Account, ak_public: Bytes<128>, log: LogHead) -> Machine {
    let anchored = Anchored { at: 1, block: BlockRef { number: 1, hash: [1; 32] }, log, counter: 1 };
    Machine {
        owner: owner.clone(),
        device: device.clone(),
        ak_public,
        level: Level::Hardware,
        standing: Standing::Active,
        epoch: 0,
        enrolled_at: 1,
        head: Head { size: log.size, root: log.root, counter: 1, reset_count: 0, restart_count: 0 },
        anchors: 1,
        recent: BoundedVec::truncate_from([anchored; RECENT as usize].to_vec()),
        seen_at: 1,
        due: NOW,
        watched: NOW,
        lapses: 0,
        absent: 0,
        delegated_at: 1,
        pcr_digest: [0; 32],
        log_lost: false,
        floor: 0,
        deposit: 0,
    }
}

/// Enrols a machine that has no TPM, for benchmarks of work.
pub fn member<T: Config>(id: MachineId, owner: &Account, device: &Account) {
    let (ak_public, log) = (BoundedVec::truncate_from([1; 128].to_vec()), LogHead { size: 1, root: [1; 32] });
    Machines::<T>::insert(id, record(owner, device, ak_public, log));
    Pallet::<T>::admit(device, Role::Enrolled(id));
    T::OnStanding::changed(&id, owner, Standing::Active);
}

/// An owner's machine whose anchor is due.
pub fn enrol<T: Config>(rig: &Rig, owner: &Account)
where
    T::Currency: Mutate<Account>,
{
    let device: Account = account("old device", 0, 0);
    let mut machine = record(owner, &device, rig.ak_public(), rig.anchored());
    machine.deposit = T::Deposit::get();
    T::Currency::hold(&HoldReason::Machine.into(), owner, T::Deposit::get()).unwrap();
    Pallet::<T>::admit(&device, Role::Enrolled(rig.id()));
    MachinesOf::<T>::insert(owner, rig.id(), ());
    T::OnStanding::changed(&rig.id(), owner, Standing::Active);
    Machines::<T>::insert(rig.id(), machine);
}

/// Gives the machine the rig's own device, as it has after its last delegation.
pub fn delegated<T: Config>(rig: &Rig) {
    Machines::<T>::mutate_extant(rig.id(), |machine| machine.device = rig.device());
    Pallet::<T>::admit(&rig.device(), Role::Enrolled(rig.id()));
}

pub fn lapsed<T: Config>(rig: &Rig) {
    Machines::<T>::mutate_extant(rig.id(), |machine| {
        Pallet::<T>::lapse(&rig.id(), machine);
        machine.watched = 0;
    });
}

pub fn inspector<T: Config + pallet_inspectors::Config>(number: usize) -> Account {
    pallet_inspectors::Candidates::<T>::get()[number].account.clone()
}

/// How far one duty is.
#[derive(Clone, Copy)]
pub enum Done {
    Nothing,
    Challenged,
    Disputed,
    Answered,
    Refused,
}

pub fn challenge(rig: &Rig, inspector: &Account) -> Challenge {
    let ek = EkPublic::parse(&rig.ek_public()).unwrap();
    let made = make_credential(&ek, &attest::object_name(&rig.ak_public()), &SECRET, &randomness()).unwrap();
    Challenge {
        id_object: made.id_object.try_into().unwrap(),
        encrypted_secret: made.encrypted_secret.try_into().unwrap(),
        commitment: statement::answer_commitment(&answer(inspector)),
        level: Level::Hardware,
    }
}

pub fn randomness() -> Randomness {
    Randomness { seed: [11; 32], oaep_seed: [12; 32] }
}

pub fn answer(inspector: &Account) -> attest::Hash {
    statement::answer(&REQUEST, inspector.as_ref(), &SECRET)
}

/// The rig's request, whose three inspectors are so far.
pub fn request<T: Config + pallet_inspectors::Config>(rig: &Rig, done: [Done; 3]) -> Request
where
    <T as Config>::Currency: Mutate<Account>,
{
    let (owner, held) = (rich::<T>("requester"), Pallet::<T>::hold_per_machine());
    <T as Config>::Currency::hold(&HoldReason::Machine.into(), &owner, held).unwrap();
    let duties = done.iter().enumerate().map(|(number, done)| {
        let inspector = inspector::<T>(number);
        DutiesOf::<T>::insert(&inspector, REQUEST, ());
        let challenged = !matches!(done, Done::Nothing | Done::Refused);
        Duty {
            challenge: challenged.then(|| challenge(rig, &inspector)),
            answered: matches!(done, Done::Answered),
            disputed: matches!(done, Done::Disputed),
            closed: matches!(done, Done::Answered | Done::Refused),
            refused: matches!(done, Done::Refused),
            inspector,
        }
    });
    Pallet::<T>::admit(&rig.device(), Role::Requesting(REQUEST));
    let log = rig.log();
    Tokens::<T>::insert(rig.token(), Token { owner: owner.clone(), left: 1, expires: NOW + 1 });
    let request = Request {
        machine: rig.id(),
        owner,
        token: rig.token(),
        held,
        device: rig.device(),
        ek_public: rig.ek_public(),
        ek_certificate: rig::certificate(),
        ak_public: rig.ak_public(),
        head: Head { size: log.size, root: log.root, counter: 0, reset_count: 1, restart_count: 0 },
        pcr_digest: [0; 32],
        continues: Some(rig.anchored()),
        frozen_in: 0,
        tries: TRIES,
        deadline: NOW,
        duties: BoundedVec::truncate_from(duties.collect()),
    };
    Requests::<T>::insert(REQUEST, &request);
    request
}

pub fn accuse<T: Config>(rig: &Rig)
where
    T::Currency: Mutate<Account>,
{
    let reporter = rich::<T>("accuser");
    T::Currency::hold(&HoldReason::Report.into(), &reporter, T::ReportBond::get()).unwrap();
    let (old, new) = (rig.anchored(), rig.log());
    Accusations::<T>::insert(rig.id(), Accusation { reporter, old, new, deadline: NOW });
}

/// Requests whose seed is known and, behind them, as many without one as may wait.
pub fn wait<T: Config + pallet_inspectors::Config + pallet_draw::Config>(rig: &Rig, ready: u32)
where
    <T as Config>::Currency: Mutate<Account>,
{
    pallet_draw::Seeds::<T>::insert(0, [7; 32]);
    let template = request::<T>(rig, [Done::Nothing; 3]);
    let waiting = (0..WAITING).map(|number| {
        let id = sp_io::hashing::blake2_256(&number.to_le_bytes());
        if number <= DRAWS_PER_BLOCK {
            let frozen_in = if number < ready { 0 } else { 1 };
            let request = Request { frozen_in, duties: Default::default(), tries: 0, ..template.clone() };
            Requests::<T>::insert(id, request);
        }
        id
    });
    Waiting::<T>::put(BoundedVec::truncate_from(waiting.collect()));
}
