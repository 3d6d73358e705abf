//! What falls due, by block: each block looks at its own items only. An item says "look again"; one that came too early changes nothing.

use crate::{Config, Due, Pallet, Tasks, types::*};
use polkadot_sdk::*;

use frame_support::pallet_prelude::{Get, Weight};

impl<T: Config> Pallet<T> {
    /// Looks at the item in the first block after `last` that has room. `false`: none has.
    pub(crate) fn watch(last: u32, item: Item) -> bool {
        let from = last.max(Self::now()).saturating_add(1);
        (from..=from.saturating_add(DUE_SLACK)).any(|block| Due::<T>::try_append(block, item).is_ok())
    }

    /// Looks at everything that is due in this block.
    pub(crate) fn settle_due() -> Weight {
        let db = T::DbWeight::get();
        let items = Due::<T>::take(Self::now());
        items.into_iter().fold(db.reads_writes(1, 1), |sum, item| {
            let (reads, writes) = match item {
                // The dearest has silent machines: their bonds, workers and disclosures, and those of a machine to compensate.
                Item::Task(task) if Self::look(task) => (18, 14),
                // Most tasks were settled before their time was over.
                Item::Task(_) => (1, 0),
                Item::Batch(batch) => {
                    Self::tally(batch);
                    (u64::from(VOTES).saturating_add(8), 8)
                }
            };
            sum.saturating_add(db.reads_writes(reads, writes))
        })
    }

    /// Returns whether there was anything to do.
    pub(crate) fn look(id: TaskId) -> bool {
        let Some(work) = Tasks::<T>::get(id) else { return false };
        let over = work.deadline < Self::now();
        match work.stage {
            Stage::Committing if over => Self::close_commits(id, work),
            Stage::Short if over => Self::fail(id, work),
            Stage::Revealing if over => Self::close_reveals(id, work),
            Stage::Disputed => Self::look_at_dispute(id),
            Stage::Committing | Stage::Short | Stage::Revealing | Stage::Agreed => return false,
        }
        true
    }
}
