//! Reads the output directory of a windowed word count as any reader of `_spark_metadata` does: only the files
//! that the log names are there. Shares no code with what is tested.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::lines::WindowCounts;
use crate::services::Files;

/// What the log said at one moment: the files of each batch, with their sizes.
pub type Listing = BTreeMap<u64, Vec<(String, u64)>>;

/// An output directory on HDFS, and what of it was read before: a file never changes.
pub struct Output<'a> {
    files: &'a Files,
    /// Without scheme.
    folder: String,
    counts: HashMap<String, Vec<(i64, String, i64)>>,
}

impl<'a> Output<'a> {
    pub fn new(files: &'a Files, folder: &str) -> Output<'a> {
        Output { files, folder: folder.to_string(), counts: HashMap::new() }
    }

    /// The batches that the log holds now. A compact entry holds all before it, without saying whose they were: they
    /// stand under its own number.
    pub fn listing(&self) -> Listing {
        let log = format!("{}/_spark_metadata", self.folder);
        let names: Vec<String> = self.files.list(&log).into_iter().map(|(name, _)| name).collect();
        let compact =
            names.iter().filter_map(|name| name.strip_suffix(".compact")?.parse::<u64>().ok()).max();
        let mut entries: Vec<(u64, String)> = names
            .iter()
            .filter_map(|name| Some((name.parse().ok()?, name.clone())))
            .filter(|(batch, _)| compact.is_none_or(|compact| *batch > compact))
            .collect();
        entries.extend(compact.map(|batch| (batch, format!("{batch}.compact"))));
        let read = |(batch, name): (u64, String)| {
            let path = format!("{log}/{name}");
            // The log was compacted after we listed it; the next look finds the compact entry.
            Some((batch, entry(&path, &self.files.read(&path)?)))
        };
        entries.into_iter().filter_map(read).collect()
    }

    /// The counts that a reader sees: each file of the listing is there, as long as the log says.
    ///
    /// A window and word that is there twice fails the test.
    pub fn counts(&mut self, listing: &Listing) -> WindowCounts {
        let mut all = WindowCounts::new();
        for (name, size) in listing.values().flatten() {
            if !self.counts.contains_key(name) {
                let bytes = self.files.read(&format!("{}/{name}", self.folder));
                let bytes = bytes.unwrap_or_else(|| panic!("the log names {name}, which is not there"));
                assert_eq!(bytes.len() as u64, *size, "{name} is not as long as the log says");
                self.counts.insert(name.clone(), rows(name, bytes));
            }
            for (start, word, count) in &self.counts[name] {
                let before = all.insert((*start, word.clone()), *count);
                assert_eq!(before, None, "window {start} has {word} twice");
            }
        }
        all
    }
}

/// Fails unless `found` is a set of whole windows of the truth: some windows may not be there yet, but of those that
/// are there each word is, with its count.
pub fn expect_whole_windows(found: &WindowCounts, truth: &WindowCounts) {
    for (key, count) in found {
        assert_eq!(truth.get(key), Some(count), "window {} word {}", key.0, key.1);
    }
    let windows: HashSet<i64> = found.keys().map(|(start, _)| *start).collect();
    let whole = truth.keys().filter(|(start, _)| windows.contains(start)).count();
    assert_eq!(found.len(), whole, "a window was seen in part");
}

/// The files of one entry of the log, as paths below the folder.
fn entry(path: &str, bytes: &Bytes) -> Vec<(String, u64)> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("v1"), "{path} is no log entry");
    let file = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{path}: {e}: {line}"));
        let name = value["path"].as_str().and_then(|path| path.rsplit('/').next()).map(str::to_string);
        (name.unwrap_or_else(|| panic!("{path}: {line}")), value["size"].as_u64().unwrap_or(0))
    };
    lines.map(file).collect()
}

/// Start (milliseconds), word and count of each row of a parquet file with `window`, `word` and `count`.
fn rows(name: &str, bytes: Bytes) -> Vec<(i64, String, i64)> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|builder| builder.build());
    let reader = reader.unwrap_or_else(|e| panic!("{name} is no parquet file: {e}"));
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap_or_else(|e| panic!("{name}: {e}"));
        let column = |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
        let window = column("window").as_struct();
        let start = window.column_by_name("start").unwrap_or_else(|| panic!("window has no start"));
        let start = start.as_primitive::<TimestampMicrosecondType>();
        let (words, counts) =
            (column("word").as_string::<i32>(), column("count").as_primitive::<Int64Type>());
        for row in 0..batch.num_rows() {
            assert!(!start.is_null(row) && !words.is_null(row) && !counts.is_null(row), "{name} has a null");
            rows.push((start.value(row) / 1000, words.value(row).to_string(), counts.value(row)));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &[(i64, &str, i64)]) -> WindowCounts {
        of.iter().map(|(start, word, count)| ((*start, word.to_string()), *count)).collect()
    }

    #[test]
    fn a_window_that_is_not_there_yet_is_no_failure() {
        let truth = counts(&[(0, "a", 1), (0, "b", 2), (10, "a", 3)]);
        expect_whole_windows(&counts(&[(0, "a", 1), (0, "b", 2)]), &truth);
    }

    #[test]
    #[should_panic(expected = "seen in part")]
    fn part_of_a_window_is_a_failure() {
        expect_whole_windows(&counts(&[(0, "a", 1)]), &counts(&[(0, "a", 1), (0, "b", 2)]));
    }

    #[test]
    #[should_panic(expected = "window 0 word a")]
    fn a_wrong_count_is_a_failure() {
        expect_whole_windows(&counts(&[(0, "a", 2)]), &counts(&[(0, "a", 1)]));
    }
}
