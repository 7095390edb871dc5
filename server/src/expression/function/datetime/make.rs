//! Dates, times and intervals of their parts.

use std::sync::Arc;

use arrow::array::{Date32Builder, PrimitiveBuilder};
use arrow::datatypes::{
    DataType, Decimal128Type, DurationMicrosecondType, IntervalUnit, IntervalYearMonthType, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion_expr_common::columnar_value::ColumnarValue;

use super::calendar::{self, MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE};
use super::zone::zone_named;
use crate::error::{Error, Result};
use crate::expression::coercion::timestamp_ntz_type;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};
use crate::record::timestamp_type;

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["make_date"], resolve: make_date },
    Function {
        names: &["make_timestamp", "make_timestamp_ltz"],
        resolve: |args| make_timestamp(args, "make_timestamp", timestamp_type(), false),
    },
    Function {
        names: &["make_timestamp_ntz"],
        resolve: |args| make_timestamp(args, "make_timestamp_ntz", timestamp_ntz_type(), false),
    },
    Function {
        names: &["try_make_timestamp", "try_make_timestamp_ltz"],
        resolve: |args| make_timestamp(args, "try_make_timestamp", timestamp_type(), true),
    },
    Function {
        names: &["try_make_timestamp_ntz"],
        resolve: |args| make_timestamp(args, "try_make_timestamp_ntz", timestamp_ntz_type(), true),
    },
    Function { names: &["make_dt_interval"], resolve: make_dt_interval },
    Function { names: &["make_ym_interval"], resolve: make_ym_interval },
];

fn out_of_bounds(what: &str, value: impl std::fmt::Display) -> Error {
    let error = format!("[DATETIME_FIELD_OUT_OF_BOUNDS.WITH_SUGGESTION] invalid value for {what}");
    Error::user(error).with("value", value)
}

/// The most years that Java's calendar has, either way.
const YEAR_MAX: i64 = 999_999_999;

fn date_of(year: i64, month: i64, day: i64) -> Result<i64> {
    if year.abs() > YEAR_MAX {
        return Err(out_of_bounds("Year", year));
    }
    if !(1..=12).contains(&month) {
        return Err(out_of_bounds("MonthOfYear", month));
    }
    if !(1..=31).contains(&day) || day > calendar::month_length(year, month as u32).into() {
        return Err(out_of_bounds("DayOfMonth", day));
    }
    Ok(calendar::days(year, month as u32, day as u32))
}

fn make_date(args: &[Argument]) -> Result<Call> {
    let kernel = map3::<Int, Int, Int, Date32Builder, _>(DATE, |year, month, day, out| {
        let date = i32::try_from(date_of(year.into(), month.into(), day.into())?);
        out.append_value(date.map_err(|_| overflow("make_date"))?);
        Ok(())
    });
    call("make_date", args, &[INT, INT, INT], DATE, kernel)
}

/// Seconds with microseconds.
const SECONDS: DataType = DataType::Decimal128(16, 6);
const MICROS_OF_A_MINUTE: i128 = MICROS_PER_MINUTE as i128;

/// The local time of year, month, day, hour, minute, and microseconds within the minute.
fn local(parts: &[i64], micros: i128) -> Result<i64> {
    let date = date_of(parts[0], parts[1], parts[2])?;
    if !(0..24).contains(&parts[3]) {
        return Err(out_of_bounds("HourOfDay", parts[3]));
    }
    if !(0..60).contains(&parts[4]) {
        return Err(out_of_bounds("MinuteOfHour", parts[4]));
    }
    if micros > MICROS_OF_A_MINUTE && micros < MICROS_OF_A_MINUTE + 1_000_000 {
        return Err(
            Error::user("[INVALID_FRACTION_OF_SECOND] seconds go from 0 to 60").with("micros", micros)
        );
    }
    if !(0..=MICROS_OF_A_MINUTE).contains(&micros) {
        return Err(out_of_bounds("SecondOfMinute", micros / 1_000_000));
    }
    let time = parts[3] * MICROS_PER_HOUR + parts[4] * MICROS_PER_MINUTE + micros as i64;
    let day = date.checked_mul(MICROS_PER_DAY).and_then(|day| day.checked_add(time));
    day.ok_or_else(|| overflow("make_timestamp"))
}

