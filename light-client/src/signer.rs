//! Accounts: keys that sign extrinsics. An account's identifier is its public key.

use crate::Chain;
use codec::Encode;
use ed25519_dalek::{Signer as _, SigningKey};
use schnorrkel::derive::ChainCode;
use schnorrkel::{ExpansionMode, MiniSecretKey};
use subxt::config::Hasher;
use subxt::config::substrate::BlakeTwo256;
use subxt::utils::{AccountId32, MultiSignature};
use zeroize::Zeroizing;

/// The seed behind the well-known development phrase, public by design.
const DEVELOPMENT_SEED: [u8; 32] = [
    0xfa, 0xc7, 0x95, 0x9d, 0xbf, 0xe7, 0x2f, 0x05, 0x2e, 0x5a, 0x0c, 0x3c, 0x8d, 0x65, 0x30, 0xf2, 0x02,
    0xb0, 0x2f, 0xd8, 0xf9, 0xf5, 0xca, 0x35, 0x80, 0xec, 0x8d, 0xeb, 0x77, 0x97, 0x47, 0x9e,
];

/// What every Substrate chain signs under.
const CONTEXT: &[u8] = b"substrate";

/// A key pair that can sign extrinsics for its account: ed25519 on devices, sr25519 for people, whose
/// wallets use it.
///
/// ```
/// use light_client::Key;
/// let alice = Key::development("Alice");
/// assert_eq!(alice.account().to_string(), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
/// ```
#[derive(Clone)]
pub struct Key {
    seed: Zeroizing<[u8; 32]>,
    pair: Pair,
}

#[derive(Clone)]
enum Pair {
    Ed25519(SigningKey),
    Sr25519(schnorrkel::Keypair),
}

impl Key {
    /// The ed25519 key of a seed.
    pub fn ed25519(seed: &[u8; 32]) -> Self {
        Self { seed: Zeroizing::new(*seed), pair: Pair::Ed25519(SigningKey::from_bytes(seed)) }
    }

    /// The sr25519 key of a seed.
    pub fn sr25519(seed: &[u8; 32]) -> Self {
        Self { seed: Zeroizing::new(*seed), pair: Pair::Sr25519(sr25519(seed)) }
    }

    /// The account `//name` of a development chain. Never of any other: everybody has it.
    pub fn development(name: &str) -> Self {
        Self::sr25519(&DEVELOPMENT_SEED).derive(name)
    }

    /// Hard derivation of a child, as `//junction` in a key's address.
    pub fn derive(&self, junction: &str) -> Self {
        match &self.pair {
            Pair::Ed25519(_) => {
                let material = Zeroizing::new(("Ed25519HDKD", *self.seed, chain_code(junction)).encode());
                Self::ed25519(&BlakeTwo256.hash(&material).0)
            }
            Pair::Sr25519(pair) => {
                let code = ChainCode(chain_code(junction));
                let (child, _) = pair.secret.hard_derive_mini_secret_key(Some(code), b"");
                Self::sr25519(&child.to_bytes())
            }
        }
    }

    /// The account this key signs for.
    pub fn account(&self) -> AccountId32 {
        AccountId32(self.public())
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        match &self.pair {
            Pair::Ed25519(key) => key.verifying_key().to_bytes(),
            Pair::Sr25519(pair) => pair.public.to_bytes(),
        }
    }

    /// Signs a message outside of any extrinsic.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        match &self.pair {
            Pair::Ed25519(key) => key.sign(message).to_bytes(),
            Pair::Sr25519(pair) => pair.sign_simple(CONTEXT, message).to_bytes(),
        }
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Key({})", self.account())
    }
}

impl subxt::tx::Signer<Chain> for Key {
    fn account_id(&self) -> AccountId32 {
        self.account()
    }

    fn sign(&self, payload: &[u8]) -> MultiSignature {
        let signature = Key::sign(self, payload);
        match self.pair {
            Pair::Ed25519(_) => MultiSignature::Ed25519(signature),
            Pair::Sr25519(_) => MultiSignature::Sr25519(signature),
        }
    }
}

#[expect(clippy::expect_used, reason = "schnorrkel checks nothing but the length, which the type fixes")]
fn sr25519(seed: &[u8; 32]) -> schnorrkel::Keypair {
    let seed = MiniSecretKey::from_bytes(seed).expect("a seed of 32 bytes");
    seed.expand_to_keypair(ExpansionMode::Ed25519)
}

/// Digits stand for a number, all else for text; what is longer than 32 bytes is hashed.
fn chain_code(junction: &str) -> [u8; 32] {
    let encoded = junction.parse::<u64>().map_or_else(|_| junction.encode(), |index| index.encode());
    if encoded.len() > 32 {
        return BlakeTwo256.hash(&encoded).0;
    }
    let mut code = [0; 32];
    code.iter_mut().zip(&encoded).for_each(|(to, from)| *to = *from);
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::Verifier;

    /// As `subkey inspect` prints them, sr25519 and ed25519.
    const KNOWN: [(&str, &str, &str); 3] = [
        (
            "Alice",
            "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d",
            "88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee",
        ),
        (
            "Bob",
            "8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48",
            "d17c2d7823ebf260fd138f2d7e27d114c0145d968b5ff5006125f2414fadae69",
        ),
        (
            "Charlie",
            "90b5ab205c6974c9ea841be688864633dc9ca8a357843eeacf2314649965fe22",
            "439660b36c6c03afafca027b910b4fecf99801834c62a5e6006f27d978de234f",
        ),
    ];

    #[test]
    fn development_accounts_are_the_known_ones() {
        for (name, sr25519, ed25519) in KNOWN {
            assert_eq!(hex::encode(Key::development(name).public()), sr25519, "{name}");
            assert_eq!(hex::encode(Key::ed25519(&DEVELOPMENT_SEED).derive(name).public()), ed25519, "{name}");
        }
    }

    #[test]
    fn children_differ() {
        let long = "x".repeat(100);
        for parent in [Key::ed25519(&[7; 32]), Key::sr25519(&[7; 32])] {
            let children =
                ["0", "1", "a", "b", long.as_str()].map(|junction| parent.derive(junction).public());
            for (index, child) in children.iter().enumerate() {
                assert!(!children[..index].contains(child));
                assert_ne!(*child, parent.public());
            }
        }
    }

    #[test]
    fn ed25519_signatures_verify() {
        let key = Key::ed25519(&[9; 32]);
        let MultiSignature::Ed25519(signature) = subxt::tx::Signer::sign(&key, b"payload") else {
            panic!("an ed25519 key makes ed25519 signatures")
        };
        let public = ed25519_dalek::VerifyingKey::from_bytes(&key.public()).unwrap();
        public.verify(b"payload", &signature.into()).unwrap();
    }

    #[test]
    fn sr25519_signatures_verify() {
        let key = Key::sr25519(&[9; 32]);
        let MultiSignature::Sr25519(signature) = subxt::tx::Signer::sign(&key, b"payload") else {
            panic!("an sr25519 key makes sr25519 signatures")
        };
        let public = schnorrkel::PublicKey::from_bytes(&key.public()).unwrap();
        let signature = schnorrkel::Signature::from_bytes(&signature).unwrap();
        public.verify_simple(CONTEXT, b"payload", &signature).unwrap();
        assert!(public.verify_simple(CONTEXT, b"another", &signature).is_err());
    }

    #[test]
    fn printing_a_key_does_not_print_its_seed() {
        for key in [Key::ed25519(&[0xab; 32]), Key::sr25519(&[0xab; 32])] {
            assert!(!format!("{key:?}").contains("abab"));
        }
    }
}
