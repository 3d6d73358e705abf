//! The line to a scripted smoldot, whose texts are smoldot's own.

use super::*;
use crate::Chain;
use crate::bodies::Bodies;
use futures::StreamExt;
use futures::future::try_join_all;
use serde_json::{Value, json};
use std::sync::Mutex;
use subxt::backend::{Backend, CombinedBackend};
use subxt::rpcs::RpcClient;
use subxt::utils::H256;

const FOLLOWING: &str = "2ajPmhNJpL8gVz3cMXJkJYWx3VoLpBBsCbjqDbXz5Gdq";
const HASH: &str = "0x77d9dd6a6ac6d5cc0ba2d7ed6ed2b5d6b8c9a5fa7bc0ba2d7ed6ed2b5d6b8c9a";

/// For tests whose script ends every wait.
const LONG: Patience = Patience {
    answer: Duration::from_secs(60),
    pauses: (Duration::from_millis(1), Duration::from_millis(4)),
};
/// For those whose script leaves one open.
const SHORT: Patience = Patience { answer: Duration::from_millis(40), ..LONG };

/// What it says to a request, by its method and how often that was asked for before: the result, and events of the followed chain.
type Says = fn(&str, usize) -> (Value, Vec<Value>);

struct Script {
    router: Arc<Router>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    says: Says,
}

impl Wire for Script {
    fn send(&self, request: String) -> Result<(), RpcError> {
        let request: Value = serde_json::from_str(&request).unwrap();
        let method = request["method"].as_str().unwrap();
        let mut asked = self.asked.lock().unwrap();
        let before = asked.iter().filter(|(earlier, _)| earlier == method).count();
        asked.push((method.into(), request["params"].clone()));
        drop(asked);
        let (result, events) = (self.says)(method, before);
        if !result.is_null() {
            self.router
                .deliver(&json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }).to_string());
        }
        for event in events {
            let params = json!({ "subscription": FOLLOWING, "result": event });
            let event = json!({ "jsonrpc": "2.0", "method": "chainHead_v1_followEvent", "params": params });
            self.router.deliver(&event.to_string());
        }
        Ok(())
    }
}

type Asked = Arc<Mutex<Vec<(String, Value)>>>;

fn line(patience: Patience, says: Says) -> (Arc<Line>, Asked) {
    let (router, asked) = (Arc::new(Router::default()), Asked::default());
    (Line::new(Script { router: router.clone(), asked: asked.clone(), says }, router, patience), asked)
}

async fn following(line: &Arc<Line>) -> Subscription {
    line.subscribe("chainHead_v1_follow", None, "chainHead_v1_unfollow").await.unwrap()
}

async fn call(line: &Line) -> Result<Value, RpcError> {
    line.request("chainHead_v1_call", &[FOLLOWING.into(), HASH.into(), "Core_version".into(), "0x".into()])
        .await
}

fn started(operation: &str) -> Value {
    json!({ "result": "started", "operationId": operation })
}

fn event(event: &str, operation: &str) -> Value {
    json!({ "event": event, "operationId": operation })
}

fn done(operation: &str) -> Value {
    json!({ "event": "operationCallDone", "operationId": operation, "output": "0x2a" })
}

fn limit() -> Value {
    json!({ "result": "limitReached" })
}

/// What is in the stream by now.
fn seen(stream: &mut Subscription) -> Vec<Value> {
    std::iter::from_fn(|| stream.notifications.try_recv().ok())
        .map(|text| serde_json::from_str(text.get()).unwrap())
        .collect()
}

fn why(error: &RpcError) -> &Unanswered {
    match error {
        RpcError::Client(error) => error.downcast_ref().unwrap(),
        other => panic!("{other}"),
    }
}

fn twice_in_vain(method: &str, before: usize) -> (Value, Vec<Value>) {
    match (method, before) {
        ("rpc_methods", _) => (json!({ "methods": ["chainHead_v1_follow", "chainHead_v1_call"] }), vec![]),
        ("chainHead_v1_follow", _) => {
            (FOLLOWING.into(), vec![json!({ "event": "initialized", "finalizedBlockHashes": [HASH] })])
        }
        ("chainHead_v1_call", 0) => (started("a"), vec![event("operationInaccessible", "a")]),
        ("chainHead_v1_call", 1) => (limit(), vec![]),
        ("chainHead_v1_call", _) => (started("c"), vec![done("c")]),
        _ => (Value::Null, vec![]),
    }
}

