//! Evidence with a software key, shaped as a TPM shapes it: for tests of those who verify.

use crate::{hash::sha256, statement::Statement, tpms::counter_name};
use heapless::Vec;
use p256::ecdsa::{Signature, SigningKey, signature::Signer};

/// Bytes of an attestation.
pub type Message = Vec<u8, 512>;

/// An attestation key outside any TPM.
pub struct SoftAk(SigningKey);

impl SoftAk {
    /// The key of a seed.
    #[allow(clippy::expect_used)]
    pub fn new(seed: u8) -> Self {
        Self(
            SigningKey::from_slice(&sha256(&[b"soft ak", &[seed]]))
                .expect("a hash is below the order but for 2^-32"),
        )
    }

    /// Its `TPMT_PUBLIC`, with the attributes of a genuine one.
    pub fn public_area(&self) -> Vec<u8, 128> {
        self.public_area_with(0x0005_0472)
    }

    /// Its `TPMT_PUBLIC`, with these attributes.
    pub fn public_area_with(&self, attributes: u32) -> Vec<u8, 128> {
        let point = self.0.verifying_key().to_encoded_point(false);
        let (_, xy) = point.as_bytes().split_at(1);
        let (x, y) = xy.split_at(32);
        let parameters = [0x00, 0x10, 0x00, 0x18, 0x00, 0x0B, 0x00, 0x03, 0x00, 0x10];
        concat(&[
            &[0x00, 0x23, 0x00, 0x0B],
            &attributes.to_be_bytes(),
            &[0, 0],
            &parameters,
            &[0, 32],
            x,
            &[0, 32],
            y,
        ])
    }

    /// An anchor: the counter certified over the statement.
    pub fn anchor(&self, statement: &Statement, counter: u64, reset_count: u32) -> (Message, [u8; 64]) {
        self.certify(statement, &counter_name(), counter, reset_count)
    }

    /// A certification of any index.
    pub fn certify(
        &self,
        statement: &Statement,
        name: &[u8; 34],
        counter: u64,
        resets: u32,
    ) -> (Message, [u8; 64]) {
        let attested =
            [&[0x00, 0x22], &name[..], &[0, 0, 0, 8], &counter.to_be_bytes()].map(Vec::<u8, 64>::from_slice);
        let mut body = Vec::<u8, 128>::new();
        for part in attested.iter().flatten() {
            let _ = body.extend_from_slice(part);
        }
        self.attest(0x8014, statement, resets, &body)
    }

    /// A quote of PCRs 0 to 7 of the SHA-256 bank.
    pub fn quote(&self, statement: &Statement, reset_count: u32) -> (Message, [u8; 64]) {
        let body: Vec<u8, 64> = concat(&[&[0, 0, 0, 1, 0x00, 0x0B, 3, 0xFF, 0, 0, 0, 32], &[7; 32]]);
        self.attest(0x8018, statement, reset_count, &body)
    }

    fn attest(&self, kind: u16, statement: &Statement, resets: u32, body: &[u8]) -> (Message, [u8; 64]) {
        let message: Message = concat(&[
            &[0xFF, 0x54, 0x43, 0x47],
            &kind.to_be_bytes(),
            &[0, 0, 0, 32],
            &statement.qualification(),
            &[0; 8],
            &resets.to_be_bytes(),
            &[0, 0, 0, 0, 1],
            &[0; 8],
            body,
        ]);
        let signature = self.sign(&message);
        (message, signature)
    }

    /// Signs anything at all: what a restricted key would refuse.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self.0.sign(message);
        signature.to_bytes().into()
    }
}

fn concat<const N: usize>(parts: &[&[u8]]) -> Vec<u8, N> {
    let mut whole = Vec::new();
    for part in parts {
        let _ = whole.extend_from_slice(part);
    }
    whole
}
