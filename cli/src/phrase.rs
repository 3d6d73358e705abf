//! Recovery phrases and derivation paths, as Substrate's wallets have them.
//!
//! BIP-39 gives words for entropy; the key then comes from the *entropy* (substrate-bip39), not from the words as in Bitcoin. A path
//! `//hard//er` derives children; `///password` at its end is mixed into the phrase's seed.

use bip39::{Language, Mnemonic};
use light_client::subxt::{
    config::{Hasher, substrate::BlakeTwo256},
    ext::codec::Encode,
};
use rand::{RngCore, rngs::OsRng};
use schnorrkel::{ExpansionMode, MiniSecretKey, derive::ChainCode};
use zeroize::Zeroizing;

/// An sr25519 seed.
pub type Seed = Zeroizing<[u8; 32]>;

/// A phrase or path that gives no key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    /// The words.
    #[error("not a recovery phrase: {0}")]
    Words(String),
    /// The number of words.
    #[error("a phrase has 12, 15, 18, 21 or 24 words")]
    Length,
    /// The path.
    #[error("not a derivation path: {0:?}; write hard junctions as in //machines//0")]
    Path(String),
    /// A soft junction.
    #[error("soft junctions (/{0}) are not supported: use a hard one (//{0}), or a wallet that has them")]
    Soft(String),
}

/// Draws a new phrase of 12 or 24 words.
pub fn draw(words: usize) -> Result<Zeroizing<String>, PhraseError> {
    let length = words.checked_mul(4).and_then(|third| third.checked_div(3)).ok_or(PhraseError::Length)?;
    let mut entropy = Zeroizing::new([0; 32]);
    let entropy = entropy.get_mut(..length).ok_or(PhraseError::Length)?;
    OsRng.fill_bytes(entropy);
    let phrase = Mnemonic::from_entropy(entropy).map_err(|_| PhraseError::Length)?;
    Ok(Zeroizing::new(phrase.to_string()))
}

/// The seed of a phrase and a path.
pub fn seed(phrase: &str, path: &str) -> Result<Seed, PhraseError> {
    let phrase = Zeroizing::new(phrase.split_whitespace().collect::<Vec<_>>().join(" "));
    let mnemonic = Mnemonic::parse_in(Language::English, phrase.as_str())
        .map_err(|error| PhraseError::Words(error.to_string()))?;
    let entropy = Zeroizing::new(mnemonic.to_entropy());
    let (path, password) = path.split_once("///").unwrap_or((path, ""));
    let root =
        substrate_bip39::mini_secret_from_entropy(&entropy, password).map_err(|_| PhraseError::Length)?;
    let child = junctions(path)?.into_iter().fold(root, |parent, code| {
        let secret = parent.expand(ExpansionMode::Ed25519);
        secret.hard_derive_mini_secret_key(Some(code), b"").0
    });
    Ok(Zeroizing::new(child.to_bytes()))
}

fn junctions(path: &str) -> Result<Vec<ChainCode>, PhraseError> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let bad = || PhraseError::Path(path.into());
    let parts = path.strip_prefix("//").ok_or_else(|| match path.strip_prefix('/') {
        Some(soft) => PhraseError::Soft(soft.into()),
        None => bad(),
    })?;
    parts
        .split("//")
        .map(|junction| match junction.split_once('/') {
            Some((_, soft)) => Err(PhraseError::Soft(soft.into())),
            None if junction.is_empty() => Err(bad()),
            None => Ok(chain_code(junction)),
        })
        .collect()
}

/// Digits stand for a number, all else for text; what is longer than 32 bytes is hashed.
fn chain_code(junction: &str) -> ChainCode {
    let encoded = junction.parse::<u64>().map_or_else(|_| junction.encode(), |index| index.encode());
    if encoded.len() > 32 {
        return ChainCode(BlakeTwo256.hash(&encoded).0);
    }
    let mut code = [0; 32];
    code.iter_mut().zip(&encoded).for_each(|(to, from)| *to = *from);
    ChainCode(code)
}

/// The public key of a seed.
pub fn public(seed: &Seed) -> [u8; 32] {
    MiniSecretKey::from_bytes(seed.as_ref())
        .map(|seed| seed.expand_to_keypair(ExpansionMode::Ed25519).public.to_bytes())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use light_client::Key;
    use proptest::prelude::*;

    const DEVELOPMENT: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

    fn address(path: &str) -> String {
        Key::sr25519(&seed(DEVELOPMENT, path).unwrap()).account().to_string()
    }

    #[test]
    fn the_development_phrase_gives_the_known_accounts() {
        assert_eq!(address("//Alice"), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
        assert_eq!(address("//Bob"), "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty");
        assert_eq!(address("//Alice//stash"), "5GNJqTPyNqANBkUVMN1LPPrxXnFouWXoe2wNSmmEoLctxiZY");
        assert_eq!(address(""), "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV");
    }

    #[test]
    fn the_tool_and_the_light_client_derive_alike() {
        for path in ["0", "7", "machines", &"x".repeat(40)] {
            let ours = seed(DEVELOPMENT, &format!("//{path}")).unwrap();
            assert_eq!(public(&ours), Key::development(path).public(), "{path}");
        }
    }

    /// From substrate-bip39's own vectors; all of them with this password.
    #[test]
    fn a_password_is_mixed_in() {
        let zeros =
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
        let seed = seed(zeros, "///Substrate").unwrap();
        assert_eq!(hex::encode(*seed), "44e9d125f037ac1d51f0a7d3649689d422c2af8b1ec8e00d71db4d7bf6d127e3");
    }

    #[test]
    fn drawn_phrases_have_their_words_and_differ() {
        for words in [12, 24] {
            let phrase = draw(words).unwrap();
            assert_eq!(phrase.split(' ').count(), words);
            seed(&phrase, "").unwrap();
            assert_ne!(phrase, draw(words).unwrap());
        }
        assert_eq!(draw(13), Err(PhraseError::Length));
        assert_eq!(draw(usize::MAX), Err(PhraseError::Length));
    }

    #[test]
    fn slips_are_named() {
        let swapped = DEVELOPMENT.replace("lonely fit", "fit lonely");
        assert!(matches!(seed(&swapped, ""), Err(PhraseError::Words(_))));
        assert_eq!(seed(DEVELOPMENT, "/soft"), Err(PhraseError::Soft("soft".into())));
        assert_eq!(seed(DEVELOPMENT, "//a/b"), Err(PhraseError::Soft("b".into())));
        assert_eq!(seed(DEVELOPMENT, "a"), Err(PhraseError::Path("a".into())));
        assert_eq!(seed(DEVELOPMENT, "//"), Err(PhraseError::Path("//".into())));
    }

    proptest! {
        #[test]
        fn any_path_is_taken_or_refused(path in "[/a0é]{0,12}") {
            let _ = junctions(&path);
        }
    }
}
