//! Cross-entropy over softmax, the mean over the batch.

/// The loss, and its gradient at the logits.
pub fn cross_entropy(logits: &[f32], labels: &[usize]) -> (f32, Vec<f32>) {
    let classes = logits.len() / labels.len().max(1);
    let (mut loss, mut gradient) = (0.0, logits.to_vec());
    for (row, &label) in gradient.chunks_exact_mut(classes).zip(labels) {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let logit = row[label] - most;
        row.iter_mut().for_each(|value| *value = (*value - most).exp());
        let sum: f32 = row.iter().sum();
        loss += f64::from(sum.ln() - logit);
        row.iter_mut().for_each(|value| *value /= sum * labels.len() as f32);
        row[label] -= 1.0 / labels.len() as f32;
    }
    ((loss / labels.len() as f64) as f32, gradient)
}
