//! Reports, as text or as JSON. Both go to standard output; everything else goes to standard error.

use crate::error::Error;
use serde::Serialize;
use std::fmt::Display;

/// Something that both people and programs can read.
pub trait Report: Serialize + Display {}

impl<T: Serialize + Display> Report for T {}

/// Prints a report.
pub fn print(report: &impl Report, json: bool) -> Result<(), Error> {
    let text = if json { serde_json::to_string_pretty(report)? + "\n" } else { report.to_string() };
    plain_io::print(&text).map_err(Error::Write)
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

/// The same, with what has to be known from now on.
#[derive(Debug, Serialize)]
pub struct Noted {
    /// What was done.
    #[serde(flatten)]
    pub done: Done,
    /// What follows from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Display for Noted {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.done.fmt(out)?;
        self.note.as_ref().map_or(Ok(()), |note| writeln!(out, "{note}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_for_people_and_programs() {
        let done = || Done { done: "done", block: 7 };
        let noted = Noted { done: done(), note: Some("and so on".into()) };
        assert_eq!(noted.to_string(), "done, in block 7\nand so on\n");
        let json = serde_json::to_value(&noted).unwrap();
        assert_eq!((&json["block"], &json["note"]), (&7.into(), &"and so on".into()));
        let bare = Noted { done: done(), note: None };
        assert_eq!(serde_json::to_value(&bare).unwrap(), serde_json::to_value(done()).unwrap());
    }

    #[test]
    fn identifiers_are_32_bytes() {
        let hex = "ab".repeat(32);
        assert_eq!(identifier(&hex, "machine").unwrap(), [0xAB; 32]);
        assert_eq!(identifier(&format!("0x{hex}"), "machine").unwrap(), [0xAB; 32]);
        assert!(matches!(identifier("ab", "machine"), Err(Error::NoIdentifier(_, "machine"))));
    }
}
