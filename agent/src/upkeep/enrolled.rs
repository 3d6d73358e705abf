//! What an enrolled machine does each turn: debts, its standing, a new device key, anchors, tasks.

use super::{LOOK_AGAIN, Upkeep};
use crate::{
    board::Part,
    chain::{self, Machine},
    debt::Debt,
    desk::{Desk, DeskError},
    standing::{self, Obstacle, Standing},
};
use light_client::outbox::Entry;
use std::time::Instant;

impl Upkeep {
    /// All of it, in the order in which one thing depends on another; nothing where there is no reason to look.
    pub(super) async fn keep_enrolled(&mut self) -> Result<(), DeskError> {
        let owed = self.agent.outbox.entries()?;
        let stale = self.looked.is_none_or(|looked| looked.elapsed() > LOOK_AGAIN);
        let drills = self.driller.as_ref().is_some_and(|driller| driller.is_due(self.seen));
        if owed.is_empty() && !stale && !self.anchors.is_due() && !drills {
            return Ok(());
        }
        let of_machine = |entry: &Entry| matches!(entry.intent.kind.as_str(), "anchor" | "delegate");
        let lost = self.settle().await?;
        let look = lost || stale || self.anchors.is_due() || owed.iter().any(of_machine);
        let Some(machine) = self.look_at_machine(look).await? else {
            self.board.trouble(Part::Chain, "the chain does not know this machine; is it the right chain?");
            return Ok(());
        };
        if let Some(why) = standing::obstacle(&machine, &self.agent.keeper.ak.public) {
            self.agent.keep_obstacle(Some(why))?;
            self.board.trouble(Part::Chain, why);
            // For as long as the chain holds its deposit, a retired machine may be asked about what it did.
            return match self.is_its_device(&machine) {
                true => self.drill(false).await,
                false => Ok(()),
            };
        }
        self.board.fine(Part::Chain);
        if !self.is_its_device(&machine) {
            return self.hand_over().await;
        }
        self.anchor(&machine).await?;
        // Who is about to leave binds himself to nothing more.
        let active = !self.ending && Standing::parse(&machine.standing) == Some(Standing::Active);
        self.drill(active).await?;
        // Last: nothing depends on it.
        self.weigh().await
    }

    /// At hand from here on: nobody asks this before the chain is reached and the TPM has given the key.
    fn desk(&mut self) -> Result<Desk<'_>, DeskError> {
        match (&self.client, &self.device) {
            (Some(client), Some(device)) => Ok(Desk { agent: &mut self.agent, client, device }),
            _ => Err(anyhow::anyhow!("neither chain nor key is at hand").into()),
        }
    }

    fn is_its_device(&self, machine: &Machine) -> bool {
        self.device.as_ref().is_some_and(|device| device.public() == machine.device)
    }

    /// Moves debts on. Whether one was lost.
    async fn settle(&mut self) -> Result<bool, DeskError> {
        let first = self.looked.is_none();
        let desk = &mut self.desk()?;
        if first {
            desk.drop_debts_of_other_keys()?;
        }
        if desk.agent.outbox.entries()?.is_empty() {
            return Ok(false);
        }
        let all = desk.settle().await?;
        for lost in all.iter().filter(|lost| matches!(lost.debt, Debt::Anchor(_) | Debt::Delegate(_))) {
            self.anchors.lost(lost);
            if !lost.expired {
                let what = format!("the chain refused {}: {}", lost.debt.kind(), lost.why);
                self.board.trouble(Part::Anchor, what);
            }
        }
        Ok(!all.is_empty())
    }

    /// The machine on chain, looked at anew if need be.
    async fn look_at_machine(&mut self, anew: bool) -> Result<Option<Machine>, DeskError> {
        let known = self.machine.clone().filter(|_| !anew);
        let desk = &mut self.desk()?;
        let machine = match known {
            Some(known) => known,
            None => match chain::machine(desk.client, desk.agent.keeper.machine).await? {
                Some(machine) => machine,
                None => return Ok(None),
            },
        };
        desk.reconcile(&machine).await?;
        if anew {
            self.looked = Some(Instant::now());
        }
        let before = self.machine.as_ref().map_or(u64::MAX, |machine| machine.head.counter);
        // It may be another's, who runs on a copy of this machine's keys.
        if machine.head.counter > before && self.agent.keeper.obstacle.is_none() {
            self.anchors.refused.worked();
            self.board.fine(Part::Anchor);
        }
        self.machine = Some(machine.clone());
        Ok(Some(machine))
    }

    /// Has the machine handed over to a new device key. Once that is done, the first anchor under it is due at once.
    async fn hand_over(&mut self) -> Result<(), DeskError> {
        let due = self.anchors.is_due();
        let desk = &mut self.desk()?;
        if due && !desk.owes("delegate")? {
            desk.delegate().await?;
            desk.settle().await?;
        }
        Ok(())
    }

    async fn anchor(&mut self, machine: &Machine) -> Result<(), DeskError> {
        let due = self.anchors.is_due();
        let desk = &mut self.desk()?;
        if !due || desk.owes("anchor")? {
            return Ok(());
        }
        desk.quote_boot().await?;
        match desk.anchor(machine).await {
            Ok(_) => desk.agent.keep_obstacle(None)?,
            Err(error) => {
                if let DeskError::LogLost(anchored) = error {
                    desk.agent.keep_obstacle(Some(Obstacle::OtherLog(anchored)))?;
                }
                return Err(error);
            }
        }
        self.tpm.worked();
        self.board.fine(Part::Tpm);
        self.anchors.due = Instant::now() + self.anchors.period;
        // Handed in now, not at the next block.
        self.desk()?.settle().await.map(drop)
    }

    async fn drill(&mut self, active: bool) -> Result<(), DeskError> {
        let (Some(client), Some(device), Some(driller)) = (&self.client, &self.device, &mut self.driller)
        else {
            return Ok(());
        };
        driller.turn(&mut Desk { agent: &mut self.agent, client, device }, active).await
    }

    /// Looks what the machine's work is worth.
    async fn weigh(&mut self) -> Result<(), DeskError> {
        if self.weighed.is_none_or(|weighed| weighed.elapsed() > LOOK_AGAIN) {
            let desk = self.desk()?;
            self.power = chain::power(desk.client, desk.agent.keeper.machine).await?;
            self.weighed = Some(Instant::now());
        }
        Ok(())
    }
}
