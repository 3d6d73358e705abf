//! Operations of `chainHead`: a request begins one, events on the subscription that it names tell how it goes on.
//!
//! subxt waits for the events of success and passes over all others, for ever. So an operation's events are held until its end is known:
//! whoever asked learns its name after a success only, with all events in the stream by then.

use serde::Deserialize;
use serde_json::value::RawValue;
use subxt::rpcs::Error;
use tokio::sync::oneshot;

/// The subscription that a request's operation reports to; nothing where the request begins none.
pub(crate) fn subscription(method: &str, params: Option<&RawValue>) -> Option<String> {
    if !matches!(method, "chainHead_v1_body" | "chainHead_v1_call" | "chainHead_v1_storage") {
        return None;
    }
    let params: Vec<&RawValue> = serde_json::from_str(params?.get()).ok()?;
    serde_json::from_str(params.first()?.get()).ok()
}

/// How an operation ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Well. This is the answer to the request that began it.
    Done(Box<RawValue>),
    /// It was not begun: smoldot has as many of them as it takes.
    Busy,
    /// No peer gave what it needs. Another time one may.
    Inaccessible,
    /// The runtime says no, and will say so again.
    Failed(String),
    /// Its subscription is no more.
    Stopped,
}

/// Where the end is told.
pub(crate) type Asker = oneshot::Sender<Result<Ended, Error>>;

/// The answer to a request that begins an operation.
#[derive(Deserialize)]
#[serde(tag = "result", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Begun {
    Started { operation_id: String },
    LimitReached,
}

/// What matters here of an event of a `chainHead_v1_follow` subscription.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    event: String,
    pub(crate) operation_id: Option<String>,
    error: Option<String>,
}

impl Event {
    /// Of a notification, if it is one of these events.
    pub(crate) fn of(notification: &RawValue) -> Option<Self> {
        serde_json::from_str(notification.get()).ok()
    }

    /// Whether nothing follows in this subscription, and nothing comes of its operations.
    pub(crate) fn is_stop(&self) -> bool {
        self.event == "stop"
    }
}

/// An operation on its way.
pub(crate) struct Running {
    /// The request that began it.
    pub(crate) request: u64,
    answer: Box<RawValue>,
    held: Vec<Box<RawValue>>,
    asker: Asker,
}

/// What an event means for its operation.
pub(crate) enum Heard {
    /// More is to come.
    GoesOn(Running),
    /// All its events, now for everybody, and afterwards the asker's answer.
    Done(Vec<Box<RawValue>>, Asker, Ended),
    /// It came to nothing; the asker's answer.
    Ended(Asker, Ended),
}

impl Running {
    pub(crate) fn new(request: u64, answer: Box<RawValue>, asker: Asker) -> Self {
        Self { request, answer, held: Vec::new(), asker }
    }

    /// Takes in its next event.
    pub(crate) fn hear(mut self, event: Event, text: Box<RawValue>) -> Heard {
        match event.event.as_str() {
            "operationBodyDone" | "operationCallDone" | "operationStorageDone" => {
                self.held.push(text);
                Heard::Done(self.held, self.asker, Ended::Done(self.answer))
            }
            "operationInaccessible" => Heard::Ended(self.asker, Ended::Inaccessible),
            "operationError" => Heard::Ended(self.asker, Ended::Failed(event.error.unwrap_or_default())),
            // Items of storage. smoldot never waits to be told to continue.
            _ => {
                self.held.push(text);
                Heard::GoesOn(self)
            }
        }
    }

    /// Its subscription has ended.
    pub(crate) fn stop(self) {
        let _ = self.asker.send(Ok(Ended::Stopped));
    }
}
