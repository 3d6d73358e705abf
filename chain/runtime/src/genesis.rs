//! The states that chains start from.

use crate::{
    AccountId, AuthoritiesConfig, Balance, BalancesConfig, DrillingConfig, InspectorsConfig,
    RuntimeGenesisConfig, SudoConfig,
    constants::{DRILLING_BOND, SEAT_BOND, TOKEN},
    pace::Rhythm,
};
use alloc::{vec, vec::Vec};
use pallet_drilling::types::Size;
use polkadot_sdk::*;
use serde_json::Value;
use sp_consensus_babe::{AllowedSlots, BabeEpochConfiguration};
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET, PresetId};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

/// How a chain of ours draws block producers: only by weight. Secondary slots would be shared out evenly.
///
/// A third of the slots have a block.
pub const BABE: BabeEpochConfiguration =
    BabeEpochConfiguration { c: (1, 3), allowed_slots: AllowedSlots::PrimarySlots };

/// The same on development chains, where somewhat under half of the slots have a block.
pub const BABE_DEVELOPMENT: BabeEpochConfiguration =
    BabeEpochConfiguration { c: (9, 20), allowed_slots: AllowedSlots::PrimarySlots };

/// What each known account of a development chain owns.
const ENDOWMENT: Balance = 1_000_000 * TOKEN;

/// What each has at stake for machines that drill: enough for twenty.
const DEVELOPMENT_BOND: Balance = 20 * DRILLING_BOND;

/// Share of agreed tasks that are audited, in percent: a development chain has few, and is to see one soon.
const DEVELOPMENT_AUDITS: u8 = 25;

/// Accounts whose keys everybody knows.
const KNOWN: [Sr25519Keyring; 6] = [
    Sr25519Keyring::Alice,
    Sr25519Keyring::Bob,
    Sr25519Keyring::Charlie,
    Sr25519Keyring::Dave,
    Sr25519Keyring::Eve,
    Sr25519Keyring::Ferdie,
];

/// The key that produces blocks, and the key that votes.
type Validator = (Sr25519Keyring, Ed25519Keyring);
const ALICE: Validator = (Sr25519Keyring::Alice, Ed25519Keyring::Alice);
const BOB: Validator = (Sr25519Keyring::Bob, Ed25519Keyring::Bob);

/// A chain of well-known keys: the given validators, Alice as sudo.
fn development(validators: &[Validator]) -> Value {
    let babe = validators.iter().map(|(producer, _)| (producer.public().into(), 1)).collect();
    // Light clients count voters, full nodes their weight: they agree only while every weight is 1.
    let grandpa = validators.iter().map(|(_, voter)| (voter.public().into(), 1)).collect();
    let authorities = validators.iter().map(|(producer, voter)| {
        let owner = producer.to_account_id();
        (owner, producer.public().into(), voter.public().into(), 2 * SEAT_BOND)
    });
    let authorities = authorities.collect();
    let balances: Vec<(AccountId, Balance)> =
        KNOWN.iter().map(|key| (key.to_account_id(), ENDOWMENT)).collect();
    // All but Alice, who owns machines: an owner who inspects is one too few.
    let inspectors: Vec<AccountId> = KNOWN.iter().skip(1).map(|key| key.to_account_id()).collect();
    // Whoever owns machines may let them drill at once.
    let bonds: Vec<(AccountId, Balance)> =
        KNOWN.iter().map(|key| (key.to_account_id(), DEVELOPMENT_BOND)).collect();
    let synthetic = vec![Size::Tiny];
    let audit_percent = Some(DEVELOPMENT_AUDITS);
    frame_support::build_struct_json_patch!(RuntimeGenesisConfig {
        pace: Rhythm::DEVELOPMENT.into(),
        babe: pallet_babe::GenesisConfig { authorities: babe, epoch_config: BABE_DEVELOPMENT },
        grandpa: pallet_grandpa::GenesisConfig { authorities: grandpa },
        balances: BalancesConfig { balances },
        sudo: SudoConfig { key: Some(Sr25519Keyring::Alice.to_account_id()) },
        inspectors: InspectorsConfig { inspectors },
        authorities: AuthoritiesConfig { authorities },
        drilling: DrillingConfig {
            synthetic,
            open: true,
            unverified: true,
            audit_percent,
            bonds,
            ..Default::default()
        },
    })
}

/// The state that goes by a name, as a patch to the default one.
pub fn preset(id: &PresetId) -> Option<Vec<u8>> {
    let patch = match id.as_ref() {
        DEV_RUNTIME_PRESET => development(&[ALICE]),
        LOCAL_TESTNET_RUNTIME_PRESET => development(&[ALICE, BOB]),
        _ => return None,
    };
    serde_json::to_vec(&patch).ok()
}

/// Every name that [`preset`] knows.
pub fn preset_names() -> Vec<PresetId> {
    vec![PresetId::from(DEV_RUNTIME_PRESET), PresetId::from(LOCAL_TESTNET_RUNTIME_PRESET)]
}
