use super::boinc::Boinc;
use crate::{Average, DAY, HALF_LIFE, Sum, UT, decayed};
use proptest::prelude::*;

const START: u64 = 1_790_000_000_000;

/// Moments since the last, and the credits of each.
fn histories() -> impl Strategy<Value = Vec<(u64, Vec<u64>)>> {
    let pause = prop_oneof![0u64..2_000, 1_000u64..DAY, DAY..30 * DAY, Just(HALF_LIFE), Just(0)];
    prop::collection::vec((pause, prop::collection::vec(1u64..1 << 50, 1..4)), 1..200)
}

#[test]
fn a_day_at_one_gflops() {
    for parts in [1u64, 2, 24, 1_440, 86_400] {
        let mut average = Average::default();
        average.begin(START);
        for part in 1..=parts {
            // What does not divide is not lost: the parts add up to the day.
            let until = |part: u64| 200 * UT * u128::from(part) / u128::from(parts);
            average.earn(START + part * DAY / parts, until(part) - until(part - 1));
        }
        let value = average.value(START + DAY) as f64 / UT as f64;
        // 200 ut a day times 1 − 2^(−1/7).
        assert!((value - 18.856).abs() < 0.001, "{parts}: {value}");
        assert_eq!(format!("{value:.1}"), "18.9");
    }
}

#[test]
fn a_week_of_silence_halves_exactly() {
    for work in [1u128, 7, 200 * UT, 123_456_789_012_345, 1 << 70] {
        let mut average = Average::default();
        average.begin(START);
        average.earn(START + DAY, work);
        let full = average.raw(START + DAY);
        for weeks in 1..70u32 {
            let later = average.raw(START + DAY + u64::from(weeks) * HALF_LIFE);
            assert_eq!(later, full.checked_shr(weeks).unwrap(), "{work} after {weeks}");
        }
    }
}

#[test]
fn ten_thousand_h100s_for_a_century_do_not_overflow() {
    // 2,000 TOPS of int8, four of which count as one FLOP: 500,000 GFLOPS, of 200 ut a day each.
    let daily = 500_000 * 200 * UT;
    let (mut machine, mut owner, mut total) = (Average::default(), Sum::default(), 0u128);
    machine.begin(START);
    let mut last = 0;
    for day in 1..=36_525u64 {
        let now = START + day * DAY;
        let gained = machine.earn(now, daily);
        (0..10_000u32).for_each(|_| total += daily);
        owner.add(now, gained * 10_000);
        let value = owner.value(now);
        assert!(value >= last, "steady work never lowers the average");
        last = value;
    }
    assert_eq!(total, daily * 10_000 * 36_525);
    // Full after a century, and the sum of equal machines is what one of them has, ten thousand times.
    let full = (daily * 10_000) as f64;
    assert!((last as f64 - full).abs() / full < 1e-9, "{last}");
    assert!(machine.value(START + 36_525 * DAY) <= daily);
}

#[test]
fn nothing_overflows_whatever_comes() {
    let mut average = Average::seeded(u128::MAX);
    assert!(average.value(u64::MAX) > 0, "a seed waits for the clock");
    for now in [0, 1, u64::MAX / 2, u64::MAX] {
        average.earn(now, u128::MAX);
        assert!(average.raw(now) > 0);
    }
    assert_eq!(decayed(u128::MAX, u64::MAX), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn as_boinc_has_it(history in histories()) {
        let (mut ours, mut boinc, mut now) = (Average::default(), Boinc::begin(START), START);
        ours.begin(START);
        for (pause, works) in merged(history) {
            now += pause;
            works.iter().for_each(|work| { ours.earn(now, u128::from(*work)); });
            boinc.update(now, works.iter().map(|work| *work as f64).sum());
            let value = ours.raw(now) as f64 / 2f64.powi(32);
            prop_assert!((value - boinc.average).abs() <= 1e-6 * boinc.average, "{} {}", value, boinc.average);
        }
    }

    #[test]
    fn credits_of_one_moment_have_no_order(pause in 0..30 * DAY, mut works in prop::collection::vec(0u64..1 << 50, 2..8)) {
        let run = |works: &[u64]| {
            let mut average = Average::default();
            average.begin(START);
            average.earn(START + 5, 77);
            works.iter().map(|work| average.earn(START + 5 + pause, u128::from(*work))).sum::<u128>() + average.raw(START + 5 + pause)
        };
        let forth = run(&works);
        works.reverse();
        prop_assert_eq!(forth, run(&works));
    }

    #[test]
    fn more_work_is_never_less(pauses in prop::collection::vec((0..9 * DAY, 0u64..1 << 50, 0u64..1 << 20), 1..50)) {
        let (mut less, mut more, mut now) = (Average::default(), Average::default(), START);
        less.begin(now);
        more.begin(now);
        for (pause, work, extra) in pauses {
            now += pause;
            prop_assert!(more.raw(now) >= less.raw(now));
            less.earn(now, u128::from(work));
            more.earn(now, u128::from(work) + u128::from(extra));
            prop_assert!(more.raw(now) >= less.raw(now));
        }
    }

    #[test]
    fn silence_only_lowers(work in 0u64..u64::MAX, first in 0..u64::MAX / 4, second in 0..u64::MAX / 4) {
        let mut average = Average::default();
        average.begin(START);
        average.earn(START + DAY, u128::from(work));
        let (sooner, later) = (first.min(second), first.max(second));
        prop_assert!(average.raw(START + DAY + sooner) >= average.raw(START + DAY + later));
    }
}

/// Pauses of nothing belong to the moment before.
fn merged(history: Vec<(u64, Vec<u64>)>) -> Vec<(u64, Vec<u64>)> {
    let mut merged: Vec<(u64, Vec<u64>)> = Vec::new();
    for (pause, works) in history {
        match merged.last_mut() {
            Some((_, last)) if pause == 0 => last.extend(works),
            _ => merged.push((pause, works)),
        }
    }
    merged
}
