//! Extrinsics as bytes that can be kept and sent again.

use crate::bodies::Body;
use crate::{AtBlock, Block, Chain, Error, Key};
use codec::Encode;
use serde::{Deserialize, Serialize};
use subxt::config::substrate::{BlakeTwo256, SubstrateExtrinsicParamsBuilder};
use subxt::config::{ClientState, Config, Hasher, ParamsFor, TransactionExtensions};
use subxt::error::ExtrinsicError;
use subxt::ext::frame_decode::extrinsics::{self as wire, ExtrinsicTypeInfo, TransactionExtensions as _};
use subxt::tx::Payload;
use subxt::utils::{H256, MultiSignature};

/// For how many blocks an extrinsic may be included; a power of two, and well below the number of block
/// hashes the runtime remembers.
pub const MORTALITY: u64 = 64;

/// Who signed an extrinsic, and in which turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedBy {
    /// The account.
    pub account: [u8; 32],
    /// The account's nonce that the extrinsic uses up.
    pub nonce: u64,
}

/// An extrinsic ready to be sent, any number of times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extrinsic {
    /// The encoded extrinsic.
    pub bytes: Vec<u8>,
    /// Its signer; a general extrinsic has none.
    pub signed_by: Option<SignedBy>,
    /// From this block on it cannot be included any more.
    pub expires_at: u64,
}

impl Extrinsic {
    /// The hash by which pools and blocks know it.
    pub fn hash(&self) -> H256 {
        BlakeTwo256.hash(&self.bytes)
    }

    /// The block it was made at, which cannot have it yet.
    pub(crate) fn made_at(&self) -> u64 {
        self.expires_at.saturating_sub(MORTALITY)
    }

    /// Signs a call as the extrinsic with this nonce, mortal from the given block.
    pub fn signed(at: &AtBlock, call: &impl Payload, key: &Key, nonce: u64) -> Result<Self, Error> {
        let (params, expires_at) = mortal(at, Some(nonce));
        let mut signable = at.transactions().create_signable_offline(call, params).map_err(Error::chain)?;
        let signed = signable.sign(key).map_err(Error::chain)?;
        Ok(Self {
            bytes: signed.into_encoded(),
            signed_by: Some(SignedBy { account: key.public(), nonce }),
            expires_at,
        })
    }

    /// The same for an ed25519 key that lies elsewhere, in a device that wants to see what it signs: `sign` is given the payload (call,
    /// extensions, implicit values), not yet hashed. As on every Substrate chain, one of more than 256 bytes is to be hashed with BLAKE2b-256
    /// before it is signed.
    pub fn signed_elsewhere<E: From<Error>>(
        at: &AtBlock,
        call: &impl Payload,
        SignedBy { account, nonce }: SignedBy,
        sign: impl FnOnce(&[u8]) -> Result<[u8; 64], E>,
    ) -> Result<Self, E> {
        let chain = |error: ExtrinsicError| E::from(Error::chain(error));
        let (params, expires_at) = mortal(at, Some(nonce));
        let extensions = extensions(at, mortal(at, Some(nonce)).0).map_err(chain)?;
        let shown = payload(at, call, &extensions).map_err(chain)?;
        // Version 4, whose payload this is.
        let mut signable = at.transactions().create_v4_signable_offline(call, params).map_err(chain)?;
        let signature = MultiSignature::Ed25519(sign(&shown)?);
        let signed = signable.sign_with_account_and_signature(&account.into(), &signature).map_err(chain)?;
        Ok(Self { bytes: signed.into_encoded(), signed_by: Some(SignedBy { account, nonce }), expires_at })
    }

    /// A call that authorises itself, as a general extrinsic: for those who have no account yet.
    pub fn general(at: &AtBlock, call: &impl Payload) -> Result<Self, Error> {
        at.transactions().validate(call).map_err(Error::chain)?;
        let (params, expires_at) = mortal(at, None);
        let bytes = encode_general(at, call, params).map_err(Error::chain)?;
        Ok(Self { bytes, signed_by: None, expires_at })
    }
}

fn mortal(at: &AtBlock, nonce: Option<u64>) -> (ParamsFor<Chain>, u64) {
    let number = at.block_number();
    let builder =
        SubstrateExtrinsicParamsBuilder::new().mortal_from_unchecked(MORTALITY, number, at.block_hash());
    let params = nonce.into_iter().fold(builder, |builder, nonce| builder.nonce(nonce)).build();
    (params, number.saturating_add(MORTALITY))
}

