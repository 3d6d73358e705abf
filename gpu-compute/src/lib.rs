//! What runs on an NVIDIA GPU: the back end of drilling.
//!
//! Needs NVIDIA's driver at run time and nothing else; where there is none, [`count`] is 0 and opening a GPU says so. Kernels are CUDA C in
//! `kernels/`, embedded as the PTX that `cargo xtask ptx` makes of them. This crate must not know the chain, who assigned a task, or where results go.
//!
//! ```
//! use drilling::{Class, Task, cpu::Control};
//!
//! let task = Task { spec: Class::Tiny.mlp(), seed: [7; 32] };
//! for index in 0..gpu_compute::count() {
//!     let mut driller = gpu_compute::Driller::open(index)?;
//!     let done = driller.run(&task, None, &Control::new(), &Default::default())?;
//!     assert_eq!(done.outcome.roots.len(), 2);
//! }
//! # Ok::<(), gpu_compute::GpuError>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod arguments;
pub mod challenge;
mod device;
mod drill;
mod error;
#[cfg(test)]
mod host;
mod kernels;
#[cfg(feature = "lab")]
pub mod lab;
mod memory;
mod tensor_map;
mod tree;

pub use device::{Facts, count, facts, has_driver};
pub use drill::{Done, Driller};
pub use error::GpuError;
pub use kernels::Path;
