//! What falls due, by block: each block looks at its own items only. An item says "look again"; one that came too early changes nothing.

use crate::{Config, Due, Pallet, Tasks, types::*, weights::WeightInfo};
use polkadot_sdk::*;

use frame_support::pallet_prelude::{Get, Weight};

impl<T: Config> Pallet<T> {
    /// Looks at the item in the first block after `last` that has room. `false`: none has.
    pub(crate) fn watch(last: u32, item: Item) -> bool {
        let from = last.max(Self::now()).saturating_add(1);
        (from..=from.saturating_add(DUE_SLACK)).any(|block| Due::<T>::try_append(block, item).is_ok())
    }

    /// Looks at what is due in this block, until that has cost a quarter of it: the rest is looked at in the next ones.
    pub(crate) fn settle_due() -> Weight {
        let items = Due::<T>::take(Self::now());
        let enough = T::BlockWeights::get().max_block / DUE_SHARE;
        let mut cost = T::WeightInfo::settle_due(items.len() as u32);
        for item in items {
            if cost.any_gt(enough) {
                cost = cost.saturating_add(T::DbWeight::get().reads_writes(1, 1));
                if Self::watch(Self::now(), item) {
                    continue;
                }
            }
            cost = cost.saturating_add(match item {
                Item::Task(task) => Self::look(task),
                Item::Batch(batch) => {
                    Self::tally(batch);
                    T::WeightInfo::tally()
                }
            });
        }
        cost
    }

    /// Does what is to be done for a task, and returns what that costs.
    pub(crate) fn look(id: TaskId) -> Weight {
        // Most tasks were settled before their time was over.
        let Some(work) = Tasks::<T>::get(id) else { return Weight::zero() };
        let over = work.deadline < Self::now();
        match work.stage {
            Stage::Committing if over => {
                Self::close_commits(id, work);
                T::WeightInfo::close_commits().max(T::WeightInfo::close_commits_short())
            }
            Stage::Short if over => {
                Self::fail(id, work);
                T::WeightInfo::close_commits()
            }
            Stage::Revealing if over => {
                Self::close_reveals(id, work);
                Self::weight_of_reveal()
            }
            Stage::Disputed => {
                Self::look_at_dispute(id);
                let looked = T::WeightInfo::look_unanswered().max(T::WeightInfo::look_unattended());
                looked.saturating_add(Self::weight_of_revoking())
            }
            Stage::Committing | Stage::Short | Stage::Revealing | Stage::Agreed => {
                T::WeightInfo::look_early()
            }
        }
    }
}
