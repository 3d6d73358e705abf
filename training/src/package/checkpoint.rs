//! A checkpoint: a safetensors file, of which only the header is in memory.
//!
//! Tensors are named `model/…` (parameters), `buffer/…` (running statistics of BatchNorm), `optimiser/<parameter>/…` and `trace`.

use super::{PackageError, Part};
use safetensors::tensor::{Dtype, Metadata};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// The longest header in bytes.
pub const MAX_HEADER: u64 = 16 << 20;

/// Where a tensor lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorRef {
    dtype: Dtype,
    shape: Vec<usize>,
    start: u64,
    bytes: u64,
}

impl TensorRef {
    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// What its elements are.
    pub const fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Its size.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Number of elements of four bytes.
    pub const fn elements(&self) -> u64 {
        self.bytes / 4
    }
}

/// A JSON object with every name once. Of two tensors of one name the library takes the last, and other readers the first: nobody would know
/// which was verified.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Unique)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = BTreeSet::new();
        while let Some((name, IgnoredAny)) = map.next_entry::<String, _>()? {
            if names.contains(&name) {
                return Err(A::Error::custom(format_args!("{name} is there twice")));
            }
            names.insert(name);
        }
        Ok(self)
    }
}

/// One checkpoint, open.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    part: Part,
    tensors: BTreeMap<String, TensorRef>,
}

impl Checkpoint {
    /// Reads the header. The library checks shapes, sizes, overlaps and holes; what can be large is bounded before.
    pub fn open(part: Part) -> Result<Self, PackageError> {
        let name = part.name().to_string();
        refuse_foreign(&part)?;
        let mut length = [0; 8];
        part.read_at(0, &mut length)?;
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER || length > part.len() - 8 {
            return Err(PackageError::HugeHeader { name, bytes: length });
        }
        let mut header = vec![0; length as usize];
        part.read_at(8, &mut header)?;
        let bad = |error: serde_json::Error| PackageError::BadHeader {
            name: name.clone(),
            cause: error.to_string(),
        };
        let Unique = serde_json::from_slice(&header).map_err(bad)?;
        let metadata: Metadata = serde_json::from_slice(&header).map_err(bad)?;
        let start = 8 + length;
        let end = start.saturating_add(metadata.data_len() as u64);
        if end != part.len() {
            return Err(PackageError::Uncovered { name, tensors: end, file: part.len() });
        }
        let tensors = metadata.tensors().into_iter().map(|(name, info)| {
            let (from, to) = (info.data_offsets.0 as u64, info.data_offsets.1 as u64);
            let tensor = TensorRef {
                dtype: info.dtype,
                shape: info.shape.clone(),
                start: start + from,
                bytes: to - from,
            };
            (name, tensor)
        });
        Ok(Self { part, tensors: tensors.collect() })
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        self.part.name()
    }

    /// All tensors by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &TensorRef)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Forgets where all other tensors lie: of many checkpoints, headers are no small thing.
    #[must_use]
    pub fn keeping(mut self, wanted: impl Fn(&str) -> bool) -> Self {
        self.tensors.retain(|name, _| wanted(name));
        self
    }

    /// Where a tensor lies.
    pub fn tensor(&self, tensor: &str) -> Result<&TensorRef, PackageError> {
        let missing = || PackageError::NoTensor { file: self.name().into(), tensor: tensor.into() };
        self.tensors.get(tensor).ok_or_else(missing)
    }

    /// Fills the buffer with a tensor's bytes from a position on.
    pub fn read_bytes(&self, tensor: &TensorRef, from: u64, buffer: &mut [u8]) -> Result<(), PackageError> {
        let end = from.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > tensor.bytes) {
            return Err(PackageError::Truncated { name: self.name().into(), at: self.part.len() });
        }
        self.part.read_at(tensor.start + from, buffer)
    }

    /// Where a tensor of 32-bit floats lies.
    pub fn floats(&self, tensor: &str) -> Result<&TensorRef, PackageError> {
        let found = self.tensor(tensor)?;
        if found.dtype != Dtype::F32 {
            let (file, tensor) = (self.name().into(), tensor.into());
            let found = format!("{:?}", found.dtype);
            return Err(PackageError::WrongType { file, tensor, found, expected: "F32" });
        }
        Ok(found)
    }

    /// The same, and it must have this shape.
    pub fn floats_of(&self, tensor: &str, shape: &[usize]) -> Result<&TensorRef, PackageError> {
        let found = self.floats(tensor)?;
        if found.shape != shape {
            return Err(PackageError::WrongShape {
                file: self.name().into(),
                tensor: tensor.into(),
                expected: shape.into(),
                found: found.shape.clone(),
            });
        }
        Ok(found)
    }

    /// Fills the buffer with a tensor's elements from a position on. NaN and infinity are errors.
    pub fn read_floats(&self, tensor: &str, from: u64, buffer: &mut [f32]) -> Result<(), PackageError> {
        let place = self.floats(tensor)?;
        let beyond = || PackageError::Truncated { name: self.name().into(), at: self.part.len() };
        let end = from.checked_add(buffer.len() as u64).ok_or_else(beyond)?;
        if end > place.elements() {
            return Err(beyond());
        }
        self.part.read_at(place.start + from * 4, bytemuck::cast_slice_mut(buffer))?;
        if cfg!(target_endian = "big") {
            buffer.iter_mut().for_each(|value| *value = f32::from_bits(value.to_bits().swap_bytes()));
        }
        // A sum is finite only where every term is; which one it was is looked for afterwards.
        if buffer.iter().map(|value| value * 0.0).sum::<f32>() != 0.0 {
            let at = buffer.iter().position(|value| !value.is_finite()).unwrap_or(0) as u64;
            return Err(PackageError::NotFinite {
                file: self.name().into(),
                tensor: tensor.into(),
                element: from + at,
            });
        }
        Ok(())
    }

    /// A whole tensor.
    pub fn read_tensor(&self, tensor: &str) -> Result<Vec<f32>, PackageError> {
        let mut values = vec![0.0; self.floats(tensor)?.elements() as usize];
        self.read_floats(tensor, 0, &mut values)?;
        Ok(values)
    }
}

/// What people put in place of safetensors, told by its first bytes.
fn refuse_foreign(part: &Part) -> Result<(), PackageError> {
    let mut start = [0; 4];
    let known = start.len().min(part.len() as usize);
    part.read_at(0, &mut start[..known])?;
    let mut second_half = [0; 4];
    let is_long = part.len() >= 8;
    if is_long {
        part.read_at(4, &mut second_half)?;
    }
    // A pickle's protocol 2–5, or PyTorch's zip around one. A safetensors header of such a length would be over the bound.
    let pickle = matches!(start, [0x80, 2..=5, ..]) && second_half != [0; 4];
    if pickle || start == *b"PK\x03\x04" {
        return Err(PackageError::Pickle(part.name().into()));
    }
    Ok(())
}
