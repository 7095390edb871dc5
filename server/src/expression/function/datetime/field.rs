//! One field of a date, a time or an interval.

use arrow::array::{Decimal128Builder, Int8Builder, Int32Builder, StringBuilder};
use arrow::datatypes::{
    DataType, DurationMicrosecondType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
};

use super::calendar::{self, MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND};
use super::pattern::{MONTHS, WEEKDAYS};
use crate::error::{Error, Result};
use crate::expression::coercion::is_timestamp;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};
use crate::record::timestamp_type;

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["year"], resolve: |args| of_date(args, "year", year) },
    Function { names: &["quarter"], resolve: |args| of_date(args, "quarter", quarter) },
    Function { names: &["month"], resolve: |args| of_date(args, "month", month) },
    Function { names: &["day", "dayofmonth"], resolve: |args| of_date(args, "day", day) },
    Function { names: &["dayofweek"], resolve: |args| of_date(args, "dayofweek", day_of_week) },
    Function {
        names: &["weekday"],
        resolve: |args| of_date(args, "weekday", |d| calendar::iso_weekday(d) - 1),
    },
    Function { names: &["dayofyear"], resolve: |args| of_date(args, "dayofyear", calendar::day_of_year) },
    Function {
        names: &["weekofyear"],
        resolve: |args| of_date(args, "weekofyear", |d| calendar::iso_week(d).1),
    },
    Function { names: &["hour"], resolve: |args| of_time(args, "hour", MICROS_PER_HOUR, 24) },
    Function { names: &["minute"], resolve: |args| of_time(args, "minute", MICROS_PER_MINUTE, 60) },
    Function { names: &["second"], resolve: |args| of_time(args, "second", MICROS_PER_SECOND, 60) },
    Function {
        names: &["dayname"],
        resolve: |args| name_of(args, "dayname", |d| WEEKDAYS[calendar::iso_weekday(d) as usize - 1]),
    },
    Function {
        names: &["monthname"],
        resolve: |args| name_of(args, "monthname", |d| MONTHS[calendar::civil(d).month as usize - 1]),
    },
    Function { names: &["date_part", "datepart", "extract"], resolve: extract },
];

fn year(date: i64) -> i64 {
    calendar::civil(date).year
}

fn month(date: i64) -> i64 {
    calendar::civil(date).month.into()
}

fn day(date: i64) -> i64 {
    calendar::civil(date).day.into()
}

fn quarter(date: i64) -> i64 {
    (month(date) - 1) / 3 + 1
}

/// Sunday 1 to Saturday 7.
fn day_of_week(date: i64) -> i64 {
    calendar::iso_weekday(date) % 7 + 1
}

fn date_kernel(f: fn(i64) -> i64) -> Kernel {
    map1::<Day, Int32Builder, _>(INT, move |date, out| {
        out.append_value(f(date.into()) as i32);
        Ok(())
    })
}

fn of_date(args: &[Argument], name: &str, f: fn(i64) -> i64) -> Result<Call> {
    call(name, args, &[DATE], INT, date_kernel(f))
}

/// The type in which the time of an argument is read.
fn time_type(arg: &Argument) -> DataType {
    if is_timestamp(arg.data_type) { arg.data_type.clone() } else { timestamp_type() }
}

fn time_kernel(unit: i64, most: i64) -> Kernel {
    map1::<Instant, Int32Builder, _>(INT, move |micros, out| {
        out.append_value((micros.div_euclid(unit).rem_euclid(most)) as i32);
        Ok(())
    })
}

fn of_time(args: &[Argument], name: &str, unit: i64, most: i64) -> Result<Call> {
    count(name, args, 1, 1)?;
    call(name, args, &[time_type(&args[0])], INT, time_kernel(unit, most))
}

fn name_of(args: &[Argument], name: &str, f: fn(i64) -> &'static str) -> Result<Call> {
    let kernel = map1::<Day, StringBuilder, _>(STRING, move |date, out| {
        out.append_value(&f(date.into())[..3]);
        Ok(())
    });
    call(name, args, &[DATE], STRING, kernel)
}

/// Seconds with microseconds behind the point.
const SECONDS: DataType = DataType::Decimal128(8, 6);

fn unknown(field: &str, of: &DataType) -> Error {
    let error = Error::user(format!("[INVALID_EXTRACT_FIELD] cannot extract `{field}`"));
    error.with("from", crate::record::type_name(of))
}

/// `date_part(field, source)`: the field is a constant.
fn extract(args: &[Argument]) -> Result<Call> {
    count("date_part", args, 2, 2)?;
    if args[0].literal.is_some_and(|value| value.is_null()) {
        let kernel: Kernel = std::sync::Arc::new(|_, _| {
            Ok(datafusion_expr_common::columnar_value::ColumnarValue::Scalar(
                datafusion_common::ScalarValue::Float64(None),
            ))
        });
        let arguments = args.iter().map(|arg| arg.data_type.clone()).collect();
        return Ok(Call { arguments, output: DOUBLE, nullable: true, kernel });
    }
    let Some(field) = literal_text(&args[0]) else {
        let error = "[NON_FOLDABLE_ARGUMENT] date_part: the field is not a constant";
        return Err(Error::user(error));
    };
    let source = args[1].data_type;
    let (data_type, output, kernel) = match source {
        DataType::Duration(_) | DataType::Interval(_) => {
            let (output, kernel) = interval_field(field, source)?;
            (source.clone(), output, kernel)
        }
        _ => time_field(field, &args[1])?,
    };
    let made: Kernel = std::sync::Arc::new(move |args, rows| kernel(&args[1..], rows));
    let types = [args[0].data_type.clone(), data_type];
    let mut made = call("date_part", args, &types, output, made)?;
    made.nullable = args[1].nullable;
    Ok(made)
}

