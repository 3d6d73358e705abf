//! The pallet with the real BABE and GRANDPA pallets, and slots and powers that the tests choose.

mod equivocation;
mod life;
mod sets;

use crate as pallet_authorities;
use crate::{Power, types::Role};
use codec::Encode;
use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, Hooks, Imbalance},
};
use polkadot_sdk::*;
use sp_consensus_babe::{BABE_ENGINE_ID, digests::PreDigest};
use sp_core::{Pair, ed25519, sr25519};
use sp_runtime::{
    BuildStorage, Digest, DigestItem, Perbill, impl_opaque_keys,
    testing::{Header, TestXt},
};
use std::collections::BTreeMap;

pub type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Timestamp: pallet_timestamp,
        Babe: pallet_babe,
        Authorship: pallet_authorship,
        Grandpa: pallet_grandpa,
        Balances: pallet_balances,
        Authorities: pallet_authorities,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<u128>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u128;
    type AccountStore = System;
    type ExistentialDeposit = ConstU128<1>;
    type RuntimeHoldReason = RuntimeHoldReason;
}

impl pallet_timestamp::Config for Test {
    type Moment = u64;
    type OnTimestampSet = ();
    type MinimumPeriod = ConstU64<1>;
    type WeightInfo = ();
}

pub const EPOCH: u64 = 10;
type Reports<P> = P;
impl pallet_babe::Config for Test {
    type EpochDuration = ConstU64<EPOCH>;
    type ExpectedBlockTime = ConstU64<1>;
    type EpochChangeTrigger = pallet_babe::ExternalTrigger;
    type DisabledValidators = ();
    type WeightInfo = ();
    type MaxAuthorities = ConstU32<8>;
    type MaxNominators = ConstU32<0>;
    type KeyOwnerProof = crate::types::KeyProof;
    type EquivocationReportSystem =
        Reports<pallet_babe::EquivocationReportSystem<Self, Authorities, Authorities, ConstU64<100>>>;
}

impl pallet_grandpa::Config for Test {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
    type MaxAuthorities = ConstU32<8>;
    type MaxNominators = ConstU32<0>;
    type MaxSetIdSessionEntries = ConstU64<20>;
    type KeyOwnerProof = crate::types::KeyProof;
    type EquivocationReportSystem =
        Reports<pallet_grandpa::EquivocationReportSystem<Self, Authorities, Authorities, ConstU64<100>>>;
}

/// The author that a test chose.
pub struct Chosen;
impl frame_support::traits::FindAuthor<u64> for Chosen {
    fn find_author<'a, I>(_: I) -> Option<u64>
    where
        I: 'a + IntoIterator<Item = (frame_support::ConsensusEngineId, &'a [u8])>,
    {
        Some(Author::get())
    }
}

impl pallet_authorship::Config for Test {
    type FindAuthor = Chosen;
    type EventHandler = Authorities;
}

impl<C> frame_system::offchain::CreateTransactionBase<C> for Test
where
    RuntimeCall: From<C>,
{
    type RuntimeCall = RuntimeCall;
    type Extrinsic = TestXt<RuntimeCall, ()>;
}

impl<C> frame_system::offchain::CreateBare<C> for Test
where
    RuntimeCall: From<C>,
{
    fn create_bare(call: Self::RuntimeCall) -> Self::Extrinsic {
        TestXt::new_bare(call)
    }
}

impl_opaque_keys! {
    pub struct Keys {
        pub babe: Babe,
        pub grandpa: Grandpa,
    }
}

parameter_types! {
    pub static Author: u64 = 1;
    pub static Powers: BTreeMap<u64, u128> = BTreeMap::new();
    pub static Slashed: Vec<(u64, u128, Option<u64>)> = Vec::new();
    pub const LeastSlash: Perbill = Perbill::from_percent(10);
}

pub struct Given;
impl Power<u64> for Given {
    fn of(owner: &u64) -> u128 {
        Powers::get().get(owner).copied().unwrap_or(0)
    }
}

/// Writes down what was slashed, and burns it.
pub struct Noted;
impl crate::OnSlash<u64, crate::Taken<Test>> for Noted {
    fn slashed(offender: &u64, taken: crate::Taken<Test>, reporter: Option<&u64>) {
        Slashed::mutate(|all| all.push((*offender, taken.peek(), reporter.copied())));
    }
}

pub const STAKE: u128 = 100;
pub const SEAT: u128 = 1_000;
pub const RICH: u128 = 1_000_000;
impl pallet_authorities::Config for Test {
    type WeightInfo = crate::weights::Measured<()>;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Power = Given;
    type OnSlash = Noted;
    type Keys = Keys;
    type LeastStake = ConstU128<STAKE>;
    type SeatBond = ConstU128<SEAT>;
    type LeastSlash = LeastSlash;
    type Most = ConstU32<8>;
    type MaxVoters = ConstU32<8>;
    type IdleBlocks = ConstU64<20>;
    type Unbonding = ConstU32<50>;
    type KeptEpochs = ConstU32<20>;
}

