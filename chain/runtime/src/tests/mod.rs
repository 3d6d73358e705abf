//! What blocks cost on the real chain: how many calls fit, and what hooks do however many machines there have been.

mod hooks;
mod limits;

use crate::*;
use codec::Encode;
use frame_support::BoundedVec;
use frame_system::limits::BlockWeights;
use pallet_machines::types::{
    Anchored, BlockRef, Device, Head, Level, LogHead, Machine, MachineId, Role, Standing,
};
use sp_consensus_babe::{
    BABE_ENGINE_ID,
    digests::{PreDigest, SecondaryPlainPreDigest},
};
use sp_core::storage::Storage;
use sp_runtime::{BuildStorage, Digest, DigestItem, traits::Header as _};
use sp_state_machine::BasicExternalities;

/// The first block that is looked at.
pub const START: u32 = 10_000;
/// Its slot, in the first epoch.
pub const SLOT: u64 = 1_000_000_000;
pub const GENESIS: [u8; 32] = [9; 32];

/// The default genesis, which is the real chain's, and what a test adds to it.
pub fn storage(fill: impl FnOnce()) -> Storage {
    let mut storage = RuntimeGenesisConfig::default().build_storage().unwrap();
    BasicExternalities::execute_with_storage(&mut storage, || {
        frame_system::BlockHash::<Runtime>::insert(0, Hash::from(GENESIS));
        pallet_babe::GenesisSlot::<Runtime>::put(sp_consensus_babe::Slot::from(SLOT));
        pallet_timestamp::Now::<Runtime>::put((SLOT - 1) * 2_000);
        fill();
        // Until here there was no block, and there are no events.
        System::set_block_number(START - 1);
    });
    storage
}

/// The hash that block `number` has for its children.
pub fn hash(number: u32) -> Hash {
    sp_io::hashing::blake2_256(&number.to_le_bytes()).into()
}

/// Begins a block as its author's node does: hooks, and the clock.
pub fn begin(number: u32, slot: u64) {
    let claim = PreDigest::SecondaryPlain(SecondaryPlainPreDigest { authority_index: 0, slot: slot.into() });
    let digest = Digest { logs: alloc::vec![DigestItem::PreRuntime(BABE_ENGINE_ID, claim.encode())] };
    let (none, parent) = (Hash::default(), hash(number - 1));
    Executive::initialize_block(&Header::new(number, none, none, parent, digest));
    let call = pallet_timestamp::Call::<Runtime>::set { now: slot * 2_000 };
    Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(call.into())).unwrap().unwrap();
}

pub fn limits() -> BlockWeights {
    <Runtime as frame_system::Config>::BlockWeights::get()
}

pub fn id(kind: &str, number: u32) -> [u8; 32] {
    sp_io::hashing::blake2_256(&(kind, number).encode())
}

/// A machine that was enrolled long ago, and its device.
pub fn enrol(
    machine: MachineId,
    owner: &AccountId,
    device: &AccountId,
    standing: Standing,
    ak_public: &[u8],
) {
    let log = LogHead { size: 1, root: [1; 32] };
    let anchored = Anchored { at: 1, block: BlockRef { number: 1, hash: [1; 32] }, log, counter: 1 };
    let record = Machine {
        owner: owner.clone(),
        device: device.clone(),
        ak_public: BoundedVec::truncate_from(ak_public.to_vec()),
        level: Level::Hardware,
        standing,
        epoch: 0,
        enrolled_at: 1,
        head: Head { size: log.size, root: log.root, counter: 1, reset_count: 0, restart_count: 0 },
        anchors: 1,
        recent: BoundedVec::truncate_from(alloc::vec![anchored; pallet_machines::types::RECENT as usize]),
        seen_at: START - 1,
        due: START + 2_000,
        watched: 0,
        lapses: 0,
        absent: 0,
        delegated_at: 1,
        pcr_digest: [0; 32],
        log_lost: false,
        floor: 0,
        deposit: 0,
    };
    pallet_machines::Machines::<Runtime>::insert(machine, record);
    pallet_machines::MachinesOf::<Runtime>::insert(owner, machine, ());
    if matches!(standing, Standing::Active | Standing::Lapsed) {
        let right = Device { role: Role::Enrolled(machine), nonce: 0, since: START - 1 };
        pallet_machines::Devices::<Runtime>::insert(device, right);
        System::inc_sufficients(device);
    }
    <Ecp as pallet_machines::OnStanding>::changed(&machine, owner, standing);
}