#[tokio::test]
async fn what_no_peer_gave_is_asked_for_again() {
    let (line, asked) = line(LONG, twice_in_vain);
    let mut stream = following(&line).await;
    assert_eq!(call(&line).await.unwrap(), started("c"));
    assert_eq!(seen(&mut stream)[1..], [done("c")]);
    let asked = asked.lock().unwrap();
    let calls: Vec<_> = asked.iter().filter(|(method, _)| method == "chainHead_v1_call").collect();
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|(_, params)| params == &json!([FOLLOWING, HASH, "Core_version", "0x"])));
}

#[tokio::test]
async fn subxt_has_its_answer_whatever_came_before() {
    let (line, _) = line(LONG, twice_in_vain);
    let (backend, mut driver) =
        CombinedBackend::<Chain>::builder().build(RpcClient::new(Handle(line))).await.unwrap();
    let driving = tokio::spawn(async move { while driver.next().await.is_some() {} });
    let at: H256 = HASH.parse().unwrap();
    assert_eq!(backend.call("Core_version", None, at).await.unwrap(), [0x2a]);
    driving.abort();
}

#[tokio::test]
async fn nobody_stops_watching_an_extrinsic() {
    let (line, asked) = line(LONG, |method, _| match method {
        "chainHead_v1_follow" => (FOLLOWING.into(), vec![]),
        "transactionWatch_v1_submitAndWatch" => ("watch".into(), vec![]),
        _ => (Value::Null, vec![]),
    });
    let watch = ("transactionWatch_v1_submitAndWatch", "transactionWatch_v1_unwatch");
    drop(line.subscribe(watch.0, None, watch.1).await.unwrap());
    // What smoldot still says of it is for nobody.
    let told = json!({ "subscription": "watch", "result": { "event": "validated" } });
    line.router.deliver(&json!({ "jsonrpc": "2.0", "method": "m", "params": told }).to_string());
    drop(following(&line).await);
    let methods: Vec<_> = asked.lock().unwrap().iter().map(|(method, _)| method.clone()).collect();
    assert_eq!(methods, [watch.0, "chainHead_v1_follow", "chainHead_v1_unfollow"]);
}

#[tokio::test]
async fn many_who_want_a_body_ask_for_it_once() {
    let (line, asked) = line(LONG, |method, before| match (method, before) {
        ("chainHead_v1_body", 0) => (started("a"), vec![event("operationInaccessible", "a")]),
        ("chainHead_v1_body", _) => {
            let done = json!({ "event": "operationBodyDone", "operationId": "b", "value": ["0x2a"] });
            (started("b"), vec![done])
        }
        _ => twice_in_vain(method, before),
    });
    let (backend, mut driver) =
        CombinedBackend::<Chain>::builder().build(RpcClient::new(Handle(line))).await.unwrap();
    let driving = tokio::spawn(async move { while driver.next().await.is_some() {} });
    let (bodies, at) = (Bodies::default(), HASH.parse().unwrap());
    let wanted = try_join_all((0..3).map(|_| bodies.of(at, &backend))).await.unwrap();
    assert!(wanted.iter().all(|body| ***body == [vec![0x2a]]));
    bodies.of(at, &backend).await.unwrap();
    let asked = asked.lock().unwrap();
    assert_eq!(asked.iter().filter(|(method, _)| method == "chainHead_v1_body").count(), 2);
    driving.abort();
}

#[tokio::test]
async fn not_for_ever() {
    let (line, _) = line(SHORT, |method, _| match method {
        "chainHead_v1_follow" => (FOLLOWING.into(), vec![]),
        _ => (started("a"), vec![event("operationInaccessible", "a")]),
    });
    let mut stream = following(&line).await;
    let error = call(&line).await.unwrap_err();
    assert!(
        matches!(why(&error), Unanswered::Inaccessible { what, .. } if what == "chainHead_v1_call"),
        "{error}"
    );
    assert!(seen(&mut stream).is_empty());
}

#[tokio::test]
async fn who_is_busy_for_long_is_said_to_be() {
    let (line, _) = line(SHORT, |method, _| match method {
        "chainHead_v1_follow" => (FOLLOWING.into(), vec![]),
        _ => (limit(), vec![]),
    });
    let _stream = following(&line).await;
    let error = call(&line).await.unwrap_err();
    assert!(matches!(why(&error), Unanswered::Busy { .. }), "{error}");
}

