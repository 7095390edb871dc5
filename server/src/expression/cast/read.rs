//! Strings as Spark reads them when cast to another type. None: not such a value.

use super::time::checked_days;
use super::zone::Zone;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Spark trims white space and control characters.
pub fn trim_all(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ' || c == '\u{7f}')
}

pub fn parse_boolean(text: &str) -> Option<bool> {
    match trim_all(text).to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// Digits with a sign, nothing else.
pub fn parse_integer(text: &str) -> Option<i64> {
    let text = trim_all(text);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// As Java's parseDouble, and `inf`, `infinity`, `nan` in any case.
pub fn parse_double(text: &str) -> Option<f64> {
    match float_digits(text)? {
        FloatText::Special(value) => Some(value),
        FloatText::Digits(digits) => digits.parse().ok(),
    }
}

pub fn parse_float(text: &str) -> Option<f32> {
    match float_digits(text)? {
        FloatText::Special(value) => Some(value as f32),
        FloatText::Digits(digits) => digits.parse().ok(),
    }
}

enum FloatText<'a> {
    Special(f64),
    Digits(&'a str),
}

fn float_digits(text: &str) -> Option<FloatText<'_>> {
    let text = trim_all(text);
    let plain = |text: &str| {
        text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'))
            && text.bytes().any(|b| b.is_ascii_digit())
    };
    if plain(text) {
        return Some(FloatText::Digits(text));
    }
    if let Some(digits) = text.strip_suffix(['d', 'D', 'f', 'F'])
        && plain(digits)
    {
        return Some(FloatText::Digits(digits));
    }
    let special = match text.to_ascii_lowercase().as_str() {
        "inf" | "+inf" | "infinity" | "+infinity" => f64::INFINITY,
        "-inf" | "-infinity" => f64::NEG_INFINITY,
        "nan" => f64::NAN,
        _ => return None,
    };
    Some(FloatText::Special(special))
}

/// A decimal: its digits as an integer, and its scale (may be negative, for `1e3`). None: not a number, or one
/// with more than 38 digits before the point; digits behind the point that do not fit are rounded half up.
pub fn parse_decimal(text: &str) -> Option<(i128, i32)> {
    let text = trim_all(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let negative = mantissa.starts_with('-');
    let digits = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if !all_digits || whole.len() + fraction.len() == 0 || exponent.abs() > 1_000_000 {
        return None;
    }
    let mut value: i128 = 0;
    let mut scale = -exponent;
    let mut taken = 0;
    for (n, byte) in whole.bytes().chain(fraction.bytes()).enumerate() {
        let digit = i128::from(byte - b'0');
        let behind = n >= whole.len();
        if taken < 38 {
            value = value * 10 + digit;
            taken += usize::from(value != 0);
            scale += i32::from(behind);
        } else {
            if taken == 38 && digit >= 5 {
                value += 1;
            }
            taken += 1;
            scale -= i32::from(!behind);
        }
    }
    Some((if negative { -value } else { value }, scale))
}

/// Days since the epoch of `2020`, `2020-1`, `2020-01-31`, and of the date before a `T` or a blank.
pub fn parse_date(text: &str) -> Option<i32> {
    let text = trim_all(text);
    let (sign, rest) = signed(text);
    let mut segments = [1_i64; 3];
    let (mut segment, mut value, mut digits) = (0, 0_i64, 0);
    let mut bytes = rest.bytes().peekable();
    while let Some(byte) = bytes.next_if(|b| !matches!(b, b' ' | b'T')) {
        match byte {
            b'-' if segment < 2 => {
                segments[segment] = valid_date_part(segment, value, digits)?;
                (segment, value, digits) = (segment + 1, 0, 0);
            }
            b'0'..=b'9' if digits < 8 => (value, digits) = (value * 10 + i64::from(byte - b'0'), digits + 1),
            _ => return None,
        }
    }
    segments[segment] = valid_date_part(segment, value, digits)?;
    if segment < 2 && bytes.peek().is_some() {
        return None;
    }
    let days = checked_days(sign * segments[0], segments[1] as u32, segments[2] as u32)?;
    i32::try_from(days).ok()
}

fn signed(text: &str) -> (i64, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn valid_date_part(segment: usize, value: i64, digits: usize) -> Option<i64> {
    let valid = if segment == 0 { (4..=7).contains(&digits) } else { (1..=2).contains(&digits) };
    valid.then_some(value)
}

/// Micros of a local time, and its zone if the text names one (read in UTC if not). The micros returned are the
/// instant.
pub fn parse_timestamp(text: &str) -> Option<(i64, Option<Zone>)> {
    let (local, zone) = parse_local_timestamp(text)?;
    match zone {
        Some(zone) => Some((zone.to_utc(local)?, Some(zone))),
        None => Some((local, None)),
    }
}

/// The time as written, with the zone beside it.
pub fn parse_local_timestamp(text: &str) -> Option<(i64, Option<Zone>)> {
    let text = trim_all(text);
    let (sign, rest) = signed(text);
    let date_end = rest.find([' ', 'T']).unwrap_or(rest.len());
    let days = timestamp_days(sign, &rest[..date_end])?;
    let mut micros = days.checked_mul(MICROS_PER_DAY)?;
    let mut zone = None;
    if date_end < rest.len() {
        let (of_day, zone_text) = time_of_day(&rest[date_end + 1..])?;
        micros = micros.checked_add(of_day)?;
        if let Some(zone_text) = zone_text {
            zone = Some(Zone::parse(zone_text.trim())?);
        }
    }
    Some((micros, zone))
}

fn timestamp_days(sign: i64, text: &str) -> Option<i64> {
    let mut segments = [1_i64; 3];
    for (segment, part) in text.split('-').enumerate() {
        let digits = part.bytes().all(|b| b.is_ascii_digit());
        let fits = if segment == 0 { (4..=6).contains(&part.len()) } else { (1..=2).contains(&part.len()) };
        if segment > 2 || !digits || !fits {
            return None;
        }
        segments[segment] = part.parse().ok()?;
    }
    checked_days(sign * segments[0], segments[1] as u32, segments[2] as u32)
}

/// `h`, `h:m`, `h:m:s`, `h:m:s.f`; after seconds a zone may follow.
fn time_of_day(text: &str) -> Option<(i64, Option<&str>)> {
    let bytes = text.as_bytes();
    let mut parts = [0_i64; 3];
    let (mut at, mut part) = (0, 0);
    loop {
        let start = at;
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            at += 1;
        }
        if at == start || at - start > 2 {
            return None;
        }
        parts[part] = text[start..at].parse().ok()?;
        part += 1;
        if at == bytes.len() || part == 3 {
            break;
        }
        if bytes[at] != b':' {
            return None;
        }
        at += 1;
    }
    let mut fraction = 0;
    if at < bytes.len() && bytes[at] == b'.' {
        let start = at + 1;
        at = start;
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            at += 1;
        }
        let digits: String = text[start..at].chars().take(6).collect();
        fraction = format!("{digits:0<6}").parse().ok()?;
    }
    let [hour, minute, second] = parts;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let zone = (at < bytes.len()).then(|| text[at..].trim());
    Some((((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction, zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_in_all_forms() {
        for (text, micros) in [
            ("1970-01-01", Some(0)),
            ("1970", Some(0)),
            ("1970-1-1 0:0:1", Some(1_000_000)),
            ("1970-01-01T00:00:00.0000019Z", Some(1)),
            ("1970-01-01 00:00:00 +01:00", Some(-3_600_000_000)),
            ("1970-01-01 01:00:00 Europe/Paris", Some(0)),
            ("1969-12-31 23", Some(-3_600_000_000)),
            ("1970-13-01", None),
            ("1970-01-01 25:00:00", None),
            ("1970-01-01 00:00:00 Nowhere", None),
            ("", None),
        ] {
            assert_eq!(parse_timestamp(text).map(|(micros, _)| micros), micros, "{text}");
        }
    }
}
