//! Each pallet's configuration.

use crate::{
    AccountId, Authorities, Babe, Balance, Balances, Block, Draw, Drilling, Ecp, Hash, Inspectors, Machines,
    Nonce, Pace, PalletInfo, Rewards, Runtime, RuntimeCall, RuntimeEvent, RuntimeFreezeReason,
    RuntimeHoldReason, RuntimeOrigin, RuntimeTask, SessionKeys, System, UncheckedExtrinsic, VERSION,
    constants, pace,
};
use polkadot_sdk::*;

use frame_support::{
    ConsensusEngineId, PalletId, derive_impl,
    dispatch::DispatchClass,
    parameter_types,
    traits::{ConstU8, ConstU16, ConstU32, ConstU64, ConstU128, FindAuthor, VariantCountOf},
    weights::{
        IdentityFee, Weight,
        constants::{BlockExecutionWeight, ExtrinsicBaseWeight, ParityDbWeight, WEIGHT_REF_TIME_PER_MILLIS},
    },
};
use frame_system::{
    limits::{BlockLength, BlockWeights},
    offchain::{CreateBare, CreateTransactionBase},
};
use pallet_authorities::types::KeyProof;
use pallet_transaction_payment::{ConstFeeMultiplier, FungibleAdapter, Multiplier};
use sp_runtime::{
    Perbill, Percent,
    traits::{AccountIdConversion, One},
};
use sp_version::RuntimeVersion;

/// Share of a block that ordinary calls may fill; the rest is for operational ones.
const NORMAL_SHARE: Perbill = Perbill::from_percent(75);
/// Share of a block taken by hooks, at most, where the rest is left to calls.
const HOOKS_SHARE: Perbill = Perbill::from_percent(10);

parameter_types! {
    pub const Version: RuntimeVersion = VERSION;
    pub Length: BlockLength = BlockLength::builder()
        .max_length(constants::BLOCK_LENGTH)
        .modify_max_length_for_class(DispatchClass::Normal, |most| *most = NORMAL_SHARE * *most)
        .build();
    pub Weights: BlockWeights = block_weights(Pace::rhythm().slot_millis);
    pub EpochSlots: u64 = Pace::rhythm().epoch_slots;
    pub HalfSlot: u64 = Pace::rhythm().slot_millis / 2;
    pub ExpectedBlockTime: u64 = expected_block_time();
    pub FeeMultiplier: Multiplier = Multiplier::one();
    pub LeastSlash: Perbill = Perbill::from_percent(constants::LEAST_SLASH_PERCENT);
    // As long as a transaction may be valid.
    pub ReportLongevity: u64 = u64::from(constants::BLOCK_HASH_COUNT);
}

/// A block may take a third of its slot. Proof size is not limited: this chain is nobody's parachain.
fn block_weights(slot_millis: u64) -> BlockWeights {
    let millis = slot_millis / constants::BLOCK_SHARE_OF_SLOT;
    let most = Weight::from_parts(millis.saturating_mul(WEIGHT_REF_TIME_PER_MILLIS), u64::MAX);
    BlockWeights::builder()
        .base_block(BlockExecutionWeight::get())
        .for_class(DispatchClass::all(), |class| class.base_extrinsic = ExtrinsicBaseWeight::get())
        .for_class(DispatchClass::Normal, |class| class.max_total = Some(NORMAL_SHARE * most))
        .for_class(DispatchClass::Operational, |class| {
            class.max_total = Some(most);
            class.reserved = Some(most.saturating_sub(NORMAL_SHARE * most));
        })
        .avg_block_initialization(HOOKS_SHARE)
        .build_or_panic()
}

/// A slot's length over the chance that somebody produces in it.
fn expected_block_time() -> u64 {
    let slot = Pace::rhythm().slot_millis;
    let Some(config) = pallet_babe::EpochConfig::<Runtime>::get() else { return slot };
    let (chance, of) = config.c;
    slot.saturating_mul(of).checked_div(chance).unwrap_or(slot)
}

/// An epoch in expected blocks: how long machines have to commit, and then to reveal.
fn window_blocks() -> u32 {
    let rhythm = Pace::rhythm();
    let epoch = rhythm.slot_millis.saturating_mul(rhythm.epoch_slots);
    let blocks = epoch.checked_div(expected_block_time()).and_then(|blocks| u32::try_from(blocks).ok());
    blocks.unwrap_or(0).max(constants::LEAST_WINDOW)
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type Block = Block;
    type BlockWeights = Weights;
    type BlockLength = Length;
    type BlockHashCount = ConstU32<{ constants::BLOCK_HASH_COUNT }>;
    type DbWeight = ParityDbWeight;
    type AccountId = AccountId;
    type Nonce = Nonce;
    type Hash = Hash;
    type AccountData = pallet_balances::AccountData<Balance>;
    type SS58Prefix = ConstU16<{ constants::SS58_PREFIX }>;
    type Version = Version;
    type MaxConsumers = ConstU32<16>;
}

impl pace::Config for Runtime {}

impl pallet_timestamp::Config for Runtime {
    type Moment = u64;
    type OnTimestampSet = Babe;
    type MinimumPeriod = HalfSlot;
    type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Runtime>;
}

