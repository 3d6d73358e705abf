//! Convolution as a matrix product: each place's patch is a column.

use super::{
    Kind, Node,
    gemm::{Mat, gemm},
};

struct Shape {
    channels: usize,
    height: usize,
    width: usize,
    outputs: usize,
    high: usize,
    wide: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
}

impl Shape {
    fn of(node: &Node) -> Self {
        let (kernel, stride, padding) = match node.kind {
            Kind::Conv { kernel, stride, padding, .. } => (kernel, stride, padding),
            _ => (1, 1, 0),
        };
        let [channels, height, width] = [node.input[0], node.input[1], node.input[2]];
        let [outputs, high, wide] = [node.output[0], node.output[1], node.output[2]];
        Self { channels, height, width, outputs, high, wide, kernel, stride, padding }
    }

    const fn patch(&self) -> usize {
        self.channels * self.kernel * self.kernel
    }

    const fn places(&self) -> usize {
        self.high * self.wide
    }

    const fn values(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Calls `take(column element, image element)` for every one that lies inside the image.
    fn each(&self, mut take: impl FnMut(usize, usize)) {
        let places = self.places();
        for row in 0..self.patch() {
            let (channel, at) = (row / (self.kernel * self.kernel), row % (self.kernel * self.kernel));
            let (down, right) = (at / self.kernel, at % self.kernel);
            for i in 0..self.high {
                let y = (i * self.stride + down).wrapping_sub(self.padding);
                if y >= self.height {
                    continue;
                }
                for j in 0..self.wide {
                    let x = (j * self.stride + right).wrapping_sub(self.padding);
                    if x < self.width {
                        take(row * places + i * self.wide + j, (channel * self.height + y) * self.width + x);
                    }
                }
            }
        }
    }
}

/// For every sample: `W·columns + b`; an empty bias is none.
pub fn forward(node: &Node, x: &[f32], weight: &[f32], bias: &[f32], batch: usize) -> Vec<f32> {
    let shape = Shape::of(node);
    let (patch, places) = (shape.patch(), shape.places());
    let mut y = Vec::with_capacity(batch * shape.outputs * places);
    let mut columns = vec![0.0; patch * places];
    for image in x.chunks_exact(shape.values()) {
        shape.each(|column, at| columns[column] = image[at]);
        let from = y.len();
        y.extend(
            (0..shape.outputs)
                .flat_map(|at| std::iter::repeat_n(bias.get(at).copied().unwrap_or(0.0), places)),
        );
        let weight = Mat::new(weight, shape.outputs, patch);
        gemm(weight, Mat::new(&columns, patch, places), 1.0, &mut y[from..]);
    }
    y
}

/// Adds to the gradients, and gives the input's.
pub fn backward(
    node: &Node,
    x: &[f32],
    weight: &[f32],
    dy: &[f32],
    (dw, db): (&mut [f32], &mut [f32]),
    batch: usize,
) -> Vec<f32> {
    let shape = Shape::of(node);
    let (patch, places, outputs) = (shape.patch(), shape.places(), shape.outputs);
    let mut dx = vec![0.0; batch * shape.values()];
    let (mut columns, mut back) = (vec![0.0; patch * places], vec![0.0; patch * places]);
    let samples = x.chunks_exact(shape.values()).zip(dy.chunks_exact(outputs * places));
    for ((image, dy), dx) in samples.zip(dx.chunks_exact_mut(shape.values())) {
        for (sum, dy) in db.iter_mut().zip(dy.chunks_exact(places)) {
            *sum += dy.iter().sum::<f32>();
        }
        shape.each(|column, at| columns[column] = image[at]);
        gemm(Mat::new(dy, outputs, places), Mat::new(&columns, patch, places).t(), 1.0, dw);
        gemm(Mat::new(weight, outputs, patch).t(), Mat::new(dy, outputs, places), 0.0, &mut back);
        shape.each(|column, at| dx[at] += back[column]);
    }
    dx
}
