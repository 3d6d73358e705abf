//! What is the same on every chain. What differs is in [`crate::pace`].

use crate::{Balance, BlockNumber};
use pallet_rewards::Schedule;
use polkadot_sdk::frame_support::PalletId;

/// One whole token.
pub const TOKEN: Balance = 1_000_000_000_000;
/// A thousandth of a token.
pub const MILLI: Balance = TOKEN / 1_000;
/// A millionth of a token.
pub const MICRO: Balance = TOKEN / 1_000_000;

/// Below this an account is removed.
pub const EXISTENTIAL_DEPOSIT: Balance = MILLI;

/// Hashes of this many blocks are kept: the longest that a transaction may be valid.
pub const BLOCK_HASH_COUNT: BlockNumber = 4096;

/// Share of a slot that executing a block may take: a third.
pub const BLOCK_SHARE_OF_SLOT: u64 = 3;

/// Longest block, in bytes.
pub const BLOCK_LENGTH: u32 = 5 * 1024 * 1024;

/// Most block producers in one set.
pub const MAX_AUTHORITIES: u32 = 1_024;
/// Most finality voters in one set: each sends every vote to every other.
pub const MAX_VOTERS: u32 = 256;

/// Prefix of printed accounts: the one meant for any Substrate chain.
pub const SS58_PREFIX: u16 = 42;

/// What an inspector has at stake.
pub const INSPECTOR_BOND: Balance = 1_000 * TOKEN;
/// What a missed duty costs.
pub const INSPECTOR_FINE: Balance = 10 * TOKEN;
/// Blocks from an inspector's leaving until its bond comes free: a week.
pub const INSPECTOR_UNBONDING: BlockNumber = 7 * 24 * 600;
/// Most inspectors at one time.
pub const MAX_INSPECTORS: u32 = 1_024;
/// Held for each machine while it is enrolled.
pub const MACHINE_DEPOSIT: Balance = 10 * TOKEN;
/// Kept of it when the machine retires, for the record that stays.
pub const RECORD_DEPOSIT: Balance = TOKEN;
/// Blocks from a machine's retirement until the rest comes back: two weeks, in which it may still be asked about what it did.
pub const MACHINE_UNBONDING: BlockNumber = 14 * 24 * 600;
/// What an inspector earns for one machine.
pub const INSPECTION_FEE: Balance = TOKEN / 10;
/// At stake for who accuses a machine.
pub const REPORT_BOND: Balance = 10 * TOKEN;
/// How many blocks old the block named in an attestation may be.
pub const FRESHNESS: BlockNumber = 256;
/// Training that counts in a day, in percent of the best day of drilling: tensor cores do floating point at half the rate of the
/// int8 operations of which four count as one FLOP, which is twice the FLOP.
pub const TRAINING_PERCENT: u32 = 200;
/// Days of training that may be credited at once.
pub const TRAINING_DAYS: u32 = 30;

/// What an owner has at stake for each machine that drills: what a lie costs.
pub const DRILLING_BOND: Balance = 100 * TOKEN;
/// Blocks from leaving until a drilling bond comes free: two weeks. The longest way to a conviction takes 13.5 days: a day for the
/// roots, and in each of two draws five questions with a day to answer and six hours to look.
pub const DRILLING_UNBONDING: BlockNumber = 14 * 24 * 600;
/// Most tasks that a machine has at one time.
pub const PIPELINE: u32 = 64;
/// Share of agreed tasks that are audited.
pub const AUDIT_PERCENT: u32 = 5;
/// Share of a slashed bond that goes to the inspector who found the lie.
pub const BOUNTY_PERCENT: u32 = 10;
/// Held for a batch of tasks while it runs; lost if the vote goes against it.
pub const BATCH_DEPOSIT: Balance = 100 * TOKEN;
/// What each task of a batch costs its publisher.
pub const TASK_PRICE: Balance = TOKEN / 100;
/// Blocks of a vote on a batch: a day.
pub const VOTE_BLOCKS: BlockNumber = 24 * 600;
/// A vote on a batch counts if one in so many of all bonds stand behind it.
pub const QUORUM: u32 = 10;
/// Blocks that a machine has to commit, and to reveal, at least: on chains with short epochs its light client needs longer than one.
pub const LEAST_WINDOW: BlockNumber = 30;

/// The least that an owner stakes to produce blocks.
pub const LEAST_STAKE: Balance = 1_000 * TOKEN;
/// The stake that a seat among the finality voters needs, the same for all.
pub const SEAT_BOND: Balance = 10_000 * TOKEN;
/// The least part of a stake that an equivocation costs.
pub const LEAST_SLASH_PERCENT: u32 = 10;
/// Blocks that a producer must owe to count as idle: an honest one owes so many once in e^20 times.
pub const IDLE_BLOCKS: u64 = 20;
/// Blocks from leaving until a stake comes free: four weeks, and no light client's checkpoint may be older.
pub const UNBONDING: BlockNumber = 4 * 7 * 24 * 600;
/// Epochs whose sets are remembered: four weeks of ten minutes each, and a day.
pub const KEPT_EPOCHS: u32 = 29 * 24 * 6;

/// What blocks bring: 10 tokens each, half of it after every four years, nothing after forty; 420 million tokens in all.
pub const ISSUE: Schedule = Schedule { first: 10 * TOKEN, halving: 4 * 8_766 * 600, halvings: 10 };
/// The author's part of it, in percent.
pub const AUTHOR_PERCENT: u8 = 30;
/// The part that machines share by compute power; the treasury has the rest.
pub const POWER_PERCENT: u8 = 60;
/// The reporter's part of slashed stake, in percent; the treasury has the rest.
pub const REPORTER_PERCENT: u8 = 10;
/// Blocks over which earnings come free: as long as a stake is bound.
pub const RELEASE: BlockNumber = UNBONDING;
/// Names the treasury's account.
pub const TREASURY: PalletId = PalletId(*b"mtx/trsy");
