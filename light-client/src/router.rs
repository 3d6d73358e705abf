//! Matches the answers and notifications of one JSON-RPC stream to whoever waits for them.
//!
//! Text comes in, channels are fed: no sockets, no clocks, so every interleaving can be tested.

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

type Answer<T> = oneshot::Sender<Result<T, Error>>;
type Answered<T> = oneshot::Receiver<Result<T, Error>>;

enum Waiting {
    Reply(Answer<Box<RawValue>>),
    Subscription(Answer<Opened>),
}

#[derive(Default)]
struct Routes {
    next_id: u64,
    waiting: HashMap<u64, Waiting>,
    subscriptions: HashMap<String, mpsc::UnboundedSender<Box<RawValue>>>,
    closed: bool,
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

    /// Forgets a request that could not be sent.
    pub(crate) fn cancel(&self, id: u64) {
        self.routes().waiting.remove(&id);
    }

    /// Forgets a subscription; true if it was still open.
    pub(crate) fn unsubscribe(&self, subscription: &str) -> bool {
        self.routes().subscriptions.remove(subscription).is_some()
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
                    routes.subscriptions.remove(&name);
                }
            }
        }
    }

    fn notify(&self, notification: Notification) {
        if let Some(subscriber) = self.routes().subscriptions.get(&notification.subscription) {
            // The subscriber may have left a moment ago.
            let _ = subscriber.send(notification.result);
        }
    }

    fn routes(&self) -> MutexGuard<'_, Routes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Routes {
    fn register(&mut self, result: &RawValue) -> Result<Opened, Error> {
        let name: String = serde_json::from_str(result.get()).map_err(Error::Deserialization)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        self.subscriptions.insert(name.clone(), sender);
        Ok((name, receiver))
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
