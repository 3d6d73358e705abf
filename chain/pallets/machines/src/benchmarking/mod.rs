//! What calls and hooks cost at worst: lists full, proofs at their longest, every signature checked, and all that an outcome can lead to.
//!
//! Who is told of a machine's standing is measured where it is told, and comes on top: [`OnStanding::weight`](crate::OnStanding::weight).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot be set up must stop"
)]

mod rig;
mod scene;

use crate::{
    Accusations, Asked, AskedNow, Call, Config, Devices, Due, Machines, Pallet, Requests, Tokens, Waiting,
    types::*,
};
use credential::Randomness;
use polkadot_sdk::*;
use rig::Rig;
pub use scene::member;
use scene::{
    Done, NOW, REQUEST, SECRET, begin, delegated, enrol, fill, inspector, lapsed, randomness, rich, wait,
};

use frame_benchmarking::v2::*;
use frame_support::{
    BoundedVec,
    pallet_prelude::{Get, TransactionSource},
    traits::fungible::Mutate,
};
use frame_system::RawOrigin;

#[benchmarks(where
    T: pallet_inspectors::Config + pallet_draw::Config,
    <T as Config>::Currency: Mutate<Account>,
    <T as pallet_inspectors::Config>::Currency: Mutate<Account>,
)]
mod measured {
    use super::*;

    #[benchmark]
    fn create_token() {
        begin::<T>();
        let owner = rich::<T>("owner");
        #[extrinsic_call]
        _(RawOrigin::Signed(owner), [1; 32], 1_000, NOW + 1);
        assert!(Tokens::<T>::contains_key([1; 32]));
    }

    #[benchmark]
    fn revoke_token() {
        begin::<T>();
        let owner = rich::<T>("owner");
        Pallet::<T>::do_create_token(owner.clone(), [1; 32], 1_000, NOW + 1).unwrap();
        #[extrinsic_call]
        _(RawOrigin::Signed(owner), [1; 32]);
        assert!(!Tokens::<T>::contains_key([1; 32]));
    }

    #[benchmark]
    fn authorize_request() {
        begin::<T>();
        let rig = Rig::new();
        enrol::<T>(&rig, &rich::<T>("owner"));
        Tokens::<T>::insert(rig.token(), Token { owner: rich::<T>("owner"), left: 1, expires: NOW + 1 });
        let (enrolment, source) = (rig.enrolment(), TransactionSource::External);
        let valid;
        #[block]
        {
            valid = Pallet::<T>::authorize_request(source, &enrolment);
        }
        assert!(valid.is_ok());
    }

    #[benchmark]
    fn request() {
        begin::<T>();
        let rig = Rig::new();
        enrol::<T>(&rig, &rich::<T>("owner"));
        Tokens::<T>::insert(rig.token(), Token { owner: rich::<T>("owner"), left: 1, expires: NOW + 1 });
        Waiting::<T>::put(BoundedVec::truncate_from([[2; 32]; WAITING as usize - 1].to_vec()));
        let enrolment = rig.enrolment();
        #[extrinsic_call]
        _(RawOrigin::Authorized, enrolment);
        assert_eq!(Requests::<T>::iter_keys().count(), 1);
    }

    #[benchmark]
    fn challenge() {
        begin::<T>();
        let rig = Rig::new();
        scene::request::<T>(&rig, [Done::Nothing, Done::Challenged, Done::Challenged]);
        let (who, made) = (inspector::<T>(0), scene::challenge(&rig, &inspector::<T>(0)));
        #[extrinsic_call]
        _(RawOrigin::Signed(who), REQUEST, made);
        assert!(Requests::<T>::get(REQUEST).unwrap().duties[0].challenge.is_some());
    }

