//! Dates, timestamps and intervals: sums, differences, and intervals times a number.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::datatypes::*;
use datafusion_expr_common::columnar_value::ColumnarValue;

use super::rows::{OnFailure, Side, overflow, pairs, raise_or_null};
use crate::error::{Error, Result};
use crate::expression::cast::{civil_from_days, days_from_civil, month_length};
use crate::expression::node::into_array;
use crate::expression::registry::Kernel;

const MICROS_PER_DAY: i64 = 86_400_000_000;

fn out_of_calendar() -> Error {
    Error::user("[DATETIME_OVERFLOW] a time is out of range")
}

/// DATE plus or minus an INT of days; wraps as Java's int.
pub fn date_plus_days(subtract: bool) -> Kernel {
    Arc::new(move |values, rows| {
        let (dates, days) = (Side::<Date32Type>::of(&values[0])?, Side::<Int32Type>::of(&values[1])?);
        let f = |date: i32, days: i32| {
            Some(if subtract { date.wrapping_sub(days) } else { date.wrapping_add(days) })
        };
        let found =
            pairs::<_, _, Date32Type>(&dates, &days, rows, OnFailure::Null, f, |_, _| out_of_calendar())?;
        Ok(ColumnarValue::Array(Arc::new(found)))
    })
}

/// DATE minus DATE as an interval.
pub fn days_between() -> Kernel {
    Arc::new(|values, rows| {
        let (ends, starts) = (Side::<Date32Type>::of(&values[0])?, Side::<Date32Type>::of(&values[1])?);
        let f = |end: i32, start: i32| (i64::from(end) - i64::from(start)).checked_mul(MICROS_PER_DAY);
        let error = |_, _| overflow("the difference of dates");
        let found =
            pairs::<_, _, DurationMicrosecondType>(&ends, &starts, rows, raise_or_null(false), f, error)?;
        Ok(ColumnarValue::Array(Arc::new(found)))
    })
}

/// Timestamp minus timestamp as an interval.
pub fn micros_between() -> Kernel {
    Arc::new(|values, rows| {
        let ends = Side::<TimestampMicrosecondType>::of(&values[0])?;
        let starts = Side::<TimestampMicrosecondType>::of(&values[1])?;
        let error = |_, _| overflow("the difference of timestamps");
        let f = |end: i64, start: i64| end.checked_sub(start);
        let found =
            pairs::<_, _, DurationMicrosecondType>(&ends, &starts, rows, raise_or_null(false), f, error)?;
        Ok(ColumnarValue::Array(Arc::new(found)))
    })
}

/// Timestamp plus or minus a day-time interval; the result has the timestamp's type.
pub fn add_micros(subtract: bool) -> Kernel {
    Arc::new(move |values, rows| {
        let times = Side::<TimestampMicrosecondType>::of(&values[0])?;
        let spans = Side::<DurationMicrosecondType>::of(&values[1])?;
        let f = |time: i64, span: i64| if subtract { time.checked_sub(span) } else { time.checked_add(span) };
        let error = |_, _| out_of_calendar();
        let found =
            pairs::<_, _, TimestampMicrosecondType>(&times, &spans, rows, raise_or_null(false), f, error)?;
        Ok(ColumnarValue::Array(Arc::new(found.with_data_type(values[0].data_type()))))
    })
}

/// DATE or timestamp plus or minus a year-month interval; a day that the month has not is its last one.
pub fn add_months(subtract: bool) -> Kernel {
    Arc::new(move |values, rows| {
        let months = Side::<IntervalYearMonthType>::of(&values[1])?;
        let signed = |months: i32| if subtract { -i64::from(months) } else { i64::from(months) };
        let error = |_, _| out_of_calendar();
        let data_type = values[0].data_type();
        if data_type == DataType::Date32 {
            let dates = Side::<Date32Type>::of(&values[0])?;
            let f = |date: i32, months: i32| i32::try_from(plus_months(i64::from(date), signed(months))).ok();
            let found = pairs::<_, _, Date32Type>(&dates, &months, rows, raise_or_null(false), f, error)?;
            return Ok(ColumnarValue::Array(Arc::new(found)));
        }
        let times = Side::<TimestampMicrosecondType>::of(&values[0])?;
        let f = |time: i64, months: i32| {
            let days = plus_months(time.div_euclid(MICROS_PER_DAY), signed(months));
            days.checked_mul(MICROS_PER_DAY)?.checked_add(time.rem_euclid(MICROS_PER_DAY))
        };
        let error = |_, _| out_of_calendar();
        let found =
            pairs::<_, _, TimestampMicrosecondType>(&times, &months, rows, raise_or_null(false), f, error)?;
        Ok(ColumnarValue::Array(Arc::new(found.with_data_type(data_type))))
    })
}

/// Days since the epoch, some months on.
pub fn plus_months(days: i64, months: i64) -> i64 {
    let (year, month, day) = civil_from_days(days);
    let total = year * 12 + i64::from(month) - 1 + months;
    let (year, month) = (total.div_euclid(12), total.rem_euclid(12) as u32 + 1);
    days_from_civil(year, month, day.min(month_length(year, month)))
}

