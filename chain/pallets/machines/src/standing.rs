//! Telling others when a machine's standing or owner changes.

use crate::types::{Account, MachineId, Standing};

/// Who needs to know: those who count a machine's work for its owner, or give it work.
///
/// ```
/// use pallet_machines::{OnStanding, types::{Account, MachineId, Standing}};
///
/// struct Idle;
/// impl OnStanding for Idle {
///     fn changed(_: &MachineId, _: &Account, _: Standing) {}
/// }
/// // Several listen as one.
/// <(Idle, Idle)>::changed(&[0; 32], &Account::new([1; 32]), Standing::Active);
/// ```
pub trait OnStanding {
    /// The machine has this owner and standing from now on.
    fn changed(machine: &MachineId, owner: &Account, standing: Standing);
}

impl OnStanding for () {
    fn changed(_: &MachineId, _: &Account, _: Standing) {}
}

impl<A: OnStanding, B: OnStanding> OnStanding for (A, B) {
    fn changed(machine: &MachineId, owner: &Account, standing: Standing) {
        A::changed(machine, owner, standing);
        B::changed(machine, owner, standing);
    }
}
