//! Rows that a function refuses, on a real broker: killed again and again, a query sets each aside once, beside
//! results that lack just them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use harness::cases::letters::visible_lines;
use harness::program::{Ended, Run, Settings};
use harness::services::{Record, kafka};
use harness::topic::{Isolation, read_topic};
use serde_json::Value;

const PARTITIONS: u64 = 3;
const NUMBERS: u64 = 6_000;
const NUMBERS_A_BATCH: u64 = 250;

/// The points at which it dies, one after the other, each with the hit.
const KILLS: [&str; 16] = [
    "offsets-after:1",
    "guest-after:2",
    "letters-before:1",
    "letters-after:1",
    "letters-before:2",
    "letters-after:2",
    "stage-after-write:3",
    "close-before:2",
    "rename-before:1",
    "rename-after:2",
    "metadata-before:1",
    "metadata-after:1",
    "metadata-before:2",
    "metadata-after:2",
    "commits-before:1",
    "commits-after:2",
];

/// The same around a transaction.
const KILLS_OF_TRANSACTIONS: [&str; 12] = [
    "letters-before:1",
    "transaction-begun:1",
    "transaction-written:1",
    "transaction-written:2",
    "transaction-before-commit:1",
    "transaction-before-commit:2",
    "transaction-committed:1",
    "transaction-committed:2",
    "letters-after:1",
    "metadata-after:1",
    "commits-before:1",
    "commits-after:2",
];

