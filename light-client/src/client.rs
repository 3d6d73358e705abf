//! The light client: starting it, reading finalised state, and getting calls included.

use crate::bodies::Bodies;
use crate::extrinsic::{self, Extrinsic, Included};
use crate::line::{Handle, Line, Patience};
use crate::pool::{Offer, Pool};
use crate::{
    AtBlock, Block, Chain, ChainDatabase, Error, Key, Status, Unanswered, database, status, transport,
};
use codec::{Decode, Encode};
use futures::StreamExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use subxt::backend::CombinedBackend;
use subxt::error::OnlineClientAtBlockError;
use subxt::rpcs::RpcClient;
use subxt::tx::Payload;
use subxt::utils::H256;
use subxt::{OnlineClient, backend};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

/// How often the chain database is written while the client runs. It holds the runtime's code, so each time costs megabytes of disk and
/// memory; who starts from an older one proves a few more headers.
const SAVE_EVERY: Duration = Duration::from_secs(600);

/// One chain, followed by a light client inside this process. Cheap to share behind an `Arc`.
pub struct LightClient {
    line: Arc<Line>,
    backend: Arc<CombinedBackend<Chain>>,
    online: OnlineClient<Chain>,
    /// The latest finalised block that was asked for: each look at a block anew asks a peer for the runtime's version there, and proves it.
    latest: Mutex<Option<AtBlock>>,
    database: ChainDatabase,
    status: watch::Receiver<Status>,
    pool: Pool,
    bodies: Bodies,
    // Ends with the client.
    _tasks: JoinSet<()>,
}

/// How long stopping may wait for the last save.
const LAST_SAVE: Duration = Duration::from_secs(5);

/// Until a block that has gone is asked for once more.
const AGAIN: Duration = Duration::from_millis(200);

/// For how long a call that is on offer waits for any block to be finalised.
const STANDSTILL: Duration = Duration::from_secs(180);

impl LightClient {
    /// Starts following the chain of this raw specification, from where `state_dir` says it left off.
    /// Returns before any peer is reached: see [`Self::wait_ready`]. Needs tokio's runtime.
    pub async fn start(specification: &str, state_dir: &Path) -> Result<Self, Error> {
        let database = ChainDatabase::open(state_dir)?;
        let (line, states) = transport::start(specification, &database.load().unwrap_or_default())?;
        let rpc = RpcClient::new(Handle(line.clone()));
        let (backend, mut driver) = CombinedBackend::builder().build(rpc).await.map_err(Error::chain)?;
        let backend = Arc::new(backend);
        let (sender, status) = watch::channel(Status::default());
        let mut tasks = JoinSet::new();
        let following = status::follow(line.clone(), states, sender);
        tasks.spawn(async move {
            let driving = async {
                while let Some(event) = driver.next().await {
                    if let Err(error) = event {
                        tracing::debug!(%error, "following the chain");
                    }
                }
            };
            // Without its driver subxt reads nothing more: who waits for a block is told that this client has stopped.
            tokio::select! { () = driving => {}, () = following => {} }
        });
        tasks.spawn(keep_saved(line.clone(), database.clone(), status.clone()));
        let online = OnlineClient::from_backend(backend.clone()).await.map_err(Error::chain)?;
        let (pool, bodies) = (Pool::default(), Bodies::default());
        let latest = Mutex::default();
        Ok(Self { line, backend, online, latest, database, status, pool, bodies, _tasks: tasks })
    }

    /// What the client is doing now.
    pub fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// Wakes its holder whenever the status changes, each new block included.
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Waits until peers are connected and finalised blocks arrive. There is no time limit: put it beside a
    /// timer, and let [`Self::status`] say why it takes long.
    pub async fn wait_ready(&self) -> Result<(), Error> {
        self.status.clone().wait_for(Status::is_ready).await.map(drop).map_err(|_| Error::Stopped)
    }

    /// Waits for the next finalised block after `number`, for as long as there is none.
    pub async fn wait_finalized_after(&self, number: u64) -> Result<Block, Error> {
        let mut status = self.status.clone();
        let reached = |status: &Status| status.finalized.filter(|block| block.number > number);
        let status = status.wait_for(|status| reached(status).is_some()).await.map_err(|_| Error::Stopped)?;
        reached(&status).ok_or(Error::Stopped)
    }

    /// The hash of the first block, which names the chain.
    pub fn genesis(&self) -> H256 {
        self.online.genesis_hash()
    }

    /// The latest finalised block.
    pub async fn finalized(&self) -> Result<Block, Error> {
        let at = self.latest().await?;
        Ok(Block { number: at.block_number(), hash: at.block_hash() })
    }

