//! Dealings with the chain: evidence is made, kept, handed in, and followed until a finalised block shows it.

use crate::{
    agent::Agent,
    begin,
    chain::{self, Machine},
    debt::{self, Debt, hex32s},
    gpu_report,
    hex32::Hex32,
    journal::Made,
    quote::{self, KeptQuote},
    replay,
};
use attest::{
    Statement,
    record::{Anchor, Body},
    statement::{DelegationFields, delegation_digest},
    verify::{AkPublic, AnchorHead, EvidenceError, RingCheck, verify_anchor},
};
use evidence::Signed;
use light_client::{
    Block, Extrinsic, Key, LightClient,
    outbox::{Entry, Intent, Reason, Resolver},
};
use log_store::LogError;
use tpm::{Attestation, TpmError};

/// One look at the chain's business: everything is at hand.
pub struct Desk<'a> {
    /// What the agent holds.
    pub agent: &'a mut Agent,
    /// The chain.
    pub client: &'a LightClient,
    /// The device key.
    pub device: &'a Key,
}

/// Why dealings stopped for now.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The TPM.
    #[error("TPM: {0}")]
    Tpm(#[from] TpmError),
    /// The chain.
    #[error("chain: {0}")]
    Chain(#[from] light_client::Error),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What the TPM returned would be refused.
    #[error("the TPM's attestation would be refused: {0}")]
    Evidence(#[from] EvidenceError),
    /// What the chain remembers of the log is not in it.
    #[error(
        "the log in this state folder does not go on from the one anchored on chain (its {0} records are not here); unless that very log \
         can be put back (an older copy cannot replace it), enrol anew"
    )]
    LogLost(u64),
    /// Files.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl From<serde_json::Error> for DeskError {
    fn from(error: serde_json::Error) -> Self {
        Self::Other(error.into())
    }
}

/// A debt that finalised state will not show any more.
#[derive(Debug)]
pub struct Lost {
    /// What it was.
    pub debt: Debt,
    /// Why, in words.
    pub why: String,
    /// Whether it had merely come too late.
    pub expired: bool,
}

