//! The product alone, for measuring and for checking other back ends.

use super::{
    Options,
    crew::Crew,
    kit::Kit,
    panel::Aligned,
    product::{Inputs, Team, multiply_packed},
};
use crate::work::WorkError;

/// Weights packed for a back end: `outputs` rows of `width`.
pub struct Weights {
    packed: Aligned,
    kit: Kit,
    options: Options,
    crew: Crew,
    inputs: Inputs,
    outputs: usize,
    width: usize,
}

impl Weights {
    /// Packs a matrix, row after row.
    pub fn pack(options: &Options, weights: &[i8], width: usize) -> Result<Self, WorkError> {
        if width == 0 || width > crate::MAX_INPUTS as usize || !weights.len().is_multiple_of(width) {
            return Err(WorkError::Size);
        }
        let (kit, outputs) = (options.kit(), weights.len() / width);
        let layout = kit.weights;
        let mut packed = Aligned::default();
        let panels = packed.sized(layout.bytes(width) * outputs.div_ceil(layout.rows));
        for (rows, panel) in
            weights.chunks(layout.rows * width).zip(panels.chunks_exact_mut(layout.bytes(width)))
        {
            layout.pack(rows, width, layout.rows, panel);
        }
        Ok(Self {
            packed,
            kit,
            options: options.clone(),
            crew: Crew::new(options.threads),
            inputs: Inputs::new(),
            outputs,
            width,
        })
    }

    /// Every row of `inputs` times every row of weights, into `sums`, row after row. Fastest where `sums` begins at a
    /// multiple of 64 bytes.
    pub fn multiply(&mut self, inputs: &[i8], sums: &mut [i32]) -> Result<(), WorkError> {
        let rows = inputs.len() / self.width;
        if inputs.len() != rows * self.width || sums.len() != rows * self.outputs {
            return Err(WorkError::Size);
        }
        let mut team = Team { kit: &self.kit, crew: &mut self.crew, control: &self.options.control };
        let width = self.width;
        self.inputs.prepare(&mut team, rows, width, |first, out| {
            inputs.get(first * width..first * width + out.len())
        })?;
        multiply_packed(&mut team, &self.inputs, self.outputs, self.packed.bytes(), sums)?;
        Ok(())
    }
}
