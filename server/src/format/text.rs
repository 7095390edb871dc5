//! Text: one STRING column, a line or a whole file a row.

use arrow::array::{Array, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use std::sync::Arc;

use super::column::{Column, Values, nullable};
use super::compress::{Compression, Output};
use super::lines::{Lines, Separator};
use super::rows::{Rows, batches};
use super::{Batches, Decoder, Encoder, FilePart, stream};
use crate::error::{Error, Result};
use crate::record::{Options, type_name};
use crate::storage::FileWriter;

pub const READ_OPTIONS: &[&str] = &["wholetext", "lineSep", "encoding", "charset"];
pub const WRITE_OPTIONS: &[&str] = &["lineSep", "compression", "codec", "encoding"];

pub struct TextDecoder {
    schema: SchemaRef,
    separator: Separator,
}

impl TextDecoder {
    pub fn new(schema: &SchemaRef, options: &Options) -> Result<TextDecoder> {
        check_schema(schema)?;
        super::check_encoding(options)?;
        let whole = options.boolean("wholetext")?.unwrap_or(false);
        let separator = if whole { Separator::Never } else { Separator::of(options)? };
        Ok(TextDecoder { schema: Arc::new(Schema::new(nullable(schema.fields()))), separator })
    }
}

fn check_schema(schema: &SchemaRef) -> Result<()> {
    let fields = schema.fields();
    if fields.len() != 1 {
        return Err(Error::user("text has exactly one column").with("columns", fields.len()).hint(
            "make one STRING column of them, such as with concat_ws or to_json, or use another format",
        ));
    }
    if *fields[0].data_type() != DataType::Utf8 {
        return Err(Error::user("the column of text is a STRING")
            .with("column", fields[0].name())
            .with("type", type_name(fields[0].data_type()))
            .hint("cast it to STRING"));
    }
    Ok(())
}

impl Decoder for TextDecoder {
    fn can_split(&self, path: &str) -> bool {
        self.separator == Separator::Any && stream::is_plain(path)
    }

    fn read(&self, part: FilePart, columns: &[usize], rows_max: usize) -> Result<Batches> {
        let lines = Lines::open(&part, self.separator.clone())?;
        let schema = if columns.is_empty() { Arc::new(Schema::empty()) } else { self.schema.clone() };
        let rows = TextRows { schema, column: Column::new(&DataType::Utf8)? };
        Ok(batches(lines, rows, rows_max))
    }
}

struct TextRows {
    schema: SchemaRef,
    column: Column,
}

impl Rows for TextRows {
    fn add(&mut self, line: &str) -> Result<()> {
        if let Values::Text(bytes) = &mut self.column.values {
            if !self.schema.fields().is_empty() {
                bytes.data.extend_from_slice(line.as_bytes());
            }
            bytes.end_value();
        }
        self.column.mark_valid();
        Ok(())
    }

    fn count(&self) -> usize {
        self.column.len()
    }

    fn take(&mut self) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.column.len()));
        let column = self.column.take()?;
        let columns = if self.schema.fields().is_empty() { Vec::new() } else { vec![column] };
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|cause| Error::internal("cannot make a batch of lines").because(cause))
    }
}

pub fn check_write(schema: &SchemaRef, options: &Options) -> Result<()> {
    check_schema(schema)?;
    super::check_encoding(options)?;
    Compression::of(options)?;
    line_end(options).map(|_| ())
}

/// What the option `lineSep` puts behind each row.
pub fn line_end(options: &Options) -> Result<String> {
    Separator::of(options)?;
    Ok(options.get("lineSep").unwrap_or("\n").to_string())
}

pub struct TextEncoder {
    output: Output,
    line_end: String,
}

impl TextEncoder {
    pub fn new(options: &Options, out: Box<dyn FileWriter>) -> Result<TextEncoder> {
        Ok(TextEncoder { output: Output::new(options, out)?, line_end: line_end(options)? })
    }
}

impl Encoder for TextEncoder {
    /// A null is an empty line.
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let column = rows.columns().first().and_then(|column| column.as_string_opt::<i32>());
        let column = column.ok_or_else(|| Error::internal("rows for a text file have no STRING column"))?;
        for row in 0..column.len() {
            if column.is_valid(row) {
                self.output.buffer.push_str(column.value(row));
            }
            self.output.buffer.push_str(&self.line_end);
            self.output.flush_if_full()?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        self.output.finish()
    }
}
