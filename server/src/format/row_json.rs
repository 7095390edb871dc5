//! One row as a JSON object for people and scripts: every column is there, nulls too; times are ISO 8601 in UTC
//! with microseconds, binary is base64. Not the JSON file format, which is Spark's.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Fields, Float32Type, Float64Type, TimeUnit, TimestampMicrosecondType};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::cell::{BinaryText, write_cell};
use crate::error::{Error, Result};
use crate::record::format_timestamp_micros;

/// Appends the row as one object, without a line feed.
pub fn write_row(rows: &RecordBatch, row: usize, out: &mut Vec<u8>) -> Result<()> {
    write_object(rows.schema_ref().fields(), rows.columns(), row, out)
}

fn write_object(fields: &Fields, columns: &[ArrayRef], row: usize, out: &mut Vec<u8>) -> Result<()> {
    out.push(b'{');
    for (index, (field, column)) in fields.iter().zip(columns).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_plain(field.name(), out)?;
        out.push(b':');
        write_value(column, row, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_plain(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) -> Result<()> {
    serde_json::to_writer(out, value).map_err(|cause| Error::internal("cannot print JSON").because(cause))
}

fn write_value(array: &dyn Array, row: usize, out: &mut Vec<u8>) -> Result<()> {
    if array.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Null => out.extend_from_slice(b"null"),
        DataType::Utf8 => write_plain(array.as_string::<i32>().value(row), out)?,
        DataType::Binary => {
            out.push(b'"');
            let text = STANDARD.encode(array.as_binary::<i32>().value(row));
            out.extend_from_slice(text.as_bytes());
            out.push(b'"');
        }
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            if value.is_finite() { write_plain(&value, out)? } else { write_text(array, row, out)? }
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            if value.is_finite() { write_plain(&value, out)? } else { write_text(array, row, out)? }
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let text = format_timestamp_micros(array.as_primitive::<TimestampMicrosecondType>().value(row));
            write_plain(if zone.is_some() { text.as_str() } else { text.trim_end_matches('Z') }, out)?;
        }
        DataType::List(_) => write_list(&array.as_list::<i32>().value(row), out)?,
        DataType::Map(_, _) => write_map(&array.as_map().value(row), out)?,
        DataType::Struct(fields) => write_object(fields, array.as_struct().columns(), row, out)?,
        kind if is_number(kind) => out.extend_from_slice(text(array, row)?.as_bytes()),
        _ => write_text(array, row, out)?,
    }
    Ok(())
}

/// Types whose text is a JSON value as it stands.
fn is_number(data_type: &DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Decimal128(_, _) | DataType::Boolean)
}

fn text(array: &dyn Array, row: usize) -> Result<String> {
    let mut text = String::new();
    write_cell(array, row, BinaryText::Utf8, &mut text)?;
    Ok(text)
}

fn write_text(array: &dyn Array, row: usize, out: &mut Vec<u8>) -> Result<()> {
    write_plain(&text(array, row)?, out)
}

fn write_list(values: &ArrayRef, out: &mut Vec<u8>) -> Result<()> {
    out.push(b'[');
    for row in 0..values.len() {
        if row > 0 {
            out.push(b',');
        }
        write_value(values, row, out)?;
    }
    out.push(b']');
    Ok(())
}

/// An object; keys that are no strings are written as the text of a cell.
fn write_map(entries: &StructArray, out: &mut Vec<u8>) -> Result<()> {
    out.push(b'{');
    for row in 0..entries.len() {
        if row > 0 {
            out.push(b',');
        }
        write_text(entries.column(0), row, out)?;
        out.push(b':');
        write_value(entries.column(1), row, out)?;
    }
    out.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, MapBuilder,
        StringArray, StringBuilder, TimestampMicrosecondArray,
    };
    use arrow::datatypes::{Field, Schema};

    use super::*;

    #[test]
    fn every_column_is_there() {
        let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        map.keys().append_value("k");
        map.values().append_null();
        map.append(true).unwrap();
        let times = || TimestampMicrosecondArray::from(vec![1_795_262_400_500_000]);
        let window = StructArray::from(vec![(
            Arc::new(Field::new("start", times().with_timezone("UTC").data_type().clone(), true)),
            Arc::new(times().with_timezone("UTC")) as ArrayRef,
        )]);
        let columns: Vec<(&str, ArrayRef, &str)> = vec![
            ("i", Arc::new(Int64Array::from(vec![i64::MIN])), "-9223372036854775808"),
            ("s", Arc::new(StringArray::from(vec!["a\"\n"])), "\"a\\\"\\n\""),
            ("n", Arc::new(StringArray::from(vec![None::<&str>])), "null"),
            ("b", Arc::new(BooleanArray::from(vec![true])), "true"),
            ("d", Arc::new(Float64Array::from(vec![1.5])), "1.5"),
            ("nan", Arc::new(Float64Array::from(vec![f64::NAN])), "\"NaN\""),
            (
                "dec",
                Arc::new(Decimal128Array::from(vec![150]).with_precision_and_scale(10, 2).unwrap()),
                "1.50",
            ),
            ("day", Arc::new(Date32Array::from(vec![20_778])), "\"2026-11-21\""),
            ("t", Arc::new(times().with_timezone("UTC")), "\"2026-11-21T12:00:00.500000Z\""),
            ("local", Arc::new(times()), "\"2026-11-21T12:00:00.500000\""),
            ("window", Arc::new(window), "{\"start\":\"2026-11-21T12:00:00.500000Z\"}"),
            ("m", Arc::new(map.finish()), "{\"k\":null}"),
            ("x", Arc::new(BinaryArray::from_vec(vec![b"\x00\xff"])), "\"AP8=\""),
        ];
        let fields: Vec<_> = columns
            .iter()
            .map(|(name, array, _)| Field::new(*name, array.data_type().clone(), true))
            .collect();
        let arrays = columns.iter().map(|(_, array, _)| array.clone()).collect();
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
        let mut out = Vec::new();
        write_row(&rows, 0, &mut out).unwrap();
        let expected: Vec<_> = columns.iter().map(|(name, _, text)| format!("\"{name}\":{text}")).collect();
        assert_eq!(String::from_utf8(out).unwrap(), format!("{{{}}}", expected.join(",")));
    }
}
