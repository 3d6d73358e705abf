//! Conviction: by silence, or by a fraud proof that the chain checks itself. Nobody's word slashes anybody.

use crate::{
    Accused, Config, Disclosures, Disputes, Error, Event, Pallet, Tasks, Workers, types::*,
    weights::WeightInfo,
};
use drilling::{Kernel, MAX_INPUTS, MAX_WIDTH, Question, Spec, fraud};
use pallet_draw::Draw;
use pallet_ecp::{Credit, score::Kind};
use pallet_machines::types::{Account, MachineId};
use polkadot_sdk::*;

use alloc::vec::Vec;
use frame_support::pallet_prelude::{DispatchResultWithPostInfo, Get, Weight};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_convict(
        reporter: &Account,
        id: TaskId,
        machine: MachineId,
        proof: &Proof,
    ) -> DispatchResultWithPostInfo {
        let work = Tasks::<T>::get(id).ok_or(Error::<T>::UnknownTask)?;
        if !matches!(work.stage, Stage::Agreed | Stage::Disputed) {
            return Err(Error::<T>::TooEarly.into());
        }
        let replica = work.replica(&machine).ok_or(Error::<T>::NotAssigned)?;
        let digest = replica.revealed().ok_or(Error::<T>::NotRevealed)?;
        let fraud = fraud::verify(&work.task, &digest, proof).map_err(Error::<T>::from)?;
        if work.stage == Stage::Agreed {
            // It need not wait for an audit to be drawn.
            Self::open_dispute(id, work.clone(), Cause::Audit, T::Draw::epoch(), 0);
        }
        let finder = Self::finder(reporter, id, &machine, fraud.question(&work.task));
        // What proves one result wrong proves it for everybody who revealed it.
        let liars = work.replicas.iter().filter(|replica| replica.revealed() == Some(digest));
        for liar in liars {
            Self::convict_one(id, &liar.machine, Lie::Proven, finder.as_ref());
        }
        // As long as a result is left, its duty is not done.
        let left = Tasks::<T>::get(id).is_some_and(|work| work.digests().next().is_some());
        if let (Some(finder), Some(dispute), false) = (&finder, Disputes::<T>::get(id), left) {
            Self::close_duty(id, dispute, finder, true);
        }
        Self::conclude(id);
        Ok(Some(Self::weight_of_conviction(&work)).into())
    }

    /// Which drawn inspector found it: who sends the proof and has asked the machine down to where the lie is, else who has asked so far,
    /// else who sends it. What others send is taken, but not paid for.
    fn finder(reporter: &Account, id: TaskId, machine: &MachineId, last: Question) -> Option<Account> {
        let dispute = Disputes::<T>::get(id)?;
        let at_work =
            |who: &Account| dispute.duties.iter().any(|duty| duty.inspector == *who && !duty.closed);
        let chains =
            Disclosures::<T>::get(id, machine).map(|disclosure| disclosure.chains).unwrap_or_default();
        let answered = chains.iter().filter(|chain| chain.question == last && chain.answer.is_some());
        let asked: Vec<&Account> =
            answered.map(|chain| &chain.inspector).filter(|inspector| at_work(inspector)).collect();
        let own = asked.iter().find(|inspector| **inspector == reporter);
        let found = own.or_else(|| asked.first()).copied().or(Some(reporter).filter(|who| at_work(who)));
        found.cloned()
    }

    /// A machine of a disputed task lied.
    pub(crate) fn convict_one(id: TaskId, machine: &MachineId, lie: Lie, finder: Option<&Account>) {
        let Some(mut work) = Tasks::<T>::get(id) else { return };
        let Some(replica) = work.replicas.iter_mut().find(|replica| replica.machine == *machine) else {
            return;
        };
        let slashed = Self::punish(id, replica, lie);
        // One lie in twenty is looked at: what else it was credited for is worth no more.
        T::Credit::revoke(machine, Kind::Drilling, id);
        Tasks::<T>::insert(id, work);
        let bounty = finder.map_or(0, |finder| Self::pay(finder, bounty::<T>(slashed)));
        Disputes::<T>::mutate_extant(id, |dispute| {
            dispute.convicted = dispute.convicted.saturating_add(1);
            // Who said that all is well was wrong.
            dispute.vouched = false;
            dispute.slashed = dispute.slashed.saturating_add(slashed.saturating_sub(bounty));
        });
        Disclosures::<T>::remove(id, machine);
        Accused::<T>::remove(machine, id);
    }

    /// Takes a machine's bond and its place. An outage silences a machine about everything that it has committed to: that costs one bond,
    /// not one for each, else the more a machine can do the more it would risk. A result that is kept back earns nobody anything.
    pub(crate) fn punish(id: TaskId, replica: &mut Replica, lie: Lie) -> u128 {
        replica.state = State::Convicted(lie);
        let paid =
            lie == Lie::Unrevealed && Workers::<T>::get(replica.machine).is_some_and(|worker| worker.silent);
        let slashed = if paid { 0 } else { Self::slash(&replica.owner) };
        Self::note(&replica.machine, id, Verdict::Convicted(lie));
        Self::deposit_event(Event::Convicted {
            task: id,
            machine: replica.machine,
            owner: replica.owner.clone(),
            lie,
            slashed,
        });
        slashed
    }

    /// What convicting somebody of this task costs.
    pub(crate) fn weight_of_conviction(work: &Work) -> Weight {
        let Spec { kernel, inputs, layers, .. } = &work.task.spec;
        let widest = layers.iter().map(|layer| layer.outputs).max().unwrap_or_default();
        let proof = match kernel {
            Kernel::Mlp => T::WeightInfo::convict_generated(*inputs).max(Self::weight_of_opening(widest)),
            Kernel::Infer { .. } => Self::weight_of_opening(widest.max(*inputs)),
        };
        let convicted = proof.saturating_add(Self::weight_of_revoking());
        match work.stage {
            Stage::Agreed => convicted.saturating_add(T::WeightInfo::open_dispute()),
            _ => convicted,
        }
    }

    /// The dearest conviction: what a call sets aside before the chain looks which task it is about.
    pub(crate) fn weight_of_any_conviction() -> Weight {
        let generated = T::WeightInfo::convict_generated(MAX_INPUTS);
        let proof = generated.max(Self::weight_of_opening(MAX_WIDTH));
        proof.saturating_add(T::WeightInfo::open_dispute()).saturating_add(Self::weight_of_revoking())
    }

    /// Taking back what everybody had earned with a lie.
    pub(crate) fn weight_of_revoking() -> Weight {
        T::Credit::weight().saturating_mul(MOST_REPLICAS.into())
    }

    fn weight_of_opening(width: u32) -> Weight {
        T::WeightInfo::convict_opened(width).max(T::WeightInfo::convict_published(width))
    }
}

/// What the inspector who found a lie gets: never so much that the honest could not be compensated.
fn bounty<T: Config>(slashed: u128) -> u128 {
    slashed.saturating_mul(u128::from(T::BountyPercent::get().min(25))) / 100
}
