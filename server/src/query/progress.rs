//! What one batch did, in Spark's progress JSON and as the line that `run` prints. A by-product of the batch.

use serde_json::{Map, Value, json};

use crate::record::{BatchId, EventTimeStats, Offset, QueryId, RunId, format_timestamp_micros};

/// Durations of the phases of a batch, milliseconds, by Spark's names.
#[derive(Clone, Debug, Default)]
pub struct Durations {
    pub latest_offset: i64,
    pub wal_commit: i64,
    pub get_batch: i64,
    pub add_batch: i64,
    pub commit_offsets: i64,
    pub trigger_execution: i64,
}

#[derive(Clone, Debug, Default)]
pub struct StateProgress {
    /// Spark's name of the operator.
    pub operator: &'static str,
    pub rows_total: u64,
    pub rows_updated: u64,
    pub rows_removed: u64,
    pub rows_dropped_by_watermark: u64,
    /// Of all threads together: state read and merged with the batch's groups.
    pub updates_ms: i64,
    /// The same: groups found that the watermark has passed.
    pub removals_ms: i64,
    pub commit_ms: i64,
    pub memory_bytes: u64,
    pub partitions: usize,
}

/// What a stage that does not fail when its guest refuses a row refused.
#[derive(Clone, Debug)]
pub struct RefusalProgress {
    pub stage: String,
    /// The word of the query file.
    pub policy: &'static str,
    pub rows: u64,
}

#[derive(Clone, Debug)]
pub struct SourceProgress {
    pub description: String,
    pub start: Option<Offset>,
    pub end: Option<Offset>,
    pub latest: Option<Offset>,
    pub rows: u64,
    pub metrics: Map<String, Value>,
}

#[derive(Clone, Debug)]
pub struct QueryProgress {
    pub id: QueryId,
    pub run_id: RunId,
    pub name: String,
    pub timestamp_us: i64,
    pub batch_id: BatchId,
    /// Seconds since the batch before was triggered; nothing for the first.
    pub since_last_s: Option<f64>,
    pub durations: Durations,
    /// By watermark node, merged.
    pub event_time: EventTimeStats,
    /// The watermark that this batch used; nothing if the query has none.
    pub watermark_ms: Option<i64>,
    /// The last stateful operator first, as Spark has them.
    pub state: Vec<StateProgress>,
    pub sources: Vec<SourceProgress>,
    pub sink: String,
    pub rows_out: u64,
    pub refusals: Vec<RefusalProgress>,
}

impl QueryProgress {
    pub fn rows_in(&self) -> u64 {
        self.sources.iter().map(|source| source.rows).sum()
    }

    fn processed_per_second(&self, rows: u64) -> f64 {
        rate(rows, self.durations.trigger_execution as f64 / 1_000.0)
    }

    /// Spark's progress object, with its names.
    pub fn to_json(&self) -> Value {
        let rows = self.rows_in();
        let durations = &self.durations;
        json!({
            "id": self.id.to_string(),
            "runId": self.run_id.to_string(),
            "name": self.name,
            "timestamp": iso_millis(self.timestamp_us),
            "batchId": self.batch_id,
            "batchDuration": durations.trigger_execution,
            "numInputRows": rows,
            "inputRowsPerSecond": rate(rows, self.since_last_s.unwrap_or(0.0)),
            "processedRowsPerSecond": self.processed_per_second(rows),
            "durationMs": {
                "addBatch": durations.add_batch,
                "commitOffsets": durations.commit_offsets,
                "getBatch": durations.get_batch,
                "latestOffset": durations.latest_offset,
                "triggerExecution": durations.trigger_execution,
                "walCommit": durations.wal_commit,
            },
            "eventTime": self.event_time_json(),
            "stateOperators": self.state.iter().map(state_json).collect::<Vec<_>>(),
            "sources": self.sources.iter().map(|source| self.source_json(source)).collect::<Vec<_>>(),
            "sink": { "description": self.sink, "numOutputRows": self.rows_out },
            "observedMetrics": {},
            "refusedRows": self.refusals.iter().map(refusal_json).collect::<Vec<_>>(),
        })
    }

