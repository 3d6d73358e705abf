//! A full node's JSON-RPC: a second witness, and what runs the runtime's WASM for us.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// A node on this machine.
pub struct Node {
    agent: ureq::Agent,
    url: String,
}

impl Node {
    /// The one behind this port.
    pub fn on(port: u16) -> Self {
        Self { agent: ureq::Agent::new_with_defaults(), url: format!("http://127.0.0.1:{port}") }
    }

    /// Calls a method.
    pub fn call(&self, method: &str, params: &Value) -> Result<Value> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut answer: Value = self.agent.post(&self.url).send_json(request)?.body_mut().read_json()?;
        match answer.get("error") {
            Some(error) => bail!("{method}: {error}"),
            None => Ok(answer.get_mut("result").map(Value::take).unwrap_or_default()),
        }
    }

    /// A block of the best chain.
    pub fn block(&self, number: u64) -> Result<Block> {
        let hash = self.call("chain_getBlockHash", &json!([number]))?;
        let mut block = self.call("chain_getBlock", &json!([hash]))?;
        let mut part = |name| block.pointer_mut(name).map(Value::take).with_context(|| format!("no {name}"));
        let extrinsics: Vec<Vec<u8>> = serde_json::from_value(part("/block/extrinsics")?)?;
        Ok(Block { header: part("/block/header")?, extrinsics: extrinsics.iter().map(hex::encode).collect() })
    }

    /// Height of the last finalised block.
    pub fn finalized(&self) -> Result<u64> {
        let hash = self.call("chain_getFinalizedHead", &json!([]))?;
        self.number(hash.as_str().context("no finalised head")?)
    }

    /// A block's height.
    pub fn number(&self, hash: &str) -> Result<u64> {
        let header = self.call("chain_getHeader", &json!([hash]))?;
        Block { header, extrinsics: Vec::new() }.number()
    }
}

/// A block as the node tells it.
pub struct Block {
    header: Value,
    /// Its transactions as hex, each with its length before it.
    pub extrinsics: Vec<String>,
}

/// A seal in a header's digest: added after execution, so it is no part of it.
const SEAL: &str = "05";

impl Block {
    fn text(&self, key: &str) -> Result<&str> {
        self.header.get(key).and_then(Value::as_str).with_context(|| format!("a header without {key}"))
    }

    /// Its height.
    pub fn number(&self) -> Result<u64> {
        Ok(u64::from_str_radix(bare(self.text("number")?), 16)?)
    }

    /// Hash of the block before it.
    pub fn parent(&self) -> Result<&str> {
        self.text("parentHash")
    }

    /// Whether one of its transactions contains these bytes.
    pub fn holds(&self, bytes: &str) -> bool {
        self.transaction(bytes).is_some()
    }

    /// The transaction that contains these bytes.
    pub fn transaction(&self, bytes: &str) -> Option<&str> {
        self.extrinsics.iter().find(|extrinsic| extrinsic.contains(bytes)).map(String::as_str)
    }

    /// The block in SCALE as it was executed: without its seal.
    pub fn encoded(&self) -> Result<String> {
        let logs = self.header.pointer("/digest/logs").and_then(Value::as_array).context("no digest")?;
        let logs = logs.iter().filter_map(Value::as_str).map(bare).filter(|log| !log.starts_with(SEAL));
        let logs: Vec<&str> = logs.collect();
        let parts = [
            "0x",
            bare(self.parent()?),
            &compact(self.number()?)?,
            bare(self.text("stateRoot")?),
            bare(self.text("extrinsicsRoot")?),
            &compact(logs.len() as u64)?,
            &logs.concat(),
            &compact(self.extrinsics.len() as u64)?,
        ];
        Ok(parts.concat() + &self.extrinsics.concat())
    }
}

/// Hex without what says that it is hex.
pub fn bare(hex: &str) -> &str {
    hex.trim_start_matches("0x")
}

/// SCALE's compact integer, as hex; blocks here have small numbers.
fn compact(number: u64) -> Result<String> {
    match number {
        0..64 => Ok(format!("{:02x}", number << 2)),
        64..16_384 => Ok(hex::encode(((number << 2 | 1) as u16).to_le_bytes())),
        _ => bail!("{number} is too large for a bench"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn compact_integers_are_those_of_scale() {
        assert_eq!([compact(1).unwrap(), compact(63).unwrap(), compact(64).unwrap()], ["04", "fc", "0101"]);
        assert!(compact(1 << 20).is_err());
    }

    #[test]
    fn a_block_is_encoded_without_its_seal() {
        let hash = "11".repeat(32);
        let header = json!({
            "parentHash": format!("0x{hash}"), "number": "0x2", "stateRoot": format!("0x{hash}"),
            "extrinsicsRoot": format!("0x{hash}"), "digest": { "logs": ["0x06aa", "0x05bb"] },
        });
        let block = Block { header, extrinsics: vec!["0499".into()] };
        assert_eq!(block.encoded().unwrap(), format!("0x{hash}08{hash}{hash}0406aa040499"));
    }
}
