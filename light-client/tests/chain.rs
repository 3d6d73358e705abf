//! The light client against two real validators.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod network;

use futures::future::{try_join, try_join_all};
use light_client::dynamic::{Value, tx};
use light_client::outbox::{Intent, Outbox, Report, Resolver};
use light_client::{Error, Extrinsic, Key, LightClient, Status, subxt};
use network::Network;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::timeout;

/// smoldot answers nothing for up to half a minute when it finds few peers.
const PATIENCE: Duration = Duration::from_secs(180);

async fn patiently<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("{what}: not in time"))
}

async fn client(network: &Network) -> LightClient {
    let state = network.folder().join("light");
    let client = LightClient::start(&network.specification(), &state).await.unwrap();
    patiently("ready", client.wait_ready()).await.unwrap();
    client
}

fn transfer(to: [u8; 32], amount: u128) -> impl subxt::tx::Payload {
    let to = Value::unnamed_variant("Id", [Value::from_bytes(to)]);
    tx("Balances", "transfer_keep_alive", vec![to, Value::u128(amount)])
}

/// A request to enrol whose token nobody made.
fn request_of_nobody() -> impl subxt::tx::Payload {
    use light_client::chain::runtime_types::{
        bounded_collections::bounded_vec::BoundedVec,
        pallet_machines::types::{Attestation, BlockRef, Enrolment, LogHead},
    };
    light_client::chain::tx().machines().request(Enrolment {
        token: [0; 32],
        device: [0; 32],
        ek_public: BoundedVec(vec![]),
        ek_certificate: BoundedVec(vec![]),
        ak_public: BoundedVec(vec![]),
        block: BlockRef { number: 0, hash: [0; 32] },
        log: LogHead { size: 0, root: [0; 32] },
        quote: Attestation { message: BoundedVec(vec![]), signature: [0; 64] },
        join_record: BoundedVec(vec![]),
        join_proof: BoundedVec(vec![]),
        consistency: BoundedVec(vec![]),
        token_signature: [0; 64],
        device_signature: [0; 64],
    })
}

/// Intents are transfers to accounts that do not exist yet; they are done once those exist.
struct Transfers<'a> {
    client: &'a LightClient,
    key: Key,
}

impl Resolver for Transfers<'_> {
    fn account(&self) -> Option<[u8; 32]> {
        Some(self.key.public())
    }

    async fn is_done(&self, intent: &Intent) -> Result<bool, Error> {
        let at = self.client.latest().await?;
        let account: [u8; 32] = intent.body.as_slice().try_into().map_err(Error::resolver)?;
        let entry = light_client::chain::storage().system().account();
        // An account that does not exist reads as the default one.
        let found = at.storage().try_fetch(entry, (account.into(),)).await.map_err(Error::chain)?;
        let Some(found) = found else { return Ok(false) };
        Ok(found.decode().map_err(Error::chain)?.data.free > 0)
    }

    async fn build(&self, intent: &Intent, nonce: u64) -> Result<Extrinsic, Error> {
        let to = intent.body.as_slice().try_into().map_err(Error::resolver)?;
        self.client.sign(&transfer(to, 1_000_000_000_000), &self.key, Some(nonce)).await
    }
}

async fn drain(outbox: &Outbox, client: &LightClient) -> Vec<Report> {
    let resolver = Transfers { client, key: Key::development("Alice") };
    let mut reports = Vec::new();
    loop {
        let seen = client.finalized().await.unwrap().number;
        let report = outbox.step(client, &resolver).await.unwrap();
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        for entry in &report.expired {
            outbox.remake(entry.number, None).unwrap();
        }
        reports.push(report);
        if outbox.entries().unwrap().is_empty() {
            return reports;
        }
        client.wait_finalized_after(seen).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(feature = "node-tests"), ignore = "needs a built matrixai-node: --features node-tests")]
