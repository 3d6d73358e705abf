//! The running node: the network, and what runs on it.

use crate::{
    consensus::{Participation, Stage},
    parts::{self, Parts},
    rpc,
};
use matrixai_runtime::{Block, Hash};
use polkadot_sdk::*;
use sc_client_api::BlockBackend;
use sc_consensus_grandpa::{FinalityProofProvider, SharedVoterState, warp_proof};
use sc_network::{NetworkBackend, config::FullNetworkConfiguration};
use sc_service::{Configuration, TaskManager, WarpSyncConfig, error::Error};
use sc_telemetry::Telemetry;
use std::sync::Arc;

/// Starts the node with the network library that the command line chose.
pub fn start(config: Configuration) -> Result<TaskManager, Error> {
    use sc_network::config::NetworkBackendType::{Libp2p, Litep2p};
    match config.network.network_backend {
        Libp2p => start_on::<sc_network::NetworkWorker<Block, Hash>>(config),
        Litep2p => start_on::<sc_network::Litep2pNetworkBackend>(config),
    }
}

fn start_on<N: NetworkBackend<Block, Hash>>(config: Configuration) -> Result<TaskManager, Error> {
    let Parts {
        client,
        backend,
        mut tasks,
        keystore,
        select_chain,
        pool,
        queue,
        import,
        finality,
        babe,
        babe_worker,
        inherents,
        mut telemetry,
    } = parts::assemble(&config)?;

    let genesis =
        client.block_hash(0)?.ok_or_else(|| Error::Other("the database has no genesis block".into()))?;
    let metrics = N::register_notification_metrics(config.prometheus_registry());
    let mut net_config =
        FullNetworkConfiguration::<_, _, N>::new(&config.network, config.prometheus_registry().cloned());
    let grandpa_protocol = sc_consensus_grandpa::protocol_standard_name(&genesis, &config.chain_spec);
    let (grandpa_config, grandpa_notifications) = sc_consensus_grandpa::grandpa_peers_set_config::<_, N>(
        grandpa_protocol.clone(),
        metrics.clone(),
        net_config.peer_store_handle(),
    );
    net_config.add_notification_protocol(grandpa_config);
    let authority_set = finality.shared_authority_set().clone();
    let warp_sync =
        Arc::new(warp_proof::NetworkProvider::new(backend.clone(), authority_set.clone(), Vec::new()));

    let (network, system_rpc_tx, tx_handler_controller, sync, _bitswap) =
        sc_service::build_network(sc_service::BuildNetworkParams {
            config: &config,
            net_config,
            client: client.clone(),
            transaction_pool: pool.clone(),
            spawn_handle: tasks.spawn_handle(),
            spawn_essential_handle: tasks.spawn_essential_handle(),
            import_queue: queue,
            block_announce_validator_builder: None,
            warp_sync_config: Some(WarpSyncConfig::WithProvider(warp_sync)),
            block_relay: None,
            metrics,
            gap_sync_body_policy: None,
        })?;

    let voter_state = SharedVoterState::empty();
    let sources = rpc::Sources {
        client: client.clone(),
        pool: pool.clone(),
        select_chain: select_chain.clone(),
        chain_spec: config.chain_spec.cloned_box(),
        keystore: keystore.keystore(),
        babe: babe_worker,
        voter_state: voter_state.clone(),
        authority_set: authority_set.clone(),
        justifications: finality.justification_stream(),
        finality_proofs: FinalityProofProvider::new_for_service(backend.clone(), Some(authority_set)),
    };
    let part = Participation::chosen(&config);
    sc_service::spawn_tasks(sc_service::SpawnTasksParams {
        config,
        client: client.clone(),
        backend,
        task_manager: &mut tasks,
        keystore: keystore.keystore(),
        transaction_pool: pool.clone(),
        rpc_builder: Box::new(move |executor| rpc::module(&sources, executor).map_err(Into::into)),
        network: network.clone(),
        system_rpc_tx,
        tx_handler_controller,
        sync_service: sync.clone(),
        telemetry: telemetry.as_mut(),
        tracing_execute_block: None,
    })?;

    let stage = Stage {
        part,
        client,
        pool,
        select_chain,
        network,
        sync,
        keystore: keystore.keystore(),
        telemetry: telemetry.as_ref().map(Telemetry::handle),
    };
    if stage.part.role.is_authority() {
        stage.author(&tasks, import, babe, inherents)?;
    }
    if stage.part.grandpa {
        stage.vote(&tasks, finality, voter_state, grandpa_protocol, grandpa_notifications)?;
    }
    Ok(tasks)
}