impl Desk<'_> {
    /// Moves every debt on. What was lost is given up here, and returned: it has to be made afresh.
    pub async fn settle(&mut self) -> Result<Vec<Lost>, DeskError> {
        let books = Books { client: self.client, device: self.device, tasks: chain::Tasks::default() };
        let report = self.agent.outbox.step(self.client, &books).await?;
        for entry in &report.done {
            tracing::info!(kind = entry.intent.kind, "final on chain");
        }
        for (number, error) in &report.failed {
            tracing::warn!(number, %error, "a debt could not be looked after; trying again");
        }
        let mut lost = Vec::new();
        for entry in report.expired {
            lost.push(self.give_up(entry).await?);
        }
        Ok(lost)
    }

    async fn give_up(&self, entry: Entry) -> Result<Lost, DeskError> {
        let debt = Debt::of(&entry.intent)?;
        self.agent.outbox.forget(entry.number)?;
        let (why, expired) = match entry.state {
            light_client::outbox::State::Expired(Reason::Refused(reason)) => {
                (chain::explain(self.client, &reason).await, false)
            }
            light_client::outbox::State::Expired(reason) => (reason.to_string(), reason == Reason::Mortality),
            _ => (String::new(), true),
        };
        tracing::warn!(kind = debt.kind(), why, "not taken by the chain");
        Ok(Lost { debt, why, expired })
    }

    /// Whether a debt of this kind is open.
    pub fn owes(&self, kind: &str) -> Result<bool, DeskError> {
        Ok(self.agent.outbox.entries()?.iter().any(|entry| entry.intent.kind == kind))
    }

    /// Takes on a debt.
    pub fn owe(&self, debt: &Debt) -> Result<(), DeskError> {
        self.agent.outbox.enqueue(debt.intent()?)?;
        Ok(())
    }

    /// Gives up all debts that another device key was to pay.
    pub fn drop_debts_of_other_keys(&self) -> Result<(), DeskError> {
        for entry in self.agent.outbox.entries()? {
            let key = match Debt::of(&entry.intent)? {
                Debt::Anchor(anchor) => anchor.certified.device_key,
                Debt::Delegate(delegation) => delegation.quote.device_key,
                Debt::Request(request) => request.quote.device_key,
                Debt::Answer(_) | Debt::Dispute(_) => continue,
                // Whatever key says it: what the chain still waits for is owed again at once. But for what may be in a block
                // soon: nothing else may take its nonce.
                Debt::Ready(_) | Debt::Commit(_) | Debt::Reveal(_) | Debt::Disclose(_) => {
                    entry.reserved.map_or([0; 32], |signed| signed.account)
                }
            };
            if key != self.device.public() {
                self.agent.outbox.forget(entry.number)?;
            }
        }
        Ok(())
    }

    /// Brings the list of anchors up to what the chain shows, whenever it was that it happened.
    pub async fn reconcile(&mut self, machine: &Machine) -> Result<(), DeskError> {
        let ak = self.agent.keeper.ak_name();
        for (counter, at) in &machine.recent {
            if let Some(made) = self.agent.journal.mark(&ak, *counter, *at)? {
                tracing::info!(counter, block = at, size = made.signed.size, "anchored");
                self.agent.append(vec![Body::Anchor(anchor_record(&made))]).await?;
            }
        }
        Ok(())
    }

    /// Makes an anchor of what is on disk now, and owes it to the chain.
    pub async fn anchor(&mut self, machine: &Machine) -> Result<u64, DeskError> {
        let block = self.client.finalized().await?;
        let ((size, root), consistency) = self.continues(&machine.head)?;
        let statement = self.statement(block, size, root);
        let kind = self.agent.keeper.endorsement.into();
        let ak = self.agent.keeper.ak.blob();
        let qualification = statement.qualification();
        let certified = self.agent.tpm.run(move |tpm| {
            tpm.increment_counter()?;
            tpm.certify_counter(kind, &ak, &qualification)
        });
        let certified = certified.await?;
        // The chain's own check: what would be refused never leaves.
        let key = AkPublic::parse(&self.agent.keeper.ak.public)?;
        let head = verify_anchor::<RingCheck>(
            &key,
            &statement,
            &certified.message,
            &certified.signature,
            Some(&machine.head),
            &consistency,
        )?;
        let signed = signed(block, &statement, certified);
        let ak = self.agent.keeper.ak_name();
        self.agent.journal.made(Made { ak, counter: head.counter, signed: signed.clone() })?;
        self.owe(&Debt::Anchor(debt::Anchor {
            machine: Hex32(self.agent.keeper.machine),
            counter: head.counter,
            certified: signed,
            consistency: hex32s(&consistency),
        }))?;
        tracing::info!(counter = head.counter, size, block = block.number, "anchor made");
        Ok(head.counter)
    }

    /// Quotes the boot PCRs for this boot and device key, if that is not done yet.
    pub async fn quote_boot(&mut self) -> Result<(), DeskError> {
        // One that cannot be read is simply taken anew.
        let kept = KeptQuote::load(&self.agent.state.quote()).ok().flatten();
        let up_to_date = kept.is_some_and(|kept| {
            kept.boot == self.agent.keeper.boots.id
                && kept.ak == self.agent.keeper.ak_name()
                && kept.signed.device_key == self.device.public()
        });
        if !up_to_date {
            self.quote().await?;
        }
        Ok(())
    }

    /// Quotes the boot PCRs over the log as it is on disk, and keeps the quote.
    pub async fn quote(&mut self) -> Result<Signed, DeskError> {
        let block = self.client.finalized().await?;
        let (size, root) = self.agent.recorder.head();
        let statement = self.statement(block, size, root);
        let quote = quote::take(self.agent, &statement).await?;
        let signed = signed(block, &statement, quote);
        let kept = KeptQuote {
            ak: self.agent.keeper.ak_name(),
            boot: self.agent.keeper.boots.id,
            signed: signed.clone(),
        };
        kept.save(&self.agent.state.quote())?;
        self.ask_gpus(statement);
        Ok(signed)
    }

    /// Has GPUs report over the same statement; a recording has no business in evidence.
    fn ask_gpus(&self, statement: Statement) {
        let config = &self.agent.config;
        if replay::recording(config).is_some() {
            return;
        }
        let (options, file) = (begin::probe_options(config), self.agent.state.gpu_reports());
        if let Err(error) = gpu_report::start(options, statement, file, self.agent.recorder.clone()) {
            tracing::warn!(%error, "GPUs are not asked for reports");
        }
    }

    /// Hands the machine over to this device key.
    pub async fn delegate(&mut self) -> Result<(), DeskError> {
        let quote = self.quote().await?;
        let statement = self.statement_of(&quote);
        let digest = delegation_digest(&DelegationFields {
            statement: &statement,
            quote_message: &quote.message,
            quote_signature: &quote.signature,
        });
        self.owe(&Debt::Delegate(debt::Delegation {
            machine: Hex32(self.agent.keeper.machine),
            quote,
            device_signature: self.device.sign(&digest),
        }))?;
        tracing::info!("the new device key is handed to the chain");
        Ok(())
    }

    /// Size and root of the log on disk, and the proof that it goes on from this head.
    pub fn continues(
        &self,
        head: &AnchorHead,
    ) -> Result<((u64, attest::Hash), Vec<attest::Hash>), DeskError> {
        self.agent.recorder.look(|log| {
            let size = log.size();
            if size < head.size || log.root_at(head.size)? != head.root {
                return Err(DeskError::LogLost(head.size));
            }
            let proof = log.prove_consistency(head.size, size)?;
            Ok(((size, log.root()), proof.iter().copied().collect()))
        })
    }

    fn statement(&self, block: Block, size: u64, root: attest::Hash) -> Statement {
        Statement {
            genesis: self.client.genesis().0,
            block: block.hash.0,
            machine: self.agent.keeper.machine,
            size,
            root,
            device_key: self.device.public(),
        }
    }

    fn statement_of(&self, signed: &Signed) -> Statement {
        Statement {
            genesis: self.client.genesis().0,
            block: signed.block_hash,
            machine: self.agent.keeper.machine,
            size: signed.size,
            root: signed.root,
            device_key: signed.device_key,
        }
    }
}

