// npm's smoldot alone in a process: says every finalised block that it learns of, until it is killed.
//
//     node first-finalised.mjs SPECIFICATION

import { readFileSync } from "node:fs";
import { start } from "smoldot";

const client = start({ maxLogLevel: 1 });
const chain = await client.addChain({ chainSpec: readFileSync(process.argv[2], "utf8") });
const call = (method, params) => chain.sendJsonRpc(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
call("chainHead_v1_follow", [false]);

let last = [];
for (;;) {
  const { params, error } = JSON.parse(await chain.nextJsonRpcResponse());
  if (error) throw new Error(error.message);
  const said = params?.result;
  if (said?.event === "stop") throw new Error("the subscription ended");
  const hashes = said?.finalizedBlockHashes ?? [];
  hashes.forEach((hash) => console.log(`finalised ${hash}`));
  if (hashes.length > 0) {
    // Whoever follows gives blocks back, or the client ends the subscription.
    const old = last.concat(hashes.slice(0, -1), said.prunedBlockHashes ?? []);
    if (old.length > 0) call("chainHead_v1_unpin", [params.subscription, old]);
    last = hashes.slice(-1);
  }
}
