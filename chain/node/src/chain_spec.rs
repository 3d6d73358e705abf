//! Chain specifications: the built-in ones, and those read from files.

use matrixai_runtime::WASM_BINARY;
use polkadot_sdk::*;
use sc_chain_spec::{ChainSpecExtension, ChainType, Properties};
use serde::{Deserialize, Serialize};

/// What a specification says beyond the genesis state.
#[derive(Default, Clone, Serialize, Deserialize, ChainSpecExtension)]
#[serde(rename_all = "camelCase")]
pub struct Extensions {
    /// Where light clients start from: filled in by the node's `sync_state_genSyncSpec`.
    pub light_sync_state: sc_sync_state_rpc::LightSyncStateExtension,
}

/// A specification of a chain of ours.
pub type ChainSpec = sc_service::GenericChainSpec<Extensions>;

/// The specification that `--chain` names.
pub fn load(id: &str) -> Result<ChainSpec, String> {
    match id {
        "dev" => built_in(
            "MatrixAI Development",
            id,
            ChainType::Development,
            sp_genesis_builder::DEV_RUNTIME_PRESET,
        ),
        "" | "local" => built_in(
            "MatrixAI Local",
            "local",
            ChainType::Local,
            sp_genesis_builder::LOCAL_TESTNET_RUNTIME_PRESET,
        ),
        path => ChainSpec::from_json_file(path.into()),
    }
}

fn built_in(name: &str, id: &str, kind: ChainType, preset: &str) -> Result<ChainSpec, String> {
    let code = WASM_BINARY.ok_or(
        "this node was built without the runtime's WASM, so it knows no chain of its own.\n\
         Run `cargo xtask wasm`, build the node again, or give a raw specification: --chain FILE",
    )?;
    let spec = ChainSpec::builder(code, Extensions::default())
        .with_name(name)
        .with_id(&format!("matrixai_{id}"))
        .with_protocol_id(&format!("matrixai-{id}"))
        .with_chain_type(kind)
        .with_properties(properties())
        .with_genesis_config_preset_name(preset)
        .build();
    Ok(spec)
}

/// How wallets print amounts and accounts.
fn properties() -> Properties {
    let mut properties = Properties::new();
    properties.insert("tokenSymbol".into(), "MAI".into());
    properties.insert("tokenDecimals".into(), 12.into());
    properties.insert("ss58Format".into(), matrixai_runtime::constants::SS58_PREFIX.into());
    properties
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_an_error_that_names_it() {
        let error = load("/nowhere/spec.json").err().unwrap();
        assert!(error.contains("/nowhere/spec.json"), "{error}");
    }

    #[test]
    fn built_in_specifications_build_their_genesis() {
        if WASM_BINARY.is_none() {
            let error = load("dev").err().unwrap();
            assert!(error.contains("cargo xtask wasm"), "{error}");
            return;
        }
        for id in ["dev", "local"] {
            let raw = load(id).unwrap().as_json(true).unwrap();
            assert!(raw.contains("lightSyncState"), "{id} has no place for a checkpoint");
        }
    }
}
