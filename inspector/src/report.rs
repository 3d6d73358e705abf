//! What the commands say about an inspector, for people and for programs.

use crate::chain::{Part, Registration, Request};
use serde::Serialize;
use std::fmt;

/// Smallest units in a token.
const TOKEN: u128 = 1_000_000_000_000;

/// One duty.
#[derive(Debug, Serialize)]
pub struct Duty {
    /// Identifier of the request, in hex.
    pub request: String,
    /// Identifier of the machine, in hex.
    pub machine: String,
    /// How far it is.
    pub part: Option<Part>,
    /// Draws so far.
    pub tries: u8,
    /// Block by which it must be done.
    pub deadline: u32,
}

impl From<&Request> for Duty {
    fn from(request: &Request) -> Self {
        Self {
            request: hex::encode(request.id),
            machine: hex::encode(request.machine),
            part: request.part,
            tries: request.tries,
            deadline: request.deadline,
        }
    }
}

/// An inspector at one block.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The account.
    pub account: String,
    /// The finalised block that all this is of.
    pub block: u64,
    /// What the registry knows of it.
    pub registration: Option<Registration>,
    /// What waits.
    pub duties: Vec<Duty>,
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "account     {}\nblock       {}", self.account, self.block)?;
        match &self.registration {
            None => writeln!(out, "registered  no: `matrixai-inspector run` registers")?,
            Some(known) => registered(out, known)?,
        }
        writeln!(out, "duties      {}", self.duties.len())?;
        self.duties.iter().try_for_each(|duty| write!(out, "{duty}"))
    }
}

fn registered(out: &mut fmt::Formatter<'_>, known: &Registration) -> fmt::Result {
    let Registration { bond, open, done, missed, leaves } = known;
    match leaves {
        None => writeln!(out, "registered  yes")?,
        // Who leaves keeps the bond until it is taken back, and then is unknown.
        Some(_) if *bond == 0 => {
            writeln!(
                out,
                "registered  no more: its bond was slashed, for a bad credential or missed duties"
            )?;
        }
        Some(block) => writeln!(out, "registered  leaving; the bond is free from block {block} on")?,
    }
    let whole = bond.checked_div(TOKEN).unwrap_or_default();
    writeln!(out, "bond        {whole} tokens\nrecord      {open} open, {done} done, {missed} missed")
}

impl fmt::Display for Duty {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Some(Part::Open) => "open",
            Some(Part::Challenged) => "challenged",
            Some(Part::Disputed) => "disputed",
            Some(Part::Closed) | None => "closed",
        };
        writeln!(out, "  {part:10}  by block {:<8}  request {}", self.deadline, self.request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slashed_bond_is_called_so() {
        let status = |bond, leaves| {
            let registration = Registration { bond, open: 0, done: 3, missed: 0, leaves };
            Status { account: "5G".into(), block: 9, registration: Some(registration), duties: Vec::new() }
                .to_string()
        };
        assert!(status(0, Some(70)).contains("slashed"));
        assert!(status(TOKEN, Some(70)).contains("free from block 70"));
        assert!(status(TOKEN, None).contains("registered  yes"));
    }
}
