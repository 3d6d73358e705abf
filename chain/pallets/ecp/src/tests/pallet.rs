use crate as pallet_ecp;
use crate::{Credit, DAY, Network, Owners, Scores, UT, score::Kind};
use frame_support::{derive_impl, parameter_types, traits::ConstU32};
use pallet_machines::{
    OnStanding,
    types::{Account, Standing},
};
use polkadot_sdk::*;
use sp_runtime::{BuildStorage, Perquintill, traits::IdentityLookup};

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test { System: frame_system, Ecp: pallet_ecp }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = Account;
    type Lookup = IdentityLookup<Account>;
}

parameter_types! {
    pub static Now: u64 = 1_790_000_000_000;
    pub static Told: Vec<Account> = Vec::new();
    pub static Lost: Vec<(Account, Perquintill)> = Vec::new();
}

pub struct Clock;
impl frame_support::traits::Time for Clock {
    type Moment = u64;
    fn now() -> u64 {
        Now::get()
    }
}

pub struct Listener;
impl crate::Watch for Listener {
    fn changes(owner: &Account) {
        Told::mutate(|told| told.push(owner.clone()));
    }
    fn forfeits(owner: &Account, part: Perquintill) {
        Lost::mutate(|lost| lost.push((owner.clone(), part)));
    }
    fn weight() -> frame_support::weights::Weight {
        Default::default()
    }
}

impl pallet_ecp::Config for Test {
    type WeightInfo = crate::weights::Measured<()>;
    type Time = Clock;
    type Watch = Listener;
    type TrainingPercent = ConstU32<200>;
    type TrainingDays = ConstU32<30>;
}

const ANNA: Account = Account::new([1; 32]);
const BERT: Account = Account::new([2; 32]);
const ONE: [u8; 32] = [11; 32];
const TWO: [u8; 32] = [12; 32];
const TASK: [u8; 32] = [7; 32];

fn run(test: impl FnOnce()) {
    let storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        System::set_block_number(1);
        test();
    });
}

fn wait(millis: u64) {
    Now::set(Now::get() + millis);
}

fn enrol(machine: [u8; 32], owner: &Account) {
    Ecp::changed(&machine, owner, Standing::Active);
    Ecp::begin(&machine, Kind::Drilling);
}

fn drill(machine: [u8; 32], ut: u128) -> u128 {
    Ecp::credit(&machine, Kind::Drilling, TASK, ut * UT)
}

fn close(one: u128, other: u128) -> bool {
    one.abs_diff(other) <= 2
}

#[test]
fn work_counts_for_machine_owner_and_network() {
    run(|| {
        enrol(ONE, &ANNA);
        enrol(TWO, &ANNA);
        wait(DAY);
        assert_eq!(drill(ONE, 200), 200 * UT);
        drill(TWO, 400);
        let (one, two) = (Ecp::machine_ecp(&ONE).unwrap(), Ecp::machine_ecp(&TWO).unwrap());
        assert_eq!(one.figures.drilling_total, 200 * UT);
        assert_eq!(one.figures.drilling_effective / (UT / 10), 188);
        let owner = Ecp::owner_ecp(&ANNA);
        assert_eq!((owner.machines, owner.figures.drilling_total), (2, 600 * UT));
        assert!(close(
            owner.figures.drilling_effective,
            one.figures.drilling_effective + two.figures.drilling_effective
        ));
        assert!(close(owner.figures.combined, owner.figures.drilling_effective * 4 / 10));
        assert_eq!(Ecp::network_ecp(), owner);
        assert_eq!(Ecp::weight_of(&ANNA), owner.figures.combined);
        assert_eq!(Ecp::weight_of(&BERT), 0);
    });
}

#[test]
fn nobody_credits_a_machine_that_never_enrolled() {
    run(|| {
        assert_eq!(drill(ONE, 200), 0);
        assert_eq!(Ecp::network_ecp().figures.drilling_total, 0);
    });
}

#[test]
fn a_lapsed_machine_stops_counting_and_comes_back_with_what_is_left() {
    run(|| {
        enrol(ONE, &ANNA);
        enrol(TWO, &ANNA);
        wait(DAY);
        drill(ONE, 200);
        drill(TWO, 200);
        Ecp::changed(&ONE, &ANNA, Standing::Lapsed);
        let two = Ecp::machine_ecp(&TWO).unwrap().figures;
        assert_eq!(Ecp::owner_ecp(&ANNA).machines, 1);
        assert!(close(Ecp::owner_ecp(&ANNA).figures.drilling_effective, two.drilling_effective));
        // What it finishes while away is kept, and counts once it is back.
        wait(DAY);
        drill(ONE, 100);
        let two = Ecp::machine_ecp(&TWO).unwrap().figures;
        assert!(close(Ecp::owner_ecp(&ANNA).figures.drilling_effective, two.drilling_effective));
        assert_eq!(Ecp::owner_ecp(&ANNA).figures.drilling_total, 500 * UT);
        Ecp::changed(&ONE, &ANNA, Standing::Active);
        let one = Ecp::machine_ecp(&ONE).unwrap().figures;
        assert!(close(
            Ecp::owner_ecp(&ANNA).figures.drilling_effective,
            one.drilling_effective + two.drilling_effective
        ));
        for gone in [Standing::Retired, Standing::Forked] {
            Ecp::changed(&ONE, &ANNA, gone);
            assert!(close(Ecp::network_ecp().figures.drilling_effective, two.drilling_effective));
        }
    });
}

