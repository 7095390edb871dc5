//! Functions of modules that keep state, on a real broker: killed again and again, they give what an undisturbed run
//! must give.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use harness::program::{Run, Settings};
use harness::services::{Record, kafka};
use serde_json::Value;

const PARTITIONS: u64 = 3;
const USERS: u64 = 40;
const EVENTS: u64 = 6_000;
const EVENTS_A_BATCH: u64 = 300;
/// So many users have events for so many events, then others.
const USERS_AT_ONCE: u64 = 10;
const EVENTS_A_TURN: u64 = 750;
const FIRST_TIME_MS: i64 = 1_767_225_600_000;
const GAP_MS: i64 = 10_000;

/// The points at which it dies, one after the other, each with the hit.
const KILLS: [&str; 8] = [
    "guest-after:9",
    "changes-before:2",
    "changes-after:2",
    "stage-after-write:3",
    "commits-before:1",
    "commits-after:2",
    "apply-before:1",
    "apply-after:1",
];

/// Event `number`: whose it is, when it was, and its value. Some come after later ones of the same user.
fn event(number: u64) -> (u64, i64, i64) {
    let noise = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let user = (noise % USERS_AT_ONCE + number / EVENTS_A_TURN * USERS_AT_ONCE) % USERS;
    let time = FIRST_TIME_MS + (number * 20) as i64 - (noise % 2_000) as i64;
    (user, time, (noise % 100_000) as i64)
}

fn produce(topic: &str) {
    kafka().create_topic(topic, PARTITIONS as i32, &[]);
    let mut producer = kafka().producer();
    let mut send = |number: u64, user: &str, time, value: i64| {
        let value = value.to_string();
        let record = Record {
            partition: (number % PARTITIONS) as i32,
            key: Some(user.as_bytes()),
            value: value.as_bytes(),
            timestamp_ms: time,
        };
        producer.send(topic, &record);
    };
    for number in 0..EVENTS {
        let (user, time, value) = event(number);
        send(number, &format!("user{user}"), time, value);
    }
    // One event in every partition far behind the others moves the watermark over all of them.
    for partition in 0..PARTITIONS {
        send(partition, "last", FIRST_TIME_MS + 1_000_000_000, 0);
    }
    producer.finish();
}