    fn event_time_json(&self) -> Value {
        let mut times = Map::new();
        let seen = &self.event_time;
        if seen.rows > 0 {
            times.insert("avg".into(), json!(iso_millis((seen.sum / seen.rows as f64) as i64)));
            times.insert("max".into(), json!(iso_millis(seen.max)));
            times.insert("min".into(), json!(iso_millis(seen.min)));
        }
        if let Some(watermark) = self.watermark_ms {
            times.insert("watermark".into(), json!(iso_millis(watermark.saturating_mul(1_000))));
        }
        Value::Object(times)
    }

    fn source_json(&self, source: &SourceProgress) -> Value {
        json!({
            "description": source.description,
            "startOffset": source.start,
            "endOffset": source.end,
            "latestOffset": source.latest,
            "numInputRows": source.rows,
            "inputRowsPerSecond": rate(source.rows, self.since_last_s.unwrap_or(0.0)),
            "processedRowsPerSecond": self.processed_per_second(source.rows),
            "metrics": source.metrics,
        })
    }

    /// One line for a person: rows in, rows/s, watermark, state, durations by phase.
    pub fn to_line(&self) -> String {
        let rows = self.rows_in();
        let d = &self.durations;
        let mut line = format!(
            "{} batch {}: {rows} rows in, {} out, {:.0} rows/s",
            self.name,
            self.batch_id,
            self.rows_out,
            self.processed_per_second(rows),
        );
        if let Some(watermark) = self.watermark_ms {
            line.push_str(&format!(", watermark {}", iso_millis(watermark.saturating_mul(1_000))));
        }
        if !self.state.is_empty() {
            let sum = |count: fn(&StateProgress) -> u64| self.state.iter().map(count).sum::<u64>();
            line.push_str(&format!(", {} state rows", sum(|state| state.rows_total)));
            let late = sum(|state| state.rows_dropped_by_watermark);
            if late > 0 {
                line.push_str(&format!(", {late} late rows dropped"));
            }
        }
        let refused = self.refusals.iter().map(|stage| stage.rows).sum::<u64>();
        if refused > 0 {
            line.push_str(&format!(", {refused} rows refused"));
        }
        line.push_str(&format!(
            ", {} ms (latestOffset {}, walCommit {}, addBatch {}, commitOffsets {})",
            d.trigger_execution, d.latest_offset, d.wal_commit, d.add_batch, d.commit_offsets
        ));
        line
    }
}

fn state_json(state: &StateProgress) -> Value {
    json!({
        "operatorName": state.operator,
        "numRowsTotal": state.rows_total,
        "numRowsUpdated": state.rows_updated,
        "allUpdatesTimeMs": state.updates_ms,
        "numRowsRemoved": state.rows_removed,
        "allRemovalsTimeMs": state.removals_ms,
        "commitTimeMs": state.commit_ms,
        "memoryUsedBytes": state.memory_bytes,
        "numRowsDroppedByWatermark": state.rows_dropped_by_watermark,
        "numShufflePartitions": state.partitions,
        "numStateStoreInstances": 1,
        "customMetrics": {},
    })
}

fn refusal_json(stage: &RefusalProgress) -> Value {
    json!({ "stage": stage.stage, "onError": stage.policy, "numRows": stage.rows })
}

fn rate(rows: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { rows as f64 / seconds } else { 0.0 }
}

/// ISO 8601 in UTC with milliseconds, as Spark prints times in progress.
fn iso_millis(micros: i64) -> String {
    let full = format_timestamp_micros(micros);
    match full.strip_suffix("Z").filter(|text| text.len() > 3) {
        Some(text) => format!("{}Z", &text[..text.len() - 3]),
        None => full,
    }
}
