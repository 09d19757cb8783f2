//! Where the records of a list probably are, judged by some of their ids. A wrong guess costs requests, never records.

/// The highest ids of a list that descends: the highest one, and the ids for each record.
#[derive(Debug, Clone, Copy)]
pub(super) struct HighestIds {
    pub(super) top: u64,
    pub(super) stride: u64,
}

impl HighestIds {
    /// The id from which on there are `rows` records, if all are as dense as the highest.
    pub(super) fn id_before(&self, rows: u64) -> u64 {
        self.top.saturating_sub(self.stride.saturating_mul(rows))
    }
}

/// The gap that half of the gaps between these ids do not exceed; one long gap does not change it. At least 1.
pub(super) fn median_gap(ids: &[u64]) -> u64 {
    let mut gaps: Vec<u64> =
        ids.windows(2).map(|pair| pair.iter().copied().reduce(u64::abs_diff).unwrap_or(1)).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(1).max(1)
}

/// The id before which there are probably `wanted` of `total` records, of which these ids are a sample.
pub(super) fn cut_of_sample(ids: &[u64], wanted: u64, total: u64) -> Option<u64> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    let (lowest, highest, rows) = (*sorted.first()?, *sorted.last()?, sorted.len() as u64);
    let below = usize::try_from(u128::from(rows + 1) * u128::from(wanted) / u128::from(total.max(1))).ok()?;
    if let Some(index) = below.checked_sub(1) {
        return sorted.get(index).or(Some(&highest)).copied();
    }
    let before_lowest = (highest - lowest) / (rows + 1);
    Some(lowest.saturating_sub(before_lowest).saturating_add(multiplied(highest - lowest, wanted, total)))
}

/// `a * b / c`, at least 1.
pub(super) fn multiplied(a: u64, b: u64, c: u64) -> u64 {
    let product = u128::from(a).saturating_mul(u128::from(b)) / u128::from(c.max(1));
    u64::try_from(product).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_in_any_order_shows_where_a_part_of_the_records_ends() {
        let sample = [90, 10, 50, 30, 70];
        assert_eq!(cut_of_sample(&sample, 50, 100), Some(50), "half of the records");
        assert_eq!(cut_of_sample(&sample, 100, 100), Some(90));
        assert_eq!(
            cut_of_sample(&sample, 5, 100),
            Some(4),
            "before the lowest id of the sample: 10 - 13, which is 0, + 4"
        );
        assert_eq!(cut_of_sample(&[], 5, 100), None);
    }

    #[test]
    fn one_long_gap_does_not_change_the_median() {
        assert_eq!(median_gap(&[2, 5_000_000, 5_000_003, 5_000_006, 5_000_009]), 3);
        assert_eq!((median_gap(&[7]), median_gap(&[])), (1, 1));
    }

    #[test]
    fn dense_records_end_at_the_highest_id() {
        let ids = HighestIds { top: 5_015_700, stride: 1 };
        assert_eq!(ids.id_before(15_699), 5_000_001);
        assert_eq!(HighestIds { top: 10, stride: u64::MAX }.id_before(3), 0);
    }
}
