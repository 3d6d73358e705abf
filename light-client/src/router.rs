//! Matches the answers and notifications of one JSON-RPC stream to whoever waits for them.
//!
//! Text comes in, channels are fed: no sockets, no clocks, so every interleaving can be tested.

use crate::operation::{Asker, Begun, Ended, Event, Heard, Running};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use subxt::rpcs::{Error, UserError};
use tokio::sync::{mpsc, oneshot};

/// What a subscriber receives.
pub(crate) type Notifications = mpsc::UnboundedReceiver<Box<RawValue>>;

/// An open subscription's name and stream.
pub(crate) type Opened = (String, Notifications);

/// Where an answer will arrive.
pub(crate) type Answered<T> = oneshot::Receiver<Result<T, Error>>;

type Answer<T> = oneshot::Sender<Result<T, Error>>;

enum Waiting {
    Reply(Answer<Box<RawValue>>),
    Subscription(Answer<Opened>),
    /// For the end of an operation that reports to this subscription.
    Operation(String, Asker),
}

#[derive(Default)]
struct Routes {
    next_id: u64,
    waiting: HashMap<u64, Waiting>,
    subscriptions: HashMap<String, Subscriber>,
    closed: bool,
}

struct Subscriber {
    stream: mpsc::UnboundedSender<Box<RawValue>>,
    /// By their names.
    operations: HashMap<String, Running>,
}

/// The table of open requests and subscriptions.
#[derive(Default)]
pub(crate) struct Router(Mutex<Routes>);

#[derive(Deserialize)]
struct Incoming {
    id: Option<u64>,
    result: Option<Box<RawValue>>,
    error: Option<UserError>,
    params: Option<Notification>,
}

#[derive(Deserialize)]
struct Notification {
    subscription: String,
    result: Box<RawValue>,
}

impl Router {
    /// Opens a request: its identifier, and where its answer will arrive.
    pub(crate) fn request(&self) -> (u64, Answered<Box<RawValue>>) {
        let (sender, receiver) = oneshot::channel();
        (self.open(Waiting::Reply(sender)), receiver)
    }

    /// Opens a subscription: its request's identifier, and where its stream will arrive.
    pub(crate) fn subscribe(&self) -> (u64, Answered<Opened>) {
        let (sender, receiver) = oneshot::channel();
        (self.open(Waiting::Subscription(sender)), receiver)
    }

    /// Begins an operation that reports to this subscription: its request's identifier, and where its end will be told.
    pub(crate) fn operation(&self, subscription: String) -> (u64, Answered<Ended>) {
        let (sender, receiver) = oneshot::channel();
        (self.open(Waiting::Operation(subscription, sender)), receiver)
    }

    /// Forgets a request that could not be sent or is waited for no more. What it began goes on: the subscription and the operation's name.
    pub(crate) fn cancel(&self, id: u64) -> Option<(String, String)> {
        let mut routes = self.routes();
        if routes.waiting.remove(&id).is_some() {
            return None;
        }
        routes.subscriptions.iter_mut().find_map(|(subscription, subscriber)| {
            let mut operations = subscriber.operations.extract_if(|_, running| running.request == id);
            operations.next().map(|(name, _)| (subscription.clone(), name))
        })
    }

    /// Forgets a subscription; true if it was still open.
    pub(crate) fn unsubscribe(&self, subscription: &str) -> bool {
        self.routes().end(subscription)
    }

    /// Delivers one text from the stream. What nobody waits for is dropped.
    pub(crate) fn deliver(&self, text: &str) {
        let incoming: Incoming = match serde_json::from_str(text) {
            Ok(incoming) => incoming,
            Err(error) => {
                tracing::warn!(%error, "unreadable JSON-RPC message");
                return;
            }
        };
        match (incoming.id, incoming.params) {
            (Some(id), _) => self.answer(id, incoming.result, incoming.error),
            (None, Some(notification)) => self.notify(notification),
            (None, None) => tracing::warn!(text, "JSON-RPC message for nobody"),
        }
    }

