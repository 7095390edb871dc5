//! What the offset log and the commit log say about a batch, and its text in Spark's shape:
//! `v1`, a JSON line, and for offsets one line a source. Reads and writes no files.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::record::{BatchId, Offset};

/// The newest version of a log's text that is understood.
const VERSION_MAX: u32 = 1;

/// What stands in a log.
pub trait Entry: Sized + PartialEq {
    fn to_text(&self) -> Result<String>;

    /// `Data` error if the text is not an entry's, `User` if a newer version wrote it.
    fn from_text(text: &str) -> Result<Self>;
}

/// What batch N will read, and everything its result depends on; durable before the batch starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetEntry {
    pub plan: BatchPlan,
    /// Where the batch ends in each source, by position in the query; nothing if it has no offset yet.
    pub sources: Vec<Option<Offset>>,
}

/// The JSON line of an offset entry. Keys that are not known are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchPlan {
    /// Groups whose event time is not after this leave the state in this batch; milliseconds.
    pub batch_watermark_ms: i64,
    /// `current_timestamp()` inside the batch; milliseconds.
    pub batch_timestamp_ms: i64,
    /// Rows older than this are late; milliseconds. Absent where nothing drops late rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_bound_ms: Option<i64>,
    /// Partitions of an aggregation's result; nothing for one that Spark or a hand wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<usize>,
    /// The run that planned the batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// What of the query must not change between restarts, in the planner's own words.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub identity: Value,
    /// Digest of each module, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub modules: BTreeMap<String, String>,
    /// Settings that were pinned when the query first started.
    #[serde(default)]
    pub conf: BTreeMap<String, String>,
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Batch N is done; durable after its output and its state. Keys that are not known are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitEntry {
    /// The watermark of the next batch; milliseconds.
    pub next_batch_watermark_ms: i64,
    /// The watermark moved so that results may leave in a batch without rows, and the trigger lets one run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_data_wanted: bool,
    /// Rows that each `limit` of the query let through so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows_passed: Vec<u64>,
    /// Batches that each output for dead letters has, by the output's name; of all that the query ever had.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dead_letters: BTreeMap<String, BatchId>,
    /// The run that finished the batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Entry for OffsetEntry {
    fn to_text(&self) -> Result<String> {
        let mut text = format!("v1\n{}", to_json(&self.plan)?);
        for source in &self.sources {
            text.push('\n');
            match source {
                Some(offset) => text.push_str(&to_json(offset)?),
                None => text.push('-'),
            }
        }
        Ok(text)
    }

    fn from_text(text: &str) -> Result<OffsetEntry> {
        let mut lines = body(text)?;
        let plan = from_json(lines.next())?;
        let sources = lines.map(|line| if line == "-" { Ok(None) } else { from_json(Some(line)).map(Some) });
        Ok(OffsetEntry { plan, sources: sources.collect::<Result<_>>()? })
    }
}

impl Entry for CommitEntry {
    fn to_text(&self) -> Result<String> {
        Ok(format!("v1\n{}", to_json(self)?))
    }

    fn from_text(text: &str) -> Result<CommitEntry> {
        let mut lines = body(text)?;
        let entry = from_json(lines.next())?;
        match lines.next() {
            None => Ok(entry),
            Some(line) => Err(Error::data("a commit log entry has a line too many").with("line", line)),
        }
    }
}

/// The lines after the version. Blank lines at the end are an editor's doing.
fn body(text: &str) -> Result<std::str::Lines<'_>> {
    let mut lines = text.trim_end().lines();
    let version = lines.next().unwrap_or_default();
    match version.strip_prefix('v').and_then(|digits| digits.parse::<u32>().ok()) {
        Some(1..=VERSION_MAX) => Ok(lines),
        Some(version) if version > VERSION_MAX => {
            Err(Error::user("a log entry was written by a newer version of this program")
                .with("version", format!("v{version}"))
                .with("newest_known", format!("v{VERSION_MAX}")))
        }
        _ => Err(Error::data("a log entry does not begin with its version")
            .with("line", version)
            .with("expected", "v1")),
    }
}

fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::internal("cannot write a log entry").because(error))
}

fn from_json<T: DeserializeOwned>(line: Option<&str>) -> Result<T> {
    let line = line.ok_or_else(|| Error::data("a log entry ends after its version"))?;
    serde_json::from_str(line).map_err(|error| {
        Error::data("a line of a log entry cannot be read").with("line", line).because(error)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sparks_own_entries_are_read() {
        let text = "v1\n{\"batchWatermarkMs\":10,\"batchTimestampMs\":1795233714397,\
                    \"conf\":{\"spark.sql.shuffle.partitions\":\"1\"}}\n{\"lines\":{\"0\":23}}\n-\n4";
        let entry = OffsetEntry::from_text(text).unwrap();
        assert_eq!(entry.plan.batch_watermark_ms, 10);
        assert_eq!(entry.plan.conf["spark.sql.shuffle.partitions"], "1");
        let offsets = [Some(Offset(json!({"lines": {"0": 23}}))), None, Some(Offset(json!(4)))];
        assert_eq!(entry.sources, offsets);
        assert_eq!(entry.to_text().unwrap(), text);
        let commit = CommitEntry::from_text("v1\n{\"nextBatchWatermarkMs\":7}\n").unwrap();
        assert_eq!(commit.next_batch_watermark_ms, 7);
    }

    #[test]
    fn unknown_keys_are_kept() {
        let text = "v1\n{\"nextBatchWatermarkMs\":7,\"noDataWanted\":true,\"ours\":{\"a\":[1]}}";
        let entry = CommitEntry::from_text(text).unwrap();
        assert!(entry.no_data_wanted);
        assert_eq!(entry.other["ours"], json!({"a": [1]}));
        assert_eq!(entry.to_text().unwrap(), text);
        let plan = BatchPlan { partitions: Some(3), late_bound_ms: Some(-1), ..BatchPlan::default() };
        let entry = OffsetEntry { plan, sources: vec![] };
        assert_eq!(OffsetEntry::from_text(&entry.to_text().unwrap()).unwrap(), entry);
    }

    #[test]
    fn what_is_not_an_entry_is_refused() {
        for (text, message) in [
            ("v2\n{}", "a log entry was written by a newer version of this program"),
            ("v0\n{}", "a log entry does not begin with its version"),
            ("{\"batchWatermarkMs\":0}", "a log entry does not begin with its version"),
            ("v1", "a log entry ends after its version"),
            ("v1\n{\"batchWatermarkMs\":0}", "a line of a log entry cannot be read"),
            (
                "v1\n{\"batchWatermarkMs\":0,\"batchTimestampMs\":0}\n{",
                "a line of a log entry cannot be read",
            ),
        ] {
            assert_eq!(OffsetEntry::from_text(text).unwrap_err().message(), message, "{text}");
        }
        assert!(CommitEntry::from_text("v1\n{\"nextBatchWatermarkMs\":7}\n-").is_err());
    }
}
