//! Freivalds' check modulo 2^61−1: whether C = A·Wᵀ, in the time it takes to read the three.
//!
//! With a random vector r, C·r is compared with A·(Wᵀ·r). If C is wrong anywhere, they agree for at most one r in 2^61−1. r must be drawn after
//! C is committed: who knows it beforehand can make a wrong C that passes. Requantisation is not linear, so each layer is checked by
//! itself, its inputs made from the committed accumulators of the layer before it.
//!
//! ```
//! use drilling::freivalds::{Product, random_vector};
//!
//! let (inputs, weights) = ([1, 2, 3, 4], [5, 6, 7, 8]);
//! let product = Product { inputs: &inputs, weights: &weights, width: 2 };
//! let r = random_vector(&[9; 32], 0, 2); // the seed: drawn after the commitment
//! assert!(product.check(&[17, 23, 39, 53], &r)?);
//! assert!(!product.check(&[17, 23, 39, 54], &r)?);
//! # Ok::<(), drilling::WorkError>(())
//! ```

#[cfg(target_arch = "x86_64")]
mod avx512;

use crate::{
    hash::{Hash, blake3},
    work::WorkError,
};

/// The prime 2^61−1.
pub const P: u64 = (1 << 61) - 1;

/// Uniform numbers below [`P`] from a seed: BLAKE3's output, 61 bits at a time, 2^61−1 itself left out.
pub fn random_vector(seed: &Hash, layer: u8, length: usize) -> Vec<u64> {
    let key = blake3(&[b"matrixai:drill:freivalds:v1", seed, &[layer]]);
    let mut stream = ::blake3::Hasher::new_keyed(&key).finalize_xof();
    let mut vector = Vec::with_capacity(length);
    while vector.len() < length {
        let mut bytes = [0; 8];
        stream.fill(&mut bytes);
        let number = u64::from_le_bytes(bytes) & P;
        if number < P {
            vector.push(number);
        }
    }
    vector
}

/// What should have been multiplied: rows of inputs and of weights, `width` elements each.
#[derive(Debug, Clone, Copy)]
pub struct Product<'a> {
    /// Row after row.
    pub inputs: &'a [i8],
    /// Row after row, one for each column of the product.
    pub weights: &'a [i8],
    /// Elements in a row of either.
    pub width: usize,
}

impl Product<'_> {
    /// Whether `sums` is the product, wrong with probability 2^-61. `r` has one number below [`P`] for each column.
    pub fn check(&self, sums: &[i32], r: &[u64]) -> Result<bool, WorkError> {
        let (rows, columns) = (self.inputs.len() / self.width.max(1), r.len());
        let sizes = self.inputs.len() == rows * self.width
            && self.weights.len() == columns * self.width
            && sums.len() == rows * columns
            && columns > 0
            && r.iter().all(|number| *number < P);
        if !sizes {
            return Err(WorkError::Size);
        }
        Ok(self.holds(sums, r))
    }

    fn holds(&self, sums: &[i32], r: &[u64]) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            if avx512::available() {
                // SAFETY: the features were just found.
                #[allow(unsafe_code)]
                return unsafe { avx512::holds(self, sums, r) };
            }
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was just found.
                #[allow(unsafe_code)]
                return unsafe { holds_avx2(self, sums, r) };
            }
        }
        holds(self, sums, r)
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn holds_avx2(product: &Product<'_>, sums: &[i32], r: &[u64]) -> bool {
    holds(product, sums, r)
}

/// Row by row, the first difference ends it.
#[inline(always)]
fn holds(product: &Product<'_>, sums: &[i32], r: &[u64]) -> bool {
    let y = Limbs::new(&combine(product.weights, product.width, r));
    let r = Limbs::new(r);
    let mut rows = product.inputs.chunks_exact(product.width).zip(sums.chunks_exact(r.low.len()));
    rows.all(|(inputs, sums)| y.dot_bytes(inputs) == r.dot(sums))
}

