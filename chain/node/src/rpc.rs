//! What the node answers over JSON-RPC beyond the standard set.

use crate::parts::{Backend, Client, SelectChain};
use jsonrpsee::RpcModule;
use matrixai_runtime::{AccountId, Block, BlockNumber, Hash, Nonce};
use polkadot_sdk::*;
use sc_consensus_babe::BabeWorkerHandle;
use sc_consensus_grandpa::{
    FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState,
};
use sc_rpc::SubscriptionTaskExecutor;
use sp_keystore::KeystorePtr;
use std::sync::Arc;

/// What the answers are made from.
pub struct Sources<Pool> {
    pub client: Arc<Client>,
    pub pool: Arc<Pool>,
    pub select_chain: SelectChain,
    pub chain_spec: Box<dyn sc_chain_spec::ChainSpec>,
    pub keystore: KeystorePtr,
    pub babe: BabeWorkerHandle<Block>,
    pub voter_state: SharedVoterState,
    pub authority_set: SharedAuthoritySet<Hash, BlockNumber>,
    pub justifications: GrandpaJustificationStream<Block>,
    pub finality_proofs: Arc<FinalityProofProvider<Backend, Block>>,
}

/// Builds the module.
pub fn module<Pool>(
    sources: &Sources<Pool>,
    executor: SubscriptionTaskExecutor,
) -> Result<RpcModule<()>, Box<dyn std::error::Error + Send + Sync>>
where
    Pool: sc_transaction_pool_api::TransactionPool<Block = Block> + 'static,
{
    use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
    use sc_consensus_babe_rpc::{Babe, BabeApiServer};
    use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
    use sc_sync_state_rpc::{SyncState, SyncStateApiServer};
    use substrate_frame_rpc_system::{System, SystemApiServer};

    let Sources { client, pool, select_chain, chain_spec, keystore, babe, .. } = sources;
    let mut module = RpcModule::new(());
    module.merge(SystemApiServer::<Hash, AccountId, Nonce>::into_rpc(System::new(
        client.clone(),
        pool.clone(),
    )))?;
    module.merge(TransactionPayment::new(client.clone()).into_rpc())?;
    module
        .merge(Babe::new(client.clone(), babe.clone(), keystore.clone(), select_chain.clone()).into_rpc())?;
    module.merge(
        Grandpa::new(
            executor,
            sources.authority_set.clone(),
            sources.voter_state.clone(),
            sources.justifications.clone(),
            sources.finality_proofs.clone(),
        )
        .into_rpc(),
    )?;
    module.merge(
        SyncState::new(chain_spec.cloned_box(), client.clone(), sources.authority_set.clone(), babe.clone())?
            .into_rpc(),
    )?;
    Ok(module)
}
