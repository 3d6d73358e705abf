// npm's smoldot alone in a process: says every finalised block that it learns of and when it has read from the chain, until it is
// killed.
//
//     node first-finalised.mjs SPECIFICATION

import { readFileSync } from "node:fs";
import { start } from "smoldot";

const client = start({ maxLogLevel: 1 });
const chain = await client.addChain({ chainSpec: readFileSync(process.argv[2], "utf8") });
const call = (method, params) => chain.sendJsonRpc(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
call("chainHead_v1_follow", [false]);

const last = new Map();
let wanted = "finalised";
for (;;) {
  const { params, error } = JSON.parse(await chain.nextJsonRpcResponse());
  if (error) throw new Error(error.message);
  if (!params) continue;
  const { subscription, result: said } = params;
  const hashes = said.finalizedBlockHashes ?? [];
  if (said.event === "stop") {
    // The client jumped ahead: whoever follows begins anew.
    if (wanted !== "finalised") wanted = "runtime";
    call("chainHead_v1_follow", [wanted === "runtime"]);
    last.delete(subscription);
  }
  if (said.event === "operationCallDone") console.log("read");
  hashes.forEach((hash) => console.log(`finalised ${hash}`));
  if (wanted === "finalised" && hashes.length > 0) {
    // A second look at the chain, with its runtime: that is what reads are made through.
    wanted = "runtime";
    call("chainHead_v1_follow", [true]);
  } else if (wanted === "runtime" && said.event === "initialized") {
    wanted = "nothing more";
    call("chainHead_v1_call", [subscription, hashes.at(-1), "Core_version", "0x"]);
  }
  if (hashes.length > 0) {
    // Whoever follows gives blocks back, or the client ends the subscription.
    const old = (last.get(subscription) ?? []).concat(hashes.slice(0, -1), said.prunedBlockHashes ?? []);
    if (old.length > 0) call("chainHead_v1_unpin", [subscription, old]);
    last.set(subscription, hashes.slice(-1));
  }
}