/// A number's balanced digits to base 2^16, each −2^15 to 2^15: small enough that products with bytes add up in 32 bits.
fn digits(number: u64) -> [i16; 4] {
    let mut rest = i128::from(number);
    // The last digit is at most 2^13 + 1, since the number has 61 bits.
    std::array::from_fn(|_| {
        let digit = rest as i16;
        rest = (rest - i128::from(digit)) >> 16;
        digit
    })
}

/// Wᵀ·r: each row of weights times its number, added up.
#[inline(always)]
fn combine(weights: &[i8], width: usize, r: &[u64]) -> Vec<u64> {
    let mut totals = vec![0u64; width];
    let mut sums = [vec![0i32; width], vec![0i32; width], vec![0i32; width], vec![0i32; width]];
    // 128 rows: 128·2^7·2^15 fits.
    for (rows, r) in weights.chunks(128 * width).zip(r.chunks(128)) {
        sums.iter_mut().for_each(|sums| sums.fill(0));
        // Two rows at a time: a pair of products is one instruction.
        for (pair, r) in rows.chunks(2 * width).zip(r.chunks(2)) {
            let (first, second) = pair.split_at(width);
            let digits = [digits(r[0]), r.get(1).map(|number| digits(*number)).unwrap_or_default()];
            for (place, sums) in sums.iter_mut().enumerate() {
                let (a, b) = (i32::from(digits[0][place]), i32::from(digits[1][place]));
                if second.is_empty() {
                    for (sum, w) in sums.iter_mut().zip(first) {
                        *sum += i32::from(*w) * a;
                    }
                } else {
                    for ((sum, w), v) in sums.iter_mut().zip(first).zip(second) {
                        *sum += i32::from(*w) * a + i32::from(*v) * b;
                    }
                }
            }
        }
        for (at, total) in totals.iter_mut().enumerate() {
            let sum = (0..4).map(|place| i128::from(sums[place][at]) << (16 * place)).sum::<i128>();
            *total = reduce(sum + i128::from(*total));
        }
    }
    totals
}

/// A vector of numbers below P, cut up so that products add up in 64 bits without a reduction.
struct Limbs {
    /// Three limbs, 21, 21 and 19 bits.
    low: Vec<i32>,
    middle: Vec<i32>,
    high: Vec<i32>,
    /// Balanced digits to base 2^16.
    digits: [Vec<i16>; 4],
}

impl Limbs {
    fn new(numbers: &[u64]) -> Self {
        let limb =
            |shift: u32| numbers.iter().map(move |number| (number >> shift & 0x1f_ffff) as i32).collect();
        let digit = |place: usize| numbers.iter().map(|number| digits(*number)[place]).collect();
        let digits = std::array::from_fn(digit);
        Self { low: limb(0), middle: limb(21), high: limb(42), digits }
    }

    /// The product with a row of accumulators: 2^31·2^21 for each, and fewer than 2^11 of them between reductions.
    #[inline(always)]
    fn dot(&self, row: &[i32]) -> u64 {
        let mut total = 0i128;
        let limbs = self.low.chunks(1024).zip(self.middle.chunks(1024)).zip(self.high.chunks(1024));
        for (((low, middle), high), row) in limbs.zip(row.chunks(1024)) {
            let mut sums = [0i64; 3];
            for (((low, middle), high), value) in low.iter().zip(middle).zip(high).zip(row) {
                let value = i64::from(*value);
                sums[0] += value * i64::from(*low);
                sums[1] += value * i64::from(*middle);
                sums[2] += value * i64::from(*high);
            }
            total += i128::from(sums[0]) + (i128::from(sums[1]) << 21) + (i128::from(sums[2]) << 42);
        }
        reduce(total)
    }

