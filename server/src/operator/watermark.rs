//! The stage `withWatermark`: sees event times go by and notes their extremes. Drops nothing: late rows are
//! dropped where there is state to protect.

use arrow::array::{Array, AsArray};
use arrow::compute::{max, min};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};

use super::{Rows, Stage, StageRun, TaskReport};
use crate::error::{Error, Result};
use crate::record::EventTimeStats;
use crate::udf::Moment;

/// Metadata of the event-time column's field: the delay in microseconds. Columns computed as that column alone,
/// and windows over it, keep it; that is how an aggregation knows that its key moves with the watermark.
pub const WATERMARK_DELAY_KEY: &str = "wasmill.watermark_delay_us";

#[derive(Clone)]
pub struct WatermarkStage {
    /// Which watermark of the query this is.
    pub node: usize,
    /// The event-time column.
    pub column: usize,
    /// The input's schema, the event-time column marked with [`WATERMARK_DELAY_KEY`].
    pub schema: SchemaRef,
}

impl Stage for WatermarkStage {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn start(&self, _: Moment) -> Result<Box<dyn StageRun>> {
        Ok(Box::new(self.clone()))
    }
}

impl StageRun for WatermarkStage {
    fn run(&mut self, rows: Rows, report: &mut TaskReport, out: &mut Vec<Rows>) -> Result<()> {
        let times = rows
            .batch
            .column(self.column)
            .as_primitive_opt::<TimestampMicrosecondType>()
            .ok_or_else(|| Error::internal("the event-time column is not TIMESTAMP"))?;
        if let (Some(max), Some(min)) = (max(times), min(times)) {
            let sum = match times.null_count() {
                0 => times.values().iter().map(|t| *t as f64).sum(),
                _ => times.iter().flatten().map(|t| t as f64).sum(),
            };
            let count = (times.len() - times.null_count()) as u64;
            if report.event_times.len() <= self.node {
                report.event_times.resize(self.node + 1, EventTimeStats::default());
            }
            report.event_times[self.node].merge(&EventTimeStats { rows: count, max, min, sum });
        }
        let marked = rows
            .batch
            .clone()
            .with_schema(self.schema.clone())
            .map_err(|e| Error::internal("mark the event-time column").because(e))?;
        out.push(rows.replaced_by(marked));
        Ok(())
    }
}
