//! The JSON-RPC line to smoldot, as subxt wants it: nothing on it is waited for without a bound, and what no peer had is asked for again.

use crate::operation::{self, Ended};
use crate::router::{Answered, Notifications, Router};
use crate::{Error, Unanswered};
use futures::Stream;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use subxt::rpcs::client::{RawRpcFuture, RawRpcSubscription};
use subxt::rpcs::{Error as RpcError, RpcClientT};
use tokio::time::{Instant, sleep, timeout_at};

#[cfg(test)]
mod tests;

/// smoldot-light 3.0.0 panics in its pool (`PendingTransaction::update_status`) where one of two who watch an extrinsic has left: it starts over
/// and forgets every extrinsic on offer. Two watch one that subxt let go of and that is offered again. So nobody leaves; a watch that is left
/// open ends with its extrinsic.
const NEVER_ASKED: &str = "transactionWatch_v1_unwatch";

/// The other end's ear.
pub(crate) trait Wire: Send + Sync {
    /// Takes a request as text; the answer comes through the router.
    fn send(&self, request: String) -> Result<(), RpcError>;
}

/// How long is waited for smoldot.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// For an answer, repetitions included. smoldot gives a peer 20 s, and leaves one alone for 10 s or 40 s that failed it.
    pub(crate) answer: Duration,
    /// Before an operation is begun once more: the first and the longest pause. Each is twice as long as the last.
    pub(crate) pauses: (Duration, Duration),
}

impl Patience {
    pub(crate) const DEFAULT: Self = Self {
        answer: Duration::from_secs(45),
        pauses: (Duration::from_millis(250), Duration::from_secs(8)),
    };
}

/// Requests go out on the wire, and answers come in through the router.
pub(crate) struct Line {
    wire: Box<dyn Wire>,
    router: Arc<Router>,
    patience: Patience,
}

impl Line {
    pub(crate) fn new(wire: impl Wire + 'static, router: Arc<Router>, patience: Patience) -> Arc<Self> {
        Arc::new(Self { wire: Box::new(wire), router, patience })
    }

