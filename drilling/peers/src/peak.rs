//! What the multipliers can do when they wait for nothing: the back end's own instruction on registers.

use drilling::cpu::Backend;
use std::{
    arch::{asm, x86_64::*},
    hint::black_box,
    thread,
};

/// Some tens of milliseconds: next to that, starting threads is nothing.
const ROUNDS: u64 = 10_000_000;

/// The instruction that the fastest back end of this processor multiplies with, and GOPS of all threads together; none where that is neither
/// `vpdpbusd` nor `vpmaddwd`.
pub fn gops(threads: usize) -> Option<(&'static str, f64)> {
    if is_x86_feature_detected!("avx512vnni") {
        // SAFETY: the feature was just found.
        let rate = rate(threads, 16 * 64, || unsafe { vpdpbusd() });
        return Some(("vpdpbusd", rate));
    }
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the feature was just found.
        let rate = rate(threads, 12 * 16, || unsafe { vpmaddwd() });
        return Some(("vpmaddwd", rate));
    }
    None
}

/// GOPS of `tdpbssd` on tiles that are there already, of all threads together; none where our back end could not use it.
pub fn amx(threads: usize) -> Option<f64> {
    let there = Backend::available().contains(&Backend::Amx);
    // SAFETY: the back end has found the instruction and asked for the tiles.
    there.then(|| rate(threads, 4 * 16 * 16 * 64 / 16, || unsafe { tdpbssd() }))
}

/// GOPS of a loop of [`ROUNDS`] that makes so many products in each.
fn rate(threads: usize, products: u64, spin: impl Fn() + Sync) -> f64 {
    let work = || {
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(&spin);
            }
            spin();
        })
    };
    let seconds = crate::peers::best(1, threads, work);
    threads as f64 * ROUNDS as f64 * (2 * products) as f64 / seconds / 1e9
}

#[target_feature(enable = "avx512f,avx512vnni")]
fn vpdpbusd() {
    let mut sums = [_mm512_setzero_si512(); 16];
    let (a, w) = (_mm512_set1_epi8(3), black_box(_mm512_set1_epi8(-5)));
    for _ in 0..ROUNDS {
        for sum in &mut sums {
            *sum = _mm512_dpbusd_epi32(*sum, a, w);
        }
    }
    black_box(sums);
}

/// With the addition that it needs: `vpdpbusd` adds by itself. As many sums as the back end's tile has, each its own input, so that none of the
/// products is made once for all.
#[target_feature(enable = "avx2")]
fn vpmaddwd() {
    let w = black_box(_mm256_set1_epi16(-5));
    // One by one: nobody may see that they are alike, and stay so.
    let mut sums = [3; 12].map(|seed| black_box(_mm256_set1_epi16(seed)));
    for _ in 0..ROUNDS {
        for sum in &mut sums {
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(*sum, w));
        }
    }
    black_box(sums);
}

/// Four sums of two tiles by two, a sixteenth of the rounds: a round has sixteen times as many products as one of the others.
///
/// # Safety
/// The process may use tiles.
unsafe fn tdpbssd() {
    let mut shape = [0u8; 64];
    shape[0] = 1;
    shape[16..32].copy_from_slice(&[64, 0].repeat(8));
    shape[48..56].fill(16);
    // SAFETY: the caller's word; the shape is eight tiles of 16 rows of 64 bytes.
    unsafe {
        asm!("ldtilecfg [{}]", in(reg) &shape, options(nostack, readonly));
        asm!(
            "2:",
            "tdpbssd tmm0, tmm4, tmm6",
            "tdpbssd tmm1, tmm4, tmm7",
            "tdpbssd tmm2, tmm5, tmm6",
            "tdpbssd tmm3, tmm5, tmm7",
            "dec {rounds}",
            "jnz 2b",
            "tilerelease",
            rounds = inout(reg) ROUNDS / 16 => _,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            options(nomem, nostack),
        );
    }
}
