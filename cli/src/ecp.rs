//! `matrixai ecp`: effective compute power, of an owner, its machines, and the network.

use crate::{account, arguments::Global, chain, config::Config, error::Error, output, session};
use serde::Serialize;
use std::fmt;

/// Compute power, in micro-ut.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Power {
    /// All drilling ever.
    pub drilling_total: u128,
    /// Drilling lately: its average halves in a week.
    pub drilling: u128,
    /// All training ever.
    pub training_total: u128,
    /// Training lately.
    pub training: u128,
    /// What counts: four tenths of drilling and six of training, lately.
    pub effective: u128,
}

/// A machine's.
#[derive(Debug, Serialize)]
pub struct MachinePower {
    /// The machine.
    pub machine: String,
    /// Whether it counts for its owner now.
    pub counts: bool,
    /// How much.
    #[serde(flatten)]
    pub power: Power,
}

/// An owner's.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whose.
    pub owner: String,
    /// The finalised block that all this is of.
    pub block: u64,
    /// Of all its machines that count.
    #[serde(flatten)]
    pub power: Power,
    /// Each machine's.
    pub machines: Vec<MachinePower>,
    /// Everybody's together.
    pub network: Power,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |part: u128, all: u128| part.saturating_mul(10_000).checked_div(all).unwrap_or(0);
        let share = share(self.power.effective, self.network.effective);
        writeln!(out, "owner      {}", self.owner)?;
        writeln!(
            out,
            "effective  {} ut, {}.{:02} % of the network's",
            Ut(self.power.effective),
            share / 100,
            share % 100
        )?;
        writeln!(
            out,
            "drilling   {} ut lately, {} ut ever",
            Ut(self.power.drilling),
            Ut(self.power.drilling_total)
        )?;
        writeln!(
            out,
            "training   {} ut lately, {} ut ever",
            Ut(self.power.training),
            Ut(self.power.training_total)
        )?;
        if !self.machines.is_empty() {
            writeln!(out, "\n{:64}  {:>18}  {:>18}", "machine", "effective ut", "drilling ut ever")?;
        }
        self.machines.iter().try_for_each(|machine| {
            let away = if machine.counts { "" } else { "  away" };
            let MachinePower { machine, power, .. } = machine;
            writeln!(out, "{machine}  {:>18}  {:>18}{away}", Ut(power.effective), Ut(power.drilling_total))
        })
    }
}

/// Micro-ut, written as ut.
struct Ut(u128);

impl fmt::Display for Ut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000))
    }
}

/// Shows compute power.
pub async fn run(of: Option<&str>, config: &Config, global: &Global) -> Result<(), Error> {
    let owner = account::named_or_own(of, config)?;
    let report =
        session::with(config, global, async |session| Ok(chain::ecp(&session.latest().await?, owner).await?));
    output::print(&report.await?, global.json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_in_ut() {
        assert_eq!(Ut(622).to_string(), "0.000622");
        assert_eq!(Ut(200_000_000).to_string(), "200.000000");
    }
}