type Extensions = <Chain as Config>::TransactionExtensions;

fn extensions(at: &AtBlock, params: ParamsFor<Chain>) -> Result<Extensions, ExtrinsicError> {
    let state = ClientState {
        genesis_hash: at.genesis_hash().ok_or(ExtrinsicError::GenesisHashNotProvided)?,
        spec_version: at.spec_version(),
        transaction_version: at.transaction_version(),
        metadata: at.metadata(),
    };
    Ok(Extensions::new(&state, params)?)
}

/// What the signer of a call signs.
fn payload(at: &AtBlock, call: &impl Payload, extensions: &Extensions) -> Result<Vec<u8>, ExtrinsicError> {
    let (metadata, mut payload) = (at.metadata_ref(), at.transactions().call_data(call)?);
    let info = metadata
        .extrinsic_extension_info(None)
        .map_err(|error| wire::ExtrinsicEncodeError::CannotGetInfo(error.into_owned()))?;
    let failed = wire::ExtrinsicEncodeError::TransactionExtensions;
    // Those that subxt does not know have no content: encoding the extrinsic fails where one has.
    let known = || info.extension_ids.iter().filter(|one| extensions.contains_extension(&one.name));
    for one in known() {
        let value = extensions.encode_extension_value_to(&one.name, one.id, metadata.types(), &mut payload);
        value.map_err(failed)?;
    }
    for one in known() {
        let (name, id) = (&one.name, one.implicit_id);
        extensions.encode_extension_implicit_to(name, id, metadata.types(), &mut payload).map_err(failed)?;
    }
    Ok(payload)
}

fn encode_general(
    at: &AtBlock,
    call: &impl Payload,
    params: ParamsFor<Chain>,
) -> Result<Vec<u8>, ExtrinsicError> {
    let (extensions, metadata) = (extensions(at, params)?, at.metadata_ref());
    let version =
        wire::best_v5_general_transaction_extension_version(&extensions, metadata, metadata.types())?;
    Ok(wire::encode_v5_general(
        call.pallet_name(),
        call.call_name(),
        call.call_data(),
        version,
        &extensions,
        metadata,
        metadata.types(),
    )?)
}

/// An extrinsic found in a finalised block.
#[derive(Debug)]
pub struct Included {
    /// The block.
    pub block: Block,
    /// The extrinsic's hash.
    pub extrinsic: H256,
    /// What it caused, in the order it happened.
    pub events: subxt::extrinsics::ExtrinsicEvents<Chain>,
}

/// The account's nonce at this block.
pub(crate) async fn nonce(at: &AtBlock, account: [u8; 32]) -> Result<u64, Error> {
    at.transactions().account_nonce(&account.into()).await.map_err(Error::chain)
}

/// Finds an extrinsic in a block with this body, with its events; an error if its dispatch failed.
pub(crate) async fn find(at: &AtBlock, body: &Body, hash: H256) -> Result<Option<Included>, Error> {
    if !body.iter().any(|bytes| BlakeTwo256.hash(bytes) == hash) {
        return Ok(None);
    }
    for extrinsic in at.extrinsics().from_bytes(body.to_vec()).await.iter() {
        let extrinsic = extrinsic.map_err(Error::chain)?;
        if extrinsic.hash() != hash {
            continue;
        }
        let events = extrinsic.events().await.map_err(Error::chain)?;
        failure(at, &events)?;
        let block = Block { number: at.block_number(), hash: at.block_hash() };
        return Ok(Some(Included { block, extrinsic: hash, events }));
    }
    Ok(None)
}

fn failure(at: &AtBlock, events: &subxt::extrinsics::ExtrinsicEvents<Chain>) -> Result<(), Error> {
    for event in events.iter() {
        let event = event.map_err(Error::chain)?;
        if event.pallet_name() == "System" && event.event_name() == "ExtrinsicFailed" {
            let cause = subxt::error::DispatchError::decode_from(event.field_bytes(), at.metadata())
                .map_err(Error::chain)?;
            return Err(Error::Dispatch(cause.to_string()));
        }
    }
    Ok(())
}

/// Encodes the arguments of a runtime API call.
pub(crate) fn arguments(arguments: &impl Encode) -> Vec<u8> {
    arguments.encode()
}
