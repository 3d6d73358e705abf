//! A small training engine that gives the same bits on every run of one machine: what a replay is done with.
//!
//! Everything is f32 on one thread in a fixed order; several replays run beside one another instead. Processors with other vector units
//! round differently: that is what the replay's threshold is for. Definitions are PyTorch's, so that a training there replays here.

mod attention;
mod conv;
mod dense;
mod gemm;
mod loss;
mod network;
mod norm;
mod plan;
mod pointwise;
mod pool;
mod state;
mod step;

pub use loss::cross_entropy;
pub use network::{Mode, forward};
pub use plan::{Kind, Node, Plan};
pub use state::{Moments, State};
pub use step::{gradients, step, step_seen};