fn make_timestamp(args: &[Argument], name: &'static str, output: DataType, lenient: bool) -> Result<Call> {
    let zoned = output == timestamp_type();
    count(name, args, 6, if zoned { 7 } else { 6 })?;
    let types = [INT, INT, INT, INT, INT, SECONDS, STRING];
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let parts = args[..5].iter().map(Column::<Int>::of).collect::<Result<Vec<_>>>()?;
        let seconds = Column::<Number<Decimal128Type>>::of(&args[5])?;
        let zones = args.get(6).map(Column::<Text>::of).transpose()?;
        over_rows(args, rows, &output, |row, out: &mut PrimitiveBuilder<TimestampMicrosecondType>| {
            let parts: Option<Vec<i64>> = parts.iter().map(|part| part.get(row).map(i64::from)).collect();
            let zone = zones.as_ref().map_or(Some("UTC"), |zones| zones.get(row));
            let (Some(parts), Some(micros), Some(zone)) = (parts, seconds.get(row), zone) else {
                out.append_null();
                return Ok(());
            };
            let made = local(&parts, micros)
                .and_then(|local| zone_named(zone)?.to_utc(local).ok_or_else(|| overflow(name)));
            match made {
                Err(_) if lenient => out.append_null(),
                made => out.append_value(made?),
            }
            Ok(())
        })
    });
    let made = call(name, args, &types[..args.len()], result, kernel)?;
    Ok(if lenient { nullable(made) } else { made })
}

/// Whole numbers of a row, 0 where an argument is missing, none if one is null.
struct Parts {
    whole: Vec<Column<Int>>,
    seconds: Option<Column<Number<Decimal128Type>>>,
}

impl Parts {
    /// The first `most` arguments are whole numbers, the one behind them are seconds.
    fn of(args: &[ColumnarValue], most: usize) -> Result<Parts> {
        let whole = args.iter().take(most).map(Column::<Int>::of).collect::<Result<Vec<_>>>()?;
        let seconds = args.get(most).map(Column::<Number<Decimal128Type>>::of).transpose()?;
        Ok(Parts { whole, seconds })
    }

    fn get(&self, row: usize, most: usize) -> Option<(Vec<i64>, i64)> {
        let whole: Option<Vec<i64>> = self.whole.iter().map(|part| part.get(row).map(i64::from)).collect();
        let mut whole = whole?;
        whole.resize(most, 0);
        let seconds = match &self.seconds {
            Some(seconds) => seconds.get(row)?,
            None => 0,
        };
        Some((whole, seconds as i64))
    }
}

fn interval_overflow() -> Error {
    Error::user(
        "[INTERVAL_ARITHMETIC_OVERFLOW.WITHOUT_SUGGESTION] integer overflow while operating with intervals",
    )
}

fn make_dt_interval(args: &[Argument]) -> Result<Call> {
    count("make_dt_interval", args, 0, 4)?;
    let output = DataType::Duration(TimeUnit::Microsecond);
    let types = [INT, INT, INT, DataType::Decimal128(18, 6)];
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let parts = Parts::of(args, 3)?;
        over_rows(args, rows, &output, |row, out: &mut PrimitiveBuilder<DurationMicrosecondType>| {
            let Some((parts, micros)) = parts.get(row, 3) else {
                out.append_null();
                return Ok(());
            };
            let days = parts[0].checked_mul(MICROS_PER_DAY);
            let time = parts[1] * MICROS_PER_HOUR + parts[2] * MICROS_PER_MINUTE;
            let sum = days.and_then(|days| days.checked_add(time)).and_then(|sum| sum.checked_add(micros));
            out.append_value(sum.ok_or_else(interval_overflow)?);
            Ok(())
        })
    });
    call("make_dt_interval", args, &types[..args.len()], result, kernel)
}

fn make_ym_interval(args: &[Argument]) -> Result<Call> {
    count("make_ym_interval", args, 0, 2)?;
    let output = DataType::Interval(IntervalUnit::YearMonth);
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let parts = Parts::of(args, 2)?;
        over_rows(args, rows, &output, |row, out: &mut PrimitiveBuilder<IntervalYearMonthType>| {
            let Some((parts, _)) = parts.get(row, 2) else {
                out.append_null();
                return Ok(());
            };
            let months = i32::try_from(parts[0] * 12 + parts[1]);
            out.append_value(months.map_err(|_| interval_overflow())?);
            Ok(())
        })
    });
    call("make_ym_interval", args, &[INT, INT][..args.len()], result, kernel)
}
