//! `sequence`: numbers, dates and times from a start to a stop, both included.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{
    DataType, DurationMicrosecondType, Int64Type, IntervalMonthDayNanoType, IntervalUnit,
    IntervalYearMonthType, TimeUnit,
};

use super::{ELEMENTS_MAX, list, list_of, too_long};
use crate::error::{Error, Result};
use crate::expression::coercion::{
    is_day_time, is_integral, is_timestamp, is_year_month, unexpected_type, wider,
};
use crate::expression::function::datetime::calendar::{self, MICROS_PER_DAY};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[Function { names: &["sequence"], resolve: sequence }];

/// A step: a plain amount (of the numbers, or microseconds), or months and days of the calendar.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    By(i64),
    Calendar { months: i64, days: i64, micros: i64 },
}

fn refused(start: i64, stop: i64) -> Error {
    let error = "[INVALID_PARAMETER_VALUE] illegal sequence boundaries";
    Error::user(error).with("start", start).with("stop", stop).hint("the step must lead from start to stop")
}

fn numbers(start: i64, stop: i64, step: i64, out: &mut Vec<i64>) -> Result<()> {
    let leads = step > 0 && start <= stop || step < 0 && start >= stop || step == 0 && start == stop;
    if !leads {
        return Err(refused(start, stop));
    }
    let steps = if step == 0 { 0 } else { (i128::from(stop) - i128::from(start)) / i128::from(step) };
    if steps as u128 >= ELEMENTS_MAX as u128 {
        return Err(too_long("sequence"));
    }
    out.extend((0..=steps).map(|n| (i128::from(start) + n * i128::from(step)) as i64));
    Ok(())
}

/// Times by steps of the calendar, in microseconds.
fn times(start: i64, stop: i64, step: Step, out: &mut Vec<i64>) -> Result<()> {
    let (months, days, micros) = match step {
        Step::By(micros) => return numbers(start, stop, micros, out),
        Step::Calendar { months: 0, days, micros } => {
            let by = days.checked_mul(MICROS_PER_DAY).and_then(|days| days.checked_add(micros));
            return numbers(start, stop, by.ok_or_else(|| overflow("sequence"))?, out);
        }
        Step::Calendar { months, days, micros } => (months, days, micros),
    };
    let second = calendar::add(start, months, days, micros).ok_or_else(|| overflow("sequence"))?;
    let up = second > start;
    if up && start > stop || !up && start < stop {
        return Err(refused(start, stop));
    }
    let (mut n, mut at) = (0_i64, start);
    while if up { at <= stop } else { at >= stop } {
        out.push(at);
        n += 1;
        if out.len() > ELEMENTS_MAX {
            return Err(too_long("sequence"));
        }
        // Each time is reckoned from the start, so that the end of a month stays one.
        let next = calendar::add(start, months * n, days * n, micros * n);
        at = next.ok_or_else(|| overflow("sequence"))?;
    }
    Ok(())
}

/// The types of start, stop and step, and of the elements.
fn types(args: &[Argument]) -> Result<(Vec<DataType>, DataType)> {
    let refuse = |i: usize| unexpected_type("sequence", i + 1, "numbers, dates or times", args[i].data_type);
    let common = wider(args[0].data_type, args[1].data_type).ok_or_else(|| refuse(1))?;
    if is_integral(&common) {
        let element = match args.get(2) {
            Some(step) => wider(&common, step.data_type).filter(is_integral).ok_or_else(|| refuse(2))?,
            None => common,
        };
        return Ok((vec![element.clone(); args.len()], element));
    }
    if common != DATE && !is_timestamp(&common) {
        return Err(refuse(0));
    }
    let mut types = vec![common.clone(), common.clone()];
    if let Some(step) = args.get(2) {
        let interval = is_day_time(step.data_type)
            || is_year_month(step.data_type)
            || matches!(step.data_type, DataType::Interval(IntervalUnit::MonthDayNano));
        if !interval {
            return Err(unexpected_type("sequence", 3, "INTERVAL", step.data_type));
        }
        types.push(step.data_type.clone());
    }
    Ok((types, common))
}

