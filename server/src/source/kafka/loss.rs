//! What counts as lost records, decided from offsets alone: before a batch, and where reading finds a gap.
//! Whether a loss stops the query is `failOnDataLoss`, not known here.

use std::fmt;

use super::partitions::{Offsets, Partitions, Range, TopicPartition, list};

/// Records that may have been lost.
#[derive(Clone, Debug, PartialEq)]
pub enum Loss {
    /// A new partition whose first records the broker has deleted before they were read.
    NewPartitionStartsLate {
        partition: TopicPartition,
        earliest: i64,
    },
    /// The batch was planned with a new partition that is no longer there.
    NewPartitionGone {
        partition: TopicPartition,
    },
    PartitionGone {
        partition: TopicPartition,
        from: i64,
    },
    /// The end is before the start: the topic was deleted and made anew.
    OffsetsWentBack {
        range: Range,
    },
    /// Records of a range are no longer at the broker.
    Deleted {
        range: Range,
        earliest: i64,
        latest: i64,
    },
    /// An offset that the user asked to start from is not at the broker.
    StartNotThere {
        partition: TopicPartition,
        asked: i64,
        earliest: i64,
        latest: i64,
    },
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::NewPartitionStartsLate { partition, earliest } => {
                write!(f, "the new partition {partition} starts from {earliest} instead of 0")
            }
            Loss::NewPartitionGone { partition } => {
                write!(f, "the new partition {partition} is gone before it was read")
            }
            Loss::PartitionGone { partition, from } => {
                write!(f, "the partition {partition} is gone, it was read up to {from}")
            }
            Loss::OffsetsWentBack { range } => write!(
                f,
                "the end of {} went back from {} to {}: the topic was deleted and made anew, or truncated",
                range.partition, range.from, range.until
            ),
            Loss::Deleted { range, earliest, latest } => {
                write!(f, "{range} are not at the broker, which has {earliest}..{latest}")
            }
            Loss::StartNotThere { partition, asked, earliest, latest } => write!(
                f,
                "startingOffsets asks for {asked} of {partition}, but the broker has {earliest}..{latest}"
            ),
        }
    }
}

/// The ranges from `start` to `end`, partitions that are gone left out, and what may be lost on the way.
///
/// `earliest_of_new` has the partitions that are in `end` alone, as far as they are still there.
pub fn ranges(start: &Offsets, end: &Offsets, earliest_of_new: &Offsets) -> (Vec<Range>, Vec<Loss>) {
    let (mut ranges, mut losses) = (Vec::new(), Vec::new());
    for (partition, from) in start.iter().filter(|(partition, _)| !end.contains_key(partition)) {
        losses.push(Loss::PartitionGone { partition: partition.clone(), from: *from });
    }
    for (partition, until) in end {
        let known = start.get(partition);
        let Some(from) = known.or_else(|| earliest_of_new.get(partition)).copied() else {
            losses.push(Loss::NewPartitionGone { partition: partition.clone() });
            continue;
        };
        if known.is_none() && from != 0 {
            losses.push(Loss::NewPartitionStartsLate { partition: partition.clone(), earliest: from });
        }
        let range = Range { partition: partition.clone(), from, until: *until };
        if range.size() < 0 && known.is_some() {
            losses.push(Loss::OffsetsWentBack { range });
        } else {
            ranges.push(range);
        }
    }
    (ranges, losses)
}

/// How to go on after the broker refused to read at an offset.
#[derive(Clone, Debug, PartialEq)]
pub enum Resume {
    /// The offset is there after all.
    Again,
    /// From this offset on.
    At(i64),
    /// Nothing of the range is left.
    Nowhere,
}

/// `range` is what is left to read; the broker has `earliest..latest`.
pub fn resume(range: &Range, earliest: i64, latest: i64) -> Resume {
    if range.from >= latest || earliest >= range.until {
        Resume::Nowhere
    } else if range.from >= earliest {
        Resume::Again
    } else {
        Resume::At(earliest)
    }
}

