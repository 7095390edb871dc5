//! Values as Spark prints them when cast to STRING.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringArray, StringBuilder};
use arrow::datatypes::*;

use super::java_float::{Digits, double_digits, float_digits};
use super::time::civil_from_days;
use crate::error::{Error, Result};
use crate::expression::coercion::map_fields;
use crate::expression::parse::{day_time_text, year_month_text};
use crate::record::type_name;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A DOUBLE as Java prints it: `1.0`, `1.0E10`, `NaN`, `-Infinity`.
pub fn double_text(value: f64) -> String {
    let mut text = String::new();
    push_double(&mut text, value);
    text
}

/// A FLOAT as Java prints it.
pub fn float_text(value: f32) -> String {
    let mut text = String::new();
    push_float(&mut text, value);
    text
}

fn push_double(text: &mut String, value: f64) {
    if !push_special(text, value) {
        push_digits(text, &double_digits(value.abs()));
    }
}

fn push_float(text: &mut String, value: f32) {
    if !push_special(text, f64::from(value)) {
        push_digits(text, &float_digits(value.abs()));
    }
}

/// The sign, and all of a value that has no digits.
fn push_special(text: &mut String, value: f64) -> bool {
    if value.is_nan() {
        text.push_str("NaN");
        return true;
    }
    if value.is_sign_negative() {
        text.push('-');
    }
    if value.is_infinite() {
        text.push_str("Infinity");
    } else if value == 0.0 {
        text.push_str("0.0");
    }
    value.is_infinite() || value == 0.0
}

fn push_digits(text: &mut String, found: &Digits) {
    let digits = std::str::from_utf8(&found.digits).unwrap_or_default();
    let rest = |from: usize| if digits.len() > from { &digits[from..] } else { "0" };
    match found.exponent {
        exponent @ 1..8 => {
            let whole = exponent as usize;
            text.push_str(&digits[..whole.min(digits.len())]);
            text.extend(std::iter::repeat_n('0', whole.saturating_sub(digits.len())));
            text.push('.');
            text.push_str(rest(whole));
        }
        exponent @ -2..=0 => {
            text.push_str("0.");
            text.extend(std::iter::repeat_n('0', -exponent as usize));
            text.push_str(digits);
        }
        exponent => {
            text.push_str(&digits[..1]);
            text.push('.');
            text.push_str(rest(1));
            text.push('E');
            text.push_str(&(exponent - 1).to_string());
        }
    }
}

/// An unscaled decimal with its scale, in plain digits.
pub fn decimal_text(value: i128, scale: i8) -> String {
    let scale = scale.max(0) as usize;
    let sign = if value < 0 { "-" } else { "" };
    let digits = value.unsigned_abs().to_string();
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let width = scale + 1;
    let padded = format!("{digits:0>width$}");
    let point = padded.len() - scale;
    format!("{sign}{}.{}", &padded[..point], &padded[point..])
}

/// Days since the epoch as `2020-01-31`; years above 9999 have a plus sign.
pub fn date_text(days: i32) -> String {
    let mut text = String::new();
    push_date(&mut text, i64::from(days));
    text
}

fn push_date(text: &mut String, days: i64) {
    let (year, month, day) = civil_from_days(days);
    let written = match year {
        0..=9999 => write!(text, "{year:04}-{month:02}-{day:02}"),
        10000.. => write!(text, "+{year}-{month:02}-{day:02}"),
        _ => write!(text, "-{:04}-{month:02}-{day:02}", -year),
    };
    debug_assert!(written.is_ok());
}

/// Micros since the epoch in UTC as `2020-01-31 12:00:00.5`: no zeros at the end of the fraction.
pub fn timestamp_text(micros: i64) -> String {
    let mut text = String::new();
    push_timestamp(&mut text, micros);
    text
}

fn push_timestamp(text: &mut String, micros: i64) {
    push_date(text, micros.div_euclid(MICROS_PER_DAY));
    let rest = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let written = write!(text, " {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    debug_assert!(written.is_ok());
    if fraction > 0 {
        text.push('.');
        text.push_str(format!("{fraction:06}").trim_end_matches('0'));
    }
}

/// Every value of the array as Spark's text.
pub fn to_string(array: &ArrayRef) -> Result<StringArray> {
    Ok(match array.data_type() {
        DataType::Null => StringArray::new_null(array.len()),
        DataType::Utf8 => array.as_string::<i32>().clone(),
        DataType::Binary => binary_to_string(array.as_binary::<i32>()),
        DataType::Boolean => {
            array.as_boolean().iter().map(|v| v.map(|v| if v { "true" } else { "false" })).collect()
        }
        DataType::Int8 => display::<Int8Type>(array),
        DataType::Int16 => display::<Int16Type>(array),
        DataType::Int32 => display::<Int32Type>(array),
        DataType::Int64 => display::<Int64Type>(array),
        DataType::Float32 => build::<Float32Type>(array, push_float),
        DataType::Float64 => build::<Float64Type>(array, push_double),
        DataType::Decimal128(_, scale) => {
            let scale = *scale;
            build::<Decimal128Type>(array, |text, v| text.push_str(&decimal_text(v, scale)))
        }
        DataType::Date32 => build::<Date32Type>(array, |text, v| push_date(text, i64::from(v))),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            build::<TimestampMicrosecondType>(array, push_timestamp)
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            build::<DurationMicrosecondType>(array, |text, v| text.push_str(&day_time_text(v)))
        }
        DataType::Interval(IntervalUnit::YearMonth) => {
            build::<IntervalYearMonthType>(array, |text, v| text.push_str(&year_month_text(v)))
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            build::<IntervalMonthDayNanoType>(array, |text, v| {
                push_calendar(text, v.months, v.days, v.nanoseconds)
            })
        }
        DataType::List(_) => list_to_string(array)?,
        DataType::Map(..) => map_to_string(array)?,
        DataType::Struct(_) => struct_to_string(array)?,
        other => return Err(Error::internal("a type has no text form").with("type", type_name(other))),
    })
}

