//! Text and numbers as dates and times, and times as numbers.

use std::sync::Arc;

use arrow::array::{Date32Builder, Int32Builder, Int64Builder, PrimitiveBuilder};
use arrow::datatypes::{DataType, Decimal128Type, TimestampMicrosecondType};

use super::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND};
use super::format::DEFAULT_PATTERN;
use super::parse::Parser;
use crate::error::{Error, Result};
use crate::expression::cast::{OnInvalid, cast};
use crate::expression::coercion::{
    is_datetime, is_decimal, is_float, is_integral, is_timestamp, timestamp_ntz_type, unexpected_type,
};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};
use crate::record::timestamp_type;

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["to_date"], resolve: |args| to_date(args, "to_date", false) },
    Function { names: &["try_to_date"], resolve: |args| to_date(args, "try_to_date", true) },
    Function {
        names: &["to_timestamp", "to_timestamp_ltz"],
        resolve: |args| to_timestamp(args, "to_timestamp", timestamp_type(), false),
    },
    Function {
        names: &["to_timestamp_ntz"],
        resolve: |args| to_timestamp(args, "to_timestamp_ntz", timestamp_ntz_type(), false),
    },
    Function {
        names: &["try_to_timestamp"],
        resolve: |args| to_timestamp(args, "try_to_timestamp", timestamp_type(), true),
    },
    Function { names: &["unix_timestamp"], resolve: |args| unix_timestamp(args, "unix_timestamp") },
    Function { names: &["to_unix_timestamp"], resolve: |args| unix_timestamp(args, "to_unix_timestamp") },
    Function { names: &["timestamp_seconds"], resolve: timestamp_seconds },
    Function { names: &["timestamp_millis"], resolve: |args| from_units(args, "timestamp_millis", 1000) },
    Function { names: &["timestamp_micros"], resolve: |args| from_units(args, "timestamp_micros", 1) },
    Function { names: &["unix_seconds"], resolve: |args| to_units(args, "unix_seconds", MICROS_PER_SECOND) },
    Function { names: &["unix_millis"], resolve: |args| to_units(args, "unix_millis", 1000) },
    Function { names: &["unix_micros"], resolve: |args| to_units(args, "unix_micros", 1) },
    Function { names: &["unix_date"], resolve: unix_date },
    Function { names: &["date_from_unix_date"], resolve: date_from_unix_date },
];

type Instants = PrimitiveBuilder<TimestampMicrosecondType>;

/// A kernel over a text and its pattern. `write` gets the time read, or none where `lenient` forgives.
fn parsing<W: Write + 'static>(
    pattern: Option<&str>,
    lenient: bool,
    output: DataType,
    write: fn(Option<i64>, &mut W),
) -> Result<Kernel> {
    let prepared = pattern.map(Parser::new).transpose()?;
    Ok(Arc::new(move |args, rows| {
        let texts = Column::<Text>::of(&args[0])?;
        let patterns = args.get(1).map(Column::<Text>::of).transpose()?;
        over_rows(args, rows, &output, |row, out: &mut W| {
            let pattern = patterns.as_ref().map_or(Some(""), |patterns| patterns.get(row));
            let (Some(text), Some(pattern)) = (texts.get(row), pattern) else {
                out.null();
                return Ok(());
            };
            let time = match &prepared {
                Some(parser) => parser.parse(text),
                None => Parser::new(pattern)?.parse(text),
            };
            if time.is_none() && !lenient {
                let error = Error::user("[CANNOT_PARSE_TIMESTAMP] the text does not fit the pattern");
                return Err(error
                    .with("text", text)
                    .hint("try_to_timestamp and try_to_date give null instead"));
            }
            write(time, out);
            Ok(())
        })
    }))
}

/// Without a pattern, `to_date` and its kin are casts of the argument.
fn identity<R, T>(output: DataType) -> Kernel
where
    T: arrow::datatypes::ArrowPrimitiveType,
    R: for<'a> Read<Item<'a> = T::Native>,
{
    map1::<R, PrimitiveBuilder<T>, _>(output, |value, out| {
        out.append_value(value);
        Ok(())
    })
}

fn to_date(args: &[Argument], name: &str, lenient: bool) -> Result<Call> {
    count(name, args, 1, 2)?;
    let text = *args[0].data_type == STRING;
    if args.len() == 2 && text {
        let kernel = parsing(literal_text(&args[1]), lenient, DATE, |time, out: &mut Date32Builder| {
            out.append_option(time.map(|micros| micros.div_euclid(MICROS_PER_DAY) as i32));
        })?;
        return Ok(nullable(call(name, args, &[STRING, STRING], DATE, kernel)?));
    }
    if lenient && text {
        return cast_call(args, DATE, true);
    }
    let kernel = identity::<Day, arrow::datatypes::Date32Type>(DATE);
    Ok(nullable(call(name, args, &[DATE, STRING][..args.len()], DATE, kernel)?))
}

fn to_timestamp(args: &[Argument], name: &str, output: DataType, lenient: bool) -> Result<Call> {
    count(name, args, 1, 2)?;
    let text = *args[0].data_type == STRING;
    if args.len() == 2 && text {
        let result = output.clone();
        let kernel = parsing(literal_text(&args[1]), lenient, output, |time, out: &mut Instants| {
            out.append_option(time);
        })?;
        return Ok(nullable(call(name, args, &[STRING, STRING], result, kernel)?));
    }
    if lenient && text {
        return cast_call(args, output, true);
    }
    if args.len() == 1
        && (is_integral(args[0].data_type) || is_decimal(args[0].data_type) || is_float(args[0].data_type))
    {
        return cast_call(args, output, lenient);
    }
    let kernel = identity::<Instant, TimestampMicrosecondType>(output.clone());
    Ok(nullable(call(name, args, &[output.clone(), STRING][..args.len()], output, kernel)?))
}

