//! A request to enrol, and everything that can be checked about it without its TPM.

use crate::{Config, Devices, Ended, Error, Event, Machines, Pallet, Requests, Tokens, Waiting, types::*};
use attest::{
    Body, Record, Statement, leaf_hash, machine_id,
    proof::{verify_consistency, verify_inclusion},
    verify::{AkPublic, P256Check, verify_quote},
};
use credential::EkPublic;
use polkadot_sdk::*;

use frame_support::pallet_prelude::{
    DispatchResult, TransactionSource, TransactionValidityError, ValidTransaction, Weight,
};
use pallet_draw::Draw;
use pallet_inspectors::Inspection;
use sp_core::ed25519;
use sp_io::crypto::ed25519_verify;

/// Blocks for which a checked request stays in pools.
const LONGEVITY: u64 = 64;

impl<T: Config> Pallet<T> {
    /// Refuses in the pool whatever would fail in a block: nobody pays for these transactions.
    pub(crate) fn authorize_request(
        _: TransactionSource,
        enrolment: &Enrolment,
    ) -> Result<(ValidTransaction, Weight), TransactionValidityError> {
        let (id, _) = Self::check_request(enrolment).map_err(Error::<T>::invalid)?;
        let valid = ValidTransaction::with_tag_prefix("matrixai-request")
            .and_provides((id, enrolment.device))
            .longevity(LONGEVITY)
            .propagate(true)
            .build()?;
        Ok((valid, Weight::zero()))
    }

    pub(crate) fn do_request(enrolment: Enrolment) -> DispatchResult {
        let (id, request) = Self::check_request(&enrolment)?;
        Waiting::<T>::try_append(id).map_err(|()| Error::<T>::Busy)?;
        Tokens::<T>::mutate_extant(enrolment.token, |token| token.left = token.left.saturating_sub(1));
        Self::admit(&request.device, Role::Requesting(id));
        Self::deposit_event(Event::Requested { request: id, machine: request.machine });
        Requests::<T>::insert(id, request);
        Ok(())
    }

    /// Every check, the cheap ones and those that bind the sender to a deposit first.
    fn check_request(enrolment: &Enrolment) -> Result<(RequestId, Request), Error<T>> {
        let token = Self::check_token(&enrolment.token)?;
        let id = Self::check_signatures(enrolment)?;
        if Requests::<T>::contains_key(id) || Ended::<T>::contains_key(id) {
            return Err(Error::AlreadyRequested);
        }
        let device = Account::new(enrolment.device);
        if Devices::<T>::contains_key(&device) {
            return Err(Error::DeviceInUse);
        }
        if T::Inspection::registered() < REGISTERED {
            return Err(Error::TooFewInspectors);
        }
        Self::check_block(&enrolment.block)?;
        check_ek::<T>(enrolment)?;
        let machine = machine_id(&enrolment.ek_public);
        check_join::<T>(enrolment, &machine)?;
        let continues = Self::check_continuity(&machine, enrolment)?;
        let (head, pcr_digest) = Self::check_quote(&machine, enrolment)?;
        let request = Request {
            machine,
            owner: token.owner,
            token: enrolment.token,
            held: Self::hold_per_machine(),
            device,
            ek_public: enrolment.ek_public.clone(),
            ek_certificate: enrolment.ek_certificate.clone(),
            ak_public: enrolment.ak_public.clone(),
            head,
            pcr_digest,
            continues,
            frozen_in: T::Draw::epoch(),
            tries: 0,
            deadline: 0,
            duties: Duties::default(),
        };
        Ok((id, request))
    }

    fn check_token(key: &[u8; 32]) -> Result<Token, Error<T>> {
        let token = Tokens::<T>::get(key).ok_or(Error::UnknownToken)?;
        if token.expires < Self::now() {
            return Err(Error::TokenExpired);
        }
        if token.left == 0 {
            return Err(Error::TokenUsedUp);
        }
        Ok(token)
    }

    fn check_signatures(enrolment: &Enrolment) -> Result<RequestId, Error<T>> {
        let id = enrolment.digest(&Self::genesis());
        if !signed(&enrolment.token_signature, &id, &enrolment.token) {
            return Err(Error::BadTokenSignature);
        }
        if !signed(&enrolment.device_signature, &id, &enrolment.device) {
            return Err(Error::BadDeviceSignature);
        }
        Ok(id)
    }

    /// Where this machine was enrolled before: the last anchor that the log provably goes on from.
    fn check_continuity(machine: &MachineId, enrolment: &Enrolment) -> Result<Option<LogHead>, Error<T>> {
        let Some(known) = Machines::<T>::get(machine) else { return Ok(None) };
        if known.standing == Standing::Forked {
            return Err(Error::MachineForked);
        }
        let (old, new) = (known.head.log(), enrolment.log);
        match verify_consistency(old.size, &old.root, new.size, &new.root, &enrolment.consistency) {
            Ok(()) => Ok(Some(old)),
            // No proof at all says that the log is lost, which is no lie; a wrong proof is one.
            Err(_) if enrolment.consistency.is_empty() => Ok(None),
            Err(_) => Err(Error::LogRewritten),
        }
    }

    fn check_quote(machine: &MachineId, enrolment: &Enrolment) -> Result<(Head, attest::Hash), Error<T>> {
        let ak = AkPublic::parse(&enrolment.ak_public)?;
        let statement = Statement {
            genesis: Self::genesis(),
            block: enrolment.block.hash,
            machine: *machine,
            size: enrolment.log.size,
            root: enrolment.log.root,
            device_key: enrolment.device,
        };
        let quote = &enrolment.quote;
        let quoted = verify_quote::<P256Check>(&ak, &statement, &quote.message, &quote.signature)?;
        let head = Head {
            size: enrolment.log.size,
            root: enrolment.log.root,
            counter: 0,
            reset_count: quoted.reset_count,
            restart_count: quoted.restart_count,
        };
        Ok((head, quoted.pcr_digest))
    }
}

/// Whether an ed25519 key signed a digest.
pub(crate) fn signed(signature: &[u8; 64], digest: &attest::Hash, key: &[u8; 32]) -> bool {
    ed25519_verify(&ed25519::Signature::from_raw(*signature), digest, &ed25519::Public::from_raw(*key))
}

/// A TPM may hold several certified endorsement keys and must not count twice: an ECC one is only for makers without an RSA one, which
/// inspectors tell by its certificate.
fn check_ek<T: Config>(enrolment: &Enrolment) -> Result<(), Error<T>> {
    match EkPublic::parse(&enrolment.ek_public) {
        Ok(EkPublic::EccP256(_)) if enrolment.ek_certificate.is_empty() => {
            Err(Error::EccEkWithoutCertificate)
        }
        Ok(_) => Ok(()),
        Err(_) => Err(Error::NotAnEk),
    }
}

fn check_join<T: Config>(enrolment: &Enrolment, machine: &MachineId) -> Result<(), Error<T>> {
    let record = Record::decode(&enrolment.join_record).map_err(|_| Error::BadJoinRecord)?;
    match record.body {
        Body::Join(join) if record.seq == 0 && join.machine == *machine => {}
        _ => return Err(Error::NotTheJoinRecord),
    }
    let LogHead { size, root } = enrolment.log;
    let leaf = leaf_hash(&enrolment.join_record);
    verify_inclusion(&leaf, 0, size, &enrolment.join_proof, &root).map_err(|_| Error::BadJoinProof)
}
