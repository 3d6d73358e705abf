//! How far the inputs of each layer spread, told from the shape alone: what a publisher's multipliers do to a generated network.
//!
//! A sum of `K` products of inputs `a` and generated weights is close to normal, by the central limit theorem over the weights, which are
//! even on −128 to 127: their mean is −1/2, their variance (2^16 − 1)/12. So a sum has the mean `−K·E[a]/2` and the variance
//! `K·E[a²]·(2^16 − 1)/12`. What is handed on is the sum times `multiplier/2^shift`, at least 0, rounded half up, at most 127; hence
//! `P(a' ≥ v) = Q((v − 1/2 − mean)/deviation)` for `v` from 1 to 127, `E[a'] = Σ P(a' ≥ v)` and `E[a'²] = Σ (2v − 1)·P(a' ≥ v)`, with
//! which the next layer begins. `Q` is the normal law's upper tail.
//!
//! The mean is what a rule without it misses: inputs are not negative after a ReLU, weights lean to the negative, so sums do, too, and
//! the wider a layer is the more of them come out as 0.
//!
//! All in integers, since the chain checks it: values in 2^−16, probabilities in 2^−32.

use crate::spec::{Kernel, Layer, Spec};

/// Bits behind the point of values.
pub const FRACTION: u32 = 16;
/// Bits behind the point of probabilities and of distances in standard deviations.
const CHANCE: u32 = 32;
/// Four times the variance of an even s8: 4 · (2^16 − 1)/12.
const WEIGHTS_TIMES_4: u128 = 21_845;
/// The standard deviation that fills the range of the next layer's inputs: at twice as much 127 is reached.
const WANTED: u128 = 64;
/// The shift for which [`Spread::multiplier`] is meant. With it the multiplier of every layer is within its range.
pub const SHIFT: u8 = 32;
/// More standard deviations than any probability reaches, in 2^−32.
const FAR: i128 = 1 << 40;

/// The first two moments of a layer's inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moments {
    /// Their mean, in 2^−16.
    pub mean: i64,
    /// The mean of their squares, in 2^−16.
    pub square: u64,
}

impl Moments {
    /// Those of generated inputs, which are even on −128 to 127: −1/2 and 5461.5.
    pub const GENERATED: Self = Self { mean: -(1 << 15), square: 10_923 << 15 };
}

/// What a layer hands on to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// The standard deviation before ReLU, rounding and clamping, in 2^−16.
    pub deviation: u64,
    /// The share that is not 0, in 2^−32.
    pub alive: u64,
    /// The share that is 127, in 2^−32.
    pub full: u64,
    /// The next layer's inputs.
    pub moments: Moments,
    /// The multiplier with which the standard deviation would be 64, at a shift of [`SHIFT`].
    pub multiplier: u32,
}

impl Spread {
    /// What this layer makes of so many such inputs.
    pub fn of(inputs: u32, moments: &Moments, layer: &Layer) -> Self {
        let sums = Sums::of(inputs, moments);
        let handed = sums.handed(layer);
        Self {
            deviation: sums.scaled_deviation(layer),
            alive: handed.at_least(1),
            full: handed.at_least(127),
            moments: handed.moments(),
            multiplier: sums.multiplier(),
        }
    }
}

/// What each layer of a generated network hands on, first to last but one: the last one's sums are the result. Empty for published
/// networks, whose weights follow no law.
pub fn spreads(spec: &Spec) -> impl Iterator<Item = Spread> {
    let handing = match spec.kernel {
        Kernel::Mlp => spec.layers.depth().saturating_sub(1),
        Kernel::Infer { .. } => 0,
    };
    let mut moments = Moments::GENERATED;
    spec.widths().zip(spec.layers.iter()).take(handing).map(move |(inputs, layer)| {
        let spread = Spread::of(inputs, &moments, layer);
        moments = spread.moments;
        spread
    })
}

/// The law of a layer's accumulators.
///
/// Moments that are made here are below 2^7 and 2^14, so with 2^32 inputs a mean stays below 2^54 and a deviation below 2^46 (in 2^−16).
struct Sums {
    /// In 2^−16.
    mean: i128,
    /// In 2^−16, not 0.
    deviation: u128,
}

impl Sums {
    fn of(inputs: u32, moments: &Moments) -> Self {
        let mean = i128::from(moments.mean).saturating_mul(i128::from(inputs)) / -2;
        let squares = u128::from(moments.square).saturating_mul(u128::from(inputs));
        let variance = squares.saturating_mul(WEIGHTS_TIMES_4) / 4;
        let deviation = variance.saturating_mul(1 << FRACTION).isqrt().max(1);
        Self { mean, deviation }
    }

    fn scaled_deviation(&self, layer: &Layer) -> u64 {
        let scaled = self.deviation.saturating_mul(u128::from(layer.multiplier)) >> shift(layer);
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }

    fn multiplier(&self) -> u32 {
        let wanted = WANTED << (u32::from(SHIFT) + FRACTION);
        let multiplier = wanted.saturating_add(self.deviation / 2) / self.deviation;
        u32::try_from(multiplier).unwrap_or(u32::MAX).clamp(1, i32::MAX as u32)
    }

