//! One value as text, as Spark's `show` prints it; partition directories are named by the same text.
//! Knows no tables.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
    IntervalYearMonthType, TimeUnit, TimestampMicrosecondType,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::error::{Error, Result};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// How bytes are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryText {
    /// `[00 FF]`, for tables.
    Hex,
    /// As the characters they are, for partition directories.
    Utf8,
}

/// Appends the value at `row`; a null, here or inside of the value, is `NULL`.
pub fn write_cell(array: &dyn Array, row: usize, binary: BinaryText, out: &mut String) -> Result<()> {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        out.push_str("NULL");
        return Ok(());
    }
    match array.data_type() {
        DataType::Boolean => push(out, array.as_boolean().value(row)),
        DataType::Int8 => push(out, array.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => push(out, array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => push(out, array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => push(out, array.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => write_float(array.as_primitive::<Float32Type>().value(row), out),
        DataType::Float64 => write_float(array.as_primitive::<Float64Type>().value(row), out),
        DataType::Decimal128(_, scale) => {
            write_decimal(array.as_primitive::<Decimal128Type>().value(row), *scale, out);
        }
        DataType::Utf8 => out.push_str(array.as_string::<i32>().value(row)),
        DataType::Binary => write_binary(array.as_binary::<i32>().value(row), binary, out),
        DataType::Date32 => write_date(array.as_primitive::<Date32Type>().value(row).into(), out),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            write_timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row), out);
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            write_day_time(array.as_primitive::<DurationMicrosecondType>().value(row), out);
        }
        DataType::Interval(IntervalUnit::YearMonth) => {
            write_year_month(array.as_primitive::<IntervalYearMonthType>().value(row), out);
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            write_calendar_interval(array.as_primitive::<IntervalMonthDayNanoType>().value(row), out);
        }
        DataType::List(_) => write_list(&array.as_list::<i32>().value(row), binary, out)?,
        DataType::Map(_, _) => write_map(&array.as_map().value(row), binary, out)?,
        DataType::Struct(_) => write_struct(array.as_struct().columns(), row, binary, out)?,
        _ => return write_other(array, row, out),
    }
    Ok(())
}

fn push(out: &mut String, value: impl std::fmt::Display) {
    // Writing into a string does not fail.
    out.write_fmt(format_args!("{value}")).unwrap_or_default();
}

/// A type that the engine does not carry, but a file may: in Arrow's own words.
fn write_other(array: &dyn Array, row: usize, out: &mut String) -> Result<()> {
    let failed =
        |cause| Error::internal("cannot print a value").with("type", array.data_type()).because(cause);
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options).map_err(failed)?;
    push(out, formatter.value(row));
    Ok(())
}

/// Any width of Java's floating-point text: shortest digits that read back as the same number, two at least.
pub trait Float: Copy + std::fmt::LowerExp {
    fn as_f64(self) -> f64;
}

impl Float for f32 {
    fn as_f64(self) -> f64 {
        self.into()
    }
}

impl Float for f64 {
    fn as_f64(self) -> f64 {
        self
    }
}

pub fn write_float<F: Float>(value: F, out: &mut String) {
    let wide = value.as_f64();
    if wide.is_nan() {
        return out.push_str("NaN");
    }
    if wide.is_sign_negative() {
        out.push('-');
    }
    if wide.is_infinite() {
        return out.push_str("Infinity");
    }
    let mut text = format!("{value:e}");
    if !text.contains('.') {
        // Where one digit is enough, Java prints the nearest number of two.
        text = format!("{value:.1e}");
    }
    let text = text.trim_start_matches('-');
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    match exponent {
        0..7 => {
            let whole = exponent as usize + 1;
            let fraction = digits.get(whole..).unwrap_or_default();
            let fraction = if fraction.len() > 1 { fraction.trim_end_matches('0') } else { fraction };
            let digits = digits.get(..whole).unwrap_or(&digits);
            push(out, format_args!("{digits:0<whole$}.{}", if fraction.is_empty() { "0" } else { fraction }));
        }
        -3..0 => {
            let zeros = "0".repeat((-exponent - 1) as usize);
            push(out, format_args!("0.{zeros}{}", digits.trim_end_matches('0')));
        }
        _ => push(out, format_args!("{mantissa}E{exponent}")),
    }
}

