//! Reads a whole topic as any consumer does: what is committed, or everything. Knows nothing of what is in it.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use crate::services::kafka;

/// For one record, or the end of a partition.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Which records a consumer sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    ReadCommitted,
    ReadUncommitted,
}

/// A record; what is null is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub partition: i32,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// All records of a topic of the shared broker, each partition in order, up to its end.
pub fn read_topic(topic: &str, partitions: i32, isolation: Isolation) -> Vec<Found> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &kafka().bootstrap)
        .set("group.id", "reads-all")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set(
            "isolation.level",
            match isolation {
                Isolation::ReadCommitted => "read_committed",
                Isolation::ReadUncommitted => "read_uncommitted",
            },
        )
        .create()
        .unwrap_or_else(|e| panic!("cannot make a consumer: {e}"));
    let mut places = TopicPartitionList::new();
    for partition in 0..partitions {
        let added = places.add_partition_offset(topic, partition, Offset::Beginning);
        added.unwrap_or_else(|e| panic!("{topic}-{partition}: {e}"));
    }
    consumer.assign(&places).unwrap_or_else(|e| panic!("cannot read {topic}: {e}"));
    let (mut found, mut ended) = (Vec::new(), 0);
    while ended < partitions {
        match consumer.poll(ANSWER_MAX) {
            Some(Ok(record)) => found.push(Found {
                partition: record.partition(),
                key: record.key().unwrap_or_default().to_vec(),
                value: record.payload().unwrap_or_default().to_vec(),
            }),
            Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => panic!("cannot read {topic}: {error}"),
            None => panic!("{topic} has neither a record nor an end"),
        }
    }
    found
}
