//! The Kafka source against a real broker: planning, reading, and everything that can happen to a partition.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use harness::services::{self, Kafka, Record, Stop};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset as At, TopicPartitionList};
use wasmill::clock::SystemClock;
use wasmill::error::{Error, ErrorKind, Result};
use wasmill::record::{BatchId, Offset, Options};
use wasmill::source::{KafkaSource, ReadLimits, ReadOptions, Source, SourceContext, SourceLog};

const ANSWER_MAX: std::time::Duration = std::time::Duration::from_secs(30);

#[derive(Default)]
struct Log(Mutex<BTreeMap<BatchId, Vec<u8>>>);

impl SourceLog for Log {
    fn get(&self, id: BatchId) -> Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().get(&id).cloned())
    }

    fn add(&self, id: BatchId, content: &[u8]) -> Result<()> {
        self.0.lock().unwrap().insert(id, content.to_vec());
        Ok(())
    }

    fn ids(&self) -> Result<Vec<BatchId>> {
        Ok(self.0.lock().unwrap().keys().copied().collect())
    }

    fn get_compact(&self, _: BatchId) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn add_compact(&self, _: BatchId, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn purge(&self, _: BatchId) -> Result<()> {
        Ok(())
    }
}

/// A source and the log of its checkpoint, which a restart keeps.
struct Run {
    source: KafkaSource,
    log: Arc<Log>,
    options: Vec<(String, String)>,
}

/// (partition, offset) of every row, and the splits they came in.
type Rows = Vec<(i32, i64)>;

impl Run {
    fn new(more: &[(&str, &str)]) -> Run {
        let mut options = vec![("kafka.bootstrap.servers".to_string(), services::kafka().bootstrap.clone())];
        options.extend(more.iter().map(|(key, value)| (key.to_string(), value.to_string())));
        let log = Arc::new(Log::default());
        Run { source: open(&options, log.clone()), log, options }
    }

    fn restart(&mut self, changed: &[(&str, &str)]) {
        for (key, value) in changed {
            self.options.retain(|(other, _)| other != key);
            self.options.push((key.to_string(), value.to_string()));
        }
        self.source = open(&self.options, self.log.clone());
    }

    fn next_end(&mut self, start: Option<&Offset>) -> Offset {
        self.source.next_end(start, ReadLimits::Honour).unwrap().unwrap()
    }

    fn try_read(
        &mut self,
        start: Option<&Offset>,
        end: &Offset,
        rows_max: usize,
    ) -> Result<Vec<RecordBatch>> {
        let all = (0..self.source.schema().fields().len()).collect();
        let options = ReadOptions { projection: all, rows_max, with_path: false };
        let mut batches = Vec::new();
        for split in self.source.splits(start, end)? {
            for batch in split.read(&options)? {
                batches.push(batch?);
            }
        }
        Ok(batches)
    }

    fn read(&mut self, start: Option<&Offset>, end: &Offset) -> Rows {
        places(&self.try_read(start, end, 3).unwrap())
    }
}

fn open(options: &[(String, String)], log: Arc<Log>) -> KafkaSource {
    let options = Options::new(options.iter().cloned().collect()).unwrap();
    let context = SourceContext {
        log,
        clock: Arc::new(SystemClock),
        base: "/".into(),
        parallelism: 2,
        query_name: "test".into(),
    };
    KafkaSource::new(&options, context).unwrap()
}

fn places(batches: &[RecordBatch]) -> Rows {
    let mut rows = Rows::new();
    for batch in batches {
        let partitions = batch.column(3).as_primitive::<Int32Type>();
        let offsets = batch.column(4).as_primitive::<Int64Type>();
        rows.extend(partitions.values().iter().copied().zip(offsets.values().iter().copied()));
    }
    rows
}

fn offsets(of: i32, range: std::ops::Range<i64>) -> Rows {
    range.map(|offset| (of, offset)).collect()
}

fn fill(topic: &str, partition: i32, count: i64) {
    let records: Vec<String> = (0..count).map(|number| format!("record {number}")).collect();
    let record = |value| Record { partition, value, timestamp_ms: 10_000, ..Record::default() };
    services::kafka().produce(topic, records.iter().map(|value| record(value.as_bytes())));
}

