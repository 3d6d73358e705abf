//! What the multipliers can do when they wait for nothing: `vpdpbusd` on registers.

use std::{arch::x86_64::*, thread};

/// GOPS of all threads together; none where the processor lacks the instruction.
pub fn gops(threads: usize) -> Option<f64> {
    if !is_x86_feature_detected!("avx512vnni") {
        return None;
    }
    let rounds = 1_000_000u64;
    let work = || {
        thread::scope(|scope| {
            for _ in 1..threads {
                // SAFETY: the feature was just found.
                scope.spawn(move || unsafe { spin(rounds) });
            }
            // SAFETY: as above.
            unsafe { spin(rounds) };
        })
    };
    let seconds = crate::peers::best(1, threads, work);
    // 16 instructions a round, 64 products each.
    Some(threads as f64 * rounds as f64 * 16.0 * 128.0 / seconds / 1e9)
}

#[target_feature(enable = "avx512f,avx512vnni")]
fn spin(rounds: u64) {
    let mut sums = [_mm512_setzero_si512(); 16];
    let (a, w) = (_mm512_set1_epi8(3), std::hint::black_box(_mm512_set1_epi8(-5)));
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_dpbusd_epi32(*sum, a, w);
        }
    }
    std::hint::black_box(sums);
}
