//! The chain, for a device that cannot reach it: a light client here, every signature there.
//!
//! What goes out is made and signed by the device. A host that alters any of it, or leaves it lying, is found out by the chain, or by the
//! machine's lapsing.

use crate::{Emulator, Keeper, Told, keeper::Asked};
use anyhow::{Context, Result, bail};
use attest::verify::AnchorHead;
use firmware_link::{Block, Request};
use futures::future::join_all;
use light_client::{
    AccountId32, AtBlock, Error, Extrinsic, Key, LightClient, SignedBy,
    chain::{
        self,
        runtime_types::{
            bounded_collections::bounded_vec::BoundedVec,
            pallet_machines::types::{self, AnchorCall, Challenge, Duty, Enrolment, Machine},
        },
    },
    subxt::tx::Payload,
};
use std::path::Path;
use tokio::task::block_in_place;

/// A request to enrol that met a passing obstacle is made anew, so many times at most.
const TRIES: u32 = 5;

/// A device, its records, and the chain. Needs a runtime of several threads: the device is waited for on one of them.
pub struct Gateway {
    /// The firmware.
    pub device: Emulator,
    /// Its records.
    pub keeper: Keeper,
    client: LightClient,
}

impl Gateway {
    /// Follows the chain of a specification; what it learns of it is kept in `state`.
    pub async fn open(device: Emulator, keeper: Keeper, specification: &Path, state: &Path) -> Result<Self> {
        let specification = std::fs::read_to_string(specification)
            .with_context(|| format!("cannot read {}", specification.display()))?;
        let client = LightClient::start(&specification, state).await?;
        client.wait_ready().await?;
        Ok(Self { device, keeper, client })
    }

    /// The device's machine, as the chain has it.
    pub async fn machine(&self) -> Result<Option<Machine>> {
        let call = chain::runtime_apis().machines_api().machine(*self.keeper.machine());
        Ok(self.client.latest().await?.runtime_apis().call(call).await?)
    }

    /// Gets the device taken on by the chain, with an owner's token.
    pub async fn enrol(&mut self, token: &Key) -> Result<Machine> {
        for _ in 0..TRIES {
            let asked = self.ask(token).await?;
            if let Some(machine) = self.pursue(&asked).await? {
                return Ok(machine);
            }
        }
        bail!(
            "{TRIES} requests came to nothing: are enough inspectors there? Their logs say what they think of this endorsement key"
        )
    }

    /// Has the device make a request, and hands it in.
    async fn ask(&mut self, token: &Key) -> Result<Asked> {
        let (at, block) = self.now().await?;
        let asked = block_in_place(|| self.keeper.enrol(&mut self.device, &block, &token.public()))?;
        let (join_record, join_proof) = self.keeper.join(asked.size)?;
        let identity = &self.keeper.identity;
        let enrolment = Enrolment {
            token: token.public(),
            device: *self.keeper.device_key(),
            ek_public: BoundedVec(identity.ek_public.clone()),
            ek_certificate: BoundedVec(identity.ek_certificate.clone()),
            ak_public: BoundedVec(identity.ak_public.clone()),
            block: reference(&at),
            log: types::LogHead { size: asked.size, root: asked.root },
            quote: attestation(&asked.message, asked.signature),
            join_record: BoundedVec(join_record),
            join_proof: BoundedVec(join_proof),
            consistency: BoundedVec(Vec::new()),
            token_signature: token.sign(&asked.id),
            device_signature: asked.device_signature,
        };
        self.client.submit_general(&chain::tx().machines().request(enrolment)).await?;
        Ok(asked)
    }

    /// Answers what inspectors ask until the machine is there; nothing where the request is gone without one.
    async fn pursue(&mut self, asked: &Asked) -> Result<Option<Machine>> {
        let mut seen = 0;
        loop {
            seen = self.client.wait_finalized_after(seen).await?.number;
            let call = chain::runtime_apis().machines_api().request(asked.id);
            // In this order: a request that is gone has left its machine behind.
            let request = self.client.latest().await?.runtime_apis().call(call).await?;
            if let Some(machine) = self.machine().await?
                && machine.ak_public.0 == self.keeper.identity.ak_public
            {
                return Ok(Some(machine));
            }
            let Some(request) = request else { return Ok(None) };
            self.respond(asked, &request.duties.0).await?;
        }
    }

