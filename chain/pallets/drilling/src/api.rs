//! What light clients ask.

use crate::{Accused, Batches, Config, Disclosures, Disputes, DutiesOf, Pallet, Tasks, Workers, types::*};
use alloc::vec::Vec;
use codec::{Decode, Encode};
use drilling::{Class, Hash, Question, Task};
use pallet_machines::types::{Account, MachineId};
use polkadot_sdk::*;
use scale_info::TypeInfo;

use frame_support::pallet_prelude::Get;

/// Questions or disputes shown at one time.
const SHOWN: usize = 100;

/// A machine's part in a task that is not settled.
#[derive(Encode, Decode, Clone, PartialEq, Eq, Debug, TypeInfo)]
pub struct Assignment {
    /// The task's identifier.
    pub id: TaskId,
    /// What is computed.
    pub task: Task,
    /// Its class.
    pub class: Class,
    /// Micro-ut that it is worth.
    pub worth: u128,
    /// Where the published data can be had that it runs over; nothing for generated ones.
    pub source: Source,
    /// Where the task stands.
    pub stage: Stage,
    /// Last block of that stage.
    pub deadline: u32,
    /// Where the machine's own part stands.
    pub state: State,
    /// Digests that others have revealed.
    pub revealed: Vec<(MachineId, Hash)>,
}

/// A question that a machine must answer.
#[derive(Encode, Decode, Clone, PartialEq, Eq, Debug, TypeInfo)]
pub struct Asked {
    /// The task's identifier.
    pub id: TaskId,
    /// What was computed.
    pub task: Task,
    /// The machine's own digest.
    pub digest: Hash,
    /// Where the published data can be had.
    pub source: Source,
    /// What is asked.
    pub question: Question,
    /// Last block for the answer.
    pub deadline: u32,
}

/// A dispute with all that was disclosed.
#[derive(Encode, Decode, Clone, PartialEq, Eq, Debug, TypeInfo)]
pub struct Case {
    /// The task's identifier.
    pub id: TaskId,
    /// The task.
    pub work: Work,
    /// Where the published data can be had.
    pub source: Source,
    /// The dispute.
    pub dispute: Dispute,
    /// What the accused have opened.
    pub disclosures: Vec<(MachineId, Disclosure)>,
}

/// An owner's bond, and what a machine needs of it.
#[derive(Encode, Decode, Clone, PartialEq, Eq, Debug, TypeInfo)]
pub struct BondView {
    /// The bond.
    pub bond: Bond,
    /// What each machine that takes tasks must be covered with, and loses when it lies.
    pub per_machine: u128,
}

sp_api::decl_runtime_apis! {
    /// Drilling, at one block.
    pub trait DrillingApi {
        /// A machine's tasks that are not settled.
        fn work_of(machine: MachineId) -> Vec<Assignment>;
        /// A machine that takes tasks or once did: its places and its last outcomes.
        fn worker(machine: MachineId) -> Option<Worker>;
        /// Questions that a machine must answer, up to a hundred.
        fn questions_of(machine: MachineId) -> Vec<Asked>;
        /// Disputes for which this inspector is drawn and not done, up to a hundred.
        fn disputes_of(inspector: Account) -> Vec<Case>;
        /// A task that is being done, or that may still be audited.
        fn task(id: TaskId) -> Option<Work>;
        /// A dispute.
        fn dispute(id: TaskId) -> Option<Case>;
        /// An owner's bond.
        fn bond_of(owner: Account) -> BondView;
        /// A batch.
        fn batch(id: BatchId) -> Option<Batch>;
        /// All batches of a class that have tasks left.
        fn supply(class: Class) -> Vec<(BatchId, Batch)>;
    }
}

impl<T: Config> Pallet<T> {
    /// A machine's tasks that are not settled.
    pub fn work_of(machine: &MachineId) -> Vec<Assignment> {
        let tasks = Workers::<T>::get(machine).map(|worker| worker.tasks).unwrap_or_default();
        tasks.into_iter().filter_map(|id| Self::assignment(machine, id)).collect()
    }

    fn assignment(machine: &MachineId, id: TaskId) -> Option<Assignment> {
        let work = Tasks::<T>::get(id)?;
        let state = work.replica(machine)?.state;
        let others = work.replicas.iter().filter(|replica| replica.machine != *machine);
        let revealed = others.filter_map(|replica| Some((replica.machine, replica.revealed()?))).collect();
        let source = Self::source(&work);
        let Work { task, class, worth, stage, deadline, .. } = work;
        Some(Assignment { id, task, class, worth, source, stage, deadline, state, revealed })
    }

    fn source(work: &Work) -> Source {
        work.batch.and_then(Batches::<T>::get).map(|batch| batch.source).unwrap_or_default()
    }

    /// Questions that a machine must answer, up to a hundred.
    pub fn questions_of(machine: &MachineId) -> Vec<Asked> {
        let ids = Accused::<T>::iter_key_prefix(machine);
        let cases =
            ids.filter_map(|id| Some((id, Tasks::<T>::get(id)?, Disclosures::<T>::get(id, machine)?)));
        cases
            .flat_map(|(id, work, disclosure)| {
                let (task, source, digest) = (work.task, Self::source(&work), disclosure.digest);
                let open: Vec<_> = disclosure.open().collect();
                open.into_iter().map(move |(question, deadline)| Asked {
                    id,
                    task,
                    digest,
                    source: source.clone(),
                    question,
                    deadline,
                })
            })
            .take(SHOWN)
            .collect()
    }

    /// Disputes for which this inspector is drawn and not done, up to a hundred.
    pub fn disputes_of(inspector: &Account) -> Vec<Case> {
        DutiesOf::<T>::iter_key_prefix(inspector).filter_map(Self::case).take(SHOWN).collect()
    }

    /// A dispute.
    pub fn case(id: TaskId) -> Option<Case> {
        let (work, dispute) = (Tasks::<T>::get(id)?, Disputes::<T>::get(id)?);
        let source = Self::source(&work);
        Some(Case { id, work, source, dispute, disclosures: Disclosures::<T>::iter_prefix(id).collect() })
    }

    /// An owner's bond.
    pub fn bond_of(owner: &Account) -> BondView {
        BondView { bond: crate::Bonds::<T>::get(owner), per_machine: T::MachineBond::get() }
    }

    /// All batches of a class that have tasks left.
    pub fn supply(class: Class) -> Vec<(BatchId, Batch)> {
        let ids = crate::Supply::<T>::get(class);
        ids.into_iter().filter_map(|id| Some((id, Batches::<T>::get(id)?))).collect()
    }
}
