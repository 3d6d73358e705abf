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
        let items = Due::<T>::take(Self::now());
        let count = items.len() as u64;
        for item in items {
            match item {
                Item::Task(task) => Self::look(task),
                Item::Batch(batch) => Self::tally(batch),
            }
        }
        // The dearest task has two silent machines: their bonds, workers and disclosures, and those of the machine to compensate.
        let db = T::DbWeight::get();
        db.reads_writes(
            count.saturating_mul(14).saturating_add(1),
            count.saturating_mul(14).saturating_add(1),
        )
    }

    fn look(id: TaskId) {
        let Some(work) = Tasks::<T>::get(id) else { return };
        let over = work.deadline < Self::now();
        match work.stage {
            Stage::Committing if over => Self::close_commits(id, work),
            Stage::Short if over => Self::fail(id, work),
            Stage::Revealing if over => Self::close_reveals(id, work),
            Stage::Disputed => Self::look_at_dispute(id),
            Stage::Committing | Stage::Short | Stage::Revealing | Stage::Agreed => (),
        }
    }
}