async fn light_client_on_a_real_chain() {
    let mut network = Network::start(network::node().unwrap());
    let mut light = client(&network).await;
    reads_are_finalised(&light).await;
    // Signed now, sent once it has expired.
    let target = Key::development("e").public();
    let stale =
        light.sign(&transfer(target, 1_000_000_000_000), &Key::development("Charlie"), None).await.unwrap();
    calls_are_included_or_say_why(&light).await;
    many_at_once(&light).await;
    light = outbox_survives_its_process(&network, light).await;
    light = nodes_may_go_away(&mut network, light).await;
    what_expired_is_made_again(&network, &light, target, stale).await;
    light.shutdown().await.unwrap();
    a_damaged_database_is_no_obstacle(&network).await;
}

async fn reads_are_finalised(light: &LightClient) {
    let before = light.finalized().await.unwrap();
    let after = patiently("next block", light.wait_finalized_after(before.number)).await.unwrap();
    assert!(after.number > before.number);
    let Status { best, finalized, peers, stall, .. } = light.status();
    assert!(best.unwrap().number >= finalized.unwrap().number && peers > 0 && stall.is_none());
    let version: (String, String) = light.call_api("Core_version", &()).await.unwrap();
    assert!(version.0.contains("matrixai"), "{version:?}");
}

async fn calls_are_included_or_say_why(light: &LightClient) {
    let alice = Key::development("Alice");
    let remark = tx("System", "remark_with_event", vec![Value::from_bytes(b"hello")]);
    let included = patiently("remark", light.call(&remark, &alice)).await.unwrap();
    let names: Vec<_> = included.events.iter().map(|event| event.unwrap().event_name().to_owned()).collect();
    assert!(names.iter().any(|name| name == "Remarked"), "{names:?}");

    let fortune = transfer(Key::development("Bob").public(), u128::MAX / 2);
    let error = patiently("fortune", light.call(&fortune, &alice)).await.unwrap_err();
    assert!(matches!(error, Error::Dispatch(_)), "{error}");

    // Handed in again, it is what it was.
    let signed = light.sign(&remark, &alice, None).await.unwrap();
    let first = patiently("first", light.submit(&signed)).await.unwrap();
    let again = patiently("again", light.submit(&signed)).await.unwrap();
    assert_eq!((first.block, first.extrinsic), (again.block, again.extrinsic));

    let stale = light.sign(&remark, &alice, Some(0)).await.unwrap();
    let error = patiently("stale", light.submit(&stale)).await.unwrap_err();
    assert!(matches!(error, Error::NonceTaken(0)), "{error}");

    // The first error of pallet machines: no such token.
    let error = patiently("unauthorised", light.submit_general(&request_of_nobody())).await.unwrap_err();
    assert!(matches!(&error, Error::Refused(reason) if reason.contains('0')), "{error}");
}

/// More reads than smoldot does at one time; and calls of one block, which many look for in it.
async fn many_at_once(light: &LightClient) {
    let reads = (0..48).map(|_| light.call_api::<(String, String)>("Core_version", &()));
    let versions = patiently("reads", try_join_all(reads)).await.unwrap();
    assert!(versions.iter().all(|version| Some(version) == versions.first()));
    // subxt would wait for ever for what the runtime refuses.
    let error = patiently("no such function", light.call_api::<()>("Nobody_knows", &())).await.unwrap_err();
    assert!(matches!(error, Error::Chain(_)), "{error}");

    let remark = tx("System", "remark_with_event", vec![Value::from_bytes(b"together")]);
    let callers = ["Bob", "Dave", "Eve", "Ferdie"].map(Key::development);
    let calls = try_join_all(callers.iter().map(|key| light.call(&remark, key)));
    // One account's calls, a row of nonces.
    let alice = Key::development("Alice");
    let next = light.nonce(alice.public()).await.unwrap();
    let row = try_join_all((next..next + 20).map(async |nonce| {
        let extrinsic = light.sign(&remark, &alice, Some(nonce)).await?;
        light.submit(&extrinsic).await
    }));
    let (calls, row) = patiently("calls", try_join(calls, row)).await.unwrap();
    assert_eq!((calls.len(), row.len()), (callers.len(), 20));
}

