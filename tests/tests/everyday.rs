//! The everyday uses, typed as a new user would: socket word counts on the console, a topic to parquet on HDFS with a
//! console query beside it, and reading back.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use harness::program::{Run, Settings, command};
use harness::services::{Record, hdfs, kafka};
use harness::wait::poll;
use serde_json::Value;

/// Until something that was typed shows on the console.
const SHOWN_MAX: Duration = Duration::from_secs(60);

/// What `nc -l` does, first half: listens.
fn netcat() -> (TcpListener, u16) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Second half: waits for the query to connect, and sends it lines.
fn type_lines(listener: &TcpListener, run: &Run, lines: &str) -> TcpStream {
    let look = || listener.accept().ok().map(Some).or_else(|| (!run.is_running()).then_some(None));
    let client = poll(SHOWN_MAX, look).flatten();
    let (mut client, _) = client.unwrap_or_else(|| panic!("the query did not connect:\n{}", run.log()));
    client.write_all(lines.as_bytes()).unwrap();
    client
}

fn start(work: &Path, query: &str) -> Run {
    let file = work.join("query.yaml");
    std::fs::write(&file, query).unwrap();
    Run::start(work, &file, &Settings::default())
}

/// Waits until the console shows `text`, then asks the query to finish.
fn expect_shown(run: Run, text: &str) {
    let shown = poll(SHOWN_MAX, || (run.out().contains(text) || !run.is_running()).then_some(()));
    run.ask_to_end();
    let ended = run.ended();
    assert!(shown.is_some() && ended.out.contains(text), "no `{text}` in:\n{}{}", ended.out, ended.says());
    assert!(ended.status.success(), "{}", ended.says());
}

#[test]
fn netcat_word_count_in_complete_mode() {
    let work = tempfile::tempdir().unwrap();
    let (listener, port) = netcat();
    let query = format!(
        "source: {{ format: socket, options: {{ host: 127.0.0.1, port: {port} }} }}
stages:
  - udf: {{ module: \"{}\", function: split_words, input: [value] }}
  - groupBy: [word]
    agg: [\"count(*) AS count\"]
sink: {{ format: console }}
outputMode: complete
",
        build_udfs::module("text").display()
    );
    let run = start(work.path(), &query);
    let _client = type_lines(&listener, &run, "the cat sat on the mat\nthe dog\n");
    expect_shown(run, "| the|    3|");
}

#[test]
fn windowed_word_count_with_the_time_of_arrival() {
    let work = tempfile::tempdir().unwrap();
    let (listener, port) = netcat();
    let query = format!(
        "source: {{ format: socket, options: {{ host: 127.0.0.1, port: {port}, includeTimestamp: true }} }}
stages:
  - udf: {{ module: \"{}\", function: split_words, input: [value] }}
  - withWatermark: {{ column: timestamp, delay: 10 seconds }}
  - groupBy: [\"window(timestamp, '10 minutes')\", word]
    agg: [\"count(*) AS count\"]
  - select: [word, count]
sink: {{ format: console, options: {{ rowFormat: json }} }}
outputMode: update
",
        build_udfs::module("text").display()
    );
    let run = start(work.path(), &query);
    let _client = type_lines(&listener, &run, "cat dog\n");
    expect_shown(run, "\"word\":\"cat\",\"count\":1");
}

#[test]
fn a_timer_by_the_clock_is_over_without_another_row() {
    let work = tempfile::tempdir().unwrap();
    let (listener, port) = netcat();
    let query = format!(
        "source: {{ format: socket, options: {{ host: 127.0.0.1, port: {port} }} }}
stages:
  - groupBy: [\"substr(value, 1, 1) AS letter\"]
    udf:
      module: \"{}\"
      function: pauses
      input: [\"CAST(length(value) AS BIGINT)\", \"INTERVAL '1' SECOND\"]
      ttl: 1 hour
sink: {{ format: console, options: {{ rowFormat: json }} }}
",
        build_udfs::module("sessions").display()
    );
    let run = start(work.path(), &query);
    let _client = type_lines(&listener, &run, "cat\ncow\ndonkey\n");
    expect_shown(run, "\"letter\":\"c\",\"total\":6,\"events\":2");
}

#[test]
fn a_topic_to_parquet_on_hdfs_with_a_console_beside_it() {
    let work = tempfile::tempdir().unwrap();
    kafka().create_topic("test", 2, &[]);
    let line = |partition, value| Record { partition, value, timestamp_ms: 1_000, ..Record::default() };
    kafka().produce("test", [line(0, b"first line"), line(1, b"second"), line(0, b"third")]);
    let source = format!(
        "source:
  format: kafka
  options: {{ kafka.bootstrap.servers: \"{}\", subscribe: test, startingOffsets: earliest }}
stages:
  - select: [\"CAST(value AS STRING) AS line\"]
trigger: {{ availableNow: true }}
",
        kafka().bootstrap
    );
    let uri = &hdfs().uri;
    let query = format!(
        "name: keep\n{source}sink: {{ format: parquet, options: {{ path: \"{uri}/everyday/lines\" }} }}
checkpointLocation: \"{uri}/everyday/checkpoint\"
---
name: look\n{source}sink: {{ format: console, options: {{ rowFormat: json }} }}
checkpointLocation: {}
",
        work.path().join("look").display()
    );
    let ended = start(work.path(), &query).ended();
    assert!(ended.status.success(), "{}", ended.says());
    let rows = ended.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut lines: Vec<String> = rows.map(|row| row["row"]["line"].as_str().unwrap().to_string()).collect();
    lines.sort();
    assert_eq!(lines, ["first line", "second", "third"]);
    let shown = command(&["show", &format!("{uri}/everyday/lines")]);
    assert!(shown.status.success(), "{}", shown.says());
    for text in ["first line", "second", "third", "count: 3"] {
        assert!(shown.out.contains(text), "no `{text}` in:\n{}", shown.out);
    }
}