fn time_field(field: &str, arg: &Argument) -> Result<(DataType, DataType, Kernel)> {
    let of_date: fn(i64) -> i64 = match field.to_uppercase().as_str() {
        "YEAR" | "Y" | "YEARS" | "YR" | "YRS" => year,
        "YEAROFWEEK" => |date| calendar::iso_week(date).0,
        "QUARTER" | "QTR" => quarter,
        "MONTH" | "MON" | "MONS" | "MONTHS" => month,
        "WEEK" | "W" | "WEEKS" => |date| calendar::iso_week(date).1,
        "DAY" | "D" | "DAYS" => day,
        "DAYOFWEEK" | "DOW" => day_of_week,
        "DAYOFWEEK_ISO" | "DOW_ISO" => calendar::iso_weekday,
        "DOY" => calendar::day_of_year,
        "HOUR" | "H" | "HOURS" | "HR" | "HRS" => {
            return Ok((time_type(arg), INT, time_kernel(MICROS_PER_HOUR, 24)));
        }
        "MINUTE" | "M" | "MIN" | "MINS" | "MINUTES" => {
            return Ok((time_type(arg), INT, time_kernel(MICROS_PER_MINUTE, 60)));
        }
        "SECOND" | "S" | "SEC" | "SECONDS" | "SECS" => {
            let kernel = map1::<Instant, Decimal128Builder, _>(SECONDS, |micros, out| {
                out.append_value(micros.rem_euclid(MICROS_PER_MINUTE).into());
                Ok(())
            });
            return Ok((time_type(arg), SECONDS, kernel));
        }
        _ => return Err(unknown(field, arg.data_type)),
    };
    Ok((DATE, INT, date_kernel(of_date)))
}

/// Months, days and microseconds of an interval of any kind.
fn interval_kernel<W: Write + 'static>(
    source: &DataType,
    output: DataType,
    write: impl Fn(i64, i64, i64, &mut W) + Send + Sync + 'static,
) -> Kernel {
    match source {
        DataType::Duration(_) => map1::<Number<DurationMicrosecondType>, W, _>(output, move |micros, out| {
            write(0, micros / MICROS_PER_DAY, micros % MICROS_PER_DAY, out);
            Ok(())
        }),
        DataType::Interval(IntervalUnit::YearMonth) => {
            map1::<Number<IntervalYearMonthType>, W, _>(output, move |months, out| {
                write(months.into(), 0, 0, out);
                Ok(())
            })
        }
        _ => map1::<Number<IntervalMonthDayNanoType>, W, _>(output, move |value, out| {
            write(value.months.into(), value.days.into(), value.nanoseconds / 1000, out);
            Ok(())
        }),
    }
}

fn interval_field(field: &str, source: &DataType) -> Result<(DataType, Kernel)> {
    let year_month = matches!(source, DataType::Interval(IntervalUnit::YearMonth));
    let day_time = matches!(source, DataType::Duration(_));
    let name = field.to_uppercase();
    let f: fn(i64, i64, i64) -> i64 = match name.as_str() {
        "YEAR" | "Y" | "YEARS" | "YR" | "YRS" if !day_time => |months, _, _| months / 12,
        "MONTH" | "MON" | "MONS" | "MONTHS" if !day_time => |months, _, _| months % 12,
        "DAY" | "D" | "DAYS" if !year_month => |_, days, _| days,
        "HOUR" | "H" | "HOURS" | "HR" | "HRS" if !year_month => |_, _, micros| micros / MICROS_PER_HOUR,
        "MINUTE" | "M" | "MIN" | "MINS" | "MINUTES" if !year_month => {
            |_, _, micros| micros / MICROS_PER_MINUTE % 60
        }
        "SECOND" | "S" | "SEC" | "SECONDS" | "SECS" if !year_month => {
            let kernel = interval_kernel(source, SECONDS, |_, _, micros, out: &mut Decimal128Builder| {
                out.append_value((micros % MICROS_PER_MINUTE).into());
            });
            return Ok((SECONDS, kernel));
        }
        _ => return Err(unknown(field, source)),
    };
    if matches!(name.chars().next(), Some('Y' | 'D')) {
        let kernel = interval_kernel(source, INT, move |months, days, micros, out: &mut Int32Builder| {
            out.append_value(f(months, days, micros) as i32);
        });
        return Ok((INT, kernel));
    }
    let small = DataType::Int8;
    let kernel =
        interval_kernel(source, small.clone(), move |months, days, micros, out: &mut Int8Builder| {
            out.append_value(f(months, days, micros) as i8);
        });
    Ok((small, kernel))
}