/// Number `at`: less than a third of them are negative, in runs and alone.
fn number(at: u64) -> i64 {
    let noise = (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as i64 % 1_000;
    if noise % 4 == 0 || at % 500 < 20 { -noise - 1 } else { noise }
}

fn produce(topic: &str) {
    kafka().create_topic(topic, PARTITIONS as i32, &[]);
    let mut producer = kafka().producer();
    for at in 0..NUMBERS {
        let value = number(at).to_string();
        let partition = (at % PARTITIONS) as i32;
        producer.send(
            topic,
            &Record { partition, value: value.as_bytes(), timestamp_ms: 1, ..Record::default() },
        );
    }
    producer.finish();
}

/// A query over a topic of numbers that sets negative ones aside.
struct Query {
    work: tempfile::TempDir,
    file: PathBuf,
}

impl Query {
    fn new(topic: &str, dead_letter: impl Fn(&Path) -> String) -> Query {
        let work = tempfile::tempdir().unwrap();
        let folder = work.path().display();
        let text = format!(
            "name: numbers
source:
  format: kafka
  options:
    kafka.bootstrap.servers: \"{}\"
    subscribe: {topic}
    startingOffsets: earliest
    maxOffsetsPerTrigger: {NUMBERS_A_BATCH}
stages:
  - select: [\"CAST(CAST(value AS STRING) AS BIGINT) AS n\"]
  - filter: \"n % 10 <> 7\"
  - udf:
      module: \"{}\"
      function: checked
      input: [n]
      onError: {{ deadLetter: {} }}
sink: {{ format: json, options: {{ path: \"{folder}/out\" }} }}
trigger: {{ availableNow: true }}
checkpointLocation: \"{folder}/checkpoint\"
",
            kafka().bootstrap,
            build_udfs::module("identity").display(),
            dead_letter(work.path())
        );
        let file = work.path().join("query.yaml");
        fs::write(&file, text).unwrap();
        Query { work, file }
    }

    fn run(&self, kill_at: Option<&str>, parallelism: usize) -> Ended {
        let settings = Settings { kill_at: kill_at.map(str::to_string), parallelism: Some(parallelism) };
        Run::start(self.work.path(), &self.file, &settings).ended()
    }

    /// Dies at each of the points, on another number of threads each time, then goes on to the end.
    fn run_with_kills(&self, kills: &[&str]) {
        for (number, point) in kills.iter().enumerate() {
            let ended = self.run(Some(point), number % 3 + 1);
            assert!(ended.was_killed(), "{point} was not passed: {}", ended.says());
        }
        let ended = self.run(None, 2);
        assert!(ended.status.success(), "{}", ended.says());
    }

    /// Dies before the letters of the next batch are published: the bytes that are staged, by the names of the files.
    fn staged_letters(&self, parallelism: usize) -> BTreeMap<String, Vec<u8>> {
        let ended = self.run(Some("letters-before:1"), parallelism);
        assert!(ended.was_killed(), "{}", ended.says());
        let folders = |path: PathBuf| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        let runs = folders(self.work.path().join("letters/.wasmill-staging"));
        let files = runs.flat_map(folders).flat_map(folders);
        let name = |file: &Path| file.file_name().unwrap().to_string_lossy().into_owned();
        files.map(|file| (name(&file), fs::read(&file).unwrap())).collect()
    }

    fn expect_results(&self) {
        let rows = visible_lines(&self.work.path().join("out"));
        let n = |row: &String| serde_json::from_str::<Value>(row).unwrap()["n"].as_i64().unwrap();
        let mut found: Vec<i64> = rows.iter().map(n).collect();
        let mut wanted: Vec<i64> =
            (0..NUMBERS).map(number).filter(|number| *number >= 0 && number % 10 != 7).collect();
        found.sort();
        wanted.sort();
        assert!(found == wanted, "{} results, {} wanted", found.len(), wanted.len());
    }
}

/// Fails unless the letters are those that must be, each once; and those of a batch have one time.
fn expect_letters(topic: &str, letters: &[Value]) {
    let mut wanted = BTreeMap::new();
    for at in (0..NUMBERS).filter(|at| number(*at) < 0 && number(*at) % 10 != 7) {
        wanted.insert(((at % PARTITIONS) as i64, (at / PARTITIONS) as i64), number(at));
    }
    let (mut times, wanted_count) = (BTreeMap::new(), wanted.len());
    for letter in letters {
        assert_eq!((letter["topic"].as_str(), letter["query"].as_str()), (Some(topic), Some("numbers")));
        let place = (letter["partition"].as_i64().unwrap(), letter["offset"].as_i64().unwrap());
        let n =
            wanted.remove(&place).unwrap_or_else(|| panic!("{letter} is there twice, or ought not to be"));
        assert_eq!(letter["message"], format!("{n} is negative"));
        assert_eq!(letter["row"], format!("{{\"n\":{n}}}"));
        assert!(letter["stage"].as_str().unwrap().ends_with("identity.wasm.checked(n)"), "{letter}");
        let time = times.entry(letter["batch"].as_u64().unwrap()).or_insert(letter["time"].clone());
        assert_eq!(*time, letter["time"], "{letter}");
    }
    assert!(wanted.is_empty(), "{} of {wanted_count} letters are missing", wanted.len());
}

fn values(lines: &[String]) -> Vec<Value> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn letters_in_files_survive_kills() {
    produce("refused-path");
    let letters =
        |work: &Path| format!("{{ format: json, options: {{ path: \"{}/letters\" }} }}", work.display());
    let query = Query::new("refused-path", letters);
    let staged = query.staged_letters(1);
    assert_eq!(staged.len() as u64, PARTITIONS);
    assert!(staged == query.staged_letters(3), "a batch that ran again staged other bytes");
    query.run_with_kills(&KILLS);
    query.expect_results();
    expect_letters("refused-path", &values(&visible_lines(&query.work.path().join("letters"))));
}

#[test]
fn letters_in_a_topic_survive_kills() {
    produce("refused-topic");
    kafka().create_topic("refused-letters", 2, &[]);
    let letters = |_: &Path| {
        format!(
            "{{ format: kafka, options: {{ kafka.bootstrap.servers: \"{}\", topic: refused-letters }} }}",
            kafka().bootstrap
        )
    };
    let query = Query::new("refused-topic", letters);
    query.run_with_kills(&KILLS_OF_TRANSACTIONS);
    query.expect_results();
    let found = read_topic("refused-letters", 2, Isolation::ReadCommitted);
    let letters: Vec<String> =
        found.iter().map(|record| String::from_utf8(record.value.clone()).unwrap()).collect();
    let letters = values(&letters);
    expect_letters("refused-topic", &letters);
    let all = read_topic("refused-letters", 2, Isolation::ReadUncommitted);
    assert!(all.len() > found.len(), "no transaction was cut off by a kill");
    // Letters of one partition of the source are in one partition, in order.
    let mut last: BTreeMap<String, (i32, i64)> = BTreeMap::new();
    for (record, letter) in found.iter().zip(&letters) {
        let key = String::from_utf8(record.key.clone()).unwrap();
        assert_eq!(key, format!("refused-topic-{}", letter["partition"]));
        let place = (record.partition, letter["offset"].as_i64().unwrap());
        let before = last.insert(key, place).unwrap_or((record.partition, -1));
        assert!(before.0 == place.0 && before.1 < place.1, "{before:?} stands before {place:?}");
    }
}

/// A query over files of one number each, which come one by one.
struct Files {
    work: tempfile::TempDir,
    numbers: usize,
}

impl Files {
    /// Adds a file and runs the query until it is done.
    fn run(&mut self, number: i64, on_error: &str) -> Ended {
        let work = self.work.path();
        fs::create_dir_all(work.join("in")).unwrap();
        fs::write(work.join(format!("in/{}.json", self.numbers)), format!("{{\"n\": {number}}}\n")).unwrap();
        self.numbers += 1;
        self.run_again(on_error, None)
    }

    fn run_again(&self, on_error: &str, kill_at: Option<&str>) -> Ended {
        let (work, folder) = (self.work.path(), self.work.path().display());
        let text = format!(
            "source: {{ format: json, schema: \"n BIGINT\", options: {{ path: \"{folder}/in\", maxFilesPerTrigger: 1 }} }}
stages:
  - udf: {{ module: \"{}\", function: checked, input: [n], onError: {on_error} }}
sink: {{ format: json, options: {{ path: \"{folder}/out\" }} }}
trigger: {{ availableNow: true }}
checkpointLocation: \"{folder}/checkpoint\"
",
            build_udfs::module("identity").display()
        );
        fs::write(work.join("query.yaml"), text).unwrap();
        let settings = Settings { kill_at: kill_at.map(str::to_string), parallelism: Some(1) };
        Run::start(work, &work.join("query.yaml"), &settings).ended()
    }

    /// The numbers of all letters, in order, and the names of the log's entries.
    fn letters(&self, folder: &str) -> (Vec<String>, BTreeSet<String>) {
        let folder = self.work.path().join(folder);
        let mut rows: Vec<String> = values(&visible_lines(&folder))
            .iter()
            .map(|letter| letter["row"].as_str().unwrap().into())
            .collect();
        rows.sort();
        let entries = fs::read_dir(folder.join("_spark_metadata")).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        (rows, names.filter(|name| !name.starts_with('.')).collect())
    }
}

#[test]
fn the_policy_may_change_at_every_restart() {
    let mut files = Files { work: tempfile::tempdir().unwrap(), numbers: 0 };
    let letters = |files: &Files, folder: &str| {
        format!(
            "{{deadLetter: {{format: json, options: {{path: \"{}/{folder}\"}}}}}}",
            files.work.path().display()
        )
    };
    let (here, there) = (letters(&files, "here"), letters(&files, "there"));
    let expect_well = |ended: Ended| assert!(ended.status.success(), "{}", ended.says());
    expect_well(files.run(1, "fail"));
    let failed = files.run(-1, "fail");
    assert!(!failed.status.success() && failed.log.contains("-1 is negative"), "{}", failed.says());
    // The batch that failed goes by the new policy; the one after it, again by another.
    expect_well(files.run_again(&here, None));
    let skipped = files.run(-2, "skip");
    assert!(skipped.log.contains("\"onError\":\"skip\",\"numRows\":1}"), "{}", skipped.log);
    expect_well(skipped);
    expect_well(files.run(-3, &here));
    expect_well(files.run(-4, &there));
    // A batch whose letters went out before a kill, and one that had not come so far.
    fs::write(files.work.path().join("in/5.json"), "{\"n\": -5}\n").unwrap();
    assert!(files.run_again(&here, Some("letters-after:1")).was_killed());
    expect_well(files.run_again(&here, None));
    fs::write(files.work.path().join("in/6.json"), "{\"n\": -6}\n").unwrap();
    assert!(files.run_again(&here, Some("letters-before:1")).was_killed());
    expect_well(files.run_again(&there, None));
    files.numbers = 7;
    expect_well(files.run(-7, &here));
    let row = |n: &i64| format!("{{\"n\":{n}}}");
    let wanted = |numbers: &[i64], batches: usize| {
        let rows: Vec<String> = numbers.iter().map(row).collect();
        (rows, (0..batches).map(|batch| batch.to_string()).collect::<BTreeSet<String>>())
    };
    assert_eq!(files.letters("here"), wanted(&[-1, -3, -5, -7], 4));
    assert_eq!(files.letters("there"), wanted(&[-4, -6], 2));
}
