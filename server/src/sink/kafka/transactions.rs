//! A producer that writes batches to one topic, each in a transaction that also commits the batch's number, as an
//! offset of a consumer group of the query's own. What is written is not known here.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};

use super::settings::KafkaSettings;
use super::spool::{Record, Spool};
use crate::error::{Error, ErrorKind, Result};
use crate::fault;
use crate::record::BatchId;

/// For each question to the brokers.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Attempts at a step of a transaction that the client says may be tried again.
const ATTEMPTS_MAX: u32 = 3;

/// A full queue of records is looked at again after so long, and at most so often before brokers count as gone.
const QUEUE_WAIT: Duration = Duration::from_millis(100);
const QUEUE_WAITS_MAX: u32 = 600;

/// The partition of the topic whose number the group's offset stands under.
const OFFSET_PARTITION: i32 = 0;

/// Settings of both clients that a query cannot change.
const CLIENT_SETTINGS: [(&str, &str); 2] =
    [("allow.auto.create.topics", "false"), ("log.connection.close", "false")];

pub struct Transactions {
    producer: BaseProducer<Context>,
    /// Joins no group: it asks what its group has committed.
    group: BaseConsumer<Context>,
    topic: String,
}

impl Transactions {
    /// Connects under the name `id`, which the query has at every start. Any other process that writes under it can
    /// commit nothing from now on, and what it left open is taken back.
    pub fn open(settings: &KafkaSettings, id: &str) -> Result<Transactions> {
        let refused = |error| Error::user("cannot configure the Kafka client").because(error);
        let config = |own: &[(&str, &str)]| {
            let mut config = ClientConfig::new();
            for (key, value) in CLIENT_SETTINGS.iter().chain(own) {
                config.set(*key, *value);
            }
            config.set("client.id", id);
            config
        };
        let mut producer = config(&[("transactional.id", id), ("partitioner", "murmur2_random")]);
        let mut group = config(&[("group.id", id), ("enable.auto.commit", "false")]);
        for (key, value) in &settings.clients {
            producer.set(key, value);
            if !OF_PRODUCERS.contains(&key.as_str()) {
                group.set(key, value);
            }
        }
        let group: BaseConsumer<Context> = group.create_with_context(Context::default()).map_err(refused)?;
        let producer = producer.create_with_context(Context::default()).map_err(refused)?;
        let opened = Transactions { producer, group, topic: settings.topic.clone() };
        opened.check_topic()?;
        opened.step("take over the transactions of the query", || {
            opened.producer.init_transactions(ANSWER_MAX)
        })?;
        Ok(opened)
    }

    fn check_topic(&self) -> Result<()> {
        let what = "ask Kafka for the partitions of a topic";
        let found = self.group.fetch_metadata(Some(&self.topic), ANSWER_MAX);
        let found = found.map_err(|error| self.failed(what, error))?;
        match found.topics().first().and_then(|topic| topic.error()) {
            Some(error) => Err(self.failed(what, KafkaError::MetadataFetch(error.into()))),
            None => Ok(()),
        }
    }

