//! Asks the brokers which partitions there are and which offsets they have; tries again within bounds.
//! Reads no records.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::client::{Client, Fault, Topic};
use super::config::{KafkaConfig, Subscription};
use super::partitions::{EARLIEST, LATEST, Offsets, Partitions, TopicPartition};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

/// For one attempt at one question.
const ANSWER_TIMEOUT_MS: i32 = 10_000;

/// Topics of Kafka's own, which a pattern never finds.
const INTERNAL_TOPICS: [&str; 3] = ["__consumer_offsets", "__transaction_state", "__share_group_state"];

pub struct Cluster {
    client: Arc<Client>,
    clock: Arc<dyn Clock>,
    subscription: Subscription,
    attempts_max: u64,
    retry_interval: Duration,
    /// Kept, so that the client keeps what it knows of them.
    topics: BTreeMap<String, Topic>,
}

impl Cluster {
    pub fn new(config: &KafkaConfig, client: Arc<Client>, clock: Arc<dyn Clock>) -> Cluster {
        Cluster {
            client,
            clock,
            subscription: config.subscription.clone(),
            attempts_max: config.attempts_max,
            retry_interval: Duration::from_millis(config.retry_interval_ms),
            topics: BTreeMap::new(),
        }
    }

    /// The partitions to read now: new ones appear by themselves.
    pub fn partitions(&mut self) -> Result<Partitions> {
        let names = match &self.subscription {
            Subscription::Assign(partitions) => return Ok(partitions.clone()),
            Subscription::Topics(names) => names.clone(),
            Subscription::Pattern(pattern) => {
                let client = self.client.clone();
                let all =
                    self.ask("list the topics of Kafka", "", || client.topic_names(ANSWER_TIMEOUT_MS))?;
                let is_wanted =
                    |name: &String| !INTERNAL_TOPICS.contains(&name.as_str()) && pattern.is_match(name);
                all.into_iter().filter(is_wanted).collect()
            }
        };
        self.topics.retain(|name, _| names.contains(name));
        let mut partitions = Partitions::new();
        for name in names {
            let topic = match self.topics.remove(&name) {
                Some(topic) => topic,
                None => Topic::new(&self.client, &name)?,
            };
            let found = self.ask("ask Kafka for the partitions of a topic", &name, || {
                self.client.partitions(&topic, ANSWER_TIMEOUT_MS)
            });
            partitions.extend(found?.into_iter().map(|number| TopicPartition::new(&name, number)));
            self.topics.insert(name, topic);
        }
        Ok(partitions)
    }

    pub fn latest(&self, partitions: &Partitions) -> Result<Offsets> {
        self.offsets_at(&at(partitions, LATEST))
    }

    pub fn earliest(&self, partitions: &Partitions) -> Result<Offsets> {
        self.offsets_at(&at(partitions, EARLIEST))
    }

    /// For each partition the offset of the first record at or after a time in milliseconds, -1 if there is none.
    pub fn offsets_at(&self, times: &Offsets) -> Result<Offsets> {
        let topics: Vec<&str> = times.keys().map(|partition| &*partition.topic).collect();
        let topics = topics.chunk_by(|a, b| a == b).map(|same| same[0]).collect::<Vec<_>>().join(", ");
        self.ask("ask Kafka for offsets", &topics, || self.client.offsets_at(times, ANSWER_TIMEOUT_MS))
    }

    fn ask<T>(
        &self,
        what: &str,
        topics: &str,
        attempt: impl Fn() -> std::result::Result<T, Fault>,
    ) -> Result<T> {
        let mut attempts = 1;
        loop {
            let fault = match attempt() {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            if attempts >= self.attempts_max {
                return Err(self.failed(what, topics, attempts, fault));
            }
            tracing::warn!(topics, attempts, "cannot {what}, will try again: {fault}");
            attempts += 1;
            self.clock.sleep(self.retry_interval);
        }
    }

    fn failed(&self, what: &str, topics: &str, attempts: u64, fault: Fault) -> Error {
        use rdkafka::bindings::rd_kafka_resp_err_t::*;
        let (kind, hint) = if fault.is(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            || fault.is(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
            || fault.is(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
        {
            (ErrorKind::User, "the topic or partition does not exist: create it, or correct its name")
        } else if fault.is(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
            (ErrorKind::User, "the user of this query needs the rights DESCRIBE and READ on the topic")
        } else {
            (
                ErrorKind::External,
                "check kafka.bootstrap.servers and that the brokers answer under the addresses they advertise",
            )
        };
        let error =
            Error::new(kind, format!("cannot {what}")).with("topics", topics).with("attempts", attempts);
        let error = error.hint(hint).because(fault);
        match self.client.last_warning() {
            Some(warning) => error.detail(format!("the Kafka client last said: {warning}")),
            None => error,
        }
    }
}

fn at(partitions: &Partitions, time: i64) -> Offsets {
    partitions.iter().map(|partition| (partition.clone(), time)).collect()
}
