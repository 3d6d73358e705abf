//! The chain in the agent's words. Every call and every read of the chain's types is here and nowhere else.

use crate::{
    debt::Debt,
    hex32::Hex32,
};
use light_client::{Error, Extrinsic, Key, LightClient};

/// A machine, as the latest finalised block has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Who owns it.
    pub owner: String,
    /// Its device key.
    pub device: [u8; 32],
    /// `TPMT_PUBLIC` of its attestation key.
    pub ak_public: Vec<u8>,
    /// How far its identity can be trusted.
    pub level: String,
    /// Whether it is active, lapsed, forked or retired.
    pub standing: String,
    /// Counts enrolments.
    pub epoch: u32,
    /// What the last anchor left.
    pub head: attest::verify::AnchorHead,
    /// Recent anchors: counter, and block that they are in.
    pub recent: Vec<(u64, u64)>,
    /// Without an anchor after this block it lapses.
    pub due: u64,
}

/// A request to enrol that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Draws of inspectors so far.
    pub tries: u8,
    /// When everybody must be done.
    pub deadline: u64,
    /// Who was drawn.
    pub duties: Vec<Duty>,
}

/// One drawn inspector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// The account.
    pub inspector: Hex32,
    /// What the machine is to answer.
    pub challenge: Option<Challenge>,
    /// Whether it did.
    pub answered: bool,
    /// Whether the machine has said that the credential is bad.
    pub disputed: bool,
}

/// A credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Contents of the `TPM2B_ID_OBJECT`.
    pub id_object: Vec<u8>,
    /// Contents of the `TPM2B_ENCRYPTED_SECRET`.
    pub encrypted_secret: Vec<u8>,
    /// SHA-256 of the right answer.
    pub commitment: [u8; 32],
}

/// A join token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Machines that may still join with it.
    pub left: u32,
    /// Last block in which it can be used.
    pub expires: u64,
}


pub async fn machine(_: &LightClient, _: [u8; 32]) -> Result<Option<Machine>, Error> { Err(Error::Stopped) }
pub async fn request(_: &LightClient, _: [u8; 32]) -> Result<Option<Request>, Error> { Err(Error::Stopped) }
pub async fn token(_: &LightClient, _: [u8; 32]) -> Result<Option<Token>, Error> { Err(Error::Stopped) }
pub async fn time_ms(_: &LightClient) -> Result<u64, Error> { Err(Error::Stopped) }
pub async fn is_paid(_: &LightClient, _: &Debt) -> Result<bool, Error> { Err(Error::Stopped) }
pub async fn extrinsic(_: &LightClient, _: &Debt, _: &Key, _: u64) -> Result<Extrinsic, Error> { Err(Error::Stopped) }
pub async fn explain(_: &LightClient, refusal: &str) -> String { refusal.into() }
