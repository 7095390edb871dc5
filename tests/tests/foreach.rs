//! A foreach function in a sink: killed again and again, each effect takes place once, in the partition and the batch
//! that its rows were in; and over changing results, which the sink alone would refuse.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use harness::cases::letters::visible_lines;
use harness::program::{Ended, Run, Settings, command};
use serde_json::{Value, json};

const FILES: usize = 16;
const FILES_A_BATCH: usize = 3;
const ROWS: usize = 40;
const LIMIT: i64 = 50;
/// A value that comes in a batch behind the first one.
const BAD: i64 = 65;

/// The points at which it dies, one after the other, each with the hit.
const KILLS: [&str; 10] = [
    "offsets-after:1",
    "stage-before:2",
    "stage-after-write:2",
    "close-before:1",
    "close-after:2",
    "rename-before:1",
    "metadata-before:1",
    "metadata-after:1",
    "commits-before:1",
    "commits-after:1",
];

/// The value of a row of a file.
fn value(file: usize, row: usize) -> i64 {
    ((file * 7_919 + row * 104_729) % 101) as i64
}

fn name(row: usize) -> String {
    format!("name{}", row % 5)
}

struct Query {
    work: tempfile::TempDir,
    file: PathBuf,
}

impl Query {
    fn new(stages: &str, input: &str, mode: &str) -> Query {
        let work = tempfile::tempdir().unwrap();
        let folder = work.path().display();
        fs::create_dir(work.path().join("in")).unwrap();
        for file in 0..FILES {
            let row = |row: usize| {
                json!({"file": file, "name": name(row), "value": value(file, row)}).to_string() + "\n"
            };
            let rows: String = (0..ROWS).map(row).collect();
            fs::write(work.path().join(format!("in/{file:02}.json")), rows).unwrap();
        }
        let text = format!(
            "source:
  format: json
  schema: file INT, name STRING, value BIGINT
  options: {{ path: \"{folder}/in\", maxFilesPerTrigger: {FILES_A_BATCH} }}
{stages}
sink:
  foreach: {{ module: \"{}\", function: alert, input: {input} }}
  format: json
  options: {{ path: \"{folder}/out\" }}
outputMode: {mode}
trigger: {{ availableNow: true }}
checkpointLocation: \"{folder}/checkpoint\"
",
            build_udfs::module("alerts").display(),
        );
        let file = work.path().join("query.yaml");
        fs::write(&file, text).unwrap();
        Query { work, file }
    }

    fn run(&self, kill_at: Option<&str>, parallelism: usize) -> Ended {
        let settings = Settings { kill_at: kill_at.map(str::to_string), parallelism: Some(parallelism) };
        Run::start(self.work.path(), &self.file, &settings).ended()
    }

    fn out(&self) -> PathBuf {
        self.work.path().join("out")
    }
}

/// What took place in a batch.
#[derive(Debug, Default, PartialEq)]
struct Effects {
    /// Keys and texts, sorted.
    alerts: Vec<(String, String)>,
    /// What the ends of its partitions counted.
    raised: usize,
}

impl Effects {
    fn of(mut alerts: Vec<(String, String)>) -> Effects {
        alerts.sort();
        Effects { raised: alerts.len(), alerts }
    }
}

/// What took place, by batch.
fn effects(folder: &Path) -> BTreeMap<i64, Effects> {
    let mut effects: BTreeMap<_, Effects> = BTreeMap::new();
    for line in visible_lines(folder) {
        let effect: Value = serde_json::from_str(&line).unwrap();
        assert!(effect["partition"].as_i64().unwrap() < FILES_A_BATCH as i64, "{effect}");
        let text = |name: &str| effect[name].as_str().unwrap_or_default().to_string();
        let batch = effects.entry(effect["epoch"].as_i64().unwrap()).or_default();
        match text("key").as_str() {
            "raised" => batch.raised += text("text").parse::<usize>().unwrap(),
            key => batch.alerts.push((key.into(), text("text"))),
        }
    }
    effects.values_mut().for_each(|batch| batch.alerts.sort());
    effects
}

/// What the rows of each batch of files should bring about.
fn wanted() -> BTreeMap<i64, Effects> {
    let files: Vec<usize> = (0..FILES).collect();
    let of_batch = |(epoch, batch): (usize, &[usize])| {
        let rows = batch.iter().flat_map(|file| (0..ROWS).map(move |row| (*file, row)));
        let above = rows.filter(|(file, row)| value(*file, *row) > LIMIT);
        let alert = |(file, row)| (name(row), format!("{} is above {LIMIT}", value(file, row)));
        (epoch as i64, Effects::of(above.map(alert).collect()))
    };
    files.chunks(FILES_A_BATCH).enumerate().map(of_batch).collect()
}

#[test]
fn every_effect_takes_place_once_through_kills() {
    let query = Query::new("stages: []", &format!("[name, value, \"{LIMIT}\"]"), "append");
    for (number, point) in KILLS.iter().enumerate() {
        let ended = query.run(Some(point), number % 3 + 1);
        assert!(ended.was_killed(), "{point} was not passed: {}", ended.says());
    }
    let ended = query.run(None, 2);
    assert!(ended.status.success(), "{}", ended.says());
    assert_eq!(effects(&query.out()), wanted());
}

#[test]
fn changing_results_become_effects() {
    let stages = "stages: [{ groupBy: [name], agg: [\"sum(value) AS total\"] }]";
    let query = Query::new(stages, "[name, total, \"1000\"]", "update");
    let explained = command(&["explain", query.file.to_str().unwrap()]);
    assert!(explained.out.contains("foreach") && explained.status.success(), "{}", explained.says());
    let ended = query.run(None, 2);
    assert!(ended.status.success(), "{}", ended.says());
    let (mut totals, mut wanted): (BTreeMap<String, i64>, BTreeMap<i64, Effects>) = Default::default();
    let files: Vec<usize> = (0..FILES).collect();
    for (epoch, batch) in files.chunks(FILES_A_BATCH).enumerate() {
        for (file, row) in batch.iter().flat_map(|file| (0..ROWS).map(move |row| (*file, row))) {
            *totals.entry(name(row)).or_default() += value(file, row);
        }
        let above = totals.iter().filter(|(_, total)| **total > 1_000);
        let above: Vec<_> =
            above.map(|(name, total)| (name.clone(), format!("{total} is above 1000"))).collect();
        wanted.extend((!above.is_empty()).then_some((epoch as i64, Effects::of(above))));
    }
    assert_eq!(effects(&query.out()), wanted);
}

#[test]
fn a_failure_says_where_and_nothing_takes_place() {
    let input = format!("[name, value, \"if(value = {BAD}, NULL, {LIMIT})\"]");
    let query = Query::new("stages: []", &input, "append");
    let ended = query.run(None, 2);
    assert_eq!(ended.status.code(), Some(2), "{}", ended.says());
    for part in ["stage=`foreach", "reason=`an alert needs a limit`", "first_row=", "replay=`"] {
        assert!(ended.log.contains(part), "{part}: {}", ended.log);
    }
    // What the batches before it raised is there, and of the one that failed nothing.
    let bad = (0..FILES).find(|file| (0..ROWS).any(|row| value(*file, row) == BAD)).unwrap() / FILES_A_BATCH;
    assert!(bad > 0);
    let before: BTreeMap<_, _> = wanted().into_iter().filter(|(epoch, _)| *epoch < bad as i64).collect();
    assert_eq!(effects(&query.out()), before);
}