    /// Counted in standard deviations, where the mean and half a step of what is handed on are.
    fn handed(&self, layer: &Layer) -> Handed {
        let deviation = i128::try_from(self.deviation).unwrap_or(i128::MAX);
        let mean = self.mean.saturating_mul(1 << CHANCE) / deviation;
        let step = self.deviation.saturating_mul(u128::from(layer.multiplier.max(1)));
        let half_step = (1u128 << (shift(layer) - 1 + FRACTION + CHANCE)) / step;
        let half_step = i128::try_from(half_step).unwrap_or(FAR);
        Handed { mean: mean.clamp(-FAR, FAR) as i64, half_step: half_step.min(FAR) as i64 }
    }
}

/// The shift as [`requantise`](crate::requantise()) takes it.
fn shift(layer: &Layer) -> u32 {
    u32::from(layer.shift).clamp(1, 62)
}

/// The law of what is handed on, in standard deviations of 2^32; neither is above [`FAR`].
struct Handed {
    mean: i64,
    half_step: i64,
}

impl Handed {
    /// How likely an input is `value`, 1 to 127, or more.
    fn at_least(&self, value: u8) -> u64 {
        let half_steps = 2 * i64::from(value) - 1;
        upper_tail(self.half_step.saturating_mul(half_steps).saturating_sub(self.mean))
    }

    fn moments(&self) -> Moments {
        let (mut mean, mut square) = (0u64, 0u64);
        for value in 1..=127u8 {
            let share = self.at_least(value);
            mean = mean.saturating_add(share);
            square = square.saturating_add(share.saturating_mul(2 * u64::from(value) - 1));
        }
        let rounded = CHANCE - FRACTION;
        Moments { mean: (mean >> rounded) as i64, square: square >> rounded }
    }
}

/// How likely a normal variable is so many standard deviations above its mean, or more: `Q`, between the table's entries a straight line,
/// which is off by 0.00012 at most.
fn upper_tail(distance: i64) -> u64 {
    let beyond = distance.unsigned_abs();
    let entry = |index: u64| {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        u64::from(TAIL.get(index).copied().unwrap_or_default())
    };
    let (index, rest) = (beyond >> ENTRY, beyond & ((1 << ENTRY) - 1));
    let (here, next) = (entry(index), entry(index.saturating_add(1)));
    let tail = here - ((here.saturating_sub(next) * rest) >> ENTRY);
    if distance < 0 { (1 << CHANCE) - tail } else { tail }
}

/// An entry of the table is a sixteenth of a standard deviation, in 2^−32.
const ENTRY: u32 = CHANCE - 4;

