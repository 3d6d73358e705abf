//! `matrixai token …`: with a join token a fleet enrols, and the owner's own key never travels.

use crate::{
    account,
    amount::Amount,
    arguments::{Global, TokenCommand},
    chain,
    config::Config,
    error::Error,
    output::{self, Done},
    private_file,
    session::{self, Session},
    span::Span,
};
use ed25519_dalek::SigningKey;
use light_client::{Key, seed};
use rand::{RngCore, rngs::OsRng};
use serde::Serialize;
use std::{
    fmt,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// A join token on chain.
#[derive(Debug, Serialize)]
pub struct Token {
    /// Its public half in hex.
    pub token: String,
    /// Machines that may still enrol.
    pub left: u32,
    /// Last block in which it can be used.
    pub expires: u32,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Tokens(Vec<Token>);

impl fmt::Display for Tokens {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(out, "no tokens: `matrixai token create` makes one");
        }
        writeln!(out, "{:64}  {:>8}  {:>10}", "token", "machines", "expires")?;
        self.0.iter().try_for_each(|token| {
            writeln!(out, "{:64}  {:>8}  {:>10}", token.token, token.left, token.expires)
        })
    }
}

#[derive(Serialize)]
struct Created {
    token: String,
    file: PathBuf,
    machines: u32,
    expires: u32,
    held: Amount,
    block: u64,
}

impl fmt::Display for Created {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token, file, machines, expires, held, block } = self;
        writeln!(out, "token {token} for {}, until block {expires}", counted(*machines))?;
        writeln!(out, "{held} tokens are held since block {block}")?;
        writeln!(out, "give {} to the machines: `matrixai-agent enroll --token FILE`", file.display())
    }
}

/// What a new token is to be.
struct Wanted<'a> {
    machines: u32,
    lifetime: Lifetime,
    out: &'a Path,
}

enum Lifetime {
    Span(Span),
    Blocks(u32),
}

/// Carries out a token command.
pub async fn run(command: &TokenCommand, config: &Config, global: &Global) -> Result<(), Error> {
    match command {
        TokenCommand::Create { machines, expires, blocks, out } => {
            let lifetime = match (expires, blocks) {
                (Some(span), _) => Lifetime::Span(*span),
                (None, blocks) => Lifetime::Blocks(blocks.unwrap_or(1)),
            };
            let wanted = Wanted { machines: *machines, lifetime, out };
            let created = session::with_key(config, global, async |session, key| {
                create(session, key, &wanted, global.json).await
            });
            output::print(&created.await?, global.json)
        }
        TokenCommand::List => {
            let owner = account::account(config)?;
            let tokens = session::with(config, global, async |session| {
                Ok(chain::tokens_of(&session.latest().await?, &owner).await?)
            });
            output::print(&Tokens(tokens.await?), global.json)
        }
        TokenCommand::Revoke { token } => {
            let public = public_half(token)?;
            let done = session::with_key(config, global, async |session, key| {
                let included = session.call("revoking the token", &chain::revoke_token(public), key).await?;
                Ok(Done {
                    done: "the token is void; what its unused part held is back",
                    block: included.block.number,
                })
            });
            output::print(&done.await?, global.json)
        }
    }
}

fn counted(machines: u32) -> String {
    if machines == 1 { "1 machine".into() } else { format!("{machines} machines") }
}

async fn create(session: &Session, key: &Key, wanted: &Wanted<'_>, json: bool) -> Result<Created, Error> {
    let at = session.latest().await?;
    let each = chain::deposit_per_machine(&at).await?;
    let held = Amount(each.0.saturating_mul(wanted.machines.into()));
    session.afford(&key.account(), held).await?;
    if !json {
        plain_io::tell!(
            "{held} tokens will be held: deposit and inspection fees of {}",
            counted(wanted.machines)
        );
    }
    let blocks = match wanted.lifetime {
        Lifetime::Span(span) => span.blocks(chain::block_millis(&at).await?).ok_or(Error::NeverExpires)?,
        Lifetime::Blocks(blocks) => blocks,
    };
    let now = u32::try_from(at.block_number()).unwrap_or(u32::MAX);
    let expires = now.checked_add(blocks).ok_or(Error::NeverExpires)?;
    // The file comes first: a deposit for a token that nobody has would be of no use.
    let public = write(wanted.out)?;
    let call = chain::create_token(public, wanted.machines, expires);
    let called = session.call("creating the token", &call, key).await;
    if called.as_ref().is_err_and(Error::is_final) {
        // Nobody has a use for its secret half, and it would be in the way of another try.
        let _ = std::fs::remove_file(wanted.out);
    }
    let included = called?;
    Ok(Created {
        token: hex::encode(public),
        file: wanted.out.into(),
        machines: wanted.machines,
        expires,
        held,
        block: included.block.number,
    })
}

/// Draws a token, writes its secret half, and returns the public one.
fn write(out: &Path) -> Result<[u8; 32], Error> {
    let mut seed = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(seed.as_mut());
    let public = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    let hex = Zeroizing::new(hex::encode(seed.as_slice()));
    let about = format!(
        "MatrixAI join token {}: whoever holds it can enrol machines at its owner's cost",
        hex::encode(public)
    );
    private_file::write(out, &Zeroizing::new(format!("# {about}\n{}\n", hex.as_str())))?;
    Ok(public)
}

/// The public half, given itself or a token file.
fn public_half(token: &str) -> Result<[u8; 32], Error> {
    let file = Path::new(token);
    if !file.exists() {
        return output::identifier(token, "join token");
    }
    let text = private_file::read_secret(file)?;
    let seed = seed::parse(&text).map_err(|why| Error::NoSeed(file.into(), why))?;
    Ok(SigningKey::from_bytes(&seed).verifying_key().to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_file_says_what_it_is_and_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token.key");
        let public = write(&file).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let (about, seed) = text.split_once('\n').unwrap();
        assert!(about.starts_with("# MatrixAI join token") && seed.trim_end().len() == 64);
        assert_eq!(public_half(file.to_str().unwrap()).unwrap(), public);
        assert_eq!(public_half(&hex::encode(public)).unwrap(), public);
        assert!(write(&file).is_err(), "a token file is never overwritten");
        let said = public_half("/dev/zero").unwrap_err().to_string();
        assert_eq!(said, "/dev/zero: it is not a regular file");
    }
}