    /// Answers every inspector who waits, all at one time: once enough have their answer, the chain wants no more.
    async fn respond(&mut self, asked: &Asked, duties: &[Duty]) -> Result<()> {
        let mut nonce = self.client.nonce(*self.keeper.device_key()).await?;
        let mut answers = Vec::new();
        for duty in duties {
            if let Some(challenge) = open(duty) {
                answers.push(self.answer(asked, &duty.inspector, challenge, nonce).await?);
                nonce = nonce.saturating_add(1);
            }
        }
        for answered in join_all(answers.iter().map(|answer| self.client.submit(answer))).await {
            match answered {
                // Too late, or twice: what is still wanted, the next block tells.
                Ok(_) | Err(Error::Dispatch(_) | Error::NonceTaken(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Has the device open one inspector's credential, and sign its answer or its objection.
    async fn answer(
        &mut self,
        asked: &Asked,
        inspector: &AccountId32,
        challenge: &Challenge,
        nonce: u64,
    ) -> Result<Extrinsic> {
        let question = Request::Respond {
            request: asked.id,
            inspector: inspector.0,
            commitment: challenge.commitment,
            id_object: &challenge.id_object.0,
            encrypted_secret: &challenge.encrypted_secret.0,
        };
        let (calls, inspector) = (chain::tx().machines(), AccountId32(inspector.0));
        match block_in_place(|| self.keeper.respond(&mut self.device, &question))? {
            Some(answer) => self.sign(&calls.answer(asked.id, inspector, answer), nonce).await,
            None => self.sign(&calls.dispute(asked.id, inspector), nonce).await,
        }
    }

    /// Has the device anchor its log, checks what it says as everybody will, and gets it into a finalised block.
    pub async fn anchor(&mut self) -> Result<AnchorHead> {
        let machine = self.machine().await?.context("this device's machine is not enrolled on this chain")?;
        self.keeper.goes_on_from(head(&machine.head));
        let (at, block) = self.now().await?;
        let told = block_in_place(|| self.keeper.ask(&mut self.device, &block))?;
        let anchored = self.keeper.verify(&told, &block)?;
        let call = self.call(&at, &told)?;
        let nonce = self.client.nonce(*self.keeper.device_key()).await?;
        let extrinsic = self.sign(&chain::tx().machines().anchor(call), nonce).await?;
        self.client.submit(&extrinsic).await?;
        self.keeper.goes_on_from(anchored);
        Ok(anchored)
    }

    fn call(&self, at: &AtBlock, told: &Told) -> Result<AnchorCall> {
        Ok(AnchorCall {
            block: reference(at),
            log: types::LogHead { size: told.size, root: told.root },
            certified: attestation(&told.message, told.signature),
            consistency: BoundedVec(self.keeper.consistency(told.size)?),
        })
    }

    /// Makes an extrinsic of a call of the device's: the device sees the payload, and signs it if it carries what it made last.
    async fn sign(&mut self, call: &impl Payload, nonce: u64) -> Result<Extrinsic> {
        let (at, account) = (self.client.latest().await?, *self.keeper.device_key());
        let (keeper, device) = (&self.keeper, &mut self.device);
        let sign = |payload: &[u8]| block_in_place(|| keeper.sign(device, payload));
        Extrinsic::signed_elsewhere(&at, call, SignedBy { account, nonce }, sign)
    }

    /// The latest finalised block, as the device is told of it.
    async fn now(&self) -> Result<(AtBlock, Block)> {
        let at = self.client.latest().await?;
        let time = at.storage().entry(chain::storage().timestamp().now())?.fetch(()).await?;
        let time_ms = time.decode()?;
        let (genesis, hash) = (self.client.genesis().0, at.block_hash().0);
        Ok((at, Block { genesis, hash, time_ms }))
    }
}

/// What a drawn inspector waits for.
fn open(duty: &Duty) -> Option<&Challenge> {
    let settled = duty.answered || duty.disputed || duty.closed;
    duty.challenge.as_ref().filter(|_| !settled)
}

fn reference(at: &AtBlock) -> types::BlockRef {
    // Heights have 32 bits on this chain; one that had more would name no block.
    types::BlockRef { number: u32::try_from(at.block_number()).unwrap_or(u32::MAX), hash: at.block_hash().0 }
}

fn attestation(message: &[u8], signature: [u8; 64]) -> types::Attestation {
    types::Attestation { message: BoundedVec(message.into()), signature }
}

const fn head(head: &types::Head) -> AnchorHead {
    let types::Head { size, root, counter, reset_count, restart_count } = *head;
    AnchorHead { size, root, counter, reset_count, restart_count }
}