#[test]
fn a_machine_that_changes_hands_takes_its_work_along() {
    run(|| {
        enrol(ONE, &ANNA);
        wait(DAY);
        drill(ONE, 200);
        let before = Ecp::owner_ecp(&ANNA);
        Ecp::changed(&ONE, &BERT, Standing::Active);
        assert_eq!(Ecp::owner_ecp(&ANNA).figures, Default::default());
        assert_eq!(Ecp::owner_ecp(&BERT), before);
        assert_eq!(Ecp::network_ecp(), before);
        System::assert_has_event(crate::Event::Moved { machine: ONE, from: ANNA, to: BERT }.into());
        assert!(Told::get().contains(&ANNA) && Told::get().contains(&BERT));
    });
}

#[test]
fn training_is_bounded_by_what_drilling_has_shown() {
    run(|| {
        let train = |ut: u128| Ecp::credit(&ONE, Kind::Training, TASK, ut * UT);
        enrol(ONE, &ANNA);
        wait(DAY);
        assert_eq!(train(1), 0, "nothing shown");
        drill(ONE, 100);
        assert_eq!(train(1), 0, "the room grows from the first drilling on");
        wait(DAY / 2);
        assert_eq!(train(1_000), 100 * UT, "half a day at twice the best day of drilling");
        assert_eq!(train(1), 0);
        wait(300 * DAY);
        assert_eq!(train(u128::from(u64::MAX)), 30 * 200 * UT, "a month of it at most");
        let figures = Ecp::machine_ecp(&ONE).unwrap().figures;
        assert_eq!(figures.training_total, 6_100 * UT);
        let owner = Ecp::owner_ecp(&ANNA).figures;
        assert!(close(owner.combined, (4 * owner.drilling_effective + 6 * owner.training_effective) / 10));
    });
}

#[test]
fn the_order_of_credits_within_a_block_does_not_matter() {
    let outcome = |order: &[([u8; 32], u128)]| {
        let mut seen = None;
        run(|| {
            Now::set(1_790_000_000_000);
            enrol(ONE, &ANNA);
            enrol(TWO, &BERT);
            wait(DAY / 3);
            order.iter().for_each(|(machine, ut)| {
                drill(*machine, *ut);
            });
            wait(DAY);
            let scores = [ONE, TWO].map(Scores::<Test>::get);
            seen = Some((scores, [ANNA, BERT].map(Owners::<Test>::get), Network::<Test>::get()));
        });
        seen.unwrap()
    };
    let forth = outcome(&[(ONE, 5), (TWO, 9), (ONE, 70), (TWO, 1)]);
    assert_eq!(forth, outcome(&[(TWO, 1), (ONE, 70), (TWO, 9), (ONE, 5)]));
    assert_eq!(forth, outcome(&[(ONE, 70), (ONE, 5), (TWO, 1), (TWO, 9)]));
}

#[test]
fn what_is_seeded_waits_for_the_clock() {
    let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    pallet_ecp::GenesisConfig::<Test> { seeds: vec![(ANNA, 1_000), (BERT, 10)], ..Default::default() }
        .assimilate_storage(&mut storage)
        .unwrap();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        assert_eq!(Ecp::weight_of(&ANNA), 400 * UT);
        enrol(ONE, &ANNA);
        wait(DAY);
        drill(ONE, 200);
        assert!(Ecp::weight_of(&ANNA) > 350 * UT);
        assert_eq!(Ecp::weight_of(&BERT), 4 * UT);
    });
}

#[test]
fn a_liar_keeps_nothing_and_its_owner_what_others_did() {
    run(|| {
        enrol(ONE, &ANNA);
        enrol(TWO, &ANNA);
        wait(DAY);
        drill(ONE, 300);
        drill(TWO, 100);
        let honest = Ecp::machine_ecp(&TWO).unwrap().figures;
        Ecp::revoke(&ONE, Kind::Drilling, TASK);
        let one = Ecp::machine_ecp(&ONE).unwrap().figures;
        assert_eq!((one.drilling_total, one.drilling_effective, one.combined), (0, 0, 0));
        let owner = Ecp::owner_ecp(&ANNA).figures;
        assert_eq!((owner.drilling_total, owner.combined), (honest.drilling_total, honest.combined));
        assert_eq!(Ecp::network_ecp(), Ecp::owner_ecp(&ANNA));
        let [(who, part)] = &Lost::take()[..] else { panic!("told once") };
        let off = part.deconstruct().abs_diff(Perquintill::from_percent(75).deconstruct());
        assert!(*who == ANNA && off < Perquintill::from_percent(1).deconstruct() / 1_000, "{part:?}");
        // And once more, which changes nothing.
        Ecp::revoke(&ONE, Kind::Drilling, TASK);
        assert_eq!(Lost::take(), [(ANNA, Perquintill::zero())]);
        // What it does from then on counts.
        wait(DAY);
        drill(ONE, 200);
        assert_eq!(Ecp::machine_ecp(&ONE).unwrap().figures.drilling_total, 200 * UT);
    });
}

#[test]
fn a_liar_that_is_away_costs_its_owner_as_much() {
    run(|| {
        enrol(ONE, &ANNA);
        enrol(TWO, &ANNA);
        wait(DAY);
        drill(ONE, 300);
        drill(TWO, 100);
        let honest = Ecp::machine_ecp(&TWO).unwrap().figures.combined;
        Ecp::changed(&ONE, &ANNA, Standing::Lapsed);
        Ecp::revoke(&ONE, Kind::Drilling, TASK);
        let part = Lost::take()[0].1;
        assert!(part > Perquintill::from_percent(74) && part < Perquintill::from_percent(76), "{part:?}");
        assert_eq!(Ecp::weight_of(&ANNA), honest);
    });
}