    /// Ends everything: waiting requests and open streams see the end.
    pub(crate) fn close(&self) {
        let mut routes = self.routes();
        routes.closed = true;
        routes.waiting.clear();
        routes.subscriptions.clear();
    }

    fn open(&self, waiting: Waiting) -> u64 {
        let mut routes = self.routes();
        routes.next_id += 1;
        let id = routes.next_id;
        // After the end a dropped sender tells the caller at once.
        if !routes.closed {
            routes.waiting.insert(id, waiting);
        }
        id
    }

    fn answer(&self, id: u64, result: Option<Box<RawValue>>, error: Option<UserError>) {
        let mut routes = self.routes();
        let Some(waiting) = routes.waiting.remove(&id) else { return };
        let answer = match (error, result) {
            (Some(error), _) => Err(Error::User(error)),
            (None, Some(result)) => Ok(result),
            // A result of `null` reads as no result.
            (None, None) => serde_json::value::to_raw_value(&()).map_err(Error::Deserialization),
        };
        match waiting {
            Waiting::Reply(sender) => drop(sender.send(answer)),
            Waiting::Subscription(sender) => {
                // Registered before anyone is told, so no notification can come too early.
                let opened = answer.and_then(|result| routes.register(&result));
                if let Err(Ok((name, _))) = sender.send(opened) {
                    routes.end(&name);
                }
            }
            Waiting::Operation(subscription, asker) => match answer {
                Ok(answer) => routes.begin(id, &subscription, answer, asker),
                Err(error) => drop(asker.send(Err(error))),
            },
        }
    }

    fn notify(&self, Notification { subscription, result }: Notification) {
        let mut routes = self.routes();
        let Some(subscriber) = routes.subscriptions.get_mut(&subscription) else { return };
        let event = Event::of(&result);
        let stop = event.as_ref().is_some_and(Event::is_stop);
        subscriber.hear(event, result);
        if stop {
            routes.end(&subscription);
        }
    }

    fn routes(&self) -> MutexGuard<'_, Routes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Routes {
    fn register(&mut self, result: &RawValue) -> Result<Opened, Error> {
        let name: String = serde_json::from_str(result.get()).map_err(Error::Deserialization)?;
        let (stream, receiver) = mpsc::unbounded_channel();
        self.subscriptions.insert(name.clone(), Subscriber { stream, operations: HashMap::new() });
        Ok((name, receiver))
    }

    /// Takes in the answer to a request that begins an operation. Its events come right behind.
    fn begin(&mut self, request: u64, subscription: &str, answer: Box<RawValue>, asker: Asker) {
        let begun = serde_json::from_str(answer.get()).map_err(Error::Deserialization);
        let ended = match (begun, self.subscriptions.get_mut(subscription)) {
            (Err(error), _) => Err(error),
            // smoldot calls it a limit, too, when it knows the subscription no more.
            (Ok(_), None) => Ok(Ended::Stopped),
            (Ok(Begun::LimitReached), Some(_)) => Ok(Ended::Busy),
            (Ok(Begun::Started { operation_id }), Some(subscriber)) => {
                subscriber.operations.insert(operation_id, Running::new(request, answer, asker));
                return;
            }
        };
        let _ = asker.send(ended);
    }

    /// Ends a subscription and what reports to it; true if it was open.
    fn end(&mut self, subscription: &str) -> bool {
        let Some(subscriber) = self.subscriptions.remove(subscription) else { return false };
        subscriber.operations.into_values().for_each(Running::stop);
        true
    }
}