/// `Q(0)`, `Q(1/16)`, … `Q(6)`: `2^32 · erfc(x/√2)/2`, rounded, from double precision. The tests integrate the density instead.
const TAIL: [u32; 97] = [
    2_147_483_648,
    2_040_463_074,
    1_933_859_599,
    1_828_085_449,
    1_723_543_207,
    1_620_621_219,
    1_519_689_280,
    1_421_094_676,
    1_325_158_638,
    1_232_173_297,
    1_142_399_148,
    1_056_063_096,
    973_357_067,
    894_437_218,
    819_423_723,
    748_401_109,
    681_419_127,
    618_494_098,
    559_610_690,
    504_724_062,
    453_762_323,
    406_629_220,
    363_207_012,
    323_359_439,
    286_934_745,
    253_768_671,
    223_687_392,
    196_510_323,
    172_052_769,
    150_128_378,
    130_551_380,
    113_138_573,
    97_711_073,
    84_095_798,
    72_126_702,
    61_645_758,
    52_503_710,
    44_560_598,
    37_686_084,
    31_759_596,
    26_670_309,
    22_316_991,
    18_607_724,
    15_459_542,
    12_797_986,
    10_556_605,
    8_676_424,
    7_105_383,
    5_797_768,
    4_713_651,
    3_818_335,
    3_081_821,
    2_478_304,
    1_985_695,
    1_585_180,
    1_260_811,
    999_134,
    788_856,
    620_540,
    486_337,
    379_749,
    295_426,
    228_975,
    176_813,
    136_027,
    104_260,
    79_615,
    60_568,
    45_907,
    34_664,
    26_077,
    19_544,
    14_593,
    10_855,
    8_044,
    5_939,
    4_368,
    3_201,
    2_337,
    1_699,
    1_231,
    889,
    639,
    458,
    327,
    232,
    164,
    116,
    82,
    57,
    40,
    28,
    19,
    13,
    9,
    6,
    4,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layers, MAX_INPUTS, MAX_WIDTH, spec::SPREAD};

    /// Upper tail by Simpson's rule on the density, up to 10 deviations.
    fn integrated(distance: f64) -> f64 {
        let density = |x: f64| (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
        let (steps, width) = (2000, (10.0 - distance) / 2000.0);
        let at = |step: u32| density(distance + f64::from(step) * width);
        let inner = |step: u32| if step % 2 == 1 { 4.0 * at(step) } else { 2.0 * at(step) };
        (at(0) + (1..steps).map(inner).sum::<f64>() + at(steps)) * width / 3.0
    }

    fn chance(share: u64) -> f64 {
        share as f64 / 2f64.powi(32)
    }

    fn value(fixed: u64) -> f64 {
        fixed as f64 / 65_536.0
    }

    #[test]
    fn the_tail_is_the_normal_laws() {
        for step in -700..=700 {
            let distance = f64::from(step) / 100.0;
            let told = chance(upper_tail((distance * 2f64.powi(32)) as i64));
            assert!((told - integrated(distance)).abs() < 1.3e-4, "{distance}: {told}");
        }
        for (index, entry) in TAIL.iter().enumerate() {
            let exact = integrated(index as f64 / 16.0) * 2f64.powi(32);
            assert!((f64::from(*entry) - exact).abs() < 1.0, "{index}: {entry}, {exact}");
        }
        assert_eq!([i64::MIN, -FAR as i64, FAR as i64, i64::MAX].map(upper_tail), [1 << 32, 1 << 32, 0, 0]);
    }

    #[test]
    fn moments_are_what_summing_over_the_law_gives() {
        let mut moments = Moments::GENERATED;
        for (inputs, multiplier) in [(8192, 556_100), (32_768, 400_000), (256, 9_000_000), (4096, 2_000_000)]
        {
            let (mean, square) = (moments.mean as f64 / 65_536.0, value(moments.square));
            let scale = f64::from(multiplier) / 2f64.powi(32);
            let centre = -f64::from(inputs) * mean / 2.0 * scale;
            let deviation = (f64::from(inputs) * square * 5461.25).sqrt() * scale;
            let tail = |value: u32| integrated((f64::from(value) - 0.5 - centre) / deviation);
            let spread = Spread::of(inputs, &moments, &Layer { outputs: 1, multiplier, shift: 32 });
            let near = |told: f64, exact: f64| assert!((told / exact - 1.0).abs() < 2e-3, "{told}, {exact}");
            near(value(spread.deviation), deviation);
            near(chance(spread.alive), tail(1));
            assert!((chance(spread.full) - tail(127)).abs() < 2e-4);
            near(spread.moments.mean as f64 / 65_536.0, (1..=127).map(tail).sum());
            near(value(spread.moments.square), (1..=127).map(|v| f64::from(2 * v - 1) * tail(v)).sum());
            moments = spread.moments;
        }
    }

    #[test]
    fn shapes_that_may_be_published_stay_lively() {
        // Every order of four spreads, in layers as wide and as narrow as can be.
        let choices = [*SPREAD.start(), 64, 96, *SPREAD.end()];
        for (first, inner) in [32, 256, MAX_WIDTH, MAX_INPUTS].into_iter().zip([256, MAX_WIDTH].repeat(4)) {
            for pattern in 0..4usize.pow(5) {
                let (mut moments, mut inputs) = (Moments::GENERATED, first);
                for layer in 0..5 {
                    let wanted = choices[pattern / 4usize.pow(layer) % 4];
                    let mut by = Layer { outputs: 1, multiplier: 1, shift: SHIFT };
                    let right = u64::from(Spread::of(inputs, &moments, &by).multiplier);
                    by.multiplier = u32::try_from(right * wanted / 64).unwrap();
                    let spread = Spread::of(inputs, &moments, &by);
                    assert!(chance(spread.alive) > 0.2 && chance(spread.full) < 1.0 / 6.0, "{spread:?}");
                    (moments, inputs) = (spread.moments, inner);
                }
            }
        }
    }

    #[test]
    fn any_numbers_have_a_spread() {
        let moments = [
            Moments::GENERATED,
            Moments { mean: 0, square: 0 },
            Moments { mean: i64::MIN, square: u64::MAX },
            Moments { mean: i64::MAX, square: 1 },
        ];
        for moments in moments {
            for inputs in [0, 1, MAX_INPUTS, u32::MAX] {
                for multiplier in [0, 1, i32::MAX as u32, u32::MAX] {
                    for shift in [0, 1, 32, 62, u8::MAX] {
                        let spread = Spread::of(inputs, &moments, &Layer { outputs: 1, multiplier, shift });
                        assert!(spread.full <= spread.alive && spread.alive <= 1 << 32, "{spread:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_multiplier_it_names_gives_64() {
        for inputs in [32, 256, 8192, MAX_WIDTH, MAX_INPUTS] {
            let mut layers = [Layer { outputs: MAX_WIDTH, multiplier: 1, shift: SHIFT }; 16];
            let spec = |layers: &[Layer]| Spec {
                kernel: Kernel::Mlp,
                rows: 1,
                inputs,
                layers: Layers::new(layers).unwrap(),
            };
            for number in 0..15 {
                layers[number].multiplier = spreads(&spec(&layers)).nth(number).unwrap().multiplier;
                let spread = spreads(&spec(&layers)).nth(number).unwrap();
                assert!((63.99..64.01).contains(&value(spread.deviation)), "{spread:?}");
            }
        }
    }
}
