//! Encrypted key files, in the form of polkadot-js: every Substrate wallet that reads those opens them.
//!
//! `encoded` is base64 of `salt[32] ‖ N ‖ p ‖ r (u32 LE each) ‖ nonce[24] ‖ secretbox`, keyed by scrypt of the password. Inside is
//! `header ‖ secret ‖ divider ‖ public`. Wallets write the expanded secret of 64 bytes and read also a seed of 32 bytes; this program
//! writes the seed, from which children can be derived.

use crate::phrase::{Seed, public};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use crypto_secretbox::{
    Key, Nonce, XSalsa20Poly1305,
    aead::{Aead, KeyInit},
};
use light_client::AccountId32;
use rand::{RngCore, rngs::OsRng};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// PKCS#8 as polkadot-js has it: always these bytes.
const HEADER: [u8; 16] = [48, 83, 2, 1, 1, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
const DIVIDER: [u8; 5] = [161, 35, 3, 33, 0];

/// Cost of guessing a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    log_n: u8,
    p: u32,
    r: u32,
}

impl Cost {
    /// What polkadot-js writes today: 128 MiB for each guess.
    pub const STANDARD: Self = Self { log_n: 17, p: 1, r: 8 };

    /// What polkadot-js reads. Nothing else: a crafted file could ask for any amount of work.
    const READ: [Self; 6] = [
        Self { log_n: 13, p: 10, r: 8 },
        Self { log_n: 14, p: 5, r: 8 },
        Self { log_n: 15, p: 3, r: 8 },
        Self { log_n: 15, p: 1, r: 8 },
        Self { log_n: 16, p: 2, r: 8 },
        Self::STANDARD,
    ];

    fn key(self, password: &str, salt: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, KeystoreError> {
        let mut key = Zeroizing::new([0; 32]);
        let params = scrypt::Params::new(self.log_n, self.r, self.p, 32).map_err(|_| KeystoreError::Cost)?;
        scrypt::scrypt(password.as_bytes(), salt, &params, key.as_mut()).map_err(|_| KeystoreError::Cost)?;
        Ok(key)
    }

    fn encode(self) -> [u8; 12] {
        let n = 1u32.checked_shl(self.log_n.into()).unwrap_or_default();
        let mut bytes = [0; 12];
        let fields = [n, self.p, self.r].map(u32::to_le_bytes);
        bytes.iter_mut().zip(fields.as_flattened()).for_each(|(to, from)| *to = *from);
        bytes
    }

    fn decode(bytes: &[u8; 12]) -> Result<Self, KeystoreError> {
        Self::READ.into_iter().find(|cost| cost.encode() == *bytes).ok_or(KeystoreError::Cost)
    }
}

/// A key file that gives no key.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// Not JSON of this form.
    #[error("not a key file: {0}")]
    Json(#[from] serde_json::Error),
    /// Another encoding or kind of key.
    #[error("the key file's encoding is not sr25519 in PKCS#8, scrypt and xsalsa20-poly1305 (version 3)")]
    Encoding,
    /// Parameters that no wallet writes.
    #[error("the key file asks for scrypt parameters that no wallet uses")]
    Cost,
    /// Cut short or altered.
    #[error("the key file is damaged")]
    Damaged,
    /// The password does not open it.
    #[error("wrong password (or a damaged key file)")]
    Password,
    /// The key inside is for another address than the file says.
    #[error("the key file's address is not that of the key inside")]
    AnotherAddress,
    /// Only the expanded secret is in it.
    #[error(
        "the key file holds an expanded secret, as wallets export it, which has no seed: \
         use `matrixai key import` with the account's recovery phrase instead"
    )]
    Expanded,
}

