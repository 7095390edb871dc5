//! `to_json`: structs, arrays and maps as JSON text.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, StringBuilder, StructArray, downcast_array,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int64Type, TimestampMicrosecondType,
};

use super::options::Options;
use super::write::write_text;
use crate::error::{Error, Result};
use crate::expression::cast::{decimal_text, double_text, float_text};
use crate::expression::function::datetime::Formatter;
use crate::expression::function::datetime::calendar::MICROS_PER_DAY;
use crate::expression::function::kernel::*;
use crate::expression::function::string::code::to_base64;
use crate::expression::registry::{Argument, Call, Function, Kernel};
use crate::record::type_name;

pub static FUNCTIONS: &[Function] = &[Function { names: &["to_json"], resolve: to_json }];

struct Style {
    skip_nulls: bool,
    timestamp: Formatter,
    local: Formatter,
    date: Formatter,
}

/// Writes the value of a row, which is not null.
type Writer = Box<dyn Fn(usize, &mut String) -> Result<()>>;

/// What refuses a type, before any row is written.
fn check(data_type: &DataType) -> Result<()> {
    match data_type {
        DataType::List(field) => check(field.data_type()),
        DataType::Map(entries, _) => check(entries.data_type()),
        DataType::Struct(fields) => fields.iter().try_for_each(|field| check(field.data_type())),
        DataType::Duration(_) | DataType::Interval(_) => {
            Err(Error::user("`to_json` does not support intervals").with("type", type_name(data_type)))
        }
        _ => Ok(()),
    }
}

fn plain(array: &ArrayRef, style: &Arc<Style>) -> Result<Writer> {
    Ok(match array.data_type() {
        DataType::Boolean => {
            let flags = array.as_boolean().clone();
            Box::new(move |row, out| {
                out.push_str(if flags.value(row) { "true" } else { "false" });
                Ok(())
            })
        }
        DataType::Utf8 => {
            let texts = array.as_string::<i32>().clone();
            Box::new(move |row, out| {
                write_text(texts.value(row), out);
                Ok(())
            })
        }
        DataType::Binary => {
            let bytes = array.as_binary::<i32>().clone();
            Box::new(move |row, out| {
                write_text(&to_base64(bytes.value(row), false), out);
                Ok(())
            })
        }
        DataType::Float64 => {
            let floats = array.as_primitive::<Float64Type>().clone();
            Box::new(move |row, out| {
                push_float(floats.value(row).is_finite(), double_text(floats.value(row)), out);
                Ok(())
            })
        }
        DataType::Float32 => {
            let floats = array.as_primitive::<Float32Type>().clone();
            Box::new(move |row, out| {
                push_float(floats.value(row).is_finite(), float_text(floats.value(row)), out);
                Ok(())
            })
        }
        DataType::Decimal128(_, scale) => {
            let (decimals, scale) = (array.as_primitive::<Decimal128Type>().clone(), *scale);
            Box::new(move |row, out| {
                out.push_str(&decimal_text(decimals.value(row), scale));
                Ok(())
            })
        }
        DataType::Date32 | DataType::Timestamp(..) => of_time(array, style),
        _ => {
            let wrap = |e| Error::internal("write a number as JSON").because(e);
            let longs = arrow::compute::cast(array, &DataType::Int64).map_err(wrap)?;
            let longs = longs.as_primitive::<Int64Type>().clone();
            Box::new(move |row, out| {
                out.push_str(&longs.value(row).to_string());
                Ok(())
            })
        }
    })
}

fn of_time(array: &ArrayRef, style: &Arc<Style>) -> Writer {
    let style = style.clone();
    if let Some(dates) = array.as_primitive_opt::<Date32Type>().cloned() {
        return Box::new(move |row, out| {
            let mut text = String::new();
            style.date.format(i64::from(dates.value(row)) * MICROS_PER_DAY, &mut text);
            write_text(&text, out);
            Ok(())
        });
    }
    let times = array.as_primitive::<TimestampMicrosecondType>().clone();
    let zoned = matches!(array.data_type(), DataType::Timestamp(_, Some(_)));
    Box::new(move |row, out| {
        let mut text = String::new();
        let formatter = if zoned { &style.timestamp } else { &style.local };
        formatter.format(times.value(row), &mut text);
        write_text(&text, out);
        Ok(())
    })
}

fn push_float(finite: bool, text: String, out: &mut String) {
    if finite { out.push_str(&text) } else { write_text(&text, out) }
}

