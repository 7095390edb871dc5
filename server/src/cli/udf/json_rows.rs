//! Rows of JSON lines as columns of a function: those of a case, and those that are made up. Runs nothing.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, DurationMicrosecondArray, RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, FieldRef, Fields, Schema, SchemaRef};

use crate::error::{Error, Result};
use crate::format::{FilePart, Format, decoder};
use crate::record::{Options, parse_interval_micros};
use crate::storage::{MemoryStorage, Storage};

/// Rows that are decoded at once.
const ROWS_MAX: usize = 100_000;

/// Reads a line for each row; `path` is where they are from. Intervals are texts such as `10 seconds`.
pub fn read(lines: &str, path: &Path, fields: &Fields) -> Result<RecordBatch> {
    // The JSON format reads no intervals, so their texts are read here.
    let as_read = |field: &FieldRef| match field.data_type() {
        DataType::Duration(_) => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
        _ => Arc::clone(field),
    };
    let schema = Schema::new(fields.iter().map(as_read).collect::<Fields>());
    let rows = decode(lines, path, Arc::new(schema))?;
    let mut columns = rows.columns().to_vec();
    for (column, field) in columns.iter_mut().zip(fields) {
        if column.data_type() != field.data_type() {
            *column = intervals(column).map_err(|error| error.with("column", field.name()))?;
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields.clone())), columns, &options)
        .map_err(|e| Error::internal("put intervals into rows of JSON").because(e))
}

fn decode(lines: &str, path: &Path, schema: SchemaRef) -> Result<RecordBatch> {
    if lines.is_empty() {
        return Ok(RecordBatch::new_empty(schema));
    }
    // Reading needs a store; what is wrong with a line should name the user's own file.
    let storage = MemoryStorage::new();
    storage.replace("/rows.jsonl", lines.as_bytes())?;
    let options = Options::new([("mode".to_string(), "FAILFAST".to_string())].into())?;
    let part = FilePart { file: storage.open("/rows.jsonl")?, path: path.display().to_string(), range: None };
    let columns: Vec<usize> = (0..schema.fields().len()).collect();
    let batches = decoder(Format::Json, &schema, &options)?.read(part, &columns, ROWS_MAX)?;
    let batches = batches.collect::<Result<Vec<_>>>()?;
    let schema = batches.first().map_or(schema, RecordBatch::schema);
    concat_batches(&schema, &batches).map_err(|e| Error::internal("join rows of JSON").because(e))
}

fn intervals(texts: &ArrayRef) -> Result<ArrayRef> {
    let texts = texts.as_string::<i32>().iter();
    let intervals = texts.map(|text| text.map(parse_interval_micros).transpose());
    Ok(Arc::new(intervals.collect::<Result<DurationMicrosecondArray>>()?))
}