    /// The newest batch that was committed under this name.
    pub fn newest(&self) -> Result<Option<BatchId>> {
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&self.topic, OFFSET_PARTITION);
        let found = self.group.committed_offsets(asked, ANSWER_MAX);
        let found = found.map_err(|error| self.failed("ask Kafka which batch was committed last", error))?;
        let offset = found.find_partition(&self.topic, OFFSET_PARTITION).map(|element| element.offset());
        match offset {
            Some(Offset::Offset(next)) => Ok(u64::try_from(next).ok().and_then(|next| next.checked_sub(1))),
            _ => Ok(None),
        }
    }

    /// Writes records and the number of their batch: all of it or nothing.
    pub fn write(&self, batch: BatchId, records: &[Spool]) -> Result<()> {
        self.step("begin a transaction", || self.producer.begin_transaction())?;
        fault::point("transaction-begun");
        self.producer.context().take_undelivered();
        let written = self.write_and_commit(batch, records);
        if written.is_err() {
            // The next start takes back what this cannot.
            if let Err(error) = self.producer.abort_transaction(ANSWER_MAX) {
                tracing::warn!(topic = self.topic, "cannot abort a transaction: {error}");
            }
        }
        written
    }

    fn write_and_commit(&self, batch: BatchId, records: &[Spool]) -> Result<()> {
        for spool in records {
            spool.for_each(|record| self.send(record))?;
        }
        self.producer.flush(ANSWER_MAX).map_err(|error| self.failed("write records", error))?;
        fault::point("transaction-written");
        let next = i64::try_from(batch + 1).map_err(|_| Error::internal("a batch has too large a number"))?;
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(&self.topic, OFFSET_PARTITION, Offset::Offset(next))
            .map_err(|error| self.failed("name an offset", error))?;
        let group = self.group.group_metadata();
        let group = group.ok_or_else(|| Error::internal("a Kafka client has no group"))?;
        self.step("write the number of a batch", || {
            self.producer.send_offsets_to_transaction(&offsets, &group, ANSWER_MAX)
        })?;
        fault::point("transaction-before-commit");
        self.step("commit a transaction", || self.producer.commit_transaction(ANSWER_MAX))?;
        fault::point("transaction-committed");
        Ok(())
    }

    fn send(&self, (key, value): Record<'_>) -> Result<()> {
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.topic);
        (record.key, record.payload) = (key, value);
        for _ in 0..QUEUE_WAITS_MAX {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => record = back,
                Err((error, _)) => return Err(self.failed("write a record", error)),
            }
            self.producer.poll(QUEUE_WAIT);
        }
        Err(self.failed("write a record", KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)))
    }

    /// Tries a step again while the client says that it may be.
    fn step(&self, what: &str, attempt: impl Fn() -> std::result::Result<(), KafkaError>) -> Result<()> {
        let mut attempts = 1;
        loop {
            match attempt() {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(error)) if error.is_retriable() && attempts < ATTEMPTS_MAX => {
                    tracing::warn!(topic = self.topic, attempts, "cannot {what}, will try again: {error}");
                    attempts += 1;
                }
                Err(error) => return Err(self.failed(what, error)),
            }
        }
    }

    fn failed(&self, what: &str, error: KafkaError) -> Error {
        use RDKafkaErrorCode::*;
        let error = self.producer.context().take_undelivered().unwrap_or(error);
        let (kind, hint) = match error.rdkafka_error_code() {
            Some(UnknownTopic | UnknownTopicOrPartition | UnknownPartition) => {
                (ErrorKind::User, "the topic does not exist: create it, or correct its name")
            }
            Some(
                TopicAuthorizationFailed
                | GroupAuthorizationFailed
                | TransactionalIdAuthorizationFailed
                | ClusterAuthorizationFailed,
            ) => (
                ErrorKind::User,
                "the user of this query needs the rights WRITE and DESCRIBE on the topic and on the transactional id, \
                 and READ on the group of the same name",
            ),
            Some(MessageSizeTooLarge | InvalidMessageSize) => {
                (ErrorKind::User, "raise kafka.max.request.size, and max.message.bytes of the topic")
            }
            Some(InvalidTransactionTimeout) => {
                (ErrorKind::User, "set kafka.transaction.timeout.ms to what the brokers allow, or less")
            }
            Some(Fenced | ProducerFenced | InvalidProducerEpoch) => {
                (ErrorKind::External, "another process runs this query: end one of the two")
            }
            _ => (
                ErrorKind::External,
                "check kafka.bootstrap.servers and that the brokers answer under the addresses they advertise",
            ),
        };
        let failed = Error::new(kind, format!("cannot {what}")).with("topic", &self.topic).hint(hint);
        let (of_producer, of_group) = (self.producer.context(), self.group.context());
        let warning = of_producer.last_warning().or_else(|| of_group.last_warning());
        match warning {
            Some(warning) => failed.detail(format!("the Kafka client last said: {warning}")),
            None => failed,
        }
        .because(error)
    }
}

/// Settings that a client which only asks does not know.
const OF_PRODUCERS: [&str; 5] =
    ["compression.type", "linger.ms", "batch.size", "message.max.bytes", "transaction.timeout.ms"];

/// Passes the clients' log lines on, and keeps the newest warning for the error that follows it.
#[derive(Default)]
struct Context {
    last_warning: Mutex<Option<String>>,
    /// Why the first record of the transaction was not taken: what follows from it says less.
    undelivered: Mutex<Option<KafkaError>>,
}

impl Context {
    fn take_undelivered(&self) -> Option<KafkaError> {
        self.undelivered.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn last_warning(&self) -> Option<String> {
        self.last_warning.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        if level as i32 > RDKafkaLogLevel::Warning as i32 {
            tracing::debug!(target: "kafka", facility, "{line}");
            return;
        }
        tracing::warn!(target: "kafka", facility, "{line}");
        *self.last_warning.lock().unwrap_or_else(PoisonError::into_inner) = Some(line.to_string());
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(target: "kafka", "{error}: {reason}");
        *self.last_warning.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_string());
    }
}

impl ConsumerContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    /// A record that cannot be delivered fails its transaction, which is where it is told.
    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        use RDKafkaErrorCode::{PurgeInflight, PurgeQueue};
        // Records that were thrown away follow from another failure.
        if let Err((error, _)) = result
            && !matches!(error.rdkafka_error_code(), Some(PurgeQueue | PurgeInflight))
        {
            self.undelivered.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.clone());
        }
    }
}
