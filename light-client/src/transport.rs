//! smoldot behind subxt's `RpcClientT`: the chain without any RPC node.

use crate::Error;
use crate::router::{Notifications, Router};
use futures::Stream;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use smoldot_light::lifecycle_service::Subscription as Lifecycle;
use smoldot_light::platform::DefaultPlatform;
use smoldot_light::{AddChainConfig, AddChainConfigJsonRpc, AddChainSuccess, ChainId, Client};
use std::num::NonZero;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use subxt::rpcs::client::{RawRpcFuture, RawRpcSubscription};
use subxt::rpcs::{Error as RpcError, RpcClientT};

type Smoldot = Client<Arc<DefaultPlatform>, ()>;

/// Requests smoldot may hold for us before it refuses more.
const MAX_PENDING: NonZero<u32> = match NonZero::new(256) {
    Some(number) => number,
    None => NonZero::<u32>::MIN,
};
/// Subscriptions open at once; each watched extrinsic is one.
const MAX_SUBSCRIPTIONS: u32 = 256;

/// One chain inside one smoldot client.
pub(crate) struct Transport {
    smoldot: Mutex<Smoldot>,
    chain: ChainId,
    router: Arc<Router>,
}

impl Transport {
    /// Adds the chain and starts reading smoldot's answers. Needs tokio's runtime.
    pub(crate) fn start(specification: &str, database: &str) -> Result<Arc<Self>, Error> {
        let platform = DefaultPlatform::new(env!("CARGO_PKG_NAME").into(), env!("CARGO_PKG_VERSION").into());
        let mut smoldot = Client::new(platform);
        let AddChainSuccess { chain_id, json_rpc_responses } = smoldot
            .add_chain(AddChainConfig {
                user_data: (),
                specification,
                database_content: database,
                potential_relay_chains: std::iter::empty(),
                json_rpc: AddChainConfigJsonRpc::Enabled {
                    max_pending_requests: MAX_PENDING,
                    max_subscriptions: MAX_SUBSCRIPTIONS,
                },
                statement_protocol_config: None,
            })
            .map_err(|error| Error::Specification(error.to_string()))?;
        let router = Arc::new(Router::default());
        let reader = router.clone();
        tokio::spawn(async move {
            if let Some(mut responses) = json_rpc_responses {
                while let Some(text) = responses.next().await {
                    reader.deliver(&text);
                }
            }
            reader.close();
        });
        Ok(Arc::new(Self { smoldot: Mutex::new(smoldot), chain: chain_id, router }))
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

    /// What smoldot says about peers, progress and stalls, from now on.
    pub(crate) fn lifecycle(&self) -> Lifecycle {
        self.smoldot().lifecycle_state(self.chain)
    }

    fn send(&self, id: u64, method: &str, params: Option<&RawValue>) -> Result<(), RpcError> {
        let method = serde_json::to_string(method).map_err(RpcError::Serialization)?;
        let params = params.map_or("[]", RawValue::get);
        let request = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method},"params":{params}}}"#);
        self.smoldot()
            .json_rpc_request(request, self.chain)
            .map_err(|error| RpcError::Client(Box::new(error)))
            .inspect_err(|_| self.router.cancel(id))
    }

    fn smoldot(&self) -> MutexGuard<'_, Smoldot> {
        self.smoldot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        // Ends the reader's task, which holds the other half of the chain.
        let chain = self.chain;
        let () = self.smoldot.get_mut().unwrap_or_else(PoisonError::into_inner).remove_chain(chain);
    }
}

fn stopped<T>(_: T) -> RpcError {
    RpcError::Client(Box::new(Error::Stopped))
}

/// What subxt holds. A type of ours, since the trait is subxt's.
#[derive(Clone)]
pub(crate) struct Handle(pub(crate) Arc<Transport>);

impl Transport {
    pub(crate) async fn request_raw(
        &self,
        method: &str,
        params: Option<Box<RawValue>>,
    ) -> Result<Box<RawValue>, RpcError> {
        tracing::trace!(method, "asked");
        let (id, answer) = self.router.request();
        self.send(id, method, params.as_deref())?;
        answer.await.map_err(stopped)?
    }

    pub(crate) async fn subscribe(
        self: &Arc<Self>,
        method: &str,
        params: Option<Box<RawValue>>,
        unsubscribe: &str,
    ) -> Result<Subscription, RpcError> {
        let (id, opened) = self.router.subscribe();
        self.send(id, method, params.as_deref())?;
        let (name, notifications) = opened.await.map_err(stopped)??;
        Ok(Subscription { transport: self.clone(), name, unsubscribe: unsubscribe.into(), notifications })
    }
}

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

/// An open subscription; dropping it tells smoldot.
pub(crate) struct Subscription {
    transport: Arc<Transport>,
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
        if !self.transport.router.unsubscribe(&self.name) {
            return;
        }
        let Ok(params) = serde_json::value::to_raw_value(&[&self.name]) else { return };
        let (id, _) = self.transport.router.request();
        if let Err(error) = self.transport.send(id, &self.unsubscribe, Some(&params)) {
            tracing::debug!(%error, "could not unsubscribe");
        }
    }
}
