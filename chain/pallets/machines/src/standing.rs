//! Telling others when a machine's standing or owner changes.

use crate::types::{Account, MachineId, Standing};
use polkadot_sdk::frame_support::weights::Weight;

/// Who needs to know: those who count a machine's work for its owner, or give it work.
///
/// ```
/// use pallet_machines::{OnStanding, types::{Account, MachineId, Standing}};
/// use polkadot_sdk::frame_support::weights::Weight;
///
/// struct Idle;
/// impl OnStanding for Idle {
///     fn changed(_: &MachineId, _: &Account, _: Standing) {}
///     fn weight() -> Weight {
///         Weight::zero()
///     }
/// }
/// // Several listen as one.
/// <(Idle, Idle)>::changed(&[0; 32], &Account::new([1; 32]), Standing::Active);
/// ```
pub trait OnStanding {
    /// The machine has this owner and standing from now on.
    fn changed(machine: &MachineId, owner: &Account, standing: Standing);
    /// What telling costs.
    fn weight() -> Weight;
}

impl OnStanding for () {
    fn changed(_: &MachineId, _: &Account, _: Standing) {}
    fn weight() -> Weight {
        Weight::zero()
    }
}

impl<A: OnStanding, B: OnStanding> OnStanding for (A, B) {
    fn changed(machine: &MachineId, owner: &Account, standing: Standing) {
        A::changed(machine, owner, standing);
        B::changed(machine, owner, standing);
    }

    fn weight() -> Weight {
        A::weight().saturating_add(B::weight())
    }
}
