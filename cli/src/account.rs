//! The owner's key: a development account, an encrypted key file, or a bare seed in a file.

use crate::{config::Config, error::Error, keystore, password, phrase::Seed, private_file};
use light_client::{AccountId32, Key, seed};
use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

enum Named<'a> {
    Development(&'a str),
    File(&'a Path),
}

fn named(config: &Config) -> Result<Named<'_>, Error> {
    match (&config.dev_account, &config.key) {
        (Some(_), Some(_)) => Err(Error::TwoAccounts),
        (Some(name), None) => Ok(Named::Development(name)),
        (None, Some(file)) => Ok(Named::File(file)),
        (None, None) => Err(Error::NoAccount),
    }
}

/// The key to sign with.
pub fn key(config: &Config) -> Result<Key, Error> {
    match named(config)? {
        Named::Development(name) => Ok(Key::development(name)),
        Named::File(file) => Ok(Key::sr25519(&*seed_of(file, config)?)),
    }
}

/// The seed of the key file.
pub fn seed(config: &Config) -> Result<Seed, Error> {
    let file: &PathBuf = config.key.as_ref().ok_or(Error::NoAccount)?;
    seed_of(file, config)
}

/// The account, without any password where its file says it.
pub fn account(config: &Config) -> Result<AccountId32, Error> {
    if let Named::File(file) = named(config)? {
        let text = private_file::read(file)?;
        if keystore::looks_like(&text) {
            let address = keystore::address(&text).map_err(|error| Error::Keystore(file.into(), error))?;
            return parse(&address);
        }
    }
    Ok(key(config)?.account())
}

/// The account that was named, or the own one.
pub fn named_or_own(named: Option<&str>, config: &Config) -> Result<AccountId32, Error> {
    named.map_or_else(|| account(config), parse)
}

/// Reads an address.
pub fn parse(address: &str) -> Result<AccountId32, Error> {
    AccountId32::from_str(address).map_err(|_| Error::NoAddress(address.into()))
}

fn seed_of(file: &Path, config: &Config) -> Result<Seed, Error> {
    let text = private_file::read(file)?;
    if keystore::looks_like(&text) {
        let password = password::existing(config.password_file.as_deref())?;
        return keystore::open(&text, &password).map_err(|error| Error::Keystore(file.into(), error));
    }
    seed::parse(&private_file::read_secret(file)?).map_err(|why| Error::NoSeed(file.into(), why))
}
