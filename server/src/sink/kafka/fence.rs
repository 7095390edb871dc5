//! May a query with this checkpoint write on to this topic? A decision without I/O. The topic's side is the offset
//! that each transaction commits in the query's own consumer group: the number of the batch behind the newest one.

use crate::error::{Error, Result};
use crate::record::BatchId;
use crate::sink::CheckpointFacts;

/// `newest` is the newest batch that was committed to the topic, as far as its brokers remember.
///
/// Brokers forget offsets that nobody commits for long (`offsets.retention.minutes`, 7 days), and those of a topic
/// that is deleted. That matters only if a batch has been begun: nobody knows then whether it was published.
pub fn judge(newest: Option<BatchId>, facts: &CheckpointFacts, topic: &str) -> Result<()> {
    let shown = |batch: Option<BatchId>| batch.map_or("none".to_string(), |batch| batch.to_string());
    let refuse = |what: &str| {
        Error::data(what)
            .with("topic", topic)
            .with("newest_in_topic", shown(newest))
            .with("newest_in_checkpoint", shown(facts.planned))
            .with("committed", shown(facts.committed))
    };
    if newest > facts.planned {
        return Err(refuse("the topic holds batches that the checkpoint does not know")
            .detail("The checkpoint is older than what was written, as after a restore from a backup.")
            .hint("restore the newest checkpoint, or write to another topic"));
    }
    if newest >= facts.committed {
        return Ok(());
    }
    if facts.planned == facts.committed {
        tracing::warn!(
            topic,
            "the brokers have forgotten what this query wrote; it goes on from its checkpoint"
        );
        return Ok(());
    }
    Err(refuse("the brokers have forgotten whether the last batch was written").hint(
        "write to another topic from now on; records of the batch that is begun may be in this one already",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::testing::facts;

    #[test]
    fn what_the_topic_and_the_checkpoint_say_together() {
        for (newest, planned, committed, refused) in [
            (None, None, None, None),
            (None, Some(0), None, None),
            (Some(0), Some(0), None, None),
            (Some(4), Some(4), Some(4), None),
            (Some(4), Some(5), Some(4), None),
            (Some(5), Some(5), Some(4), None),
            (Some(5), Some(4), Some(4), Some("does not know")),
            (Some(0), None, None, Some("does not know")),
            (None, Some(4), Some(4), None),
            (Some(2), Some(4), Some(4), None),
            (None, Some(5), Some(4), Some("have forgotten")),
            (Some(3), Some(5), Some(4), Some("have forgotten")),
        ] {
            let found = judge(newest, &facts(planned, committed), "t").err().map(|error| error.report());
            let case = format!("{newest:?} {planned:?} {committed:?}: {found:?}");
            match (found, refused) {
                (None, None) => {}
                (Some(found), Some(wanted)) => assert!(found.contains(wanted), "{case}"),
                _ => panic!("{case}"),
            }
        }
    }
}