/// Runs the query with all the kills, and on another machine half of the times; what it wrote in the end.
fn run_with_kills(topic: &str, stages: &str) -> Vec<Value> {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().display();
    let query = format!(
        "source:
  format: kafka
  options:
    kafka.bootstrap.servers: \"{}\"
    subscribe: {topic}
    startingOffsets: earliest
    maxOffsetsPerTrigger: {EVENTS_A_BATCH}
stages:
  - select: [\"CAST(key AS STRING) AS user\", \"CAST(CAST(value AS STRING) AS BIGINT) AS value\", timestamp]
  - withWatermark: {{ column: timestamp, delay: 30 seconds }}
{stages}sink: {{ format: json, options: {{ path: \"{folder}/out\" }} }}
trigger: {{ availableNow: true }}
checkpointLocation: \"{folder}/checkpoint\"
",
        kafka().bootstrap
    );
    let file = work.path().join("query.yaml");
    fs::write(&file, query).unwrap();
    let start = |kill_at: Option<String>| {
        let settings = Settings { kill_at, parallelism: Some(2) };
        Run::start(work.path(), &file, &settings).ended()
    };
    for (number, point) in KILLS.iter().enumerate() {
        let ended = start(Some(point.to_string()));
        assert!(ended.was_killed(), "{point} was not passed: {}", ended.says());
        if number % 2 == 1 {
            fs::remove_dir_all(work.path().join("state")).unwrap();
        }
    }
    let ended = start(None);
    assert!(ended.status.success(), "{}", ended.says());
    visible_rows(&work.path().join("out"))
}

/// The rows of the files that the sink's log names.
fn visible_rows(out: &Path) -> Vec<Value> {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(out.join("_spark_metadata")).unwrap() {
        let name = entry.as_ref().unwrap().file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines().skip(1) {
            let added: Value = serde_json::from_str(line).unwrap();
            let path = added["path"].as_str().unwrap();
            files.insert(out.join(path.rsplit('/').next().unwrap()));
        }
    }
    let lines = files.iter().flat_map(|file| {
        let text = fs::read_to_string(file).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    });
    lines.collect()
}

/// A time that the sink wrote, milliseconds.
fn millis(value: &Value) -> i64 {
    let text = value.as_str().unwrap();
    let time = wasmill::record::parse_timestamp_micros(text).unwrap();
    time / 1_000
}

#[test]
fn sessions_survive_kills() {
    produce("kinds-sessions");
    let module = build_udfs::module("sessions");
    let stages = format!(
        "  - groupBy: [user]\n    udf: {{ module: \"{}\", function: sessions, input: [timestamp, \"INTERVAL '{}' \
         SECOND\"] }}\n",
        module.display(),
        GAP_MS / 1_000
    );
    let mut found: Vec<(String, i64, i64, i64)> = run_with_kills("kinds-sessions", &stages)
        .iter()
        .map(|row| {
            let user = row["user"].as_str().unwrap().to_string();
            (user, millis(&row["start"]), millis(&row["end"]), row["events"].as_i64().unwrap())
        })
        .collect();
    found.sort();
    let mut times: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
    for (user, time, _) in (0..EVENTS).map(event) {
        times.entry(user).or_default().push(time);
    }
    let mut expected = Vec::new();
    for (user, mut times) in times {
        times.sort();
        for session in times.chunk_by(|one, next| next - one < GAP_MS) {
            let (start, end) = (session[0], session[session.len() - 1] + GAP_MS);
            expected.push((format!("user{user}"), start, end, session.len() as i64));
        }
    }
    expected.sort();
    assert!(expected.len() >= USERS as usize * 2, "{} sessions", expected.len());
    assert_eq!(found, expected);
}

#[test]
fn the_largest_values_survive_kills() {
    const K: usize = 3;
    const WINDOW_MS: i64 = 10_000;
    produce("kinds-top");
    let module = build_udfs::module("top");
    let stages = format!(
        "  - groupBy: [\"window(timestamp, '10 seconds')\", user]\n    agg:\n      - \"count(*) AS rows\"\n      - \
         udf: {{ module: \"{}\", function: top_k, input: [value, \"{K}\"], as: top }}\n  - select: [\"window.start AS \
         start\", user, rows, top]\n",
        module.display()
    );
    let mut found: Vec<(i64, String, i64, String)> = run_with_kills("kinds-top", &stages)
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap().to_string();
            (millis(&row["start"]), text("user"), row["rows"].as_i64().unwrap(), text("top"))
        })
        .collect();
    found.sort();
    let mut values: BTreeMap<(i64, String), Vec<i64>> = BTreeMap::new();
    for (user, time, value) in (0..EVENTS).map(event) {
        let start = time.div_euclid(WINDOW_MS) * WINDOW_MS;
        values.entry((start, format!("user{user}"))).or_default().push(value);
    }
    let expected: Vec<_> = values
        .into_iter()
        .map(|((start, user), mut values)| {
            let rows = values.len() as i64;
            values.sort_by(|a, b| b.cmp(a));
            let top: Vec<String> = values.iter().take(K).map(i64::to_string).collect();
            (start, user, rows, top.join(","))
        })
        .collect();
    assert_eq!(found, expected);
}

/// A query over files of numbers in `work`, one file a batch, with this stage behind it.
fn over_files(work: &Path, stages: &str) -> std::path::PathBuf {
    let folder = work.display();
    let query = format!(
        "source:
  format: json
  schema: \"name STRING, n BIGINT\"
  options: {{ path: \"{folder}/in\", maxFilesPerTrigger: 1 }}
stages:
{stages}sink: {{ format: console, options: {{ rowFormat: json }} }}
outputMode: update
trigger: {{ availableNow: true }}
checkpointLocation: \"{folder}/checkpoint\"
"
    );
    let file = work.join("query.yaml");
    fs::write(&file, query).unwrap();
    file
}

fn place(work: &Path, file: usize, rows: &[(&str, i64)]) {
    let lines = rows.iter().map(|(name, n)| format!("{{\"name\": \"{name}\", \"n\": {n}}}\n"));
    fs::create_dir_all(work.join("in")).unwrap();
    fs::write(work.join(format!("in/{file}.json")), lines.collect::<String>()).unwrap();
}

#[test]
fn a_batch_that_runs_again_leaves_the_same_bytes_in_state() {
    let work = tempfile::tempdir().unwrap();
    let work = work.path();
    for file in 0..3 {
        place(work, file, &[("a", 1), ("b", 2), ("a", file as i64)]);
    }
    let stages = format!(
        "  - groupBy: [name]\n    udf: {{ module: \"{}\", function: pauses, input: [n, \"INTERVAL '1' HOUR\"], ttl: \
         2 hours }}\n",
        build_udfs::module("sessions").display()
    );
    let query = over_files(work, &stages);
    let changes_after_kill = |point: &str, threads| {
        let settings = Settings { kill_at: Some(point.to_string()), parallelism: Some(threads) };
        let ended = Run::start(work, &query, &settings).ended();
        assert!(ended.was_killed(), "{}", ended.says());
        fs::read(work.join("checkpoint/state/1.changes")).unwrap()
    };
    // The clock has gone on between the runs; what the batch sees of it has not.
    let first = changes_after_kill("changes-after:2", 2);
    assert!(first == changes_after_kill("changes-after:1", 2));
    assert!(first == changes_after_kill("changes-after:1", 1), "the number of partitions is the batch's own");
}

#[test]
fn a_changed_module_goes_on_with_a_state_that_grew_and_with_no_other() {
    let work = tempfile::tempdir().unwrap();
    let work = work.path();
    let run = |function: &str| {
        let module = build_udfs::module("top");
        let item = format!(
            "{{ udf: {{ module: \"{}\", function: {function}, input: [n, \"2\"] }} }}",
            module.display()
        );
        let query =
            over_files(work, &format!("  - groupBy: [name]\n    agg: [{item}, \"count(*) AS rows\"]\n"));
        Run::start(work, &query, &Settings::default()).ended()
    };
    let expect = |ended: harness::program::Ended, row: &str| {
        assert!(
            ended.status.success() && ended.out.contains(row),
            "no {row} in {}{}",
            ended.out,
            ended.says()
        );
    };
    place(work, 0, &[("a", 5), ("a", 7), ("b", 1), ("a", 1)]);
    expect(run("top_k"), "\"name\":\"a\",\"top\":\"7,5\",\"rows\":3");
    place(work, 1, &[("a", 6)]);
    // The new column counts from here on.
    expect(run("top_k_of"), "\"name\":\"a\",\"top\":\"7,6 of 1\",\"rows\":4");
    place(work, 2, &[("b", 3), ("a", 9)]);
    expect(run("top_k_of"), "\"name\":\"a\",\"top\":\"9,7 of 2\",\"rows\":5");
    let refused = run("top_k");
    assert!(
        !refused.status.success() && refused.log.contains("column `rows BIGINT` was removed"),
        "{}",
        refused.log
    );
}
