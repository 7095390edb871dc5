//! Directories that are named by a column's value, `day=2026-11-21/k=a`, as Spark reads them back. No I/O.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Float64Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::datatypes::{DataType, TimeUnit};
use chrono::{NaiveDate, NaiveDateTime};
use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};
use crate::record::timestamp_type;

/// The directory of rows whose value is null or empty.
pub const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns and values of a relative directory, outermost first; a null has no value.
///
/// Nothing if a part of it is no `column=value`.
pub fn parse(dir: &str) -> Option<Vec<(String, Option<String>)>> {
    let part = |part: &str| {
        let (column, value) = part.split_once('=').filter(|(column, _)| !column.is_empty())?;
        let value = (value != NULL_PARTITION).then(|| unescaped(value));
        Some((unescaped(column), value))
    };
    dir.split('/').filter(|name| !name.is_empty()).map(part).collect()
}

/// `%` and two hexadecimal digits stand for a character; anything else stands for itself.
fn unescaped(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The type of a column that has all the values added so far.
#[derive(Clone, Debug, Default)]
pub struct Inferred(Option<DataType>);

impl Inferred {
    pub fn add(&mut self, value: &str) {
        let found = type_of(value);
        self.0 = Some(match self.0.take() {
            None => found,
            Some(before) => wider(before, found),
        });
    }

    pub fn data_type(self) -> DataType {
        self.0.unwrap_or(DataType::Utf8)
    }
}

/// The type of a column that has these values, as Spark infers it: INT, BIGINT, DOUBLE, DATE, TIMESTAMP, and
/// STRING for all else, whole numbers beyond BIGINT included.
pub fn infer<'v>(values: impl Iterator<Item = Option<&'v str>>) -> DataType {
    let mut inferred = Inferred::default();
    values.flatten().for_each(|value| inferred.add(value));
    inferred.data_type()
}

fn type_of(value: &str) -> DataType {
    if value.parse::<i32>().is_ok() {
        DataType::Int32
    } else if value.parse::<i64>().is_ok() {
        DataType::Int64
    } else if read_double(value).is_some() {
        DataType::Float64
    } else if read_date(value).is_some() {
        DataType::Date32
    } else if read_timestamp(value).is_some() {
        timestamp_type()
    } else {
        DataType::Utf8
    }
}

fn wider(one: DataType, other: DataType) -> DataType {
    use DataType::{Date32, Float64, Int32, Int64, Timestamp, Utf8};
    match (&one, &other) {
        _ if one == other => one,
        (Int32, Int64) | (Int64, Int32) => Int64,
        (Float64, Int32) | (Int32, Float64) => Float64,
        (Date32, Timestamp(_, _)) | (Timestamp(_, _), Date32) => timestamp_type(),
        // A double would not tell all whole numbers of 64 bits apart.
        _ => Utf8,
    }
}

/// Java's way: a number may not have more digits than a double tells apart only because it is a whole one.
fn read_double(value: &str) -> Option<f64> {
    let is_whole = value.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit());
    match value {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ if is_whole || !value.bytes().any(|byte| byte.is_ascii_digit()) => None,
        _ => value.parse().ok(),
    }
}

fn read_whole<T: std::str::FromStr>(value: &str) -> Option<T> {
    value.parse().ok()
}

fn read_date(value: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(value, "%Y-%m-%d").ok().filter(|_| value.len() == 10)?;
    (date - NaiveDate::default()).num_days().try_into().ok()
}

fn read_timestamp(value: &str) -> Option<i64> {
    let time = NaiveDateTime::parse_from_str(value, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    Some(time.and_utc().timestamp_micros())
}

/// The same value in so many rows. `Data` error if it is not one of the type.
pub fn column(value: Option<&str>, data_type: &DataType, rows: usize) -> Result<ArrayRef> {
    let Some(value) = value else { return Ok(new_null_array(data_type, rows)) };
    let unreadable = || {
        Error::data("the name of a partition directory is not of the column's type")
            .with("value", value)
            .with("type", data_type)
    };
    Ok(match data_type {
        DataType::Int32 => {
            Arc::new(Int32Array::from(vec![read_whole::<i32>(value).ok_or_else(unreadable)?; rows]))
        }
        DataType::Int64 => {
            Arc::new(Int64Array::from(vec![read_whole::<i64>(value).ok_or_else(unreadable)?; rows]))
        }
        DataType::Float64 => {
            let whole = || value.parse().ok();
            Arc::new(Float64Array::from(vec![
                read_double(value).or_else(whole).ok_or_else(unreadable)?;
                rows
            ]))
        }
        DataType::Date32 => Arc::new(Date32Array::from(vec![read_date(value).ok_or_else(unreadable)?; rows])),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let midnight = || Some(i64::from(read_date(value)?) * 86_400_000_000);
            let micros = read_timestamp(value).or_else(midnight).ok_or_else(unreadable)?;
            Arc::new(TimestampMicrosecondArray::from(vec![micros; rows]).with_timezone_opt(zone.clone()))
        }
        DataType::Utf8 => Arc::new(StringArray::from(vec![value; rows])),
        other => {
            let text: ArrayRef = Arc::new(StringArray::from(vec![value; rows]));
            let cast = arrow::compute::cast(&text, other).map_err(|cause| unreadable().because(cause))?;
            if cast.null_count() > 0 {
                return Err(unreadable());
            }
            cast
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_columns_and_values() {
        let pairs = |dir| parse(dir).map(|pairs| format!("{pairs:?}"));
        for (dir, expected) in [
            ("", Some("[]")),
            ("k=a", Some("[(\"k\", Some(\"a\"))]")),
            ("k%3D=a%2Fb é/d=__HIVE_DEFAULT_PARTITION__", Some("[(\"k=\", Some(\"a/b é\")), (\"d\", None)]")),
            ("k=", Some("[(\"k\", Some(\"\"))]")),
            ("k=a/sub", None),
            ("=a", None),
        ] {
            assert_eq!(pairs(dir).as_deref(), expected, "{dir}");
        }
    }

    #[test]
    fn types_are_inferred_as_spark_does() {
        for (values, expected) in [
            (&["1", "-7", "007"][..], DataType::Int32),
            (&["1", "3000000000"], DataType::Int64),
            (&["1", "1.5"], DataType::Float64),
            (&["NaN", "1.0E10"], DataType::Float64),
            (&["2026-11-21"], DataType::Date32),
            (&["2026-11-21", "2026-11-21 12:00:00.5"], timestamp_type()),
            (&["2026-11-21", "1"], DataType::Utf8),
            (&["99999999999999999999"], DataType::Utf8),
            (&["a", "1"], DataType::Utf8),
            (&["inf", "nan"], DataType::Utf8),
            (&[""], DataType::Utf8),
            (&[], DataType::Utf8),
        ] {
            assert_eq!(infer(values.iter().map(|value| Some(*value))), expected, "{values:?}");
            for value in values {
                assert_eq!(column(Some(value), &expected, 2).unwrap().null_count(), 0);
            }
        }
        assert_eq!(column(None, &DataType::Int32, 2).unwrap().null_count(), 2);
        assert!(column(Some("a"), &DataType::Int32, 2).is_err());
    }
}
