//! The services answer, keep their data over a crash, and are what the rest of the tests believes.

use std::time::Duration;

use harness::services::{self, Kafka, Record, Stop};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

fn end_of(bootstrap: &str, topic: &str, partition: i32) -> i64 {
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
    consumer.fetch_watermarks(topic, partition, Duration::from_secs(30)).unwrap().1
}

#[test]
fn a_killed_broker_comes_back_with_its_records() {
    let dir = services::run_folder().join("kafka-crash");
    let kafka = Kafka::start(&dir).unwrap();
    kafka.create_topic("t", 2, &[]);
    let records = |partition| Record { partition, value: b"x", timestamp_ms: 12_000, ..Record::default() };
    kafka.produce("t", [records(0), records(1), records(1)]);
    kafka.stop(Stop::Kill);
    kafka.start_again().unwrap();
    assert_eq!((end_of(&kafka.bootstrap, "t", 0), end_of(&kafka.bootstrap, "t", 1)), (1, 2));
}

#[test]
fn hdfs_takes_and_gives_a_file() {
    let hdfs = services::hdfs();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bytes = runtime.block_on(async {
        let client = hdfs_native::client::ClientBuilder::new().with_url(&hdfs.uri).build().unwrap();
        let options = hdfs_native::WriteOptions::default();
        let mut file = client.create("/harness/file", options).await.unwrap();
        file.write_bytes("ten bytes!".into()).await.unwrap();
        file.close().await.unwrap();
        let file = client.read("/harness/file").await.unwrap();
        file.read_range(0, file.file_length()).await.unwrap()
    });
    assert_eq!(&bytes[..], b"ten bytes!");
}
