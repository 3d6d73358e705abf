//! Size classes, a hundredfold apart, and the shapes that the network's own publisher uses in each.
//!
//! A processor core and a large accelerator differ by four orders of magnitude. Were all tasks of one size, the number of reports a machine
//! can send would be measured, not its power. Shapes are deep: the digest costs per accumulator, the products per accumulator *and* input.

#[cfg(test)]
use crate::spec::SpecError;
use crate::{
    layers::{Layers, MAX_LAYERS},
    spec::{Kernel, Layer, Spec},
};

#[cfg(feature = "codec")]
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};

/// A size of tasks. Replicas of a task share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "codec",
    derive(Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, scale_info::TypeInfo)
)]
pub enum Class {
    /// Below 10^10 operations; the published shape has 1.1·10^9: milliseconds on one core. For development chains and tests.
    Tiny,
    /// Below 10^12; published 1.0·10^11: a quarter of a second on one core.
    Small,
    /// Below 10^14; published 9.9·10^12: a minute or less on a processor.
    Medium,
    /// From 10^14; published 9.9·10^14: about a second on a large accelerator.
    Large,
}

impl Class {
    /// All, smallest first.
    pub const ALL: [Self; 4] = [Self::Tiny, Self::Small, Self::Medium, Self::Large];

    /// The class a specification is in.
    pub fn of(spec: &Spec) -> Self {
        match spec.operations() {
            0..10_000_000_000 => Self::Tiny,
            10_000_000_000..1_000_000_000_000 => Self::Small,
            1_000_000_000_000..100_000_000_000_000 => Self::Medium,
            _ => Self::Large,
        }
    }

    /// Bytes that a machine has to have room for, at [`Spec::room`].
    pub const fn room(self) -> u64 {
        match self {
            Self::Tiny => 64 << 20,
            Self::Small => 256 << 20,
            Self::Medium => 1 << 30,
            Self::Large => 8 << 30,
        }
    }

    /// The published `mlp` of this class.
    pub fn mlp(self) -> Spec {
        match self {
            Self::Tiny => mlp(256, 8192, layer(256, 556_100), &[layer(16, 5_332_051)]),
            Self::Small => mlp(1024, 8192, layer(4096, 556_100), &[layer(4096, 1_333_013)]),
            Self::Medium => {
                let wide = [393_222, 667_200, 1_014_900, 910_800].map(|multiplier| layer(16_384, multiplier));
                let [first, second, third, fourth] = wide;
                mlp(4096, 16_384, first, &[second, third, fourth, layer(8192, 910_800)])
            }
            Self::Large => {
                // The share that is 0 swings before it settles, and what sums spread with it.
                let mut rest = [layer(32_768, 735_500); 13];
                for (layer, multiplier) in rest.iter_mut().zip([471_000, 874_000, 696_000, 749_000]) {
                    layer.multiplier = multiplier;
                }
                mlp(32_768, 32_768, layer(32_768, 278_050), &rest)
            }
        }
    }
}

/// A layer whose accumulators, of the spread that its inputs give, fill the range of the next layer's inputs.
const fn layer(outputs: u32, multiplier: u32) -> Layer {
    Layer { outputs, multiplier, shift: 32 }
}

