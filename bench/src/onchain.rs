//! Verification on chain: the real runtime's WASM, executed by the real node on blocks and transactions of the running chain.
//!
//! The node runs a runtime call at any block's state (`state_call`). Validating the machine's own request again, at the block
//! before it got in, is what every node's pool does; executing a block again, at its parent, is what every node's import does.

use crate::{
    clock,
    rpc::{Block, Node, bare},
    table::{Quantity, Row, Table},
};
use anyhow::{Context, Result, ensure};
use attest::{
    forge::SoftAk,
    verify::{AkPublic, CheckP256, P256Check},
};
use serde_json::json;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const SECTION: &str = "on chain";
const TURNS: u32 = 100;
/// How a TPM's quote and a TPM's certification of a counter begin.
const QUOTE: &str = "ff5443478018";
const CERTIFICATION: &str = "ff5443478014";
/// A transaction from outside (`TransactionSource::External`).
const EXTERNAL: &str = "02";

/// Measures on the chain behind this port.
pub fn run(port: u16, table: &mut Table) -> Result<()> {
    println!("On chain: the runtime's WASM in the node");
    let node = Node::on(port);
    let found = Found::on(&node)?;
    let native = native()?;
    let idle = time(&node, "Core_version", "0x", found.request.parent()?)?;
    request(&node, &found.request, idle, native, table)?;
    anchor(&node, &found, native, table)?;
    table.note(format!(
        "On chain: shortest of {TURNS} runs, wall clock. A runtime call that does nothing took {:.2} ms, transport included; \
         it is taken off.",
        milliseconds(idle)
    ));
    Ok(())
}

/// What is executed again.
struct Found {
    /// With the machine's request.
    request: Block,
    /// With an anchor and what every block has.
    anchor: Block,
    /// With what every block has.
    empty: Block,
}

impl Found {
    fn on(node: &Node) -> Result<Self> {
        let (mut request, mut anchor, mut empty) = (None, None, None);
        for number in 2..=node.finalized()? {
            let block = node.block(number)?;
            let place = match block.extrinsics.len() {
                _ if block.holds(QUOTE) => &mut request,
                2 if block.holds(CERTIFICATION) => &mut anchor,
                1 => &mut empty,
                _ => continue,
            };
            *place = Some(block);
        }
        Ok(Self {
            request: request.context("no request on chain")?,
            anchor: anchor.context("no block with one anchor")?,
            empty: empty.context("no empty block")?,
        })
    }
}

/// The shortest of many runs of a runtime call.
fn time(node: &Node, function: &str, arguments: &str, at: &str) -> Result<Duration> {
    let params = json!([function, arguments, at]);
    let mut best = Duration::MAX;
    for _ in 0..TURNS {
        let started = Instant::now();
        node.call("state_call", &params)?;
        best = best.min(started.elapsed());
    }
    Ok(best)
}

fn request(node: &Node, block: &Block, idle: Duration, native: Duration, table: &mut Table) -> Result<()> {
    const FUNCTION: &str = "TaggedTransactionQueue_validate_transaction";
    let (parent, request) = (block.parent()?, block.transaction(QUOTE).context("the request is gone")?);
    let arguments = format!("0x{EXTERNAL}{request}{}", bare(parent));
    let answer = node.call("state_call", &json!([FUNCTION, arguments, parent]))?;
    let valid = answer.as_str().is_some_and(|answer| answer.starts_with("0x00"));
    ensure!(valid, "the request is not valid: {answer}");
    let time = time(node, FUNCTION, &arguments, parent)?.saturating_sub(idle);
    tell("validating a request to enrol (a quote, two ed25519 signatures)", time, native, table);
    Ok(())
}

fn anchor(node: &Node, found: &Found, native: Duration, table: &mut Table) -> Result<()> {
    let execute = |block: &Block| time(node, "Core_execute_block", &block.encoded()?, block.parent()?);
    let (with, without) = (execute(&found.anchor)?, execute(&found.empty)?);
    tell("executing an anchor: its block less an empty one", with.saturating_sub(without), native, table);
    Ok(())
}

fn tell(what: &str, time: Duration, native: Duration, table: &mut Table) {
    let quantity = |time| Quantity::less(milliseconds(time), "ms");
    table.row(Row::new(SECTION, what, quantity(time)).against("bare p256 check, native", quantity(native)));
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// One check of a P-256 signature, outside of WASM.
fn native() -> Result<Duration> {
    const CHECKS: u32 = 50;
    let key = SoftAk::new(1);
    let (ak, message) = (AkPublic::parse(&key.public_area())?, [7; 150]);
    let signature = key.sign(&message);
    let check = || {
        ensure!(P256Check::check(ak.xy(), black_box(&message), &signature), "a good signature is refused");
        Ok(())
    };
    Ok(clock::compare(60, || (0..CHECKS).try_for_each(|_| check()), || Ok(()))?.0 / CHECKS)
}
