//! Size classes, a hundredfold apart, and the shapes that the network's own publisher uses in each.
//!
//! A processor core and a large accelerator differ by four orders of magnitude. Were all tasks of one size, the number of reports a machine
//! can send would be measured, not its power. Shapes are deep: the digest costs per accumulator, the products per accumulator *and* input.

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

    /// The published `mlp` of this class.
    pub fn mlp(self) -> Spec {
        match self {
            Self::Tiny => mlp(256, 8192, layer(256, 556_100), &[layer(16, 5_332_051)]),
            Self::Small => mlp(1024, 8192, layer(4096, 556_100), &[layer(4096, 1_333_013)]),
            Self::Medium => {
                let wide = layer(16_384, 666_506);
                mlp(4096, 16_384, layer(16_384, 393_222), &[wide, wide, wide, layer(8192, 666_506)])
            }
            Self::Large => mlp(32_768, 32_768, layer(32_768, 278_050), &[layer(32_768, 471_291); 13]),
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
    use crate::difficulty;

    #[test]
    fn published_shapes_are_tasks_of_their_class_a_hundredfold_apart() {
        let mut before = None;
        for class in Class::ALL {
            let spec = class.mlp();
            spec.check().unwrap();
            assert_eq!(Class::of(&spec), class);
            if let Some(before) = before {
                let ratio = spec.operations() * 100 / before;
                assert!((9_000..11_000).contains(&ratio), "{class:?}: {ratio}");
            }
            before = Some(spec.operations());
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
