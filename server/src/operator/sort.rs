//! `orderBy` and `limit` of a complete result: gathers all rows of the batch, then sorts and cuts them.

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, SortOptions, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::SchemaRef;

use crate::error::{Error, Result};
use crate::expression::SortKey;

/// Sorting keys, most significant first; none keeps the order. `limit` counts rows, after sorting.
pub struct Sort {
    pub keys: Vec<SortKey>,
    pub limit: Option<usize>,
    pub schema: SchemaRef,
}

impl Sort {
    /// One batch with the first rows in order. Rows that compare equal keep the order in which they came.
    pub fn apply(&self, batches: &[RecordBatch]) -> Result<RecordBatch> {
        let failed = |e| Error::internal("sort a result").because(e);
        let rows = concat_batches(&self.schema, batches).map_err(failed)?;
        if self.keys.is_empty() {
            let length = self.limit.unwrap_or(usize::MAX).min(rows.num_rows());
            return Ok(rows.slice(0, length));
        }
        let mut columns = Vec::with_capacity(self.keys.len() + 1);
        for key in &self.keys {
            let options = SortOptions { descending: key.descending, nulls_first: key.nulls_first };
            columns.push(SortColumn { values: key.expression.evaluate(&rows)?, options: Some(options) });
        }
        let position = UInt32Array::from_iter_values(0..rows.num_rows() as u32);
        columns.push(SortColumn { values: std::sync::Arc::new(position), options: None });
        let order = lexsort_to_indices(&columns, self.limit).map_err(failed)?;
        take_record_batch(&rows, &order).map_err(failed)
    }
}