fn as_longs(array: &ArrayRef) -> Result<Int64Array> {
    let longs = match array.data_type() {
        DataType::Date32 => {
            arrow::compute::cast(array, &DataType::Int32).and_then(|a| arrow::compute::cast(&a, &BIGINT))
        }
        _ => arrow::compute::cast(array, &BIGINT),
    };
    Ok(longs
        .map_err(|e| Error::internal("read a sequence's bounds").because(e))?
        .as_primitive::<Int64Type>()
        .clone())
}

/// The step of a row; none for null.
fn step_at(array: &ArrayRef, row: usize) -> Result<Option<Step>> {
    if array.is_null(row) {
        return Ok(None);
    }
    Ok(Some(match array.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => {
            let months = array.as_primitive::<IntervalYearMonthType>().value(row);
            Step::Calendar { months: months.into(), days: 0, micros: 0 }
        }
        DataType::Interval(_) => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            Step::Calendar {
                months: value.months.into(),
                days: value.days.into(),
                micros: value.nanoseconds / 1000,
            }
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            Step::By(array.as_primitive::<DurationMicrosecondType>().value(row))
        }
        _ => Step::By(as_longs(array)?.value(row)),
    }))
}

/// The step where none is given: one up or down; a day for dates and times.
fn default_step(start: i64, stop: i64, unit: i64) -> Step {
    Step::By(if start <= stop { unit } else { -unit })
}

fn dates(start: i64, stop: i64, step: Step, out: &mut Vec<i64>) -> Result<()> {
    let whole_days = match step {
        Step::By(micros) => micros % MICROS_PER_DAY == 0,
        Step::Calendar { micros, .. } => micros % MICROS_PER_DAY == 0,
    };
    if !whole_days {
        return Err(Error::user("[INVALID_PARAMETER_VALUE] a sequence of dates takes a step of whole days"));
    }
    let first = out.len();
    times(start * MICROS_PER_DAY, stop * MICROS_PER_DAY, step, out)?;
    out[first..].iter_mut().for_each(|micros| *micros = micros.div_euclid(MICROS_PER_DAY));
    Ok(())
}

fn sequence(args: &[Argument]) -> Result<Call> {
    count("sequence", args, 2, 3)?;
    let (types, element) = types(args)?;
    let output = list(element.clone());
    let field = super::element(
        "sequence",
        &[Argument { data_type: &output, nullable: false, name: None, literal: None }],
        0,
    )?
    .clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let (start, stop) = (array_of(&args[0])?, array_of(&args[1])?);
        let step = args.get(2).map(array_of).transpose()?;
        let (starts, stops) = (as_longs(&start.0)?, as_longs(&stop.0)?);
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let unit = if is_integral(&element) { 1 } else { MICROS_PER_DAY };
        let (mut values, mut offsets, mut valid) = (Vec::new(), vec![0], Vec::with_capacity(rows));
        for row in 0..rows {
            let (from, to) = (if start.1 { 0 } else { row }, if stop.1 { 0 } else { row });
            let bounds =
                (starts.is_valid(from) && stops.is_valid(to)).then(|| (starts.value(from), stops.value(to)));
            let step = match (&step, bounds) {
                (Some((array, constant)), _) => step_at(array, if *constant { 0 } else { row })?,
                (None, Some((from, to))) => Some(default_step(from, to, unit)),
                (None, None) => None,
            };
            let known = bounds.zip(step);
            if let Some(((from, to), step)) = known {
                match &element {
                    DataType::Date32 => dates(from, to, step, &mut values)?,
                    _ => times(from, to, step, &mut values)?,
                }
            }
            valid.push(known.is_some());
            offsets.push(i32::try_from(values.len()).map_err(|_| too_long("sequence"))?);
        }
        let values: ArrayRef = Arc::new(Int64Array::from(values));
        let values = match &element {
            DataType::Date32 => {
                arrow::compute::cast(&values, &INT).and_then(|days| arrow::compute::cast(&days, &DATE))
            }
            other => arrow::compute::cast(&values, other),
        };
        let values = values.map_err(|e| Error::internal("make a sequence").because(e))?;
        list_of(field.clone(), offsets, values, valid, constant)
    });
    call("sequence", args, &types, output, kernel)
}