impl pallet_babe::Config for Runtime {
    type EpochDuration = EpochSlots;
    type ExpectedBlockTime = ExpectedBlockTime;
    // The authorities' pallet ends epochs: it knows the next weights.
    type EpochChangeTrigger = pallet_babe::ExternalTrigger;
    type DisabledValidators = ();
    type WeightInfo = ();
    type MaxAuthorities = ConstU32<{ constants::MAX_AUTHORITIES }>;
    type MaxNominators = ConstU32<0>;
    type KeyOwnerProof = KeyProof;
    type EquivocationReportSystem =
        pallet_babe::EquivocationReportSystem<Self, Authorities, Authorities, ReportLongevity>;
}

impl pallet_grandpa::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
    type MaxAuthorities = ConstU32<{ constants::MAX_VOTERS }>;
    type MaxNominators = ConstU32<0>;
    // A set serves in at least one epoch.
    type MaxSetIdSessionEntries = ConstU64<{ constants::KEPT_EPOCHS as u64 }>;
    type KeyOwnerProof = KeyProof;
    type EquivocationReportSystem =
        pallet_grandpa::EquivocationReportSystem<Self, Authorities, Authorities, ReportLongevity>;
}

// Nodes report equivocation in transactions that nobody signs, into their own blocks.
impl<Call> CreateTransactionBase<Call> for Runtime
where
    RuntimeCall: From<Call>,
{
    type Extrinsic = UncheckedExtrinsic;
    type RuntimeCall = RuntimeCall;
}

impl<Call> CreateBare<Call> for Runtime
where
    RuntimeCall: From<Call>,
{
    fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
        UncheckedExtrinsic::new_bare(call)
    }
}

/// A block's author: the owner of its BABE key.
pub struct BabeKeyOwner;

impl FindAuthor<AccountId> for BabeKeyOwner {
    fn find_author<'a, I>(digests: I) -> Option<AccountId>
    where
        I: 'a + IntoIterator<Item = (ConsensusEngineId, &'a [u8])>,
    {
        let index = usize::try_from(Babe::find_author(digests)?).ok()?;
        let authorities = pallet_babe::Authorities::<Runtime>::get();
        let (key, _weight) = authorities.get(index)?;
        // A key of genesis that nobody staked for stands for itself.
        let itself = || AccountId::new(sp_core::sr25519::Public::from(key.clone()).0);
        Some(Authorities::owner_of(key).unwrap_or_else(itself))
    }
}

impl pallet_authorship::Config for Runtime {
    type FindAuthor = BabeKeyOwner;
    type EventHandler = (Authorities, Rewards);
}

impl pallet_balances::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
    type Balance = Balance;
    type DustRemoval = ();
    type ExistentialDeposit = ConstU128<{ constants::EXISTENTIAL_DEPOSIT }>;
    type AccountStore = System;
    type ReserveIdentifier = [u8; 8];
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxLocks = ConstU32<16>;
    type MaxReserves = ConstU32<16>;
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
    type DoneSlashHandler = ();
}

impl pallet_transaction_payment::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    // Fees are burnt until rewards have their own rules.
    type OnChargeTransaction = FungibleAdapter<Balances, ()>;
    type WeightToFee = IdentityFee<Balance>;
    type LengthToFee = IdentityFee<Balance>;
    type FeeMultiplierUpdate = ConstFeeMultiplier<FeeMultiplier>;
    type OperationalFeeMultiplier = ConstU8<5>;
    type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
}

impl pallet_skip_feeless_payment::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
}

impl pallet_sudo::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type WeightInfo = pallet_sudo::weights::SubstrateWeight<Runtime>;
}

/// BABE's epochs and the randomness it announces.
pub struct BabeEpochs;

impl pallet_draw::Epochs for BabeEpochs {
    fn index() -> u64 {
        pallet_babe::EpochIndex::<Runtime>::get()
    }

    fn announced_randomness() -> pallet_draw::Seed {
        pallet_babe::NextRandomness::<Runtime>::get()
    }
}

impl pallet_draw::Config for Runtime {
    type Epochs = BabeEpochs;
    type WeightInfo = pallet_draw::weights::Measured<ParityDbWeight>;
}

parameter_types! {
    pub AnchorPeriod: u32 = Pace::rhythm().anchor_period;
    pub AnchorGrace: u32 = Pace::rhythm().anchor_grace;
    pub DutyBlocks: u32 = Pace::rhythm().duty_blocks;
    pub WindowBlocks: u32 = window_blocks();
    pub AnswerBlocks: u32 = Pace::rhythm().answer_blocks;
    pub DrillingPot: AccountId = PalletId(*b"mx/drill").into_account_truncating();
}

impl pallet_inspectors::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Draw = Draw;
    type Bond = ConstU128<{ constants::INSPECTOR_BOND }>;
    type Fine = ConstU128<{ constants::INSPECTOR_FINE }>;
    type Unbonding = ConstU32<{ constants::INSPECTOR_UNBONDING }>;
    type Most = ConstU32<{ constants::MAX_INSPECTORS }>;
    type WeightInfo = pallet_inspectors::weights::Measured<ParityDbWeight>;
}

