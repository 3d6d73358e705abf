//! What nodes and light clients ask the runtime.

use crate::{
    AccountId, Authorities, Babe, Balance, Block, Drilling, Ecp, Executive, Grandpa, InherentDataExt,
    Machines, Nonce, Pace, Rewards, Runtime, RuntimeCall, RuntimeGenesisConfig, System, TransactionPayment,
    VERSION, genesis,
};
use alloc::vec::Vec;
use codec::Encode;
use polkadot_sdk::*;

use frame_support::genesis_builder_helper::{build_state, get_preset};
use pallet_authorities::types::Role;
use pallet_grandpa::AuthorityId as GrandpaId;
use sp_api::impl_runtime_apis;
use sp_core::{ByteArray, OpaqueMetadata};
use sp_genesis_builder::PresetId;
use sp_inherents::{CheckInherentsResult, InherentData};
use sp_runtime::{
    ApplyExtrinsicResult, ExtrinsicInclusionMode,
    traits::{Block as BlockT, NumberFor},
    transaction_validity::{TransactionSource, TransactionValidity},
};
use sp_version::RuntimeVersion;

impl_runtime_apis! {
    impl sp_api::Core<Block> for Runtime {
        fn version() -> RuntimeVersion {
            VERSION
        }

        fn execute_block(block: <Block as BlockT>::LazyBlock) {
            Executive::execute_block(block);
        }

        fn initialize_block(header: &<Block as BlockT>::Header) -> ExtrinsicInclusionMode {
            Executive::initialize_block(header)
        }
    }

    impl sp_api::Metadata<Block> for Runtime {
        fn metadata() -> OpaqueMetadata {
            OpaqueMetadata::new(Runtime::metadata().into())
        }

        fn metadata_at_version(version: u32) -> Option<OpaqueMetadata> {
            Runtime::metadata_at_version(version)
        }

        fn metadata_versions() -> Vec<u32> {
            Runtime::metadata_versions()
        }
    }

    impl frame_support::view_functions::runtime_api::RuntimeViewFunction<Block> for Runtime {
        fn execute_view_function(
            id: frame_support::view_functions::ViewFunctionId,
            input: Vec<u8>,
        ) -> Result<Vec<u8>, frame_support::view_functions::ViewFunctionDispatchError> {
            Runtime::execute_view_function(id, input)
        }
    }

    impl sp_block_builder::BlockBuilder<Block> for Runtime {
        fn apply_extrinsic(extrinsic: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult {
            Executive::apply_extrinsic(extrinsic)
        }

        fn finalize_block() -> <Block as BlockT>::Header {
            Executive::finalize_block()
        }

        fn inherent_extrinsics(data: InherentData) -> Vec<<Block as BlockT>::Extrinsic> {
            data.create_extrinsics()
        }

        fn check_inherents(block: <Block as BlockT>::LazyBlock, data: InherentData) -> CheckInherentsResult {
            data.check_extrinsics(&block)
        }
    }

    impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
        fn validate_transaction(
            source: TransactionSource,
            tx: <Block as BlockT>::Extrinsic,
            block_hash: <Block as BlockT>::Hash,
        ) -> TransactionValidity {
            Executive::validate_transaction(source, tx, block_hash)
        }
    }

    impl sp_offchain::OffchainWorkerApi<Block> for Runtime {
        fn offchain_worker(header: &<Block as BlockT>::Header) {
            Executive::offchain_worker(header)
        }
    }

    impl sp_consensus_babe::BabeApi<Block> for Runtime {
        fn configuration() -> sp_consensus_babe::BabeConfiguration {
            let epoch = pallet_babe::EpochConfig::<Runtime>::get().unwrap_or(genesis::BABE);
            sp_consensus_babe::BabeConfiguration {
                slot_duration: Pace::rhythm().slot_millis,
                epoch_length: Pace::rhythm().epoch_slots,
                c: epoch.c,
                authorities: Babe::authorities().to_vec(),
                randomness: Babe::randomness(),
                allowed_slots: epoch.allowed_slots,
            }
        }

        fn current_epoch_start() -> sp_consensus_babe::Slot {
            Babe::current_epoch_start()
        }

        fn current_epoch() -> sp_consensus_babe::Epoch {
            Babe::current_epoch()
        }

        fn next_epoch() -> sp_consensus_babe::Epoch {
            Babe::next_epoch()
        }

        fn generate_key_ownership_proof(
            slot: sp_consensus_babe::Slot,
            authority_id: sp_consensus_babe::AuthorityId,
        ) -> Option<sp_consensus_babe::OpaqueKeyOwnershipProof> {
            let since = slot.checked_sub(*pallet_babe::GenesisSlot::<Runtime>::get())?;
            let epoch = u32::try_from(since.checked_div(Pace::rhythm().epoch_slots)?).ok()?;
            let proof = Authorities::prove_key(Role::Producing, &authority_id.to_raw_vec().try_into().ok()?, epoch)?;
            Some(sp_consensus_babe::OpaqueKeyOwnershipProof::new(proof.encode()))
        }

        fn submit_report_equivocation_unsigned_extrinsic(
            equivocation_proof: sp_consensus_babe::EquivocationProof<<Block as BlockT>::Header>,
            key_owner_proof: sp_consensus_babe::OpaqueKeyOwnershipProof,
        ) -> Option<()> {
            Babe::submit_unsigned_equivocation_report(equivocation_proof, key_owner_proof.decode()?)
        }
    }

    impl sp_consensus_grandpa::GrandpaApi<Block> for Runtime {
        fn grandpa_authorities() -> sp_consensus_grandpa::AuthorityList {
            Grandpa::grandpa_authorities()
        }

        fn current_set_id() -> sp_consensus_grandpa::SetId {
            pallet_grandpa::CurrentSetId::<Runtime>::get()
        }

        fn generate_key_ownership_proof(
            set_id: sp_consensus_grandpa::SetId,
            authority_id: GrandpaId,
        ) -> Option<sp_consensus_grandpa::OpaqueKeyOwnershipProof> {
            let epoch = pallet_grandpa::SetIdSession::<Runtime>::get(set_id)?;
            let proof = Authorities::prove_key(Role::Voting, &authority_id.to_raw_vec().try_into().ok()?, epoch)?;
            Some(sp_consensus_grandpa::OpaqueKeyOwnershipProof::new(proof.encode()))
        }

        fn submit_report_equivocation_unsigned_extrinsic(
            equivocation_proof: sp_consensus_grandpa::EquivocationProof<
                <Block as BlockT>::Hash,
                NumberFor<Block>,
            >,
            key_owner_proof: sp_consensus_grandpa::OpaqueKeyOwnershipProof,
        ) -> Option<()> {
            Grandpa::submit_unsigned_equivocation_report(equivocation_proof, key_owner_proof.decode()?)
        }
    }

    impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
        fn account_nonce(account: AccountId) -> Nonce {
            System::account_nonce(account)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance> for Runtime {
        fn query_info(
            uxt: <Block as BlockT>::Extrinsic,
            len: u32,
        ) -> pallet_transaction_payment_rpc_runtime_api::RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_info(uxt, len)
        }

        fn query_fee_details(
            uxt: <Block as BlockT>::Extrinsic,
            len: u32,
        ) -> pallet_transaction_payment::FeeDetails<Balance> {
            TransactionPayment::query_fee_details(uxt, len)
        }

        fn query_weight_to_fee(weight: frame_support::weights::Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentCallApi<Block, Balance, RuntimeCall>
        for Runtime
    {
        fn query_call_info(
            call: RuntimeCall,
            len: u32,
        ) -> pallet_transaction_payment::RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_call_info(call, len)
        }

        fn query_call_fee_details(
            call: RuntimeCall,
            len: u32,
        ) -> pallet_transaction_payment::FeeDetails<Balance> {
            TransactionPayment::query_call_fee_details(call, len)
        }

        fn query_weight_to_fee(weight: frame_support::weights::Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl sp_session::SessionKeys<Block> for Runtime {
        fn generate_session_keys(owner: Vec<u8>, seed: Option<Vec<u8>>) -> sp_session::OpaqueGeneratedSessionKeys {
            crate::SessionKeys::generate(&owner, seed).into()
        }

        fn decode_session_keys(encoded: Vec<u8>) -> Option<Vec<(Vec<u8>, sp_core::crypto::KeyTypeId)>> {
            crate::SessionKeys::decode_into_raw_public_keys(&encoded)
        }
    }

    impl sp_genesis_builder::GenesisBuilder<Block> for Runtime {
        fn build_state(config: Vec<u8>) -> sp_genesis_builder::Result {
            build_state::<RuntimeGenesisConfig>(config)
        }

        fn get_preset(id: &Option<PresetId>) -> Option<Vec<u8>> {
            get_preset::<RuntimeGenesisConfig>(id, genesis::preset)
        }

        fn preset_names() -> Vec<PresetId> {
            genesis::preset_names()
        }
    }

    impl pallet_ecp::EcpApi<Block> for Runtime {
        fn machine_ecp(machine: [u8; 32]) -> Option<pallet_ecp::MachineEcp> {
            Ecp::machine_ecp(&machine)
        }

        fn owner_ecp(owner: AccountId) -> pallet_ecp::OwnerEcp {
            Ecp::owner_ecp(&owner)
        }

        fn machines_ecp(owner: AccountId) -> Vec<([u8; 32], pallet_ecp::MachineEcp)> {
            let machines = pallet_machines::MachinesOf::<Runtime>::iter_key_prefix(owner).take(1_000);
            machines.filter_map(|machine| Some((machine, Ecp::machine_ecp(&machine)?))).collect()
        }

        fn network_ecp() -> pallet_ecp::OwnerEcp {
            Ecp::network_ecp()
        }
    }

    impl pallet_drilling::DrillingApi<Block> for Runtime {
        fn work_of(machine: [u8; 32]) -> Vec<pallet_drilling::Assignment> {
            Drilling::work_of(&machine)
        }

        fn worker(machine: [u8; 32]) -> Option<pallet_drilling::types::Worker> {
            pallet_drilling::Workers::<Runtime>::get(machine)
        }

        fn questions_of(machine: [u8; 32]) -> Vec<pallet_drilling::Asked> {
            Drilling::questions_of(&machine)
        }

        fn disputes_of(inspector: AccountId) -> Vec<pallet_drilling::Case> {
            Drilling::disputes_of(&inspector)
        }

        fn task(id: [u8; 32]) -> Option<pallet_drilling::types::Work> {
            pallet_drilling::Tasks::<Runtime>::get(id)
        }

        fn dispute(id: [u8; 32]) -> Option<pallet_drilling::Case> {
            Drilling::case(id)
        }

        fn bond_of(owner: AccountId) -> pallet_drilling::BondView {
            Drilling::bond_of(&owner)
        }

        fn batch(id: u32) -> Option<pallet_drilling::types::Batch> {
            pallet_drilling::Batches::<Runtime>::get(id)
        }

        fn supply(class: drilling::Class) -> Vec<(u32, pallet_drilling::types::Batch)> {
            Drilling::supply(class)
        }
    }

    impl pallet_rewards::RewardsApi<Block> for Runtime {
        fn earnings(owner: AccountId) -> pallet_rewards::Earnings {
            Rewards::earnings(&owner)
        }

        fn issue() -> u128 {
            crate::constants::ISSUE.issue(System::block_number())
        }
    }

    impl pallet_machines::MachinesApi<Block> for Runtime {
        fn machine(id: [u8; 32]) -> Option<pallet_machines::types::Machine> {
            pallet_machines::Machines::<Runtime>::get(id)
        }

        fn machine_of_device(device: AccountId) -> Option<[u8; 32]> {
            Machines::machine_of_device(&device)
        }

        fn machines_of(owner: AccountId) -> Vec<([u8; 32], pallet_machines::types::Machine)> {
            Machines::machines_of(&owner)
        }

        fn request(id: [u8; 32]) -> Option<pallet_machines::types::Request> {
            pallet_machines::Requests::<Runtime>::get(id)
        }

        fn duties_of(inspector: AccountId) -> Vec<([u8; 32], pallet_machines::types::Request)> {
            Machines::duties_of(&inspector)
        }

        fn token(key: [u8; 32]) -> Option<pallet_machines::types::Token> {
            pallet_machines::Tokens::<Runtime>::get(key)
        }

        fn deposit_per_machine() -> u128 {
            Machines::hold_per_machine()
        }
    }

    #[cfg(feature = "runtime-benchmarks")]
    impl frame_benchmarking::Benchmark<Block> for Runtime {
        fn benchmark_metadata(
            extra: bool,
        ) -> (Vec<frame_benchmarking::BenchmarkList>, Vec<frame_support::traits::StorageInfo>) {
            use crate::{Authorities, Draw, Inspectors};
            use frame_support::traits::StorageInfoTrait;
            let mut list = Vec::new();
            list_benchmarks!(list, extra);
            (list, crate::AllPalletsWithSystem::storage_info())
        }

        fn dispatch_benchmark(
            config: frame_benchmarking::BenchmarkConfig,
        ) -> Result<Vec<frame_benchmarking::BenchmarkBatch>, alloc::string::String> {
            use crate::{Authorities, Draw, Inspectors};
            use frame_support::traits::WhitelistedStorageKeys;
            let whitelist = crate::AllPalletsWithSystem::whitelisted_storage_keys();
            let mut batches = Vec::new();
            let params = (&config, &whitelist);
            add_benchmarks!(params, batches);
            Ok(batches)
        }
    }
}
