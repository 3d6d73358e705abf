//! Accounts of devices: they own nothing and pay no fee, within their rate.
//!
//! Every transaction that gets into a block uses up a nonce, also one that fails, so the nonce is what the rate counts.

use crate::{Config, Devices, Error, Pallet, types::*};
use polkadot_sdk::*;

use frame_support::pallet_prelude::Get;
use frame_system::{ensure_signed, pallet_prelude::OriginFor};
use sp_runtime::traits::UniqueSaturatedInto;

impl<T: Config> Pallet<T> {
    /// Whether this sender's next call is free.
    pub(crate) fn is_free(origin: &OriginFor<T>) -> bool {
        ensure_signed(origin.clone()).is_ok_and(|sender| Self::is_free_of_fees(&sender))
    }

    /// Whether a device may send one more call without a fee.
    pub fn is_free_of_fees(device: &Account) -> bool {
        Devices::<T>::get(device).is_some_and(|known| Self::used(device, &known) < Self::granted(&known))
    }

    /// Lets a call that the chain itself asked for, and got, not count against the device's rate: a machine that is given many tasks must
    /// still be able to anchor.
    pub fn excuse_call(device: &Account) {
        Devices::<T>::mutate_extant(device, |known| known.nonce = known.nonce.saturating_add(1));
    }

    fn used(account: &Account, device: &Device) -> u32 {
        Self::nonce(account).saturating_sub(device.nonce)
    }

    fn granted(device: &Device) -> u32 {
        let elapsed = Self::now().saturating_sub(device.since);
        let period = T::AnchorPeriod::get().max(1);
        BURST.saturating_add(elapsed.saturating_mul(CALLS_PER_PERIOD) / period)
    }

    fn nonce(account: &Account) -> u32 {
        frame_system::Pallet::<T>::account_nonce(account).unique_saturated_into()
    }

    /// What was saved up over a burst is forgotten: a machine that was idle for a year may not send for a year at once.
    pub(crate) fn level_rate(account: &Account) {
        Devices::<T>::mutate_extant(account, |device| {
            if Self::granted(device).saturating_sub(Self::used(account, device)) > BURST {
                *device = Self::fresh(account, device.role);
            }
        });
    }

    fn fresh(account: &Account, role: Role) -> Device {
        Device { role, nonce: Self::nonce(account), since: Self::now() }
    }

    /// Makes the account one that may send.
    pub(crate) fn admit(account: &Account, role: Role) {
        let device = Self::fresh(account, role);
        if Devices::<T>::mutate(account, |slot| slot.replace(device)).is_none() {
            frame_system::Pallet::<T>::inc_sufficients(account);
        }
    }

    /// Ends that.
    pub(crate) fn dismiss(account: &Account) {
        if Devices::<T>::take(account).is_some() {
            frame_system::Pallet::<T>::dec_sufficients(account);
        }
    }

    /// The machine whose device this is.
    pub(crate) fn machine_of(account: &Account) -> Result<MachineId, Error<T>> {
        match Devices::<T>::get(account).map(|device| device.role) {
            Some(Role::Enrolled(machine)) => Ok(machine),
            Some(Role::Requesting(_)) => Err(Error::AnotherDevice),
            None => Err(Error::NotADevice),
        }
    }
}