async fn outbox_survives_its_process(network: &Network, light: LightClient) -> LightClient {
    let path = network.folder().join("outbox.redb");
    let outbox = Outbox::open(&path).unwrap();
    let targets: Vec<_> = ["a", "b", "c"].map(|name| Key::development(name).public()).into();
    for body in &targets {
        let body = body.to_vec();
        outbox.enqueue(Intent { kind: "transfer".into(), key: body.clone(), body }).unwrap();
    }
    let resolver = Transfers { client: &light, key: Key::development("Alice") };
    let report = outbox.step(&light, &resolver).await.unwrap();
    assert_eq!(report.pending, 3, "{report:?}");
    // The process ends here without a word, and another one starts.
    drop(outbox);
    drop(light);
    let outbox = Outbox::open(&path).unwrap();
    let light = client(network).await;
    let reports = patiently("outbox", drain(&outbox, &light)).await;
    assert_eq!(reports.iter().map(|report| report.done.len()).sum::<usize>(), 3);
    light
}

async fn nodes_may_go_away(network: &mut Network, light: LightClient) -> LightClient {
    let outbox = Outbox::open(&network.folder().join("outbox.redb")).unwrap();
    let body = Key::development("d").public().to_vec();
    network.cut();
    let mut status = light.watch();
    patiently("no peers", status.wait_for(|status| status.peers == 0)).await.unwrap();
    assert!(!light.status().is_ready());
    outbox.enqueue(Intent { kind: "transfer".into(), key: body.clone(), body }).unwrap();
    network.resume();
    patiently("peers again", light.wait_ready()).await.unwrap();
    patiently("outbox again", drain(&outbox, &light)).await;
    light
}

/// Makes an old extrinsic first, and fresh ones after it.
struct Late<'a> {
    transfers: Transfers<'a>,
    old: Mutex<Option<Extrinsic>>,
}

impl Resolver for Late<'_> {
    fn account(&self) -> Option<[u8; 32]> {
        self.transfers.account()
    }

    async fn is_done(&self, intent: &Intent) -> Result<bool, Error> {
        self.transfers.is_done(intent).await
    }

    async fn build(&self, intent: &Intent, nonce: u64) -> Result<Extrinsic, Error> {
        let old = self.old.lock().unwrap().take();
        match old {
            Some(old) => Ok(old),
            None => self.transfers.build(intent, nonce).await,
        }
    }
}

async fn what_expired_is_made_again(
    network: &Network,
    light: &LightClient,
    target: [u8; 32],
    stale: Extrinsic,
) {
    let until = stale.expires_at;
    patiently("expiry", light.wait_finalized_after(until)).await.unwrap();
    let outbox = Outbox::open(&network.folder().join("late.redb")).unwrap();
    outbox.enqueue(Intent { kind: "transfer".into(), key: target.to_vec(), body: target.to_vec() }).unwrap();
    let transfers = Transfers { client: light, key: Key::development("Charlie") };
    let late = Late { transfers, old: Mutex::new(Some(stale)) };
    let mut expired = 0;
    while !outbox.entries().unwrap().is_empty() {
        let seen = light.finalized().await.unwrap().number;
        let report = patiently("step", outbox.step(light, &late)).await.unwrap();
        for entry in &report.expired {
            expired += 1;
            outbox.remake(entry.number, None).unwrap();
        }
        patiently("next block", light.wait_finalized_after(seen)).await.unwrap();
    }
    assert_eq!(expired, 1, "the old extrinsic is given up, the fresh one gets there");
}

async fn a_damaged_database_is_no_obstacle(network: &Network) {
    let file = network.folder().join("light/chain.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    *bytes.get_mut(middle).unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let light = client(network).await;
    assert!(light.finalized().await.unwrap().number > 0);
    light.shutdown().await.unwrap();
}