/// Writes null too.
fn writer(array: &ArrayRef, style: &Arc<Style>) -> Result<Writer> {
    let inner = match array.data_type() {
        DataType::Null => {
            return Ok(Box::new(|_, out| {
                out.push_str("null");
                Ok(())
            }));
        }
        DataType::List(_) => of_list(&downcast_array(array), style)?,
        DataType::Struct(_) => of_struct(&downcast_array(array), style)?,
        DataType::Map(..) => of_map(&downcast_array(array), style)?,
        _ => plain(array, style)?,
    };
    let array = array.clone();
    Ok(Box::new(move |row, out| {
        if array.is_null(row) {
            out.push_str("null");
            return Ok(());
        }
        inner(row, out)
    }))
}

fn of_list(list: &ListArray, style: &Arc<Style>) -> Result<Writer> {
    let element = writer(list.values(), style)?;
    let list = list.clone();
    Ok(Box::new(move |row, out| {
        let offsets = list.value_offsets();
        out.push('[');
        for i in offsets[row] as usize..offsets[row + 1] as usize {
            if i > offsets[row] as usize {
                out.push(',');
            }
            element(i, out)?;
        }
        out.push(']');
        Ok(())
    }))
}

fn of_struct(parts: &StructArray, style: &Arc<Style>) -> Result<Writer> {
    let names: Vec<String> = parts.fields().iter().map(|field| field.name().clone()).collect();
    let writers = parts.columns().iter().map(|column| writer(column, style)).collect::<Result<Vec<_>>>()?;
    let (parts, skip_nulls) = (parts.clone(), style.skip_nulls);
    Ok(Box::new(move |row, out| {
        out.push('{');
        let mut first = true;
        for (i, (name, writer)) in names.iter().zip(&writers).enumerate() {
            let column = parts.column(i);
            if skip_nulls && (column.is_null(row) || *column.data_type() == DataType::Null) {
                continue;
            }
            if !std::mem::take(&mut first) {
                out.push(',');
            }
            write_text(name, out);
            out.push(':');
            writer(row, out)?;
        }
        out.push('}');
        Ok(())
    }))
}

fn of_map(map: &MapArray, style: &Arc<Style>) -> Result<Writer> {
    let value = writer(map.values(), style)?;
    // Keys are written as Spark holds them: dates and times are numbers.
    let keys = match map.keys().data_type() {
        DataType::Date32 => arrow::compute::cast(map.keys(), &DataType::Int32),
        DataType::Timestamp(..) => arrow::compute::cast(map.keys(), &DataType::Int64),
        _ => Ok(map.keys().clone()),
    };
    let keys = keys.map_err(|e| Error::internal("write map keys as JSON").because(e))?;
    let key = writer(&keys, style)?;
    let map = map.clone();
    Ok(Box::new(move |row, out| {
        let offsets = map.value_offsets();
        out.push('{');
        for i in offsets[row] as usize..offsets[row + 1] as usize {
            if i > offsets[row] as usize {
                out.push(',');
            }
            let mut text = String::new();
            key(i, &mut text)?;
            if text.starts_with('"') {
                out.push_str(&text);
            } else {
                write_text(&text, out);
            }
            out.push(':');
            value(i, out)?;
        }
        out.push('}');
        Ok(())
    }))
}

fn to_json(args: &[Argument]) -> Result<Call> {
    count("to_json", args, 1, 2)?;
    let data_type = args[0].data_type;
    if !matches!(data_type, DataType::List(_) | DataType::Struct(_) | DataType::Map(..)) {
        let error = "[DATATYPE_MISMATCH.INVALID_JSON_SCHEMA] to_json takes a struct, an array or a map";
        return Err(Error::user(error).with("found", type_name(data_type)));
    }
    check(data_type)?;
    let known = ["timestampformat", "timestampntzformat", "dateformat", "ignorenullfields"];
    let options = Options::of("to_json", args.get(1), &known)?;
    let style = Arc::new(Style {
        skip_nulls: options.flag("ignorenullfields", true)?,
        timestamp: options.formatter("timestampformat", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX")?,
        local: options.formatter("timestampntzformat", "yyyy-MM-dd'T'HH:mm:ss.SSS")?,
        date: options.formatter("dateformat", "yyyy-MM-dd")?,
    });
    let kernel: Kernel = Arc::new(move |args, rows| {
        let (array, constant) = array_of(&args[0])?;
        let writer = writer(&array, &style)?;
        let mut text = String::new();
        over_rows(&args[..1], rows, &STRING, |row, out: &mut StringBuilder| {
            let row = if constant { 0 } else { row };
            if array.is_null(row) {
                out.append_null();
                return Ok(());
            }
            text.clear();
            writer(row, &mut text)?;
            out.append_value(&text);
            Ok(())
        })
    });
    let types: Vec<DataType> = args.iter().map(|arg| arg.data_type.clone()).collect();
    Ok(nullable(call("to_json", args, &types, STRING, kernel)?))
}
