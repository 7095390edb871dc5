//! The ranges of a batch into splits, under `maxRecordsPerPartition` and `minPartitions`. Arithmetic alone.

use super::partitions::Range;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Division {
    /// `minPartitions`: at least so many splits, if there are records for them.
    pub splits_min: Option<u64>,
    /// `maxRecordsPerPartition`.
    pub records_max: Option<u64>,
}

impl Division {
    /// Splits in the order of the ranges, without empty ones.
    pub fn divide(&self, ranges: Vec<Range>) -> Vec<Range> {
        let mut ranges: Vec<Range> = ranges.into_iter().filter(|range| range.size() > 0).collect();
        if let Some(records_max) = self.records_max {
            let parts = |range: &Range| (range.size() as u64).div_ceil(records_max);
            ranges = ranges.iter().flat_map(|range| pieces(range, parts(range))).collect();
        }
        match self.splits_min {
            Some(splits_min) if splits_min > ranges.len() as u64 => at_least(splits_min, ranges),
            _ => ranges,
        }
    }
}

/// Large ranges are cut in proportion to their size. Those too small to be cut are set aside first, so that the
/// others share what is left of the budget.
fn at_least(splits_min: u64, ranges: Vec<Range>) -> Vec<Range> {
    let total: i64 = ranges.iter().map(Range::size).sum();
    let is_small = |range: &&Range| parts(range.size(), total, splits_min) == 1;
    let small: Vec<&Range> = ranges.iter().filter(is_small).collect();
    let left = splits_min.saturating_sub(small.len() as u64).max(1);
    let left_total = total - small.iter().map(|range| range.size()).sum::<i64>();
    let cut = |range: &Range| match is_small(&range) {
        true => vec![range.clone()],
        false => pieces(range, parts(range.size(), left_total, left)),
    };
    ranges.iter().flat_map(cut).collect()
}

fn parts(size: i64, total: i64, splits_min: u64) -> u64 {
    let share = size as f64 / total as f64 * splits_min as f64;
    ((share + 0.5).floor() as u64).max(1)
}

/// `count` neighbouring pieces without the empty ones; the last takes what division leaves over.
fn pieces(range: &Range, count: u64) -> Vec<Range> {
    let count = i64::try_from(count).unwrap_or(i64::MAX).min(range.size());
    let mut pieces = Vec::new();
    let mut from = range.from;
    for index in 0..count {
        let until = from + (range.until - from) / (count - index);
        pieces.push(Range { partition: range.partition.clone(), from, until });
        from = until;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::kafka::partitions::TopicPartition;

    /// Ranges of partitions 0, 1 ... in; (partition, from, until) out.
    fn divided(splits_min: u64, records_max: u64, ranges: &[(i64, i64)]) -> Vec<(i32, i64, i64)> {
        let division = Division {
            splits_min: Some(splits_min).filter(|n| *n > 0),
            records_max: Some(records_max).filter(|n| *n > 0),
        };
        let range = |((from, until), number): (&(i64, i64), i32)| Range {
            partition: TopicPartition::new("t", number),
            from: *from,
            until: *until,
        };
        let splits = division.divide(ranges.iter().zip(0..).map(range).collect());
        splits.iter().map(|split| (split.partition.partition, split.from, split.until)).collect()
    }

    #[test]
    fn ranges_are_split_as_spark_does() {
        // One to one; the empty ones go.
        assert_eq!(divided(0, 0, &[(0, 10), (5, 5), (7, 8)]), [(0, 0, 10), (2, 7, 8)]);
        assert_eq!(divided(2, 0, &[(0, 10), (0, 3)]), [(0, 0, 10), (1, 0, 3)]);
        // Evenly, the rest to the last.
        assert_eq!(divided(3, 0, &[(0, 10)]), [(0, 0, 3), (0, 3, 6), (0, 6, 10)]);
        assert_eq!(divided(4, 0, &[(10, 20), (0, 10)]), [(0, 10, 15), (0, 15, 20), (1, 0, 5), (1, 5, 10)]);
        // A small range stays whole, and the large one gets all of the rest.
        assert_eq!(divided(4, 0, &[(0, 1), (0, 90)]), [(0, 0, 1), (1, 0, 30), (1, 30, 60), (1, 60, 90)]);
        // Never more splits than records.
        assert_eq!(divided(10, 0, &[(0, 2)]), [(0, 0, 1), (0, 1, 2)]);
        // By count, alone and with a minimum.
        assert_eq!(divided(0, 4, &[(0, 10), (0, 4)]), [(0, 0, 3), (0, 3, 6), (0, 6, 10), (1, 0, 4)]);
        assert_eq!(divided(4, 5, &[(0, 10)]), [(0, 0, 2), (0, 2, 5), (0, 5, 7), (0, 7, 10)]);
    }
}
