//! Cases of transforms: rows in; out come rows with the input row they came from, and rows that were refused.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use serde_json::json;

use super::case::{Case, Found, Line};
use super::{MOMENT, expect_equal};
use crate::error::{Error, Result};
use crate::format::row_json;
use crate::udf::{RowError, Transform, TransformInstance};

/// The lines that a case gives: all its rows in one call, and the same row by row.
pub fn run(function: &Arc<Transform>, case: &Case) -> Result<Found> {
    let lines = case.lines()?;
    if lines.is_empty() {
        return Err(Error::user("a case has no rows").with("case", &case.name));
    }
    let rows = case.rows(&lines.iter().collect::<Vec<&Line>>(), function.inputs(), &[])?;
    let count = rows.num_rows();
    let whole = call(&mut function.open(MOMENT)?, function, &rows, 0..count)?;
    let (mut single, mut errors) = (Vec::new(), Vec::new());
    for row in 0..count {
        let (lines, refused) = call(&mut function.open(MOMENT)?, function, &rows, row..row + 1)?;
        single.extend(lines);
        errors.extend(refused);
    }
    single.extend(errors);
    let whole = [whole.0, whole.1].concat();
    expect_equal(&whole, &single, "rows one by one, each in a guest of its own,")?;
    Ok(Found { rows: whole, states: Vec::new() })
}

/// What some rows become, as lines: those of rows that came back, and those of rows that were refused.
fn call(
    guest: &mut TransformInstance,
    function: &Transform,
    rows: &RecordBatch,
    range: Range<usize>,
) -> Result<(Vec<String>, Vec<String>)> {
    let columns: Vec<ArrayRef> = rows.columns().iter().map(|c| c.slice(range.start, range.len())).collect();
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    let mut fields = vec![Arc::new(Field::new("$row", DataType::Int64, false))];
    fields.extend(function.outputs().iter().cloned());
    let schema = Arc::new(Schema::new(fields));
    for result in guest.process(&columns, range.len())? {
        // Rows are counted in the case, not in the call.
        let row_of = |row: usize| (range.start + row) as i64;
        let origin: Int64Array = match &result.origin {
            Some(origin) => origin.values().iter().map(|row| row_of(*row as usize)).collect(),
            None => result.rows.clone().map(row_of).collect(),
        };
        let mut columns: Vec<ArrayRef> = vec![Arc::new(origin)];
        columns.extend(result.columns);
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)
            .map_err(|e| Error::internal("put rows beside where they came from").because(e))?;
        for row in 0..batch.num_rows() {
            let mut line = Vec::new();
            row_json::write_row(&batch, row, &mut line)?;
            lines.push(String::from_utf8_lossy(&line).into_owned());
        }
        let refused = |e: RowError| json!({"$row": e.row + range.start, "$error": e.message}).to_string();
        errors.extend(result.errors.into_iter().map(refused));
    }
    Ok((lines, errors))
}
