//! Spark reads what our file sink wrote: all rows once, after compactions, beside what crashes leave behind.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use arrow::array::{
    ArrayRef, BinaryArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
};
use arrow::array::{ListArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{Int32Type, SchemaRef};
use harness::services;
use serde_json::{Value, json};
use wasmill::clock::SystemClock;
use wasmill::record::{Options, QueryId, RunId, parse_ddl};
use wasmill::sink::memory::MemoryRows;
use wasmill::sink::{CheckpointFacts, OutputMode, Sink, SinkContext, SinkSpec, open};
use wasmill::storage::{self, Location};

const TYPED: &str =
    "id BIGINT, word STRING, at TIMESTAMP, price DECIMAL(10,2), day DATE, raw BINARY, list ARRAY<INT>";

/// Values that names of directories have to escape; the empty one comes back as null, as with Spark.
const WORDS: [Option<&str>; 6] =
    [Some("plain"), None, Some(""), Some("a b/c=é%41"), Some("12:30"), Some("[*]?#\"'")];

/// A directory to write, and the rows that Spark has to find in it.
struct Directory {
    path: String,
    format: &'static str,
    schema: &'static str,
    rows: Vec<Vec<Option<String>>>,
}

impl Directory {
    fn new(path: String, format: &'static str, schema: &'static str) -> Directory {
        Directory { path, format, schema, rows: Vec::new() }
    }

    fn open(
        &self,
        options: &[(&str, &str)],
        partition_by: &[&str],
        facts: &CheckpointFacts,
    ) -> Arc<dyn Sink> {
        let mut given = BTreeMap::from([("path".to_string(), self.path.clone())]);
        given.extend(options.iter().map(|(key, value)| (key.to_string(), value.to_string())));
        let partition_by: Vec<_> = partition_by.iter().map(|column| column.to_string()).collect();
        let context = SinkContext {
            run_id: RunId(uuid(facts.planned.map_or(7, |planned| planned + 8))),
            clock: Arc::new(SystemClock),
            base: "/".into(),
            printer: Arc::new(Mutex::new(std::io::sink())),
            memory: MemoryRows::default(),
        };
        let spec = SinkSpec {
            format: self.format,
            options: &Options::new(given).unwrap(),
            partition_by: &partition_by,
            schema: &self.columns(),
            mode: OutputMode::Append,
        };
        let sink = open(&spec, &context).unwrap();
        sink.recover(facts).unwrap();
        sink
    }

    fn columns(&self) -> SchemaRef {
        parse_ddl(self.schema).unwrap()
    }

    /// Stages and publishes batches, each on two partitions.
    fn run(&mut self, sink: &dyn Sink, batches: std::ops::Range<u64>) {
        for batch in batches {
            let staged = (0..2).map(|partition| {
                let rows = self.rows_of(batch, partition);
                let mut writer = sink.stage(batch, partition as usize).unwrap();
                writer.write(&rows).unwrap();
                writer.finish().unwrap()
            });
            let staged = staged.collect();
            sink.publish(batch, staged).unwrap();
        }
    }

    /// Three rows, noted as rows that have to be found.
    fn rows_of(&mut self, batch: u64, partition: u64) -> RecordBatch {
        let ids: Vec<i64> = (0..3).map(|row| (batch * 6 + partition * 3 + row) as i64).collect();
        let words: Vec<_> = ids.iter().map(|id| WORDS[*id as usize % WORDS.len()]).collect();
        let (rows, texts) = match self.schema {
            TYPED => typed_rows(&ids, &words),
            _ => plain_rows(&ids, &words),
        };
        self.rows.extend(texts);
        let schema = self.columns();
        let columns =
            rows.iter().zip(schema.fields()).map(|(rows, field)| cast(rows, field.data_type()).unwrap());
        RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
    }
}

fn uuid(number: u64) -> uuid::Uuid {
    uuid::Uuid::from_u128(number.into())
}

fn facts(planned: Option<u64>, committed: Option<u64>) -> CheckpointFacts {
    CheckpointFacts { query_id: QueryId(uuid(1)), planned, committed }
}

type Texts = Vec<Vec<Option<String>>>;

fn typed_rows(ids: &[i64], words: &[Option<&str>]) -> (Vec<ArrayRef>, Texts) {
    let micros = ids.iter().map(|id| 1_795_262_400_000_000 + id * 1_000_001);
    let prices = Decimal128Array::from_iter_values(ids.iter().map(|id| i128::from(*id) * 100 + 5));
    let lists = ids.iter().map(|id| Some(vec![Some(*id as i32), None]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(ids.to_vec())),
        Arc::new(StringArray::from(words.to_vec())),
        Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC")),
        Arc::new(prices.with_precision_and_scale(10, 2).unwrap()),
        Arc::new(Date32Array::from_iter_values(ids.iter().map(|id| 20_778 - *id as i32 % 2))),
        Arc::new(BinaryArray::from_iter_values(ids.iter().map(|id| format!("b{id}")))),
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)),
    ];
    let text = |(id, word): (&i64, &Option<&str>)| {
        let (second, fraction) = (id % 60, id);
        let time = format!("2026-11-21 12:{:02}:{second:02}.{fraction:06}", id / 60);
        let time = time.trim_end_matches('0').trim_end_matches('.').to_string();
        let time = if *id == 0 { "2026-11-21 12:00:00".to_string() } else { time };
        vec![
            Some(id.to_string()),
            word.map(str::to_string),
            Some(time),
            Some(format!("{id}.05")),
            Some(format!("2026-11-{}", 21 - id % 2)),
            Some(format!("b{id}")),
            Some(format!("[{id}, null]")),
        ]
    };
    (columns, ids.iter().zip(words).map(text).collect())
}

