use crate as pallet_draw;
use crate::{Draw, Epochs, Seed, pick};
use polkadot_sdk::*;

use frame_support::{derive_impl, parameter_types, traits::Hooks};
use sp_runtime::BuildStorage;

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test { System: frame_system, DrawPallet: pallet_draw }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
}

parameter_types! {
    pub static Index: u64 = 0;
}

/// Announces in each epoch a seed that names the epoch whose outputs it mixes.
pub struct Clock;
impl Epochs for Clock {
    fn index() -> u64 {
        Index::get()
    }
    fn announced_randomness() -> Seed {
        [u8::try_from(Index::get().saturating_sub(1)).unwrap(); 32]
    }
}

impl pallet_draw::Config for Test {
    type WeightInfo = crate::weights::Measured<()>;
    type Epochs = Clock;
}

fn run(test: impl FnOnce()) {
    let storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    sp_io::TestExternalities::new(storage).execute_with(test);
}

fn enter(epoch: u64) {
    Index::set(epoch);
    DrawPallet::on_initialize(1);
}

#[test]
fn what_froze_in_an_epoch_is_drawn_with_the_outputs_of_the_next() {
    run(|| {
        for epoch in 0..6 {
            enter(epoch);
            // Nothing that is frozen now or was in the epoch before can be drawn yet.
            assert_eq!(DrawPallet::seed(epoch), None);
            assert_eq!(epoch.checked_sub(1).and_then(DrawPallet::seed), None);
        }
        assert_eq!(DrawPallet::seed(1), Some([2; 32]));
        assert_eq!(DrawPallet::seed(3), Some([4; 32]));
    });
}

#[test]
fn an_epoch_before_skipped_ones_waits_for_outputs_younger_than_itself() {
    run(|| {
        enter(0);
        enter(1);
        // Epochs 2 to 4 had no block: the outputs at hand are those of epoch 1 itself.
        enter(5);
        assert!(DrawPallet::seed(0).is_some());
        assert_eq!(DrawPallet::seed(1), None);
        enter(6);
        for frozen in 1..5 {
            assert_eq!(DrawPallet::seed(frozen), Some([5; 32]), "{frozen}");
        }
        assert_eq!(DrawPallet::seed(5), None);
    });
}

#[test]
fn old_seeds_go() {
    run(|| {
        for epoch in 0..200 {
            enter(epoch);
        }
        assert_eq!(DrawPallet::seed(100), None);
        assert!(DrawPallet::seed(197).is_some());
        assert!(crate::Seeds::<Test>::iter().count() <= 64);
    });
}

#[test]
fn picks_are_distinct_and_in_range() {
    for wanted in 0..12 {
        let drawn = pick(&[1; 32], b"x", 7, wanted);
        assert_eq!(drawn.len(), 7.min(wanted as usize));
        assert!(drawn.iter().all(|index| *index < 7));
        let mut sorted = drawn.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), drawn.len());
    }
    assert_ne!(pick(&[1; 32], b"x", 1000, 5), pick(&[1; 32], b"y", 1000, 5));
}

#[test]
fn every_candidate_is_as_likely() {
    let mut seen = [0u32; 5];
    for round in 0..2_000u32 {
        for index in pick(&[9; 32], &round.to_le_bytes(), 5, 3) {
            seen[index as usize] += 1;
        }
    }
    // 6,000 draws over 5: 1,200 each, standard deviation about 22.
    assert!(seen.iter().all(|count| (1_080..1_320).contains(count)), "{seen:?}");
}
