//! Parameters of a graph, and the one rule for what each starts as.

/// What a tensor starts as.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// The Gaussian mixture of the white paper's third rule.
    Mixture {
        /// Inputs of one output.
        fan_in: usize,
    },
    /// All 0.
    Zero,
    /// All 1.
    One,
}

/// One tensor of a model: a parameter, or a running statistic.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name in graph and checkpoints, without the prefix.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

impl Parameter {
    /// Named and shaped.
    pub fn new(name: impl Into<String>, shape: impl Into<Vec<usize>>) -> Self {
        Self { name: name.into(), shape: shape.into() }
    }

    /// Elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it is a running statistic and not trained.
    pub fn is_buffer(&self) -> bool {
        self.name.ends_with("running_mean") || self.name.ends_with("running_var")
    }

    /// Its name in a checkpoint.
    pub fn tensor(&self) -> String {
        format!("{}/{}", if self.is_buffer() { "buffer" } else { "model" }, self.name)
    }

    /// What one of its optimiser's tensors is called in a checkpoint.
    pub fn moment(&self, moment: &str) -> String {
        format!("optimiser/{}/{moment}", self.name)
    }

    /// What it starts as: matrices by the mixture, scales of norms 1, all else 0.
    pub fn init(&self) -> Init {
        match self.shape.get(1..) {
            Some(rest) if !rest.is_empty() => Init::Mixture { fan_in: rest.iter().product::<usize>().max(1) },
            _ if self.name.ends_with("running_var") || self.name.ends_with("weight") => Init::One,
            _ => Init::Zero,
        }
    }

    /// As a matrix: outputs by inputs.
    pub fn as_matrix(&self) -> (usize, usize) {
        let rows = self.shape.first().copied().unwrap_or(1).max(1);
        (rows, self.elements() / rows)
    }
}
