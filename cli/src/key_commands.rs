//! `matrixai key …`: nothing here touches the network.

use crate::{
    account,
    arguments::{Global, KeyCommand},
    config::Config,
    error::Error,
    keystore::{self, Cost},
    output, password, phrase, private_file,
};
use light_client::{AccountId32, seed};
use serde::Serialize;
use std::{
    fmt,
    io::{IsTerminal, stdin},
    path::Path,
};
use zeroize::Zeroizing;

/// What a key command tells. A new phrase is told once and kept nowhere.
#[derive(Serialize)]
struct Told<'a> {
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phrase: Option<&'a str>,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(phrase) = self.phrase {
            writeln!(out, "Recovery phrase (write it down; it is not shown again):\n\n  {phrase}\n")?;
        }
        writeln!(out, "{}", self.address)?;
        self.file.map_or(Ok(()), |file| writeln!(out, "written to {}", file.display()))
    }
}

/// Carries out a key command.
pub fn run(command: &KeyCommand, config: &Config, global: &Global) -> Result<(), Error> {
    match command {
        KeyCommand::New { out, words, path } => {
            let phrase = phrase::draw(*words)?;
            let address = write(out, &phrase, path, config)?;
            output::print(&Told { address, file: Some(out), phrase: Some(&phrase) }, global.json)
        }
        KeyCommand::Import { out, phrase_file, path } => {
            let address = write(out, &phrase_of(phrase_file.as_deref())?, path, config)?;
            output::print(&Told { address, file: Some(out), phrase: None }, global.json)
        }
        KeyCommand::Show => {
            let address = account::account(config)?.to_string();
            output::print(&Told { address, file: None, phrase: None }, global.json)
        }
        KeyCommand::Export { out } => {
            let seed = account::seed(config)?;
            let address = AccountId32(phrase::public(&seed)).to_string();
            let hex = Zeroizing::new(hex::encode(seed.as_slice()));
            let text = Zeroizing::new(format!("# sr25519 seed of {address}\n{}\n", hex.as_str()));
            private_file::write(out, &text)?;
            output::print(&Told { address, file: Some(out), phrase: None }, global.json)
        }
    }
}

fn write(out: &Path, phrase: &str, path: &str, config: &Config) -> Result<String, Error> {
    let seed = phrase::seed(phrase, path)?;
    if out.exists() {
        // Said before anybody thinks of a password; the file itself is made anew or not at all.
        return Err(private_file::FileError::Exists(out.into()).into());
    }
    let password = password::new(config.password_file.as_deref())?;
    let name = out.file_stem().unwrap_or_default().to_string_lossy();
    let text = keystore::seal(&seed, &password, &name, Cost::STANDARD).map_err(Error::Seal)?;
    private_file::write(out, &text)?;
    Ok(AccountId32(phrase::public(&seed)).to_string())
}

fn phrase_of(file: Option<&Path>) -> Result<Zeroizing<String>, Error> {
    if let Some(file) = file {
        return Ok(private_file::read_secret(file)?);
    }
    if stdin().is_terminal() {
        return Ok(password::ask("Recovery phrase: ")?);
    }
    Ok(seed::read(stdin()).map_err(password::PasswordError::Input)?)
}
