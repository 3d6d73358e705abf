//! The node's parts that every command needs: client, database, queue of blocks to import.

use matrixai_runtime::{Block, apis::RuntimeApi};
use polkadot_sdk::*;
use sc_consensus_babe::{BabeBlockImport, BabeLink, BabeWorkerHandle};
use sc_consensus_grandpa::{GrandpaBlockImport, LinkHalf};
use sc_service::{Configuration, KeystoreContainer, TaskManager, error::Error};
use sc_telemetry::{Telemetry, TelemetryWorker};
use sc_transaction_pool::TransactionPoolHandle;
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_consensus_babe::{SlotDuration, inherents::InherentDataProvider as SlotProvider};
use sp_inherents::CreateInherentDataProviders;
use sp_timestamp::InherentDataProvider as TimeProvider;
use std::sync::Arc;

/// Runs the runtime's WASM.
pub type Executor = sc_executor::WasmExecutor<sp_io::SubstrateHostFunctions>;
/// The chain as this node has it.
pub type Client = sc_service::TFullClient<Block, RuntimeApi, Executor>;
/// Where the chain is stored.
pub type Backend = sc_service::TFullBackend<Block>;
/// Which fork is best.
pub type SelectChain = sc_consensus::LongestChain<Backend, Block>;
/// Transactions that wait.
pub type Pool = TransactionPoolHandle<Block, Client>;
/// What an author adds to a block: its slot and its time.
pub type Inherents =
    Arc<dyn CreateInherentDataProviders<Block, (), InherentDataProviders = (SlotProvider, TimeProvider)>>;
type Finality = GrandpaBlockImport<Backend, Block, Client, SelectChain>;
/// Checks and imports blocks.
pub type Import = BabeBlockImport<Block, Client, Finality, Inherents, SelectChain>;

/// How often a justification is kept, in blocks: light clients catch up by them.
pub const JUSTIFICATION_PERIOD: u32 = 32;

/// The parts.
pub struct Parts {
    pub client: Arc<Client>,
    pub backend: Arc<Backend>,
    pub tasks: TaskManager,
    pub keystore: KeystoreContainer,
    pub select_chain: SelectChain,
    pub pool: Arc<Pool>,
    pub queue: sc_consensus::DefaultImportQueue<Block>,
    pub import: Import,
    pub finality: LinkHalf<Block, Client, SelectChain>,
    pub babe: BabeLink<Block>,
    /// Dropping it would end an essential task, and with it the node.
    pub babe_worker: BabeWorkerHandle<Block>,
    pub inherents: Inherents,
    pub telemetry: Option<Telemetry>,
}

/// Builds the parts.
pub fn assemble(config: &Configuration) -> Result<Parts, Error> {
    let worker = telemetry_worker(config)?;
    let executor = sc_service::new_wasm_executor(&config.executor);
    let handle = worker.as_ref().map(|(_, telemetry)| telemetry.handle());
    let (client, backend, keystore, tasks) =
        sc_service::new_full_parts::<Block, RuntimeApi, _>(config, handle, executor, Vec::new())?;
    let client = Arc::new(client);
    let telemetry = worker.map(|(worker, telemetry)| {
        tasks.spawn_handle().spawn("telemetry", None, worker.run());
        telemetry
    });
    let select_chain = SelectChain::new(backend.clone());
    let pool = transaction_pool(config, &tasks, &client);

    let (finality_import, finality) = sc_consensus_grandpa::block_import(
        client.clone(),
        JUSTIFICATION_PERIOD,
        &client,
        select_chain.clone(),
        telemetry.as_ref().map(Telemetry::handle),
    )?;
    let rules = sc_consensus_babe::configuration(&*client)?;
    let slot_duration = rules.slot_duration();
    let inherents = inherents(slot_duration);
    let (import, babe) = sc_consensus_babe::block_import(
        rules,
        finality_import.clone(),
        client.clone(),
        inherents.clone(),
        select_chain.clone(),
        OffchainTransactionPoolFactory::new(pool.clone()),
    )?;
    let (queue, babe_worker) = sc_consensus_babe::import_queue(sc_consensus_babe::ImportQueueParams {
        link: babe.clone(),
        block_import: import.clone(),
        justification_import: Some(Box::new(finality_import)),
        client: client.clone(),
        slot_duration,
        spawner: &tasks.spawn_essential_handle(),
        registry: config.prometheus_registry(),
        telemetry: telemetry.as_ref().map(Telemetry::handle),
    })?;
    Ok(Parts {
        client,
        backend,
        tasks,
        keystore,
        select_chain,
        pool,
        queue,
        import,
        finality,
        babe,
        babe_worker,
        inherents,
        telemetry,
    })
}

fn telemetry_worker(config: &Configuration) -> Result<Option<(TelemetryWorker, Telemetry)>, Error> {
    let Some(endpoints) = config.telemetry_endpoints.clone().filter(|endpoints| !endpoints.is_empty()) else {
        return Ok(None);
    };
    let worker = TelemetryWorker::new(16)?;
    let telemetry = worker.handle().new_telemetry(endpoints);
    Ok(Some((worker, telemetry)))
}

fn transaction_pool(config: &Configuration, tasks: &TaskManager, client: &Arc<Client>) -> Arc<Pool> {
    let pool = sc_transaction_pool::Builder::new(
        tasks.spawn_essential_handle(),
        client.clone(),
        config.role.is_authority().into(),
    )
    .with_options(config.transaction_pool.clone())
    .with_prometheus(config.prometheus_registry())
    .build();
    Arc::new(pool)
}

fn inherents(slot_duration: SlotDuration) -> Inherents {
    Arc::new(move |_, ()| async move {
        let time = TimeProvider::from_system_time();
        let slot = SlotProvider::from_timestamp_and_slot_duration(*time, slot_duration);
        Ok((slot, time))
    })
}
