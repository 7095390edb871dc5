//! The Kafka sink on a real broker, through dead letters: one process at a time, each batch once, and what it says
//! when it cannot write.

use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, new_null_array};
use harness::services::kafka;
use harness::topic::{Isolation, read_topic};
use wasmill::clock::SystemClock;
use wasmill::error::{ErrorKind, Result};
use wasmill::record::{Options, QueryId, RunId};
use wasmill::sink::memory::MemoryRows;
use wasmill::sink::{CheckpointFacts, Sink, SinkContext, letter};

fn open(topic: &str, more: &[(&str, &str)]) -> Arc<dyn Sink> {
    let given = [("topic", topic), ("kafka.bootstrap.servers", &kafka().bootstrap)];
    let given = given.iter().chain(more).map(|(key, value)| (key.to_string(), value.to_string()));
    let context = SinkContext {
        run_id: RunId(uuid::Uuid::from_u128(1)),
        clock: Arc::new(SystemClock),
        base: "/".into(),
        printer: Arc::new(Mutex::new(std::io::sink())),
        memory: MemoryRows::default(),
    };
    letter::open("kafka", &Options::new(given.collect()).unwrap(), &[], &context).unwrap()
}

/// Opens the topic as query `query` whose checkpoint says so.
fn started(topic: &str, query: u128, planned: Option<u64>, committed: Option<u64>) -> Result<Arc<dyn Sink>> {
    let sink = open(topic, &[]);
    sink.recover(&CheckpointFacts { query_id: QueryId(uuid::Uuid::from_u128(query)), planned, committed })?;
    Ok(sink)
}

fn letters(batch: u64, count: usize, message: &str) -> RecordBatch {
    let schema = letter::schema();
    let column = |name: &str| -> ArrayRef {
        match name {
            "batch" => Arc::new(Int64Array::from(vec![batch as i64; count])),
            "stage" => Arc::new(StringArray::from(vec!["a stage"; count])),
            "message" => Arc::new(StringArray::from(vec![message; count])),
            other => new_null_array(schema.field_with_name(other).unwrap().data_type(), count),
        }
    };
    let columns = schema.fields().iter().map(|field| column(field.name())).collect();
    RecordBatch::try_new(schema.clone(), columns).unwrap()
}

fn publish(sink: &dyn Sink, batch: u64, counts: &[usize]) -> Result<()> {
    let mut staged = Vec::new();
    for (partition, count) in counts.iter().enumerate() {
        let mut writer = sink.stage(batch, partition)?;
        writer.write(&letters(batch, *count, "no"))?;
        staged.push(writer.finish()?);
    }
    sink.publish(batch, staged)
}

/// How many letters of each batch a reader of committed records sees.
fn seen(topic: &str) -> Vec<(u64, usize)> {
    let mut seen: Vec<(u64, usize)> = Vec::new();
    for record in read_topic(topic, 1, Isolation::ReadCommitted) {
        let letter: serde_json::Value = serde_json::from_slice(&record.value).unwrap();
        assert_eq!(record.key, b"a stage");
        let batch = letter["batch"].as_u64().unwrap();
        match seen.last_mut() {
            Some((last, count)) if *last == batch => *count += 1,
            _ => seen.push((batch, 1)),
        }
    }
    seen
}

#[test]
fn each_batch_is_written_once_by_the_newest_process() {
    kafka().create_topic("sink-once", 1, &[]);
    let old = started("sink-once", 1, None, None).unwrap();
    publish(&*old, 0, &[2, 3]).unwrap();
    publish(&*old, 1, &[]).unwrap();
    // Batch 2 is written, and its process dies before the checkpoint knows.
    publish(&*old, 2, &[1]).unwrap();
    let new = started("sink-once", 1, Some(2), Some(1)).unwrap();
    publish(&*new, 2, &[1]).unwrap();
    let error = publish(&*old, 3, &[7]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::External);
    assert!(error.report().contains("another process runs this query"), "{}", error.report());
    publish(&*new, 3, &[4, 0, 20_000]).unwrap();
    assert_eq!(seen("sink-once"), [(0, 5), (2, 1), (3, 20_004)]);
    // Another query has a count of its own; a checkpoint that is older than the topic is refused.
    publish(&*started("sink-once", 2, None, None).unwrap(), 0, &[1]).unwrap();
    let error = started("sink-once", 1, Some(2), Some(2)).err().unwrap();
    assert_eq!((error.kind(), error.fact("newest_in_topic")), (ErrorKind::Data, Some("3")));
    assert_eq!(seen("sink-once").last(), Some(&(0, 1)));
}

#[test]
fn what_cannot_be_written_is_told_with_what_would_work() {
    let error = started("sink-nowhere", 1, None, None).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::User);
    assert!(error.report().contains("the topic does not exist"), "{}", error.report());
    kafka().create_topic("sink-small", 1, &[("max.message.bytes", "1000")]);
    let sink = started("sink-small", 1, None, None).unwrap();
    let mut writer = sink.stage(0, 0).unwrap();
    writer.write(&letters(0, 1, &"x".repeat(5_000))).unwrap();
    let error = sink.publish(0, vec![writer.finish().unwrap()]).unwrap_err();
    assert!(error.report().contains("max.message.bytes of the topic"), "{}", error.report());
    // Nothing of it is there, and the next start can write.
    publish(&*started("sink-small", 1, Some(0), None).unwrap(), 0, &[1]).unwrap();
    assert_eq!(seen("sink-small"), [(0, 1)]);
}
