//! Apache Kafka in KRaft mode: one process that is broker and controller.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use super::jars::{self, java};
use super::ports::port_of;
use super::{Outcome, write};
use crate::process::{Process, Stop};
use crate::wait::pause;

/// The newest release of which Maven Central has all parts.
const VERSION: &str = "4.3.1";
const HEAP_MB: u32 = 512;
/// For everything that is asked of the broker.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A broker of our own.
pub struct Kafka {
    /// For `kafka.bootstrap.servers`.
    pub bootstrap: String,
    dir: PathBuf,
    class_path: String,
    process: Mutex<Process>,
}

/// What a producer sends.
#[derive(Clone, Debug, Default)]
pub struct Record<'a> {
    pub partition: i32,
    pub key: Option<&'a [u8]>,
    pub value: &'a [u8],
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
}

impl Kafka {
    /// Starts a broker with its data in `dir`, and waits until it answers.
    pub fn start(dir: &Path) -> Outcome<Kafka> {
        let dir = jars::folder(dir)?;
        let server = format!("org.apache.kafka:kafka_2.13:{VERSION}");
        let class_path =
            jars::fetch(&format!("kafka-{VERSION}"), &[&server, "org.slf4j:slf4j-simple:1.7.36"])?;
        jars::folder(&dir.join("tmp"))?;
        let port = port_of(&dir, "kafka")?;
        write(&dir.join("server.properties"), &properties(&dir, port, port_of(&dir, "controller")?))?;
        if !dir.join("data/meta.properties").exists() {
            let mut format = java(HEAP_MB, &dir.join("tmp"), &class_path);
            format.args(["kafka.tools.StorageTool", "format", "-t", "wasmill-test-cluster-x", "-c"]);
            format.arg(dir.join("server.properties"));
            jars::run(format, "format the folder of kafka")?;
        }
        let process = Mutex::new(launch(&dir, &class_path)?);
        Ok(Kafka { bootstrap: format!("127.0.0.1:{port}"), dir, class_path, process })
    }

    /// Ends the broker; its data stay. Not for the broker that tests share.
    pub fn stop(&self, how: Stop) {
        self.process.lock().unwrap_or_else(|e| panic!("{e}")).stop(how);
    }

    /// Brings a stopped broker back on the same port with its data.
    pub fn start_again(&self) -> Outcome<()> {
        *self.process.lock().map_err(|e| e.to_string())? = launch(&self.dir, &self.class_path)?;
        Ok(())
    }

    /// Makes a topic. `retention.ms=-1` is set unless given: a broker deletes records whose times are older than
    /// its retention within minutes, and test data have times long past.
    pub fn create_topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        for (key, value) in configs {
            topic = topic.set(key, value);
        }
        let made = block_on(self.admin().create_topics(&[topic], &options()));
        expect_all(made, "create the topic", name);
    }

    pub fn delete_topic(&self, name: &str) {
        expect_all(block_on(self.admin().delete_topics(&[name], &options())), "delete the topic", name);
    }

    /// Grows a topic to `partitions`.
    pub fn grow_topic(&self, name: &str, partitions: usize) {
        let more = [NewPartitions::new(name, partitions)];
        expect_all(block_on(self.admin().create_partitions(&more, &options())), "grow the topic", name);
    }

    /// Sends all records, lz4-compressed, and returns when the broker has them.
    pub fn produce<'a>(&self, topic: &str, records: impl IntoIterator<Item = Record<'a>>) {
        let mut producer = self.producer();
        for record in records {
            producer.send(topic, &record);
        }
        producer.finish();
    }

    /// A producer for records that are made one by one.
    pub fn producer(&self) -> RecordProducer {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .set("compression.type", "lz4")
            .set("enable.idempotence", "true")
            .set("linger.ms", "20")
            .set("batch.size", "1000000")
            .set("queue.buffering.max.messages", "500000")
            .create_with_context(Failures::default())
            .unwrap_or_else(|e| panic!("cannot make a producer: {e}"));
        RecordProducer { producer }
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        config.create().unwrap_or_else(|e| panic!("cannot make an admin client: {e}"))
    }
}

/// Sends records in the background; nothing is certain before [`RecordProducer::finish`].
pub struct RecordProducer {
    producer: ThreadedProducer<Failures>,
}

impl RecordProducer {
    pub fn send(&mut self, topic: &str, record: &Record) {
        let mut message: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic)
            .partition(record.partition)
            .payload(record.value)
            .timestamp(record.timestamp_ms);
        message.key = record.key;
        while let Err((error, back)) = self.producer.send(message) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                panic!("cannot produce to {topic}: {error}");
            }
            message = back;
            pause(Duration::from_millis(5));
        }
    }

    /// Waits until the broker has everything.
    pub fn finish(self) {
        self.producer.flush(ANSWER_MAX).unwrap_or_else(|e| panic!("cannot flush the producer: {e}"));
        let failed = self.producer.context().failed.load(Ordering::SeqCst);
        assert_eq!(failed, 0, "the broker did not take some records");
    }
}

#[derive(Default)]
struct Failures {
    failed: AtomicU64,
}

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if result.is_err() {
            self.failed.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn launch(dir: &Path, class_path: &str) -> Outcome<Process> {
    let mut command: Command = java(HEAP_MB, &dir.join("tmp"), class_path);
    command.arg("-Dorg.slf4j.simpleLogger.showDateTime=true").arg("kafka.Kafka");
    command.arg(dir.join("server.properties"));
    let process = Process::start(dir, "kafka", command)?;
    process.wait_ready(|log| log.contains("Kafka Server started"))?;
    Ok(process)
}

/// A short session lets a broker that was killed come back in seconds: the controller takes it back only when
/// its session has run out. Few partitions of the internal topics make their first use quick.
fn properties(dir: &Path, port: u16, controller: u16) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={}/data
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
",
        dir.display()
    )
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER_MAX)).operation_timeout(Some(ANSWER_MAX))
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap_or_else(|e| panic!("cannot make a runtime: {e}")).block_on(future)
}

type TopicResult = Result<String, (String, RDKafkaErrorCode)>;

fn expect_all(results: Result<Vec<TopicResult>, KafkaError>, what: &str, topic: &str) {
    let results = results.unwrap_or_else(|e| panic!("cannot {what} {topic}: {e}"));
    for result in results {
        if let Err((_, code)) = result {
            panic!("cannot {what} {topic}: {code}");
        }
    }
}
