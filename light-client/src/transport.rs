//! smoldot, at the other end of the line: the chain without any RPC node.

use crate::Error;
use crate::line::{Line, Patience, Wire};
use crate::router::Router;
use smoldot_light::lifecycle_service::Subscription as Lifecycle;
use smoldot_light::platform::DefaultPlatform;
use smoldot_light::{AddChainConfig, AddChainConfigJsonRpc, AddChainSuccess, ChainId, Client};
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use subxt::rpcs::Error as RpcError;

/// Requests smoldot may hold for us before it refuses more.
const MAX_PENDING: NonZero<u32> = match NonZero::new(256) {
    Some(number) => number,
    None => NonZero::<u32>::MIN,
};
/// Subscriptions open at once; each watched extrinsic is one.
const MAX_SUBSCRIPTIONS: u32 = 256;

/// One chain inside one smoldot client.
struct Smoldot {
    client: Mutex<Client<Arc<DefaultPlatform>, ()>>,
    chain: ChainId,
}

/// Adds the chain and starts reading smoldot's answers: the line to it, and what it says about peers, progress and stalls from now on.
/// Needs tokio's runtime.
pub(crate) fn start(specification: &str, database: &str) -> Result<(Arc<Line>, Lifecycle), Error> {
    let platform = DefaultPlatform::new(env!("CARGO_PKG_NAME").into(), env!("CARGO_PKG_VERSION").into());
    let mut client = Client::new(platform);
    let AddChainSuccess { chain_id: chain, json_rpc_responses } = client
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
    let lifecycle = client.lifecycle_state(chain);
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
    let smoldot = Smoldot { client: Mutex::new(client), chain };
    Ok((Line::new(smoldot, router, Patience::DEFAULT), lifecycle))
}

impl Wire for Smoldot {
    fn send(&self, request: String) -> Result<(), RpcError> {
        self.client
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .json_rpc_request(request, self.chain)
            .map_err(|error| RpcError::Client(Box::new(error)))
    }
}

impl Drop for Smoldot {
    fn drop(&mut self) {
        // Ends the reader's task, which holds the other half of the chain.
        let chain = self.chain;
        let () = self.client.get_mut().unwrap_or_else(PoisonError::into_inner).remove_chain(chain);
    }
}
