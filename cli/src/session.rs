//! A light client for the length of one command, and something to look at while it works.

use crate::{account, advice, amount::Amount, chain, config::Config, error::Error, specification};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use light_client::{
    AccountId32, AtBlock, Included, Key, LightClient, Phase, Stall, Status, subxt::tx::Payload,
};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// For how long later blocks are waited for before something is refused.
const CATCHING_UP: Duration = Duration::from_secs(5);

/// A chain that can be asked, and called.
pub struct Session {
    client: LightClient,
    quiet: bool,
}

impl Session {
    /// Starts the light client and waits until finalised blocks arrive.
    pub async fn open(config: &Config, timeout: u64, quiet: bool) -> Result<Self, Error> {
        let path = config.chain.as_ref().ok_or(Error::NoChain)?;
        let specification = specification::read(path)?;
        let client = LightClient::start(&specification, &config.state_dir(path)).await?;
        let session = Self { client, quiet };
        session.ready(timeout).await?;
        Ok(session)
    }

    async fn ready(&self, timeout: u64) -> Result<(), Error> {
        let bar = self.spinner("reaching the chain");
        let mut changes = self.client.watch();
        let ready = async {
            loop {
                let status = *changes.borrow_and_update();
                bar.set_message(describe(&status));
                if status.is_ready() {
                    return Ok(());
                }
                changes.changed().await.map_err(|_| light_client::Error::Stopped)?;
            }
        };
        let reached = tokio::time::timeout(Duration::from_secs(timeout), ready).await;
        bar.finish_and_clear();
        reached.unwrap_or_else(|_| Err(Error::Unreachable(timeout, describe(&self.client.status()))))
    }

    /// Hash of the chain's first block.
    pub fn genesis(&self) -> [u8; 32] {
        self.client.genesis().0
    }

    /// The chain as of the latest finalised block.
    pub async fn latest(&self) -> Result<AtBlock, Error> {
        Ok(self.client.latest().await?)
    }

    /// Whether the account has so much. Looks at later blocks before it says no: those that a light client hears of first may be from before a
    /// payment that its sender has seen final.
    pub async fn afford(&self, account: &AccountId32, needed: Amount) -> Result<(), Error> {
        let patience = Instant::now() + CATCHING_UP;
        loop {
            let at = self.latest().await?;
            let free = chain::balance(&at, account).await?.free;
            if free >= needed {
                return Ok(());
            }
            let later = self.client.wait_finalized_after(at.block_number());
            let later = timeout_at(patience, later).await;
            if later.is_err() || Instant::now() >= patience {
                return Err(Error::TooPoor { needed, free, account: account.to_string() });
            }
        }
    }

    /// Signs a call and waits until it is in a finalised block.
    pub async fn call(&self, what: &str, call: &impl Payload, key: &Key) -> Result<Included, Error> {
        let bar = self.spinner(what);
        let included = self.client.call(call, key).await;
        bar.finish_and_clear();
        included.map_err(advice::on)
    }

    /// Ends the light client; the next one resumes where this one was.
    pub async fn close(self) -> Result<(), Error> {
        Ok(self.client.shutdown().await?)
    }

    fn spinner(&self, what: &str) -> ProgressBar {
        let bar = ProgressBar::new_spinner();
        // Colourless, and invisible where standard error is no terminal.
        if self.quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        bar.set_message("waiting for finality");
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }
}

fn describe(status: &Status) -> String {
    let phase = match status.phase {
        Phase::Connecting => "connecting".into(),
        Phase::Syncing { at, target } => format!("at block {at} of {target}"),
        Phase::Ready => "waiting for a finalised block".into(),
    };
    let stall = match status.stall {
        None => "",
        Some(Stall::NoPeers) => "; no peer answers",
        Some(Stall::NoProgress) => "; peers prove nothing new",
    };
    format!("{phase}, {} peers{stall}", status.peers)
}

/// Runs what a command does with the chain, then closes the session in any case.
pub async fn with<T>(
    config: &Config,
    global: &crate::arguments::Global,
    work: impl AsyncFnOnce(&Session) -> Result<T, Error>,
) -> Result<T, Error> {
    let session = Session::open(config, global.timeout, global.json).await?;
    let result = work(&session).await;
    let closed = session.close().await;
    let result = result?;
    closed.map(|()| result)
}

/// The same, with the owner's key: asked for before anything waits for the network.
pub async fn with_key<T>(
    config: &Config,
    global: &crate::arguments::Global,
    work: impl AsyncFnOnce(&Session, &Key) -> Result<T, Error>,
) -> Result<T, Error> {
    let key = account::key(config)?;
    with(config, global, async |session: &Session| work(session, &key).await).await
}
