//! Taking part in consensus: producing blocks with BABE, voting with GRANDPA.

use crate::parts::{Client, Import, Inherents, JUSTIFICATION_PERIOD, Pool, SelectChain};
use matrixai_runtime::Block;
use polkadot_sdk::*;
use sc_consensus_babe::{BabeLink, BabeParams, SlotProportion};
use sc_consensus_grandpa::{GrandpaParams, LinkHalf, SharedVoterState, VotingRulesBuilder};
use sc_consensus_slots::BackoffAuthoringOnFinalizedHeadLagging;
use sc_network::{NotificationService, ProtocolName, config::Role, service::traits::NetworkService};
use sc_network_sync::SyncingService;
use sc_service::{ChainType, Configuration, TaskManager, error::Error};
use sc_telemetry::TelemetryHandle;
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_keystore::KeystorePtr;
use std::{sync::Arc, time::Duration};

/// How long a GRANDPA message may take to be heard.
const GOSSIP: Duration = Duration::from_millis(333);
/// Share of a slot for making a block: it must still travel and be imported before the next.
const PROPOSAL_SHARE: f32 = 0.5;

/// What the command line said about taking part.
pub struct Participation {
    /// Validator or not.
    pub role: Role,
    /// Whether to vote, or to follow the votes.
    pub grandpa: bool,
    force_authoring: bool,
    name: String,
    registry: Option<substrate_prometheus_endpoint::Registry>,
}

impl Participation {
    /// Reads it from the configuration. A development chain has one validator and nobody to wait for.
    pub fn chosen(config: &Configuration) -> Self {
        let alone = config.chain_spec.chain_type() == ChainType::Development;
        Self {
            role: config.role,
            grandpa: !config.disable_grandpa,
            force_authoring: config.force_authoring || alone,
            name: config.network.node_name.clone(),
            registry: config.prometheus_registry().cloned(),
        }
    }
}

/// What both producing and voting need.
pub struct Stage {
    pub part: Participation,
    pub client: Arc<Client>,
    pub pool: Arc<Pool>,
    pub select_chain: SelectChain,
    pub network: Arc<dyn NetworkService>,
    pub sync: Arc<SyncingService<Block>>,
    pub keystore: KeystorePtr,
    pub telemetry: Option<TelemetryHandle>,
}

impl Stage {
    /// Produces blocks in the slots that the keys in the keystore win.
    pub fn author(
        &self,
        tasks: &TaskManager,
        block_import: Import,
        babe_link: BabeLink<Block>,
        inherents: Inherents,
    ) -> Result<(), Error> {
        let proposer = sc_basic_authorship::ProposerFactory::new(
            tasks.spawn_handle(),
            self.client.clone(),
            self.pool.clone(),
            self.part.registry.as_ref(),
            self.telemetry.clone(),
        );
        let worker = sc_consensus_babe::start_babe(BabeParams {
            keystore: self.keystore.clone(),
            client: self.client.clone(),
            select_chain: self.select_chain.clone(),
            env: proposer,
            block_import,
            sync_oracle: self.sync.clone(),
            justification_sync_link: self.sync.clone(),
            create_inherent_data_providers: inherents,
            force_authoring: self.part.force_authoring,
            backoff_authoring_blocks: Some(BackoffAuthoringOnFinalizedHeadLagging::default()),
            babe_link,
            block_proposal_slot_portion: SlotProportion::new(PROPOSAL_SHARE),
            max_block_proposal_slot_portion: None,
            telemetry: self.telemetry.clone(),
        })?;
        tasks.spawn_essential_handle().spawn_blocking("babe", Some("block-authoring"), worker);
        Ok(())
    }

    /// Votes on finality, where this node is a validator with a key; else follows the votes.
    pub fn vote(
        self,
        tasks: &TaskManager,
        link: LinkHalf<Block, Client, SelectChain>,
        shared_voter_state: SharedVoterState,
        protocol_name: ProtocolName,
        notification_service: Box<dyn NotificationService>,
    ) -> Result<(), Error> {
        let config = sc_consensus_grandpa::Config {
            gossip_duration: GOSSIP,
            justification_generation_period: JUSTIFICATION_PERIOD,
            observer_enabled: false,
            keystore: self.part.role.is_authority().then_some(self.keystore),
            local_role: self.part.role,
            name: Some(self.part.name),
            telemetry: self.telemetry.clone(),
            protocol_name,
        };
        let voter = sc_consensus_grandpa::run_grandpa_voter(GrandpaParams {
            config,
            link,
            network: self.network,
            sync: self.sync,
            notification_service,
            voting_rule: VotingRulesBuilder::default().build(),
            prometheus_registry: self.part.registry,
            shared_voter_state,
            telemetry: self.telemetry,
            offchain_tx_pool_factory: OffchainTransactionPoolFactory::new(self.pool),
        })?;
        tasks.spawn_essential_handle().spawn_blocking("grandpa-voter", None, voter);
        Ok(())
    }
}
