//! Reports, as text or as JSON. Both go to standard output; everything else goes to standard error.

use crate::error::Error;
use serde::Serialize;
use std::{
    fmt::Display,
    io::{ErrorKind, Write},
};

/// Something that both people and programs can read.
pub trait Report: Serialize + Display {}

impl<T: Serialize + Display> Report for T {}

/// Prints a report.
pub fn print(report: &impl Report, json: bool) -> Result<(), Error> {
    let text = if json { serde_json::to_string_pretty(report)? + "\n" } else { report.to_string() };
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A reader that has gone away (`| head`) is no failure.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::Write(error)),
        _ => Ok(()),
    }
}

/// Reads 32 bytes in hex.
pub fn identifier(text: &str, what: &'static str) -> Result<[u8; 32], Error> {
    let mut id = [0; 32];
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut id)
        .map_err(|_| Error::NoIdentifier(text.into(), what))?;
    Ok(id)
}

/// A call that is in a finalised block.
#[derive(Debug, Serialize)]
pub struct Done {
    /// What was done.
    pub done: &'static str,
    /// In which block.
    pub block: u64,
}

impl Display for Done {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(out, "{}, in block {}", self.done, self.block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_32_bytes() {
        let hex = "ab".repeat(32);
        assert_eq!(identifier(&hex, "machine").unwrap(), [0xAB; 32]);
        assert_eq!(identifier(&format!("0x{hex}"), "machine").unwrap(), [0xAB; 32]);
        assert!(matches!(identifier("ab", "machine"), Err(Error::NoIdentifier(_, "machine"))));
    }
}
