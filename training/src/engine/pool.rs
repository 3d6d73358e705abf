//! Layers that take values together or rearrange them.

/// The largest of each square, and where it was. The first of equals counts.
pub fn max(x: &[f32], input: &[usize], size: usize, batch: usize) -> (Vec<f32>, Vec<u32>) {
    let (height, width) = (input[1], input[2]);
    let (high, wide) = (height / size, width / size);
    let (mut y, mut places) = (Vec::new(), Vec::new());
    for plane in 0..batch * input[0] {
        for place in 0..high * wide {
            let corner = (plane * height + place / wide * size) * width + place % wide * size;
            let mut best = corner;
            for at in (0..size).flat_map(|i| (0..size).map(move |j| corner + i * width + j)) {
                if x[at] > x[best] {
                    best = at;
                }
            }
            y.push(x[best]);
            places.push(best as u32);
        }
    }
    (y, places)
}

/// Sends each gradient where its value came from.
pub fn max_backward(dy: &[f32], places: &[u32], values: usize) -> Vec<f32> {
    let mut dx = vec![0.0; values];
    places.iter().zip(dy).for_each(|(&place, dy)| dx[place as usize] += dy);
    dx
}

/// The mean of each plane.
pub fn average(x: &[f32], plane: usize) -> Vec<f32> {
    x.chunks_exact(plane).map(|plane| plane.iter().sum::<f32>() / plane.len() as f32).collect()
}

/// Spreads each gradient over its plane.
pub fn average_backward(dy: &[f32], plane: usize) -> Vec<f32> {
    dy.iter().flat_map(|dy| std::iter::repeat_n(dy / plane as f32, plane)).collect()
}

/// Each sample's `rows` by `cols` turned around.
pub fn transpose(x: &[f32], rows: usize, cols: usize, batch: usize) -> Vec<f32> {
    let mut y = Vec::with_capacity(batch * rows * cols);
    for sample in x.chunks_exact(rows * cols) {
        y.extend((0..cols).flat_map(|col| (0..rows).map(move |row| sample[row * cols + col])));
    }
    y
}

/// The mean over tokens.
pub fn mean_tokens(x: &[f32], tokens: usize, width: usize, batch: usize) -> Vec<f32> {
    let mut y = vec![0.0; batch * width];
    for (sample, y) in x.chunks_exact(tokens * width).zip(y.chunks_exact_mut(width)) {
        for row in sample.chunks_exact(width) {
            y.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        y.iter_mut().for_each(|sum| *sum /= tokens as f32);
    }
    y
}

/// Spreads each gradient over the tokens.
pub fn mean_tokens_backward(dy: &[f32], tokens: usize, width: usize, batch: usize) -> Vec<f32> {
    let mut dx = Vec::with_capacity(batch * tokens * width);
    for row in dy.chunks_exact(width) {
        (0..tokens).for_each(|_| dx.extend(row.iter().map(|dy| dy / tokens as f32)));
    }
    dx
}
