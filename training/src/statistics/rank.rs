//! Spearman's rank correlation.

/// Between a sequence and its own order; none where all are equal or there are fewer than two.
pub fn spearman(values: &[f64]) -> Option<f64> {
    let ranks = ranks(values);
    let middle = (values.len() as f64 - 1.0) / 2.0;
    let (mut along, mut of_rank, mut of_order) = (0.0, 0.0, 0.0);
    for (order, rank) in ranks.iter().enumerate() {
        let (rank, order) = (rank - middle, order as f64 - middle);
        along += rank * order;
        of_rank += rank * rank;
        of_order += order * order;
    }
    (of_rank > 0.0 && of_order > 0.0).then(|| along / (of_rank * of_order).sqrt())
}

/// Ranks from 0; equals share the middle of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&one, &other| values[one].total_cmp(&values[other]));
    let mut ranks = vec![0.0; values.len()];
    for group in order.chunk_by(|&one, &other| values[one] == values[other]) {
        let first = order.iter().position(|at| at == &group[0]).unwrap_or(0);
        let rank = first as f64 + (group.len() as f64 - 1.0) / 2.0;
        group.iter().for_each(|&at| ranks[at] = rank);
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_rising_falling_and_flat() {
        assert_eq!(spearman(&[1.0, 2.0, 5.0]), Some(1.0));
        assert_eq!(spearman(&[3.0, 2.0, -1.0]), Some(-1.0));
        assert_eq!(spearman(&[1.0, 1.0]), None);
        let tied = spearman(&[1.0, 2.0, 2.0, 3.0]).unwrap();
        assert!((tied - 0.948_683).abs() < 1e-5, "{tied}");
    }
}
