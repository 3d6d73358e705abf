use crate as pallet_inspectors;
use crate::{Candidates, Error, Inspection, Registry};
use polkadot_sdk::*;

use frame_support::{assert_noop, assert_ok, derive_impl, parameter_types, traits::ConstU128};
use sp_runtime::BuildStorage;

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Draw: pallet_draw,
        Inspectors: pallet_inspectors,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<u128>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u128;
    type AccountStore = System;
    type ExistentialDeposit = ConstU128<1>;
    type RuntimeHoldReason = RuntimeHoldReason;
}

parameter_types! {
    pub static Epoch: u64 = 0;
}

pub struct Clock;
impl pallet_draw::Epochs for Clock {
    fn index() -> u64 {
        Epoch::get()
    }
    fn announced_randomness() -> pallet_draw::Seed {
        [1; 32]
    }
}

impl pallet_draw::Config for Test {
    type WeightInfo = pallet_draw::weights::Measured<()>;
    type Epochs = Clock;
}

impl pallet_inspectors::Config for Test {
    type WeightInfo = crate::weights::Measured<()>;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Draw = Draw;
    type Bond = ConstU128<100>;
    type Fine = ConstU128<30>;
    type Unbonding = frame_support::traits::ConstU64<10>;
    type Most = frame_support::traits::ConstU32<4>;
}

/// Accounts 1 to 5 own 1,000; 1 to 3 inspect.
fn run(test: impl FnOnce()) {
    let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    let balances = (1..=5).map(|account| (account, 1_000)).collect();
    pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
        .assimilate_storage(&mut storage)
        .unwrap();
    pallet_inspectors::GenesisConfig::<Test> { inspectors: vec![1, 2, 3] }
        .assimilate_storage(&mut storage)
        .unwrap();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        System::set_block_number(1);
        test();
    });
}

fn signed(account: u64) -> RuntimeOrigin {
    RuntimeOrigin::signed(account)
}

fn draw(frozen_in: u64, wanted: u32, except: &[u64]) -> Vec<u64> {
    <Inspectors as Inspection<u64>>::draw(&[7; 32], frozen_in, b"test", wanted, except)
}

fn bond(account: u64) -> u128 {
    Registry::<Test>::get(account).unwrap().bond
}

#[test]
fn a_bond_is_held_and_comes_back() {
    run(|| {
        assert_ok!(Inspectors::register(signed(4)));
        assert_noop!(Inspectors::register(signed(4)), Error::<Test>::AlreadyRegistered);
        assert_eq!(Balances::reserved_balance(4), 100);
        assert_noop!(Inspectors::withdraw(signed(4)), Error::<Test>::NotLeaving);
        assert_ok!(Inspectors::leave(signed(4)));
        assert_noop!(Inspectors::withdraw(signed(4)), Error::<Test>::NotYet);
        System::set_block_number(11);
        assert_ok!(Inspectors::withdraw(signed(4)));
        assert_eq!(Balances::free_balance(4), 1_000);
        assert_noop!(Inspectors::leave(signed(4)), Error::<Test>::NotRegistered);
    });
}

#[test]
fn there_is_an_upper_bound_and_money_is_needed() {
    run(|| {
        assert!(Inspectors::register(signed(9)).is_err(), "it owns nothing");
        assert_eq!(Inspectors::registered(), 3, "and is no candidate");
        assert_ok!(Inspectors::register(signed(4)));
        assert_noop!(Inspectors::register(signed(5)), Error::<Test>::TooMany);
    });
}

#[test]
fn who_registers_after_the_freeze_is_not_drawn() {
    run(|| {
        Epoch::set(6);
        assert_ok!(Inspectors::register(signed(4)));
        assert!(!draw(5, 4, &[]).contains(&4));
        assert!(draw(6, 4, &[]).contains(&4));
    });
}

#[test]
fn who_leaves_after_the_freeze_is_drawn_all_the_same() {
    run(|| {
        Epoch::set(6);
        assert_ok!(Inspectors::leave(signed(1)));
        assert_eq!(Inspectors::registered(), 2);
        assert!(draw(5, 3, &[]).contains(&1), "it stood when that epoch ended");
        assert!(!draw(6, 3, &[]).contains(&1));
        // Once nothing can be drawn with the seeds that it stood for, its place is another's.
        Epoch::set(11);
        assert_ok!(Inspectors::register(signed(4)));
        assert!(Candidates::<Test>::get().iter().all(|candidate| candidate.account != 1));
    });
}

#[test]
fn who_has_open_duties_stays_bonded() {
    run(|| {
        assert_eq!(draw(0, 1, &[2, 3]), [1]);
        assert_ok!(Inspectors::leave(signed(1)));
        System::set_block_number(100);
        assert_noop!(Inspectors::withdraw(signed(1)), Error::<Test>::NotYet);
        <Inspectors as Inspection<u64>>::done(&1);
        assert_ok!(Inspectors::withdraw(signed(1)));
    });
}

#[test]
fn no_shows_are_fined_until_the_bond_no_longer_suffices() {
    run(|| {
        draw(0, 3, &[]);
        <Inspectors as Inspection<u64>>::missed(&1);
        assert_eq!((bond(1), Inspectors::registered()), (70, 3));
        draw(0, 3, &[]);
        <Inspectors as Inspection<u64>>::missed(&1);
        assert_eq!((bond(1), Inspectors::registered()), (40, 2));
        assert!(!draw(0, 3, &[]).contains(&1));
        // Also where it stood when the candidates froze: with so little at stake it is skipped, and moves nobody else.
        Candidates::<Test>::mutate(|all| all.iter_mut().for_each(|one| one.left = one.left.map(|_| 1)));
        assert_eq!(draw(0, 3, &[]).len(), 2);
        assert_eq!(Balances::total_issuance(), 5_000 - 60, "fines are burnt");
    });
}

#[test]
fn a_proven_cheat_loses_the_whole_bond() {
    run(|| {
        draw(0, 3, &[]);
        <Inspectors as Inspection<u64>>::cheated(&2);
        assert_eq!(bond(2), 0);
        assert_eq!(Inspectors::registered(), 2);
        assert!(!draw(0, 3, &[]).contains(&2));
        System::set_block_number(100);
        assert_ok!(Inspectors::withdraw(signed(2)));
        assert_eq!(Balances::free_balance(2), 900);
    });
}

#[test]
fn a_needless_duty_is_neither_counted_nor_fined() {
    run(|| {
        draw(0, 3, &[]);
        <Inspectors as Inspection<u64>>::released(&3);
        let inspector = Registry::<Test>::get(3).unwrap();
        assert_eq!((inspector.open, inspector.done, inspector.missed, inspector.bond), (0, 0, 0, 100));
    });
}
