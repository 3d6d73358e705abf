//! Where a key file's password comes from: a file, the environment, or the terminal.

use crate::private_file::{self, FileError};
use std::{
    io::{IsTerminal, stdin},
    path::Path,
};
use zeroize::Zeroizing;

const VARIABLE: &str = "MATRIXAI_PASSWORD";

/// No password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The password file.
    #[error("password file: {0}")]
    File(#[from] FileError),
    /// Nobody is there to ask.
    #[error("no terminal to ask for the password: give --password-file, or set {VARIABLE}")]
    NoTerminal,
    /// The terminal failed.
    #[error("cannot read from the terminal: {0}")]
    Terminal(std::io::Error),
    /// What is piped in.
    #[error("cannot read from standard input: {0}")]
    Input(std::io::Error),
    /// The two entries differ.
    #[error("the two passwords differ; nothing was written")]
    Differ,
    /// Nothing was entered.
    #[error("an empty password protects nothing; nothing was written")]
    Empty,
}

/// The password of an existing file.
pub fn existing(file: Option<&Path>) -> Result<Zeroizing<String>, PasswordError> {
    match given(file)? {
        Some(password) => Ok(password),
        None => ask("Password of the key file: "),
    }
}

/// A password for a new file; a person enters it twice.
pub fn new(file: Option<&Path>) -> Result<Zeroizing<String>, PasswordError> {
    let password = match given(file)? {
        Some(password) => password,
        None => {
            let first = ask("Password for the new key file: ")?;
            if ask("The same again: ")? != first {
                return Err(PasswordError::Differ);
            }
            first
        }
    };
    if password.is_empty() { Err(PasswordError::Empty) } else { Ok(password) }
}

/// Something secret that a person types or pipes in.
pub fn ask(prompt: &str) -> Result<Zeroizing<String>, PasswordError> {
    if !stdin().is_terminal() {
        return Err(PasswordError::NoTerminal);
    }
    rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(PasswordError::Terminal)
}

fn given(file: Option<&Path>) -> Result<Option<Zeroizing<String>>, PasswordError> {
    if let Some(file) = file {
        let text = private_file::read_secret(file)?;
        return Ok(Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())));
    }
    Ok(std::env::var(VARIABLE).ok().map(Zeroizing::new))
}
