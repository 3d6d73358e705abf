//! The pallet with the real ecp pallet, and blocks and clocks that the tests turn.

use crate as pallet_rewards;
use crate::{Error, Event, Release, Schedule};
use frame_support::{
    assert_noop, assert_ok, derive_impl, parameter_types,
    traits::{ConstU32, ConstU128, fungible::Balanced},
};
use pallet_authorities::OnSlash;
use pallet_authorship::EventHandler;
use pallet_ecp::{Account, Credit, DAY, HALF_LIFE, UT, score::Kind};
use pallet_machines::{OnStanding, types::Standing};
use polkadot_sdk::*;
use sp_runtime::{BuildStorage, Percent, traits::IdentityLookup};

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Authorship: pallet_authorship,
        Ecp: pallet_ecp,
        Rewards: pallet_rewards,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = Account;
    type Lookup = IdentityLookup<Account>;
    type AccountData = pallet_balances::AccountData<u128>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u128;
    type AccountStore = System;
    type ExistentialDeposit = ConstU128<1>;
}

impl pallet_authorship::Config for Test {
    type FindAuthor = ();
    type EventHandler = Rewards;
}

parameter_types! {
    pub static Now: u64 = 1_790_000_000_000;
    pub const Plan: Schedule = Schedule { first: 1_000_000_000_000, halving: 1_000_000, halvings: 4 };
    pub const AuthorPart: Percent = Percent::from_percent(30);
    pub const PowerPart: Percent = Percent::from_percent(60);
    pub const ReporterPart: Percent = Percent::from_percent(10);
    pub const Treasury: Account = Account::new([99; 32]);
}

pub struct Clock;
impl frame_support::traits::Time for Clock {
    type Moment = u64;
    fn now() -> u64 {
        Now::get()
    }
}

pub struct Effective;
impl crate::Power for Effective {
    fn of(owner: &Account) -> u128 {
        Ecp::weight_of(owner)
    }
    fn all() -> u128 {
        Ecp::network_weight()
    }
}

impl pallet_ecp::Config for Test {
    type WeightInfo = pallet_ecp::weights::Measured<()>;
    type Time = Clock;
    type Watch = Rewards;
    type TrainingPercent = ConstU32<200>;
    type TrainingDays = ConstU32<30>;
}

const RELEASE: u32 = 1_000;
impl pallet_rewards::Config for Test {
    type WeightInfo = crate::weights::Measured<()>;
    type Currency = Balances;
    type Time = Clock;
    type Power = Effective;
    type Schedule = Plan;
    type AuthorPart = AuthorPart;
    type PowerPart = PowerPart;
    type Release = ConstU32<RELEASE>;
    type Treasury = Treasury;
    type ReporterPart = ReporterPart;
}

const ANNA: Account = Account::new([1; 32]);
const BERT: Account = Account::new([2; 32]);
const CARL: Account = Account::new([3; 32]);
const AUTHOR: Account = Account::new([50; 32]);
const ISSUE: u128 = 1_000_000_000_000;

fn run(test: impl FnOnce()) {
    let storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        System::set_block_number(1);
        Now::set(1_790_000_000_000);
        test();
    });
}

/// Blocks, this long after each other.
fn blocks(count: u32, millis: u64) {
    for _ in 0..count {
        System::set_block_number(System::block_number() + 1);
        Now::set(Now::get() + millis);
        <Rewards as EventHandler<Account, _>>::note_author(AUTHOR);
    }
}

fn enrol(machine: u8, owner: &Account) {
    Ecp::changed(&[machine; 32], owner, Standing::Active);
    Ecp::begin(&[machine; 32], Kind::Drilling);
}

fn drill(machine: u8, ut: u128) {
    Ecp::credit(&[machine; 32], Kind::Drilling, [0; 32], ut * UT);
}

fn earned(owner: &Account) -> u128 {
    let earnings = Rewards::earnings(owner);
    earnings.free + earnings.locked
}

fn near(seen: u128, fair: u128) -> bool {
    (seen as f64 - fair as f64).abs() <= 1e-6 * fair as f64
}

#[test]
fn a_block_is_shared_between_author_power_and_treasury() {
    run(|| {
        enrol(1, &ANNA);
        Now::set(Now::get() + DAY);
        drill(1, 100);
        blocks(10, 6_000);
        assert_eq!(earned(&AUTHOR), 3 * ISSUE);
        assert!(near(earned(&ANNA), 6 * ISSUE), "{}", earned(&ANNA));
        assert_eq!(Balances::free_balance(Treasury::get()), ISSUE);
    });
}

#[test]
fn while_nobody_computes_nobody_is_paid_for_it_later() {
    run(|| {
        enrol(1, &ANNA);
        blocks(10, 6_000);
        drill(1, 100);
        assert_eq!(earned(&ANNA), 0);
        blocks(10, 6_000);
        assert!(near(earned(&ANNA), 6 * ISSUE));
    });
}

#[test]
fn power_is_paid_by_its_part_and_not_per_head() {
    run(|| {
        // One machine of Anna's does as much as ten of Bert's together, and Carl's does half of that.
        enrol(1, &ANNA);
        (10..20).for_each(|machine| enrol(machine, &BERT));
        enrol(2, &CARL);
        Now::set(Now::get() + DAY);
        drill(1, 1_000);
        (10..20).for_each(|machine| drill(machine, 100));
        drill(2, 500);
        blocks(100, 6_000);
        let whole = 60 * ISSUE;
        assert!(near(earned(&ANNA), whole * 2 / 5) && near(earned(&BERT), whole * 2 / 5));
        assert!(near(earned(&CARL), whole / 5));
    });
}

