//! Where a query without a checkpoint starts: the option resolved to offsets, once.

use super::cluster::Cluster;
use super::config::{KafkaConfig, NoMatch, Starting};
use super::loss::Loss;
use super::partitions::{EARLIEST, LATEST, Offsets, Partitions, list};
use crate::error::{Error, Result};

/// The first offsets. `lost` decides about an offset that the broker does not have; if it lets it pass, the
/// partition starts at its earliest.
pub fn resolve(
    config: &KafkaConfig,
    cluster: &mut Cluster,
    lost: impl Fn(&Loss) -> Result<()>,
) -> Result<Offsets> {
    let partitions = cluster.partitions()?;
    match &config.starting {
        Starting::Earliest => cluster.earliest(&partitions),
        Starting::Latest => cluster.latest(&partitions),
        Starting::Offsets(asked) => {
            require_all("startingOffsets", asked, &partitions)?;
            let (earliest, latest) = (cluster.earliest(&partitions)?, cluster.latest(&partitions)?);
            chosen(asked, &earliest, &latest, lost)
        }
        Starting::Timestamp(millis) => {
            let times = partitions.iter().map(|partition| (partition.clone(), *millis)).collect();
            at_times(config.no_match, cluster, &times)
        }
        Starting::Timestamps(times) => {
            require_all("startingOffsetsByTimestamp", times, &partitions)?;
            at_times(config.no_match, cluster, times)
        }
    }
}

fn require_all(option: &'static str, asked: &Offsets, partitions: &Partitions) -> Result<()> {
    if asked.keys().eq(partitions.iter()) {
        return Ok(());
    }
    Err(Error::user("the option must name exactly the partitions that are read")
        .with("option", option)
        .with("named", list(asked.keys()))
        .with("read", list(partitions))
        .hint("name every partition; in startingOffsets -1 stands for latest and -2 for earliest"))
}

fn chosen(
    asked: &Offsets,
    earliest: &Offsets,
    latest: &Offsets,
    lost: impl Fn(&Loss) -> Result<()>,
) -> Result<Offsets> {
    let mut offsets = Offsets::new();
    for (partition, asked) in asked {
        let (Some(earliest), Some(latest)) = (earliest.get(partition), latest.get(partition)) else {
            return Err(Error::internal("a partition has no offsets").with("partition", partition));
        };
        let offset = match *asked {
            LATEST => *latest,
            EARLIEST => *earliest,
            asked if (*earliest..=*latest).contains(&asked) => asked,
            asked => {
                let partition = partition.clone();
                lost(&Loss::StartNotThere { partition, asked, earliest: *earliest, latest: *latest })?;
                *earliest
            }
        };
        offsets.insert(partition.clone(), offset);
    }
    Ok(offsets)
}

fn at_times(no_match: NoMatch, cluster: &Cluster, times: &Offsets) -> Result<Offsets> {
    let mut offsets = cluster.offsets_at(times)?;
    let without: Partitions =
        offsets.iter().filter(|(_, offset)| **offset < 0).map(|(partition, _)| partition.clone()).collect();
    if without.is_empty() {
        return Ok(offsets);
    }
    match no_match {
        NoMatch::Latest => offsets.extend(cluster.latest(&without)?),
        NoMatch::Fail => {
            let times: Vec<String> =
                without.iter().filter_map(|p| Some(format!("{p} at {}", times.get(p)?))).collect();
            return Err(Error::user("no record is as late as the time to start from")
                .with("times", times.join(", "))
                .hint(
                    "set startingOffsetsByTimestampStrategy to latest to start such partitions at their end",
                ));
        }
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::kafka::partitions::TopicPartition;

    fn offsets(numbers: &[i64]) -> Offsets {
        numbers
            .iter()
            .zip(0..)
            .map(|(offset, partition)| (TopicPartition::new("t", partition), *offset))
            .collect()
    }

    #[test]
    fn asked_offsets_are_checked_against_the_broker() {
        let (earliest, latest) = (offsets(&[5, 5, 5, 5, 5, 5]), offsets(&[9, 9, 9, 9, 9, 9]));
        let asked = offsets(&[LATEST, EARLIEST, 5, 9, 4, 10]);
        let lost = std::cell::Cell::new(0);
        let found = chosen(&asked, &earliest, &latest, |_| {
            lost.set(lost.get() + 1);
            Ok(())
        });
        assert_eq!((found.unwrap(), lost.get()), (offsets(&[9, 5, 5, 9, 5, 5]), 2));
        let refused = chosen(&asked, &earliest, &latest, |loss| Err(Error::data(loss.to_string())));
        assert!(refused.unwrap_err().to_string().contains("asks for 4 of t-4, but the broker has 5..9"));
    }

    #[test]
    fn all_partitions_must_be_named() {
        let read: Partitions = offsets(&[0, 0]).into_keys().collect();
        assert!(require_all("startingOffsets", &offsets(&[1, 2]), &read).is_ok());
        let error = require_all("startingOffsets", &offsets(&[1]), &read).unwrap_err();
        assert_eq!((error.fact("named"), error.fact("read")), (Some("t-0"), Some("t-0, t-1")));
    }
}
