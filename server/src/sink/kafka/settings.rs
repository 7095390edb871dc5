//! What a Kafka sink was asked for, checked without reaching out: the topic, and the settings of its clients.

use crate::error::Result;
use crate::kafka::{Role, Setting, settings};
use crate::record::Options;

const KNOWN: [&str; 3] = ["topic", "kafka.*", "kafka.bootstrap.servers"];

/// The longest name that Kafka gives a topic.
const TOPIC_CHARS_MAX: usize = 249;

#[derive(Clone, Debug)]
pub struct KafkaSettings {
    pub topic: String,
    pub clients: Vec<Setting>,
}

impl KafkaSettings {
    /// `User` error, with what would work.
    pub fn of(options: &Options) -> Result<KafkaSettings> {
        options.refuse_unknown(&KNOWN)?;
        let topic = options.required("topic", "name the topic to write to: `topic: refused`")?.trim();
        let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if topic.is_empty() || topic.len() > TOPIC_CHARS_MAX || !topic.chars().all(is_fine) {
            return Err(options.bad_value("topic", "the name of a topic: letters, digits, `.`, `_` and `-`"));
        }
        let clients = settings(options, Role::Writer)?;
        Ok(KafkaSettings { topic: topic.to_string(), clients })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::testing::options;

    #[test]
    fn wrong_options_are_named() {
        let servers = ("kafka.bootstrap.servers", "b:1");
        let topic = ("topic", "t");
        assert_eq!(KafkaSettings::of(&options(&[servers, topic])).unwrap().topic, "t");
        for (given, option) in [
            (&[servers][..], "topic"),
            (&[topic], "kafka.bootstrap.servers"),
            (&[servers, ("topic", "a b")], "topic"),
            (&[servers, topic, ("topics", "x")], "topics"),
            (&[servers, topic, ("kafka.acks", "1")], "kafka.acks"),
        ] {
            assert_eq!(KafkaSettings::of(&options(given)).unwrap_err().fact("option"), Some(option));
        }
    }
}
