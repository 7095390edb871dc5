//! The main job, small: lines from a Kafka topic, split by a guest, counted in sliding windows, to parquet on HDFS,
//! with the checkpoint on HDFS too. What the crash tests kill.

use std::path::PathBuf;

use crate::lines::{Lines, WindowCounts};
use crate::output::{Output, expect_whole_windows};
use crate::program::{Run, Settings};
use crate::services::{Files, hdfs, kafka};

const PARTITIONS: u64 = 4;
/// Lines to a second of event time: so few that windows close all the time.
pub const LINES_A_SECOND: u64 = 100;
const WINDOW_MS: i64 = 10_000;
const SLIDE_MS: i64 = 5_000;
const DELAY_MS: i64 = 10_000;

/// One topic with known counts, and the folder `name` on HDFS where its queries write.
pub struct Spine {
    topic: String,
    lines: Lines,
    produced: u64,
}

/// One query over the topic, with its own output and checkpoint.
pub struct SpineQuery {
    /// On HDFS, without scheme.
    pub folder: String,
    /// On the local disk: the query file, logs, and local state.
    pub work: tempfile::TempDir,
    query: PathBuf,
}

impl Spine {
    pub fn new(topic: &str, seed: u64, lines_a_second: u64) -> Spine {
        kafka().create_topic(topic, PARTITIONS as i32, &[]);
        Spine { topic: topic.to_string(), lines: Lines::new(seed, lines_a_second), produced: 0 }
    }

    /// Adds lines to the topic.
    pub fn produce(&mut self, lines: u64) {
        let to = self.produced + lines;
        self.lines.produce(kafka(), &self.topic, PARTITIONS, self.produced, to);
        self.produced = to;
    }

    /// The counts that the query has to end with.
    pub fn truth(&self) -> WindowCounts {
        self.lines.closed_counts(self.produced, WINDOW_MS, SLIDE_MS, DELAY_MS)
    }

    /// A query over the whole topic, `lines_a_batch` at a time.
    pub fn query(&self, name: &str, lines_a_batch: u64) -> SpineQuery {
        let work = tempfile::tempdir().unwrap_or_else(|e| panic!("cannot make a folder: {e}"));
        let (query, folder) = (work.path().join("query.yaml"), format!("/{}/{name}", self.topic));
        let text = format!(
            "name: {name}
source:
  format: kafka
  options:
    kafka.bootstrap.servers: \"{bootstrap}\"
    subscribe: {topic}
    startingOffsets: earliest
    maxOffsetsPerTrigger: {lines_a_batch}
stages:
  - select: [\"CAST(value AS STRING) AS line\", \"timestamp\"]
  - udf: {{ module: \"{module}\", function: split_words, input: [line] }}
  - withWatermark: {{ column: timestamp, delay: {DELAY_MS} milliseconds }}
  - groupBy: [\"window(timestamp, '{WINDOW_MS} milliseconds', '{SLIDE_MS} milliseconds')\", word]
    agg: [\"count(*) AS count\"]
sink:
  format: parquet
  options: {{ path: \"{uri}{folder}/counts\" }}
outputMode: append
trigger: {{ availableNow: true }}
checkpointLocation: \"{uri}{folder}/checkpoint\"
",
            bootstrap = kafka().bootstrap,
            topic = self.topic,
            module = build_udfs::module("text").display(),
            uri = hdfs().uri,
        );
        std::fs::write(&query, text).unwrap_or_else(|e| panic!("cannot write the query: {e}"));
        SpineQuery { folder, work, query }
    }
}

impl SpineQuery {
    /// Starts the query, to die at a point if one is given.
    pub fn start(&self, kill_at: Option<&str>) -> Run {
        let settings = Settings { kill_at: kill_at.map(str::to_string), parallelism: Some(2) };
        Run::start(self.work.path(), &self.query, &settings)
    }

    /// The local state is lost, as on another machine.
    pub fn lose_local_state(&self) {
        std::fs::remove_dir_all(self.work.path().join("state")).ok();
    }

    pub fn output<'a>(&self, files: &'a Files) -> Output<'a> {
        Output::new(files, &format!("{}/counts", self.folder))
    }

    /// Fails unless the output is the truth, all of it.
    pub fn expect_all(&self, files: &Files, truth: &WindowCounts) {
        let mut output = self.output(files);
        let listing = output.listing();
        let found = output.counts(&listing);
        expect_whole_windows(&found, truth);
        assert_eq!(found.len(), truth.len(), "some windows were not written");
    }
}
