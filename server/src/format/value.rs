//! Values as text, as Spark's text formats read them: numbers, decimals, dates and times. Knows no format's
//! syntax.

use chrono::NaiveDate;

use super::pattern::{Pattern, zone_offset_seconds};
use crate::error::Result;
use crate::record::Options;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// How a format spells dates and times.
#[derive(Clone, Debug)]
pub struct TimeFormats {
    pub date: Option<Pattern>,
    pub timestamp: Option<Pattern>,
    pub timestamp_ntz: Option<Pattern>,
}

impl TimeFormats {
    /// From the options `dateFormat`, `timestampFormat`, `timestampNTZFormat`; without one, ISO 8601 and what
    /// is near it.
    pub fn of(options: &Options) -> Result<TimeFormats> {
        let pattern = |key: &'static str| options.get(key).map(|text| Pattern::parse(key, text)).transpose();
        Ok(TimeFormats {
            date: pattern("dateFormat")?,
            timestamp: pattern("timestampFormat")?,
            timestamp_ntz: pattern("timestampNTZFormat")?,
        })
    }

    /// Days since the epoch.
    pub fn read_date(&self, text: &str) -> Option<i32> {
        self.date.as_ref().map_or_else(|| read_date(text), |pattern| pattern.read_days(text))
    }

    /// Microseconds since the epoch.
    pub fn read_timestamp(&self, text: &str) -> Option<i64> {
        self.timestamp.as_ref().map_or_else(|| read_timestamp(text), |pattern| pattern.read_micros(text))
    }

    /// Microseconds since the epoch as if local time were UTC.
    pub fn read_timestamp_ntz(&self, text: &str) -> Option<i64> {
        let pattern = self.timestamp_ntz.as_ref();
        pattern.map_or_else(|| read_timestamp_ntz(text), |pattern| pattern.read_local_micros(text))
    }
}

/// The parts of `[+-]y-m-d h:m:s.f zone`, each but the first possibly missing.
struct Parts<'t> {
    days: i64,
    micros: i64,
    /// What stands behind the seconds.
    zone: &'t str,
    /// What stands behind the date and a `T` or a space.
    time: Option<&'t str>,
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ')
}

fn number(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    if length < least || length > most {
        return None;
    }
    Some((text[..length].parse().ok()?, &text[length..]))
}

fn read_day(text: &str, year_digits_max: usize) -> Option<Parts<'_>> {
    let text = trimmed(text);
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (year, mut rest) = number(digits, 4, year_digits_max)?;
    let (mut month, mut day) = (1, 1);
    if let Some(after) = rest.strip_prefix('-') {
        (month, rest) = number(after, 1, 2)?;
        if let Some(after) = rest.strip_prefix('-') {
            (day, rest) = number(after, 1, 2)?;
            let time = rest.strip_prefix(['T', ' ']);
            if time.is_some() {
                let days = days(sign * year, month, day)?;
                return Some(Parts { days, micros: 0, zone: "", time });
            }
        }
    }
    let days = days(sign * year, month, day)?;
    rest.is_empty().then_some(Parts { days, micros: 0, zone: "", time: None })
}

fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let date = NaiveDate::from_ymd_opt(year.try_into().ok()?, month as u32, day as u32);
    if let Some(date) = date {
        return Some((date - NaiveDate::default()).num_days());
    }
    // Years outside of the calendar of the library: 400 years are a whole number of days.
    let cycles = year.div_euclid(400);
    let date = NaiveDate::from_ymd_opt(year.rem_euclid(400) as i32, month as u32, day as u32)?;
    Some((date - NaiveDate::default()).num_days() + cycles * 146_097)
}

fn read_parts(text: &str) -> Option<Parts<'_>> {
    let mut parts = read_day(text, 6)?;
    let Some(time) = parts.time else { return Some(parts) };
    let (hour, mut rest) = number(time, 1, 2)?;
    let (mut minute, mut second, mut fraction) = (0, 0, 0);
    if let Some(after) = rest.strip_prefix(':') {
        (minute, rest) = number(after, 1, 2)?;
        if let Some(after) = rest.strip_prefix(':') {
            (second, rest) = number(after, 1, 2)?;
            if let Some(after) = rest.strip_prefix('.') {
                let length = after.bytes().take_while(u8::is_ascii_digit).count();
                fraction = format!("{:0<6.6}", &after[..length]).parse().ok()?;
                rest = &after[length..];
            }
            parts.zone = rest;
            rest = "";
        }
    }
    if !rest.is_empty() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    parts.micros = (hour * 3600 + minute * 60 + second) * 1_000_000 + fraction;
    Some(parts)
}

/// A date as Spark casts it: what follows a `T` or a space is not looked at.
pub fn read_date(text: &str) -> Option<i32> {
    read_day(text, 7)?.days.try_into().ok()
}

/// A timestamp as Spark casts it, but for times without a date, which would be today's: nothing.
pub fn read_timestamp(text: &str) -> Option<i64> {
    let parts = read_parts(text)?;
    let local = parts.days.checked_mul(MICROS_PER_DAY)?.checked_add(parts.micros)?;
    let zone = trimmed(parts.zone);
    if zone.is_empty() || zone == "Z" {
        return Some(local);
    }
    local.checked_sub(offset_seconds(zone, local)? * 1_000_000)
}

