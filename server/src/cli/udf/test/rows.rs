//! Rows of columns, one of them or several: what the cases of aggregates and of group functions cut and join.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::{concat, take};

use crate::error::{Error, Result};

/// One row.
pub fn row_of(columns: &[ArrayRef], row: usize) -> Vec<ArrayRef> {
    columns.iter().map(|column| column.slice(row, 1)).collect()
}

/// Rows of the same columns below each other; of no rows there are no columns.
pub fn joined(rows: &[Vec<ArrayRef>]) -> Result<Vec<ArrayRef>> {
    let columns = rows.first().map_or(0, Vec::len);
    let column = |index: usize| {
        let parts: Vec<_> = rows.iter().map(|columns| columns[index].as_ref()).collect();
        concat(&parts).map_err(|e| Error::internal("join the rows of a case").because(e))
    };
    (0..columns).map(column).collect()
}

/// The rows at these places.
pub fn rows_at(columns: &[ArrayRef], places: &[usize]) -> Result<Vec<ArrayRef>> {
    let places: UInt32Array = places.iter().map(|place| *place as u32).collect();
    let failed = |e| Error::internal("take rows of a case").because(e);
    columns.iter().map(|column| take(column, &places, None).map_err(failed)).collect()
}
