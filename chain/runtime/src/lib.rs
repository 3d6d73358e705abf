//! The MatrixAI runtime: what the chain's state is and which calls change it.
//!
//! BABE produces blocks, GRANDPA finalises them, and the pallets `inspectors` and `machines` keep what the network knows about
//! machines. The runtime must not know how an agent works; it checks evidence and nothing else.
//!
//! One WASM serves every chain. What differs between a development chain and the real one lies in genesis: see [`pace`].
//!
//! ```
//! use matrixai_runtime::{VERSION, genesis};
//!
//! assert_eq!(VERSION.spec_name, "matrixai");
//! assert_eq!(genesis::preset_names().len(), 2);
//! ```

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
// The runtime macro writes items beside its module that nobody could document.
#![allow(missing_docs)]
#![recursion_limit = "256"]

extern crate alloc;

// Its macros are used below.
#[cfg(feature = "runtime-benchmarks")]
#[macro_use]
mod benchmarks;
#[allow(missing_docs)]
pub mod apis;
#[allow(missing_docs)]
pub mod configs;
pub mod constants;
pub mod genesis;
pub mod pace;
#[cfg(test)]
mod tests;

use alloc::{borrow::Cow, vec::Vec};
use polkadot_sdk::*;
use sp_runtime::{
    MultiAddress, MultiSignature, generic,
    traits::{BlakeTwo256, IdentifyAccount, Verify},
};
use sp_version::RuntimeVersion;

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm.rs"));

/// How transactions are signed: a device with ed25519, an owner with sr25519.
pub type Signature = MultiSignature;
/// An account, which is a public key.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// Tokens, in the smallest unit.
pub type Balance = u128;
/// Transactions sent by an account so far.
pub type Nonce = u32;
/// A block's or a value's hash.
pub type Hash = sp_core::H256;
/// A block's height.
pub type BlockNumber = u32;
/// How transactions name an account.
pub type Address = MultiAddress<AccountId, ()>;
/// A block's header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// A block and its justification.
pub type SignedBlock = generic::SignedBlock<Block>;
/// A block, by hash or by height.
pub type BlockId = generic::BlockId<Block>;

/// What every transaction passes before it is applied, in this order.
///
/// `AuthorizeCall` lets in calls that prove themselves and need no account; enrolled machines skip the fee.
pub type TxExtension = (
    frame_system::AuthorizeCall<Runtime>,
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckEra<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_system::CheckWeight<Runtime>,
    pallet_skip_feeless_payment::SkipCheckIfFeeless<
        Runtime,
        pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
    >,
);

/// A transaction as it travels.
pub type UncheckedExtrinsic = generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// What is signed.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

/// Applies blocks.
pub type Executive = frame_executive::Executive<
    Runtime,
    Block,
    frame_system::ChainContext<Runtime>,
    Runtime,
    AllPalletsWithSystem,
>;

sp_runtime::impl_opaque_keys! {
    /// The keys of a block producer and finality voter.
    pub struct SessionKeys {
        /// Produces blocks.
        pub babe: Babe,
        /// Votes on finality.
        pub grandpa: Grandpa,
    }
}

// The macro that stamps the version into the WASM reads literals only.
macro_rules! version {
    ($spec:tt) => {
        /// This runtime's version.
        #[sp_version::runtime_version]
        pub const VERSION: RuntimeVersion = RuntimeVersion {
            spec_name: Cow::Borrowed("matrixai"),
            impl_name: Cow::Borrowed("matrixai"),
            authoring_version: 1,
            spec_version: $spec,
            impl_version: 1,
            apis: apis::RUNTIME_API_VERSIONS,
            transaction_version: 1,
            system_version: 1,
        };
    };
}

#[cfg(not(feature = "next"))]
version!(1);
#[cfg(feature = "next")]
version!(2);

// The macros below write items that nobody could document.
#[allow(missing_docs)]
#[frame_support::runtime]
mod runtime {
    /// The state machine.
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Runtime;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Pace = crate::pace;
    #[runtime::pallet_index(2)]
    pub type Timestamp = pallet_timestamp;
    #[runtime::pallet_index(3)]
    pub type Babe = pallet_babe;
    #[runtime::pallet_index(4)]
    pub type Authorship = pallet_authorship;
    #[runtime::pallet_index(5)]
    pub type Grandpa = pallet_grandpa;
    #[runtime::pallet_index(6)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(7)]
    pub type TransactionPayment = pallet_transaction_payment;
    #[runtime::pallet_index(8)]
    pub type SkipFeelessPayment = pallet_skip_feeless_payment;
    #[runtime::pallet_index(9)]
    pub type Sudo = pallet_sudo;
    #[runtime::pallet_index(13)]
    pub type Ecp = pallet_ecp;
    // Ends epochs, once BABE has looked at the slot and before anybody draws.
    #[runtime::pallet_index(14)]
    pub type Authorities = pallet_authorities;
    // Draws first: what waits for a seed is served in the block that brings it.
    #[runtime::pallet_index(10)]
    pub type Draw = pallet_draw;
    #[runtime::pallet_index(11)]
    pub type Inspectors = pallet_inspectors;
    #[runtime::pallet_index(12)]
    pub type Machines = pallet_machines;
    #[runtime::pallet_index(16)]
    pub type Drilling = pallet_drilling;
    #[runtime::pallet_index(15)]
    pub type Rewards = pallet_rewards;
    #[cfg(feature = "next")]
    #[runtime::pallet_index(100)]
    pub type Utility = pallet_utility;
}
