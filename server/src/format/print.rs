//! Values as text, as Spark's text formats write them where no pattern is given. Knows no format's syntax.

use std::fmt::Write;

use super::cell::write_date;
use super::pattern::Pattern;
use super::value::TimeFormats;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Microseconds since the epoch: `2026-11-21T12:00:00.123Z`, or as a pattern says.
pub fn print_timestamp(micros: i64, formats: &TimeFormats, out: &mut String) {
    if print_by(formats.timestamp.as_ref(), |pattern, out| pattern.print_micros(micros, out), out) {
        return;
    }
    print_local(micros, out);
    out.push('Z');
}

/// The same without a zone.
pub fn print_timestamp_ntz(micros: i64, formats: &TimeFormats, out: &mut String) {
    if !print_by(formats.timestamp_ntz.as_ref(), |pattern, out| pattern.print_micros(micros, out), out) {
        print_local(micros, out);
    }
}

/// Days since the epoch: `2026-11-21`, or as a pattern says.
pub fn print_date(days: i32, formats: &TimeFormats, out: &mut String) {
    if !print_by(formats.date.as_ref(), |pattern, out| pattern.print_days(days, out), out) {
        write_date(days.into(), out);
    }
}

/// True if there is a pattern and it could print; a year outside of its calendar is printed as without one.
fn print_by(
    pattern: Option<&Pattern>,
    print: impl FnOnce(&Pattern, &mut String) -> Option<()>,
    out: &mut String,
) -> bool {
    pattern.is_some_and(|pattern| print(pattern, out).is_some())
}

fn print_local(micros: i64, out: &mut String) {
    write_date(micros.div_euclid(MICROS_PER_DAY), out);
    let millis = micros.rem_euclid(MICROS_PER_DAY) / 1_000;
    let seconds = millis / 1_000;
    out.push('T');
    two_digits(seconds / 3_600, out);
    out.push(':');
    two_digits(seconds / 60 % 60, out);
    out.push(':');
    two_digits(seconds % 60, out);
    out.push('.');
    out.push(digit(millis / 100 % 10));
    two_digits(millis % 100, out);
}

fn digit(number: i64) -> char {
    char::from(b'0' + (number % 10) as u8)
}

fn two_digits(number: i64, out: &mut String) {
    out.push(digit(number / 10));
    out.push(digit(number));
}

/// As Java prints its decimals: with an exponent if the number is below a millionth, zero included.
pub fn print_decimal(value: i128, scale: i8, out: &mut String) {
    if value < 0 {
        out.push('-');
    }
    let digits = value.unsigned_abs().to_string();
    let scale = i64::from(scale);
    let exponent = digits.len() as i64 - 1 - scale;
    if scale <= 0 {
        out.push_str(&digits);
    } else if exponent < -6 {
        out.push_str(&digits[..1]);
        if digits.len() > 1 {
            out.push('.');
            out.push_str(&digits[1..]);
        }
        // Writing into a string does not fail.
        write!(out, "E{exponent}").unwrap_or_default();
    } else {
        let padded = format!("{digits:0>width$}", width = scale as usize + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale as usize);
        out.push_str(whole);
        out.push('.');
        out.push_str(fraction);
    }
}