pub fn read_timestamp_ntz(text: &str) -> Option<i64> {
    let parts = read_parts(text)?;
    if !parts.zone.is_empty() {
        return None;
    }
    parts.days.checked_mul(MICROS_PER_DAY)?.checked_add(parts.micros)
}

/// `+2`, `-08:00`, `+0530`, the same behind `UTC`, `GMT` or `UT`, or the name of a region.
fn offset_seconds(zone: &str, local_micros: i64) -> Option<i64> {
    let bare = ["UTC", "GMT", "UT"].iter().find_map(|prefix| zone.strip_prefix(prefix)).unwrap_or(zone);
    if bare.is_empty() {
        return Some(0);
    }
    let sign = match bare.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return zone_offset_seconds(zone.parse().ok()?, local_micros),
    };
    let (hours, minutes) = match bare[1..].split_once(':') {
        Some((hours, minutes)) => (number(hours, 1, 2)?, number(minutes, 1, 2)?),
        None if bare.len() > 3 => (number(bare.get(1..3)?, 2, 2)?, number(bare.get(3..)?, 2, 2)?),
        None => (number(&bare[1..], 1, 2)?, (0, "")),
    };
    let within = hours.1.is_empty() && minutes.1.is_empty() && hours.0 <= 18 && minutes.0 < 60;
    within.then_some(sign * (hours.0 * 3600 + minutes.0 * 60))
}

/// A number as a decimal of this scale, rounded half up; nothing if it is no number or needs more digits.
///
/// Commas in the number are left out, as Spark's parser for the locale en-US does.
pub fn read_decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let mut bytes = text.bytes().filter(|b| *b != b',').peekable();
    let negative = bytes.next_if(|b| matches!(b, b'+' | b'-')) == Some(b'-');
    let mut digits = Vec::with_capacity(40);
    let (mut exponent, mut seen_point, mut seen_digit) = (0i64, false, false);
    while let Some(b) = bytes.next_if(|b| b.is_ascii_digit() || *b == b'.') {
        if b == b'.' {
            if std::mem::replace(&mut seen_point, true) {
                return None;
            }
            continue;
        }
        seen_digit = true;
        exponent -= i64::from(seen_point);
        if !(digits.is_empty() && b == b'0') {
            digits.push(b - b'0');
        }
    }
    if bytes.next_if(|b| matches!(b, b'e' | b'E')).is_some() {
        let rest: Vec<u8> = bytes.by_ref().collect();
        exponent += std::str::from_utf8(&rest).ok()?.parse::<i32>().ok().map(i64::from)?;
    }
    if !seen_digit || bytes.next().is_some() {
        return None;
    }
    let unscaled = scaled(&digits, exponent + i64::from(scale))?;
    let fits = unscaled < 10i128.checked_pow(precision.into())?;
    fits.then_some(if negative { -unscaled } else { unscaled })
}

/// The digits times ten to the `shift`, rounded half up; nothing if there are more than 38 digits.
fn scaled(digits: &[u8], shift: i64) -> Option<i128> {
    if digits.is_empty() {
        return Some(0);
    }
    let whole = digits.len() as i64 + shift;
    if whole > 38 {
        return None;
    }
    let kept = whole.clamp(0, digits.len() as i64) as usize;
    let mut value = 0i128;
    for digit in &digits[..kept] {
        value = value * 10 + i128::from(*digit);
    }
    if shift > 0 {
        value *= 10i128.pow(shift as u32);
    } else if whole >= 0 && digits.get(kept).is_some_and(|next| *next >= 5) {
        value += 1;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_round_half_up_and_overflow_to_nothing() {
        for (text, precision, scale, value) in [
            ("1.005", 10, 2, Some(101)),
            ("-1.005", 10, 2, Some(-101)),
            ("1,000.5", 10, 2, Some(100_050)),
            ("1e2", 10, 2, Some(10_000)),
            ("99999999.994", 10, 2, Some(9_999_999_999)),
            ("99999999.995", 10, 2, None),
            ("0.0049", 10, 2, Some(0)),
            ("0.04", 10, 0, Some(0)),
            ("0.5", 10, 0, Some(1)),
            ("1E-999999999", 10, 2, Some(0)),
            ("1E999999999", 10, 2, None),
            ("0E999999999", 10, 2, Some(0)),
            (".5", 10, 1, Some(5)),
            ("5.", 10, 1, Some(50)),
            ("99999999999999999999999999999999999999", 38, 0, Some(10i128.pow(38) - 1)),
            (".", 10, 2, None),
            ("", 10, 2, None),
            ("1.2.3", 10, 2, None),
            (" 1", 10, 2, None),
            ("1e", 10, 2, None),
            ("NaN", 10, 2, None),
        ] {
            assert_eq!(read_decimal(text, precision, scale), value, "{text}");
        }
    }

    #[test]
    fn zones_behind_the_seconds() {
        for (text, micros) in [
            ("1970-01-01T00:00:00+01:30", Some(-5_400_000_000)),
            ("1970-01-01 00:00:00 UTC-2", Some(7_200_000_000)),
            ("1970-01-01 00:00:00 Europe/Berlin", Some(-3_600_000_000)),
            ("1970-01-01 00:00:00+0130", Some(-5_400_000_000)),
            ("1970-01-01 00:00:00+19", None),
            ("1970-01-01 00:00:00 Nowhere", None),
            ("1970-01-01 00:00Z", None),
        ] {
            assert_eq!(read_timestamp(text), micros, "{text}");
        }
    }
}
