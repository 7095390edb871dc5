//! Partitions and the offsets in them, as JSON in option values and in the checkpoint. Asks no broker.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::record::Offset;

/// In an offset JSON of a user: the end of the partition.
pub const LATEST: i64 = -1;

/// In an offset JSON of a user: the first record that the broker still has.
pub const EARLIEST: i64 = -2;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicPartition {
    pub topic: Arc<str>,
    pub partition: i32,
}

impl TopicPartition {
    pub fn new(topic: &str, partition: i32) -> TopicPartition {
        TopicPartition { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// A number for each partition: the next offset to read, or a timestamp in milliseconds.
pub type Offsets = BTreeMap<TopicPartition, i64>;

pub type Partitions = BTreeSet<TopicPartition>;

/// The offsets `from..until` of a partition.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    pub partition: TopicPartition,
    pub from: i64,
    pub until: i64,
}

impl Range {
    pub fn size(&self) -> i64 {
        self.until - self.from
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} offsets {}..{}", self.partition, self.from, self.until)
    }
}

/// For errors: `t-0, t-1`.
pub fn list<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> String {
    partitions.into_iter().map(TopicPartition::to_string).collect::<Vec<_>>().join(", ")
}

/// `{"topic":{"0":23}}`, topics sorted, partitions by number.
pub fn to_offset(offsets: &Offsets) -> Offset {
    let mut topics = Map::new();
    for (partition, offset) in offsets {
        let topic = topics.entry(partition.topic.to_string()).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(numbers) = topic {
            numbers.insert(partition.partition.to_string(), (*offset).into());
        }
    }
    Offset(Value::Object(topics))
}

/// What [`to_offset`] wrote into the checkpoint.
pub fn from_offset(offset: &Offset) -> Result<Offsets> {
    read_numbers(&offset.0).map_err(|why| {
        Error::data(format!("this is no offset of a Kafka source: {why}")).with("offset", offset)
    })
}

/// Reads `{"topic":{"0":23}}`; the text of the error says what is wrong.
pub fn read_numbers(json: &Value) -> std::result::Result<Offsets, String> {
    let mut offsets = Offsets::new();
    for (topic, numbers) in json.as_object().ok_or("it is not a JSON object of topics")? {
        let numbers =
            numbers.as_object().ok_or_else(|| format!("`{topic}` is not an object of partitions"))?;
        let topic: Arc<str> = topic.as_str().into();
        for (number, offset) in numbers {
            let partition = partition_number(number.parse().ok())
                .ok_or_else(|| format!("`{number}` of `{topic}` is not the number of a partition"))?;
            let offset = offset
                .as_i64()
                .ok_or_else(|| format!("`{offset}` of `{topic}` `{partition}` is not a whole number"))?;
            offsets.insert(TopicPartition { topic: topic.clone(), partition }, offset);
        }
    }
    Ok(offsets)
}

/// Reads `{"topic":[0,1]}`; the text of the error says what is wrong.
pub fn read_partitions(json: &Value) -> std::result::Result<Partitions, String> {
    let mut partitions = Partitions::new();
    for (topic, numbers) in json.as_object().ok_or("it is not a JSON object of topics")? {
        for number in numbers.as_array().ok_or_else(|| format!("`{topic}` is not a list of partitions"))? {
            let partition = partition_number(number.as_i64())
                .ok_or_else(|| format!("`{number}` of `{topic}` is not the number of a partition"))?;
            partitions.insert(TopicPartition::new(topic, partition));
        }
    }
    Ok(partitions)
}

fn partition_number(number: Option<i64>) -> Option<i32> {
    number.and_then(|number| i32::try_from(number).ok()).filter(|number| *number >= 0)
}

/// Entry 0 of the source's log: a zero byte, `v1`, the JSON. Spark's own form, the byte of its version 2.1 included.
pub fn encode_initial(offsets: &Offsets) -> Vec<u8> {
    format!("\0v1\n{}", to_offset(offsets)).into_bytes()
}

pub fn decode_initial(content: &[u8]) -> Result<Offsets> {
    let unreadable = |why: &str| {
        Error::data(format!("the first offsets of the query are not readable: {why}"))
            .with("entry", String::from_utf8_lossy(content).escape_debug())
            .with("file", "0 in the source's folder of the checkpoint")
    };
    let text = content.strip_prefix(b"\0v1\n").ok_or_else(|| unreadable("they do not start with v1"))?;
    let json: Value = serde_json::from_slice(text).map_err(|cause| unreadable("no JSON").because(cause))?;
    read_numbers(&json).map_err(|why| unreadable(&why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_written_in_order_and_read_back() {
        let mut offsets = Offsets::new();
        for (topic, partition, offset) in [("b", 10, 5), ("b", 2, 7), ("a", 0, 1)] {
            offsets.insert(TopicPartition::new(topic, partition), offset);
        }
        let offset = to_offset(&offsets);
        assert_eq!(offset.to_string(), r#"{"a":{"0":1},"b":{"2":7,"10":5}}"#);
        assert_eq!(from_offset(&offset).unwrap(), offsets);
        let entry = encode_initial(&offsets);
        assert_eq!(entry, b"\0v1\n{\"a\":{\"0\":1},\"b\":{\"2\":7,\"10\":5}}");
        assert_eq!(decode_initial(&entry).unwrap(), offsets);
        assert_eq!(to_offset(&Offsets::new()).to_string(), "{}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (json, why) in [
            ("[]", "it is not a JSON object of topics"),
            (r#"{"t":3}"#, "`t` is not an object of partitions"),
            (r#"{"t":{"x":3}}"#, "`x` of `t` is not the number of a partition"),
            (r#"{"t":{"-1":3}}"#, "`-1` of `t` is not the number of a partition"),
            (r#"{"t":{"0":1.5}}"#, "`1.5` of `t` `0` is not a whole number"),
        ] {
            assert_eq!(read_numbers(&serde_json::from_str(json).unwrap()).unwrap_err(), why, "{json}");
        }
        for (json, why) in [
            (r#"{"t":{"0":1}}"#, "`t` is not a list of partitions"),
            (r#"{"t":["0"]}"#, "`\"0\"` of `t` is not the number of a partition"),
        ] {
            assert_eq!(read_partitions(&serde_json::from_str(json).unwrap()).unwrap_err(), why, "{json}");
        }
        for entry in [&b"v1\n{}"[..], b"\0v2\n{}", b"\0v1\n{", b""] {
            assert!(decode_initial(entry).is_err(), "{entry:?}");
        }
    }
}