    /// The chain as of the latest finalised block: storage, runtime APIs, events, constants.
    pub async fn latest(&self) -> Result<AtBlock, Error> {
        // While smoldot starts over it tells of no block, and nothing on its line says so.
        let patience = Patience::DEFAULT.answer;
        let latest = tokio::time::timeout(patience, self.look()).await;
        let silent = |_| {
            let what = "the question for the latest finalised block".into();
            Unanswered::Silent { what, seconds: patience.as_secs() }
        };
        latest.map_err(silent)?
    }

    async fn look(&self) -> Result<AtBlock, Error> {
        let mut latest = self.latest.lock().await;
        loop {
            let block = self.backend().latest_finalized_block_ref().await.map_err(Error::chain)?;
            if let Some(at) = latest.as_ref().filter(|at| at.block_hash() == block.hash()) {
                return Ok(at.clone());
            }
            match self.online.at_block(block).await {
                Ok(at) => return Ok(latest.insert(at).clone()),
                // smoldot has started over, and has let go of the block meanwhile: there will be a later one.
                Err(OnlineClientAtBlockError::BlockHeaderNotFound { .. }) => {
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return Err(Error::chain(error)),
            }
        }
    }

    /// The chain as of a block, if the light client still holds it: the last few finalised ones and newer.
    pub async fn at(&self, block: H256) -> Result<AtBlock, Error> {
        self.online.at_block(block).await.map_err(Error::chain)
    }

    /// subxt's client, for whatever this one does not wrap.
    pub fn online(&self) -> &OnlineClient<Chain> {
        &self.online
    }

    /// Calls a runtime API, as `Trait_method`, at the latest finalised block.
    pub async fn call_api<R: Decode>(&self, function: &str, arguments: &impl Encode) -> Result<R, Error> {
        let at = self.latest().await?;
        let arguments = extrinsic::arguments(arguments);
        let answer = at.runtime_apis().call_raw(function, Some(&arguments)).await.map_err(Error::chain)?;
        R::decode(&mut answer.as_slice())
            .map_err(|cause| Error::Decode { what: format!("the answer of {function}"), cause })
    }

    /// The account's nonce at the latest finalised block.
    pub async fn nonce(&self, account: [u8; 32]) -> Result<u64, Error> {
        extrinsic::nonce(&self.latest().await?, account).await
    }

    /// Signs a call; without a nonce, with the account's next one.
    pub async fn sign(&self, call: &impl Payload, key: &Key, nonce: Option<u64>) -> Result<Extrinsic, Error> {
        let at = self.latest().await?;
        let nonce = match nonce {
            Some(nonce) => nonce,
            None => extrinsic::nonce(&at, key.public()).await?,
        };
        Extrinsic::signed(&at, call, key, nonce)
    }

    /// Wraps a call that authorises itself: no account, no signature, no fee.
    pub async fn general(&self, call: &impl Payload) -> Result<Extrinsic, Error> {
        Extrinsic::general(&self.latest().await?, call)
    }

    /// Signs a call, gets it into a finalised block and returns what it caused.
    pub async fn call(&self, call: &impl Payload, key: &Key) -> Result<Included, Error> {
        let extrinsic = self.sign(call, key, None).await?;
        self.submit(&extrinsic).await
    }

    /// Gets a self-authorised call into a finalised block and returns what it caused.
    pub async fn submit_general(&self, call: &impl Payload) -> Result<Included, Error> {
        let extrinsic = self.general(call).await?;
        self.submit(&extrinsic).await
    }

    /// Offers the extrinsic to the network unless it is on offer already. What is known of it comes back at
    /// once; the channel tells the rest. Offering the same bytes again is always right.
    pub async fn offer(&self, extrinsic: &Extrinsic) -> Result<watch::Receiver<Offer>, Error> {
        self.pool.offer(self.backend(), extrinsic.hash(), &extrinsic.bytes).await
    }

    /// Gets the extrinsic into a finalised block, sending it again as often as it is dropped, until it
    /// expires or the chain stands still. Nothing survives a crash here: what must not be lost belongs into the outbox.
    pub async fn submit(&self, extrinsic: &Extrinsic) -> Result<Included, Error> {
        let mut seen = self.finalized().await?.number;
        loop {
            let since = seen;
            let mut offer = self.offer(extrinsic).await?;
            let verdict = tokio::select! {
                verdict = offer.wait_for(|offer| *offer != Offer::Pending) => {
                    verdict.map_err(|_| Error::Stopped)?.clone()
                }
                // Of a block whose body smoldot has missed it says nothing for minutes: the chain is asked at each block.
                block = self.moved(seen, extrinsic) => {
                    seen = block?.number;
                    Offer::Pending
                }
            };
            match &verdict {
                Offer::Finalized(block) => return self.caused(extrinsic, *block).await,
                Offer::Refused(reason) => {
                    self.settled(extrinsic).await?;
                    let refused = || Error::Refused(reason.clone());
                    return self.overtaken(extrinsic, extrinsic.made_at()).await?.ok_or_else(refused);
                }
                Offer::Pending | Offer::Dropped(_) => {}
            }
            let finalized = self.finalized().await?;
            if let Some(included) = self.overtaken(extrinsic, since).await? {
                return Ok(included);
            }
            if finalized.number >= extrinsic.expires_at {
                return Err(Error::Expired(extrinsic.expires_at));
            }
            if verdict != Offer::Pending {
                seen = self.moved(finalized.number, extrinsic).await?.number;
            }
        }
    }

    /// Waits until what is the best block now is final. smoldot refuses an extrinsic that the best block has already: as stale, or for
    /// whatever reason a call has that was made before. Finalised state says nothing of that block yet.
    async fn settled(&self, refused: &Extrinsic) -> Result<(), Error> {
        let best = self.status().best.map_or(0, |block| block.number);
        if self.finalized().await?.number <= best {
            self.moved(best, refused).await?;
        }
        Ok(())
    }

    /// The next finalised block after `number`; an error if the chain stands still.
    async fn moved(&self, number: u64, offered: &Extrinsic) -> Result<Block, Error> {
        let still = || Error::Undecided { seconds: STANDSTILL.as_secs(), expires_at: offered.expires_at };
        tokio::time::timeout(STANDSTILL, self.wait_finalized_after(number)).await.map_err(|_| still())?
    }

    /// What the extrinsic caused in a block that is final. Whoever waited long may find that the light client holds the block no more.
    async fn caused(&self, extrinsic: &Extrinsic, block: H256) -> Result<Included, Error> {
        match self.included(extrinsic, block).await {
            Err(Error::Chain(_) | Error::UnknownBlock(_)) => Err(Error::OutOfSight(block)),
            known => known,
        }
    }

    async fn included(&self, extrinsic: &Extrinsic, block: H256) -> Result<Included, Error> {
        let at = self.at(block).await?;
        let missing = || Error::chain(subxt::Error::other_str("the finalised block lost the extrinsic"));
        self.find(&at, extrinsic).await?.ok_or_else(missing)
    }

    async fn find(&self, at: &AtBlock, extrinsic: &Extrinsic) -> Result<Option<Included>, Error> {
        let body = self.bodies.of(at.block_hash(), self.backend()).await?;
        extrinsic::find(at, &body, extrinsic.hash()).await
    }

    pub(crate) fn backend(&self) -> &dyn backend::Backend<Chain> {
        self.backend.as_ref()
    }

    /// Whether the extrinsic has happened, as finalised blocks after `since` tell. smoldot does not always say: it may have missed the body
    /// of the block. An error where another has used its nonce up.
    async fn overtaken(&self, extrinsic: &Extrinsic, since: u64) -> Result<Option<Included>, Error> {
        let Some(signed) = extrinsic.signed_by else { return self.found(extrinsic, since).await };
        if self.nonce(signed.account).await? <= signed.nonce {
            return Ok(None);
        }
        self.found(extrinsic, extrinsic.made_at()).await?.map(Some).ok_or(Error::NonceTaken(signed.nonce))
    }

    /// Looks for the extrinsic in the finalised blocks after `since` that are still held, which are the last few.
    async fn found(&self, extrinsic: &Extrinsic, since: u64) -> Result<Option<Included>, Error> {
        let mut at = self.latest().await?;
        while at.block_number() > since {
            if let Some(included) = self.find(&at, extrinsic).await? {
                return Ok(Some(included));
            }
            let parent = at.block_header().await.map_err(Error::chain)?.parent_hash;
            let Ok(before) = self.at(parent).await else { break };
            at = before;
        }
        Ok(None)
    }

    /// Writes the chain database now.
    pub async fn save(&self) -> Result<(), Error> {
        save(&self.line, &self.database).await
    }

    /// Writes the chain database and stops. A client that does not answer in time is stopped all the same:
    /// the next one then resumes a little earlier.
    pub async fn shutdown(self) -> Result<(), Error> {
        tokio::time::timeout(LAST_SAVE, self.save()).await.unwrap_or(Ok(()))
    }
}

async fn save(line: &Line, database: &ChainDatabase) -> Result<(), Error> {
    let content: String =
        line.request("chainHead_unstable_finalizedDatabase", &[database::MAX_BYTES.into()]).await?;
    database.save(&content)
}

async fn keep_saved(line: Arc<Line>, database: ChainDatabase, status: watch::Receiver<Status>) {
    let mut saved = None;
    loop {
        tokio::time::sleep(SAVE_EVERY).await;
        let finalized = status.borrow().finalized;
        if finalized == saved {
            continue;
        }
        match save(&line, &database).await {
            Ok(()) => saved = finalized,
            Err(error) => tracing::warn!(%error, "chain database not saved; trying again later"),
        }
    }
}