/// All digits behind the point, never an exponent.
fn write_decimal(value: i128, scale: i8, out: &mut String) {
    let Ok(scale @ 1..) = usize::try_from(scale) else { return push(out, value) };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    push(out, format_args!("{}{whole}.{fraction}", if value < 0 { "-" } else { "" }));
}

fn write_binary(bytes: &[u8], binary: BinaryText, out: &mut String) {
    if binary == BinaryText::Utf8 {
        return out.push_str(&String::from_utf8_lossy(bytes));
    }
    out.push('[');
    for (index, byte) in bytes.iter().enumerate() {
        push(out, format_args!("{}{byte:02X}", if index > 0 { " " } else { "" }));
    }
    out.push(']');
}

/// Days since the epoch as a date of the proleptic Gregorian calendar; a year of five digits gets a sign.
pub fn write_date(days: i64, out: &mut String) {
    // Years start in March here, so that the leap day is a year's last; eras have 400 years.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let sign = match year {
        ..0 => "-",
        10_000.. => "+",
        _ => "",
    };
    push(out, format_args!("{sign}{:04}-{month:02}-{day:02}", year.abs()));
}

/// `2026-11-21 12:00:00.5`: no zeros at the end of the fraction.
fn write_timestamp(micros: i64, out: &mut String) {
    write_date(micros.div_euclid(MICROS_PER_DAY), out);
    out.push(' ');
    write_time(micros.rem_euclid(MICROS_PER_DAY), out);
}

fn write_time(micros: i64, out: &mut String) {
    let seconds = micros / 1_000_000;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    push(out, format_args!("{hour:02}:{minute:02}:{second:02}"));
    write_fraction(micros % 1_000_000, out);
}

/// Nothing, or a point and the digits of microseconds that count.
fn write_fraction(micros: i64, out: &mut String) {
    if micros != 0 {
        let digits = format!("{micros:06}");
        push(out, format_args!(".{}", digits.trim_end_matches('0')));
    }
}

fn write_day_time(micros: i64, out: &mut String) {
    let sign = if micros < 0 { "-" } else { "" };
    let (days, rest) = (micros / MICROS_PER_DAY, (micros % MICROS_PER_DAY).abs());
    push(out, format_args!("INTERVAL '{sign}{} ", days.abs()));
    write_time(rest, out);
    out.push_str("' DAY TO SECOND");
}

fn write_year_month(months: i32, out: &mut String) {
    let sign = if months < 0 { "-" } else { "" };
    let months = months.unsigned_abs();
    push(out, format_args!("INTERVAL '{sign}{}-{}' YEAR TO MONTH", months / 12, months % 12));
}

fn write_calendar_interval(interval: IntervalMonthDayNano, out: &mut String) {
    let micros = interval.nanoseconds / 1_000;
    let mut parts = Vec::new();
    for (number, unit) in [
        (i64::from(interval.months / 12), "years"),
        (i64::from(interval.months % 12), "months"),
        (i64::from(interval.days), "days"),
        (micros / 3_600_000_000, "hours"),
        (micros / 60_000_000 % 60, "minutes"),
    ] {
        if number != 0 {
            parts.push(format!("{number} {unit}"));
        }
    }
    let seconds = micros % 60_000_000;
    if seconds != 0 || parts.is_empty() {
        let mut text = format!("{}{}", if seconds < 0 { "-" } else { "" }, seconds.abs() / 1_000_000);
        write_fraction(seconds.abs() % 1_000_000, &mut text);
        parts.push(format!("{text} seconds"));
    }
    out.push_str(&parts.join(" "));
}