/// `1 years 2 months 3 days 4 hours 5 minutes 6.5 seconds`, without what is 0.
fn push_calendar(text: &mut String, months: i32, days: i32, nanos: i64) {
    let micros = nanos / 1000;
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let whole = [
        (i64::from(months / 12), "years"),
        (i64::from(months % 12), "months"),
        (i64::from(days), "days"),
        (seconds / 3600, "hours"),
        (seconds / 60 % 60, "minutes"),
    ];
    let mut parts: Vec<String> =
        whole.iter().filter(|(n, _)| *n != 0).map(|(n, unit)| format!("{n} {unit}")).collect();
    let second = seconds % 60;
    if second != 0 || fraction != 0 {
        let sign = if micros < 0 { "-" } else { "" };
        let fraction = format!("{:06}", fraction.abs());
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        parts.push(format!("{sign}{}{point}{fraction} seconds", second.abs()));
    }
    text.push_str(if parts.is_empty() { "0 seconds" } else { "" });
    text.push_str(&parts.join(" "));
}

fn display<T: ArrowPrimitiveType>(array: &ArrayRef) -> StringArray
where
    T::Native: std::fmt::Display,
{
    build::<T>(array, |text, value| {
        let written = write!(text, "{value}");
        debug_assert!(written.is_ok());
    })
}

fn build<T: ArrowPrimitiveType>(array: &ArrayRef, push: impl Fn(&mut String, T::Native)) -> StringArray {
    let array = array.as_primitive::<T>();
    let mut builder = StringBuilder::with_capacity(array.len(), array.len() * 8);
    let mut text = String::new();
    for value in array {
        match value {
            Some(value) => {
                text.clear();
                push(&mut text, value);
                builder.append_value(&text);
            }
            None => builder.append_null(),
        }
    }
    builder.finish()
}

/// One validation of all bytes; only if it fails, value by value with U+FFFD for what is not UTF-8.
fn binary_to_string(array: &BinaryArray) -> StringArray {
    let (offsets, values, nulls) = array.clone().into_parts();
    match StringArray::try_new(offsets, values, nulls) {
        Ok(strings) => strings,
        Err(_) => array.iter().map(|v| v.map(String::from_utf8_lossy)).collect(),
    }
}

fn list_to_string(array: &ArrayRef) -> Result<StringArray> {
    let list = array.as_list::<i32>();
    let elements = to_string(list.values())?;
    let offsets = list.value_offsets();
    Ok(rows_to_string(array, |text, row| {
        text.push('[');
        for (n, i) in (offsets[row] as usize..offsets[row + 1] as usize).enumerate() {
            push_part(text, &elements, i, if n > 0 { ", " } else { "" });
        }
        text.push(']');
    }))
}

fn map_to_string(array: &ArrayRef) -> Result<StringArray> {
    if map_fields(array.data_type()).is_none() {
        return Err(Error::internal("a map has not two fields"));
    }
    let map = array.as_map();
    let (keys, values) = (to_string(map.keys())?, to_string(map.values())?);
    let offsets = map.value_offsets();
    Ok(rows_to_string(array, |text, row| {
        text.push('{');
        for (n, i) in (offsets[row] as usize..offsets[row + 1] as usize).enumerate() {
            push_part(text, &keys, i, if n > 0 { ", " } else { "" });
            push_part(text, &values, i, " -> ");
        }
        text.push('}');
    }))
}

fn struct_to_string(array: &ArrayRef) -> Result<StringArray> {
    let columns = array.as_struct().columns().iter().map(to_string).collect::<Result<Vec<_>>>()?;
    Ok(rows_to_string(array, |text, row| {
        text.push('{');
        for (n, column) in columns.iter().enumerate() {
            push_part(text, column, row, if n > 0 { ", " } else { "" });
        }
        text.push('}');
    }))
}

fn push_part(text: &mut String, parts: &StringArray, i: usize, separator: &str) {
    text.push_str(separator);
    text.push_str(if parts.is_null(i) { "null" } else { parts.value(i) });
}

fn rows_to_string(array: &ArrayRef, push: impl Fn(&mut String, usize)) -> StringArray {
    let mut builder = StringBuilder::new();
    let mut text = String::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            builder.append_null();
        } else {
            text.clear();
            push(&mut text, row);
            builder.append_value(&text);
        }
    }
    builder.finish()
}

/// The text of the first value, for messages.
pub fn text_of(array: &ArrayRef) -> Result<String> {
    let texts = to_string(array)?;
    Ok(if texts.is_empty() || texts.is_null(0) { "null".to_string() } else { texts.value(0).to_string() })
}

/// The bytes of every string.
pub fn string_to_binary(array: &StringArray) -> ArrayRef {
    let (offsets, values, nulls) = array.clone().into_parts();
    Arc::new(BinaryArray::new(offsets, values, nulls))
}
