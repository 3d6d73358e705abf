//! What calls and hooks cost at worst: lists full, proofs at their longest, every signature checked, and all that an outcome can lead to.
//!
//! Who is told of a machine's standing is measured where it is told, and comes on top: [`OnStanding::weight`](crate::OnStanding::weight).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot be set up must stop"
)]

mod rig;

use crate::{
    Accusations, Call, Config, Devices, Due, DutiesOf, HoldReason, Machines, MachinesOf, OnStanding, Pallet,
    Requests, Tokens, Waiting, types::*,
};
use attest::statement;
use credential::{EkPublic, Randomness, make_credential};
use polkadot_sdk::*;
use rig::Rig;

use frame_benchmarking::v2::*;
use frame_support::{
    BoundedVec,
    pallet_prelude::{Get, TransactionSource},
    traits::fungible::{Mutate, MutateHold},
};
use frame_system::{Pallet as System, RawOrigin};
use pallet_inspectors::benchmarking as inspectors;
use sp_core::H256;

pub(crate) const GENESIS: [u8; 32] = [9; 32];
pub(crate) const RECENT_HASH: [u8; 32] = [8; 32];
pub(crate) const NOW: u32 = 10_000;
const REQUEST: RequestId = [1; 32];
const SECRET: [u8; 32] = [13; 32];
const RICH: u128 = 1 << 100;

/// Blocks that are full when an item is to be scheduled. Everything that comes to one block's calls is due in another one block, and no
/// block takes as many anchors as [`DUE_PER_BLOCK`]: more than a few full ones in a row do not happen.
const SEARCHED: u32 = 8;