/// The whole days of a day-time interval as INT.
pub fn interval_of_days() -> Kernel {
    Arc::new(|values, rows| {
        let array = into_array(values[0].clone(), rows)?;
        let spans = array.as_primitive::<DurationMicrosecondType>();
        let days = spans.unary::<_, Int32Type>(|span| (span / MICROS_PER_DAY) as i32);
        Ok(ColumnarValue::Array(Arc::new(days)))
    })
}

/// Interval plus or minus interval of the same kind.
pub fn interval_sum(subtract: bool) -> Kernel {
    Arc::new(move |values, rows| match values[0].data_type() {
        DataType::Duration(_) => {
            let (left, right) = sides::<DurationMicrosecondType>(values)?;
            let f = |a: i64, b: i64| if subtract { a.checked_sub(b) } else { a.checked_add(b) };
            let error = |_, _| overflow("the sum of intervals");
            let found =
                pairs::<_, _, DurationMicrosecondType>(&left, &right, rows, raise_or_null(false), f, error)?;
            Ok(ColumnarValue::Array(Arc::new(found)))
        }
        _ => {
            let (left, right) = sides::<IntervalYearMonthType>(values)?;
            let f = |a: i32, b: i32| if subtract { a.checked_sub(b) } else { a.checked_add(b) };
            let error = |_, _| overflow("the sum of intervals");
            let found =
                pairs::<_, _, IntervalYearMonthType>(&left, &right, rows, raise_or_null(false), f, error)?;
            Ok(ColumnarValue::Array(Arc::new(found)))
        }
    })
}

fn sides<T: ArrowPrimitiveType>(values: &[ColumnarValue]) -> Result<(Side<T>, Side<T>)> {
    Ok((Side::of(&values[0])?, Side::of(&values[1])?))
}

/// Interval times or by a number, which is BIGINT or DOUBLE; rounded half up.
/// Lenient: null instead of an error.
pub fn interval_times(divide: bool, lenient: bool) -> Kernel {
    Arc::new(move |values, rows| {
        let interval = into_array(values[0].clone(), rows)?;
        let number = into_array(values[1].clone(), rows)?;
        let mut found: Vec<Option<i64>> = Vec::with_capacity(rows);
        let amounts = amounts(&interval);
        for (row, amount) in amounts.into_iter().enumerate() {
            let Some(amount) = amount.filter(|_| number.is_valid(row)) else {
                found.push(None);
                continue;
            };
            let scaled = match number.as_primitive_opt::<Int64Type>() {
                Some(whole) => scale_whole(amount, whole.value(row), divide),
                None => scale_double(amount, number.as_primitive::<Float64Type>().value(row), divide),
            };
            found.push(if lenient { scaled.ok() } else { Some(scaled?) });
        }
        of_amounts(found, interval.data_type())
    })
}

fn amounts(interval: &ArrayRef) -> Vec<Option<i64>> {
    match interval.as_primitive_opt::<DurationMicrosecondType>() {
        Some(spans) => spans.iter().collect(),
        None => interval.as_primitive::<IntervalYearMonthType>().iter().map(|v| v.map(i64::from)).collect(),
    }
}

fn of_amounts(found: Vec<Option<i64>>, data_type: &DataType) -> Result<ColumnarValue> {
    if let DataType::Duration(_) = data_type {
        let spans: arrow::array::DurationMicrosecondArray = found.into_iter().collect();
        return Ok(ColumnarValue::Array(Arc::new(spans)));
    }
    let months: Option<Vec<Option<i32>>> =
        found.into_iter().map(|v| v.map_or(Some(None), |v| i32::try_from(v).ok().map(Some))).collect();
    let months = months.ok_or_else(|| overflow("an interval"))?;
    Ok(ColumnarValue::Array(Arc::new(arrow::array::IntervalYearMonthArray::from(months))))
}

fn scale_whole(amount: i64, by: i64, divide: bool) -> Result<i64> {
    if !divide {
        return amount.checked_mul(by).ok_or_else(|| overflow("an interval"));
    }
    if by == 0 {
        return Err(interval_divided_by_zero());
    }
    let (wide, by) = (i128::from(amount), i128::from(by));
    let (quotient, rest) = (wide / by, wide % by);
    let up = 2 * rest.abs() >= by.abs();
    let rounded = quotient + if up { wide.signum() * by.signum() } else { 0 };
    i64::try_from(rounded).map_err(|_| overflow("an interval"))
}

fn scale_double(amount: i64, by: f64, divide: bool) -> Result<i64> {
    if divide && by == 0.0 {
        return Err(interval_divided_by_zero());
    }
    let scaled = if divide { amount as f64 / by } else { amount as f64 * by };
    let rounded = scaled.round();
    if rounded.is_finite() && rounded.abs() < i64::MAX as f64 {
        Ok(rounded as i64)
    } else {
        Err(overflow("an interval"))
    }
}

fn interval_divided_by_zero() -> Error {
    Error::user("[INTERVAL_DIVIDED_BY_ZERO] an interval is divided by zero")
}
