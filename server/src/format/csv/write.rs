//! Rows as CSV, quoted where Spark quotes. Knows no files.

use std::fmt::Write;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, SchemaRef, TimestampMicrosecondType,
};

use super::check_types;
use super::split::{Marks, is_space};
use crate::error::{Error, Result};
use crate::format::cell::{BinaryText, write_cell, write_float};
use crate::format::compress::{Compression, Output};
use crate::format::print::{print_date, print_decimal, print_timestamp, print_timestamp_ntz};
use crate::format::text::line_end;
use crate::format::value::TimeFormats;
use crate::format::{Encoder, check_encoding};
use crate::record::Options;
use crate::storage::FileWriter;

pub const WRITE_OPTIONS: &[&str] = &[
    "compression",
    "codec",
    "sep",
    "delimiter",
    "quote",
    "quoteAll",
    "escape",
    "escapeQuotes",
    "charToEscapeQuoteEscaping",
    "comment",
    "header",
    "ignoreLeadingWhiteSpace",
    "ignoreTrailingWhiteSpace",
    "nullValue",
    "emptyValue",
    "dateFormat",
    "timestampFormat",
    "timestampNTZFormat",
    "lineSep",
    "encoding",
];

pub fn check_write(schema: &SchemaRef, options: &Options) -> Result<()> {
    check_types(schema.fields())?;
    check_encoding(options)?;
    Compression::of(options)?;
    Style::of(options).map(|_| ())
}

/// How fields are spelled.
struct Style {
    marks: Marks,
    quote: u8,
    quote_all: bool,
    /// A quote inside of a field makes it a quoted one.
    escape_quotes: bool,
    null: String,
    empty: String,
    line_end: String,
    formats: TimeFormats,
}

impl Style {
    fn of(options: &Options) -> Result<Style> {
        let marks = Marks::of(options, true)?;
        let Some(quote) = marks.quote else {
            return Err(options.bad_value("quote", "a character; without one, fields cannot be told apart"));
        };
        Ok(Style {
            quote,
            quote_all: options.boolean("quoteAll")?.unwrap_or(false),
            escape_quotes: options.boolean("escapeQuotes")?.unwrap_or(true),
            null: options.get("nullValue").unwrap_or_default().to_string(),
            empty: options.get("emptyValue").unwrap_or("\"\"").to_string(),
            line_end: line_end(options)?,
            formats: TimeFormats::of(options)?,
            marks,
        })
    }

    fn needs_quotes(&self, text: &str, first: bool) -> bool {
        let starts_with = |mark: u8| text.as_bytes().first() == Some(&mark);
        self.quote_all
            || text.contains(&self.marks.separator)
            || starts_with(self.quote)
            || (first && starts_with(self.marks.comment.unwrap_or(b'#')))
            || text.bytes().any(|b| b == b'\n' || b == b'\r' || (self.escape_quotes && b == self.quote))
    }

    /// Writes a field that is not null.
    fn write_text(&self, text: &str, first: bool, out: &mut String) {
        let text = if self.marks.trim_start { text.trim_start_matches(is_space) } else { text };
        // White space at the end counts here, though it is cut off: it may be the separator.
        let needs_quotes = self.needs_quotes(text, first);
        let text = if self.marks.trim_end { text.trim_end_matches(is_space) } else { text };
        if text.is_empty() {
            out.push_str(&self.empty);
        } else if needs_quotes {
            self.write_quoted(text, out);
        } else {
            out.push_str(text);
        }
    }

    fn write_quoted(&self, text: &str, out: &mut String) {
        let quote = char::from(self.quote);
        out.push(quote);
        for c in text.chars() {
            if c == quote {
                out.extend(self.marks.escape.map(char::from));
            } else if Some(c) == self.marks.escape.map(char::from) {
                out.extend(self.marks.escape_escape.map(char::from));
            }
            out.push(c);
        }
        out.push(quote);
    }

    fn write_null(&self, out: &mut String) {
        if self.quote_all {
            self.write_quoted(&self.null, out);
        } else {
            out.push_str(&self.null);
        }
    }
}

pub struct CsvEncoder {
    output: Output,
    style: Style,
    /// One field as text, before it is quoted.
    field: String,
}

impl CsvEncoder {
    pub fn new(schema: &SchemaRef, options: &Options, out: Box<dyn FileWriter>) -> Result<CsvEncoder> {
        let mut output = Output::new(options, out)?;
        let style = Style::of(options)?;
        if options.boolean("header")?.unwrap_or(false) {
            for (index, field) in schema.fields().iter().enumerate() {
                if index > 0 {
                    output.buffer.push_str(&style.marks.separator);
                }
                style.write_text(field.name(), index == 0, &mut output.buffer);
            }
            output.buffer.push_str(&style.line_end);
        }
        Ok(CsvEncoder { output, style, field: String::new() })
    }
}

impl Encoder for CsvEncoder {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let style = &self.style;
        for row in 0..rows.num_rows() {
            let out = &mut self.output.buffer;
            let start = out.len();
            for (index, column) in rows.columns().iter().enumerate() {
                if index > 0 {
                    out.push_str(&style.marks.separator);
                }
                if column.is_null(row) || *column.data_type() == DataType::Null {
                    style.write_null(out);
                } else if let Some(strings) = column.as_string_opt::<i32>() {
                    style.write_text(strings.value(row), index == 0, out);
                } else {
                    self.field.clear();
                    write_value(column, row, &style.formats, &mut self.field)?;
                    style.write_text(&self.field, index == 0, out);
                }
            }
            // A line with nothing on it would be no row to a reader; Spark leaves it out too.
            if out.len() > start {
                out.push_str(&style.line_end);
            }
            self.output.flush_if_full()?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        self.output.finish()
    }
}

fn write_value(array: &dyn Array, row: usize, formats: &TimeFormats, out: &mut String) -> Result<()> {
    let mut number = |value: i64| write!(out, "{value}").unwrap_or_default();
    match array.data_type() {
        DataType::Int8 => number(array.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => number(array.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => number(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => number(array.as_primitive::<Int64Type>().value(row)),
        DataType::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Float32 => write_float(array.as_primitive::<Float32Type>().value(row), out),
        DataType::Float64 => write_float(array.as_primitive::<Float64Type>().value(row), out),
        DataType::Decimal128(_, scale) => {
            print_decimal(array.as_primitive::<Decimal128Type>().value(row), *scale, out);
        }
        DataType::Date32 => print_date(array.as_primitive::<Date32Type>().value(row), formats, out),
        DataType::Timestamp(_, zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let print = if zone.is_some() { print_timestamp } else { print_timestamp_ntz };
            print(micros, formats, out);
        }
        DataType::Binary => return write_cell(array, row, BinaryText::Hex, out),
        other => return Err(Error::internal("cannot write a value as CSV").with("type", other)),
    }
    Ok(())
}