fn plain_rows(ids: &[i64], words: &[Option<&str>]) -> (Vec<ArrayRef>, Texts) {
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(ids.to_vec())), Arc::new(StringArray::from(words.to_vec()))];
    let text = |(id, word): (&i64, &Option<&str>)| {
        vec![Some(id.to_string()), word.filter(|word| !word.is_empty()).map(str::to_string)]
    };
    (columns, ids.iter().zip(words).map(text).collect())
}

/// What a crash leaves: a batch that is staged and not published, and a file with a name and no entry.
fn leave_crash(directory: &mut Directory, sink: &dyn Sink, batch: u64) {
    let rows = directory.rows_of(batch, 0);
    let found = directory.rows.len() - 3;
    directory.rows.truncate(found);
    let mut writer = sink.stage(batch, 0).unwrap();
    writer.write(&rows).unwrap();
    let _staged = writer.finish().unwrap();
    let location = Location::parse(&directory.path, Path::new("/")).unwrap();
    let storage = storage::open(&location).unwrap();
    let files = storage.list(&location.path).unwrap();
    let data = files.iter().find(|status| !status.is_dir).unwrap();
    let stray = data.path.replace("part-0000", "part-9999");
    storage.replace(&stray, &storage.read(&data.path).unwrap().unwrap()).unwrap();
}

fn spark_reads(directories: &[Directory]) -> Vec<Value> {
    let folder = services::run_folder();
    let input = folder.join("sink-read.json");
    let asked: Vec<_> = directories
        .iter()
        .map(|directory| {
            // A streaming read takes seconds: once through compact entries, once with partitions.
            let stream = directory.path.ends_with("typed") || directory.path.ends_with("json");
            json!({
                "path": directory.path,
                "format": directory.format,
                "schema": directory.schema,
                "stream": stream,
            })
        })
        .collect();
    std::fs::write(&input, Value::from(asked).to_string()).unwrap();
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle");
    let setup = Command::new(oracle.join("setup")).stderr(Stdio::inherit()).output().unwrap();
    assert!(setup.status.success(), "PySpark cannot be installed");
    let python = String::from_utf8(setup.stdout).unwrap();
    let log = folder.join("sink-read.log");
    let output = Command::new(python.trim())
        .arg(oracle.join("sink_read.py"))
        .stdin(File::open(&input).unwrap())
        .stderr(File::create(&log).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "Spark failed: {}", std::fs::read_to_string(log).unwrap());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn spark_sees_every_row_once() {
    let hdfs = &services::hdfs().uri;
    let local = services::run_folder().join("file sink");
    let mut directories = Vec::new();
    for root in [local.to_str().unwrap().to_string(), format!("{hdfs}/file sink")] {
        // Over compactions, with a restart on the way; on HDFS each batch takes a second.
        let batches = if root.starts_with("hdfs") { 11 } else { 21 };
        let mut typed = Directory::new(format!("{root}/typed"), "parquet", TYPED);
        let sink = typed.open(&[], &[], &facts(None, None));
        typed.run(&*sink, 0..8);
        let sink = typed.open(&[("compression", "zstd")], &[], &facts(Some(7), Some(6)));
        typed.run(&*sink, 8..batches);
        directories.push(typed);

        let mut crashed = Directory::new(format!("{root}/crashed"), "parquet", "id BIGINT, word STRING");
        let sink = crashed.open(&[], &[], &facts(None, None));
        crashed.run(&*sink, 0..2);
        // In parquet an empty string stays one.
        for row in &mut crashed.rows {
            let empty = row[0].as_ref().is_some_and(|id| id.parse::<usize>().unwrap() % WORDS.len() == 2);
            row[1] = if empty { Some(String::new()) } else { row[1].clone() };
        }
        leave_crash(&mut crashed, &*sink, 2);
        directories.push(crashed);

        for format in ["parquet", "json", "csv"] {
            let path = format!("{root}/partitioned {format}");
            let mut partitioned = Directory::new(path, format, "id BIGINT, word STRING");
            let sink = partitioned.open(&[("maxRecordsPerFile", "1")], &["word"], &facts(None, None));
            partitioned.run(&*sink, 0..3);
            directories.push(partitioned);
        }
    }
    let mut gzipped =
        Directory::new(format!("{}/gzipped", local.to_str().unwrap()), "csv", "id BIGINT, word STRING");
    let sink = gzipped.open(&[("compression", "gzip")], &[], &facts(None, None));
    gzipped.run(&*sink, 0..2);
    directories.push(gzipped);

    for (directory, found) in directories.iter().zip(spark_reads(&directories)) {
        let mut expected: Vec<String> = directory.rows.iter().map(|row| json!(row).to_string()).collect();
        expected.sort();
        for way in ["batch", "stream"] {
            let rows = found[way].as_array().unwrap().iter();
            let mut rows: Vec<String> = rows.map(Value::to_string).collect();
            rows.sort();
            assert_eq!(rows, expected, "{way} of {}", directory.path);
        }
    }
}