fn rich<T: Config>(name: &'static str) -> Account
where
    T::Currency: Mutate<Account>,
{
    let who: Account = account(name, 0, 0);
    T::Currency::mint_into(&who, RICH).unwrap();
    who
}

/// A block, those that evidence may name, and nobody but inspectors.
fn begin<T: Config + pallet_inspectors::Config>()
where
    <T as pallet_inspectors::Config>::Currency: Mutate<Account>,
{
    System::<T>::set_block_number(NOW.into());
    frame_system::BlockHash::<T>::insert(Pallet::<T>::height(0), H256(GENESIS));
    frame_system::BlockHash::<T>::insert(Pallet::<T>::height(NOW - 1), H256(RECENT_HASH));
    inspectors::register::<T>(<T as pallet_inspectors::Config>::Most::get());
}

/// Fills the blocks from `wanted` on.
fn fill<T: Config>(wanted: u32) {
    let items = BoundedVec::truncate_from([Item::Machine([77; 32]); DUE_PER_BLOCK as usize].to_vec());
    (wanted..wanted + SEARCHED).for_each(|block| Due::<T>::insert(block, &items));
}

/// A machine's record with everything in it that fits.
fn record(owner: &Account, device: &Account, ak_public: Bytes<128>, log: LogHead) -> Machine {
    let anchored = Anchored { at: 1, block: BlockRef { number: 1, hash: [1; 32] }, log, counter: 1 };
    Machine {
        owner: owner.clone(),
        device: device.clone(),
        ak_public,
        level: Level::Hardware,
        standing: Standing::Active,
        epoch: 0,
        enrolled_at: 1,
        head: Head { size: log.size, root: log.root, counter: 1, reset_count: 0, restart_count: 0 },
        anchors: 1,
        recent: BoundedVec::truncate_from([anchored; RECENT as usize].to_vec()),
        seen_at: 1,
        due: NOW,
        watched: NOW,
        lapses: 0,
        absent: 0,
        delegated_at: 1,
        pcr_digest: [0; 32],
        log_lost: false,
        floor: 0,
        deposit: 0,
    }
}

/// Enrols a machine that has no TPM, for benchmarks of work.
pub fn member<T: Config>(id: MachineId, owner: &Account, device: &Account) {
    let (ak_public, log) = (BoundedVec::truncate_from([1; 128].to_vec()), LogHead { size: 1, root: [1; 32] });
    Machines::<T>::insert(id, record(owner, device, ak_public, log));
    Pallet::<T>::admit(device, Role::Enrolled(id));
    T::OnStanding::changed(&id, owner, Standing::Active);
}

/// An owner's machine whose anchor is due.
fn enrol<T: Config>(rig: &Rig, owner: &Account)
where
    T::Currency: Mutate<Account>,
{
    let device: Account = account("old device", 0, 0);
    let mut machine = record(owner, &device, rig.ak_public(), rig.anchored());
    machine.deposit = T::Deposit::get();
    T::Currency::hold(&HoldReason::Machine.into(), owner, T::Deposit::get()).unwrap();
    Pallet::<T>::admit(&device, Role::Enrolled(rig.id()));
    MachinesOf::<T>::insert(owner, rig.id(), ());
    T::OnStanding::changed(&rig.id(), owner, Standing::Active);
    Machines::<T>::insert(rig.id(), machine);
}

/// Gives the machine the rig's own device, as it has after its last delegation.
fn delegated<T: Config>(rig: &Rig) {
    Machines::<T>::mutate_extant(rig.id(), |machine| machine.device = rig.device());
    Pallet::<T>::admit(&rig.device(), Role::Enrolled(rig.id()));
}

fn lapsed<T: Config>(rig: &Rig) {
    Machines::<T>::mutate_extant(rig.id(), |machine| {
        Pallet::<T>::lapse(&rig.id(), machine);
        machine.watched = 0;
    });
}

fn inspector<T: Config + pallet_inspectors::Config>(number: usize) -> Account {
    pallet_inspectors::Candidates::<T>::get()[number].0.clone()
}

/// How far one duty is.
#[derive(Clone, Copy)]
enum Done {
    Nothing,
    Challenged,
    Disputed,
    Answered,
    Refused,
}

fn challenge(rig: &Rig, inspector: &Account) -> Challenge {
    let ek = EkPublic::parse(&rig.ek_public()).unwrap();
    let made = make_credential(&ek, &attest::object_name(&rig.ak_public()), &SECRET, &randomness()).unwrap();
    Challenge {
        id_object: made.id_object.try_into().unwrap(),
        encrypted_secret: made.encrypted_secret.try_into().unwrap(),
        commitment: statement::answer_commitment(&answer(inspector)),
        level: Level::Hardware,
    }
}

fn randomness() -> Randomness {
    Randomness { seed: [11; 32], oaep_seed: [12; 32] }
}

fn answer(inspector: &Account) -> attest::Hash {
    statement::answer(&REQUEST, inspector.as_ref(), &SECRET)
}

/// The rig's request, whose three inspectors are so far.
fn request<T: Config + pallet_inspectors::Config>(rig: &Rig, done: [Done; 3]) -> Request
where
    <T as Config>::Currency: Mutate<Account>,
{
    let (owner, held) = (rich::<T>("requester"), Pallet::<T>::hold_per_machine());
    <T as Config>::Currency::hold(&HoldReason::Machine.into(), &owner, held).unwrap();
    let duties = done.iter().enumerate().map(|(number, done)| {
        let inspector = inspector::<T>(number);
        DutiesOf::<T>::insert(&inspector, REQUEST, ());
        let challenged = !matches!(done, Done::Nothing | Done::Refused);
        Duty {
            challenge: challenged.then(|| challenge(rig, &inspector)),
            answered: matches!(done, Done::Answered),
            disputed: matches!(done, Done::Disputed),
            closed: matches!(done, Done::Answered | Done::Refused),
            refused: matches!(done, Done::Refused),
            inspector,
        }
    });
    Pallet::<T>::admit(&rig.device(), Role::Requesting(REQUEST));
    let log = rig.log();
    Tokens::<T>::insert(rig.token(), Token { owner: owner.clone(), left: 1, expires: NOW + 1 });
    let request = Request {
        machine: rig.id(),
        owner,
        token: rig.token(),
        held,
        device: rig.device(),
        ek_public: rig.ek_public(),
        ek_certificate: rig::certificate(),
        ak_public: rig.ak_public(),
        head: Head { size: log.size, root: log.root, counter: 0, reset_count: 1, restart_count: 0 },
        pcr_digest: [0; 32],
        continues: Some(rig.anchored()),
        frozen_in: 0,
        tries: TRIES,
        deadline: NOW,
        duties: BoundedVec::truncate_from(duties.collect()),
    };
    Requests::<T>::insert(REQUEST, &request);
    request
}

fn accuse<T: Config>(rig: &Rig)
where
    T::Currency: Mutate<Account>,
{
    let reporter = rich::<T>("accuser");
    T::Currency::hold(&HoldReason::Report.into(), &reporter, T::ReportBond::get()).unwrap();
    let (old, new) = (rig.anchored(), rig.log());
    Accusations::<T>::insert(rig.id(), Accusation { reporter, old, new, deadline: NOW });
}

/// Requests whose seed is known and, behind them, as many without one as may wait.
fn wait<T: Config + pallet_inspectors::Config + pallet_draw::Config>(rig: &Rig, ready: u32)
where
    <T as Config>::Currency: Mutate<Account>,
{
    pallet_draw::Seeds::<T>::insert(0, [7; 32]);
    let template = request::<T>(rig, [Done::Nothing; 3]);
    let waiting = (0..WAITING).map(|number| {
        let id = sp_io::hashing::blake2_256(&number.to_le_bytes());
        if number <= DRAWS_PER_BLOCK {
            let frozen_in = if number < ready { 0 } else { 1 };
            let request = Request { frozen_in, duties: Default::default(), tries: 0, ..template.clone() };
            Requests::<T>::insert(id, request);
        }
        id
    });
    Waiting::<T>::put(BoundedVec::truncate_from(waiting.collect()));
}

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
        super::request::<T>(&rig, [Done::Nothing, Done::Challenged, Done::Challenged]);
        let (who, made) = (inspector::<T>(0), super::challenge(&rig, &inspector::<T>(0)));
        #[extrinsic_call]
        _(RawOrigin::Signed(who), REQUEST, made);
        assert!(Requests::<T>::get(REQUEST).unwrap().duties[0].challenge.is_some());
    }

    /// The second to refuse ends the request; the third has made its credential, and is paid.
    #[benchmark]
    fn refuse() {
        begin::<T>();
        super::request::<T>(&Rig::new(), [Done::Nothing, Done::Refused, Done::Challenged]);
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
        super::request::<T>(&rig, [Done::Challenged, Done::Answered, Done::Challenged]);
        fill::<T>(Pallet::<T>::next_due());
        let (device, who) = (rig.device(), inspector::<T>(0));
        let right = super::answer(&who);
        #[extrinsic_call]
        _(RawOrigin::Signed(device), REQUEST, who, right);
        assert_eq!(Machines::<T>::get(rig.id()).unwrap().epoch, 1);
    }

    #[benchmark]
    fn dispute() {
        begin::<T>();
        let rig = Rig::new();
        super::request::<T>(&rig, [Done::Challenged; 3]);
        #[extrinsic_call]
        _(RawOrigin::Signed(rig.device()), REQUEST, inspector::<T>(0));
        assert!(Requests::<T>::get(REQUEST).unwrap().duties[0].disputed);
    }

    /// Seventeen multiplications modulo 2048 bits; the request ends.
    #[benchmark]
    fn reveal() {
        begin::<T>();
        super::request::<T>(&Rig::new(), [Done::Disputed, Done::Refused, Done::Challenged]);
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
        super::request::<T>(&rig, [Done::Disputed, Done::Refused, Done::Challenged]);
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
        super::accuse::<T>(&rig);
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
        super::accuse::<T>(&rig);
        let (device, consistency) = (rig.device(), rig.consistency());
        #[extrinsic_call]
        _(RawOrigin::Signed(device), rig.id(), consistency);
        assert!(!Accusations::<T>::contains_key(rig.id()));
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
        super::request::<T>(&Rig::new(), [Done::Disputed; 3]);
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
        super::accuse::<T>(&rig);
        #[block]
        {
            Pallet::<T>::settle_accusation(rig.id());
        }
        assert_eq!(Machines::<T>::get(rig.id()).unwrap().standing, Standing::Lapsed);
    }
}