fn offset(json: &str) -> Offset {
    Offset(json.parse().unwrap())
}

fn config() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &services::kafka().bootstrap);
    config
}

/// Deletes a partition's records before `offset`, as retention does.
fn delete_before(topic: &str, partition: i32, before: i64) {
    let admin: AdminClient<DefaultClientContext> = config().create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, At::Offset(before)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(admin.delete_records(&list, &AdminOptions::new())).unwrap();
}

#[test]
fn every_column_holds_what_was_produced() {
    services::kafka().create_topic("columns", 1, &[]);
    let producer: BaseProducer = config().create().unwrap();
    let headers = OwnedHeaders::new()
        .insert(Header { key: "a", value: Some("1") })
        .insert(Header::<&str> { key: "b", value: None });
    let to = || BaseRecord::<str, str>::to("columns").timestamp(1_234);
    producer.send(to().key("k").payload("v").headers(headers)).ok().unwrap();
    producer.send(to().payload("")).ok().unwrap();
    producer.send(to().key("")).ok().unwrap();
    producer.flush(ANSWER_MAX).unwrap();

    let mut run =
        Run::new(&[("subscribe", "columns"), ("startingOffsets", "earliest"), ("includeHeaders", "true")]);
    let end = run.next_end(None);
    assert_eq!(end, offset(r#"{"columns":{"0":3}}"#));
    let batch = run.try_read(None, &end, 8).unwrap().remove(0);
    let binary = |column: usize| batch.column(column).as_binary::<i32>().iter().collect::<Vec<_>>();
    assert_eq!(binary(0), [Some(&b"k"[..]), None, Some(b"")]);
    assert_eq!(binary(1), [Some(&b"v"[..]), Some(b""), None]);
    assert_eq!(batch.column(2).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("columns"); 3]);
    assert_eq!(batch.column(5).as_primitive::<TimestampMicrosecondType>().values(), &[1_234_000; 3]);
    assert_eq!(batch.column(6).as_primitive::<Int32Type>().values(), &[0; 3]);
    let headers = batch.column(7).as_list::<i32>();
    assert_eq!((headers.is_null(0), headers.is_null(1), headers.is_null(2)), (false, true, true));
    let of_first = headers.value(0);
    let fields = of_first.as_struct();
    assert_eq!(fields.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("a"), Some("b")]);
    assert_eq!(fields.column(1).as_binary::<i32>().iter().collect::<Vec<_>>(), [Some(&b"1"[..]), None]);
    assert_eq!(batch.schema(), run.source.schema());
}

