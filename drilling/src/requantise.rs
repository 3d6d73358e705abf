//! From a layer's accumulators to the next layer's inputs: one rule, in integers.

use crate::spec::Layer;

/// `clamp((max(accumulator, 0)·multiplier + 2^(shift−1)) >> shift, −128, 127)`, in i64, the shift arithmetic.
///
/// ReLU comes first, so the result is 0 to 127. A multiplier and shift that passed
/// [`Spec::check`](crate::Spec::check) cannot overflow: |accumulator·multiplier| < 2^62 and the rounding term is at most 2^61.
#[inline(always)]
pub fn requantise(accumulator: i32, layer: &Layer) -> i8 {
    let shift = u32::from(layer.shift).clamp(1, 62);
    let scaled = i64::from(accumulator.max(0)).wrapping_mul(i64::from(layer.multiplier));
    let rounded = scaled.wrapping_add(1 << (shift - 1)) >> shift;
    rounded.clamp(-128, 127) as i8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rounds_half_up_and_clamps() {
        let half = Layer { outputs: 1, multiplier: 1, shift: 1 };
        assert_eq!(
            [-5, 0, 1, 2, 3, 253, 254, i32::MAX].map(|sum| requantise(sum, &half)),
            [0, 0, 1, 1, 2, 127, 127, 127]
        );
        let largest = Layer { outputs: 1, multiplier: i32::MAX as u32, shift: 62 };
        assert_eq!(requantise(i32::MAX, &largest), 1);
        assert_eq!(requantise(i32::MIN, &largest), 0);
    }
}
