//! Dates and times cut to a unit.

use arrow::array::{Date32Builder, PrimitiveBuilder};
use arrow::datatypes::TimestampMicrosecondType;

use super::calendar::{self, MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND};
use crate::error::Result;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function};
use crate::record::timestamp_type;

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["trunc"], resolve: trunc },
    Function { names: &["date_trunc"], resolve: date_trunc },
];

/// The first day of the unit that holds the date; none for another unit.
fn date_to(date: i64, unit: &str) -> Option<i64> {
    let civil = calendar::civil(date);
    Some(match unit {
        "YEAR" | "YYYY" | "YY" => calendar::days(civil.year, 1, 1),
        "QUARTER" => calendar::days(civil.year, (civil.month - 1) / 3 * 3 + 1, 1),
        "MONTH" | "MM" | "MON" => calendar::days(civil.year, civil.month, 1),
        "WEEK" => date - calendar::iso_weekday(date) + 1,
        _ => return None,
    })
}

fn trunc(args: &[Argument]) -> Result<Call> {
    let kernel = map2::<Day, Text, Date32Builder, _>(DATE, |date, unit, out| {
        out.append_option(date_to(date.into(), &unit.to_uppercase()).map(|date| date as i32));
        Ok(())
    });
    Ok(nullable(call("trunc", args, &[DATE, STRING], DATE, kernel)?))
}

fn time_to(micros: i64, unit: &str) -> Option<i64> {
    let size = match unit {
        "MICROSECOND" => 1,
        "MILLISECOND" => 1000,
        "SECOND" => MICROS_PER_SECOND,
        "MINUTE" => MICROS_PER_MINUTE,
        "HOUR" => MICROS_PER_HOUR,
        "DAY" | "DD" => MICROS_PER_DAY,
        _ => return date_to(micros.div_euclid(MICROS_PER_DAY), unit)?.checked_mul(MICROS_PER_DAY),
    };
    Some(micros - micros.rem_euclid(size))
}

fn date_trunc(args: &[Argument]) -> Result<Call> {
    let output = timestamp_type();
    let kernel = map2::<Text, Instant, PrimitiveBuilder<TimestampMicrosecondType>, _>(
        output.clone(),
        |unit, micros, out| {
            out.append_option(time_to(micros, &unit.to_uppercase()));
            Ok(())
        },
    );
    Ok(nullable(call("date_trunc", args, &[STRING, output.clone()], output, kernel)?))
}
