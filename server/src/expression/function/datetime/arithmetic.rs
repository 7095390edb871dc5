//! Dates and times some days, months or units on, and how far apart two are.

use arrow::array::{Date32Builder, Float64Builder, Int32Builder, Int64Builder, PrimitiveBuilder};
use arrow::datatypes::{DataType, TimestampMicrosecondType};

use super::calendar::{self, MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND};
use crate::error::{Error, Result};
use crate::expression::coercion::{is_timestamp, unexpected_type};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};
use crate::record::timestamp_type;

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["date_add"], resolve: |args| add_days(args, "date_add", i32::wrapping_add) },
    Function { names: &["date_sub"], resolve: |args| add_days(args, "date_sub", i32::wrapping_sub) },
    Function { names: &["dateadd"], resolve: dateadd },
    Function { names: &["timestampadd"], resolve: timestampadd },
    Function { names: &["datediff", "date_diff"], resolve: datediff },
    Function { names: &["timestampdiff"], resolve: timestampdiff },
    Function { names: &["add_months"], resolve: add_months },
    Function { names: &["months_between"], resolve: months_between },
    Function { names: &["last_day"], resolve: last_day },
    Function { names: &["next_day"], resolve: next_day },
];

fn add_days(args: &[Argument], name: &str, f: fn(i32, i32) -> i32) -> Result<Call> {
    count(name, args, 2, 2)?;
    let days = args[1].data_type;
    if !matches!(days, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Utf8 | DataType::Null) {
        return Err(unexpected_type(name, 2, "INT, SMALLINT or TINYINT", days));
    }
    let kernel = map2::<Day, Int, Date32Builder, _>(DATE, move |date, days, out| {
        out.append_value(f(date, days));
        Ok(())
    });
    call(name, args, &[DATE, INT], DATE, kernel)
}

/// Two arguments add days; three are a unit, a count and a time.
fn dateadd(args: &[Argument]) -> Result<Call> {
    if args.len() == 3 { timestampadd(args) } else { add_days(args, "dateadd", i32::wrapping_add) }
}

#[derive(Clone, Copy)]
enum Unit {
    Months(i64),
    Micros(i64),
}

/// The constant unit of a call, which the first argument names.
fn unit_of(name: &str, arg: &Argument) -> Result<Unit> {
    let text = literal_text(arg).unwrap_or_default();
    Ok(match text.to_uppercase().as_str() {
        "YEAR" => Unit::Months(12),
        "QUARTER" => Unit::Months(3),
        "MONTH" => Unit::Months(1),
        "WEEK" => Unit::Micros(7 * MICROS_PER_DAY),
        "DAY" | "DAYOFYEAR" => Unit::Micros(MICROS_PER_DAY),
        "HOUR" => Unit::Micros(MICROS_PER_HOUR),
        "MINUTE" => Unit::Micros(MICROS_PER_MINUTE),
        "SECOND" => Unit::Micros(MICROS_PER_SECOND),
        "MILLISECOND" => Unit::Micros(1000),
        "MICROSECOND" => Unit::Micros(1),
        _ => {
            let error = format!("[INVALID_PARAMETER_VALUE.DATETIME_UNIT] `{name}` does not know the unit");
            return Err(Error::user(error).with("unit", text));
        }
    })
}

fn timestampadd(args: &[Argument]) -> Result<Call> {
    count("timestampadd", args, 3, 3)?;
    let unit = unit_of("timestampadd", &args[0])?;
    let output = if is_timestamp(args[2].data_type) { args[2].data_type.clone() } else { timestamp_type() };
    let added = map2::<Long, Instant, PrimitiveBuilder<TimestampMicrosecondType>, _>(
        output.clone(),
        move |n, micros, out| {
            let moved = match unit {
                Unit::Months(months) => n
                    .checked_mul(months)
                    .filter(|months| i32::try_from(*months).is_ok())
                    .and_then(|months| calendar::add(micros, months, 0, 0)),
                Unit::Micros(unit) => n.checked_mul(unit).and_then(|more| micros.checked_add(more)),
            };
            let overflow = || Error::user("[DATETIME_OVERFLOW] datetime operation overflow").with("add", n);
            out.append_value(moved.ok_or_else(overflow)?);
            Ok(())
        },
    );
    let kernel: Kernel = std::sync::Arc::new(move |args, rows| added(&args[1..], rows));
    call("timestampadd", args, &[STRING, BIGINT, output.clone()], output, kernel)
}

fn datediff(args: &[Argument]) -> Result<Call> {
    if args.len() == 3 {
        return timestampdiff(args);
    }
    let kernel = map2::<Day, Day, Int32Builder, _>(INT, |end, start, out| {
        out.append_value(end.wrapping_sub(start));
        Ok(())
    });
    call("datediff", args, &[DATE, DATE], INT, kernel)
}