#[derive(Serialize, Deserialize)]
struct File {
    encoded: String,
    encoding: Encoding,
    address: String,
    #[serde(default)]
    meta: serde_json::Value,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Encoding {
    content: Vec<String>,
    r#type: Vec<String>,
    version: String,
}

impl Encoding {
    fn ours() -> Self {
        let list = |names: [&str; 2]| names.map(str::to_owned).into();
        Self {
            content: list(["pkcs8", "sr25519"]),
            r#type: list(["scrypt", "xsalsa20-poly1305"]),
            version: "3".into(),
        }
    }
}

/// Whether a text is a key file of this form, rather than a bare seed.
pub fn looks_like(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// The address that a key file says it is for; no password is needed, and nothing is proven.
pub fn address(text: &str) -> Result<String, KeystoreError> {
    Ok(serde_json::from_str::<File>(text)?.address)
}

/// Encrypts a seed.
pub fn seal(seed: &Seed, password: &str, name: &str, cost: Cost) -> Result<String, KeystoreError> {
    let (mut salt, mut nonce) = ([0; 32], [0; 24]);
    OsRng.fill_bytes(&mut salt);
    OsRng.fill_bytes(&mut nonce);
    let public = public(seed);
    let plain = Zeroizing::new([HEADER.as_slice(), seed.as_slice(), &DIVIDER, &public].concat());
    let key = cost.key(password, &salt)?;
    let cipher = XSalsa20Poly1305::new(Key::from_slice(key.as_ref()));
    let sealed =
        cipher.encrypt(Nonce::from_slice(&nonce), plain.as_slice()).map_err(|_| KeystoreError::Damaged)?;
    let file = File {
        encoded: BASE64.encode([salt.as_slice(), &cost.encode(), &nonce, &sealed].concat()),
        encoding: Encoding::ours(),
        address: AccountId32(public).to_string(),
        meta: serde_json::json!({ "name": name }),
    };
    Ok(serde_json::to_string_pretty(&file)?)
}

/// Decrypts a seed.
pub fn open(text: &str, password: &str) -> Result<Seed, KeystoreError> {
    let file: File = serde_json::from_str(text)?;
    let plain = decrypt(&file, password)?;
    let rest = plain.strip_prefix(&HEADER).ok_or(KeystoreError::Damaged)?;
    if let Some((_expanded, rest)) = rest.split_first_chunk::<64>()
        && rest.starts_with(&DIVIDER)
    {
        return Err(KeystoreError::Expanded);
    }
    let (seed, rest) = rest.split_first_chunk::<32>().ok_or(KeystoreError::Damaged)?;
    let stated = rest.strip_prefix(&DIVIDER).ok_or(KeystoreError::Damaged)?;
    let seed = Zeroizing::new(*seed);
    let public = public(&seed);
    // The address may carry any network's prefix; the key is what counts.
    if stated == public { Ok(seed) } else { Err(KeystoreError::AnotherAddress) }
}

fn decrypt(file: &File, password: &str) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
    if file.encoding != Encoding::ours() {
        return Err(KeystoreError::Encoding);
    }
    let bytes = BASE64.decode(&file.encoded).map_err(|_| KeystoreError::Damaged)?;
    let (salt, rest) = bytes.split_first_chunk::<32>().ok_or(KeystoreError::Damaged)?;
    let (cost, rest) = rest.split_first_chunk::<12>().ok_or(KeystoreError::Damaged)?;
    let (nonce, sealed) = rest.split_first_chunk::<24>().ok_or(KeystoreError::Damaged)?;
    let key = Cost::decode(cost)?.key(password, salt)?;
    let cipher = XSalsa20Poly1305::new(Key::from_slice(key.as_ref()));
    cipher.decrypt(Nonce::from_slice(nonce), sealed).map(Zeroizing::new).map_err(|_| KeystoreError::Password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Cheap enough for tests in a debug build.
    const CHEAP: Cost = Cost { log_n: 13, p: 10, r: 8 };

    /// As exported by polkadot-js (from subxt-signer's tests): //Alice of the development phrase, and an account called Bob.
    const ALICE: &str = r#"{
        "encoded": "DumgApKCTqoCty1OZW/8WS+sgo6RdpHhCwAkA2IoDBMAgAAAAQAAAAgAAAB6IG/q24EeVf0JqWqcBd5m2tKq5BlyY84IQ8oamLn9DZe9Ouhgunr7i36J1XxUnTI801axqL/ym1gil0U8440Qvj0lFVKwGuxq38zuifgoj0B3Yru0CI6QKEvQPU5xxj4MpyxdSxP+2PnTzYao0HDH0fulaGvlAYXfqtU89xrx2/z9z7IjSwS3oDFPXRQ9kAdDebtyCVreZ9Otw9v3",
        "encoding": { "content": ["pkcs8", "sr25519"], "type": ["scrypt", "xsalsa20-poly1305"], "version": "3" },
        "address": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
        "meta": { "genesisHash": "", "name": "Alice", "whenCreated": 1718265838755 }
    }"#;

    fn sealed() -> String {
        seal(&Zeroizing::new([7; 32]), "a password", "test", CHEAP).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_with_its_password_only() {
        let text = sealed();
        assert_eq!(*open(&text, "a password").unwrap(), [7; 32]);
        assert!(matches!(open(&text, "another"), Err(KeystoreError::Password)));
        assert_ne!(text, sealed(), "salt and nonce are drawn anew");
        assert!(looks_like(&text) && !text.contains(&"07".repeat(16)));
    }

    #[test]
    fn a_wallets_own_export_decrypts() {
        let file: File = serde_json::from_str(ALICE).unwrap();
        let plain = decrypt(&file, "whoisalice").unwrap();
        let expanded = &plain[16..80];
        let secret = schnorrkel::SecretKey::from_ed25519_bytes(expanded).unwrap();
        assert_eq!(secret.to_public().to_bytes(), plain[85..117]);
        assert_eq!(AccountId32(secret.to_public().to_bytes()).to_string(), file.address);
        assert!(matches!(open(ALICE, "whoisalice"), Err(KeystoreError::Expanded)));
        assert!(matches!(open(ALICE, "whoisbob"), Err(KeystoreError::Password)));
    }

    #[test]
    fn costs_travel_as_wallets_write_them() {
        assert_eq!(Cost::STANDARD.encode(), [0, 0, 2, 0, 1, 0, 0, 0, 8, 0, 0, 0]);
        assert!(Cost::READ.iter().all(|cost| Cost::decode(&cost.encode()).unwrap() == *cost));
        assert!(matches!(Cost::decode(&[0xFF; 12]), Err(KeystoreError::Cost)));
    }

    #[test]
    fn other_encodings_and_torn_files_are_named() {
        let other = sealed().replace("\"3\"", "\"2\"");
        assert!(matches!(open(&other, "a password"), Err(KeystoreError::Encoding)));
        let mut file: File = serde_json::from_str(&sealed()).unwrap();
        file.encoded.truncate(40);
        let torn = serde_json::to_string(&file).unwrap();
        assert!(matches!(open(&torn, "a password"), Err(KeystoreError::Damaged)));
        assert!(matches!(open("{", ""), Err(KeystoreError::Json(_))));
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in ".*", encoded in "[A-Za-z0-9+/]{0,120}") {
            let _ = open(&text, "");
            let file = File { encoded, encoding: Encoding::ours(), address: String::new(), meta: serde_json::Value::Null };
            let _ = open(&serde_json::to_string(&file).unwrap(), "");
        }
    }
}
