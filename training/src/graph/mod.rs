//! The model as ONNX: made from the layers, run to measure accuracy, counted to know its work.
//!
//! Graph and parameters are apart: in the graph, parameters are inputs; checkpoints fill them in.

mod evaluate;
mod onnx;
mod work;

pub use evaluate::{Evaluator, parameters, refuse_merged};
pub use onnx::export;
pub use work::{counted, forward_flop, training_flop};

/// Why a graph could not be used.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// Not ONNX.
    #[error("the graph is not ONNX: {0}")]
    NotOnnx(String),
    /// Something that a graph of an order must have.
    #[error("the graph {0}")]
    Form(String),
    /// The evaluator cannot run it.
    #[error("the graph cannot be run: {0}")]
    Run(String),
    /// The checkpoint.
    #[error(transparent)]
    Package(#[from] crate::package::PackageError),
    /// The data.
    #[error(transparent)]
    Data(#[from] crate::terms::DataError),
}
