//! The whole path, measured: a Kafka topic through a guest to parquet on the local disk, without and with a windowed
//! count. Prints a table, or JSON with `--json`. Run it as `cargo whole-path`, on a machine that does nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use harness::lines::Lines;
use harness::output::{Output, expect_whole_windows};
use harness::program::target_folder;
use harness::services::{Files, kafka};
use harness::wait::poll;
use serde_json::{Value, json};

const PARTITIONS: u64 = 4;
const LINES: u64 = 2_000_000;
const LINES_A_SECOND: u64 = 10_000;
/// Ten windows a batch at the default number of lines.
const LINES_A_BATCH: u64 = 200_000;
const WINDOW_MS: i64 = 10_000;
/// A run that takes longer than this is broken.
const RUN_MAX: Duration = Duration::from_secs(1800);

const STATELESS: &str = "";
const WINDOWED: &str = "
  - withWatermark: { column: timestamp, delay: 10 seconds }
  - groupBy: [\"window(timestamp, '10 seconds')\", word]
    agg: [\"count(*) AS count\"]";

/// One path's figures.
struct Figures {
    path: &'static str,
    lines: u64,
    seconds: f64,
    processor_seconds: f64,
    batch_ms: Vec<f64>,
    memory_mb: f64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let as_json = arguments.iter().any(|argument| argument == "--json");
    let lines = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(LINES);
    let program = build();
    let source = Lines::new(1, LINES_A_SECOND);
    kafka().create_topic("bench", PARTITIONS as i32, &[]);
    eprintln!("producing {lines} lines");
    source.produce(kafka(), "bench", PARTITIONS, 0, lines);
    let work = tempfile::tempdir().unwrap_or_else(|e| panic!("cannot make a folder: {e}"));
    let figures = [("stateless", STATELESS), ("windowed", WINDOWED)].map(|(path, stages)| {
        eprintln!("running {path}");
        run(&program, path, stages, &work.path().join(path), lines)
    });
    check_counts(&source, lines, &work.path().join("windowed/output"));
    let report: Vec<Value> = figures.iter().map(Figures::to_json).collect();
    if as_json {
        println!("{}", json!({ "paths": report }));
    } else {
        figures.iter().for_each(|figures| println!("{}", figures.to_line()));
    }
    ExitCode::SUCCESS
}

/// The program as it is shipped: release, without the points at which tests kill it.
fn build() -> PathBuf {
    let target = target_folder();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--package", "wasmill"])
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.is_ok_and(|status| status.success()), "wasmill does not build");
    target.join("release/wasmill")
}

fn run(program: &Path, path: &'static str, stages: &str, work: &Path, lines: u64) -> Figures {
    fs::create_dir_all(work).unwrap_or_else(|e| panic!("cannot make {}: {e}", work.display()));
    let (query, log) = (work.join("query.yaml"), work.join("log"));
    let text = format!(
        "name: {path}
source:
  format: kafka
  options:
    kafka.bootstrap.servers: \"{}\"
    subscribe: bench
    startingOffsets: earliest
    maxOffsetsPerTrigger: {LINES_A_BATCH}
stages:
  - select: [\"CAST(value AS STRING) AS line\", \"timestamp\"]
  - udf: {{ module: \"{}\", function: split_words, input: [line] }}
  - select: [\"word\", \"timestamp\"]{stages}
sink:
  format: parquet
  options: {{ path: \"{}\" }}
outputMode: append
trigger: {{ availableNow: true }}
checkpointLocation: \"{}\"
",
        kafka().bootstrap,
        build_udfs::module("text").display(),
        work.join("output").display(),
        work.join("checkpoint").display(),
    );
    let failed = |e: std::io::Error| -> ! { panic!("cannot run {path}: {e}") };
    fs::write(&query, text).unwrap_or_else(|e| failed(e));
    let errors = fs::File::create(&log).unwrap_or_else(|e| failed(e));
    let mut command = Command::new(program);
    command.arg("run").arg(&query).arg("--state-dir").arg(work.join("state")).args(["--output", "json"]);
    let start = Instant::now();
    let before = processor_seconds_of_children();
    let mut child = command.stdin(Stdio::null()).stderr(errors).spawn().unwrap_or_else(|e| failed(e));
    let mut memory_kb = 0;
    let ended = poll(RUN_MAX, || {
        memory_kb = memory_kb.max(peak_memory_kb(child.id()).unwrap_or(0));
        child.try_wait().ok().flatten()
    });
    let seconds = start.elapsed().as_secs_f64();
    let log = fs::read_to_string(&log).unwrap_or_default();
    assert!(ended.is_some_and(|status| status.success()), "{path} failed:\n{log}");
    let progress = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Figures {
        path,
        lines,
        seconds,
        processor_seconds: processor_seconds_of_children() - before,
        batch_ms: progress.filter_map(|batch| batch["durationMs"]["triggerExecution"].as_f64()).collect(),
        memory_mb: memory_kb as f64 / 1024.0,
    }
}

/// The counts are those of the generator, or the figures mean nothing.
fn check_counts(source: &Lines, lines: u64, folder: &Path) {
    let mut output = Output::new(&Files::Local, &folder.to_string_lossy());
    let (listing, truth) = (output.listing(), source.closed_counts(lines, WINDOW_MS, WINDOW_MS, WINDOW_MS));
    let found = output.counts(&listing);
    expect_whole_windows(&found, &truth);
    assert_eq!(found.len(), truth.len(), "some windows were not written");
}

impl Figures {
    fn rows_a_second(&self) -> f64 {
        self.lines as f64 / self.seconds
    }

    /// What one core would do if the program used nothing else.
    fn rows_a_second_a_core(&self) -> f64 {
        self.lines as f64 / self.processor_seconds
    }

    /// The latency that this share of the batches does not exceed.
    fn batch_ms_at(&self, share: f64) -> f64 {
        let mut sorted = self.batch_ms.clone();
        sorted.sort_by(f64::total_cmp);
        let at = (sorted.len() as f64 * share).ceil() as usize;
        sorted.get(at.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    fn to_json(&self) -> Value {
        json!({
            "path": self.path,
            "lines": self.lines,
            "seconds": self.seconds,
            "rows_per_second": self.rows_a_second(),
            "rows_per_second_per_core": self.rows_a_second_a_core(),
            "batches": self.batch_ms.len(),
            "batch_ms_p50": self.batch_ms_at(0.5),
            "batch_ms_p99": self.batch_ms_at(0.99),
            "memory_mb_peak": self.memory_mb,
        })
    }

    fn to_line(&self) -> String {
        format!(
            "{:<10} {:>9.0} rows/s {:>9.0} rows/s/core   batch p50 {:>6.0} ms p99 {:>6.0} ms   peak {:>5.0} MB",
            self.path,
            self.rows_a_second(),
            self.rows_a_second_a_core(),
            self.batch_ms_at(0.5),
            self.batch_ms_at(0.99),
            self.memory_mb,
        )
    }
}

fn peak_memory_kb(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// User and system time of the children that have ended and were waited for. The services have not.
fn processor_seconds_of_children() -> f64 {
    // SAFETY: getrusage fills the structure, for which all zeroes is a valid value.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