pub fn babe(owner: u64) -> sr25519::Pair {
    sr25519::Pair::from_seed(&[owner as u8; 32])
}

pub fn grandpa(owner: u64) -> ed25519::Pair {
    ed25519::Pair::from_seed(&[100 + owner as u8; 32])
}

pub fn keys(owner: u64) -> Keys {
    Keys { babe: babe(owner).public().into(), grandpa: grandpa(owner).public().into() }
}

/// What the owner's node would sign.
pub fn proof(owner: u64) -> crate::Proof {
    use sp_core::proof_of_possession::ProofOfPossessionGenerator;
    let account = owner.encode();
    let signatures = (
        babe(owner).generate_proof_of_possession(&account),
        grandpa(owner).generate_proof_of_possession(&account),
    );
    signatures.encode().try_into().unwrap()
}

/// This many authorities with seats, everybody else rich; block 1 of epoch 0.
pub fn run(authorities: u64, test: impl FnOnce()) {
    let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    let all: Vec<u64> = (1..=authorities).collect();
    pallet_babe::GenesisConfig::<Test> {
        authorities: all.iter().map(|owner| (keys(*owner).babe, 1)).collect(),
        epoch_config: sp_consensus_babe::BabeEpochConfiguration {
            c: (1, 4),
            allowed_slots: sp_consensus_babe::AllowedSlots::PrimaryAndSecondaryPlainSlots,
        },
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    pallet_grandpa::GenesisConfig::<Test> {
        authorities: all.iter().map(|owner| (keys(*owner).grandpa, 1)).collect(),
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    pallet_balances::GenesisConfig::<Test> {
        balances: (1..20).map(|owner| (owner, RICH)).collect(),
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    pallet_authorities::GenesisConfig::<Test> {
        authorities: all
            .iter()
            .map(|owner| (*owner, keys(*owner).babe, keys(*owner).grandpa, 2 * SEAT))
            .collect(),
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        block(1);
        test();
    });
}

pub fn digest(slot: u64) -> Digest {
    let data = PreDigest::SecondaryPlain(sp_consensus_babe::digests::SecondaryPlainPreDigest {
        authority_index: 0,
        slot: slot.into(),
    });
    Digest { logs: vec![DigestItem::PreRuntime(BABE_ENGINE_ID, data.encode())] }
}

/// The next block, by this author, in the next slot.
pub fn block(author: u64) {
    block_at(author, *pallet_babe::CurrentSlot::<Test>::get() + 1);
}

pub fn block_at(author: u64, slot: u64) {
    let number = System::block_number() + 1;
    let parent = if number > 1 {
        Babe::on_finalize(number - 1);
        Grandpa::on_finalize(number - 1);
        Authorship::on_finalize(number - 1);
        System::finalize().hash()
    } else {
        System::parent_hash()
    };
    Author::set(author);
    System::reset_events();
    System::initialize(&number, &parent, &digest(slot));
    Timestamp::set_timestamp(slot * 2);
    Babe::on_initialize(number);
    Authorship::on_initialize(number);
    Authorities::on_initialize(number);
}

/// Blocks by these in turn until an epoch has begun.
pub fn until_epoch(epoch: u32, authors: &[u64]) {
    let mut turn = authors.iter().cycle();
    while Authorities::epoch() < epoch {
        block(*turn.next().unwrap());
    }
}

pub fn weights() -> Vec<(u64, u64)> {
    named(&pallet_babe::Authorities::<Test>::get())
}

pub fn next_weights() -> Vec<(u64, u64)> {
    named(&pallet_babe::NextAuthorities::<Test>::get())
}

fn named(set: &[(sp_consensus_babe::AuthorityId, u64)]) -> Vec<(u64, u64)> {
    set.iter().map(|(key, weight)| (Authorities::owner_of(key).unwrap(), *weight)).collect()
}

pub fn voters() -> Vec<u64> {
    let find = |key: &sp_consensus_grandpa::AuthorityId| (1..20).find(|owner| keys(*owner).grandpa == *key);
    Grandpa::grandpa_authorities()
        .iter()
        .map(|(key, weight)| {
            assert_eq!(*weight, 1, "light clients count signatures");
            find(key).unwrap()
        })
        .collect()
}

pub fn join(owner: u64, stake: u128) -> Result<(), sp_runtime::DispatchError> {
    Authorities::join(RuntimeOrigin::signed(owner), keys(owner), proof(owner), stake)
}