/// Whole months from one instant to another, toward zero.
fn whole_months(from: i64, to: i64) -> i64 {
    let position = |micros: i64| {
        let (date, time) = calendar::split(micros);
        let civil = calendar::civil(date);
        (civil.year * 12 + i64::from(civil.month), (civil.day, time))
    };
    let ((from_month, from_rest), (to_month, to_rest)) = (position(from), position(to));
    let months = to_month - from_month;
    match months.signum() {
        1 if to_rest < from_rest => months - 1,
        -1 if to_rest > from_rest => months + 1,
        _ => months,
    }
}

fn timestampdiff(args: &[Argument]) -> Result<Call> {
    count("timestampdiff", args, 3, 3)?;
    let unit = unit_of("timestampdiff", &args[0])?;
    let difference = map2::<Instant, Instant, Int64Builder, _>(BIGINT, move |from, to, out| {
        let apart = match unit {
            Unit::Months(months) => Some(whole_months(from, to) / months),
            Unit::Micros(unit) => to.checked_sub(from).map(|micros| micros / unit),
        };
        out.append_value(apart.ok_or_else(|| overflow("timestampdiff"))?);
        Ok(())
    });
    let kernel: Kernel = std::sync::Arc::new(move |args, rows| difference(&args[1..], rows));
    call("timestampdiff", args, &[STRING, timestamp_type(), timestamp_type()], BIGINT, kernel)
}

fn add_months(args: &[Argument]) -> Result<Call> {
    let kernel = map2::<Day, Int, Date32Builder, _>(DATE, |date, months, out| {
        let moved = i32::try_from(calendar::add_months(date.into(), months.into()));
        out.append_value(moved.map_err(|_| overflow("add_months"))?);
        Ok(())
    });
    call("add_months", args, &[DATE, INT], DATE, kernel)
}

/// Months with a fraction, of months of 31 days; whole if both are the same day of the month or the last one.
fn months(from: i64, to: i64, round: bool) -> f64 {
    let ((date1, time1), (date2, time2)) = (calendar::split(from), calendar::split(to));
    let (a, b) = (calendar::civil(date1), calendar::civil(date2));
    let whole = (a.year * 12 + i64::from(a.month) - b.year * 12 - i64::from(b.month)) as f64;
    let last = |civil: calendar::Civil| civil.day == calendar::month_length(civil.year, civil.month);
    if a.day == b.day || last(a) && last(b) {
        return whole;
    }
    let seconds = (time1 / MICROS_PER_SECOND) - (time2 / MICROS_PER_SECOND)
        + (i64::from(a.day) - i64::from(b.day)) * MICROS_PER_DAY / MICROS_PER_SECOND;
    let difference = whole + seconds as f64 / (31 * 86_400) as f64;
    if round { (difference * 1e8).round() / 1e8 } else { difference }
}

fn months_between(args: &[Argument]) -> Result<Call> {
    count("months_between", args, 2, 3)?;
    let types = [timestamp_type(), timestamp_type(), BOOLEAN];
    if args.len() == 2 {
        let kernel = map2::<Instant, Instant, Float64Builder, _>(DOUBLE, |from, to, out| {
            out.append_value(months(from, to, true));
            Ok(())
        });
        return call("months_between", args, &types[..2], DOUBLE, kernel);
    }
    let kernel = map3::<Instant, Instant, Flag, Float64Builder, _>(DOUBLE, |from, to, round, out| {
        out.append_value(months(from, to, round));
        Ok(())
    });
    call("months_between", args, &types, DOUBLE, kernel)
}

fn last_day(args: &[Argument]) -> Result<Call> {
    let kernel = map1::<Day, Date32Builder, _>(DATE, |date, out| {
        let civil = calendar::civil(date.into());
        out.append_value(date + (calendar::month_length(civil.year, civil.month) - civil.day) as i32);
        Ok(())
    });
    call("last_day", args, &[DATE], DATE, kernel)
}

/// Monday 1 to Sunday 7.
fn weekday(name: &str) -> Result<i64> {
    Ok(match name.to_uppercase().as_str() {
        "MO" | "MON" | "MONDAY" => 1,
        "TU" | "TUE" | "TUESDAY" => 2,
        "WE" | "WED" | "WEDNESDAY" => 3,
        "TH" | "THU" | "THURSDAY" => 4,
        "FR" | "FRI" | "FRIDAY" => 5,
        "SA" | "SAT" | "SATURDAY" => 6,
        "SU" | "SUN" | "SUNDAY" => 7,
        _ => return Err(Error::user("[ILLEGAL_DAY_OF_WEEK] illegal input for day of week").with("day", name)),
    })
}

fn next_day(args: &[Argument]) -> Result<Call> {
    let kernel = map2::<Day, Text, Date32Builder, _>(DATE, |date, name, out| {
        let ahead = (weekday(name)? - calendar::iso_weekday(date.into()) - 1).rem_euclid(7) + 1;
        out.append_value(date + ahead as i32);
        Ok(())
    });
    Ok(nullable(call("next_day", args, &[DATE, STRING], DATE, kernel)?))
}