/// Why a batch cannot run under the trigger `availableNow`: what was there at start must still be there.
pub fn available_now_problem(end: &Offsets, fixed: &Offsets, latest: &Offsets) -> Option<String> {
    let partitions = |offsets: &Offsets| offsets.keys().cloned().collect::<Partitions>();
    let (of_end, of_fixed) = (partitions(end), partitions(fixed));
    if of_end != of_fixed {
        let differ = of_end.symmetric_difference(&of_fixed);
        return Some(format!(
            "the partitions of the batch and those found at start differ in {}",
            list(differ)
        ));
    }
    for (partition, end) in end {
        match (fixed.get(partition), latest.get(partition)) {
            (_, None) => return Some(format!("the partition {partition} is gone")),
            (Some(fixed), _) if end > fixed => {
                return Some(format!("{partition} is to be read up to {end}, past its end {fixed} at start"));
            }
            (_, Some(latest)) if end > latest => {
                return Some(format!("{partition} is to be read up to {end}, but ends at {latest} now"));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: i32) -> TopicPartition {
        TopicPartition::new("t", number)
    }

    fn offsets(pairs: &[(i32, i64)]) -> Offsets {
        pairs.iter().map(|(number, offset)| (partition(*number), *offset)).collect()
    }

    fn range(number: i32, from: i64, until: i64) -> Range {
        Range { partition: partition(number), from, until }
    }

    #[test]
    fn ranges_and_losses_for_every_partition_event() {
        let none = || offsets(&[]);
        for (start, end, new, ranges_expected, losses_expected) in [
            (offsets(&[(0, 5)]), offsets(&[(0, 9)]), none(), vec![range(0, 5, 9)], vec![]),
            (offsets(&[(0, 5)]), offsets(&[(0, 5)]), none(), vec![range(0, 5, 5)], vec![]),
            // A new partition starts at its earliest offset, which should be 0.
            (none(), offsets(&[(1, 4)]), offsets(&[(1, 0)]), vec![range(1, 0, 4)], vec![]),
            (
                none(),
                offsets(&[(1, 4)]),
                offsets(&[(1, 3)]),
                vec![range(1, 3, 4)],
                vec![Loss::NewPartitionStartsLate { partition: partition(1), earliest: 3 }],
            ),
            // All of a new partition aged out between plan and read.
            (
                none(),
                offsets(&[(1, 4)]),
                offsets(&[(1, 6)]),
                vec![range(1, 6, 4)],
                vec![Loss::NewPartitionStartsLate { partition: partition(1), earliest: 6 }],
            ),
            (
                none(),
                offsets(&[(1, 4)]),
                none(),
                vec![],
                vec![Loss::NewPartitionGone { partition: partition(1) }],
            ),
            (
                offsets(&[(0, 5), (1, 2)]),
                offsets(&[(1, 3)]),
                none(),
                vec![range(1, 2, 3)],
                vec![Loss::PartitionGone { partition: partition(0), from: 5 }],
            ),
            (
                offsets(&[(0, 5)]),
                offsets(&[(0, 3)]),
                none(),
                vec![],
                vec![Loss::OffsetsWentBack { range: range(0, 5, 3) }],
            ),
        ] {
            let found = ranges(&start, &end, &new);
            assert_eq!(found, (ranges_expected, losses_expected), "{start:?} {end:?}");
        }
    }

    #[test]
    fn reading_resumes_at_the_earliest_offset_inside_the_range() {
        for (from, until, earliest, latest, expected) in [
            (10, 20, 0, 50, Resume::Again),
            (10, 20, 10, 50, Resume::Again),
            (10, 20, 15, 50, Resume::At(15)),
            (10, 20, 20, 50, Resume::Nowhere),
            (10, 20, 30, 50, Resume::Nowhere),
            (10, 20, 0, 10, Resume::Nowhere),
            (10, 20, 0, 5, Resume::Nowhere),
        ] {
            assert_eq!(resume(&range(0, from, until), earliest, latest), expected, "{earliest}..{latest}");
        }
    }

    #[test]
    fn available_now_needs_what_was_there_at_start() {
        let fixed = offsets(&[(0, 10), (1, 5)]);
        for (end, latest, problem) in [
            (offsets(&[(0, 4), (1, 5)]), offsets(&[(0, 12), (1, 5), (2, 1)]), None),
            (offsets(&[(0, 4)]), fixed.clone(), Some("differ in t-1")),
            (offsets(&[(0, 11), (1, 5)]), offsets(&[(0, 20), (1, 5)]), Some("past its end 10")),
            (offsets(&[(0, 10), (1, 5)]), offsets(&[(0, 10)]), Some("t-1 is gone")),
            (offsets(&[(0, 10), (1, 5)]), offsets(&[(0, 9), (1, 5)]), Some("ends at 9 now")),
        ] {
            let found = available_now_problem(&end, &fixed, &latest);
            assert_eq!(found.is_some(), problem.is_some(), "{end:?}");
            assert!(found.unwrap_or_default().contains(problem.unwrap_or_default()), "{end:?}");
        }
    }
}
