//! Shares of a count, with how far they can be believed.

use serde::Serialize;

/// The standard normal's 97.5 % quantile.
const Z: f64 = 1.959_963_984_540_054;

/// A share, with the interval of Wilson's score at 95 %: it stays inside 0 to 1,
/// and means something for three cases as well as for three thousand
/// (E. B. Wilson, 1927, doi:10.1080/01621459.1927.10502953).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rate {
    /// How many had it.
    pub count: u64,
    /// Of how many.
    pub of: u64,
    /// The share, where there is anything to have a share of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// The interval's ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_95: Option<(f64, f64)>,
}

impl Rate {
    /// `count` of `of`.
    #[must_use]
    pub fn new(count: u64, of: u64) -> Self {
        if of == 0 {
            return Self {
                count,
                ..Self::default()
            };
        }
        let n = of as f64;
        let share = count as f64 / n;
        let z2 = Z * Z;
        let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let reach = Z / (1.0 + z2 / n)
            * (share * (1.0 - share) / n + z2 / (4.0 * n * n))
                .max(0.0)
                .sqrt();
        Self {
            count,
            of,
            rate: Some(share),
            interval_95: Some(((middle - reach).max(0.0), (middle + reach).min(1.0))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    /// Figures from R: `prop.test(x, n, correct = FALSE)$conf.int`.
    #[test]
    fn the_interval_is_wilsons() {
        for (count, of, low, high) in [
            (0, 10, 0.0, 0.277_533),
            (10, 10, 0.722_467, 1.0),
            (8, 10, 0.490_162, 0.943_318),
            (50, 100, 0.403_832, 0.596_168),
        ] {
            let found = Rate::new(count, of).interval_95.unwrap();
            assert!((found.0 - low).abs() < 1e-5, "{count}/{of}: {found:?}");
            assert!((found.1 - high).abs() < 1e-5, "{count}/{of}: {found:?}");
        }
    }

    #[test]
    fn of_nothing_there_is_no_share() {
        let rate = Rate::new(0, 0);
        assert_eq!((rate.rate, rate.interval_95), (None, None));
    }
}