fn mlp(rows: u32, inputs: u32, first: Layer, rest: &[Layer]) -> Spec {
    let mut layers = [first; MAX_LAYERS];
    for (slot, layer) in layers.iter_mut().skip(1).zip(rest) {
        *slot = *layer;
    }
    let depth = (1 + rest.len()).min(MAX_LAYERS);
    Spec { kernel: Kernel::Mlp, rows, inputs, layers: Layers::first(&layers, depth) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{difficulty, spread::spreads};

    #[test]
    fn published_shapes_are_tasks_of_their_class_a_hundredfold_apart() {
        let mut before = None;
        for class in Class::ALL {
            let spec = class.mlp();
            spec.check_published().unwrap();
            assert_eq!(Class::of(&spec), class);
            if let Some(before) = before {
                let ratio = spec.operations() * 100 / before;
                assert!((9_000..11_000).contains(&ratio), "{class:?}: {ratio}");
            }
            before = Some(spec.operations());
        }
    }

    #[test]
    fn shapes_that_spare_work_are_not_published() {
        let spared = |spec: Spec| spec.check_published().unwrap_err();
        // Found by a stranger: 256 different rows; 8 GB for ten milliseconds of work; inputs that are all zero.
        assert_eq!(spared(Spec { inputs: 1, ..Class::Medium.mlp() }), SpecError::Narrow);
        let wide = mlp(65_536, 32, layer(32_768, 4_450_000), &[layer(1, 1)]);
        assert_eq!((Class::of(&wide), spared(wide)), (Class::Small, SpecError::Room(Class::Small)));
        for (multiplier, shift) in [(1, 62), (1, 1), (i32::MAX as u32, 1), (i32::MAX as u32, 62), (1, 32)] {
            let first = Layer { outputs: 256, multiplier, shift };
            let told = spared(mlp(256, 8192, first, &[layer(16, 1)]));
            assert_eq!(told, SpecError::Spread { layer: 0, multiplier: 556_087 }, "{first:?}");
        }
        // Whose inputs do not spread is nobody's business in the last layer.
        mlp(256, 8192, layer(16, 1), &[]).check_published().unwrap();
        let neck = mlp(256, 8192, layer(31, 556_100), &[layer(4096, 1)]);
        assert_eq!(spared(neck), SpecError::Narrow);
    }

    #[test]
    fn shapes_that_die_out_are_not_published() {
        let refused = |spec: Spec| spec.check_published().unwrap_err();
        // Found by a stranger: inputs that are all zero after some layers, at multipliers that are right for first layers.
        let mut rest = [layer(8192, 139_000); 15];
        rest[..4].fill(layer(32, 2_230_000));
        assert_eq!(refused(mlp(4096, 32, layer(32, 2_230_000), &rest)), SpecError::Narrow);
        let wide = mlp(256, 8192, layer(8192, 139_000), &[layer(8192, 139_000); 15]);
        assert!(matches!(refused(wide), SpecError::Spread { layer: 0, .. }), "{:?}", refused(wide));
        // What the built-in shapes were before.
        let large = mlp(32_768, 32_768, layer(32_768, 278_050), &[layer(32_768, 471_291); 13]);
        assert_eq!(refused(large), SpecError::Spread { layer: 3, multiplier: 1_259_359 });
        let told = refused(large).to_string();
        assert!(told.contains("layer 3") && told.ends_with("1259359, with a shift of 32"), "{told}");
        // Deep and narrow: columns that are 0 in every row.
        for (outputs, narrow) in [(256, true), (4096, true), (8192, false)] {
            for depth in [4, 5] {
                let spec = deep(outputs, depth);
                let wanted = if narrow && depth > 4 { Err(SpecError::Narrow) } else { Ok(()) };
                assert_eq!(spec.check_published(), wanted, "{depth} layers of {outputs}");
            }
        }
    }

    /// With the multipliers that [`spreads`] names.
    fn deep(outputs: u32, depth: usize) -> Spec {
        let mut layers = [layer(outputs, 1); MAX_LAYERS];
        let spec = |layers: &[Layer; MAX_LAYERS]| mlp(256, 8192, layers[0], &layers[1..depth]);
        for number in 0..depth - 1 {
            layers[number].multiplier = spreads(&spec(&layers)).nth(number).unwrap().multiplier;
        }
        spec(&layers)
    }

    #[test]
    fn every_layer_of_the_published_shapes_fills_the_range_of_the_next() {
        for class in Class::ALL {
            let spec = class.mlp();
            assert_eq!(spreads(&spec).count(), spec.layers.depth() - 1);
            for (number, spread) in spreads(&spec).enumerate() {
                let deviation = spread.deviation as f64 / 65_536.0;
                assert!((63.0..65.0).contains(&deviation), "{class:?}, layer {number}: {deviation}");
            }
        }
    }

    #[test]
    fn the_published_shapes_are_worth_what_the_document_says() {
        let worth = Class::ALL.map(|class| difficulty(&class.mlp()));
        assert_eq!(worth, [622, 59_652, 5_726_623, 570_117_140]);
    }

    #[test]
    fn a_day_at_a_gigaflops_is_200_ut() {
        let day = 86_400 * 1_000_000_000u128;
        assert_eq!(day / crate::FLOP_PER_MICRO_UT, 200_000_000);
    }
}
