//! Query cases: a query file, its input, and what Spark gave for each batch. Runs a case in several ways and says
//! how the outcome differs from Spark's; knows nothing of what a query means.

mod expected;
mod feed;
pub mod letters;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

pub use expected::{Batch, Expected};
use feed::Feed;

use crate::program::{Ended, Run, Settings};
use crate::wait::poll;

/// A batch of a few rows takes part of a second; a machine full of compilers is slow.
const BATCH_MAX: Duration = Duration::from_secs(60);

/// How a case is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Straight,
    /// With kill -9 behind every batch.
    Restarted,
    /// On this many threads.
    Parallel(usize),
}

/// One case.
pub struct Case {
    pub name: String,
    query: String,
    input: PathBuf,
    expected: Expected,
    /// The dead letters that it writes below `$OUTPUT/letters`, a JSON object a line.
    letters: String,
}

/// What we gave.
#[derive(Debug, Default)]
struct Given {
    /// The rows of each batch, in the order of printing.
    rows: BTreeMap<i64, Vec<Value>>,
    /// Progress by batch; not of batches that a kill cut off.
    progress: BTreeMap<i64, Value>,
    committed: Vec<i64>,
    /// Whether a batch was planned.
    has_started: bool,
    /// The end of a run that failed.
    failure: Option<Ended>,
}

impl Case {
    /// Reads a case from its query file, the folder of its input, and Spark's answer. `letters.jsonl` beside the query
    /// has its dead letters.
    pub fn read(name: &str, query: &Path, input: &Path, expected: &str) -> Case {
        let text = |file: &Path| {
            fs::read_to_string(file).unwrap_or_else(|e| panic!("cannot read {}: {e}", file.display()))
        };
        Case {
            name: name.to_string(),
            query: text(query),
            input: input.to_path_buf(),
            letters: fs::read_to_string(query.with_file_name("letters.jsonl")).unwrap_or_default(),
            expected: Expected::parse(expected).unwrap_or_else(|e| panic!("{name}: {e}")),
        }
    }

    /// Runs the case; the differences to Spark's answer, none if there are none.
    pub fn differences(&self, way: Way) -> Vec<String> {
        let work = tempfile::tempdir().unwrap_or_else(|e| panic!("cannot make a folder: {e}"));
        let mut attempt = Attempt::new(self, way, work.path());
        attempt.run_all();
        let given = attempt.given;
        let mut differences = self.expected.compare_verdict(given.failure.as_ref().map(Ended::says));
        if !differences.is_empty() {
            return differences;
        }
        // What we refuse at the start, Spark may refuse only when it has run some batches.
        let refused_at_start = given.failure.is_some() && !given.has_started;
        if !(refused_at_start && self.expected.is_refused()) {
            differences.extend(self.expected.compare_batches(
                &given.rows,
                &given.committed,
                self.is_ordered(),
            ));
        }
        let output = work.path().join("output");
        differences.extend(letters::differences(&output, work.path(), &self.letters));
        if way != Way::Restarted && given.failure.is_none() {
            differences.extend(self.expected.compare_progress(&given.progress));
        }
        differences
    }

    fn is_ordered(&self) -> bool {
        self.query.contains("- orderBy:")
    }

    /// Whether the query ends by itself when it has read what is there.
    fn ends_by_itself(&self) -> bool {
        self.query.contains("availableNow:") || self.query.contains("once:")
    }

    /// The query file as it is run: with folders in place of `$INPUT` and `$OUTPUT`, and with a sink and a checkpoint.
    fn query_in(&self, work: &Path) -> String {
        let mut text = self.query.replace("$INPUT", &work.join("input").to_string_lossy());
        text = text.replace("$OUTPUT", &work.join("output").to_string_lossy());
        if !text.ends_with('\n') {
            text.push('\n');
        }
        if self.query.contains("union:") && !self.query.contains("trigger:") {
            // The files of a step come into two folders: a query that looked all the time would sooner or later
            // look between them, and have one batch more than Spark, which is fed while it does not look.
            text.push_str("trigger: { processingTime: 500 milliseconds }\n");
        }
        text.push_str("sink: { format: console, options: { rowFormat: json } }\n");
        text.push_str(&format!("checkpointLocation: {}\n", work.join("checkpoint").display()));
        text
    }
}

/// One attempt at a case in one way.
struct Attempt<'a> {
    case: &'a Case,
    way: Way,
    work: &'a Path,
    query: PathBuf,
    feed: Feed,
    given: Given,
}

