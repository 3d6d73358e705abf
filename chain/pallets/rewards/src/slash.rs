//! Where slashed money goes: to the treasury, and a small part to who reported the offence. Never all of it to the reporter, or owners
//! would be worth accusing, and could save their stake by accusing themselves.

use crate::{Config, Event, Ledgers, Pallet, Taken};
use pallet_authorities::OnSlash;
use pallet_ecp::Account;
use polkadot_sdk::*;

use frame_support::{
    pallet_prelude::Get,
    traits::{Imbalance, fungible::Balanced},
};
use sp_runtime::Perquintill;

impl<T: Config> OnSlash<Account, Taken<T>> for Pallet<T> {
    fn slashed(offender: &Account, taken: Taken<T>, reporter: Option<&Account>) {
        // Who accuses itself gets nothing back.
        let reporter = reporter.filter(|reporter| *reporter != offender);
        let part = reporter.map_or(0, |_| T::ReporterPart::get() * taken.peek());
        let (part, rest) = taken.split(part);
        let (mut paid, whole) = (part.peek(), rest.peek());
        if let Some(reporter) = reporter {
            // Whose account cannot take it leaves it burnt.
            if T::Currency::resolve(reporter, part).is_err() {
                paid = 0;
            }
        }
        let treasury = T::Currency::resolve(&T::Treasury::get(), rest).map_or(0, |()| whole);
        Self::deposit_event(Event::Redirected { offender: offender.clone(), treasury, reporter: paid });
        Self::settle(offender);
        Self::forfeit(offender, Perquintill::one());
    }
}

impl<T: Config> Pallet<T> {
    /// An offence costs what has not come free, or such a part of it. What the owner has earned is to be settled before.
    pub(crate) fn forfeit(owner: &Account, part: Perquintill) {
        let amount = Ledgers::<T>::mutate(owner, |ledger| ledger.release.forfeit(Self::height(), part));
        if amount > 0 {
            Self::deposit_event(Event::Forfeited { owner: owner.clone(), amount });
        }
    }
}