fn write_list(values: &ArrayRef, binary: BinaryText, out: &mut String) -> Result<()> {
    out.push('[');
    for row in 0..values.len() {
        if row > 0 {
            out.push_str(", ");
        }
        write_cell(values, row, binary, out)?;
    }
    out.push(']');
    Ok(())
}

fn write_map(entries: &arrow::array::StructArray, binary: BinaryText, out: &mut String) -> Result<()> {
    out.push('{');
    for row in 0..entries.len() {
        if row > 0 {
            out.push_str(", ");
        }
        write_cell(entries.column(0), row, binary, out)?;
        out.push_str(" -> ");
        write_cell(entries.column(1), row, binary, out)?;
    }
    out.push('}');
    Ok(())
}

fn write_struct(columns: &[ArrayRef], row: usize, binary: BinaryText, out: &mut String) -> Result<()> {
    out.push('{');
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_cell(column, row, binary, out)?;
    }
    out.push('}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn doubles_print_as_java_prints_them() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (100.0, "100.0"),
            (120.0, "120.0"),
            (1e7, "1.0E7"),
            (9_999_999.0, "9999999.0"),
            (12_345_678.9, "1.23456789E7"),
            (-1_234_567.5, "-1234567.5"),
            (0.001, "0.001"),
            (0.002, "0.002"),
            (0.0123, "0.0123"),
            (0.00099, "9.9E-4"),
            (f64::MAX, "1.7976931348623157E308"),
            (5e-324, "4.9E-324"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
            (9_007_199_254_740_993.0, "9.007199254740992E15"),
        ] {
            assert_eq!(text(|out| write_float(value, out)), expected);
        }
        for (value, expected) in
            [(1.4e-45_f32, "1.4E-45"), (16_777_216.0, "1.6777216E7"), (12.345_678, "12.345678"), (0.1, "0.1")]
        {
            assert_eq!(text(|out| write_float(value, out)), expected);
        }
    }

    #[test]
    fn decimals_keep_their_scale() {
        for (value, scale, expected) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (150, 2, "1.50"),
            (-123_456_000, 6, "-123.456000"),
            (-5, 2, "-0.05"),
            (1, 7, "0.0000001"),
        ] {
            assert_eq!(text(|out| write_decimal(value, scale, out)), expected);
        }
    }

    #[test]
    fn dates_and_times_of_all_years() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (20_778, "2026-11-21"),
            (19_782, "2024-02-29"),
            (-719_162, "0001-01-01"),
            (-719_163, "0000-12-31"),
            (-719_529, "-0001-12-31"),
            (2_932_897, "+10000-01-01"),
        ] {
            assert_eq!(text(|out| write_date(days, out)), expected);
        }
        for (micros, expected) in [
            (-1, "1969-12-31 23:59:59.999999"),
            (1_795_262_400_100_000, "2026-11-21 12:00:00.1"),
            (1_795_262_400_000_000, "2026-11-21 12:00:00"),
        ] {
            assert_eq!(text(|out| write_timestamp(micros, out)), expected);
        }
    }

    #[test]
    fn intervals() {
        for (micros, expected) in [
            (93_784_500_000, "INTERVAL '1 02:03:04.5' DAY TO SECOND"),
            (-86_400_000_001, "INTERVAL '-1 00:00:00.000001' DAY TO SECOND"),
            (0, "INTERVAL '0 00:00:00' DAY TO SECOND"),
        ] {
            assert_eq!(text(|out| write_day_time(micros, out)), expected);
        }
        assert_eq!(text(|out| write_year_month(-15, out)), "INTERVAL '-1-3' YEAR TO MONTH");
        for (months, days, micros, expected) in [
            (14, 25, 18_367_800_000_i64, "1 years 2 months 25 days 5 hours 6 minutes 7.8 seconds"),
            (0, 0, 0, "0 seconds"),
            (0, 0, -500_000, "-0.5 seconds"),
            (-13, 0, 0, "-1 years -1 months"),
        ] {
            let interval = IntervalMonthDayNano::new(months, days, micros * 1_000);
            assert_eq!(text(|out| write_calendar_interval(interval, out)), expected);
        }
    }
}