impl pallet_machines::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Draw = Draw;
    type Inspection = Inspectors;
    type OnStanding = (Ecp, Drilling);
    type Deposit = ConstU128<{ constants::MACHINE_DEPOSIT }>;
    type RecordDeposit = ConstU128<{ constants::RECORD_DEPOSIT }>;
    type Unbonding = ConstU32<{ constants::MACHINE_UNBONDING }>;
    type InspectionFee = ConstU128<{ constants::INSPECTION_FEE }>;
    type ReportBond = ConstU128<{ constants::REPORT_BOND }>;
    type Freshness = ConstU32<{ constants::FRESHNESS }>;
    type AnchorPeriod = AnchorPeriod;
    type AnchorGrace = AnchorGrace;
    type DutyBlocks = DutyBlocks;
    type WeightInfo = pallet_machines::weights::Measured<ParityDbWeight>;
}

impl pallet_drilling::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Fleet = Machines;
    type Draw = Draw;
    type Inspection = Inspectors;
    type Credit = Ecp;
    type Pot = DrillingPot;
    type MachineBond = ConstU128<{ constants::DRILLING_BOND }>;
    type Unbonding = ConstU32<{ constants::DRILLING_UNBONDING }>;
    type Pipeline = ConstU32<{ constants::PIPELINE }>;
    type AuditPercent = ConstU32<{ constants::AUDIT_PERCENT }>;
    type BountyPercent = ConstU32<{ constants::BOUNTY_PERCENT }>;
    type InspectionFee = ConstU128<{ constants::INSPECTION_FEE }>;
    type BatchDeposit = ConstU128<{ constants::BATCH_DEPOSIT }>;
    type TaskPrice = ConstU128<{ constants::TASK_PRICE }>;
    type VoteBlocks = ConstU32<{ constants::VOTE_BLOCKS }>;
    type Quorum = ConstU32<{ constants::QUORUM }>;
    type WindowBlocks = WindowBlocks;
    type AnswerBlocks = AnswerBlocks;
    type DutyBlocks = DutyBlocks;
    type WeightInfo = pallet_drilling::weights::Measured<ParityDbWeight>;
}

/// An owner's compute power, by which blocks are won.
pub struct EffectivePower;

impl pallet_authorities::Power<AccountId> for EffectivePower {
    fn of(owner: &AccountId) -> u128 {
        Ecp::weight_of(owner)
    }
}

impl pallet_rewards::Power for EffectivePower {
    fn of(owner: &AccountId) -> u128 {
        Ecp::weight_of(owner)
    }

    fn all() -> u128 {
        Ecp::network_weight()
    }
}

parameter_types! {
    pub const Issue: pallet_rewards::Schedule = constants::ISSUE;
    pub const AuthorPart: Percent = Percent::from_percent(constants::AUTHOR_PERCENT);
    pub const PowerPart: Percent = Percent::from_percent(constants::POWER_PERCENT);
    pub const ReporterPart: Percent = Percent::from_percent(constants::REPORTER_PERCENT);
    pub Treasury: AccountId = constants::TREASURY.into_account_truncating();
}

impl pallet_rewards::Config for Runtime {
    type Currency = Balances;
    type Time = pallet_timestamp::Pallet<Runtime>;
    type Power = EffectivePower;
    type Schedule = Issue;
    type AuthorPart = AuthorPart;
    type PowerPart = PowerPart;
    type Release = ConstU32<{ constants::RELEASE }>;
    type Treasury = Treasury;
    type ReporterPart = ReporterPart;
    type WeightInfo = pallet_rewards::weights::Measured<ParityDbWeight>;
}

impl pallet_authorities::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Power = EffectivePower;
    type OnSlash = Rewards;
    type Keys = SessionKeys;
    type LeastStake = ConstU128<{ constants::LEAST_STAKE }>;
    type SeatBond = ConstU128<{ constants::SEAT_BOND }>;
    type LeastSlash = LeastSlash;
    type Most = ConstU32<{ constants::MAX_AUTHORITIES }>;
    type MaxVoters = ConstU32<{ constants::MAX_VOTERS }>;
    type IdleBlocks = ConstU64<{ constants::IDLE_BLOCKS }>;
    type Unbonding = ConstU32<{ constants::UNBONDING }>;
    type KeptEpochs = ConstU32<{ constants::KEPT_EPOCHS }>;
    type WeightInfo = pallet_authorities::weights::Measured<ParityDbWeight>;
}

impl pallet_ecp::Config for Runtime {
    type Time = pallet_timestamp::Pallet<Runtime>;
    type Watch = Rewards;
    type TrainingPercent = ConstU32<{ constants::TRAINING_PERCENT }>;
    type TrainingDays = ConstU32<{ constants::TRAINING_DAYS }>;
    type WeightInfo = pallet_ecp::weights::Measured<ParityDbWeight>;
}

#[cfg(feature = "next")]
impl pallet_utility::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type PalletsOrigin = crate::OriginCaller;
    type WeightInfo = ();
}
