//! The stages of a query between source and sink. Reads no source, writes no sink, knows no checkpoint.
//!
//! A stateless stage is a [`Stage`]: each split of a batch runs its own [`Chain`] of them, so a stage never sees
//! another split's rows. A stateful one ([`aggregate`], [`group`]) works in two steps: each split groups or keeps its
//! rows, then each share of the key groups merges what the splits found with what the state store holds.

pub mod aggregate;
mod filter;
mod foreach;
mod generate;
pub mod group;
mod project;
mod refused;
mod reuse;
mod sort;
mod udf;
mod watermark;

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::error::{Error, Result};
use crate::record::EventTimeStats;
use crate::state::Changes;
use crate::udf::Moment;

pub use filter::Filter;
pub use foreach::{ForeachRun, ForeachStage};
pub use generate::Generate;
pub use project::Project;
pub use refused::{OnError, PlaceColumns, ROW_TEXT_BYTES_MAX, Refused, RefusedCount, Rows};
pub use reuse::Guests;
pub use sort::Sort;
pub use udf::{UdfColumn, UdfStage};
pub use watermark::{WATERMARK_DELAY_KEY, WatermarkStage};

/// The most rows of a record batch that an operator makes; a guest or a generator may make more of one batch.
pub const BATCH_ROWS: usize = 8_192;

/// What a split's trip counted, for progress and for the next watermark.
#[derive(Debug, Default, Clone)]
pub struct TaskReport {
    pub rows_read: u64,
    /// By watermark node.
    pub event_times: Vec<EventTimeStats>,
    pub rows_dropped_by_watermark: u64,
    /// By stage that does not fail when its guest refuses a row.
    pub refused_rows: Vec<RefusedCount>,
    /// What was kept of such rows since somebody last took it from here.
    pub refused: Vec<Refused>,
}

impl TaskReport {
    /// Adds what another trip counted; what it kept stays there.
    pub fn merge(&mut self, other: &TaskReport) {
        self.rows_read += other.rows_read;
        self.rows_dropped_by_watermark += other.rows_dropped_by_watermark;
        if self.event_times.len() < other.event_times.len() {
            self.event_times.resize(other.event_times.len(), EventTimeStats::default());
        }
        for (mine, theirs) in self.event_times.iter_mut().zip(&other.event_times) {
            mine.merge(theirs);
        }
        if self.refused_rows.len() < other.refused_rows.len() {
            self.refused_rows.resize(other.refused_rows.len(), RefusedCount::default());
        }
        for (mine, theirs) in self.refused_rows.iter_mut().zip(&other.refused_rows) {
            mine.merge(theirs);
        }
    }
}

/// What one share of the key groups gives in a batch.
pub struct Merged {
    /// Result rows, those of an aggregation in the order of their keys.
    pub rows: Vec<RecordBatch>,
    /// By state operator of the stage.
    pub changes: Vec<Changes>,
    pub rows_updated: u64,
    pub rows_removed: u64,
    /// What the share's work took, and what finding the groups that leave took.
    pub updates: Duration,
    pub removals: Duration,
}

/// A stateless stage of a plan: what it gives, and a fresh run of it for a split.
pub trait Stage: Send + Sync {
    fn schema(&self) -> &SchemaRef;

    /// `moment` is what a guest may know of time and chance in this split of this batch.
    fn start(&self, moment: Moment) -> Result<Box<dyn StageRun>>;
}

/// One split's trip through one stage.
pub trait StageRun: Send {
    /// Appends what `rows` become to `out`: none, one or several batches, in order.
    fn run(&mut self, rows: Rows, report: &mut TaskReport, out: &mut Vec<Rows>) -> Result<()>;
}

/// One split's trip through all stateless stages.
pub struct Chain {
    /// Each with what an error calls it.
    runs: Vec<(String, Box<dyn StageRun>)>,
    places: Option<PlaceColumns>,
}

impl Chain {
    /// `names` has a name for each of the stages. With `places` the batches have columns that say where a row is,
    /// which do not go into the stages.
    pub fn start<'n>(
        stages: &[std::sync::Arc<dyn Stage>],
        names: impl Iterator<Item = &'n str>,
        moment: Moment,
        places: Option<&PlaceColumns>,
    ) -> Result<Chain> {
        let start = |(stage, name): (&std::sync::Arc<dyn Stage>, &str)| {
            stage.start(moment).map(|run| (name.to_string(), run)).map_err(|error| in_stage(name, error))
        };
        let runs = stages.iter().zip(names).map(start).collect::<Result<_>>()?;
        Ok(Chain { runs, places: places.cloned() })
    }

    /// Rows that leave the last stage, in order; empty batches are dropped on the way.
    pub fn run(&mut self, rows: RecordBatch, report: &mut TaskReport) -> Result<Vec<RecordBatch>> {
        let (batch, places) = match &self.places {
            Some(columns) => columns.divide(&rows).map(|(batch, places)| (batch, Some(places)))?,
            None => (rows, None),
        };
        let origin = places.as_ref().map(|places| (0..places.num_rows() as u32).collect());
        let mut batches = vec![Rows { batch, origin }];
        for (name, run) in &mut self.runs {
            let mut next = Vec::with_capacity(batches.len());
            for rows in batches.into_iter().filter(|rows| rows.batch.num_rows() > 0) {
                let batch = rows.batch.clone();
                run.run(rows, report, &mut next)
                    .map_err(|error| in_stage(name, error).with("first_row", sample(&batch, 0)))?;
            }
            batches = next;
        }
        if let Some(places) = &places {
            refused::place(&mut report.refused, places)?;
        }
        let batches = batches.into_iter().map(|rows| rows.batch);
        Ok(batches.filter(|batch| batch.num_rows() > 0).collect())
    }
}

fn in_stage(name: &str, error: Error) -> Error {
    Error::new(error.kind(), "run a stage").with("stage", name).because(error)
}

/// The most characters of a row that an error shows.
const SAMPLE_CHARS_MAX: usize = 200;

/// A row for an error: its columns by name, cut where it gets long.
pub fn sample(rows: &RecordBatch, row: usize) -> String {
    let schema = rows.schema();
    let value = |column| arrow::util::display::array_value_to_string(column, row).unwrap_or_default();
    let columns = schema.fields().iter().zip(rows.columns());
    let columns: Vec<String> = columns.map(|(f, column)| format!("{}={}", f.name(), value(column))).collect();
    columns.join(", ").chars().take(SAMPLE_CHARS_MAX).collect()
}