#[test]
fn all_is_paid_out_once_whatever_happens_between() {
    run(|| {
        let mut state = 7u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let owners = [ANNA, BERT, CARL];
        (0..9u8).for_each(|machine| enrol(machine, &owners[usize::from(machine) % 3]));
        blocks(1, DAY);
        (0..9).for_each(|machine| drill(machine, 10));
        let before: u128 = owners.iter().map(earned).sum();
        let mut count = 0;
        for _ in 0..600 {
            // Now and then a whole week passes, and eras with it.
            let pause = if random(40) == 0 { HALF_LIFE } else { random(DAY) };
            blocks(1, pause + 1);
            // While every machine is away, nobody's part is made.
            count += u128::from(Ecp::network_weight() > 0);
            let machine = random(9) as u8;
            match random(6) {
                0 => Ecp::changed(&[machine; 32], &owners[usize::from(machine) % 3], Standing::Lapsed),
                1 => Ecp::changed(&[machine; 32], &owners[random(3) as usize], Standing::Active),
                _ => drill(machine, u128::from(random(5_000)) + 1),
            }
        }
        let paid: u128 = owners.iter().map(earned).sum::<u128>() - before;
        assert!(near(paid, count * ISSUE * 6 / 10), "{paid} of {}", count * ISSUE * 6 / 10);
    });
}

#[test]
fn earnings_come_free_evenly_and_are_paid_on_demand() {
    run(|| {
        blocks(1, 6_000);
        assert_noop!(Rewards::claim(RuntimeOrigin::signed(AUTHOR)), Error::<Test>::NothingFree);
        let part = ISSUE * 3 / 10;
        System::set_block_number(System::block_number() + u64::from(RELEASE) / 4);
        assert_eq!(Rewards::earnings(&AUTHOR).free, part / 4);
        assert_ok!(Rewards::claim(RuntimeOrigin::signed(AUTHOR)));
        assert_eq!(Balances::free_balance(&AUTHOR), part / 4);
        System::set_block_number(System::block_number() + u64::from(RELEASE));
        assert_ok!(Rewards::claim(RuntimeOrigin::signed(AUTHOR)));
        assert_eq!(Balances::free_balance(&AUTHOR), part);
        assert_eq!(Rewards::earnings(&AUTHOR).claimed, part);
    });
}

#[test]
fn many_earnings_are_released_over_the_same_time_each() {
    let mut release = Release::default();
    for block in 0..10_000 {
        release.earn(block, 1_000, 100);
    }
    // In the long run as much is locked as comes in during half the time: each earning is half free on average.
    assert!((45_000..=101_000).contains(&release.locked), "{}", release.locked);
    assert_eq!(release.free + release.locked, 10_000_000);
    release.advance(10_100);
    assert_eq!(release.locked, 0);
}

#[test]
fn an_offence_costs_what_is_not_free_and_the_reporter_gets_a_part_only() {
    run(|| {
        blocks(1, 6_000);
        System::set_block_number(System::block_number() + u64::from(RELEASE) / 2);
        let part = ISSUE * 3 / 10;
        let issue = Balances::issue(1_000);
        <Rewards as OnSlash<_, _>>::slashed(&AUTHOR, issue, Some(&ANNA));
        System::assert_has_event(Event::Forfeited { owner: AUTHOR, amount: part / 2 }.into());
        assert_eq!(Rewards::earnings(&AUTHOR).locked, 0);
        assert_eq!(Rewards::earnings(&AUTHOR).free, part / 2, "what was free stays its owner's");
        assert_eq!(Balances::free_balance(&ANNA), 100);
        let treasury = Balances::free_balance(Treasury::get());
        assert_eq!(treasury, ISSUE / 10 + 900);
        // Who reports itself, or where nobody did: all of it to the treasury.
        for reporter in [Some(&AUTHOR), None] {
            <Rewards as OnSlash<_, _>>::slashed(&AUTHOR, Balances::issue(1_000), reporter);
        }
        assert_eq!(Balances::free_balance(Treasury::get()), treasury + 2_000);
    });
}

#[test]
fn the_schedule_ends() {
    run(|| {
        System::set_block_number(4_000_000);
        blocks(5, 6_000);
        assert_eq!((earned(&AUTHOR), Balances::total_issuance()), (0, 0));
        assert_eq!(Plan::get().issue(3_999_999), ISSUE / 8);
        assert_eq!(Schedule { halving: 0, ..Plan::get() }.issue(1), 0);
    });
}

#[test]
fn a_machine_that_lied_costs_its_owner_its_part_of_what_is_not_free_yet() {
    run(|| {
        for (machine, owner) in [(1, &ANNA), (2, &ANNA), (3, &BERT)] {
            enrol(machine, owner);
        }
        Now::set(Now::get() + DAY);
        for (machine, ut) in [(1, 300), (2, 100), (3, 400)] {
            drill(machine, ut);
        }
        blocks(100, 6_000);
        let (before, other) = (Rewards::earnings(&ANNA), Rewards::earnings(&BERT));
        Ecp::revoke(&[1; 32], Kind::Drilling, [0; 32]);
        let after = Rewards::earnings(&ANNA);
        assert_eq!(after.free, before.free);
        assert!(near(earned(&BERT), other.locked), "nobody else loses");
        assert!(near(after.locked, before.locked / 4), "{} of {}", after.locked, before.locked);
        // And from now on the owner earns by what is left: a fifth of what the other does and it together.
        blocks(100, 6_000);
        let (anna, bert) =
            (earned(&ANNA) - after.free - after.locked, earned(&BERT) - other.free - other.locked);
        assert!(near(4 * anna, bert), "{anna} {bert}");
    });
}
