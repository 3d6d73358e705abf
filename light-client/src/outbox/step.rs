//! One look at every open entry. Call it at each finalised block.

use super::{Entry, Heads, Network, Outbox, Reason, Report, Resolver, State};
use crate::{Error, Extrinsic, Offer};
use std::collections::HashSet;

/// So many nonces from the account's on are on offer at one time. smoldot holds 64 extrinsics and drops what comes after: were those all of later
/// nonces, the one that they wait for would find no room until they expire.
const WINDOW: u64 = 32;

impl Outbox {
    /// Moves every entry on as far as it goes now. Only the network's failure ends a step early; what the
    /// step has written stays.
    pub async fn step(&self, network: &impl Network, resolver: &impl Resolver) -> Result<Report, Error> {
        let account = resolver.account();
        let mut step = Step {
            outbox: self,
            network,
            resolver,
            account,
            heads: network.heads().await?,
            nonce: match account {
                Some(account) => network.nonce(account).await?,
                None => 0,
            },
            taken: self.reserved(account)?,
        };
        let mut report = Report::default();
        for entry in self.entries()? {
            step.advance(entry, &mut report).await?;
        }
        Ok(report)
    }

    fn reserved(&self, account: Option<[u8; 32]>) -> Result<HashSet<u64>, Error> {
        let entries = self.entries()?;
        let reserved = entries.iter().filter_map(|entry| entry.reserved);
        Ok(reserved.filter(|signed| Some(signed.account) == account).map(|signed| signed.nonce).collect())
    }
}

struct Step<'a, N, R> {
    outbox: &'a Outbox,
    network: &'a N,
    resolver: &'a R,
    account: Option<[u8; 32]>,
    // Heads and nonce are read before `is_done` is asked: a verdict drawn from them can then never be about
    // a block that `is_done` has not seen.
    heads: Heads,
    nonce: u64,
    taken: HashSet<u64>,
}

impl<N: Network, R: Resolver> Step<'_, N, R> {
    async fn advance(&mut self, mut entry: Entry, report: &mut Report) -> Result<(), Error> {
        match self.resolver.is_done(&entry.intent).await {
            Ok(true) => {
                self.outbox.finish(&entry)?;
                report.done.push(entry);
                return Ok(());
            }
            Ok(false) => {}
            Err(error) => {
                report.failed.push((entry.number, error));
                return Ok(());
            }
        }
        match &entry.state {
            State::Expired(_) => {}
            State::Queued if !self.is_near(self.pick_nonce(&entry)) => {}
            State::Queued => match self.build(&mut entry).await {
                Ok(()) => self.send(&mut entry).await?,
                Err(error) => {
                    report.failed.push((entry.number, error));
                    return Ok(());
                }
            },
            State::Submitted { extrinsic, refused } => match self.lost(extrinsic, refused) {
                Some(reason) => self.expire(&mut entry, reason)?,
                None => self.send(&mut entry).await?,
            },
        }
        match &entry.state {
            State::Expired(_) => report.expired.push(entry),
            _ => report.pending += 1,
        }
        Ok(())
    }

    /// Makes the extrinsic and keeps it, before anybody sees it.
    async fn build(&mut self, entry: &mut Entry) -> Result<(), Error> {
        let nonce = self.pick_nonce(entry);
        let extrinsic = self.resolver.build(&entry.intent, nonce).await?;
        if let Some(signed) = extrinsic.signed_by {
            self.taken.insert(signed.nonce);
            entry.reserved = Some(signed);
        }
        entry.attempts = entry.attempts.saturating_add(1);
        entry.state = State::Submitted { extrinsic, refused: None };
        self.outbox.update(entry)
    }

    fn pick_nonce(&self, entry: &Entry) -> u64 {
        let own = entry.reserved.filter(|signed| Some(signed.account) == self.account);
        match own {
            Some(signed) if signed.nonce >= self.nonce => signed.nonce,
            _ => (self.nonce..).find(|nonce| !self.taken.contains(nonce)).unwrap_or(self.nonce),
        }
    }

    fn is_near(&self, nonce: u64) -> bool {
        nonce < self.nonce.saturating_add(WINDOW)
    }

    /// Why the extrinsic can have no effect any more, given that finalised state does not show any.
    fn lost(&self, extrinsic: &Extrinsic, refused: &Option<(u64, String)>) -> Option<Reason> {
        let signed = extrinsic.signed_by.filter(|signed| Some(signed.account) == self.account);
        if signed.is_some_and(|signed| self.nonce > signed.nonce) {
            return Some(Reason::NonceTaken);
        }
        if self.heads.finalized >= extrinsic.expires_at {
            return Some(Reason::Mortality);
        }
        let (_, reason) = refused.as_ref().filter(|(block, _)| self.heads.finalized >= *block)?;
        Some(Reason::Refused(reason.clone()))
    }

    async fn send(&self, entry: &mut Entry) -> Result<(), Error> {
        let State::Submitted { extrinsic, refused } = &mut entry.state else { return Ok(()) };
        let waits = extrinsic.signed_by.is_some_and(|signed| !self.is_near(signed.nonce));
        if refused.is_some() || waits {
            return Ok(());
        }
        match self.network.offer(extrinsic).await? {
            // Let go of without a verdict: the next step offers it again.
            Offer::Pending | Offer::Dropped(_) => Ok(()),
            Offer::Refused(reason) => {
                *refused = Some((self.heads.best.saturating_add(1), reason));
                self.outbox.update(entry)
            }
            // The block is newer than what `is_done` saw, so it is asked once more.
            Offer::Finalized(_) => match self.resolver.is_done(&entry.intent).await {
                Ok(false) => self.expire(entry, Reason::Failed),
                _ => Ok(()),
            },
        }
    }

    fn expire(&self, entry: &mut Entry, reason: Reason) -> Result<(), Error> {
        tracing::info!(number = entry.number, kind = entry.intent.kind, %reason, "extrinsic lost");
        entry.state = State::Expired(reason);
        self.outbox.update(entry)
    }
}
