//! Times in microseconds since the epoch (UTC), and intervals as users write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::error::{Error, Result};

pub const MICROS_PER_SECOND: i64 = 1_000_000;

/// What a watermark node saw of its event-time column, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EventTimeStats {
    /// Rows with an event time; the other fields mean nothing while it is 0.
    pub rows: u64,
    pub max: i64,
    pub min: i64,
    /// For the average; a float, since sums of microseconds leave 64 bits.
    pub sum: f64,
}

impl EventTimeStats {
    pub fn merge(&mut self, other: &EventTimeStats) {
        if other.rows == 0 {
            return;
        }
        if self.rows == 0 {
            *self = *other;
            return;
        }
        self.rows += other.rows;
        self.max = self.max.max(other.max);
        self.min = self.min.min(other.min);
        self.sum += other.sum;
    }
}

/// Reads `10 seconds`, `1 hour 30 minutes`, `interval 5 days`, `1.5 seconds`, `-3 ms` as microseconds.
///
/// Months and years have no fixed length and are refused; units may be singular or plural.
pub fn parse_interval_micros(text: &str) -> Result<i64> {
    interval_micros(text, &unit_micros)
}

/// As [`parse_interval_micros`], but a month counts as 31 days and a year as twelve months: Spark's rule for the
/// delay of a watermark.
pub fn parse_delay_micros(text: &str) -> Result<i64> {
    const MONTH: i128 = 31 * 86_400_000_000;
    interval_micros(text, &|unit| match unit {
        "month" | "months" => Some(MONTH),
        "year" | "years" => Some(12 * MONTH),
        other => unit_micros(other),
    })
}

fn interval_micros(text: &str, unit_micros: &dyn Fn(&str) -> Option<i128>) -> Result<i64> {
    let refuse = |why: &str| {
        Err(Error::user(format!("cannot read the interval: {why}"))
            .with("interval", text)
            .hint("write a number and a unit, such as `10 seconds`, `5 minutes` or `1 hour 30 minutes`"))
    };
    let lower = text.trim().to_lowercase();
    let mut words = lower.strip_prefix("interval ").unwrap_or(&lower).split_whitespace();
    let mut total: i128 = 0;
    let mut parts = 0;
    while let Some(number) = words.next() {
        let Some(unit) = words.next() else { return refuse("a number has no unit") };
        let Some(unit_micros) = unit_micros(unit) else {
            return refuse(&format!("`{unit}` is not a unit of fixed length"));
        };
        let Some(micros) = scaled(number, unit_micros) else {
            return refuse(&format!("`{number}` is not a number"));
        };
        total += micros;
        parts += 1;
    }
    match i64::try_from(total) {
        Ok(micros) if parts > 0 => Ok(micros),
        Ok(_) => refuse("it is empty"),
        Err(_) => refuse("it is too long"),
    }
}

fn unit_micros(unit: &str) -> Option<i128> {
    Some(match unit.strip_suffix('s').filter(|u| !u.is_empty() && *u != "m" && *u != "u").unwrap_or(unit) {
        "week" => 7 * 86_400_000_000,
        "day" => 86_400_000_000,
        "hour" => 3_600_000_000,
        "minute" => 60_000_000,
        "second" => 1_000_000,
        "millisecond" | "ms" => 1_000,
        "microsecond" | "us" => 1,
        _ => return None,
    })
}

/// `number` may have a sign and a fraction of up to nine digits.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (negative, digits) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || fraction.len() > 9 || !all_digits(whole) || !all_digits(fraction)
    {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()?.into() };
    let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse::<i64>().ok()?.into() };
    let micros = whole * unit + part * unit / 10_i128.pow(fraction.len() as u32);
    Some(if negative { -micros } else { micros })
}

/// ISO 8601 in UTC with microseconds: `2026-11-21T12:00:00.000000Z`.
///
/// A time that no calendar holds is printed as its number of microseconds.
pub fn format_timestamp_micros(micros: i64) -> String {
    match DateTime::from_timestamp_micros(micros) {
        Some(time) => time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        None => micros.to_string(),
    }
}

/// Reads a timestamp as an option value may hold it: ISO 8601 with or without a zone (then UTC), a date, or
/// `2026-11-21 12:00:00`.
pub fn parse_timestamp_micros(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_micros());
    }
    for pattern in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, pattern) {
            return Some(time.and_utc().timestamp_micros());
        }
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals() {
        for (text, micros) in [
            ("10 seconds", 10_000_000),
            ("1 hour 30 minutes", 5_400_000_000),
            ("interval 1 day", 86_400_000_000),
            ("INTERVAL 2 WEEKS", 14 * 86_400_000_000),
            ("1.5 seconds", 1_500_000),
            ("-3 ms", -3_000),
            ("250 milliseconds", 250_000),
            ("7 us", 7),
            ("0 seconds", 0),
        ] {
            assert_eq!(parse_interval_micros(text).unwrap(), micros, "{text}");
        }
        for text in
            ["", "10", "ten seconds", "1 month", "2 years", "1 s", "9999999999999 weeks", "1. 2 seconds"]
        {
            assert!(parse_interval_micros(text).is_err(), "{text}");
        }
    }

    #[test]
    fn timestamps_before_1970_print_and_read() {
        assert_eq!(format_timestamp_micros(-1), "1969-12-31T23:59:59.999999Z");
        assert_eq!(parse_timestamp_micros("1969-12-31 23:59:59.999999"), Some(-1));
        assert_eq!(parse_timestamp_micros("1970-01-02"), Some(86_400_000_000));
        assert_eq!(parse_timestamp_micros("yesterday"), None);
    }
}
