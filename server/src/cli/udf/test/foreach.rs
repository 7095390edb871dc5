//! Cases of foreach functions: the rows of one partition in; its effects out, those of closing it last.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::Schema;

use super::case::{Case, Found, Line};
use super::{MOMENT, expect_equal};
use crate::error::{Error, Result};
use crate::format::row_json;
use crate::udf::{Effects, Foreach, Partition};

/// The lines that a case gives: all its rows in one call, and the same row by row in one partition.
pub fn run(function: &Arc<Foreach>, case: &Case) -> Result<Found> {
    let lines = case.lines()?;
    let rows = case.rows(&lines.iter().collect::<Vec<&Line>>(), function.inputs(), &[])?;
    let whole = effects(function, &rows, rows.num_rows().max(1))?;
    expect_equal(&whole, &effects(function, &rows, 1)?, "rows one by one")?;
    Ok(Found { rows: whole, states: Vec::new() })
}

/// The effects of a partition whose rows come so many at a time, as lines.
fn effects(function: &Arc<Foreach>, rows: &RecordBatch, at_a_time: usize) -> Result<Vec<String>> {
    let mut guest = function.open(MOMENT, Partition { partition: 0, epoch: 0 })?;
    let mut lines = Vec::new();
    let count = if guest.takes_rows() { rows.num_rows() } else { 0 };
    for start in (0..count).step_by(at_a_time) {
        let part = rows.slice(start, at_a_time.min(count - start));
        for effects in guest.process(part.columns(), part.num_rows())? {
            lines.extend(as_lines(function, effects)?);
        }
    }
    lines.extend(as_lines(function, guest.close(None)?)?);
    Ok(lines)
}

fn as_lines(function: &Foreach, effects: Effects) -> Result<Vec<String>> {
    let columns: Vec<ArrayRef> = effects.columns;
    let batch = RecordBatch::try_new(Arc::new(Schema::new(function.outputs().clone())), columns)
        .map_err(|e| Error::internal("make a batch of effects").because(e))?;
    let line = |row: usize| {
        let mut line = Vec::new();
        row_json::write_row(&batch, row, &mut line)?;
        Ok(String::from_utf8_lossy(&line).into_owned())
    };
    (0..batch.num_rows()).map(line).collect()
}