impl Subscriber {
    fn hear(&mut self, event: Option<Event>, text: Box<RawValue>) {
        let name = event.as_ref().and_then(|event| event.operation_id.clone());
        let running = name.as_ref().and_then(|name| self.operations.remove(name));
        let (Some(event), Some(name), Some(running)) = (event, name, running) else { return self.pass(text) };
        match running.hear(event, text) {
            Heard::GoesOn(running) => drop(self.operations.insert(name, running)),
            Heard::Done(events, asker, ended) => {
                // Who asked has left, and nobody else knows this operation.
                if asker.is_closed() {
                    return;
                }
                events.into_iter().for_each(|event| self.pass(event));
                let _ = asker.send(Ok(ended));
            }
            Heard::Ended(asker, ended) => drop(asker.send(Ok(ended))),
        }
    }

    fn pass(&self, text: Box<RawValue>) {
        // The subscriber may have left a moment ago.
        let _ = self.stream.send(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_find_their_requests_in_any_order() {
        let router = Router::default();
        let (first, mut first_answer) = router.request();
        let (second, mut second_answer) = router.request();
        router.deliver(&format!(r#"{{"jsonrpc":"2.0","id":{second},"result":"two"}}"#));
        router.deliver(&format!(r#"{{"jsonrpc":"2.0","id":{first},"result":{{"n":1}}}}"#));
        assert_eq!(first_answer.try_recv().unwrap().unwrap().get(), r#"{"n":1}"#);
        assert_eq!(second_answer.try_recv().unwrap().unwrap().get(), r#""two""#);
    }

    #[test]
    fn a_null_result_is_an_answer() {
        let router = Router::default();
        let (id, mut answer) = router.request();
        router.deliver(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":null}}"#));
        assert_eq!(answer.try_recv().unwrap().unwrap().get(), "null");
    }

    #[test]
    fn an_error_keeps_its_code() {
        let router = Router::default();
        let (id, mut answer) = router.request();
        router.deliver(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"Method not found"}}}}"#
        ));
        let error = answer.try_recv().unwrap().unwrap_err();
        assert!(matches!(error, Error::User(UserError { code: -32601, .. })));
    }

    #[test]
    fn a_notification_right_behind_the_answer_is_not_lost() {
        let router = Router::default();
        let (id, mut opened) = router.subscribe();
        router.deliver(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"s1"}}"#));
        router.deliver(r#"{"jsonrpc":"2.0","method":"m","params":{"subscription":"s1","result":7}}"#);
        let (name, mut stream) = opened.try_recv().unwrap().unwrap();
        assert_eq!(name, "s1");
        assert_eq!(stream.try_recv().unwrap().get(), "7");
    }

    #[test]
    fn a_subscriber_who_left_while_waiting_leaves_nothing_behind() {
        let router = Router::default();
        let (id, opened) = router.subscribe();
        drop(opened);
        router.deliver(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"s1"}}"#));
        assert!(!router.unsubscribe("s1"));
    }

    #[test]
    fn the_end_reaches_everybody() {
        let router = Router::default();
        let (_, mut answer) = router.request();
        let (id, mut opened) = router.subscribe();
        router.deliver(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"s1"}}"#));
        let (_, mut stream) = opened.try_recv().unwrap().unwrap();
        router.close();
        assert!(answer.try_recv().is_err());
        assert!(matches!(stream.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
        let (_, mut late) = router.request();
        assert_eq!(late.try_recv().unwrap_err(), oneshot::error::TryRecvError::Closed);
    }

    proptest! {
        #[test]
        fn no_text_can_make_it_panic(text in ".{0,200}") {
            let router = Router::default();
            let _open = (router.request(), router.subscribe());
            router.deliver(&text);
        }

        #[test]
        fn no_json_can_make_it_panic(id in any::<u64>(), body in "[a-z0-9{}\\[\\]\":,]{0,60}") {
            let router = Router::default();
            let _open = (router.request(), router.subscribe());
            router.deliver(&format!(r#"{{"id":{id},"result":{body}}}"#));
            router.deliver(&format!(r#"{{"params":{{"subscription":{body},"result":1}}}}"#));
        }
    }
}