/// An attestation as it is kept and exported.
fn signed(block: Block, statement: &Statement, attestation: Attestation) -> Signed {
    Signed {
        block_number: block.number,
        block_hash: statement.block,
        size: statement.size,
        root: statement.root,
        device_key: statement.device_key,
        message: attestation.message,
        signature: attestation.signature,
    }
}

const fn anchor_record(made: &Made) -> Anchor {
    Anchor {
        block_number: made.signed.block_number,
        block_hash: made.signed.block_hash,
        size: made.signed.size,
        root: made.signed.root,
        counter: made.counter,
    }
}

/// What the outbox is told of debts.
struct Books<'a> {
    client: &'a LightClient,
    device: &'a Key,
    tasks: chain::Tasks,
}

impl Resolver for Books<'_> {
    fn account(&self) -> Option<[u8; 32]> {
        Some(self.device.public())
    }

    async fn is_done(&self, intent: &Intent) -> Result<bool, light_client::Error> {
        let debt = Debt::of(intent).map_err(light_client::Error::resolver)?;
        chain::is_paid(self.client, &debt, &self.tasks).await
    }

    async fn build(&self, intent: &Intent, nonce: u64) -> Result<Extrinsic, light_client::Error> {
        let debt = Debt::of(intent).map_err(light_client::Error::resolver)?;
        chain::extrinsic(self.client, &debt, self.device, nonce).await
    }
}
