//! The first step of a stateful function: one split's rows, with their keys encoded. Touches no state.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;

use super::GroupStage;
use crate::error::{Error, Result};
use crate::operator::aggregate::{Rows, normalised};
use crate::state::key_group;

/// One split while its rows go by.
pub struct Collecting {
    stage: Arc<GroupStage>,
    late_bound: Option<i64>,
    collected: Vec<Collected>,
    rows_dropped: u64,
}

/// Rows as they came, with what belongs to each.
pub struct Collected {
    pub(super) keys: Rows,
    pub(super) key_groups: Vec<u16>,
    pub(super) arguments: Vec<ArrayRef>,
}

impl Collecting {
    /// `late_bound_us`: the watermark of the previous batch, if there is a watermark.
    pub fn start(stage: Arc<GroupStage>, late_bound_us: Option<i64>) -> Collecting {
        Collecting { stage, late_bound: late_bound_us, collected: Vec::new(), rows_dropped: 0 }
    }

    pub fn add(&mut self, rows: &RecordBatch) -> Result<()> {
        let rows = &self.without_late(rows)?;
        let key = |key: &crate::expression::Expression| normalised(&key.evaluate(rows)?);
        let keys = self.stage.keys.iter().map(key).collect::<Result<Vec<_>>>()?;
        let keys = match keys.is_empty() {
            true => Rows::from_parts(vec![0; rows.num_rows() + 1], Vec::new()),
            false => self.stage.key_codec.encode(&keys)?,
        };
        let key_groups = (0..keys.len()).map(|row| key_group(keys.row(row))).collect();
        let arguments = self.stage.arguments.iter().map(|a| a.evaluate(rows)).collect::<Result<_>>()?;
        self.collected.push(Collected { keys, key_groups, arguments });
        Ok(())
    }

    /// All rows, and how many were too late.
    pub fn finish(self) -> (Vec<Collected>, u64) {
        (self.collected, self.rows_dropped)
    }

    /// A row is late if its time is not after the bound; one without time never is.
    fn without_late(&mut self, rows: &RecordBatch) -> Result<RecordBatch> {
        let Some((column, bound)) = self.stage.event_time.zip(self.late_bound) else {
            return Ok(rows.clone());
        };
        let times = rows.column(column).as_primitive_opt::<TimestampMicrosecondType>();
        let times = times.ok_or_else(|| Error::internal("the event time is not TIMESTAMP"))?;
        let is_kept = |row: usize| times.is_null(row) || times.value(row) > bound;
        let kept: BooleanArray = (0..times.len()).map(|row| Some(is_kept(row))).collect();
        self.rows_dropped += (kept.len() - kept.true_count()) as u64;
        filter_record_batch(rows, &kept).map_err(|e| Error::internal("drop late rows").because(e))
    }
}