#[test]
fn batches_follow_each_other_under_a_limit_and_the_checkpoint_wins_at_a_restart() {
    services::kafka().create_topic("limited", 2, &[]);
    fill("limited", 0, 90);
    fill("limited", 1, 10);
    let options = [("subscribe", "limited"), ("startingOffsets", "earliest"), ("maxOffsetsPerTrigger", "20")];
    let mut run = Run::new(&options);
    let first = run.next_end(None);
    assert_eq!(first, offset(r#"{"limited":{"0":18,"1":2}}"#));
    assert_eq!(run.read(None, &first), [offsets(0, 0..18), offsets(1, 0..2)].concat());
    let metrics = run.source.metrics(&first);
    assert_eq!(metrics["minOffsetsBehindLatest"], "8");
    assert_eq!(metrics["maxOffsetsBehindLatest"], "72");
    assert_eq!(metrics["avgOffsetsBehindLatest"], "40.0");

    run.restart(&[("startingOffsets", "latest")]);
    // The batch may have to run again: its start is that of the first run.
    assert_eq!(run.read(None, &first), [offsets(0, 0..18), offsets(1, 0..2)].concat());
    let (mut start, mut rows) = (first, Rows::new());
    loop {
        let end = run.next_end(Some(&start));
        if end == start {
            break;
        }
        rows.extend(run.read(Some(&start), &end));
        start = end;
    }
    rows.sort_unstable();
    assert_eq!(rows, [offsets(0, 18..90), offsets(1, 2..10)].concat());
    assert_eq!(run.log.get(0).unwrap().unwrap(), b"\0v1\n{\"limited\":{\"0\":0,\"1\":0}}");
    // A range that was read before is read again alike.
    assert_eq!(
        run.read(Some(&offset(r#"{"limited":{"0":5,"1":9}}"#)), &offset(r#"{"limited":{"0":7,"1":10}}"#)),
        [(0, 5), (0, 6), (1, 9)]
    );
    assert_eq!(run.source.next_end(None, ReadLimits::Ignore).unwrap().unwrap(), start);
}

#[test]
fn a_new_partition_is_read_from_its_start() {
    services::kafka().create_topic("grows", 1, &[]);
    fill("grows", 0, 2);
    let mut run = Run::new(&[("subscribePattern", "^gro.s"), ("startingOffsets", "latest")]);
    let first = run.next_end(None);
    assert_eq!(first, offset(r#"{"grows":{"0":2}}"#));
    assert!(run.read(None, &first).is_empty());
    services::kafka().grow_topic("grows", 2);
    fill("grows", 1, 3);
    let end = harness::wait::poll(ANSWER_MAX, || {
        let end = run.next_end(Some(&first));
        (end != first).then_some(end)
    });
    let end = end.unwrap();
    assert_eq!(end, offset(r#"{"grows":{"0":2,"1":3}}"#));
    assert_eq!(run.read(Some(&first), &end), offsets(1, 0..3));
}

#[test]
fn deleted_records_stop_the_query_or_are_skipped() {
    services::kafka().create_topic("aged", 1, &[]);
    fill("aged", 0, 10);
    delete_before("aged", 0, 6);
    let (start, end) = (offset(r#"{"aged":{"0":2}}"#), offset(r#"{"aged":{"0":10}}"#));
    let mut run = Run::new(&[("subscribe", "aged")]);
    let error = run.try_read(Some(&start), &end, 8).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert!(
        error.to_string().contains("aged-0 offsets 2..10 are not at the broker, which has 6..10"),
        "{error}"
    );

    run.restart(&[("failOnDataLoss", "false")]);
    assert_eq!(run.read(Some(&start), &end), offsets(0, 6..10));
    assert_eq!(run.read(Some(&start), &offset(r#"{"aged":{"0":5}}"#)), []);
    assert_eq!(run.source.metrics(&end)["dataLoss"], "2");
    // Asking for a start that is gone is a loss too; without one to lose the partition starts at its earliest.
    run.restart(&[("startingOffsets", r#"{"aged":{"0":3}}"#)]);
    run.log.0.lock().unwrap().clear();
    assert_eq!(run.next_end(None), end);
    assert_eq!(run.read(None, &end), offsets(0, 6..10));
}

#[test]
fn a_topic_made_anew_or_gone_is_a_loss() {
    services::kafka().create_topic("anew", 1, &[]);
    fill("anew", 0, 10);
    let start = offset(r#"{"anew":{"0":10}}"#);
    let mut run = Run::new(&[("subscribePattern", "anew"), ("failOnDataLoss", "false")]);
    assert_eq!(run.next_end(Some(&start)), start);
    services::kafka().delete_topic("anew");
    let gone = offset("{}");
    harness::wait::poll(ANSWER_MAX, || (run.next_end(Some(&start)) == gone).then_some(())).unwrap();
    assert_eq!(run.read(Some(&start), &gone), []);
    services::kafka().create_topic("anew", 1, &[]);
    fill("anew", 0, 4);
    let lower = offset(r#"{"anew":{"0":4}}"#);
    harness::wait::poll(ANSWER_MAX, || (run.next_end(Some(&start)) == lower).then_some(())).unwrap();
    assert_eq!(run.read(Some(&start), &lower), []);

    run.restart(&[("failOnDataLoss", "true")]);
    for (end, why) in [(&gone, "anew-0 is gone"), (&lower, "went back from 10 to 4")] {
        let error = run.try_read(Some(&start), end, 8).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data);
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn aborted_records_and_transaction_markers_are_no_loss() {
    services::kafka().create_topic("transactions", 1, &[]);
    let producer: BaseProducer = config().set("transactional.id", "kafka-source-test").create().unwrap();
    producer.init_transactions(ANSWER_MAX).unwrap();
    let send = |count| {
        producer.begin_transaction().unwrap();
        for _ in 0..count {
            producer.send(BaseRecord::<str, str>::to("transactions").payload("x")).ok().unwrap();
        }
        producer.flush(ANSWER_MAX).unwrap();
    };
    send(2); // 0, 1 and the marker 2
    producer.commit_transaction(ANSWER_MAX).unwrap();
    send(3); // 3, 4, 5 and the marker 6
    producer.abort_transaction(ANSWER_MAX).unwrap();
    let mut run = Run::new(&[
        ("subscribe", "transactions"),
        ("startingOffsets", "earliest"),
        ("kafka.isolation.level", "read_committed"),
        ("kafkaConsumer.pollTimeoutMs", "20000"),
    ]);
    // A broker writes the marker after it has answered the producer.
    let end_at = |run: &mut Run, json: &str| {
        let end = offset(json);
        harness::wait::poll(ANSWER_MAX, || (run.next_end(None) == end).then_some(())).unwrap();
        end
    };
    let end = end_at(&mut run, r#"{"transactions":{"0":7}}"#);
    assert_eq!(run.read(None, &end), offsets(0, 0..2));
    // Ranges that hold no record at all end too, also where the reader goes on.
    let places = [3, 4, 7].map(|at| offset(&format!(r#"{{"transactions":{{"0":{at}}}}}"#)));
    assert_eq!(run.read(Some(&places[0]), &places[1]), []);
    assert_eq!(run.read(Some(&places[1]), &places[2]), []);
    send(1);
    // Open: read_committed ends before it.
    assert_eq!(run.next_end(Some(&end)), end);
    producer.commit_transaction(ANSWER_MAX).unwrap();
    let last = end_at(&mut run, r#"{"transactions":{"0":9}}"#);
    assert_eq!(run.read(Some(&end), &last), offsets(0, 7..8));
    run.restart(&[("kafka.isolation.level", "read_uncommitted")]);
    assert_eq!(run.read(None, &end), [offsets(0, 0..2), offsets(0, 3..6)].concat());
}

#[test]
fn a_query_may_start_at_a_time() {
    services::kafka().create_topic("times", 2, &[]);
    let record =
        |partition, timestamp_ms| Record { partition, value: b"x", timestamp_ms, ..Record::default() };
    services::kafka().produce("times", [record(0, 1_000), record(0, 2_000), record(1, 500)]);
    let base = [("subscribe", "times"), ("startingTimestamp", "1500")];
    let error = Run::new(&base).source.next_end(None, ReadLimits::Honour).unwrap_err();
    assert_eq!(error.fact("times"), Some("times-1 at 1500"));
    let mut run = Run::new(&[base[0], base[1], ("startingOffsetsByTimestampStrategy", "latest")]);
    let end = run.next_end(None);
    assert_eq!(run.read(None, &end), [(0, 1)]);
    let by_partition = ("startingOffsetsByTimestamp", r#"{"times":{"0":2000,"1":0}}"#);
    let mut run = Run::new(&[base[0], by_partition, ("startingOffsets", "latest")]);
    assert_eq!(run.read(None, &end), [(0, 1), (1, 0)]);
    let mut run = Run::new(&[base[0], ("startingOffsets", r#"{"times":{"0":1}}"#)]);
    let error = run.source.next_end(None, ReadLimits::Honour).unwrap_err();
    assert_eq!(error.fact("read"), Some("times-0, times-1"));
}

#[test]
fn splits_of_one_partition_are_read_at_once() {
    services::kafka().create_topic("split", 1, &[]);
    fill("split", 0, 20_000);
    let mut run = Run::new(&[
        ("assign", r#"{"split":[0]}"#),
        ("startingOffsets", "earliest"),
        ("minPartitions", "3"),
        ("maxRecordsPerPartition", "5000"),
    ]);
    let end = run.next_end(None);
    for _ in 0..2 {
        let splits = run.source.splits(None, &end).unwrap();
        let names: Vec<String> = splits.iter().map(|split| split.describe()).collect();
        assert_eq!(names[..2], ["split-0 offsets 0..5000", "split-0 offsets 5000..10000"]);
        let threads: Vec<_> = splits
            .into_iter()
            .map(|split| {
                std::thread::spawn(move || {
                    let options = ReadOptions { projection: vec![], rows_max: 999, with_path: false };
                    split.read(&options).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>()
                })
            })
            .collect();
        let counts: Vec<usize> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(counts, [5_000; 4]);
    }
}

#[test]
fn available_now_ends_at_what_was_there_and_needs_it_all() {
    services::kafka().create_topic("now", 1, &[]);
    fill("now", 0, 4);
    let mut run =
        Run::new(&[("subscribe", "now"), ("startingOffsets", "earliest"), ("failOnDataLoss", "false")]);
    run.source.fix_end().unwrap();
    fill("now", 0, 3);
    let end = run.next_end(None);
    assert_eq!(end, offset(r#"{"now":{"0":4}}"#));
    assert_eq!(run.read(None, &end), offsets(0, 0..4));
    let past = offset(r#"{"now":{"0":5}}"#);
    let error = run.try_read(Some(&end), &past, 8).unwrap_err();
    assert!(error.to_string().contains("past its end 4 at start"), "{error}");
}

#[test]
fn a_dead_broker_fails_the_batch_and_a_topic_that_went_is_a_loss() {
    let kafka = Kafka::start(&services::run_folder().join("kafka-source")).unwrap();
    for topic in ["dead", "went"] {
        kafka.create_topic(topic, 1, &[]);
        let record = Record { value: b"x", timestamp_ms: 1, ..Record::default() };
        kafka.produce(topic, vec![record; 5]);
    }
    let mut run = Run::new(&[
        ("subscribePattern", "dead|went"),
        ("startingOffsets", "earliest"),
        ("kafka.bootstrap.servers", &kafka.bootstrap),
        ("kafkaConsumer.pollTimeoutMs", "1000"),
    ]);
    let end = run.next_end(None);
    assert_eq!(end, offset(r#"{"dead":{"0":5},"went":{"0":5}}"#));
    kafka.stop(Stop::Kill);
    let error = run.try_read(None, &end, 8).unwrap_err();
    assert_eq!((error.kind(), error.fact("partition")), (ErrorKind::External, Some("dead-0")));
    assert_eq!((error.fact("from"), error.fact("until")), (Some("0"), Some("5")));
    kafka.start_again().unwrap();
    run.restart(&[("kafkaConsumer.pollTimeoutMs", "60000")]);
    assert_eq!(run.read(None, &end), [offsets(0, 0..5), offsets(0, 0..5)].concat());

    kafka.delete_topic("went");
    run.restart(&[("kafkaConsumer.pollTimeoutMs", "3000")]);
    let error = run.try_read(None, &end, 8).unwrap_err();
    assert!(error.to_string().contains("went-0 is gone"), "{error}");
    run.restart(&[("failOnDataLoss", "false")]);
    assert_eq!(run.read(None, &end), offsets(0, 0..5));
}

#[test]
fn brokers_and_topics_that_are_not_there_are_named() {
    let first_end = |more: &[(&str, &str)]| -> Error {
        let mut run = Run::new(&[("subscribe", "t"), ("fetchOffset.numRetries", "1")]);
        run.restart(more);
        run.source.next_end(None, ReadLimits::Honour).unwrap_err()
    };
    let error = first_end(&[("subscribe", "nowhere")]);
    assert_eq!((error.kind(), error.fact("topics")), (ErrorKind::User, Some("nowhere")));
    let error = first_end(&[("kafka.bootstrap.servers", "127.0.0.1:1")]);
    assert_eq!(error.kind(), ErrorKind::External);
    assert!(error.report().contains("127.0.0.1:1"), "{error:?}");
}
