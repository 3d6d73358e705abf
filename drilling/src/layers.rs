//! The list of a network's layers: bounded, without an allocator.

use crate::spec::Layer;

/// The deepest network.
pub const MAX_LAYERS: usize = 16;

/// One to [`MAX_LAYERS`] layers, first to last.
///
/// In SCALE it is what `Vec<Layer>` is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Layers {
    items: [Layer; MAX_LAYERS],
    depth: u8,
}

/// There are no layers, or more than [`MAX_LAYERS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a network has 1 to {MAX_LAYERS} layers")]
pub struct WrongDepth;

impl Layers {
    /// The list of these layers.
    pub fn new(layers: &[Layer]) -> Result<Self, WrongDepth> {
        let mut items = [Layer::NONE; MAX_LAYERS];
        let depth = u8::try_from(layers.len()).map_err(|_| WrongDepth)?;
        if layers.is_empty() {
            return Err(WrongDepth);
        }
        items.get_mut(..layers.len()).ok_or(WrongDepth)?.copy_from_slice(layers);
        Ok(Self { items, depth })
    }

    /// The first `depth` of these, 1 to [`MAX_LAYERS`].
    pub(crate) fn first(items: &[Layer; MAX_LAYERS], depth: usize) -> Self {
        let depth = depth.clamp(1, MAX_LAYERS);
        let mut kept = [Layer::NONE; MAX_LAYERS];
        for (slot, item) in kept.iter_mut().zip(items).take(depth) {
            *slot = *item;
        }
        Self { items: kept, depth: depth as u8 }
    }

    /// The layers, first to last.
    pub fn as_slice(&self) -> &[Layer] {
        self.items.get(..usize::from(self.depth)).unwrap_or_default()
    }

    /// How many there are.
    pub fn depth(&self) -> usize {
        usize::from(self.depth)
    }
}

impl core::ops::Deref for Layers {
    type Target = [Layer];
    fn deref(&self) -> &[Layer] {
        self.as_slice()
    }
}

impl core::fmt::Debug for Layers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

#[cfg(feature = "codec")]
mod scale {
    use super::{Layer, Layers, MAX_LAYERS};
    use codec::{
        Compact, Decode, DecodeWithMemTracking, Encode, EncodeLike, Error, Input, MaxEncodedLen, Output,
    };
    use scale_info::{Type, TypeInfo};

    impl Encode for Layers {
        fn size_hint(&self) -> usize {
            1 + self.depth() * Layer::max_encoded_len()
        }
        fn encode_to<T: Output + ?Sized>(&self, dest: &mut T) {
            Compact(u32::from(self.depth)).encode_to(dest);
            for layer in self.as_slice() {
                layer.encode_to(dest);
            }
        }
    }

    impl Decode for Layers {
        fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
            let depth = Compact::<u32>::decode(input)?.0 as usize;
            let mut items = [Layer::NONE; MAX_LAYERS];
            for item in items.get_mut(..depth).ok_or("too many layers")? {
                *item = Layer::decode(input)?;
            }
            Layers::new(items.get(..depth).unwrap_or_default()).map_err(|_| "no layers".into())
        }
    }

    impl DecodeWithMemTracking for Layers {}
    impl EncodeLike for Layers {}

    impl MaxEncodedLen for Layers {
        fn max_encoded_len() -> usize {
            1 + MAX_LAYERS * Layer::max_encoded_len()
        }
    }

    impl TypeInfo for Layers {
        type Identity = [Layer];
        fn type_info() -> Type {
            <[Layer] as TypeInfo>::type_info()
        }
    }
}