impl<'a> Attempt<'a> {
    fn new(case: &'a Case, way: Way, work: &'a Path) -> Attempt<'a> {
        let query = work.join("query.yaml");
        fs::write(&query, case.query_in(work)).unwrap_or_else(|e| panic!("cannot write the query: {e}"));
        let feed = Feed::new(&case.query, &case.input, &work.join("input"));
        Attempt { case, way, work, query, feed, given: Given::default() }
    }

    fn run_all(&mut self) {
        let steps =
            self.case.expected.steps().max(if self.case.ends_by_itself() { 1 } else { self.feed.steps() });
        if self.case.ends_by_itself() {
            (0..self.feed.steps()).for_each(|step| self.feed.place(step));
            (0..steps).for_each(|step| self.run_until_it_ends(step));
        } else if self.way == Way::Restarted || self.case.expected.is_refused() {
            for step in 0..steps {
                self.feed.place(step);
                self.run_step_by_kills(step);
            }
        } else {
            self.run_in_one_go(steps);
        }
        self.given.committed = self.ids_in("commits");
        self.given.has_started = !self.ids_in("offsets").is_empty();
    }

    /// A query that ends by itself; killed and restarted on the way, if that is the way.
    fn run_until_it_ends(&mut self, step: usize) {
        let batches = self.case.expected.batches_until(step).len();
        for _ in 0..=batches {
            if self.given.failure.is_some() {
                return;
            }
            // A source that never ends would go on with other batches after a kill.
            let is_endless = self.case.expected.steps() > 1;
            let ended = self.start(self.way == Way::Restarted && !is_endless).ended();
            let again = ended.was_killed();
            self.take(ended);
            if !again {
                return;
            }
        }
    }

    /// Part of a query that stays up: killed behind every batch, until the batches of the step are there.
    fn run_step_by_kills(&mut self, step: usize) {
        while self.given.failure.is_none()
            && (!self.has_committed_all_of(step) || self.case.expected.is_refused())
        {
            let before = self.ids_in("commits");
            let ended = self.start(true).ended();
            self.take(ended);
            if self.ids_in("commits") == before && self.given.failure.is_none() {
                return;
            }
        }
    }

    /// A query that stays up, fed file by file.
    fn run_in_one_go(&mut self, steps: usize) {
        let run = self.start(false);
        for step in 0..steps {
            self.feed.place(step);
            let done = || self.has_committed_all_of(step) || !run.is_running();
            poll(BATCH_MAX, || done().then_some(()));
        }
        run.ask_to_end();
        self.take(run.ended());
    }

    fn start(&self, killed_behind_each_batch: bool) -> Run {
        let settings = Settings {
            kill_at: killed_behind_each_batch.then(|| "commits-after:1".to_string()),
            parallelism: match self.way {
                Way::Parallel(threads) => Some(threads),
                Way::Restarted => Some(1),
                Way::Straight => None,
            },
        };
        Run::start(self.work, &self.query, &settings)
    }

    fn take(&mut self, ended: Ended) {
        let objects = |text: &str| -> Vec<Value> {
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
        };
        let mut printed: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
        for line in objects(&ended.out) {
            let batch = line["batchId"].as_i64().unwrap_or(-1);
            printed.entry(batch).or_default().push(line["row"].clone());
        }
        // A batch that ran again counts as it was the last time.
        self.given.rows.extend(printed);
        for progress in objects(&ended.log) {
            if let Some(batch) = progress["batchId"].as_i64()
                && progress["durationMs"].get("addBatch").is_some()
            {
                self.given.progress.insert(batch, progress);
            }
        }
        if !ended.status.success() && !ended.was_killed() {
            self.given.failure = Some(ended);
        }
    }

    fn has_committed_all_of(&self, step: usize) -> bool {
        let committed = self.ids_in("commits");
        self.case.expected.batches_until(step).iter().all(|batch| committed.contains(&batch.id))
    }

    /// The batches in a log of the checkpoint.
    fn ids_in(&self, log: &str) -> Vec<i64> {
        let entries = fs::read_dir(self.work.join("checkpoint").join(log)).into_iter().flatten().flatten();
        let mut ids: Vec<i64> =
            entries.filter_map(|e| e.file_name().to_string_lossy().parse().ok()).collect();
        ids.sort();
        ids
    }
}
