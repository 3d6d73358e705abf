//! Follows a chain and says each finalised block that it sees, as JSON lines; for tools that compare it with what nodes say.
//!
//! With `BLOCK:OWNER=FACTOR` it also multiplies an owner's recent drilling, from that height on, by Alice's leave: on a development
//! chain she may write any storage. Chains that matter have no such key.
//!
//! `cargo run --example follow -- chain.json state 75:Dave=8`

use codec::Decode;
use light_client::{
    Key, LightClient,
    dynamic::{self, Value, tx},
};
use std::{error::Error, path::Path};

/// Where the average of drilling lies in an owner's record: behind the total.
const AVERAGE: std::ops::Range<usize> = 16..32;

/// A change of an owner's compute power.
struct Change {
    from: u64,
    owner: String,
    factor: u128,
}

impl Change {
    fn parse(text: &str) -> Option<Self> {
        let (from, rest) = text.split_once(':')?;
        let (owner, factor) = rest.split_once('=')?;
        Some(Self { from: from.parse().ok()?, owner: owner.into(), factor: factor.parse().ok()? })
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "follow SPECIFICATION STATE [BLOCK:OWNER=FACTOR]…";
    let (specification, state) = arguments.next().zip(arguments.next()).ok_or(usage)?;
    let mut changes: Vec<Change> =
        arguments.map(|text| Change::parse(&text).ok_or(usage)).collect::<Result<_, _>>()?;
    let client = LightClient::start(&std::fs::read_to_string(specification)?, Path::new(&state)).await?;
    client.wait_ready().await?;
    let mut last = 0;
    loop {
        let block = client.wait_finalized_after(last).await?;
        println!("{}", serde_json::json!({ "number": block.number, "hash": format!("{:?}", block.hash) }));
        last = block.number;
        if let Some(due) = changes.iter().position(|change| change.from <= block.number) {
            let change = changes.swap_remove(due);
            multiply(&client, &change).await?;
            println!(
                "{}",
                serde_json::json!({ "changed": change.owner, "factor": change.factor.to_string() })
            );
        }
    }
}

async fn multiply(client: &LightClient, change: &Change) -> Result<(), Box<dyn Error>> {
    let owner = Value::from_bytes(Key::development(&change.owner).public());
    let at = client.latest().await?;
    let entry = at.storage().entry(dynamic::storage::<Vec<Value>, Value>("Ecp", "Owners"))?;
    let mut record = entry.fetch(vec![owner.clone()]).await?.into_bytes();
    let average = record.get_mut(AVERAGE).ok_or("an owner's record is longer")?;
    let changed = u128::decode(&mut &*average)?.saturating_mul(change.factor);
    average.copy_from_slice(&changed.to_le_bytes());
    let item = [Value::from_bytes(entry.fetch_key(vec![owner])?), Value::from_bytes(record)];
    let items = Value::unnamed_composite([Value::unnamed_composite(item)]);
    let write = Value::unnamed_variant("System", [Value::named_variant("set_storage", [("items", items)])]);
    client.call(&tx("Sudo", "sudo", vec![write]), &Key::development("Alice")).await?;
    Ok(())
}