/// The cast of an argument to `output`; null instead of an error if `lenient`.
fn cast_call(args: &[Argument], output: DataType, lenient: bool) -> Result<Call> {
    let on_invalid = if lenient { OnInvalid::Null } else { OnInvalid::Fail };
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, _| {
        let (array, constant) = array_of(&args[0])?;
        finished(cast(&array, &output, on_invalid)?, constant)
    });
    let arguments = args.iter().map(|arg| arg.data_type.clone()).collect();
    Ok(Call { arguments, output: result, nullable: true, kernel })
}

/// Seconds since the epoch, of a text by a pattern, or of a time.
fn unix_timestamp(args: &[Argument], name: &str) -> Result<Call> {
    count(name, args, 1, 2)?;
    if is_datetime(args[0].data_type) {
        let time = if is_timestamp(args[0].data_type) { args[0].data_type.clone() } else { timestamp_type() };
        let kernel = map1::<Instant, Int64Builder, _>(BIGINT, |micros, out| {
            // Toward zero, as Spark divides here.
            out.append_value(micros / MICROS_PER_SECOND);
            Ok(())
        });
        return call(name, args, &[time, STRING][..args.len()], BIGINT, kernel);
    }
    let pattern = if args.len() == 1 { Some(DEFAULT_PATTERN) } else { literal_text(&args[1]) };
    let kernel = parsing(pattern, false, BIGINT, |time, out: &mut Int64Builder| {
        out.append_option(time.map(|micros| micros.div_euclid(MICROS_PER_SECOND)));
    })?;
    call(name, args, &[STRING, STRING][..args.len()], BIGINT, kernel)
}

fn timestamp_seconds(args: &[Argument]) -> Result<Call> {
    count("timestamp_seconds", args, 1, 1)?;
    let given = args[0].data_type;
    let output = timestamp_type();
    if is_float(given) {
        let kernel = map1::<Double, Instants, _>(output.clone(), |seconds, out| {
            out.append_option(seconds.is_finite().then_some((seconds * MICROS_PER_SECOND as f64) as i64));
            Ok(())
        });
        return Ok(nullable(call("timestamp_seconds", args, &[DOUBLE], output, kernel)?));
    }
    if let DataType::Decimal128(_, scale) = given {
        let scale = i32::from(*scale);
        let kernel = map1::<Number<Decimal128Type>, Instants, _>(output.clone(), move |seconds, out| {
            let micros = if scale <= 6 {
                seconds.checked_mul(10_i128.pow((6 - scale).unsigned_abs()))
            } else {
                let unit = 10_i128.pow((scale - 6).unsigned_abs());
                if seconds % unit != 0 {
                    return Err(Error::user("timestamp_seconds: rounding necessary"));
                }
                Some(seconds / unit)
            };
            let micros = micros.and_then(|micros| i64::try_from(micros).ok());
            out.append_value(micros.ok_or_else(|| overflow("timestamp_seconds"))?);
            Ok(())
        });
        return call("timestamp_seconds", args, std::slice::from_ref(given), output, kernel);
    }
    from_units(args, "timestamp_seconds", MICROS_PER_SECOND)
}

/// An integer count of units of that many microseconds as a timestamp.
fn from_units(args: &[Argument], name: &'static str, unit: i64) -> Result<Call> {
    count(name, args, 1, 1)?;
    if !is_integral(args[0].data_type) && *args[0].data_type != DataType::Null {
        return Err(unexpected_type(name, 1, "INTEGRAL", args[0].data_type));
    }
    let kernel = map1::<Long, Instants, _>(timestamp_type(), move |units, out| {
        out.append_value(units.checked_mul(unit).ok_or_else(|| overflow(name))?);
        Ok(())
    });
    call(name, args, &[BIGINT], timestamp_type(), kernel)
}

fn to_units(args: &[Argument], name: &str, unit: i64) -> Result<Call> {
    count(name, args, 1, 1)?;
    if *args[0].data_type != timestamp_type() && *args[0].data_type != DataType::Null {
        return Err(unexpected_type(name, 1, "TIMESTAMP", args[0].data_type));
    }
    let kernel = map1::<Instant, Int64Builder, _>(BIGINT, move |micros, out| {
        out.append_value(micros.div_euclid(unit));
        Ok(())
    });
    call(name, args, &[timestamp_type()], BIGINT, kernel)
}

fn unix_date(args: &[Argument]) -> Result<Call> {
    count("unix_date", args, 1, 1)?;
    if *args[0].data_type != DATE && *args[0].data_type != DataType::Null {
        return Err(unexpected_type("unix_date", 1, "DATE", args[0].data_type));
    }
    let kernel = map1::<Day, Int32Builder, _>(INT, |days, out| {
        out.append_value(days);
        Ok(())
    });
    call("unix_date", args, &[DATE], INT, kernel)
}

fn date_from_unix_date(args: &[Argument]) -> Result<Call> {
    let kernel = map1::<Int, Date32Builder, _>(DATE, |days, out| {
        out.append_value(days);
        Ok(())
    });
    call("date_from_unix_date", args, &[INT], DATE, kernel)
}
