//! Data sets, and the commitment to one: what was paid to be trained on.
//!
//! A data set is a safetensors file with `x` (U8, read as x/255, or F32; samples first) and `y` (U8 or I64, one class for each sample).
//! Blocks of 64 samples are leaves of a Merkle tree (RFC 6962), behind a first leaf that tells types and shapes: a batch can be proven
//! to be the order's without all of the rest.

use crate::{
    digest::Digest,
    package::{Checkpoint, PackageError, Part, TensorRef},
};
use attest::{Frontier, leaf_hash};
use safetensors::Dtype;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Samples in a leaf.
pub const BLOCK: u64 = 64;

/// What commits to a data set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataCommitment {
    /// Merkle root over the blocks.
    pub root: Digest,
    /// Samples.
    pub samples: u64,
}

/// Why a data set was refused.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Not a readable safetensors file.
    #[error(transparent)]
    File(#[from] PackageError),
    /// Not of the form that data sets have.
    #[error(
        "{0}: {1}; a data set has x (U8 or F32, samples first) and y (U8 or I64, one class for each sample)"
    )]
    Form(String, &'static str),
    /// A class that the model does not have.
    #[error("{file}: sample {sample} is of class {class}; the terms have {classes} classes")]
    Class {
        /// The file.
        file: String,
        /// Which sample.
        sample: u64,
        /// What it says.
        class: i64,
        /// Classes in the terms.
        classes: u64,
    },
    /// Another data set than the order's.
    #[error("{0} is not the data that the terms commit to")]
    NotTheOrders(String),
}

/// A data set on disk. Samples are read when they are asked for.
#[derive(Debug, Clone)]
pub struct Dataset {
    file: Checkpoint,
    x: TensorRef,
    y: TensorRef,
    samples: u64,
}

impl Dataset {
    /// Opens a data set.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        // A buyer's own data may be a link.
        let path = std::fs::canonicalize(path).map_err(PackageError::io(path))?;
        let file = Checkpoint::open(Part::open(&path, &name)?)?;
        let (x, y) = (file.tensor("x")?.clone(), file.tensor("y")?.clone());
        let wrong = |what| Err(DataError::Form(name.clone(), what));
        if !matches!(x.dtype(), Dtype::U8 | Dtype::F32) || !matches!(y.dtype(), Dtype::U8 | Dtype::I64) {
            return wrong("types that are not known");
        }
        let Some(&samples) = x.shape().first() else { return wrong("x has no dimension") };
        if y.shape() != [samples] || samples == 0 || x.shape().contains(&0) {
            return wrong("x and y are not as many, or empty");
        }
        Ok(Self { file, x, y, samples: samples as u64 })
    }

    /// Samples.
    pub const fn samples(&self) -> u64 {
        self.samples
    }

    /// Shape of one sample.
    pub fn shape(&self) -> &[usize] {
        self.x.shape().get(1..).unwrap_or_default()
    }

    /// The commitment.
    pub fn commitment(&self) -> Result<DataCommitment, DataError> {
        let mut frontier = Frontier::new();
        let form = format!("x:{:?}{:?};y:{:?}", self.x.dtype(), self.shape(), self.y.dtype());
        let full = |_| DataError::Form(self.file.name().into(), "too many samples");
        frontier.append(leaf_hash(form.as_bytes())).map_err(full)?;
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for first in (0..self.samples).step_by(BLOCK as usize) {
            let count = BLOCK.min(self.samples - first);
            self.raw(&self.x, first, count, &mut x)?;
            self.raw(&self.y, first, count, &mut y)?;
            x.extend_from_slice(&y);
            frontier.append(leaf_hash(&x)).map_err(full)?;
        }
        Ok(DataCommitment { root: Digest(frontier.root()), samples: self.samples })
    }

    /// Whether it is the data that was committed to.
    pub fn check(&self, commitment: &DataCommitment) -> Result<(), DataError> {
        if self.commitment()? == *commitment {
            return Ok(());
        }
        Err(DataError::NotTheOrders(self.file.name().into()))
    }

    /// Values and classes of the samples named.
    pub fn take(&self, samples: &[u64], classes: u64) -> Result<(Vec<f32>, Vec<usize>), DataError> {
        let (mut values, mut labels, mut raw) = (Vec::new(), Vec::new(), Vec::new());
        for &sample in samples {
            self.raw(&self.x, sample, 1, &mut raw)?;
            match self.x.dtype() {
                Dtype::U8 => values.extend(raw.iter().map(|&value| f32::from(value) / 255.0)),
                _ => values.extend(raw.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value))),
            }
            self.raw(&self.y, sample, 1, &mut raw)?;
            let class = match raw.as_chunks::<8>().0 {
                [wide] => i64::from_le_bytes(*wide),
                _ => raw.first().map_or(-1, |&class| i64::from(class)),
            };
            if class < 0 || class as u64 >= classes {
                return Err(DataError::Class { file: self.file.name().into(), sample, class, classes });
            }
            labels.push(class as usize);
        }
        if values.iter().any(|value| !value.is_finite()) {
            return Err(DataError::Form(self.file.name().into(), "x holds NaN or infinity"));
        }
        Ok((values, labels))
    }

    fn raw(&self, tensor: &TensorRef, first: u64, count: u64, into: &mut Vec<u8>) -> Result<(), DataError> {
        let width = tensor.bytes() / self.samples;
        into.resize((count * width) as usize, 0);
        Ok(self.file.read_bytes(tensor, first * width, into)?)
    }
}
