//! Lengths of time, by their middle and their tail.

use serde::Serialize;

/// What a number of lengths of time are like, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// How many there were.
    pub count: u64,
    /// Half of them were no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median_s: Option<f64>,
    /// Nine of ten were no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p90_s: Option<f64>,
    /// The longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_s: Option<f64>,
}

impl Spread {
    /// Of lengths in milliseconds. A quantile is one that occurred (nearest rank),
    /// never one made up between two.
    #[must_use]
    pub fn of(lengths_ms: &[u64]) -> Self {
        let mut sorted = lengths_ms.to_vec();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).map(|ms| *ms as f64 / 1_000.0)
        };
        Self {
            count: sorted.len() as u64,
            median_s: at(50),
            p90_s: at(90),
            longest_s: at(100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let spread = Spread::of(&[9_000, 1_000, 2_000, 3_000]);
        assert_eq!(spread.count, 4);
        assert_eq!(spread.median_s, Some(2.0));
        assert_eq!(spread.p90_s, Some(9.0));
        assert_eq!(spread.longest_s, Some(9.0));
        assert_eq!(Spread::of(&[]), Spread::default());
        assert_eq!(Spread::of(&[5]).median_s, Some(0.005));
    }
}