    /// The second to refuse ends the request; the third has made its credential, and is paid.
    #[benchmark]
    fn refuse() {
        begin::<T>();
        scene::request::<T>(&Rig::new(), [Done::Nothing, Done::Refused, Done::Challenged]);
        let who = inspector::<T>(0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), REQUEST);
        assert!(!Requests::<T>::contains_key(REQUEST));
    }

    /// The quorum's last answer enrols a machine that was somebody else's.
    #[benchmark]
    fn answer() {
        begin::<T>();
        let rig = Rig::new();
        enrol::<T>(&rig, &rich::<T>("owner"));
        scene::request::<T>(&rig, [Done::Challenged, Done::Answered, Done::Challenged]);
        fill::<T>(Pallet::<T>::next_due());
        let (device, who) = (rig.device(), inspector::<T>(0));
        let right = scene::answer(&who);
        #[extrinsic_call]
        _(RawOrigin::Signed(device), REQUEST, who, right);
        assert_eq!(Machines::<T>::get(rig.id()).unwrap().epoch, 1);
    }

    #[benchmark]
    fn dispute() {
        begin::<T>();
        let rig = Rig::new();
        scene::request::<T>(&rig, [Done::Challenged; 3]);
        #[extrinsic_call]
        _(RawOrigin::Signed(rig.device()), REQUEST, inspector::<T>(0));
        assert!(Requests::<T>::get(REQUEST).unwrap().duties[0].disputed);
    }

    /// Seventeen multiplications modulo 2048 bits; the request ends.
    #[benchmark]
    fn reveal() {
        begin::<T>();
        scene::request::<T>(&Rig::new(), [Done::Disputed, Done::Refused, Done::Challenged]);
        let (who, Randomness { seed, oaep_seed }) = (inspector::<T>(0), randomness());
        #[extrinsic_call]
        _(RawOrigin::Signed(who), REQUEST, SECRET, seed, oaep_seed);
        assert!(!Requests::<T>::contains_key(REQUEST));
    }

    /// The same with two multiplications on P-256.
    #[benchmark]
    fn reveal_ecc() {
        begin::<T>();
        let rig = Rig::with_ek(rig::ecc_ek());
        scene::request::<T>(&rig, [Done::Disputed, Done::Refused, Done::Challenged]);
        let (who, Randomness { seed, oaep_seed }) = (inspector::<T>(0), randomness());
        #[extrinsic_call]
        reveal(RawOrigin::Signed(who), REQUEST, SECRET, seed, oaep_seed);
        assert!(!Requests::<T>::contains_key(REQUEST));
    }

    /// A machine that is away comes back.
    #[benchmark]
    fn anchor() {
        begin::<T>();
        let rig = Rig::new();
        enrol::<T>(&rig, &rich::<T>("owner"));
        delegated::<T>(&rig);
        lapsed::<T>(&rig);
        fill::<T>(Pallet::<T>::next_due());
        let made = rig.anchor();
        #[extrinsic_call]
        _(RawOrigin::Signed(rig.device()), made);
        let machine = Machines::<T>::get(rig.id()).unwrap();
        assert!(machine.standing == Standing::Active && machine.watched > 0);
    }

    #[benchmark]
    fn authorize_delegation() {
        begin::<T>();
        let rig = Rig::new();
        enrol::<T>(&rig, &rich::<T>("owner"));
        let (delegation, source) = (rig.delegation(), TransactionSource::External);
        let valid;
        #[block]
        {
            valid = Pallet::<T>::authorize_delegation(source, &delegation);
        }
        assert!(valid.is_ok());
    }

    #[benchmark]
    fn delegate() {
        begin::<T>();
        let rig = Rig::new();
        enrol::<T>(&rig, &rich::<T>("owner"));
        let delegation = rig.delegation();
        #[extrinsic_call]
        _(RawOrigin::Authorized, delegation);
        assert!(Devices::<T>::contains_key(rig.device()));
    }

    /// A plain contradiction, while the machine is accused already.
    #[benchmark]
    fn report_fork() {
        begin::<T>();
        let rig = Rig::new();
        enrol::<T>(&rig, &rich::<T>("owner"));
        scene::accuse::<T>(&rig);
        let (reporter, one, other) = (rich::<T>("reporter"), rig.testimony(false, 2), rig.testimony(true, 3));
        #[extrinsic_call]
        _(RawOrigin::Signed(reporter), rig.id(), one, other);
        assert_eq!(Machines::<T>::get(rig.id()).unwrap().standing, Standing::Forked);
    }

    /// The machine is asked to show that its log only grew.
    #[benchmark]
    fn accuse() {
        begin::<T>();
        let rig = Rig::new();
        enrol::<T>(&rig, &rich::<T>("owner"));
        fill::<T>(NOW + T::DutyBlocks::get());
        let (reporter, one, other) =
            (rich::<T>("reporter"), rig.earlier_testimony(), rig.testimony(false, 3));
        #[extrinsic_call]
        report_fork(RawOrigin::Signed(reporter), rig.id(), one, other);
        assert!(Accusations::<T>::contains_key(rig.id()));
    }

    #[benchmark]
    fn refute() {
        begin::<T>();
        let rig = Rig::new();
        enrol::<T>(&rig, &rich::<T>("owner"));
        scene::accuse::<T>(&rig);
        let (device, consistency) = (rig.device(), rig.consistency());
        #[extrinsic_call]
        _(RawOrigin::Signed(device), rig.id(), consistency);
        assert!(!Accusations::<T>::contains_key(rig.id()));
    }

    #[benchmark]
    fn ask() {
        begin::<T>();
        let rig = Rig::new();
        enrol::<T>(&rig, &rich::<T>("owner"));
        Asked::<T>::insert(rig.id(), NOW - ASK_PAUSE);
        AskedNow::<T>::put((NOW, ASKS_PER_BLOCK - 1));
        let (who, machine) = (inspector::<T>(0), rig.id());
        #[extrinsic_call]
        _(RawOrigin::Signed(who), machine);
        assert_eq!(Asked::<T>::get(machine), Some(NOW));
    }

    #[benchmark]
    fn retire() {
        begin::<T>();
        let rig = Rig::new();
        let owner = rich::<T>("owner");
        enrol::<T>(&rig, &owner);
        #[extrinsic_call]
        _(RawOrigin::Signed(owner), rig.id());
        assert_eq!(Machines::<T>::get(rig.id()).unwrap().standing, Standing::Retired);
    }

    /// Inspectors for the first requests that wait.
    #[benchmark]
    fn draw_waiting(d: Linear<0, DRAWS_PER_BLOCK>) {
        begin::<T>();
        wait::<T>(&Rig::new(), d);
        fill::<T>(NOW + T::DutyBlocks::get());
        #[block]
        {
            Pallet::<T>::draw_waiting();
        }
        assert_eq!(Waiting::<T>::decode_len(), Some((WAITING - d) as usize));
    }

    /// A block's items, each of which came to nothing.
    #[benchmark]
    fn settle_due(i: Linear<0, DUE_PER_BLOCK>) {
        begin::<T>();
        let items = (0..i).map(|number| Item::Machine(sp_io::hashing::blake2_256(&number.to_le_bytes())));
        Due::<T>::insert(NOW, BoundedVec::truncate_from(items.collect()));
        #[block]
        {
            Pallet::<T>::settle_due();
        }
        assert!(!Due::<T>::contains_key(NOW));
    }

    /// A machine that missed its anchor.
    #[benchmark]
    fn settle_lapse() {
        begin::<T>();
        let rig = Rig::new();
        enrol::<T>(&rig, &rich::<T>("owner"));
        #[block]
        {
            Pallet::<T>::settle_machine(rig.id());
        }
        assert_eq!(Machines::<T>::get(rig.id()).unwrap().standing, Standing::Lapsed);
    }

    /// A machine that didn't: it is looked at again when its next is due.
    #[benchmark]
    fn settle_machine() {
        begin::<T>();
        let rig = Rig::new();
        enrol::<T>(&rig, &rich::<T>("owner"));
        Machines::<T>::mutate_extant(rig.id(), |machine| machine.due = NOW + 100);
        fill::<T>(NOW + 100);
        #[block]
        {
            Pallet::<T>::settle_machine(rig.id());
        }
        assert!(Machines::<T>::get(rig.id()).unwrap().watched > NOW);
    }

    /// All three inspectors have cheated, and nobody is drawn any more.
    #[benchmark]
    fn settle_request() {
        begin::<T>();
        scene::request::<T>(&Rig::new(), [Done::Disputed; 3]);
        #[block]
        {
            Pallet::<T>::settle_request(REQUEST);
        }
        assert!(!Requests::<T>::contains_key(REQUEST));
    }

    /// The accused machine was silent.
    #[benchmark]
    fn settle_accusation() {
        begin::<T>();
        let rig = Rig::new();
        enrol::<T>(&rig, &rich::<T>("owner"));
        scene::accuse::<T>(&rig);
        #[block]
        {
            Pallet::<T>::settle_accusation(rig.id());
        }
        assert_eq!(Machines::<T>::get(rig.id()).unwrap().standing, Standing::Lapsed);
    }
}