#[tokio::test]
async fn silence_ends_and_the_operation_with_it() {
    let (line, asked) = line(SHORT, |method, _| match method {
        "chainHead_v1_follow" => (FOLLOWING.into(), vec![]),
        "chainHead_v1_call" => (started("a"), vec![]),
        _ => (Value::Null, vec![]),
    });
    let _stream = following(&line).await;
    let error = call(&line).await.unwrap_err();
    assert!(matches!(why(&error), Unanswered::Silent { what, .. } if what == "chainHead_v1_call"), "{error}");
    let last = asked.lock().unwrap().last().cloned();
    assert_eq!(last, Some(("chainHead_v1_stopOperation".into(), json!([FOLLOWING, "a"]))));
    // Requests and subscriptions that nothing answers, too.
    let error = line.request::<Value>("system_chain", &[]).await.unwrap_err();
    assert!(matches!(why(&error), Unanswered::Silent { .. }), "{error}");
    let error =
        line.subscribe("chain_subscribeNewHeads", None, "chain_unsubscribeNewHeads").await.err().unwrap();
    assert!(matches!(why(&error), Unanswered::Silent { .. }), "{error}");
}

#[tokio::test]
async fn what_the_runtime_refuses_is_asked_once() {
    let (line, asked) = line(LONG, |method, _| match method {
        "chainHead_v1_follow" => (FOLLOWING.into(), vec![]),
        _ => {
            let error =
                json!({ "event": "operationError", "operationId": "a", "error": "Function not found" });
            (started("a"), vec![error])
        }
    });
    let mut stream = following(&line).await;
    let error = call(&line).await.unwrap_err();
    assert!(matches!(why(&error), Unanswered::Failed { why, .. } if why == "Function not found"), "{error}");
    assert!(seen(&mut stream).is_empty());
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_stop_ends_what_is_on_its_way() {
    let (line, asked) = line(LONG, |method, _| match method {
        "chainHead_v1_follow" => (FOLLOWING.into(), vec![]),
        "chainHead_v1_call" => (started("a"), vec![json!({ "event": "stop" })]),
        _ => (Value::Null, vec![]),
    });
    let mut stream = following(&line).await;
    // subxt then takes the next subscription.
    assert_eq!(call(&line).await.unwrap(), limit());
    assert_eq!(seen(&mut stream), [json!({ "event": "stop" })]);
    assert!(stream.next().await.is_none());
    // What is asked on it from now on.
    assert_eq!(call(&line).await.unwrap(), limit());
    // smoldot knows that it is over.
    drop(stream);
    assert!(asked.lock().unwrap().iter().all(|(method, _)| method != "chainHead_v1_unfollow"));
}

#[tokio::test]
async fn items_of_storage_come_together_and_in_order() {
    fn items(operation: &str, value: &str) -> Value {
        let items = json!([{ "key": "0x01", "value": value }]);
        json!({ "event": "operationStorageItems", "operationId": operation, "items": items })
    }
    let (line, _) = line(LONG, |method, before| match (method, before) {
        ("chainHead_v1_follow", _) => (FOLLOWING.into(), vec![]),
        // Half of it, and then no more.
        (_, 0) => (started("a"), vec![items("a", "0x0a"), event("operationInaccessible", "a")]),
        _ => {
            let best = json!({ "event": "bestBlockChanged", "bestBlockHash": HASH });
            (
                started("b"),
                vec![items("b", "0x0a"), best, items("b", "0x0b"), event("operationStorageDone", "b")],
            )
        }
    });
    let mut stream = following(&line).await;
    let query = json!([{ "key": "0x01", "type": "descendantsValues" }]);
    let params = [FOLLOWING.into(), HASH.into(), query, Value::Null];
    assert_eq!(line.request::<Value>("chainHead_v1_storage", &params).await.unwrap(), started("b"));
    let [best, rest @ ..] = &seen(&mut stream)[..] else { panic!("nothing") };
    assert_eq!(best["event"], "bestBlockChanged");
    assert_eq!(rest, [items("b", "0x0a"), items("b", "0x0b"), event("operationStorageDone", "b")]);
}

#[tokio::test]
async fn who_left_leaves_nothing_in_the_stream() {
    let (line, _) = line(LONG, |method, _| match method {
        "chainHead_v1_follow" => (FOLLOWING.into(), vec![]),
        _ => (started("a"), vec![]),
    });
    let mut stream = following(&line).await;
    let (id, asker) = line.router.operation(FOLLOWING.into());
    line.router.deliver(&json!({ "jsonrpc": "2.0", "id": id, "result": started("a") }).to_string());
    drop(asker);
    let params = json!({ "subscription": FOLLOWING, "result": done("a") });
    line.router.deliver(&json!({ "method": "chainHead_v1_followEvent", "params": params }).to_string());
    assert!(seen(&mut stream).is_empty());
    assert_eq!(line.router.cancel(id), None);
}
