//! `matrixai machines`: the owner's machines and their standing.

use crate::{
    account,
    arguments::{Global, MachinesCommand},
    chain,
    config::Config,
    error::Error,
    output::{self, Done, Noted},
    session::{self, Session},
};
use light_client::Key;
use serde::Serialize;
use std::fmt;

/// A machine, as the chain has it.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// Identifier in hex: SHA-256 of its TPM's endorsement key.
    pub id: String,
    /// Who owns it.
    pub owner: String,
    /// Its account.
    pub device: String,
    /// `TPMT_PUBLIC` of its attestation key in hex: the one that inspectors' credentials bound to its TPM.
    pub attestation_key: String,
    /// How far its identity can be trusted: hardware, virtual or unverified.
    pub level: String,
    /// active, lapsed, forked or retired.
    pub standing: String,
    /// Enrolments of this TPM before this one.
    pub epoch: u32,
    /// Block of its enrolment.
    pub enrolled: u32,
    /// Its last anchor.
    pub anchor: Option<Anchor>,
    /// Anchors of this epoch.
    pub anchors: u32,
    /// Block of the last anchor or enrolment.
    pub seen: u32,
    /// Without an anchor after this block it lapses.
    pub due: u32,
    /// How often it has lapsed.
    pub lapses: u32,
    /// Blocks spent lapsed, altogether.
    pub absent: u32,
    /// Whether the log of an earlier epoch was lost.
    pub log_lost: bool,
    /// Anchors whose counter is not above this belong to a log that is lost.
    pub floor: u64,
}

/// A machine, and of which chain and block that is: what `matrixai-inspector verify --machine` holds evidence against.
#[derive(Debug, Serialize)]
struct Shown {
    /// Hash of the chain's first block, in hex.
    genesis: String,
    /// The finalised block that all this is of.
    block: u64,
    /// Its hash in hex.
    block_hash: String,
    #[serde(flatten)]
    machine: Machine,
}

impl fmt::Display for Shown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}of        block {}, {}", self.machine, self.block, self.block_hash)
    }
}

/// A machine's last anchor.
#[derive(Debug, Serialize)]
pub struct Anchor {
    /// The TPM's counter.
    pub counter: u64,
    /// Records in the log.
    pub size: u64,
    /// Their root in hex.
    pub root: String,
    /// The block that it is younger than.
    pub block: u32,
    /// The block that it came in.
    pub at: u32,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Machines(Vec<Machine>);

impl fmt::Display for Machines {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(
                out,
                "no machines: `matrixai token create`, then `matrixai-agent enroll` on each"
            );
        }
        let head = ["machine", "level", "standing", "counter", "size", "seen", "due"];
        row(out, head.map(str::to_owned), "")?;
        let mark = |machine: &Machine| if machine.log_lost { "  !" } else { "" };
        self.0.iter().try_for_each(|machine| row(out, cells(machine), mark(machine)))?;
        if self.0.iter().any(|machine| machine.log_lost) {
            writeln!(out, "\n! a log of it was lost once: what an earlier epoch anchored cannot be shown")?;
        }
        Ok(())
    }
}

fn cells(machine: &Machine) -> [String; 7] {
    let anchor = |field: fn(&Anchor) -> u64| {
        machine.anchor.as_ref().map_or_else(|| "-".into(), |anchor| field(anchor).to_string())
    };
    let (counter, size) = (anchor(|anchor| anchor.counter), anchor(|anchor| anchor.size));
    let id = format!("{:.16}…", machine.id);
    let (seen, due) = (machine.seen.to_string(), machine.due.to_string());
    [id, machine.level.clone(), machine.standing.clone(), counter, size, seen, due]
}

fn row(
    out: &mut fmt::Formatter<'_>,
    [id, level, standing, counter, size, seen, due]: [String; 7],
    mark: &str,
) -> fmt::Result {
    writeln!(out, "{id:17}  {level:10}  {standing:8}  {counter:>8}  {size:>10}  {seen:>9}  {due:>9}{mark}")
}

impl fmt::Display for Machine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, owner, device, level, standing, epoch, enrolled, .. } = self;
        writeln!(out, "machine   {id}\nowner     {owner}\ndevice    {device}")?;
        writeln!(out, "level     {level}\nstanding  {standing}")?;
        writeln!(out, "epoch     {epoch}, enrolled in block {enrolled}")?;
        match &self.anchor {
            None => writeln!(out, "anchor    none yet")?,
            Some(Anchor { counter, size, root, block, at }) => {
                writeln!(
                    out,
                    "anchor    {size} records, counter {counter}, block {at}, younger than {block}"
                )?;
                writeln!(out, "root      {root}")?;
            }
        }
        writeln!(
            out,
            "anchors   {}\nseen      block {}\ndue       block {}",
            self.anchors, self.seen, self.due
        )?;
        writeln!(out, "lapses    {}, {} blocks altogether", self.lapses, self.absent)?;
        writeln!(
            out,
            "log       {}",
            if self.log_lost { "lost once: an earlier epoch's cannot be shown" } else { "whole" }
        )
    }
}