    /// The product with a row of bytes: 2^7·2^15 for each, and fewer than 2^8 of them between widenings.
    #[inline(always)]
    fn dot_bytes(&self, row: &[i8]) -> u64 {
        let mut total = 0i128;
        for (place, digits) in self.digits.iter().enumerate() {
            let mut sum = 0i64;
            for (digits, row) in digits.chunks(128).zip(row.chunks(128)) {
                let products =
                    digits.iter().zip(row).map(|(digit, value)| i32::from(*digit) * i32::from(*value));
                sum += i64::from(products.sum::<i32>());
            }
            total += i128::from(sum) << (16 * place);
        }
        reduce(total)
    }
}

/// A number modulo P.
fn reduce(number: i128) -> u64 {
    // 2^61 is 1 modulo P. From 127 bits to 67, to a little more than 61, to 0 to P.
    let fold = |number: i128| (number & i128::from(P)) + (number >> 61);
    let number = fold(fold(fold(number))) as u64;
    if number == P { 0 } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use proptest::prelude::*;

    #[test]
    fn digits_add_up() {
        for number in [0, 1, 0x7fff, 0x8000, 0xffff, 1 << 60, P - 1, 0x0fff_8000_8000_8000] {
            let digits = digits(number).map(i128::from);
            let sum: i128 = digits.iter().enumerate().map(|(place, digit)| digit << (16 * place)).sum();
            assert_eq!(sum, i128::from(number));
        }
    }

    #[test]
    fn numbers_of_every_size_are_reduced() {
        let p = i128::from(P);
        for near in [0, p, 2 * p, 1 << 61, 1 << 66, 1 << 122, p * p, i128::MAX, i128::MIN] {
            for number in (-40..=40).map(|by| near.saturating_add(by)) {
                for number in [number, number.saturating_neg()] {
                    assert_eq!(i128::from(reduce(number)), number.rem_euclid(p), "{number}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn right_products_pass_and_wrong_ones_do_not(
            rows in 1usize..20, columns in 1usize..300, width in 1usize..300, seed in any::<[u8; 32]>(), at in any::<usize>(), error in any::<i32>(),
        ) {
            let bytes = |length, layer| -> Vec<i8> {
                random_vector(&seed, layer, length).iter().map(|number| *number as i8).collect()
            };
            let (inputs, weights) = (bytes(rows * width, 1), bytes(columns * width, 2));
            let mut sums = reference::product(&inputs, &weights, width);
            let r = random_vector(&seed, 0, columns);
            let product = Product { inputs: &inputs, weights: &weights, width };
            prop_assert_eq!(product.check(&sums, &r), Ok(true));
            prop_assert!(holds(&product, &sums, &r));
            prop_assume!(error != 0);
            let at = at % sums.len();
            sums[at] = sums[at].wrapping_add(error);
            prop_assert_eq!(product.check(&sums, &r), Ok(false));
            prop_assert!(!holds(&product, &sums, &r));
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        let width = 40_000;
        for value in [-128i8, 127] {
            let (inputs, weights) = (vec![value; width], vec![-128; 2 * width]);
            let sums = reference::product(&inputs, &weights, width);
            let product = Product { inputs: &inputs, weights: &weights, width };
            for r in [[P - 1, P - 1], [0x0fff_8000_8000_8000, 0x7fff_7fff_7fff]] {
                assert_eq!(product.check(&sums, &r), Ok(true));
            }
        }
        // As many columns as a layer has, all sums at their limit: right by arithmetic modulo P.
        let weights = vec![0; 32_768];
        let product = Product { inputs: &[1], weights: &weights, width: 1 };
        assert_eq!(product.check(&vec![i32::MIN; 32_768], &vec![P - 1; 32_768]), Ok(false));
    }

    #[test]
    fn other_sizes_are_refused() {
        let product = Product { inputs: &[1, 2], weights: &[1, 2], width: 2 };
        assert_eq!(product.check(&[5, 5], &[1]), Err(WorkError::Size));
        assert_eq!(product.check(&[5], &[P]), Err(WorkError::Size));
        assert_eq!(Product { width: 0, ..product }.check(&[5], &[1]), Err(WorkError::Size));
    }
}
