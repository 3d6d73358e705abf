//! What chance allows: how often each owner's block should be the one of a slot, and how unlikely a count is.

/// Probability of each owner to win a slot: `1 − (1−c)^θ`.
pub fn win(c: f64, weights: &[u64]) -> Vec<f64> {
    let whole: f64 = weights.iter().map(|weight| *weight as f64).sum();
    weights.iter().map(|weight| 1.0 - (1.0 - c).powf(*weight as f64 / whole)).collect()
}

/// Each owner's share of the blocks that stay.
///
/// Where several win one slot, one block stays: that which the next producer saw first. Its own, if it is one of them; else any, each as
/// likely. Who produces next is drawn by the shares themselves.
pub fn shares(c: f64, weights: &[u64]) -> Vec<f64> {
    let wins = win(c, weights);
    let mut shares = normal(wins.clone());
    for _ in 0..50 {
        shares = normal(stays(&wins, &shares));
    }
    shares
}

/// For each owner, the probability that it wins a slot and its block stays.
fn stays(wins: &[f64], next: &[f64]) -> Vec<f64> {
    let mut stays = vec![0.0; wins.len()];
    for set in 1u32..1 << wins.len() {
        let is_in = |owner: usize| (set >> owner) & 1 == 1;
        let drawn: f64 =
            wins.iter().enumerate().map(|(at, p)| if is_in(at) { *p } else { 1.0 - p }).product();
        let own: f64 = next.iter().enumerate().filter(|(at, _)| is_in(*at)).map(|(_, share)| share).sum();
        let count = f64::from(set.count_ones());
        for (owner, (stay, share)) in stays.iter_mut().zip(next).enumerate() {
            if is_in(owner) {
                *stay += drawn * (share + (1.0 - own) / count);
            }
        }
    }
    stays
}

/// The same in parts of their sum.
pub fn normal(values: Vec<f64>) -> Vec<f64> {
    let sum: f64 = values.iter().sum();
    values.into_iter().map(|value| value / sum).collect()
}

/// Pearson's statistic.
pub fn chi_square(counted: &[f64], expected: &[f64]) -> f64 {
    counted.iter().zip(expected).map(|(seen, fair)| (seen - fair) * (seen - fair) / fair).sum()
}

/// How likely a statistic this large is by chance alone: the regularised upper gamma function of half of each.
pub fn p_value(statistic: f64, freedom: u32) -> f64 {
    let (a, x) = (f64::from(freedom) / 2.0, statistic / 2.0);
    if x <= 0.0 {
        return 1.0;
    }
    // Γ(a) from Γ(1) or Γ(1/2), then the series of the lower function.
    let start = if freedom.is_multiple_of(2) { 1.0 } else { 0.5 };
    let mut log_gamma = if freedom.is_multiple_of(2) { 0.0 } else { std::f64::consts::PI.sqrt().ln() };
    let mut at: f64 = start;
    while at < a - 0.25 {
        log_gamma += at.ln();
        at += 1.0;
    }
    let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
    while term > sum * 1e-16 {
        n += 1.0;
        term *= x / n;
        sum += term;
    }
    (1.0 - sum * (a * x.ln() - x - log_gamma).exp()).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_set_wins_with_c() {
        let wins = win(1.0 / 3.0, &[5, 3, 2]);
        let nobody: f64 = wins.iter().map(|p| 1.0 - p).product();
        assert!((nobody - 2.0 / 3.0).abs() < 1e-12);
        assert!((win(0.45, &[7])[0] - 0.45).abs() < 1e-12);
    }

    #[test]
    fn shares_add_up_and_are_nearly_proportional() {
        let shares = shares(0.45, &[4, 3, 2, 1]);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for (share, fair) in shares.iter().zip([0.4, 0.3, 0.2, 0.1]) {
            assert!((share - fair).abs() < 0.015, "{share} {fair}");
        }
    }

    #[test]
    fn p_values_of_the_tables() {
        for (statistic, freedom, p) in [
            (7.815, 3, 0.05),
            (16.266, 3, 0.001),
            (12.592, 6, 0.05),
            (0.352, 3, 0.95),
            (3.841, 1, 0.05),
            (5.991, 2, 0.05),
        ] {
            assert!((p_value(statistic, freedom) - p).abs() < 1e-3 * p.max(0.1), "{statistic} {freedom}");
        }
    }
}
