//! The check with `vpdpbusd`: numbers modulo P as eight balanced bytes, so that every product is one of bytes.
//!
//! All three products become sums of u8×s8. Inputs and weights get 128 added to become unsigned; accumulators are taken as their four
//! bytes, 2^31 added, with r·256^j for byte j. What the additions change is subtracted at the end.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::{Product, reduce};

/// Bytes whose products add up in 32 bits: 255·128·2^15 < 2^31.
const SPAN: usize = 1 << 15;

/// How many bytes of a row ahead the first cache is filled.
const AHEAD: usize = 1024;

/// Whether the processor can.
pub(super) fn available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni")
}

/// As `holds` of the parent, which it equals.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn holds(product: &Product<'_>, sums: &[i32], r: &[u64]) -> bool {
    let y = combine(product.weights, product.width, r);
    let spread = r.iter().flat_map(|number| (0..4).map(|byte| reduce(i128::from(*number) << (8 * byte))));
    let (left, right) = (Numbers::new(y.iter().copied(), 0x8080_8080), Numbers::new(spread, 0x8000_0000));
    // Together, since the second sum is of r·256^j: 2^31 is 128·256^3.
    let total = |numbers: &[u64]| numbers.iter().map(|number| i128::from(*number)).sum::<i128>();
    let (left_excess, right_excess) = (reduce(total(&y) * 128), reduce(reduce(total(r)) as i128 * (1 << 31)));
    let sums: &[u8] = bytemuck::cast_slice(sums);
    let inputs: &[u8] = bytemuck::cast_slice(product.inputs);
    let mut pairs = inputs.chunks(2 * product.width).zip(sums.chunks(8 * r.len()));
    pairs.all(|(inputs, sums)| {
        let (left, right) = (left.dot(inputs, product.width), right.dot(sums, 4 * r.len()));
        let same = |(left, right): (&i128, &i128)| {
            reduce(left - i128::from(left_excess)) == reduce(right - i128::from(right_excess))
        };
        left.iter().zip(&right).all(same)
    })
}

/// Eight balanced digits to base 2^8, −128 to 127 each.
fn digits(number: u64) -> [i8; 8] {
    let mut rest = number as i64;
    std::array::from_fn(|_| {
        let digit = rest as i8;
        rest = (rest - i64::from(digit)) >> 8;
        digit
    })
}

/// A vector of numbers as eight vectors of digits.
struct Numbers {
    digits: [Vec<i8>; 8],
    flip: u32,
}

impl Numbers {
    /// `flip` makes the other side's words unsigned.
    fn new(numbers: impl Iterator<Item = u64>, flip: u32) -> Self {
        let mut places: [Vec<i8>; 8] = Default::default();
        for number in numbers {
            for (place, digit) in places.iter_mut().zip(digits(number)) {
                place.push(digit);
            }
        }
        Self { digits: places, flip }
    }

    /// The products with a pair of rows, so that the digits are loaded half as often. A missing second row is the first again.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn dot(&self, rows: &[u8], length: usize) -> [i128; 2] {
        let (first, second) = rows.split_at(length);
        let rows = [first, if second.is_empty() { first } else { second }];
        let flip = _mm512_set1_epi32(self.flip as i32);
        let mut totals = [[0i64; 8]; 2];
        for from in (0..length).step_by(SPAN) {
            let mut sums = [[_mm512_setzero_si512(); 8]; 2];
            let end = length.min(from + SPAN);
            for at in (from..end).step_by(64) {
                let mask = if end - at >= 64 { u64::MAX } else { (1 << (end - at)) - 1 };
                // SAFETY: the mask ends where the rows do, and the digits are as many. Where they have ended the digits are zero, whatever
                // the flip made of nothing.
                unsafe {
                    let bytes = rows.map(|row| {
                        _mm_prefetch::<_MM_HINT_T0>(row.as_ptr().wrapping_add(at + AHEAD).cast());
                        let bytes = _mm512_maskz_loadu_epi8(mask, row.as_ptr().add(at).cast());
                        _mm512_xor_si512(bytes, flip)
                    });
                    for (place, digits) in self.digits.iter().enumerate() {
                        let digits = _mm512_maskz_loadu_epi8(mask, digits.as_ptr().add(at));
                        sums[0][place] = _mm512_dpbusd_epi32(sums[0][place], bytes[0], digits);
                        sums[1][place] = _mm512_dpbusd_epi32(sums[1][place], bytes[1], digits);
                    }
                }
            }
            for (totals, sums) in totals.iter_mut().zip(sums) {
                for (total, sum) in totals.iter_mut().zip(sums) {
                    *total += i64::from(_mm512_reduce_add_epi32(sum));
                }
            }
        }
        totals.map(|places| {
            places.iter().enumerate().map(|(place, total)| i128::from(*total) << (8 * place)).sum()
        })
    }
}