    /// Sends a request and decodes its answer.
    pub(crate) async fn request<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &[serde_json::Value],
    ) -> Result<T, RpcError> {
        let params = serde_json::value::to_raw_value(params).map_err(RpcError::Serialization)?;
        let answer = self.request_raw(method, Some(params)).await?;
        serde_json::from_str(answer.get()).map_err(RpcError::Deserialization)
    }

    /// Opens a subscription.
    pub(crate) async fn subscribe(
        self: &Arc<Self>,
        method: &str,
        params: Option<Box<RawValue>>,
        unsubscribe: &str,
    ) -> Result<Subscription, RpcError> {
        let (id, opened) = self.router.subscribe();
        self.send(id, method, params.as_deref())?;
        let (name, notifications) = self.answer(self.deadline(), method, id, opened).await?;
        Ok(Subscription { line: self.clone(), name, unsubscribe: unsubscribe.into(), notifications })
    }

    async fn request_raw(
        &self,
        method: &str,
        params: Option<Box<RawValue>>,
    ) -> Result<Box<RawValue>, RpcError> {
        tracing::trace!(method, "asked");
        if let Some(subscription) = operation::subscription(method, params.as_deref()) {
            return self.operate(method, params.as_deref(), &subscription).await;
        }
        let (id, answer) = self.router.request();
        self.send(id, method, params.as_deref())?;
        self.answer(self.deadline(), method, id, answer).await
    }

    /// Begins an operation, as often as it takes, and answers once one has succeeded.
    async fn operate(
        &self,
        method: &str,
        params: Option<&RawValue>,
        subscription: &str,
    ) -> Result<Box<RawValue>, RpcError> {
        let deadline = self.deadline();
        let (mut pause, longest) = self.patience.pauses;
        loop {
            let (id, ended) = self.router.operation(subscription.into());
            self.send(id, method, params)?;
            let ended = self.answer(deadline, method, id, ended).await?;
            tracing::trace!(method, ?ended, "operation");
            let what = || method.to_owned();
            let busy = match ended {
                Ended::Done(answer) => return Ok(answer),
                Ended::Failed(why) => return Err(unanswered(Unanswered::Failed { what: what(), why })),
                Ended::Stopped => {
                    sleep(pause).await;
                    return over();
                }
                Ended::Busy => true,
                Ended::Inaccessible => false,
            };
            if Instant::now() + pause >= deadline {
                let seconds = self.patience.answer.as_secs();
                return Err(unanswered(match busy {
                    true => Unanswered::Busy { what: what(), seconds },
                    false => Unanswered::Inaccessible { what: what(), seconds },
                }));
            }
            sleep(pause).await;
            pause = longest.min(pause * 2);
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.patience.answer
    }

    async fn answer<T>(
        &self,
        deadline: Instant,
        method: &str,
        id: u64,
        answer: Answered<T>,
    ) -> Result<T, RpcError> {
        if let Ok(answer) = timeout_at(deadline, answer).await {
            return answer.map_err(|_| RpcError::Client(Box::new(Error::Stopped)))?;
        }
        if let Some((subscription, operation)) = self.router.cancel(id) {
            self.tell("chainHead_v1_stopOperation", &[&subscription, &operation]);
        }
        let seconds = self.patience.answer.as_secs();
        Err(unanswered(Unanswered::Silent { what: method.into(), seconds }))
    }

    /// Sends a request whose answer matters to nobody.
    fn tell(&self, method: &str, params: &[&str]) {
        let (id, _) = self.router.request();
        let params = serde_json::value::to_raw_value(params).map_err(RpcError::Serialization);
        if let Err(error) = params.and_then(|params| self.send(id, method, Some(&params))) {
            tracing::debug!(%error, method, "not sent");
        }
    }

    fn send(&self, id: u64, method: &str, params: Option<&RawValue>) -> Result<(), RpcError> {
        let method = serde_json::to_string(method).map_err(RpcError::Serialization)?;
        let params = params.map_or("[]", RawValue::get);
        let request = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method},"params":{params}}}"#);
        self.wire.send(request).inspect_err(|_| drop(self.router.cancel(id)))
    }
}

/// What smoldot answers where a subscription is over. subxt then asks on the one that follows, ten times at most.
fn over() -> Result<Box<RawValue>, RpcError> {
    RawValue::from_string(r#"{"result":"limitReached"}"#.into()).map_err(RpcError::Serialization)
}

fn unanswered(why: Unanswered) -> RpcError {
    RpcError::Client(Box::new(why))
}

/// What subxt holds. A type of ours, since the trait is subxt's.
#[derive(Clone)]
pub(crate) struct Handle(pub(crate) Arc<Line>);

impl RpcClientT for Handle {
    fn request_raw<'a>(
        &'a self,
        method: &'a str,
        params: Option<Box<RawValue>>,
    ) -> RawRpcFuture<'a, Box<RawValue>> {
        Box::pin(self.0.request_raw(method, params))
    }

    fn subscribe_raw<'a>(
        &'a self,
        sub: &'a str,
        params: Option<Box<RawValue>>,
        unsub: &'a str,
    ) -> RawRpcFuture<'a, RawRpcSubscription> {
        Box::pin(async move {
            let subscription = self.0.subscribe(sub, params, unsub).await?;
            Ok(RawRpcSubscription { id: Some(subscription.name.clone()), stream: Box::pin(subscription) })
        })
    }
}

/// An open subscription; dropping it tells smoldot, unless that would harm it.
pub(crate) struct Subscription {
    line: Arc<Line>,
    name: String,
    unsubscribe: String,
    notifications: Notifications,
}

impl Stream for Subscription {
    type Item = Result<Box<RawValue>, RpcError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.notifications.poll_recv(context).map(|value| value.map(Ok))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.line.router.unsubscribe(&self.name) && self.unsubscribe != NEVER_ASKED {
            self.line.tell(&self.unsubscribe, &[&self.name]);
        }
    }
}
