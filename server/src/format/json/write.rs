//! Rows as JSON, one object a line, spelled as Spark spells it. Knows no files.

use std::fmt::Write;

use arrow::array::{Array, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, SchemaRef, TimestampMicrosecondType,
};
use base64::Engine;

use super::check_type;
use crate::error::{Error, Result};
use crate::format::cell::write_float;
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
    "dateFormat",
    "timestampFormat",
    "timestampNTZFormat",
    "ignoreNullFields",
    "lineSep",
    "encoding",
];

pub fn check_write(schema: &SchemaRef, options: &Options) -> Result<()> {
    for field in schema.fields() {
        check_type(field.name(), field.data_type())?;
    }
    check_encoding(options)?;
    Compression::of(options)?;
    line_end(options)?;
    Style::of(options).map(|_| ())
}

/// How values are spelled.
struct Style {
    formats: TimeFormats,
    /// Fields that are null are left out of objects.
    ignore_nulls: bool,
}

impl Style {
    fn of(options: &Options) -> Result<Style> {
        Ok(Style {
            formats: TimeFormats::of(options)?,
            ignore_nulls: options.boolean("ignoreNullFields")?.unwrap_or(true),
        })
    }
}

pub struct JsonEncoder {
    output: Output,
    style: Style,
    line_end: String,
    /// `"name":` for each column.
    names: Vec<String>,
}

impl JsonEncoder {
    pub fn new(schema: &SchemaRef, options: &Options, out: Box<dyn FileWriter>) -> Result<JsonEncoder> {
        Ok(JsonEncoder {
            output: Output::new(options, out)?,
            style: Style::of(options)?,
            line_end: line_end(options)?,
            names: schema.fields().iter().map(|field| quoted_name(field)).collect(),
        })
    }
}

impl Encoder for JsonEncoder {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        for row in 0..rows.num_rows() {
            let out = &mut self.output.buffer;
            out.push('{');
            let start = out.len();
            for (name, column) in self.names.iter().zip(rows.columns()) {
                write_member(name, column, row, start, &self.style, out)?;
            }
            out.push('}');
            out.push_str(&self.line_end);
            self.output.flush_if_full()?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        self.output.finish()
    }
}

fn quoted_name(field: &Field) -> String {
    let mut name = String::new();
    write_string(field.name(), &mut name);
    name.push(':');
    name
}

/// `start` is where the members of the object begin.
fn write_member(
    name: &str,
    column: &dyn Array,
    row: usize,
    start: usize,
    style: &Style,
    out: &mut String,
) -> Result<()> {
    if style.ignore_nulls && is_null(column, row) {
        return Ok(());
    }
    if out.len() > start {
        out.push(',');
    }
    out.push_str(name);
    write_value(column, row, style, out)
}

fn is_null(column: &dyn Array, row: usize) -> bool {
    column.is_null(row) || *column.data_type() == DataType::Null
}

fn write_value(array: &dyn Array, row: usize, style: &Style, out: &mut String) -> Result<()> {
    if is_null(array, row) {
        out.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Int8 => number(out, array.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => number(out, array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => number(out, array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => number(out, array.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            quoted_unless(value.is_finite(), |out| write_float(value, out), out);
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            quoted_unless(value.is_finite(), |out| write_float(value, out), out);
        }
        DataType::Decimal128(_, scale) => {
            print_decimal(array.as_primitive::<Decimal128Type>().value(row), *scale, out);
        }
        DataType::Utf8 => write_string(array.as_string::<i32>().value(row), out),
        DataType::Binary => {
            out.push('"');
            base64::engine::general_purpose::STANDARD.encode_string(array.as_binary::<i32>().value(row), out);
            out.push('"');
        }
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(row);
            quoted_unless(false, |out| print_date(days, &style.formats, out), out);
        }
        DataType::Timestamp(_, zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let print = if zone.is_some() { print_timestamp } else { print_timestamp_ntz };
            quoted_unless(false, |out| print(micros, &style.formats, out), out);
        }
        DataType::List(_) => write_list(&array.as_list::<i32>().value(row), style, out)?,
        DataType::Struct(_) => write_struct(array.as_struct(), row, style, out)?,
        DataType::Map(_, _) => write_map(&array.as_map().value(row), style, out)?,
        other => return Err(Error::internal("cannot write a value as JSON").with("type", other)),
    }
    Ok(())
}

fn number(out: &mut String, value: impl Into<i64>) {
    // Writing into a string does not fail.
    write!(out, "{}", value.into()).unwrap_or_default();
}

fn quoted_unless(bare: bool, print: impl FnOnce(&mut String), out: &mut String) {
    if bare {
        return print(out);
    }
    out.push('"');
    print(out);
    out.push('"');
}

fn write_list(values: &dyn Array, style: &Style, out: &mut String) -> Result<()> {
    out.push('[');
    for row in 0..values.len() {
        if row > 0 {
            out.push(',');
        }
        write_value(values, row, style, out)?;
    }
    out.push(']');
    Ok(())
}

fn write_struct(array: &StructArray, row: usize, style: &Style, out: &mut String) -> Result<()> {
    out.push('{');
    let start = out.len();
    for (field, column) in array.fields().iter().zip(array.columns()) {
        write_member(&quoted_name(field), column, row, start, style, out)?;
    }
    out.push('}');
    Ok(())
}

/// Values that are null stay in.
fn write_map(entries: &StructArray, style: &Style, out: &mut String) -> Result<()> {
    out.push('{');
    let keys = entries.column(0).as_string::<i32>();
    for row in 0..entries.len() {
        if row > 0 {
            out.push(',');
        }
        write_string(keys.value(row), out);
        out.push(':');
        write_value(entries.column(1), row, style, out)?;
    }
    out.push('}');
    Ok(())
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| b < 0x20 || b == b'"' || b == b'\\') {
        out.push_str(&rest[..at]);
        let byte = rest.as_bytes()[at];
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x8 => out.push_str("\\b"),
            0xc => out.push_str("\\f"),
            other => write!(out, "\\u{other:04X}").unwrap_or_default(),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}