/// Wᵀ·r: four rows of weights at a time, their bytes interleaved, 64 columns at a time.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn combine(weights: &[i8], width: usize, r: &[u64]) -> Vec<u64> {
    let excess = reduce(r.iter().map(|number| i128::from(*number)).sum::<i128>() * 128);
    // Digits of four rows' numbers in one word, for each place.
    let words: Vec<[i32; 8]> = r
        .chunks(4)
        .map(|four| {
            let mut words = [[0i8; 4]; 8];
            for (row, number) in four.iter().enumerate() {
                for (word, digit) in words.iter_mut().zip(digits(*number)) {
                    word[row] = digit;
                }
            }
            words.map(|word| i32::from_le_bytes(word.map(|digit| digit as u8)))
        })
        .collect();
    let mut y = vec![0; width];
    for (number, y) in y.chunks_mut(64).enumerate() {
        let mut columns = [[0i64; 8]; 64];
        // 2^13 words are 2^15 rows: their sums fit.
        for (words, rows) in words.chunks(SPAN / 4).zip(weights.chunks(SPAN * width)) {
            for half in 0..2 {
                strip(rows, width, 64 * number, words, half, &mut columns);
            }
        }
        for (y, places) in y.iter_mut().zip(&columns) {
            let total: i128 =
                places.iter().enumerate().map(|(place, sum)| i128::from(*sum) << (8 * place)).sum();
            *y = reduce(total - i128::from(excess));
        }
    }
    y
}

/// Adds up to 64 columns from `from` on, four of the eight places.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn strip(
    weights: &[i8],
    width: usize,
    from: usize,
    words: &[[i32; 8]],
    half: usize,
    columns: &mut [[i64; 8]; 64],
) {
    let length = (width - from).min(64);
    let mask = if length == 64 { u64::MAX } else { (1 << length) - 1 };
    let flip = _mm512_set1_epi8(-128);
    let mut sums = [[_mm512_setzero_si512(); 4]; 4];
    for (rows, words) in weights.chunks(4 * width).zip(words) {
        let mut four = [flip; 4];
        for (vector, row) in four.iter_mut().zip(rows.chunks_exact(width)) {
            // SAFETY: the mask ends where the row does.
            *vector = unsafe { _mm512_maskz_loadu_epi8(mask, row.as_ptr().add(from)) };
            *vector = _mm512_xor_si512(*vector, flip);
        }
        let (low, high) = (_mm512_unpacklo_epi8(four[0], four[1]), _mm512_unpackhi_epi8(four[0], four[1]));
        let (low2, high2) = (_mm512_unpacklo_epi8(four[2], four[3]), _mm512_unpackhi_epi8(four[2], four[3]));
        let bytes = [
            _mm512_unpacklo_epi16(low, low2),
            _mm512_unpackhi_epi16(low, low2),
            _mm512_unpacklo_epi16(high, high2),
            _mm512_unpackhi_epi16(high, high2),
        ];
        for (place, sums) in sums.iter_mut().enumerate() {
            let word = _mm512_set1_epi32(words[4 * half + place]);
            for (sum, bytes) in sums.iter_mut().zip(bytes) {
                *sum = _mm512_dpbusd_epi32(*sum, bytes, word);
            }
        }
    }
    for (place, sums) in sums.iter().enumerate() {
        for (part, sum) in sums.iter().enumerate() {
            let mut lanes = [0i32; 16];
            // SAFETY: it is 16 words long.
            unsafe { _mm512_storeu_epi32(lanes.as_mut_ptr(), *sum) };
            for (lane, value) in lanes.iter().enumerate() {
                // Unpacking works within quarters of 16 columns, each part giving four of them.
                let column = 16 * (lane / 4) + 4 * part + lane % 4;
                columns[column][4 * half + place] += i64::from(*value);
            }
        }
    }
}