/// Carries out a machines command, the list where there is none.
pub async fn run(
    of: Option<&str>,
    command: Option<&MachinesCommand>,
    config: &Config,
    global: &Global,
) -> Result<(), Error> {
    match command {
        None => {
            let owner = account::named_or_own(of, config)?;
            let machines = session::with(config, global, async |session| {
                Ok(chain::machines_of(&session.latest().await?, owner).await?)
            });
            output::print(&Machines(machines.await?), global.json)
        }
        Some(MachinesCommand::Show { id }) => {
            let key = output::identifier(id, "machine")?;
            let machine = session::with(config, global, async |session| {
                let at = session.latest().await?;
                let machine = chain::machine(&at, key).await?;
                Ok(machine.map(|machine| Shown {
                    genesis: hex::encode(session.genesis()),
                    block: at.block_number(),
                    block_hash: hex::encode(at.block_hash()),
                    machine,
                }))
            });
            let shown = machine.await?.ok_or_else(|| Error::UnknownMachine(id.clone()))?;
            output::print(&shown, global.json)
        }
        Some(MachinesCommand::Retire { id }) => {
            let machine = output::identifier(id, "machine")?;
            let done = session::with_key(config, global, async |session, key| {
                retire(machine, session, key, global.json).await
            });
            output::print(&done.await?, global.json)
        }
    }
}

async fn retire(machine: [u8; 32], session: &Session, key: &Key, json: bool) -> Result<Noted, Error> {
    let (tasks, questions) = chain::open_work(&session.latest().await?, machine).await?;
    let doubt = in_doubt(tasks, questions);
    if let Some(doubt) = doubt.as_ref().filter(|_| !json) {
        plain_io::tell!("{doubt}");
    }
    let included = session.call("retiring the machine", &chain::retire(machine), key).await?;
    let done = Done {
        done: "the machine is retired; its deposit comes back two weeks later",
        block: included.block.number,
    };
    Ok(Noted { done, note: Some(after_retirement(doubt.as_deref())) })
}

/// What a machine that retires now leaves undone.
fn in_doubt(tasks: usize, questions: usize) -> Option<String> {
    (tasks > 0 || questions > 0).then(|| {
        format!("the machine has open tasks ({tasks}) or questions to answer ({questions}): each may cost its bond")
    })
}

/// What an owner has to know whose machine is retired.
fn after_retirement(doubt: Option<&str>) -> String {
    let first = doubt.map_or_else(String::new, |doubt| format!("As it retired, {doubt}.\n"));
    format!(
        "{first}An audit of its last tasks may still come, and costs its bond where it is not answered: leave its agent running until the \
         deposit is back.\nBefore another machine retires, let its agent rest (`drill = false` in agent.toml, or MATRIXAI_DRILL=false) until its tasks\n\
         and their audits are over."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine {
            id: "ab".repeat(32),
            owner: "5G".into(),
            device: "5F".into(),
            attestation_key: "0023".into(),
            level: "hardware".into(),
            standing: "active".into(),
            epoch: 0,
            enrolled: 9,
            anchor: Some(Anchor { counter: 4, size: 120, root: "cd".repeat(32), block: 20, at: 22 }),
            anchors: 3,
            seen: 22,
            due: 92,
            lapses: 0,
            absent: 0,
            log_lost: false,
            floor: 0,
        }
    }

    #[test]
    fn programs_find_the_last_counter() {
        let json = serde_json::to_value(Machines(vec![machine()])).unwrap();
        assert_eq!(json[0]["anchor"]["counter"], 4);
        assert_eq!(json[0]["standing"], "active");
    }

    #[test]
    fn a_shown_machine_says_of_which_chain_and_block() {
        let shown =
            Shown { genesis: "aa".repeat(32), block: 30, block_hash: "bb".repeat(32), machine: machine() };
        let json = serde_json::to_value(&shown).unwrap();
        assert_eq!((&json["block"], &json["attestation_key"]), (&30.into(), &"0023".into()));
        assert!(shown.to_string().ends_with(&format!("block 30, {}\n", "bb".repeat(32))));
    }

    #[test]
    fn who_retires_a_machine_is_told_of_audits_and_open_tasks() {
        let clean = after_retirement(in_doubt(0, 0).as_deref());
        assert!(clean.starts_with("An audit") && clean.contains("MATRIXAI_DRILL=false"), "{clean}");
        let hasty = after_retirement(in_doubt(2, 1).as_deref());
        assert!(hasty.contains("open tasks (2)") && hasty.contains("questions to answer (1)"), "{hasty}");
    }

    #[test]
    fn a_lost_log_is_marked() {
        let lost = Machine { log_lost: true, ..machine() };
        let table = Machines(vec![machine(), lost]).to_string();
        let marked: Vec<_> = table.lines().map(|line| line.ends_with(" !")).collect();
        assert_eq!(marked, [false, false, true, false, false], "{table}");
        assert!(table.contains("lost once"), "{table}");
    }

    #[test]
    fn people_get_a_table() {
        let bare = Machine { anchor: None, ..machine() };
        let table = Machines(vec![machine(), bare]).to_string();
        assert_eq!(table.lines().count(), 3);
        assert!(table.contains("abababababababab…  hardware    active           4         120"), "{table}");
        assert!(Machines(Vec::new()).to_string().starts_with("no machines"));
        assert!(machine().to_string().contains("120 records, counter 4"));
    }
}
