//! How far a batch goes under `maxOffsetsPerTrigger` and `minOffsetsPerTrigger`. Arithmetic alone.

use super::partitions::{Offsets, TopicPartition};

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// `maxOffsetsPerTrigger`.
    pub max: Option<u64>,
    /// `minOffsetsPerTrigger`.
    pub min: Option<u64>,
    /// `maxTriggerDelay`: for so long at most a batch waits for `min`.
    pub delay_max_ms: i64,
}

/// When a batch last went ahead under `minOffsetsPerTrigger`; the first one always does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LastFired {
    at_ms: i64,
}

impl LastFired {
    /// Whether the batch is to wait for more records. `from` is where it starts; partitions that are new count
    /// from 0.
    pub fn is_to_wait(&mut self, limits: &Limits, from: &Offsets, latest: &Offsets, now_ms: i64) -> bool {
        let Some(min) = limits.min else { return false };
        let fresh: i128 = latest
            .iter()
            .map(|(partition, latest)| i128::from(latest - from.get(partition).copied().unwrap_or(0)))
            .sum();
        let waited_ms = now_ms.saturating_sub(self.at_ms);
        if waited_ms < limits.delay_max_ms && fresh < i128::from(min) {
            return true;
        }
        self.at_ms = now_ms;
        false
    }
}

/// The end of a batch of about `max` records, shared among the partitions by how much each has.
///
/// A partition that has any record gives at least one, so the batch may be larger than `max`. `from` holds the
/// earliest offsets of new partitions too.
pub fn limited(from: &Offsets, latest: &Offsets, max: u64) -> Offsets {
    let size = |partition: &TopicPartition, latest: i64| -> Option<i64> {
        from.get(partition).map(|from| latest - from).filter(|size| *size > 0)
    };
    let total: f64 = latest.iter().filter_map(|(p, latest)| size(p, *latest)).map(|size| size as f64).sum();
    let mut ends = Offsets::new();
    for (partition, latest) in latest {
        let end = match size(partition, *latest) {
            Some(size) => {
                let share = max as f64 * (size as f64 / total);
                let take = if share < 1.0 { share.ceil() } else { share.floor() } as i64;
                (latest - size).saturating_add(take).min(*latest)
            }
            None => *latest,
        };
        ends.insert(partition.clone(), end);
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(numbers: &[i64]) -> Offsets {
        numbers
            .iter()
            .zip(0..)
            .map(|(offset, partition)| (TopicPartition::new("t", partition), *offset))
            .collect()
    }

    #[test]
    fn a_limit_is_shared_in_proportion() {
        for (from, latest, max, expected) in [
            // Spark's formula: floor of the share, at least one record.
            (&[0, 0][..], &[100, 100][..], 10, &[5, 5][..]),
            (&[0, 0], &[300, 100], 10, &[7, 2]),
            (&[0, 0, 0], &[1, 1, 1000], 10, &[1, 1, 9]),
            // Fewer than partitions: everyone gives one, more than was asked for.
            (&[0, 0, 0], &[10, 10, 10], 1, &[1, 1, 1]),
            (&[5, 7], &[5, 17], 100, &[5, 17]),
            // Nothing there, and a topic that was made anew.
            (&[5, 7], &[5, 7], 3, &[5, 7]),
            (&[50, 0], &[10, 10], 4, &[10, 4]),
            // A partition whose start is not known is left to the check of the range.
            (&[0], &[10, 10], 4, &[4, 10]),
            (&[i64::MAX - 2], &[i64::MAX], u64::MAX, &[i64::MAX]),
        ] {
            assert_eq!(
                limited(&offsets(from), &offsets(latest), max),
                offsets(expected),
                "{from:?} {latest:?}"
            );
        }
    }

    #[test]
    fn a_batch_waits_for_its_minimum_but_not_longer_than_the_delay() {
        let limits = Limits { min: Some(10), max: None, delay_max_ms: 1_000 };
        let mut fired = LastFired::default();
        let (from, few, enough) = (offsets(&[0, 0]), offsets(&[3, 4]), offsets(&[3, 7]));
        for (latest, now_ms, waits) in [
            (&few, 50_000, false), // The first check fires at once.
            (&few, 50_999, true),
            (&few, 51_000, false),
            (&few, 51_500, true),
            (&enough, 51_600, false),
            (&few, 52_500, true),
            (&few, 52_600, false),
        ] {
            assert_eq!(fired.is_to_wait(&limits, &from, latest, now_ms), waits, "{now_ms}");
        }
        let none = Limits { min: None, ..limits };
        assert!(!fired.is_to_wait(&none, &from, &from, 52_601));
    }
}
